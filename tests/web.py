"""What tests of pages use: an application on a database of its own, and people who click.

Each ``Browser`` looks at every page it gets: one h1, a title that starts with it, no server error,
a form always with an action and a token, the header set. So each test checks all of that silently.
"""

import re
import secrets
import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from flask.testing import FlaskClient
from lxml import html as lxml_html
from sqlalchemy import Engine, text

from portal.auth import COOKIE
from portal.unit import Portal
from tests.city import City

BASE = "https://localhost"
ON_PAPER = "print-head"


def words_on(tree: Any) -> str:
    """Return the words on the screen, white space folded.

    The line that only paper carries is left out: it says the minute, so that two pages of which one
    came after the minute's end would differ by it.
    """
    words = tree.xpath(f".//text()[not(ancestor::*[@class='{ON_PAPER}'])]")
    return re.sub(r"\s+", " ", "".join(map(str, words)))


class Page:
    """One answer: its status, its bytes and its parsed HTML."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status: int = response.status_code
        self.text: str = response.get_data(as_text=True)
        is_html = response.mimetype == "text/html" and bool(self.text)
        self.tree = lxml_html.document_fromstring(self.text) if is_html else None

    @property
    def location(self) -> str:
        """Return where a redirect leads, as a path."""
        return str(self.response.headers.get("Location", "")).removeprefix(BASE)

    @property
    def words(self) -> str:
        """Return the words on the screen, white space folded."""
        assert self.tree is not None
        return words_on(self.tree)

    def form(self, action: str = "") -> dict[str, str]:
        """Return the fields of the page's form whose action ends with ``action``, as they stand."""
        assert self.tree is not None
        forms = [f for f in self.tree.forms if (f.action or "").endswith(action)]
        forms = [f for f in forms if f.method == "POST" and "sign-out" not in (f.action or "")]
        assert forms, f"no form for {action!r} on this page"
        return dict(forms[0].form_values())


class Browser:
    """Somebody at a browser."""

    def __init__(
        self, app: Portal, token: str | None = None, anew: Callable[[], str] | None = None
    ) -> None:
        self.client: FlaskClient = app.test_client()
        self._anew = anew
        if token is not None:
            self._hold(token)

    def _hold(self, token: str) -> None:
        self.client.set_cookie(COOKIE, token, domain="localhost", secure=True)

    def takes_the_screen_back(self) -> None:
        """Prove who works here, after the screen was turned round to a child or guardian."""
        assert self._anew is not None, "a stranger turns no screen round"
        self._hold(self._anew())

    def get(self, url: str, status: int = 200) -> Page:
        """Open a page and expect a status."""
        return self._look(self.client.get(url, base_url=BASE), status)

    def post(self, url: str, data: dict[str, Any] | None = None, status: int = 302) -> Page:
        """Send a form as it is given, with a token of this browser, and expect a status."""
        data = dict(data or {})
        data.setdefault("csrf_token", self.token())
        return self._look(self.client.post(url, data=data, base_url=BASE), status)

    def submit(self, url: str, values: dict[str, Any], status: int = 302, action: str = "") -> Page:
        """Open a page, fill in its form, send it to where it says, and expect a status."""
        page = self.get(url)
        fields: dict[str, Any] = {**page.form(action), **values}
        return self.post(action or url, fields, status)

    def follow(self, page: Page) -> Page:
        """Go where a redirect leads."""
        return self.get(page.location)

    def token(self) -> str:
        """Return a form token of this browser."""
        page = self.client.get("/sign-in", base_url=BASE).get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found is not None
        return found.group(1)

    def _look(self, response: Any, status: int) -> Page:
        page = Page(response)
        assert page.status == status, f"{page.status} instead of {status}: {page.text[:2000]}"
        assert "no-store" in response.headers["Cache-Control"]
        assert "nonce-" in response.headers["Content-Security-Policy"]
        if page.tree is not None:
            titles = page.tree.xpath("//title/text()")
            assert len(titles) == 1
            assert len(page.tree.xpath("//h1")) == 1, "a page has one h1"
            ids = page.tree.xpath("//@id")
            assert len(ids) == len(set(ids)), f"an id stands twice: {sorted(ids)}"
        return page


def open_session(
    system: Engine,
    account_id: uuid.UUID,
    agency_id: uuid.UUID,
    factors: str = "password+totp",
) -> str:
    """Return the token of a new session of somebody who has signed in by these factors just now."""
    token = secrets.token_urlsafe(32)
    with system.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sessions"
                " (token_hash, public_id, account_id, agency_id, factors, proven_at)"
                " VALUES (:hash, :public, :account, :agency, :factors, now())"
            ),
            {
                "hash": sha256(token.encode()).digest(),
                "public": uuid.uuid4(),
                "account": account_id,
                "agency": agency_id,
                "factors": factors,
            },
        )
    return token


def browser_of(app: Portal, system: Engine, city: City, person: str) -> Browser:
    """Return the browser of somebody of the city who is signed in."""

    def anew() -> str:
        return open_session(system, city.accounts[person], city.acting[person])

    return Browser(app, anew(), anew)
