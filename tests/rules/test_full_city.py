"""The full demo city: it loads, it is the same every time, the walls hold in it, and work waits.

It is loaded twice: today, and on a leap day. The small city, which all other tests use, is looked
at on two further days on which calendars go wrong.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import FULL, SMALL
from portal.database import make_engine, standing, system_session
from portal.demo.acting import Acting, demo_uuid
from portal.demo.city import load_city
from portal.demo.people import DEMO_PEOPLE
from portal.demo.register import known_accounts
from portal.embedded import OWNER
from portal.policy.terms import clock
from portal.queries.home import Waiting, what_waits
from portal.vault import equip
from portal.working_hours import JST, jst
from portal.world import dump, visible_to
from tests.conftest import Database
from tests.rules import oracle

# Nobody's time of day is asked for: only the day matters.
LEAP_DAY = dt.date(2028, 2, 29)
OTHER_DAYS = (dt.date(2027, 12, 31), dt.date(2027, 4, 1))
# Whose home shows cases or readings at all; the others' first page has nothing to wait for.
NO_READINGS = frozenset({"clerk", "auditor", "admin"})
# Who sees nothing of any case, so that nothing can wait: a refusal, an exclusion, a never-tell.
NOTHING_OPEN = frozenset({"nurse2", "teacher", "cgc_mother"})
# What is there for whom: kinds of the first page, by the person's key.
WAITS_FOR = {
    "counsellor": {"inbox", "checks", "asked"},
    "director": {"inbox", "checks", "asked", "proposals", "emergencies", "alarms"},
    "investigator": {"inbox", "checks"},
    "nurse": {"actions", "cases"},
    "principal": {"shares"},
    "officer": {"actions", "cases"},
    "child_health": {"actions", "cases"},
    "cgc_worker": {"actions", "cases"},
    "liaison": {"shares"},
    "npo_worker": {"inbox"},
    "volunteer": {"reports"},
    "watcher": {"cases"},
    "lawyer": {"briefs"},
}
# What is overdue as well, for somebody who has to see it.
LATE_FOR = {"counsellor": {"checks", "asked"}, "director": {"inbox", "checks", "asked"}}
LATE_FOR_SMALL = {"counsellor": {"checks", "asked"}, "director": {"checks", "asked"}}
TIMES = frozenset({"from", "until", "at", "opened", "closed", "ended", "retracted", "birth_date"})


@dataclass
class Loaded:
    """A database with a demo city in it, and the people of that city."""

    database: Database
    system: Engine
    people: Acting

    def close(self) -> None:
        self.system.dispose()
        self.people.app.dispose()
        self.database.drop()


def loaded(database: Database, size: str, day: dt.date | None) -> Loaded:
    """Load a city as on another day: the clock of this one database runs some days ahead."""
    if day is not None:
        ahead = (day - dt.datetime.now(JST).date()).days
        with psycopg.connect(database.server.conninfo(OWNER, database.name)) as owner:
            owner.execute(
                "CREATE OR REPLACE FUNCTION portal_clock() RETURNS timestamptz LANGUAGE sql STABLE"
                f" AS $$ SELECT now() + interval '{ahead} days' $$"
            )
    config = replace(database.config, demo=True, demo_size=size)
    load_city(config)
    system = make_engine(config.urls.system)
    return Loaded(database, system, Acting(make_engine(config.urls.app), system, config))


@pytest.fixture(scope="module")
def today(clone: Callable[[], Database]) -> Iterator[Loaded]:
    city = loaded(clone(), FULL, None)
    yield city
    city.close()


@pytest.fixture(scope="module")
def leap_day(clone: Callable[[], Database]) -> Iterator[Loaded]:
    city = loaded(clone(), FULL, LEAP_DAY)
    yield city
    city.close()


# --------------------------------------------------------------------------- how large, and whole


def rows(session: Session, model: type[m.Base]) -> int:
    return session.scalars(select(func.count()).select_from(model)).one()


def test_the_city_is_as_large_as_promised(today: Loaded) -> None:
    with system_session(today.system, reason="a test") as session:
        assert rows(session, m.Agency) == 60
        assert rows(session, m.Case) == 312
        assert rows(session, m.Pledge) == rows(session, m.Account)
        loads = select(m.AuditEvent.details).where(m.AuditEvent.event == "world.loaded")
        assert session.scalars(loads).one()["cases"] == 312
        kinds = set(session.scalars(select(m.Agency.type)))
        assert {"support_center", "school", "nursery", "police", "npo", "cafeteria"} <= kinds
        assert {"medical", "cram_club", "family_court", "expert_welfare", "cgc"} <= kinds
        of_workers = Counter(
            session.scalars(
                select(m.CaseWorker.account_id)
                .join(m.Case, m.Case.id == m.CaseWorker.case_id)
                .where(m.Case.closed_at.is_(None))
            )
        )
        assert min(of_workers.values()) >= 34
        assert max(of_workers.values()) <= 46


def test_nobody_of_the_crowd_is_written_to_while_it_loads(today: Loaded) -> None:
    named = {demo_uuid(key) for key in known_accounts()}
    with system_session(today.system, reason="a test") as session:
        assert rows(session, m.Notice) == 0
        choices = dict(
            session.execute(select(m.MailChoice.account_id, m.MailChoice.daily_at)).all()
        )
        others = set(session.scalars(select(m.Account.id))) - named
        assert set(choices) == others
        assert None not in choices.values()


def test_the_help_for_signing_in_stays_short() -> None:
    assert len(DEMO_PEOPLE) == 19


# --------------------------------------------------------------------------- the same every time


def without_times(thing: Any) -> Any:
    """Return part of a register without its instants, in an order that does not hang on them."""
    if isinstance(thing, dict):
        # What a service made in a person's name has an id of that moment; grants are such.
        return {
            key: value is not None if key in TIMES else without_times(value)
            for key, value in thing.items()
            if not (key == "id" and "necessity" in thing)
        }
    if isinstance(thing, list):
        return sorted(map(without_times, thing), key=repr)
    return thing


def the_rest(city: Loaded) -> dict[str, Counter[Any]]:
    """Return what the world format has no words for, counted; days are counted from today on."""
    with system_session(city.system, reason="a test") as session:
        day = jst(clock(session)).date()
        tables = {
            "asked": (m.Action.case_id, m.Action.agency_id, m.Action.kind, m.Action.status),
            "due": (m.Action.case_id, m.Action.due_on - day),
            "steps": (m.ActionEvent.action_id, m.ActionEvent.status, m.ActionEvent.account_id),
            "checks": (m.ProgressCheck.case_id, m.ProgressCheck.next_on - day),
            "urgency": (m.UrgencyDecision.case_id, m.UrgencyDecision.urgency),
            "judged": (m.Violation.case_id, m.Violation.violation, m.Violation.severity),
            "ended": (m.Closure.case_id, m.Closure.outcome),
            "told": (m.Consultation.topic, m.Consultation.channel, m.Consultation.consulter),
            "briefs": (m.Brief.case_id, m.Brief.meeting_id),
            "advice": (m.Advice.account_id, m.Advice.case_id, m.Advice.assent),
            "tasks": (m.Task.case_id, m.Task.kind, m.Task.done_at.is_(None)),
            "written": (m.ThreadMessage.agency_id,),
            "notified": (m.Notification.account_id, m.Notification.kind),
        }
        return {
            name: Counter(map(tuple, session.execute(select(*columns)).all()))
            for name, columns in tables.items()
        }


def register(city: Loaded) -> oracle.World:
    with system_session(city.system, reason="a test") as session:
        equip(session, city.database.keys)
        return dump(session)


def test_two_loadings_are_equal_but_for_keys_and_times(today: Loaded, leap_day: Loaded) -> None:
    one, other = without_times(register(today)), without_times(register(leap_day))
    assert [each for each in one["cases"] if each not in other["cases"]] == []
    assert one == other
    assert the_rest(today) == the_rest(leap_day)


# --------------------------------------------------------------------------- the walls


@pytest.mark.parametrize(
    "person",
    [
        *("director", "counsellor2", "clerk", "nurse", "principal", "teacher", "nurse2", "officer"),
        *("cgc_worker", "cgc_mother", "liaison", "boe", "npo_learning_worker", "watcher", "admin"),
        *("commercial_high_principal", "coach_account", "commercial_high_team", "lawyer2"),
        *("cafeteria_east_watcher", "east_elementary_nurse", "ward_welfare_43103_officer"),
    ],
)
def test_the_walls_show_what_the_oracle_says(
    today: Loaded, world: oracle.World, person: str
) -> None:
    agency = demo_uuid(known_accounts(full=True)[person][1])
    # The two walls and the projection are asked apart, and refused where they disagree.
    engine = make_engine(today.database.config.urls.owner)
    shown = visible_to(engine, demo_uuid(person), agency)
    with engine.connect() as connection:
        now = connection.scalars(select(func.portal_clock())).one()
    engine.dispose()
    expected = oracle.visible(world, str(demo_uuid(person)), str(agency), now)
    assert shown | {"at": None} == expected | {"at": None}


@pytest.fixture(scope="module")
def world(today: Loaded) -> oracle.World:
    """The register as it stands."""
    return register(today)


def test_the_sample_of_viewers_sees_something_and_not_all(world: oracle.World) -> None:
    now = dt.datetime.now(dt.UTC)
    seen = {
        person: len(oracle.visible(world, str(demo_uuid(person)), _agency(person), now)["entries"])
        for person in ("director", "nurse", "boe", "teacher", "east_elementary_nurse")
    }
    assert seen["director"] > 2_500
    assert 0 < seen["nurse"] < 60
    assert 0 < seen["east_elementary_nurse"] < 200
    assert 0 < seen["boe"] < 600
    assert 0 < seen["teacher"] < seen["nurse"]


def _agency(person: str) -> str:
    return str(demo_uuid(known_accounts(full=True)[person][1]))


# --------------------------------------------------------------------------- what waits


def waiting(city: Loaded, person: str) -> list[Waiting]:
    with city.people.acting(person) as session:
        acting = standing(session)
        assert acting is not None
        return what_waits(session, acting, clock(session))


@pytest.mark.parametrize("day", ["today", "leap_day"])
def test_something_waits_for_everybody(day: str, request: pytest.FixtureRequest) -> None:
    city: Loaded = request.getfixturevalue(day)
    for person, kinds in WAITS_FOR.items():
        _waits(city, person, kinds, LATE_FOR)
    for person in NO_READINGS:
        assert waiting(city, person) == []


@pytest.fixture
def small(clone: Callable[[], Database], request: pytest.FixtureRequest) -> Iterator[Loaded]:
    city = loaded(clone(), SMALL, request.param)
    yield city
    city.close()


@pytest.mark.parametrize("small", OTHER_DAYS, indirect=True)
def test_something_waits_in_the_small_city_on_other_days(small: Loaded) -> None:
    for person, kinds in WAITS_FOR.items():
        # No share with the school ends soon here.
        _waits(small, person, kinds if person != "principal" else set(), LATE_FOR_SMALL)


def _waits(city: Loaded, person: str, kinds: set[str], late: Mapping[str, set[str]]) -> None:
    found = {each.kind: each for each in waiting(city, person)}
    assert {kind for kind in kinds if not found[kind].count} == set(), person
    assert {kind for kind in late.get(person, ()) if not found[kind].late} == set(), person


def test_everybody_who_can_be_tried_is_thought_of() -> None:
    keys = {person.email.partition("@")[0].replace("-", "_") for person in DEMO_PEOPLE}
    assert keys == set(WAITS_FOR) | NO_READINGS | NOTHING_OPEN
