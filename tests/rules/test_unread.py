"""What the centre must notice, among all that it owns: shares that nobody reads, cases to check."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select, text

from portal.database import PortalSession
from portal.embedded import APP, SYSTEM
from portal.models import Grant
from portal.policy.unread import unread
from portal.world.looking import send_settings
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


def _told(city: City, pair: Pair, function: str) -> set[str]:
    """What a function of the database tells somebody, which runs with the system's rights."""
    with city.looking(APP) as connection:
        send_settings(connection, viewer_of(connection, pair))
        return set(map(str, connection.scalars(text(f"SELECT {function}"))))


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


def test_the_first_page_of_a_director_finds_them_among_all_shares(city: City) -> None:
    found = 0
    for seed in SEEDS:
        world = city.world(seed)
        owners = {case["owner"] for case in world["cases"]}
        for pair in pairs(world):
            right = set(_unread(world, pair)) if pair[1] in owners else set()
            assert _told(city, pair, "unread_grants(1001)") == right, (seed, pair)
            found += len(right)
    assert found > len(SEEDS)


def test_it_finds_the_open_cases_without_a_date_and_tells_nobody_else(city: City) -> None:
    found = nothing = 0
    for seed in SEEDS:
        world, t = city.world(seed), oracle.instant(AT)
        for pair in pairs(world):
            viewer = oracle.viewer_of(world, *pair, t)
            right = {
                case["id"]
                for case in world["cases"]
                if viewer is not None
                and case["owner"] == pair[1]
                and case["status"] != "closed"
                and oracle._within_reach(case, viewer, t)
                and oracle._owner_sees(case, viewer, None)
            }
            due = "case_id FROM due_checks('9999-01-01', 1001)"
            assert _told(city, pair, due) == right, (seed, pair)
            found, nothing = found + len(right), nothing + (not right)
    assert found > len(SEEDS) < nothing
