"""An application on a database of its own for each test of pages."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from portal.config import Config
from portal.database import SystemSession
from portal.embedded import APP, Server
from portal.extensions import db
from portal.factory import create_app
from portal.unit import Portal
from portal.vault import equip
from tests import city as towns
from tests.conftest import SMALL_CITY
from tests.web import Browser, browser_of

Write = Callable[[Callable[[Session], Any]], Any]


@pytest.fixture
def config(
    postgres: Server,
    template: str,
    small_city: tuple[Config, towns.City],
    request: pytest.FixtureRequest,
) -> Iterator[Config]:
    """Return a configuration of a database made for this test alone.

    It holds the small city where the test asks for ``town``, and no row otherwise.
    """
    name = f"pages_{abs(hash(request.node.nodeid)) % 10**12}"
    postgres.create_database(name, SMALL_CITY if "town" in request.fixturenames else template)
    yield replace(small_city[0], database_url=postgres.url(APP, name))
    postgres.drop_database(name)


@pytest.fixture
def system(config: Config) -> Iterator[Engine]:
    """Return an engine of the system role, which sees everything."""
    engine = create_engine(config.urls.system)
    yield engine
    engine.dispose()


@pytest.fixture
def town(small_city: tuple[Config, towns.City]) -> towns.City:
    """Return the small city, which the test may add to."""
    return deepcopy(small_city[1])


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


@pytest.fixture
def write(config: Config, system: Engine) -> Write:
    """Return a function that lets the system role write, as an import or the others would."""

    def writing(deed: Callable[[Session], Any]) -> Any:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return deed(session)

    return writing
