"""The desk's hours and the calendar: holidays, deadlines, eras, ages, inclusive days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import working_hours as wh
from portal.vocabulary import UnknownCode
from portal.working_hours import JST, DeskHours

INSTANTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001 -- hypothesis wants its bounds naive.
    max_value=datetime(2032, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, JST]),
)
DAYS = st.dates(date(1930, 1, 1), date(2060, 12, 31))


def at(text: str) -> datetime:
    """An instant written in JST, as 2026-11-20 15:00."""
    return datetime.fromisoformat(text).replace(tzinfo=JST)


class TestNaive:
    @pytest.mark.parametrize(
        "ask",
        [
            wh.jst,
            wh.is_open,
            wh.next_opening,
            wh.npo_deadline,
            wh.instant_to_inclusive,
            lambda moment: wh.add_working_days(moment, 1),
            lambda moment: wh.promised_reply(moment, "EMAIL"),
        ],
    )
    def test_an_instant_without_a_zone_is_refused(self, ask: Callable[[datetime], object]) -> None:
        moment = at("2026-11-20 15:00")
        assert ask(moment) is not None
        with pytest.raises(ValueError, match="without a time zone"):
            ask(moment.replace(tzinfo=None))

    @pytest.mark.parametrize(
        "ask",
        [
            wh.fiscal_year,
            wh.wareki,
            wh.eighteenth_birthday,
            wh.inclusive_to_instant,
            lambda day: wh.age_on(day, date(2040, 1, 1)),
            lambda day: wh.age_on(date(2000, 1, 1), day),
        ],
    )
    def test_an_instant_is_no_calendar_day(self, ask: Callable[[date], object]) -> None:
        moment = at("2026-11-20 15:00")
        assert ask(moment.date()) is not None
        with pytest.raises(TypeError, match="calendar day"):
            ask(moment)


class TestDesk:
    @pytest.mark.parametrize(
        "moment",
        [
            "2026-11-20 10:00",
            "2026-11-20 17:59:59.999999",
            "2026-12-28 12:00",
            "2027-01-04 10:00",
        ],
    )
    def test_open(self, moment: str) -> None:
        assert wh.is_open(at(moment))
        assert wh.is_open(at(moment).astimezone(UTC))

    @pytest.mark.parametrize(
        "moment",
        [
            "2026-11-20 09:59:59.999999",
            "2026-11-20 18:00",
            "2026-11-21 12:00",  # Saturday
            "2026-11-23 12:00",  # 勤労感謝の日, a Monday
            "2026-09-22 12:00",  # 国民の休日, between two holidays
            "2027-03-22 12:00",  # 振替休日
            "2026-12-29 12:00",
            "2027-01-01 12:00",
            "2024-01-03 12:00",  # a Wednesday and no public holiday
        ],
    )
    def test_closed(self, moment: str) -> None:
        assert not wh.is_open(at(moment))

    def test_hours_can_become_settings(self) -> None:
        early = DeskHours(opens=time(8, 30), closes=time(17), days_off=((11, 20),))
        assert wh.is_open(at("2026-11-19 08:30"), early)
        assert not wh.is_open(at("2026-11-19 17:00"), early)
        assert not wh.is_open(at("2026-11-20 12:00"), early)
        assert wh.next_opening(at("2026-11-19 18:00"), early) == at("2026-11-24 08:30")

    def test_a_desk_that_closes_before_it_opens_is_refused(self) -> None:
        with pytest.raises(ValueError, match="open before it closes"):
            DeskHours(opens=time(18), closes=time(10))


class TestNextOpening:
    @pytest.mark.parametrize(
        ("moment", "opening"),
        [
            ("2026-11-20 03:00", "2026-11-20 10:00"),
            ("2026-11-20 10:00", "2026-11-20 10:00"),
            ("2026-11-20 10:01", "2026-11-24 10:00"),
            ("2026-11-20 20:00", "2026-11-24 10:00"),
            ("2026-12-28 18:00", "2027-01-04 10:00"),
            ("2027-04-28 18:00", "2027-04-30 10:00"),
            ("2027-04-30 18:00", "2027-05-06 10:00"),
        ],
    )
    def test_weekends_holidays_and_the_turn_of_the_year_are_skipped(
        self, moment: str, opening: str
    ) -> None:
        assert wh.next_opening(at(moment)) == at(opening)

    @given(INSTANTS)
    def test_it_is_the_first_instant_at_which_the_door_opens(self, moment: datetime) -> None:
        opening = wh.next_opening(moment)
        assert opening.tzinfo is UTC
        assert opening >= moment
        assert wh.is_open(opening)
        assert not wh.is_open(opening - timedelta.resolution)
        hours = (moment + timedelta(hours=hour) for hour in range(24 * 12))
        if not wh.is_open(moment):
            assert not any(wh.is_open(hour) for hour in hours if hour < opening)


class TestDeadlines:
    @pytest.mark.parametrize(
        ("moment", "days", "deadline"),
        [
            ("2026-11-19 15:00", 1, "2026-11-20 15:00"),
            ("2026-11-20 15:00", 1, "2026-11-24 15:00"),
            ("2026-11-20 10:00", 1, "2026-11-20 18:00"),
            ("2026-11-20 03:00", 1, "2026-11-20 18:00"),
            ("2026-11-20 18:00", 1, "2026-11-24 18:00"),
            ("2026-11-22 15:00", 1, "2026-11-24 18:00"),
            ("2026-11-20 15:00", 3, "2026-11-26 15:00"),
            ("2026-11-20 20:00", 3, "2026-11-26 18:00"),
            ("2026-12-28 17:00", 1, "2027-01-04 17:00"),
        ],
    )
    def test_only_desk_time_passes(self, moment: str, days: int, deadline: str) -> None:
        assert wh.add_working_days(at(moment), days) == at(deadline)

    def test_no_deadline_lies_behind(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            wh.add_working_days(at("2026-11-20 15:00"), 0)

    @given(INSTANTS, st.integers(min_value=1, max_value=6))
    def test_the_minutes_in_between_add_up(self, moment: datetime, days: int) -> None:
        """Counted the slow way: open quarters of an hour between the two instants."""
        quarter = timedelta(minutes=15)
        start = moment.replace(minute=0, second=0, microsecond=0)
        deadline = wh.add_working_days(start, days)
        count = sum(
            wh.is_open(start + step * quarter) for step in range((deadline - start) // quarter)
        )
        assert count == days * 8 * 4
        assert wh.is_open(deadline - timedelta.resolution)

    @given(INSTANTS, INSTANTS)
    def test_who_comes_later_is_never_due_earlier(self, one: datetime, other: datetime) -> None:
        first, second = sorted((one, other))
        assert wh.npo_deadline(first) <= wh.npo_deadline(second)

    def test_a_report_waits_one_working_day_at_the_npo(self) -> None:
        assert wh.npo_deadline(at("2026-11-20 16:30")) == at("2026-11-24 16:30")
        assert wh.npo_deadline(at("2026-11-20 16:30")).tzinfo is UTC


class TestPromise:
    @pytest.mark.parametrize("channel", ["EMAIL", "TABLET", "CAFETERIA", "POSTCARD", "OTHER"])
    @pytest.mark.parametrize(
        ("moment", "by"),
        [
            ("2026-11-19 11:00", "2026-11-20 18:00"),
            ("2026-11-19 02:00", "2026-11-20 18:00"),
            ("2026-11-20 23:00", "2026-11-24 18:00"),
            ("2026-11-21 12:00", "2026-11-24 18:00"),
            ("2026-12-28 12:00", "2027-01-04 18:00"),
        ],
    )
    def test_what_is_written_is_answered_the_next_working_day(
        self, channel: str, moment: str, by: str
    ) -> None:
        assert wh.promised_reply(at(moment), channel) == at(by)

    def test_a_call_is_answered_at_once_or_from_the_next_opening_on(self) -> None:
        assert wh.promised_reply(at("2026-11-20 12:00"), "PHONE") == at("2026-11-20 12:00")
        assert wh.promised_reply(at("2026-11-20 18:00"), "PHONE") == at("2026-11-24 10:00")
        assert wh.promised_reply(at("2026-11-20 12:00"), "VISIT").tzinfo is UTC

    def test_a_door_that_the_list_does_not_know_promises_nothing(self) -> None:
        with pytest.raises(UnknownCode, match="channel"):
            wh.promised_reply(at("2026-11-20 12:00"), "PIGEON")


class TestCalendar:
    @pytest.mark.parametrize(
        ("day", "year"),
        [("2026-03-31", 2025), ("2026-04-01", 2026), ("2026-12-31", 2026), ("2027-01-01", 2026)],
    )
    def test_fiscal_year(self, day: str, year: int) -> None:
        assert wh.fiscal_year(date.fromisoformat(day)) == year

    @pytest.mark.parametrize(
        ("day", "written"),
        [
            ("2026-11-23", "令和8年11月23日"),
            ("2019-05-01", "令和元年5月1日"),
            ("2019-04-30", "平成31年4月30日"),
            ("1989-01-08", "平成元年1月8日"),
            ("1989-01-07", "昭和64年1月7日"),
            ("1926-12-25", "昭和元年12月25日"),
        ],
    )
    def test_wareki(self, day: str, written: str) -> None:
        assert wh.wareki(date.fromisoformat(day)) == written

    def test_no_era_is_invented(self) -> None:
        with pytest.raises(ValueError, match="before the first era"):
            wh.wareki(date(1926, 12, 24))

    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("平成28", ("平成28", 2016)),
            ("平成28年", ("平成28", 2016)),
            ("令和元年", ("令和元", 2019)),
            ("H28", ("H28", 2016)),
            ("s.63", ("s.63", 1988)),
            ("2016", None),
            ("平成", None),
            ("平成2016", None),
            ("大正3", None),
        ],
    )
    def test_a_year_of_an_era_is_known_by_its_western_one(
        self, text: str, meant: tuple[str, int] | None
    ) -> None:
        assert wh.year_of_era(text) == meant

    def test_jst_is_nine_hours_ahead(self) -> None:
        assert wh.jst(datetime(2026, 11, 22, 15, 0, tzinfo=UTC)) == at("2026-11-23 00:00")
        assert wh.jst(datetime(2026, 11, 22, 15, 0, tzinfo=UTC)).isoformat().endswith("+09:00")


class TestAge:
    @pytest.mark.parametrize(
        ("birth", "day", "age"),
        [
            ("2013-06-15", "2026-06-14", 12),
            ("2013-06-15", "2026-06-15", 13),
            ("2013-06-15", "2013-06-15", 0),
            ("2008-02-29", "2026-02-28", 17),
            ("2008-02-29", "2026-03-01", 18),
            ("2008-02-29", "2024-02-29", 16),
        ],
    )
    def test_age(self, birth: str, day: str, age: int) -> None:
        assert wh.age_on(date.fromisoformat(birth), date.fromisoformat(day)) == age

    def test_nobody_has_an_age_before_the_birth(self) -> None:
        with pytest.raises(ValueError, match="before the birth"):
            wh.age_on(date(2026, 1, 2), date(2026, 1, 1))

    def test_the_eighteenth_birthday_is_a_midnight_in_japan(self) -> None:
        instant = wh.eighteenth_birthday(date(2010, 4, 2))
        assert instant == at("2028-04-02 00:00")
        assert instant.tzinfo is UTC
        assert wh.eighteenth_birthday(date(2008, 2, 29)) == at("2026-03-01 00:00")

    @given(DAYS)
    def test_eighteen_begins_on_that_day(self, birth: date) -> None:
        day = wh.jst(wh.eighteenth_birthday(birth)).date()
        assert wh.age_on(birth, day) == 18
        assert wh.age_on(birth, day - timedelta(days=1)) == 17


class TestInclusiveDays:
    def test_the_last_day_is_whole(self) -> None:
        end = wh.inclusive_to_instant(date(2026, 11, 30))
        assert end == at("2026-12-01 00:00")
        assert end.tzinfo is UTC

    @pytest.mark.parametrize(
        ("until", "day"),
        [
            ("2026-12-01 00:00", "2026-11-30"),
            ("2026-12-01 00:00:00.000001", "2026-12-01"),
            ("2026-12-01 15:00", "2026-12-01"),
        ],
    )
    def test_an_end_shows_the_last_day_it_reaches(self, until: str, day: str) -> None:
        assert wh.instant_to_inclusive(at(until)) == date.fromisoformat(day)
        assert wh.instant_to_inclusive(at(until).astimezone(UTC)) == date.fromisoformat(day)

    @given(DAYS)
    def test_there_and_back(self, day: date) -> None:
        assert wh.instant_to_inclusive(wh.inclusive_to_instant(day)) == day
