"""What was asked, answered, shared and denied on a case.

A page costs a constant number of queries, however many people, consents or grants a case has.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.bundles import bundles_for
from portal.policy.terms import clock, holds, is_linked, never_tells_of
from portal.queries.directory import account_names, agencies_by_id
from portal.queries.people import PersonRow, nameless
from portal.vault import fetch_keys, reveal
from portal.vocabulary import CONSENT, SHORTENED, lane
from portal.working_hours import ONE_DAY, instant_to_inclusive, jst

# A consent that ends sooner is spoken about again (law-and-practice.md §2.3).
SOON_DAYS = 30


@dataclass(frozen=True)
class AgencyAnswer:
    """What was answered about one agency, and what came of it.

    ``shortened_to`` is the last day (JST) of a yes whose end was moved since, else None.
    """

    agency: m.Agency
    state: str
    items: tuple[m.ConsentItem, ...]
    grant: m.Grant | None
    shortened_to: dt.date | None = None

    @property
    def waits(self) -> bool:
        """Return whether a yes is not shared yet."""
        return self.state in ("given", "partial") and self.grant is None


@dataclass(frozen=True)
class ConsentRow:
    """One consent with its answers by agency; an action has a state and no agencies."""

    consent: m.Consent
    giver: PersonRow
    state: str
    answers: tuple[AgencyAnswer, ...]
    steps: tuple[m.ConsentEvent, ...]

    @property
    def unanswered(self) -> bool:
        """Return whether it was asked and nobody answered yet."""
        return self.consent.kind == "sharing" and not any(a.items for a in self.answers)


def consents_of(
    session: Session, case: m.Case, people: Iterable[PersonRow], *, only: uuid.UUID | None = None
) -> list[ConsentRow]:
    """Return the consents of a case, the newest first, each with events, items and grants."""
    wanted = select(m.Consent).where(m.Consent.case_id == case.id)
    if only is not None:
        wanted = wanted.where(m.Consent.id == only)
    consents = session.scalars(wanted.order_by(m.Consent.asked_at.desc(), m.Consent.id)).all()
    ids = [consent.id for consent in consents]
    events, items, grants = _by_consent(session, ids)
    names = agencies_by_id(session, {e.agency_id for rows in events.values() for e in rows})
    givers = {person.id: person for person in people}
    return [
        ConsentRow(
            consent,
            givers.get(consent.giver_person_id, nameless(consent.giver_person_id)),
            _state(events[consent.id]),
            _answers(events[consent.id], items[consent.id], grants[consent.id], names),
            tuple(events[consent.id]),
        )
        for consent in consents
    ]


def _state(events: Iterable[m.ConsentEvent]) -> str:
    """Return the newest state; a step that only moves the end leaves it as it was."""
    states = [event.state for event in events if event.state != SHORTENED]
    return states[-1] if states else "requested"


def _by_consent(
    session: Session, ids: Sequence[uuid.UUID]
) -> tuple[
    Mapping[uuid.UUID, list[m.ConsentEvent]],
    Mapping[uuid.UUID, list[m.ConsentItem]],
    Mapping[uuid.UUID | None, list[m.Grant]],
]:
    events, items = defaultdict(list), defaultdict(list)
    grants: dict[uuid.UUID | None, list[m.Grant]] = defaultdict(list)
    steps = select(m.ConsentEvent).where(m.ConsentEvent.consent_id.in_(ids))
    for event in session.scalars(steps.order_by(m.ConsentEvent.happened_at, m.ConsentEvent.id)):
        events[event.consent_id].append(event)
    for item in session.scalars(select(m.ConsentItem).where(m.ConsentItem.consent_id.in_(ids))):
        items[item.consent_id].append(item)
    for grant in session.scalars(select(m.Grant).where(m.Grant.consent_id.in_(ids))):
        grants[grant.consent_id].append(grant)
    return events, items, grants


def _answers(
    events: Sequence[m.ConsentEvent],
    items: Sequence[m.ConsentItem],
    grants: Sequence[m.Grant],
    agencies: Mapping[uuid.UUID, m.Agency],
) -> tuple[AgencyAnswer, ...]:
    by_agency = defaultdict(list)
    for event in events:
        if event.agency_id is not None:
            by_agency[event.agency_id].append(event)
    return tuple(
        AgencyAnswer(
            agencies[agency_id],
            _state(steps),
            in_order([i for i in items if i.agency_id == agency_id], agencies[agency_id]),
            next((g for g in grants if g.agency_id == agency_id), None),
            shortened_to(steps),
        )
        for agency_id, steps in sorted(by_agency.items(), key=lambda pair: agencies[pair[0]].name)
    )


def shortened_to(steps: Iterable[m.ConsentEvent]) -> dt.date | None:
    """Return the last day (JST) to which the steps of a consent shortened it, None where none did.

    Args:
        steps: of a consent about one agency.

    """
    ends = [step.valid_until for step in steps if step.state == SHORTENED and step.valid_until]
    return instant_to_inclusive(min(ends)) if ends else None


def in_order(items: Sequence[m.ConsentItem], agency: m.Agency) -> tuple[m.ConsentItem, ...]:
    """Return answers about an agency in the order of the questions.

    What came with a register is none of the questions, and stands first; what was asked in an
    earlier version of them stands last.
    """
    order = {bundle: place for place, bundle in enumerate(("imported", *bundles_for(agency.type)))}
    return tuple(sorted(items, key=lambda item: (order.get(item.bundle, len(order)), item.bundle)))


@dataclass(frozen=True)
class GrantRow:
    """One grant, as the owner or a visitor reads it; ``last_day`` in JST."""

    grant: m.Grant
    agency: m.Agency
    subject: str
    lane: str
    last_day: dt.date | None
    is_live: bool
    ends_soon: bool

    @property
    def can_stop(self) -> bool:
        """Return whether somebody can take it back."""
        return self.is_live and self.grant.basis == CONSENT


def grants_of(
    session: Session, case_id: uuid.UUID, people: Iterable[PersonRow] = ()
) -> list[GrantRow]:
    """Return the grants of a case that the session sees, live ones first, then the newest."""
    now = clock(session)
    found = session.execute(
        select(m.Grant, m.Agency)
        .join(m.Agency, m.Agency.id == m.Grant.agency_id)
        .where(m.Grant.case_id == case_id)
        .order_by(m.Grant.valid_from.desc(), m.Grant.id)
    ).all()
    names = {person.id: person.called for person in people}
    rows = [_grant_row(grant, agency, names, now) for grant, agency in found]
    return sorted(rows, key=lambda row: not row.is_live)


def _grant_row(
    grant: m.Grant, agency: m.Agency, names: Mapping[uuid.UUID, str], now: dt.datetime
) -> GrantRow:
    until = grant.valid_until
    over = grant.ended_at is not None or (until is not None and until <= now)
    last_day = None if until is None else instant_to_inclusive(until)
    return GrantRow(
        grant,
        agency,
        "" if grant.subject_id is None else names.get(grant.subject_id, ""),
        lane(grant.basis),
        last_day,
        # What follows upon another one without a gap (a prolonged emergency) is not over either.
        not over,
        not over and last_day is not None and last_day - jst(now).date() <= SOON_DAYS * ONE_DAY,
    )


@dataclass(frozen=True)
class WishRow:
    """A never-tell that holds, and whom it means; ``target`` is empty until it is linked."""

    wish: m.NeverTell
    target: str
    words: str
    linked: bool


def wishes_of(session: Session, case: m.Case, people: Iterable[PersonRow]) -> list[WishRow]:
    """Return the never-tells of a case that hold now, for its owner."""
    wishes = never_tells_of(session, case.id, clock(session))
    fetch_keys(session, wishes)
    agencies = agencies_by_id(session, {wish.agency_id for wish in wishes})
    staff = account_names(session, {wish.account_id for wish in wishes})
    persons = {person.id: person.full for person in people}
    return [
        WishRow(
            wish,
            _target(wish, agencies, staff, persons),
            reveal(session, wish, "words"),
            is_linked(wish),
        )
        for wish in wishes
    ]


def _target(
    wish: m.NeverTell,
    agencies: Mapping[uuid.UUID, m.Agency],
    staff: Mapping[uuid.UUID, str],
    persons: Mapping[uuid.UUID, str],
) -> str:
    if wish.agency_id is not None:
        return agencies[wish.agency_id].name
    if wish.account_id is not None:
        return staff.get(wish.account_id, "")
    return "" if wish.person_id is None else persons.get(wish.person_id, "")


@dataclass(frozen=True)
class ExclusionRow:
    """An exclusion that holds, whom it means and why."""

    exclusion: m.Exclusion
    name: str
    reason: str


def exclusions_of(session: Session, case: m.Case) -> list[ExclusionRow]:
    """Return the exclusions of a case that hold now, for its owner."""
    rows = session.scalars(
        select(m.Exclusion)
        .where(m.Exclusion.case_id == case.id, holds(m.Exclusion, clock(session)))
        .order_by(m.Exclusion.valid_from, m.Exclusion.id)
    ).all()
    fetch_keys(session, rows)
    names = account_names(session, {row.account_id for row in rows})
    return [
        ExclusionRow(row, names.get(row.account_id, ""), reveal(session, row, "reason"))
        for row in rows
    ]


__all__ = [
    "AgencyAnswer",
    "ConsentRow",
    "ExclusionRow",
    "GrantRow",
    "WishRow",
    "consents_of",
    "exclusions_of",
    "grants_of",
    "in_order",
    "shortened_to",
    "wishes_of",
]
