"""A database whose clock stands at one instant, filled with random worlds as they are asked for.

It is committed: each role keeps its own connection with its prepared statements, which makes a
look several times cheaper than one that changes roles. Nobody but the rule tests has such a clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Connection, func, select, update

from portal.database import READING, SystemSession, system_session
from portal.embedded import APP, SYSTEM
from portal.models import Grant, Pledge
from portal.vault import equip
from portal.world import load
from portal.world.looking import set_clock
from tests.conftest import Database
from tests.rules.oracle import World
from tests.rules.sight import Pair, Sight, by_oracle, pairs
from tests.rules.worlds import random_world, with_consent_for_everyone

AT = "2026-08-15T12:00:00+09:00"


@dataclass
class City:
    """Worlds by their seed; the even ones keep the rules of granting, the odd ones break them."""

    # From this seed on, worlds also have consents that speak for everybody.
    EVERYONE: ClassVar[int] = 1_000_000

    database: Database
    worlds: dict[int, World] = field(default_factory=dict)
    _expected: dict[int, dict[Pair, Sight]] = field(default_factory=dict)

    @classmethod
    def found(cls, database: Database) -> City:
        with database.owner.begin() as connection:
            set_clock(connection, datetime.fromisoformat(AT))
        for role in (APP, SYSTEM):
            # Made before threads ask for them, each of which would make its own.
            database.engine(role)
        return cls(database)

    def world(self, seed: int) -> World:
        """Return the world of a seed, loaded the first time it is asked for."""
        if seed not in self.worlds:
            lawful = seed % 2 == 0
            world = random_world(seed, at=datetime.fromisoformat(AT), lawful=lawful)
            for account in world["accounts"]:
                # Each world numbers its accounts from 1, and an address belongs to one account.
                account["email"] = f"{account['id']}@example.jp"
            with self._writing() as session:
                load(session, world, trust=not lawful, add=True)
                _pledge(session, world)
                if seed >= City.EVERYONE:
                    _speak_for_everybody(session, with_consent_for_everyone(world, seed))
            self.worlds[seed] = world
        return self.worlds[seed]

    def take(self, world: World) -> None:
        """Load a world that was drawn elsewhere and keeps the rules of granting."""
        with self._writing() as session:
            load(session, world, trust=False, add=True)
            _pledge(session, world)

    @contextmanager
    def _writing(self) -> Iterator[SystemSession]:
        with system_session(self.database.system, reason="a random world") as session:
            equip(session, self.database.keys)
            yield session

    def expected(self, seed: int) -> dict[Pair, Sight]:
        """Return what the oracle says of a world, by account and agency."""
        if seed not in self._expected:
            world = self.world(seed)
            self._expected[seed] = {pair: by_oracle(world, pair, AT) for pair in pairs(world)}
        return self._expected[seed]

    def forget(self, seed: int) -> None:
        """Let go of a world that nobody will ask for again; its rows stay."""
        self.worlds.pop(seed, None)
        self._expected.pop(seed, None)

    @contextmanager
    def looking(self, role: str) -> Iterator[Connection]:
        """Open a transaction of a role as a read of the web has it: one snapshot, then COMMIT.

        There the terms keep what they found (decision 5), for one viewer after the other.
        """
        reading = self.database.engine(role).execution_options(isolation_level=READING)
        with reading.begin() as connection:
            yield connection


def _pledge(session: SystemSession, world: World) -> None:
    """Let everybody have given the pledge of the year at ``AT``, before which no page opens."""
    year = session.scalar(select(func.fiscal_year()))
    session.add_all(
        Pledge(account_id=uuid.UUID(account["id"]), fiscal_year=year)
        for account in world["accounts"]
    )


def _speak_for_everybody(session: SystemSession, world: World) -> None:
    grants = [
        uuid.UUID(grant["id"])
        for case in world["cases"]
        for grant in case.get("grants", [])
        if grant["subject"] == "*"
    ]
    session.execute(update(Grant).where(Grant.id.in_(grants)).values(subject_id=None))
