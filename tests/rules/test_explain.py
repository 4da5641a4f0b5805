"""``policy explain`` gives the rule and the grant of each slice, and the denial that wins."""

from __future__ import annotations

import random
import uuid
from collections import Counter

import pytest

from portal.world import WorldRefused, explain
from tests.rules import oracle
from tests.rules.city import AT, City
from tests.rules.oracle import Record, World
from tests.rules.sight import Pair, subjects
from tests.rules.worlds import SLICES

WORLDS = 5
ASKED = 60


def opened(world: World, pair: Pair, case: Record) -> dict[str, set[str]]:
    """By slice, whose data the oracle shows."""
    found = {
        slice_: {
            person
            for person in subjects(case)
            if oracle.sees(world, *pair, AT, case, slice_, person)
        }
        for slice_ in SLICES
    }
    return {slice_: people for slice_, people in found.items() if people}


def denied(world: World, pair: Pair, case: Record) -> str | None:
    t = oracle.instant(AT)
    if oracle.viewer_of(world, *pair, t) is None:
        return "membership"
    if any(r["account"] == pair[0] and oracle.live(r, t) for r in case.get("exclusions", [])):
        return "exclusion"
    return None if oracle.instant(case["opened"]) <= t else "not_open"


def barred(world: World, pair: Pair, case: Record, grant: Record) -> str | None:
    t = oracle.instant(AT)
    viewer = oracle.viewer_of(world, *pair, t)
    assert viewer is not None
    if oracle._human_barred(case, viewer, t):
        return "never_tell_person"
    if oracle._agency_barred(case, grant, viewer, t):
        return "never_tell_agency"
    if not oracle.live(grant, t):
        return "not_live"
    if oracle._grant_shows_case(case, grant, viewer, t):
        return None if viewer.role not in oracle.BLIND_ROLES else "role"
    return "not_a_reader" if oracle._is_reader(grant, viewer) is False else "role"


def test_the_explanation_is_the_oracle_s(city: City) -> None:
    why: Counter[str | None] = Counter()
    for seed in range(WORLDS):
        world = city.world(seed)
        rng = random.Random(f"explain {seed}")
        asked = [(pair, case) for pair in city.expected(seed) for case in world["cases"]]
        for pair, case in rng.sample(asked, min(ASKED, len(asked))):
            ids = [uuid.UUID(each) for each in (*pair, case["id"])]
            answer = explain(city.database.owner, *ids)
            slices = {
                code: {each["subject"] for each in found}
                for code, found in answer["slices"].items()
            }
            assert slices == opened(world, pair, case)
            assert answer["denied"] == denied(world, pair, case)
            why[answer["denied"]] += 1
            if answer["denied"] is None:
                why.update(_grants(world, pair, case, answer))
    for code in ("exclusion", "membership", "never_tell_person", "never_tell_agency", "not_live"):
        assert why[code], f"{code} was never put to the question: {why}"
    assert why["admitted"] > 10


def _grants(world: World, pair: Pair, case: Record, answer: Record) -> list[str]:
    by_id = {grant["id"]: grant for grant in case.get("grants", [])}
    codes = []
    for grant in answer["grants"]:
        right = barred(world, pair, case, by_id[grant["id"]])
        # Where several clauses keep a viewer out, role and reader may be named either way.
        either = {"role", "not_a_reader"}
        assert grant["denied"] == right or {grant["denied"], right} == either, (pair, grant)
        codes.append(grant["denied"] or "admitted")
    opening = {e["grant"] for rows in answer["slices"].values() for e in rows if e["grant"]}
    assert opening <= {grant["id"] for grant in answer["grants"] if grant["denied"] is None}
    return codes


def test_a_case_that_is_not_there_is_refused(city: City) -> None:
    account, agency = map(uuid.UUID, next(iter(city.expected(0))))
    with pytest.raises(WorldRefused, match="unknown id"):
        explain(city.database.owner, account, agency, uuid.uuid4())
