"""From the first word to the last of an evening: a child who tells, and a mother with her own."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from portal.config import Config
from tests.blueprints.test_intake import code_on
from tests.blueprints.test_sharing_record import consented
from tests.city import City
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    Browse,
    browse,
    written,
)
from tests.stories.test_a_day_outside import inbox_of
from tests.stories.watched import WatchedPerson

pytestmark = pytest.mark.browser

Window = Callable[[int], WatchedPerson]
SCHOOL, WELFARE, CGC = "見本第一小学校", "見本区福祉課", "みほん市児童相談所"
TOLD = "きょうしつに いると、むねが くるしい。"
MORE = "せんせいには いわないで。"
ANSWER = "はなしてくれて ありがとう。あした またね。"
AMONG_OURSELVES = "家庭訪問の前に、所長と相談する。"
WORD = "ひまわりばたけ"
# A click on 「やっぱり やめる」 after the record, and one on 「やめる」.
TAPS = 3


def test_a_childs_day(
    window: Window,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    system: Engine,
) -> None:
    # In the morning it tells; a word is missing first, and what was written stands.
    child = window(360)
    child.opens("/child/start")
    form = child.fills(words=TOLD, secret=WORD)
    form.evaluate("form => (form.noValidate = true)")
    child.presses("おくる")
    assert child.status == 422
    child.sees("なにに ついてか、ひとつ えらんでね。")
    assert child.tab.locator("[name='words']").input_value() == TOLD
    child.sends(topic="SCHOOL_LIFE", secret=WORD)
    code = child.code()
    child.touches("このページをとじる")
    assert child.path == "/otenki"

    # The counsellor answers, and writes what is meant for colleagues alone.
    counsellor = browse("counsellor")
    [item] = inbox_of(counsellor)
    counsellor.submit(item, {"text": ANSWER}, action=f"{item}/answer")
    fields = {"slice": "plan", "subject": str(town.persons["child"]), "text": AMONG_OURSELVES}
    counsellor.submit(f"{written}/entries/new", fields)

    # At noon it comes back. Another word opens nothing, and says nothing of who was there.
    child.opens("/child/")
    child.sends(code=" ".join(code), secret="ちがうことば")
    assert child.path == "/child/"
    child.does_not_see(TOLD)
    child.comes_back(code, WORD)
    child.sees(TOLD, ANSWER)
    child.does_not_see(AMONG_OURSELVES, *OF_THE_CASE)
    child.sends(text=MORE)
    child.sees(MORE)
    assert MORE in counsellor.get(item).words

    # In the evening three presses of one key, and the machine shows nothing of it.
    for _ in range(3):
        child.tab.keyboard.press("Shift")
    child.tab.wait_for_url("**/otenki")
    for _ in range(2):
        child.tab.go_back()
        child.does_not_see(TOLD, ANSWER, MORE)
    child.opens("/child/thread")
    assert child.path == "/child/"


def test_a_guardians_day(  # noqa: PLR0917
    window: Window,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    system: Engine,
    config: Config,
) -> None:
    consented(system, town, "school", "basic", "school")
    hers = consented(system, town, "welfare", "basic", "welfare", giver="mother")
    counsellor = browse("counsellor")
    counsellor.submit(
        f"{written}/duties/new", {"reason": "家の外にいると電話があった。" * 2, "step": "share"}
    )
    code = _code_of(counsellor, town, "mother")
    childs = _code_of(counsellor, town, "child")

    # She comes by her own code: the child's opens nothing with her word.
    mother = window(360)
    mother.opens("/child/")
    mother.sends(code=" ".join(childs), secret="あさがお")
    assert mother.path == "/child/"
    mother.comes_back(code, "あさがお")
    mother.sends(text="就学援助のことを聞きたいです。")
    mother.sees("就学援助のことを聞きたいです。")
    mother.opens("/child/record")
    mother.sees("あなたの同意", WELFARE)
    # Neither what the child agreed to, nor what the law told, nor that anything of it exists.
    mother.does_not_see(SCHOOL, CGC, *OF_THE_CASE[:2], *KNOWN.values())
    shown = counsellor.get(f"{written}/consents").words
    assert SCHOOL in shown
    assert CGC in shown

    # Taken back in three taps, and gone for the division on its next request; hers alone.
    officer, nurse = browse("officer"), browse("nurse")
    officer.get(written)
    mother.taps = 1
    mother.touches("同意を取りやめる")
    mother.presses("取りやめる")
    assert mother.taps <= TAPS
    assert str(hers) in mother.path
    officer.get(written, status=404)
    nurse.get(written)
    mother.opens("/child/record")
    mother.sees("終わった共有", WELFARE)
    mother.touches("このページをとじる")
    assert mother.path == "/otenki"


def _code_of(counsellor: object, town: City, name: str) -> list[str]:
    """Let somebody of the case make up a secret word, and return the code."""
    place = f"/cases/{town.case_id}/people/{town.persons[name]}/code"
    word = "あさがお" if name == "mother" else WORD
    return code_on(counsellor.submit(place, {"secret": word}, status=200))
