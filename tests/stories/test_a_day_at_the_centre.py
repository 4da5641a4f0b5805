"""From morning to evening at the support centre: what waits, what is decided, what is shared."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.blueprints.test_consents import exclude
from tests.blueprints.test_lawful import permission_fields, today
from tests.city import City, add_consultation
from tests.second_factor import next_code
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    AtWork,
    Browse,
    browse,
    written,
)
from tests.stories.test_a_day_outside import inbox_of

pytestmark = pytest.mark.browser

REPORT = "いつも同じ服で、おかわりを何度もする子がいます。"
SCHOOL = "図書室に最後まで残っている。"
HOME = "夜は一人で留守番をしている。"
CHILD = {
    "family_name": "見本",
    "given_name": "ひなた",
    "called": "ひなちゃん",
    "kana": "みほん ひなた",
}
CASE = r"/cases/[0-9a-f-]{36}"
ALARM = "うでに あざがあり、家に帰りたくないと話していました。"


def test_a_directors_day(  # noqa: PLR0917
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    system: Engine,
    config: Config,
) -> None:
    counsellor, nurse = browse("counsellor"), browse("nurse")
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_consultation(session, town, "centre", -30)
    place = f"{written}/permissions/{town.agencies['school']}"
    proposal = counsellor.submit(place, permission_fields()).location
    counsellor.submit("/report/mihon-shokudo", {"words": ALARM, "urgent": "y"}, status=200)

    # Morning: what rings, what is late, what only the director can decide, in this order.
    director = at_work("director", 360)
    director.sees("緊急の呼び出し", "受付で待っている相談", "法律が許す共有", "超過")
    assert director.tab.title().startswith("(")
    director.follows("/notifications")
    director.presses("を引き受ける")
    director.sees("引き受けました")

    # A share by law: without a reason it is not refused, with one look it is approved.
    director.opens(proposal)
    director.sees("安全に関する注意", "聞くと、こどもに危険がある")
    director.presses("承認しない")
    assert director.status == 422
    director.sees("承認しない理由")
    nurse.get(written, status=404)
    director.presses("承認する")
    assert KNOWN["safety"] in nurse.get(written).words
    assert KNOWN["home"] not in nurse.get(written).words

    # The duty list names nobody twice.
    director.opens("/duty-list")
    investigator = str(town.accounts["investigator"])
    director.sends(place_1=investigator, place_2=investigator)
    assert director.status == 422
    director.sees("1人は1回だけ")
    director.sends(place_2=str(town.accounts["counsellor"]))

    # Evening: it turns out that the director knows the family. Excluded, as if there were no case.
    director.opens(written)
    director.sees(KNOWN["safety"], "あおい")
    exclude(counsellor, town, "centre", "director")
    director.touches("図で見る")
    assert director.status == 404
    director.does_not_see(*OF_THE_CASE)
    for page in ("/", "/cases", "/notifications"):
        director.opens(page)
        director.does_not_see(*OF_THE_CASE, *KNOWN.values())
    assert KNOWN["safety"] in counsellor.get(written).words
    director.signs_out()


def test_a_counsellors_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    record_property: Callable[[str, object], None],
) -> None:
    browse("volunteer").submit("/report/mihon-shokudo", {"words": REPORT}, status=200)
    npo, nurse = browse("npo_worker"), browse("nurse")
    [report] = inbox_of(npo)
    npo.submit(f"{report}/hand-over", {})

    # Morning: it waits, is read and accepted; without grounds it is not, and nothing is lost.
    counsellor = at_work("counsellor", 1280)
    counsellor.taps = 0
    counsellor.sees("受付で待っている相談")
    counsellor.follows(r"/inbox/[0-9a-f-]{36}")
    counsellor.sees(REPORT)
    counsellor.touches("ケースとして受理する")
    # Sixteen, and so the one who decides.
    born = [str(today().year - 16), "1", "1"]
    counsellor.sends(**CHILD, birth_date=born, urgency="B", grounds="")
    assert counsellor.status == 422
    assert counsellor.tab.locator("[name='called']").input_value() == CHILD["called"]
    counsellor.sends(grounds="食事のことが続いている。")
    case = counsellor.path
    assert re.fullmatch(CASE, case)
    for slice_, words in (("school", SCHOOL), ("home", HOME)):
        browse("counsellor").submit(f"{case}/entries/new", {"slice": slice_, "text": words})

    # Noon: asked, answered on the same tablet, looked at and shared, all on the page of the case.
    counsellor.taps, counsellor.letters = 0, 0
    counsellor.touches("共有について聞く")
    assert counsellor.path == case
    counsellor.sees("だれに聞きますか")
    counsellor.sends(
        necessity="agencies_needed",
        grounds="学校の協力がいる。",
        giver=counsellor.choice("giver", "ひなちゃん"),
        agencies=[str(town.agencies["school"])],
        method="screen",
    )
    counsellor.does_not_see(REPORT, SCHOOL)
    counsellor.presses("はじめる")
    place = town.agencies["school"].hex
    counsellor.sends(**{f"q-{place}-school": "yes", f"q-{place}-home": "no"})
    counsellor.sends(said_back="学校のことだけ、言っていいよ。")
    nurse.get(case, status=404)
    counsellor.touches("センターの職員：つづける")
    counsellor.sends(step_up_code=next_code("counsellor@example.jp"))
    assert counsellor.path == case
    counsellor.sends(**{"readers-whom": "none"})
    assert counsellor.path == case
    counsellor.sees("見本第一小学校に見えるもの", SCHOOL, "見本 nurse")
    panel = counsellor.tab.locator("#sharing")
    assert HOME not in panel.inner_text()
    counsellor.presses("この内容で共有する")
    assert counsellor.path == case
    counsellor.sees("見本第一小学校に共有しました。", "だれに何が見えているか")
    record_property(
        "taps from a new case to its first share, a child's among them", counsellor.taps
    )
    assert SCHOOL in nurse.get(case).words
    assert HOME not in nurse.get(case).words

    # Evening: by phone the child takes it back, and the nurse's next touch finds nothing.
    counsellor.opens(f"{case}/consents")
    counsellor.follows(r"/grants/[0-9a-f-]{36}/end")
    counsellor.sends(asked_by=counsellor.choice("asked_by", "ひなちゃん"))
    nurse.get(case, status=404)
    counsellor.opens(case)
    counsellor.sees("同意の取り消しのあとの安全確認", "センターのほかには、どこにも見えていません")
    # Of another agency's desk and of who keeps the accounts the counsellor sees nothing.
    for page in ("/accounts", "/log", "/my-reports", "/advice"):
        counsellor.may_not_open(page)
