"""Each wall alone, and both together, show exactly what the oracle says, in random worlds.

`PORTAL_WORLDS` says how many worlds (`make test-worlds`: 10,000); they are drawn by their number,
so a failure can be repeated. In the first of them everybody looks through sessions, as a request
does; in all of them twelve people look through the same statements, asked many at a time.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from portal.policy.rls import APP, SYSTEM
from portal.world.looking import send_settings
from tests.conftest import Database
from tests.rules import batches
from tests.rules.city import AT, City
from tests.rules.sight import (
    Pair,
    Part,
    Sight,
    by_oracle,
    by_orm,
    by_sql,
    differences,
    pairs,
    viewer_of,
)

WORLDS = int(os.environ.get("PORTAL_WORLDS", "200"))
VIEWERS = 12
# So many worlds share a database, and nobody sees anything of another one.
BATCH = 50
THROUGH_SESSIONS = range(20)
# While the database works for one world, Python compares another.
THREADS = 2
WALLS = {
    "the ORM's criteria alone": (SYSTEM, by_orm),
    "row-level security alone": (APP, by_sql),
    "both walls": (APP, by_orm),
}


def look(city: City, wall: str, viewers: list[Pair], part: Part | None) -> list[Sight]:
    role, how = WALLS[wall]
    with city.looking(role) as connection:
        return [how(connection, viewer_of(connection, pair), part) for pair in viewers]


def disagreements(city: City, seed: int, part: Part | None) -> list[str]:
    expected = city.expected(seed)
    return [
        f"world {seed}, {wall}, {pair}: {difference}"
        for wall in WALLS
        for pair, seen in zip(expected, look(city, wall, list(expected), part), strict=True)
        for difference in differences(seen, expected[pair])
    ]


def test_nobody_sees_anything_of_another_world(city: City) -> None:
    """Without naming the part to look at; before the others, while the database is still small."""
    city.world(1)
    found = disagreements(city, 0, None)
    assert not found, "\n".join(found[:20])


def test_sessions_show_what_the_oracle_says(city: City) -> None:
    def compare(seed: int) -> list[str]:
        return disagreements(city, seed, Part.of(city.world(seed)))

    with ThreadPoolExecutor(THREADS) as pool:
        found = [each for seed in pool.map(compare, THROUGH_SESSIONS) for each in seed]
    assert not found, "\n".join(found[:20])


class Batch:
    """Some worlds in a database of their own, each looked at by some of its people."""

    def __init__(self, database: Database) -> None:
        self.city = City.found(database)
        self.counts: Counter[str] = Counter()
        with database.owner.begin() as connection:
            batches.prepare(connection)

    def compare(self, seed: int, roles: dict[str, str] | None = None) -> list[str]:
        """Return how the walls differ from the oracle in one world.

        `roles` has other roles than the walls' own to ask the questions, by wall.
        """
        world = self.city.world(seed)
        everybody = pairs(world)
        viewers = random.Random(seed).sample(everybody, min(VIEWERS, len(everybody)))
        found, part = [], Part.of(world)
        for wall, (role, _) in batches.WALLS.items():
            with self.city.looking((roles or {}).get(wall, role)) as connection:
                sights = batches.look(connection, wall, viewers, part)
            for pair, seen in sights.items():
                right = by_oracle(world, pair, AT)
                found += [f"world {seed}, {wall}, {pair}: {x}" for x in differences(seen, right)]
                self.counts["viewers through a wall"] += 1
                self.counts["rows shown"] += sum(map(len, seen.values()))
        self.counts["worlds"] += 1
        self.counts["cases"] += len(world["cases"])
        self.city.forget(seed)
        return found


@pytest.fixture
def batch(clone: Callable[[], Database]) -> Iterator[Batch]:
    database = clone()
    yield Batch(database)
    database.drop()


def _told(
    differences_: list[str], counts: Counter[str], note: Callable[[str, object], None]
) -> None:
    """Report the counts of a comparison: a row too many is a leak, a missing one a denial."""
    shown = sum(" shows " in each for each in differences_)
    for name, count in counts.items():
        note(name, count)
    note("leaks", shown)
    note("wrongful denials", len(differences_) - shown)


@pytest.mark.parametrize("first", range(0, WORLDS, BATCH))
def test_the_walls_show_what_the_oracle_says(
    batch: Batch, first: int, record_property: Callable[[str, object], None]
) -> None:
    seeds = range(first, min(first + BATCH, WORLDS))
    with ThreadPoolExecutor(THREADS) as pool:
        found = [each for seed in pool.map(batch.compare, seeds) for each in seed]
    _told(found, batch.counts, record_property)
    assert not found, "\n".join(found[:20])
    assert batch.counts["rows shown"] > 200 * len(seeds)


def test_without_row_level_security_the_comparison_finds_leaks(batch: Batch) -> None:
    """The control arm: the role that sees everything asks where the web's role should."""
    found = [
        each
        for seed in range(2)
        for each in batch.compare(seed, {"row-level security alone": SYSTEM})
    ]
    assert sum(" shows " in each for each in found) > 100
    assert all("row-level security alone" in each for each in found)


def test_a_consent_for_everyone_opens_nothing(city: City) -> None:
    """No load accepts it and the walls must hold all the same: written as the system role."""
    found = disagreements(city, City.EVERYONE, Part.of(city.world(City.EVERYONE)))
    assert not found, "\n".join(found[:20])


def test_a_manager_is_told_the_references_of_managed_cases_and_no_others(city: City) -> None:
    """The one definer function that tells of cases; it runs with the rights of the system."""
    told = 0
    for seed in range(6):
        of_grant = {
            grant["id"]: (case["id"], case["reference"])
            for case in city.world(seed)["cases"]
            for grant in case.get("grants", [])
        }
        with city.looking(APP) as connection:
            for pair, right in city.expected(seed).items():
                send_settings(connection, viewer_of(connection, pair))
                asked = "SELECT * FROM managed_references(ARRAY(SELECT case_id FROM grants))"
                rows = connection.execute(text(asked))
                found = {(str(case_id), reference) for case_id, reference in rows}
                assert found == {of_grant[grant] for grant in right["managed_grants"]}
                told += len(found)
    assert told > 20


def test_the_comparison_is_not_empty(city: City) -> None:
    """Worlds in which nobody sees anything would agree with every wall."""
    sights = [sight for seed in range(4) for sight in city.expected(seed).values()]
    counts = {name: sum(len(sight[name]) for sight in sights) for name in sights[0]}
    assert min(count for name, count in counts.items() if name != "nameless") > 20, counts
