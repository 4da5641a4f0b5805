"""The three hundred generated matters of the full demo city, the same ones at every loading.

A matter is drawn from a theme: who the child is, which agencies are beside it, what was written
week by week, what was asked and done. What the world format has words for comes out as cases and
persons of a register; the rest of its way is a ``Course``, which ``portal.demo.course`` writes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from portal.codes import REFERENCE_ALPHABET, REFERENCE_GROUP_LENGTH, REFERENCE_GROUPS
from portal.demo.matters import Clock
from portal.demo.neighbours import AGENCIES
from portal.demo.register import WARDS, Record, birthday, demo_id
from portal.demo.themes import FAMILIES, GIVEN, THEMES, Ask, Theme
from portal.vocabulary import shareable_with

MATTERS: Final = 300
# So many of them are over; with the hand-written ones each of the centre's people has about forty.
CLOSED: Final = 96
_SEED: Final = 20231127
_WORKERS: Final = (
    *("counsellor", "counsellor2", "counsellor3", "counsellor4", "counsellor5"),
    "investigator",
)
# What is open is due around today: some of it is late.
_DUE: Final = (4, 9, -3, 14, 1, 20, 6, 0, 11)
_CONSENT_DAYS: Final = 180
# The report of an abuse holds for 90 days (legal_bases.csv, CAPA6).
_REPORT_DAYS: Final = 89
# How long after the opening what is usually done: asked, shared, heard from, looked at, judged.
_ACCEPTED, _SHARED, _SEEN, _SCHOOL_WROTE, _ASKED, _AGENCY_WROTE = 2.0, 2.0, 1.5, 4.0, 5.0, 8.0
_HEARD, _DONE, _JUDGED, _WATCHED, _RENEWED = 9.0, 25.0, 30.0, 100.0, 170.0
# The last year of age before school, in an elementary school, in a junior high school; of a child
# whose guardians still speak for it.
_NO_PUPIL, _ELEMENTARY, _JUNIOR = 6, 12, 15
# One in so many has a brother or a sister in the register too.
_SIBLINGS: Final = 12

_SCHOOLS_BY_AGE: Final = (
    (_NO_PUPIL, ("kindergarten", "nursery", "childrens_garden")),
    (_ELEMENTARY, tuple(key for key, *_rest in AGENCIES if key.endswith("_elementary"))),
    (_JUNIOR, tuple(key for key, *_rest in AGENCIES if key.endswith("_junior"))),
    (18, ("high_school", "commercial_high", "private_high", "special_school")),
)
_WARD_OF: Final = {key: ward for key, _kind, _name, _form, ward in AGENCIES}
_TYPE_OF: Final = {key: kind for key, kind, *_rest in AGENCIES}
# What a share with an agency of this type is for, where the child consents.
_PURPOSES: Final = {"board_of_education": "coordination"}


@dataclass(frozen=True)
class Step:
    """A step of an action: so many days ago, by whom, and in what words."""

    days: float
    status: str
    author: str
    words: str = ""
    effect: str = ""


@dataclass(frozen=True)
class Asked:
    """An action that was asked for ``days`` ago; ``due`` counts days from today on."""

    agency: str
    kind: str
    days: float
    due: int
    request: str
    steps: tuple[Step, ...] = ()

    @property
    def status(self) -> str:
        """Return where the action stands."""
        return self.steps[-1].status if self.steps else "asked"


@dataclass(frozen=True)
class Course:
    """What happened in a matter beside its entries and grants; days are counted back from now.

    ``urgency`` has (days, code, grounds), ``meetings`` (days, check-in, account of it), ``checks``
    (days, finding, next day counted from today on), ``judgement`` (days, violation, severity,
    grounds), ``closure`` (days, outcome, the child's view, summary).
    """

    child: str
    worker: str
    opened: float
    topic: str
    channel: str
    words: str
    concealed: bool
    party: str
    brief: str
    guardian: str | None
    urgency: tuple[float, str, str]
    meetings: tuple[tuple[float, str, str], ...]
    necessity: tuple[float, str, str] | None
    checks: tuple[tuple[float, str, int], ...]
    asked: tuple[Asked, ...]
    judgement: tuple[float, str, str, str] | None = None
    closure: tuple[float, str, str, str] | None = None


@dataclass
class Crowd:
    """The generated matters: records of a register, and the course of each."""

    persons: list[Record] = field(default_factory=list)
    cases: list[Record] = field(default_factory=list)
    households: list[Record] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)


def crowd(clock: Clock, matters: int = MATTERS) -> Crowd:
    """Return the generated matters as they stand at the clock's instant."""
    drawn = Crowd()
    for number in range(matters):
        # Each matter has a die of its own: a change in one leaves the others as they are.
        _Draw(drawn, clock, number, random.Random(f"{_SEED} {number}")).everything()  # noqa: S311
    return drawn


class _Draw:
    """Draws one matter."""

    def __init__(self, drawn: Crowd, clock: Clock, number: int, die: random.Random) -> None:
        self._drawn, self._clock, self._die = drawn, clock, die
        self._number, self._key = number, f"crowd {number}"
        self._theme: Theme = THEMES[number % len(THEMES)]
        self._closed = number % MATTERS >= MATTERS - CLOSED
        # The youngest matters are of this week, the oldest open ones of half a year ago.
        self._opened = (
            die.uniform(60, 420)
            if self._closed
            else 0.2 + 175 * (number / (MATTERS - CLOSED)) ** 1.6
        )
        self._ended = die.uniform(2, self._opened - 45) if self._closed else 0.0
        self._age = die.randint(*self._theme.ages)
        self._school = self._draw_school()
        self._worker = _WORKERS[number % len(_WORKERS)]
        self._called = die.choice(GIVEN)

        self._concealed = self._one_in(37, 5)

    def everything(self) -> None:
        """Write the matter into the crowd."""
        family, kana = self._family()
        self._person(self._key, family, kana, self._called, self._age)
        guardian = f"{self._key} guardian" if self._age <= _JUNIOR else None
        if guardian is not None:
            self._person(
                guardian, family, kana, self._die.choice(("よしみ", "まさと", "ちえ")), None
            )
        beside = self._beside()
        entries = [*self._entries(beside, guardian)]
        self._drawn.cases.append(
            {
                "id": demo_id(f"case {self._key}"),
                "reference": self._reference(),
                "owner": demo_id("centre"),
                "child": demo_id(f"person {self._key}"),
                "status": self._status(),
                "opened": self._clock.ago(self._opened),
                "closed": self._clock.ago(self._ended) if self._closed else None,
                "concealed": self._concealed,
                "workers": [demo_id(self._worker)],
                "entries": entries,
                "grants": [*self._grants(beside)],
                "exclusions": self._exclusions(),
                "never_tell": self._never_tell(),
            }
        )
        self._drawn.courses.append(self._course(beside, guardian))
        if self._one_in(_SIBLINGS, 1):
            pair = [demo_id(f"case crowd {self._number - one}") for one in (1, 0)]
            self._drawn.households.append({"id": demo_id(f"home {self._key}"), "cases": pair})

    def _one_in(self, many: int, which: int) -> bool:
        return self._number % many == which

    def _draw_school(self) -> str:
        return self._die.choice(next(some for age, some in _SCHOOLS_BY_AGE if self._age <= age))

    def _family(self) -> tuple[str, str]:
        eldest = self._number - 1 if self._one_in(_SIBLINGS, 1) else self._number
        return random.Random(f"{_SEED} family {eldest}").choice(FAMILIES)  # noqa: S311

    def _person(self, key: str, family: str, kana: str, given: str, age: int | None) -> None:
        self._drawn.persons.append(
            {
                "id": demo_id(f"person {key}"),
                "family_name": family,
                "given_name": given,
                "kana": f"{kana} {given}",
                "called": "" if age is None else given,
                "birth_date": None if age is None else birthday(self._clock.today, key, age),
            }
        )

    def _reference(self) -> str:
        groups = (
            "".join(self._die.choice(REFERENCE_ALPHABET) for _ in range(REFERENCE_GROUP_LENGTH))
            for _ in range(REFERENCE_GROUPS)
        )
        return "-".join(groups)

    def _status(self) -> str:
        if self._closed:
            return "closed"
        if self._opened < _ACCEPTED:
            return "accepted"
        if self._opened < _HEARD:
            return "assessing"
        return "watching" if self._opened > _WATCHED and not self._one_in(3, 0) else "supporting"

    def _beside(self) -> str:
        """Return the agency that this matter needs beside the school; a division is its ward's."""
        kind = self._theme.agency
        if kind.startswith("ward_"):
            return f"{kind}_{_WARD_OF[self._school] or next(iter(WARDS))}"
        return {"board_of_education": "board", "npo": "npo_learning"}.get(kind, kind)

    # -- what was written -------------------------------------------------------------------------

    def _entries(self, beside: str, guardian: str | None) -> Iterator[Record]:
        """Yield what was written from the opening on, week by week, by everybody."""
        said = [("basic", "", self._worker, "centre", self._who())]
        for slice_, some in self._theme.words.items():
            subject = guardian if slice_ == "home" and guardian is not None else ""
            said.append((slice_, subject or "", self._worker, "centre", self._die.choice(some)))
        if self._opened > _SCHOOL_WROTE and self._tells_school():
            text = self._die.choice(self._theme.of_school)
            slice_ = next(
                one
                for one in ("school", "watch_points", "facts", "health", "basic")
                if one in self._theme.school
            )
            if slice_ == "basic":
                slice_ = "watch_points"
            said.insert(4, (slice_, "", self._author(self._school), self._school, text))
        if self._opened > _AGENCY_WROTE:
            text = self._die.choice(self._theme.of_agency)
            said.insert(-1, (self._theme.own, "", self._officer(beside), beside, text))
        if self._opened < _HEARD:
            # What has only begun has no progress yet.
            said = [row for row in said if row[0] not in ("progress", "judgement")]
        lasted = self._opened - self._ended
        for place, (slice_, subject, author, agency, text) in enumerate(said):
            days = self._opened - lasted * 0.96 * (place / len(said)) ** 1.3 - 0.02
            yield {
                "id": demo_id(f"entry {self._key} {place}"),
                "slice": slice_,
                "subject": demo_id(f"person {subject or self._key}"),
                "author_agency": demo_id(agency),
                "author": demo_id(author),
                "at": self._clock.ago(max(days, 0.01)),
                "text": text.format(self._called),
                "retracted": None,
            }

    def _who(self) -> str:
        if self._age <= _NO_PUPIL:
            return f"{self._age}歳。呼ばれたい名前は「{self._called}」。"
        stage, first = ("高校", _JUNIOR) if self._age > _JUNIOR else ("中学", _ELEMENTARY)
        if self._age <= _ELEMENTARY:
            stage, first = "小学", _NO_PUPIL
        return f"{stage}{self._age - first}年。呼ばれたい名前は「{self._called}」。"

    def _at_school(self) -> str:
        return "teacher" if _TYPE_OF[self._school] == "nursery" else "nurse"

    def _officer(self, beside: str) -> str:
        known = {"board": "boe", "cgc": "cgc_worker2", "npo_learning": "npo_learning_worker"}
        return known.get(beside, f"{beside}_officer")

    def _tells_school(self) -> bool:
        # One in nine does not want the school to know.
        return not self._one_in(9, 4)

    # -- who sees it ------------------------------------------------------------------------------

    def _grants(self, beside: str) -> Iterator[Record]:
        if self._opened <= _SHARED:
            return
        shares = [(beside, self._theme.beside)]
        if self._tells_school():
            shares.insert(0, (self._school, self._theme.school))
        for agency, slices in shares:
            if agency == "cgc":
                yield self._grant(agency, slices, self._opened - 0.5, _REPORT_DAYS)
                continue
            # A consent that ran out was asked for anew.
            first = self._opened - _SHARED
            starts = [first] if first < _RENEWED else [first, first - _RENEWED]
            for since in starts:
                if since > self._ended:
                    yield self._grant(agency, slices, since, _CONSENT_DAYS)

    def _grant(self, agency: str, slices: tuple[str, ...], since: float, days: int) -> Record:
        by_law = agency == "cgc"
        over = self._closed and since - days < self._ended
        kind = "school" if agency == self._school else self._theme.agency
        fit = [slice_ for slice_ in slices if slice_ in shareable_with(kind)]
        return {
            "id": demo_id(f"grant {self._key} {agency} {since:.3f}"),
            "agency": demo_id(agency),
            "slices": fit,
            "subject": "*" if by_law else demo_id(f"person {self._key}"),
            "purpose": "statutory_report" if by_law else _PURPOSES.get(kind, "support"),
            "basis": "CAPA6" if by_law else "CONSENT",
            "necessity": "agencies_needed",
            "from": self._clock.ago(since),
            "until": self._clock.ago(since - days),
            "ended": self._clock.ago(self._ended) if over else None,
        }

    def _exclusions(self) -> list[Record]:
        if self._theme.topic != "STAFF" or _TYPE_OF[self._school] != "school":
            return []
        # Somebody of the team is close to the teacher concerned.
        account = demo_id(f"{self._school}_team")
        return [{"account": account, "from": self._clock.ago(self._opened - 0.1), "until": None}]

    def _never_tell(self) -> list[Record]:
        if self._tells_school():
            return []
        since = self._clock.ago(self._opened - 0.1)
        return [{"agency": demo_id(self._school), "from": since, "until": None}]

    # -- what was done ----------------------------------------------------------------------------

    def _course(self, beside: str, guardian: str | None) -> Course:
        theme, opened, die = self._theme, self._opened, self._die
        pressing = theme.topic == "ABUSE_WORRY"
        # Only of late is there a child whom nobody has met yet.
        met = opened > _SEEN and not (opened < _HEARD and self._one_in(5, 3))
        urgency = "A" if pressing and self._number % 2 else die.choice("BBBCCD")
        found = theme.violation if opened > _JUDGED and self._one_in(4, 0) else None
        account = (
            "センターで会い、本人の話を聞いた。" if met else "家に電話したが、本人は出なかった。"
        )
        return Course(
            child=self._key,
            worker=self._worker,
            opened=opened,
            topic=theme.topic,
            channel=die.choice(("PHONE", "PHONE", "EMAIL", "WEB", "TABLET", "SCHOOL", "VISIT")),
            words=theme.words["summary"][0].format(self._called),
            concealed=self._concealed,
            party=f"{self._family()[0]} {self._called}",
            brief=theme.words["summary"][0].format("本人"),
            guardian=guardian,
            urgency=(opened - 0.02, urgency, "相談の内容と、本人・家庭・学校のようすから。"),
            meetings=((max(opened - 1.4, 0.02), "met" if met else "not_met", account),),
            necessity=(opened - 1.9, "agencies_needed", "続けて見守るには関係機関の協力がいる。")
            if opened > _SHARED
            else None,
            checks=tuple(self._checks()),
            asked=tuple(self._asked(beside)),
            judgement=None
            if found is None
            else (opened - _DONE, found, die.choice(("S1", "S2", "S2", "S3")), theme.end),
            closure=self._closure(),
        )

    def _checks(self) -> Iterator[tuple[float, str, int]]:
        """Yield when it was looked at how things are, and the next day that was set."""
        every = self._die.choice((14, 21, 28))
        # The first day is set when the matter is taken in; what came just now has none yet.
        days = [self._opened - 0.3] if self._opened > 1 else []
        while days and days[-1] - every > self._ended:
            days.append(days[-1] - every)
        findings = self._theme.words["progress"]
        for place, (day, then) in enumerate(pairwise([*days, 0.0])):
            last = place == len(days) - 1
            text = (
                findings[place % len(findings)] if place else "受理した。次に確かめる日を決めた。"
            )
            # Around today for what goes on: a few days late, today, or in the next weeks.
            next_on = -int(then) if not last or self._closed else self._next_on(int(every))
            yield day, text.format(self._called), next_on

    def _next_on(self, every: int) -> int:
        if self._one_in(17, 2):
            return -1 - self._number % 6
        return self._number % 8 if self._one_in(5, 0) else 1 + self._die.randint(3, every)

    def _asked(self, beside: str) -> Iterator[Asked]:
        if self._opened < _ASKED:
            return
        for place, ask in enumerate(self._theme.asks):
            agency = self._school if ask.agency == "school" else beside
            if agency == self._school and not self._tells_school():
                continue
            # Only where the share goes on can something be open.
            over = self._closed or (agency == "cgc" and self._opened > _REPORT_DAYS)
            if over or (self._opened > _DONE and (self._number + place) % 3):
                yield self._past(ask, agency)
            else:
                yield self._open(ask, agency, place)

    def _past(self, ask: Ask, agency: str) -> Asked:
        asked = self._opened - 4
        done = max(asked - self._die.uniform(6, 20), self._ended + 0.2, 0.2)
        author = self._author(agency)
        steps: tuple[Step, ...] = (
            Step((asked + done) / 2, "accepted", author),
            Step(done, "done", author, ask.done, ask.effect),
        )
        if self._one_in(23, 7):
            steps = (Step(done, "declined", author, "担当者が足りず、期日までにできません。"),)
        return Asked(agency, ask.kind, asked, -int(done) + 1, ask.request, steps)

    def _open(self, ask: Ask, agency: str, place: int) -> Asked:
        days = min(self._opened - 4, 12.0)
        due = _DUE[(self._number // len(_WORKERS) + place) % len(_DUE)]
        accepted = (Step(days * 0.6, "accepted", self._author(agency)),)
        return Asked(agency, ask.kind, days, due, ask.request, accepted if self._number % 2 else ())

    def _author(self, agency: str) -> str:
        if agency != self._school:
            return self._officer(agency)
        return f"{agency}_{self._at_school()}"

    def _closure(self) -> tuple[float, str, str, str] | None:
        if not self._closed:
            return None
        outcome = ("resolved", "improved", "improved", "handed_over", "wish", "moved")
        view = (
            "「話せてよかった」",
            "「もうだいじょうぶ。また何かあったら話す」",
            "「ふつうに行けてる」",
        )
        return (
            self._ended,
            outcome[self._number % len(outcome)],
            view[self._number % len(view)],
            self._theme.end,
        )
