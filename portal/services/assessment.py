"""What the centre finds out and decides about a case: urgency, meeting the child, judgement (§2).

Each is a new row; the newest holds, and what was thought before stays readable.
"""

import datetime as dt
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import standing
from portal.policy.permissions import Action, require
from portal.services.cases import finish_task
from portal.services.once import already, write_once
from portal.vault import seal
from portal.vocabulary import known

# With one of these a child is to be seen with one's own eyes within 48 hours of acceptance.
PRESSING = ("AA", "A")
SEE_CHILD_WITHIN = dt.timedelta(hours=48)
SEEN = "met"


def decide_urgency(
    session: Session, case: m.Case, *, urgency: str, grounds: str, decision_id: uuid.UUID
) -> None:
    """Record the urgency that a person decided with the criteria on screen.

    For AA and A the safety check (安全確認) gets its own clock: 48 hours from acceptance.

    Args:
        session: of the owner's director, counsellor or investigator.
        case: the own agency's.
        urgency: code of the list ``urgency``.
        grounds: why, cleaned already.
        decision_id: of the form; a second sending writes nothing.

    Raises:
        NotPermittedError: not the owner's.
        UnknownCode: no such urgency.

    """
    require(standing(session), Action.COORDINATE, case)
    decision = m.UrgencyDecision(
        **_of(case), id=decision_id, urgency=known("urgency", urgency), decided_by=_me(session)
    )
    if _written(session, decision, grounds=grounds):
        _judged(session, case, "urgency", urgency)
        if urgency in PRESSING:
            _start_safety_check(session, case)


def _start_safety_check(session: Session, case: m.Case) -> None:
    meeting, task = m.ChildMeeting, m.Task
    seen = select(meeting.id).where(meeting.case_id == case.id, meeting.check_in == SEEN)
    started = select(task.id).where(task.case_id == case.id, task.kind == task.SEE_CHILD)
    if session.scalars(seen).first() is None and session.scalars(started).first() is None:
        due = case.opened_at + SEE_CHILD_WITHIN
        session.add(m.Task(**_of(case), kind=task.SEE_CHILD, due_at=due))
        session.flush()


def record_meeting(
    session: Session,
    case: m.Case,
    *,
    check_in: str,
    met_on: dt.date,
    account_of_it: str,
    meeting_id: uuid.UUID,
) -> None:
    """Record that the child was met, heard or not met, and what came of it; ends a safety check.

    Args:
        session: of the owner's director, counsellor or investigator.
        case: the own agency's.
        check_in: code of the list ``check_in``; only a child that was met has been seen.
        met_on: the day in JST.
        account_of_it: what came of it, or why the child was not met.
        meeting_id: of the form.

    Raises:
        NotPermittedError: not the owner's.
        UnknownCode: no such way of meeting.

    """
    require(standing(session), Action.COORDINATE, case)
    meeting = m.ChildMeeting(
        **_of(case),
        id=meeting_id,
        check_in=known("check_in", check_in),
        met_on=met_on,
        met_by=_me(session),
    )
    if _written(session, meeting, account_of_it=account_of_it):
        audit.record(session, audit.Event.CHILD_MET, case_id=case.id, check_in=check_in)
        if check_in == SEEN:
            _finish_safety_check(session, case)


def _finish_safety_check(session: Session, case: m.Case) -> None:
    task = m.Task
    running = select(task).where(
        task.case_id == case.id, task.kind == task.SEE_CHILD, task.done_at.is_(None)
    )
    for found in session.scalars(running):
        finish_task(session, case, found)


def record_necessity(
    session: Session, case: m.Case, *, necessity: str, grounds: str, record_id: uuid.UUID
) -> None:
    """Record which of the three conditions holds before an agency is contacted (seed 取組2).

    Args:
        session: of the owner's director, counsellor or investigator.
        case: the own agency's.
        necessity: code of the list ``necessity``.
        grounds: why.
        record_id: of the form.

    Raises:
        NotPermittedError: not the owner's.
        UnknownCode: no such condition.

    """
    require(standing(session), Action.COORDINATE, case)
    record = m.NecessityRecord(
        **_of(case),
        id=record_id,
        necessity=known("necessity", necessity),
        recorded_by=_me(session),
    )
    if _written(session, record, grounds=grounds):
        _judged(session, case, "necessity", necessity)


def judge(
    session: Session,
    case: m.Case,
    *,
    violation: str,
    finding: str,
    severity: str | None,
    grounds: str,
    judgement_id: uuid.UUID,
) -> None:
    """Record a judgement: whether a right of the child was violated. Only this makes a violation.

    Args:
        session: of the owner's director, counsellor or investigator.
        case: the own agency's.
        violation, finding: codes of ``violation`` and ``violation_finding``.
        severity: code of ``severity``, None where nothing was found.
        grounds: why.
        judgement_id: of the form.

    Raises:
        NotPermittedError: not the owner's.
        UnknownCode: a code is not in its list.

    """
    require(standing(session), Action.COORDINATE, case)
    judgement = m.Violation(
        **_of(case),
        id=judgement_id,
        violation=known("violation", violation),
        finding=known("violation_finding", finding),
        severity=None if severity is None else known("severity", severity),
        judged_by=_me(session),
    )
    if _written(session, judgement, grounds=grounds):
        _judged(session, case, "violation", violation)


def _of(case: m.Case) -> dict[str, uuid.UUID]:
    return {"case_id": case.id, "owner_agency_id": case.owner_agency_id}


def _me(session: Session) -> uuid.UUID:
    account_id: uuid.UUID = session.info["viewer"].account_id
    return account_id


def _judged(session: Session, case: m.Case, what: str, code: str) -> None:
    audit.record(session, audit.Event.JUDGED, case_id=case.id, what=what, code=code)


def _written(session: Session, row: m.Base, **texts: str) -> bool:
    """Seal and write a new row; return False where the same form was sent before."""
    key: uuid.UUID = row.id  # type: ignore[attr-defined]
    if already(session, type(row), key) is not None:
        return False
    seal(session, row, **texts)
    return write_once(session, row)
