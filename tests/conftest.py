"""One embedded PostgreSQL for the whole run, one template, and cheap clones of it."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from portal import embedded
from portal.config import Config, Keys
from portal.database import make_engine
from portal.embedded import APP, OWNER, SYSTEM, Server
from portal.policy import schema

# Fixtures of the sweeps, which tests in several folders ask for.
from tests.site import demo_city, new_site, site  # noqa: F401

_TEMPLATE = "portal_template"


@dataclass
class Database:
    """A database of the run's server with today's schema, and engines for each role."""

    name: str
    server: Server
    config: Config
    _engines: dict[str, Engine] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        return self.config.keys

    @property
    def app(self) -> Engine:
        return self.engine(APP)

    @property
    def system(self) -> Engine:
        return self.engine(SYSTEM)

    @property
    def owner(self) -> Engine:
        return self.engine(OWNER)

    def engine(self, role: str) -> Engine:
        if role not in self._engines:
            self._engines[role] = make_engine(self.server.url(role, self.name))
        return self._engines[role]

    def drop(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self.server.drop_database(self.name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    # Not in pytest's own folder: another run of pytest closes that to the server's account.
    with (
        tempfile.TemporaryDirectory(prefix="portal-rules-") as folder,
        embedded.running(Path(folder), durable=False) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a database that has the whole schema and no row."""
    postgres.create_database(_TEMPLATE)
    with psycopg.connect(postgres.conninfo(OWNER, _TEMPLATE), autocommit=True) as connection:
        connection.execute(schema.up())
    return _TEMPLATE


@pytest.fixture(scope="session")
def clone(
    postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Database]]:
    """Make a database of one's own, which is dropped at the end of the run at the latest."""
    made: list[Database] = []
    numbers = count(1)

    def make() -> Database:
        name = f"portal_{next(numbers)}"
        postgres.create_database(name, template)
        folder: Path = tmp_path_factory.mktemp(name)
        config = Config.for_tests(postgres.url(APP, name), folder)
        made.append(Database(name, postgres, config))
        return made[-1]

    yield make
    for database in made:
        database.drop()


@pytest.fixture(scope="module")
def database(clone: Callable[[], Database]) -> Iterator[Database]:
    """An empty database with the schema, for one module of tests."""
    own = clone()
    yield own
    own.drop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what looks back on the whole run at its end; import what takes note meanwhile."""
    import_module("tests.emitted")
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
