"""A typed text survives the time-out: kept for its author alone, offered again, then deleted."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from portal.config import Config
from portal.database import make_engine, system_session
from portal.services.saved import forget_old
from portal.unit import Portal
from tests.blueprints.test_account import cookie
from tests.city import City, add_grant
from tests.web import Browser, browser_of

Browse = Callable[[str], Browser]
STORY = "保健室で、家に帰りたくないと話した。右腕にあざがあった。"


def kept(system: Engine) -> list[str]:
    with system.connect() as connection:
        return list(connection.execute(text("SELECT saved_texts::text FROM saved_texts")).scalars())


@pytest.fixture
def late(browse: Browse, system: Engine, town: City) -> Browser:
    """Return a counsellor who typed what a caller said, and sent it after the session had ended."""
    counsellor = browse("counsellor")
    fields = counsellor.get("/consultations/new").form("")
    with system.begin() as connection:
        connection.execute(text("UPDATE sessions SET seen_at = now() - interval '16 minutes'"))
    page = counsellor.post(
        "/consultations/new", {**fields, "text": STORY, "password": "never kept"}, 401
    )
    assert "預かりました" in page.words
    return counsellor


def signs_in_again(app: Portal, system: Engine, town: City, person: str) -> Browser:
    return browser_of(app, system, town, person)


def test_what_was_typed_is_kept_sealed_and_sent_once_more(
    late: Browser, app: Portal, system: Engine, town: City
) -> None:
    (row,) = kept(system)
    assert STORY not in row
    again = signs_in_again(app, system, town, "counsellor")
    page = again.get("/typed")
    assert STORY in page.words
    fields = page.form("/consultations/new")
    assert fields["text"] == STORY
    assert "password" not in fields
    # Refused, it stays; taken, it is gone.
    again.post("/consultations/new", {**fields, "csrf_token": again.token()}, 422)
    assert len(kept(system)) == 1


def test_it_says_which_case_it_was_for_as_long_as_its_author_may_see_that(
    browse: Browse, app: Portal, system: Engine, town: City
) -> None:
    with Session(system) as session, session.begin():
        add_grant(session, town, "school", ["basic", "school"])
    nurse = browse("nurse")
    nurse.get(f"/cases/{town.case_id}")
    with system.begin() as connection:
        connection.execute(text("UPDATE sessions SET seen_at = now() - interval '16 minutes'"))
    nurse.post(f"/cases/{town.case_id}/entries/new", {"text": STORY}, 401)
    page = signs_in_again(app, system, town, "nurse").get("/typed")
    assert STORY in page.words
    assert "ケース K7F-3QXR" in page.words
    with system.begin() as connection:
        connection.execute(text("UPDATE grants SET ended_at = now()"))
    page = signs_in_again(app, system, town, "nurse").get("/typed")
    assert STORY in page.words, "the own text stays"
    assert "K7F-3QXR" not in page.text


def test_only_its_author_sees_it(late: Browser, app: Portal, system: Engine, town: City) -> None:
    for person in ("director", "nurse", "admin"):
        assert STORY not in browser_of(app, system, town, person).get("/typed").text


def test_it_is_deleted_when_asked_and_after_a_day(
    late: Browser, app: Portal, system: Engine, town: City, config: Config
) -> None:
    again = signs_in_again(app, system, town, "counsellor")
    (form,) = [
        form.action
        for form in again.get("/typed").tree.forms  # type: ignore[union-attr]
        if form.action.endswith("/forget")
    ]
    browser_of(app, system, town, "director").post(form, {}, 404)
    again.post(form)
    assert kept(system) == []
    with system.begin() as connection:
        connection.execute(text("UPDATE sessions SET seen_at = now() - interval '16 minutes'"))
    late.post("/consultations/new", {"text": STORY}, 401)
    engine = make_engine(config.urls.system)
    for age, left in (("23 hours", 1), ("25 hours", 0)):
        with system.begin() as connection:
            connection.execute(
                text(f"UPDATE saved_texts SET recorded_at = now() - interval '{age}'")  # noqa: S608
            )
        with system_session(engine, reason="test") as session:
            forget_old(session)
        assert len(kept(system)) == left
    engine.dispose()


def test_nothing_is_kept_for_a_session_that_was_ended(browse: Browse, system: Engine) -> None:
    nurse = browse("nurse")
    token = str(cookie(nurse))
    nurse.post("/sign-out")
    stranger = Browser(nurse.client.application, token)  # type: ignore[arg-type]
    page = stranger.post("/consultations/new", {"text": STORY}, 401)
    assert "預かりました" not in page.words
    assert kept(system) == []


def stepping_back(browser: Browser, path: str, fields: dict[str, str]) -> str:
    """Give up a weighty step as its page offers it, and return where that leads."""
    return browser.post("/step-back", {**fields, "step_up_for": path}).location


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/staff/invite", "/staff/invite"),
        ("/log/month/export", "/log/month"),
        ("/machine-secrets/00000000-0000-4000-8000-000000000000/end", "/"),
        ("//example.jp/staff/invite", "/"),
        ("https://example.jp/staff/invite", "/"),
        ("/nowhere", "/"),
        ("", "/"),
    ],
)
def test_a_weighty_step_given_up_leads_to_the_page_it_began_on(
    browse: Browse, path: str, page: str
) -> None:
    assert stepping_back(browse("principal"), path, {}) == page


def test_what_was_typed_before_a_weighty_step_stands_in_its_form_for_its_author_alone(
    browse: Browse, system: Engine
) -> None:
    typed = {"name": "見本 あらた", "email": "arata@example.jp", "step_up_code": "12345678"}
    there = stepping_back(browse("principal"), "/staff/invite", typed)
    (row,) = kept(system)
    assert "あらた" not in row
    # Neither a colleague who is given the address nor another page finds it, and it stays kept.
    for person, page in (
        ("director", there),
        ("principal", there.replace("/staff/invite", "/notifications/mail")),
    ):
        assert "あらた" not in browse(person).get(page).text
    assert len(kept(system)) == 1
    page = browse("principal").get(there)
    assert page.form()["name"] == "見本 あらた"
    assert "12345678" not in page.text
    assert kept(system) == []
