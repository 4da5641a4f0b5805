"""Somebody is away and a colleague stands in: what opens, for how long, and who hears of it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from tests import city as towns
from tests.blueprints.conftest import Write
from tests.web import Browser

Browse = Callable[[str], Browser]

TEXT = "保健室で話した。"


@pytest.fixture
def second_nurse(town: towns.City, write: Write, config: Config) -> str:
    """A second school nurse, who is on no team; and a share with the school's team."""

    def join(session: Session) -> None:
        account = m.Account()
        town.accounts["second_nurse"] = account.id
        town.acting["second_nurse"] = town.agencies["school"]
        session.add(account)
        session.flush()
        towns.add_profile(session, config.keys, account.id, "second@example.jp", "見本 ふたば")
        year = session.scalar(select(func.fiscal_year()))
        session.add(m.Pledge(account_id=account.id, fiscal_year=year))
        session.add(
            m.Membership(
                account_id=account.id,
                agency_id=town.agencies["school"],
                role="school_nurse",
                valid_from=towns.LONG_AGO,
            )
        )
        towns.add_grant(session, town, "school", ["basic", "school"])
        towns.add_entry(session, town, slice_="school", text=TEXT)

    write(join)
    return "second_nurse"


def days(first: int, last: int) -> dict[str, str]:
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=9))).date()
    return {
        "first_day": (today + dt.timedelta(days=first)).isoformat(),
        "last_day": (today + dt.timedelta(days=last)).isoformat(),
    }


def covering(
    browser: Browser, town: towns.City, absent: str, by: str, status: int = 302, **given: str
) -> Any:
    """Let somebody say that one stands in for another: two days from today, or the days given."""
    url = f"/covers/{town.accounts[absent]}/new"
    form = browser.get(url).form()
    return browser.post(
        url, {**form, "account": str(town.accounts[by]), **(given or days(0, 1))}, status=status
    )


def case_of(town: towns.City) -> str:
    return f"/cases/{town.case_id}"


def test_a_manager_lets_a_colleague_stand_in_and_it_ends_at_the_second(
    browse: Browse, town: towns.City, write: Write, second_nurse: str
) -> None:
    browse(second_nurse).get(case_of(town), status=404)
    covering(browse("principal"), town, "nurse", second_nurse)
    assert TEXT in browse(second_nurse).get(case_of(town)).text
    assert "見本 nurse" in browse(second_nurse).get("/").text
    # Both instants are moved, as time would: the place on the team and the cover end together.
    for model in (m.TeamMember, m.Cover):
        ended = update(model).where(model.account_id == town.accounts[second_nurse])
        write(lambda session, ended=ended: session.execute(ended.values(valid_until=func.now())))
    browse(second_nurse).get(case_of(town), status=404)
    assert "見本 nurse" not in browse(second_nurse).get("/").text


def test_a_cover_that_is_to_come_opens_nothing_yet(
    browse: Browse, town: towns.City, second_nurse: str
) -> None:
    covering(browse("principal"), town, "nurse", second_nurse, **days(3, 9))
    browse(second_nurse).get(case_of(town), status=404)
    assert "これから" in browse("principal").get("/covers").text
    assert "代わりをしています" not in browse(second_nurse).get("/").text


def test_an_exclusion_of_who_stands_in_still_wins(
    browse: Browse, town: towns.City, write: Write, second_nurse: str
) -> None:
    covering(browse("principal"), town, "nurse", second_nurse)
    excluded = m.Exclusion(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        account_id=town.accounts[second_nurse],
    )
    write(lambda session: session.add(excluded))
    browse(second_nurse).get(case_of(town), status=404)
    assert TEXT in browse("nurse").get(case_of(town)).text


def test_who_is_away_cannot_open_a_team_to_a_colleague(
    browse: Browse, town: towns.City, second_nurse: str
) -> None:
    page = covering(browse("nurse"), town, "nurse", second_nurse, status=422)
    assert "管理者に頼んでください" in page.text
    browse(second_nurse).get(case_of(town), status=404)


def test_only_the_same_role_of_the_same_agency_can_stand_in(
    browse: Browse, town: towns.City, second_nurse: str
) -> None:
    principal = browse("principal")
    page = principal.get(f"/covers/{town.accounts['nurse']}/new").text
    assert str(town.accounts[second_nurse]) in page
    for other in ("teacher", "other_nurse", "counsellor", "nurse"):
        assert str(town.accounts[other]) not in page.partition("<form")[2].partition("</main>")[0]
        covering(principal, town, "nurse", other, status=422)
    # Somebody of another agency is not there at all; nor is a colleague, for who does not manage.
    principal.get(f"/covers/{town.accounts['counsellor']}/new", status=404)
    browse("nurse").get(f"/covers/{town.accounts[second_nurse]}/new", status=404)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (days(2, 1), "終わる日は、始まる日より後"),
        (days(-9, -2), "終わる日は、始まる日より後"),
        (days(0, 200), "100日より長い"),
        ({"first_day": "", "last_day": ""}, "最初の日を入力"),
        ({"first_day": "9999-12-31", "last_day": "9999-12-31"}, "2000年から2100年"),
    ],
)
def test_days_that_cannot_be_are_refused(
    browse: Browse, town: towns.City, second_nurse: str, given: dict[str, str], words: str
) -> None:
    page = covering(browse("principal"), town, "nurse", second_nurse, status=422, **given)
    assert words in page.text


def test_nobody_is_covered_twice_nor_by_who_is_away(
    browse: Browse, town: towns.City, second_nurse: str
) -> None:
    principal = browse("principal")
    covering(principal, town, "nurse", second_nurse, **days(1, 5))
    page = covering(principal, town, "nurse", second_nurse, status=422, **days(5, 6))
    assert "もう決まっています" in page.text
    page = covering(principal, town, second_nurse, "nurse", status=422, **days(0, 2))
    assert "その期間に不在" in page.text
    covering(principal, town, second_nurse, "nurse", **days(6, 7))


def test_a_form_sent_twice_is_one_cover(
    browse: Browse, town: towns.City, write: Write, second_nurse: str
) -> None:
    principal = browse("principal")
    url = f"/covers/{town.accounts['nurse']}/new"
    sent = {
        **principal.get(url).form(),
        "account": str(town.accounts[second_nurse]),
        **days(0, 1),
    }
    for _ in range(2):
        principal.post(url, sent, status=302)
    count = select(func.count()).select_from(m.Cover)
    assert write(lambda session: session.scalar(count)) == 1


def test_a_counsellor_says_it_alone_and_work_and_notices_go_to_both(
    browse: Browse, town: towns.City, write: Write
) -> None:
    second = "second_counsellor"
    write(lambda session: _second_counsellor(session, town))
    assert "K7F-3QXR" not in browse(second).get("/").text
    covering(browse("counsellor"), town, "counsellor", second)
    home = browse(second).get("/").text
    # What is due of the absent person's case stands there, and the list can be kept to it.
    assert "K7F-3QXR" in home
    assert "K7F-3QXR" in browse(second).get("/cases?whose=mine").text
    write(lambda session: towns.add_grant(session, town, "school", ["basic", "school"]))
    _nurse_writes(browse, town)
    told = select(m.Notification.account_id).where(m.Notification.kind == "entry")
    assert write(lambda session: set(session.scalars(told))) == {
        town.accounts["counsellor"],
        town.accounts[second],
    }


def _nurse_writes(browse: Browse, town: towns.City) -> None:
    said = {
        "slice": "school",
        "subject": str(town.persons["child"]),
        "text": "きょうは元気だった。",
    }
    browse("nurse").submit(f"{case_of(town)}/entries/new", said)


def _second_counsellor(session: Session, town: towns.City) -> None:
    # The investigator becomes a counsellor: the small city has one of them.
    membership = update(m.Membership).where(
        m.Membership.account_id == town.accounts["investigator"]
    )
    session.execute(membership.values(role="center_counselor"))
    town.accounts["second_counsellor"] = town.accounts["investigator"]
    town.acting["second_counsellor"] = town.agencies["centre"]


def test_without_a_cover_nobody_else_hears(browse: Browse, town: towns.City, write: Write) -> None:
    write(lambda session: towns.add_grant(session, town, "school", ["basic", "school"]))
    _nurse_writes(browse, town)
    told = select(m.Notification.account_id).where(m.Notification.kind == "entry")
    assert write(lambda session: list(session.scalars(told))) == [town.accounts["counsellor"]]


def test_the_log_says_in_whose_stead_somebody_read(
    browse: Browse, town: towns.City, second_nurse: str
) -> None:
    covering(browse("principal"), town, "nurse", second_nurse)
    browse(second_nurse).get(case_of(town))
    browse("nurse").get(case_of(town))
    staff = browse("principal").get("/staff/reads").text
    assert staff.count("見本 nurseさんの代わり") == 1
    log = browse("counsellor").get(f"{case_of(town)}/log").text
    assert log.count("さんの代わり") + log.count("不在の人の代わり") == 1
    assert "不在の間の代わりが決まった" in browse("principal").get("/staff/changes").text


def test_a_cover_is_ended_by_the_manager_at_once(
    browse: Browse, town: towns.City, second_nurse: str, write: Write
) -> None:
    covering(browse("principal"), town, "nurse", second_nurse)
    (cover_id,) = write(lambda session: session.scalars(select(m.Cover.id)).all())
    url = f"/covers/{cover_id}/end"
    # Who stands in, and strangers, cannot end it; who is away leaves the team to the manager.
    browse(second_nurse).get(url, status=404)
    browse("other_nurse").get(url, status=404)
    nurse = browse("nurse")
    assert "管理者に頼んでください" in nurse.post(url, nurse.get(url).form(), status=422).text
    principal = browse("principal")
    principal.post(url, principal.get(url).form(), status=302)
    browse(second_nurse).get(case_of(town), status=404)
    principal.get(url, status=404)


def test_a_cover_that_was_to_come_never_holds(
    browse: Browse, town: towns.City, second_nurse: str, write: Write
) -> None:
    principal = browse("principal")
    covering(principal, town, "nurse", second_nurse, **days(5, 9))
    (cover_id,) = write(lambda session: session.scalars(select(m.Cover.id)).all())
    url = f"/covers/{cover_id}/end"
    principal.post(url, principal.get(url).form(), status=302)
    lasts = select(m.TeamMember.valid_until - m.TeamMember.valid_from).where(
        m.TeamMember.account_id == town.accounts[second_nurse]
    )
    assert write(lambda session: session.scalar(lasts)) == dt.timedelta.resolution


def test_the_walls_let_nobody_write_a_cover_for_others(
    browse: Browse, town: towns.City, second_nurse: str
) -> None:
    # By the form's address of somebody else, and with the own id in the body: neither counts.
    nurse = browse("nurse")
    form = nurse.get(f"/covers/{town.accounts['nurse']}/new").form()
    nurse.post(
        f"/covers/{town.accounts[second_nurse]}/new",
        {**form, "account": str(town.accounts["nurse"]), **days(0, 1)},
        status=404,
    )
