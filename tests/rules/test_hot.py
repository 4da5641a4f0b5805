"""A statement without criteria shows what the criteria show: each hot one, to everybody of a world.

The criteria alone are held to the oracle by `test_agreement`; so is row-level security, which is
all that stands behind a hot statement.
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import BindParameter, Connection, inspect, select, true
from sqlalchemy.sql import visitors

from portal import models as m
from portal.database import NoViewerError, PortalSession
from portal.policy import hot
from portal.policy.hot import HOT, is_hot, is_of_columns
from portal.policy.rls import APP, SYSTEM
from portal.policy.viewer import Viewer
from portal.queries import actions, notifications, search, sheet
from portal.services import entries
from tests.rules.city import AT, City
from tests.rules.oracle import World
from tests.rules.sight import viewer_of

WORLDS, VIEWERS = range(4), 6
# The last of all ids, and the first, for the places behind which a list goes on.
FIRST, LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
# Whose loading registers the statements.
LOADED = (actions, notifications, search, sheet, entries)
Rows = list[tuple[str, ...]]


def ids_of(world: World) -> list[uuid.UUID]:
    """Every id there is of cases, people and accounts: whom a statement asks about."""
    cases = [case["id"] for case in world["cases"]]
    people = [person["id"] for person in world.get("persons", [])]
    return [uuid.UUID(id_) for id_ in (*cases, *people, *(a["id"] for a in world["accounts"]))]


def values(name: str, statement: Any, world: World) -> list[dict[str, Any]]:
    """Return what to bind, once for each case where the statement is about one."""
    cases = [uuid.UUID(case["id"]) for case in world["cases"]]
    binds = (each for each in visitors.iterate(statement) if isinstance(each, BindParameter))
    wanted = {each.key for each in binds if each.required}
    everything: dict[str, Any] = {"ids": sorted(ids_of(world))}
    everything |= dict.fromkeys(("status", "topic", "now", "school"))
    # Said by the page, which has the case: who wrote is told or not, of the same entries.
    everything["concealed"] = True
    references = [case["reference"] for case in world["cases"]]
    if "newer" in name:
        everything |= {"at": datetime(2000, 1, 1, tzinfo=UTC), "id": FIRST}
    else:
        everything |= {"at": datetime.fromisoformat(AT), "id": LAST}
    keys = _entries_of(world) if "an entry" in name else cases
    each = [
        everything | {"case_id": key, "key": key, "reference": reference}
        for key, reference in zip(keys, cycle(references), strict=False)
    ]
    asked = [{key: bound[key] for key in wanted} for bound in each]
    return asked if wanted & {"case_id", "key", "reference"} else asked[:1]


def _entries_of(world: World) -> list[uuid.UUID]:
    return [uuid.UUID(e["id"]) for case in world["cases"] for e in case.get("entries", [])]


def shown(connection: Connection, viewer: Viewer, statement: Any, bound: dict[str, Any]) -> Rows:
    with PortalSession(connection) as session:
        session.info["viewer"] = viewer
        rows = session.execute(statement, bound).all()
        return [tuple(map(_text, row)) for row in rows]


def _text(value: Any) -> str:
    state = inspect(value, raiseerr=False)
    return str(value if state is None else state.identity)


def looks(city: City, name: str, role: str, *, bare: bool) -> Rows:
    """Ask a statement for some of the people of each world, with or without the criteria.

    Not every statement orders its rows.
    """
    statement = HOT[name]
    asked = statement if bare else statement.where(true())
    found: Rows = []
    for seed in WORLDS:
        world = city.world(seed)
        pairs = list(city.expected(seed))
        with city.looking(role) as connection:
            for pair in random.Random(seed).sample(pairs, min(VIEWERS, len(pairs))):
                viewer = viewer_of(connection, pair)
                for bound in values(name, statement, world):
                    found += shown(connection, viewer, asked, bound)
    return sorted(found)


@pytest.mark.parametrize("name", sorted(HOT))
def test_a_hot_statement_shows_what_the_criteria_show(city: City, name: str) -> None:
    assert looks(city, name, APP, bare=True) == looks(city, name, SYSTEM, bare=False)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a case by its id",
            "an entry by its id",
            "entries of a case",
            "people of a case",
            "children of cases",
        ),
        *("keys: slice", "keys: person", "live grants of a case"),
    ],
)
def test_without_row_level_security_a_hot_statement_shows_more(city: City, name: str) -> None:
    """The control arm: the role that sees everything asks where the web's role should."""
    seen = looks(city, name, APP, bare=True)
    assert seen
    assert len(looks(city, name, SYSTEM, bare=True)) > len(seen)


def test_what_is_hot_is_the_object_and_no_copy_of_it() -> None:
    statement = HOT["a case by its id"]
    assert is_hot(statement)
    assert not is_hot(statement.where(m.Case.status == "closed"))
    assert not is_hot(statement.execution_options(hot=True))
    assert not is_hot(select(m.Case))


@pytest.mark.parametrize("name", ["a case by its id", "list: first"])
def test_nobody_is_shown_what_is_hot_before_it_is_known_who_looks(city: City, name: str) -> None:
    """Of objects, and of columns, which go past the ORM."""
    with (
        city.looking(APP) as connection,
        PortalSession(connection) as session,
        pytest.raises(NoViewerError),
    ):
        session.execute(HOT[name], {"key": LAST})


def test_what_gives_columns_goes_past_the_orm_and_what_gives_objects_does_not() -> None:
    assert is_of_columns(HOT["list: first"])
    assert not is_of_columns(HOT["list: first"].where(true()))
    for name in ("a case by its id", "entries of a case", "people of a case with their names"):
        assert not is_of_columns(HOT[name])


def test_what_gives_columns_reads_what_the_session_has_not_sent_yet(city: City) -> None:
    """As every statement of the ORM does; and not where a session was told to hold it back."""
    new, wanted = HOT["how many entries are new, by case"], {"ids": ids_of(city.world(0))}
    pair = next(pair for pair, sight in city.expected(0).items() if sight["entries"])
    with city.looking(APP) as connection, PortalSession(connection) as session:
        session.info["viewer"] = viewer = viewer_of(connection, pair)
        others = m.Entry.author_account_id != viewer.account_id
        case_id = session.scalars(select(m.Entry.case_id).where(others)).first()
        long_ago = datetime(2000, 1, 1, tzinfo=UTC)
        keys = {"account_id": viewer.account_id, "agency_id": viewer.agency_id, "case_id": case_id}
        session.add(m.CaseLook(**keys, looked_at=long_ago))
        with session.no_autoflush:
            assert not session.execute(new, wanted).all()
        assert [row.case_id for row in session.execute(new, wanted)] == [case_id]
        session.rollback()


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="already"):
        hot.hot("a case by its id", select(m.Case))


def test_no_hot_statement_is_made_while_a_request_runs() -> None:
    """They are one closed list, known when the modules are loaded."""
    assert len(HOT) == len(NAMES)
    assert set(HOT) == NAMES


NAMES = {
    "how many entries are new, by case",
    *(f"keys: {kind}" for kind in m.KEYS),
    *(f"list: {way}{sifted}" for way in ("first", "older", "newer") for sifted in ("", ", sifted")),
    "list: how many",
    "a case by its id",
    "actions of a case",
    "an entry by its id",
    "children of cases",
    "entries of a case",
    "grants that admit to a case",
    "grants that let somebody write in a case",
    "live grants of a case",
    "names of accounts",
    "names of agencies",
    "next checks",
    "notifications: how many",
    "older entries of a case",
    "open tasks of a case",
    "other cases of a household",
    "people of a case",
    "people of a case with their names",
    *(
        f"search by {what}: {look}{of_school}"
        for what in ("codes", "name")
        for look in ("first 51", "older 51", "older 1949", "older 18000")
        for of_school in ("", ", of a school")
    ),
    "search by reference",
    "search: confirm",
    "the newest of child_meetings",
    "the newest of progress_checks",
    "the newest of urgency_decisions",
    "topics of a case",
    "urgencies",
    "workers of a case",
}
