"""Signing in and out: who gets in, who is told what, and what ends a sign-in."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from http.cookies import SimpleCookie
from typing import Any

import argon2
import pytest
from flask import g
from sqlalchemy import Engine, func, select, text

from portal import auth, passwords
from portal import models as m
from portal.auth import COOKIE
from portal.config import Config
from portal.database import SystemSession
from portal.demo.life import CODES
from portal.demo.people import DEMO_PEOPLE
from portal.extensions import db
from portal.factory import create_app
from portal.unit import Portal
from portal.vault import email_index
from tests.city import PASSWORD, City
from tests.second_factor import give_codes, next_code
from tests.web import BASE, Browser, Page

Browse = Callable[[str], Browser]


@pytest.fixture
def demo_app(config: Config) -> Iterator[Portal]:
    """Return the application of a demo on the test's own database."""
    app = create_app(replace(config, demo=True))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def known(system: Engine, town: City, config: Config) -> None:
    """Give the nurse and the teacher a password."""
    hashed = passwords.hasher(config).hash(passwords.prepared(PASSWORD))
    with system.begin() as connection:
        for person in ("nurse", "teacher"):
            set_hash(connection, town.accounts[person], hashed)
    give_codes(system, config.keys, town, "nurse", "teacher")


def set_hash(connection: Any, account_id: uuid.UUID, hashed: str) -> None:
    connection.execute(
        text(
            "INSERT INTO credentials (account_id, password_hash) VALUES (:account, :hash)"
            " ON CONFLICT (account_id) DO UPDATE SET password_hash = excluded.password_hash"
        ),
        {"account": account_id, "hash": hashed},
    )


def sign_in(
    browser: Browser, email: str, password: str = PASSWORD, status: int = 302, url: str = "/sign-in"
) -> Page:
    """Sign in by password and, where that was right, by a second factor too."""
    page = browser.post(url, {"email": email, "password": password}, status)
    if status != 302:
        return page
    return browser.post(page.location, {"code": next_code(email)})


def cookie(browser: Browser) -> str | None:
    found = browser.client.get_cookie(COOKIE, domain="localhost")
    return None if found is None else found.value


def moved(system: Engine, **ago: str) -> None:
    """Move the times of all sessions back, each column by an interval."""
    with system.begin() as connection:
        for column, interval in ago.items():
            connection.execute(
                text(f"UPDATE sessions SET {column} = now() - interval '{interval}'")  # noqa: S608
            )


def without_chance(page: Page) -> str:
    """Return a page's bytes without the values that differ from one request to the next."""
    return re.sub(r'(nonce|value)="[^"]*"', r'\1=""', page.text)


# --- the door -----------------------------------------------------------------------------------


def test_the_right_password_opens_the_first_page(stranger: Browser, known: None) -> None:
    assert sign_in(stranger, "Nurse@Example.jp").location == "/"
    assert "見本第一小学校" in stranger.get("/").words


def test_a_full_width_keyboard_opens_it_too(
    stranger: Browser, system: Engine, town: City, config: Config
) -> None:
    hashed = passwords.hasher(config).hash(passwords.prepared("rainy day on the veranda"))
    with system.begin() as connection:
        set_hash(connection, town.accounts["nurse"], hashed)
    sign_in(stranger, "ｎｕｒｓｅ@example.jp", "ｒａｉｎｙ day on the veranda")


def test_unknown_wrong_and_disabled_are_told_apart_by_nothing(
    app: Portal, system: Engine, town: City, known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with system.begin() as connection:
        disable(connection, town.accounts["teacher"])
    counted: list[str] = []
    spy(monkeypatch, counted)
    answers, costs = [], []
    for email, password in (
        ("nobody@example.jp", PASSWORD),
        ("nurse@example.jp", "not the right one at all"),
        ("teacher@example.jp", PASSWORD),
        ("officer@example.jp", PASSWORD),
    ):
        counted.clear()
        answers.append(without_chance(sign_in(Browser(app), email, password, 422)))
        costs.append(list(counted))
    assert len(set(answers)) == 1
    assert costs == [["verify"]] * 4
    # The control: somebody who gets in is answered otherwise.
    assert without_chance(sign_in(Browser(app), "nurse@example.jp")) != answers[0]


def spy(monkeypatch: pytest.MonkeyPatch, counted: list[str]) -> None:
    """Count the hashes that are computed; they are computed all the same."""
    for name in ("hash", "verify"):
        real = getattr(argon2.PasswordHasher, name)

        def counting(*args: Any, _name: str = name, _real: Any = real, **options: Any) -> Any:
            counted.append(_name)
            return _real(*args, **options)

        monkeypatch.setattr(argon2.PasswordHasher, name, counting)


def disable(connection: Any, account_id: uuid.UUID) -> None:
    connection.execute(
        text("UPDATE accounts SET disabled = true WHERE id = :id"), {"id": account_id}
    )


def test_a_hash_of_lower_cost_is_replaced_at_the_next_sign_in(
    app: Portal, system: Engine, town: City, known: None
) -> None:
    before = stored_hash(system, town, "nurse")
    sign_in(Browser(app), "nurse@example.jp")
    assert stored_hash(system, town, "nurse") == before, "the installation's own cost is kept"
    cheaper = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16)
    with system.begin() as connection:
        set_hash(connection, town.accounts["nurse"], cheaper.hash(PASSWORD))
    sign_in(Browser(app), "nurse@example.jp")
    after = argon2.extract_parameters(stored_hash(system, town, "nurse"))
    assert after.hash_len == 32
    assert after.type is argon2.Type.ID


def stored_hash(system: Engine, town: City, person: str) -> str:
    query = select(m.Credential.password_hash).where(
        m.Credential.account_id == town.accounts[person]
    )
    with system.connect() as connection:
        found: str = connection.execute(query).scalar_one()
    return found


def test_an_installation_hashes_with_argon2id_as_asvs_asks(tmp_path: Any) -> None:
    found = argon2.extract_parameters(passwords.hasher(Config(tmp_path, tmp_path)).hash("x"))
    assert found.type is argon2.Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) >= (46 * 1024, 1, 1)


def test_next_leads_to_pages_of_the_portal_and_nowhere_else(app: Portal, known: None) -> None:
    for wish, there in (
        ("/sign-ins", "/sign-ins"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/no-such-page", "/"),
        ("/sign-out", "/"),
    ):
        page = sign_in(Browser(app), "nurse@example.jp", url=f"/sign-in?next={wish}")
        assert page.location == there, wish


def test_a_page_asked_for_too_early_comes_after_the_sign_in(stranger: Browser, known: None) -> None:
    turned_away = stranger.get("/sign-ins", 302)
    page = sign_in(stranger, "nurse@example.jp", url=turned_away.location)
    assert page.location == "/sign-ins"


# --- guessing -----------------------------------------------------------------------------------


def from_address(app: Portal, address: str) -> Browser:
    browser = Browser(app)
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser


def test_five_failures_close_a_prefix_and_the_owner_still_gets_in(
    app: Portal, system: Engine, known: None
) -> None:
    attacker = from_address(app, "203.0.113.7")
    for _ in range(5):
        sign_in(attacker, "nurse@example.jp", "guessing again and again", 422)
    page = sign_in(attacker, "nurse@example.jp", PASSWORD, 429)
    assert "1分ほど" in page.words
    # A neighbour in the same /24 is closed too, and so is every other name from there.
    sign_in(from_address(app, "203.0.113.200"), "teacher@example.jp", PASSWORD, 429)
    # The owner is elsewhere; whoever failed elsewhere as well is not the owner.
    sign_in(from_address(app, "198.51.100.1"), "nurse@example.jp")
    other = from_address(app, "192.0.2.1")
    sign_in(other, "nurse@example.jp", "one guess from elsewhere", 422)
    sign_in(other, "nurse@example.jp", PASSWORD, 429)
    # Nobody is locked out for good.
    with system.begin() as connection:
        connection.execute(
            text("UPDATE throttle_counts SET window_start = window_start - interval '61 seconds'")
        )
    sign_in(attacker, "nurse@example.jp")


def test_attempts_made_at_once_count_one_another(app: Portal, known: None) -> None:
    browsers = [from_address(app, "203.0.113.7") for _ in range(8)]
    tokens = [browser.token() for browser in browsers]
    start, statuses = threading.Barrier(len(browsers)), []

    def guess(browser: Browser, token: str) -> None:
        start.wait()
        answer = browser.client.post(
            "/sign-in",
            data={"email": "nurse@example.jp", "password": "a guess", "csrf_token": token},
            base_url=BASE,
        )
        statuses.append(answer.status_code)

    threads = [
        threading.Thread(target=guess, args=pair) for pair in zip(browsers, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [422] * 5 + [429] * 3


def test_no_address_and_no_name_is_stored_by_the_throttle(
    app: Portal, system: Engine, known: None
) -> None:
    sign_in(from_address(app, "203.0.113.77"), "nurse@example.jp", "a wrong one", 422)
    with system.connect() as connection:
        kept = connection.execute(text("SELECT bucket::text FROM throttle_counts")).scalars().all()
        events = connection.execute(text("SELECT audit_events::text FROM audit_events")).scalars()
        everything = " ".join([*kept, *events])
    assert len(kept) == 2
    assert "203.0.113" not in everything
    assert "nurse" not in everything


# --- the session --------------------------------------------------------------------------------


def test_a_planted_cookie_never_becomes_a_session(app: Portal, system: Engine, known: None) -> None:
    victim = Browser(app, token="planted-by-somebody-else")
    sign_in(victim, "nurse@example.jp")
    assert cookie(victim) not in (None, "planted-by-somebody-else")
    Browser(app, token="planted-by-somebody-else").get("/sign-ins", 302)
    with system.connect() as connection:
        known_hashes = connection.execute(text("SELECT token_hash FROM sessions")).scalars().all()
    assert sha256(b"planted-by-somebody-else").digest() not in known_hashes
    assert sha256(str(cookie(victim)).encode()).digest() in known_hashes


def test_signing_in_again_gives_a_new_session_and_a_new_form_token(
    stranger: Browser, known: None
) -> None:
    form_token = stranger.token()
    sign_in(stranger, "nurse@example.jp")
    first = cookie(stranger)
    stranger.post("/sign-out", {"csrf_token": form_token}, 400)
    sign_in(stranger, "teacher@example.jp")
    assert cookie(stranger) != first
    replay(stranger, str(first)).get("/sign-ins", 302)


def replay(browser: Browser, token: str) -> Browser:
    """Return another browser that shows a recorded cookie."""
    return Browser(browser.client.application, token)  # type: ignore[arg-type]


def test_every_cookie_is_host_bound_secure_and_unreadable(stranger: Browser, known: None) -> None:
    set_cookies = [
        header
        for answer in (
            stranger.get("/sign-in?lang=en"),
            sign_in(stranger, "nurse@example.jp"),
            stranger.post("/sign-out"),
        )
        for header in answer.response.headers.getlist("Set-Cookie")
    ]
    names = set()
    for header in set_cookies:
        for name, morsel in SimpleCookie(header).items():
            names.add(name)
            assert name.startswith("__Host-"), header
            assert morsel["secure"], header
            assert morsel["httponly"], header
            assert morsel["samesite"] in ("Lax", "Strict"), header
            assert morsel["path"] == "/", header
            assert not morsel["domain"], header
    assert names == {"__Host-device", "__Host-form", "__Host-lang", COOKIE}


@pytest.mark.parametrize(
    ("column", "still", "over"),
    [
        ("seen_at", "14 minutes 50 seconds", "15 minutes 10 seconds"),
        ("opened_at", "11 hours 59 minutes", "12 hours 1 minute"),
    ],
)
def test_a_session_ends_by_rest_and_by_age(
    browse: Browse, system: Engine, column: str, still: str, over: str
) -> None:
    nurse = browse("nurse")
    moved(system, **{column: still})
    nurse.get("/sign-ins")
    moved(system, **{column: over})
    nurse.get("/sign-ins", 302)


def test_using_a_session_keeps_it_awake_but_not_beyond_its_age(
    browse: Browse, system: Engine
) -> None:
    nurse = browse("nurse")
    moved(system, seen_at="10 minutes")
    nurse.get("/sign-ins")
    with system.connect() as connection:
        rest = connection.execute(text("SELECT now() - seen_at < '1 minute' FROM sessions"))
        assert rest.scalar_one()


def test_signing_out_ends_the_session_on_the_server(browse: Browse) -> None:
    nurse = browse("nurse")
    token = str(cookie(nurse))
    page = nurse.post("/sign-out")
    assert page.location == "/sign-in"
    assert page.response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert cookie(nurse) is None
    replay(nurse, token).get("/sign-ins", 302)


@pytest.mark.parametrize("ending", ["disabled", "membership"])
def test_who_leaves_is_out_at_the_next_request(
    browse: Browse, system: Engine, town: City, ending: str
) -> None:
    nurse, teacher = browse("nurse"), browse("teacher")
    nurse.get("/sign-ins")
    with system.begin() as connection:
        if ending == "disabled":
            disable(connection, town.accounts["nurse"])
        else:
            connection.execute(
                text("UPDATE memberships SET valid_until = now() WHERE account_id = :id"),
                {"id": town.accounts["nurse"]},
            )
    nurse.get("/sign-ins", 302)
    teacher.get("/sign-ins")


def test_another_role_takes_another_sign_in(browse: Browse, system: Engine, town: City) -> None:
    nurse, teacher = browse("nurse"), browse("teacher")
    nurse.get("/sign-ins")
    with system.begin() as connection:
        connection.execute(
            text("UPDATE memberships SET valid_until = now() WHERE account_id = :id"),
            {"id": town.accounts["nurse"]},
        )
        connection.execute(
            text(
                "INSERT INTO memberships (id, account_id, agency_id, role, valid_from)"
                " VALUES (gen_random_uuid(), :id, :agency, 'school_principal', now())"
            ),
            {"id": town.accounts["nurse"], "agency": town.agencies["school"]},
        )
    nurse.get("/sign-ins", 302)
    nurse.get("/sign-ins", 302)
    teacher.get("/sign-ins")
    assert "校長" in browse("nurse").get("/switch").words


def test_a_request_in_flight_does_not_revive_an_ended_session(
    app: Portal, browse: Browse, system: Engine
) -> None:
    nurse = browse("nurse")
    token_hash = sha256(str(cookie(nurse)).encode()).digest()
    moved(system, seen_at="5 minutes")
    with app.test_request_context("/", headers={"Cookie": f"{COOKIE}={cookie(nurse)}"}):
        session = auth.session_factory()
        auth.authenticate(session)
        assert g.signed is not None
        with system.begin() as connection:
            connection.execute(select(func.end_session(token_hash)))
        # What the request does at its end: note that the session is in use.
        auth.keep_awake()
        session.rollback()
    nurse.get("/sign-ins", 302)
    with system.connect() as connection:
        seen, ended = connection.execute(text("SELECT seen_at, ended_at FROM sessions")).one()
    assert ended is not None
    assert seen < ended


def test_pages_are_never_kept_by_the_browser(browse: Browse) -> None:
    nurse = browse("nurse")
    for url, status in (("/", 200), ("/sign-ins", 200), ("/nowhere", 404)):
        assert nurse.get(url, status).response.headers["Cache-Control"] == "no-store"


# --- one's own sign-ins -------------------------------------------------------------------------


def test_one_sees_and_ends_ones_own_sign_ins_only(
    app: Portal, browse: Browse, known: None, system: Engine
) -> None:
    here, there, stranger = Browser(app), Browser(app), browse("teacher")
    sign_in(there, "nurse@example.jp")
    sign_in(here, "nurse@example.jp")
    page = here.get("/sign-ins")
    assert page.words.count("最後に使った時刻") == 2
    assert page.words.count("この画面を終わらせる") == 1
    ends = ends_of(page)
    # Somebody else's sign-in is not there, to see or to end.
    assert not set(ends) & set(ends_of(stranger.get("/sign-ins")))
    stranger.post(ends[0], status=404)
    there.get("/sign-ins")
    own = ends_of(there.get("/sign-ins"))
    assert sorted(own) == sorted(ends)
    other = next(url for url in ends if "この画面" not in card_of(page, url))
    here.post(other)
    there.get("/sign-ins", 302)
    here.get("/sign-ins")
    here.post(ends_of(here.get("/sign-ins"))[0])
    here.get("/sign-ins", 302)


def ends_of(page: Page) -> list[str]:
    assert page.tree is not None
    return [form.action for form in page.tree.forms if (form.action or "").endswith("/end")]


def card_of(page: Page, action: str) -> str:
    assert page.tree is not None
    (form,) = [form for form in page.tree.forms if form.action == action]
    return str(form.getparent().text_content())


def test_a_sign_in_that_rests_is_not_shown(app: Portal, known: None, system: Engine) -> None:
    there, here = Browser(app), Browser(app)
    sign_in(there, "nurse@example.jp")
    moved(system, seen_at="20 minutes")
    sign_in(here, "nurse@example.jp")
    assert len(ends_of(here.get("/sign-ins"))) == 1


# --- several memberships ------------------------------------------------------------------------


def add_membership(system: Engine, town: City, person: str, agency: str, role: str) -> None:
    with SystemSession(system) as session, session.begin():
        session.add(
            m.Membership(
                account_id=town.accounts[person], agency_id=town.agencies[agency], role=role
            )
        )


def test_one_acts_in_one_membership_at_a_time(browse: Browse, system: Engine, town: City) -> None:
    add_membership(system, town, "lawyer", "cafeteria", "cafeteria_volunteer")
    lawyer = browse("lawyer")
    before = str(cookie(lawyer))
    page = lawyer.submit("/switch", {"agency": str(town.agencies["cafeteria"])})
    assert page.location == "/"
    words = lawyer.get("/").words
    assert "こども食堂みほん" in words
    assert "提携弁護士" not in words
    assert cookie(lawyer) != before
    replay(lawyer, before).get("/sign-ins", 302)


def test_nobody_switches_to_an_agency_of_others(browse: Browse, town: City) -> None:
    nurse = browse("nurse")
    page = nurse.get("/switch")
    assert "あなたの所属はひとつです" in page.words
    nurse.post("/switch", {"agency": str(town.agencies["centre"])}, 422)
    assert "見本第一小学校" in nurse.get("/").words


def test_switching_with_an_ended_session_opens_nothing(
    app: Portal, browse: Browse, system: Engine, town: City
) -> None:
    """The session ends between the moment the request was let in and the switch itself."""
    nurse = browse("nurse")
    token_hash = sha256(str(cookie(nurse)).encode()).digest()
    with app.test_request_context("/", headers={"Cookie": f"{COOKIE}={cookie(nurse)}"}):
        session = auth.session_factory()
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
        auth.authenticate(session)
        with system.begin() as connection:
            connection.execute(select(func.end_session(token_hash)))
        with pytest.raises(Exception, match="401"):
            auth.act_for(session, town.agencies["school"])
        session.rollback()
    with system.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 1


# --- the password -------------------------------------------------------------------------------

NEW = "縁側で猫が七匹ねむっている午後"


def change(browser: Browser, present: str, password: str, again: str, status: int) -> Page:
    values = {"present": present, "password": password, "again": again}
    return browser.submit("/password", values, status)


def test_a_new_password_ends_every_other_sign_in(app: Portal, known: None) -> None:
    here, there = Browser(app), Browser(app)
    sign_in(there, "nurse@example.jp")
    sign_in(here, "nurse@example.jp")
    before = str(cookie(here))
    change(here, PASSWORD, NEW, NEW, 302)
    here.get("/sign-ins")
    there.get("/sign-ins", 302)
    replay(here, before).get("/sign-ins", 302)
    sign_in(Browser(app), "nurse@example.jp", PASSWORD, 422)
    sign_in(Browser(app), "nurse@example.jp", NEW)


@pytest.mark.parametrize(
    ("present", "password", "again", "reason"),
    [
        ("not my password", NEW, NEW, "いまのパスワードがちがいます"),
        (PASSWORD, NEW, NEW + "。", "2回の入力が同じではありません"),
        (PASSWORD, "みじかい", "みじかい", "15文字以上"),
        (PASSWORD, "長" * 129, "長" * 129, "128文字まで"),
        (PASSWORD, "passwordpassword", "passwordpassword", "推測されやすい"),
        (PASSWORD, "nurse@example.jp2026", "nurse@example.jp2026", "推測されやすい"),
        (PASSWORD, "見本第一小学校見本第一小学校2026", "見本第一小学校見本第一小学校2026", "推測"),
        (PASSWORD, "", "", "新しいパスワードを入力"),
    ],
)
def test_a_refused_password_changes_nothing(  # noqa: PLR0917
    stranger: Browser, known: None, present: str, password: str, again: str, reason: str
) -> None:
    sign_in(stranger, "nurse@example.jp")
    assert reason in change(stranger, present, password, again, 422).words
    stranger.get("/sign-ins")
    stranger.post("/sign-out")
    sign_in(stranger, "nurse@example.jp", PASSWORD)


def test_guessing_at_an_open_screen_is_throttled(stranger: Browser, known: None) -> None:
    sign_in(stranger, "nurse@example.jp")
    for _ in range(5):
        change(stranger, "guessing at her desk", NEW, NEW, 422)
    assert "1分ほど" in change(stranger, PASSWORD, NEW, NEW, 429).words


def test_a_sign_in_with_the_old_password_waits_for_its_change(
    config: Config, system: Engine, town: City, known: None
) -> None:
    """Without the lock the session would be opened after the change had ended all it saw."""
    index = email_index(config.keys, "nurse@example.jp")
    with system.connect() as changing, system.connect() as entering:
        entering.execute(text("SET lock_timeout = '200ms'"))
        entering.execute(select(func.account_for_login(index)))
        entering.commit()
        changing.execute(
            select(func.set_config("portal.account_id", str(town.accounts["nurse"]), True))
        )
        changing.execute(select(func.set_password(town.accounts["nurse"], "hash")))
        with pytest.raises(Exception, match="lock timeout"):
            entering.execute(select(func.account_for_login(index)))
        changing.rollback()


# --- the demo -----------------------------------------------------------------------------------


def test_outside_a_demo_nobody_signs_in_by_a_button(stranger: Browser, town: City) -> None:
    stranger.post("/demo-sign-in", {"email": "nurse@example.jp"}, 404)
    assert "デモの人" not in stranger.get("/sign-in").words


def test_in_a_demo_each_person_has_a_button(town: City, demo_app: Portal) -> None:
    browser = Browser(demo_app)
    words = browser.get("/sign-in").words
    assert words.count("としてサインイン") >= len(DEMO_PEOPLE)
    assert "nurse@example.jp" in {person.email for person in DEMO_PEOPLE}
    browser.post("/demo-sign-in", {"email": "nurse@example.jp"})
    assert "見本第一小学校" in browser.get("/").words
    # Somebody of the database who is none of the demo's people has no button.
    Browser(demo_app).post("/demo-sign-in", {"email": "other_nurse@example.jp"}, 404)


def test_a_demo_shows_the_words_that_open_the_threads_of_its_visitors(
    demo_app: Portal, stranger: Browser
) -> None:
    words = Browser(demo_app).get("/sign-in").words
    for code in CODES:
        assert code.name_ja in words
        assert code.secret in words
        assert code.secret not in stranger.get("/sign-in").words


# --- open to everybody --------------------------------------------------------------------------


def test_the_accessibility_policy_is_public(stranger: Browser) -> None:
    words = stranger.get("/accessibility").words
    assert "WCAG 2.2" in words
    assert "JIS X 8341-3:2016" in words
