"""`make mutants`: change the policy in every small way that mutmut knows, and see who notices.

The changes are mutmut's; the running is our own, because the rules are built when their module is
imported, before mutmut chooses its mutant. A change of `viewer` or `visibility` is planted into the
policies of a database of random worlds, then into the criteria of a session, and looked at by
everybody against the oracle: a second each, where a run of pytest takes a minute. What the worlds
cannot tell (threads, meetings, permissions …) is put to the tests of its module with ``--tests``.

What was judged is kept in instance/mutants.json by the change itself, so that a run can be broken
off and goes on where it was. The order is drawn by hash: a part of a run is a fair sample. A
survivor must stand in docs/mutants.md with the reason why it is no different rule.

    python -m tests.rules.mutants [--modules visibility,viewer] [--minutes 30] [--tests]
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from libcst import Module
from sqlalchemy import exc

from portal import embedded
from portal.config import Config
from portal.embedded import APP, OWNER, SYSTEM
from portal.policy import schema
from tests.conftest import Database
from tests.rules import batches
from tests.rules.city import AT, City
from tests.rules.planting import SOURCES, plant_sources, planted_in
from tests.rules.sight import Part, by_oracle, by_orm, differences, pairs, viewer_of

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "portal/policy"
KEPT, LISTED = ROOT / "instance/mutants.json", ROOT / "docs/mutants.md"
# How many worlds look at a change, and how many people of each.
WORLDS, VIEWERS, BY_CRITERIA = 24, 14, 6
TEST_SECONDS = 900
# The tests that know a module best. The comparison of policies with the code is not among them:
# it would kill every change by being a change.
TESTS = {
    "bundles": ("tests/portal/test_services_sharing.py", "tests/blueprints/test_consents.py"),
    "capacity": ("tests/portal/test_capacity.py",),
    "explain": ("tests/rules/test_audit_rows.py", "tests/portal/test_cli.py"),
    "past": ("tests/portal/test_cli.py", "tests/blueprints/test_cases.py"),
    "permissions": ("tests/rules/test_routes.py", "tests/blueprints"),
    "preview": ("tests/portal/test_preview.py",),
    "terms": ("tests/portal/test_services_sharing.py", "tests/portal/test_preview.py"),
    "viewer": ("tests/rules/test_probes.py", "tests/blueprints"),
    "visibility": ("tests/rules/test_probes.py", "tests/blueprints"),
    "writing": ("tests/rules/test_probes.py", "tests/blueprints"),
}


@dataclass(frozen=True)
class Mutant:
    """One small change of a module."""

    module: str
    function: str
    source: str
    diff: str

    @property
    def key(self) -> str:
        """Return what names the change as long as its function stays the same."""
        return sha256(f"{self.module} {self.function} {self.diff}".encode()).hexdigest()[:12]


def mutants_of(module: str, functions: frozenset[str] | None = None) -> list[Mutant]:
    """Return every change that mutmut makes to a module, in an order drawn by hash.

    `functions` are those to change; without it, all of them.
    """
    source = (POLICY / f"{module}.py").read_text(encoding="utf-8")
    tree, changes = _mutations(module, source)
    from mutmut.mutation.file_mutation import deep_replace  # noqa: PLC0415 - see _mutations

    found = []
    for change in changes:
        within = change.contained_by_top_level_function
        # Of a module's own statements it gives the statement, which has no name.
        name = getattr(within, "name", None)
        function = name.value if name else ""
        if functions is not None and function not in functions:
            continue
        mutated = deep_replace(tree, change.original_node, change.mutated_node)
        assert isinstance(mutated, Module)
        if _nameless(mutated.code) == _nameless(source):
            continue
        lines = difflib.unified_diff(source.splitlines(), mutated.code.splitlines(), n=0)
        diff = "\n".join(line for line in lines if line[:3] not in ("---", "+++", "@@ "))
        found.append(Mutant(module, function, mutated.code, diff))
    return sorted(found, key=lambda each: each.key)


def _nameless(source: str) -> str:
    """Return a source without the names of its aliases, which nobody reads: another is the same."""
    return re.sub(r"\.alias\((?:\"[^\"]*\"|None)\)", ".alias()", source)


def _mutations(module: str, source: str) -> tuple[Any, list[Any]]:
    # mutmut reads its settings as it is imported, from the folder in which it stands.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("setup.cfg").write_text("[mutmut]\nsource_paths=portal\n", encoding="utf-8")
        from mutmut.mutation.file_mutation import create_mutations  # noqa: PLC0415

        tree, changes, *_ = create_mutations(module, source)
    return tree, changes


# -- by worlds ------------------------------------------------------------------------------------


class Worlds:
    """Random worlds in a database, and what everybody should see of them."""

    def __init__(self, database: Database, worlds: int = WORLDS) -> None:
        self.city = City.found(database)
        with database.owner.begin() as connection:
            batches.prepare(connection)
        self.looks = [self._look(seed) for seed in (*range(worlds), City.EVERYONE)]

    def _look(self, seed: int) -> tuple[Part, dict[Any, Any]]:
        world = self.city.world(seed)
        return Part.of(world), {pair: by_oracle(world, pair, AT) for pair in pairs(world)[:VIEWERS]}

    def kill(self, mutant: Mutant) -> str | None:
        """Return what told the change from the rules, or None."""
        try:
            planted = plant_sources({**SOURCES, mutant.module: mutant.source})
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is no rule
            return f"is no rule: {type(error).__name__}"
        try:
            return self._by_policies(planted) or self._by_criteria(planted)
        except (exc.SQLAlchemyError, psycopg.Error, TypeError, AttributeError) as error:
            return f"is no rule: {type(error).__name__}"

    def _by_policies(self, planted: Any) -> str | None:
        wall = "row-level security alone"
        with planted_in(self.city.database.owner, planted, in_policies=True) as owner:
            for part, right in self.looks:
                owner.exec_driver_sql(f"SET LOCAL ROLE {APP}")
                seen = batches.look(owner, wall, list(right), part)
                for pair, sight in seen.items():
                    for difference in differences(sight, right[pair]):
                        return f"policies: {difference.split()[0]}"
        return None

    def _by_criteria(self, planted: Any) -> str | None:
        with planted_in(self.city.database.owner, planted, in_policies=False) as owner:
            for part, right in self.looks[:BY_CRITERIA]:
                for pair, sight in right.items():
                    viewer = viewer_of(owner, pair)
                    owner.exec_driver_sql(f"SET LOCAL ROLE {SYSTEM}")
                    seen = by_orm(owner, viewer, part, planted.session)
                    owner.exec_driver_sql("RESET ROLE")
                    for difference in differences(seen, sight):
                        return f"criteria: {difference.split()[0]}"
        return None


@contextlib.contextmanager
def _worlds() -> Iterator[Worlds]:
    with (
        tempfile.TemporaryDirectory(prefix="portal-mutants-") as folder,
        embedded.running(Path(folder), durable=False) as server,
    ):
        server.create_database("mutants")
        with psycopg.connect(server.conninfo(OWNER, "mutants"), autocommit=True) as connection:
            connection.execute(schema.up())
        config = Config.for_tests(server.url(APP, "mutants"), Path(folder))
        yield Worlds(Database("mutants", server, config))


# -- by tests -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _copy() -> Iterator[Path]:
    """Copy what git knows of the project; gives the folder."""
    with tempfile.TemporaryDirectory(prefix="portal-mutants-") as name:
        folder = Path(name)
        files = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
        catalogues = [str(each.relative_to(ROOT)) for each in ROOT.glob("portal/**/*.mo")]
        for file in filter(None, [*files, *catalogues]):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)
        yield folder


def kill_by_tests(folder: Path, mutant: Mutant) -> str | None:
    """Run the tests of a mutant's module in the copy; returns the first that failed, or None."""
    place = folder / "portal/policy" / f"{mutant.module}.py"
    before = place.read_text(encoding="utf-8")
    place.write_text(mutant.source, encoding="utf-8")
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-qq", "-x", "-p", "no:cacheprovider", "--no-header",
             "-m", "not browser and not heavy", "--show-capture=no", *TESTS[mutant.module]],
            cwd=folder, check=False, capture_output=True, text=True, timeout=TEST_SECONDS,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "tests: took too long"
    finally:
        place.write_text(before, encoding="utf-8")
    if run.returncode == 0:
        return None
    failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return f"tests: {failed[0][:160]}" if failed else "tests: could not start"


# -- the run --------------------------------------------------------------------------------------


def _kept() -> dict[str, Any]:
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def _keep(judged: dict[str, Any]) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(judged, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def judge(
    mutants: Iterable[Mutant], judged: dict[str, Any], until: float, *, by_tests: bool
) -> None:
    """Judge what is not judged yet until the time is up, and keep each judgement."""
    with contextlib.ExitStack() as stack:
        worlds: Worlds | None = None
        folder = stack.enter_context(_copy()) if by_tests else None
        for mutant in mutants:
            known = judged.get(mutant.key)
            if (known and (known["by"] or known["tests"] or not by_tests)) or time.time() > until:
                continue
            by, tried = None, False
            if mutant.module in SOURCES and not known:
                worlds = worlds or stack.enter_context(_worlds())
                by = worlds.kill(mutant)
            if by is None and folder is not None:
                by, tried = kill_by_tests(folder, mutant), True
            judged[mutant.key] = {
                "module": mutant.module,
                "function": mutant.function,
                "diff": mutant.diff,
                "by": by,
                "tests": tried,
            }
            _keep(judged)


def report(mutants: list[Mutant], judged: dict[str, Any]) -> int:
    """Print the counts and the survivors without a reason; returns how many of these there are."""
    listed = LISTED.read_text(encoding="utf-8") if LISTED.exists() else ""
    counts: dict[str, Counter[str]] = {}
    unlisted = []
    for mutant in mutants:
        known, count = judged.get(mutant.key), counts.setdefault(mutant.module, Counter())
        count["mutants"] += 1
        if known is None:
            count["not judged"] += 1
        elif known["by"]:
            count[f"killed: {known['by'].split(':')[0]}"] += 1
        elif mutant.key in listed:
            count["equivalent, with its reason"] += 1
        else:
            count["survived" if known["tests"] else "survived the worlds, tests not run"] += 1
            unlisted.append((mutant, known["tests"]))
    for mutant, _tried in unlisted:
        print(f"{mutant.key} {mutant.module}.{mutant.function}\n{mutant.diff}\n")
    for module, count in counts.items():
        print(module + ": " + ", ".join(f"{name} {n}" for name, n in count.items()))
    return sum(tried for _, tried in unlisted)


def main() -> int:
    """Judge, report, and return 1 where a survivor has no reason in docs/mutants.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.rules.mutants")
    parser.add_argument("--modules", default=",".join(TESTS))
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--tests", action="store_true", help="also run the tests of the module")
    wanted = parser.parse_args()
    mutants = [each for module in wanted.modules.split(",") for each in mutants_of(module)]
    judged = _kept()
    judge(mutants, judged, time.time() + wanted.minutes * 60, by_tests=wanted.tests)
    return 1 if report(mutants, judged) else 0


if __name__ == "__main__":
    sys.exit(main())
