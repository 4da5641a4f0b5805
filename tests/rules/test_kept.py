"""What a term found is kept where nothing can have changed, and nowhere else (decision 1).

The rule tests look as the web reads, in one snapshot, so that whatever they compare was kept
(`City.looking`). Here is what must not be: what was found for another viewer, what the transaction
itself has changed since, and anything where each statement sees its own present.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from portal.database import READING, WRITING, SystemSession
from portal.policy import rls
from portal.policy.viewer import TERMS, Viewer
from portal.world.looking import send_settings
from tests import city as towns
from tests.conftest import Database

ACTING = "SELECT viewer_acting()"
KEPT = "SELECT current_setting('portal.kept_acting', true)"
DISABLING = "UPDATE accounts SET disabled = :disabled WHERE id = :id"
(_TERM,) = (term for term in TERMS if term.name == "acting")


class Room:
    """The small city, its people by name, and transactions in which somebody looks."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with SystemSession(database.system) as session, session.begin():
            self.city = towns.build(session, database.keys)

    def viewer(self, person: str) -> Viewer:
        return Viewer(self.city.accounts[person], self.city.acting[person])

    @contextmanager
    def looking(self, person: str, isolation: str, *, writes: bool = False) -> Iterator[Connection]:
        """Open a transaction of the web's role, or of one that may also disable accounts."""
        engine = self.database.system if writes else self.database.app
        with engine.execution_options(isolation_level=isolation).begin() as connection:
            send_settings(connection, self.viewer(person))
            yield connection

    def disable(self, person: str, *, disabled: bool = True) -> None:
        with self.database.system.begin() as connection:
            self.disable_in(connection, person, disabled=disabled)

    def disable_in(self, connection: Connection, person: str, *, disabled: bool = True) -> None:
        bound = {"id": self.city.accounts[person], "disabled": disabled}
        connection.execute(text(DISABLING), bound)

    def agency(self, person: str) -> uuid.UUID:
        return self.city.acting[person]

    def careless(self, guard: str, instead: str) -> None:
        """Put a term in place that keeps what it found without one of its guards."""
        ddl = rls._term(_TERM)
        assert guard in ddl
        careless = ddl.replace(guard, instead).replace("CREATE", "CREATE OR REPLACE", 1)
        with self.database.owner.begin() as connection:
            connection.exec_driver_sql(careless)


@pytest.fixture
def room(clone: Callable[[], Database]) -> Iterator[Room]:
    database = clone()
    yield Room(database)
    database.drop()


def asked(connection: Connection) -> uuid.UUID | None:
    found: uuid.UUID | None = connection.scalar(text(ACTING))
    return found


# -- what each test finds, with the guard and without it ------------------------------------------


def _for_another_viewer(room: Room) -> bool:
    with room.looking("nurse", READING) as connection:
        assert asked(connection) == room.agency("nurse")
        send_settings(connection, Viewer(room.city.accounts["clerk"], room.agency("nurse")))
        return asked(connection) is not None


def _after_a_change_of_its_own(room: Room) -> bool:
    with room.looking("nurse", READING, writes=True) as connection:
        assert asked(connection) == room.agency("nurse")
        room.disable_in(connection, "nurse")
        return asked(connection) is not None


def _where_each_statement_sees_its_present(room: Room) -> bool:
    with room.looking("nurse", WRITING) as connection:
        assert asked(connection) == room.agency("nurse")
        room.disable("nurse")
        return asked(connection) is not None


STALE: dict[Callable[[Room], bool], tuple[str, str]] = {
    _for_another_viewer: ("v_fixed AND starts_with(v_kept, v_who)", "v_fixed AND v_kept <> ''"),
    _after_a_change_of_its_own: ("AND pg_current_xact_id_if_assigned() IS NULL", ""),
    _where_each_statement_sees_its_present: (
        "current_setting('transaction_isolation') = 'repeatable read'",
        "true",
    ),
}


@pytest.mark.parametrize("stale", STALE)
def test_nothing_is_kept_that_may_have_changed(room: Room, stale: Callable[[Room], bool]) -> None:
    assert not stale(room)


@pytest.mark.parametrize("stale", STALE)
def test_without_its_guard_a_term_tells_what_was(room: Room, stale: Callable[[Room], bool]) -> None:
    """The control arm."""
    room.careless(*STALE[stale])
    assert stale(room)


def test_a_read_keeps_what_it_found_until_it_ends(room: Room) -> None:
    """What is kept is what its snapshot says anyway: the change of somebody else comes after it."""
    with room.looking("nurse", READING) as connection:
        assert asked(connection) == room.agency("nurse")
        assert str(room.agency("nurse")) in connection.scalar(text(KEPT))
        room.disable("nurse")
        snapshot = connection.scalar(
            text("SELECT disabled FROM accounts WHERE id = :id"),
            {"id": room.city.accounts["nurse"]},
        )
        assert snapshot is False
        assert asked(connection) == room.agency("nurse")
    with room.looking("nurse", READING) as connection:
        assert not connection.scalar(text(KEPT))
        assert asked(connection) is None


def test_nothing_found_is_kept_as_nothing(room: Room) -> None:
    room.disable("nurse")
    with room.looking("nurse", READING) as connection:
        assert asked(connection) is None
        assert connection.scalar(text(KEPT)).endswith(";")
        assert asked(connection) is None


def test_a_savepoint_that_is_rolled_back_takes_nothing_with_it(room: Room) -> None:
    with room.looking("nurse", READING) as connection:
        with connection.begin_nested() as savepoint:
            assert asked(connection) == room.agency("nurse")
            savepoint.rollback()
        assert not connection.scalar(text(KEPT))
        assert asked(connection) == room.agency("nurse")


def test_every_term_that_asks_nothing_but_who_looks_is_kept(room: Room) -> None:
    terms = [term for term in TERMS if "v_found" in rls._term(term)]
    assert {"reading", "excluded_cases", "default_team"} <= {term.name for term in terms}
    with room.looking("nurse", READING) as connection:
        for term in terms:
            first = connection.scalar(text(f"SELECT viewer_{term.name}()"))
            kept = text(f"SELECT current_setting('portal.kept_{term.name}', true)")
            assert connection.scalar(kept), term.name
            assert connection.scalar(text(f"SELECT viewer_{term.name}()")) == first, term.name
