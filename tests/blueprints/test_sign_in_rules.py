"""How long a sign-in holds, agency by agency."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, text, update
from sqlalchemy.exc import IntegrityError

from portal import models as m
from tests.blueprints.test_administration import one
from tests.city import City
from tests.web import Browser

Browse = Callable[[str], Browser]


def rule_of(town: City, agency: str = "school") -> str:
    return f"/agencies/{town.agencies[agency]}/sign-in-rule"


def rested(system: Engine, column: str, minutes: float) -> None:
    """Let every session have been used, or opened, so long ago."""
    then = func.now() - timedelta(minutes=minutes)
    with system.begin() as connection:
        connection.execute(update(m.Session).values({column: then}))


@pytest.mark.parametrize(
    ("column", "field", "minutes"),
    [("seen_at", "idle_minutes", 5), ("opened_at", "absolute_minutes", 60)],
)
def test_an_agencys_own_times_bind_its_people_from_the_next_request_on(  # noqa: PLR0917
    browse: Browse, town: City, system: Engine, column: str, field: str, minutes: int
) -> None:
    nurse, officer = browse("nurse"), browse("officer")
    browse("admin").submit(rule_of(town), {field: str(minutes)})
    rested(system, column, minutes - 0.2)
    nurse.get("/")
    rested(system, column, minutes + 0.2)
    nurse.get("/", 302)
    # The control: another agency keeps the usual times.
    officer.get("/")


def test_times_can_be_longer_than_usual_within_bounds(
    browse: Browse, town: City, system: Engine
) -> None:
    nurse, admin = browse("nurse"), browse("admin")
    admin.submit(rule_of(town), {"idle_minutes": "60"})
    rested(system, "seen_at", 59)
    nurse.get("/")
    admin = browse("admin")
    for field, wrong in (
        ("idle_minutes", "90"),
        ("absolute_minutes", "1440"),
        ("idle_minutes", "x"),
    ):
        admin.submit(rule_of(town), {field: wrong}, 422)
    # The table holds the bounds too.
    for wrong in (4, 61):
        with pytest.raises(IntegrityError), system.begin() as connection:
            connection.execute(text("UPDATE sign_in_rules SET idle_minutes = :n"), {"n": wrong})


def test_a_page_knows_when_its_sign_in_rests_and_can_keep_it_awake(
    browse: Browse, town: City, system: Engine
) -> None:
    browse("admin").submit(rule_of(town), {"idle_minutes": "10", "absolute_minutes": "60"})
    nurse = browse("nurse")
    assert 'data-rest="600"' in nurse.get("/").text
    rested(system, "seen_at", 9)
    assert nurse.get("/sign-ins/stay").text == "600"
    assert one(system, "SELECT max(seen_at) > now() - interval '1 minute' FROM sessions")
    # The day's end comes first, and nothing moves it.
    rested(system, "opened_at", 55)
    assert 0 < int(nurse.get("/sign-ins/stay").text) <= 300


def test_a_rested_sign_in_is_not_listed_as_one_that_holds(
    browse: Browse, town: City, system: Engine
) -> None:
    browse("admin").submit(rule_of(town), {"idle_minutes": "5"})
    browse("nurse")
    rested(system, "seen_at", 6)
    assert browse("nurse").get("/sign-ins").text.count("/end") == 1


def test_the_manager_reads_of_the_change(browse: Browse, town: City) -> None:
    browse("admin").submit(rule_of(town), {"idle_minutes": "30"})
    assert "サインインのしかた" in browse("principal").get("/staff/changes").words
    assert "サインインのしかた" not in browse("other_nurse").get("/staff/changes").words


def test_somebody_who_was_sooner_is_shown_beside_ones_own(browse: Browse, town: City) -> None:
    admin, url = browse("admin"), rule_of(town)
    form = admin.get(url).form("/sign-in-rule")
    admin.post(url, {**form, "idle_minutes": "5"})
    page = admin.post(url, {**form, "idle_minutes": "45"}, 409)
    assert "5分" in page.words
    admin.post(url, page.form("/sign-in-rule"))
    assert admin.get(url).form("/sign-in-rule")["idle_minutes"] == "45"


@pytest.mark.parametrize("person", ["principal", "director", "nurse", "auditor"])
def test_the_times_are_the_administrators(browse: Browse, town: City, person: str) -> None:
    browse(person).get(rule_of(town), 403)
