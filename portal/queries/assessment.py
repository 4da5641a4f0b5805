"""What the centre found out and decided about a case, newest first, for its own people."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.vault import fetch_keys, reveal


@dataclass(frozen=True)
class Finding:
    """One decision or meeting: its code, when, and its grounds in words."""

    code: str
    at: dt.datetime | dt.date
    words: str
    result: str = ""
    severity: str | None = None


@dataclass(frozen=True)
class Assessment:
    """Urgency, necessity and judgements, each newest first."""

    urgencies: Sequence[Finding]
    necessities: Sequence[Finding]
    violations: Sequence[Finding]


def assessment(session: Session, case: m.Case) -> Assessment:
    """Return what was decided about a case; three queries and one for the key.

    Args:
        session: of the owner's people; for everybody else all of it is empty.
        case: visible to the viewer.

    """
    decided = _newest(session, m.UrgencyDecision, case.id, m.UrgencyDecision.decided_at)
    needed = _newest(session, m.NecessityRecord, case.id, m.NecessityRecord.recorded_at)
    judged = _newest(session, m.Violation, case.id, m.Violation.judged_at)
    fetch_keys(session, [*decided, *needed, *judged])
    return Assessment(
        [Finding(row.urgency, row.decided_at, reveal(session, row, "grounds")) for row in decided],
        [
            Finding(row.necessity, row.recorded_at, reveal(session, row, "grounds"))
            for row in needed
        ],
        [
            Finding(
                row.violation,
                row.judged_at,
                reveal(session, row, "grounds"),
                row.finding,
                row.severity,
            )
            for row in judged
        ],
    )


def meetings(session: Session, case: m.Case) -> list[Finding]:
    """Return when the child was met or not met; one query and one for the key."""
    met = _newest(session, m.ChildMeeting, case.id, m.ChildMeeting.met_on)
    fetch_keys(session, met)
    return [Finding(row.check_in, row.met_on, reveal(session, row, "account_of_it")) for row in met]


def _newest(session: Session, model: Any, case_id: uuid.UUID, at: Any) -> list[Any]:
    newest_first = select(model).where(model.case_id == case_id).order_by(at.desc(), model.id)
    return list(session.scalars(newest_first))


def see_child_by(session: Session, case_id: uuid.UUID) -> dt.datetime | None:
    """Return by when the child must have been seen, in UTC; None where no such task is open."""
    running = select(m.Task.due_at).where(
        m.Task.case_id == case_id, m.Task.kind == m.Task.SEE_CHILD, m.Task.done_at.is_(None)
    )
    return session.scalars(running.order_by(m.Task.due_at).limit(1)).one_or_none()
