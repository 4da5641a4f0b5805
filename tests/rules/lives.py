"""The life of a case as the services write it: what people do, in one transaction that is undone.

A connection of the schema's owner changes into the web's role for what people do, and into the
system's for what the register says; the clock stands in a setting of the transaction and moves only
when it is told to. Nothing is ever committed, so that each life begins in the same city.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Select, func, or_, select

from portal import models as m
from portal.audit import settle
from portal.config import Keys
from portal.database import (
    ConflictError,
    NotVisibleError,
    PortalSession,
    SystemSession,
    find_visible,
    look_as,
)
from portal.embedded import APP, SYSTEM
from portal.policy.permissions import NotPermittedError, Standing
from portal.policy.viewer import Viewer, live
from portal.services.administration import RefusedError
from portal.services.denials import WrongTargetError
from portal.services.ends import NotAnEndError
from portal.services.sharing import RefusedShareError
from portal.vault import equip, seal
from portal.vocabulary import SLICES
from portal.world import dump
from tests import city as towns
from tests.conftest import Database
from tests.rules import batches
from tests.rules.oracle import World
from tests.rules.sight import Part, by_oracle, differences, pairs

# How the services say no; whatever else they raise is a bug.
REFUSALS = (
    ConflictError,
    NotAnEndError,
    NotPermittedError,
    NotVisibleError,
    RefusedError,
    RefusedShareError,
    WrongTargetError,
)
MOVING_CLOCK = """CREATE OR REPLACE FUNCTION portal_clock() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT current_setting('lives.clock')::timestamptz $$"""
CLOCK = "lives.clock"
BEGINNING = dt.datetime(2026, 8, 15, 3, tzinfo=dt.UTC)
# What is written about whom in the beginning, so that every slice has something to hide.
WRITTEN = {"child": SLICES, "mother": ("basic", "home", "contact")}


class Absent(Exception):
    """Somebody has no live membership and does nothing."""


def settle_city(database: Database) -> towns.City:
    """Write the city in which every life begins, and commit it."""
    with database.owner.begin() as connection:
        connection.exec_driver_sql(MOVING_CLOCK)
        batches.prepare(connection)
    with SystemSession(database.system) as session, session.begin():
        session.execute(select(func.set_config(CLOCK, BEGINNING.isoformat(), True)))
        city = towns.build(session, database.keys)
        for person, slices in WRITTEN.items():
            for slice_ in slices:
                towns.add_entry(session, city, slice_=slice_, text=slice_, subject=person)
        record = m.NecessityRecord(
            case_id=city.case_id,
            owner_agency_id=city.agencies["centre"],
            necessity="agencies_needed",
            recorded_by=city.accounts["counsellor"],
        )
        seal(session, record, grounds="学校の協力がいる。")
        session.add(record)
        # At the beginning the child is old enough to decide alone, whatever the day of the test.
        seal(session, session.get_one(m.Person, city.persons["child"]), birth_date="2010-01-01")
        # Somebody who may answer for the child, or no word of the mother's counts.
        session.add(
            m.GuardianRecord(
                case_id=city.case_id,
                owner_agency_id=city.agencies["centre"],
                person_id=city.persons["mother"],
                authority="sole",
                recorded_by=city.accounts["counsellor"],
            )
        )
        return city


class Life:
    """One life of the city's case, from its beginning to the rollback."""

    def __init__(self, database: Database, city: towns.City, planted: Iterable[str] = ()) -> None:
        """Begin; `planted` are statements that spoil the walls for as long as this life lasts."""
        self.keys: Keys = database.keys
        self.city = city
        self.connection: Connection = database.owner.connect()
        self.transaction = self.connection.begin()
        self.now = BEGINNING
        self.done: Counter[str] = Counter()
        # Ids count up, so that rows of one instant have an order and a life that is lived again is
        # the same life: which of the rows is meant is a number in that order.
        numbers = itertools.count(1)
        self._ids = patch.object(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers)))
        self._ids.start()
        for statement in planted:
            self.connection.exec_driver_sql(statement)
        self.move_to(BEGINNING)

    def end(self) -> None:
        """Undo everything."""
        self._ids.stop()
        self.transaction.rollback()
        self.connection.close()

    def move_to(self, instant: dt.datetime) -> None:
        """Let the clock stand at an instant."""
        self.now = instant
        self.connection.execute(select(func.set_config(CLOCK, instant.isoformat(), True)))

    @contextmanager
    def _as(self, role: str) -> Iterator[None]:
        self.connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
        try:
            yield
        finally:
            self.connection.exec_driver_sql("RESET ROLE")

    @contextmanager
    def _by(self, person: str) -> Iterator[PortalSession]:
        """Open somebody's session, in the capacity of the membership that is live now."""
        viewer = Viewer(self.city.accounts[person], self.city.acting[person])
        standing = self._standing(viewer)
        with (
            self._as(APP),
            PortalSession(self.connection, join_transaction_mode="create_savepoint") as session,
        ):
            equip(session, self.keys)
            look_as(session, viewer, standing)
            yield session
            settle(session)
            session.commit()

    def _standing(self, viewer: Viewer) -> Standing:
        member = m.Membership.__table__.c
        agency, left = m.Agency.__table__, m.Departure.__table__
        gone = select(left.c.id).where(left.c.agency_id == viewer.agency_id, live(left)).exists()
        with self._as(SYSTEM):
            row = self.connection.execute(
                select(member.role, (member.manager & ~gone).label("manager"), agency.c.type)
                .join(agency, agency.c.id == member.agency_id)
                .where(
                    member.account_id == viewer.account_id,
                    member.agency_id == viewer.agency_id,
                    member.valid_from <= func.portal_clock(),
                    or_(
                        member.valid_until.is_(None),
                        func.portal_clock() < member.valid_until,
                    ),
                )
            ).one_or_none()
        if row is None or viewer.agency_id is None:
            raise Absent
        return Standing(row.role, row.manager, row.type, viewer.agency_id)

    def do(self, what: str, person: str, deed: Callable[[PortalSession], object]) -> bool:
        """Let somebody do something; a refusal changes nothing. Returns whether it was done."""
        try:
            with self._by(person) as session:
                deed(session)
        except Absent:
            return False
        except REFUSALS:
            self.done[f"{what}, refused"] += 1
            return False
        self.done[what] += 1
        return True

    def case(self, session: PortalSession) -> m.Case:
        """Return the case, or raise as a page does where it is hidden."""
        return find_visible(session, m.Case, self.city.case_id)

    def rows(self, statement: Select[Any]) -> list[Any]:
        """Return rows as the register has them, in an order that is the same in every run."""
        with self._as(SYSTEM):
            return list(self.connection.execute(statement).all())

    def register(self) -> World:
        """Return the register as `world dump` writes it."""
        with (
            self._as(SYSTEM),
            SystemSession(self.connection, join_transaction_mode="create_savepoint") as session,
        ):
            equip(session, self.keys)
            return dump(session)

    def disagreements(self, world: World) -> list[str]:
        """Return how the walls differ now from the oracle on the register, for everybody."""
        at = self.now.isoformat()
        part, found = Part.of(world), []
        for wall, (role, _) in batches.WALLS.items():
            with self._as(role):
                sights = batches.look(self.connection, wall, pairs(world), part)
            for pair, seen in sights.items():
                right = by_oracle(world, pair, at)
                found += [f"{at}, {wall}, {pair}: {x}" for x in differences(seen, right)]
                self.done["sights compared"] += 1
        return found
