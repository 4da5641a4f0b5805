"""Opening cases, adding people, posting and retracting, through both walls."""

import uuid
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import (
    ConflictError,
    NotVisibleError,
    SystemSession,
)
from portal.policy.permissions import NotPermittedError
from portal.services import cases, entries
from portal.services.once import write_once
from portal.vault import INTERNAL, Scope, create_key, equip, reveal, seal
from portal.vocabulary import SLICES
from tests import city as towns
from tests.conftest import Database
from tests.portal.conftest import Acting


@pytest.fixture
def town(own: Database) -> towns.City:
    """Return the small city."""
    with SystemSession(own.system) as session, session.begin():
        return towns.build(session, own.keys)


def opened(session: Session, **changes: object) -> m.Case:
    """Open a case as the session's viewer."""
    values = {
        "family_name": "髙橋",
        "given_name": "みなと",
        "kana": "たかはし みなと",
        "called": "みなとさん",
        "birth_date": "2016-05-01",
        "item": None,
        "topics": ["FAMILY"],
    }
    return cases.open_case(session, **{**values, **changes})


def test_a_case_opens_with_child_keys_worker_and_topics(acting: Acting) -> None:
    session = acting("counsellor")
    case = opened(session)
    session.commit()

    link = session.scalars(select(m.CasePerson).where(m.CasePerson.case_id == case.id)).one()
    child = session.get_one(m.Person, link.person_id)
    assert link.is_child
    assert reveal(session, child, "family_name") == "髙橋"
    assert reveal(session, child, "birth_date") == "2016-05-01"
    keys = session.scalars(select(m.SliceKey.slice).where(m.SliceKey.scope_id == case.id)).all()
    assert set(keys) == {*SLICES, INTERNAL}
    workers = session.scalars(
        select(m.CaseWorker.account_id).where(m.CaseWorker.case_id == case.id)
    ).all()
    assert workers == [session.viewer.account_id]
    assert case.status == "accepted"
    assert len(case.reference) == 11


def test_the_same_form_opens_one_case(acting: Acting) -> None:
    session = acting("counsellor")
    case_id = uuid.uuid4()
    assert opened(session, case_id=case_id) is opened(session, case_id=case_id)
    assert len(session.scalars(select(m.Case).where(m.Case.id == case_id)).all()) == 1


@pytest.mark.parametrize("person", ["nurse", "clerk", "officer", "admin"])
def test_only_the_centre_opens_a_case(acting: Acting, person: str) -> None:
    with pytest.raises(NotPermittedError):
        opened(acting(person))


def on_desk(own: Database, town: towns.City, kind: str, *, sealed: bool = False) -> uuid.UUID:
    """Put a consultation on the centre's desk and return the item's id."""
    with SystemSession(own.system) as session, session.begin():
        equip(session, own.keys)
        thread = m.Thread(kind=kind, sealed=sealed)
        session.add(thread)
        session.flush()
        create_key(session, Scope("thread", thread.id))
        consultation = m.Consultation(
            thread_id=thread.id, channel="TABLET", consulter="CHILD", topic="FAMILY"
        )
        seal(session, consultation, words="きいてほしい")
        session.add(consultation)
        session.flush()
        item = m.InboxItem(
            consultation_id=consultation.id,
            thread_id=thread.id,
            agency_id=town.agencies["centre"],
            sealed=sealed,
            due_at=session.scalars(select(func.now())).one(),
        )
        session.add(item)
        return item.id


@pytest.mark.parametrize(
    ("kind", "sealed", "linked", "is_child"),
    [
        ("child", False, True, True),
        ("guardian", False, True, False),
        ("third_party", True, False, False),
        ("child", True, False, False),
    ],
)
def test_a_consultation_becomes_the_case_and_a_reporters_thread_does_not(
    own: Database, acting: Acting, town: towns.City, *, kind: str, sealed: bool, linked: bool,
    is_child: bool,
) -> None:  # fmt: skip
    session = acting("counsellor")
    item = session.get_one(m.InboxItem, on_desk(own, town, kind, sealed=sealed))
    case = opened(session, item=item)
    session.commit()
    with SystemSession(own.system) as system:
        kept = system.get_one(m.InboxItem, item.id)
        thread = system.get_one(m.Thread, item.thread_id)
        child = system.scalars(
            select(m.CasePerson.person_id).where(m.CasePerson.case_id == case.id)
        ).one()
        assert (kept.status, kept.case_id) == ("accepted", case.id)
        assert kept.handled_by == town.accounts["counsellor"]
        assert thread.case_id == (case.id if linked else None)
        assert thread.person_id == (child if is_child else None)


def test_people_are_added_by_the_owner_alone(acting: Acting, town: towns.City) -> None:
    words = {
        "family_name": "髙橋",
        "given_name": "はるか",
        "kana": "",
        "called": "",
        "subject_kind": "guardian",
        "relationship_code": "mother",
    }
    session = acting("counsellor")
    case = session.get_one(m.Case, town.case_id)
    mother = cases.add_person(session, case, **words)
    session.commit()
    assert reveal(session, session.get_one(m.Person, mother.id), "family_name") == "髙橋"
    with pytest.raises(NotPermittedError):
        cases.add_person(acting("nurse"), case, **words)


def test_brothers_and_sisters_share_one_household(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    first, second, third = (opened(session) for _ in range(3))
    household = cases.link_household(session, [first, second])
    assert cases.link_household(session, [second, third]).id == household.id
    links = session.scalars(
        select(m.HouseholdCase.case_id).where(m.HouseholdCase.household_id == household.id)
    ).all()
    assert sorted(links) == sorted([first.id, second.id, third.id])


def give(own: Database, town: towns.City, agency: str, slices: list[str]) -> uuid.UUID:
    with SystemSession(own.system) as session, session.begin():
        return towns.add_grant(session, town, agency, slices)


def write(session: Session, town: towns.City, slice_: str, **changes: Any) -> m.Entry:
    case = session.scalars(select(m.Case).where(m.Case.id == town.case_id)).one()
    values = {
        "entry_id": uuid.uuid4(),
        "slice_": slice_,
        "subject_id": town.persons["child"],
        "text": "みほん",
    }
    return entries.post_entry(session, case, **{**values, **changes})


def test_a_post_goes_only_where_its_author_reads(
    own: Database, acting: Acting, town: towns.City
) -> None:
    give(own, town, "school", ["basic", "school"])
    session = acting("nurse")
    with pytest.raises(NotPermittedError):
        write(session, town, "home")
    with pytest.raises(NotPermittedError):
        write(session, town, "school", subject_id=town.persons["mother"])
    write(session, town, "school")
    session.commit()
    # Advice and who reported are the centre's; the reporter is for director and workers.
    for person, slice_, may in [
        ("counsellor", "reporter", True),
        ("director", "reporter", True),
        ("investigator", "reporter", False),
        ("investigator", "advice", True),
    ]:
        places = entries.writable(acting(person), session.get_one(m.Case, town.case_id))
        assert ((slice_, town.persons["child"]) in places) is may, (person, slice_)


def test_a_post_that_waited_for_a_withdrawal_is_lost(
    own: Database, acting: Acting, town: towns.City
) -> None:
    """The nurse has the page open, the child takes the consent back, then she sends."""
    grant_id = give(own, town, "school", ["basic", "school"])
    session = acting("nurse")
    case = session.get_one(m.Case, town.case_id)
    assert entries.writable(session, case)
    with SystemSession(own.system) as system, system.begin():
        system.get_one(m.Grant, grant_id).ended_at = system.scalars(select(func.now())).one()
    with pytest.raises(NotVisibleError):
        entries.post_entry(
            session,
            case,
            entry_id=uuid.uuid4(),
            slice_="school",
            subject_id=town.persons["child"],
            text="みほん",
        )


def test_two_sendings_at_the_same_moment_make_one_entry(acting: Acting, town: towns.City) -> None:
    """The second finds the row only when it writes, because the first has just committed."""
    key, first, second = uuid.uuid4(), acting("counsellor"), acting("counsellor")
    write(first, town, "home", entry_id=key)
    first.commit()
    row = m.Entry(
        id=key,
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        case_opened_at=towns.LONG_AGO,
        slice="home",
        subject_id=town.persons["child"],
        author_agency_id=town.agencies["centre"],
        author_account_id=town.accounts["counsellor"],
    )
    seal(second, row, text="みほん")
    assert write_once(second, row) is False
    second.commit()
    found = second.scalars(select(func.count()).select_from(m.Entry).where(m.Entry.id == key))
    assert found.one() == 1


def test_an_id_that_is_taken_by_something_hidden_is_a_conflict(
    own: Database, acting: Acting, town: towns.City
) -> None:
    give(own, town, "school", ["basic", "school"])
    centre, school = acting("counsellor"), acting("nurse")
    hidden = write(centre, town, "home")
    centre.commit()
    with pytest.raises(ConflictError):
        write(school, town, "school", entry_id=hidden.id)
