"""What an end of sharing takes away, and what it cannot call back."""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import before_viewer
from portal.policy.past import CASE
from portal.policy.permissions import SCHOOLS
from portal.policy.preview import preview, union
from portal.policy.terms import clock, holds
from portal.policy.viewer import Viewer
from portal.queries.directory import account_names, agency_names
from portal.vocabulary import SLICES

# So many of the newest readings are gone through; a share that was read more often says so.
LOOKED_THROUGH = 2_000


@dataclass(frozen=True)
class Loss:
    """What one agency will no longer see once some grants have ended.

    Attributes:
        agency: its name.
        slices: those of the grants that end, in their fixed order.
        leaving: names of the readers who will not see the case any more, not even that it is there.
        staying: names of readers who go on seeing it by another grant.
        entries: by slice, how many entries nobody of the agency will see any more.
        people, actions: how many names and requests go with them.

    """

    agency: str
    slices: Sequence[str]
    leaving: Sequence[str]
    staying: Sequence[str]
    entries: Sequence[tuple[str, int]]
    people: int
    actions: int


def losses(session: Session, case: m.Case, grants: Iterable[m.Grant]) -> list[Loss]:
    """Return exactly what each agency will no longer see, as the wall itself says.

    Args:
        session: of the case's owner, who may end these grants.
        case: the own agency's.
        grants: those that would end, of one agency or of several.

    """
    by_agency = defaultdict(list)
    for grant in grants:
        by_agency[grant.agency_id].append(grant)
    readers = _readers(session, case)
    names = account_names(session, {viewer.account_id for viewer in readers if viewer.account_id})
    agencies = agency_names(session, by_agency)
    found = [
        _loss(session, case, agencies[agency_id], ending, _of(readers, agency_id), names)
        for agency_id, ending in by_agency.items()
    ]
    return sorted(found, key=lambda loss: loss.agency)


def _readers(session: Session, case: m.Case) -> list[Viewer]:
    rows = before_viewer(session, func.case_sights(case.id, clock(session)))
    return [Viewer(row.account_id, row.agency_id) for row in rows if row.kind == CASE]


def _of(readers: Iterable[Viewer], agency_id: uuid.UUID) -> list[Viewer]:
    return [reader for reader in readers if reader.agency_id == agency_id]


def _loss(  # noqa: PLR0917
    session: Session,
    case: m.Case,
    agency: str,
    ending: Sequence[m.Grant],
    readers: Sequence[Viewer],
    names: dict[uuid.UUID, str],
) -> Loss:
    sights = preview(session, case.id, readers, [], [grant.id for grant in ending])
    record(
        session,
        Event.PREVIEWED,
        case_id=case.id,
        agency=ending[0].agency_id,
        slices=sorted({code for grant in ending for code in grant.slices}),
    )
    before = union(one for one, _ in sights.values())
    after = union(other for _, other in sights.values())
    gone = session.scalars(
        select(m.Entry.slice).where(m.Entry.id.in_(before.entries - after.entries))
    )
    counted = Counter(gone)
    slices = {code for grant in ending for code in grant.slices}

    def called(*, seeing: bool) -> list[str]:
        return sorted(
            names.get(reader.account_id, "")
            for reader, (_, then) in sights.items()
            if reader.account_id is not None and then.case is seeing
        )

    return Loss(
        agency,
        [code for code in SLICES if code in slices],
        called(seeing=False),
        called(seeing=True),
        [(code, counted[code]) for code in SLICES if counted[code]],
        len(before.people - after.people),
        len(before.actions - after.actions),
    )


@dataclass(frozen=True)
class Read:
    """Who opened slices of an ended grant while it was live: how often, first and last."""

    name: str
    slices: Sequence[str]
    first_at: dt.datetime
    last_at: dt.datetime
    times: int


@dataclass(frozen=True)
class NotCalledBack:
    """What an end does not undo: what was read until then, and the agency's own records.

    ``own_posts`` counts what the agency itself wrote; ``at_most`` says that more was read than is
    listed.
    """

    agency: str
    slices: Sequence[str]
    ended_at: dt.datetime
    reads: Sequence[Read]
    own_posts: int
    at_most: bool


def not_called_back(session: Session, case: m.Case, grant: m.Grant) -> NotCalledBack:
    """Return what was read of a grant's slices until it ended, for the case's owner.

    The log tells which slices somebody opened, not which entries.
    """
    ended = min(end for end in (grant.ended_at, grant.valid_until, clock(session)) if end)
    event = m.AuditEvent
    found = session.scalars(
        select(event)
        .where(
            event.case_id == case.id,
            event.agency_id == grant.agency_id,
            event.event == Event.CASE_READ.value,
            event.happened_at >= grant.valid_from,
            event.happened_at < ended,
            event.details["slices"].has_any(array(grant.slices)),
        )
        .order_by(event.happened_at.desc(), event.id)
        .limit(LOOKED_THROUGH)
    ).all()
    own = select(func.count(m.Entry.id)).where(
        m.Entry.case_id == case.id,
        m.Entry.author_agency_id == grant.agency_id,
        m.Entry.retracted_at.is_(None),
    )
    return NotCalledBack(
        agency_names(session, [grant.agency_id])[grant.agency_id],
        [code for code in SLICES if code in grant.slices],
        ended,
        _reads(session, found, set(grant.slices)),
        session.execute(own).scalar_one(),
        len(found) == LOOKED_THROUGH,
    )


def _reads(session: Session, found: Iterable[m.AuditEvent], slices: set[str]) -> list[Read]:
    by_account: dict[uuid.UUID, list[m.AuditEvent]] = defaultdict(list)
    for event in found:
        if event.account_id is not None:
            by_account[event.account_id].append(event)
    names = account_names(session, by_account)
    reads = [
        Read(
            names.get(account_id, ""),
            _opened(events, slices),
            events[-1].happened_at,
            events[0].happened_at,
            len(events),
        )
        for account_id, events in by_account.items()
    ]
    return sorted(reads, key=lambda read: read.first_at)


def _opened(events: Iterable[m.AuditEvent], slices: set[str]) -> list[str]:
    opened = {code for event in events for code in event.details["slices"]} & slices
    return [code for code in SLICES if code in opened]


def departed(session: Session) -> dict[uuid.UUID, dt.datetime]:
    """Return the agencies that do not take part in the scheme at present, and since when (UTC)."""
    departure = m.Departure
    rows = session.execute(
        select(departure.agency_id, departure.valid_from).where(holds(departure, clock(session)))
    )
    return {row.agency_id: row.valid_from for row in rows}


@dataclass(frozen=True)
class Shared:
    """A case that an agency sees by the own agency's grants: its reference, the slices, until."""

    reference: str
    slices: Sequence[str]
    until: dt.datetime | None


def shares_with(session: Session, agency_id: uuid.UUID) -> list[Shared]:
    """Return what an agency would no longer see, case by case, if it left the scheme now."""
    now = clock(session)
    rows = session.execute(
        select(m.Case.reference, m.Grant.slices, m.Grant.valid_until)
        .join(m.Case, m.Case.id == m.Grant.case_id)
        .where(
            m.Grant.agency_id == agency_id,
            m.Grant.ended_at.is_(None),
            m.Grant.valid_until.is_(None) | (m.Grant.valid_until > now),
        )
        .order_by(m.Case.reference, m.Grant.valid_until, m.Grant.id)
    ).all()
    slices = {code for _, granted, _ in rows for code in granted}
    record(session, Event.PREVIEWED, agency=agency_id, slices=sorted(slices))
    return [
        Shared(reference, [code for code in SLICES if code in granted], until)
        for reference, granted, until in rows
    ]


def schools_that_read(session: Session, case: m.Case) -> list[m.Agency]:
    """Return the schools with a grant on a case that is not over."""
    now = clock(session)
    grant = m.Grant
    ids = select(grant.agency_id).where(
        grant.case_id == case.id,
        grant.ended_at.is_(None),
        grant.valid_until.is_(None) | (grant.valid_until > now),
    )
    agency = m.Agency
    schools = select(agency).where(agency.id.in_(ids), agency.type.in_(SCHOOLS))
    return list(session.scalars(schools.order_by(agency.name, agency.id)))


__all__ = [
    "Loss",
    "NotCalledBack",
    "Read",
    "Shared",
    "departed",
    "losses",
    "not_called_back",
    "schools_that_read",
    "shares_with",
]
