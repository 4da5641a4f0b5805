"""Ends of sharing that nobody took back: another school, lost authority, an agency that leaves.

Each ends at once, by the next request in lists, counts, searches and pages. What lapses by its date
ends by itself, because the rules test the date; the worker only writes down that it did. Source:
domain.md §3, lane A, "Ends".
"""

import datetime as dt
import logging
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, literal, or_, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import NotVisibleError, SystemSession, lock_grants, standing
from portal.policy.permissions import SCHOOLS, Action, require
from portal.policy.terms import clock, holds
from portal.services.once import already, write_once
from portal.services.sharing import end_grant, step_of
from portal.vocabulary import CONSENT, EXPIRED, known
from portal.working_hours import add_working_days

log = logging.getLogger(__name__)

INVALIDATED = known("consent_state", "invalidated")
# States after which a consent's grant needs no other word; ``given`` and the like come before.
_LAST = ("withdrawn", EXPIRED, "superseded", INVALIDATED)
# What the new school needs is asked anew within so many working days.
ASK_ANEW_DAYS = 5


class NotAnEndError(ValueError):
    """There is no such end here: not a school that reads, not a guardian who consented."""


def not_over(session: Session, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the grants that are live or still to begin, as the session sees them."""
    grant, now = m.Grant, clock(session)
    return (
        select(grant)
        .where(
            or_(grant.ended_at.is_(None), grant.ended_at > now),
            or_(grant.valid_until.is_(None), grant.valid_until > now),
            *conditions,
        )
        # One order for everybody who locks several cases.
        .order_by(grant.case_id, grant.valid_from, grant.id)
    )


def grants_of_old_school(session: Session, case: m.Case, agency_id: uuid.UUID) -> Sequence[m.Grant]:
    """Return what a change of school would end: everything that the old school was granted."""
    school = session.get_one(m.Agency, agency_id)
    if school.type not in SCHOOLS:
        return ()
    return session.scalars(
        not_over(session, m.Grant.case_id == case.id, m.Grant.agency_id == agency_id)
    ).all()


def change_school(session: Session, case: m.Case, agency_id: uuid.UUID) -> int:
    """Record that the child has left a school: its grants end now, by consent and by law alike.

    What the new school needs is asked anew; a task says so.

    Args:
        session: of the case's owner.
        case: the own agency's.
        agency_id: the school or nursery that the child has left.

    Returns:
        How many grants ended; 0 where somebody recorded it before.

    Raises:
        NotPermittedError: not the owner's.
        NotAnEndError: not a school.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    if session.get_one(m.Agency, agency_id).type not in SCHOOLS:
        raise NotAnEndError
    ended = _end_all(session, grants_of_old_school(session, case, agency_id), EXPIRED)
    if ended:
        session.add(
            m.Task(
                case_id=case.id,
                owner_agency_id=case.owner_agency_id,
                kind=m.Task.ASK_ANEW,
                due_at=add_working_days(clock(session), ASK_ANEW_DAYS),
            )
        )
        session.flush()
    return ended


def grants_of_guardian(session: Session, case: m.Case, person_id: uuid.UUID) -> Sequence[m.Grant]:
    """Return the grants that rest on a guardian's consent, alone or beside the child's own."""
    given = session.scalars(
        select(m.Consent.id).where(
            m.Consent.case_id == case.id,
            m.Consent.giver_person_id == person_id,
            m.Consent.giver_kind != "child",
        )
    ).all()
    beside = m.Grant.guardian_consent_ids.bool_op("&&")(literal(given, ARRAY(Uuid())))
    rests = or_(m.Grant.consent_id.in_(given), beside)
    return session.scalars(not_over(session, m.Grant.case_id == case.id, rests)).all()


def end_authority(session: Session, case: m.Case, person_id: uuid.UUID) -> int:
    """End what rests on the consent of somebody who has no parental authority; return how much.

    ``portal.services.guardians.record_guardian`` calls it, so that nobody records the one and
    forgets the other.

    Raises:
        NotPermittedError: not the owner's.
        NotAnEndError: the person is no guardian of this case.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    guardian = select(m.CasePerson.id).where(
        m.CasePerson.case_id == case.id,
        m.CasePerson.person_id == person_id,
        ~m.CasePerson.is_child,
    )
    if session.scalars(guardian).one_or_none() is None:
        raise NotAnEndError
    return _end_all(session, grants_of_guardian(session, case, person_id), INVALIDATED)


def _end_all(session: Session, grants: Iterable[m.Grant], state: str) -> int:
    return sum(end_grant(session, grant, state=state) for grant in grants)


def leave_scheme(session: Session, agency_id: uuid.UUID, *, departure_id: uuid.UUID) -> int:
    """Record that an agency has left the scheme: from now on nothing granted to it opens.

    The rules test the departure itself. The grants that the director sees end with it; the worker
    ends those that an exclusion keeps from the director, and other centres' ones.

    Args:
        session: of a centre's director.
        agency_id: not the own agency.
        departure_id: of the form; a second sending changes nothing.

    Returns:
        How many grants ended.

    Raises:
        NotPermittedError: not a director.
        NotAnEndError: the own agency.

    """
    acting = require(standing(session), Action.KEEP_SCHEME)
    if agency_id == acting.agency_id:
        raise NotAnEndError
    if already(session, m.Departure, departure_id) is not None or has_left(session, agency_id):
        return 0
    departure = m.Departure(
        id=departure_id, agency_id=agency_id, recorded_by=session.info["viewer"].account_id
    )
    if not write_once(session, departure):
        return 0
    audit.record(session, audit.Event.AGENCY_CHANGED, agency=agency_id, change="left_scheme")
    mine = not_over(
        session, m.Grant.agency_id == agency_id, m.Grant.owner_agency_id == acting.agency_id
    )
    return _end_all(session, session.scalars(mine).all(), INVALIDATED)


def return_to_scheme(session: Session, agency_id: uuid.UUID) -> None:
    """Record that an agency takes part again; what had ended stays ended and is asked anew.

    Raises:
        NotPermittedError: not a director.
        NotVisibleError: the agency has not left.

    """
    require(standing(session), Action.KEEP_SCHEME)
    now = clock(session)
    departures = session.scalars(
        select(m.Departure).where(m.Departure.agency_id == agency_id, holds(m.Departure, now))
    ).all()
    if not departures:
        raise NotVisibleError
    for departure in departures:
        departure.valid_until = now
        audit.record(session, audit.Event.AGENCY_CHANGED, agency=agency_id, change="came_back")
    session.flush()


def has_left(session: Session, agency_id: uuid.UUID) -> bool:
    """Return whether an agency does not take part in the scheme at present."""
    departure = m.Departure
    left = select(departure.id).where(
        departure.agency_id == agency_id, holds(departure, clock(session))
    )
    return session.scalars(left.limit(1)).first() is not None


def note_ends(session: SystemSession) -> int:
    """Write down what ended by itself; return how many grants. The worker calls it.

    What lapsed by its date gets the word ``expired`` in the history of its consent, at the instant
    of its end. What an agency that left is still granted is ended. Nobody waits for either: the
    rules test the dates and the departure themselves.
    """
    now = clock(session)
    lapsed = _lapsed(session, now)
    for grant in lapsed:
        session.add(step_of(grant, EXPIRED, happened_at=grant.valid_until))
    left = _of_departed(session, now)
    for grant in left:
        lock_grants(session, grant.case_id, exclusive=True)
        end_by_itself(session, grant, INVALIDATED, now)
    session.flush()
    log.info("ends noted", extra={"lapsed": len(lapsed), "left": len(left)})
    return len(lapsed) + len(left)


def end_by_itself(session: Session, grant: m.Grant, state: str, now: dt.datetime) -> None:
    """End a grant that nobody took back.

    Args:
        session: of the system, which holds the lock of the case's grants.
        grant: not over.
        state: what the history of its consent says of it (code list ``consent_state``).
        now: the instant, in UTC.

    """
    grant.ended_at = now
    if grant.consent_id is not None:
        session.add(step_of(grant, state, happened_at=now))
    audit.record(session, audit.Event.GRANT_ENDED, case_id=grant.case_id, grant=grant.id)


def _lapsed(session: SystemSession, now: dt.datetime) -> Sequence[m.Grant]:
    """Return the grants on a consent whose date has passed and of which nothing is written yet."""
    said = select(m.ConsentEvent.id).where(
        m.ConsentEvent.grant_id == m.Grant.id, m.ConsentEvent.state.in_(_LAST)
    )
    return session.scalars(
        select(m.Grant)
        .where(
            m.Grant.basis == CONSENT,
            m.Grant.consent_id.is_not(None),
            m.Grant.valid_until <= now,
            m.Grant.ended_at.is_(None),
            ~said.exists(),
        )
        .order_by(m.Grant.case_id, m.Grant.id)
        .with_for_update(skip_locked=True)
    ).all()


def _of_departed(session: SystemSession, now: dt.datetime) -> Sequence[m.Grant]:
    departed = select(m.Departure.agency_id).where(holds(m.Departure, now))
    return session.scalars(not_over(session, m.Grant.agency_id.in_(departed))).all()


__all__ = [
    "NotAnEndError",
    "change_school",
    "end_authority",
    "end_by_itself",
    "grants_of_guardian",
    "grants_of_old_school",
    "has_left",
    "leave_scheme",
    "not_over",
    "note_ends",
    "return_to_scheme",
]
