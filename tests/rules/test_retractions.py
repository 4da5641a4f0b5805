"""Why a post was retracted is shown only where the key of its slice opens (domain.md §4, rule 3).

A row without its key would be a page that cannot be shown. Each wall is asked alone, and both.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from portal import models as m
from portal.database import PortalSession, SystemSession, look_as
from portal.policy.permissions import Standing
from portal.policy.viewer import Viewer
from portal.services.entries import retract_entry
from portal.vault import equip, reveal
from tests import city as towns
from tests.conftest import Database

REASON = "ほかの子のことを書いた。"


class Room:
    """The small city, in which the school reads and writes one slice."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with SystemSession(database.system) as session, session.begin():
            self.city = towns.build(session, database.keys)
            self.grant_id = towns.add_grant(session, self.city, "school", ["school"])

    def session(self, person: str, *, criteria_alone: bool = False) -> PortalSession:
        agency, role, manager, _ = towns.PEOPLE[person]
        viewer = Viewer(self.city.accounts[person], self.city.acting[person])
        standing = Standing(role, manager, towns.AGENCIES[agency][0], self.city.acting[person])
        session = PortalSession(self.database.system if criteria_alone else self.database.app)
        equip(session, self.database.keys)
        look_as(session, viewer, standing)
        return session

    def written(self, person: str, slice_: str = "school") -> uuid.UUID:
        with SystemSession(self.database.system) as session, session.begin():
            equip(session, self.database.keys)
            return towns.add_entry(session, self.city, slice_=slice_, text="きた。", author=person)

    def retracted(self, person: str, entry_id: uuid.UUID) -> None:
        with self.session(person) as session:
            entry = session.scalars(select(m.Entry).where(m.Entry.id == entry_id)).one()
            retract_entry(session, entry, reason=REASON)
            session.commit()

    def withdraw(self) -> None:
        with self.database.system.begin() as connection:
            connection.execute(text("UPDATE grants SET ended_at = portal_clock()"))

    def seen_by(self, person: str) -> int:
        """Return how many retractions each wall shows; each that is shown can be read."""
        with self.session(person) as session:
            both = session.scalars(select(m.Retraction)).all()
            assert {reveal(session, row, "reason") for row in both} <= {REASON}
            policies = session.connection().scalars(select(m.Retraction.__table__.c.id)).all()
        with self.session(person, criteria_alone=True) as session:
            criteria = session.scalars(select(m.Retraction.id)).all()
        assert len(both) == len(policies) == len(criteria), person
        return len(both)


@pytest.fixture
def room(clone: Callable[[], Database]) -> Room:
    return Room(clone())


def test_who_retracted_sees_why_while_the_slice_is_open(room: Room) -> None:
    room.retracted("nurse", room.written("nurse"))
    assert room.seen_by("nurse") == 1
    assert room.seen_by("teacher") == 0
    room.withdraw()
    assert room.seen_by("nurse") == 0
    assert room.seen_by("counsellor") == 1


def test_another_own_post_in_the_slice_keeps_its_key_and_so_the_retraction(room: Room) -> None:
    room.retracted("nurse", room.written("nurse"))
    room.written("nurse")
    room.withdraw()
    assert room.seen_by("nurse") == 1


def test_of_who_reported_only_the_director_and_workers_see_why(room: Room) -> None:
    room.retracted("director", room.written("director", "reporter"))
    assert room.seen_by("director") == 1
    assert room.seen_by("counsellor") == 1
    assert room.seen_by("investigator") == 0


def test_who_is_excluded_sees_nothing_of_it(room: Room) -> None:
    room.retracted("nurse", room.written("nurse"))
    with SystemSession(room.database.system) as session, session.begin():
        session.add(
            m.Exclusion(
                case_id=room.city.case_id,
                owner_agency_id=room.city.agencies["centre"],
                account_id=room.city.accounts["nurse"],
            )
        )
    assert room.seen_by("nurse") == 0


@pytest.mark.parametrize("wall", ["policies", "criteria"])
def test_without_the_key_the_row_would_show(
    room: Room, wall: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control arm: a wall that asks only who retracted shows a row that cannot be read."""
    room.retracted("nurse", room.written("nurse"))
    room.withdraw()
    if wall == "policies":
        with room.database.owner.begin() as connection:
            connection.execute(text("DROP POLICY visible ON retractions"))
            connection.execute(text("CREATE POLICY visible ON retractions USING (true)"))
        with room.session("nurse") as session:
            rows = select(m.Retraction.__table__.c.id)
            assert len(session.connection().scalars(rows).all()) == 1
    else:
        monkeypatch.setattr("portal.database._SCOPES", ())
        with room.session("nurse", criteria_alone=True) as session:
            assert len(session.scalars(select(m.Retraction.id)).all()) == 1
