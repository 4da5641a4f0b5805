"""The demo city behind a real server, real Chromium in front of it, and axe to judge the pages."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, sync_playwright
from playwright.sync_api import Page as Tab
from playwright.sync_api import Response as Answer
from werkzeug.serving import make_server

from portal.auth import COOKIE
from tests.portal.test_script import CHROMIUM_FLAGS
from tests.site import STRANGER, DemoCity, Person, Site

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "test-results"
HEIGHT = 740


@dataclass
class Served:
    """A portal at an address of this machine, and Chromium to open it with."""

    site: Site
    address: str
    chromium: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def someone(self, role: str) -> Person:
        """Return somebody of the city by the beginning of what they are."""
        people = [STRANGER, *self.site.staff(), *self.site.visitors()]
        return next(person for person in people if person.label.startswith(role))

    def open(self, person: Person, *, width: int = 360, **options: Any) -> Tab:
        """Return a new window of a person who is signed in; the pages may be looked into."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": HEIGHT}, locale="ja-JP", **options
        )
        self.contexts.append(context)
        tab = context.new_page()
        if not person.stranger:
            # Playwright's own way names a domain, which a cookie bound to its host may not have.
            context.new_cdp_session(tab).send(
                "Network.setCookie",
                {
                    "name": COOKIE,
                    "value": self.site.open_session(person),
                    "url": self.address.replace("http:", "https:"),
                    "path": "/",
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                },
            )
        tab.set_default_timeout(30_000)
        return tab

    def close(self) -> None:
        """Close every window that a test opened."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def city_at_an_address(demo_city: DemoCity) -> Iterator[tuple[Site, str]]:
    site = demo_city.site()
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site, f"http://localhost:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    demo_city.give_back(site)


@pytest.fixture
def served(city_at_an_address: tuple[Site, str], chromium: Browser) -> Iterator[Served]:
    """The demo city for one test; what the test writes stays for the others of its file."""
    served = Served(*city_at_an_address, chromium)
    yield served
    served.close()


def follow(tab: Tab, leads_on: Locator) -> None:
    """Press what leads to another page, and wait until that page is there whole.

    A click alone may return while the new page has an address and nothing in it yet.
    """
    with tab.expect_navigation():
        leads_on.click()


# ------------------------------------------------------------------------------- looking at pages

# What a page may not be wider than, in CSS pixels: else one has to scroll sideways to read it.
_TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_JUDGE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
  (found) => found.id + ": " + found.nodes.map((node) => node.target.join(" ")).join(", "))"""


@dataclass
class Judge:
    """Looks at each page that a window shows: axe, sideways scrolling, errors, foreign requests."""

    tab: Tab
    address: str
    found: list[str] = field(default_factory=list)
    looked: int = 0

    def __post_init__(self) -> None:
        self.tab.context.add_init_script(path=AXE)
        self.tab.on("console", lambda said: self._hear(said.type, said.text))
        self.tab.on("pageerror", lambda error: self.found.append(f"{self.tab.url}: {error}"))
        self.tab.on("request", lambda sent: self._watch(sent.url))

    def _hear(self, kind: str, text: str) -> None:
        # Chromium calls every refusal an error, and refused forms are looked at too.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.found.append(f"{self.tab.url}: {text}")

    def _watch(self, url: str) -> None:
        if not url.startswith(self.address):
            self.found.append(f"{self.tab.url} asks {url}")

    def go(self, url: str) -> Answer | None:
        """Open an address."""
        return self.tab.goto(f"{self.address}{url}")

    def look(self, name: str) -> None:
        """Judge the page that stands in the window, and keep a picture of it."""
        self.looked += 1
        viewport = self.tab.viewport_size
        assert viewport is not None
        width = viewport["width"]
        kept = PICTURES / str(width) / f"{re.sub(r'[^a-z0-9_.]+', '-', name.lower())}.png"
        self.tab.screenshot(path=kept, full_page=True)
        self.found += [f"{name}: {one}" for one in self.tab.evaluate(_JUDGE)]
        if (over := self.tab.evaluate(_TOO_WIDE)) > 0:
            self.found.append(f"{name} is {over} px wider than {width} px")


@pytest.fixture
def judge(served: Served) -> Callable[..., Judge]:
    """Return a function that gives a person's window with a judge at it."""

    def sit(person: Person, width: int) -> Judge:
        # What the judge brings along is a script that the policy of the pages would refuse.
        return Judge(served.open(person, width=width, bypass_csp=True), served.address)

    return sit
