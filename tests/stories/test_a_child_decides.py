"""A child decides on a tablet who may know what, and changes its mind; an emergency and its review.

Every page is looked at as it comes by, on a phone and on a desk.
"""

from collections.abc import Callable

import pytest

from tests.blueprints.test_lawful import REASON, today, town  # noqa: F401
from tests.city import City
from tests.stories.watched import WatchedPerson

pytestmark = pytest.mark.browser

Window = Callable[[int], WatchedPerson]
HOME, HEALTH, CONTACT = "CANARY-home", "CANARY-health", "CANARY-contact"
SCHOOL, REFERENCE = "見本第一小学校", "K7F-3QXR"
# Record of sharing, 「やっぱり やめる」, 「やめる」 (issue: taking back in three taps).
TAPS = 3


AtWork = Callable[[str, int], WatchedPerson]


def answers_on_the_tablet(tablet: WatchedPerson, town: City) -> str:  # noqa: F811
    """Turn the screen round: the child says yes to one thing, no to another; the consent."""
    tablet.opens(f"/cases/{town.case_id}/consents/new")
    school = str(town.agencies["school"])
    tablet.sends(
        giver=tablet.choice("giver", "こども本人"),
        whose="own",
        method="screen",
        agencies=[school],
    )
    tablet.does_not_see(REFERENCE)
    tablet.presses("はじめる")
    tablet.sees(SCHOOL, "つたえていい", "つたえないで", "あとで")
    place = school.replace("-", "")
    tablet.sends(**{f"q-{place}-home": "yes", f"q-{place}-health": "no"})
    tablet.sends(said_back="おうちのことだけ、先生に言っていいよ。")
    tablet.sees("ありがとう", "かえして")
    return tablet.path.removesuffix("/hand-back")


def test_a_child_says_yes_to_one_thing_and_takes_it_back(
    at_work: AtWork,
    window: Window,
    town: City,  # noqa: F811
) -> None:
    counsellor, case = at_work("counsellor", 360), f"/cases/{town.case_id}"
    consent = answers_on_the_tablet(counsellor, town)
    # Whoever holds the tablet finds nothing, neither by Back nor by an address.
    counsellor.tab.go_back()
    counsellor.does_not_see(REFERENCE, HOME, HEALTH)
    counsellor.opens(case)
    counsellor.does_not_see(REFERENCE, HOME, HEALTH)
    counsellor.takes_the_screen_back(consent, "counsellor@example.jp")

    counsellor.opens(f"{consent}/agencies/{town.agencies['school']}")
    counsellor.sends(**{"readers-whom": "none"})
    counsellor.sees(HOME, "見本 nurse", "新しく見える")
    counsellor.does_not_see(HEALTH)
    counsellor.presses("この内容で共有する")
    counsellor.opens(f"{consent}/receipt")
    counsellor.sees(SCHOOL, "つたえていい", "つたえないで")
    matrix = at_work("director", 1280)
    matrix.opens(f"{case}/sights")
    matrix.sees(SCHOOL, "同意")

    nurse = at_work("nurse", 1280)
    nurse.opens(case)
    nurse.sees(HOME)
    nurse.does_not_see(HEALTH)
    counsellor.opens(f"{case}/people")
    counsellor.opens(counsellor.links(rf"{case}/people/[0-9a-f-]{{36}}/code")[0])
    counsellor.sends(secret="あさがおの水")
    child = window(360)
    child.comes_back(counsellor.code(), "あさがおの水")
    child.taps = 0
    # Its name is read with furigana in between, so it is found by how it begins.
    with child.tab.expect_navigation():
        child.tab.locator("main a", has_text="だれに なにを つたえたか").click()
    child.taps += 1
    child.sees(SCHOOL)
    child.touches("やっぱり やめる")
    child.presses("やめる")
    assert child.taps <= TAPS
    child.sees("やめました")
    nurse.finds_nothing_at(case)
    nurse.does_not_see(HOME, REFERENCE)


def test_an_emergency_is_looked_at_by_somebody_else_and_told_to_the_child(
    at_work: AtWork,
    town: City,  # noqa: F811
) -> None:
    counsellor, liaison = at_work("counsellor", 360), at_work("liaison", 1280)
    case = f"/cases/{town.case_id}"
    counsellor.opens(f"{case}/emergencies/new")
    counsellor.opens(f"{case}/emergencies/{town.agencies['police']}")
    counsellor.sends(
        phoned_to="見本警察署 当直",
        reason=REASON,
        statute="APPI69_2_3",
        second=str(town.accounts["investigator"]),
    )
    emergency = counsellor.path
    liaison.opens(case)
    liaison.sees(CONTACT)
    liaison.does_not_see(HOME)
    second = at_work("investigator", 1280)
    second.sees("緊急の提供")
    second.opens(emergency)
    second.sends(**{"confirm-words": "電話の記録と合っている。"})
    second.sends(**{"end-words": "安全を確かめた。"})
    liaison.finds_nothing_at(case)
    # Not told yet: the review says by when, and the task stays until it is done.
    review = {"review-finding": "right", "review-words": REASON, "review-child_told": "later"}
    second.sends(**review, **{"review-told": "入院していて、まだ話せない。"})
    second.sees("いつまでに話すか")
    second.sends(**{"review-told_day": today().isoformat()})
    second.sees("まだ話していません")
    second.opens(case)
    second.sees("緊急に伝えたことを、こどもに話す")
