"""A small city for tests: agencies of every kind, their people, and one case to work on.

It is written by the system role, as an import of a city's register would be.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Keys
from portal.vault import INTERNAL, Scope, create_key, email_index, equip, seal, spelling_of
from portal.vocabulary import SLICES

LONG_AGO = datetime(2026, 4, 1, tzinfo=UTC)
PASSWORD = "みほんのながいあいことば2026"


@dataclass
class City:
    """Ids by name: ``city.agencies["school"]``, ``city.accounts["nurse"]``, the case and people."""

    agencies: dict[str, uuid.UUID] = field(default_factory=dict)
    accounts: dict[str, uuid.UUID] = field(default_factory=dict)
    acting: dict[str, uuid.UUID] = field(default_factory=dict)
    persons: dict[str, uuid.UUID] = field(default_factory=dict)
    case_id: uuid.UUID = field(default_factory=uuid.uuid4)


AGENCIES = {
    "centre": ("support_center", "みほん市こどもの権利サポートセンター", "municipal"),
    "school": ("school", "見本第一小学校", "municipal"),
    "other_school": ("school", "見本第二中学校", "municipal"),
    "welfare": ("ward_welfare", "見本区福祉課", "municipal"),
    "cgc": ("cgc", "みほん市児童相談所", "municipal"),
    "police": ("police", "見本警察署", "municipal"),
    "npo": ("npo", "NPO法人みほん", "private"),
    "cafeteria": ("cafeteria", "こども食堂みほん", "private"),
    "lawyers": ("expert_lawyer", "提携弁護士", "private"),
    "city_hall": ("mayor_department", "みほん市総務課", "municipal"),
}

# Name: agency, role, manager, member of the default team.
PEOPLE = {
    "director": ("centre", "center_director", True, False),
    "counsellor": ("centre", "center_counselor", False, False),
    "investigator": ("centre", "center_investigator", False, False),
    "clerk": ("centre", "center_clerk", False, False),
    "principal": ("school", "school_principal", True, False),
    "nurse": ("school", "school_nurse", False, True),
    "teacher": ("school", "school_staff", False, True),
    "other_nurse": ("other_school", "school_nurse", True, True),
    "officer": ("welfare", "ward_worker", True, True),
    "cgc_worker": ("cgc", "cgc_worker", True, True),
    "liaison": ("police", "police_liaison", True, True),
    "npo_worker": ("npo", "npo_worker", True, True),
    "volunteer": ("cafeteria", "cafeteria_volunteer", False, True),
    "watcher": ("cafeteria", "watcher", False, True),
    "lawyer": ("lawyers", "expert", False, False),
    "auditor": ("city_hall", "audit_officer", False, False),
    "admin": ("city_hall", "sysadmin", False, False),
}


def build(session: Session, keys: Keys) -> City:
    """Write the city with the system role's session and return its ids."""
    equip(session, keys)
    city = City()
    _agencies(session, city)
    _people(session, city, keys)
    _case(session, city)
    session.flush()
    return city


def _agencies(session: Session, city: City) -> None:
    for name, (kind, title, form) in AGENCIES.items():
        agency = m.Agency(type=kind, name=title, legal_form=form)
        if name == "cafeteria":
            agency.report_slug = "mihon-shokudo"
            agency.entrusted_npo_id = city.agencies["npo"]
            agency.centre_id = city.agencies["centre"]
        city.agencies[name] = agency.id
        session.add(agency)
        # One by one, in this order: a cafeteria names its NPO and its centre.
        session.flush()


def _people(session: Session, city: City, keys: Keys) -> None:
    teams = {}
    year = session.scalar(select(func.fiscal_year()))
    for name, (agency, role, manager, on_team) in PEOPLE.items():
        account = m.Account()
        agency_id = city.agencies[agency]
        city.accounts[name], city.acting[name] = account.id, agency_id
        session.add(account)
        session.flush()
        add_profile(session, keys, account.id, f"{name}@example.jp", f"見本 {name}")
        session.add(m.Pledge(account_id=account.id, fiscal_year=year))
        session.add(
            m.Membership(
                account_id=account.id,
                agency_id=agency_id,
                role=role,
                manager=manager,
                valid_from=LONG_AGO,
            )
        )
        if on_team and agency not in teams:
            teams[agency] = m.Team(agency_id=agency_id, name="対応チーム", is_default=True)
            session.add(teams[agency])
            session.flush()
        if on_team:
            session.add(
                m.TeamMember(team_id=teams[agency].id, account_id=account.id, valid_from=LONG_AGO)
            )
    session.flush()


def add_profile(session: Session, keys: Keys, account_id: uuid.UUID, email: str, name: str) -> None:
    """Seal a name and an e-mail for an account."""
    profile = m.AccountProfile(account_id=account_id, email_index=email_index(keys, email))
    create_key(session, Scope("account", account_id))
    seal(session, profile, email=email, name=name)
    session.add(profile)


def born(years: int) -> str:
    """Return the date of birth of somebody who grew so old a month ago."""
    month_ago = datetime.now(UTC).date() - timedelta(days=31)
    return month_ago.replace(day=1, year=month_ago.year - years).isoformat()


def add_person(
    session: Session,
    city: City,
    name: str,
    family: str,
    given: str,
    *,
    birth_date: str | None = None,
) -> uuid.UUID:
    """Seal a person's names and return the id."""
    person = m.Person()
    create_key(session, Scope("person", person.id))
    texts = {"family_name": family, "given_name": given, "kana": "みほん", "called": given}
    seal(session, person, **texts, birth_date=birth_date)
    session.add(person)
    session.flush()
    city.persons[name] = person.id
    return person.id


def add_case(session: Session, city: City, reference: str, **known: Any) -> m.Case:
    """Open a case of the centre, long ago if nothing else is known of it."""
    usual = {"status": "supporting", "opened_at": LONG_AGO}
    case = m.Case(reference=reference, owner_agency_id=city.agencies["centre"], **(usual | known))
    session.add(case)
    session.flush()
    return case


def linked(case: m.Case, person_id: uuid.UUID, subject_kind: str = "child") -> m.CasePerson:
    """Return what a person is to a case: the child itself if nothing else is said."""
    return m.CasePerson(
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        case_opened_at=case.opened_at,
        person_id=person_id,
        subject_kind=subject_kind,
        is_child=subject_kind == "child",
    )


def _case(session: Session, city: City) -> None:
    centre = city.agencies["centre"]
    case = add_case(session, city, "K7F-3QXR", id=city.case_id)
    for slice_ in (*SLICES, INTERNAL):
        create_key(session, Scope("slice", case.id, slice_))
    kinds = {"child": ("見本", "あおい", "child"), "mother": ("見本", "はるか", "guardian")}
    for name, (family, given, subject_kind) in kinds.items():
        # Old enough to decide alone, so that a test says so where a guardian's word is needed.
        birth_date = born(16) if subject_kind == "child" else None
        person_id = add_person(session, city, name, family, given, birth_date=birth_date)
        link = linked(case, person_id, subject_kind)
        texts = {"family_name": family, "given_name": given, "kana": "みほん", "called": given}
        session.add_all([link, spelling_of(session, link, **texts)])
    session.add(
        m.CaseWorker(
            case_id=case.id, owner_agency_id=centre, account_id=city.accounts["counsellor"]
        )
    )
    session.flush()


def add_entry(
    session: Session,
    city: City,
    *,
    slice_: str,
    text: str,
    subject: str = "child",
    author: str = "counsellor",
) -> uuid.UUID:
    """Write an entry into the case as the system role, and return its id."""
    entry = m.Entry(
        case_id=city.case_id,
        owner_agency_id=city.agencies["centre"],
        case_opened_at=LONG_AGO,
        slice=slice_,
        subject_id=city.persons[subject],
        author_agency_id=city.acting[author],
        author_account_id=city.accounts[author],
        written_at=session.scalar(select(func.now())),
    )
    seal(session, entry, text=text)
    session.add(entry)
    session.flush()
    return entry.id


def add_consultation(session: Session, city: City, desk: str, hours: int) -> m.InboxItem:
    """Put a consultation on a desk, due in so many hours."""
    now = session.scalar(select(func.now()))
    assert now is not None
    thread = m.Thread(kind="child")
    session.add(thread)
    session.flush()
    create_key(session, Scope("thread", thread.id))
    consultation = m.Consultation(
        thread_id=thread.id, channel="WEB", consulter="CHILD", topic="FAMILY"
    )
    seal(session, consultation, words="ひみつの中身")
    session.add(consultation)
    session.flush()
    item = m.InboxItem(
        consultation_id=consultation.id,
        thread_id=thread.id,
        agency_id=city.agencies[desk],
        due_at=now + timedelta(hours=hours),
    )
    session.add(item)
    session.flush()
    return item


def add_grant(
    session: Session,
    city: City,
    agency: str,
    slices: list[str],
    *,
    subject: str | None = "child",
    basis: str = "CONSENT",
    days: int = 90,
) -> uuid.UUID:
    """Give an agency's default team slices of the case, and return the grant's id."""
    now = session.scalar(select(func.now()))
    assert now is not None
    grant = m.Grant(
        case_id=city.case_id,
        owner_agency_id=city.agencies["centre"],
        case_opened_at=LONG_AGO,
        agency_id=city.agencies[agency],
        slices=slices,
        subject_id=None if subject is None else city.persons[subject],
        purpose="support",
        basis=basis,
        necessity="agencies_needed",
        valid_from=now,
        valid_until=now + timedelta(days=days),
    )
    session.add(grant)
    session.flush()
    return grant.id


def add_consented(
    session: Session, city: City, agency: str, slices: list[str], giver: str
) -> m.Grant:
    """Give a grant on a consent that somebody of the case gave three days ago."""
    consent = m.Consent(
        case_id=city.case_id,
        owner_agency_id=city.agencies["centre"],
        kind="sharing",
        giver_kind="child" if giver == "child" else "guardian",
        giver_person_id=city.persons[giver],
        method="screen",
    )
    session.add(consent)
    session.flush()
    grant = session.get_one(m.Grant, add_grant(session, city, agency, slices, subject=giver))
    grant.consent_id = consent.id
    grant.valid_from -= timedelta(days=3)
    session.flush()
    return grant
