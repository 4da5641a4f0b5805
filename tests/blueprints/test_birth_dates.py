"""A date of birth that becomes known: guardians' consents end at 18, and nothing is lengthened."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.policy.viewer import Viewer
from portal.templating import jst_date, today
from portal.vault import equip, reveal, seal
from portal.worker import queue
from portal.working_hours import ONE_DAY, eighteenth_birthday, inclusive_to_instant
from portal.world.looking import send_settings
from tests import city as towns
from tests.blueprints.conftest import Write
from tests.letters import jobs
from tests.web import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def shared(write: Write, town: towns.City) -> towns.City:
    """Return the city whose child was born nobody knows when: two shares, one by the mother."""

    def share(session: Session) -> None:
        seal(session, session.get_one(m.Person, town.persons["child"]), birth_date=None)
        towns.add_entry(session, town, slice_="school", text="CANARY-school 図書室にいる")
        towns.add_entry(session, town, slice_="welfare", text="CANARY-mother", subject="mother")
        towns.add_consented(session, town, "school", ["basic", "school"], "child")
        towns.add_consented(session, town, "welfare", ["basic", "welfare"], "mother")

    write(share)
    return town


def rows(system: Engine, model: type[Any], *conditions: Any) -> list[Any]:
    with SystemSession(system) as session:
        found = list(session.scalars(select(model).where(*conditions)))
        session.expunge_all()
        return found


def grant_of(system: Engine, town: towns.City, agency: str) -> m.Grant:
    [grant] = rows(system, m.Grant, m.Grant.agency_id == town.agencies[agency])
    return grant  # type: ignore[no-any-return]


def states(system: Engine, town: towns.City, agency: str) -> list[str]:
    found = rows(system, m.ConsentEvent, m.ConsentEvent.agency_id == town.agencies[agency])
    return [event.state for event in found]


def eighteen_in(days: int) -> dt.date:
    """Return when somebody was born who will be eighteen in so many days."""
    birthday = today() + days * ONE_DAY
    return next(
        day
        for day in (
            birthday.replace(year=birthday.year - 18, day=1) + n * ONE_DAY for n in range(31)
        )
        if eighteenth_birthday(day) == inclusive_to_instant(birthday - ONE_DAY)
    )


def typed(day: dt.date) -> str:
    return f"{day.year} {day.month} {day.day}"


def enter(browser: Browser, town: towns.City, born: dt.date) -> Any:
    """Look at what a date changes, then record it."""
    place = f"/cases/{town.case_id}/birth-date"
    page = browser.submit(place, {"born": typed(born), "step": "preview"}, status=200)
    return browser.post(place, {**page.form(), "born": typed(born), "step": "record"})


def test_a_guardians_share_is_shortened_to_the_birthday_and_the_childs_own_is_not(
    browse: Browse, shared: towns.City, system: Engine
) -> None:
    counsellor, officer = browse("counsellor"), browse("officer")
    before = {agency: grant_of(system, shared, agency) for agency in ("school", "welfare")}
    people = counsellor.get(f"/cases/{shared.case_id}/people").words
    assert "生年月日：わかりません" in people.replace(" ", "")
    next_step = "こどもの生年月日を確かめて記録する"
    assert next_step in counsellor.get(f"/cases/{shared.case_id}/consents").words
    born = eighteen_in(30)
    place = f"/cases/{shared.case_id}/birth-date"
    page = counsellor.submit(place, {"born": typed(born), "step": "preview"}, status=200)
    last_day = today() + 29 * ONE_DAY
    assert "見本区福祉課" in page.words
    assert f"{jst_date(last_day)}まで" in page.words
    assert "見本第一小学校" not in page.words
    assert "遅い日付になおしても、早めた期限は延びません" in page.words
    assert grant_of(system, shared, "welfare").valid_until == before["welfare"].valid_until

    enter(counsellor, shared, born)
    end = eighteenth_birthday(born)
    grant = grant_of(system, shared, "welfare")
    assert (grant.valid_until, grant.ended_at) == (end, None)
    assert grant_of(system, shared, "school").valid_until == before["school"].valid_until
    assert states(system, shared, "welfare") == ["shortened"]
    [step] = rows(system, m.ConsentEvent)
    assert (step.valid_until, step.grant_id) == (end, grant.id)
    reached = rows(system, m.CaseAccess, m.CaseAccess.agency_id == shared.agencies["welfare"])
    assert {row.valid_until for row in reached} == {end}, "the list ends with it"
    assert "CANARY-mother" in officer.get(f"/cases/{shared.case_id}").text
    told = {row.event for row in rows(system, m.AuditEvent)}
    assert {"birth_date.recorded", "grant.shortened"} <= told
    assert next_step not in counsellor.get(f"/cases/{shared.case_id}/consents").words


def test_at_eighteen_it_ends_now_and_what_was_read_is_shown(
    browse: Browse, shared: towns.City, system: Engine
) -> None:
    counsellor, officer = browse("counsellor"), browse("officer")
    assert "CANARY-mother" in officer.get(f"/cases/{shared.case_id}").text
    place, born = f"/cases/{shared.case_id}/birth-date", eighteen_in(-40)
    page = counsellor.submit(place, {"born": typed(born), "step": "preview"}, status=200)
    assert "いますぐ終わります" in page.words
    assert "ケースがあることも見えなくなる人：見本 officer" in page.words
    assert "CANARY" not in page.text
    assert "CANARY-mother" in officer.get(f"/cases/{shared.case_id}").text, "a preview ends nothing"
    told = counsellor.follow(enter(counsellor, shared, born)).words
    assert "1件の共有を終わりにしました" in told
    officer.get(f"/cases/{shared.case_id}", status=404)
    assert "K7F-3QXR" not in officer.get("/cases").text
    assert states(system, shared, "welfare") == ["expired"]
    grant = grant_of(system, shared, "welfare")
    assert "見本 officer" in counsellor.get(f"/grants/{grant.id}/read").words
    assert "CANARY-school" in browse("nurse").get(f"/cases/{shared.case_id}").text


def test_a_later_date_lengthens_nothing(browse: Browse, shared: towns.City, system: Engine) -> None:
    counsellor = browse("counsellor")
    first, later, sooner = eighteen_in(30), eighteen_in(60), eighteen_in(10)
    enter(counsellor, shared, first)
    enter(counsellor, shared, later)
    assert grant_of(system, shared, "welfare").valid_until == eighteenth_birthday(first)
    assert states(system, shared, "welfare") == ["shortened"]
    enter(counsellor, shared, sooner)
    assert grant_of(system, shared, "welfare").valid_until == eighteenth_birthday(sooner)
    # Sent once more it is the same: nothing is written twice.
    enter(counsellor, shared, sooner)
    assert states(system, shared, "welfare") == ["shortened", "shortened"]


def test_nothing_is_kept_before_its_consequences_were_shown(
    browse: Browse, shared: towns.City, system: Engine, config: Config
) -> None:
    counsellor, place = browse("counsellor"), f"/cases/{shared.case_id}/birth-date"
    born, other = typed(eighteen_in(30)), typed(eighteen_in(31))
    counsellor.submit(place, {"born": born, "step": "record"}, status=200)
    page = counsellor.submit(place, {"born": born, "step": "preview"}, status=200)
    changed = {**page.form(), "born": other, "step": "record"}
    assert "この生年月日を記録すると" in counsellor.post(place, changed, status=200).words
    assert states(system, shared, "welfare") == []
    with SystemSession(system) as session:
        equip(session, config.keys)
        child = session.get_one(m.Person, shared.persons["child"])
        assert reveal(session, child, "birth_date") == ""


def test_whoever_comes_second_is_shown_both_dates(browse: Browse, shared: towns.City) -> None:
    counsellor, director = browse("counsellor"), browse("director")
    place, mine = f"/cases/{shared.case_id}/birth-date", typed(dt.date(2015, 5, 2))
    page = counsellor.submit(place, {"born": mine, "step": "preview"}, status=200)
    enter(director, shared, dt.date(2015, 5, 1))
    sent = {**page.form(), "born": mine, "step": "record"}
    lost = counsellor.post(place, sent, status=409)
    assert "2015年5月1日" in lost.words
    assert "2015年5月2日" in lost.words
    # What is sent next is meant against what stands now.
    again = counsellor.post(place, {**lost.form(), "born": mine, "step": "preview"}, 200)
    counsellor.post(place, {**again.form(), "born": mine, "step": "record"})
    assert "2015年5月2日" in counsellor.get(f"/cases/{shared.case_id}/people").words


@pytest.mark.parametrize(
    ("born", "message"),
    [
        ("2099 1 1", "きょうより後"),
        ("1900 1 1", "30歳を超えます"),
        ("平成28 9 1", "平成28年は、西暦2016年です"),
        ("H28 9 1", "H28年は、西暦2016年です"),
        ("令和元 5 1", "令和元年は、西暦2019年です"),
        ("28 9 1", "西暦4けた"),
        ("2016 2 30", "この日付はありません"),
        ("2016 9", "すべて数字で"),
        ("きのう", "すべて数字で"),
        ("2016 " + "9" * 40 + " 1", "この日付はありません"),
        ("", "生年月日を入力してください"),
    ],
)
def test_a_date_that_cannot_be_is_refused_with_what_to_do(
    browse: Browse, shared: towns.City, born: str, message: str
) -> None:
    place = f"/cases/{shared.case_id}/birth-date"
    page = browse("counsellor").submit(place, {"born": born, "step": "record"}, status=422)
    assert message in page.words


def test_full_width_digits_are_digits(browse: Browse, shared: towns.City) -> None:
    place = f"/cases/{shared.case_id}/birth-date"
    page = browse("counsellor").submit(place, {"born": "２０１６ ９ １", "step": "preview"}, 200)
    assert page.form()["shown"] == "2016-09-01"


def test_only_the_centre_enters_it(browse: Browse, shared: towns.City) -> None:
    place = f"/cases/{shared.case_id}/birth-date"
    for person in ("nurse", "officer", "principal"):
        browse(person).get(place, status=403)
    browse("clerk").get(place, status=403)
    browse("counsellor").get(f"/cases/{uuid.uuid4()}/birth-date", status=404)


# -- cases of the same child that are closed to who enters it


@pytest.fixture
def other(shared: towns.City, write: Write) -> towns.City:
    """Return the city as another case of the child sees it: the mother's yes, and no counsellor."""
    other = replace(shared, case_id=uuid.uuid4())

    def open_case(session: Session) -> None:
        case = towns.add_case(session, shared, "M4P-9TWK", id=other.case_id)
        session.add(towns.linked(case, shared.persons["child"]))
        session.add(towns.linked(case, shared.persons["mother"], "guardian"))
        session.flush()
        towns.add_consented(session, other, "welfare", ["welfare"], "mother")
        session.add(
            m.Exclusion(
                case_id=case.id,
                owner_agency_id=case.owner_agency_id,
                account_id=shared.accounts["counsellor"],
                recorded_by=shared.accounts["director"],
            )
        )

    write(open_case)
    return other


@pytest.mark.parametrize("days", [30, -40])
def test_a_case_that_is_closed_to_who_enters_it_is_left_to_the_worker(
    browse: Browse,
    shared: towns.City,
    other: towns.City,
    system: Engine,
    config: Config,
    *,
    days: int,
) -> None:
    counsellor, born = browse("counsellor"), eighteen_in(days)
    counsellor.get(f"/cases/{other.case_id}", status=404)
    [before] = rows(system, m.Grant, m.Grant.case_id == other.case_id)
    told = counsellor.follow(enter(counsellor, shared, born)).words
    assert "1件の共有" in told, "nobody hears of a case that they do not see"
    [untouched] = rows(system, m.Grant, m.Grant.case_id == other.case_id)
    assert (untouched.valid_until, untouched.ended_at) == (before.valid_until, None)

    for times in (1, 2):
        end_for(system, config, shared.persons["child"])
        [grant] = rows(system, m.Grant, m.Grant.case_id == other.case_id)
        if days > 0:
            assert (grant.valid_until, grant.ended_at) == (eighteenth_birthday(born), None)
        else:
            assert grant.ended_at is not None
        state, event = ("shortened", "grant.shortened") if days > 0 else ("expired", "grant.ended")
        steps = rows(system, m.ConsentEvent, m.ConsentEvent.case_id == other.case_id)
        assert [(step.state, step.account_id) for step in steps] == [(state, None)], times
        log = rows(system, m.AuditEvent, m.AuditEvent.case_id == other.case_id)
        assert [row.event for row in log if row.event == event] == [event], times


def end_for(system: Engine, config: Config, child: uuid.UUID) -> None:
    """Do what was written for the worker, which names the child and nothing else."""
    [args] = jobs(system, "end_at_18")
    assert args == {"child": str(child)}
    task = queue(system, config).tasks["end_at_18"]
    assert task.retry_strategy is not None, "what fails once would stay open for good"
    task(**args)


# -- the wall


def asked_to_shorten(
    engine: Engine, town: towns.City, person: str, grant: m.Grant, until: dt.datetime
) -> bool:
    """Call the function of the database as somebody; what it does is undone."""
    with engine.connect() as connection:
        send_settings(connection, Viewer(town.accounts[person], town.acting[person]))
        moved = connection.execute(select(func.shorten_grant(grant.id, until))).scalar_one()
        connection.rollback()
        return bool(moved)


def test_only_the_owner_gives_the_worker_a_child_to_look_at(
    shared: towns.City, system: Engine, config: Config
) -> None:
    engine, call = create_engine(config.database_url), func.defer_ends_at_18(uuid.uuid4())
    for person in ("nurse", "officer", "clerk", "admin", "auditor", "counsellor"):
        assert jobs(system, "end_at_18") == [], "nobody before left one"
        with engine.begin() as connection:
            send_settings(connection, Viewer(shared.accounts[person], shared.acting[person]))
            connection.execute(select(call))
    # The control: the last to ask was the owner's.
    assert len(jobs(system, "end_at_18")) == 1
    engine.dispose()


def test_the_database_only_ever_shortens_and_only_for_the_owner(
    shared: towns.City, system: Engine, config: Config, write: Write
) -> None:
    engine = create_engine(config.database_url)
    grant = grant_of(system, shared, "welfare")
    assert grant.valid_until is not None
    now, sooner = dt.datetime.now(dt.UTC), grant.valid_until - ONE_DAY
    # The control: it does move the end where it may.
    assert asked_to_shorten(engine, shared, "counsellor", grant, sooner)
    for person in ("nurse", "officer", "clerk", "admin", "auditor"):
        assert not asked_to_shorten(engine, shared, person, grant, sooner), person
    for until in (grant.valid_until, grant.valid_until + ONE_DAY, now - ONE_DAY):
        assert not asked_to_shorten(engine, shared, "counsellor", grant, until)
    directly = update(m.Grant).values(valid_until=sooner)
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="denied"):
        connection.execute(directly)

    def by_law(session: Session) -> None:
        row = session.get_one(m.Grant, grant.id)
        row.basis, row.consent_id = "CAPA6", None

    write(by_law)
    assert not asked_to_shorten(engine, shared, "counsellor", grant, sooner), "a law's end stays"

    def exclude(session: Session) -> None:
        row = session.get_one(m.Grant, grant.id)
        row.basis = "CONSENT"
        session.add(
            m.Exclusion(
                case_id=shared.case_id,
                owner_agency_id=shared.agencies["centre"],
                account_id=shared.accounts["counsellor"],
                recorded_by=shared.accounts["director"],
            )
        )

    write(exclude)
    assert not asked_to_shorten(engine, shared, "counsellor", grant, sooner)
    assert asked_to_shorten(engine, shared, "director", grant, sooner)
    engine.dispose()
