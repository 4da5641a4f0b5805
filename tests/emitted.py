"""Which events of the audit log the tests of this run wrote; a whole run must write each of them.

The tests may run in several processes. Each tells the first one at its end what it wrote and which
files it had collected, and the first one judges, so this is a hook of pytest and not a test.
"""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Insert, event

from portal.audit import Event
from portal.models import AuditEvent

_TESTS = Path(__file__).parent
# The folders whose tests use the portal as people do; a run without one of their files is a part.
_NEEDED = ("blueprints", "portal", "stories")

written: set[str] = set()
collected: set[str] = set()


@event.listens_for(Engine, "after_execute")
def _note(
    _connection: Any, statement: Any, several: Any, one: Any, _options: Any, _result: Any
) -> None:
    """Take note of the rows of the log that go through the ORM, and of those that go past it."""
    if isinstance(statement, Insert) and statement.table.name == AuditEvent.__tablename__:
        written.update(row["event"] for row in several or [one])


def unwritten() -> list[str]:
    """Return the events that a whole run did not write; nothing where only a part was run."""
    needed = {str(path) for name in _NEEDED for path in (_TESTS / name).rglob("test_*.py")}
    if not needed <= collected:
        return []
    return sorted({each.value for each in Event} - written)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which files are run."""
    collected.update(str(item.path) for item in session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take in what another process wrote."""
    written.update(node.workeroutput["written"])
    collected.update(node.workeroutput["collected"])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over to the first process, or judge the whole run."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["written"], output["collected"] = sorted(written), sorted(collected)
    elif unwritten():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def tell(terminalreporter: Any) -> None:
    """Say what is missing."""
    if unwritten():
        title = "the run has failed: events of the audit log that no test wrote"
        terminalreporter.section(title, red=True, bold=True)
        terminalreporter.line(", ".join(unwritten()))
