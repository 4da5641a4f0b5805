"""The second factor: what is shown before it (nothing), what proves it, and once only."""

import re
from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import Engine, func, select, text, update

from portal import models as m
from portal import passwords
from portal.auth import COOKIE
from portal.config import Config
from portal.database import SystemSession, make_engine
from portal.policy.permissions import STEP_UP, Action
from portal.unit import Portal
from portal.vault import equip, seal
from tests.city import PASSWORD, City
from tests.second_factor import give_codes, next_code
from tests.site import ABSENT, Person, Site
from tests.web import Browser, Page, browser_of

Browse = Callable[[str], Browser]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def known(system: Engine, town: City, config: Config) -> None:
    """Give the nurse and the administrator a password and nothing else."""
    hashed = passwords.hasher(config).hash(passwords.prepared(PASSWORD))
    with SystemSession(system) as session, session.begin():
        for person in ("nurse", "admin"):
            session.add(m.Credential(account_id=town.accounts[person], password_hash=hashed))


@pytest.fixture
def app_of_nurse(system: Engine, town: City, config: Config, known: None) -> pyotp.TOTP:
    """Give the nurse an authenticator app too."""
    give_app(system, town, config, "nurse")
    return pyotp.TOTP(SECRET)


def give_app(system: Engine, town: City, config: Config, person: str) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        row = m.TotpSecret(account_id=town.accounts[person], used_step=0)
        seal(session, row, secret=SECRET)
        session.add(row)


def by_password(app: Portal, person: str = "nurse", url: str = "/sign-in") -> Browser:
    """Return a browser in which somebody gave the right password and nothing more."""
    browser = Browser(app)
    page = browser.post(url, {"email": f"{person}@example.jp", "password": PASSWORD})
    assert page.location.startswith("/second-factor")
    return browser


def token_of(browser: Browser) -> str:
    found = browser.client.get_cookie(COOKIE, domain="localhost")
    assert found is not None
    return found.value


# --- nothing beyond it ---------------------------------------------------------------------------


def beyond(site: Site, factors: str) -> list[str]:
    """Return what a session with these factors opens besides the views of signing in."""
    found = []
    rules = site.addresses(each=1, keep=lambda rule: not opens_before(site.app, rule))
    tried = [url for urls in rules for url in urls[:2]]
    for person in (one for one in site.one_of_each() if one.account is not None):
        visitor = site.at(person)
        visitor.client.set_cookie(
            COOKIE, site.open_session(person, factors), domain="localhost", secure=True
        )
        for url in tried:
            page = visitor.get(url)
            if page.status != 302 or not page.location.startswith("/second-factor"):
                found.append(f"{person.label}: {url} {page.status}")
        if found:
            break
    return found


def opens_before(app: Portal, rule: object) -> bool:
    endpoint = str(rule.endpoint)  # type: ignore[attr-defined]
    action = getattr(app.view_functions[endpoint], "portal_action", None)
    # A machine shows a token of its own and has no session.
    return action in (None, Action.SIGN_IN, Action.VISIT, Action.CALL_WHOAMI)


def test_a_password_alone_opens_no_page(new_site: Callable[[], Site]) -> None:
    site = new_site()
    assert beyond(site, "password") == []
    # The control: with a second factor all of them answer for themselves.
    assert len(beyond(site, "password+totp")) > 50


def sent_beyond(site: Site, person: Person, factors: str) -> list[str]:
    """Return what a session with these factors is not asked to sign in for when it sends a form."""
    visitor, found, ids = site.at(person), [], site.ids()
    for rule in site.rules("POST"):
        if opens_before(site.app, rule):
            continue
        values = {
            name: ABSENT if name.endswith("_id") else some[0]
            for name, some in site.arguments(rule, ids).items()
        }
        visitor.client.set_cookie(
            COOKIE, site.open_session(person, factors), domain="localhost", secure=True
        )
        # Who has a factor already is asked for it, who has none is led to setting one up.
        page = visitor.get("/second-factor/own")
        token = form_token(visitor.get(page.location) if page.location else page)
        url = site.build(rule, values) or ""
        status = visitor.ask("POST", url, data={"csrf_token": token}).status
        if status != 401:
            found.append(f"{rule.rule} {status}")
    return found


@pytest.mark.parametrize("role", ["sysadmin", "center_counselor", "school_nurse"])
def test_a_password_alone_sends_no_form(site: Site, role: str) -> None:
    person = next(one for one in site.staff() if one.label.startswith(f"{role} of"))
    assert sent_beyond(site, person, "password") == []
    # The control: with a second factor each of them answers for itself.
    assert len(sent_beyond(site, person, "password+totp")) > 50


def form_token(page: Page) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found is not None
    return found.group(1)


def test_the_walls_show_a_password_alone_nothing(
    app: Portal, system: Engine, town: City, known: None
) -> None:
    """Even a view that forgot its guard would find no row: the account acts for no agency."""
    browser = by_password(app)
    with system.connect() as connection:
        viewers = connection.execute(
            text("SELECT account_id, agency_id FROM audit_events WHERE event = 'session.opened'")
        ).all()
    assert [(row.account_id, row.agency_id) for row in viewers] == [(town.accounts["nurse"], None)]
    browser.get("/", 302)


# --- setting it up -------------------------------------------------------------------------------


def test_the_first_sign_in_leads_through_setting_up_an_app(app: Portal, known: None) -> None:
    browser = by_password(app, url="/sign-in?next=/sign-ins")
    before = token_of(browser)
    page = browser.follow(browser.get("/second-factor?next=/sign-ins", 302))
    assert "本人の確認の方法" in page.words
    assert "/second-factor/app?next=/sign-ins" in page.text.replace("%2F", "/")
    page = browser.get("/second-factor/app?next=/sign-ins")
    assert "<svg" in page.text
    fields = page.form("")
    wrong = browser.post("/second-factor/app", {**fields, "code": "000000"}, 422)
    assert "コードがちがいます" in wrong.words
    assert wrong.form("")["secret_key"] == fields["secret_key"], "the same picture stays"
    code = pyotp.TOTP(fields["secret_key"]).now()
    page = browser.post("/second-factor/app?next=/sign-ins", {**fields, "code": code}, 200)
    codes = page.tree.xpath("//main//ol//code/text()")  # type: ignore[union-attr]
    assert len(set(codes)) == 10
    assert 'href="/sign-ins"' in page.text
    assert token_of(browser) != before, "a session of its own begins (S1)"
    Browser(app, before).get("/sign-ins", 302)
    browser.get("/sign-ins")
    # From now on it is asked for, and each code works once.
    again = by_password(app)
    assert "本人の確認" in again.get("/second-factor").words
    again.post("/second-factor", {"code": code}, 422)
    again.post("/second-factor", {"code": codes[0].upper().replace("-", " ")})
    again.get("/sign-ins")
    third = by_password(app)
    third.post("/second-factor", {"code": codes[0]}, 422)
    third.post("/second-factor", {"code": codes[1]})


def test_with_a_password_alone_nobody_adds_a_second_device(
    app: Portal, app_of_nurse: pyotp.TOTP
) -> None:
    thief = by_password(app)
    thief.get("/second-factor/app", 403)
    assert thief.get("/second-factor/own", 302).location == "/second-factor"
    code = pyotp.TOTP(SECRET[::-1]).now()
    thief.post("/second-factor/app", {"secret_key": SECRET[::-1], "code": code}, 403)
    thief.post("/second-factor/codes", {}, 403)
    thief.post("/second-factor/app/end", {}, 403)
    thief.post("/second-factor/passkey", {"passkey": "{}"}, 403)


def test_one_keeps_at_least_one_factor_and_new_codes_replace_the_old(
    app: Portal, system: Engine, town: City, config: Config, app_of_nurse: pyotp.TOTP
) -> None:
    give_codes(system, config.keys, town, "nurse")
    nurse = by_password(app)
    nurse.post("/second-factor", {"code": app_of_nurse.now()})
    old = next_code("nurse@example.jp")
    page = nurse.get("/second-factor/own")
    ends = [form.action for form in page.tree.forms if form.action.endswith("/end")]  # type: ignore[union-attr]
    assert len(ends) == 2
    nurse.post(next(url for url in ends if "passkeys" in url))
    nurse.post("/second-factor/app/end", {}, 403)
    page = nurse.post("/second-factor/codes", {}, 200)
    (new, *_rest) = page.tree.xpath("//main//ol//code/text()")  # type: ignore[union-attr]
    again = by_password(app)
    again.post("/second-factor", {"code": old}, 422)
    again.post("/second-factor", {"code": new})


def test_a_passkey_that_answers_no_question_is_refused(app: Portal, known: None) -> None:
    stranger = Browser(app)
    for answer in ("", "{}", "not json", '{"id": "AA", "rawId": "AA", "type": "public-key"}'):
        stranger.get("/sign-in")
        stranger.post("/sign-in/passkey", {"passkey": answer}, 422)
    by_password(app).post("/second-factor/passkey", {"passkey": "{}"}, 409)


def half_sessions(system: Engine, town: City, app: Portal, number: int) -> list[Browser]:
    """Return browsers of the nurse that have given the password only, opened without its cost."""
    browsers = [browser_of(app, system, town, "nurse") for _ in range(number)]
    with system.begin() as connection:
        connection.execute(
            update(m.Session)
            .where(m.Session.ended_at.is_(None))
            .values(factors="password", proven_at=None)
        )
    return browsers


def test_codes_are_throttled_by_account_wherever_they_come_from(
    app: Portal, system: Engine, town: City, app_of_nurse: pyotp.TOTP
) -> None:
    for number, browser in enumerate(half_sessions(system, town, app, 6)):
        browser.client.environ_base["REMOTE_ADDR"] = f"203.0.{number}.7"
        page = browser.post("/second-factor", {"code": "000000"}, 422 if number < 5 else 429)
    assert "1分ほど" in page.words
    with system.begin() as connection:
        connection.execute(
            text("UPDATE throttle_counts SET window_start = window_start - interval '61 seconds'")
        )
    browser.post("/second-factor", {"code": app_of_nurse.now()})


# --- step-up -------------------------------------------------------------------------------------


@pytest.fixture
def admin(app: Portal, browse: Browse, system: Engine, town: City, config: Config) -> Browser:
    """Return the administrator, who proved a second factor six minutes ago."""
    give_codes(system, config.keys, town, "admin")
    browser = browse("admin")
    stale(system)
    return browser


def stale(system: Engine) -> None:
    with system.begin() as connection:
        connection.execute(
            text("UPDATE sessions SET proven_at = now() - interval '5 minutes 5 seconds'")
        )


def account_count(system: Engine) -> int:
    with system.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM accounts")).scalar_one())


def test_a_weighty_step_asks_once_more_and_goes_on_with_what_was_typed(
    admin: Browser, system: Engine
) -> None:
    before, token = account_count(system), token_of(admin)
    fields = admin.get("/accounts/new").form("")
    typed = {**fields, "name": "見本 あたらしい", "email": "new@example.jp"}
    page = admin.post("/accounts/new", typed, 403)
    assert account_count(system) == before, "nothing is done yet"
    kept = page.form("/accounts/new")
    assert (kept["name"], kept["email"]) == ("見本 あたらしい", "new@example.jp")
    refused = admin.post("/accounts/new", {**kept, "step_up_code": "000000"}, 403)
    assert "確かめられませんでした" in refused.words
    assert account_count(system) == before
    kept = refused.form("/accounts/new")
    admin.post("/accounts/new", {**kept, "step_up_code": next_code("admin@example.jp")}, 302)
    assert account_count(system) == before + 1
    assert token_of(admin) != token, "who proved it again acts in a new session"
    # For five minutes nothing more is asked.
    admin.submit("/accounts/new", {"name": "見本 つぎ", "email": "next@example.jp"}, 302)


def test_a_step_that_fails_uses_up_no_code(admin: Browser, system: Engine) -> None:
    fields = {"step_up_code": next_code("admin@example.jp")}
    absent = "/memberships/00000000-0000-4000-8000-000000000000/end"
    admin.post(absent, fields, 404)
    with system.connect() as connection:
        used = connection.execute(
            text("SELECT count(*) FROM recovery_codes WHERE used_at IS NOT NULL")
        )
        assert used.scalar_one() == 0
    # The session is the one before, too.
    admin.get("/accounts")


def test_which_deeds_are_weighty() -> None:
    assert {Action.ADMINISTER, Action.SHARE_BY_LAW} <= STEP_UP
    # Taking back a consent is among the deeds of sharing, and never waits.
    assert Action.SHARE not in STEP_UP
    assert Action.VISIT not in STEP_UP


# --- the pledge ----------------------------------------------------------------------------------


def test_the_pledge_comes_before_every_page_and_once_a_year(
    browse: Browse, system: Engine, town: City
) -> None:
    nurse = browse("nurse")
    nurse.get("/cases")
    # The first of April is over: the pledge on file is that of the year before.
    with system.begin() as connection:
        connection.execute(text("UPDATE pledges SET fiscal_year = fiscal_year - 1"))
    page = nurse.get("/cases", 302)
    assert page.location == "/pledge?next=/cases"
    nurse.get("/", 302)
    words = nurse.follow(page).words
    assert "守秘の誓約" in words
    assert "見本第一小学校" not in words
    assert nurse.submit("/pledge?next=/cases", {}).location == "/cases"
    nurse.get("/cases")
    # Pressed twice, it is kept once.
    nurse.submit("/pledge", {})
    with system.connect() as connection:
        mine = connection.execute(
            text("SELECT count(*) FROM pledges WHERE account_id = :id"),
            {"id": town.accounts["nurse"]},
        )
        assert mine.scalar_one() == 2


@pytest.mark.parametrize(
    ("instant", "year"),
    [
        ("2027-03-31 23:59:59+09", 2026),
        ("2027-04-01 00:00:00+09", 2027),
        ("2027-01-01 00:00:00+00", 2026),
    ],
)
def test_the_fiscal_year_begins_on_the_first_of_april_in_japan(
    config: Config, instant: str, year: int
) -> None:
    engine = make_engine(config.urls.owner)
    with engine.connect() as connection:
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION portal_clock() RETURNS timestamptz LANGUAGE sql STABLE"
                f" AS $$ SELECT '{instant}'::timestamptz $$"
            )
        )
        assert connection.execute(select(func.fiscal_year())).scalar_one() == year
        connection.rollback()
    engine.dispose()


def test_telling_of_a_concern_never_waits_for_the_pledge(
    app: Portal, browse: Browse, system: Engine
) -> None:
    clerk, volunteer = browse("clerk"), browse("volunteer")
    with system.begin() as connection:
        connection.execute(text("DELETE FROM pledges"))
    clerk.get("/consultations/new")
    volunteer.get("/report/mihon-shokudo")
    clerk.get("/", 302)
