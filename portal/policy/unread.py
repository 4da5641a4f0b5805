"""Shares that nobody reads: no team, nobody in it, or nobody left of whom was named (domain.md §4).

The rule lets nobody see such a share; the centre is told, because nobody else would notice.
"""

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    ScalarSelect,
    Select,
    and_,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from portal import models as m
from portal.policy.viewer import CLOCK, live
from portal.policy.visibility import live_grant, of_owner, probe
from portal.vocabulary import BLIND_ROLES, CAFETERIA, WATCHER


def unread_of_owner(g: Any) -> ColumnElement[bool]:
    """Return whether nobody reads a grant of the viewer's own agency, asked of few of them.

    The first page of a director asks it of all shares of the city. Where the readers are a team,
    or the ones that a share names, somebody reads it unless there is a reason for doubt; only
    those with a reason are looked at one by one.
    """
    return and_(of_owner(g), g.id.in_(_doubtful()), unread(g))


def unread(g: Any) -> ColumnElement[bool]:
    """Return whether a live grant has no reader, for its owner, who sees the exclusions.

    Args:
        g: the grant, an entity or a table's columns.

    """
    work = _Work("reader")
    member = work.member
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
        work.select(member.c.id)
        .where(
            member.c.agency_id == g.agency_id,
            work.may_read(),
            or_(
                member.c.account_id == func.any(g.account_ids),
                and_(g.account_ids.is_(None), _of_team(g, member.c.account_id)),
            ),
            ~excluded,
        )
        .correlate_except(member, work.account, work.agency)
    )
    return and_(live_grant(g), g.case_opened_at <= CLOCK, ~probe(reader))


@dataclass(frozen=True)
class _Work:
    """Who works where, under names of its own in a statement."""

    name: str

    @cached_property
    def member(self) -> FromClause:
        return m.Membership.__table__.alias(f"possible_{self.name}")

    @cached_property
    def account(self) -> FromClause:
        return m.Account.__table__.alias(f"account_of_{self.name}")

    @cached_property
    def agency(self) -> FromClause:
        return m.Agency.__table__.alias(f"agency_of_{self.name}")

    def select(self, *columns: Any) -> Select[Any]:
        """Return a statement about each place of work."""
        return (
            select(*columns)
            .join_from(self.member, self.account, self.account.c.id == self.member.c.account_id)
            .join(self.agency, self.agency.c.id == self.member.c.agency_id)
        )

    def may_read(self) -> ColumnElement[bool]:
        """Return whether somebody may read for the agency now, if a share has the person read."""
        return and_(
            live(self.member),
            ~self.account.c.disabled,
            self.member.c.role.not_in(sorted(BLIND_ROLES)),
            or_(self.agency.c.type != CAFETERIA, self.member.c.role == WATCHER),
        )


def _doubtful() -> CompoundSelect[tuple[uuid.UUID]]:
    """Return the live grants of which something says that perhaps nobody reads them.

    Nobody is left in the team; somebody who is named does not read, or not everywhere where the
    person worked; or somebody is shut out of the case. Each is found by an index.
    """
    grant = m.Grant.__table__.alias("doubtful")
    agency = m.Agency.__table__.alias("agency_in_doubt")
    team = m.Team.__table__.alias("team_in_doubt")
    shut_out = m.Exclusion.__table__.alias("shut_out_in_doubt")
    by_default = and_(team.c.agency_id == agency.c.id, team.c.is_default)
    manned = select(team.c.id).where(by_default, _is_manned(team)).correlate(agency)
    reasons = (
        and_(
            grant.c.team_id.is_(None),
            grant.c.account_ids.is_(None),
            grant.c.agency_id.in_(select(agency.c.id).where(~manned.exists())),
        ),
        grant.c.team_id.in_(select(team.c.id).where(~_is_manned(team))),
        grant.c.account_ids.bool_op("&&")(_not_everywhere()),
        grant.c.case_id.in_(select(shut_out.c.case_id).where(live(shut_out))),
    )
    each = (select(grant.c.id).where(reason, live_grant(grant.c)) for reason in reasons)
    return union_all(*each)


def _is_manned(team: FromClause) -> ColumnElement[bool]:
    """Return whether somebody of a team may read for its agency now."""
    work = _Work("manning")
    member = work.member
    joined = m.TeamMember.__table__.alias("place_of_manning")
    return (
        work.select(member.c.id)
        .join(joined, joined.c.account_id == member.c.account_id)
        .where(
            joined.c.team_id == team.c.id,
            member.c.agency_id == team.c.agency_id,
            live(joined),
            work.may_read(),
        )
        .correlate(team)
        .exists()
    )


def _not_everywhere() -> ScalarSelect[Any]:
    """Return the accounts that once worked somewhere where they may not read now."""
    work = _Work("leaver")
    return (
        work.select(func.array_agg(work.member.c.account_id))
        .where(~work.may_read())
        .scalar_subquery()
    )


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


__all__ = ["unread", "unread_of_owner"]
