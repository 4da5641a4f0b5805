"""Small changes of the rules are noticed: a sample of what `make mutants` tries one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Database
from tests.rules.mutants import LISTED, Mutant, Worlds, mutants_of
from tests.rules.planting import SOURCES

# What the worlds can tell: cases, entries, grants, people and keys.
FUNCTIONS = frozenset({"admits", "by_grant", "by_owner", "existing"})
SAMPLE = 8


@pytest.fixture(scope="module")
def worlds(clone: Callable[[], Database]) -> Iterator[Worlds]:
    database = clone()
    yield Worlds(database, worlds=4)
    database.drop()


def _sample() -> list[Mutant]:
    listed = LISTED.read_text(encoding="utf-8")
    drawn = mutants_of("visibility", FUNCTIONS)
    return [each for each in drawn if each.key not in listed][:SAMPLE]


@pytest.mark.parametrize("mutant", _sample(), ids=lambda mutant: f"{mutant.function}-{mutant.key}")
def test_a_small_change_of_a_rule_is_noticed(worlds: Worlds, mutant: Mutant) -> None:
    assert worlds.kill(mutant) is not None, mutant.diff


def test_the_rules_as_they_are_are_not_taken_for_a_mutant(worlds: Worlds) -> None:
    """The control arm: what looks at the changes finds nothing in the rules themselves."""
    [one, *_] = _sample()
    assert worlds.kill(Mutant(one.module, "", SOURCES[one.module], "")) is None
