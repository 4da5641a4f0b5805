"""Whoever asks for whatever, no answer is a failure and each carries the whole header set.

``FUZZ_EXAMPLES`` says how many requests are drawn: 1,500 addresses and as many forms in an ordinary
run, far more in ``make test-fuzz``. The draw is the same in every run.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Response, make_response, render_template_string, request
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal.auth import permits
from portal.policy.permissions import Action
from tests.site import (
    ABSENT,
    CHOICES,
    LEAVING,
    SAFE,
    STRANGER,
    TEXT_KINDS,
    Field,
    Form,
    Person,
    Site,
    Values,
    Visitor,
    encoded,
    faults,
    shape,
)
from tests.web import Page

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1500"))
# After so many forms the city is a fresh one: somebody may have closed every case by then.
CITY_LASTS = 300

# What people type, paste and send that programmes do not expect.
BAD_TEXTS = (
    "",
    " ",
    "\u3000\n\t",
    "あ" * 100_000,
    "a" * 201,
    "\N{FAMILY}\N{ZERO WIDTH JOINER}👨‍👩‍👧‍👦🏳️‍🌈",
    "𠮷田﨑髙",
    "\u202eしょうし\u202c",
    "ナル\0文字",
    "\ud800",
    "か\u3099",
    "' OR 1=1 --",
    "<script>alert(1)</script>\"'&",
    "{{ 7 * 7 }}{% for x in y %}",
    "%(name)s %s {0}",
    "../../etc/passwd",
    "-1",
    "9" * 40,
    "１２",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "NaN",
    "null",
    ABSENT,
    "\r\nSet-Cookie: a=b",
    "{警察|けいさつ}",
)
BAD_PATHS = ("", "%00", "%ff", "..", "a" * 3000, "１", "-", "%ED%A0%80", "%F0%9F%98%80", ABSENT)
METHODS = ("GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO")
CONTENT_TYPES = (
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain; charset=utf-7",
    "",
)


@dataclass
class Finder:
    """Remembers each kind of fault with the first request that showed it."""

    site: Site
    found: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def look(self, person: Person, request_: str, page: Page) -> Page:
        """Note what is wrong with an answer, and hand it on."""
        self.asked += 1
        for fault in faults(page):
            why = self.site.said.lines[-1] if page.status >= 500 and self.site.said.lines else ""
            method, url = request_.split(" ")[:2]
            what = f"{method} {shape(url)}: {fault} {shape(why)}"
            self.found.setdefault(what, f"{request_[:300]} as {person.label}")
        return page

    def report(self) -> str:
        """Return what was found, each kind once with a request that shows it."""
        return "\n".join(f"{what}\n    by {request_}" for what, request_ in self.found.items())


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        # Faults are collected and told all together, so there is nothing to make smaller.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


# ------------------------------------------------------------------------------- every page


def open_everything(finder: Finder, people: list[Person]) -> None:
    """Let each person follow every link and type every address."""
    rules = list(finder.site.addresses(each=2))
    for person in people:
        visitor = finder.site.at(person)
        for url, page in visitor.walk(each=2):
            finder.look(person, f"GET {url}", page)
        for url, page in visitor.type_in(rules):
            finder.look(person, f"GET {url}", page)


def test_every_page_opens_for_everybody(site: Site) -> None:
    finder = Finder(site)
    open_everything(finder, site.one_of_each())
    assert finder.found == {}, finder.report()
    assert finder.asked > 500


# ------------------------------------------------------------------------------- addresses


def _query_names(site: Site, people: list[Person]) -> list[str]:
    """Return the names of query parameters that pages use in links and in forms sent by GET."""
    names = {"lang", "next", "q"}
    for person in people:
        for url, page in site.at(person).walk(each=2):
            names |= {name for name, _ in parse_qsl(urlsplit(url).query)}
            if page.tree is not None:
                for form in page.tree.forms:
                    names |= set(form.fields) if form.method == "GET" else set()
    return sorted(names)


def fuzz_addresses(
    finder: Finder, people: list[Person], examples: int, *, under: str = "/"
) -> None:
    """Draw requests to every rule under a path with any method, id, query and body."""
    site = finder.site
    visitors = [site.at(person) for person in people]
    rules = sorted(
        (rule for rule in site.app.url_map.iter_rules() if rule.endpoint != "static"),
        key=lambda rule: rule.rule,
    )
    rules = [rule for rule in rules if rule.rule.startswith(under)]
    ids = site.ids()
    drawn = [(rule, site.arguments(rule, ids)) for rule in rules]
    pool = sorted({one for some in ids.values() for one in some})
    # The servers refuse an address of several kilobytes themselves.
    short = [bad for bad in BAD_TEXTS if len(bad) < 1000]
    values = st.sampled_from(short) | st.text(max_size=30) | st.sampled_from(pool)
    queries = st.lists(
        st.tuples(st.sampled_from(_query_names(site, people)) | st.text(max_size=5), values),
        max_size=3,
    )

    @_settings(examples)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        visitor = data.draw(st.sampled_from(visitors))
        rule, fitting = data.draw(st.sampled_from(drawn))
        url = rule.rule
        for name, some in fitting.items():
            wild = st.sampled_from(BAD_PATHS) | st.sampled_from(pool)
            part = data.draw(st.sampled_from(some) | wild if some else wild)
            url = url.replace(_placeholder(url, name), part)
        query, body = data.draw(queries), data.draw(queries)
        method = data.draw(st.sampled_from(METHODS))
        options: dict[str, Any] = {"query_string": encoded(query)}
        if method not in SAFE:
            options["data"] = encoded(body)
            options["content_type"] = data.draw(st.sampled_from(CONTENT_TYPES))
        finder.look(visitor.person, f"{method} {url}", visitor.ask(method, url, **options))
        _come_back(visitor, rule.endpoint)

    ask()


def _placeholder(rule: str, name: str) -> str:
    return next(
        f"<{part}>"
        for part in (piece.partition(">")[0] for piece in rule.split("<")[1:])
        if part.rpartition(":")[2] == name
    )


def _come_back(visitor: Visitor, endpoint: str) -> None:
    if endpoint in LEAVING:
        visitor.sign_in()


def test_no_address_breaks_the_portal(site: Site) -> None:
    finder = Finder(site)
    fuzz_addresses(finder, site.one_of_each(), EXAMPLES)
    assert finder.found == {}, finder.report()
    assert finder.asked >= EXAMPLES


# ------------------------------------------------------------------------------- forms


# Made by a generator of its own: what a form offers depends on what was sent before, and Hypothesis
# only takes draws that do not.
LETTERS = "aZ0 あア漢𠮷﨑髙👪é\u0301\u202e\u200d\0\t\n<>&'\"%=＝+-@\U000db5d2"


def drawn_values(dice: random.Random, form: Form, pool: list[str]) -> Values:
    """Return values for a form: most as somebody would fill it in, some as nobody would."""
    values: Values = []
    for each in form.fields:
        fate = dice.randint(0, 9)
        if each.name == "csrf_token":
            values += [] if fate == 0 else [(each.name, "stale" if fate == 1 else each.value)]
        elif fate == 0:
            continue
        elif fate == 1 or (fate < 5 and each.kind in TEXT_KINDS):
            values += [(each.name, _bad(dice, pool))] * dice.choice((1, 1, 1, 2))
        else:
            values += [(each.name, value) for value in _sensible(dice, each)]
    return values


def _bad(dice: random.Random, pool: list[str]) -> str:
    drawn = "".join(dice.choices(LETTERS, k=dice.randint(0, 40)))
    return dice.choice((dice.choice(BAD_TEXTS), drawn, dice.choice(pool)))


def _sensible(dice: random.Random, each: Field) -> list[str]:
    if each.kind in ("checkbox", "button"):
        offered = each.choices or (each.value,)
        return list(dict.fromkeys(dice.choices(offered, k=dice.randint(0, 3))))
    if each.kind in CHOICES:
        return [dice.choice(each.choices)] if each.choices else []
    if each.kind == "hidden":
        return [each.value]
    if each.kind == "date":
        return [dice.choice(("2026-12-01", "2027-03-31", "2012-04-01", each.value))]
    return [each.value or dice.choice(("見本の文です。", "12", "みほん", "a@b.jp"))]


@dataclass
class FormFuzz:
    """Sends drawn values to forms, in a city that is renewed now and then."""

    cities: Callable[[], Site]
    finder: Finder
    forms: list[tuple[Person, Form]]
    sent: int = 0
    _visitors: dict[Person, Visitor] = field(default_factory=dict)

    def run(self, examples: int) -> None:
        """Draw and send."""
        pool = sorted({one for some in self.finder.site.ids().values() for one in some})

        @_settings(examples)
        @given(st.data())
        def send(data: st.DataObject) -> None:
            if self.sent and self.sent % CITY_LASTS == 0:
                self._renew()
            self.sent += 1
            person, form = data.draw(st.sampled_from(self.forms))
            dice = random.Random(data.draw(st.integers(0, 2**32)))
            visitor = self._visitors.get(person) or self.finder.site.at(person)
            self._visitors[person] = visitor
            page = self._look(visitor, f"GET {form.page}", visitor.get(form.page))
            present = [
                each for each in visitor.forms(page, form.page) if each.action == form.action
            ]
            # A form that is gone is sent all the same, as from a page left open.
            values = drawn_values(dice, present[0] if present else form, pool)
            for _ in range(dice.choice((1, 1, 1, 2))):
                answer = visitor.send(form.action, values)
                self._look(visitor, f"POST {form.action} {values}", answer)
            if answer.location.startswith("/"):
                self._look(visitor, f"GET {answer.location}", visitor.get(answer.location))
            if self.finder.site.endpoint(form.action, "POST") in LEAVING:
                del self._visitors[person]

        send()

    def _look(self, visitor: Visitor, request_: str, page: Page) -> Page:
        return self.finder.look(visitor.person, request_, page)

    def _renew(self) -> None:
        self._visitors.clear()
        self.finder.site = self.cities()


def test_no_form_breaks_the_portal(new_site: Callable[[], Site]) -> None:
    finder = Finder(new_site())
    people = finder.site.one_of_each()
    fuzz = FormFuzz(new_site, finder, finder.site.forms(people))
    fuzz.run(EXAMPLES)
    # What was stored by now has to be shown too.
    open_everything(finder, [person for person in people if person.account is not None][:6])
    assert finder.found == {}, finder.report()
    assert fuzz.sent >= EXAMPLES


# ------------------------------------------------------------------------------- the control arm

_BROKEN_FORM = """{% extends "layouts/staff.html" %}{% block title %}x{% endblock %}
{% block content %}<h1>x</h1><form method="post" action="/broken-form">
<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<input name="note" value=""></form>{% endblock %}"""


def _spoil(site: Site) -> None:
    """Add a page that fails for a real case, one that may be cached, a form that fails on 𠮷."""
    case_ids = {uuid.UUID(one) for one in site.ids()["cases"]}

    @permits(Action.KEEP_ACCOUNT)
    def broken(case_id: uuid.UUID) -> str:
        if case_id in case_ids:
            raise RuntimeError("broken page")
        return "<title>x</title><h1>x</h1>"

    @permits(Action.KEEP_ACCOUNT)
    def careless() -> Response:
        response = make_response("<title>x</title><h1>x</h1><p id=a></p><p id=a></p>")
        response.set_cookie("open", "1")
        return response

    @permits(Action.KEEP_ACCOUNT)
    def broken_form() -> str:
        if any(ord(sign) > 0xFFFF for sign in request.form.get("note", "")):
            raise RuntimeError("broken form")
        return render_template_string(_BROKEN_FORM)

    site.app.add_url_rule("/broken/<uuid:case_id>", "broken", broken)
    site.app.add_url_rule("/careless", "careless", careless)
    site.app.add_url_rule("/broken-form", "broken_form", broken_form, methods=["GET", "POST"])


def test_the_crawler_finds_what_is_broken(site: Site) -> None:
    _spoil(site)
    people = [person for person in site.one_of_each() if person.account is not None][:2]
    opened = Finder(site)
    open_everything(opened, people)
    told = opened.report()
    assert "RuntimeError: broken page" in told
    assert "ids stand twice: ['a']" in told
    assert "a cookie is not guarded: open" in told

    drawn = Finder(site)
    fuzz_addresses(drawn, people, 100, under="/broken/")
    assert "RuntimeError: broken page" in drawn.report()

    sent = Finder(site)
    forms = [(who, form) for who, form in site.forms(people) if "broken" in form.action]
    FormFuzz(lambda: site, sent, forms).run(100)
    assert "RuntimeError: broken form" in sent.report()


def test_a_sound_page_is_not_reported(site: Site) -> None:
    """The other way round: what the finder holds against pages is not in every page."""
    finder = Finder(site)
    page = site.at(STRANGER).get("/accessibility")
    assert finder.look(STRANGER, "GET /accessibility", page).status == 200
    assert finder.found == {}, finder.report()
