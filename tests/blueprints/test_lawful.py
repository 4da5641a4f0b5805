"""Sharing by law, by contract and in an emergency, over HTTP."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, update

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from portal.vocabulary import presets_for
from portal.working_hours import jst
from tests import city as towns
from tests.blueprints.test_consents import answered, record_necessity, rows
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
REASON = "家の外に締め出されていると電話があり、いま安全を確かめる。"
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def town(town: towns.City, config: Config, system: Engine) -> towns.City:
    """Return the small city with something to share in every slice of an emergency."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        record_necessity(session, town)
        for slice_ in ("basic", "contact", "safety", "health", "home", "plan"):
            towns.add_entry(session, town, slice_=slice_, text=f"CANARY-{slice_} 本文")
        return town


def moved(system: Engine, by: dt.timedelta) -> None:
    """Let time pass for what was opened in an emergency."""
    with SystemSession(system) as session, session.begin():
        session.execute(
            update(m.Grant)
            .where(m.Grant.basis == "EMERGENCY")
            .values(valid_from=m.Grant.valid_from - by, valid_until=m.Grant.valid_until - by)
        )


def today() -> dt.date:
    return jst(dt.datetime.now(dt.UTC)).date()


# ------------------------------------------------------------------------------------- the report


def report_fields(town: towns.City, **changes: Any) -> dict[str, Any]:
    return {"reason": REASON, "agency": town.agencies["cgc"], "step": "share", **changes}


def review_fields(town: towns.City) -> dict[str, Any]:
    return {
        "review-finding": "right",
        "review-words": REASON,
        "review-child_told": "yes",
        "review-told_day": str(today()),
        "review-told_by": str(town.accounts["counsellor"]),
        "review-told": "話した。",
    }


def test_a_report_is_sent_by_one_button_and_the_call_is_written_down_after(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, reader = browse("counsellor"), browse("cgc_worker")
    url = f"/cases/{town.case_id}/duties/new"
    # The tired person's way: a reason, and the button.
    sent = browser.submit(url, {"reason": REASON, "step": "share"})
    assert "/law-reports/" in sent.location
    assert "CANARY-safety" in reader.get(f"/cases/{town.case_id}").text
    page = browser.follow(sent)
    assert "通告しました" in page.words
    assert "110" in page.words
    assert "189" in page.words
    assert "電話の記録" in browser.get("/").words
    assert "電話の記録がまだです" in browser.get(f"/cases/{town.case_id}/consents").words

    refused = browser.submit(sent.location, {"phoned_to": "", "told": ""}, status=422)
    assert "電話で話した相手を入力" in refused.words
    tomorrow = f"{today() + A_DAY}T10:00"
    call = {"phoned_to": "児相 受付 佐藤", "told": "先に話した。"}
    refused = browser.submit(sent.location, {**call, "phoned_at": tomorrow}, status=422)
    assert "もう終わった電話" in refused.words
    assert "児相 受付 佐藤" in refused.text
    browser.submit(sent.location, call)
    assert "児相 受付 佐藤" in browser.get(sent.location).words
    assert rows(system, m.Task)[0].done_at is not None
    assert "電話の記録がまだです" not in browser.get(f"/cases/{town.case_id}/consents").words


def test_sent_twice_it_is_one_report(browse: Browse, town: towns.City, system: Engine) -> None:
    browser = browse("counsellor")
    url = f"/cases/{town.case_id}/duties/new"
    fields = {**browser.get(url).form(), **report_fields(town)}
    first, second = browser.post(url, fields), browser.post(url, fields)
    assert first.location == second.location
    assert len(rows(system, m.Grant)) == len(rows(system, m.LawReport)) == 1


def test_a_duty_to_a_school_asks_who_of_it_must_not_see(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    """The teacher concerned is shut out before the school is shown anything (domain.md §4)."""
    browser, teacher = browse("counsellor"), browse("teacher")
    url, case = f"/cases/{town.case_id}/duties/new", f"/cases/{town.case_id}"
    assert "見せない人はいますか" not in browser.get(url).words, "a report to 児相 asks nothing"
    fields = report_fields(town, agency=town.agencies["school"], basis="TSV18", slices=["safety"])
    page = browser.submit(url, fields, status=422)
    assert "見せない人がいるかを選んで" in page.words
    assert REASON in page.text
    named = {
        **page.form(),
        **fields,
        "whom": "names",
        "accounts": [str(town.accounts["teacher"])],
        "why_hidden": "申立てのあった教職員",
    }
    seen = browser.post(url, {**named, "step": "preview"}, 200)
    assert "読めない人（見せない・伝えない人）：見本 teacher" in seen.words
    assert rows(system, m.Grant) == rows(system, m.Exclusion) == [], "a preview changes nothing"
    browser.post(url, {**named, "last_day": "9999-12-31"}, 422)
    # Refused after all, for the last day: then nobody is shut out either.
    browser.post(url, {**named, "last_day": "2099-01-01"}, 422)
    assert rows(system, m.Exclusion) == []
    browser.post(url, named)
    [grant], [excluded] = rows(system, m.Grant), rows(system, m.Exclusion)
    assert excluded.account_id == town.accounts["teacher"]
    assert excluded.valid_from <= grant.valid_from
    assert "CANARY-safety" in browse("nurse").get(case).text
    teacher.get(case, status=404)


def test_a_duty_to_a_school_may_name_the_only_readers(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    fields = report_fields(town, agency=town.agencies["school"], basis="TSV18", slices=["safety"])
    nurse = {"whom": "unknown", "accounts": [str(town.accounts["nurse"])]}
    browse("counsellor").submit(f"/cases/{town.case_id}/duties/new", {**fields, **nurse})
    [grant] = rows(system, m.Grant)
    assert (grant.account_ids, grant.readers_fixed) == ([town.accounts["nurse"]], True)
    browse("nurse").get(f"/cases/{town.case_id}")
    browse("teacher").get(f"/cases/{town.case_id}", status=404)


def ticked(page: Page) -> list[str]:
    assert page.tree is not None
    return [str(box) for box in page.tree.xpath("//input[@name='slices'][@checked]/@value")]


def test_enter_in_a_field_presses_no_preset(browse: Browse, town: towns.City) -> None:
    """A browser presses the first button of a form: here the one that shows what would be seen."""
    url = f"/cases/{town.case_id}/duties/new"
    page = browse("counsellor").get(url)
    assert page.tree.xpath("//main//form[.//fieldset]//button/@value")[0] == "preview"


def test_a_preset_ticks_what_is_usual_and_shares_nothing(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    places = {
        f"/cases/{town.case_id}/duties/new": ("cgc", "protection"),
        f"/cases/{town.case_id}/permissions/{town.agencies['school']}": ("school", "support"),
    }
    for url, (kind, purpose) in places.items():
        fields = {"reason": REASON, "slices": ["facts"], "step": f"preset:{purpose}"}
        page = browser.submit(url, fields, status=200)
        assert ticked(page) == list(presets_for(kind)[purpose])
        assert REASON in page.text, "what was typed stays"
        unknown = browser.submit(url, {**fields, "step": "preset:expert_advice"}, status=200)
        assert ticked(unknown) == []
    assert rows(system, m.Grant) == rows(system, m.ShareProposal) == []


def test_a_task_of_a_report_or_an_emergency_is_no_tick(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    browser.submit(f"/cases/{town.case_id}/duties/new", report_fields(town))
    [task] = rows(system, m.Task)
    browser.post(f"/cases/{town.case_id}/tasks/{task.id}/done", status=403)
    assert rows(system, m.Task)[0].done_at is None


# -------------------------------------------------------------------------------- the permissions


def permission_fields(**changes: Any) -> dict[str, Any]:
    return {
        "basis": "APPI69_2_3",
        "ruled_out": "endangers",
        "why_not_asked": "聞くと、保護者に伝わるおそれがある。",
        "slices": ["basic", "safety"],
        "purpose": "protection",
        "reason": REASON,
        "told": "まだ話していない。保護者に知られるおそれがある。",
        "whom": "none",
        "step": "propose",
        **changes,
    }


def test_a_permission_is_proposed_previewed_and_approved_by_the_director(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    counsellor, director, nurse = browse("counsellor"), browse("director"), browse("nurse")
    start = counsellor.get(f"/cases/{town.case_id}/permissions/new")
    assert "見本第一小学校" in start.words
    url = f"/cases/{town.case_id}/permissions/{town.agencies['school']}"
    assert "所長の承認" in counsellor.get(url).words
    seen = counsellor.submit(url, permission_fields(step="preview"), status=200)
    assert "CANARY-safety" in seen.text
    assert rows(system, m.ShareProposal) == rows(system, m.Grant) == []
    proposal = counsellor.submit(url, permission_fields()).location
    assert "所長の承認を待っています" in counsellor.get(proposal).words
    nurse.get(f"/cases/{town.case_id}", status=404)
    counsellor.post(f"{proposal}/approve", status=403)

    assert "法律が許す共有" in director.get("/").words
    told = m.Notification.kind == "proposal", m.Notification.read_at.is_(None)
    director.get(f"/cases/{town.case_id}")
    assert len(rows(system, m.Notification, *told)) == 1, "the case's page does not show it"
    director.get(proposal)
    assert rows(system, m.Notification, *told) == []
    refused = director.post(f"{proposal}/refuse", {"refuse-words": ""}, status=422)
    assert "承認しない理由" in refused.words
    for _ in range(2):
        director.post(f"{proposal}/approve")
    assert "CANARY-safety" in nurse.get(f"/cases/{town.case_id}").text
    assert len(rows(system, m.Grant)) == 1
    assert "承認されました" in counsellor.get(proposal).words
    # A lost decision is said, and changes nothing.
    director.post(f"{proposal}/refuse", {"refuse-words": "やはり、だめ。"}, status=409)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ruled_out": ""}, "どちらかを選んで"),
        ({"why_not_asked": ""}, "聞かない事情"),
        ({"told": ""}, "こどもに先に話したか"),
        ({"reason": "短い"}, "20文字以上"),
        ({"whom": ""}, "見せない人がいるか"),
        ({"whom": "unknown"}, "職員を選んで"),
        ({"purpose": "watching"}, "目的"),
        ({"last_day": "2099-01-01"}, "長くても90日間"),
        ({"basis": "CAPA6"}, "どの法律"),
        ({"basis": "APPI69_1"}, "もとになる法律の条項"),
    ],
)
def test_a_refused_proposal_says_why_and_keeps_what_was_typed(
    browse: Browse, town: towns.City, system: Engine, changes: dict[str, Any], words: str
) -> None:
    url = f"/cases/{town.case_id}/permissions/{town.agencies['school']}"
    fields = permission_fields(**changes)
    page = browse("counsellor").submit(url, fields, status=422)
    assert words in page.words
    if fields["why_not_asked"]:
        assert "保護者に伝わるおそれ" in page.text
    assert rows(system, m.ShareProposal) == []


def test_after_a_no_the_page_asks_for_new_facts(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    answered(browser, town, "school", **{f"q-{town.agencies['school'].hex}-home": "no"})
    url = f"/cases/{town.case_id}/permissions/{town.agencies['school']}"
    assert "「つたえないで」と言った項目" in browser.get(url).words
    home = permission_fields(slices=["basic", "home"])
    assert "新しい事実" in browser.submit(url, home, status=422).words
    facts = {"new_facts": "新しく、夜に締め出されたと本人が話した。"}
    assert "先に話してから" in browser.submit(url, {**home, **facts}, status=422).words
    browser.submit(url, {**home, **facts, "told_first": "y", "told": "本人に先に話した。"})
    assert len(rows(system, m.ShareProposal)) == 1


def test_a_permission_comes_before_the_next_meeting_whose_close_notes_it(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    counsellor, director = browse("counsellor"), browse("director")
    url = f"/cases/{town.case_id}/permissions/{town.agencies['school']}"
    proposal = counsellor.submit(url, permission_fields()).location
    director.post(f"{proposal}/approve")
    meeting = counsellor.submit("/meetings/new", {"held_on": str(today())}).location
    page = counsellor.get(meeting)
    assert "法律が許す共有（この会議で確かめます）" in page.words
    assert "K7F-3QXR" in page.words
    assert "1件を、この会議で確かめた" in counsellor.get(f"{meeting}/close").words
    counsellor.submit(f"{meeting}/close", {"reason": "no_time"})
    assert "この会議で確かめた、法律が許す共有" in counsellor.get(meeting).words
    assert len(rows(system, m.PermissionNoting)) == 1
    following = counsellor.submit("/meetings/new", {"held_on": str(today())}).location
    assert "法律が許す共有" not in counsellor.get(following).words


def test_a_meeting_of_the_council_is_entered_and_has_no_briefs(
    browse: Browse, town: towns.City
) -> None:
    browser = browse("counsellor")
    fields = {"held_on": str(today()), "kind": "case_conf"}
    meeting = browser.submit("/meetings/new", fields).location
    page = browser.get(meeting)
    assert "個別ケース検討会議" in page.words
    assert "要対協の会議の記録" in page.words
    paper = {"question": "問い", "text": "あらまし", "parties": "だれか"}
    brief = f"{meeting}/cases/{town.case_id}/brief"
    assert "支援方針会議だけ" in browser.submit(brief, paper, status=422).words


# ---------------------------------------------------------------------------------- by contract


def test_an_entrusted_npo_sees_the_minimum_with_its_task_and_loses_it_with_it(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    counsellor, npo = browse("counsellor"), browse("npo_worker")
    asked = counsellor.submit(
        f"/cases/{town.case_id}/actions/new",
        {
            "agency": town.agencies["npo"],
            "kind": "interview",
            "due_on": str(today() + 7 * A_DAY),
            "request": "面談をお願いします。",
        },
    )
    assert asked.location.endswith("/entrust")
    action = asked.location.removesuffix("/entrust")
    npo.get(action, status=404)
    fields = {"slices": ["basic", "plan"], "reason": REASON}
    refused = counsellor.submit(asked.location, {**fields, "slices": ["home"]}, status=422)
    assert "見せる項目" in refused.words
    counsellor.submit(asked.location, fields)
    shown = npo.get(f"/cases/{town.case_id}").text
    assert "CANARY-plan" in shown
    assert "CANARY-home" not in shown
    ended = npo.submit(f"{action}/finish", {"words": "会って話した。"})
    assert ended.location == "/actions"
    npo.follow(ended)
    npo.get(f"/cases/{town.case_id}", status=404)
    assert "もうおわっています" in counsellor.submit(asked.location, fields, status=422).words


# ------------------------------------------------------------------------------- in an emergency


def provision_fields(town: towns.City, **changes: Any) -> dict[str, Any]:
    return {
        "phoned_to": "見本警察署 当直",
        "reason": REASON,
        "slices": ["basic", "contact", "safety"],
        "statute": "APPI69_2_3",
        "second": town.accounts["investigator"],
        **changes,
    }


def provided(browser: Browser, town: towns.City) -> str:
    """Provide the police with what an emergency opens, and return the emergency's address."""
    url = f"/cases/{town.case_id}/emergencies/{town.agencies['police']}"
    return browser.submit(url, provision_fields(town)).location


def test_a_provision_goes_from_the_phone_to_its_review(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    counsellor, second, director = browse("counsellor"), browse("investigator"), browse("director")
    liaison = browse("liaison")
    start = counsellor.get(f"/cases/{town.case_id}/emergencies/new")
    assert "先に電話してください" in start.words
    assert "見本警察署" in start.words
    assert "NPO法人みほん" not in start.words
    place = provided(counsellor, town)
    shown = liaison.get(f"/cases/{town.case_id}").text
    assert "CANARY-contact" in shown
    assert "CANARY-home" not in shown
    for person in (second, director):
        assert "緊急の提供" in person.get("/").words
    counsellor.post(f"{place}/confirm", {"confirm-words": ""}, status=403)
    for _ in range(2):
        second.post(f"{place}/confirm", {"confirm-words": "電話の記録と合っている。"})
    counsellor.post(f"{place}/prolong", status=403)
    for _ in range(2):
        director.post(f"{place}/prolong")
    early = review_fields(town)
    assert "おわってから" in second.post(f"{place}/review", early, status=422).words
    assert "おわらせる理由" in second.post(f"{place}/end", {"end-words": ""}, status=422).words
    for _ in range(2):
        second.post(f"{place}/end", {"end-words": "安全を確かめた。"})
    liaison.get(f"/cases/{town.case_id}", status=404)
    assert "振り返りがまだです" in second.get(place).words
    for empty in (
        {"review-words": ""},
        {"review-told": ""},
        {"review-finding": ""},
        {"review-child_told": ""},
        {"review-told_day": ""},
        {"review-told_by": ""},
    ):
        second.post(f"{place}/review", {**early, **empty}, status=422)
    counsellor.post(f"{place}/review", early, status=403)
    for _ in range(2):
        second.post(f"{place}/review", early)
    assert "振り返りがおわりました" in counsellor.get(place).words
    assert "緊急の提供" not in second.get("/").words
    assert rows(system, m.Emergency)[0].finding == "right"
    assert rows(system, m.Task)[0].done_at is not None
    # Confirmed after its end it is lost, and said so.
    again = provided(counsellor, town)
    moved(system, A_DAY)
    second.post(f"{again}/confirm", {"confirm-words": ""}, status=409)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phoned_to": ""}, "電話で話した相手"),
        ({"phoned_at": "2020-01-01T10:00"}, "もう終わった電話"),
        ({"phoned_at": "きのう"}, "電話した日時"),
        ({"second": ""}, "もう1人の職員"),
        ({"statute": ""}, "もとになる条項"),
        ({"reason": "急ぎ"}, "20文字以上"),
        ({"slices": ["home"]}, "伝える項目"),
    ],
)
def test_a_refused_provision_says_why_and_opens_nothing(
    browse: Browse, town: towns.City, system: Engine, changes: dict[str, Any], words: str
) -> None:
    url = f"/cases/{town.case_id}/emergencies/{town.agencies['police']}"
    fields = provision_fields(town, **changes)
    page = browse("counsellor").submit(url, fields, status=422)
    assert words in page.words
    assert rows(system, m.Grant) == rows(system, m.Emergency) == []


def test_a_school_is_asked_about_before_an_emergency_too(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    url = f"/cases/{town.case_id}/emergencies/{town.agencies['school']}"
    fields = provision_fields(town)
    assert "見せない人がいるか" in browser.submit(url, fields, status=422).words
    named = {**fields, "whom": "unknown", "accounts": [town.accounts["nurse"]]}
    browser.submit(url, named)
    browse("nurse").get(f"/cases/{town.case_id}")
    browse("teacher").get(f"/cases/{town.case_id}", status=404)


def test_a_view_is_opened_by_reference_and_looked_at_by_the_director(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    with SystemSession(system) as session, session.begin():
        towns.add_grant(session, town, "cgc", ["basic", "safety"], subject=None, basis="CAPA6")
    officer, director = browse("cgc_worker"), browse("director")
    case = officer.get(f"/cases/{town.case_id}")
    assert "CANARY-contact" not in case.text
    assert "緊急に開く" in case.words
    fields = {"reference": "k7f-3qxr", "reason": REASON, "on_duty": "y"}
    for broken, words in (
        ({"reason": "急ぎ"}, "20文字以上"),
        ({"on_duty": ""}, "当番"),
        ({"reference": "AAA-AAAA"}, "開けるケースはありません"),
    ):
        values = {k: v for k, v in {**fields, **broken}.items() if v}
        assert words in officer.submit("/emergency", values, status=422).words
    for _ in range(2):
        assert officer.submit("/emergency", fields).location == f"/cases/{town.case_id}"
    shown = officer.get(f"/cases/{town.case_id}")
    assert "CANARY-contact" in shown.text
    assert "CANARY-home" not in shown.text
    [emergency] = rows(system, m.Emergency)
    place = f"/emergencies/{emergency.id}"
    # Whoever opened it does not read the owner's page about it.
    officer.get(place, status=403)
    assert "緊急の閲覧" in director.get("/").words
    assert REASON in director.get(place).words
    moved(system, A_DAY)
    assert "CANARY-contact" not in officer.get(f"/cases/{town.case_id}").text
    review = review_fields(town)
    director.post(f"{place}/review", review)
    assert "緊急の閲覧" not in director.get("/").words


def test_nobody_else_reaches_any_of_it(browse: Browse, town: towns.City, system: Engine) -> None:
    counsellor = browse("counsellor")
    place = provided(counsellor, town)
    url = f"/cases/{town.case_id}/permissions/{town.agencies['school']}"
    proposal = counsellor.submit(url, permission_fields()).location
    report = counsellor.submit(f"/cases/{town.case_id}/duties/new", report_fields(town)).location
    pages = (
        f"/cases/{town.case_id}/duties/new",
        f"/cases/{town.case_id}/permissions/new",
        url,
        f"/cases/{town.case_id}/emergencies/new",
        f"/cases/{town.case_id}/emergencies/{town.agencies['police']}",
        place,
        proposal,
        report,
    )
    for page in pages:
        # The case is visible to the liaison; these deeds are not for the police.
        browse("liaison").get(page, status=403)
        browse("nurse").get(page, status=403)
        counsellor.get(page)
    for person in ("nurse", "liaison", "npo_worker", "counsellor"):
        browse(person).get("/emergency", status=403)
    with SystemSession(system) as session, session.begin():
        session.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["investigator"],
            )
        )
    for page in pages:
        browse("investigator").get(page, status=404)
