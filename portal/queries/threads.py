"""Conversations for pages: the visitor's own, a desk's, and a volunteer's own reports."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from portal import models as m
from portal.codes import number_of
from portal.database import standing
from portal.queries.paging import Cursor, Page
from portal.vault import fetch_keys, reveal
from portal.vocabulary import CAFETERIA

# A page shows this many of the newest messages of a thread, and this many reports.
MESSAGES = 200
REPORTS = 20
# How long a volunteer's own text stays on the volunteer's screen (domain.md §4, rule 6).
OWN_TEXT_STAYS = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Line:
    """One message; without an agency it is from who consulted. ``seen_at``: when it was read."""

    at: dt.datetime
    agency: str | None
    text: str
    seen_at: dt.datetime | None = None


@dataclass(frozen=True)
class Conversation:
    """A thread as its visitor reads it: what was said first, and what came after."""

    kind: str
    number: str
    topic: str
    received_at: dt.datetime
    words: str
    lines: list[Line]
    promised_at: dt.datetime | None
    has_case: bool

    @property
    def awaits_answer(self) -> bool:
        """Return whether the last word is the visitor's."""
        return not self.lines or self.lines[-1].agency is None


@dataclass(frozen=True)
class OwnReport:
    """An own report: its date and the replies, and its text, a volunteer's for 24 hours."""

    number: str
    received_at: dt.datetime
    urgent: bool
    promised_at: dt.datetime | None
    words: str | None
    replies: list[Line]


def newest_reply(session: Session) -> Line | None:
    """Return the newest reply, for somebody who came with the code alone; None before there is one.

    Args:
        session: of a glimpse, to which no other message is visible.

    """
    shown = messages(session, session.info["viewer"].glimpse_id)
    return shown[-1] if shown else None


def messages(session: Session, thread_id: uuid.UUID) -> list[Line]:
    """Return the newest messages of a thread that the viewer may read, oldest first."""
    newest = (
        select(m.ThreadMessage, m.Agency.name)
        .outerjoin(m.Agency, m.Agency.id == m.ThreadMessage.agency_id)
        .where(m.ThreadMessage.thread_id == thread_id)
        .order_by(m.ThreadMessage.written_at.desc(), m.ThreadMessage.id.desc())
        .limit(literal_column(str(MESSAGES)))
    )
    found = session.execute(newest).all()
    fetch_keys(session, [message for message, _ in found])
    return [_line(session, message, agency) for message, agency in reversed(found)]


def _line(session: Session, message: m.ThreadMessage, agency: str | None) -> Line:
    return Line(message.written_at, agency, reveal(session, message, "text"), message.seen_at)


def conversation(session: Session, thread: m.Thread) -> Conversation:
    """Return a thread for its visitor.

    Args:
        session: of the visitor.
        thread: the visitor's own.

    """
    consultation = session.scalars(
        select(m.Consultation).where(m.Consultation.thread_id == thread.id)
    ).one()
    return Conversation(
        thread.kind,
        number_of(thread.id),
        consultation.topic,
        consultation.received_at,
        reveal(session, consultation, "words"),
        messages(session, thread.id),
        thread.promised_at,
        thread.case_id is not None,
    )


def own_reports(session: Session, cursor: Cursor | None = None) -> Page:
    """Return a page of the reports that the viewer sent for the acting agency, newest first.

    Three queries and one for keys, however many there are.

    Args:
        session: of a volunteer.
        cursor: of the address; None for the newest.

    """
    viewer = session.info["viewer"]
    place = tuple_(m.Consultation.received_at, m.Thread.id)
    sent = (
        select(m.Thread, m.Consultation, func.portal_clock().label("now"))
        .join(m.Consultation, m.Consultation.thread_id == m.Thread.id)
        .where(
            m.Thread.account_id == viewer.account_id,
            m.Consultation.reporting_agency_id == viewer.agency_id,
        )
        .order_by(m.Consultation.received_at.desc(), m.Thread.id.desc())
        .limit(literal_column(str(REPORTS + 1)))
    )
    if cursor is not None:
        sent = sent.where(place < tuple_(cursor.at, cursor.id))
    found = session.execute(sent).all()
    shown = found[:REPORTS]
    replies = _replies(session, [row.Thread.id for row in shown])
    fetch_keys(session, [row.Consultation for row in shown])
    last = shown[-1] if len(found) > REPORTS else None
    return Page(
        [
            _report(session, row.Thread, row.Consultation, row.now, replies.get(row.Thread.id, []))
            for row in shown
        ],
        older=None if last is None else str(Cursor(last.Consultation.received_at, last.Thread.id)),
    )


def _replies(session: Session, threads: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Line]]:
    written = (
        select(m.ThreadMessage, m.Agency.name)
        .join(m.Agency, m.Agency.id == m.ThreadMessage.agency_id)
        .where(m.ThreadMessage.thread_id.in_(list(threads)))
        .order_by(m.ThreadMessage.written_at, m.ThreadMessage.id)
    )
    found = session.execute(written).all()
    fetch_keys(session, [message for message, _ in found])
    lines: dict[uuid.UUID, list[Line]] = {}
    for message, agency in found:
        lines.setdefault(message.thread_id, []).append(_line(session, message, agency))
    return lines


def _report(
    session: Session,
    thread: m.Thread,
    consultation: m.Consultation,
    now: dt.datetime,
    replies: list[Line],
) -> OwnReport:
    acting = standing(session)
    at_cafeteria = acting is not None and acting.agency_type == CAFETERIA
    stays = not at_cafeteria or now - consultation.received_at < OWN_TEXT_STAYS
    return OwnReport(
        number_of(thread.id),
        consultation.received_at,
        consultation.urgent,
        thread.promised_at,
        reveal(session, consultation, "words") if stays else None,
        replies,
    )
