"""Who works where: proposed by one person, confirmed by another, ended by either.

A role that opens cases takes two people, and so does one that lets others open them; until the
second person has confirmed, there is no membership. The database holds that too
(``portal.policy.writing.new_membership``). An administrator keeps the people of every agency, a
manager those of the own one; the director of the city's only centre confirms for every agency,
because the centre names their managers (domain.md §1). Nobody ever keeps the own account.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from psycopg.errors import ExclusionViolation
from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import NotVisibleError, standing
from portal.policy.permissions import (
    PROPOSAL_HOLDS,
    Action,
    NotPermittedError,
    decides,
    keeps,
    require,
    roles_of,
    takes_two,
)
from portal.policy.terms import clock
from portal.policy.viewer import Viewer
from portal.services.administration import RefusedError
from portal.services.notices import invite_without_password
from portal.services.once import already, write_once
from portal.working_hours import fiscal_year, inclusive_to_instant, jst


@dataclass(frozen=True)
class Place:
    """Where somebody is to work, as what, and from when until when (exclusive instant, UTC)."""

    account_id: uuid.UUID
    agency_id: uuid.UUID
    role: str
    manager: bool
    since: dt.datetime
    until: dt.datetime | None = None


def give_place(session: Session, row_id: uuid.UUID, place: Place) -> bool:
    """Let an account work for an agency, or propose it where that takes a second person.

    Args:
        session: of an administrator or of the agency's manager.
        row_id: of the membership, which its form brought; sent twice, it is one membership.
        place: what is given or proposed.

    Returns:
        Whether the membership is given; False where another person must confirm it.

    Raises:
        NotPermittedError: not one's agency, or one's own account.
        RefusedError: ``role_of_other_agency``, ``ends_before_it_begins``, ``overlaps``.

    """
    _require_keeper(session, place.agency_id, place.account_id)
    agency_type = session.scalar(select(m.Agency.type).where(m.Agency.id == place.agency_id))
    if agency_type is None or place.role not in roles_of(agency_type):
        raise RefusedError("role_of_other_agency")
    if place.until is not None and place.until <= place.since:
        raise RefusedError("ends_before_it_begins")
    if not takes_two(agency_type, place.role, manager=place.manager):
        if _write(session, row_id, place):
            _note(session, place.account_id, place.agency_id, place.role, "given")
        return True
    if already(session, m.MembershipProposal, row_id) is None:
        _propose(session, row_id, place)
    return False


def _propose(session: Session, row_id: uuid.UUID, place: Place) -> None:
    """Write a proposal, unless the account works there then, or is proposed for it already."""
    _refuse_overlap(session, place)
    proposal = m.MembershipProposal(
        id=row_id,
        account_id=place.account_id,
        agency_id=place.agency_id,
        role=place.role,
        manager=place.manager,
        valid_from=place.since,
        valid_until=place.until,
        proposed_by=_viewer(session).account_id,
    )
    if write_once(session, proposal):
        _note(session, place.account_id, place.agency_id, place.role, "proposed")


def _refuse_overlap(session: Session, place: Place) -> None:
    row = m.Membership
    overlapping = select(row.id).where(
        row.account_id == place.account_id,
        row.agency_id == place.agency_id,
        or_(row.valid_until.is_(None), row.valid_until > place.since),
        or_(row.valid_until.is_(None), row.valid_until > row.valid_from),
    )
    if place.until is not None:
        overlapping = overlapping.where(row.valid_from < place.until)
    if session.scalar(overlapping.limit(1)) is not None:
        raise RefusedError("overlaps")
    open_ones = pending(session, place.agency_id)
    if any(each.account_id == place.account_id for each in open_ones):
        raise RefusedError("proposed_already")


def pending(session: Session, agency_id: uuid.UUID | None = None) -> list[m.MembershipProposal]:
    """Return the proposals that still wait for a second person, the oldest first."""
    row = m.MembershipProposal
    found = select(row).where(
        row.decision.is_(None), row.proposed_at > func.portal_clock() - PROPOSAL_HOLDS
    )
    if agency_id is not None:
        found = found.where(row.agency_id == agency_id)
    return list(session.scalars(found.order_by(row.proposed_at, row.id)))


def confirm(session: Session, proposal_id: uuid.UUID) -> None:
    """Confirm what another person proposed: the membership begins, at the earliest now.

    Raises:
        NotPermittedError: the own proposal, or the own account.
        NotVisibleError: no proposal that still waits.
        RefusedError: ``overlaps``; ``over_already`` where its end has come meanwhile.

    """
    proposal = _waiting(session, proposal_id)
    if _viewer(session).account_id == proposal.proposed_by:
        raise NotPermittedError
    now = clock(session)
    since = max(proposal.valid_from, now)
    if proposal.valid_until is not None and proposal.valid_until <= since:
        raise RefusedError("over_already")
    _decide(session, proposal, m.MembershipProposal.CONFIRMED)
    place = Place(
        proposal.account_id,
        proposal.agency_id,
        proposal.role,
        proposal.manager,
        since,
        proposal.valid_until,
    )
    _write(session, proposal.id, place)


def decline(session: Session, proposal_id: uuid.UUID) -> None:
    """Decline what another person proposed, or take back the own proposal.

    Raises:
        NotPermittedError: a proposal about the own account.
        NotVisibleError: no proposal that still waits.

    """
    proposal = _waiting(session, proposal_id)
    own = _viewer(session).account_id == proposal.proposed_by
    row = m.MembershipProposal
    _decide(session, proposal, row.WITHDRAWN if own else row.DECLINED)


def _waiting(session: Session, proposal_id: uuid.UUID) -> m.MembershipProposal:
    """Return a proposal that waits and that the viewer may decide on, locked.

    Of two who decide at once the second finds it decided.
    """
    row = m.MembershipProposal
    found = select(row).where(
        row.id == proposal_id,
        row.decision.is_(None),
        row.proposed_at > func.portal_clock() - PROPOSAL_HOLDS,
    )
    proposal = session.scalars(found).one_or_none()
    if proposal is None:
        raise NotVisibleError
    acting, me = require(standing(session), Action.KEEP_STAFF), _viewer(session).account_id
    if not decides(acting, proposal.agency_id) or proposal.account_id == me:
        raise NotPermittedError
    locked = found.with_for_update()
    waiting = session.scalars(locked, execution_options={"populate_existing": True}).one_or_none()
    if waiting is None:
        raise NotVisibleError
    return waiting


def _decide(session: Session, proposal: m.MembershipProposal, decision: str) -> None:
    # Asked first: the question would write what is decided so far.
    proposal.decided_at = clock(session)
    proposal.decision, proposal.decided_by = decision, _viewer(session).account_id
    session.flush()
    _note(session, proposal.account_id, proposal.agency_id, proposal.role, decision)


def _write(session: Session, row_id: uuid.UUID, place: Place) -> bool:
    """Write a membership once; whoever has no password yet is sent a link on its first day."""
    membership = m.Membership(
        id=row_id,
        account_id=place.account_id,
        agency_id=place.agency_id,
        role=place.role,
        manager=place.manager,
        valid_from=place.since,
        valid_until=place.until,
        confirm_by=confirmed_until(max(place.since, clock(session))),
    )
    try:
        written = already(session, m.Membership, row_id) is None and write_once(session, membership)
    except IntegrityError as error:
        if not isinstance(error.orig, ExclusionViolation):
            raise
        raise RefusedError("overlaps") from error
    if written:
        invite_without_password(session, place.account_id, place.since)
    return written


def end_membership(
    session: Session, membership_id: uuid.UUID, at: dt.datetime | None = None
) -> uuid.UUID:
    """End a membership now, or at a later instant; return the account's id.

    Its sessions are out at their first request after the end. An end that stands is only ever
    brought nearer.

    Raises:
        NotPermittedError: not one's agency, or one's own account: another person ends it.
        NotVisibleError: there is no such membership.

    """
    membership = session.get(m.Membership, membership_id)
    if membership is None:
        raise NotVisibleError
    _require_keeper(session, membership.agency_id, membership.account_id)
    end = max(at or clock(session), clock(session))
    if membership.valid_until is None or end < membership.valid_until:
        membership.valid_until = end
        _note(session, membership.account_id, membership.agency_id, membership.role, "ended")
    return membership.account_id


def confirmed_until(at: dt.datetime) -> dt.datetime:
    """Return until when a membership acts that was given or confirmed at an instant (UTC).

    The end of May of the next fiscal year, 24:00 JST: who came or was confirmed from April on is
    asked about once in each spring, in the two months after everybody has moved.
    """
    year = fiscal_year(jst(at).date()) + 1
    return inclusive_to_instant(dt.date(year, 5, 31))


def reconfirm(session: Session, membership_ids: Iterable[uuid.UUID]) -> int:
    """Confirm that people still work where they do, until the end of the next May.

    Returns how many it were.

    Raises:
        NotPermittedError: not one's agency, or one's own account: another person confirms it.

    """
    row = m.Membership
    found = session.scalars(select(row).where(row.id.in_(set(membership_ids)))).all()
    until = confirmed_until(clock(session))
    for membership in found:
        _require_keeper(session, membership.agency_id, membership.account_id)
        membership.confirm_by = until
        _note(
            session,
            membership.account_id,
            membership.agency_id,
            membership.role,
            "reconfirmed",
        )
    session.flush()
    return len(found)


def set_first_dates(session: Session) -> None:
    """Say by when to confirm memberships that came without a date, as a loaded register's do.

    For the worker. Nobody falls asleep by it: the date is in the next spring.
    """
    row = m.Membership
    session.execute(
        update(row)
        .where(
            row.confirm_by.is_(None),
            or_(row.valid_until.is_(None), row.valid_until > func.portal_clock()),
        )
        .values(confirm_by=confirmed_until(clock(session)))
    )


def _require_keeper(session: Session, agency_id: uuid.UUID, account_id: uuid.UUID) -> None:
    acting = require(standing(session), Action.KEEP_STAFF)
    if not keeps(acting, agency_id) or account_id == _viewer(session).account_id:
        raise NotPermittedError


def _note(
    session: Session, account_id: uuid.UUID, agency_id: uuid.UUID, role: str, change: str
) -> None:
    record(
        session,
        Event.MEMBERSHIP_CHANGED,
        about=agency_id,
        account=account_id,
        agency=agency_id,
        role=role,
        change=change,
    )


def _viewer(session: Session) -> Viewer:
    viewer: Viewer = session.info["viewer"]
    return viewer
