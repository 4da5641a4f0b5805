"""Who could see what at an instant, proven by replay: random worlds at random instants.

``sights_at`` takes the instant as an argument. Here its answers for everybody are held against the
oracle, and against ``policy visible --at``, whose clock is another one.
"""

from __future__ import annotations

import os
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from portal.policy import past
from portal.policy.rls import APP, SYSTEM
from portal.policy.viewer import OWNER_ROLES
from portal.vocabulary import lane
from portal.world import visible_to
from portal.world.looking import send_settings
from tests.rules import oracle
from tests.rules.city import City
from tests.rules.oracle import World
from tests.rules.sight import Pair, subjects, viewer_of
from tests.rules.worlds import JST, SLICES, TICK

WORLDS = int(os.environ.get("PORTAL_PAST_WORLDS", "12"))
INSTANTS = 4
# Another clock is asked for every viewer in turn, which is slow: a sample of them.
COMPARED = 3

Seen = dict[Pair, dict[str, set[str]]]


def moments(world: World, seed: int) -> list[str]:
    """Instants at which something changes, a tick before, on it, and a tick after."""
    rng = random.Random(f"past {seed}")
    found = sorted(set(_instants(world)))
    drawn = rng.sample(found, min(INSTANTS, len(found)))
    return [(each + rng.choice((-TICK, 0 * TICK, TICK))).isoformat() for each in drawn]


def _instants(row: Any) -> Iterator[datetime]:
    if isinstance(row, dict):
        for key in ("from", "until", "ended", "at", "retracted", "opened"):
            if row.get(key) is not None:
                yield oracle.instant(row[key]).astimezone(JST)
        row = list(row.values())
    if isinstance(row, list):
        for each in row:
            yield from _instants(each)


def told(city: City, world: World, at: str) -> Seen:
    """What the function says of all cases of a world, as the system role asks it."""
    seen: Seen = defaultdict(lambda: defaultdict(set))
    asking = text("SELECT * FROM sights_at(:case, :at)")
    with city.looking(SYSTEM) as connection:
        for case in world["cases"]:
            bound = {"case": uuid.UUID(case["id"]), "at": oracle.instant(at)}
            for row in connection.execute(asking, bound):
                what = str(row.row_id)
                if row.kind == past.SLICE:
                    what = f"{case['id']} {row.slice} {row.subject_id}"
                seen[str(row.account_id), str(row.agency_id)][row.kind].add(what)
    return seen


def acting(world: World, at: str) -> list[Pair]:
    t = oracle.instant(at)
    return [
        (account["id"], row["agency"])
        for account in world["accounts"]
        for row in account["memberships"]
        if oracle.live(row, t)
    ]


def expected(world: World, pair: Pair, at: str) -> dict[str, set[str]]:
    seen = oracle.visible(world, *pair, at)
    slices = {
        f"{case['id']} {slice_} {person}"
        for case in world["cases"]
        for person in subjects(case)
        for slice_ in SLICES
        if oracle.sees(world, *pair, at, case, slice_, person)
    }
    answers = {
        past.CASE: set(seen["cases"]),
        past.ENTRY: set(seen["entries"]),
        past.OWN_POST: set(seen["own_posts"]),
        past.MANAGED: set(seen["managed_grants"]),
        past.SLICE: slices,
    }
    return {kind: ids for kind, ids in answers.items() if ids}


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_past_is_what_the_oracle_says(city: City, seed: int) -> None:
    world = city.world(seed)
    for at in moments(world, seed):
        seen = told(city, world, at)
        right = {pair: expected(world, pair, at) for pair in acting(world, at)}
        assert {pair: dict(sight) for pair, sight in seen.items()} == {
            pair: sight for pair, sight in right.items() if sight
        }, at


# Consent before law before contract before emergency, then the earliest (architecture.md §1.8).
LANES = ("consent", "law", "contract", "emergency")


def _shows_case(world: World, pair: Pair, case: oracle.Record, at: str) -> str | None:
    """Return the grant that shows a case to somebody, the first by lane and age."""
    t = oracle.instant(at)
    viewer = oracle.viewer_of(world, *pair, t)
    assert viewer is not None
    showing = [
        (LANES.index(lane(grant["basis"])), oracle.instant(grant["from"]), grant["id"])
        for grant in case.get("grants", [])
        if oracle._grant_shows_case(case, grant, viewer, t)
    ]
    return min(showing)[-1] if showing else None


def test_a_case_is_shown_by_a_share_of_it_to_whoever_does_not_own_it(city: City) -> None:
    by_share = by_none = 0
    asking = text("SELECT * FROM sights_at(:case, :at) WHERE kind = :kind")
    for seed in range(WORLDS):
        world = city.world(seed)
        at = max(moments(world, seed))
        for case in world["cases"]:
            bound = {"case": uuid.UUID(case["id"]), "at": oracle.instant(at), "kind": past.CASE}
            with city.looking(SYSTEM) as connection:
                rows = connection.execute(asking, bound).all()
            for row in rows:
                pair = (str(row.account_id), str(row.agency_id))
                right = _shows_case(world, pair, case, at)
                assert row.grant_id == (right and uuid.UUID(right)), (pair, case["id"], at)
                by_share, by_none = by_share + bool(right), by_none + (not right)
    assert min(by_share, by_none) > 0


def test_the_past_and_policy_visible_agree(city: City) -> None:
    compared = 0
    for seed in range(COMPARED):
        world = city.world(seed)
        at = max(moments(world, seed + 100))
        seen = told(city, world, at)
        pairs = acting(world, at)
        for pair in random.Random(seed).sample(pairs, min(6, len(pairs))):
            other = visible_to(city.database.owner, *map(uuid.UUID, pair), at=at)
            mine = seen.get(pair, {})
            assert sorted(mine.get(past.ENTRY, ())) == other["entries"]
            assert sorted(mine.get(past.CASE, ())) == other["cases"]
            assert sorted(mine.get(past.OWN_POST, ())) == other["own_posts"]
            assert sorted(mine.get(past.MANAGED, ())) == other["managed_grants"]
            compared += len(other["entries"])
    assert compared > 10


def test_the_replay_is_not_empty_and_the_past_is_not_the_present(city: City) -> None:
    """Control arm: worlds in which nobody saw anything, or always the same, would prove nothing."""
    counts: dict[str, int] = defaultdict(int)
    differing = 0
    for seed in range(WORLDS):
        world = city.world(seed)
        sights = [told(city, world, at) for at in moments(world, seed)]
        differing += sum(one != other for one, other in pairwise(sights))
        for sight in sights:
            for kinds in sight.values():
                for kind, ids in kinds.items():
                    counts[kind] += len(ids)
    assert min(counts[kind] for kind in (past.CASE, past.ENTRY, past.MANAGED)) > 50, counts
    assert differing > WORLDS


def test_the_owner_alone_asks_who_sees_a_case(city: City) -> None:
    """Through the web's role: rows for whoever sees the case as its owner, for others none."""
    asked, answered = 0, 0
    asking = text("SELECT count(*) FROM case_sights(:case, portal_clock())")
    for seed in range(4):
        world = city.world(seed)
        owners = {case["id"]: case["owner"] for case in world["cases"]}
        roles = {
            (account["id"], row["agency"]): row["role"]
            for account in world["accounts"]
            for row in account["memberships"]
        }
        with city.looking(APP) as connection:
            for pair, right in city.expected(seed).items():
                send_settings(connection, viewer_of(connection, pair))
                for case_id, owner in owners.items():
                    count = connection.execute(asking, {"case": case_id}).scalar_one()
                    owning = owner == pair[1] and case_id in right["cases"]
                    assert bool(count) <= owning, (pair, case_id)
                    asked += 1
                    answered += bool(count)
                    if roles.get(pair) in OWNER_ROLES and owning:
                        assert count, "whoever owns the case is one who sees it"
    assert 0 < answered < asked
