"""Bugs are planted in the rules, and the comparison with the oracle finds each of them.

Each stands in one wall while the other is off, because the one would hide the bug of the other;
and then both are up, where a bug in one of them shows nobody anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal.database import PortalSession
from portal.policy.rls import APP, SYSTEM
from portal.policy.viewer import Viewer
from tests.rules.bugs import BUGS
from tests.rules.city import City
from tests.rules.planting import Bug, Planted, plant, planted_in
from tests.rules.sight import Pair, Part, Sight, by_orm, by_sql, differences, viewer_of

# A bug may hide in as many worlds as stand here before it counts as missed. Loading a world takes
# locks that planting holds, so the worlds of a step are loaded before the bug is planted.
STEPS = (range(4), range(4, 16), range(City.EVERYONE, City.EVERYONE + 4), range(16, 56))
# It cannot be found in the policies, for it is nothing there: that a case is opened is said by the
# policy of the cases, through which the rule of its people reads them (`visibility.through`).
NOT_IN = {"policies": {"its people show before it opens"}, "criteria": set[str]()}

Look = Callable[[Connection, Viewer, Part], Sight]


class Found(NamedTuple):
    """How a wall with a bug differs from the oracle, for whom and in which world."""

    seed: int
    pair: Pair
    difference: str


def _through(session: type[Session], only: str | None) -> Look:
    return lambda connection, viewer, part: by_orm(connection, viewer, part, session, only=only)


def _looks(planted: Planted, only: str | None) -> dict[str, tuple[str, bool, Look]]:
    """By name: the database's role, whether the bug stands in its policies, and how to look."""
    by_policies: Look = lambda connection, viewer, part: by_sql(connection, viewer, part, only=only)  # noqa: E731
    return {
        "criteria": (SYSTEM, False, _through(planted.session, only)),
        "policies": (APP, True, by_policies),
        "criteria, with the other wall": (APP, False, _through(planted.session, only)),
        "policies, with the other wall": (APP, True, _through(PortalSession, only)),
    }


def found_in(
    city: City, planted: Planted, wall: str, seeds: Iterable[int], only: str | None = None
) -> Iterator[Found]:
    """Yield the differences from the oracle, viewer by viewer and world by world."""
    expected = {seed: city.expected(seed) for seed in seeds}
    role, in_policies, look = _looks(planted, only)[wall]
    with planted_in(city.database.owner, planted, in_policies=in_policies) as owner:
        viewers = {pair: viewer_of(owner, pair) for sights in expected.values() for pair in sights}
        owner.exec_driver_sql(f"SET LOCAL ROLE {role}")
        for seed, sights in expected.items():
            part = Part.of(city.worlds[seed])
            for pair, right in sights.items():
                try:
                    seen = look(owner, viewers[pair], part)
                except ProgrammingError as error:
                    # The bug makes two rows of one, and the database refuses the query.
                    yield Found(seed, pair, f"fails: {error.orig}")
                    return
                yield from (Found(seed, pair, each) for each in differences(seen, right))


def first(city: City, planted: Planted, wall: str, only: str) -> Found | None:
    steps = (found_in(city, planted, wall, step, only) for step in STEPS)
    return next((found for step in steps for found in step), None)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(
    city: City, bug: Bug, record_property: Callable[[str, object], None]
) -> None:
    planted = plant(bug)
    record_property("bugs planted", 1)
    for wall in ("criteria", "policies"):
        if bug.name in NOT_IN[wall]:
            continue
        found = first(city, planted, wall, bug.at)
        assert found is not None, f"no world tells {bug.name!r} in the {wall}"
        both = found_in(city, planted, f"{wall}, with the other wall", [found.seed], bug.at)
        shown = [each for each in both if each.difference.split()[1] == "shows"]
        assert not shown, f"the other wall lets through: {shown[:5]}"
        record_property(f"found in the {wall}", 1)


@pytest.mark.parametrize("wall", ["criteria", "policies"])
def test_rules_planted_without_a_bug_are_the_rules(city: City, wall: str) -> None:
    """Otherwise the planting itself would be what the comparison finds."""
    assert not list(found_in(city, plant(None), wall, range(4)))
