"""How two worlds that differ in one thing differ in what is seen (security.md, Z4).

No oracle says here what is right: without a consent nobody sees more than with it, and a case that
is nobody's business changes nothing. `PORTAL_PAIRS` says how many pairs of worlds.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from tests.conftest import Database
from tests.rules import batches, oracle
from tests.rules.city import AT, City
from tests.rules.oracle import Record, World
from tests.rules.sight import Pair, Part, Sight, pairs, subjects
from tests.rules.worlds import random_world

PAIRS = int(os.environ.get("PORTAL_PAIRS", "12"))
VIEWERS = 12
NOW = oracle.instant(AT)


@dataclass
class Twins:
    """Two databases: one for whole worlds, one for the same worlds less one thing."""

    whole: City
    less: City

    def look(self, city: City, world: World, part: Part) -> dict[str, dict[Pair, Sight]]:
        """Load a world into a city and return what some people see of a part, wall by wall."""
        city.take(world)
        return self.look_again(city, world, part)

    def look_again(self, city: City, world: World, part: Part) -> dict[str, dict[Pair, Sight]]:
        """Return what some people see of a part of a world that is in the city."""
        viewers = random.Random(world["agencies"][0]["id"]).sample(pairs(world), VIEWERS)
        sights = {}
        for wall, (role, _) in batches.WALLS.items():
            with city.looking(role) as connection:
                sights[wall] = batches.look(connection, wall, viewers, part)
        return sights


@pytest.fixture
def twins(clone: Callable[[], Database]) -> Iterator[Twins]:
    databases = [clone(), clone()]
    for database in databases:
        with database.owner.begin() as connection:
            batches.prepare(connection)
    yield Twins(*map(City.found, databases))
    for database in databases:
        database.drop()


def _draw(seed: int) -> World:
    """Draw a world that no load refuses, with addresses that occur in no other one."""
    world = random_world(seed * 2, at=datetime.fromisoformat(AT))
    for account in world["accounts"]:
        account["email"] = f"{account['id']}@example.jp"
    return world


def _without(world: World, key: str, wanted: Callable[[Record], bool], seed: int) -> World | None:
    """Return a world without one row of a list of its cases; None where it has none such."""
    rows = [
        (number, row)
        for number, case in enumerate(world["cases"])
        for row in case.get(key, [])
        if wanted(row)
    ]
    if not rows:
        return None
    number, row = random.Random(seed).choice(rows)
    less = copy.deepcopy(world)
    less["cases"][number][key].remove(row)
    return less


def _gained(before: dict[str, dict[Pair, Sight]], after: dict[str, dict[Pair, Sight]]) -> list[str]:
    """Return what is seen after and was not seen before, whoever looks through whichever wall."""
    return [
        f"{wall}, {pair}: {name} {row}"
        for wall, sights in after.items()
        for pair, sight in sights.items()
        for name, rows in sight.items()
        for row in sorted(rows - before[wall][pair][name])
    ]


def _consent(grant: Record) -> bool:
    return bool(grant["basis"] == "CONSENT" and oracle.live(grant, NOW))


def test_without_a_consent_nobody_sees_more(
    twins: Twins, record_property: Callable[[str, object], None]
) -> None:
    lost = compared = 0
    for seed in range(PAIRS):
        world = _draw(seed)
        less = _without(world, "grants", _consent, seed)
        if less is None:
            continue
        part = Part.of(world)
        before, after = twins.look(twins.whole, world, part), twins.look(twins.less, less, part)
        assert _gained(before, after) == []
        lost += bool(_gained(after, before))
        compared += 1
    record_property("pairs of worlds, one less a consent", compared)
    record_property("of these, somebody saw less", lost)
    assert compared > PAIRS / 2
    assert lost > 0


def test_a_case_that_is_nobodys_business_changes_nothing(
    twins: Twins, record_property: Callable[[str, object], None]
) -> None:
    shown = 0
    for seed in range(PAIRS):
        world = _draw(seed)
        less = copy.deepcopy(world)
        gone = less["cases"].pop(random.Random(seed).randrange(len(world["cases"])))
        for household in less.get("households", []):
            household["cases"] = [one for one in household["cases"] if one != gone["id"]]
        less["households"] = [row for row in less.get("households", []) if row["cases"]]
        part = Part.of(less)
        # Whoever both cases are about is not unrelated: either of them opens the name.
        part.persons[:] = [one for one in part.persons if str(one) not in subjects(gone)]
        whole = twins.look(twins.whole, world, part)
        assert whole == twins.look(twins.less, less, part)
        # The control: asked about, the case shows to somebody, unless it is not opened yet or all
        # who could see it are kept out.
        shown += bool(_gained(whole, twins.look_again(twins.whole, world, Part.of(world))))
    record_property("pairs of worlds, one less a case", PAIRS)
    record_property("of these, somebody saw the case", shown)
    assert shown > PAIRS / 2


def test_without_an_exclusion_somebody_sees_more(twins: Twins) -> None:
    """The control arm: what is gained is found."""
    found = []
    for seed in range(10):
        world = _draw(seed)
        less = _without(world, "exclusions", lambda row: oracle.live(row, NOW), seed)
        if less is not None:
            part = Part.of(world)
            before, after = twins.look(twins.whole, world, part), twins.look(twins.less, less, part)
            found += _gained(before, after)
    assert found != []
