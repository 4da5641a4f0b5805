"""What the page of notifications shows, and how many of them nobody has read yet."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import number_of
from portal.database import standing
from portal.policy.hot import hot
from portal.policy.permissions import Action, allows, require
from portal.policy.terms import clock, holds, live_grants, on_call
from portal.policy.viewer import AGENCY
from portal.queries.administration import team_of
from portal.queries.cases import child_names
from portal.queries.directory import account_names
from portal.queries.paging import Cursor, Page, newest_first
from portal.working_hours import instant_to_inclusive

PAGE = 30
# Nobody counts on from here.
COUNTED = 100


@dataclass(frozen=True)
class Told:
    """One notification: what kind of thing, of which case or consultation, and by when.

    ``name`` is a reference or number, ``called`` the child where the viewer may know the name,
    ``detail`` the code of the action's kind, or ""; ``due_on`` the last day (JST). ``alarm`` is
    the alarm that still rings.
    """

    id: uuid.UUID
    kind: str
    name: str
    called: str
    detail: str
    at: dt.datetime
    due_on: dt.date | None
    is_read: bool
    alarm: uuid.UUID | None


@dataclass(frozen=True)
class Ringing:
    """An alarm that nobody confirmed yet: of which case or consultation, and since when."""

    id: uuid.UUID
    name: str
    since: dt.datetime


@dataclass(frozen=True)
class Goal:
    """Where a notification leads: the page by its name, and the id in its address."""

    kind: str
    case_id: uuid.UUID | None
    action_id: uuid.UUID | None
    entry_id: uuid.UUID | None
    item_id: uuid.UUID | None
    about_id: uuid.UUID


def _counting() -> Select[Any]:
    unread = (
        select(m.Notification.id)
        .where(m.Notification.read_at.is_(None))
        .limit(literal_column(str(COUNTED + 1)))
    )
    return select(func.count()).select_from(unread.subquery())


# It stands at the head of every page.
_UNREAD = hot("notifications: how many", _counting())


def count_unread(session: Session) -> int:
    """Return how many notifications the viewer has not read, counted up to ``COUNTED``."""
    return session.execute(_UNREAD).scalar_one()  # type: ignore[no-any-return]


def list_notifications(session: Session, cursor: Cursor | None = None) -> Page:
    """Return a page of what the viewer was told, newest first; only what still shows.

    The references and numbers on it are noted in the log as a list.
    """
    row = m.Notification
    columns: tuple[Any, ...] = (
        *(row.id, row.kind, row.case_id, row.thread_id, row.due_at, row.recorded_at, row.read_at),
        m.Case.reference,
        m.Action.kind.label("action_kind"),
        m.Consultation.id.label("consultation_id"),
        m.Alarm.id.label("alarm_id"),
    )
    statement = (
        select(*columns)
        .select_from(row)
        .outerjoin(m.Case, m.Case.id == row.case_id)
        .outerjoin(m.Action, m.Action.id == row.action_id)
        .outerjoin(m.Consultation, m.Consultation.thread_id == row.thread_id)
        .outerjoin(m.Alarm, (m.Alarm.id == row.about_id) & m.Alarm.confirmed_at.is_(None))
    )
    page = newest_first(session, statement, row.recorded_at, row.id, cursor=cursor, size=PAGE)
    cases = {each.case_id for each in page.rows if each.case_id is not None}
    record_listed(session, Event.CASE_LISTED, cases)
    told_of = {each.consultation_id for each in page.rows if each.consultation_id is not None}
    record_listed(session, Event.CONSULTATION_LISTED, told_of)
    names = child_names(session, sorted(cases)) if _lists(session) else {}
    return Page([_told(each, names) for each in page.rows], newer=page.newer, older=page.older)


def _lists(session: Session) -> bool:
    # The police see one case at a time and never list (domain.md §1): here only its reference.
    return allows(standing(session), Action.LIST_CASES)


def _told(each: Any, names: dict[uuid.UUID, str]) -> Told:
    return Told(
        each.id,
        each.kind,
        each.reference or number_of(each.thread_id),
        names.get(each.case_id, ""),
        each.action_kind or "",
        each.recorded_at,
        None if each.due_at is None else instant_to_inclusive(each.due_at),
        each.read_at is not None,
        each.alarm_id,
    )


def goal_of(session: Session, notification: m.Notification) -> Goal:
    """Return where a notification leads; a consultation to the own desk's item of it."""
    item = select(m.InboxItem.id).where(
        m.InboxItem.thread_id == notification.thread_id, m.InboxItem.agency_id == AGENCY
    )
    return Goal(
        notification.kind,
        notification.case_id,
        notification.action_id,
        notification.entry_id,
        session.scalars(item).first(),
        notification.about_id,
    )


def ringing(session: Session) -> list[Ringing]:
    """Return the alarms of the viewer's centre that nobody confirmed yet, the oldest first."""
    alarms = (
        select(m.Alarm.id, m.Alarm.case_id, m.Alarm.thread_id, m.Alarm.began_at, m.Case.reference)
        .outerjoin(m.Case, m.Case.id == m.Alarm.case_id)
        .where(m.Alarm.confirmed_at.is_(None))
        .order_by(m.Alarm.began_at, m.Alarm.id)
    )
    found = session.execute(alarms).all()
    record_listed(session, Event.CASE_LISTED, [each.case_id for each in found if each.case_id])
    return [
        Ringing(each.id, each.reference or number_of(each.thread_id), each.began_at)
        for each in found
    ]


@dataclass(frozen=True)
class Hearers:
    """Whom the writer of an entry can ask to read it: colleagues by name, agencies by name."""

    colleagues: Mapping[uuid.UUID, str]
    agencies: Mapping[uuid.UUID, str]


def hearers(session: Session, case: m.Case) -> Hearers:
    """Return whom the viewer can ask to read what is written into a case.

    The owner its own people and the agencies that some grant admits; another agency the team that
    reads there. The owner's workers hear of what an agency writes anyway.
    """
    acting = require(standing(session), Action.POST)
    now, me = clock(session), session.info["viewer"].account_id
    if case.owner_agency_id != acting.agency_id:
        team = [row.account_id for row in team_of(session, acting.agency_id) if row.live]
        return Hearers(_named(session, team, me), {})
    shut_out = select(m.Exclusion.account_id).where(
        m.Exclusion.case_id == case.id, holds(m.Exclusion, now)
    )
    excluded = set(session.scalars(shut_out))
    people = [each for each in on_call(session, acting.agency_id) if each not in excluded]
    admitted = live_grants(case.id, now).with_only_columns(m.Grant.agency_id)
    agencies = select(m.Agency.id, m.Agency.name).where(m.Agency.id.in_(admitted))
    found = session.execute(agencies.order_by(m.Agency.name, m.Agency.id))
    return Hearers(_named(session, people, me), {each.id: each.name for each in found})


def _named(session: Session, people: Sequence[uuid.UUID], me: uuid.UUID) -> dict[uuid.UUID, str]:
    names = account_names(session, people)
    return {each: names[each] for each in people if each in names and each != me}
