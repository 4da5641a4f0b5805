"""The oracle itself is held to the example, to hand-written rows, and to planted mistakes."""

from __future__ import annotations

import ast
import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.rules import oracle, worlds

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
AT = datetime.fromisoformat("2026-08-15T12:00:00+09:00")
World = dict[str, Any]

# -- the example ----------------------------------------------------------------------------------


def test_the_example_gives_its_expected_lines_to_the_letter() -> None:
    world = json.loads((DATA / "world-example.json").read_text(encoding="utf-8"))
    expected = (DATA / "world-example.expected.jsonl").read_text(encoding="utf-8").splitlines()
    instants = list(dict.fromkeys(json.loads(line)["at"] for line in expected))
    assert len(instants) == 2
    assert [line for at in instants for line in oracle.lines(world, at)] == expected


def test_the_bases_that_override_are_those_of_the_vocabulary() -> None:
    with (DATA / "legal_bases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    overriding = {row["code"] for row in rows if row["overrides_never_tell"] == "yes"}
    assert overriding == oracle.OVERRIDES_NEVER_TELL


def test_the_oracle_is_short_and_imports_nothing_of_the_portal() -> None:
    source = Path(oracle.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 250
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module))
    assert modules <= sys.stdlib_module_names | {"__future__"}


# -- one row in and one row out, per clause -------------------------------------------------------

LONG_AGO = (AT - timedelta(days=60)).isoformat()
BEFORE = (AT - worlds.TICK).isoformat()
NOW = AT.isoformat()
AFTER = (AT + worlds.TICK).isoformat()

Patch = Callable[[World], object]


def _small_world() -> World:
    """One case of the centre with one entry, and one consent of the child for the school."""
    people = {
        "director": ("center", "center_director"),
        "counselor": ("center", "center_counselor"),
        "clerk": ("center", "center_clerk"),
        "head": ("school", "school_principal"),
        "nurse": ("school", "school_nurse"),
        "teacher": ("school", "school_staff"),
        "watcher": ("cafe", "watcher"),
        "lawyer": ("lawyers", "expert_lawyer"),
    }
    types = {
        "center": "support_center",
        "school": "school",
        "other_school": "school",
        "cafe": "cafeteria",
        "lawyers": "expert_lawyer",
    }
    return {
        "format": "portal-world/1",
        "agencies": [{"id": id_, "type": type_, "name": id_} for id_, type_ in types.items()],
        "accounts": [
            {
                "id": name,
                "email": f"{name}@example.jp",
                "name": name,
                "person": None,
                "memberships": [{"agency": agency, "role": role, "from": LONG_AGO}],
            }
            for name, (agency, role) in people.items()
        ],
        "teams": [
            _team("school_team", "school", "nurse", default=True),
            _team("teachers", "school", "teacher"),
            _team("cafe_team", "cafe", "watcher", default=True),
            _team("lawyers_team", "lawyers", "lawyer", default=True),
        ],
        "persons": [],
        "cases": [
            {
                "id": "case",
                "reference": "R-1",
                "owner": "center",
                "child": "child",
                "status": "supporting",
                "opened": LONG_AGO,
                "workers": [],
                "entries": [
                    {
                        "id": "entry",
                        "slice": "school",
                        "subject": "child",
                        "author_agency": "center",
                        "author": "counselor",
                        "at": LONG_AGO,
                        "text": "",
                    }
                ],
                "grants": [
                    {
                        "id": "grant",
                        "agency": "school",
                        "slices": ["basic", "school"],
                        "subject": "child",
                        "purpose": "support",
                        "basis": "CONSENT",
                        "necessity": "agencies_needed",
                        "from": LONG_AGO,
                    }
                ],
                "exclusions": [],
                "never_tell": [],
            }
        ],
    }


def _team(team_id: str, agency: str, member: str, *, default: bool = False) -> World:
    members = [{"account": member, "from": LONG_AGO}]
    return {
        "id": team_id,
        "agency": agency,
        "name": team_id,
        "default": default,
        "members": members,
    }


def _row(world: World, name: str) -> World:
    """`case`, `entry`, `grant`, or an account or a team by id, or `… membership` of an account."""
    case = world["cases"][0]
    named = {"case": case, "grant": case["grants"][0]}
    if case["entries"]:
        named["entry"] = case["entries"][0]
    for row in world["accounts"]:
        named |= {row["id"]: row, row["id"] + " membership": row["memberships"][0]}
    for team in world["teams"]:
        named |= {team["id"]: team, team["id"] + " member": team["members"][0]}
    return dict.__getitem__(named, name)


def _fields(fields: World) -> World:
    """`start` stands for the key `from`, which is a word of Python."""
    return {"from" if key == "start" else key: value for key, value in fields.items()}


def put(name: str, **fields: Any) -> Patch:
    return lambda world: _row(world, name).update(_fields(fields))


def add(key: str, **fields: Any) -> Patch:
    row = {"from": LONG_AGO, **_fields(fields)}
    return lambda world: world["cases"][0][key].append(row)


def joins(name: str, agency: str, role: str, start: str = LONG_AGO) -> Patch:
    row = {"agency": agency, "role": role, "from": start}
    return lambda world: _row(world, name)["memberships"].append(row)


def no_default_team(world: World) -> None:
    world["teams"][0]["default"] = False


def as_is(_: World) -> None:
    """The small world is already the case in point."""


def both(*patches: Patch) -> Patch:
    return lambda world: [patch(world) for patch in patches]


class Clause(NamedTuple):
    """The viewer (account, agency) is shown the item after one change, and not after the other."""

    name: str
    account: str
    agency: str
    item: str
    shown: Patch
    hidden: Patch


LISTS = {"case": "cases", "entry": "entries", "own post": "own_posts", "grant": "managed_grants"}
IDS = {"case": "case", "entry": "entry", "own post": "entry", "grant": "grant"}

manager = put("nurse membership", manager=True)
own = put("entry", author_agency="school", author="nurse")
by_teacher = put("entry", author_agency="school", author="teacher")
reporter = put("entry", slice="reporter")
everyone = put("grant", subject="*", basis="CAPA6")
known = put("nurse", person="aunt")
cafe_grant = put("grant", agency="cafe")
lawyer_grant = put("grant", agency="lawyers")


def _clauses() -> Iterator[Clause]:
    yield from _rules_1_to_3()
    yield from _rule_4()
    yield from _rule_5_grant()
    yield from _rule_5_letters()
    yield from _rules_6_to_8()


def _rules_1_to_3() -> Iterator[Clause]:
    """These hide whatever there is, so each is put to all four lists."""
    member, entry, case = "nurse membership", "entry", "case"
    for item in LISTS:
        nurse = ("nurse", "school", item)
        ready = both(own, manager)

        def also(*patches: Patch, ready: Patch = ready) -> Patch:
            return both(ready, *patches)

        def deny(ready: Patch = ready, **fields: str) -> Patch:
            return both(ready, add("exclusions", **fields))

        yield Clause("1 disabled", *nurse, ready, also(put("nurse", disabled=True)))
        yield Clause("1 from", *nurse, also(put(member, start=NOW)), also(put(member, start=AFTER)))
        yield Clause(
            "1 until", *nurse, also(put(member, until=AFTER)), also(put(member, until=NOW))
        )
        yield Clause("2 account", *nurse, deny(account="head"), deny(account="nurse"))
        later, now = deny(account="nurse", start=AFTER), deny(account="nurse", start=NOW)
        yield Clause("2 from", *nurse, later, now)
        over, still = deny(account="nurse", until=NOW), deny(account="nurse", until=AFTER)
        yield Clause("2 until", *nurse, over, still)
        yield Clause("3 opened", *nurse, also(put(case, opened=NOW)), also(put(case, opened=AFTER)))
        yield Clause("4 blind", *nurse, ready, also(put(member, role="audit_officer")))
        if item in {"entry", "own post"}:
            yield Clause("3 written", *nurse, also(put(entry, at=NOW)), also(put(entry, at=AFTER)))
            kept, gone = put(entry, retracted=AFTER), put(entry, retracted=NOW)
            yield Clause("3 retracted", *nurse, also(kept), also(gone))
    kept, gone = put(entry, retracted=AFTER), put(entry, retracted=NOW)
    yield Clause("3 retracted, owner", "director", "center", "entry", kept, gone)
    excluded = add("exclusions", account="director")
    yield Clause("2 owner too", "director", "center", "case", as_is, excluded)
    second = joins("watcher", "cafe", "cafeteria_volunteer", NOW)
    ended, unended = put("watcher membership", until=NOW), put("watcher membership", until=AFTER)
    acting = ("watcher", "cafe", "case", both(cafe_grant, unended), both(cafe_grant, ended, second))
    yield Clause("1 the role is that of the live membership", *acting)


def _rule_4() -> Iterator[Clause]:
    role, works = "counselor membership", put("case", workers=["counselor"])
    for item in ("case", "entry"):
        center = ("counselor", "center", item)
        yield Clause("4 owns", *center, as_is, put("case", owner="other_school"))
        yield Clause("4 role", *center, as_is, put(role, role="school_principal"))
        yield Clause("4 clerk", *center, as_is, put(role, role="center_clerk"))
        yield Clause("4 admin", *center, as_is, put(role, role="sysadmin"))
        investigator = put(role, role="center_investigator")
        yield Clause("4 investigator", *center, investigator, put(role, role="audit_officer"))
        told = add("never_tell", account="counselor")
        yield Clause("4 never-tell", *center, told, add("exclusions", account="counselor"))
        agency = add("never_tell", agency="center")
        yield Clause("4 never-tell agency", *center, agency, both(agency, put(role, role="expert")))
    counselor = ("counselor", "center", "entry", both(reporter, works), reporter)
    yield Clause("4 reporter for workers", *counselor)
    director = ("director", "center", "entry", reporter)
    lower = put("director membership", role="center_investigator")
    yield Clause("4 reporter for the director", *director, both(reporter, lower))
    clerk = put("case", workers=["clerk"])
    promoted = put("clerk membership", role="center_counselor")
    yield Clause("4 worker", "clerk", "center", "entry", both(reporter, clerk, promoted), clerk)


def _rule_5_grant() -> Iterator[Clause]:
    nurse = ("nurse", "school", "entry")
    for item in ("entry", "case", "grant"):
        who = ("nurse", "school", item)
        live = [put("grant", start=NOW), put("grant", until=AFTER), put("grant", ended=AFTER)]
        dead = [put("grant", start=AFTER), put("grant", until=NOW), put("grant", ended=NOW)]
        for name, good, bad in zip(("from", "until", "ended"), live, dead, strict=True):
            yield Clause(f"5 {name}", *who, both(manager, good), both(manager, bad))
        elsewhere = both(manager, put("grant", agency="other_school"))
        yield Clause("5 agency", *who, manager, elsewhere)
    yield Clause("5 slice", *nurse, as_is, put("entry", slice="home"))
    yield Clause("5 subject", *nurse, as_is, put("entry", subject="mother"))
    mother = put("entry", subject="mother")
    consent = put("grant", subject="*")
    yield Clause("5 every subject", *nurse, both(mother, everyone), both(mother, consent))
    yield Clause("5 * with CONSENT", *nurse, as_is, consent)
    visiting = joins("nurse", "other_school", "school_nurse")
    named = put("grant", accounts=["nurse"])
    moved = put("grant", accounts=["nurse"], agency="other_school")
    yield Clause("5 acting", *nurse, both(visiting, named), both(visiting, moved))


def _rule_5_letters() -> Iterator[Clause]:
    nurse, teacher = ("nurse", "school", "entry"), ("teacher", "school", "entry")
    for item in ("entry", "case"):
        who = ("nurse", "school", item)
        yield Clause("5a default team", *who, as_is, no_default_team)
        yield Clause("5a named accounts", *who, as_is, put("grant", accounts=["teacher"]))
        yield Clause("5a named team", *who, as_is, put("grant", team="teachers"))
        in_, out = put("school_team member", start=NOW), put("school_team member", start=AFTER)
        yield Clause("5a joins", *who, in_, out)
        in_, out = put("school_team member", until=AFTER), put("school_team member", until=NOW)
        yield Clause("5a leaves", *who, in_, out)
        told, consent = add("never_tell", agency="school"), put("grant", basis="CONSENT")
        overriding = put("grant", basis="CAPA6")
        yield Clause("5d basis", *who, both(told, overriding), both(told, consent))
        yield Clause("5d agency", *who, add("never_tell", agency="cafe"), told)
        later = add("never_tell", agency="school", start=AFTER)
        yield Clause("5d from", *who, later, add("never_tell", agency="school", start=NOW))
        over = add("never_tell", agency="school", until=NOW)
        yield Clause("5d until", *who, over, add("never_tell", agency="school", until=AFTER))
        me, other = add("never_tell", account="nurse"), add("never_tell", account="head")
        yield Clause("5e account", *who, other, me)
        yield Clause("5e any basis", *who, both(overriding, other), both(overriding, me))
        aunt, uncle = add("never_tell", person="aunt"), add("never_tell", person="uncle")
        yield Clause("5e person", *who, both(known, uncle), both(known, aunt))
        yield Clause("5e nobody known is nobody", *who, aunt, both(known, aunt))
        yield Clause("5e person, any basis", *who, overriding, both(overriding, known, aunt))
    yield Clause("5a team read", *teacher, put("grant", team="teachers"), as_is)
    yield Clause("5a account read", *teacher, put("grant", accounts=["teacher"]), as_is)
    for slice_ in ("reporter", "advice"):
        named = put("grant", slices=["school", slice_])
        yield Clause("5b " + slice_, *nurse, named, both(named, put("entry", slice=slice_)))
    detail = both(put("entry", slice="detail"), put("grant", slices=["detail"]))
    yield Clause("5b detail at a school", *nurse, detail, put("entry", slice="detail"))
    watcher = ("watcher", "cafe", "entry")
    yield Clause("5b detail at a cafeteria", *watcher, cafe_grant, both(cafe_grant, detail))
    volunteer = put("watcher membership", role="cafeteria_volunteer")
    yield Clause("5c watcher", *watcher, cafe_grant, both(cafe_grant, volunteer))
    lawyer = ("lawyer", "lawyers", "case")
    as_npo = _retype("lawyers", "npo")
    yield Clause("5c expert", *lawyer, both(lawyer_grant, as_npo), lawyer_grant)
    as_welfare = _retype("lawyers", "expert_welfare")
    yield Clause("5c welfare", *lawyer, both(lawyer_grant, as_npo), both(lawyer_grant, as_welfare))


def _retype(agency: str, kind: str) -> Patch:
    return lambda world: [row.update(type=kind) for row in world["agencies"] if row["id"] == agency]


def _rules_6_to_8() -> Iterator[Clause]:
    ended, none = put("grant", ended=LONG_AGO), put("grant", agency="other_school")
    post = ("nurse", "school", "own post")
    yield Clause(
        "6 written", *post, both(own, ended), both(own, put("entry", author_agency="cafe"))
    )
    yield Clause("6 default team", *post, by_teacher, both(by_teacher, no_default_team))
    yield Clause("6 author", "teacher", "school", "own post", by_teacher, own)
    at_cafe = both(own, joins("nurse", "cafe", "watcher"))
    yield Clause("6 acting", *post, at_cafe, put("entry", author_agency="cafe", author="nurse"))
    told = add("never_tell", agency="school")
    yield Clause("6 agency", *post, both(own, told), both(own, add("never_tell", account="nurse")))
    aunt = add("never_tell", person="aunt")
    yield Clause("6 person", *post, both(own, aunt), both(own, known, aunt))
    center = ("counselor", "center", "own post")
    works = put("case", workers=["counselor"])
    yield Clause("6 owner, reporter", *center, both(reporter, works), reporter)
    yield Clause("6 owner, role", *center, as_is, put("counselor membership", role="expert"))
    yield Clause(
        "6 not by 4", "director", "center", "own post", put("entry", author="director"), as_is
    )
    reader = ("nurse", "school", "case")
    yield Clause("6 shows no case", *reader, own, both(own, none))
    advice = both(put("grant", agency="lawyers"), put("entry", author_agency="lawyers"))
    mine = both(advice, put("entry", author="lawyer", slice="advice"))
    yield Clause("6 of an expert", "lawyer", "lawyers", "own post", mine, none)

    head = ("head", "school", "grant")
    heads = put("head membership", manager=True)
    yield Clause("7 manager", *head, heads, as_is)
    yield Clause("7 reader", "nurse", "school", "grant", manager, as_is)
    yield Clause(
        "7 reads nothing", "head", "school", "case", put("grant", accounts=["head"]), heads
    )
    duty = put("grant", basis="CAPA6")
    yield Clause("7 d", *head, both(heads, told, duty), both(heads, told))
    me, other = add("never_tell", account="head"), add("never_tell", account="nurse")
    yield Clause("7 e", *head, both(heads, duty, other), both(heads, duty, me))
    chief = put("lawyer membership", manager=True)
    lawyer = ("lawyer", "lawyers", "grant")
    yield Clause("7 not c", *lawyer, both(lawyer_grant, chief), both(lawyer_grant, chief, ended))

    empty = put("case", entries=[])
    yield Clause("8 without entries", *reader, empty, both(empty, none))
    only = put("grant", slices=["reporter"])
    yield Clause("8 without b", *reader, only, both(only, ended))
    view = put("grant", agency="center", basis="EMERGENCY", accounts=["nurse"])
    inside = both(view, joins("nurse", "center", "ward_worker"))
    yield Clause(
        "8 emergency view", "nurse", "center", "case", inside, joins("nurse", "center", "x")
    )


CLAUSES = list(_clauses())


@pytest.mark.parametrize(
    "clause", CLAUSES, ids=[f"{clause.name} ({clause.item})" for clause in CLAUSES]
)
def test_one_row_in_and_one_row_out(clause: Clause) -> None:
    answers = []
    for patch in (clause.shown, clause.hidden):
        world = _small_world()
        patch(world)
        joined = any(
            row["agency"] == clause.agency for row in _row(world, clause.account)["memberships"]
        )
        assert joined, "a viewer who is not in the agency proves nothing"
        seen = oracle.visible(world, clause.account, clause.agency, NOW)
        answers.append(IDS[clause.item] in seen[LISTS[clause.item]])
    assert answers == [True, False]


# -- lines and sees -------------------------------------------------------------------------------


def test_a_line_stands_for_each_live_membership_in_the_worlds_order() -> None:
    world = _small_world()
    joins("nurse", "other_school", "school_nurse")(world)
    joins("nurse", "cafe", "watcher", AFTER)(world)
    put("head membership", until=NOW)(world)
    put("teacher", disabled=True)(world)
    seats = [
        (line["account"], line["agency"]) for line in map(json.loads, oracle.lines(world, NOW))
    ]
    assert seats == [
        ("director", "center"),
        ("counselor", "center"),
        ("clerk", "center"),
        ("nurse", "school"),
        ("nurse", "other_school"),
        ("teacher", "school"),
        ("watcher", "cafe"),
        ("lawyer", "lawyers"),
    ]


def test_a_disabled_account_keeps_a_line_with_nothing_in_it() -> None:
    world = _small_world()
    put("counselor", disabled=True)(world)
    assert oracle.lines(world, "2026-08-15T03:00:00Z")[1] == (
        '{"account": "counselor", "agency": "center", "at": "2026-08-15T03:00:00Z", "cases": [], '
        '"entries": [], "managed_grants": [], "own_posts": []}'
    )


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        oracle.visible(_small_world(), "nurse", "school", "2026-08-15T12:00:00")
    with pytest.raises(ValueError, match="offset"):
        oracle.lines(_small_world(), AT.replace(tzinfo=None))


@pytest.mark.parametrize(("account", "agency"), [("nobody", "school"), ("nurse", "nowhere")])
def test_an_unknown_account_or_agency_is_an_error_and_not_an_empty_answer(
    account: str, agency: str
) -> None:
    with pytest.raises(KeyError):
        oracle.visible(_small_world(), account, agency, NOW)


@pytest.mark.parametrize("seed", range(12))
def test_sees_answers_for_every_entry_as_the_lists_do(seed: int) -> None:
    world = _drawn(seed)
    decided = set()
    for account in world["accounts"]:
        for agency in {row["agency"] for row in account["memberships"]}:
            seen = oracle.visible(world, account["id"], agency, AT)["entries"]
            for case in world["cases"]:
                for entry in _written(case):
                    what = (case, entry["slice"], entry["subject"])
                    shown = oracle.sees(world, account["id"], agency, AT, *what)
                    assert shown == (entry["id"] in seen)
                    decided.add(shown)
    assert decided == {True, False}


def _written(case: World) -> list[World]:
    """The entries that rule 3 leaves at AT."""
    return [
        entry
        for entry in case.get("entries", [])
        if datetime.fromisoformat(entry["at"]) <= AT
        and not (entry.get("retracted") and datetime.fromisoformat(entry["retracted"]) <= AT)
    ]


# -- planted mistakes -----------------------------------------------------------------------------

SEEDS = 400

# Each is one plausible misreading, as a piece of the oracle's text and what it would say instead.
MANAGED = "viewer.manager and _reaches(case, grant, viewer, t)"
MISTAKES: dict[str, tuple[str, str]] = {
    "1 disabled accounts look on": ('account.get("disabled") or not acting', "not acting"),
    "1 any membership will do": (
        '["agency"] == agency_id and live(m, t)]',
        '["agency"] == agency_id]',
    ),
    "1 the first membership gives the role": (
        'role=acting[0]["role"]',
        'role=account["memberships"][0]["role"]',
    ),
    "1 manager somewhere is manager here": (
        'manager=bool(acting[0].get("manager"))',
        'manager=any(m.get("manager") for m in account["memberships"])',
    ),
    "live: from is exclusive": ('instant(record["from"]) <= t', 'instant(record["from"]) < t'),
    "live: until is inclusive": ("t < instant(record[end])", "t <= instant(record[end])"),
    "live: from is not asked": ('instant(record["from"]) <= t and all(', "all("),
    "live: ended is not asked": ('for end in ("until", "ended")', 'for end in ("until",)'),
    "live: until is not asked": ('for end in ("until", "ended")', 'for end in ("ended",)'),
    "2 exclusions do not bind": ("<= t and not excluded and", "<= t and"),
    "2 exclusions never end": ("and live(row, t) for row in exclusions", "for row in exclusions"),
    "2 an exclusion names the person": (
        'excluded = any(row["account"] == viewer.account',
        'excluded = any(row["account"] == viewer.person',
    ),
    "2 excluded from one, excluded from all": (
        "if viewer is None or not _within_reach(case, viewer, t):\n            continue",
        (
            "if viewer is None or not all(_within_reach(c, viewer, t) for c in world['cases']):\n"
            "            continue"
        ),
    ),
    "3 unopened cases show": ('instant(case["opened"]) <= t and not', "not"),
    "3 opened on T is not open": ('instant(case["opened"]) <= t', 'instant(case["opened"]) < t'),
    "3 tomorrow's entries show": ('instant(entry["at"]) <= t and (', "("),
    "3 written on T is not written": ('instant(entry["at"]) <= t', 'instant(entry["at"]) < t'),
    "3 retracted on T still shows": ("t < instant(retracted)", "t <= instant(retracted)"),
    "3 retracted later hides now": (
        "(retracted is None or t < instant(retracted))",
        "retracted is None",
    ),
    "4 blind roles look on": (" and viewer.role not in BLIND_ROLES", ""),
    "4 the clerk reads": ('{"center_clerk", "sysadmin",', '{"sysadmin",'),
    "4 the administrator reads": ('"sysadmin", "audit_officer"', '"audit_officer"'),
    "4 the audit officer reads": ('"sysadmin", "audit_officer"', '"sysadmin"'),
    "4 the investigator does not own": (', "center_investigator"})', "})"),
    "4 every role of the owner reads": (" or viewer.role not in OWNER_ROLES", ""),
    "4 a centre's role reads everywhere": ('case["owner"] != viewer.agency or viewer', "viewer"),
    "4 all owners read the reporter": ('slice_ != "reporter"', "True"),
    "4 only workers read the reporter": (
        'trusted = viewer.role == "center_director" or viewer',
        "trusted = viewer",
    ),
    "4 only the director reads the reporter": (
        ' or viewer.account in case.get("workers", [])',
        "",
    ),
    "4 never-tell binds the owner": (
        "return _owner_sees(case, viewer, slice_) or any(",
        "return _owner_sees(case, viewer, slice_) and not _human_barred(case, viewer, t) or any(",
    ),
    "5 grants reach all agencies": (
        'departed or grant["agency"] != viewer.agency or not live',
        "departed or not live",
    ),
    "5 ended grants open": (
        'grant["agency"] != viewer.agency or not live(grant, t):',
        'grant["agency"] != viewer.agency:',
    ),
    "5 any slice": ('slice_ not in grant["slices"] or slice_', "slice_"),
    "5 any subject": ('bool(grant["subject"] == subject)', "True"),
    "5 consent may name everyone": ('bool(grant["basis"] != "CONSENT")', "True"),
    "5 everyone is nobody": ('bool(grant["basis"] != "CONSENT")', "False"),
    "5a everybody of the agency reads": ("return viewer.in_default_team\n\n", "return True\n\n"),
    "5a the default team always reads too": (
        'return viewer.account in grant["accounts"]',
        'return viewer.account in grant["accounts"] or viewer.in_default_team',
    ),
    "5a a named team adds to the default team": (
        'return grant["team"] in viewer.teams',
        'return grant["team"] in viewer.teams or viewer.in_default_team',
    ),
    "5a the named team is any team": (
        'return grant["team"] in viewer.teams',
        "return bool(viewer.teams)",
    ),
    "5a any team of the agency is the default": (' and team.get("default")', ""),
    "5a a default team elsewhere counts": ('team["agency"] == agency_id and ', ""),
    "5a past members read": (
        'if any(m["account"] == account_id and live(m, t)',
        'if any(m["account"] == account_id',
    ),
    "5a managers read": (
        "return viewer.in_default_team\n\n",
        "return viewer.in_default_team or viewer.manager\n\n",
    ),
    "5b the reporter goes out": ('{"reporter", "advice"}', '{"advice"}'),
    "5b advice goes out": ('{"reporter", "advice"}', '{"reporter"}'),
    "5b cafeterias read detail": ('slice_ == "detail" and viewer', 'slice_ == "" and viewer'),
    "5b detail goes nowhere": ('"detail" and viewer.agency_type == "cafeteria"', '"detail"'),
    "5c lawyers read": ('{"expert_lawyer", "expert_welfare"}', '{"expert_welfare"}'),
    "5c welfare experts read": ('{"expert_lawyer", "expert_welfare"}', '{"expert_lawyer"}'),
    "5c volunteers read": (' and viewer.role != "watcher"', ' and viewer.role == ""'),
    "5d never-tell of an agency does not bind": (
        'return named and grant["basis"] not in OVERRIDES_NEVER_TELL',
        "return False",
    ),
    "5d nothing overrides": ('named and grant["basis"] not in OVERRIDES_NEVER_TELL', "named"),
    "5d a permission overrides": (
        'named and grant["basis"] not in OVERRIDES_NEVER_TELL',
        (
            'named and grant["basis"] not in OVERRIDES_NEVER_TELL | '
            '{"CAPA13_4", "CWA25_2", "APPI69_2_3", "CAPA8"}'
        ),
    ),
    "5d never-tell never ends": (
        "viewer.agency and live(row, t) for row in denials",
        "viewer.agency for row in denials",
    ),
    "5d never-tell of one binds all": ('row.get("agency") == viewer.agency', 'row.get("agency")'),
    "5e accounts are not asked": (
        'any(row.get("account") == viewer.account for row in denials)',
        "False",
    ),
    "5e persons are not asked": ("viewer.person in persons or any", "any"),
    "5e nobody known is anybody": (" - {None}", ""),
    "5e never-tell never ends": (
        'denials = [row for row in case.get("never_tell", []) if live(row, t)]',
        'denials = case.get("never_tell", [])',
    ),
    "5e a basis overrides for people too": (
        "viewer, t) or _human_barred(case, viewer, t))",
        (
            "viewer, t) or (grant['basis'] not in OVERRIDES_NEVER_TELL and "
            "_human_barred(case, viewer, t)))"
        ),
    ),
    "6 own posts of any agency": ('entry["author_agency"] != viewer.agency or _human', "_human"),
    "6 never-tell does not bind own posts": (
        'entry["author_agency"] != viewer.agency or _human_barred(case, viewer, t)',
        'entry["author_agency"] != viewer.agency',
    ),
    "6 only the author": (" == viewer.account or viewer.in_default_team", " == viewer.account"),
    "6 not the author": ('entry["author"] == viewer.account or viewer', "viewer"),
    "6 everybody of the agency": (
        'return entry["author"] == viewer.account or viewer.in_default_team',
        "return True",
    ),
    "6 in the owner's agency as elsewhere": (
        'case["owner"] == viewer.agency and not',
        "False and not",
    ),
    "6 retracted own posts stay": (
        'own += [e["id"] for e in existing',
        'own += [e["id"] for e in case.get("entries", [])',
    ),
    "6 an own post shows the case": (
        "if _owner_sees(case, viewer, None) or any(",
        (
            "if any(_own_post(case, e, viewer, t) for e in existing) or "
            "_owner_sees(case, viewer, None) or any("
        ),
    ),
    "5 an agency that left reads": ("if viewer.departed or grant", "if grant"),
    "5 concealed tells where": ('if case.get("concealed") and slice_ in PLACES', "if slice_ == 0"),
    "5 a duty tells nothing when concealed": (
        'slice_ in PLACES and grant["basis"] not in OVERRIDES_NEVER_TELL',
        "slice_ in PLACES",
    ),
    "7 managers of an agency that left see": (
        MANAGED,
        (
            "viewer.manager and _reaches("
            "case, grant, Viewer(**{**vars(viewer), 'departed': False}), t)"
        ),
    ),
    "7 everybody manages": (MANAGED, "_reaches(case, grant, viewer, t)"),
    "7 managers see ended grants": (
        MANAGED,
        'viewer.manager and _reaches(case, {**grant, "ended": None}, viewer, t)',
    ),
    "7 managers see all agencies": (
        MANAGED,
        'viewer.manager and _reaches(case, {**grant, "agency": viewer.agency}, viewer, t)',
    ),
    "7 (d) does not bind": (
        MANAGED,
        (
            "viewer.manager and _reaches({**case, 'never_tell': [row for row in "
            "case.get('never_tell', []) if not row.get('agency')]}, grant, viewer, t)"
        ),
    ),
    "7 (e) does not bind": (
        MANAGED,
        (
            "viewer.manager and _reaches({**case, 'never_tell': [row for row in "
            "case.get('never_tell', []) if row.get('agency')]}, grant, viewer, t)"
        ),
    ),
    "7 a manager must read": (MANAGED, f"_is_reader(grant, viewer) and {MANAGED}"),
    "8 a case needs an entry": (
        'cases.append(case["id"])',
        (
            'cases += [case["id"]] if any(_shown(case, viewer, t, e["slice"], e["subject"]) '
            "for e in existing) else []"
        ),
    ),
    "8 an ended grant still shows the case": (
        "_grant_shows_case(case, grant, viewer, t) for grant in grants\n",
        '_grant_shows_case(case, {**grant, "ended": None}, viewer, t) for grant in grants\n',
    ),
    "sees: exclusions do not bind": (
        "if viewer is None or not _within_reach(case, viewer, t):\n        return False",
        "if viewer is None:\n        return False",
    ),
    "lines: disabled accounts have none": (
        "if live(acting, t)\n",
        'if live(acting, t) and not account.get("disabled")\n',
    ),
    "lines: past memberships have one": ("        if live(acting, t)\n", ""),
    "lists are not sorted": ('"entries": sorted(entries)', '"entries": entries'),
}


@cache
def _drawn(seed: int) -> World:
    """The world of this seed: lawful and not in turn, now and then with a consent for everyone."""
    world = worlds.random_world(seed, at=AT, lawful=seed % 2 == 0)
    return worlds.with_consent_for_everyone(world, seed) if seed % 5 == 0 else world


def _answers(reading: World, seed: int) -> tuple[list[str], list[bool]]:
    """The lines, and for each viewer whether it sees one slice of one subject of each case."""
    world = _drawn(seed)
    seats = [
        (account["id"], row["agency"])
        for account in world["accounts"]
        for row in account["memberships"]
    ]
    seen = [
        reading["sees"](world, *seat, AT, case, entry["slice"], entry["subject"])
        for seat in seats
        for case in world["cases"]
        for entry in case.get("entries", [])[:1]
    ]
    return reading["lines"](world, NOW), seen


@cache
def _true_answers(seed: int) -> tuple[list[str], list[bool]]:
    return _answers(vars(oracle), seed)


@cache
def _source() -> str:
    return Path(oracle.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_shows_in_random_worlds(mistake: str) -> None:
    needle, replacement = MISTAKES[mistake]
    assert _source().count(needle) == 1, f"{needle!r} is not exactly once in oracle.py"
    reading: World = {"__name__": oracle.__name__}
    exec(compile(_source().replace(needle, replacement), mistake, "exec"), reading)  # noqa: S102 - our own text
    assert any(_answers(reading, seed) != _true_answers(seed) for seed in range(SEEDS))


def test_the_oracle_read_again_gives_the_same_answers() -> None:
    """Else a mistake would show for another reason than being one."""
    reading: World = {"__name__": oracle.__name__}
    exec(compile(_source(), "oracle", "exec"), reading)  # noqa: S102 - our own text
    assert all(_answers(reading, seed) == _true_answers(seed) for seed in range(30))
