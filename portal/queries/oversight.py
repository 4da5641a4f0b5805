"""The log as people read it: the audit officer's month, and who read one case.

There is no text of a case in it and no name of a child: events, agencies, and names of staff, which
the audit officer and the centre may see (domain.md §1).
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal_column, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event
from portal.queries.administration import names_of
from portal.queries.paging import Cursor, Page, newest_first
from portal.queries.reasons import Reason, reason_of

PAGE = 50
# The lists that are shown and the refusals come with a number of ids; the rest is one thing each.
_COUNTED = {Event.CASE_LISTED: "cases", Event.CONSULTATION_LISTED: "consultations"}


@dataclass(frozen=True)
class LogRow:
    """One thing that somebody did or read.

    ``viewer`` is ``staff``, ``visitor``, ``intake``, ``nobody`` or ``system``; ``count`` how many
    things were on a list, None for anything else.
    """

    id: uuid.UUID
    at: dt.datetime
    event: str
    viewer: str
    agency: str
    role: str
    person: str
    count: int | None


@dataclass(frozen=True)
class ReadingRow:
    """Somebody read a case: which slices, and what opened them.

    ``rules`` are those of ``portal.policy.explain`` other than a grant; the grants are reasons.
    """

    id: uuid.UUID
    at: dt.datetime
    viewer: str
    agency: str
    role: str
    person: str
    slices: Sequence[str]
    rules: Sequence[str]
    reasons: Sequence[Reason]


def log(
    session: Session,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    agency_id: uuid.UUID | None = None,
    cursor: Cursor | None = None,
) -> Page:
    """Return a page of the log, newest first; three queries.

    Args:
        session: of the audit officer; the rules show anybody else less.
        since, until: a stretch of time, the end exclusive (UTC).
        agency_id: only what its people did.
        cursor: of the address.

    """
    listed = _events()
    if since is not None and until is not None:
        listed = listed.where(m.AuditEvent.happened_at >= since, m.AuditEvent.happened_at < until)
    if agency_id is not None:
        listed = listed.where(m.AuditEvent.agency_id == agency_id)
    page = _page(session, listed, cursor)
    names = names_of(session, {row.AuditEvent.account_id for row in page.rows} - {None})
    rows = [
        LogRow(
            row.id,
            row.happened_at,
            row.AuditEvent.event,
            row.AuditEvent.viewer,
            row.agency or "",
            row.role or "",
            names.get(row.AuditEvent.account_id, ""),
            _count(row.AuditEvent),
        )
        for row in page.rows
    ]
    return Page(rows, page.newer, page.older)


def readings(session: Session, case_id: uuid.UUID, cursor: Cursor | None = None) -> Page:
    """Return a page of who read a case, newest first, for its owner; four queries."""
    listed = _events().where(
        m.AuditEvent.case_id == case_id, m.AuditEvent.event == Event.CASE_READ.value
    )
    page = _page(session, listed, cursor)
    names = names_of(session, {row.AuditEvent.account_id for row in page.rows} - {None})
    reasons = _reasons(session, page.rows)
    rows = [
        ReadingRow(
            row.id,
            row.happened_at,
            row.AuditEvent.viewer,
            row.agency or "",
            row.role or "",
            names.get(row.AuditEvent.account_id, ""),
            row.AuditEvent.details["slices"],
            [rule for rule in row.AuditEvent.details["rules"] if rule != "grant"],
            [reasons[key] for key in row.AuditEvent.details["grants"] if key in reasons],
        )
        for row in page.rows
    ]
    return Page(rows, page.newer, page.older)


def _events() -> Any:
    role = (
        select(m.Membership.role)
        .where(
            m.Membership.account_id == m.AuditEvent.account_id,
            m.Membership.agency_id == m.AuditEvent.agency_id,
            m.Membership.valid_from <= m.AuditEvent.happened_at,
            or_(
                m.Membership.valid_until.is_(None),
                m.AuditEvent.happened_at < m.Membership.valid_until,
            ),
        )
        .limit(literal_column("1"))
        .correlate(m.AuditEvent)
        .scalar_subquery()
    )
    return select(
        m.AuditEvent,
        m.AuditEvent.happened_at,
        m.AuditEvent.id,
        m.Agency.name.label("agency"),
        role.label("role"),
    ).outerjoin(m.Agency, m.Agency.id == m.AuditEvent.agency_id)


def _page(session: Session, listed: Any, cursor: Cursor | None) -> Page:
    at, key = m.AuditEvent.happened_at, m.AuditEvent.id
    return newest_first(session, listed, at, key, cursor=cursor, size=PAGE)


def _count(event: m.AuditEvent) -> int | None:
    key = next((key for kind, key in _COUNTED.items() if kind == event.event), None)
    return None if key is None else len(event.details[key])


def _reasons(session: Session, rows: Sequence[Any]) -> dict[str, Reason]:
    wanted = {uuid.UUID(key) for row in rows for key in row.AuditEvent.details["grants"]}
    grants = session.scalars(select(m.Grant).where(m.Grant.id.in_(wanted)))
    return {str(grant.id): reason_of(grant) for grant in grants}
