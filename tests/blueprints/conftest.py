"""An application on a database of its own for each test of pages."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from portal import embedded
from portal.config import Config
from portal.database import SystemSession
from portal.extensions import db
from portal.factory import create_app
from portal.policy import schema
from portal.unit import Portal
from tests import city as towns
from tests.web import Browser, browser_of


@pytest.fixture(scope="session")
def page_server() -> Iterator[embedded.Server]:
    """One server for all tests of pages, with a template database that has the schema.

    Not in pytest's own folder: another run of pytest closes that to the server's account.
    """
    with (
        tempfile.TemporaryDirectory(prefix="portal-pages-") as folder,
        embedded.running(Path(folder), durable=False) as server,
    ):
        server.create_database("template_pages")
        engine = create_engine(server.url(embedded.OWNER, "template_pages"))
        with engine.begin() as connection:
            connection.exec_driver_sql(schema.up())
        engine.dispose()
        yield server


@pytest.fixture
def config(page_server: embedded.Server, request: pytest.FixtureRequest) -> Iterator[Config]:
    """Return a configuration of a database made for this test alone."""
    name = f"pages_{abs(hash(request.node.nodeid)) % 10**12}"
    page_server.create_database(name, template="template_pages")
    yield Config.for_tests(page_server.url(embedded.APP, name), Path(page_server.instance))
    page_server.drop_database(name)


@pytest.fixture
def system(config: Config) -> Iterator[Engine]:
    """Return an engine of the system role, which sees everything."""
    engine = create_engine(config.urls.system)
    yield engine
    engine.dispose()


@pytest.fixture
def town(config: Config, system: Engine) -> towns.City:
    """Return the small city."""
    with SystemSession(system) as session, session.begin():
        return towns.build(session, config.keys)


@pytest.fixture
def app(config: Config) -> Iterator[Portal]:
    """Return the application."""
    app = create_app(config)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def stranger(app: Portal) -> Browser:
    """Return the browser of somebody who is not signed in."""
    return Browser(app)


@pytest.fixture
def browse(app: Portal, system: Engine, town: towns.City) -> Callable[[str], Browser]:
    """Return a function that gives the browser of somebody of the city, by name."""
    return lambda person: browser_of(app, system, town, person)
