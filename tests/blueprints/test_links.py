"""Links by mail: an invitation, a lost password, and the letter about a new device."""

import re
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from portal import models as m
from portal import passwords
from portal.auth import COOKIE
from portal.config import Config
from portal.unit import Portal
from tests.city import PASSWORD, City
from tests.letters import Box, jobs, send_all, served_mail
from tests.second_factor import give_codes, next_code
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
NEW = "縁側で猫が七匹ねむっている午後"


@pytest.fixture
def post(config: Config) -> Iterator[tuple[Box, Config]]:
    """Return a real mail server on loopback and a configuration that names it."""
    with served_mail(config) as served:
        yield served


def letters(system: Engine) -> list[Any]:
    with system.connect() as connection:
        return list(connection.execute(select(m.Notice.__table__)).all())


def link_in(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(r"https://localhost(/new-password\?key=\S+)", body.get_content())
    assert found is not None
    return found.group(1)


def choose(browser: Browser, link: str, password: str = NEW, status: int = 302) -> Page:
    return browser.post(link, {"password": password, "again": password}, status)


@pytest.fixture
def invited(browse: Browse, post: tuple[Box, Config], system: Engine) -> str:
    """Return the link of somebody whom the nursery-school's manager just invited."""
    box, config = post
    browse("principal").submit(
        "/staff/invite",
        {"name": "見本 あらた", "email": "arata@example.jp", "role": "school_staff"},
    )
    send_all(config)
    assert box.messages == [], "the role opens cases, so a second person comes first"
    with system.connect() as connection:
        proposal = connection.execute(text("SELECT id FROM membership_proposals")).scalar_one()
    browse("director").post(f"/proposals/{proposal}/confirm")
    send_all(config)
    (message,) = box.messages
    assert message["To"] == "arata@example.jp"
    return link_in(message)


def test_somebody_invited_gets_in_by_the_link_and_by_nothing_else(
    app: Portal, invited: str, system: Engine
) -> None:
    browser = Browser(app)
    browser.post("/sign-in", {"email": "arata@example.jp", "password": NEW}, 422)
    assert "パスワードを決める" in browser.get(invited).words
    for bad, reason in (("みじかい", "15文字以上"), ("arata@example.jp2026", "推測")):
        assert reason in choose(browser, invited, bad, 422).words
    page = choose(browser, invited)
    assert page.location == "/second-factor"
    browser.get("/", 302)
    # Used once; unknown, used and over answer alike.
    choose(Browser(app), invited, status=410)
    used = Browser(app).get(invited, 410)
    unknown = Browser(app).get("/new-password?key=unknown", 410)
    assert used.words == unknown.words
    Browser(app).post("/sign-in", {"email": "arata@example.jp", "password": NEW})
    with system.connect() as connection:
        kept = connection.execute(text("SELECT notices::text FROM notices")).scalars().all()
    assert invited.partition("key=")[2] not in " ".join(kept)


def test_an_invitation_says_nothing_and_its_job_is_an_id(
    invited: str, post: tuple[Box, Config], system: Engine
) -> None:
    (message,) = post[0].messages
    body = message.get_body(("plain",))
    assert body is not None
    for told in ("見本", "学校", "あらた"):
        assert told not in message["Subject"] + body.get_content()
    (arguments,) = jobs(system, "send_notice")
    (notice,) = letters(system)
    assert arguments == {"notice": str(notice.id)}
    assert notice.sent_at is not None


def test_a_letter_sent_again_after_a_crash_is_the_same_message(
    invited: str, post: tuple[Box, Config], system: Engine
) -> None:
    box, config = post
    send_all(config)
    assert len(box.messages) == 1, "what was sent is not sent again"
    # The process died between the mail server's answer and the commit.
    with system.begin() as connection:
        connection.execute(text("UPDATE notices SET sent_at = NULL"))
    send_all(config)
    first, second = box.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE notices SET expires_at = now() + interval '1 second'", 200),
        ("UPDATE notices SET expires_at = now()", 410),
        ("UPDATE notices SET used_at = now()", 410),
        ("UPDATE accounts SET disabled = true WHERE id = (SELECT account_id FROM notices)", 410),
        ("UPDATE memberships SET valid_until = now() WHERE role = 'school_staff'", 410),
    ],
)
def test_a_link_holds_until_its_end(
    app: Portal, invited: str, system: Engine, change: str, status: int
) -> None:
    with system.begin() as connection:
        days = connection.execute(
            text("SELECT extract(epoch FROM expires_at - recorded_at) / 86400 FROM notices")
        )
        assert days.scalar_one() == 7
        connection.execute(text(change))
    Browser(app).get(invited, status)


def test_inviting_a_known_address_looks_the_same_and_sends_nothing(
    browse: Browse, system: Engine, town: City, config: Config
) -> None:
    with system.begin() as connection:
        hashed = passwords.hasher(config).hash(PASSWORD)
        connection.execute(
            text("INSERT INTO credentials (account_id, password_hash) VALUES (:id, :hash)"),
            {"id": town.accounts["volunteer"], "hash": hashed},
        )
    values = {"name": "見本 たれか", "email": "volunteer@example.jp", "role": "school_staff"}
    page = browse("principal").submit("/staff/invite", values)
    assert page.location.startswith("/staff")
    assert letters(system) == []


def test_who_may_invite(browse: Browse, town: City) -> None:
    for person in ("nurse", "volunteer", "lawyer", "auditor"):
        browse(person).get("/staff/invite", 403)
    centre = town.agencies["centre"]
    browse("principal").get(f"/staff/invite?agency={centre}", 404)
    browse("admin").get(f"/staff/invite?agency={centre}")


# --- a lost password -----------------------------------------------------------------------------


@pytest.fixture
def known(system: Engine, town: City, config: Config) -> None:
    """Give the nurse a password and a second factor."""
    hashed = passwords.hasher(config).hash(passwords.prepared(PASSWORD))
    with system.begin() as connection:
        connection.execute(
            text("INSERT INTO credentials (account_id, password_hash) VALUES (:id, :hash)"),
            {"id": town.accounts["nurse"], "hash": hashed},
        )
    give_codes(system, config.keys, town, "nurse")


def test_a_new_password_by_mail_ends_every_session_and_skips_no_factor(
    app: Portal, browse: Browse, known: None, post: tuple[Box, Config], system: Engine
) -> None:
    box, config = post
    elsewhere = browse("nurse")
    Browser(app).submit("/forgotten-password", {"email": "Nurse@example.jp"}, 200)
    send_all(config)
    (message,) = box.messages
    with system.connect() as connection:
        minutes = text("SELECT extract(epoch FROM expires_at - recorded_at) / 60 FROM notices")
        assert connection.execute(minutes).scalar_one() == 30
    browser = Browser(app)
    choose(browser, link_in(message))
    elsewhere.get("/sign-ins", 302)
    assert browser.get("/", 302).location == "/second-factor"
    browser.get("/second-factor/app", 403)
    browser.post("/second-factor", {"code": next_code("nurse@example.jp")})
    browser.get("/")
    Browser(app).post("/sign-in", {"email": "nurse@example.jp", "password": PASSWORD}, 422)


def test_asking_for_a_link_tells_nobody_who_has_an_account(
    app: Portal, known: None, town: City, post: tuple[Box, Config], system: Engine
) -> None:
    box, config = post
    answers = []
    for number, email in enumerate(("nurse@example.jp", "nobody@example.jp", "teacher@example.jp")):
        browser = Browser(app)
        browser.client.environ_base["REMOTE_ADDR"] = f"203.0.{number}.7"
        page = browser.submit("/forgotten-password", {"email": email}, 200)
        answers.append(page.words)
    assert len(set(answers)) == 1
    # The same rows are written for each of them.
    assert [row.kind for row in letters(system)] == ["reset"] * 3
    assert len(jobs(system, "send_notice")) == 3
    send_all(config)
    assert [message["To"] for message in box.messages] == ["nurse@example.jp"]


def test_wishes_for_links_are_throttled(app: Portal, known: None, system: Engine) -> None:
    browser = Browser(app)
    for _ in range(5):
        browser.submit("/forgotten-password", {"email": "nurse@example.jp"}, 200)
    page = browser.submit("/forgotten-password", {"email": "nurse@example.jp"}, 429)
    assert "1分ほど" in page.words
    assert len(letters(system)) == 5


def test_a_new_link_ends_the_one_before(app: Portal, known: None, post: tuple[Box, Config]) -> None:
    box, config = post
    for _ in range(2):
        Browser(app).submit("/forgotten-password", {"email": "nurse@example.jp"}, 200)
        send_all(config)
    first, second = (link_in(message) for message in box.messages)
    Browser(app).get(first, 410)
    Browser(app).get(second)


# --- a device not used before --------------------------------------------------------------------


def signs_in(browser: Browser) -> None:
    page = browser.post("/sign-in", {"email": "nurse@example.jp", "password": PASSWORD})
    browser.post(page.location, {"code": next_code("nurse@example.jp")})


def test_a_sign_in_on_another_device_is_told_by_mail(
    app: Portal, known: None, post: tuple[Box, Config], system: Engine
) -> None:
    box, config = post
    first, second = Browser(app), Browser(app)
    signs_in(first)
    signs_in(first)
    assert letters(system) == [], "the first device of all is no news"
    signs_in(second)
    signs_in(second)
    send_all(config)
    (message,) = box.messages
    assert message["To"] == "nurse@example.jp"
    body = message.get_body(("plain",))
    assert body is not None
    assert "https://localhost/sign-ins" in body.get_content()
    assert "見本" not in body.get_content()
    device = second.client.get_cookie("__Host-device", domain="localhost")
    assert device is not None
    assert second.client.get_cookie(COOKIE, domain="localhost") is not None
    with system.connect() as connection:
        kept = connection.execute(text("SELECT known_devices::text FROM known_devices")).scalars()
        assert device.value not in " ".join(kept)
