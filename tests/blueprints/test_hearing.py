"""「電話で聞き取り」: the centre writes down what an agency told by phone, as that agency's own."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import SystemSession
from tests import city as towns
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
WORDS = "きのう保健室で休んだと、電話で聞きました。"


def shared(system: Engine, town: towns.City, agency: str = "school", **terms: Any) -> None:
    with SystemSession(system) as session, session.begin():
        towns.add_grant(session, town, agency, ["basic", "school"], **terms)


def hear(browser: Browser, town: towns.City, status: int = 302, **values: str) -> Page:
    told = {
        "agency": str(town.agencies["school"]),
        "slice": "school",
        "subject": str(town.persons["child"]),
        "heard_from": "教頭",
        "text": WORDS,
        **values,
    }
    return browser.submit(f"/cases/{town.case_id}/entries/heard", told, status)


def entries(system: Engine) -> list[m.Entry]:
    with Session(system, expire_on_commit=False) as session:
        return list(session.scalars(select(m.Entry).where(m.Entry.heard_from_sealed.is_not(None))))


def test_what_an_agency_told_is_its_own_and_shown_as_heard_by_phone(
    browse: Browse, system: Engine, town: towns.City
) -> None:
    shared(system, town)
    shared(system, town, "welfare")
    counsellor, nurse, officer = browse("counsellor"), browse("nurse"), browse("officer")
    hear(counsellor, town)
    (entry,) = entries(system)
    assert entry.author_agency_id == town.agencies["school"]
    assert entry.author_account_id == town.accounts["counsellor"]
    for reader in (counsellor, nurse, officer):
        page = reader.get(f"/cases/{town.case_id}").words
        assert WORDS in page
        assert "話した人：教頭。センターが聞いて書きました。" in page
    assert WORDS in nurse.get("/own-records").words
    assert "話した人：教頭" in nurse.get("/own-records").words
    assert WORDS not in officer.get("/own-records").words
    assert WORDS not in counsellor.get("/own-records").words


def test_the_agency_takes_it_back_and_says_it_right(
    browse: Browse, system: Engine, town: towns.City
) -> None:
    shared(system, town)
    shared(system, town, "welfare")
    hear(browse("counsellor"), town)
    (entry,) = entries(system)
    place = f"/cases/{town.case_id}/entries/{entry.id}/retract"
    # Who only reads it corrects nothing.
    browse("officer").submit(place, {"reason": "ちがいます。"}, 403)
    nurse = browse("nurse")
    nurse.submit(place, {"reason": "日がちがいます。", "text": "おととい休みました。"})
    page = nurse.get(f"/cases/{town.case_id}").words
    assert WORDS not in page
    assert "おととい休みました。" in page
    assert "センターが聞いて書きました" not in page


def test_it_stays_the_agencys_own_after_the_share_ended(
    browse: Browse, system: Engine, town: towns.City
) -> None:
    shared(system, town)
    hear(browse("counsellor"), town)
    with SystemSession(system) as session, session.begin():
        session.execute(text("UPDATE grants SET ended_at = now()"))
    nurse = browse("nurse")
    nurse.get(f"/cases/{town.case_id}", 404)
    assert WORDS in nurse.get("/own-records").words
    # And what is shared no more is written down for nobody.
    page = browse("counsellor").get(f"/cases/{town.case_id}/entries/heard")
    assert "共有している機関がありません" in page.words


def test_it_goes_where_the_agency_could_write_itself(
    browse: Browse, system: Engine, town: towns.City
) -> None:
    shared(system, town)
    counsellor = browse("counsellor")
    ward = str(town.agencies["welfare"])
    for values in ({"slice": "health"}, {"agency": ward}, {"subject": str(town.persons["mother"])}):
        page = hear(counsellor, town, 422, **values)
        assert WORDS in page.text
    for missing in ("agency", "slice", "heard_from", "text"):
        hear(counsellor, town, 422, **{missing: ""})
    assert entries(system) == []
    # A slice that another agency has: the form offers it, and says that this one does not.
    with SystemSession(system) as session, session.begin():
        towns.add_grant(session, town, "welfare", ["welfare"])
    page = hear(counsellor, town, 422, slice="welfare")
    assert "この機関には、この人のこの項目が共有されていません。" in page.words
    hear(counsellor, town, slice="welfare", agency=ward)
    assert len(entries(system)) == 1


def test_sent_twice_it_is_one_record(browse: Browse, system: Engine, town: towns.City) -> None:
    shared(system, town)
    counsellor = browse("counsellor")
    url = f"/cases/{town.case_id}/entries/heard"
    values = {
        **counsellor.get(url).form(),
        "agency": str(town.agencies["school"]),
        "slice": "school",
        "subject": str(town.persons["child"]),
        "heard_from": "教頭",
        "text": WORDS,
    }
    for _ in range(2):
        counsellor.post(url, values, 302)
    assert len(entries(system)) == 1


@pytest.mark.parametrize("person", ["nurse", "officer", "clerk", "lawyer", "admin"])
def test_nobody_else_writes_in_the_name_of_an_agency(
    browse: Browse, system: Engine, town: towns.City, person: str
) -> None:
    shared(system, town)
    browse(person).get(f"/cases/{town.case_id}/entries/heard", 403)
