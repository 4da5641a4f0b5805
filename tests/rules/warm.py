"""A warm process for mutants: what is not ours is imported, a server runs, and each change forks.

The child imports the portal anew, with the changed source in the place of one module, so that
everything made from that module at its import is made from the change: routes, criteria, policies.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from portal import embedded
from tests.scratch import scratch

# A child that takes longer hangs: the change made something endless.
PATIENCE_SECONDS = 900
_OURS = ("portal", "blueprints", "tests", "wsgi", "planted_viewer", "planted_visibility")
_FAILED = re.compile(r"^(?:FAILED|ERROR) .*$", re.MULTILINE)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed source where the module of that name is imported."""

    def __init__(self, name: str, source: str, file: Path) -> None:
        self.name, self.source, self.file = name, source, file

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file, loader=self)

    def create_module(self, _spec: ModuleSpec) -> None:
        """Let Python make the module."""

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, str(self.file), "exec"), module.__dict__)  # noqa: S102 - ours


def rendered() -> str:
    """Return a digest of the schema with its policies, and of the criteria that stand alone."""
    from portal.policy import rls, schema  # noqa: PLC0415 - as the child imported them
    from portal.policy.visibility import VISIBLE  # noqa: PLC0415

    criteria = [rls.render(model, rule) for model, rule in VISIBLE.items()]
    return sha256("\n".join([schema.up(), *criteria]).encode()).hexdigest()


class Warm:
    """The server that the children share, and what the rules render to as they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = embedded.running(folder, durable=False)
        self.as_it_is = rendered()

    def run(self, module: str, source: str, tests: Sequence[str], *, by_text: bool) -> str | None:
        """Return what told a changed module from the real one, ``same`` or None.

        ``same`` is given, with `by_text`, where both walls render to the very same SQL.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
            child = os.fork()
            if child == 0:
                # Nothing of the parent's may run on here, whatever happens.
                with contextlib.suppress(BaseException):
                    os.dup2(said.fileno(), 1)
                    os.dup2(said.fileno(), 2)
                    os._exit(self._judge(module, source, tests, by_text=by_text))
                os._exit(98)
            code = _wait(child)
            self._tidy()
            said.seek(0)
            found = _FAILED.search(said.read())
        if code == 0:
            return None
        return {97: "same", None: "tests: took too long"}.get(
            code, f"tests: {found.group()[:160]}" if found else "is no rule: does not import"
        )

    def _judge(self, module: str, source: str, tests: Sequence[str], *, by_text: bool) -> int:
        running = embedded.running
        for name in [each for each in sys.modules if each.partition(".")[0] in _OURS]:
            del sys.modules[name]
        file = Path(__file__).parents[2] / "portal/policy" / f"{module}.py"
        sys.meta_path.insert(0, _Changed(f"portal.policy.{module}", source, file))
        if by_text and rendered() == self.as_it_is:
            return 97
        from portal import embedded as anew  # noqa: PLC0415 - as the tests import it

        anew.running = lambda _instance, *, durable=True: running(self.folder, durable=durable)
        options = ("-x", "-qq", "-p", "no:cacheprovider", "--no-header", "--show-capture=no")
        return int(pytest.main([*options, "-m", "not browser and not heavy", *tests]))

    def _tidy(self) -> None:
        """Drop what the child's tests left."""
        with psycopg.connect(
            self.server.conninfo(embedded.SUPERUSER, "postgres"), autocommit=True
        ) as connection:
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE 'portal_%' OR"
                " datname LIKE 'pages_%'"
            ).fetchall()
            for (name,) in names:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _wait(child: int) -> int | None:
    """Return how a child ended, or None where it had to be ended."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


@contextlib.contextmanager
def warm() -> Iterator[Warm]:
    """Start the server of the children, and stop it at the end."""
    with scratch("portal-mutants-") as folder:
        found = Warm(folder)
        try:
            yield found
        finally:
            found.server.stop()
