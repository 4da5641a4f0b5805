"""The consents area over HTTP: the child's screen, preview, sharing, duties, denials."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.policy.terms import clock
from portal.unit import Portal
from portal.vault import equip, seal
from portal.working_hours import fiscal_year, jst
from tests import city as towns
from tests.counting import assert_constant
from tests.second_factor import give_codes, next_code
from tests.web import Browser, Page

Browse = Callable[[str], Browser]


@pytest.fixture
def town(town: towns.City, config: Config, system: Engine) -> towns.City:
    """Return the small city with entries to share and the necessity of sharing recorded."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        record_necessity(session, town)
        for slice_, text, subject in (
            ("basic", "CANARY-basic 見本あおい 3年1組", "child"),
            ("school", "CANARY-school 休み時間は図書室", "child"),
            ("home", "CANARY-home おうちの話", "child"),
            ("welfare", "CANARY-mother 家計の話", "mother"),
        ):
            towns.add_entry(session, town, slice_=slice_, text=text, subject=subject)
        return town


def record_necessity(session: Session, town: towns.City) -> None:
    record = m.NecessityRecord(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        necessity="agencies_needed",
        recorded_by=town.accounts["counsellor"],
    )
    seal(session, record, grounds="学校の協力がいる。")
    session.add(record)


def rows(system: Engine, model: type[Any], *conditions: Any) -> list[Any]:
    with SystemSession(system) as session:
        found = list(session.scalars(select(model).where(*conditions)))
        session.expunge_all()
        return found


def start(browser: Browser, town: towns.City, *agencies: str, giver: str = "child") -> str:
    """Ask somebody about agencies, and return the address of the person's screen."""
    answer = browser.submit(
        f"/cases/{town.case_id}/consents/new",
        {
            "giver": town.persons[giver],
            "agencies": [str(town.agencies[name]) for name in agencies],
            "method": "screen",
        },
    )
    assert answer.location.endswith("/answers")
    return answer.location


def question(town: towns.City, agency: str, bundle: str) -> str:
    return f"q-{town.agencies[agency].hex}-{bundle}"


def answered(
    browser: Browser, town: towns.City, agency: str, *yes: str, giver: str = "child", **more: str
) -> str:
    """Ask about one agency, say yes to some bundles, and return the consent's address."""
    screen = start(browser, town, agency, giver=giver)
    said = {question(town, agency, bundle): "yes" for bundle in yes}
    browser.submit(screen, {**said, "said_back": "言っていいよ。", **more})
    browser.takes_the_screen_back()
    return screen.removesuffix("/answers")


def share(browser: Browser, town: towns.City, agency: str, *yes: str, giver: str = "child") -> None:
    """Ask, answer, preview and share with one agency."""
    place = f"{answered(browser, town, agency, *yes, giver=giver)}/agencies/{town.agencies[agency]}"
    asked = "?asked=none" if "school" in agency else ""
    page = browser.get(place + asked)
    browser.post(f"{place}/share", page.form("/share"))


# ------------------------------------------------------------------------------ the child's screen


def test_a_screen_turned_round_opens_nothing_else_until_a_factor_is_proven(
    browse: Browse, town: towns.City, config: Config, system: Engine
) -> None:
    """Whoever holds the tablet sees the one consent, whatever they press or type (S5)."""
    give_codes(system, config.keys, town, "counsellor")
    browser = browse("counsellor")
    case = f"/cases/{town.case_id}"
    other = start(browser, town, "cafeteria")
    screen = start(browser, town, "school")
    assert "K7F-3QXR" in browser.get(case).text, "the screen is still the counsellor's"
    browser.get(screen)
    consent = screen.removesuffix("/answers")
    for url in (case, "/", "/inbox", "/switch", "/password", consent, other, "/second-factor/own"):
        assert browser.get(url, 302).location.startswith("/handed-back")
    browser.post(f"{case}/entries/new", {}, 401)
    # What was asked goes on, and the way out is another person's proof.
    said = {question(town, "school", "school"): "yes", "said_back": "言っていいよ。"}
    done = browser.submit(screen, said)
    assert "えらんだこと" in browser.follow(done).words
    asked = browser.get(consent, 302).location
    page = browser.get(asked)
    assert page.tree is not None
    assert page.tree.xpath("//nav") == []
    assert "K7F-3QXR" not in page.text
    wrong = browser.submit(asked, {"step_up_code": "00000-00000"}, 422)
    assert "確かめられませんでした" in wrong.words
    assert browser.get(case, 302).location.startswith("/handed-back")
    proven = browser.submit(asked, {"step_up_code": next_code("counsellor@example.jp")})
    assert proven.location == consent
    assert "K7F-3QXR" in browser.get(case).text
    assert browser.get("/handed-back", 302).location == "/"


def test_by_phone_and_on_paper_the_screen_stays_with_the_staff(
    browse: Browse, town: towns.City
) -> None:
    browser = browse("counsellor")
    for method in ("oral", "paper"):
        answer = browser.submit(
            f"/cases/{town.case_id}/consents/new",
            {
                "giver": town.persons["child"],
                "agencies": [str(town.agencies["school"])],
                "method": method,
                "witness": str(town.accounts["investigator"]),
            },
        )
        page = browser.get(answer.location)
        assert ("紙に印刷する" in page.words) is (method == "paper")
        browser.get(f"{answer.location.removesuffix('/answers')}/answers")
        browser.get(f"/cases/{town.case_id}")


def test_the_childs_screen_has_nothing_chosen_before_and_furigana(
    browse: Browse, town: towns.City
) -> None:
    browser = browse("counsellor")
    screen = start(browser, town, "school", "cafeteria")
    questions = 0
    for card in range(4):
        page = browser.get(f"{screen}?card={card}")
        assert page.tree is not None
        questions += len(page.tree.xpath("//fieldset[@class='child-choice']"))
        assert page.tree.xpath("//main//input[@checked]") == []
        # Every kanji that is ours is read out; names of agencies and people are what they are.
        for element in page.tree.xpath("//main//rt | //main//rp | //main//option"):
            element.text = ""
        main = page.tree.xpath("//main")[0]
        for ruby in main.xpath(".//ruby"):
            ruby.drop_tree()
        words = main.text_content().replace("見本第一小学校", "").replace("食堂みほん", "")
        assert re.findall(r"[一-龯]+", re.sub(r"\d+(年|月)|\d+日（.）", "", words)) == []
        assert "おてんきメモ" in page.text
    assert questions == 5
    # The words of the cafeteria are about the watch points, and it is told no grade.
    assert "よばれたい" in browser.get(f"{screen}?card=1").words


def test_a_screen_put_away_is_resumed_where_it_was_and_opens_nothing(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    screen = start(browser, town, "school", "welfare")
    assert "きめて いいです" in browser.get(screen).words.replace(
        "きめていいです", "きめて いいです"
    )
    first = browser.submit(screen, {})
    assert first.location.endswith("card=1")
    about_school = {
        question(town, "school", bundle): said
        for bundle, said in (
            ("school", "yes"),
            ("home", "no"),
            ("health", "later"),
            ("watch", "yes"),
        )
    }
    second = browser.submit(first.location, about_school)
    assert second.location.endswith("card=2")
    stopped = browser.post(screen, {"card": "2", "step": "stop", "x": "y"})
    assert "のこしました" in browser.follow(stopped).words
    assert rows(system, m.ConsentItem) == []
    assert [e.state for e in rows(system, m.ConsentEvent) if e.agency_id is None] == ["explained"]
    # Nobody else finds a word of it, and it goes on at the card that has no answer yet.
    page = browser.get(screen)
    assert "見本区福祉課" in page.words
    assert page.tree is not None
    assert "2 / 2" in page.words
    kept = browser.get(f"{screen}?card=1")
    assert kept.tree is not None
    assert kept.tree.xpath(
        f"//input[@name='{question(town, 'school', 'home')}'][@checked]/@value"
    ) == ["no"]
    last = browser.get(f"{screen}?card=3")
    assert "つたえないで" in last.words
    browser.post(screen, {"card": "3", "step": "finish"}, status=422)
    browser.post(screen, {"card": "3", "step": "finish", "said_back": "学校だけ、いいよ。"})
    items = {(i.bundle, i.answer) for i in rows(system, m.ConsentItem)}
    assert {("school", "yes"), ("home", "no"), ("living", "later")} <= items


def test_by_phone_the_note_of_the_day_stands_in_for_the_second_person(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    answer = browser.submit(
        f"/cases/{town.case_id}/consents/new",
        {
            "giver": town.persons["child"],
            "agencies": [str(town.agencies["school"])],
            "method": "oral",
        },
    )
    screen = answer.location
    assert "読み上げ" in re.sub(r"（[ぁ-ん]+）", "", browser.get(screen).words)
    said = {question(town, "school", "school"): "yes", "said_back": "いいよ"}
    refused = browser.post(screen, said, status=422)
    assert "その日の記録" in refused.words
    done = browser.post(screen, {**said, "note": "14時に電話し、読み上げて確かめた。"})
    assert done.location == screen.removesuffix("/answers"), "nobody has a screen to give back"
    [consent] = rows(system, m.Consent)
    assert "14時に電話し" in browser.get(f"/consents/{consent.id}").words


def test_a_guardian_is_asked_in_words_for_adults(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    page = browser.get(start(browser, town, "school", giver="mother"))
    assert "あなた自身の情報だけ" in page.words
    assert "だいじょうぶ" not in page.words
    browser.takes_the_screen_back()
    screen = start(browser, town, "welfare", giver="mother")
    assert "暮らしやお金のこと" in browser.get(f"{screen}?card=1").words
    wordings = {w.level: w.body for w in rows(system, m.Wording)}
    assert "不利になることはありません" in wordings["guardian"]


def younger(system: Engine, config: Config, town: towns.City, years: int) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        seal(
            session, session.get_one(m.Person, town.persons["child"]), birth_date=towns.born(years)
        )


def record_authority(browser: Browser, town: towns.City, **said: str) -> None:
    place = f"/cases/{town.case_id}/people/{town.persons['mother']}/guardian"
    browser.submit(place, {"authority": "sole", "lives_with": "y", **said})


def test_a_share_says_whose_word_is_missing(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    younger(system, config, town, 13)
    browser = browse("counsellor")
    assert "だれが親権者か" in browser.get(f"/cases/{town.case_id}/consents/new").words
    place = f"{answered(browser, town, 'welfare', 'living')}/agencies/{town.agencies['welfare']}"
    assert "だれが親権者か" in browser.get(place).words
    record_authority(browser, town)
    page = browser.get(place)
    assert "先に聞いてください" in page.words
    assert "はるか" in page.words
    browser.post(f"{place}/share", {}, status=422)
    short = browser.post(f"{place}/objection", {"objection-words": "いや"}, status=422)
    assert "20文字以上" in short.words
    reason = "進路のことで、自分の言葉で先に母へ話したいと本人が言っている。"
    browser.post(f"{place}/objection", {"objection-words": reason})
    browser.post(f"{place}/share", browser.get(place).form("/share"))
    assert len(rows(system, m.Grant)) == 1


def test_a_concerned_guardian_is_never_offered_and_the_law_is_left(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    younger(system, config, town, 8)
    browser = browse("counsellor")
    url = f"/cases/{town.case_id}/consents/new"
    mother = f'value="{town.persons["mother"]}"'
    assert mother in browser.get(url).text
    record_authority(browser, town, concerned="y")
    page = browser.get(url)
    assert mother not in page.text
    assert "聞かず、知らせない人" in page.words
    assert "法律にもとづく共有です" in page.words
    place = f"{answered(browser, town, 'welfare', 'living')}/agencies/{town.agencies['welfare']}"
    assert "残っているのは法律にもとづく共有です" in browser.get(place).words
    people = browser.get(f"/cases/{town.case_id}/people")
    assert f"{town.persons['mother']}/code" not in people.text
    browser.submit(
        f"/cases/{town.case_id}/people/{town.persons['mother']}/code", {"secret": "あさがお"}, 422
    )
    # A child is nobody's guardian.
    browser.get(f"/cases/{town.case_id}/people/{town.persons['child']}/guardian", status=404)


def test_what_was_answered_is_kept_and_no_agency_sees_anything_yet(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    screen = start(browser, town, "school", "welfare")
    page = browser.submit(
        screen,
        {
            question(town, "school", "school"): "yes",
            question(town, "school", "home"): "no",
            "months": "3",
            "said_back": "学校のことは言っていい。",
        },
    )
    assert page.location.endswith("/hand-back")
    thanks = browser.get(page.location)
    assert "ありがとう" in thanks.words
    assert "K7F" not in thanks.text
    items = {(i.agency_id, i.bundle): i.answer for i in rows(system, m.ConsentItem)}
    assert items[town.agencies["school"], "school"] == "yes"
    assert items[town.agencies["school"], "home"] == "no"
    # Silence is later.
    assert items[town.agencies["welfare"], "living"] == "later"
    assert rows(system, m.Grant) == []
    browser.takes_the_screen_back()
    assert "見本第一小学校" in browser.get(f"/cases/{town.case_id}/consents").words


def test_a_refused_screen_keeps_what_was_said(browse: Browse, town: towns.City) -> None:
    browser = browse("counsellor")
    screen = start(browser, town, "school")
    name = question(town, "school", "school")
    browser.submit(f"{screen}?card=1", {name: "yes"})
    wish = {"not_to_tell": "たんにんの先生", "step": "finish"}
    page = browser.post(screen, wish, status=422)
    assert "ここに かいてね。" in page.words
    assert "もういちど みてね" in page.words
    assert "入力を確認" not in page.words
    assert "たんにんの先生" in page.words
    assert "つたえていい" in page.words
    # The control: said back, it is taken.
    browser.post(screen, {**wish, "said_back": "いいよ"})


def test_a_consent_is_answered_once_however_often_it_is_sent(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    screen = start(browser, town, "school")
    fields = {**browser.get(screen).form(), question(town, "school", "school"): "no"}
    browser.post(screen, fields)
    browser.post(screen, {**fields, question(town, "school", "school"): "yes", "said_back": "え"})
    said = [i.answer for i in rows(system, m.ConsentItem, m.ConsentItem.bundle == "school")]
    assert said == ["no"]
    assert browser.get(screen, status=302).location.endswith("/hand-back")


def test_a_double_start_is_one_consent(browse: Browse, town: towns.City, system: Engine) -> None:
    browser = browse("counsellor")
    page = browser.get(f"/cases/{town.case_id}/consents/new")
    fields = {
        **page.form(),
        "giver": town.persons["child"],
        "agencies": str(town.agencies["school"]),
        "method": "screen",
    }
    answers = [browser.post(f"/cases/{town.case_id}/consents/new", fields) for _ in range(2)]
    assert answers[0].location == answers[1].location
    assert len(rows(system, m.Consent)) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"giver": ""}, "だれに聞くかを選んで"),
        ({"giver": "x"}, "だれに聞きますか："),
        ({"agencies": []}, "機関を1つ以上"),
        ({"agencies": ["not-an-id"]}, "どの機関について聞きますか："),
        ({"method": ""}, "聞き方を選んで"),
    ],
)
def test_a_refused_start_says_why(
    browse: Browse, town: towns.City, changes: dict[str, Any], words: str
) -> None:
    values = {
        "giver": town.persons["child"],
        "agencies": [str(town.agencies["school"])],
        "method": "screen",
    }
    page = browse("counsellor").submit(
        f"/cases/{town.case_id}/consents/new", {**values, **changes}, status=422
    )
    assert words in page.words


# ----------------------------------------------------------------------------- preview and sharing


def test_a_school_is_previewed_only_when_it_is_said_whom_not_to_show(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    place = f"{answered(browser, town, 'school', 'school')}/agencies/{town.agencies['school']}"
    page = browser.get(place)
    assert "CANARY" not in page.text
    assert "見せない人" in page.words
    refused = browser.post(f"{place}/share", {}, status=422)
    assert "先に選んでください" in refused.words
    assert rows(system, m.Grant) == []

    answer = browser.post(f"{place}/readers", {**page.form("/readers"), "readers-whom": "none"})
    page = browser.follow(answer)
    assert "CANARY-basic" in page.text
    assert "CANARY-school" in page.text
    assert "CANARY-home" not in page.text
    assert "新しく見える" in page.words
    assert "見本 nurse" in page.words
    browser.post(f"{place}/share", page.form("/share"))
    nurse = browse("nurse").get(f"/cases/{town.case_id}")
    assert "CANARY-school" in nurse.text
    assert "CANARY-home" not in nurse.text


def test_who_is_named_sees_nothing_and_the_preview_says_so(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    place = f"{answered(browser, town, 'school', 'school')}/agencies/{town.agencies['school']}"
    fields = browser.get(place).form("/readers")
    refused = browser.post(f"{place}/readers", {**fields, "readers-whom": "names"}, status=422)
    assert "職員を選んでください" in refused.words
    answer = browser.post(
        f"{place}/readers",
        {
            **fields,
            "readers-whom": "names",
            "readers-accounts": [str(town.accounts["teacher"])],
            "readers-why_hidden": "申立てのあった教職員",
        },
    )
    page = browser.follow(answer)
    assert "読めない人" in page.words
    browser.post(f"{place}/share", page.form("/share"))
    browse("teacher").get(f"/cases/{town.case_id}", status=404)
    # The control: the nurse of the same team reads.
    browse("nurse").get(f"/cases/{town.case_id}")
    assert len(rows(system, m.Exclusion)) == 1


def test_not_known_yet_means_only_whom_the_centre_names(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    place = f"{answered(browser, town, 'school', 'school')}/agencies/{town.agencies['school']}"
    answer = browser.post(
        f"{place}/readers",
        {
            **browser.get(place).form("/readers"),
            "readers-whom": "unknown",
            "readers-accounts": [str(town.accounts["nurse"])],
        },
    )
    browser.post(f"{place}/share", browser.follow(answer).form("/share"))
    [grant] = rows(system, m.Grant)
    assert grant.account_ids == [town.accounts["nurse"]]
    browse("nurse").get(f"/cases/{town.case_id}")
    browse("teacher").get(f"/cases/{town.case_id}", status=404)


def test_an_agency_without_readers_is_said_to_have_none(browse: Browse, town: towns.City) -> None:
    browser = browse("counsellor")
    place = f"{answered(browser, town, 'welfare', 'living')}/agencies/{town.agencies['welfare']}"
    assert "見る人がいません" not in browser.get(place).words
    for name in ("officer",):
        exclude(browser, town, "welfare", name)
    assert "見る人がいません" in browser.get(place).words


def exclude(browser: Browser, town: towns.City, agency: str, person: str) -> None:
    found = browser.post(
        f"/cases/{town.case_id}/exclusions/new",
        {"agency": town.agencies[agency], "typed": person},
        status=200,
    )
    fields = found.form("/exclusions")
    answer = {"found-account": town.accounts[person], "found-reason": "親族のため"}
    browser.post(f"/cases/{town.case_id}/exclusions", {**fields, **answer})


def test_the_preview_of_a_yes_to_nothing_is_refused_with_the_reason(
    browse: Browse, town: towns.City
) -> None:
    browser = browse("counsellor")
    consent = answered(browser, town, "welfare")
    page = browser.get(f"{consent}/agencies/{town.agencies['welfare']}")
    assert "「つたえていい」と言われていないため" in page.words
    # An agency that was not asked about is not there at all.
    browser.get(f"{consent}/agencies/{town.agencies['cgc']}", status=404)


def test_no_share_before_the_necessity_is_recorded(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        for record in session.scalars(select(m.NecessityRecord)):
            session.delete(record)
    browser = browse("counsellor")
    asking = browser.get(f"/cases/{town.case_id}/consents/new").words
    assert "記録するまで共有はできません" in asking
    consent = answered(browser, town, "welfare", "living")
    place = f"{consent}/agencies/{town.agencies['welfare']}"
    assert "必要性がまだ記録されていません" in browser.get(place).words
    browser.post(f"{place}/share", {}, status=422)
    assert rows(system, m.Grant) == []
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        record_necessity(session, town)
    browser.post(f"{place}/share", browser.get(place).form("/share"))
    assert len(rows(system, m.Grant)) == 1


def test_the_necessity_is_recorded_with_the_first_question(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    with SystemSession(system) as session, session.begin():
        for record in session.scalars(select(m.NecessityRecord)):
            session.delete(record)
    browser, url = browse("counsellor"), f"/cases/{town.case_id}/consents/new"
    fields = {
        **browser.get(url).form(),
        "giver": town.persons["child"],
        "agencies": [str(town.agencies["school"])],
        "method": "screen",
        "necessity": "agencies_needed",
    }
    refused = browser.post(url, fields, 422)
    assert "そう判断した理由を書いてください。" in refused.words
    assert rows(system, m.NecessityRecord) == rows(system, m.Consent) == []
    sent = [browser.post(url, {**fields, "grounds": "学校の協力がいる。"}) for _ in range(2)]
    assert sent[0].location == sent[1].location
    [record] = rows(system, m.NecessityRecord)
    assert record.necessity == "agencies_needed"
    assert "necessity" not in browser.get(url).form()


def test_what_is_next_stands_on_the_page_of_the_case_and_of_no_other(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser, case = browse("counsellor"), f"/cases/{town.case_id}"
    consent = answered(browser, town, "welfare", "living").rpartition("/")[2]
    beside = browser.get(f"{case}?consent_id={consent}")
    assert "見本区福祉課に見えるもの" in beside.words
    assert "見本区福祉課に見えるもの" not in browser.get(case).words
    form = beside.form("/share")
    assert form["beside"] == "case"
    shared = browser.post(f"/consents/{consent}/agencies/{town.agencies['welfare']}/share", form)
    assert shared.location == f"{case}?consent_id={consent}#sharing"
    assert "これから共有するものはありません" in browser.follow(shared).words
    # A number that nothing has is like one of another case; who only reads a case asks nobody.
    browser.get(f"{case}?consent_id={uuid.uuid4()}", 404)
    assert "だれに聞きますか" in browser.get(f"{case}?ask=1").words
    officer = browse("officer")
    for query in ("ask=1", f"consent_id={consent}"):
        page = officer.get(f"{case}?{query}").words
        assert "だれに聞きますか" not in page
        assert "これから共有する" not in page


def test_shared_twice_is_one_grant(browse: Browse, town: towns.City, system: Engine) -> None:
    browser = browse("counsellor")
    consent = answered(browser, town, "welfare", "living")
    place = f"{consent}/agencies/{town.agencies['welfare']}"
    fields = browser.get(place).form("/share")
    for _ in range(2):
        browser.post(f"{place}/share", fields)
    assert len(rows(system, m.Grant)) == 1


def test_words_that_name_nobody_hold_up_a_share(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    consent = answered(browser, town, "welfare", "living", not_to_tell="おとなりのおばさん")
    place = f"{consent}/agencies/{town.agencies['welfare']}"
    page = browser.get(place)
    assert "おとなりのおばさん" in page.words
    refused = browser.post(f"{place}/share", page.form("/share"), status=422)
    assert "まだ結びついていません" in refused.words
    browser.post(f"{place}/share", {**page.form("/share"), "nobody_unlinked": "y"})
    assert len(rows(system, m.Grant)) == 1
    assert len(rows(system, m.AuditEvent, m.AuditEvent.event == "recipients.stated")) == 1


# ------------------------------------------------------------------------------------ law and duty


def duty_fields(town: towns.City, **changes: Any) -> dict[str, Any]:
    return {
        "basis": "CAPA6",
        "agency": town.agencies["cgc"],
        "slices": ["basic", "home"],
        "reason": "あざがあり、帰りたくないと話したため、法律にもとづいて通告する。",
        "told": "通告の前に、本人に話した。",
        "step": "share",
        **changes,
    }


def test_a_duty_goes_through_a_wish_and_the_mother_stays_blocked(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    with SystemSession(system) as session, session.begin():
        account = session.get_one(m.Account, town.accounts["cgc_worker"])
        second = m.Account(person_id=town.persons["mother"])
        session.add(second)
        session.flush()
        for model, columns in (
            (m.Membership, {"agency_id": town.agencies["cgc"], "role": "cgc_worker"}),
            (m.TeamMember, {"team_id": _team(session, town, "cgc")}),
        ):
            session.add(model(account_id=second.id, valid_from=towns.LONG_AGO, **columns))
        year = fiscal_year(jst(clock(session)).date())
        session.add(m.Pledge(account_id=second.id, fiscal_year=year))
        assert account.person_id is None
        town.accounts["mother_at_work"], town.acting["mother_at_work"] = (
            second.id,
            town.agencies["cgc"],
        )
    browser = browse("counsellor")
    wish(browser, town, agency=town.agencies["cgc"])
    wish(browser, town, person=town.persons["mother"])
    url = f"/cases/{town.case_id}/duties/new"
    refused = browser.submit(url, duty_fields(town), status=422)
    assert "もう1人の職員" in refused.words
    fields = duty_fields(town, second=town.accounts["director"])
    seen = browser.submit(url, {**fields, "step": "preview"}, status=200)
    assert "CANARY-home" in seen.text
    assert rows(system, m.Grant) == []
    browser.submit(url, fields)
    assert "CANARY-home" in browse("cgc_worker").get(f"/cases/{town.case_id}").text
    browse("mother_at_work").get(f"/cases/{town.case_id}", status=404)
    # The control: without the wish about the mother the same account reads.
    for row in rows(system, m.NeverTell, m.NeverTell.person_id.is_not(None)):
        browser.post(f"/never-tells/{row.id}/end", {})
    browse("mother_at_work").get(f"/cases/{town.case_id}")


def _team(session: Session, town: towns.City, agency: str) -> uuid.UUID:
    return session.scalars(select(m.Team.id).where(m.Team.agency_id == town.agencies[agency])).one()


def wish(browser: Browser, town: towns.City, **target: Any) -> Page:
    return browser.submit(f"/cases/{town.case_id}/never-tells/new", target)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": "短い理由"}, "20文字以上"),
        ({"basis": "APPI69_2_4"}, "どの法律"),
        ({"basis": ""}, "法律を選んで"),
        ({"slices": []}, "項目を1つ以上"),
        ({"slices": ["reporter"]}, "伝える項目"),
        ({"last_day": "2099-01-01"}, "日"),
        ({"last_day": "2020-01-01"}, "期限が過ぎています"),
        ({"last_day": "きのう"}, "いつまで"),
    ],
)
def test_a_refused_duty_says_why_and_shares_nothing(
    browse: Browse, town: towns.City, system: Engine, changes: dict[str, Any], words: str
) -> None:
    browser = browse("counsellor")
    url = f"/cases/{town.case_id}/duties/new"
    page = browser.submit(url, duty_fields(town, **changes), status=422)
    assert words in page.words
    assert rows(system, m.Grant) == []


def test_a_duty_offers_no_permissions_and_no_emergency(browse: Browse, town: towns.City) -> None:
    page = browse("counsellor").get(f"/cases/{town.case_id}/duties/new")
    assert page.tree is not None
    offered = set(page.tree.xpath("//input[@name='basis']/@value"))
    assert offered == {"CAPA6", "CWA25", "CWA25_7", "CWA33_12", "TSV18"}


# ------------------------------------------------------------------------------------- taking back


def test_after_taking_back_the_nurse_sees_nothing_but_her_own_posts(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    browser = browse("counsellor")
    share(browser, town, "school", "school", "watch")
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        towns.add_entry(
            session, town, slice_="school", text="CANARY-own 保健室に来た", author="nurse"
        )
    nurse = browse("nurse")
    assert "K7F-3QXR" in nurse.get("/cases").text
    assert "CANARY-school" in nurse.get(f"/cases/{town.case_id}").text

    [grant] = rows(system, m.Grant)
    browser.submit(f"/grants/{grant.id}/end", {"asked_by": town.persons["child"]})
    listed = nurse.get("/cases")
    assert "K7F-3QXR" not in listed.text
    nurse.get(f"/cases/{town.case_id}", status=404)
    own = nurse.get("/own-records")
    assert "CANARY-own" in own.text
    assert "CANARY-school" not in own.text
    assert "K7F-3QXR" not in own.text
    assert [task.kind for task in rows(system, m.Task)] == ["safety_check"]
    assert "おわった共有" in browser.get(f"/cases/{town.case_id}/consents").words


def test_the_mothers_entries_vanish_for_the_officer_and_the_childs_stay(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        towns.add_entry(session, town, slice_="welfare", text="CANARY-child 給食費")
    browser = browse("counsellor")
    share(browser, town, "welfare", "living")
    share(browser, town, "welfare", "living", giver="mother")
    officer = browse("officer")
    page = officer.get(f"/cases/{town.case_id}")
    assert "CANARY-mother" in page.text
    assert "CANARY-child" in page.text
    [mothers] = rows(system, m.Grant, m.Grant.subject_id == town.persons["mother"])
    browser.submit(f"/grants/{mothers.id}/end", {"asked_by": town.persons["mother"]})
    page = officer.get(f"/cases/{town.case_id}")
    assert "CANARY-mother" not in page.text
    assert "CANARY-child" in page.text


def test_only_who_gave_it_or_the_child_can_be_named(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    share(browser, town, "welfare", "living")
    [grant] = rows(system, m.Grant)
    page = browser.submit(
        f"/grants/{grant.id}/end", {"asked_by": town.persons["mother"]}, status=422
    )
    assert "だれが" in page.words
    assert rows(system, m.Grant, m.Grant.ended_at.is_not(None)) == []


# -------------------------------------------------------------------------------- whom not to tell


def test_a_wish_ends_the_agencys_share_and_it_cannot_be_asked_about_again(
    browse: Browse, town: towns.City
) -> None:
    browser = browse("counsellor")
    share(browser, town, "welfare", "living")
    share(browser, town, "school", "school")
    wish(browser, town, agency=town.agencies["welfare"])
    browse("officer").get(f"/cases/{town.case_id}", status=404)
    # The control: the school still reads.
    browse("nurse").get(f"/cases/{town.case_id}")
    page = browser.get(f"/cases/{town.case_id}/consents/new")
    assert str(town.agencies["welfare"]) not in page.text
    assert str(town.agencies["school"]) in page.text


def test_a_wish_said_after_the_yes_refuses_the_share_with_the_reason(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    consent = answered(browser, town, "welfare", "living")
    place = f"{consent}/agencies/{town.agencies['welfare']}"
    fields = browser.get(place).form("/share")
    wish(browser, town, agency=town.agencies["welfare"])
    assert "「伝えてほしくない」という本人の意思" in browser.get(place).words
    refused = browser.post(f"{place}/share", fields, status=422)
    assert "「伝えてほしくない」という本人の意思" in refused.words
    assert rows(system, m.Grant) == []
    # The control: the wish taken back, the same form shares.
    [row] = rows(system, m.NeverTell)
    browser.post(f"/never-tells/{row.id}/end", {})
    browser.post(f"{place}/share", fields)


def test_a_wish_names_one_target_and_an_account_by_email(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    url = f"/cases/{town.case_id}/never-tells/new"
    assert "1つだけ" in browser.submit(url, {}, status=422).words
    both = {"agency": town.agencies["school"], "person": town.persons["mother"]}
    assert "1つだけ" in browser.submit(url, both, status=422).words
    unknown = browser.submit(url, {"email": "nobody@example.jp"}, status=422)
    assert "見つかりません" in unknown.words
    browser.submit(url, {"email": "NURSE@example.jp", "words": "ほけんの先生"})
    [row] = rows(system, m.NeverTell)
    assert row.account_id == town.accounts["nurse"]


def test_words_are_linked_to_whom_they_mean(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    share(browser, town, "school", "school")
    wish(browser, town, words="ほけんの先生には言わないで", relationship="teacher")
    [row] = rows(system, m.NeverTell)
    assert "ほけんの先生" in browser.get(f"/cases/{town.case_id}/consents").words
    browse("nurse").get(f"/cases/{town.case_id}")
    browser.submit(f"/never-tells/{row.id}/link", {"email": "nurse@example.jp"})
    browse("nurse").get(f"/cases/{town.case_id}", status=404)
    browse("teacher").get(f"/cases/{town.case_id}")


def test_somebody_is_found_by_part_of_a_name_and_shut_out(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    share(browser, town, "school", "school")
    search = f"/cases/{town.case_id}/exclusions/new"
    nobody = browser.post(search, {"agency": town.agencies["school"], "typed": "よそ"}, status=200)
    assert "見つかりませんでした" in nobody.words
    found = browser.post(
        search, {"agency": town.agencies["school"], "typed": "ＴＥＡＣＨ"}, status=200
    )
    assert "見本 teacher" in found.words
    assert "見本 officer" not in found.words
    fields = found.form("/exclusions")
    refused = browser.post(f"/cases/{town.case_id}/exclusions", fields, status=422)
    assert "理由を入力" in refused.words
    exclude(browser, town, "school", "teacher")
    browse("teacher").get(f"/cases/{town.case_id}", status=404)
    [row] = rows(system, m.Exclusion)
    browser.post(f"/exclusions/{row.id}/end", {})
    browse("teacher").get(f"/cases/{town.case_id}")


# --------------------------------------------------------------------------- action, and the doors


def test_agreeing_to_an_action_opens_nothing(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    browser = browse("counsellor")
    browser.submit(
        f"/cases/{town.case_id}/consents/action",
        {
            "giver": town.persons["child"],
            "what": "席をかえてもらうよう話す",
            "agreed": "yes",
            "method": "screen",
        },
    )
    [consent] = rows(system, m.Consent)
    assert consent.kind == "action"
    page = browser.get(f"/consents/{consent.id}")
    assert "席をかえてもらう" in page.words
    browser.get(f"/consents/{consent.id}/answers", status=404)
    browser.get(f"/consents/{consent.id}/agencies/{town.agencies['school']}", status=404)
    assert rows(system, m.Grant) == []


def test_nobody_else_asks_shares_or_looks(browse: Browse, town: towns.City, system: Engine) -> None:
    browser = browse("counsellor")
    share(browser, town, "school", "school")
    wish(browser, town, words="ひみつ")
    [grant], [consent] = rows(system, m.Grant), rows(system, m.Consent)
    [row] = rows(system, m.NeverTell)
    urls = (
        f"/cases/{town.case_id}/consents",
        f"/cases/{town.case_id}/consents/new",
        f"/cases/{town.case_id}/consents/action",
        f"/cases/{town.case_id}/duties/new",
        f"/cases/{town.case_id}/never-tells/new",
        f"/cases/{town.case_id}/exclusions/new",
        f"/consents/{consent.id}",
        f"/consents/{consent.id}/answers",
        f"/consents/{consent.id}/agencies/{town.agencies['school']}",
        f"/grants/{grant.id}/end",
        f"/never-tells/{row.id}/link",
    )
    for url in urls:
        # The nurse sees the case, so a refused deed is a 403 to her.
        browse("nurse").get(url, status=403)
    # Who is excluded finds nothing at all; the same pages are there for the others.
    exclude(browser, town, "centre", "investigator")
    for url in urls:
        browse("investigator").get(url, status=404)
        browser.get(url, status=302 if url.endswith("/answers") else 200)


def test_the_page_costs_the_same_however_much_was_asked(
    browse: Browse, town: towns.City, app: Portal
) -> None:
    browser = browse("counsellor")
    share(browser, town, "school", "school")
    wish(browser, town, words="ひとり", agency=town.agencies["npo"])
    exclude(browser, town, "school", "teacher")

    def grow() -> None:
        share(browser, town, "welfare", "living")
        share(browser, town, "welfare", "living", giver="mother")
        wish(browser, town, person=town.persons["mother"])
        exclude(browser, town, "school", "principal")

    assert_constant(app, browser, f"/cases/{town.case_id}/consents", grow)


def test_an_imported_consent_of_somebody_else_is_shown_all_the_same(
    browse: Browse, town: towns.City, system: Engine
) -> None:
    place = {"case_id": town.case_id, "owner_agency_id": town.agencies["centre"]}
    with SystemSession(system) as session, session.begin():
        neighbour = m.Person(family_name_sealed=b"", given_name_sealed=b"")
        session.add(neighbour)
        session.flush()
        consent = m.Consent(
            kind="sharing",
            giver_kind="consulter",
            giver_person_id=neighbour.id,
            method="paper",
            **place,
        )
        session.add(consent)
        session.flush()
        of_consent = {"consent_id": consent.id, "agency_id": town.agencies["school"], **place}
        session.add(m.ConsentEvent(state="given", **of_consent))
        item = {"bundle": "imported", "slices": ["facts"], "answer": "yes"}
        session.add(m.ConsentItem(**item, **of_consent))
        consent_id = consent.id
    browser = browse("counsellor")
    browser.get(f"/cases/{town.case_id}/consents")
    assert "事実確認" in browser.get(f"/consents/{consent_id}").words
