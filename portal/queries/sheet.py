"""One case as the viewer sees it: its slices with their entries, and what its owner must know.

The number of queries is the same for one entry and for a hundred (performance.md).
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import standing
from portal.policy.explain import GRANT, LANES, OWNER, deciding_grant, named_author
from portal.policy.hot import hot
from portal.policy.unread import unread
from portal.policy.viewer import CLOCK
from portal.policy.visibility import admits, by_owner, probe
from portal.queries.cases import among, child_names, name_of
from portal.queries.directory import account_names, account_profiles, agency_names
from portal.queries.paging import Cursor, beyond, directed
from portal.queries.reasons import Reason, reason_of, reasons
from portal.vault import Decision, fetch_keys, key_columns, reads, reveal, take_keys
from portal.vocabulary import SLICES, lane

_ONE: ColumnElement[int] = literal_column("1")
# Entries on one page of a case, so that it weighs no more than 100 kB; older ones are a page of
# their own.
TIMELINE = 30
# What was said lately stands open, the rest behind its title.
LATELY = 5


@dataclass(frozen=True)
class Subject:
    """Whose data an entry is, as far as the viewer may know: ``kind`` is "" where it may not."""

    id: uuid.UUID
    kind: str = ""
    relationship: str | None = None
    called: str = ""
    is_child: bool = False


@dataclass(frozen=True)
class EntryRow:
    """One entry with what opened it; ``author`` is "" outside the own agency and the centre.

    ``heard_from`` is who of the agency told it to the centre by phone, "" where it wrote it itself;
    ``is_new`` whether somebody else wrote it after the viewer's last visit.
    """

    id: uuid.UUID
    slice: str
    at: dt.datetime
    subject: Subject
    agency: str
    author: str
    text: str
    reason: Reason
    may_retract: bool
    heard_from: str
    is_new: bool


@dataclass(frozen=True)
class Section:
    """The entries of one slice, newest first."""

    slice: str
    entries: Sequence[EntryRow]
    is_open: bool


@dataclass(frozen=True)
class Share:
    """A live grant as the owner sees it; without readers nobody sees anything."""

    id: uuid.UUID
    agency: str
    slices: Sequence[str]
    subject: Subject | None
    reason: Reason
    purpose: str
    readers: str | None
    begins: dt.datetime


@dataclass(frozen=True)
class Overview:
    """What the owner alone sees of a case."""

    urgency: m.UrgencyDecision | None
    met: m.ChildMeeting | None
    check: m.ProgressCheck | None
    workers: Sequence[str]
    shares: Sequence[Share]
    tasks: Sequence[m.Task]
    topics: Sequence[str]
    household: Sequence[tuple[uuid.UUID, str, str]]


@dataclass(frozen=True)
class Sheet:
    """A case on one page; ``grants`` admit the viewer, ``mine`` is what they open and why."""

    case: m.Case
    child_id: uuid.UUID | None
    called: str
    reason: Reason
    subjects: Mapping[uuid.UUID, Subject]
    sections: Sequence[Section]
    grants: Sequence[m.Grant]
    mine: Sequence[tuple[Sequence[str], Reason]]
    older: str | None
    overview: Overview | None = field(default=None)

    @property
    def new(self) -> list[EntryRow]:
        """Return the entries of this page that are new to the viewer, the newest first."""
        found = [row for part in self.sections for row in part.entries if row.is_new]
        return sorted(found, key=lambda row: row.at, reverse=True)


def read_sheet(
    session: Session,
    case: m.Case,
    cursor: Cursor | None = None,
    *,
    since: dt.datetime | None = None,
) -> Sheet:
    """Return a case with the entries that the viewer sees, and note for the log what was read.

    Args:
        session: of the viewer.
        case: visible to the viewer.
        cursor: of the address, for entries older than those of the first page.
        since: when the viewer's last visit ended (aware); None marks nothing as new.

    """
    acting = standing(session)
    owns = acting is not None and acting.owns(case)
    mine = [] if owns else _admitting(session, case)
    found = _entries(session, case, cursor)
    read = _read(session, case, found[:TIMELINE], owns=owns)
    why = reasons(mine)
    rows = [_row(session, read, each, why[each.grant_id], since) for each in read.entries]
    child = next((each for each in read.subjects.values() if each.is_child), None)
    deciding = mine[0].id if mine else None
    _note(session, case, deciding, names_shown=bool(read.subjects))
    return Sheet(
        case=case,
        child_id=None if child is None else child.id,
        called="" if child is None else child.called,
        reason=why[deciding],
        subjects=read.subjects,
        sections=_sections(rows, all_open=cursor is not None),
        grants=mine,
        mine=[(sorted(grant.slices, key=SLICES.index), why[grant.id]) for grant in mine],
        older=_older(read.entries) if len(found) > TIMELINE else None,
        overview=_overview(session, read) if owns else None,
    )


@dataclass(frozen=True)
class _Read:
    """What a page of a case is made of, its names and keys read in as few queries as can be."""

    case: m.Case
    owns: bool
    entries: Sequence[Any]
    subjects: Mapping[uuid.UUID, Subject]
    agencies: Mapping[uuid.UUID, str]
    accounts: Mapping[uuid.UUID, str]
    grants: Sequence[m.Grant]
    workers: Sequence[uuid.UUID]


def _read(session: Session, case: m.Case, entries: Sequence[Any], *, owns: bool) -> _Read:
    people = _people(session, case)
    grants = _live_grants(session, case) if owns else []
    workers = _workers(session, case) if owns else []
    authors = {entry.author_account_id for entry, *_ in entries if owns or _is_ours(session, entry)}
    profiles = account_profiles(session, {*authors, *workers, *_named(grants)})
    fetch_keys(session, [*(entry for entry, *_ in entries), *profiles])
    return _Read(
        case=case,
        owns=owns,
        entries=entries,
        subjects=_subjects(session, people),
        agencies=agency_names(
            session,
            {*(each.agency_id for each in entries if each.agency_id), *_agencies_of(grants)},
        ),
        accounts={each.account_id: reveal(session, each, "name") for each in profiles},
        grants=grants,
        workers=workers,
    )


def _row(
    session: Session, read: _Read, found: Any, reason: Reason, since: dt.datetime | None
) -> EntryRow:
    entry, rule, grant_id, agency_id = found
    ours, decision = _is_ours(session, entry), Decision(rule, grant_id)
    # What the centre wrote down for an agency was written by nobody of that.
    named = read.owns or (ours and entry.heard_from_sealed is None)
    return EntryRow(
        id=entry.id,
        slice=entry.slice,
        at=entry.written_at,
        subject=read.subjects.get(entry.subject_id, Subject(entry.subject_id)),
        agency="" if agency_id is None else read.agencies[agency_id],
        # Names of writers are for inside the own agency and for the centre (domain.md §1).
        author=read.accounts.get(entry.author_account_id, "") if named else "",
        text=reveal(session, entry, "text", decision),
        reason=reason,
        may_retract=ours or read.owns,
        heard_from=reveal(session, entry, "heard_from", decision),
        is_new=since is not None
        and entry.written_at > since
        and entry.author_account_id != session.info["viewer"].account_id,
    )


def _code(code: str) -> ColumnElement[str]:
    return literal_column(f"'{code}'")


def _entries_statement(*, older: bool) -> Select[Any]:
    """Return the statement of a case's entries, each with the rule and the grant that open it."""
    entry, table = m.Entry, m.Entry.__table__
    # Decided once a row: what opens it is asked for by the filter, the rule and the grant.
    decided = (
        select(
            table.c.id,
            by_owner(table.c).label("owned"),
            deciding_grant(table.c).label("grant_id"),
        )
        .correlate(table)
        .offset(literal_column("0"))
        .lateral("decided")
    )
    # One's own post in a slice that was taken back stays on 「自機関の記録」 and is not here.
    statement = (
        select(
            entry,
            case((decided.c.owned, _code(OWNER)), else_=_code(GRANT)).label("rule"),
            decided.c.grant_id,
            named_author(
                entry, owned=decided.c.owned, concealed=bindparam("concealed", type_=Boolean())
            ).label("agency_id"),
        )
        .join(
            decided,
            and_(
                decided.c.id == entry.id,
                or_(decided.c.owned, decided.c.grant_id.is_not(None)),
            ),
        )
        .where(entry.case_id == bindparam("case_id"))
    )
    if older:
        statement = statement.where(beyond(entry.written_at, entry.id, "older"))
    return statement.order_by(*directed(entry.written_at, entry.id, "older")).limit(
        literal_column(str(TIMELINE + 1))
    )


# Built once: the rules are long, and making them into a statement takes longer than running it.
_ENTRIES = hot("entries of a case", _entries_statement(older=False))
_OLDER_ENTRIES = hot("older entries of a case", _entries_statement(older=True))
_ADMITTING = hot(
    "grants that admit to a case",
    select(m.Grant).where(m.Grant.case_id == bindparam("case_id"), admits(m.Grant)),
)


def _of_case(model: Any) -> ColumnElement[bool]:
    of_case: ColumnElement[bool] = model.case_id == bindparam("case_id")
    return of_case


_PEOPLE = hot(
    "people of a case with their names",
    select(m.CasePerson, m.Person, *key_columns(m.PersonKey))
    .join(m.Person, m.Person.id == m.CasePerson.person_id)
    .outerjoin(m.PersonKey, m.PersonKey.scope_id == m.Person.id)
    .where(_of_case(m.CasePerson))
    .order_by(m.CasePerson.is_child.desc(), m.CasePerson.recorded_at, m.CasePerson.id),
)
_WORKERS = hot(
    "workers of a case",
    select(m.CaseWorker.account_id)
    .where(_of_case(m.CaseWorker))
    .order_by(m.CaseWorker.recorded_at, m.CaseWorker.id),
)
_LIVE_GRANTS = hot(
    "live grants of a case",
    select(m.Grant)
    .where(
        _of_case(m.Grant),
        or_(m.Grant.ended_at.is_(None), m.Grant.ended_at > CLOCK),
        or_(m.Grant.valid_until.is_(None), m.Grant.valid_until > CLOCK),
    )
    .order_by(m.Grant.valid_from, m.Grant.id),
)
_UNREAD = select(m.Grant.id).where(_of_case(m.Grant), unread(m.Grant))
_NEWEST = {
    model: hot(
        f"the newest of {model.__tablename__}",
        select(model).where(_of_case(model)).order_by(at.desc(), model.id).limit(_ONE),
    )
    for model, at in (
        (m.UrgencyDecision, m.UrgencyDecision.decided_at),
        (m.ChildMeeting, m.ChildMeeting.recorded_at),
        (m.ProgressCheck, m.ProgressCheck.checked_at),
    )
}
_TASKS = hot(
    "open tasks of a case",
    select(m.Task)
    .where(_of_case(m.Task), m.Task.done_at.is_(None))
    .order_by(m.Task.due_at, m.Task.id),
)
_TOPICS = hot(
    "topics of a case",
    select(m.CaseTopic.topic)
    .where(_of_case(m.CaseTopic))
    .order_by(m.CaseTopic.recorded_at, m.CaseTopic.topic),
)
_HOUSEHOLD = hot(
    "other cases of a household",
    select(m.Case.id, m.Case.reference)
    .join(m.HouseholdCase, m.HouseholdCase.case_id == m.Case.id)
    .where(
        m.HouseholdCase.household_id.in_(
            select(m.HouseholdCase.household_id).where(_of_case(m.HouseholdCase))
        ),
        m.Case.id != bindparam("case_id"),
    )
    .order_by(m.Case.opened_at, m.Case.id),
)


def _admitting(session: Session, case: m.Case) -> Sequence[m.Grant]:
    """Return the grants that admit the viewer, the deciding one first."""
    grants = session.scalars(_ADMITTING, {"case_id": case.id})
    return sorted(
        grants, key=lambda each: (LANES.index(lane(each.basis)), each.valid_from, each.id)
    )


def _entries(session: Session, case: m.Case, cursor: Cursor | None) -> Sequence[Any]:
    bound = {"case_id": case.id, "concealed": case.concealed}
    if cursor is None:
        return session.execute(_ENTRIES, bound).all()
    bound |= {"at": cursor.at, "id": cursor.id}
    return session.execute(_OLDER_ENTRIES, bound).all()


def _people(session: Session, case: m.Case) -> Sequence[tuple[m.CasePerson, m.Person]]:
    people = session.execute(_PEOPLE, {"case_id": case.id}).all()
    take_keys(session, "person", people)
    return [(row.CasePerson, row.Person) for row in people]


def read_subjects(session: Session, case: m.Case) -> dict[uuid.UUID, Subject]:
    """Return the people of a case whom the viewer may know, the child first."""
    return _subjects(session, _people(session, case))


def _subjects(session: Session, people: Sequence[Any]) -> dict[uuid.UUID, Subject]:
    return {
        person.id: Subject(
            person.id,
            link.subject_kind,
            link.relationship_code,
            name_of(session, person),
            link.is_child,
        )
        for link, person in people
    }


def _is_ours(session: Session, entry: m.Entry) -> bool:
    return bool(entry.author_agency_id == session.info["viewer"].agency_id)


def _agencies_of(grants: Iterable[m.Grant]) -> set[uuid.UUID]:
    return {grant.agency_id for grant in grants}


def _named(grants: Iterable[m.Grant]) -> set[uuid.UUID]:
    """Return the readers whom grants name."""
    return {who for grant in grants for who in grant.account_ids or ()}


def _sections(rows: Sequence[EntryRow], *, all_open: bool) -> list[Section]:
    """Return the slices in their fixed order; open are the latest ones, new ones and ``safety``."""
    # Who reported is not for whoever looks over a shoulder.
    new = {row.slice for row in rows if row.is_new}
    lately = ({row.slice for row in rows[:LATELY]} | new | {"safety"}) - {"reporter"}
    ordered = sorted(rows, key=lambda row: SLICES.index(row.slice))
    return [
        Section(code, list(entries), is_open=all_open or code in lately)
        for code, entries in groupby(ordered, key=lambda row: row.slice)
    ]


def _older(shown: Sequence[Any]) -> str:
    last = shown[-1][0]
    return str(Cursor(last.written_at, last.id))


def _note(session: Session, case: m.Case, grant_id: uuid.UUID | None, *, names_shown: bool) -> None:
    """Note that the case was read, also where it holds no entry for the viewer."""
    noted = reads(session)
    noted.slices.setdefault(case.id, set()).update({"basic"} if names_shown else ())
    rule = OWNER if grant_id is None else GRANT
    noted.decisions.setdefault(case.id, set()).add(Decision(rule, grant_id))


def note_read(session: Session, case: m.Case) -> None:
    """Note that the viewer looked at a case on a page that shows neither names nor words."""
    mine = _admitting(session, case)
    _note(session, case, mine[0].id if mine else None, names_shown=False)


def _workers(session: Session, case: m.Case) -> Sequence[uuid.UUID]:
    return session.scalars(_WORKERS, {"case_id": case.id}).all()


def _overview(session: Session, read: _Read) -> Overview:
    case, of_case = read.case, {"case_id": read.case.id}
    return Overview(
        urgency=_newest(session, case, m.UrgencyDecision),
        met=_newest(session, case, m.ChildMeeting),
        check=_newest(session, case, m.ProgressCheck),
        workers=[read.accounts[who] for who in read.workers if who in read.accounts],
        shares=_shares(session, read.grants, read.accounts, read.agencies, read.subjects),
        tasks=open_tasks(session, case),
        topics=session.scalars(_TOPICS, of_case).all(),
        household=_household(session, case),
    )


def open_tasks(session: Session, case: m.Case) -> Sequence[m.Task]:
    """Return what the owner has still to do by a time, the first due first."""
    return session.scalars(_TASKS, {"case_id": case.id}).all()


def _newest(session: Session, case: m.Case, model: Any) -> Any:
    return session.scalars(_NEWEST[model], {"case_id": case.id}).one_or_none()


def _live_grants(session: Session, case: m.Case) -> Sequence[m.Grant]:
    return session.scalars(_LIVE_GRANTS, {"case_id": case.id}).all()


def live_shares(session: Session, case: m.Case) -> list[Share]:
    """Return the live grants on a case as its owner sees them, by agency."""
    grants = _live_grants(session, case)
    names = account_names(session, _named(grants))
    agencies = agency_names(session, {grant.agency_id for grant in grants})
    return _shares(session, grants, names, agencies, read_subjects(session, case))


def _shares(
    session: Session,
    grants: Sequence[m.Grant],
    names: Mapping[uuid.UUID, str],
    agencies: Mapping[uuid.UUID, str],
    subjects: Mapping[uuid.UUID, Subject],
) -> list[Share]:
    teams = _reading_teams(session, grants)
    of_cases = {grant.case_id for grant in grants}
    nobody = {id_ for case_id in of_cases for id_ in session.scalars(_UNREAD, {"case_id": case_id})}
    shares = [
        Share(
            id=grant.id,
            agency=agencies[grant.agency_id],
            slices=sorted(grant.slices, key=SLICES.index),
            subject=None if grant.subject_id is None else subjects.get(grant.subject_id),
            reason=reason_of(grant),
            purpose=grant.purpose,
            readers=None if grant.id in nobody else _readers(grant, names, teams),
            begins=grant.valid_from,
        )
        for grant in grants
    ]
    return sorted(shares, key=lambda share: share.agency)


def _reading_teams(session: Session, grants: Sequence[m.Grant]) -> dict[uuid.UUID, str]:
    """Return the names of teams with a live member, by team and, for a default team, by agency."""
    team, member = m.Team, m.TeamMember
    somebody = probe(
        select(member.id).where(
            member.team_id == team.id,
            member.valid_from <= CLOCK,
            or_(member.valid_until.is_(None), member.valid_until > CLOCK),
        )
    )
    rows = session.execute(
        select(team.id, team.agency_id, team.name, team.is_default).where(
            among(team.agency_id, {grant.agency_id for grant in grants}), somebody
        )
    ).all()
    return {row.id: row.name for row in rows} | {
        row.agency_id: row.name for row in rows if row.is_default
    }


def _readers(
    grant: m.Grant, names: Mapping[uuid.UUID, str], teams: Mapping[uuid.UUID, str]
) -> str | None:
    if grant.account_ids:
        return "、".join(names[who] for who in grant.account_ids if who in names) or None
    return teams.get(grant.team_id or grant.agency_id)


def _household(session: Session, case: m.Case) -> list[tuple[uuid.UUID, str, str]]:
    """Return id, reference and name of the other children's cases of the household."""
    rows = session.execute(_HOUSEHOLD, {"case_id": case.id}).all()
    names = child_names(session, [row.id for row in rows])
    return [(row.id, row.reference, names.get(row.id, "")) for row in rows]
