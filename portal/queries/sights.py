"""Who sees what of a case, at this moment or at another: the matrix that its owner reads.

The answer is that of the rules themselves for everybody (``portal.policy.past``); here it is put
into rows of agencies and columns of slices, with the reason in each cell.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import before_viewer
from portal.policy.past import CASE, ENTRY, MANAGED, OWN_POST, SLICE
from portal.policy.terms import holds
from portal.queries.directory import account_names, agency_names
from portal.queries.reasons import Reason, reason_of
from portal.queries.sheet import Subject, read_subjects
from portal.vocabulary import SLICES


@dataclass(frozen=True)
class Opened:
    """One reason why people of an agency see a slice: whose data, on what, how many readers."""

    subject: Subject
    reason: Reason
    readers: int


@dataclass(frozen=True)
class Cell:
    """What an agency sees of one slice; ``entries`` is how many posts stand in it."""

    slice: str
    opened: Sequence[Opened]
    entries: int


@dataclass(frozen=True)
class AgencySight:
    """What the people of one agency see of a case.

    Attributes:
        readers: the names of those who see the case; for the owner all of its readers.
        shut_out: people of the agency to whom an exclusion closes the case.
        unread: slices of live grants that nobody reads: there is no team, or nobody of it may.
        managers: how many see that there is a share, and nothing of the case.
        own_posts: how many posts of its own stay readable to it.
        denied: whether a wish that it be not told stands.

    """

    agency_id: uuid.UUID
    agency: str
    is_owner: bool
    readers: Sequence[str]
    shut_out: Sequence[str]
    cells: Mapping[str, Cell]
    unread: Sequence[str]
    managers: int
    own_posts: int
    denied: bool


@dataclass(frozen=True)
class Sights:
    """Who saw what of a case at an instant (UTC); ``others`` agencies saw nothing of it."""

    at: dt.datetime
    owner: AgencySight | None
    agencies: Sequence[AgencySight]
    others: int

    @property
    def shown(self) -> list[str]:
        """Return the slices that somebody outside the owner sees, in their fixed order."""
        return [code for code in SLICES if any(code in each.cells for each in self.agencies)]

    @property
    def hidden(self) -> list[str]:
        """Return the slices that nobody outside the owner sees."""
        return [code for code in SLICES if code not in self.shown]


def sights_of(session: Session, case: m.Case, at: dt.datetime) -> Sights:
    """Return who saw what of a case at an instant, and note in the log that it was asked.

    Args:
        session: of the case's owner; for anybody else nobody sees anything.
        case: the own agency's.
        at: the instant (UTC), now or another.

    """
    rows = before_viewer(session, func.case_sights(case.id, at)).all()
    record(session, Event.SIGHTS_ASKED, case_id=case.id, at=at.isoformat())
    facts = _facts(session, case, at, rows)
    ids = {row.agency_id for row in rows} | {g.agency_id for g in facts.live} | facts.denied
    agencies = [_agency(facts, key, rows) for key in ids]
    listed = sorted(agencies, key=lambda each: each.agency)
    owner = next((each for each in listed if each.is_owner), None)
    others = [each for each in listed if not each.is_owner]
    everybody = session.execute(select(func.count()).select_from(m.Agency)).scalar_one()
    return Sights(at, owner, others, everybody - len({*ids, case.owner_agency_id}))


@dataclass(frozen=True)
class _Facts:
    """What the rows of a sight are put into words with."""

    owner_id: uuid.UUID
    names: Mapping[uuid.UUID, str]
    people: Mapping[uuid.UUID, str]
    subjects: Mapping[uuid.UUID, Subject]
    grants: Mapping[uuid.UUID, m.Grant]
    live: Sequence[m.Grant]
    denied: set[uuid.UUID]
    excluded: set[tuple[uuid.UUID, uuid.UUID]]


def _facts(session: Session, case: m.Case, at: dt.datetime, rows: Sequence[Any]) -> _Facts:
    grants = session.scalars(select(m.Grant).where(m.Grant.case_id == case.id)).all()
    never = m.NeverTell
    denied = session.scalars(
        select(never.agency_id).where(
            never.case_id == case.id, never.agency_id.is_not(None), holds(never, at)
        )
    )
    excluded = session.execute(
        select(m.Membership.agency_id, m.Exclusion.account_id)
        .join(m.Membership, m.Membership.account_id == m.Exclusion.account_id)
        .where(m.Exclusion.case_id == case.id, holds(m.Exclusion, at), holds(m.Membership, at))
    )
    shut_out = {(agency_id, account_id) for agency_id, account_id in excluded}
    accounts = {row.account_id for row in rows} | {account_id for _, account_id in shut_out}
    return _Facts(
        case.owner_agency_id,
        agency_names(session, {row.agency_id for row in rows} | {g.agency_id for g in grants}),
        account_names(session, accounts),
        read_subjects(session, case),
        {grant.id: grant for grant in grants},
        [grant for grant in grants if _live(grant, at)],
        {key for key in denied if key is not None},
        shut_out,
    )


def _live(grant: m.Grant, at: dt.datetime) -> bool:
    ends = [end for end in (grant.valid_until, grant.ended_at) if end is not None]
    return grant.valid_from <= at and all(at < end for end in ends)


def _agency(facts: _Facts, agency_id: uuid.UUID, rows: Sequence[Any]) -> AgencySight:
    of_kind = defaultdict(list)
    for row in rows:
        if row.agency_id == agency_id:
            of_kind[row.kind].append(row)
    is_owner = agency_id == facts.owner_id
    cells = {} if is_owner else _cells(facts, of_kind[SLICE], of_kind[ENTRY])
    granted = {code for g in facts.live if g.agency_id == agency_id for code in g.slices}
    return AgencySight(
        agency_id,
        facts.names.get(agency_id, ""),
        is_owner,
        _named(facts, (row.account_id for row in of_kind[CASE])),
        _named(facts, (who for of, who in facts.excluded if of == agency_id)),
        cells,
        [code for code in SLICES if code in granted and not of_kind[CASE]],
        len({row.account_id for row in of_kind[MANAGED]}),
        len({row.row_id for row in of_kind[OWN_POST]}),
        agency_id in facts.denied,
    )


def _named(facts: _Facts, ids: Iterable[uuid.UUID]) -> list[str]:
    return sorted(facts.people.get(key, "") for key in set(ids))


def _cells(facts: _Facts, slices: Sequence[Any], entries: Sequence[Any]) -> dict[str, Cell]:
    readers: dict[tuple[str, uuid.UUID, uuid.UUID], set[uuid.UUID]] = defaultdict(set)
    for row in slices:
        readers[row.slice, row.subject_id, row.grant_id].add(row.account_id)
    posts: dict[str, set[uuid.UUID]] = defaultdict(set)
    for row in entries:
        posts[row.slice].add(row.row_id)
    opened: dict[str, list[Opened]] = defaultdict(list)
    for (code, subject_id, grant_id), accounts in readers.items():
        subject = facts.subjects.get(subject_id, Subject(subject_id))
        reason = reason_of(facts.grants[grant_id])
        opened[code].append(Opened(subject, reason, len(accounts)))
    return {
        code: Cell(code, sorted(found, key=_child_first), len(posts[code]))
        for code, found in opened.items()
    }


def _child_first(opened: Opened) -> tuple[bool, str]:
    return not opened.subject.is_child, opened.subject.called


__all__ = ["AgencySight", "Cell", "Opened", "Sights", "sights_of"]
