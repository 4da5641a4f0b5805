"""What was asked, answered, shared and denied on a case; and the record a visitor reads.

A page costs a constant number of queries, however many people, consents or grants a case has. The
exception is a preview, which looks as each reader of one agency.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.policy.bundles import bundles_for
from portal.policy.explain import deciding_grant, deciding_rule
from portal.policy.preview import Sight, preview
from portal.policy.terms import Terms, clock, columns_of, holds, is_linked, never_tells_of
from portal.policy.viewer import Viewer
from portal.text import fold_kana
from portal.vault import Decision, email_index_for, fetch_keys, reveal
from portal.vocabulary import (
    CONSENT,
    OVERRIDING_BASES,
    OWNER_ROLES,
    SHARE_BASES,
    SLICES,
    bases,
    lane,
)
from portal.working_hours import ONE_DAY, instant_to_inclusive, jst

# A consent that ends sooner is spoken about again (law-and-practice.md §2.3).
SOON_DAYS = 30
# A preview shows so many of the newest entries in full; beyond that nobody reads it.
SHOWN = 200


@dataclass(frozen=True)
class PersonRow:
    """Somebody the case speaks of."""

    id: uuid.UUID
    kind: str
    relationship: str | None
    is_child: bool
    called: str
    full: str


def people_of(session: Session, case_id: uuid.UUID) -> list[PersonRow]:
    """Return the people of a case, the child first."""
    found = session.execute(
        select(m.CasePerson, m.Person)
        .join(m.Person, m.Person.id == m.CasePerson.person_id)
        .where(m.CasePerson.case_id == case_id)
        .order_by(m.CasePerson.is_child.desc(), m.CasePerson.recorded_at, m.CasePerson.id)
    ).all()
    fetch_keys(session, [person for _link, person in found])
    return [_person(session, link, person) for link, person in found]


def link_of(session: Session, case_id: uuid.UUID, person_id: uuid.UUID) -> m.CasePerson | None:
    """Return a person's place in a case, None where the person has none there."""
    place = select(m.CasePerson).where(
        m.CasePerson.case_id == case_id, m.CasePerson.person_id == person_id
    )
    return session.scalars(place).one_or_none()


def _person(session: Session, link: m.CasePerson, person: m.Person) -> PersonRow:
    names = (reveal(session, person, "family_name"), reveal(session, person, "given_name"))
    full = " ".join(name for name in names if name)
    return PersonRow(
        person.id,
        link.subject_kind,
        link.relationship_code,
        link.is_child,
        reveal(session, person, "called") or names[1] or full,
        full,
    )


@dataclass(frozen=True)
class StaffRow:
    """Somebody who works for an agency; ``on_team`` reads what names no other reader."""

    account_id: uuid.UUID
    agency_id: uuid.UUID
    role: str
    name: str
    email: str
    on_team: bool


def staff_of(session: Session, agency_ids: Iterable[uuid.UUID]) -> list[StaffRow]:
    """Return who works for some agencies now, by role and name."""
    now = clock(session)
    found = session.execute(
        select(m.Membership, m.AccountProfile)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Membership.account_id)
        .join(m.Account, m.Account.id == m.Membership.account_id)
        .where(
            m.Membership.agency_id.in_(list(agency_ids)),
            holds(m.Membership, now),
            ~m.Account.disabled,
        )
    ).all()
    fetch_keys(session, [profile for _membership, profile in found])
    team = _default_teams(session, now)
    rows = [
        StaffRow(
            membership.account_id,
            membership.agency_id,
            membership.role,
            reveal(session, profile, "name"),
            reveal(session, profile, "email"),
            (membership.agency_id, membership.account_id) in team,
        )
        for membership, profile in found
    ]
    return sorted(rows, key=lambda row: (row.role, row.name, row.account_id))


def names_of_staff(session: Session, agency_id: uuid.UUID) -> dict[uuid.UUID, str]:
    """Return the names of who works for an agency now, by account."""
    return {row.account_id: row.name for row in staff_of(session, [agency_id])}


def _default_teams(session: Session, now: dt.datetime) -> set[tuple[uuid.UUID, uuid.UUID]]:
    members = (
        select(m.Team.agency_id, m.TeamMember.account_id)
        .join(m.TeamMember, m.TeamMember.team_id == m.Team.id)
        .where(m.Team.is_default, holds(m.TeamMember, now))
    )
    return {(agency, account) for agency, account in session.execute(members)}


def colleagues(session: Session, agency_id: uuid.UUID) -> list[StaffRow]:
    """Return who else of the centre works with cases: a witness, or a second person."""
    me = session.info["viewer"].account_id
    rows = staff_of(session, [agency_id])
    return [row for row in rows if row.role in OWNER_ROLES and row.account_id != me]


def matching(rows: Iterable[StaffRow], typed: str) -> list[StaffRow]:
    """Return the staff whose name or e-mail holds what was typed, however it is written."""
    wanted = fold_kana(typed)
    return [row for row in rows if wanted in fold_kana(row.name) or wanted in fold_kana(row.email)]


def account_by_email(session: Session, address: str) -> uuid.UUID | None:
    """Return whose e-mail this is, or None; the address is looked up by its index."""
    index = email_index_for(session, address)
    found = select(m.AccountProfile.account_id).where(m.AccountProfile.email_index == index)
    return session.scalars(found).one_or_none()


def all_agencies(session: Session) -> list[m.Agency]:
    """Return every agency, by type and name."""
    agencies = select(m.Agency).order_by(m.Agency.type, m.Agency.name, m.Agency.id)
    return list(session.scalars(agencies))


def duties() -> list[str]:
    """Return the duties that a centre itself may fulfil here, as codes of legal bases."""
    return [
        code
        for code in SHARE_BASES
        if code in OVERRIDING_BASES
        and {"any", "support_center"} & set(bases()[code].provider_roles)
        and bases()[code].approval == "none"
        and not bases()[code].needs_other_statute
    ]


def agencies_to_ask(session: Session, case: m.Case) -> list[m.Agency]:
    """Return the agencies a child can be asked about, by type and name.

    Without those that must not be told: asking about them again would be pressing.
    """
    now = clock(session)
    never = {n.agency_id for n in never_tells_of(session, case.id, now)}
    return [a for a in all_agencies(session) if bundles_for(a.type) and a.id not in never]


def agencies_of_duty(session: Session) -> list[m.Agency]:
    """Return the agencies that some duty of the centre may name, by type and name."""
    types = {party for code in duties() for party in bases()[code].allowed_recipients}
    agencies = select(m.Agency).where(m.Agency.type.in_(sorted(types)))
    return list(session.scalars(agencies.order_by(m.Agency.type, m.Agency.name, m.Agency.id)))


@dataclass(frozen=True)
class AgencyAnswer:
    """What was answered about one agency, and what came of it."""

    agency: m.Agency
    state: str
    items: tuple[m.ConsentItem, ...]
    grant: m.Grant | None

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
    names = _agency_names(session, {e.agency_id for rows in events.values() for e in rows})
    givers = {person.id: person for person in people}
    return [
        ConsentRow(
            consent,
            givers.get(consent.giver_person_id, _nameless(consent.giver_person_id)),
            events[consent.id][-1].state if events[consent.id] else "requested",
            _answers(events[consent.id], items[consent.id], grants[consent.id], names),
            tuple(events[consent.id]),
        )
        for consent in consents
    ]


def _nameless(person_id: uuid.UUID) -> PersonRow:
    # Who gave an imported consent need not be one of the people of the case.
    return PersonRow(person_id, "other", None, is_child=False, called="", full="")


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


def _agency_names(
    session: Session, ids: Iterable[uuid.UUID | None]
) -> Mapping[uuid.UUID, m.Agency]:
    agencies = session.scalars(select(m.Agency).where(m.Agency.id.in_([i for i in ids if i])))
    return {agency.id: agency for agency in agencies}


def _answers(
    events: Sequence[m.ConsentEvent],
    items: Sequence[m.ConsentItem],
    grants: Sequence[m.Grant],
    agencies: Mapping[uuid.UUID, m.Agency],
) -> tuple[AgencyAnswer, ...]:
    states = {event.agency_id: event.state for event in events if event.agency_id is not None}
    return tuple(
        AgencyAnswer(
            agencies[agency_id],
            state,
            _in_order([i for i in items if i.agency_id == agency_id], agencies[agency_id]),
            next((g for g in grants if g.agency_id == agency_id), None),
        )
        for agency_id, state in sorted(states.items(), key=lambda pair: agencies[pair[0]].name)
    )


def _in_order(items: Sequence[m.ConsentItem], agency: m.Agency) -> tuple[m.ConsentItem, ...]:
    # What came with a register is none of the questions, and stands first; what was asked in an
    # earlier version of them stands last.
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
    agencies = _agency_names(session, {wish.agency_id for wish in wishes})
    staff = _account_names(session, {wish.account_id for wish in wishes})
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


def _account_names(session: Session, ids: Iterable[uuid.UUID | None]) -> Mapping[uuid.UUID, str]:
    profiles = session.scalars(
        select(m.AccountProfile).where(m.AccountProfile.account_id.in_([i for i in ids if i]))
    ).all()
    fetch_keys(session, profiles)
    return {profile.account_id: reveal(session, profile, "name") for profile in profiles}


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
    names = _account_names(session, {row.account_id for row in rows})
    return [
        ExclusionRow(row, names.get(row.account_id, ""), reveal(session, row, "reason"))
        for row in rows
    ]


@dataclass(frozen=True)
class SeenEntry:
    """One entry of a preview; ``is_new`` where the agency does not see it yet."""

    slice: str
    subject: str
    written_at: dt.datetime
    text: str
    is_new: bool


@dataclass(frozen=True)
class Preview:
    """What an agency will see: who reads, who of the named does not, and what, until when.

    ``last_day`` is in JST; ``more`` counts the entries beyond those shown.
    """

    agency: str
    last_day: dt.date
    readers: tuple[StaffRow, ...]
    shut_out: tuple[StaffRow, ...]
    entries: tuple[SeenEntry, ...]
    people: tuple[PersonRow, ...]
    actions: int
    more: int = 0
    sees_case_already: bool = False
    slices: tuple[str, ...] = field(default=())


def preview_share(
    session: Session,
    case: m.Case,
    terms: Terms,
    people: Sequence[PersonRow],
    replaced: Sequence[m.Grant] = (),
    *,
    hidden: Sequence[uuid.UUID] = (),
) -> Preview:
    """Return exactly what an agency will see on these terms, and what of it is new.

    The wall itself decides, for each reader (``portal.policy.preview``). ``replaced`` are grants
    that end by it, ``hidden`` the accounts to which the case is closed before.
    """
    staff = _readers(session, case, terms, hidden)
    viewers = {Viewer(row.account_id, row.agency_id): row for row in staff}
    ending = [grant.id for grant in replaced]
    sights = preview(
        session, case.id, list(viewers), [columns_of(case, terms)], ending, hidden=hidden
    )
    seen = _union(after for _before, after in sights.values())
    known = _union(before for before, _after in sights.values())
    ids = select(m.CasePerson.person_id).where(m.CasePerson.id.in_(seen.people))
    shown = set(session.scalars(ids))
    audit.record(
        session,
        audit.Event.PREVIEWED,
        case_id=case.id,
        agency=terms.agency_id,
        slices=list(terms.slices),
    )
    return Preview(
        session.get_one(m.Agency, terms.agency_id).name,
        instant_to_inclusive(terms.until),
        tuple(viewers[viewer] for viewer, (_, after) in sights.items() if after.case),
        tuple(viewers[viewer] for viewer, (_, after) in sights.items() if not after.case),
        _entries(session, seen.entries, known.entries, people),
        tuple(person for person in people if person.id in shown),
        len(seen.actions),
        max(0, len(seen.entries) - SHOWN),
        known.case,
        tuple(code for code in SLICES if code in terms.slices),
    )


def _union(sights: Iterable[Sight]) -> Sight:
    everything = list(sights)
    return Sight(
        any(sight.case for sight in everything),
        frozenset().union(*(sight.entries for sight in everything)),
        frozenset().union(*(sight.people for sight in everything)),
        frozenset().union(*(sight.actions for sight in everything)),
    )


def _readers(
    session: Session, case: m.Case, terms: Terms, hidden: Iterable[uuid.UUID]
) -> list[StaffRow]:
    """Return whom to look as: who these terms name, and who reads by another grant already.

    Who is to be shut out is looked as, too: the wall itself says that nothing is left.
    """
    now = clock(session)
    named = {*terms.account_ids, *hidden}
    for grant in session.scalars(
        select(m.Grant).where(
            m.Grant.case_id == case.id,
            m.Grant.agency_id == terms.agency_id,
            m.Grant.ended_at.is_(None),
        )
    ):
        named |= set(grant.account_ids or ())
    team = select(m.TeamMember.account_id).where(
        m.TeamMember.team_id == terms.team_id, holds(m.TeamMember, now)
    )
    named |= set(session.scalars(team))
    by_default = not terms.account_ids and terms.team_id is None
    return [
        row
        for row in staff_of(session, [terms.agency_id])
        if row.account_id in named or (by_default and row.on_team)
    ]


def _entries(
    session: Session,
    seen: frozenset[uuid.UUID],
    known: frozenset[uuid.UUID],
    people: Iterable[PersonRow],
) -> tuple[SeenEntry, ...]:
    found = session.execute(
        select(m.Entry, deciding_rule(m.Entry), deciding_grant(m.Entry))
        .where(m.Entry.id.in_(seen))
        .order_by(m.Entry.written_at.desc(), m.Entry.id.desc())
        .limit(SHOWN)
    ).all()
    fetch_keys(session, [entry for entry, _rule, _grant in found])
    names = {person.id: person.called for person in people}
    rows = [
        SeenEntry(
            entry.slice,
            names.get(entry.subject_id, ""),
            entry.written_at,
            reveal(session, entry, "text", Decision(rule, grant)),
            entry.id not in known,
        )
        for entry, rule, grant in found
    ]
    return tuple(sorted(rows, key=lambda row: SLICES.index(row.slice)))


@dataclass(frozen=True)
class Said:
    """What was answered once about some agencies: the items of each, by name."""

    asked_at: dt.datetime
    for_child: bool
    by_agency: tuple[tuple[str, tuple[m.ConsentItem, ...]], ...]


@dataclass(frozen=True)
class Looked:
    """How often an agency read the case, and when last; never which person."""

    agency: str
    times: int
    last: dt.datetime


@dataclass(frozen=True)
class VisitorRecord:
    """What a child or guardian reads by code: what was said, who was told what, why, until when.

    ``own`` are the ids of the grants that open the visitor's own data.
    """

    kind: str
    said: tuple[Said, ...]
    grants: tuple[GrantRow, ...]
    own: frozenset[uuid.UUID]
    refused: tuple[tuple[str, m.ConsentItem], ...]
    looked: tuple[Looked, ...]


def record_of_visitor(session: Session) -> VisitorRecord | None:
    """Return the record of sharing that a return code opens; None while there is no case.

    The child sees all sharing of its case, by law too, and which agencies read; a guardian what
    rests on the own consents and nothing more (domain.md §1).
    """
    viewer: Viewer = session.info["viewer"]
    thread = session.scalars(select(m.Thread).where(m.Thread.id == viewer.thread_id)).one()
    if thread.case_id is None:
        return None
    rows = grants_of(session, thread.case_id)
    return VisitorRecord(
        thread.kind,
        _said(session, thread),
        tuple(rows),
        frozenset(row.grant.id for row in rows if row.grant.subject_id == thread.person_id),
        _not_told(session, thread.case_id, rows),
        _looked(session, thread.case_id) if thread.kind == "child" else (),
    )


def _said(session: Session, thread: m.Thread) -> tuple[Said, ...]:
    """Return what the visitor answered, the newest first; a child reads only its own answers."""
    found = session.execute(
        select(m.Consent, m.ConsentItem, m.Agency)
        .join(m.ConsentItem, m.ConsentItem.consent_id == m.Consent.id)
        .join(m.Agency, m.Agency.id == m.ConsentItem.agency_id)
        .where(m.Consent.case_id == thread.case_id, m.Consent.giver_person_id == thread.person_id)
        .order_by(m.Consent.asked_at.desc(), m.Consent.id, m.Agency.type, m.Agency.name)
    )
    consents: dict[uuid.UUID, m.Consent] = {}
    items: dict[uuid.UUID, dict[uuid.UUID, list[m.ConsentItem]]] = {}
    agencies: dict[uuid.UUID, m.Agency] = {}
    for consent, item, agency in found:
        consents[consent.id], agencies[agency.id] = consent, agency
        items.setdefault(consent.id, {}).setdefault(agency.id, []).append(item)
    return tuple(
        Said(
            consent.asked_at,
            consent.for_person_id is not None,
            tuple(
                (agencies[agency_id].name, _in_order(some, agencies[agency_id]))
                for agency_id, some in items[consent.id].items()
            ),
        )
        for consent in consents.values()
    )


def _not_told(
    session: Session, case_id: uuid.UUID, grants: Iterable[GrantRow]
) -> tuple[tuple[str, m.ConsentItem], ...]:
    """Return what was answered no or later and is not told all the same, once for each bundle."""
    told: dict[uuid.UUID, set[str]] = defaultdict(lambda: {"basic"})
    for row in grants:
        if row.is_live:
            told[row.agency.id] |= set(row.grant.slices)
    items = session.execute(
        select(m.Agency.name, m.ConsentItem)
        .join(m.Agency, m.Agency.id == m.ConsentItem.agency_id)
        .where(m.ConsentItem.case_id == case_id, m.ConsentItem.answer != "yes")
        .order_by(m.Agency.name, m.ConsentItem.bundle, m.ConsentItem.id)
    )
    once = {
        (name, item.bundle): item
        for name, item in items
        if not set(item.slices) <= told[item.agency_id]
    }
    return tuple((name, item) for (name, _bundle), item in once.items())


def _looked(session: Session, case_id: uuid.UUID) -> tuple[Looked, ...]:
    """Return which agencies read the case, how often and when last; never which person."""
    last, times = func.max(m.AuditEvent.happened_at), func.count()
    reads = session.execute(
        select(m.AuditEvent.agency_id, times, last)
        .where(
            m.AuditEvent.case_id == case_id,
            m.AuditEvent.event == audit.Event.CASE_READ.value,
            m.AuditEvent.agency_id.is_not(None),
        )
        .group_by(m.AuditEvent.agency_id)
        .order_by(last.desc())
    ).all()
    names = _agency_names(session, {agency_id for agency_id, _times, _at in reads})
    return tuple(
        Looked(names[agency_id].name, count, at)
        for agency_id, count, at in reads
        if agency_id is not None
    )


__all__ = [
    "AgencyAnswer",
    "ConsentRow",
    "ExclusionRow",
    "GrantRow",
    "Looked",
    "PersonRow",
    "Preview",
    "Said",
    "SeenEntry",
    "StaffRow",
    "VisitorRecord",
    "WishRow",
    "account_by_email",
    "agencies_of_duty",
    "agencies_to_ask",
    "all_agencies",
    "colleagues",
    "consents_of",
    "duties",
    "exclusions_of",
    "grants_of",
    "matching",
    "names_of_staff",
    "people_of",
    "preview_share",
    "record_of_visitor",
    "staff_of",
    "wishes_of",
]
