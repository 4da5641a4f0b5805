"""In an emergency (domain.md §3.4): a view by one person, or a provision to an agency.

Both are grants on EMERGENCY that end by themselves at the second. Neither exists without its row in
``emergencies`` (the wall sees to that), which is the alert of the second person and is open until
somebody else than who started it closes the review in words.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import (
    ConflictError,
    NotVisibleError,
    before_viewer,
    lock_grants,
    standing,
)
from portal.policy.permissions import Action, NotPermittedError, require
from portal.policy.terms import Terms, clock, holds, never_tells_of
from portal.policy.viewer import DIRECTOR
from portal.services.lawful import check_call, end_task
from portal.services.once import already, write_once
from portal.services.sharing import (
    RefusedShareError,
    check_second_person,
    end_grant,
    open_up,
)
from portal.vault import Scope, create_key, seal
from portal.vocabulary import EMERGENCY, EMERGENCY_SLICES, OWNER_ROLES, SHORTEST_REASON
from portal.working_hours import add_working_days, inclusive_to_instant, jst

A_DAY = dt.timedelta(hours=24)
SAFETY = "safety"


def case_to_open(
    session: Session, *, case_id: uuid.UUID | None = None, reference: str | None = None
) -> uuid.UUID:
    """Return the case that the viewer may open in an emergency, by id or reference.

    It is one that the viewer's agency sees, though perhaps not this person; whoever is excluded, or
    not to be told, finds nothing.

    Raises:
        NotPermittedError: not of a centre or a child guidance centre.
        NotVisibleError: hidden and absent alike.

    """
    require(standing(session), Action.OPEN_IN_EMERGENCY)
    found = before_viewer(session, func.emergency_case(case_id, reference)).scalar_one()
    if found is None:
        raise NotVisibleError
    known: uuid.UUID = found
    return known


def open_view(
    session: Session,
    case_id: uuid.UUID,
    *,
    reason: str,
    on_duty: bool,
) -> uuid.UUID:
    """Open ``EMERGENCY_SLICES`` of a case to the viewer alone, for 24 hours; return the grant's id.

    Emergency, grant and the owner's task are written by one function of the database, for who
    starts a view is seldom the owner. A view that is open already is not opened again, so sent
    twice it is one.

    Args:
        session: of a centre's or child guidance centre's staff.
        case_id: as ``case_to_open`` returns it.
        reason: why, in at least ``SHORTEST_REASON`` characters.
        on_duty: the viewer says to be on duty.

    Raises:
        NotPermittedError: not of a centre or a child guidance centre.
        NotVisibleError: not a case that may be opened; an exclusion was faster.
        RefusedShareError: no reason, or not on duty.

    """
    require(standing(session), Action.OPEN_IN_EMERGENCY)
    if not on_duty:
        raise RefusedShareError("not_on_duty")
    if len(reason) < SHORTEST_REASON:
        raise RefusedShareError("reason_too_short")
    lock_grants(session, case_id, exclusive=True)
    known_view = _own_view(session, case_id)
    if known_view is not None:
        return known_view
    # Never added to the session: the function writes it, and its writer does not see it after.
    row, new_id = m.Emergency(id=uuid.uuid4(), case_id=case_id), uuid.uuid4()
    create_key(session, Scope("emergency", row.id))
    session.flush()
    seal(session, row, reason=reason)
    begun = func.begin_emergency_view(row.id, new_id, case_id, row.reason_sealed)
    grant_id: uuid.UUID | None = before_viewer(session, begun).scalar_one()
    if grant_id is None:
        raise NotVisibleError
    if grant_id != new_id:
        return grant_id
    audit.record(
        session,
        audit.Event.EMERGENCY_STARTED,
        case_id=case_id,
        emergency=row.id,
        kind=m.Emergency.VIEW,
        agency=session.info["viewer"].agency_id,
    )
    session.flush()
    return grant_id


def _own_view(session: Session, case_id: uuid.UUID) -> uuid.UUID | None:
    viewer = session.info["viewer"]
    own = select(m.Grant.id).where(
        m.Grant.case_id == case_id,
        m.Grant.agency_id == viewer.agency_id,
        m.Grant.basis == EMERGENCY,
        m.Grant.emergency_id.is_not(None),
        m.Grant.account_ids == [viewer.account_id],
    )
    return session.scalars(own.limit(1)).first()


@dataclass(frozen=True)
class Provision:
    """What is provided to an agency in an emergency, after the phone call.

    Attributes:
        slices: some of ``EMERGENCY_SLICES``.
        statute: code of the basis that EMERGENCY is used with.
        phoned_at, phoned_to: the call that went before; aware.
        second_id: who confirms or ends it.
        account_ids: the readers, where the centre names them.
        told: what the child was told before or why not, where a never-tell stands.

    """

    agency_id: uuid.UUID
    slices: tuple[str, ...]
    statute: str
    necessity: str
    reason: str
    phoned_at: dt.datetime
    phoned_to: str
    second_id: uuid.UUID | None
    account_ids: tuple[uuid.UUID, ...] = ()
    told: str = ""
    nobody_unlinked: bool = False


def provide(
    session: Session, case: m.Case, provision: Provision, *, emergency_id: uuid.UUID
) -> m.Emergency:
    """Open slices to an agency for 24 hours without approval, and alert the second person.

    Args:
        session: of the owner's director, counsellor or investigator.
        case: the own agency's.
        provision: what to whom, and the call that went before.
        emergency_id: of the form; sent twice it is one provision.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: a rule forbids it, or something is missing.

    """
    require(standing(session), Action.PROVIDE_IN_EMERGENCY, case)
    lock_grants(session, case.id, exclusive=True)
    known_emergency = already(session, m.Emergency, emergency_id)
    if known_emergency is not None:
        return known_emergency
    now = clock(session)
    _check_provision(session, case, provision, now)
    emergency = m.Emergency(
        id=emergency_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        kind=m.Emergency.PROVISION,
        agency_id=provision.agency_id,
        started_by=session.info["viewer"].account_id,
        second_id=provision.second_id,
        phoned_at=provision.phoned_at,
    )
    create_key(session, Scope("emergency", emergency.id))
    seal(session, emergency, reason=provision.reason, phoned_to=provision.phoned_to)
    if not write_once(session, emergency):
        return emergency
    grant = open_up(session, case, _terms(provision, emergency, now))
    session.add(
        m.Task(
            case_id=case.id,
            owner_agency_id=case.owner_agency_id,
            kind=m.Task.EMERGENCY,
            grant_id=grant.id,
            due_at=now + A_DAY,
        )
    )
    audit.record(
        session,
        audit.Event.EMERGENCY_STARTED,
        case_id=case.id,
        emergency=emergency.id,
        kind=emergency.kind,
        agency=emergency.agency_id,
    )
    session.flush()
    return emergency


def _check_provision(
    session: Session, case: m.Case, provision: Provision, now: dt.datetime
) -> None:
    check_call(now, provision.phoned_at, provision.phoned_to)
    if not set(provision.slices) <= set(EMERGENCY_SLICES):
        raise RefusedShareError("emergency_slice")
    check_second_person(session, case, provision.second_id, now)
    if not provision.told and never_tells_of(session, case.id, now):
        raise RefusedShareError("not_said_whether_told")


def _terms(provision: Provision, emergency: m.Emergency, now: dt.datetime) -> Terms:
    return Terms(
        agency_id=provision.agency_id,
        slices=provision.slices,
        subject_id=None,
        purpose=SAFETY,
        basis=EMERGENCY,
        necessity=provision.necessity,
        until=now + A_DAY,
        account_ids=provision.account_ids,
        # The second person, where a never-tell asks for one as well.
        approved_by=provision.second_id,
        reason=provision.reason,
        told=provision.told,
        nobody_unlinked=provision.nobody_unlinked,
        other_statute=provision.statute,
        emergency_id=emergency.id,
    )


def grants_of_emergency(session: Session, emergency: m.Emergency) -> Sequence[m.Grant]:
    """Return the grants of an emergency in order of time: one, or more where it was prolonged."""
    grants = select(m.Grant).where(m.Grant.emergency_id == emergency.id)
    return session.scalars(grants.order_by(m.Grant.valid_from, m.Grant.id)).all()


def ends_at(grants: Sequence[m.Grant]) -> dt.datetime:
    """Return when an emergency ends or ended (UTC)."""
    ends = [min(filter(None, (g.ended_at, g.valid_until))) for g in grants]
    return max(ends)


def _hold(session: Session, emergency: m.Emergency) -> Sequence[m.Grant]:
    """Take the locks, and return the grants as they stand now."""
    lock_grants(session, emergency.case_id, exclusive=True)
    session.refresh(emergency, with_for_update=True)
    return grants_of_emergency(session, emergency)


def confirm(session: Session, emergency: m.Emergency, *, words: str = "") -> None:
    """Say as the second person that the provision was right; it still ends at its time.

    Raises:
        NotPermittedError: not the second person.
        ConflictError: it was ended meanwhile, or is over.

    """
    require(standing(session), Action.REVIEW_EMERGENCY, emergency)
    if emergency.second_id != session.info["viewer"].account_id:
        raise NotPermittedError(Action.REVIEW_EMERGENCY)
    grants = _hold(session, emergency)
    if emergency.decision == m.Emergency.CONFIRMED:
        return
    now = clock(session)
    if emergency.decision is not None or ends_at(grants) <= now:
        raise ConflictError(mine=words)
    _decide(session, emergency, m.Emergency.CONFIRMED, words, now)


def end_early(session: Session, emergency: m.Emergency, *, words: str) -> None:
    """End an emergency before its time: from the next request on nothing is open by it.

    Ending wins: it ends what was confirmed a moment before. Ended twice it is ended once.

    Args:
        session: of the second person, the director, or who started a provision.
        emergency: a provision or a view.
        words: why.

    Raises:
        NotPermittedError: somebody else.
        RefusedShareError: no words.

    """
    acting = require(standing(session), Action.REVIEW_EMERGENCY, emergency)
    me = session.info["viewer"].account_id
    if acting.role != DIRECTOR and me not in (emergency.second_id, emergency.started_by):
        raise NotPermittedError(Action.REVIEW_EMERGENCY)
    if not words:
        raise RefusedShareError("end_without_reason")
    grants = _hold(session, emergency)
    now = clock(session)
    for grant in grants:
        end_grant(session, grant)
    if emergency.decision != m.Emergency.ENDED:
        _decide(session, emergency, m.Emergency.ENDED, words, now)


def _decide(
    session: Session, emergency: m.Emergency, decision: str, words: str, now: dt.datetime
) -> None:
    emergency.decision, emergency.decided_at = decision, now
    emergency.decided_by = session.info["viewer"].account_id
    seal(session, emergency, decision=words or None)
    audit.record(
        session,
        audit.Event.EMERGENCY_DECIDED,
        case_id=emergency.case_id,
        emergency=emergency.id,
        decision=decision,
    )
    session.flush()


def prolong(session: Session, emergency: m.Emergency) -> None:
    """Let a provision last to the next working day, once, as the director.

    A grant on EMERGENCY lasts a day at most, so it is followed by others without a gap, the last of
    which ends when one working day after the first end has passed.

    Raises:
        NotPermittedError: not the director, or who started it.
        ConflictError: it is over, was ended, or was prolonged by somebody else already.

    """
    acting = require(standing(session), Action.APPROVE, emergency)
    me = session.info["viewer"].account_id
    if acting.role != DIRECTOR or emergency.started_by == me:
        raise NotPermittedError(Action.APPROVE)
    grants = _hold(session, emergency)
    if emergency.prolonged_by == me:
        return
    now, end = clock(session), ends_at(grants)
    provision = emergency.kind == m.Emergency.PROVISION
    if not provision or emergency.prolonged_at is not None or end <= now:
        raise ConflictError
    emergency.prolonged_by, emergency.prolonged_at = me, now
    session.flush()
    case = session.scalars(select(m.Case).where(m.Case.id == emergency.case_id)).one()
    last, made = add_working_days(end, 1), []
    while end < last:
        until = min(end + A_DAY, last)
        made.append(_follow(session, case, grants[0], begins=end, until=until).id)
        end = until
    audit.record(
        session,
        audit.Event.EMERGENCY_PROLONGED,
        case_id=emergency.case_id,
        emergency=emergency.id,
        grants=made,
    )
    session.flush()


def _follow(
    session: Session, case: m.Case, first: m.Grant, *, begins: dt.datetime, until: dt.datetime
) -> m.Grant:
    """Write the grant that follows upon the first one of an emergency."""
    kept = ("agency_id", "slices", "subject_id", "purpose", "basis", "necessity", "account_ids")
    beside = ("other_statute", "emergency_id", "approved_by")
    grant = m.Grant(
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        case_opened_at=case.opened_at,
        case_concealed=case.concealed,
        readers_fixed=first.readers_fixed,
        valid_from=begins,
        valid_until=until,
        recorded_by=session.info["viewer"].account_id,
        **{name: getattr(first, name) for name in (*kept, *beside)},
    )
    session.add(grant)
    session.flush()
    audit.record(
        session,
        audit.Event.GRANT_GIVEN,
        case_id=case.id,
        grant=grant.id,
        agency=grant.agency_id,
        basis=grant.basis,
    )
    return grant


@dataclass(frozen=True)
class Telling:
    """What the child was told of an emergency since, or why not yet.

    Attributes:
        words: what was said, or why it cannot be said now.
        on, by: the day (JST) and the account of who told it, or
        later: the last day (JST) by which it is told; a task holds it.

    """

    words: str
    on: dt.date | None = None
    by: uuid.UUID | None = None
    later: dt.date | None = None


def review(
    session: Session, emergency: m.Emergency, *, finding: str, words: str, telling: Telling
) -> None:
    """Close the review of an emergency that is over, in words; reviewed once.

    A child who was not told yet is told later: a task of the owner says so until it is done.

    Args:
        session: of the director or the second person, who did not start it.
        emergency: over.
        finding: one of ``Emergency.FINDINGS``.
        words: what was found, in at least ``SHORTEST_REASON`` characters.
        telling: what the child was told about it since, by whom, or why not yet and by when.

    Raises:
        NotPermittedError: somebody else, or who started it.
        RefusedShareError: not over yet, or a word is missing.

    """
    acting = require(standing(session), Action.REVIEW_EMERGENCY, emergency)
    me = session.info["viewer"].account_id
    if emergency.started_by == me or (acting.role != DIRECTOR and emergency.second_id != me):
        raise NotPermittedError(Action.REVIEW_EMERGENCY)
    grants = _hold(session, emergency)
    if emergency.reviewed_at is not None:
        return
    now = clock(session)
    if ends_at(grants) > now:
        raise RefusedShareError("emergency_not_over")
    if finding not in m.Emergency.FINDINGS or len(words) < SHORTEST_REASON:
        raise RefusedShareError("review_empty")
    _check_telling(session, emergency, telling, now)
    # The words first: the database takes no review that is not whole.
    seal(session, emergency, review=words, told=telling.words)
    emergency.told_on, emergency.told_by = telling.on, telling.by
    emergency.finding, emergency.reviewed_by, emergency.reviewed_at = finding, me, now
    audit.record(
        session,
        audit.Event.EMERGENCY_REVIEWED,
        case_id=emergency.case_id,
        emergency=emergency.id,
        finding=finding,
    )
    if telling.later is not None:
        session.add(
            m.Task(
                case_id=emergency.case_id,
                owner_agency_id=emergency.owner_agency_id,
                kind=m.Task.TELL_CHILD,
                grant_id=grants[0].id,
                due_at=inclusive_to_instant(telling.later),
            )
        )
    end_task(session, grants[0].id, m.Task.EMERGENCY, now)


def _check_telling(
    session: Session, emergency: m.Emergency, telling: Telling, now: dt.datetime
) -> None:
    """Refuse a child left in the dark: told by somebody on a day, or later by a day, with words."""
    today, begun = jst(now).date(), jst(emergency.started_at).date()
    if not telling.words or (telling.on is None) == (telling.later is None):
        raise RefusedShareError("child_not_told_later")
    if telling.on is not None and not begun <= telling.on <= today:
        raise RefusedShareError("child_told_day")
    if telling.later is not None and telling.later < today:
        raise RefusedShareError("child_told_day")
    if telling.on is None:
        return
    worker = select(m.Membership.id).where(
        m.Membership.account_id == telling.by,
        m.Membership.agency_id == emergency.owner_agency_id,
        m.Membership.role.in_(OWNER_ROLES),
        holds(m.Membership, now),
    )
    if session.scalars(worker.limit(1)).first() is None:
        raise RefusedShareError("child_told_by")


__all__ = [
    "A_DAY",
    "Provision",
    "Telling",
    "case_to_open",
    "confirm",
    "end_early",
    "ends_at",
    "grants_of_emergency",
    "open_view",
    "prolong",
    "provide",
    "review",
]
