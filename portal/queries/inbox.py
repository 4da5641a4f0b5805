"""What lies on a desk: what waits, by when it is due; what was dealt with, newest first.

A list shows no words of anybody; an item is opened one by one, and each opening is logged.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import number_of
from portal.queries.paging import Cursor, Page, beyond, directed
from portal.queries.threads import Line, messages
from portal.vault import reveal
from portal.vocabulary import CAFETERIA

PAGE = 50
# Nobody counts on beyond a thousand: 1,001 is shown as 1,000+.
COUNTED = 1_001


@dataclass(frozen=True)
class InboxRow:
    """One line of the list: codes, times and agencies."""

    id: uuid.UUID
    number: str
    status: str
    topic: str
    channel: str
    consulter: str
    urgent: bool
    suspected_abuse: bool
    received_at: dt.datetime
    due_at: dt.datetime
    overdue: bool
    unread: bool
    from_agency: str | None
    case_id: uuid.UUID | None


@dataclass(frozen=True)
class InboxItemPage:
    """One consultation as the desk reads it; "" where nothing was said."""

    row: InboxRow
    anonymous: bool
    words: str
    about: str
    name: str
    callback: str
    not_to_tell: str
    reporting_agency: str | None
    basis: str | None
    lines: list[Line]


_FROM = aliased(m.Agency, name="giver")


def _waits(item: Any) -> ColumnElement[bool]:
    # Spelled with literals, as the partial index is.
    return or_(item.status == literal_column("'new'"), item.unread_since.is_not(None))


def _listing(*conditions: ColumnElement[bool]) -> Any:
    return (
        select(
            m.InboxItem,
            m.Consultation,
            _FROM.name.label("giver"),
            (m.InboxItem.due_at < func.portal_clock()).label("late"),
        )
        .join(m.Consultation, m.Consultation.id == m.InboxItem.consultation_id)
        .outerjoin(_FROM, _FROM.id == m.InboxItem.from_agency_id)
        .where(*conditions)
    )


def _row(found: Any) -> InboxRow:
    item, consultation = found.InboxItem, found.Consultation
    unread = item.unread_since is not None
    return InboxRow(
        item.id,
        number_of(item.thread_id),
        item.status,
        consultation.topic,
        consultation.channel,
        consultation.consulter,
        consultation.urgent,
        consultation.suspected_abuse,
        item.received_at,
        item.due_at,
        found.late and (unread or item.status == "new"),
        unread,
        found.giver,
        item.case_id,
    )


def count_waiting(session: Session) -> int:
    """Return how many consultations wait on the viewer's desk, counted up to ``COUNTED``."""
    few = select(m.InboxItem.id).where(_waits(m.InboxItem)).limit(literal_column(str(COUNTED)))
    return session.execute(select(func.count()).select_from(few.subquery())).scalar_one()


def waiting(session: Session, cursor: Cursor | None = None) -> Page:
    """Return a page of what waits on the viewer's desk, what is due first at the top.

    Args:
        session: of somebody at a desk.
        cursor: of the address; ``newer`` goes back towards the top.

    """
    return _page(session, _listing(_waits(m.InboxItem)), m.InboxItem.due_at, cursor, rising=True)


def handled(session: Session, cursor: Cursor | None = None) -> Page:
    """Return a page of what was dealt with on the viewer's desk, what came last at the top."""
    statement = _listing(~_waits(m.InboxItem))
    return _page(session, statement, m.InboxItem.received_at, cursor, rising=False)


def _page(
    session: Session, statement: Any, at: Any, cursor: Cursor | None, *, rising: bool
) -> Page:
    back = cursor is not None and cursor.newer
    way = "newer" if rising != back else "older"
    bound = {} if cursor is None else {"at": cursor.at, "id": cursor.id}
    beyond_it = statement if cursor is None else statement.where(beyond(at, m.InboxItem.id, way))
    limited = beyond_it.order_by(*directed(at, m.InboxItem.id, way)).limit(
        literal_column(str(PAGE + 1))
    )
    found = list(session.execute(limited, bound).all())
    more = len(found) > PAGE
    if back and not more:
        # The first page is always a full one.
        return _page(session, statement, at, None, rising=rising)
    shown = found[:PAGE]
    if back:
        shown.reverse()
    record_listed(session, Event.CONSULTATION_LISTED, [row.Consultation.id for row in shown])
    before = shown and cursor is not None
    after = shown and (back or more)
    return Page(
        [_row(row) for row in shown],
        newer=str(_place(shown[0], at, newer=True)) if before else None,
        older=str(_place(shown[-1], at, newer=False)) if after else None,
    )


def _place(found: Any, at: Any, *, newer: bool) -> Cursor:
    return Cursor(getattr(found.InboxItem, at.key), found.InboxItem.id, newer=newer)


def item_page(session: Session, item: m.InboxItem) -> InboxItemPage:
    """Return one consultation with what was told and written; four queries and one for the key.

    Args:
        session: of somebody at the desk.
        item: visible to the viewer.

    """
    found = session.execute(_listing(m.InboxItem.id == item.id)).one()
    consultation = found.Consultation
    told = {
        name: reveal(session, consultation, name)
        for name in ("words", "about", "name", "callback", "not_to_tell")
    }
    reporting = select(m.Agency.name).where(m.Agency.id == consultation.reporting_agency_id)
    return InboxItemPage(
        _row(found),
        consultation.anonymous,
        told["words"],
        told["about"],
        told["name"],
        told["callback"],
        told["not_to_tell"],
        session.scalars(reporting).one_or_none(),
        consultation.basis,
        messages(session, item.thread_id),
    )


def of_case(session: Session, case: m.Case) -> list[InboxRow]:
    """Return the consultations that became a case's, oldest first; no words of anybody.

    Who reported is for the director and who works on the case: others do not see that row.
    """
    found = session.execute(
        _listing(m.InboxItem.case_id == case.id).order_by(m.InboxItem.received_at, m.InboxItem.id)
    ).all()
    record_listed(session, Event.CONSULTATION_LISTED, [row.Consultation.id for row in found])
    return [_row(row) for row in found]


def consulter_of(session: Session, item: m.InboxItem) -> str:
    """Return who consulted, as a code of the list ``consulter``."""
    found = select(m.Consultation.consulter).where(m.Consultation.id == item.consultation_id)
    return session.scalars(found).one()


def other_agencies(session: Session) -> list[m.Agency]:
    """Return the agencies that may phone instead of signing in: all but the own, by name."""
    mine = session.info["viewer"].agency_id
    others = select(m.Agency).where(m.Agency.id != mine).order_by(m.Agency.name, m.Agency.id)
    return list(session.scalars(others))


def report_slug(session: Session) -> str | None:
    """Return the report link's part of the acting cafeteria, None where it has none.

    A school's link is for its children's tablets, and takes no report.
    """
    mine = select(m.Agency.report_slug).where(
        m.Agency.id == session.info["viewer"].agency_id, m.Agency.type == CAFETERIA
    )
    return session.scalars(mine).one_or_none()
