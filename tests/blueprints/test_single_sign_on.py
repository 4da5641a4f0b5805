"""Signing in through one's own house: two real OpenID providers, whom they let in, and whom not."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import requests
from sqlalchemy import Engine, create_engine, text

from portal import models as m
from portal.auth import COOKIE
from portal.config import Config, Keys
from portal.database import SystemSession
from portal.services import notices
from portal.unit import Portal
from portal.vault import equip
from tests.blueprints.test_account import known, sign_in
from tests.city import PASSWORD, City, add_profile
from tests.provider import House, closed_port, open_houses, staff
from tests.second_factor import give_codes, next_code
from tests.web import BASE, Browser, Page, open_session

Browse = Callable[[str], Browser]

__all__ = ["known"]

NURSE = "nurse@school.mihon.example.jp"


@pytest.fixture(scope="module")
def houses() -> Iterator[tuple[House, House]]:
    """The sign-ons of the board of education, which knows the school's people, and the police."""
    board = House(
        "board",
        {
            "nurse": staff(
                NURSE, groups=("school-1",), amr=["pwd", "otp"], acr="urn:mihon:two-factors"
            ),
            "teacher": staff("teacher@school.mihon.example.jp", amr=["pwd"]),
            "unconfirmed": staff(NURSE, verified=False),
            "private": staff("nurse@mail.example.com"),
        },
    )
    # This one tells the e-mail beside its token only.
    police = House(
        "police",
        {"nurse": staff("liaison@police.mihon.example.jp", amr=["pwd", "otp"])},
        thin=True,
    )
    with open_houses(board, police):
        yield board, police


@dataclass
class Door:
    """What a test of this file works with."""

    app: Portal
    system: Engine
    town: City
    browse: Browse
    board: House
    police: House

    @property
    def keys(self) -> Keys:
        """The installation's keys."""
        keys: Keys = self.app.config["PORTAL"].keys
        return keys

    def enter(self, house: House, **changed: str) -> None:
        """Let the administrator enter a house's sign-on."""
        values = {
            "submission": str(house.issuer_id),
            "name": f"みほん {house.name}",
            "url": house.url,
            "client_id": house.client_id,
            "client_secret": house.client_secret,
            "domains": "school.mihon.example.jp @police.mihon.example.jp",
            "second_factors": "otp",
            **changed,
        }
        self.browse("admin").submit("/issuers/new", values)

    def lead(self, house: House, agency: str, **narrowed: str) -> None:
        """Let a house's sign-on lead to an agency."""
        place = {"agency": str(self.town.agencies[agency]), **narrowed}
        self.browse("admin").submit(f"/issuers/{house.issuer_id}/places/new", place)

    def link(self, house: House, person: str, login: str) -> None:
        """Let a signed-in person link the own account to somebody of a house."""
        browser = self.browse(person)
        begun = browser.get(f"/sign-on/{house.issuer_id}/link", 302)
        back = browser.get(path(house.sign_in(begun.location, login)), 302)
        question = browser.follow(back)
        assert "つないでください" in question.words
        assert browser.post(back.location, question.form("")).location == "/sign-on"

    def answer(self, house: House, login: str, browser: Browser) -> str:
        """Return the address that a house sends a browser back to."""
        begun = browser.get(f"/sign-on/{house.issuer_id}", 302)
        return path(house.sign_in(begun.location, login))

    def come(self, house: House, login: str, status: int = 302) -> tuple[Browser, Page]:
        """Sign in through a house as a stranger; return the browser and the last answer."""
        browser = Browser(self.app)
        return browser, browser.get(self.answer(house, login, browser), status)


def path(url: str) -> str:
    assert url.startswith(f"{BASE}/")
    return url.removeprefix(BASE)


@pytest.fixture
def door(
    app: Portal, system: Engine, town: City, browse: Browse, houses: tuple[House, House]
) -> Iterator[Door]:
    """Both houses are entered; each leads to its own agency, where its nurse is linked."""
    made = Door(app, system, town, browse, *houses)
    for house, agency in zip(houses, ("school", "police"), strict=True):
        made.enter(house)
        made.lead(house, agency)
    yield made
    for house in houses:
        house.trick()


@pytest.fixture
def linked(door: Door) -> Door:
    """The nurse is linked to the nurse of the board, the liaison to the one of the police."""
    door.link(door.board, "nurse", "nurse")
    door.link(door.police, "liaison", "nurse")
    return door


def rows(door: Door, statement: str) -> list[tuple[object, ...]]:
    with door.system.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def execute(door: Door, statement: str) -> None:
    with door.system.begin() as connection:
        connection.execute(text(statement))


# --- who comes in -------------------------------------------------------------------------------


def test_two_houses_let_in_their_own_people_each_into_the_own_agency(linked: Door) -> None:
    nurse, page = linked.come(linked.board, "nurse")
    assert page.location == "/"
    assert "見本第一小学校" in nurse.follow(page).words
    liaison, page = linked.come(linked.police, "nurse")
    assert "見本警察署" in liaison.follow(page).words
    opened = rows(linked, "SELECT factors FROM sessions WHERE issuer_id IS NOT NULL")
    assert opened == [("oidc+mfa",), ("oidc+mfa",)]


def test_a_page_asked_for_too_early_comes_after_the_sign_on(linked: Door) -> None:
    browser = Browser(linked.app)
    turned_away = browser.get("/sign-ins", 302)
    page = browser.follow(turned_away)
    assert page.tree is not None
    (way,) = page.tree.xpath("//a[contains(., 'みほん board')]/@href")
    begun = browser.get(way, 302)
    back = browser.get(path(linked.board.sign_in(begun.location, "nurse")), 302)
    assert back.location == "/sign-ins"


def test_what_is_asked_of_a_house_is_a_code_with_proof_state_and_nonce(door: Door) -> None:
    begun = Browser(door.app).get(f"/sign-on/{door.board.issuer_id}", 302)
    asked = parse_qs(urlsplit(begun.location).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid email"]
    assert asked.keys() >= {"state", "nonce", "code_challenge"}
    again = Browser(door.app).get(f"/sign-on/{door.board.issuer_id}", 302)
    other = parse_qs(urlsplit(again.location).query)
    assert not {"state", "nonce", "code_challenge"} & {
        name for name in asked if asked[name] == other.get(name)
    }


def test_a_claim_chooses_among_granted_places_and_grants_none(linked: Door) -> None:
    admin = linked.browse("admin")
    page = admin.get(f"/issuers/{linked.board.issuer_id}")
    admin.post(
        f"/issuers/{linked.board.issuer_id}",
        {**page.form(f"/issuers/{linked.board.issuer_id}"), "claim": "groups"},
    )
    (place,) = re.findall(r"/issuer-places/([0-9a-f-]+)/end", page.text)
    admin.post(f"/issuer-places/{place}/end")
    # The board says that the nurse belongs to school 1, and that group leads to the other school,
    # where nobody granted anything.
    linked.lead(linked.board, "other_school", value="school-1")
    _, page = linked.come(linked.board, "nurse", 422)
    assert "いま、あなたが見られるものはありません" in page.words
    linked.lead(linked.board, "school", value="school-2")
    linked.come(linked.board, "nurse", 422)
    linked.lead(linked.board, "school", value="school-1", role="school_principal")
    linked.come(linked.board, "nurse", 422)
    linked.lead(linked.board, "school", value="school-1", role="school_nurse")
    browser, page = linked.come(linked.board, "nurse")
    assert "見本第一小学校" in browser.follow(page).words


def test_a_session_of_one_house_does_not_lead_into_another(linked: Door) -> None:
    # The nurse works for the police as well, whose own sign-on is another.
    execute(
        linked,
        "INSERT INTO memberships (id, account_id, agency_id, role, valid_from) VALUES"  # noqa: S608
        f" (gen_random_uuid(), '{linked.town.accounts['nurse']}',"
        f" '{linked.town.agencies['police']}', 'police_liaison', now() - interval '1 day')",
    )
    browser, _ = linked.come(linked.board, "nurse")
    assert "見本警察署" not in browser.get("/switch").words
    browser.post("/switch", {"agency": str(linked.town.agencies["police"])}, 422)
    # The control: where the house leads there, it may.
    linked.lead(linked.board, "police")
    browser.post("/switch", {"agency": str(linked.town.agencies["police"])})
    assert "見本警察署" in browser.get("/").words


def test_a_second_factor_of_the_house_counts_only_where_its_setting_says_so(linked: Door) -> None:
    admin, url = linked.browse("admin"), f"/issuers/{linked.board.issuer_id}"
    for counted, whole in (
        ("", False),
        ("hwk mfa", False),
        ("otp", True),
        ("urn:mihon:two-factors、hwk", True),
    ):
        admin.post(url, {**admin.get(url).form(url), "second_factors": counted})
        browser, page = linked.come(linked.board, "nurse")
        assert page.location == ("/" if whole else "/second-factor"), counted
        browser.get("/sign-ins", 200 if whole else 302)
    opened = rows(
        linked, "SELECT factors FROM sessions WHERE issuer_id IS NOT NULL ORDER BY opened_at"
    )
    assert [factors for (factors,) in opened] == ["oidc", "oidc", "oidc+mfa", "oidc+mfa"]


def test_a_second_factor_proven_here_keeps_the_session_within_its_house(
    linked: Door, config: Config
) -> None:
    admin, url = linked.browse("admin"), f"/issuers/{linked.board.issuer_id}"
    admin.post(url, {**admin.get(url).form(url), "second_factors": ""})
    give_codes(linked.system, config.keys, linked.town, "nurse")
    browser, page = linked.come(linked.board, "nurse")
    assert browser.post(page.location, {"code": next_code("nurse@example.jp")}).location == "/"
    opened = rows(
        linked,
        "SELECT factors, issuer_id FROM sessions WHERE ended_at IS NULL AND factors ~ 'oidc'",
    )
    assert opened == [("oidc+recovery", linked.board.issuer_id)]


# --- linking ------------------------------------------------------------------------------------


def test_nobody_is_linked_by_coming_back_alone(door: Door) -> None:
    browser = door.browse("nurse")
    begun = browser.get(f"/sign-on/{door.board.issuer_id}/link", 302)
    browser.get(path(door.board.sign_in(begun.location, "nurse")), 302)
    assert rows(door, "SELECT 1 FROM issuer_links") == []
    # Somebody else at the same machine cannot say yes to it.
    other = door.browse("teacher")
    other.get(f"/sign-on/{door.board.issuer_id}/confirm", 422)
    other.post(f"/sign-on/{door.board.issuer_id}/confirm", {}, 422)
    assert rows(door, "SELECT 1 FROM issuer_links") == []


def test_an_attempt_to_link_belongs_to_the_account_that_began_it(door: Door) -> None:
    browser = door.browse("nurse")
    begun = browser.get(f"/sign-on/{door.board.issuer_id}/link", 302)
    back = path(door.board.sign_in(begun.location, "nurse"))
    cookie = door.browse("teacher").client.get_cookie(COOKIE, domain="localhost")
    assert cookie is not None
    browser.client.set_cookie(COOKIE, cookie.value, domain="localhost", secure=True)
    assert "もう一度始めてください" in browser.get(back, 422).words


def test_a_person_of_a_house_is_one_account_and_an_account_one_person(linked: Door) -> None:
    for person, login in (("teacher", "nurse"), ("nurse", "teacher")):
        browser = linked.browse(person)
        begun = browser.get(f"/sign-on/{linked.board.issuer_id}/link", 302)
        back = browser.get(path(linked.board.sign_in(begun.location, login)), 302)
        page = browser.post(back.location, browser.follow(back).form(""), 422)
        assert "もうつながっています" in page.words
    assert len(rows(linked, "SELECT 1 FROM issuer_links")) == 2


def test_a_link_that_was_ended_opens_nothing_and_can_be_made_anew(linked: Door) -> None:
    browser = linked.browse("nurse")
    page = browser.get("/sign-on")
    (way,) = re.findall(r'action="(/sign-on/links/[0-9a-f-]+/end)"', page.text)
    linked.browse("teacher").post(way, {}, 404)
    linked.come(linked.board, "nurse")
    browser.post(way)
    linked.come(linked.board, "nurse", 422)
    linked.link(linked.board, "nurse", "nurse")
    linked.come(linked.board, "nurse")


def test_the_subject_is_stored_as_nobody_can_read_it(linked: Door, config: Config) -> None:
    found = rows(linked, "SELECT subject_index FROM issuer_links")
    assert len({each for (each,) in found}) == 2, "the same subject of two houses is two people"
    assert all(b"nurse" not in bytes(each) for (each,) in found)  # type: ignore[arg-type]


# --- invited, and out again ---------------------------------------------------------------------


def invited(door: Door, email: str = "arata@school.mihon.example.jp") -> str:
    """Invite a clerk of the school's office, who has nothing yet; return the link's key."""
    account, place, notice = (uuid.uuid4() for _ in range(3))
    key = "a link that came by mail"
    with SystemSession(door.system) as session, session.begin():
        equip(session, door.keys)
        session.add(m.Account(id=account))
        session.flush()
        add_profile(session, door.keys, account, email, "見本 あらた")
        agency = door.town.agencies["school"]
        session.add(
            m.Membership(id=place, account_id=account, agency_id=agency, role="school_staff")
        )
        session.add(
            m.Notice(
                id=notice,
                kind="invitation",
                account_id=account,
                link_hash=notices.link_hash(key),
                expires_at=datetime.now(UTC) + timedelta(days=7),
            )
        )
    return key


def asked(door: Door, browser: Browser, key: str, login: str = "teacher") -> Page:
    """Go from an invitation to the house and back; return what the portal asks then."""
    (way,) = re.findall(
        r'href="(/new-password/sign-on/[^"]+)"', browser.get(f"/new-password?key={quote(key)}").text
    )
    begun = browser.get(unescape(way), 302)
    return browser.get(path(door.board.sign_in(begun.location, login)), 302)


def test_somebody_invited_links_the_account_of_the_house_once_and_deliberately(door: Door) -> None:
    key, browser = invited(door), Browser(door.app)
    page = asked(door, browser, key)
    # Coming back alone links nothing.
    assert rows(door, "SELECT 1 FROM issuer_links") == []
    question = browser.follow(page)
    assert "teacher@school.mihon.example.jp" in question.words
    assert browser.post(page.location, question.form("")).location == "/second-factor"
    assert rows(door, "SELECT count(*) FROM issuer_links") == [(1,)]
    assert rows(door, "SELECT count(*) FROM credentials") == [(0,)]
    opened = rows(door, "SELECT factors, issuer_id FROM sessions WHERE ended_at IS NULL")
    assert ("oidc", door.board.issuer_id) in opened
    # The link is used up, by either way in, and the next sign-in needs none.
    Browser(door.app).get(f"/new-password?key={quote(key)}", 410)
    Browser(door.app).get(f"/new-password/sign-on/{door.board.issuer_id}?key={quote(key)}", 410)
    browser.post(page.location, {}, 422)
    door.come(door.board, "teacher")


def test_an_invitation_used_elsewhere_meanwhile_links_nobody(door: Door) -> None:
    key, first, second = invited(door), Browser(door.app), Browser(door.app)
    pages = [asked(door, browser, key) for browser in (first, second)]
    questions = [browser.follow(page) for browser, page in zip((first, second), pages, strict=True)]
    first.post(pages[0].location, questions[0].form(""))
    second.post(pages[1].location, questions[1].form(""), 410)
    assert rows(door, "SELECT count(*) FROM issuer_links") == [(1,)]


def test_an_invitation_is_not_for_somebody_of_the_house_who_is_known_already(linked: Door) -> None:
    browser = Browser(linked.app)
    page = asked(linked, browser, invited(linked), "nurse")
    refused = browser.post(page.location, browser.follow(page).form(""), 422)
    assert "もうつながっています" in refused.words
    # It was not used up by that.
    assert rows(linked, "SELECT count(*) FROM notices WHERE used_at IS NULL") == [(1,)]


def test_an_invitation_leads_where_a_place_was_granted_and_nowhere_else(door: Door) -> None:
    key, browser = invited(door), Browser(door.app)
    assert "みほん police" not in browser.get(f"/new-password?key={quote(key)}").words
    browser.get(f"/new-password/sign-on/{door.police.issuer_id}?key={quote(key)}", 410)
    execute(door, "UPDATE issuer_places SET value = 'school-2'")
    begun = browser.get(f"/new-password/sign-on/{door.board.issuer_id}?key={quote(key)}", 302)
    page = browser.get(path(door.board.sign_in(begun.location, "teacher")), 422)
    assert "いま、あなたが見られるものはありません" in page.words


def test_a_link_for_a_lost_password_brings_in_no_account_of_a_house(door: Door) -> None:
    """It would lead past the second factor of whoever has one here."""
    key = invited(door)
    execute(
        door,
        "INSERT INTO credentials (account_id, password_hash)"
        " SELECT account_id, 'hash' FROM notices",
    )
    url = f"/new-password/sign-on/{door.board.issuer_id}?key={quote(key)}"
    Browser(door.app).get(url, 410)
    # The control: without a password of its own the account may.
    execute(door, "DELETE FROM credentials")
    Browser(door.app).get(url, 302)


@pytest.mark.parametrize("keeper", ["principal", "admin"])
def test_a_link_taken_away_ends_what_it_opened(linked: Door, keeper: str) -> None:
    nurse, _ = linked.come(linked.board, "nurse")
    liaison, _ = linked.come(linked.police, "nurse")
    by_password = linked.browse("nurse")
    ((place,),) = rows(
        linked,
        "SELECT m.id FROM memberships m JOIN issuer_links l ON l.account_id = m.account_id"
        " JOIN agencies a ON a.id = m.agency_id WHERE a.type = 'school'",
    )
    page = linked.browse(keeper).get(f"/staff/{place}/sign-in")
    (way,) = re.findall(r'action="(/staff/[^"]+/links/[^"]+/end)"', page.text)
    for stranger, status in (("other_nurse", 404), ("teacher", 403)):
        linked.browse(stranger).post(way, {}, status)
    nurse.get("/sign-ins")
    linked.browse(keeper).post(way)
    nurse.get("/sign-ins", 302)
    # The control: the other house's people stay, and so does who came in otherwise.
    liaison.get("/sign-ins")
    by_password.get("/sign-ins")
    linked.come(linked.board, "nurse", 422)
    assert "つながりが外れた" in linked.browse("principal").get("/staff/changes").words
    # Linked anew, the old session stays ended.
    linked.link(linked.board, "nurse", "nurse")
    nurse.get("/sign-ins", 302)
    linked.come(linked.board, "nurse")


def test_a_sleeping_membership_is_not_woken_by_the_house(linked: Door) -> None:
    execute(linked, "UPDATE memberships SET confirm_by = now() - interval '1 day'")
    page = linked.come(linked.board, "nurse", 422)[1]
    assert "いま、あなたが見られるものはありません" in page.words


# --- the sign-on alone --------------------------------------------------------------------------


def only(door: Door, agency: str = "school", status: int = 302) -> Page:
    url = f"/agencies/{door.town.agencies[agency]}/sign-in-rule"
    return door.browse("admin").submit(url, {"sign_on_only": "y"}, status)


def test_an_agency_may_take_its_own_sign_on_alone(
    linked: Door, known: None, stranger: Browser
) -> None:
    by_password, teacher = linked.browse("nurse"), linked.browse("officer")
    only(linked)
    # Whoever is in by a password is out at the next request; who came through the house stays.
    by_password.get("/", 302)
    linked.come(linked.board, "nurse")[0].get("/sign-ins")
    teacher.get("/")
    page = sign_in(stranger, "nurse@example.jp", status=422)
    assert "パスワードやパスキーは使えません" in page.words
    # Told to nobody who does not know the password.
    wrong = sign_in(stranger, "nurse@example.jp", "another password", status=422)
    assert "使えません" not in wrong.words


def test_its_manager_still_gets_in_by_password(linked: Door) -> None:
    principal = linked.browse("principal")
    only(linked)
    principal.get("/staff")
    assert "サインインのしかた" in principal.get("/staff/changes").words


def test_somebody_with_two_places_comes_in_here_for_the_other_alone(
    linked: Door, config: Config
) -> None:
    give_codes(linked.system, config.keys, linked.town, "nurse")
    execute(
        linked,
        "INSERT INTO memberships (id, account_id, agency_id, role, valid_from)"
        " SELECT gen_random_uuid(), p.account_id, a.id, 'school_nurse', now() - interval '1 day'"
        " FROM agencies a, passkeys p WHERE a.name = '見本第二中学校'",
    )
    only(linked)
    other = open_session(
        linked.system, linked.town.accounts["nurse"], linked.town.agencies["other_school"]
    )
    browser = Browser(linked.app, other)
    assert "見本第一小学校" not in browser.get("/switch").words
    browser.post("/switch", {"agency": str(linked.town.agencies["school"])}, 422)


def test_the_sign_on_cannot_be_the_only_way_where_there_is_none(door: Door) -> None:
    assert "機関のサインインがありません" in only(door, "welfare", 422).words
    execute(door, "UPDATE issuers SET suspended = true")
    only(door, "school", 422)


def test_an_invitation_to_such_an_agency_asks_for_no_password(door: Door) -> None:
    key = invited(door)
    only(door)
    url = f"/new-password?key={quote(key)}"
    browser = Browser(door.app)
    assert 'type="password"' not in browser.get(url).text
    browser.post(url, {"password": PASSWORD, "again": PASSWORD}, 403)
    page = asked(door, browser, key)
    browser.post(page.location, browser.follow(page).form(""))


# --- nothing of ours waits for a house ----------------------------------------------------------


def test_a_house_is_asked_outside_of_any_transaction(linked: Door, config: Config) -> None:
    """A house that hangs would otherwise hold a connection and a snapshot of ours for each wait."""
    seen: list[int] = []
    # A transaction that has read anything holds the locks of it until its end.
    holding = (
        "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE a.usename = 'portal_app' AND a.datname = current_database()"
        " AND l.locktype = 'relation'"
    )

    def look(*_asked: Any, **_options: Any) -> None:
        seen.extend(count for (count,) in rows(linked, holding))  # type: ignore[misc]

    with watched_requests(look):
        linked.come(linked.board, "nurse")
        linked.browse("nurse").get(f"/sign-on/{linked.board.issuer_id}/out", 302)
    assert len(seen) > 4, "the house was asked for its settings, keys and a token"
    assert set(seen) == {0}
    # The control: a transaction that is open would be counted.
    engine = create_engine(config.urls.app)
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM agencies"))
        assert rows(linked, holding) == [(1,)]
    engine.dispose()


@contextmanager
def watched_requests(look: Callable[..., None]) -> Iterator[None]:
    """Look whenever the portal sends something to a house, before it is sent."""
    sending = requests.Session.send

    def send(self: requests.Session, *asked: Any, **options: Any) -> requests.Response:
        look()
        return sending(self, *asked, **options)

    requests.Session.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.send = sending  # type: ignore[method-assign]


# --- who does not -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """How somebody comes who must not get in, and what the person is told."""

    name: str
    come: Callable[[Door], Page]
    happened: str
    advice: str
    status: int = 422


def _changed(door: Door, **parameters: str) -> Page:
    """Come back with something else in the address than the house wrote there."""
    browser = Browser(door.app)
    answer = urlsplit(door.answer(door.board, "nurse", browser))
    query = {name: values[0] for name, values in parse_qs(answer.query).items()} | parameters
    return browser.get(f"{answer.path}?{urlencode(query)}", 422)


def _tricked(door: Door, house_name: str = "board", **kind: object) -> Page:
    house: House = getattr(door, house_name)
    house.trick(**kind)
    page = door.come(house, "nurse", 422)[1]
    house.trick()
    return page


def _twice(door: Door) -> Page:
    browser = Browser(door.app)
    answer = door.answer(door.board, "nurse", browser)
    browser.get(answer, 302)
    return browser.get(answer, 422)


def _code_twice(door: Door) -> Page:
    """The address of another's sign-in, in a browser that began one of its own."""
    other = Browser(door.app)
    used = parse_qs(urlsplit(door.answer(door.board, "nurse", other)).query)
    return _changed(door, code=used["code"][0][::-1])


def _elsewhere(door: Door) -> Page:
    began, other = Browser(door.app), Browser(door.app)
    return other.get(door.answer(door.board, "nurse", began), 422)


def _too_late(door: Door) -> Page:
    browser = Browser(door.app)
    answer = door.answer(door.board, "nurse", browser)
    with browser.client.session_transaction(base_url=BASE) as kept:
        (name,) = [key for key in kept if key.startswith("_state_")]
        kept[name] = {**kept[name], "exp": 1}
    return browser.get(answer, 422)


def _at_the_other_door(door: Door) -> Page:
    """Proven by the police, and then shown at the door of the board."""
    browser = Browser(door.app)
    answer = door.answer(door.police, "nurse", browser)
    swapped = answer.replace(str(door.police.issuer_id), str(door.board.issuer_id))
    return browser.get(swapped, 422)


def _broken_off(door: Door) -> Page:
    return door.come(door.board, "somebody else", 422)[1]


def _left(door: Door) -> Page:
    execute(door, "UPDATE memberships SET valid_until = now()")
    page = door.come(door.board, "nurse", 422)[1]
    execute(door, "UPDATE memberships SET valid_until = NULL")
    return page


def _disabled(door: Door) -> Page:
    execute(door, "UPDATE accounts SET disabled = true")
    page = door.come(door.board, "nurse", 422)[1]
    execute(door, "UPDATE accounts SET disabled = false")
    return page


def move(door: Door, url: str) -> None:
    """Let the board's sign-on be at another address."""
    where = f"url = '{url}' WHERE id = '{door.board.issuer_id}'"
    execute(door, f"UPDATE issuers SET {where}")  # noqa: S608


def _down(door: Door) -> Page:
    with closed_port() as port:
        return _at(door, f"http://localhost:{port}")


def _at(door: Door, url: str) -> Page:
    move(door, url)
    page = Browser(door.app).get(f"/sign-on/{door.board.issuer_id}", 503)
    move(door, door.board.url)
    return page


AGAIN = "もう一度始めてください"
NOT_BEGUN = ("サインインを続けられません", AGAIN)
NOT_BELIEVED = ("機関からの返事を確かめられませんでした", "システム管理者に知らせてください")
MAIL = ("メールアドレスが確認できませんでした", "メールアドレスの確認を頼んでください")
DOWN = ("いま、機関のサインインにつながりません", "このポータルのパスワードで")
HOUR = 3600
LONG_AGO = 1_700_000_000
REFUSALS = (
    Refusal("another state", lambda door: _changed(door, state="made up"), *NOT_BEGUN),
    Refusal("the same answer twice", _twice, *NOT_BEGUN),
    Refusal("another browser", _elsewhere, *NOT_BEGUN),
    Refusal("after ten minutes", _too_late, *NOT_BEGUN),
    Refusal("another tenant's issuer", _at_the_other_door, *NOT_BEGUN),
    Refusal("another code", _code_twice, *NOT_BELIEVED),
    Refusal(
        "another issuer's name", lambda door: _changed(door, iss=door.police.url), *NOT_BELIEVED
    ),
    Refusal(
        "another nonce",
        lambda door: _tricked(door, claims={"nonce": "of yesterday"}),
        *NOT_BELIEVED,
    ),
    Refusal(
        "another audience",
        lambda door: _tricked(door, claims={"aud": "somebody", "azp": door.board.client_id}),
        *NOT_BELIEVED,
    ),
    Refusal(
        "issued by another",
        lambda door: _tricked(door, claims={"iss": door.police.url}),
        *NOT_BELIEVED,
    ),
    Refusal("a key that was taken back", lambda door: _tricked(door, stranger=True), *NOT_BELIEVED),
    Refusal(
        "somebody else in the token",
        lambda door: _tricked(door, "police", claims={"sub": "teacher"}),
        *NOT_BELIEVED,
    ),
    Refusal(
        "expired",
        lambda door: _tricked(door, claims={"exp": LONG_AGO + HOUR, "iat": LONG_AGO}),
        "機関からの返事が古すぎます",
        "時計がずれているかもしれません",
    ),
    Refusal(
        "an unconfirmed e-mail",
        lambda door: door.come(door.board, "unconfirmed", 422)[1],
        *MAIL,
    ),
    Refusal("an e-mail of elsewhere", lambda door: door.come(door.board, "private", 422)[1], *MAIL),
    Refusal(
        "nobody's account",
        lambda door: door.come(door.board, "teacher", 422)[1],
        "まだ、このポータルのアカウントとつながっていません",
        "機関のサインインとつなぐ",
    ),
    Refusal("broken off", _broken_off, "サインインを取りやめました", "はじめからお試しください"),
    Refusal("who has left", _left, "いま、あなたが見られるものはありません", "所属と役割"),
    Refusal("who is disabled", _disabled, "いま、あなたが見られるものはありません", "所属と役割"),
    Refusal("a house that is down", _down, *DOWN, 503),
    Refusal(
        "a house under a false name",
        lambda door: _at(door, f"http://127.0.0.1:{door.board.port}"),
        *DOWN,
        503,
    ),
)


def test_whoever_comes_wrongly_is_told_what_to_do_and_stays_outside(linked: Door) -> None:
    counting = (
        "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM audit_events"
        " WHERE event = 'session.refused' AND details->>'door' = 'sign-on')"
    )
    wrong = []
    for refusal in REFUSALS:
        # The control: the same person comes in where nothing is wrong.
        linked.come(linked.board, "nurse")
        ((opened, refused),) = rows(linked, counting)
        page = refusal.come(linked)
        told = refusal.happened in page.words and refusal.advice in page.words
        if page.status != refusal.status or not told:
            wrong.append(f"{refusal.name}: {page.status} {page.words}")
        # An answer that is shown twice opened a session the first time.
        expected = (opened + (refusal.come is _twice), refused + 1)  # type: ignore[operator]
        if rows(linked, counting) != [expected]:
            wrong.append(f"{refusal.name}: a session, or no row of the log")
    assert wrong == []


def test_a_house_that_is_down_leaves_the_way_in_by_password(
    linked: Door, known: None, stranger: Browser
) -> None:
    with closed_port() as port:
        move(linked, f"http://localhost:{port}")
        Browser(linked.app).get(f"/sign-on/{linked.board.issuer_id}", 503)
    assert sign_in(stranger, "nurse@example.jp").location == "/"


# --- the way out --------------------------------------------------------------------------------


def test_signing_out_ends_the_session_and_shows_the_way_out_of_the_house(linked: Door) -> None:
    browser, _ = linked.come(linked.board, "nurse")
    page = browser.follow(browser.post("/sign-out"))
    assert "まだサインインしています" in page.words
    browser.get("/sign-ins", 302)
    out = browser.get(f"/sign-on/{linked.board.issuer_id}/out", 302)
    there = urlsplit(out.location)
    assert f"{there.scheme}://{there.netloc}" == linked.board.url
    asked = parse_qs(there.query)
    assert asked["client_id"] == [linked.board.client_id]
    assert asked["post_logout_redirect_uri"] == [f"{BASE}/sign-in"]


def test_whoever_is_disabled_is_out_at_the_next_request(linked: Door) -> None:
    browser, _ = linked.come(linked.board, "nurse")
    browser.get("/sign-ins")
    execute(linked, "UPDATE accounts SET disabled = true")
    browser.get("/sign-ins", 302)


def test_a_stopped_sign_on_is_not_there(linked: Door) -> None:
    admin, url = linked.browse("admin"), f"/issuers/{linked.board.issuer_id}"
    browser = Browser(linked.app)
    answer = linked.answer(linked.board, "nurse", browser)
    admin.post(url, {**admin.get(url).form(url), "suspended": "y"})
    browser.get(answer, 404)
    browser.get(f"/sign-on/{linked.board.issuer_id}", 404)
    browser.get(f"/sign-on/{uuid.uuid4()}", 404)
    words = browser.get("/sign-in").words
    assert "みほん board" not in words
    assert "みほん police" in words


# --- entering it --------------------------------------------------------------------------------


def test_the_secret_of_a_house_is_sealed_and_never_shown(door: Door) -> None:
    url = f"/issuers/{door.board.issuer_id}"
    assert door.board.client_secret not in door.browse("admin").get(url).text
    sealed = rows(door, "SELECT client_secret_sealed FROM issuers")
    assert len(sealed) == 2
    assert all(door.board.client_secret.encode() not in bytes(each) for (each,) in sealed)  # type: ignore[arg-type]


def test_what_cannot_be_a_sign_on_is_refused(door: Door) -> None:
    admin = door.browse("admin")
    values = {
        "name": "みほん",
        "url": "https://other.example.jp",
        "client_id": "x",
        "client_secret": "y",
    }
    for wrong, told in (
        ({"url": "http://sign-on.example.jp"}, "https://"),
        ({"url": "sign-on.example.jp"}, "https://"),
        ({"url": "http://[::1"}, "https://"),
        ({"url": door.board.url}, "もう入っています"),
        ({"client_secret": ""}, "クライアントシークレットを入力"),
    ):
        page = admin.submit("/issuers/new", {**values, **wrong}, 422)
        assert told in page.words, wrong
    place = {"agency": str(door.town.agencies["school"])}
    places = f"/issuers/{door.board.issuer_id}/places/new"
    assert "クレーム" in admin.submit(places, {**place, "value": "x"}, 422).words
    page = admin.submit(places, {**place, "role": "police_liaison"}, 422)
    assert "この機関にはない役割" in page.words


def test_nobody_but_the_administrator_enters_one(door: Door) -> None:
    for person in ("director", "principal", "auditor"):
        door.browse(person).get("/issuers", 403)
        door.browse(person).get(f"/issuers/{door.board.issuer_id}", 403)
