"""A consent taken back is gone for every request that starts after the answer (security.md Z7–Z9).

Two workers of gunicorn serve one PostgreSQL. In each race people read, or write, again and again
while the centre ends the grant; beside them the control arms do it wrongly. `PORTAL_RACES` says how
many races of each kind: 300 in an ordinary run, 10,000 by `make test-races`.
"""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.rules import served
from tests.rules.racing import Answer, Browser, Race, Town, gunicorn

RACES = int(os.environ.get("PORTAL_RACES", "300"))
# One race in so many is also run by the control arms; so many more until each of them leaks.
CONTROLLED, MOST_CONTROLS = 10, 1000
Note = Callable[[str, object], None]


@pytest.fixture
def town(clone: Callable[[], Database], tmp_path: Path) -> Iterator[Town]:
    database = clone()
    with gunicorn(database.config, tmp_path) as port:
        yield Town.found(database, port)
    database.drop()


def _control(town: Town, arm: str) -> str:
    city = town.city
    return served.url(arm, city.case_id, city.acting["nurse"], city.accounts["nurse"])


# ------------------------------------------------------------------------------- reading


class Reading:
    """Races of withdrawals against readers, and what each reader was shown that it must not see."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.counts: Counter[str] = Counter()
        nurse, teacher, stranger = (
            town.browser("nurse"),
            town.browser("teacher"),
            Browser(town.port),
        )
        case = f"/cases/{town.city.case_id}"
        self.actors: dict[str, tuple[Callable[[], Answer], int]] = {
            "the portal, read by the nurse": (lambda: nurse.ask("GET", case), 200),
            "the portal, read by a teacher": (lambda: teacher.ask("GET", case), 200),
            "check and fetch in two statements": (
                lambda: stranger.ask("GET", _control(town, "two-statements")),
                200,
            ),
            "remembered for a second": (
                lambda: stranger.ask("GET", _control(town, "cached")),
                200,
            ),
        }
        self.counsellor = town.browser("counsellor")
        grant_id = town.give()
        self.token = self.counsellor.token(f"/grants/{grant_id}/end")
        town.tidy()

    def race(self, names: Iterable[str], *, over_http: bool) -> None:
        """Withdraw once, over HTTP, or together with a note that nobody else may ever see."""
        grant_id, words = self.town.give(), f"note-{secrets.token_hex(8)}"
        withdraw = self._send if over_http else self._withdraw_and_note
        actors = {name: self.actors[name] for name in names}
        looked, answered = Race().run(actors, lambda: withdraw(grant_id, words))
        for name, answers in looked.items():
            for each in answers:
                self._judge(name, each, answered, words)
        self.counts["withdrawals" if over_http else "withdrawals with a note"] += 1
        self.town.tidy()

    def _send(self, grant_id: uuid.UUID, _words: str) -> float:
        child = str(self.town.city.persons["child"])
        form = {"csrf_token": self.token, "asked_by": child}
        answer = self.counsellor.ask("POST", f"/grants/{grant_id}/end", form)
        assert answer.status == 302, answer.body
        return time.monotonic()

    def _withdraw_and_note(self, grant_id: uuid.UUID, words: str) -> float:
        with self.town.withdrawing(grant_id) as session:
            self.town.note(session, words)
        return time.monotonic()

    def _judge(self, name: str, answer: Answer, answered: float, words: str) -> None:
        assert answer.status in (200, 404), f"{name}: {answer.status} {answer.body[:500]}"
        shows = self.town.told in answer.body
        assert shows == (answer.status == 200)
        self.counts[f"{name}: requests"] += 1
        if answer.sent > answered:
            self.counts[f"{name}: started after the answer"] += 1
            self.counts[f"{name}: of these, shown data"] += shows
        self.counts[f"{name}: shown what was written after the end"] += words in answer.body

    def leaks(self, name: str) -> int:
        return (
            self.counts[f"{name}: of these, shown data"]
            + self.counts[f"{name}: shown what was written after the end"]
        )


def test_no_request_after_a_withdrawal_shows_anything(town: Town, record_property: Note) -> None:
    reading = Reading(town)
    portal, controls = list(reading.actors)[:2], list(reading.actors)[2:]
    for number in range(RACES):
        reading.race(portal, over_http=number % 2 == 0)
        if number % CONTROLLED == 0:
            reading.race(controls, over_http=False)
    # It is a matter of chance when the wrong ways are found out, and of numbers that they are.
    for _ in range(MOST_CONTROLS):
        if min(map(reading.leaks, controls)) > 0:
            break
        reading.race(controls, over_http=False)
    for name, count in reading.counts.items():
        record_property(name, count)
    assert {name: reading.leaks(name) for name in portal} == dict.fromkeys(portal, 0)
    assert all(reading.counts[f"{name}: started after the answer"] >= RACES for name in portal)
    assert min(map(reading.leaks, controls)) > 0


# ------------------------------------------------------------------------------- writing


class Writing:
    """Races of withdrawals against posts, and which posts came through afterwards."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.counts: Counter[str] = Counter()
        self.form = {
            "slice": "school",
            "subject": str(town.city.persons["child"]),
            "text": "きた。",
        }
        self.path = f"/cases/{town.city.case_id}/entries/new"
        # The control arm posts in the principal's name, so that its posts are told from the others.
        self.writers = {
            "the nurse": "nurse",
            "a teacher": "teacher",
            "a post without the lock": "principal",
        }
        town.give()
        self.actors: dict[str, tuple[Callable[[], Answer], int]] = {
            "the nurse": (self._poster("nurse"), 302),
            "a teacher": (self._poster("teacher"), 302),
            "a post without the lock": (self._unlocked, 302),
        }
        town.tidy()

    def _poster(self, person: str) -> Callable[[], Answer]:
        browser = self.town.browser(person)
        token = browser.token(self.path)

        def post() -> Answer:
            form = {**self.form, "csrf_token": token, "submission": str(uuid.uuid4())}
            return browser.ask("POST", self.path, form)

        return post

    def _unlocked(self) -> Answer:
        city = self.town.city
        address = served.url("post", city.case_id, city.acting["nurse"], city.accounts["principal"])
        return Browser(self.town.port).ask("POST", f"{address}?{uuid.uuid4()}", {})

    def race(self, names: Iterable[str]) -> None:
        """Withdraw once while people post."""
        grant_id = self.town.give()
        before: dict[str, set[uuid.UUID]] = {}

        def withdraw() -> float:
            with self.town.withdrawing(grant_id):
                # Whoever holds the lock sees every post that was accepted until now.
                before.update({who: self.town.posts(who) for who in ("nurse", "teacher")})
            before["principal"] = self.town.posts("principal")
            return time.monotonic()

        answers, answered = Race().run({name: self.actors[name] for name in names}, withdraw)
        for name in names:
            who = self.writers[name]
            after = self.town.posts(who) - before[who]
            self.counts[f"{name}: posts"] += len(answers[name])
            self.counts[f"{name}: accepted"] += sum(each.status == 302 for each in answers[name])
            self.counts[f"{name}: accepted after the withdrawal"] += len(after)
            late = [each for each in answers[name] if each.sent > answered]
            assert late, f"{name} posted nothing after the answer"
            assert {each.status for each in late} == {404}
        self.counts["withdrawals"] += 1
        self.town.tidy()


def test_no_post_is_accepted_after_a_withdrawal(town: Town, record_property: Note) -> None:
    writing = Writing(town)
    *portal, control = writing.actors

    def accepted_late(name: str) -> int:
        return writing.counts[f"{name}: accepted after the withdrawal"]

    for number in range(RACES):
        writing.race(portal)
        if number % CONTROLLED == 0:
            writing.race([control])
    for _ in range(MOST_CONTROLS):
        if accepted_late(control) > 0:
            break
        writing.race([control])
    for name, count in writing.counts.items():
        record_property(name, count)
    after = {name: accepted_late(name) for name in portal}
    assert after == dict.fromkeys(portal, 0)
    assert accepted_late(control) > 0
