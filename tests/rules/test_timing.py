"""No answer tells by its time what it does not tell by its words (security.md A5, R4, Z6).

Two requests that must not be told apart are sent in pairs, one straight after the other in an order
drawn by chance, and their times are compared by Welch's t. `make measure-timing` sends 500 pairs of
each; an ordinary run only shows that the machinery works, for a busy machine proves nothing. Each
question has a control: the same pairs with a door that gives up early must be told apart.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portal import auth, passwords, unit
from portal import models as m
from portal.config import Argon2Parameters, Config
from portal.database import NotVisibleError, SystemSession, find_visible
from portal.demo.city import load_city
from portal.demo.life import CODES
from portal.demo.people import ORDINARY
from portal.embedded import APP, Server
from portal.services import notices, threads
from portal.vault import email_index, equip, reveal
from tests.site import Person, Site
from tests.web import Browser

PAIRS = int(os.environ.get("TIMING_PAIRS", "500"))
# Beyond it two samples are told apart: the bound of dudect and of TVLA, p < 10^-5.
BOUND = 4.5
# The slowest of both together are other programs' doing, as in dudect.
KEPT = 0.9
SMALL = 3
UNKNOWN, WRONG = "nobody@example.jp", "not the right one at all"

Ask = Callable[[], None]


def welch(first: list[float], second: list[float]) -> float:
    """Return Welch's t of two samples."""
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    return (statistics.fmean(first) - statistics.fmean(second)) / math.sqrt(spread)


def cropped(first: list[float], second: list[float]) -> tuple[list[float], list[float]]:
    """Return two samples without their slowest part, cut at one time for both."""
    limit = sorted([*first, *second])[int(KEPT * (len(first) + len(second))) - 1]
    return [t for t in first if t <= limit], [t for t in second if t <= limit]


def measured(ask: tuple[Ask, Ask], pairs: int) -> tuple[list[float], list[float]]:
    """Return how long each of two requests took, in seconds, so many times."""
    chance, took = random.Random(27), ([], [])  # type: ignore[var-annotated]
    for _ in range(pairs):
        order = [0, 1]
        chance.shuffle(order)
        for which in order:
            began = time.perf_counter()
            ask[which]()
            took[which].append(time.perf_counter() - began)
    return took


def told_apart(ask: tuple[Ask, Ask], pairs: int = PAIRS) -> float:
    """Return |t| of two requests."""
    return abs(welch(*cropped(*measured(ask, pairs))))


# ------------------------------------------------------------------------------- the questions


@dataclass(frozen=True)
class Question:
    """Two requests that must be one to whoever sends them; ``early`` is a door that gives up."""

    name: str
    ask: Callable[[Site], tuple[Ask, Ask]]
    early: Callable[[Site, pytest.MonkeyPatch], None]


def _sign_in(site: Site, email: str, password: str) -> Ask:
    browser = Browser(site.app)
    token = browser.token()

    def ask() -> None:
        values = {"email": email, "password": password, "csrf_token": token}
        answer = browser.client.post("/sign-in", data=values, base_url="https://localhost")
        assert answer.status_code == 422

    return ask


def unknown_or_wrong(site: Site) -> tuple[Ask, Ask]:
    return _sign_in(site, UNKNOWN, ORDINARY.password), _sign_in(site, ORDINARY.email, WRONG)


def wrong_or_disabled(site: Site) -> tuple[Ask, Ask]:
    person = someone(site, "npo_worker")
    with SystemSession(site.system) as session, session.begin():
        password_hash = passwords.hasher(site.config).hash(passwords.prepared(ORDINARY.password))
        session.merge(m.Credential(account_id=person.account, password_hash=password_hash))
        session.get_one(m.Account, person.account).disabled = True
        equip(session, site.config.keys)
        profile = session.get_one(m.AccountProfile, person.account)
        email = reveal(session, profile, "email")
    return _sign_in(site, ORDINARY.email, WRONG), _sign_in(site, email, ORDINARY.password)


def _code(site: Site, words: tuple[str, ...], secret: str) -> Ask:
    browser = Browser(site.app)
    token = browser.token()

    def ask() -> None:
        values = {"code": " ".join(words), "secret": secret, "csrf_token": token}
        answer = browser.client.post("/child/", data=values, base_url="https://localhost")
        assert answer.status_code == 422, answer.status_code

    return ask


def unknown_or_guarded_code(site: Site) -> tuple[Ask, Ask]:
    known = CODES[0]
    unknown = threads.return_code(site.config, uuid.uuid4())
    return _code(site, unknown, "ことりの うた"), _code(
        site, known.words(site.config), "ことりの うた"
    )


def unknown_or_closed_code(site: Site) -> tuple[Ask, Ask]:
    known = CODES[1]
    with site.system.begin() as connection:
        connection.execute(
            text("UPDATE threads SET closed_at = now() WHERE id = :id"),
            {"id": threads.thread_id_of(known.submission)},
        )
    unknown = threads.return_code(site.config, uuid.uuid4())
    return _code(site, unknown, known.secret), _code(site, known.words(site.config), known.secret)


def reset_unknown_or_known(site: Site) -> tuple[Ask, Ask]:
    def asking(email: str) -> Ask:
        browser = Browser(site.app)
        token = browser.token()

        def ask() -> None:
            values = {"email": email, "csrf_token": token}
            answer = browser.client.post(
                "/forgotten-password", data=values, base_url="https://localhost"
            )
            assert answer.status_code == 200, answer.status_code

        return ask

    return asking(UNKNOWN), asking(ORDINARY.email)


def hidden_or_absent_case(site: Site) -> tuple[Ask, Ask]:
    browser = Browser(site.app, site.open_session(someone(site, "school_nurse")))

    def status(case_id: uuid.UUID) -> int:
        answer = browser.client.get(f"/cases/{case_id}", base_url="https://localhost")
        return answer.status_code

    def asking(case_id: uuid.UUID) -> Ask:
        def ask() -> None:
            assert status(case_id) == 404

        return ask

    cases = [row.id for row in site.rows("SELECT id FROM cases ORDER BY id")]
    hidden = next(case_id for case_id in cases if status(case_id) == 404)
    return asking(hidden), asking(uuid.uuid4())


def someone(site: Site, role: str) -> Person:
    return next(person for person in site.staff() if person.label.startswith(f"{role} of "))


# ------------------------------------------------------------------------------- early doors


def _hashes_only_for_whom_it_knows(_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = auth.prove_password

    def early(session: Any, address: str, password: str) -> Any:
        return real(session, address, password) if address == ORDINARY.email else None

    monkeypatch.setattr(auth, "prove_password", early)


def _hashes_only_for_a_thread(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real, known = threads.prove_code, " ".join(CODES[0].words(site.config))
    closed = " ".join(CODES[1].words(site.config))

    def early(session: Any, settings: Any, code: str, secret: str) -> Any:
        if code not in (known, closed):
            return None
        return real(session, settings, code, secret)

    monkeypatch.setattr(threads, "prove_code", early)


def _writes_only_to_whom_it_knows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real, known = notices.ask_for_reset, email_index(site.config.keys, ORDINARY.email)

    def early(session: Any, index: bytes) -> None:
        if index == known:
            real(session, index)

    monkeypatch.setattr(notices, "ask_for_reset", early)


def _looks_only_for_what_exists(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    existing = {row.id for row in site.rows("SELECT id FROM cases")}

    def early(session: Any, model: Any, key: uuid.UUID, *conditions: Any) -> Any:
        if key not in existing:
            raise NotVisibleError
        return find_visible(session, model, key, *conditions)

    monkeypatch.setattr(unit, "find_visible", early)


QUESTIONS = (
    Question("unknown or wrong", unknown_or_wrong, _hashes_only_for_whom_it_knows),
    Question("wrong or disabled", wrong_or_disabled, _hashes_only_for_whom_it_knows),
    Question("code unknown or guarded", unknown_or_guarded_code, _hashes_only_for_a_thread),
    Question("code unknown or closed", unknown_or_closed_code, _hashes_only_for_a_thread),
    Question("reset unknown or known", reset_unknown_or_known, _writes_only_to_whom_it_knows),
    Question("case hidden or absent", hidden_or_absent_case, _looks_only_for_what_exists),
)


@contextmanager
def city(postgres: Server, template: str, folder: Path, cost: Argon2Parameters) -> Iterator[Site]:
    """Give a demo city whose passwords and codes cost so much."""
    name = f"timed_{cost.memory_kib}"
    postgres.create_database(name, template)
    config = Config.for_tests(postgres.url(APP, name), folder)
    config = replace(config, demo=True, argon2=cost)
    load_city(config)
    site = Site(postgres, name, config)
    yield site
    site.close()
    postgres.drop_database(name)


@pytest.fixture
def open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the throttle count as ever and never close."""
    monkeypatch.setattr("portal.auth.throttle.FAILURES_A_MINUTE", 10**9)


@pytest.fixture
def real_city(postgres: Server, template: str, tmp_path: Path, open_door: None) -> Iterator[Site]:
    with city(postgres, template, tmp_path, Argon2Parameters()) as site:
        yield site


@pytest.mark.heavy
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_no_time_tells_them_apart(
    question: Question,
    real_city: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = question.ask(real_city)
    told_apart(ask, SMALL)
    t = told_apart(ask)
    question.early(real_city, monkeypatch)
    control = told_apart(ask)
    print(f"{question.name}: |t| = {t:.2f}, with an early door {control:.1f} ({PAIRS} pairs)")  # noqa: T201
    assert t < BOUND
    assert control >= BOUND


def test_the_questions_can_be_asked(
    postgres: Server, template: str, tmp_path: Path, open_door: None
) -> None:
    """A small sample of all of it; what it would say of times is not looked at."""
    with city(postgres, template, tmp_path, Argon2Parameters(memory_kib=8)) as site:
        for question in QUESTIONS:
            ask = question.ask(site)
            assert math.isfinite(told_apart(ask, SMALL * 4)), question.name
            with pytest.MonkeyPatch.context() as planted:
                question.early(site, planted)
                assert math.isfinite(told_apart(ask, SMALL * 4)), question.name


def test_two_samples_are_told_apart_where_they_differ() -> None:
    # Welch 1947's t of two samples, worked out by hand.
    assert welch([1, 2, 3, 4], [2, 4, 6, 8]) == pytest.approx(-2.5 / math.sqrt(5 / 12 + 20 / 12))
    chance = random.Random(3)
    same = [[chance.gauss(10, 1) for _ in range(500)] for _ in range(2)]
    assert abs(welch(*cropped(*same))) < BOUND
    late = [each + 0.5 for each in same[1]]
    assert abs(welch(*cropped(same[0], late))) > BOUND
    # One slow answer among many tells nothing.
    assert abs(welch(*cropped(same[0], [*same[1][1:], 10**6]))) < BOUND
