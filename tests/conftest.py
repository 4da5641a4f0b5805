"""One embedded PostgreSQL for the whole run, one template, and cheap clones of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine

from portal import embedded
from portal.config import ROOT, Config, Keys
from portal.database import SystemSession, make_engine
from portal.embedded import APP, OWNER, SYSTEM, Server
from portal.policy import schema
from portal.unit import Portal
from tests import city as towns
from tests import emitted, told
from tests.compiled import Compiled

# What looks back on the whole run.
from tests.emitted import (  # noqa: F401
    pytest_collection_finish,
    pytest_sessionfinish,
    pytest_testnodedown,
)
from tests.scratch import scratch

# Fixtures of the sweeps, which tests in several folders ask for.
from tests.site import demo_city, new_site, site  # noqa: F401

# Nothing is timed here: on a busy machine an example of hypothesis takes as long as it takes.
settings.register_profile(
    "portal", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("portal")

_TEMPLATE = "portal_template"
SMALL_CITY = "portal_small_city"

Portal.jinja_options = {**Portal.jinja_options, "bytecode_cache": Compiled()}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was counted, and which events are missing."""
    told.tell(terminalreporter)
    emitted.tell(terminalreporter)


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
    with scratch("portal-rules-") as folder, embedded.running(folder, durable=False) as server:
        yield server


def write_schema(connection: psycopg.Connection) -> None:
    """Write today's tables and those of the queue into an empty database, as its owner."""
    jobs = (ROOT / "migrations" / "versions" / "0002_jobs.up.sql").read_text(encoding="utf-8")
    connection.execute(schema.up())
    connection.execute(jobs.encode())


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a database that has the whole schema and no row but that of a worker at work."""
    postgres.create_database(_TEMPLATE)
    with psycopg.connect(postgres.conninfo(OWNER, _TEMPLATE)) as connection:
        write_schema(connection)
        connection.execute(
            "INSERT INTO jobs.procrastinate_workers (last_heartbeat)"
            " VALUES (now() + interval '1 year')"
        )
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


@pytest.fixture(scope="session")
def small_city(
    postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Config, towns.City]]:
    """The small city, written once; the database of each test is a copy of it."""
    postgres.create_database(SMALL_CITY, template)
    config = Config.for_tests(postgres.url(APP, SMALL_CITY), tmp_path_factory.mktemp(SMALL_CITY))
    engine = create_engine(postgres.url(SYSTEM, SMALL_CITY))
    with SystemSession(engine) as session, session.begin():
        town = towns.build(session, config.keys)
    engine.dispose()
    yield config, town
    postgres.drop_database(SMALL_CITY)
