"""`make mutants`: change the policy in every small way that mutmut knows, and see who notices.

The changes are mutmut's; the running is our own, because the rules are built when their module is
imported, before mutmut chooses its mutant. A change of `viewer` or `visibility` is planted into the
policies of a database of random worlds, then into the criteria of a session, and looked at by
everybody against the oracle: a second each, where a run of pytest takes a minute. What the worlds
cannot tell (threads, meetings, permissions …) is put with ``--tests`` to the tests of its module,
in a child of a warm process; one that renders to the very same SQL in both walls is no change.

What was judged is kept in instance/mutants.*.json by the change itself, so that a run can be broken
off and goes on where it was. The order is drawn by hash: a part of a run is a fair sample. A
survivor must stand in docs/mutants.md with the reason why it is no different rule.

    python -m tests.rules.mutants [--modules visibility,viewer] [--minutes 30] [--tests]
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import re
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
from tests.conftest import Database, write_schema
from tests.rules import batches
from tests.rules.bugs import BEYOND
from tests.rules.city import AT, City
from tests.rules.planting import SOURCES, plant_sources, planted_in, replaced
from tests.rules.sight import Part, by_oracle, by_orm, differences, pairs, viewer_of
from tests.rules.warm import warm
from tests.scratch import scratch

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "portal/policy"
KEPT, LISTED = ROOT / "instance", ROOT / "docs/mutants.md"
# How many worlds look at a change, and how many people of each.
WORLDS, VIEWERS, BY_CRITERIA = 24, 14, 6
# Where a change that renders to the same SQL is none: these say rules and nothing else.
RENDERED = ("viewer", "visibility", "writing")
# The tests that know a module best. The comparison of policies with the code is not among them:
# it would kill every change by being a change.
TESTS = {
    "bundles": ("tests/portal/test_services_sharing.py", "tests/blueprints/test_consents.py"),
    "capacity": ("tests/portal/test_capacity.py",),
    "explain": ("tests/rules/test_explain.py", "tests/portal/test_cli.py"),
    "past": ("tests/rules/test_past.py", "tests/blueprints/test_sights.py"),
    "permissions": (
        *("tests/rules/test_routes.py", "tests/blueprints/test_administration.py"),
        *("tests/blueprints/test_staff.py", "tests/blueprints/test_oversight.py"),
    ),
    "preview": ("tests/portal/test_preview.py",),
    "terms": ("tests/portal/test_services_sharing.py", "tests/portal/test_services_lawful.py"),
    **dict.fromkeys(
        ("viewer", "visibility"),
        (
            *("tests/rules/test_retractions.py", "tests/rules/test_probes.py"),
            *("tests/portal/test_services_consultations.py", "tests/blueprints/test_meetings.py"),
            *("tests/blueprints/test_child.py", "tests/blueprints/test_oversight.py"),
            *("tests/blueprints/test_actions.py", "tests/blueprints/test_staff.py"),
        ),
    ),
    "writing": (
        *("tests/rules/test_probes.py", "tests/portal/test_services_emergencies.py"),
        *("tests/blueprints/test_staff.py", "tests/blueprints/test_intake.py"),
        *("tests/blueprints/test_meetings.py", "tests/blueprints/test_moves.py"),
    ),
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
    with scratch("portal-mutants-") as folder, embedded.running(folder, durable=False) as server:
        server.create_database("mutants")
        with psycopg.connect(server.conninfo(OWNER, "mutants"), autocommit=True) as connection:
            write_schema(connection)
        config = Config.for_tests(server.url(APP, "mutants"), folder)
        yield Worlds(Database("mutants", server, config))


# -- the run --------------------------------------------------------------------------------------


def _kept() -> dict[str, Any]:
    """Return what was judged, by whichever part of a run."""
    found: dict[str, Any] = {}
    for file in sorted(KEPT.glob("mutants*.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


def _keep(part: str, judged: dict[str, Any]) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"mutants.{part.replace('/', '-of-')}.json"
    whole = (json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}) | judged
    # Whole or not at all: a run may be broken off here too.
    half = file.with_suffix(".half")
    half.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    half.replace(file)


def judge(mutants: Iterable[Mutant], until: float, part: str, *, by_tests: bool) -> None:
    """Judge what is not judged yet until the time is up, and keep each judgement."""
    kept = _kept()
    with contextlib.ExitStack() as stack:
        worlds: Worlds | None = None
        children = stack.enter_context(warm()) if by_tests else None
        for mutant in mutants:
            known = kept.get(mutant.key)
            if (known and (known["by"] or known["tests"] or not by_tests)) or time.time() > until:
                continue
            by, tried = None, False
            if mutant.module in SOURCES and not known:
                worlds = worlds or stack.enter_context(_worlds())
                by = worlds.kill(mutant)
            if by is None and children is not None:
                by_text = mutant.module in RENDERED and mutant.function != "Viewer"
                tests = TESTS[mutant.module]
                by = children.run(mutant.module, mutant.source, tests, by_text=by_text)
                tried = True
            said = {"module": mutant.module, "function": mutant.function, "diff": mutant.diff}
            _keep(part, {mutant.key: {**said, "by": by, "tests": tried}})


def unfound() -> list[str]:
    """Plant the bugs that no sight tells, each for the tests it names; return what none found."""
    missed = []
    with warm() as children:
        for bug in BEYOND:
            source = (POLICY / f"{bug.source}.py").read_text(encoding="utf-8")
            changed = replaced(source, bug.needle, bug.replacement)
            by = children.run(bug.source, changed, (bug.at,), by_text=False)
            print(f"{bug.name}: {by or 'not found'}", flush=True)
            if by is None or not by.startswith("tests: FAILED"):
                missed.append(bug.name)
    return missed


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
        elif known["by"] == "same":
            count["equivalent: both walls render to the same SQL"] += 1
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
    parser.add_argument("--bugs", action="store_true", help="plant the bugs that no sight tells")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="2/3: the second third")
    wanted = parser.parse_args()
    if wanted.bugs:
        return len(unfound())
    if wanted.cores > 1:
        command = [sys.executable, "-m", "tests.rules.mutants", *sys.argv[1:], "--cores", "1"]
        parts = [f"{number}/{wanted.cores}" for number in range(1, wanted.cores + 1)]
        running = [subprocess.Popen([*command, "--part", part]) for part in parts]
        for each in running:
            each.wait()
    mutants = [each for module in wanted.modules.split(",") for each in mutants_of(module)]
    if wanted.cores == 1:
        number, parts_ = map(int, wanted.part.split("/"))
        mine = [each for each in mutants if int(each.key, 16) % parts_ == number - 1]
        until = time.time() + wanted.minutes * 60
        judge(mine, until, wanted.part, by_tests=wanted.tests)
        if parts_ > 1:
            return 0
    return 1 if report(mutants, _kept()) else 0


if __name__ == "__main__":
    sys.exit(main())
