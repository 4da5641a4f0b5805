"""Who read what: the audit officer's log, and a case's own."""

import re
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, text

from blueprints.oversight.words import EVENTS
from portal import models as m
from portal.audit import Event
from portal.config import Config
from portal.database import SystemSession
from portal.unit import Portal
from portal.vault import equip, seal
from tests.city import City, add_entry, add_grant
from tests.counting import assert_constant
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


# --- by agency and person -----------------------------------------------------------------------


def test_who_read_a_case_is_counted_by_agency_and_person(
    browse: Browse, town: City, shared: None
) -> None:
    nurse = browse("nurse")
    nurse.get(f"/cases/{town.case_id}")
    nurse.get(f"/cases/{town.case_id}")
    counsellor = browse("counsellor")
    counsellor.get(f"/cases/{town.case_id}")
    page = counsellor.get(log_of(town))
    assert page.tree is not None
    rows = {
        row.xpath("string(th)"): row.xpath("string(td[1])").strip()
        for row in page.tree.xpath("//table//tbody/tr")
    }
    assert {name: count for name, count in rows.items() if "nurse" in name}.popitem()[1] == "2"
    school = counsellor.get(f"{log_of(town)}?agency={town.agencies['school']}")
    assert school.tree is not None
    titles = school.tree.xpath('//ol[@class="card-list"]//h2/text()')
    assert titles == ["見本第一小学校"] * 2


# --- a manager's own staff ----------------------------------------------------------------------


def test_a_manager_sees_what_the_own_staff_read_as_reference_and_slices(
    browse: Browse, town: City, shared: None
) -> None:
    browse("nurse").get(f"/cases/{town.case_id}")
    page = browse("principal").get("/staff/reads")
    assert "K7F-3QXR" in page.words
    assert "見本 nurse" in page.words
    assert "学校での様子" in page.words
    for secret in ("元気だった", "あおい", "はるか", str(town.case_id), "counsellor"):
        assert secret not in page.text
    # Nobody else's manager, and nobody who is no manager.
    assert "K7F-3QXR" not in browse("other_nurse").get("/staff/reads").text
    browse("nurse").get("/staff/reads", 403)
    browse("admin").get("/staff/reads", 403)
    only = browse("principal").get(f"/staff/reads?account={town.accounts['teacher']}")
    assert "K7F-3QXR" not in only.text
    # The director sees the same of the centre's people.
    browse("counsellor").get(f"/cases/{town.case_id}")
    centre = browse("director").get("/staff/reads")
    assert "見本 counsellor" in centre.words
    assert "K7F-3QXR" in centre.words


@pytest.mark.parametrize(
    "closing",
    [
        "UPDATE grants SET ended_at = now()",
        (
            "INSERT INTO exclusions (id, case_id, owner_agency_id, account_id)"
            " SELECT gen_random_uuid(), id, owner_agency_id, :principal FROM cases"
        ),
        (
            "INSERT INTO never_tells (id, case_id, owner_agency_id, account_id)"
            " SELECT gen_random_uuid(), id, owner_agency_id, :principal FROM cases"
        ),
    ],
)
def test_what_is_hidden_from_a_manager_is_hidden_in_the_reads_too(
    browse: Browse, town: City, system: Engine, shared: None, closing: str
) -> None:
    browse("nurse").get(f"/cases/{town.case_id}")
    principal = browse("principal")
    assert "見本 nurse" in principal.get("/staff/reads").words
    with system.begin() as connection:
        connection.execute(text(closing), {"principal": town.accounts["principal"]})
    page = principal.get("/staff/reads")
    assert "K7F-3QXR" not in page.text
    assert "この月の閲覧はありません" in page.words


# --- the month ----------------------------------------------------------------------------------


def read_much(system: Engine, town: City, person: str, cases: int, at: str) -> None:
    """Let somebody have read so many cases within the hour that begins at an instant."""
    with system.begin() as connection:
        begins = connection.execute(text(f"SELECT {at}")).scalar_one()
        connection.execute(
            text(
                "INSERT INTO audit_events (id, happened_at, event, viewer, account_id, agency_id,"
                " case_id, details) SELECT gen_random_uuid(), :at + n * interval '1 second',"
                " 'case.read', 'staff', :account, :agency, gen_random_uuid(), jsonb_build_object("
                "'slices', jsonb_build_array('basic'), 'rules', '[]', 'grants', '[]')"
                " FROM generate_series(1, :n) n"
            ),
            {
                "at": begins,
                "account": town.accounts[person],
                "agency": town.acting[person],
                "n": cases,
            },
        )


# Noon of the month's first day in Japan.
THIS_NOON = (
    "date_trunc('month', now() AT TIME ZONE 'Asia/Tokyo') AT TIME ZONE 'Asia/Tokyo'"
    " + interval '12 hours'"
)


def test_the_month_counts_by_agency_and_then_by_person(
    browse: Browse, town: City, system: Engine
) -> None:
    read_much(system, town, "nurse", 3, THIS_NOON)
    read_much(system, town, "teacher", 2, THIS_NOON)
    auditor = browse("auditor")
    page = auditor.get("/log/month")
    assert page.tree is not None
    (row,) = [r for r in page.tree.xpath("//tbody/tr") if "見本第一小学校" in r.text_content()]
    assert [cell.text_content() for cell in row.xpath("td")] == ["2", "5", "5", "3", "0", "0", "0"]
    (there,) = row.xpath(".//a/@href")
    people = auditor.get(there)
    assert "見本 nurse" in people.words
    assert "見本 teacher" in people.words
    assert "この月にはいません" in people.words
    # Another month has other figures.
    earlier = re.findall(r'value="(\d{4}-\d{2})"', page.text)[3]
    assert "この月の記録はありません" in auditor.get(f"/log/month?month={earlier}").words
    # What is no month, page or agency breaks nothing.
    auditor.get("/log/month?month=x&page=x&agency=x")
    auditor.get("/log/month?page=-3")
    auditor.get("/log/month?page=99999999")


@pytest.mark.parametrize(
    ("cases", "at", "striking"),
    [
        (20, THIS_NOON, False),
        (21, THIS_NOON, True),
        (1, f"{THIS_NOON} + interval '9 hours 59 minutes 58 seconds'", False),
        (1, f"{THIS_NOON} + interval '10 hours'", True),
        (1, f"{THIS_NOON} - interval '6 hours 2 seconds'", True),
        (1, f"{THIS_NOON} - interval '6 hours'", False),
    ],
)
def test_who_opens_many_cases_in_an_hour_or_reads_at_night_stands_out(
    browse: Browse, town: City, system: Engine, cases: int, at: str, *, striking: bool
) -> None:
    read_much(system, town, "nurse", cases, at)
    page = browse("auditor").get("/log/month")
    assert ("見本 nurse" in page.words) == striking


def test_the_month_is_the_audit_officers_and_costs_the_same_for_many(
    app: Portal, browse: Browse, town: City, system: Engine
) -> None:
    for person in ("director", "principal", "admin", "nurse"):
        browse(person).get("/log/month", 403)
        browse(person).post("/log/month/export", status=403)

    def more() -> None:
        for person in ("teacher", "officer", "cgc_worker", "liaison"):
            read_much(system, town, person, 30, THIS_NOON)

    read_much(system, town, "nurse", 30, THIS_NOON)
    assert_constant(app, browse("auditor"), "/log/month", more, most=20)


def test_the_reads_of_staff_cost_the_same_for_many(
    app: Portal, browse: Browse, town: City, shared: None
) -> None:
    nurse = browse("nurse")
    nurse.get(f"/cases/{town.case_id}")

    def more() -> None:
        for _time in range(5):
            nurse.get(f"/cases/{town.case_id}")

    assert_constant(app, browse("principal"), "/staff/reads", more, most=20)
    assert_constant(app, browse("counsellor"), log_of(town), more, most=25)


def test_the_export_holds_no_formula_and_no_case(
    browse: Browse, town: City, system: Engine, config: Config
) -> None:
    read_much(system, town, "nurse", 3, THIS_NOON)
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        profile = session.scalars(
            select(m.AccountProfile).where(m.AccountProfile.account_id == town.accounts["nurse"])
        ).one()
        seal(session, profile, name="=HYPERLINK(1)", email="nurse@example.jp")
    auditor = browse("auditor")
    month = re.findall(r'value="(\d{4}-\d{2})"', auditor.get("/log/month").text)[0]
    page = auditor.post("/log/month/export", {"month": month}, 200)
    headers = page.response.headers
    assert headers["Content-Disposition"] == f'attachment; filename="reads-{month}.csv"'
    assert "sandbox" in " ".join(headers.getlist("Content-Security-Policy"))
    lines = page.response.get_data().decode("utf-8-sig").splitlines()
    assert lines[0].startswith("機関,氏名,")
    assert "見本第一小学校,'=HYPERLINK(1),3,3,3,0,0,0" in lines
    assert "K7F-3QXR" not in page.text
    with system.connect() as connection:
        found = connection.execute(
            text('SELECT count(*) FROM audit_events WHERE details = \'{"view": "export"}\'')
        )
        assert found.scalar_one() == 1
