"""From the letter to the first case on a phone; keys, an app and paper as second factors."""

import re
import time
from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import Engine, text

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.blueprints.conftest import browse  # noqa: F401
from tests.blueprints.test_doors import CALL, limit
from tests.blueprints.test_factors import known  # noqa: F401
from tests.blueprints.test_links import Box, link_in, post, send_all  # noqa: F401
from tests.city import PASSWORD, City, add_entry, add_grant
from tests.second_factor import next_code
from tests.stories.watched import SecurityKey, WatchedPerson
from tests.web import Browser

pytestmark = pytest.mark.browser

Window = Callable[[int], WatchedPerson]
NEW = "縁側で猫が七匹ねむっている午後"
KNOWN = "けさは元気に登校した。"
STEP_SECONDS = 30


@pytest.fixture
def shared(town: City, system: Engine, config: Config) -> str:
    """Share the school slice with the school's team; return the address of the case."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text=KNOWN)
        add_grant(session, town, "school", ["basic", "school"])
    return f"/cases/{town.case_id}"


@pytest.fixture
def letter(
    browse: Callable[[str], Browser],  # noqa: F811
    post: tuple[Box, Config],  # noqa: F811
    system: Engine,
    town: City,
) -> str:
    """Return the link that somebody new was sent, whom the principal also put onto the team."""
    box, config = post
    somebody = {"name": "見本 あらた", "email": "arata@example.jp", "role": "school_staff"}
    browse("principal").submit("/staff/invite", somebody)
    with system.connect() as connection:
        proposal = connection.execute(text("SELECT id FROM membership_proposals")).scalar_one()
    browse("director").post(f"/proposals/{proposal}/confirm")
    with system.connect() as connection:
        newest = text("SELECT account_id FROM memberships ORDER BY valid_from DESC LIMIT 1")
        account = connection.execute(newest).scalar_one()
    browse("principal").submit("/team", {"account": str(account)}, action="/team/members")
    send_all(config)
    (message,) = box.messages
    return link_in(message)


def test_from_the_letter_to_the_first_case_on_a_phone(
    window: Window, letter: str, shared: str, record_property: Callable[[str, object], None]
) -> None:
    """How many taps it takes is counted; how long a person takes is theirs."""
    phone, finger = window(360), SecurityKey()
    began = time.monotonic()
    phone.opens(letter)
    phone.taps += 1
    phone.sees("ようこそ")
    phone.sends(password=NEW, again=NEW)
    with finger.plugged_into(phone):
        phone.presses("パスキーをつくる")
    phone.sees("回復コード")
    phone.touches("保管したので、つづける")
    phone.presses("誓約して、つづける")
    phone.sees("見本第一小学校")
    phone.touches("ケース")
    phone.tab.locator(f"main a[href='{shared}']").first.click()
    phone.taps += 1
    phone.tab.wait_for_url(f"**{shared}")
    phone.sees(KNOWN, "閲覧できる理由")
    record_property("taps from the letter to the first case", phone.taps)
    record_property("letters typed", phone.letters)
    record_property("seconds without the person", round(time.monotonic() - began, 1))


@pytest.mark.usefixtures("passwords")
def test_two_people_at_one_school_computer_each_with_the_own_key(window: Window) -> None:
    computer, people = window(1280), {"nurse": "養護教諭", "teacher": "教職員"}
    keys = {person: SecurityKey() for person in people}
    for person in people:
        computer.signs_in(f"{person}@example.jp", PASSWORD)
        computer.opens("/second-factor/own")
        with keys[person].plugged_into(computer):
            computer.presses("パスキーをつくる")
        computer.signs_out()
    for person, role in people.items():
        computer.opens("/sign-in")
        with keys[person].plugged_into(computer):
            computer.presses("パスキーでサインイン")
        assert computer.path == "/"
        computer.sees(f"見本第一小学校の{role}として見ています")
        computer.signs_out()
    # The password of one and the key of the other open nothing.
    computer.opens("/sign-in")
    computer.sends(email="nurse@example.jp", password=PASSWORD)
    with keys["teacher"].plugged_into(computer):
        computer.tab.get_by_role("button", name="パスキーで確かめる").click()
        computer.tab.get_by_text("パスキーが使われませんでした").wait_for()
    assert computer.path == "/second-factor"
    with keys["nurse"].plugged_into(computer):
        computer.presses("パスキーで確かめる")
    assert computer.path == "/"


def test_an_app_is_set_up_and_a_printed_code_helps_once(
    window: Window,
    known: None,  # noqa: F811
    shared: str,
) -> None:
    nurse = window(360)
    _by_password(nurse)
    nurse.sees("はじめの1回だけです")
    nurse.touches("認証アプリを使う")
    secret = re.sub(r"\s", "", nurse.tab.locator("main ol code").inner_text())
    app, step = pyotp.TOTP(secret), int(time.time())
    nurse.sends(code="000000")
    assert nurse.status == 422
    nurse.sends(code=app.at(step))
    codes = nurse.tab.locator("main ol code").all_inner_texts()
    assert len(set(codes)) == 10
    _is_a_sheet_of(nurse, codes)
    nurse.touches("保管したので、つづける")
    assert nurse.path == "/"

    # The app's next code opens; the one before has been used.
    nurse.signs_out()
    _by_password(nurse)
    nurse.sends(code=app.at(step))
    nurse.sees("コードは1回だけ使えます")
    nurse.sends(code=app.at(step + STEP_SECONDS))
    assert nurse.path == "/"

    # The phone is lost: a printed code opens once, however it is typed.
    nurse.signs_out()
    _by_password(nurse)
    nurse.sends(code=codes[0].upper().replace("-", " "))
    assert nurse.path == "/"
    nurse.opens("/second-factor/own")
    nurse.sees("残り9個")
    nurse.opens(shared)
    nurse.signs_out()
    _by_password(nurse)
    nurse.sends(code=codes[0])
    assert nurse.status == 422
    nurse.finds_nothing_beyond(shared)
    nurse.sends(code=codes[1])
    assert nurse.path == shared


def test_a_lost_password_comes_back_by_a_letter_that_works_once(
    window: Window,
    passwords: None,
    post: tuple[Box, Config],  # noqa: F811
) -> None:
    box, config = post
    nurse = window(360)
    nurse.opens("/sign-in")
    nurse.touches("パスワードを忘れたとき")
    nurse.sends(email="nurse@example.jp")
    nurse.sees("メールを確かめてください")
    send_all(config)
    (message,) = box.messages
    link = link_in(message)
    nurse.opens(link)
    nurse.sends(password="みじかい", again="みじかい")
    nurse.sees("15文字以上")
    nurse.sends(password=NEW, again=NEW)
    assert nurse.path == "/second-factor"
    nurse.sends(code=next_code("nurse@example.jp"))
    assert nurse.path == "/"
    # The letter is found by somebody else.
    stranger = window(1280)
    stranger.opens(link)
    assert stranger.status == 410
    stranger.sees("このリンクは、いまは使えません")


def test_a_house_that_lets_nobody_in_from_here_says_whom_to_call(
    window: Window, passwords: None, system: Engine, town: City
) -> None:
    limit(system, town, "school", ["203.0.113.0/24"], [])
    for width in (360, 1280):
        nurse = window(width)
        _by_password(nurse)
        nurse.sends(code=next_code("nurse@example.jp"))
        assert nurse.status == 403
        nurse.sees("この場所や端末からは利用できません", CALL)


def _by_password(person: WatchedPerson) -> None:
    person.opens("/sign-in")
    person.sends(email="nurse@example.jp", password=PASSWORD)


def _is_a_sheet_of(person: WatchedPerson, codes: list[str]) -> None:
    """See that the printed page has the codes and nothing to press."""
    person.tab.emulate_media(media="print")
    for code in codes:
        assert person.tab.get_by_text(code, exact=True).is_visible()
    shown = person.tab.locator("button, .button")
    assert not [each for each in shown.all() if each.is_visible()]
    person.tab.emulate_media(media="screen")
    assert person.tab.get_by_role("button", name="いんさつする").is_visible()
