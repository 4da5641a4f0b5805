"""No byte of any page holds a text that the rule hides, and every text that it shows is there.

Random worlds carry a token in each entry and each name. People open every page that their role may
open about the world's cases; what stood there is compared with the oracle, in both directions.
``WORLDS`` says how many worlds, ``VIEWERS`` how many people of each: 20 and 6 in an ordinary run.
`make test-worlds` opens in 500 worlds the pages on which everything visible has to stand.
"""

from __future__ import annotations

import logging
import os
import random
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.orm import with_loader_criteria
from werkzeug.routing import Rule

from portal import database as portal_database
from portal import models as m
from portal.policy.permissions import Action, Standing, allows
from portal.policy.visibility import VISIBLE
from tests.conftest import Database
from tests.rules import oracle
from tests.rules.city import AT, City
from tests.rules.oracle import World
from tests.rules.sight import Sight, by_oracle, pairs
from tests.rules.worlds import canaries, name_canaries
from tests.site import Person, Site, Visitor, faults, links
from tests.web import Page

WORLDS = int(os.environ.get("WORLDS", "20"))
VIEWERS = int(os.environ.get("VIEWERS", "6"))
MANY_WORLDS = int(os.environ.get("PORTAL_WORLDS_OVER_HTTP", "500"))
# The part of a token that no escaping changes.
TOKEN = re.compile(rb"[0-9a-f]{12}")
HOME, LIST, SHOW, OWN_RECORDS = "home.index", "cases.index", "cases.show", "cases.own_records"
# Where everything visible has to stand, beside the cases themselves.
MAIN_PAGES = frozenset({HOME, LIST, OWN_RECORDS})
# One's own post may be taken back even where the case is gone.
OF_OWN_POSTS = frozenset({OWN_RECORDS, "cases.retract", "cases.retracted"})


@dataclass
class Tokens:
    """What each token of a world stands for."""

    entries: dict[bytes, str] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)

    def add(self, world: World) -> None:
        for entry_id, token in canaries(world).items():
            self.entries[_digits(token)] = entry_id
        for person_id, pair in name_canaries(world).items():
            self.names.update((_digits(token), person_id) for token in pair)

    def in_(self, content: bytes) -> Iterator[tuple[str, str]]:
        """Yield the kind and the id of everything whose token stands in the bytes."""
        for found in set(TOKEN.findall(content)):
            if found in self.entries:
                yield "entry", self.entries[found]
            if found in self.names:
                yield "name", self.names[found]


def _digits(token: str) -> bytes:
    return token.rpartition("-")[2].encode()


@dataclass(frozen=True, eq=False)
class Viewer:
    """Somebody of a world, who acts for one agency."""

    world: World
    pair: tuple[str, str]

    @property
    def person(self) -> Person:
        return Person(" for ".join(self.pair), *map(uuid.UUID, self.pair))

    @property
    def standing(self) -> Standing | None:
        """Return in what capacity, or None where the membership is not live."""
        found = oracle.viewer_of(self.world, *self.pair, oracle.instant(AT))
        if found is None:
            return None
        agencies = {row["id"]: row["type"] for row in self.world["agencies"]}
        _account, agency = self.pair
        return Standing(found.role, found.manager, agencies[agency], uuid.UUID(agency))

    @cached_property
    def sight(self) -> Sight:
        return by_oracle(self.world, self.pair, AT)


@dataclass
class Looked:
    """What one viewer was shown, page by page."""

    shown: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    asked: int = 0


@dataclass
class Sweep:
    """A portal on a database of random worlds, whose clock stands still."""

    city: City
    site: Site
    tokens: Tokens = field(default_factory=Tokens)
    asked: int = 0

    def world(self, seed: int) -> tuple[World, Mapping[str, list[str]]]:
        """Load a world; return it and the ids that came with it, by table."""
        before = self.site.ids()
        world = self.city.world(seed)
        self.tokens.add(world)
        new = {
            table: [one for one in some if one not in set(before[table])]
            for table, some in self.site.ids().items()
        }
        return world, new

    def look(
        self, viewer: Viewer, ids: Mapping[str, list[str]], only: frozenset[str] | None = None
    ) -> Looked:
        """Let a viewer open every case there is, and every page of some of them, or `only` some."""
        visitor, looked = self.site.at(viewer.person), Looked()
        shows = [f"/cases/{case_id}" for case_id in ids["cases"]]
        rest = self.site.addresses(
            each=3,
            ids=ids,
            keep=lambda rule: (only is None or rule.endpoint in only) and self._worth(rule, viewer),
        )
        for url, page in visitor.type_in([shows, *rest]):
            self._note(looked, url, page)
            for further, next_page in _paged(visitor, url, page):
                self._note(looked, further, next_page)
        self.asked += looked.asked
        return looked

    def _worth(self, rule: Rule, viewer: Viewer) -> bool:
        """Whether a page has anything of a case and is for this role."""
        view = self.site.app.view_functions[rule.endpoint]
        action: Action | None = getattr(view, "portal_action", None)
        if rule.endpoint == HOME:
            return True
        return (
            action not in (None, Action.KEEP_ACCOUNT)
            and rule.endpoint != SHOW
            and allows(viewer.standing, action)
        )

    def _note(self, looked: Looked, url: str, page: Page) -> None:
        looked.asked += 1
        looked.complaints += [f"{url}: {fault}" for fault in faults(page)]
        endpoint = self.site.endpoint(url)
        content = page.response.get_data() + str(page.response.headers).encode()
        found = set(self.tokens.in_(content))
        looked.shown.setdefault(endpoint, set()).update(found)
        if endpoint == SHOW:
            case_id = urlsplit(url).path.rpartition("/")[2]
            looked.cases[case_id] = page.status
            looked.shown.setdefault(case_id, set()).update(found)
        if endpoint == LIST:
            looked.listed |= {
                urlsplit(link).path.rpartition("/")[2]
                for link in links(page, url)
                if self.site.endpoint(link) == SHOW
            }


def _paged(visitor: Visitor, url: str, page: Page) -> Iterator[tuple[str, Page]]:
    """Yield the further pages of a page: links to itself with a query."""
    seen = {url}
    waiting = _to_itself(page, url)
    while waiting:
        further = waiting.pop()
        if further not in seen:
            seen.add(further)
            found = visitor.get(further)
            yield further, found
            waiting += _to_itself(found, url)


def _to_itself(page: Page, url: str) -> list[str]:
    path = urlsplit(url).path
    return [link for link in links(page, url) if urlsplit(link).path == path and "?" in link]


@pytest.fixture
def sweep(clone: Callable[[], Database]) -> Iterator[Sweep]:
    database = clone()
    city = City.found(database)
    site = Site(database.server, database.name, database.config)
    yield Sweep(city, site)
    site.close()


# ------------------------------------------------------------------------------- both directions


def leaks(looked: Looked, viewer: Viewer) -> list[str]:
    """Return what was shown and is hidden, or listed and not visible."""
    sight = viewer.sight
    found = [
        f"{place} shows {kind} {id_}"
        for place, shown in looked.shown.items()
        for kind, id_ in sorted(shown)
        if id_ not in _allowed(sight, kind, place)
    ]
    found += [
        f"case {case_id} answers {status}"
        for case_id, status in looked.cases.items()
        if status == 200 and case_id not in sight["cases"]
    ]
    return found + [f"the list has {one}" for one in sorted(looked.listed - sight["cases"])]


def _allowed(sight: Mapping[str, frozenset[str]], kind: str, place: str) -> frozenset[str]:
    if kind == "name":
        return sight["persons"]
    return sight["entries"] | (sight["own_posts"] if place in OF_OWN_POSTS else frozenset())


def withheld(looked: Looked, viewer: Viewer) -> list[str]:
    """Return what is visible and was not shown where it belongs."""
    if not allows(viewer.standing, Action.READ_CASES):
        return []
    sight, cases = viewer.sight, viewer.world["cases"]
    case_of = {entry["id"]: case["id"] for case in cases for entry in case.get("entries", [])}
    found = [
        f"case {case_of[entry_id]} lacks entry {entry_id}"
        for entry_id in sorted(sight["entries"])
        if ("entry", entry_id) not in looked.shown.get(case_of[entry_id], set())
    ]
    found += [
        f"the own records lack {entry_id}"
        for entry_id in sorted(sight["own_posts"])
        if ("entry", entry_id) not in looked.shown.get(OWN_RECORDS, set())
    ]
    if allows(viewer.standing, Action.LIST_CASES):
        found += [f"the list lacks {one}" for one in sorted(sight["cases"] - looked.listed)]
    return found


def chosen(world: World, seed: int, number: int) -> list[Viewer]:
    """Return some people of a world: an owner's first, then whom the rule has most to say about."""
    found = [Viewer(world, pair) for pair in pairs(world)]
    random.Random(seed).shuffle(found)
    owners = [viewer for viewer in found if viewer.standing and viewer.standing.at_centre]
    rest = [viewer for viewer in found if viewer not in owners]
    # Whom something opens, then whom something was to open, then anybody.
    rest.sort(key=lambda viewer: (not viewer.sight["cases"], not viewer.sight["own_posts"]))
    half = number // 2
    return [*owners[:1], *rest[:half], *rest[-1 : half - number : -1]]


def _everybody(
    sweep: Sweep,
    seeds: Iterable[int],
    only: frozenset[str] | None = None,
    number: int = VIEWERS,
) -> Iterator[tuple[Viewer, Looked]]:
    for seed in seeds:
        world, ids = sweep.world(seed)
        for viewer in chosen(world, seed, number):
            yield viewer, sweep.look(viewer, ids, only)
        sweep.city.forget(seed)


Note = Callable[[str, object], None]


def _judge(
    sweep: Sweep,
    seeds: range,
    note: Note,
    only: frozenset[str] | None = None,
    number: int = VIEWERS,
) -> None:
    """Hold what people are shown against the oracle, and note how much was looked at."""
    leaked, denied, complaints, shown = [], [], [], 0
    for viewer, looked in _everybody(sweep, seeds, only, number):
        leaked += [f"{viewer.person.label}: {what}" for what in leaks(looked, viewer)]
        denied += [f"{viewer.person.label}: {what}" for what in withheld(looked, viewer)]
        complaints += [f"{viewer.person.label}: {what}" for what in looked.complaints]
        shown += len({one for some in looked.shown.values() for one in some})
    note("worlds", len(seeds))
    note("requests", sweep.asked)
    note("leaks", len(leaked))
    note("wrongful denials", len(denied))
    found = leaked + denied + complaints
    assert found == [], "\n".join(found[:100])
    assert shown > len(seeds) * 20


def test_every_page_shows_what_is_visible_and_nothing_else(
    sweep: Sweep, caplog: pytest.LogCaptureFixture, record_property: Note
) -> None:
    caplog.set_level(logging.DEBUG, "portal")
    _judge(sweep, range(WORLDS), record_property)
    # Neither the application's log nor the audit log has a word of a case.
    assert list(sweep.tokens.in_("\n".join(sweep.site.said.lines).encode())) == []
    audit = sweep.site.rows("SELECT string_agg(details::text, ' ') FROM audit_events")
    assert list(sweep.tokens.in_(audit[0][0].encode())) == []


# So many worlds share a database: the ids that a world brought are told from all that were there.
BATCH = 25


@pytest.mark.heavy
@pytest.mark.parametrize("first", range(0, MANY_WORLDS, BATCH))
def test_the_main_pages_show_what_is_visible_and_nothing_else(
    sweep: Sweep, first: int, record_property: Note
) -> None:
    seeds = range(first, min(first + BATCH, MANY_WORLDS))
    _judge(sweep, seeds, record_property, MAIN_PAGES, number=10)
    assert sweep.asked >= 50 * len(seeds)


# ------------------------------------------------------------------------------- the control arm

_OPEN = (m.Entry, m.SliceKey, m.PersonKey)


def open_walls(site: Site, monkeypatch: pytest.MonkeyPatch, models: Iterable[type[m.Base]]) -> None:
    """Open both walls of some tables: every row of them then shows to everybody."""
    with site.owner.begin() as connection:
        for model in models:
            table = model.__tablename__
            connection.execute(text(f"DROP POLICY visible ON {table}"))
            connection.execute(text(f"CREATE POLICY visible ON {table} FOR SELECT USING (true)"))
    kept = {model: rule for model, rule in VISIBLE.items() if model not in models}
    criteria = tuple(
        with_loader_criteria(model, kept[model], include_aliases=True) for model in kept
    )
    monkeypatch.setattr(portal_database, "_SCOPES", criteria)


def test_with_both_walls_of_entries_open_the_sweep_finds_leaks(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hidden entries of a visible case then stand on its page."""
    open_walls(sweep.site, monkeypatch, _OPEN)
    found = [
        what for viewer, looked in _everybody(sweep, range(2)) for what in leaks(looked, viewer)
    ]
    assert [what for what in found if what.startswith(SHOW)] != []
    assert [what for what in found if what.startswith(OWN_RECORDS)] != []
