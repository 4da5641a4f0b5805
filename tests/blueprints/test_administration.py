"""Agencies, accounts and memberships; the manager's team and the shares it sees unread."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, func, select, text

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.templating import today
from portal.unit import Portal
from portal.vault import equip
from tests.city import City, add_entry, add_grant, add_profile
from tests.counting import assert_constant
from tests.web import Browser, Page

Browse = Callable[[str], Browser]

AGENCY = {
    "type": "school",
    "name": "見本第三小学校",
    "legal_form": "prefectural",
    "ward": "",
    "entrusted_npo": "",
    "centre": "",
}
PERSON = {"name": "髙﨑 𠮷乃", "email": "Takasaki@Example.jp"}


def one(system: Engine, statement: str, **values: object) -> object:
    with system.connect() as connection:
        return connection.execute(text(statement), values).scalar_one()


# --- agencies -----------------------------------------------------------------------------------


def test_an_agency_is_entered_once_and_changed(browse: Browse, system: Engine) -> None:
    admin = browse("admin")
    form = admin.get("/agencies/new").form()
    page = admin.post("/agencies/new", {**form, **AGENCY})
    # The same form sent twice makes one agency and leads to the same place.
    assert admin.post("/agencies/new", {**form, **AGENCY}).location == page.location
    assert one(system, "SELECT count(*) FROM agencies WHERE name = '見本第三小学校'") == 1
    assert "見本第三小学校" in admin.get("/agencies?type=school").words
    assert "見本第三小学校" not in admin.get("/agencies?type=police").words
    admin.submit(page.location, {"name": "見本第四小学校"}, action=page.location)
    assert "見本第四小学校" in admin.follow(page).words


def test_a_refused_agency_keeps_what_was_typed(browse: Browse) -> None:
    page = browse("admin").submit("/agencies/new", {**AGENCY, "name": "名" * 201}, 422)
    assert "200文字まで" in page.words
    assert page.form()["name"] == "名" * 201
    page = browse("admin").submit("/agencies/new", {**AGENCY, "name": "右\u202e左"}, 422)
    assert page.form()["name"] == "右左"


def test_a_lost_edit_shows_both_and_changes_nothing(
    browse: Browse, system: Engine, town: City
) -> None:
    admin, url = browse("admin"), f"/agencies/{town.agencies['police']}"
    form = admin.get(url).form(url)
    admin.post(url, {**form, "name": "見本東警察署"})
    page = admin.post(url, {**form, "name": "見本西警察署"}, 409)
    assert "いま保存されている文章" in page.words
    both = page.words
    assert "見本東警察署" in both
    assert page.form(url)["name"] == "見本西警察署"
    assert one(system, "SELECT name FROM agencies WHERE type = 'police'") == "見本東警察署"
    # Having seen both, one may save.
    admin.post(url, page.form(url))
    assert one(system, "SELECT name FROM agencies WHERE type = 'police'") == "見本西警察署"


def test_a_type_stays_while_people_have_roles_of_it(
    browse: Browse, system: Engine, town: City
) -> None:
    admin, url = browse("admin"), f"/agencies/{town.agencies['school']}"
    page = admin.submit(url, {"type": "police"}, 422, action=url)
    assert "種類を変えられません" in page.words
    assert one(system, "SELECT version FROM agencies WHERE name = '見本第一小学校'") == 1


def test_a_cafeteria_gets_an_unguessable_link(browse: Browse, system: Engine, town: City) -> None:
    admin, key = browse("admin"), town.agencies["cafeteria"]
    slug = "SELECT report_slug FROM agencies WHERE id = :key"
    admin.post(f"/agencies/{key}/report-link")
    first = str(one(system, slug, key=key))
    admin.post(f"/agencies/{key}/report-link")
    second = str(one(system, slug, key=key))
    assert first != second
    for drawn in (first, second):
        assert re.fullmatch(r"[a-z2-9]{14}", drawn)
    admin.get(f"/report/{first}", 404)
    admin.get(f"/report/{second}")
    page = admin.post(f"/agencies/{town.agencies['school']}/report-link", status=422)
    assert "こども食堂だけ" in page.words


def test_the_entrusted_npo_is_an_npo(browse: Browse, system: Engine, town: City) -> None:
    admin, url = browse("admin"), f"/agencies/{town.agencies['cafeteria']}"
    admin.submit(url, {"entrusted_npo": str(town.agencies["police"])}, 422, action=url)
    admin.submit(url, {"entrusted_npo": ""}, action=url)
    assert one(system, "SELECT entrusted_npo_id FROM agencies WHERE type = 'cafeteria'") is None
    admin.submit(url, {"entrusted_npo": str(town.agencies["npo"])}, action=url)
    npo = one(system, "SELECT entrusted_npo_id FROM agencies WHERE type = 'cafeteria'")
    assert npo == town.agencies["npo"]


def test_a_council_membership_has_days_and_ends(browse: Browse, system: Engine, town: City) -> None:
    admin, key = browse("admin"), town.agencies["school"]
    url = f"/agencies/{key}/council/new"
    assert (
        "より後に" in admin.submit(url, {"since": "2026-04-02", "until": "2026-04-01"}, 422).words
    )
    admin.submit(url, {"since": "9999-12-31", "until": "9999-12-31"}, 422)
    admin.submit(url, {"since": "2026-04-01", "until": ""})
    since = one(system, "SELECT valid_from::text FROM council_memberships")
    assert since == "2026-03-31 15:00:00+00"
    row = one(system, "SELECT id FROM council_memberships")
    admin.post(f"/council-memberships/{row}/end")
    assert one(system, "SELECT valid_until IS NOT NULL FROM council_memberships") is True
    admin.post(f"/council-memberships/{uuid.uuid4()}/end", status=404)


# --- accounts -----------------------------------------------------------------------------------


def make_account(admin: Browser, **values: str) -> Page:
    return admin.submit("/accounts/new", {**PERSON, **values})


def account_of(page: Page) -> str:
    return page.location.rpartition("/")[2]


def confirm_all(second: Browser) -> None:
    """Confirm whatever waits, as another person than who proposed it."""
    tree = second.get("/proposals").tree
    assert tree is not None
    for url in tree.xpath("//main//li[@class='card']//a/@href"):
        second.post(f"{url}/confirm")


def test_a_new_account_sent_twice_is_one_and_has_no_password(
    browse: Browse, system: Engine
) -> None:
    admin = browse("admin")
    form = {**admin.get("/accounts/new").form(), **PERSON}
    pages = [admin.post("/accounts/new", form) for _ in range(2)]
    assert pages[0].location == pages[1].location
    found = "SELECT count(*) FROM accounts WHERE id = :id"
    assert one(system, found, id=form["submission"]) == 1
    assert one(system, "SELECT count(*) FROM credentials") == 0


def test_a_name_and_an_address_are_kept_sealed_and_as_they_are_written(
    browse: Browse, system: Engine
) -> None:
    admin = browse("admin")
    key = account_of(make_account(admin))
    page = admin.get(f"/accounts/{key}")
    assert page.form()["name"] == "髙﨑 𠮷乃"
    assert page.form()["email"] == "takasaki@example.jp"
    dump = str(one(system, "SELECT string_agg(p::text, ' ') FROM account_profiles p"))
    assert "髙﨑" not in dump
    assert "takasaki" not in dump


def test_one_address_has_one_account(browse: Browse, system: Engine) -> None:
    page = browse("admin").submit("/accounts/new", {**PERSON, "email": "NURSE@example.jp"}, 422)
    assert "もうあります" in page.words
    assert page.form()["name"] == PERSON["name"]
    assert (
        one(
            system,
            "SELECT count(*) FROM accounts WHERE id NOT IN"
            " (SELECT account_id FROM account_profiles)",
        )
        == 0
    )


def test_an_account_is_found_by_its_address_and_the_address_is_in_no_url(
    browse: Browse, town: City
) -> None:
    admin = browse("admin")
    page = admin.post("/accounts/find", {"email": " Nurse@example.jp "})
    assert page.location == f"/accounts/{town.accounts['nurse']}"
    admin.post("/accounts/find", {"email": "nobody@example.jp"}, 422)
    admin.post("/accounts/find", {"email": "no address"}, 422)


def test_a_disabled_account_is_out_and_a_lost_edit_shows_both(browse: Browse, town: City) -> None:
    admin, nurse = browse("admin"), browse("nurse")
    url = f"/accounts/{town.accounts['nurse']}"
    nurse.get("/sign-ins")
    form = admin.get(url).form()
    admin.post(url, {**form, "disabled": "y"})
    nurse.get("/sign-ins", 302)
    page = admin.post(url, {**form, "name": "別の 名前"}, 409)
    assert "止まっています" in page.words
    assert "見本 nurse" in page.words
    assert page.form()["name"] == "別の 名前"


# --- memberships --------------------------------------------------------------------------------


def test_a_role_belongs_to_a_type_of_agency(browse: Browse, town: City, system: Engine) -> None:
    admin, url = browse("admin"), f"/accounts/{town.accounts['teacher']}/memberships/new"
    police = str(town.agencies["police"])
    page = admin.submit(url, {"agency": police, "role": "center_director"}, 422)
    assert "この機関にはない役割" in page.words
    admin.submit(url, {"agency": str(town.agencies["centre"]), "role": "audit_officer"}, 422)
    admin.submit(url, {"agency": police, "role": "police_liaison"})
    confirm_all(browse("director"))
    assert (
        one(system, "SELECT count(*) FROM memberships WHERE agency_id = :agency", agency=police)
        == 2
    )


def test_memberships_of_one_account_in_one_agency_never_overlap(
    browse: Browse, town: City, system: Engine
) -> None:
    admin, url = browse("admin"), f"/accounts/{town.accounts['nurse']}/memberships/new"
    school = str(town.agencies["school"])
    page = admin.submit(url, {"agency": school, "role": "school_principal"}, 422)
    assert "同じ期間に" in page.words
    (membership,) = ends(admin.get(f"/accounts/{town.accounts['nurse']}"))
    admin.submit(membership, {})
    admin.submit(url, {"agency": school, "role": "school_principal"})
    # Proposed once is proposed.
    page = admin.submit(url, {"agency": school, "role": "school_nurse"}, 422)
    assert "もう提案されています" in page.words
    confirm_all(browse("principal"))


def ends(page: Page) -> list[str]:
    assert page.tree is not None
    return [str(href) for href in page.tree.xpath("//a/@href") if str(href).endswith("/end")]


def test_an_ended_membership_is_out_at_the_next_request(browse: Browse, town: City) -> None:
    admin, nurse = browse("admin"), browse("nurse")
    nurse.get("/sign-ins")
    (url,) = ends(admin.get(f"/accounts/{town.accounts['nurse']}"))
    assert "見本第一小学校" in admin.get(url).words
    nurse.get("/sign-ins")
    admin.submit(url, {})
    nurse.get("/sign-ins", 302)


def test_an_administrator_gives_itself_nothing(browse: Browse, town: City, system: Engine) -> None:
    admin, own = browse("admin"), town.accounts["admin"]
    page = admin.get(f"/accounts/{own}")
    assert "自分の所属と役割は" in page.words
    assert ends(page) == []
    values = {"agency": str(town.agencies["centre"]), "role": "center_director"}
    admin.submit(f"/accounts/{own}/memberships/new", values, 403)
    admin.submit(f"/accounts/{own}", {"disabled": "y"}, 403)
    with system.connect() as connection:
        mine = connection.execute(
            select(m.Membership.id).where(m.Membership.account_id == own)
        ).scalar_one()
    admin.post(f"/memberships/{mine}/end", status=403)
    admin.get("/sign-ins")
    # The control: to somebody else it may give the same.
    admin.submit(f"/accounts/{town.accounts['lawyer']}/memberships/new", values)


@pytest.mark.parametrize("person", ["director", "counsellor", "principal", "auditor", "clerk"])
def test_administration_is_the_administrators_alone(browse: Browse, person: str) -> None:
    browser = browse(person)
    for url in ("/agencies", "/agencies/new", "/accounts", "/accounts/new"):
        browser.get(url, 403)


def test_an_administrator_opens_no_case(
    browse: Browse, town: City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="basic", text="あおいさんのこと")
    admin = browse("admin")
    for url in (f"/cases/{town.case_id}", "/cases", "/inbox", "/log", "/team"):
        admin.get(url, 403)
    for url in ("/", "/agencies", "/accounts", f"/accounts/{town.accounts['counsellor']}"):
        page = admin.get(url)
        for secret in ("あおい", "K7F-3QXR"):
            assert secret not in page.text
    assert "あおい" in browse("counsellor").get(f"/cases/{town.case_id}").text


# --- lists --------------------------------------------------------------------------------------


def grow(system: Engine, config: Config, number: int) -> None:
    """Add agencies with an account each, as an import would."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        for index in range(number):
            agency = m.Agency(type="school", name=f"見本校 {index:03}")
            account = m.Account()
            session.add_all([agency, account])
            session.flush()
            address = f"many-{uuid.uuid4()}@example.jp"
            add_profile(session, config.keys, account.id, address, f"人 {index:03}")
            session.add(
                m.Membership(account_id=account.id, agency_id=agency.id, role="school_nurse")
            )


@pytest.mark.parametrize("url", ["/agencies", "/accounts"])
def test_a_longer_list_costs_no_more_queries(
    app: Portal, browse: Browse, system: Engine, config: Config, url: str
) -> None:
    assert_constant(app, browse("admin"), url, lambda: grow(system, config, 20), most=15)


@pytest.mark.parametrize(("url", "cells"), [("/agencies", 70), ("/accounts", 77)])
def test_lists_have_pages_that_leave_nobody_out(
    browse: Browse, system: Engine, config: Config, url: str, cells: int
) -> None:
    grow(system, config, 60)
    admin, seen = browse("admin"), []
    while url:
        page = admin.get(url)
        assert page.tree is not None
        rows = page.tree.xpath('//tbody//th[@scope="row"]/a/@href')
        assert len(rows) <= 50
        seen += rows
        url = next(iter(page.tree.xpath('//nav[@class="pager"]//a[@rel="next"]/@href')), "")
    assert len(seen) == len(set(seen)) == cells


# --- the manager --------------------------------------------------------------------------------


@pytest.fixture
def shared(system: Engine, town: City, config: Config) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text="けさは元気だった。")
        add_grant(session, town, "school", ["basic", "school"])
        add_grant(session, town, "welfare", ["welfare"])


def test_a_manager_sees_of_a_share_its_reference_slices_and_end_and_nothing_else(
    browse: Browse, town: City, shared: None
) -> None:
    principal = browse("principal")
    page = principal.get("/team")
    assert "K7F-3QXR" in page.words
    assert "学校での様子" in page.words
    end = today() + timedelta(days=90)
    assert f"{end.year}年{end.month}月{end.day}日" in page.words
    # Not a reader: no case, no entry, no name, nothing that another agency got.
    assert "福祉サービス" not in page.words
    for secret in ("元気だった", "あおい", str(town.case_id)):
        assert secret not in page.text
    principal.get(f"/cases/{town.case_id}", 404)
    assert "元気だった" in browse("nurse").get(f"/cases/{town.case_id}").text


@pytest.mark.parametrize(
    "closing",
    [
        "UPDATE grants SET ended_at = now()",
        "UPDATE grants SET valid_until = now()",
        (
            "INSERT INTO exclusions (id, case_id, owner_agency_id, account_id)"
            " SELECT gen_random_uuid(), id, owner_agency_id, :principal FROM cases"
        ),
        (
            "INSERT INTO never_tells (id, case_id, owner_agency_id, agency_id)"
            " SELECT gen_random_uuid(), id, owner_agency_id, :school FROM cases"
        ),
        (
            "INSERT INTO never_tells (id, case_id, owner_agency_id, account_id)"
            " SELECT gen_random_uuid(), id, owner_agency_id, :principal FROM cases"
        ),
    ],
)
def test_what_binds_a_reader_binds_a_manager(
    browse: Browse, town: City, system: Engine, shared: None, closing: str
) -> None:
    principal = browse("principal")
    assert "K7F-3QXR" in principal.get("/team").words
    values = {"principal": town.accounts["principal"], "school": town.agencies["school"]}
    with system.begin() as connection:
        connection.execute(text(closing), values)
    assert "K7F-3QXR" not in principal.get("/team").text


def test_references_are_for_managers_alone(app: Portal, town: City, shared: None) -> None:
    engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
    try:
        for person, seen in (("principal", 1), ("nurse", 0), ("other_nurse", 0), ("admin", 0)):
            with engine.connect() as connection:
                ids = (("account_id", town.accounts), ("agency_id", town.acting))
                for name, found in ids:
                    key = str(found[person])
                    connection.execute(select(func.set_config(f"portal.{name}", key, True)))
                asked = text("SELECT * FROM managed_references(ARRAY[CAST(:case_id AS uuid)])")
                rows = connection.execute(asked, {"case_id": town.case_id}).all()
                assert len(rows) == seen, person
    finally:
        engine.dispose()


def test_a_long_list_of_shares_comes_in_pages_the_next_to_end_first(
    browse: Browse, town: City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        for days in range(53, 0, -1):
            add_grant(session, town, "school", ["basic"], days=days)
        endless = session.get_one(m.Grant, add_grant(session, town, "school", ["basic"]))
        endless.valid_until = None
    principal = browse("principal")
    pages = [principal.get("/team")]
    for way in ("next", "prev"):
        (there,) = pages[-1].tree.xpath(f"//nav[@class='pager']//a[@rel='{way}']/@href")
        pages.append(principal.get(there))
    ends = [page.tree.xpath("//li[@class='card']//time/@datetime") for page in pages]
    assert [len(found) for found in ends] == [50, 3, 50]
    assert ends[0] == sorted(ends[0]) == ends[2]
    assert ends[1] == sorted(ends[1])
    assert ends[1][0] > ends[0][-1]
    assert pages[1].words.count("終わる日は決まっていません") == 1
    # The first page of the portal says how many of them end within two weeks.
    waiting = principal.get("/").tree.xpath("//section[@aria-labelledby='waiting-shares']//li")
    assert len(waiting) == 5


def test_a_manager_keeps_the_team_and_it_acts_at_once(
    browse: Browse, town: City, shared: None
) -> None:
    principal, nurse, case = browse("principal"), browse("nurse"), f"/cases/{town.case_id}"
    nurse.get(case)
    page = principal.get("/team")
    assert page.tree is not None
    links = page.tree.xpath("//a[contains(@href, '/team/members/')]")
    (mine,) = [link.get("href") for link in links if "nurse" in link.text_content()]
    before = principal.get(mine)
    assert "次の操作から読めなくなるケース K7F-3QXR" in before.words
    principal.post(mine, before.form())
    nurse.get(case, 404)
    principal.get(mine, 404)
    joining = {"account": str(town.accounts["nurse"])}
    look = {**joining, "step": "preview"}
    seen = principal.submit("/team", look, 200, action="/team/members")
    assert "見本 nurseさんが新しく読めるようになるケース K7F-3QXR" in seen.words
    nurse.get(case, 404)
    principal.submit("/team", joining, action="/team/members")
    nurse.get(case)
    again = {**principal.get("/team").form("/team/members"), "account": str(town.accounts["nurse"])}
    assert "もうチームに入っています" in principal.post("/team/members", again, 422).words


def test_nobody_from_elsewhere_comes_onto_the_team(
    browse: Browse, town: City, system: Engine
) -> None:
    principal = browse("principal")
    other = str(town.accounts["other_nurse"])
    principal.submit("/team", {"account": other}, 422, action="/team/members")
    with system.connect() as connection:
        elsewhere = connection.execute(
            text("SELECT id FROM team_members WHERE account_id = :key"), {"key": other}
        ).scalar_one()
    principal.post(f"/team/members/{elsewhere}/end", status=404)
    assert one(system, "SELECT count(*) FROM team_members WHERE valid_until IS NOT NULL") == 0


def test_who_managed_an_agency_that_left_the_scheme_keeps_its_team_no_more(
    browse: Browse, town: City, system: Engine
) -> None:
    """A page that stood open is refused as one that is not the viewer's, and loses nothing."""
    principal = browse("principal")
    open_page = principal.get("/team").form("/team/members")
    with SystemSession(system) as session, session.begin():
        session.add(m.Departure(agency_id=town.agencies["school"]))
    principal.get("/team", 403)
    principal.post("/team/members", {**open_page, "account": str(town.accounts["teacher"])}, 403)
    principal.get("/")


def test_who_is_no_manager_keeps_no_team(browse: Browse) -> None:
    browse("nurse").get("/team", 403)
    browse("nurse").post("/team/members", status=403)
    browse("lawyer").get("/team", 403)


def test_an_agency_without_a_team_gets_one_with_its_first_member(
    browse: Browse, town: City, system: Engine
) -> None:
    director = browse("director")
    assert "チームにはだれもいません" in director.get("/team").words
    values = {"account": str(town.accounts["counsellor"])}
    director.submit("/team", values, action="/team/members")
    assert "見本 counsellor" in director.get("/team").words
    centre = town.agencies["centre"]
    assert one(system, "SELECT is_default FROM teams WHERE agency_id = :key", key=centre) is True
