"""A consent taken back is gone for every request that starts after the answer (security.md Z7–Z9).

Two workers of gunicorn serve one PostgreSQL. In each round people read, or write, again and again
while the centre ends ten grants on slices of one case, one after the other; beside them the control
arms do it wrongly. `PORTAL_RACES` says how many withdrawals of each kind: 300 in an ordinary run,
10,000 by `make test-races`.
"""

from __future__ import annotations

import math
import os
import random
import secrets
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.rules import served
from tests.rules.racing import SHARED, Answer, Browser, Deed, Race, Town, gunicorn

RACES = int(os.environ.get("PORTAL_RACES", "300"))
# One round in so many is also run by the control arms; so many more until each of them leaks.
CONTROLLED, MOST_CONTROLS = 10, 100
# How a post is refused: the slice is no choice any more, or the whole case is gone.
REFUSED = {404, 422}
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


def _rounds() -> int:
    return math.ceil(RACES / len(SHARED))


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
        self.actors: dict[str, Callable[[], Answer]] = {
            "the portal, read by the nurse": lambda: nurse.ask("GET", case),
            "the portal, read by a teacher": lambda: teacher.ask("GET", case),
            "check and fetch in two statements": (
                lambda: stranger.ask("GET", _control(town, "two-statements"))
            ),
            "remembered for a second": lambda: stranger.ask("GET", _control(town, "cached")),
        }
        self.counsellor = town.browser("counsellor")
        self.token = self.counsellor.token(f"/grants/{town.give()['basic']}/end")
        town.tidy()

    def race(self, names: Iterable[str], number: int, *, over_http: bool) -> None:
        """Withdraw slice after slice, over HTTP, or each with a note that nobody else may see."""
        given, words = self.town.give(), f"note-{secrets.token_hex(8)}"
        slices = random.Random(number).sample(SHARED, len(SHARED))

        def withdraw(slice_: str) -> None:
            if over_http:
                self._send(given[slice_])
                return
            with self.town.withdrawing(given[slice_]) as session:
                self.town.note(session, slice_, words)

        deeds = [partial(withdraw, slice_) for slice_ in slices]
        looked, done = Race().run({name: self.actors[name] for name in names}, deeds)
        for name, answers in looked.items():
            for each in answers:
                self._judge(name, each, slices, done, words)
        self.counts["withdrawals" if over_http else "withdrawals with a note"] += len(done)
        self.town.tidy()

    def _send(self, grant_id: uuid.UUID) -> None:
        child = str(self.town.city.persons["child"])
        form = {"csrf_token": self.token, "asked_by": child}
        answer = self.counsellor.ask("POST", f"/grants/{grant_id}/end", form)
        assert answer.status == 302, answer.body

    def _judge(
        self, name: str, answer: Answer, slices: list[str], done: list[Deed], words: str
    ) -> None:
        assert answer.status in (200, 404), f"{name}: {answer.status} {answer.body[:500]}"
        shown = {slice_ for slice_ in slices if self.town.told[slice_] in answer.body}
        gone = bisect_left([deed.answered for deed in done], answer.sent)
        there = bisect_left([deed.began for deed in done], answer.received)
        assert shown >= set(slices[there:]), f"{name} was refused what was not yet withdrawn"
        self.counts[f"{name}: requests"] += 1
        self.counts[f"{name}: started after an answer"] += gone > 0
        self.counts[f"{name}: of these, shown data"] += not shown.isdisjoint(slices[:gone])
        self.counts[f"{name}: shown what was written after the end"] += words in answer.body

    def leaks(self, name: str) -> int:
        return (
            self.counts[f"{name}: of these, shown data"]
            + self.counts[f"{name}: shown what was written after the end"]
        )


def test_no_request_after_a_withdrawal_shows_anything(town: Town, record_property: Note) -> None:
    reading = Reading(town)
    portal, controls = list(reading.actors)[:2], list(reading.actors)[2:]
    rounds = _rounds()
    for number in range(rounds):
        reading.race(portal, number, over_http=number % 2 == 0)
        if number % CONTROLLED == 0:
            reading.race(controls, number, over_http=False)
    # It is a matter of chance when the wrong ways are found out, and of numbers that they are.
    for number in range(MOST_CONTROLS):
        if min(map(reading.leaks, controls)) > 0:
            break
        reading.race(controls, number, over_http=False)
    for name, count in reading.counts.items():
        record_property(name, count)
    assert {name: reading.leaks(name) for name in portal} == dict.fromkeys(portal, 0)
    started = [reading.counts[f"{name}: started after an answer"] for name in portal]
    assert min(started) >= rounds * len(SHARED)
    assert min(map(reading.leaks, controls)) > 0


# ------------------------------------------------------------------------------- writing


class Writing:
    """Races of withdrawals against posts, and which posts came through afterwards."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.counts: Counter[str] = Counter()
        self.slice = SHARED[0]
        self.path = f"/cases/{town.city.case_id}/entries/new"
        # The control arm posts in the principal's name, so that its posts are told from the others.
        self.writers = {
            "the nurse": "nurse",
            "a teacher": "teacher",
            "a post without the lock": "principal",
        }
        town.give()
        self.actors: dict[str, Callable[[], Answer]] = {
            "the nurse": self._poster("nurse"),
            "a teacher": self._poster("teacher"),
            "a post without the lock": self._unlocked,
        }
        town.tidy()

    def _poster(self, person: str) -> Callable[[], Answer]:
        browser = self.town.browser(person)
        token = browser.token(self.path)
        child = str(self.town.city.persons["child"])

        def post() -> Answer:
            slice_ = self.slice
            form = {"slice": slice_, "subject": child, "text": "きた。", "csrf_token": token}
            answer = browser.ask("POST", self.path, {**form, "submission": str(uuid.uuid4())})
            answer.slice = slice_
            return answer

        return post

    def _unlocked(self) -> Answer:
        city, slice_ = self.town.city, self.slice
        address = served.url("post", city.case_id, city.acting["nurse"], city.accounts["principal"])
        answer = Browser(self.town.port).ask("POST", f"{address}?{slice_}&{uuid.uuid4()}", {})
        answer.slice = slice_
        return answer

    def race(self, names: Iterable[str]) -> None:
        """Withdraw slice after slice while people post into the one that is withdrawn next."""
        given, before = self.town.give(), dict[tuple[str, str], set[uuid.UUID]]()
        race, people = Race(), [self.writers[name] for name in names]

        def withdraw(slice_: str) -> None:
            with self.town.withdrawing(given[slice_]):
                # Whoever holds the lock sees every post that was accepted until now.
                before.update({(who, slice_): self.town.posts(who, slice_) for who in people})
            before["principal", slice_] = self.town.posts("principal", slice_)

        def withdrawals() -> Iterator[Callable[[], None]]:
            for slice_ in SHARED:
                self.slice = slice_
                # Begun once for the slice before, perhaps, and then for this one.
                race.everybody_begins(times=2)
                yield partial(withdraw, slice_)

        self.slice = SHARED[0]
        answers, done = race.run({name: self.actors[name] for name in names}, withdrawals())
        for name in names:
            self._judge(name, answers[name], done)
            late = {
                s: self.town.posts(self.writers[name], s) - before[self.writers[name], s]
                for s in SHARED
            }
            self.counts[f"{name}: accepted after the withdrawal"] += sum(map(len, late.values()))
        self.counts["withdrawals"] += len(done)
        self.town.tidy()

    def _judge(self, name: str, answers: list[Answer], done: list[Deed]) -> None:
        for slice_, deed in zip(SHARED, done, strict=True):
            here = [each for each in answers if each.slice == slice_]
            late = [each for each in here if each.sent > deed.answered]
            assert late, f"{name} posted nothing after the answer"
            # The form is refused while the case is seen by other grants, and then the page itself.
            assert {each.status for each in late} <= REFUSED
            self.counts[f"{name}: posts"] += len(here)
            self.counts[f"{name}: accepted"] += sum(each.status == 302 for each in here)
            self.counts[f"{name}: refused, sent after the answer"] += len(late)


def test_no_post_is_accepted_after_a_withdrawal(town: Town, record_property: Note) -> None:
    writing = Writing(town)
    *portal, control = writing.actors

    def accepted_late(name: str) -> int:
        return writing.counts[f"{name}: accepted after the withdrawal"]

    for number in range(_rounds()):
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
    assert min(writing.counts[f"{name}: accepted"] for name in portal) > 0
    assert accepted_late(control) > 0
