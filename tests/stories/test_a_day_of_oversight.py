"""From morning to evening of those who keep the portal and read no case: clerk, audit, keys."""

import pytest
from sqlalchemy import Engine

from tests.blueprints.test_factors import stale
from tests.city import City
from tests.stories.days import (  # noqa: F401
    KNOWN,
    OF_THE_CASE,
    AtWork,
    Browse,
    OpenTo,
    browse,
    open_to,
    written,
)
from tests.stories.test_a_day_outside import inbox_of

pytestmark = pytest.mark.browser

TOLD = "学校のことで、夜ねむれないと電話があった。"
NOT_TO_TELL = "たんにんの先生"
CALL = {"channel": "PHONE", "consulter": "CHILD", "words": TOLD}


def test_a_clerks_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    written: str,  # noqa: F811
) -> None:
    clerk, counsellor = at_work("clerk", 1280), browse("counsellor")
    clerk.follows("/consultations/new")
    # A choice is forgotten: the rest stays, also whom not to tell.
    form = clerk.fills(words=TOLD, not_to_tell=NOT_TO_TELL)
    form.evaluate("form => (form.noValidate = true)")
    clerk.presses("送る")
    assert clerk.status == 422
    clerk.sees("どうやって届いたかを選んでください。", "だれからの相談かを選んでください。")
    assert clerk.tab.locator("[name='not_to_tell']").input_value() == NOT_TO_TELL
    clerk.sends(channel="PHONE", consulter="CHILD")
    clerk.sees("受け付けました", "相談番号", "返事の約束")
    # Words to read out, and nothing of what was typed: write-only.
    assert len(clerk.code()) == 6
    clerk.does_not_see(TOLD, NOT_TO_TELL)
    [item] = inbox_of(counsellor)
    assert TOLD in counsellor.get(item).words
    for place in (item, "/inbox", "/cases", written, "/log"):
        clerk.may_not_open(place)
        clerk.does_not_see(TOLD, *OF_THE_CASE, *KNOWN.values())
    clerk.opens("/")
    clerk.signs_out()


def test_an_audit_officers_day(  # noqa: PLR0917
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
    open_to: OpenTo,  # noqa: F811
    system: Engine,
) -> None:
    open_to("school", "basic", "school")
    nurse = browse("nurse")
    assert KNOWN["school"] in nurse.get(written).words
    auditor = at_work("auditor", 1280)
    auditor.touches("閲覧の記録を見る")
    # Who did what, down to the minute, and neither number, name nor word of the case.
    auditor.sees("見本第一小学校", "養護教諭", "ケースを読んだ")
    auditor.does_not_see(*OF_THE_CASE, *KNOWN.values())
    auditor.touches("月ごとの点検")
    auditor.sees("機関ごと", "見本第一小学校")
    auditor.does_not_see(*OF_THE_CASE, *KNOWN.values())
    for place in ("/cases", written, f"{written}/log", "/inbox", "/accounts"):
        auditor.may_not_open(place)
        auditor.does_not_see(*OF_THE_CASE, *KNOWN.values())
    # Not known any more who sits here: asked once more before a file leaves. Changing one's mind
    # leads back to the list, and nothing was written out.
    auditor.opens("/log/month")
    stale(system)
    auditor.presses("CSVで書き出す")
    assert auditor.status == 403
    auditor.presses("やめて、前のページにもどる")
    assert auditor.path == "/log/month"
    # What was read is in the log too: this morning of the audit officer's own.
    auditor.opens("/log")
    auditor.sees("閲覧の記録を見た")
    auditor.signs_out()


def test_an_administrators_day(
    at_work: AtWork,
    browse: Browse,  # noqa: F811
    town: City,
    written: str,  # noqa: F811
) -> None:
    admin = at_work("admin", 1280)
    admin.touches("機関を見る")
    admin.touches("機関を加える")
    name = "こども食堂べつのみほん"
    admin.sends(name=name, type="cafeteria", legal_form="private")
    # A cafeteria without an NPO and a centre would report to nobody.
    if admin.status == 422:
        admin.sends(entrusted_npo=str(town.agencies["npo"]), centre=str(town.agencies["centre"]))
    admin.sees(name)
    # Somebody left: the account is found by its address, one that nobody has is said.
    admin.opens("/accounts")
    admin.sends(email="nobody@example.jp")
    assert admin.status == 422
    admin.sends(email="teacher@example.jp")
    assert admin.path == f"/accounts/{town.accounts['teacher']}"
    teacher = browse("teacher")
    teacher.get("/cases")
    admin.sends(disabled="y")
    teacher.get("/cases", status=302)
    # No case, no consultation, no log of reads: not for the keeper of keys.
    for place in ("/cases", written, "/inbox", "/log", f"{written}/log"):
        admin.may_not_open(place)
        admin.does_not_see(*OF_THE_CASE, *KNOWN.values())
    admin.opens("/")
    assert KNOWN["school"] in browse("counsellor").get(written).words
    admin.signs_out()
