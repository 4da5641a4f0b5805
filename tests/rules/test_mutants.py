"""Small changes of the rules are noticed: a sample of what `make mutants` tries one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from portal import database
from tests.conftest import Database
from tests.rules import batches
from tests.rules.mutants import LISTED, Mutant, Worlds, bare, mutants_of
from tests.rules.rendering import POLICY
from tests.rules.warm import Bare, Child, Found

# What the worlds can tell: cases, entries, grants, people and keys.
FUNCTIONS = frozenset({"_for_reader", "_holds", "by_grant", "by_owner", "existing"})
SAMPLE = 8


@pytest.fixture(scope="module")
def cold() -> Bare:
    return bare()


@pytest.fixture(scope="module")
def worlds(clone: Callable[[], Database], cold: Bare) -> Iterator[Worlds]:
    own = clone()
    yield Worlds(own, cold.rendered, worlds=4)
    own.drop()


def _child(cold: Bare, mutant: Mutant) -> Child:
    return cold.child(mutant.module, mutant.source, mutant.function)


def _sample() -> list[Mutant]:
    listed = LISTED.read_text(encoding="utf-8")
    drawn = mutants_of("visibility", FUNCTIONS)
    return [each for each in drawn if each.key not in listed][:SAMPLE]


@pytest.mark.parametrize("mutant", _sample(), ids=lambda mutant: f"{mutant.function}-{mutant.key}")
def test_a_small_change_of_a_rule_is_noticed(cold: Bare, worlds: Worlds, mutant: Mutant) -> None:
    child = _child(cold, mutant)
    try:
        found = child.found()
        assert found.error or worlds.kill(found, child.looked) is not None, mutant.diff
    finally:
        child.end()


def test_the_rules_as_they_are_are_not_taken_for_a_mutant(cold: Bare, worlds: Worlds) -> None:
    """The control arm: what looks at the changes finds nothing in the rules themselves."""
    source = (POLICY / "visibility.py").read_text(encoding="utf-8")
    child = _child(cold, Mutant("visibility", "admits", source, ""))
    assert child.found().nothing
    child.end()
    for function in ("entries", "grants", "case_people"):
        pieces = {
            name: cold.rendered.pieces[name]
            for name, by in cold.rendered.made_by.items()
            if f"visibility.{function}" in by and not name.startswith("functions")
        }
        looked = batches.looked_by_criteria(database._SCOPES)
        assert worlds.kill(Found(pieces), lambda looked=looked: looked) is None
