"""Work in hand of somebody who leaves goes to a successor in one step.

The manager of the agency does it and sees of the work what a manager may see: references, slices
and ends of shares that name the person, places on teams, and at the centre the cases the person
works on. Actions belong to an agency's readers and not to a person, so whoever takes over the
places and shares takes over the actions with them.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import NotVisibleError, lock_grants, managed_references, standing
from portal.policy.permissions import Action, NotPermittedError, require
from portal.policy.terms import clock, holds
from portal.services.administration import RefusedError


@dataclass(frozen=True)
class NamedGrant:
    """A share that names the person as a reader: which case, which slices, until when."""

    id: uuid.UUID
    reference: str
    slices: Sequence[str]
    until: dt.datetime | None


@dataclass(frozen=True)
class WorkInHand:
    """What somebody has in hand for an agency, as its manager may see it.

    ``cases`` and ``actions`` are references; ``places`` are the names of teams.
    """

    cases: Sequence[str]
    grants: Sequence[NamedGrant]
    places: Sequence[str]
    actions: Sequence[str]

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to hand over."""
        return not (self.cases or self.grants or self.places)


def work_in_hand(session: Session, membership: m.Membership) -> WorkInHand:
    """Return what a member of the manager's agency has in hand; seven queries.

    Raises:
        NotPermittedError: not the manager of that agency.

    """
    _require_manager(session, membership)
    return WorkInHand(
        [case.reference for _, case in _cases(session, membership)],
        [
            NamedGrant(grant.id, reference, grant.slices, grant.valid_until)
            for grant, reference in _grants(session, membership)
        ],
        [team.name for _, team in _places(session, membership)],
        _actions(session, membership),
    )


def hand_over(session: Session, membership_id: uuid.UUID, successor_id: uuid.UUID) -> int:
    """Give what somebody has in hand to a successor, all of it or nothing; return how much it was.

    From now on the successor stands where the person stood. A case from which the successor is
    excluded is left with the centre's director: it is not handed over.

    Args:
        session: of the agency's manager.
        membership_id: of who leaves, or has left.
        successor_id: the account of a colleague who works there now or is going to.

    Raises:
        NotPermittedError: not the manager of that agency.
        NotVisibleError: there is no such membership.
        RefusedError: ``no_colleague``; ``nothing_in_hand``.

    """
    membership = session.get(m.Membership, membership_id)
    if membership is None:
        raise NotVisibleError
    _require_manager(session, membership)
    if successor_id not in successors(session, membership):
        raise RefusedError("no_colleague")
    moved = (
        _pass_cases(session, membership, successor_id)
        + _pass_grants(session, membership, successor_id)
        + _pass_places(session, membership, successor_id)
    )
    if not moved:
        raise RefusedError("nothing_in_hand")
    record(
        session,
        Event.MEMBERSHIP_CHANGED,
        about=membership.agency_id,
        account=membership.account_id,
        agency=membership.agency_id,
        role=membership.role,
        change="handed_over",
    )
    return moved


def successors(session: Session, membership: m.Membership) -> set[uuid.UUID]:
    """Return the accounts that can take over: colleagues, also those whose first day is to come."""
    row = m.Membership
    found = session.scalars(
        select(row.account_id)
        .join(m.Account, m.Account.id == row.account_id)
        .where(
            row.agency_id == membership.agency_id,
            row.account_id != membership.account_id,
            or_(row.valid_until.is_(None), row.valid_until > func.portal_clock()),
            m.Account.disabled.is_(False),
        )
    )
    return set(found)


def _cases(session: Session, membership: m.Membership) -> list[tuple[m.CaseWorker, m.Case]]:
    """Return the open cases of the own agency that the person works on."""
    found = session.execute(
        select(m.CaseWorker, m.Case)
        .join(m.Case, m.Case.id == m.CaseWorker.case_id)
        .where(
            m.CaseWorker.account_id == membership.account_id,
            m.CaseWorker.owner_agency_id == membership.agency_id,
            m.Case.closed_at.is_(None),
        )
        .order_by(m.Case.reference)
    )
    return [(worker, case) for worker, case in found]


def _grants(session: Session, membership: m.Membership) -> list[tuple[m.Grant, str]]:
    """Return the live grants that name the person, with the references a manager may know."""
    now, row = clock(session), m.Grant
    found = session.scalars(
        select(row)
        .where(
            row.agency_id == membership.agency_id,
            literal(membership.account_id) == func.any(row.account_ids),
            row.valid_from <= now,
            or_(row.valid_until.is_(None), row.valid_until > now),
            or_(row.ended_at.is_(None), row.ended_at > now),
        )
        .order_by(row.valid_until, row.id)
    ).all()
    references = managed_references(session, {grant.case_id for grant in found})
    return [(grant, references[grant.case_id]) for grant in found if grant.case_id in references]


def _places(session: Session, membership: m.Membership) -> list[tuple[m.TeamMember, m.Team]]:
    now = clock(session)
    found = session.execute(
        select(m.TeamMember, m.Team)
        .join(m.Team, m.Team.id == m.TeamMember.team_id)
        .where(
            m.Team.agency_id == membership.agency_id,
            m.TeamMember.account_id == membership.account_id,
            or_(m.TeamMember.valid_until.is_(None), m.TeamMember.valid_until > now),
        )
        .order_by(m.Team.name, m.TeamMember.id)
    )
    return [(place, team) for place, team in found]


def _actions(session: Session, membership: m.Membership) -> list[str]:
    """Return the references of open actions that the person took on, where the manager reads."""
    found = session.scalars(
        select(m.Case.reference)
        .join(m.Action, m.Action.case_id == m.Case.id)
        .join(m.ActionEvent, m.ActionEvent.action_id == m.Action.id)
        .where(
            m.Action.agency_id == membership.agency_id,
            m.Action.status == m.Action.ACCEPTED,
            m.ActionEvent.account_id == membership.account_id,
            m.ActionEvent.status == m.Action.ACCEPTED,
        )
        .distinct()
        .order_by(m.Case.reference)
    )
    return list(found)


def _pass_cases(session: Session, membership: m.Membership, successor_id: uuid.UUID) -> int:
    """Let the successor work on the person's cases; who works on one has no end of its own."""
    now, row = clock(session), m.Exclusion
    excluded = set(
        session.scalars(select(row.case_id).where(row.account_id == successor_id, holds(row, now)))
    )
    mine = select(m.CaseWorker.case_id).where(m.CaseWorker.account_id == successor_id)
    known = set(session.scalars(mine)) | excluded
    moved = [case for _, case in _cases(session, membership) if case.id not in known]
    session.add_all(
        m.CaseWorker(case_id=case.id, owner_agency_id=case.owner_agency_id, account_id=successor_id)
        for case in moved
    )
    session.flush()
    return len(moved)


def _pass_grants(session: Session, membership: m.Membership, successor_id: uuid.UUID) -> int:
    """Name the successor in the person's stead."""
    for case_id in sorted({grant.case_id for grant, _ in _grants(session, membership)}):
        lock_grants(session, case_id, exclusive=True)
    # Asked again under the locks: a withdrawal that came before has ended them.
    moved = [grant for grant, _ in _grants(session, membership)]
    for grant in moved:
        named = [*(grant.account_ids or ()), successor_id]
        grant.account_ids = [each for each in dict.fromkeys(named) if each != membership.account_id]
    session.flush()
    return len(moved)


def _pass_places(session: Session, membership: m.Membership, successor_id: uuid.UUID) -> int:
    """End the person's places on teams, and put the successor on those it is not on yet."""
    now = clock(session)
    places = _places(session, membership)
    teams = {team.id for _, team in places}
    row = m.TeamMember
    there = set(
        session.scalars(
            select(row.team_id).where(
                row.team_id.in_(teams),
                row.account_id == successor_id,
                or_(row.valid_until.is_(None), row.valid_until > now),
            )
        )
    )
    for place, _ in places:
        place.valid_until = now
    session.add_all(
        m.TeamMember(team_id=key, account_id=successor_id) for key in sorted(teams - there)
    )
    session.flush()
    return len(places)


def _require_manager(session: Session, membership: m.Membership) -> None:
    acting = require(standing(session), Action.MANAGE)
    if membership.agency_id != acting.agency_id:
        raise NotVisibleError
    if membership.account_id == session.info["viewer"].account_id:
        raise NotPermittedError
