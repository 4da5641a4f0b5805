"""A whole portal with a city in it, everybody's browsers, and every address and form there is.

The sweeps use it: they know no page by name, so that a page that is new today is swept today. A
``Site`` stands on a database of its own and may be spoilt by its test; the next one is a clone.
"""

import logging
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import product
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import pytest
from sqlalchemy import Engine, text
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError, Rule

from portal.auth import COOKIE
from portal.config import Config
from portal.database import make_engine
from portal.demo.city import load_city
from portal.embedded import APP, OWNER, SYSTEM, Server
from portal.extensions import db
from portal.factory import create_app
from portal.headers import FIXED_HEADERS
from portal.models import Base
from portal.unit import Portal
from tests.web import BASE, Page

# An id that nothing has.
ABSENT = "00000000-0000-4000-8000-000000000000"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What the demo city calls its template, from which each test's city is cloned.
_DEMO = "portal_demo_city"
TEXT_KINDS = frozenset({"text", "textarea", "email", "search", "tel", "url", "password"})
CHOICES = frozenset({"radio", "checkbox", "select"})
# These end the session of whoever sends them, which is their purpose and no fault.
HANDED_BACK = "/handed-back"
LEAVING = frozenset({"account.sign_out", "child.leave"})

Values = list[tuple[str, str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """Somebody at a browser: staff in one agency, a visitor of one thread, or a stranger."""

    label: str
    account: uuid.UUID | None = None
    agency: uuid.UUID | None = None
    thread: uuid.UUID | None = None

    @property
    def stranger(self) -> bool:
        return self.account is None and self.thread is None


STRANGER = Person("a stranger")


@dataclass(frozen=True)
class Field:
    """One name of a form: its kind, what it holds, and what may be chosen."""

    name: str
    kind: str
    value: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, and its fields as they stand."""

    page: str
    action: str
    fields: tuple[Field, ...]

    @property
    def texts(self) -> list[Field]:
        """Return the fields into which somebody types."""
        return [each for each in self.fields if each.kind in TEXT_KINDS]

    def names(self, kind: str) -> list[str]:
        return [each.name for each in self.fields if each.kind == kind]


@dataclass(frozen=True)
class Address:
    """A path that a view answers."""

    endpoint: str
    url: str


class Site:
    """The portal on one database, with what it complained of while it was used."""

    def __init__(self, server: Server, name: str, config: Config) -> None:
        self.name = name
        self.server = server
        self.config = config
        self.app: Portal = create_app(config)
        self.system: Engine = make_engine(server.url(SYSTEM, name))
        self.owner: Engine = make_engine(server.url(OWNER, name))
        self.said = Said()
        logging.getLogger().addHandler(self.said)

    def close(self) -> None:
        """Let go of every connection."""
        logging.getLogger().removeHandler(self.said)
        with self.app.app_context():
            db.engine.dispose()
        self.system.dispose()
        self.owner.dispose()

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Return rows as the system role reads them."""
        with self.system.connect() as connection:
            return list(connection.execute(text(statement), values).all())

    def staff(self) -> list[Person]:
        """Return everybody with a live membership, once for each agency."""
        found = self.rows(
            "SELECT m.account_id, m.agency_id, m.role, a.type FROM memberships m"
            " JOIN agencies a ON a.id = m.agency_id JOIN accounts c ON c.id = m.account_id"
            " WHERE m.valid_from <= portal_clock() AND NOT c.disabled"
            " AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)"
            " ORDER BY a.type, m.role, m.manager, m.account_id"
        )
        return [Person(f"{row.role} of {row.type}", row.account_id, row.agency_id) for row in found]

    def visitors(self) -> list[Person]:
        """Return who comes back by a code: one for each open thread."""
        found = self.rows("SELECT id, kind FROM threads WHERE closed_at IS NULL ORDER BY kind, id")
        return [Person(f"visitor ({row.kind})", thread=row.id) for row in found]

    def people(self) -> list[Person]:
        """Return everybody who could be at a browser."""
        return [STRANGER, *self.staff(), *self.visitors()]

    def one_of_each(self) -> list[Person]:
        """Return one person for each role in each type of agency, and each kind of visitor."""
        return list({person.label: person for person in self.people()}.values())

    def at(self, person: Person) -> "Visitor":
        """Return the browser of a person, signed in."""
        return Visitor(self, person)

    def forms(self, people: Iterable[Person]) -> list[tuple[Person, Form]]:
        """Return every kind of form that people meet, once for each who meets it."""
        met: dict[tuple[str, str, str], tuple[Person, Form]] = {}
        for person in people:
            visitor = self.at(person)
            for url, page in visitor.walk(each=2):
                for form in visitor.forms(page, url):
                    key = (person.label, shape(form.page), shape(form.action))
                    met.setdefault(key, (person, form))
        return list(met.values())

    def open_session(self, person: Person, factors: str = "password+totp") -> str:
        """Return the token of a new session, as signing in would make it."""
        token = secrets.token_urlsafe(32)
        row = {
            "hash": sha256(token.encode()).digest(),
            "public": uuid.uuid4(),
            "account": person.account,
            "agency": person.agency,
            "thread": person.thread,
            "factors": factors,
        }
        with self.system.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO sessions (token_hash, public_id, account_id, agency_id,"
                    " thread_id, factors, proven_at)"
                    " VALUES (:hash, :public, :account, :agency, :thread, :factors, now())"
                ),
                row,
            )
        return token

    def rules(self, method: str = "GET") -> list[Rule]:
        """Return the rules of every view that answers a method; static files are no views."""
        rules = [rule for rule in self.app.url_map.iter_rules() if rule.endpoint != "static"]
        return sorted(
            (rule for rule in rules if method in (rule.methods or ())),
            key=lambda rule: rule.rule,
        )

    def ids(self) -> dict[str, list[str]]:
        """Return the ids of every table, by table."""
        return {
            table.name: [
                str(row[0])
                for row in self.rows(f"SELECT id FROM {table.name} ORDER BY id")  # noqa: S608
            ]
            for table in Base.metadata.sorted_tables
            if "id" in table.c
        }

    def arguments(self, rule: Rule, ids: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return for each argument of a rule every value that stands in the database."""
        slugs = ["no-door"]
        slugs += [row[0] for row in self.rows("SELECT report_slug FROM agencies") if row[0]]
        return {
            name: sorted(getattr(rule._converters[name], "items", ()))
            or (_of_table(name, ids) if name.endswith("_id") else slugs)
            for name in sorted(rule.arguments)
        }

    def addresses(
        self,
        *,
        each: int,
        ids: Mapping[str, list[str]] | None = None,
        keep: Callable[[Rule], bool] = lambda _rule: True,
    ) -> Iterator[list[str]]:
        """Yield for each view that answers GET some URLs; the first of them names nothing there is.

        Two ids of one URL are taken in all combinations, so the wrong way round too. ``ids`` are
        those of the whole database unless they are given, ``keep`` leaves views out.
        """
        ids = self.ids() if ids is None else ids
        for rule in self.rules():
            if rule.endpoint in LEAVING or not keep(rule):
                continue
            choices = self.arguments(rule, ids)
            values = [
                [ABSENT, *_spread(some, each)] if name.endswith("_id") else some
                for name, some in choices.items()
            ]
            drawn = list(dict.fromkeys(product(*values)))
            kept = [*drawn[:1], *_spread(drawn[1:], each * 3)]
            urls = [self.build(rule, dict(zip(choices, some, strict=True))) for some in kept]
            yield [url for url in urls if url is not None]

    def build(self, rule: Rule, values: Mapping[str, str]) -> str | None:
        """Return the path of a rule with values, or None where one does not fit its type."""
        adapter = self.app.url_map.bind("localhost", url_scheme="https")
        typed = {name: _typed(rule, name, value) for name, value in values.items()}
        try:
            return adapter.build(rule.endpoint, typed, method=_a_method(rule))
        except (BuildError, ValueError):
            return None

    def endpoint(self, url: str, method: str = "GET") -> str:
        """Return which view answers a URL, or "" where none does."""
        adapter = self.app.url_map.bind("localhost", url_scheme="https")
        try:
            return str(adapter.match(urlsplit(url).path, method=method)[0])
        except HTTPException:
            return ""


def _spread(some: Sequence[T], number: int) -> Sequence[T]:
    """Return about so many of a list, from all over it."""
    return some[:: max(1, -(-len(some) // number))]


def _of_table(argument: str, ids: Mapping[str, list[str]]) -> list[str]:
    """Return the ids that an argument such as ``case_id`` may name, by the name of its table."""
    stem = argument.removesuffix("_id")
    plurals = (f"{stem}s", f"{stem.removesuffix('y')}ies", stem)
    for name in sorted(ids, key=len):
        if name in plurals or any(name.endswith(f"_{plural}") for plural in plurals):
            return ids[name]
    return sorted({one for some in ids.values() for one in some})


def _typed(rule: Rule, name: str, value: str) -> Any:
    kind = type(rule._converters[name]).__name__
    return uuid.UUID(value) if kind == "UUIDConverter" else value


def _a_method(rule: Rule) -> str:
    methods = rule.methods or set()
    return "GET" if "GET" in methods else min(methods - SAFE)


class Said(logging.Handler):
    """Keeps each line of every log, with the place of an exception."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            line += " | " + _told(record.exc_info[1])
        self.lines.append(line)


def _told(error: BaseException) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if "site-packages" not in filename:
            place = f"{'/'.join(filename.split('/')[-2:])}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {str(error)[:300]} ({place})"


class Visitor:
    """A person's browser, which signs in again after its session has ended."""

    def __init__(self, site: Site, person: Person) -> None:
        self.site, self.person = site, person
        self.client = site.app.test_client()
        self.sign_in()

    def sign_in(self) -> None:
        """Begin a new session; a stranger has none."""
        if not self.person.stranger:
            token = self.site.open_session(self.person)
            self.client.set_cookie(COOKIE, token, domain="localhost", secure=True)

    def get(self, url: str, **options: Any) -> Page:
        """Open an address, with a query of its own if it has one."""
        return self.ask("GET", url, **options)

    def ask(self, method: str, url: str, **options: Any) -> Page:
        """Send a request as it is; once more where the screen had been turned round to somebody."""
        page = Page(self.client.open(url, method=method, base_url=BASE, **options))
        if page.location.startswith(HANDED_BACK) and not url.startswith(HANDED_BACK):
            self.sign_in()
            page = Page(self.client.open(url, method=method, base_url=BASE, **options))
        return page

    def send(self, url: str, values: Values, **options: Any) -> Page:
        """Send a form's values, which may hold what no text can, such as half a surrogate pair."""
        options.setdefault("content_type", "application/x-www-form-urlencoded")
        return self.ask("POST", url, data=encoded(values), **options)

    def forms(self, page: Page, url: str) -> list[Form]:
        """Return the forms of a page that are sent by POST."""
        return [] if page.tree is None else list(_forms(page.tree, url))

    def walk(self, *, each: int = 3) -> Iterator[tuple[str, Page]]:
        """Follow every link from the first pages on, a few of each view, and yield the pages."""
        waiting = [*self._beginnings()]
        seen: set[str] = set()
        met: dict[str, int] = {}
        while waiting:
            url = waiting.pop(0)
            endpoint = self.site.endpoint(url)
            if url in seen or endpoint in ("", "static", *LEAVING) or met.get(endpoint, 0) >= each:
                continue
            seen.add(url)
            met[endpoint] = met.get(endpoint, 0) + 1
            page = self.get(url)
            yield url, page
            waiting += [page.location] if page.location else links(page, url)

    def type_in(self, addresses: Iterable[list[str]]) -> Iterator[tuple[str, Page]]:
        """Open addresses as ``Site.addresses`` lists them, and yield the pages.

        A view that refuses an id that nothing has was refused by the guard, whatever the id.
        """
        for urls in addresses:
            for number, url in enumerate(urls):
                page = self.get(url)
                yield url, page
                if number == 0 and page.status in (302, 401, 403):
                    break

    def _beginnings(self) -> Iterator[str]:
        """Yield the addresses that need no id: somebody types those."""
        for rule in self.site.rules():
            if not rule.arguments:
                yield self.site.build(rule, {}) or "/"


def encoded(values: Values) -> str:
    """Return a form's values as a browser would send them; lone surrogates go through."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in values)


def _quoted(part: str) -> str:
    return quote(part.encode("utf-8", "surrogatepass"), safe="")


def links(page: Page, url: str) -> list[str]:
    """Return where the links of a page lead, if inside the portal; other languages are no pages."""
    if page.tree is None:
        return []
    found = [urljoin(url, href) for href in page.tree.xpath("//a/@href")]
    inside = [href.partition("#")[0] for href in found if href.startswith("/")]
    return [href for href in dict.fromkeys(inside) if "lang=" not in href]


def _forms(tree: Any, url: str) -> Iterator[Form]:
    for form in tree.forms:
        if form.method != "POST":
            continue
        fields: dict[tuple[str, str], Field] = {}
        for control in form.xpath(".//input | .//select | .//textarea | .//button"):
            read = _field(control)
            if read is None:
                continue
            if (read.name, "parts") in fields:
                continue
            known = fields.get((read.name, read.kind))
            if known is not None and read.kind in TEXT_KINDS:
                # A date in parts: year, month and day go by one name.
                del fields[read.name, read.kind]
                read = replace(known, kind="parts")
            elif known is not None:
                read = replace(known, choices=known.choices + read.choices)
            fields[read.name, read.kind] = read
        yield Form(url, urljoin(url, form.action or url), tuple(fields.values()))


def _field(control: Any) -> Field | None:
    name, kind = control.get("name"), control.get("type", "text")
    if not name:
        return None
    if control.tag == "select":
        values = tuple(option.get("value", "") for option in control.xpath(".//option"))
        chosen = control.xpath("string(.//option[@selected]/@value)")
        return Field(name, "select", chosen, values)
    if control.tag == "textarea":
        # A browser leaves out the line break after the opening tag.
        return Field(name, "textarea", (control.text or "").removeprefix("\n"))
    if control.tag == "button" or kind == "submit":
        return Field(name, "button", control.get("value", ""))
    value = control.get("value", "")
    return Field(name, kind, value, (value,) if kind in CHOICES else ())


# ------------------------------------------------------------------------------- what is a fault

_COOKIE_MARKS = ("Secure", "HttpOnly", "SameSite=Lax", "Path=/")


def faults(page: Page) -> list[str]:
    """Return what no answer of the portal may be, whoever asked for whatever."""
    found = []
    if page.status >= 500:
        found.append(f"status {page.status}")
    found += _faulty_headers(page)
    found += _faulty_cookies(page)
    if page.tree is not None:
        found += _faulty_page(page)
    if "Traceback (most recent" in page.text:
        found.append("a traceback is shown")
    return found


def _faulty_headers(page: Page) -> Iterable[str]:
    headers = page.response.headers
    for name, value in FIXED_HEADERS:
        if headers.getlist(name) != [value]:
            yield f"header {name}: {headers.getlist(name)}"
    if headers.get("Cache-Control") != "no-store":
        yield f"may be cached: {headers.get('Cache-Control')}"
    if "'nonce-" not in headers.get("Content-Security-Policy", ""):
        yield "no content security policy"


def _faulty_cookies(page: Page) -> Iterable[str]:
    for cookie in page.response.headers.getlist("Set-Cookie"):
        marks = {part.strip() for part in cookie.split(";")[1:]}
        if not cookie.startswith("__Host-") or not marks.issuperset(_COOKIE_MARKS):
            yield f"a cookie is not guarded: {cookie.partition('=')[0]} {sorted(marks)}"


def _faulty_page(page: Page) -> Iterable[str]:
    assert page.tree is not None
    if len(page.tree.xpath("//title[normalize-space()]")) != 1:
        yield "not one title"
    if len(page.tree.xpath("//h1")) != 1:
        yield "not one h1"
    ids = page.tree.xpath("//@id")
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        yield f"ids stand twice: {twice}"
    for form in page.tree.forms:
        # A door where nobody has to sign in needs no token; each of its forms makes one new row. Of
        # several forms on one page the names begin with a word of their own.
        guarded = {"csrf_token", "submission"} & {str(name).split("-")[-1] for name in form.fields}
        if form.method == "POST" and not guarded:
            yield f"a form without a token: {form.action}"


def shape(url: str) -> str:
    """Return an address with its ids and values left out, to name a kind of page."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", urlsplit(url).path)
    return path if len(path) < 80 else path[:80] + "…"


# ------------------------------------------------------------------------------- the demo city


@dataclass
class DemoCity:
    """The demo city, loaded once for a run of tests; each ``site()`` is a clone of it."""

    server: Server
    config: Config
    made: list[Site] = field(default_factory=list)

    def site(self) -> Site:
        """Return a portal on a fresh copy of the city."""
        name = f"{_DEMO}_{len(self.made) + 1}"
        self.server.create_database(name, _DEMO)
        config = replace(self.config, database_url=self.server.url(APP, name))
        self.made.append(Site(self.server, name, config))
        return self.made[-1]

    def give_back(self, site: Site) -> None:
        """Drop a copy that nobody needs any more."""
        site.close()
        self.server.drop_database(site.name)


@pytest.fixture(scope="session")
def demo_city(
    postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DemoCity]:
    """The demo city as ``make demo`` loads it."""
    postgres.create_database(_DEMO, template)
    config = Config.for_tests(postgres.url(APP, _DEMO), tmp_path_factory.mktemp(_DEMO))
    config = replace(config, demo=True)
    load_city(config)
    yield DemoCity(postgres, config)
    postgres.drop_database(_DEMO)


@pytest.fixture
def new_site(demo_city: DemoCity) -> Iterator[Callable[[], Site]]:
    """Make portals with the demo city in them, which are gone after the test."""
    made: list[Site] = []

    def make() -> Site:
        made.append(demo_city.site())
        return made[-1]

    yield make
    for site in made:
        demo_city.give_back(site)


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """A portal with the demo city in it, for one test to spoil."""
    return new_site()
