"""From morning to evening at the cafeteria, the NPO and the lawyer's desk."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator
from sqlalchemy import Engine, text

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.vault import INTERNAL, Scope, create_key, equip
from portal.vocabulary import SLICES
from tests.blueprints.test_lawful import today
from tests.city import City, add_case, add_person, linked
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    AtWork,
    Browse,
    OpenTo,
    browse,
    hidden_from,
    open_to,
    written,
)
from tests.stories.watched import WatchedPerson
from tests.web import Browser

pytestmark = pytest.mark.browser

ITEM = r"/inbox/[0-9a-f-]{36}"
TOLD = "おかわりを何度もして、帰りたがらない子がいます。"
OTHERS = "ほかの人が伝えたことです。"
ANSWER = "知らせてくださって、ありがとうございます。"
# The button, the text, and 「送る」; two more for what may be ticked (issue: five taps, one text).
TAPS, TEXTS = 5, 1
BRIEFS = 10
ADVICE = "ひとり親の手当の案内を先に。"


def test_a_volunteers_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    written: str,  # noqa: F811
    system: Engine,
    record_property: Callable[[str, object], None],
) -> None:
    browse("watcher").submit("/report/mihon-shokudo", {"words": OTHERS}, status=200)
    volunteer = at_work("volunteer", 360)
    volunteer.taps = 0
    volunteer.touches("気になることを伝える")
    shown = list(volunteer.tab.locator("main textarea, main input[type=text]").all())
    assert len([box for box in shown if box.is_visible()]) == TEXTS
    # Sent empty, it says what to do, and does not count twice.
    form = volunteer.fills(suspected_abuse="y")
    form.evaluate("form => (form.noValidate = true)")
    volunteer.presses("送る")
    assert volunteer.status == 422
    volunteer.sees("気になったことを、ひとことでも書いてください。")
    assert volunteer.tab.locator("[name='suspected_abuse']").is_checked()
    volunteer.sends(words=TOLD)
    # A mistake of two taps is among them.
    assert volunteer.taps <= TAPS
    record_property("taps of a volunteer's report, a mistake among them", volunteer.taps)
    volunteer.sees("受け取りました。ありがとうございます。")

    # What became of it: the reply, on the one page that is there.
    npo = browse("npo_worker")
    [item] = [url for url in inbox_of(npo) if TOLD in npo.get(url).words]
    npo.submit(item, {"text": ANSWER}, action=f"{item}/answer")
    volunteer.opens("/")
    volunteer.sees("返事が届いています")
    volunteer.opens("/my-reports")
    volunteer.sees(TOLD, ANSWER)
    volunteer.does_not_see(OTHERS, *OF_THE_CASE)
    assert len(list(inbox_of(npo, "?show=handled"))) == 1
    # Neither cases nor the desk: who helps at the table reads nobody's story.
    for url in ("/cases", "/inbox", written):
        volunteer.opens(url)
        assert volunteer.status in (403, 404)
        volunteer.does_not_see(*OF_THE_CASE, *KNOWN.values())

    # On the next day the own words have left the screen, and the reply is still there.
    with system.begin() as connection:
        moved = "UPDATE consultations SET received_at = received_at - interval '1 day'"
        connection.execute(text(moved))
    volunteer.opens("/my-reports")
    volunteer.sees(ANSWER)
    volunteer.does_not_see(TOLD)
    volunteer.signs_out()


def inbox_of(browser: Browser, query: str = "") -> list[str]:
    """Return the addresses of the consultations that lie on somebody's desk."""
    tree = browser.get(f"/inbox{query}").tree
    assert tree is not None
    found = tree.xpath("//main//a/@href")
    return sorted({href for href in found if re.fullmatch(ITEM, href)})


def test_an_npo_workers_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
) -> None:
    browse("volunteer").submit("/report/mihon-shokudo", {"words": TOLD}, status=200)
    npo, counsellor = at_work("npo_worker", 1280), browse("counsellor")
    npo.follows("/inbox")
    npo.follows(ITEM)
    item = npo.path
    npo.sees(TOLD)
    # An empty answer is refused, and a template is only a beginning.
    npo.tab.locator("main form", has=npo.tab.locator("textarea")).evaluate(
        "form => (form.noValidate = true)"
    )
    npo.presses("返事を送る")
    assert npo.status == 422
    npo.sends(text=ANSWER)
    npo.sees(ANSWER)
    # It grows beyond what the NPO can do: handed over, it is the centre's from then on.
    assert TOLD not in " ".join(counsellor.get(url).words for url in inbox_of(counsellor))
    npo.touches("センターに引きつぐ")
    npo.presses("引きつぐ")
    npo.opens(item)
    npo.sees("このあとのことは、ここには出ません")
    assert TOLD in " ".join(counsellor.get(url).words for url in inbox_of(counsellor))
    npo.opens("/cases")
    npo.does_not_see(*OF_THE_CASE)
    npo.finds_nothing_at(written)

    # The centre entrusts an interview: the least that it needs, until it is done.
    asked = {
        "agency": town.agencies["npo"],
        "kind": "interview",
        "due_on": str(today()),
        "request": "面談をお願いします。",
    }
    entrust = counsellor.submit(f"{written}/actions/new", asked).location
    least = {"slices": ["basic", "plan"], "reason": "面談のために、担任との約束を知る必要がある。"}
    counsellor.submit(entrust, least)
    npo.opens("/")
    npo.follows(r"/actions/[0-9a-f-]{36}")
    npo.presses("引き受ける")
    action = npo.path
    npo.opens(written)
    npo.sees(KNOWN["plan"])
    npo.does_not_see(*hidden_from("basic", "plan"))
    npo.opens(f"{action}/finish")
    npo.sends(words="面談した。よく話してくれた。")
    npo.finds_nothing_at(written)
    npo.opens("/own-records")
    npo.sees("面談した。よく話してくれた。")
    npo.does_not_see(*OF_THE_CASE, *KNOWN.values())
    npo.signs_out()


@pytest.fixture
def meeting(
    browse: Browse,  # noqa: F811
    town: City,
    system: Engine,
    config: Config,
) -> str:
    """Call a meeting with ten briefs before the lawyer, each of a case of its own."""
    cases = [uuid.uuid4() for _ in range(BRIEFS)]
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        for number, case_id in enumerate(cases):
            _case(session, town, case_id, f"B{number}F-3QXR")
    counsellor = browse("counsellor")
    called = counsellor.submit("/meetings/new", {"held_on": str(today())}).location
    counsellor.post(f"{called}/experts", {"account": town.accounts["lawyer"]})
    for number, case_id in enumerate(cases):
        paper = {
            "question": f"第{number}の問い。",
            "text": "本人は食事に困っている。",
            "parties": f"関係 {number}子",
        }
        brief = counsellor.submit(f"{called}/cases/{case_id}/brief", paper).location
        counsellor.post(f"{brief}/release")
    return called


def _case(session: SystemSession, town: City, case_id: uuid.UUID, reference: str) -> None:
    case = add_case(session, town, reference, id=case_id)
    place = {"case_id": case_id, "owner_agency_id": case.owner_agency_id}
    for slice_ in (*SLICES, INTERNAL):
        create_key(session, Scope("slice", case_id, slice_))
    child = add_person(session, town, reference, "関係", f"{reference[1]}子")
    session.add(linked(case, child))
    session.add(m.CaseWorker(**place, account_id=town.accounts["counsellor"]))
    session.flush()


class Keyboard:
    """Ten fingers and no mouse: what is pressed is counted."""

    def __init__(self, person: WatchedPerson) -> None:
        self.person, self.presses = person, 0

    def press(self, key: str) -> None:
        self.person.tab.keyboard.press(key)
        self.presses += 1

    def reach(self, place: Locator) -> None:
        """Press Tab until a place has the focus."""
        place = place.first
        for _ in range(60):
            if place.evaluate("element => element === document.activeElement"):
                return
            self.press("Tab")
        pytest.fail(f"no Tab reaches {place}")

    def go(self, place: Locator) -> None:
        """Reach a link or button and press Enter."""
        self.reach(place)
        with self.person.tab.expect_navigation():
            self.press("Enter")
        self.person.look()

    def choose(self, name: str, value: str) -> None:
        """Go to a group of answers and choose one by Space or by the arrow keys."""
        group = self.person.tab.locator(f"main input[name='{name}']")
        self.reach(group)
        self.press("Space")
        while not group.and_(self.person.tab.locator(f"[value='{value}']")).is_checked():
            self.press("ArrowDown")


def test_a_lawyers_hour_by_keyboard_alone(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    meeting: str,
    record_property: Callable[[str, object], None],
) -> None:
    lawyer = at_work("lawyer", 1280)
    keys, tab = Keyboard(lawyer), lawyer.tab
    lawyer.taps = 0
    lawyer.sees("助言を待っている資料")
    keys.go(tab.locator(".site-nav a[href='/advice']"))
    keys.go(tab.locator("main a[href^='/advice/parties/']"))
    for number in range(BRIEFS):
        # Names first, and not a word of the matter before it is said that there is no conflict.
        lawyer.sees("利益相反")
        lawyer.does_not_see("の問い。", "食事に困っている", *OF_THE_CASE)
        keys.choose("conflict", "no")
        keys.go(tab.get_by_role("button", name="答える", exact=True))
        lawyer.sees("の問い。", "本人は食事に困っている。")
        lawyer.does_not_see("関係 ", "B0F-3QXR")
        if number == 0:
            # Advice without words is refused; what was chosen stays.
            keys.choose("assent", "advice")
            keys.go(tab.get_by_role("button", name="センターに送る"))
            assert lawyer.status == 422
            keys.reach(tab.locator("main textarea"))
            tab.keyboard.type(ADVICE)
        else:
            keys.choose("assent", "assent")
        keys.go(tab.get_by_role("button", name="センターに送る"))
        lawyer.sees("答えました")
        if number < BRIEFS - 1:
            keys.go(tab.get_by_role("link", name="つぎの資料へ"))
    lawyer.sees("すべて答えました")
    record_property("keys of ten briefs, without the letters", keys.presses)
    assert lawyer.taps == 0
    counsellor = browse("counsellor")
    assert "10 / 11" in counsellor.get(meeting).words
    # The meeting ends in the evening, and with it everything that was before the lawyer.
    brief = lawyer.path
    counsellor.submit(f"{meeting}/close", {"reason": "no_time"})
    lawyer.finds_nothing_at(brief)
    lawyer.opens("/advice")
    lawyer.sees("いま、あなたの前に案件はありません")
    lawyer.may_not_open("/cases")
