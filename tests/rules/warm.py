"""A warm run of pytest in which each change of the policy is a forked child.

The server, the templates and the small city stand, everything is imported and the tests are
collected. A child imports the changed module beside the real one, says what SQL it comes to, and
when told to, becomes what the change would have made (``rendering.graft``) and runs tests until one
fails. What the rules of the database are is changed in the templates that the tests copy.

Which tests can notice a change is learnt once, from the tests as they pass: which functions of the
policy each executes, and of which tables it reads or writes rows as the application.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import Pipe
from multiprocessing.connection import Connection as End
from pathlib import Path
from typing import Any

import coverage
import psycopg
import pytest
from sqlalchemy import Engine, event

from portal import embedded
from portal.config import Config
from portal.embedded import APP, SUPERUSER, Server
from portal.policy import rls
from tests.conftest import Database
from tests.rules.rendering import (
    POLICY,
    Beside,
    Changed,
    Pieces,
    Rendered,
    graft,
    of_imports,
    scopes,
)

ROOT = Path(__file__).parents[2]
LEARNT = ROOT / "instance" / "noticing.json"
# A child that takes longer hangs: the change made something endless.
PATIENCE_SECONDS = 300
_STATEMENT = re.compile(r"\b(INSERT INTO|UPDATE|FROM|JOIN) (\w+)")
_CALL = re.compile(r"\b(\w+)\(")
_KINDS = {"INSERT INTO": "insert", "UPDATE": "update", "FROM": "read", "JOIN": "read"}


@dataclass
class Found:
    """What a changed module comes to: the SQL that is another, and what else is.

    `values` and `functions` are those of the module that others use as Python; a text in `error`
    says why there is no rule at all.
    """

    pieces: Pieces = field(default_factory=dict)
    values: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    grafts: bool = True
    error: str = ""

    @property
    def nothing(self) -> bool:
        return not (self.pieces or self.values or self.functions or self.error)

    @property
    def group(self) -> str:
        """Return what is one for changes that come to the same; empty where Python differs too."""
        if self.values or self.functions or self.error:
            return ""
        return sha256(json.dumps(self.pieces, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Learnt:
    """A test: how long it takes, in seconds, what of the policy it executes and what it asks."""

    seconds: float
    functions: frozenset[str]
    asks: frozenset[str]


class Child:
    """A forked process with a changed module, which waits to be told which tests to run."""

    def __init__(self, warm: Warm | Bare, module: str, source: str, function: str) -> None:
        self._end, theirs = Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            # Nothing of the parent's may run on here, whatever happens.
            with contextlib.suppress(BaseException):
                warm.forked()
                _Inside(warm, theirs).run(module, source, function)
            os._exit(0)
        theirs.close()

    def found(self) -> Found:
        said = self._said()
        return Found(**said) if said else Found(error="does not import")

    def looked(self) -> str:
        """Return the function that looks at worlds by the changed criteria."""
        self._end.send(None)
        return str(self._end.recv())

    def first_failure(self, tests: Sequence[str]) -> str | None:
        """Run tests until one fails; returns its name, or None."""
        self._end.send(list(tests))
        if not self._end.poll(PATIENCE_SECONDS):
            return "took too long"
        # A child that is gone has judged nothing, and nothing more is judged.
        failed: str | None = self._end.recv()["failed"]
        return failed

    def _said(self) -> dict[str, Any] | None:
        with contextlib.suppress(EOFError):
            if self._end.poll(PATIENCE_SECONDS):
                said: dict[str, Any] = self._end.recv()
                return said
        return None

    def end(self) -> None:
        """End it, if it still runs."""
        if self._end.closed:
            return
        self._end.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class _Inside:
    """What happens in a child."""

    def __init__(self, warm: Warm | Bare, end: End) -> None:
        self.warm, self.end = warm, end

    def run(self, module: str, source: str, function: str) -> None:
        try:
            beside = Beside.of(module, source)
            found = self._found(beside, function)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is no rule
            self.end.send(vars(Found(error=type(error).__name__)))
            return
        found.grafts = graft(beside)
        self.end.send(vars(found))
        while (tests := self.end.recv()) is None:
            self.end.send(self.warm.looked(scopes(beside)))
        self.end.send({"failed": self.warm.first_failure(tests)})

    def _found(self, beside: Beside, function: str) -> Found:
        pieces = beside.differing(self.warm.rendered, function)
        found = Found(pieces)
        for name, was, now in beside.values():
            # What is only made into SQL shows in the pieces.
            if not _is_sql(was) and not _is_sql(now):
                found.values.append(name)
        made = {each for by in self.warm.rendered.made_by.values() for each in by}
        made |= {f"{beside.module}.{name}" for name in of_imports(beside.module)}
        for name, was, _ in beside.functions():
            if f"{beside.module}.{name}" not in made or _used_elsewhere(name, was):
                found.functions.append(name)
        return found


def _is_sql(value: Any) -> bool:
    kind = type(value).__module__
    terms = isinstance(value, list) and value and type(value[0]).__name__ == "Term"
    rules = isinstance(value, Mapping) and any(isinstance(key, type) for key in value)
    return kind.startswith("sqlalchemy") or bool(terms) or rules


def _used_elsewhere(name: str, function: Any) -> bool:
    """Return whether a query outside the policy is made with a function of it."""
    return any(
        getattr(module, "__dict__", {}).get(name) is function
        for key, module in list(sys.modules.items())
        if key.startswith(("portal.", "blueprints.")) and not key.startswith("portal.policy.")
    )


@dataclass
class Bare:
    """What a child needs to say what a change comes to, where no tests are run."""

    rendered: Rendered
    looked: Callable[[Any], str]

    def forked(self) -> None:
        """Nothing is shared."""

    def first_failure(self, tests: Sequence[str]) -> str | None:
        """Run none."""
        raise NotImplementedError(tests)

    def child(self, module: str, source: str, function: str) -> Child:
        return Child(self, module, source, function)


def _warming(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Give one test of each file, and more until every fixture of the whole run stands."""
    files: set[Path] = set()
    standing: set[str] = set()
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs
        shared = {name for name, (*_, last) in fixtures.items() if last.scope == "session"}
        if item.path not in files or not shared <= standing:
            files.add(item.path)
            standing |= shared
            yield item


def _no_server(_instance: Path, *, durable: bool = True) -> Server:
    # Nobody would stop it, for a child is ended where it stands.
    raise RuntimeError(f"a child starts no server of its own ({durable=})")


class Warm:
    """The plugin of the run: warms up, then lets `work` judge, with everything that stands."""

    def __init__(self, work: Callable[[Warm], None], looked: Callable[[Any], str]) -> None:
        self.work, self.looked = work, looked
        self.rendered = Rendered.watched()
        self.learnt: dict[str, Learnt] = {}
        self._engines: list[Engine] = []
        self._kept: set[str] = set()
        self._held: list[Any] = []
        self._fixtures: dict[str, Any] = {}
        self._failed: list[str] = []
        self._items: dict[str, pytest.Item] = {}

    # -- the run ----------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        event.listen(Engine, "engine_connect", self._note_engine)
        self._items = {item.nodeid: item for item in session.items}
        started = time.monotonic()
        self._run([item.nodeid for item in _warming(session.items)])
        # Where no test asks for a database there is none.
        self.server: Server | None = self._fixtures.get("postgres")
        self._base = set(self._databases())
        print(f"warm after {time.monotonic() - started:.0f} s, failed: {self._failed}", flush=True)
        self._learn(session)
        gc.freeze()
        self.work(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.append(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        found = yield
        self._fixtures[fixturedef.argname] = found
        return found

    def database(self, name: str) -> Database:
        """Return an empty database of one's own, which no child's end takes away."""
        self.server.create_database(name, self._fixtures["template"])
        self._kept.add(name)
        folder = Path(tempfile.mkdtemp(prefix="portal-mutants-"))
        return Database(name, self.server, Config.for_tests(self.server.url(APP, name), folder))

    def _run(self, tests: Sequence[str], *, until_failure: bool = False) -> None:
        items = [self._items[each] for each in tests]
        for item, after in zip(items, [*items[1:], None], strict=True):
            self._run_one(item, after)
            if until_failure and self._failed:
                return

    def _run_one(self, item: pytest.Item, after: pytest.Item | None) -> None:
        # After the last one everything but the fixtures of the run is torn down.
        follows = after or self._stranger(item)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=follows)

    def _stranger(self, item: pytest.Item) -> pytest.Item:
        return next((each for each in self._items.values() if each.parent is not item.parent), item)

    def first_failure(self, tests: Sequence[str]) -> str | None:
        """Run tests in a child; its fixtures are not torn down after a failure."""
        self._failed.clear()
        self._run(tests, until_failure=True)
        return self._failed[0] if self._failed else None

    # -- forking ----------------------------------------------------------------------------------

    def _note_engine(self, connection: Any) -> None:
        if not any(connection.engine is each for each in self._engines):
            self._engines.append(connection.engine)

    def forked(self) -> None:
        """Make a child fit to work: it neither speaks nor uses its parent's connections."""
        silent = os.open(os.devnull, os.O_WRONLY)
        if not os.environ.get("MUTANTS_ALOUD"):
            os.dup2(silent, 1)
            os.dup2(silent, 2)
        embedded.running = _no_server
        for engine in self._engines:
            # Let go of, a connection would warn that it is open still: in whichever test runs then.
            self._held.append(engine.pool)
            engine.dispose(close=False)

    def child(self, module: str, source: str, function: str) -> Child:
        return Child(self, module, source, function)

    def _databases(self) -> list[str]:
        if self.server is None:
            return []
        with self._superuser("postgres") as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE datname ~ '^(portal|pages)_'"
            )
            return [name for (name,) in rows]

    def _superuser(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self.server.conninfo(SUPERUSER, name), autocommit=True)

    def tidy(self) -> None:
        """Drop what a child's tests left."""
        for name in set(self._databases()) - self._base - self._kept:
            self.server.drop_database(name)

    # -- the rules of the database ----------------------------------------------------------------

    @contextlib.contextmanager
    def planted(self, pieces: Pieces) -> Iterator[None]:
        """Let the databases that tests copy have other rules; psycopg.Error where they refuse."""
        if not any(not name.startswith("criterion ") for name in pieces):
            yield
            return
        try:
            self._write(ddl(self.rendered.pieces, pieces))
            yield
        finally:
            back = {name: self.rendered.pieces.get(name, "") for name in pieces}
            self._write(ddl({**self.rendered.pieces, **pieces}, back))

    def _write(self, statements: Sequence[str]) -> None:
        for name in sorted(self._base):
            with self._superuser(name) as connection, connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode())

    # -- what notices -----------------------------------------------------------------------------

    def _learn(self, session: pytest.Session) -> None:
        """Learn what each test executes and asks; of a file that is as it was, it is known."""
        kept = json.loads(LEARNT.read_text(encoding="utf-8")) if LEARNT.exists() else {}
        files: dict[str, list[str]] = {}
        for item in session.items:
            files.setdefault(str(item.path.relative_to(ROOT)), []).append(item.nodeid)
        for file, tests in files.items():
            digest = sha256((ROOT / file).read_bytes()).hexdigest()[:12]
            if kept.get(file, {}).get("digest") != digest:
                kept[file] = {"digest": digest, "tests": self._watch(tests)}
                LEARNT.parent.mkdir(exist_ok=True)
                LEARNT.write_text(json.dumps(kept, indent=0), encoding="utf-8")
            for test, said in kept[file]["tests"].items():
                if test in self._items:
                    self.learnt[test] = Learnt(
                        said["seconds"], frozenset(said["functions"]), frozenset(said["asks"])
                    )

    def _watch(self, tests: list[str]) -> dict[str, Any]:
        mine, theirs = Pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                self.forked()
                theirs.send(self._watched(tests))
            os._exit(0)
        theirs.close()
        said: dict[str, Any] = mine.recv()
        os.waitpid(pid, 0)
        self.tidy()
        if said["failed"]:
            # The control arm: what fails without a change tells nothing of one.
            print(f"fail without any change: {said['failed']}", flush=True)
        found: dict[str, Any] = said["tests"]
        return {test: each for test, each in found.items() if test not in said["failed"]}

    def _watched(self, tests: list[str]) -> dict[str, Any]:
        spans = {str(file): _spans(file) for file in POLICY.glob("*.py")}
        asks: set[str] = set()
        event.listen(Engine, "before_cursor_execute", _asking(asks))
        measured = coverage.Coverage(data_file=None, config_file=False, include=[f"{POLICY}/*"])
        measured.start()
        found: dict[str, Any] = {}
        self._failed.clear()
        for test, after in zip(tests, [*tests[1:], None], strict=True):
            asks.clear()
            measured.switch_context(test)
            started = time.monotonic()
            self._run_one(self._items[test], self._items[after] if after else None)
            found[test] = {"seconds": round(time.monotonic() - started, 3), "asks": sorted(asks)}
        measured.stop()
        data = measured.get_data()
        executed: dict[str, set[str]] = {test: set() for test in tests}
        for file, lines in spans.items():
            for line, contexts in data.contexts_by_lineno(file).items():
                for test in executed.keys() & set(contexts):
                    executed[test].update(lines.get(line, ()))
        for test, each in found.items():
            each["functions"] = sorted(executed[test])
        return {"tests": found, "failed": self._failed}

    def noticing(self, tests: Iterable[str], wanted: Callable[[Learnt], int]) -> list[str]:
        """Return the tests that can notice something, the nearest and fastest first."""
        ranked = []
        for test in tests:
            near = wanted(self.learnt[test])
            if near:
                ranked.append((-near, self.learnt[test].seconds, test))
        return [test for *_, test in sorted(ranked)]


def _spans(file: Path) -> dict[int, set[str]]:
    """Return which functions each line of a module belongs to, without the lines of `def`."""
    found: dict[int, set[str]] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for line in range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, set()).add(f"{file.stem}.{node.name}")
    return found


def _asking(asks: set[str]) -> Callable[..., None]:
    functions = set(rls.function_names())

    def note(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if connection.engine.url.username != APP:
            return
        asks.update(f"{_KINDS[kind]} {table}" for kind, table in _STATEMENT.findall(statement))
        asks.update(f"call {name}" for name in functions.intersection(_CALL.findall(statement)))

    return note


# -- pieces as DDL --------------------------------------------------------------------------------

_POLICIES = {
    "visible": ("visible", "FOR SELECT", ("USING",)),
    "insert": ("inserted", "FOR INSERT", ("WITH CHECK",)),
    "update": ("updated", "FOR UPDATE", ("USING", "WITH CHECK")),
}


def ddl(was: Pieces, now: Pieces) -> list[str]:
    """Return the statements that make pieces that stand into others; an empty text is none."""
    order = ("viewer", "past", "functions", "rights", "visible", "insert", "update")
    found = []
    for name in sorted(now, key=lambda each: (*order, "criterion").index(each.partition(" ")[0])):
        found += _statements(name, was.get(name, ""), now[name])
    return found


def _statements(name: str, was: str, now: str) -> Iterator[str]:
    kind, _, table = name.partition(" ")
    if kind in {"viewer", "past"}:
        yield now.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    elif kind == "functions":
        old = set(_apart(was))
        yield from (
            each.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
            for each in _apart(now)
            if each not in old and each.startswith("CREATE FUNCTION")
        )
    elif kind == "rights":
        yield from now.split(";\n")
    elif kind in _POLICIES:
        policy, command, clauses = _POLICIES[kind]
        if was:
            yield f"DROP POLICY {policy} ON {table}"
        if now:
            said = " ".join(f"{clause} (\n{now}\n)" for clause in clauses)
            yield f"CREATE POLICY {policy} ON {table} {command} TO {APP} {said}"


def _apart(script: str) -> list[str]:
    return re.split(r"(?m)^(?=CREATE )", script)


# -- what cannot be grafted -----------------------------------------------------------------------


def by_anew(module: str, source: str, tests: Sequence[str]) -> str | None:
    """Run tests in a process of its own that imports the change; the failure, or None.

    For changed enumerations, whose members others hold since they were imported.
    """
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "changed.py"
        changed.write_text(source, encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-m", "tests.rules.warm", module, str(changed), *tests],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    if ran.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (.*)$", ran.stdout, re.MULTILINE)
    return found.group(1)[:160] if found else "does not import"


def main() -> int:
    """Import a change and run tests: ``python -m tests.rules.warm MODULE SOURCE TEST…``."""
    module, source, *tests = sys.argv[1:]
    for name in [each for each in sys.modules if each.startswith(("portal", "tests"))]:
        del sys.modules[name]
    sys.meta_path.insert(0, Changed(module, Path(source).read_text(encoding="utf-8")))
    options = ("-x", "-qq", "-p", "no:cacheprovider", "--no-header", "--show-capture=no")
    return int(pytest.main([*options, "-m", "not browser and not heavy", *tests]))


if __name__ == "__main__":
    sys.exit(main())
