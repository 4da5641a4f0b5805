"""`make mutants`: change the policy in every small way that mutmut knows, and see who notices.

The changes are mutmut's; the running is our own. A change is made in a forked child of a warm run
of pytest (``tests.rules.warm``), which says what SQL it comes to (``tests.rules.rendering``). One
that comes to nothing is no change; of those that come to the same, one is judged. Then all look at
random worlds through each wall in turn, against the oracle, and what these cannot tell (threads,
meetings, permissions …) is put to the tests that know the module and can notice it: those that
execute the changed function, or ask the tables whose rules are others now.

What was judged is kept in instance/mutants.*.json by the change itself, so that a run can be broken
off and goes on where it was; a survivor is judged again where the tests are others now. The order
is drawn by hash: a part of a run is a fair sample. A survivor must stand in docs/mutants.md with
the reason why it is no different rule.

    python -m tests.rules.mutants [--modules visibility,viewer] [--minutes 30]
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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, exc

from portal.embedded import APP, SUPERUSER, SYSTEM
from tests.conftest import Database
from tests.rules import batches
from tests.rules.bugs import BEYOND
from tests.rules.city import AT, City
from tests.rules.planting import TABLES, replaced
from tests.rules.rendering import MADE_OF, POLICY, Rendered
from tests.rules.sight import Part, by_oracle, differences, pairs
from tests.rules.warm import Bare, Found, Warm, by_anew, ddl

ROOT = Path(__file__).parents[2]
KEPT, LISTED = ROOT / "instance", ROOT / "docs/mutants.md"
# How many worlds look at a change, and how many people of each.
WORLDS, VIEWERS = 24, 14
# How many tests look at a change of what is rendered, beside those that ask its rule of everybody;
# those first that noticed its like.
NEAREST = 60
# These say rules of the database and nothing else.
RENDERED = ("viewer", "visibility", "writing")
# Of these, whoever looks at worlds can tell something.
SEEN = ("viewer", "visibility")
# The tests that know a module best. The comparison of policies with the code is not among them:
# it would kill every change by being a change.
_USED = (
    *("tests/rules/test_retractions.py", "tests/rules/test_probes.py"),
    *("tests/portal/test_services_consultations.py", "tests/portal/test_services_emergencies.py"),
    *("tests/portal/test_services_sharing.py", "tests/portal/test_services_lawful.py"),
    "tests/portal/test_services_cases.py",
    *(
        f"tests/blueprints/test_{name}.py"
        for name in (
            *("account", "actions", "administration", "cases", "child", "consents", "doors"),
            *("ends", "factor_resets", "factors", "home", "intake", "invitations", "lawful"),
            *("links", "machines", "meetings", "moves", "notifications", "oversight"),
            *("progress", "readers", "search", "sharing_record", "sights", "sign_in_rules"),
            *("single_sign_on", "staff", "support"),
        )
    ),
)
# What asks the functions of the database and Python's explanations, as other roles than the web's.
_OF_FUNCTIONS = ("tests/rules/test_explain.py", "tests/rules/test_past.py")
# Everybody is asked of a rule by a test that has its table's name.
_OF_RULES = "tests/rules/test_everybody.py"
TESTS = {
    "bundles": ("tests/portal/test_bundles.py", "tests/portal/test_permissions.py"),
    "capacity": ("tests/portal/test_capacity.py", "tests/portal/test_permissions.py"),
    "explain": (
        *("tests/rules/test_explain.py", "tests/rules/test_past.py"),
        *("tests/blueprints/test_sights.py", "tests/portal/test_preview.py"),
    ),
    "past": ("tests/rules/test_past.py", "tests/rules/test_explain.py"),
    "permissions": ("tests/portal/test_permissions.py", "tests/portal/test_bundles.py"),
    "preview": ("tests/portal/test_preview.py", "tests/blueprints/test_sights.py"),
    "terms": (
        *("tests/portal/test_terms.py", "tests/rules/test_agenda.py"),
        "tests/portal/test_services_sharing.py",
        *("tests/portal/test_services_lawful.py", "tests/blueprints/test_meetings.py"),
    ),
    "unread": ("tests/rules/test_unread.py", "tests/rules/test_agenda.py"),
    **dict.fromkeys(RENDERED, (_OF_RULES, *_OF_FUNCTIONS)),
}


@dataclass(frozen=True)
class Mutant:
    """One small change of a module."""

    module: str
    function: str
    source: str
    diff: str
    # Two changes of a function may read the same: of the same line in two places.
    time: int = 0

    @property
    def key(self) -> str:
        """Return what names the change as long as its function stays the same."""
        again = f" {self.time}" if self.time else ""
        said = f"{self.module} {self.function} {self.diff}{again}"
        return sha256(said.encode()).hexdigest()[:12]


def mutants_of(module: str, functions: frozenset[str] | None = None) -> list[Mutant]:
    """Return every change that mutmut makes to a module, in an order drawn by hash.

    `functions` are those to change; without it, all of them.
    """
    source = (POLICY / f"{module}.py").read_text(encoding="utf-8")
    listed = (
        KEPT / f"listed.{module}.{sha256((source + _said.__doc__).encode()).hexdigest()[:12]}.json"
    )
    if listed.exists():
        rows = json.loads(listed.read_text(encoding="utf-8"))
        found = [Mutant(module, *row) for row in rows]
    else:
        found = list(_changes(module, source))
        KEPT.mkdir(exist_ok=True)
        rows = [(each.function, each.source, each.diff, each.time) for each in found]
        listed.write_text(json.dumps(rows), encoding="utf-8")
    wanted = [each for each in found if functions is None or each.function in functions]
    return sorted(wanted, key=lambda each: each.key)


def _changes(module: str, source: str) -> Iterator[Mutant]:
    lines, seen = source.splitlines(), Counter[tuple[str, str]]()
    for function, mutated in _mutated(module, source):
        if _said(mutated) == _said(source):
            continue
        compared = difflib.unified_diff(lines, mutated.splitlines(), n=0)
        diff = "\n".join(line for line in compared if line[:3] not in ("---", "+++", "@@ "))
        yield Mutant(module, function, mutated, diff, seen[function, diff])
        seen[function, diff] += 1


def _said(source: str) -> str:
    """Return a source without what is a name and nothing else, where another says the same.

    Names of aliases in SQL, what a module lists in ``__all__``, and the text of an enumeration's
    member, where the member is known by its name and its text is on no page and in no row.
    """
    source = re.sub(r"\.alias\((?:\"[^\"]*\"|None)\)", ".alias()", source)
    source = re.sub(r"(?s)^__all__ = .*", "", source, flags=re.MULTILINE)
    return re.sub(r"(?m)^    ([A-Z_]+) = \"[^\"]*\"$", r"    \1", source)


def _mutated(module: str, source: str) -> Iterator[tuple[str, str]]:
    """Give the function and the whole source of each change."""
    # mutmut reads its settings when it is first used, from the folder in which it stands.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("setup.cfg").write_text("[mutmut]\nsource_paths=portal\n", encoding="utf-8")
        from mutmut.mutation.file_mutation import (  # noqa: PLC0415
            create_mutations,
            deep_replace,
        )

        tree, changes, *_ = create_mutations(module, source)
    from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper  # noqa: PLC0415

    spans = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(ByteSpanPositionProvider)
    whole = source.encode()
    for change in changes:
        within = change.contained_by_top_level_function
        # Of a module's own statements it gives the statement, which has no name.
        name = getattr(within, "name", None)
        was, span = tree.code_for_node(change.original_node), spans.get(change.original_node)
        end = span and span.start + span.length
        if span and whole[span.start : end] == was.encode():
            now = tree.code_for_node(change.mutated_node).encode()
            mutated = (whole[: span.start] + now + whole[end:]).decode()
        else:
            mutated = deep_replace(tree, change.original_node, change.mutated_node).code
        yield (name.value if name else ""), mutated


# -- by worlds ------------------------------------------------------------------------------------


class Worlds:
    """Random worlds in a database, and what everybody should see of them."""

    def __init__(self, database: Database, rendered: Rendered, worlds: int = WORLDS) -> None:
        self.city, self.rendered = City.found(database), rendered
        with database.owner.begin() as connection:
            batches.prepare(connection)
        seeds = (*range(worlds), City.EVERYONE)
        self.looks = {seed: self._look(seed) for seed in seeds}
        # Whoever noticed the last changes looks first.
        self.noticed = Counter[tuple[str, int]]()

    def _look(self, seed: int) -> tuple[Part, dict[Any, Any]]:
        world = self.city.world(seed)
        return Part.of(world), {pair: by_oracle(world, pair, AT) for pair in pairs(world)[:VIEWERS]}

    def kill(self, found: Found, looked: Callable[[], str]) -> str | None:
        """Return what told the change from the rules, or None; what is not seen is not asked.

        `looked` gives the function that looks by the changed criteria.
        """
        refused = self._refused(ddl(self.rendered.pieces, found.pieces))
        if refused or not self._seen(found):
            return refused
        read = ("visible ", "criterion ", "viewer ")
        pieces = {name: sql for name, sql in found.pieces.items() if name.startswith(read)}
        statements = ddl(self.rendered.pieces, pieces)
        try:
            with self.city.database.owner.connect() as owner, owner.begin() as transaction:
                for statement in statements:
                    # No parameters follow, and `%` is one of the text's own.
                    owner.connection.driver_connection.execute(statement.encode())
                by = self._by(owner, "policies", APP, "row-level security alone")
                if by is None and any(name.startswith(read[1:]) for name in pieces):
                    owner.exec_driver_sql("DROP FUNCTION looked_by_criteria")
                    owner.connection.driver_connection.execute(looked().encode())
                    by = self._by(owner, "criteria", SYSTEM, "the ORM's criteria alone")
                transaction.rollback()
        except (exc.SQLAlchemyError, psycopg.Error) as error:
            return _no_rule(error)
        return by

    def _refused(self, statements: list[str]) -> str | None:
        """Return how the database refuses rules, or None where it takes them."""
        server, name = self.city.database.server, self.city.database.name
        try:
            with psycopg.connect(server.conninfo(SUPERUSER, name)) as connection:
                for statement in statements:
                    connection.execute(statement.encode())
                connection.rollback()
        except psycopg.Error as error:
            return _no_rule(error)
        return None

    def _seen(self, found: Found) -> bool:
        """Return whether the change can be one to whoever looks at the worlds."""
        sights = [
            sql
            for name, sql in self.rendered.pieces.items()
            if name.startswith(("visible ", "criterion ")) and name.split()[1] in TABLES
        ]
        for name in found.pieces:
            kind, _, of = name.partition(" ")
            if kind in {"visible", "criterion"} and of in TABLES:
                return True
            if kind == "viewer" and any(f"viewer_{of}(" in sql for sql in sights):
                return True
        return False

    def _by(self, owner: Connection, wall: str, role: str, way: str) -> str | None:
        order = sorted(self.looks, key=lambda seed: -self.noticed[wall, seed])
        for seed in order:
            part, right = self.looks[seed]
            owner.exec_driver_sql(f"SET LOCAL ROLE {role}")
            seen = batches.look(owner, way, list(right), part)
            owner.exec_driver_sql("RESET ROLE")
            for pair, sight in seen.items():
                for difference in differences(sight, right[pair]):
                    self.noticed[wall, seed] += 1
                    return f"{wall}: {difference.split()[0]}"
        return None


def _no_rule(error: exc.SQLAlchemyError | psycopg.Error) -> str:
    """Return how the database refuses a rule; one that is gone has refused nothing."""
    said = getattr(error, "orig", error)
    if isinstance(said, psycopg.OperationalError) and said.sqlstate is None:
        raise error
    return f"is no rule: {type(error).__name__}"


def bare() -> Bare:
    """Return what says what a change comes to where nothing is warm."""
    return Bare(Rendered.watched(), batches.looked_by_criteria)


# -- the run --------------------------------------------------------------------------------------


def _kept() -> dict[str, Any]:
    """Return what was judged, by whichever part of a run."""
    found: dict[str, Any] = {}
    for file in sorted(KEPT.glob("mutants.*.json"), key=lambda each: each.stat().st_mtime):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


class Judge:
    """Judges what is not judged yet until the time is up, and keeps each judgement."""

    def __init__(self, warm: Warm, until: float, name: str, files: Iterable[str]) -> None:
        self.warm, self.until = warm, until
        # Without tests it is by worlds alone.
        self.digest = _digest(files)
        self.file = KEPT / f"mutants.{name.replace('/', '-of-')}.json"
        self.mine = json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
        self.kept = _kept()
        self.groups = {
            known["group"]: (key, known["by"], known["tests"])
            for key, known in self.kept.items()
            if known.get("group")
        }
        self.worlds: Worlds | None = None
        # How often a test noticed a change of a function, a table, or anything.
        self.noticed = Counter[tuple[str, str]]()
        self.took = Counter[str]()

    def judge(self, mutants: Iterable[Mutant]) -> None:
        for mutant in mutants:
            if time.time() > self.until:
                return
            known = self.kept.get(mutant.key)
            if known and (known["by"] or self.digest in {"", known["tests"]}):
                continue
            started = time.monotonic()
            by, group = self._judged(mutant)
            said = {"module": mutant.module, "function": mutant.function, "diff": mutant.diff}
            verdict = {**said, "by": by, "tests": self.digest, "group": group}
            self.kept[mutant.key] = self.mine[mutant.key] = verdict
            if group:
                self.groups[group] = (mutant.key, by, self.digest)
            seconds = time.monotonic() - started
            self.took[(by or "survived").split(":")[0]] += round(seconds * 1000)
            print(f"{seconds:6.2f} {mutant.module}.{mutant.function} {mutant.key} {by}", flush=True)
            self._keep()
        print({how: f"{ms / 1000:.0f} s" for how, ms in self.took.items()}, flush=True)

    def _keep(self) -> None:
        # Whole or not at all: a run may be broken off here too.
        half = self.file.with_suffix(".half")
        half.write_text(json.dumps(self.mine, ensure_ascii=False) + "\n", encoding="utf-8")
        half.replace(self.file)

    def _judged(self, mutant: Mutant) -> tuple[str | None, str]:
        child = self.warm.child(mutant.module, mutant.source, mutant.function)
        try:
            found = child.found()
            if found.error:
                return f"is no rule: {found.error}", ""
            if found.nothing and mutant.module in MADE_OF:
                return "same", ""
            group = found.group if mutant.module in MADE_OF else ""
            known = self.groups.get(group)
            if group and known and (known[1] or known[2] == self.digest):
                return known[1], group
            by = None
            if mutant.module in SEEN and mutant.key not in self.kept:
                by = self._worlds().kill(found, child.looked)
            if by is None and self.digest:
                by = self._by_tests(mutant, found, child)
            return by, group
        finally:
            child.end()

    def _worlds(self) -> Worlds:
        if self.worlds is None:
            database = self.warm.database("portal_of_worlds")
            self.worlds = Worlds(database, self.warm.rendered)
        return self.worlds

    def _by_tests(self, mutant: Mutant, found: Found, child: Any) -> str | None:
        tests = self._tests(mutant, found)
        if not tests:
            return None
        try:
            with self.warm.planted(found.pieces):
                if found.grafts:
                    failed = child.first_failure(tests)
                else:
                    failed = by_anew(mutant.module, mutant.source, self._files(tests))
        except psycopg.Error as error:
            return _no_rule(error)
        if failed is None:
            return None
        child.end()
        self.warm.tidy()
        for near in (mutant.module, f"{mutant.module}.{mutant.function}", *found.pieces):
            self.noticed[near, failed] += 1
        return f"tests: {failed}"

    def _files(self, tests: list[str]) -> list[str]:
        return list(dict.fromkeys(test.partition("::")[0] for test in tests))

    def _tests(self, mutant: Mutant, found: Found) -> list[str]:
        """Return the tests that can notice, those that noticed the like of it most often first."""
        function = f"{mutant.module}.{mutant.function}"
        executed = mutant.function and not found.pieces
        asked = _asked(found, self.warm.rendered)
        near: dict[str, int] = {}
        for test, learnt in self.warm.learnt.items():
            if mutant.module in RENDERED and asked:
                near[test] = max((asked.get(each, 0) for each in learnt.asks), default=0)
                if asked.keys() & set(_OF_THE_PAST) and test.startswith(_OF_FUNCTIONS):
                    near[test] = 2
            elif not executed or function in learnt.functions:
                near[test] = 2 if test.startswith(TESTS[mutant.module]) else 1
        # Everybody's session is the system's there, which shows what the criteria alone show.
        criteria = tuple(f"[{of}-criteria]" for of in _by_criteria(found, self.warm.rendered))
        near |= {test: 2 for test in self.warm.learnt if test.endswith(criteria)}
        liked = Counter[str]()
        for place in (mutant.module, function, *found.pieces):
            for test in near:
                liked[test] += self.noticed[place, test]
        wanted = [test for test, far in near.items() if far]
        wanted.sort(key=lambda test: (-liked[test], -near[test], self.warm.learnt[test].seconds))
        if mutant.module not in RENDERED:
            return wanted
        # What often noticed something may not crowd out what asks this very rule of everybody.
        asks_it = {each for each in wanted if each.startswith(_OF_RULES)}
        nearest = asks_it | set([each for each in wanted if each not in asks_it][:NEAREST])
        return [each for each in wanted if each in nearest]


# What a test must ask to notice another piece: a table or a term, by the piece's kind.
_NEAR = {
    "visible": ("read {}",),
    "criterion": ("read {}",),
    "insert": ("insert {}",),
    "update": ("update {}",),
    "rights": ("insert {}", "update {}"),
}
_OF_THE_PAST = ("call case_sights", "call managed_references")


def _by_criteria(found: Found, rendered: Rendered) -> Iterator[str]:
    """Return the tables whose criteria are others now, or ask a term that is."""
    for name in found.pieces:
        kind, _, of = name.partition(" ")
        if kind == "criterion":
            yield of
        elif kind == "viewer":
            asking = (each for each, sql in rendered.pieces.items() if f"viewer_{of}(" in sql)
            yield from (each.partition(" ")[2] for each in asking if each.startswith("criterion "))


def _asked(found: Found, rendered: Rendered) -> dict[str, int]:
    """Return what a test must ask to notice changed pieces, and how near each is to them."""
    asked: dict[str, int] = {}
    for name in found.pieces:
        kind, _, of = name.partition(" ")
        asked |= {each.format(of): 2 for each in _NEAR.get(kind, ())}
        if kind in {"functions", "past"}:
            asked |= dict.fromkeys(_OF_THE_PAST, 1)
        # What reads through the changed one is further off.
        pattern = {"visible": rf"\b{of}\b", "viewer": rf"viewer_{of}\("}.get(kind)
        for each in _reading(pattern, rendered) if pattern else ():
            asked.setdefault(each, 1)
    return asked


def _reading(pattern: str, rendered: Rendered) -> Iterator[str]:
    for name, sql in rendered.pieces.items():
        kind, _, of = name.partition(" ")
        if kind in {"visible", "insert", "update"} and re.search(pattern, sql):
            yield f"{'read' if kind == 'visible' else kind} {of}"


def _digest(files: Iterable[str]) -> str:
    """Return what tells these tests from others: a survivor is judged again by others."""
    read = b"".join((ROOT / file).read_bytes() for file in sorted(files))
    return sha256(read).hexdigest()[:8] if read else ""


def unfound(warm: Warm) -> list[str]:
    """Plant the bugs that no sight tells, each for the tests it names; return what none found."""
    missed = []
    for bug in BEYOND:
        source = (POLICY / f"{bug.source}.py").read_text(encoding="utf-8")
        changed = replaced(source, bug.needle, bug.replacement)
        child = warm.child(bug.source, changed, "")
        try:
            found = child.found()
            tests = [test for test in warm.learnt if test.startswith(bug.at)]
            with warm.planted(found.pieces):
                by = None if found.error else child.first_failure(tests)
        finally:
            child.end()
            warm.tidy()
        print(f"{bug.name}: {by or 'not found'}", flush=True)
        if by is None:
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
            count["survived"] += 1
            unlisted.append(mutant)
    for mutant in unlisted:
        print(f"{mutant.key} {mutant.module}.{mutant.function}\n{mutant.diff}\n")
    for module, count in counts.items():
        print(module + ": " + ", ".join(f"{name} {n}" for name, n in count.items()))
    return len(unlisted)


def _run(wanted: argparse.Namespace, mutants: list[Mutant]) -> list[str]:
    """Start the warm run with the tests of the modules; returns the bugs that nobody found."""
    number, parts = map(int, wanted.part.split("/"))
    mine = [each for each in mutants if int(each.key, 16) % parts == number - 1]
    missed: list[str] = []

    def work(warm: Warm) -> None:
        if wanted.bugs:
            missed.extend(unfound(warm))
        else:
            until = time.time() + wanted.minutes * 60
            name = f"{wanted.modules}.{wanted.part}"
            Judge(warm, until, name, () if wanted.worlds else files).judge(mine)

    files = {bug.at for bug in BEYOND} if wanted.bugs else {*_USED, *sum(TESTS.values(), ())}
    if wanted.worlds:
        files = {"tests/portal/test_capacity.py", "tests/portal/test_preview.py"}
    elif wanted.near:
        files = {file for module in wanted.modules.split(",") for file in TESTS[module]}
    options = ("-qq", "-s", "-p", "no:cacheprovider", "--no-header", "--show-capture=no")
    warm = Warm(work, batches.looked_by_criteria)
    pytest.main([*options, "-m", "not browser and not heavy", *sorted(files)], plugins=[warm])
    return missed


def main() -> int:
    """Judge, report, and return 1 where a survivor has no reason in docs/mutants.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.rules.mutants")
    parser.add_argument("--modules", default=",".join(TESTS))
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--bugs", action="store_true", help="plant the bugs that no sight tells")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="2/3: the second third")
    parser.add_argument("--worlds", action="store_true", help="only by worlds, without tests")
    parser.add_argument("--near", action="store_true", help="only the modules' own tests")
    parser.add_argument("--report", action="store_true", help="judge nothing")
    wanted = parser.parse_args()
    if wanted.cores > 1:
        command = [sys.executable, "-m", "tests.rules.mutants", *sys.argv[1:], "--cores", "1"]
        parts = [f"{number}/{wanted.cores}" for number in range(1, wanted.cores + 1)]
        running = [subprocess.Popen([*command, "--part", part]) for part in parts]
        for each in running:
            each.wait()
    mutants = [each for module in wanted.modules.split(",") for each in mutants_of(module)]
    if wanted.bugs:
        return len(_run(wanted, []))
    if wanted.cores == 1 and not wanted.report:
        _run(wanted, mutants)
        if wanted.part != "1/1":
            return 0
    return 1 if report(mutants, _kept()) else 0


if __name__ == "__main__":
    sys.exit(main())
