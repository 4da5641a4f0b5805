"""A share that nobody reads is found for what it is, and not by what stands in other shares."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from portal.database import PortalSession
from portal.embedded import APP, SYSTEM
from portal.models import Grant
from portal.policy.unread import unread
from tests.rules import oracle
from tests.rules.city import AT, City
from tests.rules.oracle import Record, World
from tests.rules.sight import Pair, pairs, viewer_of

SEEDS = range(8)


def _unread(world: World, pair: Pair) -> Iterator[str]:
    """The live grants on the viewer's own cases that the oracle knows no reader of."""
    t = oracle.instant(AT)
    viewer = oracle.viewer_of(world, *pair, t)
    for case in world["cases"]:
        if viewer is None or not oracle._within_reach(case, viewer, t):
            continue
        if not oracle._owner_sees(case, viewer, None):
            continue
        for grant in case.get("grants", []):
            if oracle.live(grant, t) and not any(_readers(world, case, grant)):
                yield grant["id"]


def _readers(world: World, case: Record, grant: Record) -> Iterator[bool]:
    t = oracle.instant(AT)
    for account in world["accounts"]:
        reader = oracle.viewer_of(world, account["id"], grant["agency"], t)
        if reader is not None and oracle._within_reach(case, reader, t):
            watching = reader.agency_type != "cafeteria" or reader.role == "watcher"
            yield watching and oracle._is_reader(grant, reader)


def _found(city: City, pair: Pair, world: World, role: str) -> set[str]:
    own = [case["id"] for case in world["cases"] if case["owner"] == pair[1]]
    asked = select(Grant.id).where(unread(Grant), Grant.case_id.in_(own))
    with city.looking(role) as connection, PortalSession(connection) as session:
        session.info["viewer"] = viewer_of(connection, pair)
        return set(map(str, session.scalars(asked)))


def test_the_centre_is_told_of_each_share_that_nobody_reads_and_of_no_other(city: City) -> None:
    told = 0
    for seed in SEEDS:
        world = city.world(seed)
        owners = {case["owner"] for case in world["cases"]}
        for pair in (pair for pair in pairs(world) if pair[1] in owners):
            right = set(_unread(world, pair))
            assert _found(city, pair, world, APP) == right, (seed, pair)
            # The criteria alone say the same, with the shares of every other world in reach.
            assert _found(city, pair, world, SYSTEM) == right, (seed, pair)
            told += len(right)
    assert told > len(SEEDS)
