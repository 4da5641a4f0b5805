"""From morning to evening at a school: the nurse between two bells, and who manages her team."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest

from portal.config import Config
from tests.blueprints.test_lawful import today
from tests.blueprints.test_links import post  # noqa: F401
from tests.city import PASSWORD, City
from tests.letters import Box, gather, send_all
from tests.second_factor import next_code
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    AtWork,
    Browse,
    OpenTo,
    TakeBack,
    browse,
    hidden_from,
    open_to,
    shown_to,
    take_back,
    written,
)
from tests.stories.watched import WatchedPerson

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("passwords")]

Window = Callable[[int], WatchedPerson]
SEEN = "2時間目に保健室へ来て、少し眠った。"
ASKED = "朝のようすを、三日見てください。"
# The notice, the field, and 「送る」 (issue: a nurse's update in three taps after the sign-in).
TAPS = 3


@pytest.fixture
def shared(written: str, open_to: OpenTo) -> uuid.UUID:  # noqa: F811
    """Share what a school needs with its team, and return the grant."""
    return open_to("school", "basic", "school")


def link_in(message: EmailMessage) -> str:
    """Return where the one link of a letter leads."""
    body = message.get_body(("plain",))
    assert body is not None
    [found] = re.findall(r"https://localhost(/\S*)", body.get_content())
    return str(found)


def asks_the_school(browse: Browse, town: City, case: str) -> None:  # noqa: F811
    """Let the counsellor ask the school for something."""
    fields = {
        "agency": town.agencies["school"],
        "kind": "watch",
        "due_on": str(today() + timedelta(days=7)),
        "request": ASKED,
    }
    browse("counsellor").submit(f"{case}/actions/new", fields)


def test_a_nurses_day(  # noqa: PLR0917
    window: Window,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    shared: uuid.UUID,
    take_back: TakeBack,  # noqa: F811
    post: tuple[Box, Config],  # noqa: F811
    record_property: Callable[[str, object], None],
) -> None:
    box, config = post
    counsellor = browse("counsellor")
    words = {
        "slice": "school",
        "subject": str(town.persons["child"]),
        "text": "連絡を待っています。",
    }
    counsellor.submit(f"{written}/entries/new", {**words, "tell": [str(town.agencies["school"])]})
    gather(config)
    send_all(config)
    [letter] = [message for message in box.messages if message["To"] == "nurse@example.jp"]
    told = letter.as_string()
    assert not [word for word in (*OF_THE_CASE, *KNOWN.values()) if word in told]

    # Morning: the letter's link, the sign-in, and from there three taps.
    nurse = window(360)
    nurse.opens(link_in(letter))
    nurse.sends(email="nurse@example.jp", password=PASSWORD)
    nurse.sends(code=next_code("nurse@example.jp"))
    assert nurse.path == "/notifications"
    nurse.taps = 0
    nurse.presses("ひらく")
    assert nurse.path == written
    nurse.sees(*shown_to("basic", "school"), "連絡を待っています。", "閲覧できる理由")
    nurse.does_not_see(*hidden_from("basic", "school"))
    nurse.sends(text=SEEN)
    assert nurse.taps <= TAPS
    record_property("taps of a nurse's update after the sign-in", nurse.taps)
    nurse.sees("記録しました", SEEN)
    # The control: what she does not see is there, and her words have arrived.
    shown = counsellor.get(written).words
    assert not [text for text in (*hidden_from("basic", "school"), SEEN) if text not in shown]

    # Noon: something was asked of the school; a mistake keeps nothing back and loses nothing.
    asks_the_school(browse, town, written)
    nurse.opens("/")
    nurse.follows(r"/actions/[0-9a-f-]{36}")
    action = nurse.path
    nurse.sees(ASKED)
    nurse.presses("引き受ける")
    nurse.touches("おわったことを伝える")
    nurse.sends(words="")
    assert nurse.status == 422
    nurse.sees("入力してください")
    nurse.sends(words=SEEN)
    nurse.may_not_open(f"{written}/log")

    # Afternoon: the child takes it back. The next touch finds nothing; her own words stay hers.
    nurse.opens(written)
    take_back(shared)
    nurse.touches("図で見る")
    assert nurse.status == 404
    nurse.does_not_see(*OF_THE_CASE)
    nurse.finds_nothing_at(action)
    nurse.opens("/notifications")
    nurse.sees("お知らせはありません")
    nurse.opens("/own-records")
    nurse.sees(SEEN)
    nurse.does_not_see(*OF_THE_CASE, *KNOWN.values())
    nurse.signs_out()


def test_a_school_managers_day(  # noqa: PLR0917
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    shared: uuid.UUID,
    take_back: TakeBack,  # noqa: F811
) -> None:
    browse("nurse").get(written)
    # Morning: which case is shared with whom until when, and not a word of it.
    principal = at_work("principal", 1280)
    principal.touches("チームと共有")
    principal.sees("K7F-3QXR", "学校での様子", "対応チーム", "見本 nurse", "見本 teacher")
    principal.does_not_see(*KNOWN.values(), "あおい", "はるか")
    principal.finds_nothing_at(written)

    # Noon: a colleague joins. A wrong address is said and keeps the name; the centre confirms.
    principal.opens("/staff")
    principal.touches("職員を招待する")
    person = {"name": "見本 あらた", "role": "school_staff"}
    principal.sends(**person, email="arata")
    assert principal.status == 422
    principal.sees("メールアドレス")
    assert principal.tab.locator("[name='name']").input_value() == person["name"]
    principal.sends(email="arata@example.jp")
    principal.sees("見本 あらた")

    # Who is concerned reads this one no more: only the nurse does, from the next request on.
    teacher = browse("teacher")
    assert KNOWN["school"] in teacher.get(written).words
    principal.opens("/team")
    principal.follows(rf"/team/grants/{shared}/readers")
    nurse = principal.tab.get_by_label("見本 nurse")
    principal.fills(accounts=[str(town.accounts["nurse"])])
    principal.presses("変わることを確かめる")
    principal.sees("次の操作から読めなくなる人：見本 teacher")
    assert nurse.is_checked()
    principal.presses("この人たちが読む")
    teacher.get(written, status=404)
    assert KNOWN["school"] in browse("nurse").get(written).words

    # Evening: who of the school read what, by number; then the child takes it back.
    principal.opens("/staff/reads")
    principal.sees("見本 nurse", "K7F-3QXR")
    principal.does_not_see(*KNOWN.values(), "あおい")
    take_back(shared)
    principal.opens("/team")
    principal.sees("共有されているケースはありません", "見本 nurse")
    principal.does_not_see("K7F-3QXR")
    principal.signs_out()
