"""A small city on a database of its own, and sessions of its people: what is tested commits."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import PortalSession, SystemSession, look_as
from portal.policy.permissions import Standing
from portal.policy.viewer import Viewer
from portal.vault import equip, seal
from tests import city as towns
from tests.conftest import Database

Acting = Callable[[str], PortalSession]


@pytest.fixture
def own(clone: Callable[[], Database]) -> Iterator[Database]:
    """A database of this test alone: what is tested here commits."""
    database = clone()
    yield database
    database.drop()


@pytest.fixture
def town(own: Database) -> towns.City:
    """Return the small city, where the necessity of sharing is recorded."""
    with SystemSession(own.system) as session, session.begin():
        town = towns.build(session, own.keys)
        record_necessity(session, town)
        return town


def record_necessity(session: Session, town: towns.City) -> None:
    record = m.NecessityRecord(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        necessity="agencies_needed",
        recorded_by=town.accounts["counsellor"],
    )
    seal(session, record, grounds="学校の協力がいる。")
    session.add(record)


@pytest.fixture
def acting(own: Database, town: towns.City) -> Iterator[Acting]:
    """Return a function that opens a session for somebody of the city."""
    opened = []

    def as_(person: str) -> PortalSession:
        agency, role, manager, _ = towns.PEOPLE[person]
        session = PortalSession(own.app)
        opened.append(session)
        equip(session, own.keys)
        look_as(
            session,
            Viewer(account_id=town.accounts[person], agency_id=town.acting[person]),
            Standing(role, manager, towns.AGENCIES[agency][0], town.acting[person]),
        )
        return session

    yield as_
    for session in opened:
        session.close()


@pytest.fixture
def visiting(own: Database, town: towns.City) -> Iterator[Callable[[str], PortalSession]]:
    """Return a function that opens a session for the child or the mother, by code."""
    opened = []

    def as_(person: str) -> PortalSession:
        kind = "child" if person == "child" else "guardian"
        thread = m.Thread(
            kind=kind,
            case_id=town.case_id,
            owner_agency_id=town.agencies["centre"],
            person_id=town.persons[person],
        )
        with SystemSession(own.system) as session, session.begin():
            session.add(thread)
            session.flush()
            thread_id = thread.id
        visitor = PortalSession(own.app)
        opened.append(visitor)
        equip(visitor, own.keys)
        look_as(visitor, Viewer(thread_id=thread_id))
        return visitor

    yield as_
    for session in opened:
        session.close()
