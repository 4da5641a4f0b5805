"""Each wall alone, and both together, show exactly what the oracle says, in random worlds.

`PORTAL_WORLDS` says how many worlds; they are drawn by their number, so a failure can be repeated.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from portal.policy.rls import APP, SYSTEM
from portal.world.looking import send_settings
from tests.rules.city import City
from tests.rules.sight import (
    Pair,
    Part,
    Sight,
    by_orm,
    by_sql,
    differences,
    viewer_of,
)

WORLDS = int(os.environ.get("PORTAL_WORLDS", "60"))
BATCH = 10
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


@pytest.mark.parametrize("first", range(0, WORLDS, BATCH))
def test_the_walls_show_what_the_oracle_says(city: City, first: int) -> None:
    def compare(seed: int) -> list[str]:
        return disagreements(city, seed, Part.of(city.world(seed)))

    with ThreadPoolExecutor(THREADS) as pool:
        found = [each for seed in pool.map(compare, range(first, first + BATCH)) for each in seed]
    assert not found, "\n".join(found[:20])


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
                rows = connection.execute(text("SELECT * FROM managed_references()"))
                found = {(str(case_id), reference) for case_id, reference in rows}
                assert found == {of_grant[grant] for grant in right["managed_grants"]}
                told += len(found)
    assert told > 20


def test_the_comparison_is_not_empty(city: City) -> None:
    """Worlds in which nobody sees anything would agree with every wall."""
    sights = [sight for seed in range(4) for sight in city.expected(seed).values()]
    counts = {name: sum(len(sight[name]) for sight in sights) for name in sights[0]}
    assert min(count for name, count in counts.items() if name != "nameless") > 20, counts
