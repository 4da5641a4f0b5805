"""A school hands a matter to the centre: who reads it, on which basis, and what it sees after."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import SystemSession
from tests.blueprints.test_intake import accept, items_of
from tests.city import City
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
URL = "/tell-centre"
WORDS = "給食だけで一日をすごしているようです。"


def rows(system: Engine, model: type[m.Base]) -> list[m.Base]:
    with Session(system, expire_on_commit=False) as session:
        return list(session.scalars(select(model)))


def tell(browser: Browser, status: int = 200, **values: str) -> Page:
    told = {"about": "3年1組の あおい", "words": WORDS, "basis": "CWA21_10_5", "name": "見本 先生"}
    return browser.submit(URL, {**told, **values}, status)


def test_a_schools_matter_lies_at_the_centre_and_with_who_told_it_alone(
    browse: Browse, system: Engine, town: City
) -> None:
    nurse, teacher, centre = browse("nurse"), browse("teacher"), browse("counsellor")
    page = tell(nurse)
    assert "センターの受付に届きました。" in page.words
    (told,), (item,) = rows(system, m.Consultation), rows(system, m.InboxItem)
    assert (told.channel, told.consulter, told.basis) == ("SCHOOL", "OTHER", "CWA21_10_5")
    assert told.reporting_agency_id == town.agencies["school"]
    assert (item.agency_id, item.sealed) == (town.agencies["centre"], True)
    (at_centre,) = items_of(centre)
    shown = centre.get(at_centre).words
    for said in (WORDS, "見本第一小学校", "見本 先生", "要支援児童等の情報提供"):
        assert said in shown
    # The school's own desk holds no consultation, and its other people nothing of it.
    assert items_of(nurse) == []
    nurse.get(at_centre, 404)
    assert WORDS in nurse.get("/my-reports").words
    for other in (teacher, browse("principal"), browse("other_nurse")):
        assert WORDS not in other.get("/my-reports").words


def test_the_school_reads_the_reply_and_learns_nothing_of_the_case(
    browse: Browse, system: Engine, town: City
) -> None:
    nurse, centre, investigator = browse("nurse"), browse("counsellor"), browse("investigator")
    tell(nurse)
    (item,) = items_of(centre)
    answer = centre.get(item).form(f"{item}/answer")
    centre.post(f"{item}/answer", {**answer, "text": "受け取りました。明日うかがいます。"}, 302)
    before = nurse.get("/my-reports").words
    assert "受け取りました。明日うかがいます。" in before
    case = accept(centre, item, given_name="べつの").location
    assert nurse.get("/my-reports").words == before
    nurse.get(case, 404)
    # Who reported is in the case for the director and its workers alone.
    investigator.get(item, 404)
    assert WORDS in browse("director").get(item).words
    # A school's own words are no volunteer's: they stay.
    with SystemSession(system) as session, session.begin():
        session.execute(
            update(m.Consultation).values(received_at=m.Consultation.received_at - timedelta(2))
        )
    assert WORDS in nurse.get("/my-reports").words


def test_a_suspicion_of_abuse_is_told_by_duty_and_asks_for_no_consent(
    browse: Browse, system: Engine
) -> None:
    nurse = browse("nurse")
    for basis in ("CONSENT", "CWA21_10_5"):
        page = tell(nurse, 422, suspected_abuse="y", basis=basis)
        assert "同意を待つ必要はありません。" in page.words
        assert WORDS in page.text
    tell(nurse, suspected_abuse="y", basis="CAPA6")
    (told,) = rows(system, m.Consultation)
    assert told.suspected_abuse


def test_each_agency_is_offered_the_bases_that_carry_its_telling(browse: Browse) -> None:
    def offered(person: str) -> list[str]:
        page = browse(person).get(URL)
        return [str(value) for value in page.tree.xpath("//input[@name='basis']/@value")]

    assert offered("nurse") == ["CWA21_10_5", "CONSENT", "APPI69_2_3", "CAPA6", "CWA25"]
    assert offered("officer") == ["CONSENT", "APPI69_2_3", "CAPA6", "CWA25"]
    # No public body: article 69 is not for it.
    assert offered("npo_worker") == ["CWA21_10_5", "CONSENT", "CAPA6", "CWA25"]
    tell(browse("officer"), 422, basis="CWA21_10_5")


def test_what_is_missing_is_asked_for_and_the_rest_stays(browse: Browse, system: Engine) -> None:
    nurse = browse("nurse")
    for missing in ("about", "words", "basis", "name"):
        page = tell(nurse, 422, callback="内線 12", **{missing: ""})
        assert page.form()["callback"] == "内線 12"
    assert rows(system, m.Consultation) == []


def test_sent_twice_it_is_one_matter(browse: Browse, system: Engine) -> None:
    nurse = browse("nurse")
    told = {"about": "あおい", "words": WORDS, "basis": "CWA25", "name": "見本"}
    form = {**nurse.get(URL).form(), **told}
    first, second = (nurse.post(URL, form, 200) for _ in range(2))
    assert first.words == second.words
    assert len(rows(system, m.Consultation)) == 1


def test_what_cannot_wait_is_looked_at_like_a_call_and_says_whom_to_phone(
    browse: Browse, system: Engine
) -> None:
    page = tell(browse("nurse"), urgent="y")
    assert "110" in page.words
    assert "189" in page.words
    (item,) = rows(system, m.InboxItem)
    (told,) = rows(system, m.Consultation)
    assert told.urgent
    assert len(rows(system, m.Alarm)) == 1, "the duty list rings"
    assert item.status == "new"


@pytest.mark.parametrize(
    "person", ["counsellor", "clerk", "volunteer", "liaison", "lawyer", "admin", "auditor"]
)
def test_who_has_another_way_or_none_is_refused(browse: Browse, person: str) -> None:
    browse(person).get(URL, 403)


def test_telling_does_not_wait_for_the_pledge(browse: Browse, system: Engine, town: City) -> None:
    """Nothing stands before a report of concern; reading waits."""
    with SystemSession(system) as session, session.begin():
        session.execute(
            m.Pledge.__table__.delete().where(m.Pledge.account_id == town.accounts["nurse"])
        )
    nurse = browse("nurse")
    nurse.get("/my-reports", 302)
    tell(nurse)
    assert len(rows(system, m.Consultation)) == 1
