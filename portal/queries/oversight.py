"""The log as people read it: the audit officer's month, and who read one case.

There is no text of a case in it and no name of a child: events, agencies, and names of staff, which
the audit officer and the centre may see (domain.md §1).
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, literal_column, null, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event
from portal.database import managed_references
from portal.queries.covers import stood_in
from portal.queries.directory import account_names
from portal.queries.paging import Cursor, Page, newest_first
from portal.queries.reasons import Reason, reason_of

PAGE = 50
# A person who opened more cases than this within one hour stands out (security.md L7 rings at 100).
MANY_AN_HOUR = 20
# So does somebody who was refused so often in a month, or read cases at night.
MANY_REFUSALS = 20
NIGHT_BEGINS, NIGHT_ENDS = 22, 6
_OUTLIERS_SHOWN = 20
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
    ``instead_of`` is for whom the person stood in at that moment.
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
    instead_of: Sequence[str] = ()


@dataclass(frozen=True)
class Reader:
    """Somebody who read a case: how often, and when last; ``person`` "" for who has no name."""

    agency_id: uuid.UUID | None
    viewer: str
    agency: str
    person: str
    times: int
    last: dt.datetime


@dataclass(frozen=True)
class StaffReading:
    """A member of the staff read a case: its reference and slices, and nothing of what it says."""

    id: uuid.UUID
    at: dt.datetime
    person: str
    reference: str
    slices: Sequence[str]
    instead_of: Sequence[str] = ()


@dataclass(frozen=True)
class Count:
    """What an agency's people, or one person, did in a month.

    ``busiest`` is the largest number of different cases that one person opened within one hour by
    the clock, ``night`` how many cases were opened between 22:00 and 6:00 JST.
    """

    agency_id: uuid.UUID
    agency: str
    account_id: uuid.UUID | None
    person: str
    people: int
    reads: int
    cases: int
    lists: int
    refused: int
    busiest: int
    night: int

    @property
    def stands_out(self) -> bool:
        """Return whether somebody should ask why."""
        return self.busiest > MANY_AN_HOUR or self.refused >= MANY_REFUSALS or self.night > 0


@dataclass(frozen=True)
class Counts:
    """A page of counts; ``more`` says whether another follows."""

    rows: Sequence[Count]
    more: bool = False


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
    names = account_names(session, {row.AuditEvent.account_id for row in page.rows} - {None})
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


def readings(
    session: Session,
    case_id: uuid.UUID,
    cursor: Cursor | None = None,
    agency_id: uuid.UUID | None = None,
) -> Page:
    """Return a page of who read a case, or which of an agency, newest first; seven queries."""
    listed = _events().where(
        m.AuditEvent.case_id == case_id, m.AuditEvent.event == Event.CASE_READ.value
    )
    if agency_id is not None:
        listed = listed.where(m.AuditEvent.agency_id == agency_id)
    page = _page(session, listed, cursor)
    names = account_names(session, {row.AuditEvent.account_id for row in page.rows} - {None})
    reasons = _reasons(session, page.rows)
    stood = stood_in(session, [row.AuditEvent for row in page.rows])
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
            stood.get(row.id, ()),
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


def readers(session: Session, case_id: uuid.UUID) -> list[Reader]:
    """Return who read a case, by agency and person, who read it last first; three queries."""
    event = m.AuditEvent
    last = func.max(event.happened_at)
    found = session.execute(
        select(event.agency_id, event.viewer, m.Agency.name, event.account_id, func.count(), last)
        .outerjoin(m.Agency, m.Agency.id == event.agency_id)
        .where(event.case_id == case_id, event.event == Event.CASE_READ.value)
        .group_by(event.agency_id, event.viewer, m.Agency.name, event.account_id)
        .order_by(last.desc())
    ).all()
    names: dict[Any, str] = account_names(session, {row.account_id for row in found} - {None})
    return [
        Reader(agency_id, viewer, agency or "", names.get(account_id, ""), times, at)
        for agency_id, viewer, agency, account_id, times, at in found
    ]


def staff_readings(
    session: Session,
    agency_id: uuid.UUID,
    *,
    since: dt.datetime,
    until: dt.datetime,
    account_id: uuid.UUID | None = None,
    cursor: Cursor | None = None,
) -> Page:
    """Return a page of which cases an agency's staff read, newest first; five queries.

    The rules show a manager what concerns cases that are shared with the agency at present, and
    nothing of a case that is hidden from the manager.

    Args:
        session: of the agency's manager.
        agency_id: whose staff.
        since, until: a stretch of time, the end exclusive (UTC).
        account_id: one of them alone.
        cursor: of the address.

    """
    listed = _events().where(
        m.AuditEvent.agency_id == agency_id,
        m.AuditEvent.event == Event.CASE_READ.value,
        m.AuditEvent.happened_at >= since,
        m.AuditEvent.happened_at < until,
    )
    if account_id is not None:
        listed = listed.where(m.AuditEvent.account_id == account_id)
    page = _page(session, listed, cursor)
    names = account_names(session, {row.AuditEvent.account_id for row in page.rows} - {None})
    references = _references(session, {row.AuditEvent.case_id for row in page.rows})
    stood = stood_in(session, [row.AuditEvent for row in page.rows])
    rows = [
        StaffReading(
            row.id,
            row.happened_at,
            names.get(row.AuditEvent.account_id, ""),
            references.get(row.AuditEvent.case_id, ""),
            row.AuditEvent.details["slices"],
            stood.get(row.id, ()),
        )
        for row in page.rows
    ]
    return Page(rows, page.newer, page.older)


def _references(session: Session, case_ids: set[Any]) -> dict[Any, str]:
    """Return the references that the viewer may know: of own cases, and of managed grants."""
    known: dict[Any, str] = managed_references(session, case_ids)
    own = select(m.Case.id, m.Case.reference).where(m.Case.id.in_(case_ids))
    return known | {row.id: row.reference for row in session.execute(own)}


def month_by_agency(
    session: Session, since: dt.datetime, until: dt.datetime, page: int = 1
) -> Counts:
    """Return what each agency's people did in a stretch of time, by the agencies' names."""
    return _counted(session, since, until, page=page)


def month_by_person(
    session: Session,
    since: dt.datetime,
    until: dt.datetime,
    *,
    agency_id: uuid.UUID | None = None,
    page: int | None = 1,
) -> Counts:
    """Return what each person did in a stretch of time, who read most first; three queries.

    Args:
        session: of the audit officer.
        since, until: the end exclusive (UTC).
        agency_id: one agency's people, or everybody.
        page: from 1 on, or None for everything at once, as for an export.

    """
    return _counted(session, since, until, by_person=True, agency_id=agency_id, page=page)


def outliers(session: Session, since: dt.datetime, until: dt.datetime) -> list[Count]:
    """Return who stands out in a stretch of time, the most striking first; at most twenty."""
    found = _counted(session, since, until, by_person=True, striking=True)
    return list(found.rows[:_OUTLIERS_SHOWN])


def _counted(
    session: Session,
    since: dt.datetime,
    until: dt.datetime,
    *,
    by_person: bool = False,
    striking: bool = False,
    agency_id: uuid.UUID | None = None,
    page: int | None = 1,
) -> Counts:
    counts, columns = _counting(since, until, by_person=by_person, agency_id=agency_id)
    if striking:
        counts = counts.where(
            or_(
                columns["busiest"] > MANY_AN_HOUR,
                columns["refused"] >= MANY_REFUSALS,
                columns["night"] > 0,
            )
        ).order_by(columns["busiest"].desc(), columns["refused"].desc(), columns["night"].desc())
    elif by_person:
        counts = counts.order_by(m.Agency.name, columns["reads"].desc(), columns["account_id"])
    else:
        counts = counts.order_by(m.Agency.name, m.Agency.id)
    if page is not None:
        counts = counts.limit(PAGE + 1).offset((page - 1) * PAGE)
    found = session.execute(counts).mappings().all()
    shown = found if page is None else found[:PAGE]
    names = account_names(session, {row["account_id"] for row in shown} - {None})
    rows = [Count(person=names.get(row["account_id"], ""), **row) for row in shown]
    return Counts(rows, more=len(found) > len(shown))


def _counting(
    since: dt.datetime, until: dt.datetime, *, by_person: bool, agency_id: uuid.UUID | None
) -> tuple[Any, Any]:
    """Return the counts of a stretch of time as a statement, and its columns by name."""
    event, at = m.AuditEvent, func.timezone("UTC", m.AuditEvent.happened_at)
    is_read = event.event == Event.CASE_READ.value
    # In Japan it is nine hours later, and there is no summer time.
    hour = (func.extract("hour", at) + literal_column("9")) % literal_column("24")
    whom = [
        event.happened_at >= since,
        event.happened_at < until,
        event.account_id.is_not(None),
        event.agency_id.is_not(None),
        *([] if agency_id is None else [event.agency_id == agency_id]),
    ]
    in_hour = (
        select(
            event.agency_id,
            event.account_id,
            func.count(event.case_id.distinct()).label("cases"),
        )
        .where(*whom, is_read)
        .group_by(event.agency_id, event.account_id, func.date_trunc("hour", at))
        .subquery("in_hour")
    )
    keys = [event.agency_id, event.account_id] if by_person else [event.agency_id]
    busy_keys = [in_hour.c[key.key] for key in keys]
    busy = (
        select(*busy_keys, func.max(in_hour.c.cases).label("busiest"))
        .group_by(*busy_keys)
        .subquery("busy")
    )
    done = (
        select(
            *keys,
            func.count(event.account_id.distinct()).label("people"),
            func.count().filter(is_read).label("reads"),
            func.count(event.case_id.distinct()).filter(is_read).label("cases"),
            func.count().filter(event.event == Event.CASE_LISTED.value).label("lists"),
            func.count().filter(event.event == Event.REFUSED.value).label("refused"),
            func.count()
            .filter(is_read, or_(hour >= NIGHT_BEGINS, hour < NIGHT_ENDS))
            .label("night"),
        )
        .where(*whom)
        .group_by(*keys)
        .subquery("done")
    )
    columns = {
        **{name: done.c[name] for name in ("people", "reads", "cases", "lists", "refused")},
        "night": done.c.night,
        "busiest": func.coalesce(busy.c.busiest, literal_column("0")),
        "account_id": done.c.account_id if by_person else null(),
    }
    same = [done.c[key.key] == busy.c[key.key] for key in keys]
    counts: Any = (
        select(
            done.c.agency_id,
            m.Agency.name.label("agency"),
            *(column.label(name) for name, column in columns.items()),
        )
        .select_from(done)
        .join(m.Agency, m.Agency.id == done.c.agency_id)
        .outerjoin(busy, and_(*same))
    )
    return counts, columns
