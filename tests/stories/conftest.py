"""The city of the stories, served to plain HTTP or to a real Chromium."""

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
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
from tests.stories.watched import WatchedPerson

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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def address(app: Portal) -> Iterator[str]:  # noqa: F811
    """Return the address at which the application of the test is served."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


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
    address, chromium = (request.getfixturevalue(name) for name in ("address", "chromium"))
    made = []

    def sit_down() -> Person:
        made.append(chromium.new_context(locale="ja-JP"))
        return ChromiumPerson(made[-1], address)

    yield sit_down
    for context in made:
        context.close()


@pytest.fixture
def window(chromium: Chromium, address: str) -> Iterator[Callable[..., WatchedPerson]]:
    """Return a function that gives a window in a browser of its own, so many pixels wide.

    Every page that is shown there is looked at: at the end axe may have found nothing on any.
    """
    made: list[WatchedPerson] = []

    def sit_down(width: int) -> WatchedPerson:
        size = {"width": width, "height": 740}
        # What the judge brings along is a script that the policy of the pages would refuse.
        context = chromium.new_context(viewport=size, locale="ja-JP", bypass_csp=True)
        made.append(WatchedPerson(context, address))
        return made[-1]

    yield sit_down
    found = [each for person in made for each in person.eyes.found]
    for person in made:
        person.context.close()
    assert found == [], "\n".join(found)


@pytest.fixture
def at_work(
    passwords: None, window: Callable[[int], WatchedPerson]
) -> Callable[[str, int], WatchedPerson]:
    """Return a function that gives somebody of the city who has signed in, so many pixels wide."""

    def sit_down(name: str, width: int) -> WatchedPerson:
        person = window(width)
        person.signs_in(f"{name}@example.jp", PASSWORD)
        return person

    return sit_down
