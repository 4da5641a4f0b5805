"""``policy explain`` gives the rule and the grant of each slice, and the denial that wins."""

from __future__ import annotations

import random
import uuid
from collections import Counter

import pytest
from sqlalchemy import select

from portal.database import PortalSession
from portal.embedded import APP
from portal.models import Entry
from portal.policy.explain import named_author
from portal.world import WorldRefused, explain
from tests.rules import oracle
from tests.rules.city import AT, City
from tests.rules.oracle import Record, World
from tests.rules.sight import Pair, subjects, viewer_of
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
    if _unfit(viewer):
        return "role"
    return None if oracle._is_reader(grant, viewer) else "not_a_reader"


def _unfit(viewer: oracle.Viewer) -> bool:
    """Whether nobody of this role in this agency reads by a grant, whoever is named in it."""
    watches = viewer.agency_type != "cafeteria" or viewer.role == "watcher"
    outside = viewer.departed or viewer.agency_type in oracle.EXPERT_TYPES
    return outside or not watches or viewer.role in oracle.BLIND_ROLES


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
    for code in (
        *("exclusion", "membership", "never_tell_person", "never_tell_agency", "not_live"),
        *("role", "not_a_reader"),
    ):
        assert why[code], f"{code} was never put to the question: {why}"
    assert why["admitted"] > 10


def _grants(world: World, pair: Pair, case: Record, answer: Record) -> list[str]:
    by_id = {grant["id"]: grant for grant in case.get("grants", [])}
    codes = []
    for grant in answer["grants"]:
        right = barred(world, pair, case, by_id[grant["id"]])
        assert grant["denied"] == right, (pair, grant)
        codes.append(grant["denied"] or "admitted")
    opening = {e["grant"] for rows in answer["slices"].values() for e in rows if e["grant"]}
    assert opening <= {grant["id"] for grant in answer["grants"] if grant["denied"] is None}
    return codes


def _told(world: World, pair: Pair, entry: Record, case: Record) -> bool:
    """Whether the name of who wrote tells nothing of where a concealed child is (秘匿)."""
    viewer = oracle.viewer_of(world, *pair, oracle.instant(AT))
    assert viewer is not None
    return (
        not case.get("concealed")
        or oracle._owner_sees(case, viewer, entry["slice"])
        or entry["author_agency"] in {case["owner"], viewer.agency}
    )


def test_who_wrote_in_a_concealed_case_is_told_to_its_owner_alone(city: City) -> None:
    asked = select(Entry.id, named_author(Entry))
    why: Counter[str] = Counter()
    for seed in range(WORLDS):
        world = city.world(seed)
        entries = {
            each["id"]: (each, case) for case in world["cases"] for each in case.get("entries", [])
        }
        for pair in city.expected(seed):
            with city.looking(APP) as connection, PortalSession(connection) as session:
                session.info["viewer"] = viewer_of(connection, pair)
                found = session.execute(asked).all()
            for id_, author in found:
                entry, case = entries[str(id_)]
                told = _told(world, pair, entry, case)
                assert str(author) == (entry["author_agency"] if told else "None"), (pair, entry)
                why[f"{'concealed' if case.get('concealed') else 'open'}: {told}"] += 1
    assert min(why[each] for each in ("open: True", "concealed: True", "concealed: False")) > 0


def test_a_case_that_is_not_there_is_refused(city: City) -> None:
    account, agency = map(uuid.UUID, next(iter(city.expected(0))))
    with pytest.raises(WorldRefused, match="unknown id"):
        explain(city.database.owner, account, agency, uuid.uuid4())
