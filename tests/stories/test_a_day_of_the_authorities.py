"""From morning to evening at the ward, the child guidance centre and the police."""

import re
from datetime import timedelta

import pytest

from tests.blueprints.test_consents import exclude
from tests.blueprints.test_lawful import REASON, today
from tests.city import City
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

pytestmark = pytest.mark.browser

ACTION = r"/actions/[0-9a-f-]{36}"
ASKED = "就学援助の案内をお願いします。"
RESULT = "窓口で案内し、申請書を渡した。"
EFFECT = "給食費を気にせず食べられる。"
VISITED = "家庭を訪ね、こどもに会えた。"
FOUND = "臨場し、こどもの無事を確かめた。"
WRONG = "K7F-3QXZ"


def test_a_welfare_officers_day(  # noqa: PLR0917
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    open_to: OpenTo,  # noqa: F811
    take_back: TakeBack,  # noqa: F811
) -> None:
    grant, counsellor = open_to("welfare", "basic", "welfare"), browse("counsellor")
    asked = {"agency": town.agencies["welfare"], "kind": "connect", "request": ASKED}
    due = str(today() + timedelta(days=1))
    counsellor.submit(f"{written}/actions/new", {**asked, "due_on": due})

    # Morning: it waits on the first page, with the day by which it is due.
    officer = at_work("officer", 360)
    officer.sees("依頼された対応", "あと1日")
    officer.follows(ACTION)
    action = officer.path
    officer.sees(ASKED)
    officer.presses("引き受ける")

    # Noon: the case says what the division may know, and why.
    officer.opens(written)
    officer.sees(*shown_to("basic", "welfare"), "閲覧できる理由", "同意")
    officer.does_not_see(*hidden_from("basic", "welfare"))
    shown = counsellor.get(written).words
    assert not [words for words in hidden_from("basic", "welfare") if words not in shown]

    # Afternoon: done. Without words it is refused, and what was typed stays.
    officer.opens(action)
    officer.touches("おわったことを伝える")
    officer.sends(words="", effect=EFFECT)
    assert officer.status == 422
    assert officer.tab.locator("[name='effect']").input_value() == EFFECT
    officer.sends(words=RESULT)
    officer.sees(RESULT, EFFECT)
    assert RESULT in counsellor.get(action).words

    # Evening: taken back. The request is gone with the case, the own record stays.
    take_back(grant)
    officer.finds_nothing_at(action)
    officer.finds_nothing_at(written)
    officer.opens("/own-records")
    officer.sees(RESULT)
    officer.does_not_see(*OF_THE_CASE, *KNOWN.values())
    officer.signs_out()


def test_a_child_welfare_officers_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
) -> None:
    # A report comes in the morning.
    counsellor = browse("counsellor")
    report = {"reason": REASON, "slices": ["basic", "contact", "safety"], "step": "share"}
    counsellor.submit(f"{written}/duties/new", report)
    officer = at_work("cgc_worker", 1280)
    officer.follows("/notifications")
    officer.presses("ひらく")
    assert officer.path == written
    officer.sees(*shown_to("basic", "contact", "safety"), "児童虐待の通告")
    officer.does_not_see(*shown_to("school", "plan", "welfare"))
    shown = counsellor.get(written).words
    assert not [words for words in shown_to("school", "plan", "welfare") if words not in shown]

    # The family is visited; what was found goes to the centre, an empty form nowhere.
    officer.opens(f"{written}/entries/new?slice=safety")
    officer.sends(subject=str(town.persons["child"]), text="")
    assert officer.status == 422
    officer.sends(text=VISITED)
    officer.sees(VISITED)
    assert VISITED in counsellor.get(written).words

    # At night somebody calls: what is not shared is opened, for this person alone and a day.
    officer.opens("/emergency")
    officer.sends(reference=WRONG, reason=REASON, on_duty="y")
    assert officer.status == 422
    officer.does_not_see(*KNOWN.values())
    officer.sends(reference=OF_THE_CASE[0])
    officer.sees(KNOWN["health"])
    assert "緊急の閲覧" in browse("director").get("/").words

    # A relative, as it turns out: excluded, it is as if there were no case.
    exclude(counsellor, town, "cgc", "cgc_worker")
    officer.finds_nothing_at(written)
    officer.opens("/cases")
    officer.does_not_see(*OF_THE_CASE)
    officer.opens("/own-records")
    officer.does_not_see(*OF_THE_CASE, VISITED)
    officer.signs_out()


def test_a_police_liaisons_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
) -> None:
    # Nothing was provided: no list, no search, and a number that exists is like one that does not.
    liaison = at_work("liaison", 360)
    liaison.opens("/cases/search")
    assert liaison.status == 403
    answers = []
    for reference in (OF_THE_CASE[0], WRONG):
        liaison.opens("/cases")
        liaison.sends(reference=reference)
        assert liaison.status == 422
        answers.append(liaison.words.replace(reference, ""))
    assert answers[0] == answers[1]

    # The centre phones and provides: safety and what goes with it, and nothing else.
    provided = {
        "phoned_to": "見本警察署 当直",
        "reason": REASON,
        "slices": ["basic", "safety"],
        "statute": "APPI69_2_3",
        "second": str(town.accounts["investigator"]),
    }
    place = f"{written}/emergencies/{town.agencies['police']}"
    emergency = browse("counsellor").submit(place, provided).location
    liaison.opens("/cases")
    liaison.sends(reference=OF_THE_CASE[0].lower())
    assert liaison.path == written
    liaison.sees(*shown_to("basic", "safety"))
    liaison.does_not_see(*hidden_from("basic", "safety"))
    liaison.opens(f"{written}/entries/new?slice=safety")
    liaison.sends(subject=str(town.persons["child"]), text=FOUND)
    liaison.sees(FOUND)
    assert FOUND in browse("counsellor").get(written).words

    # The second person looks at it and ends it; the own words stay without the case.
    second = browse("investigator")
    second.submit(emergency, {"confirm-words": "電話の記録と合う。"}, action=f"{emergency}/confirm")
    second.submit(emergency, {"end-words": "安全を確かめた。"}, action=f"{emergency}/end")
    liaison.finds_nothing_at(written)
    liaison.opens("/own-records")
    liaison.sees(FOUND)
    liaison.does_not_see(*OF_THE_CASE, *KNOWN.values())
    assert not liaison.links(re.escape(written))
    liaison.signs_out()
