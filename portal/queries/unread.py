"""Shares that nobody reads: no team, nobody in it, or nobody left of whom was named (domain.md §4).

The rule lets nobody see such a share; the centre is told, because nobody else would notice.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from portal import models as m
from portal.policy.viewer import CLOCK, live
from portal.policy.visibility import live_grant, probe
from portal.vocabulary import BLIND_ROLES, CAFETERIA, WATCHER


def unread(g: Any) -> ColumnElement[bool]:
    """Return whether a live grant has no reader, for its owner, who sees the exclusions.

    Args:
        g: the grant, an entity or a table's columns.

    """
    member = m.Membership.__table__.alias("possible_reader")
    account = m.Account.__table__.alias("account_of_reader")
    agency = m.Agency.__table__.alias("agency_of_reader")
    shut_out = aliased(m.Exclusion, name="shut_out_reader")
    excluded = probe(
        select(shut_out.id)
        .where(
            shut_out.case_id == g.case_id,
            shut_out.account_id == member.c.account_id,
            shut_out.valid_from <= CLOCK,
            or_(shut_out.valid_until.is_(None), shut_out.valid_until > CLOCK),
        )
        # By itself a statement inside a statement inside a statement asks of every grant.
        .correlate_except(shut_out)
    )
    reader = (
        select(member.c.id)
        .join_from(member, account, account.c.id == member.c.account_id)
        .join(agency, agency.c.id == member.c.agency_id)
        .where(
            member.c.agency_id == g.agency_id,
            live(member),
            ~account.c.disabled,
            member.c.role.not_in(sorted(BLIND_ROLES)),
            or_(agency.c.type != CAFETERIA, member.c.role == WATCHER),
            or_(
                member.c.account_id == func.any(g.account_ids),
                and_(g.account_ids.is_(None), _of_team(g, member.c.account_id)),
            ),
            ~excluded,
        )
        .correlate_except(member, account, agency)
    )
    return and_(live_grant(g), g.case_opened_at <= CLOCK, ~probe(reader))


def _of_team(g: Any, account_id: Any) -> ColumnElement[bool]:
    """Return whether an account is in the grant's team, or else in the agency's default team."""
    team = m.Team.__table__.alias("team_of_reader")
    joined = m.TeamMember.__table__.alias("place_of_reader")
    named = team.c.id == g.team_id
    default = and_(g.team_id.is_(None), team.c.agency_id == g.agency_id, team.c.is_default)
    return probe(
        select(joined.c.id)
        .join_from(joined, team, team.c.id == joined.c.team_id)
        .where(joined.c.account_id == account_id, live(joined), or_(named, default))
        .correlate_except(joined, team)
    )


__all__ = ["unread"]
