"""A case at a glance: who did something in which week, what was asked until when, who is silent.

It holds no word of anybody: agencies, days and numbers of what the viewer may read anyway.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, literal_column, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import standing
from portal.policy.explain import named_author
from portal.policy.terms import clock, live_grants
from portal.policy.visibility import by_grant, by_owner
from portal.queries.directory import agency_names
from portal.queries.sheet import note_read
from portal.vocabulary import EXPERT_TYPES
from portal.working_hours import JST

WEEKS_BACK, WEEKS_AHEAD = 11, 4
# An agency that shares the case and did nothing for four weeks is asked how it is going.
SILENT = dt.timedelta(days=28)
# So many entries, and so many steps, are looked at.
NEWEST = 2_000


@dataclass(frozen=True)
class AgencyWeeks:
    """How often an agency wrote or moved something in each week; ``agency`` is "" where hidden."""

    agency: str
    counts: tuple[int, ...]
    last_on: dt.date


@dataclass(frozen=True)
class Bar:
    """One measure from the week it was asked in to the week it is due in, as column numbers."""

    id: uuid.UUID
    agency: str
    kind: str
    status: str
    first: int
    last: int
    asked_on: dt.date
    due_on: dt.date
    overdue: bool


@dataclass(frozen=True)
class Glance:
    """The picture: ``weeks`` are Mondays (JST), ``now`` the column of this week.

    ``silent`` is told the owner alone, who knows to whom the case is open.
    """

    weeks: tuple[dt.date, ...]
    now: int
    rows: Sequence[AgencyWeeks]
    bars: Sequence[Bar]
    silent: Sequence[str]


def read_glance(session: Session, case: m.Case) -> Glance:
    """Return a case at a glance as the viewer sees it; a constant number of queries.

    Args:
        session: of the viewer; that the case was read is noted for the log.
        case: visible to the viewer.

    """
    today = _day(clock(session))
    monday = today - dt.timedelta(days=today.weekday() + 7 * WEEKS_BACK)
    weeks = tuple(
        monday + dt.timedelta(days=7 * number) for number in range(WEEKS_BACK + 1 + WEEKS_AHEAD)
    )
    moments, actions = _moments(session, case), _actions(session, case)
    sharing = _sharing(session, case)
    names = agency_names(
        session, {*(who for who, _at in moments if who), *(a.agency_id for a in actions), *sharing}
    )
    note_read(session, case)
    lately = {who for who, on in moments if on > today - SILENT}
    return Glance(
        weeks,
        WEEKS_BACK,
        _rows(moments, weeks, names),
        [_bar(action, names, weeks, today) for action in actions],
        sorted(names[who] for who in sharing - lately),
    )


def _day(moment: dt.datetime) -> dt.date:
    return moment.astimezone(JST).date()


def _moments(session: Session, case: m.Case) -> list[tuple[uuid.UUID | None, dt.date]]:
    """Return who wrote an entry or moved a measure, and on which day; the newest of them."""
    entry, step = m.Entry, m.ActionEvent
    shown: ColumnElement[bool] = or_(by_owner(entry), by_grant(entry))
    statements: Sequence[Any] = (
        select(named_author(entry), entry.written_at)
        .where(entry.case_id == case.id, shown)
        .order_by(entry.written_at.desc()),
        select(step.agency_id, step.happened_at)
        .where(step.case_id == case.id)
        .order_by(step.happened_at.desc()),
    )
    newest: ColumnElement[int] = literal_column(str(NEWEST))
    return [
        (who, _day(at))
        for statement in statements
        for who, at in session.execute(statement.limit(newest))
    ]


def _actions(session: Session, case: m.Case) -> Sequence[m.Action]:
    action = m.Action
    return session.scalars(
        select(action).where(action.case_id == case.id).order_by(action.asked_at, action.id)
    ).all()


def _sharing(session: Session, case: m.Case) -> set[uuid.UUID]:
    """Return to whom the case is open, if the viewer is its owner; experts never write into it."""
    acting = standing(session)
    if acting is None or not acting.owns(case):
        return set()
    grants = live_grants(case.id, clock(session)).subquery()
    agencies = select(m.Agency.id).where(
        m.Agency.id.in_(select(grants.c.agency_id)), m.Agency.type.not_in(EXPERT_TYPES)
    )
    return set(session.scalars(agencies))


def _rows(
    moments: Iterable[tuple[uuid.UUID | None, dt.date]],
    weeks: Sequence[dt.date],
    names: Mapping[uuid.UUID, str],
) -> list[AgencyWeeks]:
    days: dict[str, list[dt.date]] = defaultdict(list)
    for who, on in moments:
        days["" if who is None else names[who]].append(on)
    rows = []
    for agency, all_days in days.items():
        counts = [0] * len(weeks)
        for on in all_days:
            if on >= weeks[0]:
                counts[_column(on, weeks)] += 1
        rows.append(AgencyWeeks(agency, tuple(counts), max(all_days)))
    return sorted(rows, key=lambda row: (row.last_on, row.agency), reverse=True)


def _bar(
    action: m.Action, names: Mapping[uuid.UUID, str], weeks: Sequence[dt.date], today: dt.date
) -> Bar:
    asked_on = _day(action.asked_at)
    return Bar(
        action.id,
        names[action.agency_id],
        action.kind,
        action.status,
        _column(asked_on, weeks),
        _column(max(action.due_on, asked_on), weeks),
        asked_on,
        action.due_on,
        overdue=action.status in action.OPEN and action.due_on < today,
    )


def _column(on: dt.date, weeks: Sequence[dt.date]) -> int:
    """Return the number of a day's week, the first or last one where it lies outside."""
    return min(max((on - weeks[0]).days // 7, 0), len(weeks) - 1)
