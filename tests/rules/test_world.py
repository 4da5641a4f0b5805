"""The world format: taken in whole or refused with place and reason, given back as it was."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, literal_column, select, text

from portal import models as m
from portal.audit import Event
from portal.database import SystemSession, system_session
from portal.vault import FORMAT, equip, reveal
from portal.vocabulary import SLICES
from portal.world import (
    WallsDisagree,
    World,
    WorldRefused,
    all_lines,
    dump,
    load,
    read_file,
    visible_to,
)
from portal.world.loading import REASON_IMPORTED
from portal.world.reading import line_of
from tests.conftest import Database
from tests.rules.city import AT
from tests.rules.worlds import canaries, name_canaries, random_world

DATA = Path(__file__).parents[1] / "data"
EXAMPLE = DATA / "world-example.json"
EXPECTED = (DATA / "world-example.expected.jsonl").read_text(encoding="utf-8").splitlines()
INSTANTS = list(dict.fromkeys(json.loads(line)["at"] for line in EXPECTED))
SCHOOL = "a0000000-0000-4000-8000-000000000002"
JSON = dict[str, Any]


def load_into(database: Database, world: JSON, *, trust: bool = False, add: bool = False) -> None:
    with system_session(database.system, reason="a test") as session:
        equip(session, database.keys)
        load(session, world, trust=trust, add=add)


@pytest.fixture(scope="module")
def example(database: Database) -> Database:
    """A database with the example in it, which no test changes."""
    load_into(database, read_file(EXAMPLE))
    return database


@pytest.fixture
def fresh(clone: Callable[[], Database]) -> Iterator[Database]:
    own = clone()
    yield own
    own.drop()


@pytest.fixture
def session(example: Database) -> Iterator[SystemSession]:
    with system_session(example.system, reason="a test") as opened:
        equip(opened, example.keys)
        yield opened


# -- who sees what --------------------------------------------------------------------------------


def test_the_example_gives_its_expected_lines_to_the_letter(example: Database) -> None:
    assert [line for at in INSTANTS for line in all_lines(example.owner, at)] == EXPECTED


def test_one_viewer_is_asked_for_alone(example: Database) -> None:
    line = json.loads(EXPECTED[-1])
    answer = visible_to(
        example.owner, uuid.UUID(line["account"]), uuid.UUID(line["agency"]), line["at"]
    )
    assert answer == line


def test_another_instant_does_not_stick_to_the_connection(example: Database) -> None:
    """Plans are kept for a connection and the clock's function is written into them."""
    first, second = INSTANTS
    lines = [all_lines(example.owner, at) for at in (first, second, first)]
    assert lines[0] == lines[2]
    assert [line.replace(first, second) for line in lines[0]] != lines[1]
    with example.owner.connect() as connection:
        assert connection.execute(text("SELECT portal_clock() = now()")).scalar_one()


def test_now_is_told_as_an_instant(example: Database) -> None:
    ats = {json.loads(line)["at"] for line in all_lines(example.owner)}
    assert all(datetime.fromisoformat(at).utcoffset() for at in ats)


def test_somebody_who_does_not_work_there_sees_nothing(example: Database) -> None:
    answer = visible_to(example.owner, uuid.uuid4(), uuid.UUID(SCHOOL), AT)
    assert not any(answer[name] for name in ("cases", "entries", "managed_grants", "own_posts"))


def test_an_instant_without_an_offset_is_refused(example: Database) -> None:
    with pytest.raises(WorldRefused, match="at: has no offset"):
        all_lines(example.owner, "2026-08-15T12:00:00")


def test_a_broken_wall_is_told_and_not_shown(fresh: Database) -> None:
    load_into(fresh, read_file(EXAMPLE))
    with fresh.owner.begin() as connection:
        connection.execute(text("ALTER POLICY visible ON entries USING (true)"))
    with pytest.raises(WallsDisagree):
        all_lines(fresh.owner, INSTANTS[0])


def test_a_stale_projection_is_told_for_now(fresh: Database) -> None:
    load_into(fresh, read_file(EXAMPLE))
    assert all_lines(fresh.owner)
    with fresh.system.begin() as connection:
        connection.execute(text("DELETE FROM case_access"))
    with pytest.raises(WallsDisagree, match="but lists"):
        all_lines(fresh.owner)
    # It tells of now and of nothing else.
    assert all_lines(fresh.owner, INSTANTS[0]) == EXPECTED[: len(EXPECTED) // 2]


# -- there and back -------------------------------------------------------------------------------


def canonical(world: JSON) -> JSON:
    """The same world in the order of a dump, with what may be left out and instants in UTC."""
    world = _canonical(copy.deepcopy({key: world[key] for key in world if key != "note"}))
    for name in ("teams", "persons", "households"):
        world.setdefault(name, [])
    for agency in world["agencies"]:
        agency.update({"legal_form": agency.get("legal_form", "municipal")})
    world["cases"].sort(key=lambda case: (case["opened"], case["id"]))
    for case in world["cases"]:
        for name, instant in (("entries", "at"), ("grants", "from")):
            case.get(name, []).sort(key=lambda row, instant=instant: (row[instant], row["id"]))
    return world


def _canonical(value: Any) -> Any:
    """Drop what is null, false or an empty list, which is the same as left out."""
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        kept = {key: _canonical(item) for key, item in value.items()}
        return {
            key: _utc(item) if key in _INSTANTS else item
            for key, item in kept.items()
            if item not in (None, False, []) or key == "cases"
        }
    return value


_INSTANTS = {"from", "until", "ended", "at", "retracted", "opened", "closed"}


def _utc(value: Any) -> Any:
    return datetime.fromisoformat(value).astimezone(UTC).isoformat()


def dumped(database: Database) -> JSON:
    with system_session(database.system, reason="a test") as session:
        equip(session, database.keys)
        return dump(session)


def test_the_example_comes_back_as_it_was(example: Database) -> None:
    assert canonical(dumped(example)) == canonical(read_file(EXAMPLE))


@pytest.mark.parametrize("seed", range(4))
def test_a_random_world_comes_back_as_it_was(fresh: Database, seed: int) -> None:
    lawful = seed % 2 == 0
    world = random_world(seed, at=datetime.fromisoformat(AT), lawful=lawful)
    load_into(fresh, world, trust=not lawful)
    assert canonical(dumped(fresh)) == canonical(world)


def test_who_told_an_entry_by_phone_comes_back_too(fresh: Database) -> None:
    world = read_file(EXAMPLE)
    world["cases"][0]["entries"][0]["heard_from"] = "教頭の見本さん"
    load_into(fresh, world)
    assert canonical(dumped(fresh)) == canonical(world)


def test_a_dump_is_a_world(example: Database, fresh: Database) -> None:
    given = json.loads(json.dumps(dumped(example)))
    load_into(fresh, given)
    assert dumped(fresh) == given


def test_a_dump_is_in_the_log_as_a_reading_of_every_case(fresh: Database) -> None:
    world = read_file(EXAMPLE)
    load_into(fresh, world)
    dumped(fresh)
    with system_session(fresh.system, reason="a test") as session:
        read = session.scalars(
            select(m.AuditEvent.case_id).where(m.AuditEvent.event == Event.CASE_READ.value)
        )
        assert {str(key) for key in read} == {case["id"] for case in world["cases"]}


# -- what a load does besides ---------------------------------------------------------------------


def test_the_load_is_in_the_log(session: SystemSession) -> None:
    (event,) = session.scalars(
        select(m.AuditEvent).where(m.AuditEvent.event == Event.WORLD_LOADED.value)
    )
    assert event.details == {"cases": 4, "trust": False}


def test_accounts_get_no_password(session: SystemSession) -> None:
    assert session.scalar(select(func.count()).select_from(m.Account)) > 10
    assert not session.scalar(select(func.count()).select_from(m.Credential))


def test_a_consent_is_recorded_so_that_it_can_be_taken_back(session: SystemSession) -> None:
    grants = session.scalars(select(m.Grant)).all()
    assert {grant.basis == "CONSENT" for grant in grants} == {True, False}
    for grant in grants:
        if grant.basis != "CONSENT":
            assert grant.consent_id is None
            continue
        consent = session.get_one(m.Consent, grant.consent_id)
        assert (consent.kind, consent.method) == ("sharing", "imported")
        assert consent.giver_person_id == grant.subject_id
        item = session.scalars(select(m.ConsentItem).filter_by(consent_id=consent.id)).one()
        assert (item.agency_id, item.slices, item.answer) == (grant.agency_id, grant.slices, "yes")
        event = session.scalars(select(m.ConsentEvent).filter_by(consent_id=consent.id)).one()
        assert (event.state, event.grant_id, event.happened_at) == (
            "given",
            grant.id,
            grant.valid_from,
        )


def test_the_last_day_of_a_consent_is_the_day_before_its_exclusive_end(
    session: SystemSession,
) -> None:
    until = datetime.fromisoformat("2026-12-01T00:00:00+09:00")
    grants = session.scalars(select(m.Grant).filter_by(basis="CONSENT", valid_until=until)).all()
    assert grants
    days = session.scalars(
        select(m.ConsentItem.last_day).where(
            m.ConsentItem.consent_id.in_([grant.consent_id for grant in grants])
        )
    )
    assert set(days) == {date(2026, 11, 30)}


def test_a_retraction_is_recorded_with_a_sealed_reason(fresh: Database) -> None:
    world = read_file(EXAMPLE)
    entry = world["cases"][0]["entries"][0]
    entry["retracted"] = "2026-07-01T00:00:00+09:00"
    load_into(fresh, world)
    with system_session(fresh.system, reason="a test") as session:
        equip(session, fresh.keys)
        own = select(m.Retraction).filter_by(entry_id=uuid.UUID(entry["id"]))
        retraction = session.scalars(own).one()
        assert retraction.retracted_at == datetime.fromisoformat(entry["retracted"])
        assert reveal(session, retraction, "reason") == REASON_IMPORTED


def test_whom_a_never_tell_alone_names_is_no_person_of_the_case(session: SystemSession) -> None:
    example_world = read_file(EXAMPLE)
    people = {
        (str(row.case_id), str(row.person_id), row.is_child)
        for row in session.scalars(select(m.CasePerson))
    }
    for case in example_world["cases"]:
        subjects = {row["subject"] for row in case["entries"] + case["grants"]} - {"*"}
        expected = {(case["id"], who, who == case["child"]) for who in subjects | {case["child"]}}
        assert {row for row in people if row[0] == case["id"]} == expected
    named = {
        row["person"]
        for case in example_world["cases"]
        for row in case["never_tell"]
        if "person" in row
    }
    assert named - {person for _, person, _ in people}


def test_every_slice_has_a_key(session: SystemSession) -> None:
    keys = session.execute(select(m.SliceKey.scope_id, m.SliceKey.slice))
    by_case: dict[uuid.UUID, set[str]] = {}
    for case_id, slice_ in keys:
        by_case.setdefault(case_id, set()).add(slice_)
    assert set(by_case) == set(session.scalars(select(m.Case.id)))
    assert all(slices == {*SLICES, "internal"} for slices in by_case.values())


def test_no_text_and_no_name_stands_readable_in_the_database(fresh: Database) -> None:
    world = random_world(2, at=datetime.fromisoformat(AT))
    load_into(fresh, world)
    tokens = [*canaries(world).values(), *sum(name_canaries(world).values(), ())]
    tokens += [account["email"] for account in world["accounts"]]
    with fresh.system.begin() as connection:
        stored = "".join(
            row
            for table in m.Base.metadata.sorted_tables
            for row in connection.scalars(
                select(literal_column("t::text")).select_from(table.alias("t"))
            )
        )
    # What is public is found, readable or as the hexadecimal bytes that a sealed column shows.
    assert world["agencies"][0]["name"] in stored
    assert FORMAT.hex() in stored
    assert len(tokens) > 100
    found = [token for token in tokens if token in stored or token.encode().hex() in stored]
    assert not found


# -- a second world -------------------------------------------------------------------------------


def test_a_database_with_cases_takes_no_world_unless_told_to_add(fresh: Database) -> None:
    load_into(fresh, read_file(EXAMPLE))
    second = random_world(0, at=datetime.fromisoformat(AT))
    with pytest.raises(WorldRefused, match="already holds cases"):
        load_into(fresh, second)
    load_into(fresh, second, add=True)
    assert len(dumped(fresh)["cases"]) == 4 + len(second["cases"])


def test_the_same_ids_are_not_added_again(fresh: Database) -> None:
    world = read_file(EXAMPLE)
    load_into(fresh, world)
    with pytest.raises(WorldRefused) as caught:
        load_into(fresh, world, add=True)
    assert caught.value.path == "$.agencies[0].id"
    assert len(dumped(fresh)["cases"]) == 4


def test_the_same_address_is_not_added_again(fresh: Database) -> None:
    load_into(fresh, read_file(EXAMPLE))
    second = random_world(0, at=datetime.fromisoformat(AT))
    second["accounts"][3]["email"] = "Director@Example.jp"
    with pytest.raises(WorldRefused) as caught:
        load_into(fresh, second, add=True)
    assert caught.value.path == "$.accounts[3].email"


# -- refusals -------------------------------------------------------------------------------------

Change = Callable[[JSON], object]


def _grant(world: JSON, basis: str = "CONSENT") -> JSON:
    return next(row for case in world["cases"] for row in case["grants"] if row["basis"] == basis)


def _membership_again(world: JSON) -> None:
    row = world["accounts"][0]["memberships"][0]
    world["accounts"][0]["memberships"].append({**row, "from": "2026-09-01T00:00:00+09:00"})


def _second_default_team(world: JSON) -> None:
    team = next(row for row in world["teams"] if row.get("default"))
    world["teams"].append({**team, "id": str(uuid.uuid4())})


def _foreign_team(world: JSON) -> None:
    grant = _grant(world)
    grant.pop("accounts", None)
    grant["team"] = next(row["id"] for row in world["teams"] if row["agency"] != grant["agency"])


def _team_and_accounts(world: JSON) -> None:
    grant = _grant(world)
    grant["accounts"] = [world["accounts"][0]["id"]]
    grant["team"] = next(row["id"] for row in world["teams"] if row["agency"] == grant["agency"])


def _to(world: JSON, agency_type: str, **fields: Any) -> None:
    """Give the first consent to an agency of a type, for its default team."""
    grant = _grant(world)
    agency = next(row["id"] for row in world["agencies"] if row["type"] == agency_type)
    grant.update({"agency": agency, **fields})
    grant.pop("accounts", None)
    grant.pop("team", None)


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "an unknown slice": (
        lambda w: w["cases"][0]["entries"][0].update(slice="gossip"),
        "$.cases[0].entries[0].slice",
    ),
    "an unknown role": (
        lambda w: w["accounts"][0]["memberships"][0].update(role="chief"),
        "$.accounts[0].memberships[0].role",
    ),
    "an unknown basis": (lambda w: _grant(w).update(basis="WISH"), ".basis"),
    "an unknown subject": (
        lambda w: w["cases"][0]["entries"][0].update(subject=str(uuid.uuid4())),
        "$.cases[0].entries[0].subject",
    ),
    "an unknown owner": (
        lambda w: w["cases"][1].update(owner=str(uuid.uuid4())),
        "$.cases[1].owner",
    ),
    "an agency where a person should be": (
        lambda w: w["cases"][1].update(child=SCHOOL),
        "$.cases[1].child",
    ),
    "an id that is none": (lambda w: w["agencies"][0].update(id="one"), "$.agencies[0].id"),
    "an id twice": (
        lambda w: w["cases"][0]["grants"][0].update(id=SCHOOL),
        "$.cases[0].grants[0].id",
    ),
    "an instant without an offset": (
        lambda w: w["cases"][0].update(opened="2026-05-20T00:00:00"),
        "$.cases[0].opened",
    ),
    "an unknown key": (lambda w: w["agencies"][1].update(boss="me"), "$.agencies[1].boss"),
    "a missing key": (lambda w: w["agencies"][1].pop("name"), "$.agencies[1]"),
    "a number for a name": (lambda w: w["agencies"][1].update(name=7), "$.agencies[1].name"),
    "a NUL in a text": (
        lambda w: w["cases"][0]["entries"][0].update(text="a\0b"),
        "$.cases[0].entries[0].text",
    ),
    "another format": (lambda w: w.update(format="portal-world/2"), "$.format"),
    "a second default team": (_second_default_team, ".default"),
    "overlapping memberships": (_membership_again, "$.accounts[0].memberships[1]"),
    "a team together with accounts": (_team_and_accounts, ".team"),
    "another agency's team": (_foreign_team, ".team"),
    "a consent for everyone": (lambda w: _grant(w).update(subject="*"), ".subject"),
    "a never-tell of two": (
        lambda w: w["cases"][0]["never_tell"].append(
            {"agency": SCHOOL, "account": w["accounts"][0]["id"], "from": AT}
        ),
        "$.cases[0].never_tell[",
    ),
    "a never-tell of nobody": (
        lambda w: w["cases"][0]["never_tell"].append({"from": AT}),
        "$.cases[0].never_tell[",
    ),
    "no slice": (lambda w: _grant(w).update(slices=[]), ".slices"),
    "the same address twice": (
        lambda w: w["accounts"][2].update(email="DIRECTOR@example.jp"),
        "$.accounts[2].email",
    ),
    "a reference twice": (
        lambda w: w["cases"][1].update(reference=w["cases"][0]["reference"]),
        "$.cases[1].reference",
    ),
    "a worker twice": (
        lambda w: w["cases"][0].update(workers=[w["accounts"][0]["id"]] * 2),
        "$.cases[0].workers[1]",
    ),
    "an empty household": (
        lambda w: w["households"].append({"id": str(uuid.uuid4()), "cases": []}),
        ".cases",
    ),
}

GRANTING: dict[str, tuple[Change, str]] = {
    "a basis that forbids the recipient": (
        lambda w: _to(w, "npo", basis="CAPA6"),
        ".basis",
    ),
    "another purpose": (lambda w: _grant(w).update(purpose="statutory_report"), ".purpose"),
    "who reported": (lambda w: _grant(w).update(slices=["basic", "reporter"]), ".slices[1]"),
    "advice": (lambda w: _grant(w).update(slices=["advice"]), ".slices[0]"),
    "details to a cafeteria": (
        lambda w: _to(w, "cafeteria", slices=["watch_points", "detail"]),
        ".slices[1]",
    ),
    "a year and more": (lambda w: _grant(w).update(until="2028-06-01T00:00:00+09:00"), ".until"),
    "for ever": (lambda w: _grant(w).update(until=None), ".until"),
    "until before from": (lambda w: _grant(w).update(until="2020-01-01T00:00:00+09:00"), ".until"),
    "ended before from": (lambda w: _grant(w).update(ended="2020-01-01T00:00:00+09:00"), ".ended"),
    "a membership that ends before it begins": (
        lambda w: w["accounts"][0]["memberships"][0].update(until="2000-01-01T00:00:00+09:00"),
        "$.accounts[0].memberships[0].until",
    ),
}


def _written(change: Change, folder: Path) -> tuple[World, str]:
    """The changed example as a file, and its text."""
    world = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    change(world)
    path = folder / "world.json"
    path.write_text(json.dumps(world, ensure_ascii=False, indent=1), encoding="utf-8")
    return read_file(path), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_world_that_contradicts_itself_is_refused(
    database: Database, example: Database, tmp_path: Path, name: str, *, trust: bool
) -> None:
    change, path = CONTRADICTIONS[name]
    _assert_refused(database, tmp_path, change, path, trust=trust)


@pytest.mark.parametrize("name", GRANTING)
def test_a_grant_that_breaks_the_rules_of_granting_is_refused(
    database: Database, example: Database, tmp_path: Path, name: str
) -> None:
    change, path = GRANTING[name]
    _assert_refused(database, tmp_path, change, path, trust=False)


@pytest.mark.parametrize("name", GRANTING)
def test_trust_waives_the_rules_of_granting(fresh: Database, tmp_path: Path, name: str) -> None:
    world, _ = _written(GRANTING[name][0], tmp_path)
    load_into(fresh, world, trust=True)
    assert canonical(dumped(fresh)) == canonical(world)


def _assert_refused(
    database: Database, folder: Path, change: Change, path: str, *, trust: bool
) -> None:
    world, written = _written(change, folder)
    before = _rows(database)
    with pytest.raises(WorldRefused) as caught:
        load_into(database, world, trust=trust, add=True)
    refusal = caught.value
    assert path in refusal.path
    assert refusal.line is not None
    assert 0 < refusal.line <= written.count("\n") + 1
    assert refusal.reason
    assert str(refusal) == f"line {refusal.line}, {refusal.path}: {refusal.reason}"
    assert _rows(database) == before


def _rows(database: Database) -> int:
    with database.system.begin() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in m.Base.metadata.sorted_tables
        )


def test_a_refusal_names_the_line_of_the_value(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text('{\n"a": [\n  {"b": 1},\n  {"c": "}",\n\n   "d" : [0,\n 7]}\n]}')
    written = path.read_text()
    assert line_of(written, ()) == 1
    assert line_of(written, ("a",)) == 2
    assert line_of(written, ("a", 0, "b")) == 3
    assert line_of(written, ("a", 1)) == 4
    assert line_of(written, ("a", 1, "d", 0)) == 6
    assert line_of(written, ("a", 1, "d", 1)) == 7
    # What is not there has the line of what should hold it.
    assert line_of(written, ("a", 1, "missing")) == 4


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b'{"format":\n "portal-world/1",\n}', 3, "not JSON"),
        (b'{\n"note": "\xff"}', 2, "not UTF-8"),
        (b"[]", 1, "not a JSON object"),
        (b'{"note": NaN}', 1, "not JSON"),
        (b"[" * 100_000, 1, "not JSON"),
    ],
)
def test_what_is_no_world_at_all_is_refused(
    tmp_path: Path, content: bytes, line: int, reason: str
) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(content)
    with pytest.raises(WorldRefused, match=reason) as caught:
        read_file(path)
    assert caught.value.line == line


def test_a_key_that_stands_twice_is_refused(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    head = '{"format": "portal-world/1", "accounts": [], "cases": [],\n"agencies": [{'
    path.write_text(
        head + f'"id": "{SCHOOL}",\n"type": "school", "name": "見本", "name": "別"' + "}]}"
    )
    with pytest.raises(WorldRefused) as caught:
        load_into(database, read_file(path), add=True)
    assert (caught.value.path, caught.value.line) == ("$.agencies[0]", 2)


def test_a_membership_that_ends_as_it_begins_overlaps_nothing(fresh: Database) -> None:
    world = read_file(EXAMPLE)
    row = world["accounts"][0]["memberships"][0]
    instant = "2026-08-01T00:00:00+09:00"
    world["accounts"][0]["memberships"].append({**row, "from": instant, "until": instant})
    load_into(fresh, world)
    assert canonical(dumped(fresh)) == canonical(world)
