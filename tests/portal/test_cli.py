"""The commands as somebody types them: what they print, where, and with which status they end."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from portal import readiness
from portal.config import DEMO_LOADING, DEMO_MARK, ROOT, Config, create_key_file
from portal.embedded import SUPERUSER, Server
from portal.factory import create_app

WORLD = ROOT / "tests/data/world-example.json"
EXPECTED = (ROOT / "tests/data/world-example.expected.jsonl").read_text(encoding="utf-8")
# The instants that the expected lines were made for, in their order.
INSTANTS = [at for at, _ in groupby(json.loads(line)["at"] for line in EXPECTED.splitlines())]

FLASK = ("flask", "--app", "wsgi")
Run = Callable[..., Result]


@pytest.fixture
def instance() -> Iterator[Path]:
    """An empty instance folder; not in pytest's own, which is closed to the server's account."""
    with tempfile.TemporaryDirectory(prefix="portal-cli-") as folder:
        yield Path(folder)


def typed(instance: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, warnings being errors, as a shell would."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PORTAL_INSTANCE": str(instance), **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def here(instance: Path, *words: str, **env: str) -> Result:
    """Run a command in this process, which is quicker."""
    config = Config.from_env({"PORTAL_INSTANCE": str(instance), **env}, command=True)
    return create_app(config).test_cli_runner().invoke(args=words)


def test_a_fresh_checkout_shows_the_example_world_to_the_letter(instance: Path) -> None:
    for words in (
        ("installation", "key"),
        ("database", "prepare"),
        ("world", "load", str(WORLD)),
    ):
        done = typed(instance, *FLASK, *words)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    seen = [typed(instance, *FLASK, "policy", "visible", "--all", "--at", at) for at in INSTANTS]
    assert [look.stderr for look in seen] == ["", ""]
    assert "".join(look.stdout for look in seen) == EXPECTED


@pytest.fixture
def city_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty database on a server that the portal does not start itself."""
    postgres.create_database("portal_of_the_city")
    yield postgres.conninfo(SUPERUSER, "portal_of_the_city")
    postgres.drop_database("portal_of_the_city")


@pytest.fixture
def run(city_url: str, tmp_path: Path) -> Run:
    """Run commands in this process, over DATABASE_URL."""

    def run_it(*words: str, url: str = city_url) -> Result:
        return here(tmp_path, *words, DATABASE_URL=url, PORTAL_SMTP_URL="folder")

    return run_it


@pytest.fixture
def loaded(run: Run) -> Run:
    assert run("database", "prepare").exit_code == 0
    assert run("world", "load", str(WORLD)).exit_code == 0
    return run


def test_a_server_of_the_city_shows_the_same(run: Run, tmp_path: Path) -> None:
    prepared = run("database", "prepare")
    assert prepared.exit_code == 0, prepared.output
    assert f"Made the key file {tmp_path / 'keys.json'}" in prepared.stderr
    again = run("database", "prepare")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "The database is ready.\n")
    assert run("database", "check").exit_code == 0
    assert run("world", "load", str(WORLD)).exit_code == 0
    seen = [run("policy", "visible", "--all", "--at", at) for at in INSTANTS]
    assert "".join(look.stdout for look in seen) == EXPECTED


def test_one_viewer_is_one_line_of_all(loaded: Run) -> None:
    for line in EXPECTED.splitlines()[:4]:
        viewer = json.loads(line)
        who = ("--account", viewer["account"], "--agency", viewer["agency"])
        assert loaded("policy", "visible", *who, "--at", viewer["at"]).stdout == f"{line}\n"
    # Without an instant it is now, which the answer says.
    now = loaded("policy", "visible", *who)
    assert json.loads(now.stdout)["at"] not in INSTANTS


def test_a_stranger_sees_nothing_and_a_wrong_question_is_refused(loaded: Run) -> None:
    nobody = "99999999-0000-4000-8000-000000000000"
    seen = loaded("policy", "visible", "--account", nobody, "--agency", nobody)
    answer = json.loads(seen.stdout)
    assert [answer[key] for key in ("cases", "entries", "managed_grants", "own_posts")] == [[]] * 4
    for words in (
        (),
        ("--all", "--agency", nobody),
        ("--account", nobody),
        ("--account", "somebody", "--agency", nobody),
        ("--all", "--at", "yesterday"),
        ("--all", "--at", "2026-08-15T12:00:00"),
    ):
        refused = loaded("policy", "visible", *words)
        assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
        assert "Error" in refused.stderr


NURSE = "a0000000-0000-4000-8000-00000000000e"
TEACHER = "a0000000-0000-4000-8000-00000000000f"
SCHOOL = "a0000000-0000-4000-8000-000000000002"
CASE = "a0000000-0000-4000-8000-000000000025"
GIVEN = "a0000000-0000-4000-8000-000000000030"


def test_each_slice_is_explained_and_so_is_the_denial_that_wins(loaded: Run) -> None:
    def explained(account: str) -> dict[str, Any]:
        asked = ("--account", account, "--agency", SCHOOL, "--case", CASE, "--at", INSTANTS[0])
        done = loaded("policy", "explain", *asked)
        assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.output
        answer: dict[str, Any] = json.loads(done.stdout)
        assert list(answer) == sorted(answer)
        return answer

    nurse = explained(NURSE)
    assert (nurse["at"], nurse["denied"]) == (INSTANTS[0], None)
    assert nurse["grants"] == [{"id": GIVEN, "basis": "CONSENT", "denied": None}]
    assert list(nurse["slices"]) == ["basic", "school", "watch_points"]
    opened = [{k: row[k] for k in ("rule", "grant")} for [row] in nurse["slices"].values()]
    assert opened == [{"rule": "grant", "grant": GIVEN}] * 3
    teacher = explained(TEACHER)
    assert (teacher["denied"], teacher["slices"]) == ("exclusion", {})


def test_an_unknown_case_is_explained_to_nobody(loaded: Run) -> None:
    asked = ("--account", NURSE, "--agency", SCHOOL, "--case", NURSE)
    refused = loaded("policy", "explain", *asked)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "unknown id" in refused.stderr


def test_a_world_goes_through_dump_and_load_unchanged(loaded: Run, tmp_path: Path) -> None:
    dumped = loaded("world", "dump")
    file = tmp_path / "dumped.json"
    file.write_text(dumped.stdout, encoding="utf-8")
    twice = loaded("world", "load", str(file))
    assert (twice.exit_code, twice.stdout) == (1, "")
    assert "already holds cases" in twice.stderr
    known = loaded("world", "load", "--add", str(file))
    assert known.exit_code == 1
    assert "$.agencies[0].id" in known.stderr


def test_a_refused_world_names_line_and_path_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    run("database", "prepare")
    world = json.loads(WORLD.read_text(encoding="utf-8"))
    world["cases"][0]["grants"][0]["purpose"] = "curiosity"
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(world, indent=1), encoding="utf-8")
    refused = run("world", "load", str(file))
    assert refused.exit_code == 1
    assert "$.cases[0].grants[0].purpose" in refused.stderr
    assert "line " in refused.stderr
    assert json.loads(run("world", "dump").stdout)["agencies"] == []


def test_a_database_that_nobody_prepared_says_which_command_to_run(run: Run) -> None:
    for words in (("world", "load", str(WORLD)), ("policy", "visible", "--all"), ("worker", "run")):
        refused = run(*words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert readiness.PREPARE in refused.stderr or "installation key" in refused.stderr


def test_a_server_that_is_not_there_is_no_traceback(run: Run) -> None:
    refused = run("database", "prepare", url="postgresql://nobody@127.0.0.1:9/nothing")
    assert refused.exit_code == 1
    assert "DATABASE_URL" in refused.stderr


def test_the_login_of_the_url_is_needed_only_once(loaded: Run, postgres: Server) -> None:
    """Afterwards it may be taken out of the URL, or lose its rights."""
    url = postgres.conninfo("portal_app", "portal_of_the_city")
    assert loaded("database", "prepare", url=url).exit_code == 0
    assert loaded("database", "check", url=url).exit_code == 0


def test_a_key_is_made_once(instance: Path) -> None:
    made, again = here(instance, "installation", "key"), here(instance, "installation", "key")
    assert (made.exit_code, again.exit_code) == (0, 1)
    assert "already" in again.stderr
    assert (instance / "keys.json").stat().st_mode & 0o777 == 0o600
    assert not (instance / "postgres").exists(), "making a key starts no database"


def test_the_policies_can_be_read(run: Run) -> None:
    printed = run("policy", "sql").stdout
    assert "CREATE POLICY visible ON entries FOR SELECT TO portal_app" in printed


@pytest.mark.parametrize(
    "server",
    [
        # One worker: of two that refuse at once gunicorn may take the second for its own fault.
        ("gunicorn", "wsgi:app", "--no-control-socket", "--workers", "1", "--bind", "127.0.0.1:0"),
        (*FLASK, "run", "--port", "0"),
    ],
    ids=lambda words: words[0],
)
def test_the_web_does_not_start_on_a_database_that_was_never_prepared(
    instance: Path, server: tuple[str, ...]
) -> None:
    create_key_file(instance / "keys.json")
    refused = typed(instance, *server)
    assert refused.returncode == 3
    assert readiness.PREPARE in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_web_starts_with_real_data_where_all_is_prepared(instance: Path) -> None:
    create_key_file(instance / "keys.json")
    assert here(instance, "database", "prepare").exit_code == 0
    served = typed(instance, "wsgi", PORTAL_SMTP_URL="folder")
    assert (served.returncode, served.stderr) == (0, "")


def test_the_web_does_not_start_where_letters_would_reach_nobody(instance: Path) -> None:
    assert here(instance, "database", "prepare").exit_code == 0
    refused = typed(instance, "wsgi")
    assert refused.returncode == 3
    assert "PORTAL_SMTP_URL" in refused.stderr
    worker = here(instance, "worker", "run")
    assert (worker.exit_code, "PORTAL_SMTP_URL" in worker.stderr) == (1, True)
    # What sends nothing works all the same, and the check says it.
    checked = here(instance, "database", "check")
    assert (checked.exit_code, "reach nobody" in checked.stderr) == (0, True)


def test_the_web_does_not_start_on_a_database_that_is_not_right(instance: Path) -> None:
    refused = typed(instance, "wsgi", PORTAL_DEMO="1")
    assert refused.returncode == 3
    assert refused.stderr == (
        f"The database is not prepared for this version of the portal. {readiness.PREPARE}\n"
    )
    assert here(instance, "database", "prepare", PORTAL_DEMO="1").exit_code == 0
    served = typed(instance, "wsgi", PORTAL_DEMO="1")
    assert (served.returncode, served.stderr) == (0, "")


def test_the_web_does_not_serve_real_data_as_a_demo(instance: Path) -> None:
    assert here(instance, "database", "prepare").exit_code == 0
    # Somebody moved a real database into the folder of a demo.
    (instance / DEMO_MARK).touch()
    refused = typed(instance, "wsgi", PORTAL_DEMO="1")
    assert refused.returncode == 3
    assert "not a demo city's" in refused.stderr


def test_a_real_installation_has_no_demo(run: Run) -> None:
    run("database", "prepare")
    refused = run("demo", "load")
    assert refused.exit_code == 1
    assert "make demo" in refused.stderr


def test_a_demo_is_loaded_once_and_never_half(instance: Path) -> None:
    env = {"PORTAL_DEMO": "1", "PORTAL_DEMO_SIZE": "small"}
    mark = instance / DEMO_LOADING
    assert here(instance, "database", "prepare", **env).exit_code == 0
    mark.touch()
    refused = here(instance, "demo", "load", **env)
    assert refused.exit_code == 1
    assert "make demo-reset" in refused.stderr
    mark.unlink()
    for _ in range(2):
        assert here(instance, "demo", "load", **env).exit_code == 0
        assert not mark.exists()
    register = json.loads(here(instance, "world", "dump", **env).stdout)
    assert len(register["agencies"]) == 25


def test_commands_stop_the_database_they_started(instance: Path) -> None:
    assert here(instance, "database", "prepare").exit_code == 0
    assert not (instance / "postgres" / "data" / "postmaster.pid").exists()
