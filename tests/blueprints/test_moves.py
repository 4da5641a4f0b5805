"""人事異動: a table of moves, the yearly confirmation, and handing work over."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import Engine, text

from blueprints.administration.words import CHANGES, PROBLEMS
from portal.config import Config
from portal.database import SystemSession, system_session
from portal.services.memberships import confirmed_until, set_first_dates
from portal.spreadsheet import written
from portal.templating import today
from portal.unit import Portal
from portal.vault import equip
from portal.working_hours import inclusive_to_instant
from tests.blueprints.test_administration import confirm_all, one
from tests.blueprints.test_staff import as_app, is_refused
from tests.city import City, add_entry, add_grant
from tests.web import Browser, Page

Browse = Callable[[str], Browser]

HEAD = "種別,氏名,メールアドレス,機関,役割,管理者,日付"
SOON = (today() + timedelta(days=30)).isoformat()
LATER = (today() + timedelta(days=31)).isoformat()


def send(browser: Browser, *lines: str, encoding: str = "utf-8", status: int = 200) -> Page:
    """Send a table to be looked at."""
    data = "\r\n".join([HEAD, *lines]).encode(encoding)
    return send_bytes(browser, data, status)


def send_bytes(browser: Browser, data: bytes, status: int = 200) -> Page:
    return browser.post("/moves", {"table": (BytesIO(data), "moves.csv")}, status)


def carry_out(browser: Browser, preview: Page, status: int = 302) -> Page:
    return browser.post("/moves/carry-out", preview.form("/carry-out"), status)


def members(system: Engine, town: City, agency: str) -> int:
    return int(
        str(
            one(
                system,
                "SELECT count(*) FROM memberships WHERE agency_id = :agency",
                agency=town.agencies[agency],
            )
        )
    )


# --- the table ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_table_is_shown_and_then_done_whole(
    browse: Browse, town: City, system: Engine, encoding: str
) -> None:
    admin = browse("admin")
    page = send(
        admin,
        f"着任,髙﨑 まさる,masaru@example.jp,見本第一小学校,養護教諭,,{LATER}",
        f"離任,,nurse@example.jp,見本第一小学校,,,{SOON}",
        f"着任,見本 ともこ,tomoko@example.jp,こども食堂みほん,こども食堂ボランティア,,{LATER}",
        encoding=encoding,
    )
    for shown in ("髙﨑 まさる", "masaru@example.jp", "アカウントをつくる", "別の人の確認を待つ"):
        assert shown in page.words
    assert one(system, "SELECT count(*) FROM membership_proposals") == 0
    assert one(system, "SELECT count(*) FROM memberships WHERE valid_until IS NOT NULL") == 0
    assert carry_out(admin, page).location == "/proposals"
    # Sent twice, it is done once.
    carry_out(admin, page)
    assert one(system, "SELECT count(*) FROM membership_proposals") == 1
    assert members(system, town, "cafeteria") == 3
    end = inclusive_to_instant(datetime.fromisoformat(SOON).date())
    assert one(system, "SELECT max(valid_until) FROM memberships") == end
    confirm_all(browse("principal"))
    start = one(system, "SELECT max(valid_from) FROM memberships WHERE role = 'school_nurse'")
    assert start == end


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"来任,見本,a@example.jp,見本警察署,警察連携担当,,{SOON}", "種別ではありません"),
        (f"着任,,a@example.jp,見本警察署,警察連携担当,,{SOON}", "氏名を書いて"),
        (f"着任,見本,あいう,見本警察署,警察連携担当,,{SOON}", "メールアドレスとして読めません"),
        (f"着任,見本,a@example.jp,見本宇宙局,警察連携担当,,{SOON}", "機関はありません"),
        (f"着任,見本,a@example.jp,見本警察署,校長先生,,{SOON}", "役割はありません"),
        (f"着任,見本,a@example.jp,見本警察署,養護教諭,,{SOON}", "この種類の機関にはない"),
        (f"着任,見本,a@example.jp,見本警察署,警察連携担当,たぶん,{SOON}", "管理者の列"),
        ("着任,見本,a@example.jp,見本警察署,警察連携担当,,あした", "日付として読めません"),
        ("着任,見本,a@example.jp,見本警察署,警察連携担当,,2020-01-01", "日付が過ぎています"),
        ("着任,見本,a@example.jp,見本警察署,警察連携担当,,99999-1-1", "日付として読めません"),
        (f"着任,,nurse@example.jp,見本第一小学校,校長,,{SOON}", "もうこの機関に所属"),
        (f"離任,,nurse@example.jp,見本警察署,,,{SOON}", "所属していません"),
        (f"離任,,nobody@example.jp,見本警察署,,,{SOON}", "所属していません"),
        ("離任,,nurse@example.jp,見本第一小学校,,,2020-01-01", "日付が過ぎています"),
        (f"離任,,admin@example.jp,みほん市総務課,,,{SOON}", "自分の所属は"),
        (f"着任,見本,a@example.jp,見本警察署,警察連携担当,,{SOON},x", "列が多すぎます"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_nothing_is_done(
    browse: Browse, town: City, system: Engine, line: str, reason: str
) -> None:
    good = f"着任,見本 ともこ,tomoko@example.jp,こども食堂みほん,cafeteria_volunteer,,{LATER}"
    page = send(browse("admin"), good, line, status=422)
    assert re.search(f"3行目：[^行]*{reason}", page.words)
    assert "2行目" not in page.words
    assert members(system, town, "cafeteria") == 2


def test_lines_that_contradict_one_another_are_named(browse: Browse) -> None:
    line = f"着任,見本,a@example.jp,見本警察署,警察連携担当,,{SOON}"
    page = send(browse("admin"), line, line, status=422)
    assert "3行目" in page.words
    assert "行が2つあります" in page.words


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe\x00", "CSVとして読めません"),
        (b'x,"y', "CSVとして読めません"),
        (HEAD.encode(), "1行もありません"),
        (b"", "1行もありません"),
        ("\n".join(["着任,a,a@b.jp,x,y,,z"] * 1001).encode(), "行が多すぎます"),
    ],
)
def test_what_is_no_table_is_refused(browse: Browse, data: bytes, reason: str) -> None:
    assert reason in send_bytes(browse("admin"), data, 422).words


def test_somebody_changes_the_role_in_one_table(browse: Browse, town: City, system: Engine) -> None:
    admin = browse("admin")
    page = send(
        admin,
        f"着任,,nurse@example.jp,見本第一小学校,校長,はい,{LATER}",
        f"離任,,nurse@example.jp,見本第一小学校,,,{SOON}",
    )
    carry_out(admin, page)
    confirm_all(browse("principal"))
    found = one(
        system,
        "SELECT string_agg(role, ' ' ORDER BY valid_from) FROM memberships"
        " WHERE account_id = :nurse",
        nurse=town.accounts["nurse"],
    )
    assert found == "school_nurse school_principal"


def test_what_changed_after_the_look_is_shown_anew(
    browse: Browse, town: City, system: Engine
) -> None:
    admin = browse("admin")
    page = send(admin, f"離任,,nurse@example.jp,見本第一小学校,,,{SOON}")
    with system.begin() as connection:
        connection.execute(
            text("UPDATE memberships SET role = 'school_team' WHERE account_id = :nurse"),
            {"nurse": town.accounts["nurse"]},
        )
    again = carry_out(admin, page, 409)
    assert "ほかの人が職員を変えました" in again.words
    assert one(system, "SELECT count(*) FROM memberships WHERE valid_until IS NOT NULL") == 0
    carry_out(admin, again)
    assert one(system, "SELECT count(*) FROM memberships WHERE valid_until IS NOT NULL") == 1


def test_a_manager_moves_the_own_agencys_people_alone(
    browse: Browse, town: City, system: Engine
) -> None:
    principal = browse("principal")
    elsewhere = f"離任,,liaison@example.jp,見本警察署,,,{SOON}"
    assert "管理していない機関" in send(principal, elsewhere, status=422).words
    # Somebody of another school comes here, named by the address; without an agency it is the own.
    page = send(
        principal,
        f"着任,,other_nurse@example.jp,,養護教諭,,{LATER}",
        f"着任,見本 あたらし,atarashi@example.jp,見本第一小学校,教職員,,{LATER}",
        f"離任,,teacher@example.jp,,,,{SOON}",
    )
    assert "見本 other_nurse" not in page.text
    carry_out(principal, page)
    assert one(system, "SELECT count(*) FROM membership_proposals") == 2
    proposals = principal.get("/proposals")
    assert "見本 あたらし" in proposals.words
    # Who proposed does not confirm; the administrator and the director do.
    for url in proposals.tree.xpath("//main//li[@class='card']//a/@href"):  # type: ignore[union-attr]
        principal.post(f"{url}/confirm", status=403)
    confirm_all(browse("director"))
    assert members(system, town, "school") == 5


def test_a_director_who_is_no_manager_there_moves_nobody(browse: Browse, town: City) -> None:
    page = send(browse("director"), f"離任,,nurse@example.jp,見本第一小学校,,,{SOON}", status=422)
    assert "管理していない機関" in page.words


@pytest.mark.parametrize("person", ["nurse", "counsellor", "auditor", "volunteer"])
def test_others_move_nobody(browse: Browse, person: str) -> None:
    browse(person).get("/moves", 403)
    send(browse(person), f"離任,,nurse@example.jp,見本第一小学校,,,{SOON}", status=403)


def test_only_who_keeps_people_finds_an_account_by_its_address(app: Portal, town: City) -> None:
    ask = text("SELECT account_of_address((SELECT email_index FROM account_profiles LIMIT 1))")
    for person, finds in (("admin", True), ("principal", True), ("nurse", False), ("clerk", False)):
        with as_app(app, town, person) as connection:
            assert (connection.execute(ask).scalar_one() is not None) == finds, person


def test_the_template_holds_no_formula_and_comes_back_empty(browse: Browse) -> None:
    admin = browse("admin")
    data = admin.get("/moves/template").response.get_data()
    assert data.decode("utf-8-sig").splitlines()[0] == HEAD
    assert "1行もありません" in send_bytes(admin, data, 422).words
    line = ["着任", "=1+1", "a@example.jp", "見本警察署", "警察連携担当", "", SOON]
    page = send_bytes(admin, written([HEAD.split(","), line]))
    assert "=1+1" in page.words


def test_a_table_that_comes_back_broken_is_asked_for_again(browse: Browse) -> None:
    admin = browse("admin")
    form = send(admin, f"離任,,nurse@example.jp,見本第一小学校,,,{SOON}").form("/carry-out")
    for spoilt in ({"table_token": "%%%"}, {"table_token": ""}, {"mark": ""}, {"submission": "x"}):
        admin.post("/moves/carry-out", {**form, **spoilt}, 422)
    admin.post("/moves/carry-out", {**form, "mark": "x"}, 409)


# --- the yearly confirmation --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2027-03-31T23:59:59+09:00", "2027-06-01T00:00:00+09:00"),
        ("2027-04-01T00:00:00+09:00", "2028-06-01T00:00:00+09:00"),
        ("2027-05-31T23:59:59+09:00", "2028-06-01T00:00:00+09:00"),
        ("2028-01-01T00:00:00+09:00", "2028-06-01T00:00:00+09:00"),
    ],
)
def test_a_confirmation_lasts_until_the_end_of_the_next_may(at: str, until: str) -> None:
    assert confirmed_until(datetime.fromisoformat(at)) == datetime.fromisoformat(until)


def ask_by(system: Engine, town: City, person: str, when: str) -> None:
    with system.begin() as connection:
        connection.execute(
            text(f"UPDATE memberships SET confirm_by = {when} WHERE account_id = :id"),  # noqa: S608
            {"id": town.accounts[person]},
        )


def test_who_is_not_confirmed_in_time_sleeps_until_confirmed(
    app: Portal, browse: Browse, town: City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_grant(session, town, "school", ["basic"])
    nurse, principal, case = browse("nurse"), browse("principal"), f"/cases/{town.case_id}"
    ask_by(system, town, "nurse", "now() + interval '1 minute'")
    nurse.get(case)
    # The date is shown in advance, to the person and to the manager.
    assert "管理者が在籍を確認します" in nurse.get("/switch").words
    assert "見本 nurse" in principal.get("/staff/confirm").words
    ask_by(system, town, "nurse", "now()")
    nurse.get(case, 302)
    with as_app(app, town, "nurse") as connection:
        for table in ("cases", "grants", "case_people"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0  # noqa: S608
    assert "確認されるまで利用できません" in principal.get("/staff").words
    form = principal.get("/staff/confirm")
    assert form.tree is not None
    (key,) = form.tree.xpath('//input[@name="people"]/@value')
    principal.post("/staff/confirm", status=422)
    principal.submit("/staff/confirm", {"people": key})
    nurse.get(case)
    assert "いま確認する人はいません" in principal.get("/staff/confirm").words
    assert "在籍が確認された" in principal.get("/staff/changes").words


def test_nobody_confirms_the_own_account_or_another_agencys(
    app: Portal, browse: Browse, town: City, system: Engine
) -> None:
    ask_by(system, town, "principal", "now() + interval '1 minute'")
    ask_by(system, town, "officer", "now()")
    page = browse("principal").get("/staff/confirm")
    assert "いま確認する人はいません" in page.words
    officer = one(
        system, "SELECT id FROM memberships WHERE account_id = :id", id=town.accounts["officer"]
    )
    browse("principal").post("/staff/confirm", {"people": str(officer)}, 422)
    change = "UPDATE memberships SET confirm_by = now() + :how WHERE account_id = :who"
    year, long = timedelta(days=365), timedelta(days=800)
    for person, who, how, refused in (
        ("principal", "principal", year, True),
        ("principal", "officer", year, True),
        ("principal", "nurse", long, True),
        ("nurse", "nurse", year, True),
        ("principal", "nurse", year, False),
        ("admin", "principal", year, False),
    ):
        values: dict[str, Any] = {"who": town.accounts[who], "how": how}
        with as_app(app, town, person) as connection:
            assert is_refused(connection, change, values) == refused, (person, who)


def test_the_worker_sets_first_dates_and_puts_nobody_to_sleep(
    browse: Browse, town: City, system: Engine
) -> None:
    with system_session(system, reason="a test") as session:
        set_first_dates(session)
    assert one(system, "SELECT count(*) FROM memberships WHERE confirm_by IS NULL") == 0
    assert one(system, "SELECT count(*) FROM memberships WHERE confirm_by <= now()") == 0
    browse("nurse").get("/sign-ins")


# --- handing over -------------------------------------------------------------------------------


def test_work_in_hand_goes_to_a_successor_in_one_step(
    browse: Browse, town: City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text="けさは元気だった。")
        grant = add_grant(session, town, "school", ["basic", "school"])
    with system.begin() as connection:
        connection.execute(
            text("UPDATE grants SET account_ids = ARRAY[CAST(:nurse AS uuid)] WHERE id = :grant"),
            {"nurse": town.accounts["nurse"], "grant": grant},
        )
    case, principal = f"/cases/{town.case_id}", browse("principal")
    browse("nurse").get(case)
    browse("teacher").get(case, 404)
    url = hand_over_of(principal, "nurse")
    page = principal.get(url)
    assert "K7F-3QXR" in page.words
    assert "対応チーム" in page.words
    for secret in ("元気だった", "あおい", str(town.case_id)):
        assert secret not in page.text
    principal.submit(url, {}, 422)
    principal.submit(url, {"successor": str(town.accounts["officer"])}, 422)
    browse("teacher").get(case, 404)
    principal.submit(url, {"successor": str(town.accounts["teacher"])})
    browse("teacher").get(case)
    browse("nurse").get(case, 404)
    assert "引きつぐ仕事はありません" in principal.get(url).words
    assert "仕事が後任に引きつがれた" in principal.get("/staff/changes").words


def hand_over_of(manager: Browser, person: str) -> str:
    tree = manager.get("/staff").tree
    assert tree is not None
    (url,) = tree.xpath(f'//a[contains(., "{person}さんの仕事")]/@href')
    return str(url)


def test_the_centres_cases_go_to_a_successor_but_for_an_exclusion(
    browse: Browse, town: City, system: Engine
) -> None:
    director = browse("director")
    url = hand_over_of(director, "counsellor")
    assert "K7F-3QXR" in director.get(url).words
    with system.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO exclusions (id, case_id, owner_agency_id, account_id)"
                " SELECT gen_random_uuid(), id, owner_agency_id, :who FROM cases"
            ),
            {"who": town.accounts["investigator"]},
        )
    page = director.submit(url, {"successor": str(town.accounts["investigator"])}, 422)
    assert "引きつぐ仕事はありません" in page.words
    director.submit(url, {"successor": str(town.accounts["director"])}, 302)
    assert one(system, "SELECT count(*) FROM case_workers") == 2


def test_work_is_handed_over_by_the_agencys_manager_alone(
    browse: Browse, town: City, system: Engine
) -> None:
    nurse = one(
        system, "SELECT id FROM memberships WHERE account_id = :id", id=town.accounts["nurse"]
    )
    url = f"/staff/{nurse}/hand-over"
    browse("other_nurse").get(url, 404)
    browse("director").get(url, 404)
    browse("nurse").get(url, 403)
    browse("admin").get(url, 403)
    own = one(
        system, "SELECT id FROM memberships WHERE account_id = :id", id=town.accounts["principal"]
    )
    browse("principal").get(f"/staff/{own}/hand-over", 403)
    browse("principal").get(f"/staff/{uuid.uuid4()}/hand-over", 404)
    browse("principal").get(url)


# --- in all memberships -------------------------------------------------------------------------


def test_an_exclusion_binds_the_human_in_every_membership(
    app: Portal, browse: Browse, town: City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_grant(session, town, "school", ["basic"])
        add_grant(session, town, "other_school", ["basic"])
    since = datetime(2026, 4, 1, tzinfo=UTC)
    with system.begin() as connection:
        values = {
            "nurse": town.accounts["nurse"],
            "other": town.agencies["other_school"],
            "centre": town.agencies["centre"],
            "since": since,
        }
        for agency, role in (("other", "school_nurse"), ("centre", "center_director")):
            connection.execute(
                text(
                    "INSERT INTO memberships (id, account_id, agency_id, role, valid_from)"  # noqa: S608
                    f" VALUES (gen_random_uuid(), :nurse, :{agency}, '{role}', :since)"
                ),
                values,
            )
        connection.execute(
            text(
                "INSERT INTO team_members (id, team_id, account_id, valid_from)"
                " SELECT gen_random_uuid(), id, :nurse, :since FROM teams WHERE agency_id = :other"
            ),
            values,
        )
    case = f"/cases/{town.case_id}"
    places = ("school", "other_school", "centre")

    def acting(agency: str) -> Browser:
        town.acting["nurse"] = town.agencies[agency]
        return browse("nurse")

    for agency in places:
        acting(agency).get(case)
    with system.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO exclusions (id, case_id, owner_agency_id, account_id)"
                " SELECT gen_random_uuid(), id, owner_agency_id, :nurse FROM cases"
            ),
            values,
        )
    for agency in places:
        browser = acting(agency)
        browser.get(case, 404)
        assert "K7F-3QXR" not in browser.get("/cases").text


def test_every_problem_and_change_has_words() -> None:
    assert {"reconfirmed", "handed_over"} <= set(CHANGES)
    assert all(str(sentence) for sentence in PROBLEMS.values())
