"""Random worlds are well formed, load as they promise, and put every clause to the question."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.rules import clauses, oracle, worlds

ROOT = Path(__file__).parents[2]
AT = datetime.fromisoformat("2026-08-15T12:00:00+09:00")
SEEDS = 300
World = dict[str, Any]


def _draw(seed: int) -> World:
    """Lawful and not in turn."""
    return worlds.random_world(seed, at=AT, lawful=seed % 2 == 0)


# -- the shape ------------------------------------------------------------------------------------


def test_worlds_are_valid_by_the_schema() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "world.schema.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
    for seed in range(60):
        assert list(validator.iter_errors(_draw(seed))) == []
    spoiled = _draw(0)
    spoiled["cases"][0]["grants"] = [{"id": "no uuid"}]
    assert list(validator.iter_errors(spoiled)) != []


def test_a_seed_gives_the_same_world_in_every_process() -> None:
    code = (
        "import json; from datetime import datetime; from tests.rules import worlds\n"
        "at = datetime.fromisoformat('2026-08-15T12:00:00+09:00')\n"
        "print(json.dumps([worlds.random_world(s, at=at, lawful=s % 2 == 0) for s in range(4)]))"
    )
    drawn = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert drawn[0] == drawn[1]
    assert json.loads(drawn[0]) == [_draw(seed) for seed in range(4)]
    assert _draw(0)["cases"] != _draw(2)["cases"]


def test_the_number_of_cases_is_as_asked() -> None:
    assert [len(worlds.random_world(3, cases=n, at=AT)["cases"]) for n in (0, 1, 4)] == [0, 1, 4]


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        worlds.random_world(1, at=AT.replace(tzinfo=None))


def test_each_entry_and_each_name_carries_its_own_canary() -> None:
    world = _draw(5)
    entries = {entry["id"]: entry for case in world["cases"] for entry in case.get("entries", [])}
    tokens = worlds.canaries(world)
    assert tokens.keys() == entries.keys()
    names = worlds.name_canaries(world)
    stands = dict.fromkeys(tokens.values(), 1)
    for person in world["persons"]:
        family, given = names[person["id"]]
        assert person["family_name"].endswith(family)
        assert person["given_name"].endswith(given)
        # How a child is called holds the given name, and its canary.
        assert person["called"] == "" or person["called"].endswith(given)
        stands |= {family: 1, given: 2 if person["called"] else 1}
    everything = json.dumps(world, ensure_ascii=False)
    assert {token: everything.count(token) for token in stands} == stands
    assert all(tokens[entry_id] in entry["text"] for entry_id, entry in entries.items())


# -- what a load refuses --------------------------------------------------------------------------


def _contradictions(world: World) -> Iterator[str]:
    """What no load accepts, with --trust or without (world-format.md)."""
    yield from _unknown_ids(world)
    yield from _crossed_periods(world)
    defaults = Counter(team["agency"] for team in world["teams"] if team.get("default"))
    yield from (f"two default teams: {agency}" for agency, many in defaults.items() if many > 1)
    agency_of = {team["id"]: team["agency"] for team in world["teams"]}
    for grant in _grants(world):
        if grant.get("team") and grant.get("accounts"):
            yield f"team and accounts: {grant['id']}"
        if grant.get("team") and agency_of[grant["team"]] != grant["agency"]:
            yield f"another agency's team: {grant['id']}"
        if grant["basis"] == "CONSENT" and grant["subject"] == "*":
            yield f"consent for everyone: {grant['id']}"
    for row in (row for case in world["cases"] for row in case.get("never_tell", [])):
        if len(row.keys() & {"agency", "account", "person"}) != 1:
            yield f"never-tell of none or several: {row}"


def _grants(world: World) -> Iterator[World]:
    return (grant for case in world["cases"] for grant in case.get("grants", []))


def _unknown_ids(world: World) -> Iterator[str]:
    """Ids that are used twice, and references to an id of another kind or of none."""
    kinds = ("agencies", "accounts", "teams", "persons", "households", "cases")
    known = {kind: [row["id"] for row in world.get(kind, [])] for kind in kinds}
    every = [id_ for ids in known.values() for id_ in ids]
    every += [row["id"] for case in world["cases"] for row in case.get("entries", [])]
    every += [grant["id"] for grant in _grants(world)]
    yield from (f"twice: {id_}" for id_, many in Counter(every).items() if many > 1)
    for kind, id_ in _references(world):
        if id_ not in known[kind]:
            yield f"not in {kind}: {id_}"


FIELDS = {
    "agency": "agencies",
    "owner": "agencies",
    "author_agency": "agencies",
    "account": "accounts",
    "author": "accounts",
    "workers": "accounts",
    "person": "persons",
    "child": "persons",
    "subject": "persons",
    "team": "teams",
}


def _references(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every id that the document refers to, with the list in which it has to be."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _references(item, name)
    elif isinstance(value, list):
        # `accounts` and `cases` are lists of rows at the top and lists of ids further down.
        for item in value:
            yield from _references(item, {"accounts": "account", "cases": "case"}.get(key, key))
    elif isinstance(value, str) and value != "*":
        kind = {**FIELDS, "case": "cases"}.get(key)
        if kind:
            yield kind, value


def _crossed_periods(world: World) -> Iterator[str]:
    """Periods that end before they begin (grants apart), and memberships that overlap."""
    rows = [row for account in world["accounts"] for row in account["memberships"]]
    rows += [row for team in world["teams"] for row in team["members"]]
    for case in world["cases"]:
        rows += case.get("exclusions", []) + case.get("never_tell", [])
    yield from (f"ends before it begins: {row}" for row in rows if _ends_first(row))
    for account in world["accounts"]:
        spans = sorted(
            (row["agency"], oracle.instant(row["from"]), row.get("until"))
            for row in account["memberships"]
        )
        for (agency, _, until), (next_agency, start, _) in pairwise(spans):
            if agency == next_agency and (until is None or oracle.instant(until) > start):
                yield f"overlapping memberships: {account['id']}"


def _ends_first(row: World) -> bool:
    ends = [row[end] for end in ("until", "ended") if row.get(end)]
    return any(oracle.instant(end) < oracle.instant(row["from"]) for end in ends)


def _granting_faults(world: World) -> Iterator[str]:
    """The kinds of fault that `--trust` lets pass, one word for each fault of each grant."""
    agencies = {agency["id"]: agency for agency in world["agencies"]}
    for grant in _grants(world):
        basis, agency = worlds.share_bases()[grant["basis"]], agencies[grant["agency"]]
        if not _may_receive(agency, basis, oracle.instant(grant["from"])):
            yield "recipient"
        if grant["purpose"] not in basis.purposes:
            yield "purpose"
        barred = {"reporter", "advice"} | ({"detail"} & _detail_barred(agency))
        if barred & set(grant["slices"]) or agency["type"].startswith("expert_"):
            yield "slice"
        if _ends_first(grant):
            yield "order"
        longest = oracle.instant(grant["from"]) + timedelta(days=basis.max_days)
        if not grant.get("until") or oracle.instant(grant["until"]) > longest:
            yield "length"


def _detail_barred(agency: World) -> set[str]:
    return {"detail"} if agency["type"] == "cafeteria" else set()


def _may_receive(agency: World, basis: worlds.Basis, on: datetime) -> bool:
    council = any(oracle.live(row, on) for row in agency.get("council", []))
    tokens = {"any", "named_in_consent", "as_in_the_law", agency["type"]}
    tokens |= {"council_member"} if council else set()
    private = agency["type"] == "school" and agency["legal_form"] == "private"
    tokens |= {"private_school"} if private else set()
    return bool(tokens & basis.recipients)


@pytest.mark.parametrize("lawful", [True, False])
def test_no_world_contradicts_itself(lawful: bool) -> None:  # noqa: FBT001 - a parameter of the test
    for seed in range(100):
        world = worlds.random_world(seed, at=AT, lawful=lawful)
        assert list(_contradictions({"teams": [], "persons": [], **world})) == []


def test_a_contradiction_would_be_found() -> None:
    found = set()
    for seed in range(20):
        world = worlds.random_world(seed, at=AT)
        case = world["cases"][0]
        world["teams"] += [{**team, "default": True} for team in world["teams"]]
        case["owner"] = case["id"]
        case.setdefault("never_tell", []).append({"from": AT.isoformat()})
        worlds.with_consent_for_everyone(world, seed)
        for account in world["accounts"]:
            account["memberships"] *= 2
        for grant in _grants(world):
            grant["team"] = world["teams"][0]["id"]
            grant["accounts"] = [world["accounts"][0]["id"]]
        found |= {text.split(":")[0] for text in _contradictions(world)}
    assert found == {
        "twice",
        "not in agencies",
        "overlapping memberships",
        "two default teams",
        "team and accounts",
        "another agency's team",
        "consent for everyone",
        "never-tell of none or several",
    }


def test_lawful_worlds_keep_the_granting_rules_and_the_others_break_each() -> None:
    for seed in range(100):
        assert list(_granting_faults(worlds.random_world(seed, at=AT))) == []
    broken: Counter[str] = Counter()
    for seed in range(100):
        broken.update(_granting_faults(worlds.random_world(seed, at=AT, lawful=False)))
    assert broken.keys() == {"recipient", "purpose", "slice", "length", "order"}
    assert min(broken.values()) >= 20


# -- the variety ----------------------------------------------------------------------------------

# The other members of these councils are not in the world format, so no lawful grant can name one.
UNNAMED_COUNCILS = {"POOR9", "SWA106_6", "LPA27_3", "CYS20"}


@pytest.mark.parametrize("lawful", [True, False])
def test_every_type_role_slice_and_basis_occurs(lawful: bool) -> None:  # noqa: FBT001 - as above
    drawn = [worlds.random_world(seed, at=AT, lawful=lawful) for seed in range(SEEDS)]
    types = {agency["type"] for world in drawn for agency in world["agencies"]}
    assert types == worlds.AGENCY_TYPES.keys()
    bases = {grant["basis"] for world in drawn for grant in _grants(world)}
    # An expert's contract goes to experts alone, who lawfully get no slices.
    never = UNNAMED_COUNCILS | {"EXPERT"} if lawful else set()
    assert bases == worlds.share_bases().keys() - never
    slices = {s for world in drawn for grant in _grants(world) for s in grant["slices"]}
    assert ({"reporter", "advice"} <= slices) == (not lawful)
    owners = Counter(_owner_type(world, case) for world in drawn for case in world["cases"])
    assert owners["support_center"] > sum(owners.values()) * 0.7
    assert len(owners) > 5


def _owner_type(world: World, case: World) -> str:
    types = {agency["id"]: agency["type"] for agency in world["agencies"]}
    return str(types[case["owner"]])


# -- every clause, both ways ----------------------------------------------------------------------

_ALL = ("case", "entry", "own_post", "managed_grant")
_GRANTED = ("case", "entry", "managed_grant")
_READ = ("case", "entry")
# Each clause, with the kinds of objects that it decides about.
CLAUSES: dict[str, tuple[str, ...]] = {
    "1 account not disabled": _ALL,
    "1 membership live": _ALL,
    "2 not excluded": _ALL,
    "3 case opened": _ALL,
    "3 entry written": ("entry", "own_post"),
    "3 entry not retracted": ("entry", "own_post"),
    "4 role not blind": _ALL,
    "4 the acting agency owns the case": _READ,
    "4 an owner's role": _READ,
    "4 reporter for a case worker": ("entry",),
    "5 grant live": _GRANTED,
    "5 grant to the acting agency": _GRANTED,
    "5 agency has not left": _GRANTED,
    "5 a duty tells where, though concealed": ("entry",),
    "5 grant names the slice": ("entry",),
    "5 grant names the subject": ("entry",),
    "5 every subject, not with CONSENT": ("entry",),
    "5a named account": _READ,
    "5a member of the named team": _READ,
    "5a member of the default team": _READ,
    "5a there is a default team": _READ,
    "5b neither reporter nor advice": ("entry",),
    "5b detail not at a cafeteria": ("entry",),
    "5c not an expert's agency": _READ,
    "5c cafeteria's watcher": _READ,
    "5d basis overrides never-tell": _GRANTED,
    "5e never-tell of the account": _ALL,
    "5e never-tell of the person": _ALL,
    "5e never-tell of the account, though the basis overrides": _GRANTED,
    "5e never-tell of the person, though the basis overrides": _GRANTED,
    "6 the acting agency wrote it": ("own_post",),
    "6 wrote it": ("own_post",),
    "6 member of the default team": ("own_post",),
    "6 in the owner's agency only what 4 shows": ("own_post",),
    "7 manager": ("managed_grant",),
}
# What the rule says does not hinder, or always passes: there is only one way to show it.
ONE_WAY: dict[str, tuple[str, ...]] = {
    "4 never-tell does not bind": _READ,
    "4 reporter for the director": ("entry",),
    "5d never-tell of the agency not live": _GRANTED,
    "6 never-tell of the agency does not bind": ("own_post",),
    "6 the case is not shown": ("own_post",),
    "6 the entry is not shown otherwise": ("own_post",),
    "7 (c) does not bind": ("managed_grant",),
    "7 without being a reader": ("managed_grant",),
    "8 (b) does not bind": ("case",),
    "8 without any entry": ("case",),
}
_LIVE = (
    "no | from just after T",
    "yes | from on T",
    "yes | from just before T",
    "no | until just before T",
    "no | until on T",
    "yes | until just after T",
)
# A deny row works the other way round: while it is live, its clause says no.
_DENY = (
    "yes | from just after T",
    "no | from on T",
    "no | from just before T",
    "yes | until just before T",
    "yes | until on T",
    "no | until just after T",
)
EDGES: dict[str, tuple[str, ...]] = {
    "1 membership live": _LIVE,
    "2 not excluded": _DENY,
    "3 case opened": (
        "no | opened just after T",
        "yes | opened on T",
        "yes | opened just before T",
    ),
    "3 entry written": ("no | at just after T", "yes | at on T", "yes | at just before T"),
    "3 entry not retracted": (
        "yes | retracted just after T",
        "no | retracted on T",
        "no | retracted just before T",
    ),
    "5 grant live": (
        *_LIVE,
        "no | ended just before T",
        "no | ended on T",
        "yes | ended just after T",
    ),
    "5a member of the named team": _LIVE,
    "5a member of the default team": _LIVE,
    "5d basis overrides never-tell": (
        "no | from on T",
        "no | from just before T",
        "no | until just after T",
    ),
    "5d never-tell of the agency not live": (
        "yes | from just after T",
        "yes | until on T",
        "yes | until just before T",
    ),
    "5e never-tell of the account": _DENY,
    "5e never-tell of the person": _DENY,
}


@pytest.fixture(scope="module")
def counted() -> Counter[str]:
    """What each clause decided in the first worlds, some with a consent for everyone in them."""
    count: Counter[str] = Counter()
    for seed in range(SEEDS):
        world = _draw(seed)
        if seed % 5 == 0:
            worlds.with_consent_for_everyone(world, seed)
        count.update(worlds.coverage(world, AT))
    return count


def test_every_clause_decides_both_ways(counted: Counter[str]) -> None:
    both = {
        f"{kind} | {name} | {way}" for name in CLAUSES for kind in CLAUSES[name] for way in WAYS
    }
    single = {f"{kind} | {name} | yes" for name in ONE_WAY for kind in ONE_WAY[name]}
    assert {key: counted[key] for key in both | single if counted[key] < 20} == {}
    assert {key for key in counted if key.count(" | ") == 2} == both | single


WAYS = ("yes", "no")


def test_every_instant_decides_within_a_microsecond(counted: Counter[str]) -> None:
    edges = [(name, edge) for name in EDGES for edge in EDGES[name]]
    few = {
        pair: many
        for pair in edges
        if (many := sum(counted[f"{kind} | {pair[0]} | {pair[1]}"] for kind in _ALL)) < 20
    }
    assert few == {}


@pytest.mark.parametrize("seed", range(30))
def test_the_clauses_taken_one_by_one_show_what_the_oracle_shows(seed: int) -> None:
    world = _draw(seed)
    lists = dict(zip(_ALL, ("cases", "entries", "own_posts", "managed_grants"), strict=True))
    shown = {
        (decision.account, decision.agency, lists[decision.kind], decision.object_id)
        for decision in clauses.decisions(world, AT)
        if decision.shown
    }
    seen = set()
    for account in world["accounts"]:
        for agency in {row["agency"] for row in account["memberships"]}:
            answer = oracle.visible(world, account["id"], agency, AT)
            seen |= {
                (account["id"], agency, key, id_) for key in lists.values() for id_ in answer[key]
            }
    assert shown == seen
    assert seen
