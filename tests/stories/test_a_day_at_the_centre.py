"""From morning to evening at the support centre: what waits, what is decided, what is shared."""

import pytest
from sqlalchemy import Engine

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.blueprints.test_consents import exclude
from tests.blueprints.test_lawful import permission_fields
from tests.city import City, add_consultation
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    AtWork,
    Browse,
    browse,
    written,
)

pytestmark = pytest.mark.browser

REPORT = "いつも同じ服で、おかわりを何度もする子がいます。"
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
