"""The city of the stories, served to plain HTTP or to a real Chromium."""

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy import Engine
from werkzeug.serving import make_server

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.passwords import hasher
from portal.unit import Portal
from tests.blueprints.conftest import (  # noqa: F401  (fixtures that the stories ask for)
    app,
    config,
    system,
    town,
)
from tests.city import PASSWORD, City
from tests.second_factor import give_codes
from tests.stories.people import ChromiumPerson, HttpPerson, Person

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture
def passwords(town: City, system: Engine, config: Config) -> None:  # noqa: F811
    """Give everybody of the city the same password, so that the stories begin at the sign-in."""
    hashed = hasher(config).hash(PASSWORD)
    with SystemSession(system) as session, session.begin():
        for account_id in town.accounts.values():
            session.add(m.Credential(account_id=account_id, password_hash=hashed))
    give_codes(system, config.keys, town, *town.accounts)


@pytest.fixture(
    params=["http", pytest.param("chromium", marks=pytest.mark.browser)],
)
def somebody(
    request: pytest.FixtureRequest,
    app: Portal,  # noqa: F811
    passwords: None,
) -> Iterator[Callable[[], Person]]:
    """Return a function that gives one more person at a browser of their own."""
    if request.param == "http":
        yield lambda: HttpPerson(app)
        return
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://localhost:{server.port}"
    try:
        with sync_playwright() as play:
            chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield lambda: ChromiumPerson(chromium.new_context(locale="ja-JP"), address)
            chromium.close()
    finally:
        server.shutdown()
        thread.join()
