"""The weekly meeting: agenda, briefs, conflicts, advice, and what its end takes away."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, select

from portal import models as m
from portal.audit import Event
from portal.config import Config
from portal.database import SystemSession
from portal.services.meetings import Name, names_left, pseudonymised
from portal.templating import today
from portal.vault import INTERNAL, Scope, create_key, equip, seal
from portal.vocabulary import SLICES
from tests import city as towns
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
TEXT = "CANARY-brief 見本あおいは、母の見本はるかと暮らす。学校では静か。"
QUESTION = "CANARY-question あおいの席替えを学校に求めてよいか。"


def rows(system: Engine, model: type[Any], *conditions: Any) -> list[Any]:
    with SystemSession(system) as session:
        found = list(session.scalars(select(model).where(*conditions)))
        session.expunge_all()
        return found


def called(browser: Browser, town: towns.City, *experts: str) -> str:
    """Call a meeting, invite experts, and return its address."""
    meeting = browser.submit("/meetings/new", {"held_on": "2026-11-25"}).location
    for name in experts:
        browser.post(f"{meeting}/experts", {"account": town.accounts[name]})
    return meeting


def written(browser: Browser, town: towns.City, meeting: str, **changes: str) -> str:
    """Write the brief of the case, and return its address."""
    fields = {"question": QUESTION, "text": TEXT, "parties": "CANARY-party 見本あおい", **changes}
    return browser.submit(f"{meeting}/cases/{town.case_id}/brief", fields).location


def released(browser: Browser, town: towns.City, meeting: str) -> str:
    brief = written(browser, town, meeting)
    browser.post(f"{brief}/release", {"looked_through": "y"})
    return brief


def declared(expert: Browser, conflict: str = "no") -> Page:
    """Declare at the first matter before an expert."""
    page = expert.get("/advice")
    assert page.tree is not None
    [url] = page.tree.xpath("//a[contains(@href, '/advice/parties/')]/@href")
    return expert.submit(url, {"conflict": conflict})


def advice_url(brief: str) -> str:
    return brief.replace("/briefs/", "/advice/briefs/")


# ---------------------------------------------------------------------------------- pseudonyms


def test_registered_names_are_replaced_and_other_spellings_found() -> None:
    names = [
        Name("髙橋 みなと", "本人"),
        Name("みなと", "本人"),
        Name("髙橋", "○○"),
        Name("海", "本人"),
    ]
    text = pseudonymised("髙橋 みなと（みなと）は海が好き。高橋家は3人。", names)
    assert text == "本人（本人）は海が好き。高橋家は3人。"
    # Another spelling is not replaced, but found by its sound; one character is only pointed out.
    assert names_left(text, names) == ["海", "髙橋"]
    assert names_left("ミナトさんは、げんき。", names) == ["みなと"]
    assert names_left("本人は、げんき。", names) == []


def test_a_brief_is_saved_without_names(browse: Browse, town: towns.City) -> None:
    browser = browse("counsellor")
    brief = written(browser, town, called(browser, town))
    page = browser.get(brief)
    assert "CANARY-brief 本人は、母の保護者Aと暮らす。" in page.words
    assert "CANARY-question 本人の席替え" in page.words
    assert "見本あおい" not in page.words


def test_a_name_that_is_left_is_looked_at_before_the_release(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    brief = written(browser, town, called(browser, town), text="アオイさんのこと")
    page = browser.get(brief)
    assert "登録された名前が残っています" in page.words
    refused = browser.post(f"{brief}/release", page.form("/release"), status=422)
    assert "見て確かめてから" in refused.words
    assert rows(system, m.BriefParty)[0].released_at is None
    browser.post(f"{brief}/release", {**page.form("/release"), "looked_through": "y"})
    assert rows(system, m.BriefParty)[0].released_at is not None


def test_without_a_name_no_statement_is_asked(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    brief = written(browser, town, called(browser, town), text="本人のこと", question="どうするか")
    page = browser.get(brief)
    assert "登録された名前が残っています" not in page.words
    browser.post(f"{brief}/release", page.form("/release"))
    assert rows(system, m.BriefParty)[0].released_at is not None


# ------------------------------------------------------------------------------------- the experts


def test_an_expert_sees_names_first_and_the_brief_only_without_a_conflict(
    browse: Browse, town: towns.City
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    meeting = called(browser, town, "lawyer")
    brief = written(browser, town, meeting)
    # A draft is before nobody.
    assert "いま、あなたの前に案件はありません" in lawyer.get("/advice").words
    browser.post(f"{brief}/release", {"looked_through": "y"})
    page = lawyer.get("/advice")
    assert "CANARY-party" in page.text
    assert "CANARY-brief" not in page.text
    assert "CANARY-question" not in page.text
    lawyer.get(advice_url(brief), status=404)
    shown = lawyer.follow(declared(lawyer))
    assert "CANARY-brief" in shown.text
    assert "依頼を受けたものではありません" in shown.words
    # Never a slice: the case itself stays closed to an expert.
    lawyer.get(f"/cases/{town.case_id}", status=403)


def test_a_conflict_closes_the_case_to_the_expert(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    brief = released(browser, town, called(browser, town, "lawyer"))
    declared(lawyer, "yes")
    assert "CANARY" not in lawyer.get("/advice").text
    lawyer.get(advice_url(brief), status=404)
    [exclusion] = rows(system, m.Exclusion)
    assert exclusion.account_id == town.accounts["lawyer"]
    # In the next meeting too.
    released(browser, town, called(browser, town, "lawyer"))
    assert "CANARY" not in lawyer.get("/advice").text
    assert "見本 lawyer" in browser.get(f"/cases/{town.case_id}/consents").words


def test_who_is_not_invited_or_is_excluded_sees_nothing(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    brief = released(browser, town, called(browser, town))
    assert "CANARY" not in lawyer.get("/advice").text
    lawyer.get(advice_url(brief), status=404)
    # The control: invited, the expert sees the parties; excluded, not any more.
    [meeting] = rows(system, m.Meeting)
    browser.post(f"/meetings/{meeting.id}/experts", {"account": town.accounts["lawyer"]})
    assert "CANARY-party" in lawyer.get("/advice").text
    declared(lawyer)
    with SystemSession(system) as session, session.begin():
        session.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["lawyer"],
            )
        )
    lawyer.get(advice_url(brief), status=404)
    assert "CANARY" not in lawyer.get("/advice").text


def test_the_end_of_the_meeting_takes_the_briefs_away(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    meeting = called(browser, town, "lawyer")
    brief = released(browser, town, meeting)
    declared(lawyer)
    lawyer.get(advice_url(brief))
    browser.submit(f"{meeting}/close", {"reason": "no_time"})
    lawyer.get(advice_url(brief), status=404)
    assert "CANARY" not in lawyer.get("/advice").text
    # The centre keeps it, and nothing more is written or released in a closed meeting.
    assert "CANARY-brief" in browser.get(brief).text
    refused = browser.post(f"{brief}/release", {}, status=422)
    assert "もう終わっています" in refused.words
    other = browser.submit(
        f"{meeting}/cases/{town.case_id}/brief",
        {"question": "q", "text": "t", "parties": "p"},
        status=422,
    )
    assert "もう終わっています" in other.words


def test_a_brief_not_yet_released_never_is_after_the_end(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    meeting = called(browser, town, "lawyer")
    brief = written(browser, town, meeting)
    browser.submit(f"{meeting}/close", {"reason": "no_time"})
    refused = browser.post(f"{brief}/release", {"looked_through": "y"}, status=422)
    assert "もう終わっています" in refused.words
    assert "CANARY" not in lawyer.get("/advice").text


def test_advice_and_assent_reach_the_centre(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    meeting = called(browser, town, "lawyer")
    brief = released(browser, town, meeting)
    assert "0 / 1" in browser.get(meeting).words
    declared(lawyer)
    url = advice_url(brief)
    empty = lawyer.submit(url, {"assent": "advice"}, status=422)
    assert "助言を入力してください" in empty.words
    fields = {**lawyer.get(url).form(), "assent": "advice", "text": "CANARY-advice 求めてよい。"}
    for _ in range(2):
        lawyer.post(url, fields)
    assert "CANARY-advice" in lawyer.get(url).text
    assert "CANARY-advice" in browser.get(f"/cases/{town.case_id}/advice").text
    assert "1 / 1" in browser.get(meeting).words
    assert len(rows(system, m.Advice)) == 1
    # No other agency reads advice, whatever is shared.
    with SystemSession(system) as session, session.begin():
        towns.add_grant(session, town, "school", ["basic", "advice"])
    browse("nurse").get(f"/cases/{town.case_id}/advice", status=403)


def test_an_expert_goes_from_one_brief_to_the_next(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        other_id = towns.add_case(session, town, "AAA-AAA").id
        equip(session, config.keys)
        for slice_ in (*SLICES, INTERNAL):
            create_key(session, Scope("slice", other_id, slice_))
    browser, lawyer = browse("counsellor"), browse("lawyer")
    meeting = called(browser, town, "lawyer")
    released(browser, town, meeting)
    fields = {"question": "q", "text": "t", "parties": "だれか"}
    second = browser.submit(f"{meeting}/cases/{other_id}/brief", fields).location
    browser.post(f"{second}/release", {"looked_through": "y"})
    desk = lawyer.get("/advice")
    assert desk.tree is not None
    onward, answered = desk.tree.xpath("//a[contains(@href, '/advice/parties/')]/@href")[:1], 0
    while onward:
        brief = lawyer.submit(onward[0], {"conflict": "no"}).location
        lawyer.submit(brief, {"assent": "assent"})
        answered += 1
        shown = lawyer.get(brief)
        assert shown.tree is not None
        onward = shown.tree.xpath("//main//a[contains(., 'つぎの資料へ')]/@href")
    assert answered == 2
    assert "すべて答えました" in shown.words


def test_an_action_tells_the_centre_of_the_advice_that_led_to_it(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    brief = released(browser, town, called(browser, town, "lawyer"))
    declared(lawyer)
    lawyer.submit(advice_url(brief), {"assent": "advice", "text": "席を見直してはどうか。"})
    with SystemSession(system) as session, session.begin():
        towns.add_grant(session, town, "school", ["basic"])
    page = browser.get(f"/cases/{town.case_id}/advice")
    assert page.tree is not None
    [ask] = page.tree.xpath("//a[contains(@href, 'advice=')]/@href")
    wanted = {"agency": town.agencies["school"], "request": "席を見直す"}
    due = (today() + dt.timedelta(days=7)).isoformat()
    browser.submit(ask, {**wanted, "due_on": due})
    [action] = rows(system, m.Action)
    assert action.advice_id == rows(system, m.Advice)[0].id
    assert "この助言から依頼" in browser.get(f"/cases/{town.case_id}/advice").words
    assert "専門家の助言を受けた依頼" in browser.get(f"/actions/{action.id}").words
    # The school is asked, and learns nothing of experts.
    assert "助言" not in browse("nurse").get(f"/actions/{action.id}").words
    # Advice on another case, or none at all, leads to nothing.
    forged = ask.split("?")[0] + f"?advice={uuid.uuid4()}"
    browser.submit(forged, {**wanted, "due_on": due}, status=404)


def test_saying_nothing_more_is_an_answer_too(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    brief = released(browser, town, called(browser, town, "lawyer"))
    declared(lawyer)
    lawyer.submit(advice_url(brief), {"assent": "assent"})
    [advice] = rows(system, m.Advice)
    assert advice.assent
    assert "了承（意見なし）" in browser.get(f"/cases/{town.case_id}/advice").words


# --------------------------------------------------------------------------------------- the centre


def test_the_agenda_leaves_no_open_case_out(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        for reference, closed in (("AAA-AAA", None), ("BBB-BBB", towns.LONG_AGO)):
            towns.add_case(session, town, reference, closed_at=closed)
    browser = browse("counsellor")
    meeting = called(browser, town)
    page = browser.get(meeting)
    assert "K7F-3QXR" in page.words
    assert "AAA-AAA" in page.words
    assert "BBB-BBB" not in page.words
    assert "0 / 2" in page.words


def test_the_briefs_of_a_meeting_follow_one_another_as_on_its_agenda(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    with SystemSession(system) as session, session.begin():
        a_day_later = session.get_one(m.Case, town.case_id).opened_at + dt.timedelta(days=1)
        later_id = towns.add_case(session, town, "AAA-AAA", opened_at=a_day_later).id
    browser = browse("counsellor")
    meeting, elsewhere = called(browser, town), called(browser, town)
    first = written(browser, town, meeting)
    fields = {"question": QUESTION, "text": TEXT, "parties": "見本あおい"}
    last = browser.submit(f"{meeting}/cases/{later_id}/brief", fields).location
    # That of another meeting is not among them.
    browser.submit(f"{elsewhere}/cases/{later_id}/brief", fields)
    for brief, following in ((first, [f"{last}#main"]), (last, [])):
        page = browser.get(brief)
        assert page.tree is not None
        assert page.tree.xpath("//main//a[contains(., 'つぎの資料へ')]/@href") == following


def test_a_case_knows_its_child_and_its_last_advice_on_the_agenda(
    browse: Browse, town: towns.City
) -> None:
    browser, lawyer = browse("counsellor"), browse("lawyer")
    brief = released(browser, town, called(browser, town, "lawyer"))
    declared(lawyer)
    lawyer.submit(advice_url(brief), {"assent": "assent"})
    page = browser.get(called(browser, town))
    assert "K7F-3QXR あおい" in " ".join(page.words.split())
    assert "前の助言" in page.words


def test_a_meeting_ends_only_with_a_reason_and_a_day_for_what_is_left(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    meeting = called(browser, town)
    refused = browser.submit(f"{meeting}/close", {}, status=422)
    assert "持ち越す理由を選んでください" in refused.words
    early = {"reason": "no_time", "until_on": "2026-11-25"}
    assert "会議の日よりあと" in browser.submit(f"{meeting}/close", early, status=422).words
    assert rows(system, m.Meeting)[0].closed_at is None
    browser.submit(f"{meeting}/close", {"reason": "wish_awaited"})
    [outcome] = rows(system, m.MatterOutcome)
    assert (outcome.case_id, outcome.reason) == (town.case_id, "wish_awaited")
    assert rows(system, m.Meeting)[0].closed_at is not None
    # The next meeting has it again, and says what was said of it.
    page = browser.get(called(browser, town))
    assert "前の会議では持ち越しました（本人の返事を待っている）" in page.words
    assert "残り 1件" in page.words


def test_the_log_says_what_a_page_listed_and_no_more(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    def listed() -> int:
        return len(rows(system, m.AuditEvent, m.AuditEvent.event == Event.CASE_LISTED))

    browser = browse("counsellor")
    meeting = called(browser, town)
    before = listed()
    browser.get(f"{meeting}/close")
    assert listed() == before, "the close shows numbers, no case"
    # The control: the agenda does show them.
    browser.get(meeting)
    assert listed() == before + 1


def test_a_case_is_put_off_alone_and_the_last_word_counts(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    meeting = called(browser, town)
    url = f"{meeting}/cases/{town.case_id}/put-off"
    browser.submit(url, {"reason": "no_time"})
    browser.submit(url, {"reason": "unchanged"})
    [outcome] = rows(system, m.MatterOutcome)
    assert outcome.reason == "unchanged"
    assert "前の会議から変わりがない" in browser.get(meeting).words
    # Nothing is left, so nothing more is asked; and a closed meeting is as it was.
    browser.submit(f"{meeting}/close", {})
    assert "もう終わっています" in browser.submit(url, {"reason": "no_time"}, status=422).words
    assert "K7F-3QXR" in browser.get(meeting).words


def test_a_consultation_without_a_case_is_before_the_meeting_until_it_is_talked_over(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        for_centre = towns.add_consultation(session, town, "centre", hours=5).id
    browser = browse("counsellor")
    meeting = called(browser, town)
    page = browser.get(meeting)
    assert "ケースになっていない相談" in page.words
    assert "0 / 2" in page.words
    browser.submit(f"{meeting}/consultations/{for_centre}/put-off", {"reason": "not_ready"})
    assert "必要な情報がそろっていない" in browser.get(meeting).words
    browser.submit(f"{meeting}/close", {"reason": "no_time"})
    later = called(browser, town)
    browser.post(f"{later}/consultations/{for_centre}/talked-over", browser.get(later).form())
    assert "1 / 2" in browser.get(later).words
    browser.submit(f"{later}/close", {"reason": "no_time"})
    # Talked over once, it is not before the next one.
    assert "ケースになっていない相談" not in browser.get(called(browser, town)).words


def test_whoever_is_excluded_closes_without_learning_of_the_case(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    meeting = called(browser, town)
    browser.submit(f"{meeting}/cases/{town.case_id}/put-off", {"reason": "no_time"})
    with SystemSession(system) as session, session.begin():
        session.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["investigator"],
            )
        )
    investigator = browse("investigator")
    page = investigator.get(meeting)
    assert "K7F-3QXR" not in page.words
    assert "0 / 0" in page.words
    investigator.get(f"{meeting}/cases/{town.case_id}/put-off", status=404)
    # The control: the counsellor is told of it.
    assert "0 / 1" in browser.get(meeting).words


def test_a_double_sending_is_one_meeting_and_one_brief(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    fields = {**browser.get("/meetings/new").form(), "held_on": "2026-11-25"}
    meeting = [browser.post("/meetings/new", fields).location for _ in range(2)]
    assert meeting[0] == meeting[1]
    url = f"{meeting[0]}/cases/{town.case_id}/brief"
    filled = {**browser.get(url).form(), "question": "q", "text": "t"}
    brief = [browser.post(url, filled).location for _ in range(2)]
    assert brief[0] == brief[1]
    assert (len(rows(system, m.Meeting)), len(rows(system, m.Brief))) == (1, 1)
    # Another brief of the same case in the same meeting is refused.
    again = {**filled, "submission": uuid.uuid4()}
    assert "もうあります" in browser.post(url, again, status=422).words


def test_a_lost_edit_shows_both_texts_and_keeps_mine(browse: Browse, town: towns.City) -> None:
    browser, other = browse("counsellor"), browse("director")
    brief = written(browser, town, called(browser, town))
    mine = browser.get(f"{brief}/edit").form()
    other.submit(f"{brief}/edit", {"text": "THEIRS 先に書いた"})
    lost = browser.post(f"{brief}/edit", {**mine, "text": "MINE あとから書いた"}, status=409)
    assert "THEIRS 先に書いた" in lost.words
    assert lost.form("")["text"].strip() == "MINE あとから書いた"
    assert "THEIRS" in browser.get(brief).words
    # Sent again against what is shown now, it is saved.
    browser.post(f"{brief}/edit", {**lost.form(""), "csrf_token": browser.token()})
    assert "MINE" in browser.get(brief).words


def test_only_experts_are_invited(browse: Browse, town: towns.City, system: Engine) -> None:
    browser = browse("counsellor")
    meeting = called(browser, town)
    refused = browser.post(f"{meeting}/experts", {"account": town.accounts["nurse"]}, status=422)
    assert "専門家" in refused.words
    for _ in range(2):
        browser.post(f"{meeting}/experts", {"account": town.accounts["lawyer"]})
    assert len(rows(system, m.MeetingExpert)) == 1


def test_nobody_else_sees_meetings(browse: Browse, town: towns.City) -> None:
    browser = browse("counsellor")
    meeting = called(browser, town, "lawyer")
    brief = released(browser, town, meeting)
    for person in ("nurse", "lawyer", "clerk"):
        for url in ("/meetings", meeting, brief, f"{brief}/edit"):
            browse(person).get(url, status=403)
    for person in ("nurse", "counsellor"):
        browse(person).get("/advice", status=403)
    browser.get(f"/meetings/{uuid.uuid4()}", status=404)


def test_an_excluded_counsellor_does_not_see_the_brief(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    browser = browse("counsellor")
    meeting = called(browser, town)
    brief = released(browser, town, meeting)
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        excluded = m.Exclusion(
            case_id=town.case_id,
            owner_agency_id=town.agencies["centre"],
            account_id=town.accounts["investigator"],
        )
        seal(session, excluded, reason="親族")
        session.add(excluded)
    investigator = browse("investigator")
    assert "K7F-3QXR" not in investigator.get(meeting).words
    for url in (brief, f"{brief}/edit", f"{meeting}/cases/{town.case_id}/brief"):
        investigator.get(url, status=404)
    # The control: the same pages for the counsellor.
    browser.get(brief)
