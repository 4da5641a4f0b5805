"""One way in for new accounts: a link by mail on the first day, sent again or taken back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from portal.config import Config
from portal.unit import Portal
from portal.working_hours import jst
from tests.blueprints.test_administration import one
from tests.blueprints.test_links import Box, choose, link_in, post, send_all
from tests.city import City
from tests.web import Browser

Browse = Callable[[str], Browser]

__all__ = ["post"]

NEW = {"name": "見本 あらた", "email": "arata@example.jp"}


def execute(system: Engine, statement: str, **values: Any) -> None:
    with system.begin() as connection:
        connection.execute(text(statement), values)


def made(admin: Browser, town: City, **place: str) -> str:
    """Let the administrator make an account and a place for it; return the place's id."""
    account = admin.submit("/accounts/new", NEW).location
    assert "招待のメール" in admin.get(account).words
    values = {"agency": str(town.agencies["centre"]), "role": "center_clerk", **place}
    form = admin.get(f"{account}/memberships/new").form()
    admin.post(f"{account}/memberships/new", {**form, **values})
    return form["submission"]


def state(browser: Browser, place: str) -> str:
    return browser.get(f"/staff/{place}/sign-in").words


def test_an_account_has_no_password_on_paper_and_comes_in_by_mail(
    app: Portal, browse: Browse, town: City, system: Engine, post: tuple[Box, Config]
) -> None:
    box, config = post
    admin = browse("admin")
    place = made(admin, town)
    assert one(system, "SELECT count(*) FROM credentials") == 0
    send_all(config)
    (message,) = box.messages
    assert message["To"] == "arata@example.jp"
    director = browse("director")
    assert "招待中" in director.get("/staff").words
    assert "使えます" in state(director, place)
    choose(Browser(app), link_in(message))
    assert "招待中" not in director.get("/staff").words
    director.post(f"/staff/{place}/invite")
    assert "もう使いはじめています" in director.get("/staff").words
    # A manager reads who was let in.
    assert "アカウントがつくられた" not in director.get("/staff/changes").words
    assert "招待のメールが用意された" in director.get("/staff/changes").words


def test_whoever_begins_later_is_written_to_on_that_day(
    app: Portal, browse: Browse, town: City, system: Engine, post: tuple[Box, Config]
) -> None:
    box, config = post
    first_day = jst(datetime.now(UTC)).date() + timedelta(days=20)
    admin = browse("admin")
    place = made(admin, town, since=first_day.isoformat())
    # The queue keeps the job until 00:00 in Japan on that day; the link holds seven days from then.
    due = f"{first_day} 00:00 Asia/Tokyo"
    kept = "SELECT scheduled_at = CAST(:due AS timestamptz) FROM jobs.procrastinate_jobs"
    assert one(system, kept, due=due)
    holds = "SELECT due_at = CAST(:due AS timestamptz) AND expires_at = due_at + interval '7 days'"
    assert one(system, f"{holds} FROM notices", due=due)
    assert "に、招待のメールを送ります" in state(browse("director"), place)
    # Run too early all the same, the job sends nothing: the link would open nothing yet.
    send_all(config)
    assert box.messages == []
    browse("director").post(f"/staff/{place}/invite")
    assert one(system, "SELECT count(*) FROM notices WHERE due_at > now() AND used_at IS NULL") == 1
    # The day has come.
    execute(system, "UPDATE memberships SET valid_from = now() WHERE id = :id", id=place)
    send_all(config)
    (message,) = box.messages
    choose(Browser(app), link_in(message))


def test_a_place_that_begins_sooner_brings_the_invitation_forward(
    browse: Browse, town: City, system: Engine, post: tuple[Box, Config]
) -> None:
    box, config = post
    admin = browse("admin")
    later = jst(datetime.now(UTC)).date() + timedelta(days=20)
    made(admin, town, since=later.isoformat())
    account = one(system, "SELECT account_id FROM notices")
    form = admin.get(f"/accounts/{account}/memberships/new").form()
    values = {"agency": str(town.agencies["cafeteria"]), "role": "cafeteria_volunteer"}
    admin.post(f"/accounts/{account}/memberships/new", {**form, **values})
    send_all(config)
    assert len(box.messages) == 1
    # The control: another that begins later leaves the link alone that holds.
    form = admin.get(f"/accounts/{account}/memberships/new").form()
    values = {"agency": str(town.agencies["npo"]), "role": "sysadmin", "since": later.isoformat()}
    admin.post(f"/accounts/{account}/memberships/new", {**form, **values})
    assert one(system, "SELECT count(*) FROM notices WHERE used_at IS NULL") == 1


def test_an_invitation_is_withdrawn_and_sent_again(
    app: Portal, browse: Browse, town: City, system: Engine, post: tuple[Box, Config]
) -> None:
    box, config = post
    place = made(browse("admin"), town)
    send_all(config)
    director = browse("director")
    for stranger, status in (("principal", 404), ("counsellor", 403)):
        browse(stranger).post(f"/staff/{place}/uninvite", {}, status)
    director.post(f"/staff/{place}/uninvite")
    Browser(app).get(link_in(box.messages[0]), 410)
    assert "招待を取り下げました" in director.get("/staff").words
    assert "取り下げられています" in state(director, place)
    director.post(f"/staff/{place}/uninvite")
    assert "取り下げる招待はありません" in director.get("/staff").words
    director.post(f"/staff/{place}/invite")
    send_all(config)
    choose(Browser(app), link_in(box.messages[1]))
    assert "取り下げられた" in director.get("/staff/changes").words


def test_what_is_withdrawn_before_it_was_sent_is_never_sent(
    browse: Browse, town: City, post: tuple[Box, Config]
) -> None:
    box, config = post
    place = made(browse("admin"), town)
    browse("director").post(f"/staff/{place}/uninvite")
    send_all(config)
    assert box.messages == []


def test_an_invitation_that_is_over_is_shown_as_such(
    browse: Browse, town: City, system: Engine
) -> None:
    place = made(browse("admin"), town)
    execute(system, "UPDATE notices SET expires_at = now() - interval '1 minute'")
    director = browse("director")
    assert "招待の期限切れ" in director.get("/staff").words
    assert "期限が切れています" in state(director, place)
    director.post(f"/staff/{place}/invite")
    assert "招待中" in director.get("/staff").words


def test_an_address_is_taken_once(browse: Browse, town: City) -> None:
    admin = browse("admin")
    page = admin.submit("/accounts/new", {**NEW, "email": "nurse@example.jp"}, 422)
    assert "もうあります" in page.words


def test_managers_read_that_an_account_was_stopped_or_got_another_address(
    browse: Browse, town: City, system: Engine
) -> None:
    admin, url = browse("admin"), f"/accounts/{town.accounts['nurse']}"
    started = "INSERT INTO credentials (account_id, password_hash) VALUES (:id, 'hash')"
    execute(system, started, id=town.accounts["nurse"])
    admin.submit(url, {"email": "elsewhere@example.jp", "disabled": "y"})
    words = browse("principal").get("/staff/changes").words
    assert "アカウントが停止された" in words
    assert "メールアドレスが変わった" in words
    assert "止められた" not in browse("other_nurse").get("/staff/changes").words


def test_nobody_sends_the_link_to_a_case_to_another_mailbox_alone(
    browse: Browse, town: City, system: Engine
) -> None:
    """Two people said who sees the case; one who changed the address would get the link to it."""
    admin, url = browse("admin"), f"/accounts/{town.accounts['nurse']}"
    page = admin.submit(url, {"email": "own@example.jp"}, 422)
    assert "メールアドレスは変えられません" in page.words
    admin.submit(url, {"name": "見本 なまえ"})
    # The control: a role that opens nothing, and somebody who came in already.
    admin.submit(f"/accounts/{town.accounts['clerk']}", {"email": "new.clerk@example.jp"})
    started = "INSERT INTO credentials (account_id, password_hash) VALUES (:id, 'hash')"
    execute(system, started, id=town.accounts["nurse"])
    admin.submit(url, {"email": "moved@example.jp"})
