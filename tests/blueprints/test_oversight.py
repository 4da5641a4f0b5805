"""Who read what: the audit officer's log, and a case's own."""

import re
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from blueprints.oversight.words import EVENTS
from portal.audit import Event
from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.city import City, add_entry, add_grant
from tests.web import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def shared(system: Engine, town: City, config: Config) -> None:
    """Share the school slice with the school, and write an entry into it."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text="けさは元気だった。")
        add_grant(session, town, "school", ["basic", "school"])


def log_of(town: City) -> str:
    return f"/cases/{town.case_id}/log"


def test_every_event_has_words() -> None:
    assert EVENTS.keys() == set(Event)


def test_the_owner_sees_who_read_a_case_and_why(browse: Browse, town: City, shared: None) -> None:
    browse("nurse").get(f"/cases/{town.case_id}")
    counsellor = browse("counsellor")
    counsellor.get(f"/cases/{town.case_id}")
    words = counsellor.get(log_of(town)).words
    assert "見本第一小学校" in words
    assert "見本 nurse" in words
    assert "学校での様子" in words
    assert re.search(r"同意（\d{4}年\d+月\d+日（.）まで）", words)
    assert "センターの担当として" in words
    assert "元気だった" not in words


def test_reading_a_cases_log_is_in_the_log(
    browse: Browse, town: City, system: Engine, shared: None
) -> None:
    browse("counsellor").get(log_of(town))
    with system.connect() as connection:
        found = connection.execute(
            text("SELECT case_id, details FROM audit_events WHERE event = 'log.read'")
        ).one()
    assert found.case_id == town.case_id
    assert found.details == {"view": "case"}


def test_only_the_owner_reads_a_cases_log(browse: Browse, town: City, shared: None) -> None:
    # The nurse sees the case, and may not know who else does.
    browse("nurse").get(f"/cases/{town.case_id}")
    browse("nurse").get(log_of(town), 403)
    browse("auditor").get(log_of(town), 403)
    browse("admin").get(log_of(town), 403)
    browse("counsellor").get(f"/cases/{uuid.uuid4()}/log", 404)
    browse("counsellor").get(log_of(town))


def test_the_audit_officer_sees_who_did_what_and_no_case_text(
    browse: Browse, town: City, shared: None
) -> None:
    browse("nurse").get(f"/cases/{town.case_id}")
    page = browse("auditor").get("/log")
    assert "ケースを読んだ" in page.words
    assert "見本第一小学校" in page.words
    assert "養護教諭" in page.words
    for secret in ("元気だった", "あおい", "はるか", "K7F-3QXR", str(town.case_id)):
        assert secret not in page.text
    # The control: somebody who works on the case does see these words.
    shown = browse("counsellor").get(f"/cases/{town.case_id}").text
    assert "元気だった" in shown
    assert "K7F-3QXR" in shown


def test_reading_the_log_is_in_the_log(browse: Browse) -> None:
    auditor = browse("auditor")
    auditor.get("/log")
    assert "閲覧の記録を見た" in auditor.get("/log").words


@pytest.mark.parametrize("person", ["director", "nurse", "admin", "principal", "clerk"])
def test_the_whole_log_is_the_audit_officers_alone(browse: Browse, person: str) -> None:
    browse(person).get("/log", 403)


def test_the_log_is_filtered_by_month_and_agency(
    browse: Browse, town: City, system: Engine, shared: None
) -> None:
    browse("nurse").get(f"/cases/{town.case_id}")
    auditor = browse("auditor")
    months = re.findall(r'value="(\d{4}-\d{2})"', auditor.get("/log").text)
    assert len(months) == 24
    assert "ケースを読んだ" in auditor.get(f"/log?month={months[0]}").words
    assert "この条件の記録はありません" in auditor.get(f"/log?month={months[20]}").words
    school, police = town.agencies["school"], town.agencies["police"]
    assert "ケースを読んだ" in auditor.get(f"/log?agency={school}").words
    assert "この条件の記録はありません" in auditor.get(f"/log?agency={police}").words
    # What is no month and no agency filters nothing, and breaks nothing.
    assert "ケースを読んだ" in auditor.get("/log?month=9999-99&agency=x&at=x").words


def test_the_log_has_pages(browse: Browse, town: City, system: Engine) -> None:
    with system.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit_events (id, happened_at, event, viewer, account_id, agency_id,"
                " details) SELECT gen_random_uuid(), now() - n * interval '1 minute',"
                " 'case.listed', 'staff', :account, :agency,"
                " jsonb_build_object('cases', jsonb_build_array(n))"
                " FROM generate_series(1, 120) AS n"
            ),
            {"account": town.accounts["nurse"], "agency": town.acting["nurse"]},
        )
    auditor = browse("auditor")
    seen, url = [], f"/log?agency={town.acting['nurse']}"
    for size in (50, 50, 20):
        page = auditor.get(url)
        times = re.findall(r'<th scope="row"><time datetime="([^"]+)"', page.text)
        assert len(times) == size
        seen += times
        assert page.tree is not None
        url = next(iter(page.tree.xpath('//nav[@class="pager"]//a[@rel="next"]/@href')), "")
    assert url == ""
    assert seen == sorted(seen, reverse=True)
    assert page.tree is not None
    back = page.tree.xpath('//nav[@class="pager"]//a[@rel="prev"]/@href')[0]
    newer = auditor.get(back)
    assert re.findall(r'<th scope="row"><time datetime="([^"]+)"', newer.text) == seen[50:100]
