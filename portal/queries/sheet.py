"""One case as the viewer sees it: its slices with their entries, and what its owner must know.

The number of queries is the same for one entry and for a hundred (performance.md).
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import standing
from portal.policy.explain import GRANT, LANES, OWNER, deciding_grant, deciding_rule, named_author
from portal.policy.viewer import CLOCK
from portal.policy.visibility import admits, by_grant, by_owner, probe
from portal.queries.cases import among, child_names, name_of
from portal.queries.paging import Cursor, beyond, directed
from portal.queries.reasons import Reason, reason_of, reasons
from portal.queries.unread import unread
from portal.vault import Decision, fetch_keys, reads, reveal
from portal.vocabulary import SLICES, lane

# Entries on one page of a case; older ones are a page of their own.
TIMELINE = 100
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
    """One entry with what opened it; ``author`` is "" outside the own agency and the centre."""

    id: uuid.UUID
    slice: str
    at: dt.datetime
    subject: Subject
    agency: str
    author: str
    text: str
    reason: Reason
    may_retract: bool


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
    """A case on one page."""

    case: m.Case
    child_id: uuid.UUID | None
    called: str
    reason: Reason
    subjects: Mapping[uuid.UUID, Subject]
    sections: Sequence[Section]
    mine: Sequence[tuple[Sequence[str], Reason]]
    older: str | None
    overview: Overview | None = field(default=None)


def read_sheet(session: Session, case: m.Case, cursor: Cursor | None = None) -> Sheet:
    """Return a case with the entries that the viewer sees, and note for the log what was read.

    Args:
        session: of the viewer.
        case: visible to the viewer.
        cursor: of the address, for entries older than those of the first page.

    """
    acting = standing(session)
    owns = acting is not None and acting.at_centre and acting.agency_id == case.owner_agency_id
    mine = [] if owns else _admitting(session, case)
    found = _entries(session, case, cursor)
    read = _read(session, case, found[:TIMELINE], owns=owns)
    why = reasons(mine)
    rows = [_row(session, read, each, why[each.grant_id]) for each in read.entries]
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
    profiles = _profiles(session, {*authors, *workers, *_named(grants)})
    fetch_keys(
        session,
        [*(entry for entry, *_ in entries), *(person for _, person in people), *profiles],
    )
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


def _row(session: Session, read: _Read, found: Any, reason: Reason) -> EntryRow:
    entry, rule, grant_id, agency_id = found
    ours = _is_ours(session, entry)
    return EntryRow(
        id=entry.id,
        slice=entry.slice,
        at=entry.written_at,
        subject=read.subjects.get(entry.subject_id, Subject(entry.subject_id)),
        agency="" if agency_id is None else read.agencies[agency_id],
        # Names of writers are for inside the own agency and for the centre (domain.md §1).
        author=read.accounts.get(entry.author_account_id, "") if ours or read.owns else "",
        text=reveal(session, entry, "text", Decision(rule, grant_id)),
        reason=reason,
        may_retract=ours or read.owns,
    )


def _entries_statement(*, older: bool) -> Select[Any]:
    """Return the statement of a case's entries, each with the rule and the grant that open it."""
    entry = m.Entry
    # One's own post in a slice that was taken back stays on 「自機関の記録」 and is not here.
    statement = select(
        entry,
        deciding_rule(entry).label("rule"),
        deciding_grant(entry).label("grant_id"),
        named_author(entry).label("agency_id"),
    ).where(entry.case_id == bindparam("case_id"), or_(by_owner(entry), by_grant(entry)))
    if older:
        statement = statement.where(beyond(entry.written_at, entry.id, "older"))
    return statement.order_by(*directed(entry.written_at, entry.id, "older")).limit(
        literal_column(str(TIMELINE + 1))
    )


# Built once: the rules are long, and making them into a statement takes longer than running it.
_ENTRIES = _entries_statement(older=False)
_OLDER_ENTRIES = _entries_statement(older=True)
_ADMITTING = select(m.Grant).where(m.Grant.case_id == bindparam("case_id"), admits(m.Grant))


def _admitting(session: Session, case: m.Case) -> Sequence[m.Grant]:
    """Return the grants that admit the viewer, the deciding one first."""
    grants = session.scalars(_ADMITTING, {"case_id": case.id})
    return sorted(
        grants, key=lambda each: (LANES.index(lane(each.basis)), each.valid_from, each.id)
    )


def _entries(session: Session, case: m.Case, cursor: Cursor | None) -> Sequence[Any]:
    if cursor is None:
        return session.execute(_ENTRIES, {"case_id": case.id}).all()
    bound = {"case_id": case.id, "at": cursor.at, "id": cursor.id}
    return session.execute(_OLDER_ENTRIES, bound).all()


def _people(session: Session, case: m.Case) -> Sequence[Any]:
    link = m.CasePerson
    return session.execute(
        select(link, m.Person)
        .join(m.Person, m.Person.id == link.person_id)
        .where(link.case_id == case.id)
        .order_by(link.is_child.desc(), link.recorded_at, link.id)
    ).all()


def read_subjects(session: Session, case: m.Case) -> dict[uuid.UUID, Subject]:
    """Return the people of a case whom the viewer may know, the child first."""
    people = _people(session, case)
    fetch_keys(session, [person for _, person in people])
    return _subjects(session, people)


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
    """Return the slices in their fixed order; open are the latest ones and ``safety``."""
    # Who reported is not for whoever looks over a shoulder.
    lately = ({row.slice for row in rows[:LATELY]} | {"safety"}) - {"reporter"}
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


def agency_names(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of agencies."""
    rows = session.execute(select(m.Agency.id, m.Agency.name).where(among(m.Agency.id, ids)))
    return {row.id: row.name for row in rows}


def account_names(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of accounts, as far as the viewer may know them."""
    profiles = _profiles(session, ids)
    fetch_keys(session, profiles)
    return {each.account_id: reveal(session, each, "name") for each in profiles}


def _profiles(session: Session, ids: Iterable[uuid.UUID]) -> Sequence[m.AccountProfile]:
    profile = m.AccountProfile
    return session.scalars(select(profile).where(among(profile.account_id, ids))).all()


def _workers(session: Session, case: m.Case) -> Sequence[uuid.UUID]:
    worker = m.CaseWorker
    return session.scalars(
        select(worker.account_id)
        .where(worker.case_id == case.id)
        .order_by(worker.recorded_at, worker.id)
    ).all()


def _overview(session: Session, read: _Read) -> Overview:
    case, task, topic = read.case, m.Task, m.CaseTopic
    return Overview(
        urgency=_newest(session, case, m.UrgencyDecision, m.UrgencyDecision.decided_at),
        met=_newest(session, case, m.ChildMeeting, m.ChildMeeting.recorded_at),
        check=_newest(session, case, m.ProgressCheck, m.ProgressCheck.checked_at),
        workers=[read.accounts[who] for who in read.workers if who in read.accounts],
        shares=_shares(session, read.grants, read.accounts, read.agencies, read.subjects),
        tasks=session.scalars(
            select(task)
            .where(task.case_id == case.id, task.done_at.is_(None))
            .order_by(task.due_at, task.id)
        ).all(),
        topics=session.scalars(
            select(topic.topic)
            .where(topic.case_id == case.id)
            .order_by(topic.recorded_at, topic.topic)
        ).all(),
        household=_household(session, case),
    )


def _newest(session: Session, case: m.Case, model: Any, at: Any) -> Any:
    newest = select(model).where(model.case_id == case.id).order_by(at.desc(), model.id).limit(1)
    return session.scalars(newest).one_or_none()


def _live_grants(session: Session, case: m.Case) -> Sequence[m.Grant]:
    grant = m.Grant
    return session.scalars(
        select(grant)
        .where(
            grant.case_id == case.id,
            or_(grant.ended_at.is_(None), grant.ended_at > CLOCK),
            or_(grant.valid_until.is_(None), grant.valid_until > CLOCK),
        )
        .order_by(grant.valid_from, grant.id)
    ).all()


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
    nobody = set(
        session.scalars(
            select(m.Grant.id).where(among(m.Grant.id, [g.id for g in grants]), unread(m.Grant))
        )
    )
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
    link = m.HouseholdCase
    own = select(link.household_id).where(link.case_id == case.id)
    rows = session.execute(
        select(m.Case.id, m.Case.reference)
        .join(link, link.case_id == m.Case.id)
        .where(link.household_id.in_(own), m.Case.id != case.id)
        .order_by(m.Case.opened_at, m.Case.id)
    ).all()
    names = child_names(session, [row.id for row in rows])
    return [(row.id, row.reference, names.get(row.id, "")) for row in rows]
