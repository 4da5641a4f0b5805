"""Looking at a case: what is new since the last visit, and what one was told of it is then read.

A look begins a new visit where the last one lies ``VISIT`` back: whoever opens the page again a
minute later finds the same marks.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.viewer import CLOCK
from portal.services.notifications import ALARM
from portal.services.saved import kept

VISIT = dt.timedelta(minutes=30)
# These wait for a decision on a page of their own; an alarm until somebody takes it in hand.
DECIDED_ELSEWHERE = ("emergency", "proposal")


@dataclass(frozen=True)
class Look:
    """Since when something of a case is new (UTC), None at the first visit; and own typing.

    ``typed`` is how many forms of this case's pages the viewer typed and could not send.
    """

    since: dt.datetime | None
    typed: int


def last_look(session: Session, looked: m.Case) -> Look:
    """Return when the viewer looked at a case before, and what was typed there.

    Args:
        session: of the viewer.
        looked: visible to the viewer.

    """
    viewer, look = session.info["viewer"], m.CaseLook
    since = (
        select(_since())
        .where(
            look.account_id == viewer.account_id,
            look.agency_id == viewer.agency_id,
            look.case_id == looked.id,
        )
        .scalar_subquery()
    )
    return Look(*session.execute(select(since, _typed(viewer.account_id, looked.id))).one())


def look_at(session: Session, looked: m.Case) -> None:
    """Note that the viewer looks at a case, and that what one was told of it is read.

    It comes after everything else that a page reads: in a transaction that has written, the
    database asks again with each statement who looks.

    Args:
        session: of the viewer.
        looked: visible to the viewer.

    """
    row = m.Notification
    _read(session, row.case_id == looked.id, row.kind.not_in(DECIDED_ELSEWHERE))
    viewer, look = session.info["viewer"], m.CaseLook
    mine = {
        look.account_id: viewer.account_id,
        look.agency_id: viewer.agency_id,
        look.case_id: looked.id,
    }
    again = update(look).where(*(column == value for column, value in mine.items()))
    now = {"looked_at": func.portal_clock(), "since": _since()}
    again = again.values(now).returning(look.case_id)
    done = session.scalar(again, execution_options={"synchronize_session": False})
    # Not one statement with ON CONFLICT: that asks at each look whether the case shows, three
    # times over, where only the first look makes a row.
    if done is None:
        first = {column.key: value for column, value in mine.items()}
        session.execute(
            insert(look).values(looked_at=func.portal_clock(), **first).on_conflict_do_nothing()
        )


def _since() -> ColumnElement[dt.datetime | None]:
    look = m.CaseLook
    return case((look.looked_at < CLOCK - literal(VISIT), look.looked_at), else_=look.since)


def look_at_action(session: Session, action: m.Action) -> None:
    """Note that what the viewer was told of an action is read, for its page stands open."""
    _read(session, m.Notification.action_id == action.id)


def look_at_consultation(session: Session, item: m.InboxItem) -> None:
    """Note that what the viewer was told of a consultation is read."""
    _read(session, m.Notification.thread_id == item.thread_id)


def look_at_decision(session: Session, waiting: m.Emergency | m.ShareProposal) -> None:
    """Note that the viewer was shown what waits for a decision, and so has read of it."""
    _read(session, m.Notification.about_id == waiting.id)


def _read(session: Session, *of_it: ColumnElement[bool]) -> None:
    row = m.Notification
    told = (*of_it, row.read_at.is_(None), row.kind != ALARM)
    read = update(row).where(*told).values(read_at=func.portal_clock())
    session.execute(read.execution_options(synchronize_session=False))


def _typed(account_id: uuid.UUID, case_id: uuid.UUID) -> Any:
    row = m.SavedText
    return (
        select(func.count(row.id))
        .where(
            row.account_id == account_id,
            row.path.startswith(f"/cases/{case_id}"),
            kept(),
        )
        .scalar_subquery()
    )
