"""What waits for somebody: what is due first at the top, overdue before all, a few of each kind.

Each kind costs the same number of queries however much there is: one that counts, one that reads.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Select,
    and_,
    column,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import number_of
from portal.policy.permissions import Action, Standing, allows
from portal.policy.unread import unread
from portal.policy.viewer import ACCOUNT, AGENCY, DIRECTOR
from portal.queries.administration import grants_ending, team_of
from portal.queries.cases import child_names, count_cases, list_cases
from portal.queries.covers import worked_on
from portal.queries.inbox import COUNTED
from portal.queries.notifications import ringing
from portal.working_hours import add_working_days, jst

# So many of each kind stand on the first page; the rest is a click away.
SHOWN = 5
SOON = dt.timedelta(days=7)
# So long before its end a manager hears of a share, in time to ask the centre about it.
ENDING = dt.timedelta(days=14)
# By when the second person looks at an emergency (domain.md §3.4).
A_DAY = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Item:
    """One thing that waits: its number or reference, a code of its kind, and by when it is due.

    ``due`` is a date in JST or an instant (UTC), None where nothing was set: then it is overdue.
    ``called`` is the child of the case ``case_id``, where the viewer may know the name; ``alarm``
    is ``urgent`` or ``suspected_abuse``.
    """

    id: uuid.UUID | None
    name: str
    code: str = ""
    due: dt.date | None = None
    late: bool = False
    case_id: uuid.UUID | None = None
    called: str = ""
    alarm: str = ""


@dataclass(frozen=True)
class Waiting:
    """Everything of one kind that waits: how much, and the first of it."""

    kind: str
    count: int
    items: Sequence[Item]

    @property
    def late(self) -> bool:
        """Return whether the first of it is overdue."""
        return any(item.late for item in self.items)

    @property
    def asks(self) -> bool:
        """Return whether it asks something of the viewer, and is not only there to look at."""
        return self.kind not in ("cases", "reports")


def what_waits(session: Session, standing: Standing, now: dt.datetime) -> list[Waiting]:
    """Return what waits for somebody of this standing, kind by kind.

    Kinds with something overdue come first, then what asks for something, then what there is to
    look at, and what is empty at the end.

    Args:
        session: of that person; it sees no more than its rules let it.
        standing: says which kinds there are.
        now: the present instant, to say what is overdue.

    """
    found = [reading(session, standing, now) for applies, reading in _READINGS if applies(standing)]
    ids = {item.case_id for each in found for item in each.items if item.case_id is not None}
    names = child_names(session, sorted(ids))
    named = [
        replace(each, items=[replace(item, called=_called(item, names)) for item in each.items])
        for each in found
    ]
    return sorted(named, key=lambda each: (not each.late, not each.count, not each.asks))


def _called(item: Item, names: Mapping[uuid.UUID, str]) -> str:
    return item.called if item.case_id is None else names.get(item.case_id, "")


def how_much(waiting: Sequence[Waiting]) -> int:
    """Return how much asks for something, for the title of the window."""
    return sum(each.count for each in waiting if each.asks)


def _inbox(session: Session, _standing: Standing, now: dt.datetime) -> Waiting:
    waits = or_(m.InboxItem.status == "new", m.InboxItem.unread_since.is_not(None))
    row = m.InboxItem
    found = session.execute(
        select(
            row.id,
            row.thread_id,
            row.consultation_id,
            m.Consultation.topic,
            m.Consultation.urgent,
            m.Consultation.suspected_abuse,
            row.due_at,
        )
        .join(m.Consultation, m.Consultation.id == row.consultation_id)
        .where(waits)
        .order_by(row.due_at, row.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CONSULTATION_LISTED, [each.consultation_id for each in found])
    items = [
        Item(
            each.id,
            number_of(each.thread_id),
            each.topic,
            each.due_at,
            each.due_at < now,
            alarm=_alarm(each),
        )
        for each in found
    ]
    return Waiting("inbox", _count(session, select(row.id).where(waits)), items)


def _alarm(consultation: Any) -> str:
    if consultation.urgent:
        return "urgent"
    return "suspected_abuse" if consultation.suspected_abuse else ""


def _mine(standing: Standing, case_id: Any) -> ColumnElement[bool]:
    """Return whether a case is one of those that somebody of the centre answers for."""
    if standing.role == DIRECTOR:
        everyones: ColumnElement[bool] = case_id.is_not(None)
        return everyones
    mine: ColumnElement[bool] = case_id.in_(worked_on())
    return mine


def _checks(session: Session, standing: Standing, now: dt.datetime) -> Waiting:
    today = jst(now).date()
    due = _due(standing, today + SOON)
    cases = (
        select(m.Case.id, m.Case.reference, m.Case.status, due.c.check_on)
        .join(due, due.c.case_id == m.Case.id)
        .where(m.Case.owner_agency_id == AGENCY)
    )
    found = session.execute(
        cases.order_by(due.c.check_on, m.Case.id).limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CASE_LISTED, [each.id for each in found])
    items = [
        Item(
            each.id,
            each.reference,
            each.status,
            None if each.check_on == m.CaseAccess.NEVER else each.check_on,
            each.check_on < today,
            each.id,
        )
        for each in found
    ]
    return Waiting("checks", _count(session, cases.with_only_columns(m.Case.id)), items)


def _due(standing: Standing, until: dt.date) -> FromClause:
    """Return the open cases that are looked at by a day (JST): the own, or for the director all."""
    if standing.role == DIRECTOR:
        rows = func.due_checks(until, COUNTED).table_valued("case_id", column("check_on", Date))
        return rows.render_derived()
    access = m.CaseAccess
    return (
        select(access.case_id, access.check_on)
        .where(access.check_on <= until, _mine(standing, access.case_id))
        .subquery()
    )


def _tasks(session: Session, standing: Standing, now: dt.datetime) -> Waiting:
    # An emergency stands by itself, for whom it waits.
    waits = (
        m.Task.done_at.is_(None),
        m.Task.kind != m.Task.EMERGENCY,
        _mine(standing, m.Task.case_id),
    )
    found = session.execute(
        select(m.Task.kind, m.Task.due_at, m.Case.id, m.Case.reference)
        .join(m.Case, m.Case.id == m.Task.case_id)
        .where(*waits)
        .order_by(m.Task.due_at, m.Task.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CASE_LISTED, {each.id for each in found})
    items = [
        Item(each.id, each.reference, each.kind, each.due_at, each.due_at < now, each.id)
        for each in found
    ]
    return Waiting("tasks", _count(session, select(m.Task.id).where(*waits)), items)


def _alarms(session: Session, _standing: Standing, _now: dt.datetime) -> Waiting:
    """Read which alarms nobody has in hand yet."""
    found = ringing(session)
    items = [Item(each.id, each.name, "ringing", each.since, late=True) for each in found]
    return Waiting("alarms", len(found), items)


def _emergencies(session: Session, standing: Standing, now: dt.datetime) -> Waiting:
    """Read which emergencies are not reviewed yet: the director's all, the second person's own."""
    row = m.Emergency
    mine = row.id.is_not(None) if standing.role == DIRECTOR else row.second_id == ACCOUNT
    waits = (row.owner_agency_id == AGENCY, row.reviewed_at.is_(None), mine)
    found = session.execute(
        select(row.id, row.case_id, row.kind, row.decision, row.started_at, m.Case.reference)
        .join(m.Case, m.Case.id == row.case_id)
        .where(*waits)
        .order_by(row.started_at, row.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CASE_LISTED, {each.case_id for each in found})
    items = [
        Item(
            each.id,
            each.reference,
            each.kind,
            each.started_at + A_DAY,
            each.started_at + A_DAY < now,
            each.case_id,
        )
        for each in found
    ]
    return Waiting("emergencies", _count(session, select(row.id).where(*waits)), items)


def _proposals(session: Session, _standing: Standing, now: dt.datetime) -> Waiting:
    """Read which shares by law wait for the director's decision."""
    row = m.ShareProposal
    waits = (row.owner_agency_id == AGENCY, row.decision.is_(None), row.proposed_by != ACCOUNT)
    found = session.execute(
        select(row.id, row.case_id, row.proposed_at, m.Case.reference)
        .join(m.Case, m.Case.id == row.case_id)
        .where(*waits)
        .order_by(row.proposed_at, row.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CASE_LISTED, {each.case_id for each in found})
    due = [add_working_days(each.proposed_at, 1) for each in found]
    items = [
        Item(each.id, each.reference, "proposed", by, by < now, each.case_id)
        for each, by in zip(found, due, strict=True)
    ]
    return Waiting("proposals", _count(session, select(row.id).where(*waits)), items)


def _unread(session: Session, standing: Standing, _now: dt.datetime) -> Waiting:
    """Read which shares nobody reads: the centre is told, for nobody else would notice."""
    waits = (m.Grant.owner_agency_id == AGENCY, _is_unread(standing))
    found = session.execute(
        select(m.Case.id, m.Case.reference, m.Agency.name)
        .select_from(m.Grant)
        .join(m.Case, m.Case.id == m.Grant.case_id)
        .join(m.Agency, m.Agency.id == m.Grant.agency_id)
        .where(*waits)
        .order_by(m.Grant.valid_from, m.Grant.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CASE_LISTED, {each.id for each in found})
    items = [Item(each.id, each.reference, each.name, case_id=each.id) for each in found]
    return Waiting("unread", _count(session, select(m.Grant.id).where(*waits)), items)


def _is_unread(standing: Standing) -> ColumnElement[bool]:
    """Return whether nobody reads a grant: of the own cases, or for the director of all."""
    if standing.role == DIRECTOR:
        few = select(func.unread_grants(COUNTED)).scalar_subquery()
        everywhere: ColumnElement[bool] = m.Grant.id.in_(few)
        return everywhere
    own: ColumnElement[bool] = and_(unread(m.Grant), _mine(standing, m.Grant.case_id))
    return own


def _actions(session: Session, standing: Standing, now: dt.datetime) -> Waiting:
    """Read what the agency was asked; at the centre, what it asked for and is overdue.

    A counsellor hears of the own cases, and what nobody did comes up to the director.
    """
    today = jst(now).date()
    row = m.Action
    waits: tuple[ColumnElement[bool], ...] = (row.agency_id == AGENCY, row.status.in_(row.OPEN))
    if standing.at_centre:
        waits = (
            row.owner_agency_id == AGENCY,
            row.status.in_(row.OPEN),
            row.due_on < today,
            _mine(standing, row.case_id),
        )
    found = session.execute(
        select(row.id, row.kind, row.due_on, row.case_id, m.Case.reference)
        .join(m.Case, m.Case.id == row.case_id)
        .where(*waits)
        .order_by(row.due_on, row.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    record_listed(session, Event.CASE_LISTED, {each.case_id for each in found})
    items = [
        Item(each.id, each.reference, each.kind, each.due_on, each.due_on < today, each.case_id)
        for each in found
    ]
    kind = "asked" if standing.at_centre else "actions"
    return Waiting(kind, _count(session, select(row.id).where(*waits)), items)


def _cases(session: Session, _standing: Standing, _now: dt.datetime) -> Waiting:
    """Read which cases moved last."""
    items = [
        Item(row.id, row.reference, row.status, row.last_activity, called=row.called)
        for row in list_cases(session).rows[:SHOWN]
    ]
    return Waiting("cases", count_cases(session), items)


def _shares(session: Session, standing: Standing, now: dt.datetime) -> Waiting:
    """Read which shares with the agency end soon, or are read by nobody, for its manager.

    A manager sees that there is a share, not what it opens (rule 7). Who is named in a share may
    read without a team, so an empty team is a question to the manager and no certainty.
    """
    team = any(member.live for member in team_of(session, standing.agency_id))
    before = now + ENDING if team else None
    rows, count = grants_ending(session, standing.agency_id, before=before, most=SHOWN)
    kind = "ending" if team else "unread"
    found = [Item(None, row.reference, kind, row.until, not team) for row in rows]
    return Waiting("shares", count, found)


def _briefs(session: Session, _standing: Standing, _now: dt.datetime) -> Waiting:
    """Read which matters wait for advice; before a conflict is declared only the parties show."""
    advised = select(m.Advice.brief_id).where(m.Advice.account_id == ACCOUNT)
    in_conflict = select(m.ConflictDeclaration.brief_id).where(
        m.ConflictDeclaration.account_id == ACCOUNT, m.ConflictDeclaration.conflict
    )
    waits = select(m.BriefParty.brief_id).where(
        m.BriefParty.brief_id.not_in(advised), m.BriefParty.brief_id.not_in(in_conflict)
    )
    return Waiting("briefs", _count(session, waits), [])


def _reports(session: Session, _standing: Standing, _now: dt.datetime) -> Waiting:
    """Read what came of the viewer's own reports, by date: a reply, or that none is there yet."""
    row = m.Thread
    replied = (
        select(func.count(m.ThreadMessage.id))
        .where(m.ThreadMessage.thread_id == row.id, m.ThreadMessage.agency_id.is_not(None))
        .correlate(row)
        .scalar_subquery()
    )
    own = row.account_id == ACCOUNT
    found = session.execute(
        select(row.id, row.opened_at, replied.label("replies"))
        .where(own)
        .order_by(row.opened_at.desc(), row.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    items = [
        Item(each.id, number_of(each.id), "replied" if each.replies else "waiting", each.opened_at)
        for each in found
    ]
    return Waiting("reports", _count(session, select(row.id).where(own)), items)


def _count(session: Session, listed: Select[Any]) -> int:
    """Return how many rows there are, counted up to ``COUNTED``."""
    few = listed.order_by(None).limit(literal_column(str(COUNTED)))
    return session.execute(select(func.count()).select_from(few.subquery())).scalar_one()


def _to(action: Action) -> Callable[[Standing], bool]:
    return lambda standing: allows(standing, action)


def _lists_few(standing: Standing) -> bool:
    """Return whether the cases are a handful; at the centre what is due says more than a list."""
    return allows(standing, Action.LIST_CASES) and not standing.at_centre


def _manages_readers(standing: Standing) -> bool:
    return allows(standing, Action.MANAGE) and standing.reads_by_team


_READINGS: tuple[
    tuple[Callable[[Standing], bool], Callable[[Session, Standing, dt.datetime], Waiting]], ...
] = (
    (_to(Action.COORDINATE), _alarms),
    (_to(Action.COORDINATE), _emergencies),
    (_to(Action.READ_INBOX), _inbox),
    (_to(Action.APPROVE), _proposals),
    (_to(Action.COORDINATE), _tasks),
    (_to(Action.COORDINATE), _checks),
    (_to(Action.COORDINATE), _unread),
    (_to(Action.WORK_ACTION), _actions),
    (_to(Action.ADVISE), _briefs),
    (_manages_readers, _shares),
    (_lists_few, _cases),
    (_to(Action.READ_OWN_REPORTS), _reports),
)
