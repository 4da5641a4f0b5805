"""The hours of the centre's desk, and the calendar of the place.

Phone and desk: weekdays 10:00–18:00 in Japan, without public holidays and 12/29–1/3 (seed, slide 7;
domain.md §2 "Doors"). Every instant that comes in must be aware; a naive one raises ValueError.
Instants that go out are aware and in UTC; `jst` turns one into the clock on the wall.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final

import jpholiday

from portal.vocabulary import known

# Japan has had no summer time since 1951, so a fixed offset is right and needs no time zone files.
JST: Final = timezone(timedelta(hours=9), "JST")
ONE_DAY: Final = timedelta(days=1)
ADULT_AGE: Final = 18

# A call or a visit is answered at once while somebody sits there; all other doors are written.
# How somebody writes who comes back by a return code, whichever way it was that came first.
WRITTEN: Final = known("channel", "WEB")
SPOKEN_CHANNELS: Final = tuple(known("channel", code) for code in ("PHONE", "VISIT"))

# Each era with its first day, the latest first.
ERAS: Final = (
    (date(2019, 5, 1), "令和"),
    (date(1989, 1, 8), "平成"),
    (date(1926, 12, 25), "昭和"),
)


# How eras are shortened on forms.
_ERA_LETTERS: Final = {"R": "令和", "H": "平成", "S": "昭和"}
_NAMES_OF_ERAS: Final = "|".join((*(era for _first, era in ERAS), *_ERA_LETTERS))
_YEAR_OF_ERA: Final = re.compile(
    rf"(?P<name>{_NAMES_OF_ERAS})\s*\.?\s*(?P<year>元|[0-9]{{1,2}})(?![0-9])", re.IGNORECASE
)


@dataclass(frozen=True)
class DeskHours:
    """When somebody sits at the desk, in JST; `days_off` are (month, day) of every year."""

    opens: time = time(10)
    closes: time = time(18)
    days_off: tuple[tuple[int, int], ...] = (
        *((12, 29), (12, 30), (12, 31)),
        *((1, 1), (1, 2), (1, 3)),
    )

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("a desk must open before it closes")

    def works_on(self, day: date) -> bool:
        """Whether the desk opens on `day`."""
        weekend = day.weekday() >= 5  # noqa: PLR2004 -- Monday is 0, so 5 and 6 are the weekend.
        return not (weekend or (day.month, day.day) in self.days_off or _is_holiday(day))

    def opening(self, day: date) -> datetime:
        """The instant in JST at which the desk opens, if it does on `day`."""
        return datetime.combine(day, self.opens, JST)

    def closing(self, day: date) -> datetime:
        """The instant in JST at which the desk closes, if it opens on `day`."""
        return datetime.combine(day, self.closes, JST)


THE_DESK: Final = DeskHours()


@lru_cache(maxsize=4096)
def _is_holiday(day: date) -> bool:
    return bool(jpholiday.is_holiday(day))


def jst(at: datetime) -> datetime:
    """Return the instant `at` in JST; raises ValueError if it is naive."""
    if at.tzinfo is None:
        raise ValueError(f"an instant without a time zone: {at}")
    return at.astimezone(JST)


def is_open(at: datetime, desk: DeskHours = THE_DESK) -> bool:
    """Whether somebody sits at the desk at `at`; at the closing hour nobody does any more."""
    local = jst(at)
    return desk.works_on(local.date()) and desk.opens <= local.time() < desk.closes


def next_opening(at: datetime, desk: DeskHours = THE_DESK) -> datetime:
    """Return the first instant in UTC, from `at` on, at which the desk opens its door.

    While it is open that is the next working day's opening; at the very opening it is `at`.
    """
    local = jst(at)
    day = local.date() if local <= desk.opening(local.date()) else local.date() + ONE_DAY
    return desk.opening(_working_day_from(day, desk)).astimezone(UTC)


def next_reading(at: datetime, desk: DeskHours = THE_DESK) -> datetime | None:
    """Return when in UTC somebody reads again, None while somebody sits at the desk at `at`."""
    return None if is_open(at, desk) else next_opening(at, desk)


def _working_day_from(day: date, desk: DeskHours) -> date:
    while not desk.works_on(day):
        day += ONE_DAY
    return day


def _working_day_after(day: date, count: int, desk: DeskHours) -> date:
    for _ in range(count):
        day = _working_day_from(day + ONE_DAY, desk)
    return day


def add_working_days(at: datetime, count: int, desk: DeskHours = THE_DESK) -> datetime:
    """Return the instant in UTC at which `count` full days of desk time have passed since `at`.

    Only the hours in which the desk is open pass: from Friday 15:00 one day ends on Monday 15:00,
    from Friday 20:00 or Sunday on Monday at closing. The end never lies outside desk hours. Raises
    ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError("a deadline lies at least one working day ahead")
    local = jst(at)
    if not is_open(local, desk):
        local = jst(next_opening(local, desk))
    if local == desk.opening(local.date()):
        return desk.closing(_working_day_after(local.date(), count - 1, desk)).astimezone(UTC)
    last = _working_day_after(local.date(), count, desk)
    return datetime.combine(last, local.timetz()).astimezone(UTC)


def npo_deadline(at: datetime, desk: DeskHours = THE_DESK) -> datetime:
    """Return when a report that reached the NPO at `at` comes up to the centre by itself, in UTC.

    It waits at most one working day (domain.md §2).
    """
    return add_working_days(at, 1, desk)


def promised_reply(at: datetime, channel: str, desk: DeskHours = THE_DESK) -> datetime:
    """Return by when, in UTC, what arrived at `at` through `channel` is answered.

    Written messages are received day and night and answered by the closing hour of the next working
    day, those of the open hours too (seed, slide 7). A call is answered at once, or from the next
    opening on. `channel` is a code of the list; raises UnknownCode for another.
    """
    local = jst(at)
    if known("channel", channel) not in SPOKEN_CHANNELS:
        return desk.closing(_working_day_after(local.date(), 1, desk)).astimezone(UTC)
    return local.astimezone(UTC) if is_open(local, desk) else next_opening(local, desk)


def _day(day: date) -> date:
    # A datetime is a date to Python; taken as one it would quietly mean the day of some time zone.
    if isinstance(day, datetime):
        raise TypeError("a calendar day is wanted: pass jst(at).date()")
    return day


def fiscal_year(day: date) -> int:
    """Return the fiscal year of `day`, which begins on 1 April (2026-03-31 is in 2025)."""
    april = 4
    return day.year if _day(day).month >= april else day.year - 1


def wareki(day: date) -> str:
    """Return `day` with its era, as 令和8年11月23日; raises ValueError for days before 昭和."""
    for first, era in ERAS:
        if _day(day) >= first:
            year = day.year - first.year + 1
            return f"{era}{'元' if year == 1 else year}年{day.month}月{day.day}日"
    raise ValueError(f"{day} lies before the first era of the table")


def year_of_era(text: str) -> tuple[str, int] | None:
    """Return a year as 平成28, H28 or 令和元 and the Western one, None where it is no such year.

    Args:
        text: its digits in ASCII; what follows the year does not matter.

    """
    found = _YEAR_OF_ERA.match(text)
    if found is None:
        return None
    name = _ERA_LETTERS.get(found["name"].upper(), found["name"])
    [first] = [first for first, era in ERAS if era == name]
    number = 1 if found["year"] == "元" else int(found["year"])
    return found[0], first.year - 1 + number


def age_on(birth: date, day: date) -> int:
    """Return the age in whole years on `day`; raises ValueError before the birth.

    Somebody born on 29 February grows older on 1 March where there is no such day.
    """
    if _day(day) < _day(birth):
        raise ValueError("an age before the birth was asked for")
    had_birthday = (day.month, day.day) >= (birth.month, birth.day)
    return day.year - birth.year - (0 if had_birthday else 1)


def eighteenth_birthday(birth: date) -> datetime:
    """Return 00:00 JST of the 18th birthday as an instant in UTC.

    From then on no guardian's consent holds (domain.md §3, lane A; Civil Code art. 4).
    """
    year = _day(birth).year + ADULT_AGE
    try:
        day = birth.replace(year=year)
    except ValueError:
        day = date(year, 3, 1)
    return _midnight(day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), JST).astimezone(UTC)


def inclusive_to_instant(day: date) -> datetime:
    """Return the exclusive end, in UTC, of what is shown as lasting through `day` in JST."""
    return _midnight(_day(day) + ONE_DAY)


def instant_to_inclusive(until: datetime) -> date:
    """Return the last day in JST that an exclusive end `until` reaches into.

    The other way round of `inclusive_to_instant`; an end within a day shows that day.
    """
    return (jst(until) - timedelta.resolution).date()
