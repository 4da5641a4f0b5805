"""Every form meets what people really type, paste and send twice, and loses none of it.

The forms are found by walking the demo city, so that a form that is new today is tried today. Each
text field of each form gets each bad text; then the form is sent grown stale, sent twice, and sent
after somebody else's change.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, product

import pytest

from portal.errors import NEVER_GIVEN_BACK
from portal.models import Base
from tests.site import LEAVING, DemoCity, Field, Form, Person, Site, Values, Visitor
from tests.web import Page

JAPANESE = re.compile(r"[\u3041-\u30fa\u4e00-\u9fff]")
WORDS = "見本の文です。保健室でよく話しました。"
REAL = "𠮷田﨑子👪髙﨑「それで？」"
TOO_LONG = "あ" * 100_000
# What each is, and what the form gives back of it.
REFUSED = {
    "a NUL": ("きょうは\0学校に行きました。", "きょうは学校に行きました。"),
    "a turned direction": ("きょうは\u202e学校に行きました。", "きょうは学校に行きました。"),
}
# Whether these are kept as they are is not for the reader of a page to know.
UNSEEN = frozenset({"password"})
NUMBERS = count(1)
# Rows of these are no content: a request may add them whatever it was for.
LOGS = frozenset({"audit_events", "sessions", "throttle_counts"})
# Too many wrong passwords or codes is an answer too.
TOO_MANY = 429


@dataclass
class Trial:
    """One form in the hands of one person, filled in as it should be."""

    visitor: Visitor
    form: Form

    @property
    def name(self) -> str:
        action = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", self.form.action)
        return f"{action} as {self.visitor.person.label}"

    def filled(self, **changed: str) -> Values:
        """Return sensible values, with some text fields changed."""
        return [
            (each.name, value)
            for each in self.form.fields
            for value in ([changed[each.name]] if each.name in changed else _sensible(each))
        ]

    def send(self, values: Values) -> Page:
        return self.visitor.send(self.form.action, values)

    def again(self) -> bool:
        """Open the form's page anew, for a token and a number of its own; whether it is there."""
        page = self.visitor.get(self.form.page)
        found = [
            form
            for form in self.visitor.forms(page, self.form.page)
            if form.action == self.form.action
        ]
        if found:
            self.form = found[0]
        return bool(found)


def _sensible(each: Field) -> list[str]:
    choices = [choice for choice in each.choices if choice]
    soon = (datetime.now(UTC) + timedelta(days=7)).date()
    # An address belongs to one account, so no two forms use the same.
    values = {
        "button": [],
        "checkbox": choices,
        "date": [soon.isoformat()],
        "email": [each.value or f"atarashii{next(NUMBERS)}@example.jp"],
        "parts": ["2016", "4", "1"],
        "radio": choices[:1],
        "select": [each.value] if each.value else choices[:1],
    }
    return values.get(each.kind, [each.value or WORDS])


@pytest.fixture(scope="module")
def known_forms(demo_city: DemoCity) -> list[tuple[Person, Form]]:
    """Every form of the portal with one person who may send it; signing out is none."""
    site = demo_city.site()
    met: dict[tuple[str, ...], tuple[Person, Form]] = {}
    for person, form in site.forms(site.one_of_each()):
        endpoint = site.endpoint(form.action, "POST")
        if endpoint not in LEAVING:
            met.setdefault((endpoint, *(each.name for each in form.fields)), (person, form))
    demo_city.give_back(site)
    return list(met.values())


@pytest.fixture
def forms(site: Site, known_forms: list[tuple[Person, Form]]) -> list[Trial]:
    """The forms as they stand in a fresh city."""
    visitors = {person: site.at(person) for person, _ in known_forms}
    found = [Trial(visitors[person], form) for person, form in known_forms]
    assert len(found) > 40
    return [trial for trial in found if trial.again()]


# ------------------------------------------------------------------------------- refused texts


def _content(page: Page, url: str, visitor: Visitor, name: str) -> str | None:
    """Return what a field of the page holds now, or None where there is no such field."""
    for form in visitor.forms(page, url):
        for each in form.texts:
            if each.name == name:
                return each.value
    return None


def _faults_of_refusal(trial: Trial, page: Page, bad: dict[str, str | None]) -> Iterator[str]:
    """Yield what is wrong with the answer to a form, by the bad texts and what is given back."""
    if page.status == TOO_MANY:
        return
    if page.status != 422 or page.tree is None:
        yield f"answers {page.status} and not 422"
        return
    told = page.tree.xpath("//*[@role='alert']")
    if not told or not JAPANESE.search(told[0].text_content()):
        yield "does not say in Japanese what is wrong"
    for name, kept in bad.items():
        content = _content(page, trial.form.action, trial.visitor, name)
        if content != kept:
            yield f"{name} holds {content if content is None else content[:40]!r}"
        if not page.tree.xpath("//*[@id=$id]", id=f"{name}-error"):
            yield f"{name} has no message at its field"


def test_a_bad_text_is_refused_in_japanese_and_given_back(forms: list[Trial]) -> None:
    found, tried = [], 0
    for trial, (what, (bad, back)) in product(forms, REFUSED.items()):
        names = [each.name for each in trial.form.texts if each.kind not in UNSEEN]
        if names:
            tried += 1
            page = trial.send(trial.filled(**dict.fromkeys(names, bad)))
            faults = _faults_of_refusal(trial, page, dict.fromkeys(names, back))
            found += [f"{what}: {trial.name} {fault}" for fault in faults]
    assert found == [], "\n".join(found)
    assert tried > 50


def test_a_text_far_too_long_is_refused_and_given_back(forms: list[Trial]) -> None:
    found, tried = [], 0
    for trial in forms:
        for each in trial.form.texts:
            if each.kind not in UNSEEN:
                tried += 1
                page = trial.send(trial.filled(**{each.name: TOO_LONG}))
                faults = _faults_of_refusal(trial, page, {each.name: TOO_LONG})
                found += [f"{trial.name} {fault}" for fault in faults]
    assert found == [], "\n".join(found)
    assert tried > 50


def test_one_bad_text_loses_none_of_the_others(forms: list[Trial]) -> None:
    found, tried = [], 0
    for trial in forms:
        texts = [each for each in trial.form.texts if each.kind not in UNSEEN]
        for bad in texts if len(texts) > 1 else []:
            values = {each.name: f"{WORDS}{number}" for number, each in enumerate(texts)}
            page = trial.send(trial.filled(**values | {bad.name: "あ\0い"}))
            if page.status != 422:
                continue
            tried += 1
            found += [
                f"{trial.name}: with a bad {bad.name}, {name} is lost"
                for name, value in values.items()
                if name != bad.name
                and _content(page, trial.form.action, trial.visitor, name) != value
            ]
    assert found == [], "\n".join(found)
    assert tried > 20


def test_a_form_left_empty_says_what_it_needs(forms: list[Trial]) -> None:
    """Nothing is chosen and nothing typed; the answer is a page that says what is missing."""
    found, refused = [], 0
    for trial in forms:
        kept = [(each.name, each.value) for each in trial.form.fields if each.kind == "hidden"]
        page = trial.send(kept)
        if page.status != 422 or page.tree is None:
            continue
        refused += 1
        told = page.tree.xpath("//*[@role='alert']")
        if not told or not JAPANESE.search(told[0].text_content()):
            found.append(f"{trial.name} does not say what is missing")
    assert found == [], "\n".join(found)
    assert refused > 25


# ------------------------------------------------------------------------------- real texts


def test_any_real_text_is_taken_as_it_is(forms: list[Trial]) -> None:
    """Whatever form takes plain words takes 𠮷, 﨑 and an emoji, as a name or as a text."""
    found, taken = [], 0
    for trial in forms:
        texts = [each.name for each in trial.form.texts if each.kind in ("text", "textarea")]
        if not texts or not trial.again() or trial.send(trial.filled()).status == 422:
            continue
        if not trial.again():
            continue
        page = trial.send(trial.filled(**dict.fromkeys(texts, REAL)))
        taken += 1
        # Another refusal, such as that the first sending was the last possible one, is no matter.
        if page.status == 422 and any(
            page.tree is not None and page.tree.xpath("//*[@id=$id]", id=f"{name}-error")
            for name in texts
        ):
            found.append(f"{trial.name} refuses {REAL}")
    assert found == [], "\n".join(found)
    assert taken > 5


# ------------------------------------------------------------------------------- stale and twice


def test_a_stale_form_gives_back_what_was_typed(forms: list[Trial]) -> None:
    found, tried = [], 0
    for trial in forms:
        if "csrf_token" not in trial.form.names("hidden"):
            continue
        tried += 1
        page = trial.send(trial.filled(csrf_token="grown stale"))
        if page.status != 400 or page.tree is None or not JAPANESE.search(page.words):
            found.append(f"{trial.name} answers {page.status}")
        found += [
            f"{trial.name} loses {each.name}"
            for each in trial.form.texts
            if each.kind in {"text", "textarea"}
            and not NEVER_GIVEN_BACK.search(each.name)
            and not each.value
            and WORDS not in page.text
        ]
    assert found == [], "\n".join(found)
    assert tried > 40


def _rows(site: Site) -> dict[str, int]:
    """Return how many rows each table of content has."""
    return {
        table.name: site.rows(f"SELECT count(*) FROM {table.name}")[0][0]  # noqa: S608
        for table in Base.metadata.sorted_tables
        if table.name not in LOGS
    }


def _grown(before: dict[str, int], after: dict[str, int]) -> list[str]:
    return [name for name in before if after[name] > before[name]]


def test_a_form_sent_twice_makes_one_row(site: Site, forms: list[Trial]) -> None:
    found, made = [], 0
    for trial in forms:
        if "submission" not in trial.form.names("hidden") or not trial.again():
            continue
        values, before = trial.filled(), _rows(site)
        first = trial.send(values)
        between = _rows(site)
        if not _grown(before, between):
            continue
        made += 1
        second = trial.send(values)
        if grown := _grown(between, _rows(site)):
            found.append(f"{trial.name}: the second sending adds to {grown}")
        if second.status != first.status:
            found.append(f"{trial.name}: first {first.status}, then {second.status}")
    assert found == [], "\n".join(found)
    assert made > 8


def test_two_forms_opened_apart_make_two_rows(site: Site, forms: list[Trial]) -> None:
    """The control: it is the form's own number that makes the second sending the same."""
    trial = next(one for one in forms if one.form.action == "/child/start")
    before = _rows(site)["consultations"]
    values = trial.filled()
    trial.send(values)
    other = str(uuid.uuid4())
    trial.send([(name, other if name == "submission" else value) for name, value in values])
    assert _rows(site)["consultations"] == before + 2


def test_an_edit_that_comes_second_shows_both_texts(forms: list[Trial]) -> None:
    found, tried = [], 0
    for trial in forms:
        texts = [each.name for each in trial.form.texts if each.kind in ("text", "textarea")]
        if "version" not in trial.form.names("hidden") or not texts or not trial.again():
            continue
        first = trial.filled(**dict.fromkeys(texts, f"先に書いた文です。{WORDS}"))
        if trial.send(first).status not in (200, 302):
            continue
        tried += 1
        mine = f"後から書いた文です。{WORDS}"
        page = trial.send(trial.filled(**dict.fromkeys(texts, mine)))
        if page.status != 409:
            found.append(f"{trial.name} answers {page.status} to a lost edit")
        if mine not in page.text or "先に書いた文です。" not in page.text:
            found.append(f"{trial.name} does not show both texts")
    assert found == [], "\n".join(found)
    assert tried >= 2
