"""The first page: what waits for whom, what is overdue first, and nothing of others."""

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from portal import models as m
from portal.codes import number_of
from portal.database import SystemSession
from portal.templating import today
from portal.unit import Portal
from portal.vault import Scope, create_key, seal
from tests.blueprints.conftest import Write
from tests.city import City, add_consultation, add_grant
from tests.counting import assert_constant
from tests.web import Browser

Browse = Callable[[str], Browser]


def add_action(session: Session, town: City, agency: str, days: int) -> m.Action:
    """Ask an agency for something, due in so many days."""
    action = m.Action(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        agency_id=town.agencies[agency],
        kind="watch",
        due_on=today() + dt.timedelta(days=days),
        asked_by=town.accounts["counsellor"],
    )
    create_key(session, Scope("action", action.id))
    session.flush()
    seal(session, action, request="見てください")
    session.add(action)
    session.flush()
    return action


def check(session: Session, town: City, days: int) -> None:
    """Write a progress check whose next date is so many days away."""
    row = m.ProgressCheck(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        checked_by=town.accounts["counsellor"],
        next_on=today() + dt.timedelta(days=days),
    )
    seal(session, row, finding="ひみつの所見")
    session.add(row)


def test_a_stranger_is_sent_to_the_sign_in(stranger: Browser) -> None:
    assert stranger.get("/", status=302).location == "/sign-in"


def test_the_head_of_the_page_says_for_which_agency_one_acts(browse: Browse) -> None:
    words = browse("nurse").get("/").words
    assert "見本第一小学校 養護教諭" in words
    assert "閲覧の記録" not in words


def test_everybody_has_a_first_page_and_what_is_empty_says_so(browse: Browse, town: City) -> None:
    for person in town.accounts:
        page = browse(person).get("/")
        empty = page.tree.xpath("//main//p[@class='muted']")
        assert empty or page.tree.xpath("//main//section"), person


DEEDS = {
    "clerk": "/consultations/new",
    "auditor": "/log",
    "admin": "/accounts",
    "counsellor": "/cases/search",
    "nurse": "/cases/search",
    "liaison": "/cases",
}


def test_everybody_is_a_tap_away_from_what_they_come_for(browse: Browse) -> None:
    for person, there in DEEDS.items():
        assert browse(person).get("/").tree.xpath(f"//main//a[@href='{there}']"), person
    # The police never search.
    assert not browse("liaison").get("/").tree.xpath("//a[@href='/cases/search']")


def test_what_is_overdue_comes_before_what_is_not(browse: Browse, town: City, write: Write) -> None:
    def deed(session: Session) -> None:
        add_consultation(session, town, "centre", 5)
        check(session, town, -3)

    write(deed)
    page = browse("counsellor").get("/")
    kinds = page.tree.xpath("//main//section/h2/@id")
    assert kinds == ["waiting-checks", "waiting-inbox"]
    assert page.tree.xpath("string(//title)").startswith("(2) ホーム")
    # The child's name stands beside the reference.
    assert "K7F-3QXR あおい" in page.words


def test_what_others_let_lapse_comes_up_to_the_director(
    browse: Browse, town: City, write: Write
) -> None:
    def deed(session: Session) -> None:
        add_grant(session, town, "school", ["basic", "school"])
        add_action(session, town, "school", -2)
        add_action(session, town, "welfare", 2)
        check(session, town, 5)

    write(deed)
    for person in ("director", "counsellor"):
        page = browse(person).get("/")
        assert page.tree.xpath("//main//section/h2/@id")[0] == "waiting-asked"
        assert len(page.tree.xpath("//section[@aria-labelledby='waiting-asked']//li")) == 1
    assert "期限を過ぎた依頼はありません" in browse("investigator").get("/").words


def test_a_manager_hears_of_shares_that_end_or_that_nobody_reads(
    browse: Browse, town: City, write: Write
) -> None:
    reference = "K7F-3QXR"

    principal = browse("principal")
    write(lambda session: add_grant(session, town, "school", ["basic"], days=40) and None)
    assert reference not in principal.get("/").words
    write(lambda session: add_grant(session, town, "school", ["basic"], days=9) and None)
    words = principal.get("/").words
    assert "共有がまもなく終わります" in words
    assert reference in words
    # A manager who reads nothing sees no child's name; a reader who manages nothing no such line.
    assert "あおい" not in words
    assert "まもなく終わる" not in browse("nurse").get("/").words
    write(lambda session: session.execute(text("UPDATE team_members SET valid_until = now()")))
    assert "チームに人がいません" in principal.get("/").words


def test_a_reader_is_a_tap_away_from_the_own_cases(
    browse: Browse, town: City, write: Write
) -> None:
    nurse = browse("nurse")
    there = f"//main//a[@href='/cases/{town.case_id}']"
    assert not nurse.get("/").tree.xpath(there)
    write(lambda session: add_grant(session, town, "school", ["basic"]))
    assert nurse.get("/").tree.xpath(there)
    assert not browse("principal").get("/").tree.xpath(there)
    assert not browse("other_nurse").get("/").tree.xpath(there)


def test_a_desk_sees_what_is_due_and_what_is_late_first(
    browse: Browse, town: City, write: Write
) -> None:
    numbers: dict[str, str] = {}

    def deed(session: Session) -> None:
        for name, desk, hours in (
            ("soon", "centre", 5),
            ("late", "centre", -50),
            ("other", "npo", 1),
        ):
            numbers[name] = number_of(add_consultation(session, town, desk, hours).thread_id)

    write(deed)
    page = browse("counsellor").get("/")
    assert page.text.index(numbers["late"]) < page.text.index(numbers["soon"])
    assert "超過" in page.words
    # What lies on somebody else's desk is not here, and it is there.
    assert numbers["other"] not in page.text
    assert numbers["other"] in browse("npo_worker").get("/").text
    assert "ひみつの中身" not in page.text


def test_a_worker_sees_the_own_cases_to_check_and_a_director_all(
    browse: Browse, town: City, write: Write
) -> None:
    write(lambda session: check(session, town, -3))
    for person in ("counsellor", "director"):
        words = browse(person).get("/").words
        assert "K7F-3QXR" in words
        assert "3日超過" in words
    # The investigator works on no case yet.
    assert "K7F-3QXR" not in browse("investigator").get("/").text
    write(lambda session: check(session, town, 30))
    assert "K7F-3QXR" not in browse("counsellor").get("/").text


def test_a_closed_case_is_looked_at_no_more_until_it_is_opened_again(
    browse: Browse, town: City, write: Write
) -> None:
    for status, is_shown in (("closed", False), ("reopened", True)):
        write(
            lambda session, to=status: setattr(session.get_one(m.Case, town.case_id), "status", to)
        )
        for person in ("counsellor", "director"):
            assert ("K7F-3QXR" in browse(person).get("/").text) == is_shown, (status, person)


def test_a_case_nobody_set_a_date_for_is_overdue(browse: Browse) -> None:
    for person in ("counsellor", "director"):
        assert "次の確認の日が決まっていません" in browse(person).get("/").words


def test_an_agency_sees_what_it_was_asked_while_it_may_see_the_case(
    browse: Browse, town: City, write: Write, system: Engine
) -> None:
    def deed(session: Session) -> None:
        add_grant(session, town, "school", ["basic", "school"])
        add_action(session, town, "school", -2)
        add_action(session, town, "welfare", -2)

    write(deed)
    words = browse("nurse").get("/").words
    assert "2日超過" in words
    assert "見守り" in words
    # The welfare division was asked too, and nothing lets it see the case.
    assert "2日超過" not in browse("officer").get("/").words
    with system.begin() as connection:
        connection.execute(text("UPDATE grants SET ended_at = now()"))
    assert "2日超過" not in browse("nurse").get("/").words


def test_a_volunteer_sees_what_became_of_the_own_reports(
    browse: Browse, town: City, write: Write
) -> None:
    def deed(session: Session) -> None:
        item = add_consultation(session, town, "npo", 5)
        session.get_one(m.Thread, item.thread_id).account_id = town.accounts["volunteer"]

    write(deed)
    assert "返事を待っています" in browse("volunteer").get("/").words
    assert "返事を待っています" not in browse("watcher").get("/").words


@pytest.mark.parametrize("person", ["director", "counsellor", "nurse", "npo_worker"])
def test_the_first_page_costs_the_same_however_much_waits(
    app: Portal, browse: Browse, town: City, write: Write, person: str
) -> None:
    desk = {"nurse": "school", "npo_worker": "npo"}.get(person, "centre")

    def first(session: Session) -> None:
        add_grant(session, town, "school", ["basic", "school"])
        add_consultation(session, town, desk, 1)
        add_action(session, town, "school", 1)

    def more(session: Session) -> None:
        for _ in range(3):
            add_consultation(session, town, desk, 1)
            add_action(session, town, "school", 1)

    write(first)
    assert_constant(app, browse(person), "/", lambda: write(more), most=30)


def test_what_was_listed_is_in_the_log(
    browse: Browse, town: City, write: Write, system: Engine
) -> None:
    write(lambda session: check(session, town, -3))
    browse("counsellor").get("/")
    with system.connect() as connection:
        found = connection.execute(
            text("SELECT details FROM audit_events WHERE event = 'case.listed'")
        ).scalars()
        assert {"cases": [str(town.case_id)]} in list(found)


def test_only_a_cafeteria_is_led_to_the_reports_of_its_link(
    browse: Browse, town: City, system: Engine
) -> None:
    # The link of a school is for its children's tablets, and no page of reports is behind it.
    with SystemSession(system) as session, session.begin():
        session.get_one(m.Agency, town.agencies["school"]).report_slug = "mihon-ichi"
    assert "/report/" in browse("volunteer").get("/").text
    nurse = browse("nurse")
    for page in ("/", "/my-reports"):
        assert "/report/" not in nurse.get(page).text
