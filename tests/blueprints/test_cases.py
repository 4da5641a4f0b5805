"""The list of cases, a case by slice, posts, retractions, and the own agency's records."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.queries.sheet import TIMELINE
from portal.unit import Portal
from portal.vault import Scope, create_key, equip
from tests import city as towns
from tests.web import Browser, Page, browser_of
from tests.weighing import MOST, Scales

Browse = Callable[[str], Browser]
Write = Callable[[Callable[[Session, towns.City], Any]], Any]

REFERENCE = "K7F-3QXR"


@pytest.fixture
def write(config: Config, system: Engine, town: towns.City) -> Write:
    """Return a pen of the system role: what others do meanwhile."""

    def writing(what: Callable[[Session, towns.City], Any]) -> Any:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return what(session, town)

    return writing


def share(agency: str, slices: list[str], **terms: Any) -> Callable[[Session, towns.City], Any]:
    return lambda session, town: towns.add_grant(session, town, agency, slices, **terms)


def say(slice_: str, words: str, **more: Any) -> Callable[[Session, towns.City], Any]:
    return lambda session, town: towns.add_entry(session, town, slice_=slice_, text=words, **more)


def end(grant_id: uuid.UUID) -> Callable[[Session, towns.City], Any]:
    return lambda session, _town: session.execute(
        update(m.Grant).where(m.Grant.id == grant_id).values(ended_at=func.now())
    )


def rows(model: type[m.Base], *conditions: Any) -> Callable[[Session, towns.City], int]:
    return lambda session, _town: session.scalar(
        select(func.count()).select_from(model).where(*conditions)
    )


def logged(event: str) -> Callable[[Session, towns.City], list[dict[str, Any]]]:
    return lambda session, _town: list(
        session.scalars(
            select(m.AuditEvent.details)
            .where(m.AuditEvent.event == event)
            .order_by(m.AuditEvent.happened_at)
        )
    )


def other_case(session: Session, town: towns.City) -> tuple[uuid.UUID, uuid.UUID]:
    """Open another case that the school sees, with an entry; return both ids."""
    child = towns.add_person(session, town, "other child", "見本", "そら")
    case = towns.add_case(session, town, "ZZZ-ZZZ-ZZZ")
    create_key(session, Scope("slice", case.id, "school"))
    session.add(towns.linked(case, child))
    session.flush()
    first, town.case_id, town.persons["child"] = town.case_id, case.id, child
    towns.add_grant(session, town, "school", ["basic", "school"])
    entry = towns.add_entry(session, town, slice_="school", text="そらの記録", author="nurse")
    town.case_id = first
    return case.id, entry


def case_url(town: towns.City) -> str:
    return f"/cases/{town.case_id}"


def posting(page: Page, town: towns.City, **values: Any) -> dict[str, Any]:
    """Return the fields of the form on a page, filled in."""
    return {**page.form("/entries/new"), **values}


# -- the list -------------------------------------------------------------------------------------


def test_the_list_shows_what_is_shared_and_to_whom(
    browse: Browse, town: towns.City, write: Write
) -> None:
    assert REFERENCE in browse("counsellor").get("/cases").text
    nurse, stranger = browse("nurse"), browse("other_nurse")
    assert REFERENCE not in nurse.get("/cases").text
    write(share("school", ["basic"]))
    assert REFERENCE in nurse.get("/cases").text
    assert REFERENCE not in stranger.get("/cases").text


def test_the_name_stands_only_where_basic_is_open(browse: Browse, write: Write) -> None:
    write(share("school", ["basic"]))
    write(share("welfare", ["welfare"]))
    assert "あおい" in browse("nurse").get("/cases").words
    officer = browse("officer").get("/cases")
    assert REFERENCE in officer.words
    assert "あおい" not in officer.words


def test_one_audit_row_tells_which_cases_a_list_showed(
    browse: Browse, town: towns.City, write: Write
) -> None:
    browse("nurse").get("/cases")
    assert write(logged("case.listed")) == []
    write(share("school", ["basic"]))
    browse("nurse").get("/cases")
    assert write(logged("case.listed")) == [{"cases": [str(town.case_id)]}]


def test_the_list_is_filtered_by_status(browse: Browse, write: Write) -> None:
    counsellor = browse("counsellor")
    assert REFERENCE in counsellor.get("/cases?status=supporting").text
    assert REFERENCE not in counsellor.get("/cases?status=closed").text
    assert REFERENCE in counsellor.get("/cases?status=no-such-status").text


def test_the_list_is_filtered_by_who_works_on_it(browse: Browse, write: Write) -> None:
    counsellor, investigator, nurse = map(browse, ("counsellor", "investigator", "nurse"))
    assert REFERENCE in counsellor.get("/cases?whose=mine").text
    assert REFERENCE not in investigator.get("/cases?whose=mine").text
    assert REFERENCE in investigator.get("/cases?whose=nobody").text
    # Nobody works on cases at a school: there is no such filter, and it leaves nothing out.
    write(share("school", ["basic"]))
    page = nurse.get("/cases?whose=mine").text
    assert REFERENCE in page
    assert 'id="whose"' not in page


@pytest.mark.parametrize("at", ["x", "%00", "あ", "A" * 500, "f_________8AAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_broken_place_in_the_list_is_its_beginning(browse: Browse, at: str) -> None:
    assert REFERENCE in browse("counsellor").get(f"/cases?at={at}").text


def test_the_police_never_list_and_open_one_case_by_its_reference(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(share("police", ["safety"], subject=None, basis="CAPA10", days=20))
    liaison = browse("liaison")
    page = liaison.get("/cases")
    assert REFERENCE not in page.text
    form = page.form("/cases/open")
    found = liaison.post("/cases/open", {**form, "reference": " k7f-3qxr "})
    assert found.location == case_url(town)
    liaison.follow(found)

    other, _entry = write(other_case)
    hidden = liaison.post("/cases/open", {**form, "reference": "ZZZ-ZZZ-ZZZ"}, status=422)
    absent = liaison.post("/cases/open", {**form, "reference": "YYY-YYY-YYY"}, status=422)
    assert hidden.words.replace("ZZZ-ZZZ-ZZZ", "") == absent.words.replace("YYY-YYY-YYY", "")
    liaison.get(f"/cases/{other}", status=404)


# -- the case -------------------------------------------------------------------------------------


def test_a_case_shows_open_slices_and_the_reason_of_each(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(say("school", "朝は眠そうだった"))
    write(say("home", "家のことは見せない"))
    write(share("school", ["basic", "school"], days=30))
    page = browse("nurse").get(case_url(town))
    assert "朝は眠そうだった" in page.words
    assert "家のことは見せない" not in page.words
    (reason,) = page.tree.xpath("//p[@class='reason']")
    assert "同意（" in reason.text_content()
    assert "）まで）" in reason.text_content()
    # The control: shared, it is there.
    write(share("school", ["home"]))
    assert "家のことは見せない" in browse("nurse").get(case_url(town)).words


@pytest.mark.parametrize(
    ("person", "basis", "words"),
    [
        ("cgc_worker", "CAPA6", "法律（児童虐待の防止等に関する法律6条1項3号 児童虐待の通告、"),
        ("npo_worker", "ENTRUST_NPO", "委託（委託先NPOへの共有、"),
        ("cgc_worker", "EMERGENCY", "緊急（2"),
    ],
)
def test_the_reason_names_law_contract_and_emergency(
    browse: Browse, town: towns.City, write: Write, *, person: str, basis: str, words: str
) -> None:
    write(say("safety", "夜は一人でいる"))
    write(share(towns.PEOPLE[person][0], ["safety"], subject=None, basis=basis, days=1))
    assert words in browse(person).get(case_url(town)).words


def test_a_case_says_which_slices_rules_and_grants_were_read(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(say("school", "朝は眠そうだった"))
    grant = write(share("school", ["basic", "school"]))
    browse("nurse").get(case_url(town))
    browse("counsellor").get(case_url(town))
    assert write(logged("case.read")) == [
        {"slices": ["basic", "school"], "rules": ["grant"], "grants": [str(grant)]},
        {"slices": ["basic", "school"], "rules": ["owner"], "grants": []},
    ]


def test_a_case_without_entries_is_read_too(browse: Browse, town: towns.City, write: Write) -> None:
    grant = write(share("police", ["safety"], subject=None, basis="CAPA10", days=20))
    browse("liaison").get(case_url(town))
    assert write(logged("case.read")) == [
        {"slices": [], "rules": ["grant"], "grants": [str(grant)]}
    ]


def test_names_of_writers_stay_inside_their_agency_and_the_centre(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(say("school", "朝は眠そうだった", author="nurse"))
    write(share("school", ["basic", "school"]))
    write(share("welfare", ["basic", "school"]))
    assert "見本 nurse" in browse("teacher").get(case_url(town)).words
    assert "見本 nurse" in browse("counsellor").get(case_url(town)).words
    officer = browse("officer").get(case_url(town)).words
    assert "見本第一小学校" in officer
    assert "見本 nurse" not in officer


def test_a_concealed_case_hides_the_names_of_other_agencies(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(say("summary", "朝は眠そうだった", author="nurse"))
    write(share("welfare", ["summary"]))
    assert "見本第一小学校" in browse("officer").get(case_url(town)).words
    write(lambda session, _town: session.execute(update(m.Case).values(concealed=True)))
    page = browse("officer").get(case_url(town)).words
    assert "朝は眠そうだった" in page
    assert "見本第一小学校" not in page
    assert "見本第一小学校" in browse("counsellor").get(case_url(town)).words


def test_the_owner_sees_who_can_see_what(browse: Browse, town: towns.City, write: Write) -> None:
    write(share("school", ["basic", "school"]))
    ended = write(share("welfare", ["welfare"]))
    page = browse("counsellor").get(case_url(town)).words
    assert "見本第一小学校" in page
    assert "読む人：対応チーム" in page
    assert "見本区福祉課" in page
    write(end(ended))
    assert "見本区福祉課" not in browse("counsellor").get(case_url(town)).words
    # An agency learns nothing of the others.
    write(share("welfare", ["welfare"]))
    assert "見本区福祉課" not in browse("nurse").get(case_url(town)).words


def test_who_reported_is_for_the_director_and_the_workers(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(say("reporter", "となりの家の人"))
    url = case_url(town)
    assert "となりの家の人" in browse("director").get(url).words
    assert "となりの家の人" in browse("counsellor").get(url).words
    assert "となりの家の人" not in browse("investigator").get(url).words


def test_hidden_and_absent_are_the_same(browse: Browse, town: towns.City, write: Write) -> None:
    nurse = browse("nurse")
    hidden = nurse.get(case_url(town), status=404)
    absent = nurse.get(f"/cases/{uuid.uuid4()}", status=404)
    assert hidden.text == absent.text
    said = write(logged("access.refused"))
    assert said[0] == said[1] == {"endpoint": "cases.show", "status": 404}


@pytest.mark.parametrize("page", ["", "/entries/new", "/visible"])
def test_the_next_request_after_an_end_finds_nothing(
    browse: Browse, town: towns.City, write: Write, page: str
) -> None:
    grant = write(share("school", ["basic", "school"]))
    nurse = browse("nurse")
    nurse.get(case_url(town) + page, status=204 if page == "/visible" else 200)
    write(end(grant))
    nurse.get(case_url(town) + page, status=404)


def test_an_entry_of_another_case_is_not_found_in_either_order(
    browse: Browse, town: towns.City, write: Write
) -> None:
    mine = write(say("school", "朝は眠そうだった", author="nurse"))
    write(share("school", ["basic", "school"]))
    other, entry = write(other_case)
    nurse = browse("nurse")
    nurse.get(f"{case_url(town)}/entries/{entry}/retract", status=404)
    nurse.get(f"/cases/{other}/entries/{mine}/retract", status=404)
    # The control: each is found in its own case.
    nurse.get(f"{case_url(town)}/entries/{mine}/retract")
    nurse.get(f"/cases/{other}/entries/{entry}/retract")


def test_a_page_that_asks_by_itself_reads_nothing_and_keeps_nobody_awake(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(share("school", ["basic"]))
    nurse = browse("nurse")
    write(_long_idle)
    before = write(_seen)
    url = f"{case_url(town)}/visible"
    assert nurse.client.head(url, base_url="https://localhost").status_code == 204
    assert write(_seen) == before
    assert write(logged("case.read")) == []
    # The control: a person who opens the page is awake, and has read.
    nurse.get(case_url(town))
    assert write(_seen) > before
    assert len(write(logged("case.read"))) == 1


def _long_idle(session: Session, _town: towns.City) -> None:
    session.execute(text("UPDATE sessions SET seen_at = seen_at - interval '5 minutes'"))


def _seen(session: Session, _town: towns.City) -> Any:
    return session.execute(text("SELECT max(seen_at) FROM sessions")).scalar_one()


def test_a_task_is_done_by_one_button(browse: Browse, town: towns.City, write: Write) -> None:
    def open_task(session: Session, town: towns.City) -> uuid.UUID:
        task = m.Task(
            case_id=town.case_id,
            owner_agency_id=town.agencies["centre"],
            kind="safety_check",
            due_at=session.scalars(select(func.now())).one(),
        )
        session.add(task)
        return task.id

    task = write(open_task)
    counsellor = browse("counsellor")
    url = f"{case_url(town)}/tasks/{task}/done"
    page = counsellor.get(case_url(town))
    counsellor.post(url, page.form("/done"))
    counsellor.post(url)
    assert "安全確認" not in counsellor.get(case_url(town)).words
    assert len(write(logged("task.done"))) == 1
    other, _entry = write(other_case)
    counsellor.post(f"/cases/{other}/tasks/{task}/done", status=404)


# -- posting --------------------------------------------------------------------------------------


def test_a_nurse_posts_in_two_taps(browse: Browse, town: towns.City, write: Write) -> None:
    write(share("school", ["basic", "school"]))
    nurse = browse("nurse")
    page = nurse.get(case_url(town))
    sent = nurse.post(f"{case_url(town)}/entries/new", posting(page, town, text="給食をよく食べた"))
    assert sent.location == case_url(town)
    assert "給食をよく食べた" in nurse.follow(sent).words
    assert "給食をよく食べた" in browse("counsellor").get(case_url(town)).words
    ((posted,),) = [write(logged("entry.posted"))]
    assert posted["slice"] == "school"


def test_only_open_slices_and_people_are_offered(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(share("school", ["basic", "school", "watch_points"]))
    page = browse("nurse").get(f"{case_url(town)}/entries/new")
    assert page.tree.xpath("//select[@id='slice']/option/@value") == [
        "",
        "basic",
        "school",
        "watch_points",
    ]
    assert page.tree.xpath("//select[@id='subject']/option/@value") == [str(town.persons["child"])]
    everything = browse("counsellor").get(f"{case_url(town)}/entries/new")
    assert "advice" in everything.tree.xpath("//select[@id='slice']/option/@value")
    assert len(everything.tree.xpath("//select[@id='subject']/option")) == 2
    assert "reporter" not in browse("investigator").get(f"{case_url(town)}/entries/new").tree.xpath(
        "//select[@id='slice']/option/@value"
    )


@pytest.mark.parametrize("slice_", ["home", "reporter", "advice", "no-such-slice", ""])
def test_a_slice_that_is_not_open_takes_no_post(
    browse: Browse, town: towns.City, write: Write, slice_: str
) -> None:
    write(share("school", ["basic", "school"]))
    nurse = browse("nurse")
    page = nurse.get(case_url(town))
    fields = posting(page, town, text="これは書けないはず", slice=slice_)
    refused = nurse.post(f"{case_url(town)}/entries/new", fields, status=422)
    assert "これは書けないはず" in refused.form("")["text"]
    assert write(rows(m.Entry)) == 0
    nurse.post(f"{case_url(town)}/entries/new", {**fields, "slice": "school"})
    assert write(rows(m.Entry)) == 1


@pytest.mark.parametrize("concealed", [False, True])
def test_a_concealed_case_takes_no_post_that_tells_where_the_child_is(
    browse: Browse, town: towns.City, write: Write, *, concealed: bool
) -> None:
    """A form that was open when the case was concealed is refused as one that should not be."""
    write(share("school", ["basic", "school"]))
    nurse = browse("nurse")
    fields = posting(nurse.get(case_url(town)), town, text="きょうは来た", slice="school")
    write(lambda session, _town: session.execute(update(m.Case).values(concealed=concealed)))
    sent = nurse.post(f"{case_url(town)}/entries/new", fields, status=422 if concealed else 302)
    assert write(rows(m.Entry)) == (0 if concealed else 1)
    if concealed:
        assert sent.form("")["text"].strip() == "きょうは来た"
        offered = sent.tree.xpath("//select[@id='slice']/option/@value")
        assert offered == ["basic"]


def test_a_slice_and_a_person_must_go_together(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(share("welfare", ["basic", "summary"]))
    write(share("welfare", ["basic", "welfare"], subject="mother"))
    officer = browse("officer")
    page = officer.get(f"{case_url(town)}/entries/new")
    mother = str(town.persons["mother"])
    fields = {**page.form(), "text": "みほん", "subject": mother, "slice": "summary"}
    refused = officer.post(f"{case_url(town)}/entries/new", fields, status=422)
    assert "この項目では、この人について書けません。" in refused.words
    officer.post(f"{case_url(town)}/entries/new", {**fields, "slice": "welfare"})


def test_no_slice_is_chosen_beforehand(browse: Browse, town: towns.City, write: Write) -> None:
    counsellor = browse("counsellor")
    url = f"{case_url(town)}/entries/new"
    refused = counsellor.submit(url, {"text": "母の病気のこと"}, 422)
    assert "どの項目に書くかを選んでください。" in refused.words
    assert "母の病気のこと" in refused.text
    assert write(rows(m.Entry)) == 0


def test_a_watcher_says_without_typing_whether_the_child_came(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(share("cafeteria", ["watch_points"]))
    write(say("watch_points", "あおちゃんが来たら、名前で呼んでください。"))
    watcher = browse("watcher")
    page = watcher.get(case_url(town))
    came = page.form("/entries/new")
    assert (came["slice"], came["subject"]) == ("watch_points", str(town.persons["child"]))
    assert came["text"] == "来ました"
    watcher.post(f"{case_url(town)}/entries/new", came)
    assert "来ました" in browse("counsellor").get(case_url(town)).words
    assert write(rows(m.Entry, m.Entry.author_account_id == town.accounts["watcher"])) == 1


def test_a_form_sent_twice_makes_one_entry(browse: Browse, town: towns.City, write: Write) -> None:
    counsellor = browse("counsellor")
    url = f"{case_url(town)}/entries/new"
    fields = {**counsellor.get(url).form(), "slice": "school", "text": "一度だけ"}
    assert counsellor.post(url, fields).location == counsellor.post(url, fields).location
    assert write(rows(m.Entry)) == 1
    assert len(write(logged("entry.posted"))) == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "内容を入力してください。"),
        ("　 \n ", "内容を入力してください。"),
        ("あ" * 20_001, "20000文字まで"),
        ("右から\u202e左", "文字の向きを変える"),
        ("制御\x00文字", "制御文字"),
    ],
)
def test_a_refused_text_is_not_lost(
    browse: Browse, town: towns.City, write: Write, typed: str, told: str
) -> None:
    counsellor = browse("counsellor")
    url = f"{case_url(town)}/entries/new"
    fields = {**counsellor.get(url).form(), "text": typed, "slice": "home"}
    refused = counsellor.post(url, fields, status=422)
    assert told in refused.words
    kept = refused.form("")
    assert kept["slice"] == "home"
    assert len(kept["text"]) >= len(typed.strip("\u202e\x00 　\n")) - 2
    assert write(rows(m.Entry)) == 0


@pytest.mark.parametrize("typed", ["😀はなまる", "𠮷田さんと﨑山さん", "a" * 20_000])
def test_any_real_text_is_kept_as_it_is(
    browse: Browse, town: towns.City, write: Write, typed: str
) -> None:
    counsellor = browse("counsellor")
    counsellor.submit(f"{case_url(town)}/entries/new", {"text": typed, "slice": "home"})
    assert typed in counsellor.get(case_url(town)).text


def test_who_may_read_only_may_not_post_elsewhere(
    browse: Browse, town: towns.City, write: Write
) -> None:
    """An expert, a clerk and an administrator have no way to post at all."""
    for person in ("lawyer", "clerk", "admin", "auditor"):
        browse(person).get(f"{case_url(town)}/entries/new", status=403)


# -- taking back ----------------------------------------------------------------------------------


@pytest.fixture
def wrong(write: Write) -> uuid.UUID:
    """A post of the nurse that welfare reads too."""
    write(share("school", ["basic", "school"]))
    write(share("welfare", ["basic", "school"]))
    return write(say("school", "別のこどもの記録", author="nurse"))


def test_a_wrong_post_is_gone_for_everybody_at_once(
    browse: Browse, town: towns.City, write: Write, wrong: uuid.UUID
) -> None:
    url, nurse, officer = case_url(town), browse("nurse"), browse("officer")
    assert "別のこどもの記録" in officer.get(url).words
    done = nurse.submit(
        f"{url}/entries/{wrong}/retract", {"reason": "人ちがい", "text": "正しい記録"}
    )
    page = nurse.follow(done)
    assert "取り消しました" in page.words
    assert "人ちがい" in page.words
    for person in (nurse, officer, browse("counsellor"), browse("director")):
        shown = person.get(url).words
        assert "別のこどもの記録" not in shown
        assert "正しい記録" in shown
    nurse.get(f"{url}/entries/{wrong}/retract", status=404)
    assert "別のこどもの記録" not in nurse.get("/own-records").words


def test_the_owner_learns_who_may_have_read_it_and_nobody_else(
    browse: Browse, town: towns.City, write: Write, wrong: uuid.UUID
) -> None:
    url = case_url(town)
    browse("officer").get(url)
    nurse = browse("nurse")
    done = nurse.submit(f"{url}/entries/{wrong}/retract", {"reason": "人ちがい"})
    owners = browse("counsellor").get(done.location).words
    assert "見本 officer" in owners
    assert "見本 teacher" not in owners
    assert "見本 officer" not in nurse.get(done.location).words
    browse("officer").get(done.location, status=404)


def test_taking_back_twice_is_taking_back_once(
    browse: Browse, town: towns.City, write: Write, wrong: uuid.UUID
) -> None:
    nurse, url = browse("nurse"), f"{case_url(town)}/entries/{wrong}/retract"
    fields = {**nurse.get(url).form(), "reason": "人ちがい", "text": "正しい記録"}
    assert nurse.post(url, fields).location == nurse.post(url, fields).location
    assert write(rows(m.Retraction)) == 1
    assert write(rows(m.Entry)) == 2


def test_another_agencys_post_is_not_to_be_taken_back(
    browse: Browse, town: towns.City, write: Write, wrong: uuid.UUID
) -> None:
    officer, url = browse("officer"), f"{case_url(town)}/entries/{wrong}/retract"
    assert url not in officer.get(case_url(town)).text
    fields = {**officer.get(url).form(), "reason": "人ちがい"}
    officer.post(url, fields, status=403)
    assert write(rows(m.Retraction)) == 0
    # The control: the owner may.
    counsellor = browse("counsellor")
    counsellor.post(url, {**counsellor.get(url).form(), "reason": "人ちがい"})
    assert write(rows(m.Retraction)) == 1


def test_taking_back_needs_a_reason(
    browse: Browse, town: towns.City, write: Write, wrong: uuid.UUID
) -> None:
    nurse, url = browse("nurse"), f"{case_url(town)}/entries/{wrong}/retract"
    fields = {**nurse.get(url).form(), "reason": " ", "text": "正しい記録"}
    refused = nurse.post(url, fields, status=422)
    assert "取り消す理由を入力してください。" in refused.words
    assert "正しい記録" in refused.form("")["text"]
    assert write(rows(m.Retraction)) == 0


# -- the own agency's records ---------------------------------------------------------------------


def test_own_posts_stay_after_a_withdrawal_and_tell_nothing_of_the_case(
    browse: Browse, town: towns.City, write: Write
) -> None:
    grant = write(share("school", ["basic", "school"]))
    write(say("school", "給食をよく食べた", author="nurse"))
    write(say("school", "センターの記録", author="counsellor"))
    nurse = browse("nurse")
    for _ in range(2):
        page = nurse.get("/own-records")
        assert "給食をよく食べた" in page.words
        for secret in ("センターの記録", REFERENCE, "あおい", "支援中", "学校での様子"):
            assert secret not in page.words
        assert str(town.case_id) not in page.text
        write(end(grant))
    nurse.get(case_url(town), status=404)
    assert "給食をよく食べた" not in browse("other_nurse").get("/own-records").words
    # A colleague of the team reads it too; the principal, who is not in the team, does not.
    assert "給食をよく食べた" in browse("teacher").get("/own-records").words
    assert "給食をよく食べた" not in browse("principal").get("/own-records").words


def test_own_records_turn_pages_in_both_directions(
    browse: Browse, town: towns.City, write: Write
) -> None:
    def write_many(session: Session, town: towns.City) -> None:
        for number in range(70):
            towns.add_entry(
                session, town, slice_="school", text=f"記録{number:03d}", author="nurse"
            )

    write(share("school", ["school"]))
    write(write_many)
    nurse = browse("nurse")
    first = nurse.get("/own-records")
    second = nurse.get(first.tree.xpath("//a[@rel='next']/@href")[0])
    again = nurse.get(second.tree.xpath("//a[@rel='prev']/@href")[0])
    shown = [_numbers(page) for page in (first, second, again)]
    assert len(shown[0]) == 50
    assert sorted(shown[0] + shown[1]) == [f"記録{number:03d}" for number in range(70)]
    assert shown[2] == shown[0]


def _numbers(page: Page) -> list[str]:
    assert page.tree is not None
    return [
        element.text_content().strip()
        for element in page.tree.xpath("//div[@class='timeline__body']/p")
    ]


def test_a_long_case_is_sent_in_pages_of_a_hundred_kilobytes_at_most(
    app: Portal, browse: Browse, write: Write, town: towns.City
) -> None:
    words = "保健室で話した。笑顔があった。放課後に一人で残ることが多い。" * 8
    for number in range(TIMELINE + 3):
        write(say("school", f"{number}番目。{words}"))
    url, counsellor = f"/cases/{town.case_id}", browse("counsellor")
    page = counsellor.get(url)
    assert page.words.count("番目。") == TIMELINE
    assert MOST // 2 < Scales(app).weigh(url, page) <= MOST
    assert page.tree is not None
    (older,) = (link for link in page.tree.xpath("//a/@href") if "older=" in link)
    assert "0番目。" in counsellor.get(older).words


class TestNewSince:
    """What others wrote since one looked is marked, as far as one sees it."""

    @staticmethod
    def marked(page: Page) -> list[str]:
        found = page.tree.xpath("//li[.//p[@class='timeline__new']]/@id")
        return [str(one).removeprefix("entry-") for one in found]

    @staticmethod
    def listed(browser: Browser) -> str:
        tags = browser.get("/cases").tree.xpath("//p[@class='case-row__tags']")
        return " ".join("".join(tag.text_content() for tag in tags).split())

    @staticmethod
    def later(minutes: int) -> Callable[[Session, towns.City], Any]:
        """Let so many minutes pass: every look and every entry lies so much further back."""

        def shift(session: Session, _town: towns.City) -> None:
            look, by = m.CaseLook, timedelta(minutes=minutes)
            session.execute(
                update(look).values(looked_at=look.looked_at - by, since=look.since - by)
            )
            session.execute(update(m.Entry).values(written_at=m.Entry.written_at - by))

        return shift

    def test_what_others_wrote_is_new_until_the_visit_after_the_next(
        self, browse: Browse, town: towns.City, write: Write
    ) -> None:
        write(say("school", "まえから"))
        case, director = f"/cases/{town.case_id}", browse("director")
        assert self.marked(director.get(case)) == [], "at the first visit nothing stands out"
        write(self.later(45))
        new = write(say("school", "きょうから"))
        write(say("school", "自分で書いた", author="director"))
        assert "新しい記録 1件" in self.listed(director)
        page = director.get(case)
        assert self.marked(page) == [str(new)]
        assert "前に見たあとの新しい記録：1件" in page.words
        assert page.tree.xpath(f"//a[@href='#entry-{new}']")
        assert "新しい記録" not in self.listed(director)
        write(self.later(20))
        assert self.marked(director.get(case)) == [str(new)], "the same visit"
        write(self.later(40))
        assert self.marked(director.get(case)) == []
        assert self.marked(browse("counsellor").get(case)) == [], "each looks for oneself"

    def test_what_is_hidden_is_not_counted(
        self, browse: Browse, town: towns.City, write: Write
    ) -> None:
        grant, nurse = write(share("school", ["basic", "school"])), browse("nurse")
        nurse.get(f"/cases/{town.case_id}")
        write(self.later(45))
        for slice_ in ("school", "home", "reporter"):
            write(say(slice_, "あたらしい"))
        assert "新しい記録 1件" in self.listed(nurse)
        assert len(self.marked(nurse.get(f"/cases/{town.case_id}"))) == 1
        write(self.later(45))
        # Of the own agency, and its slice is open to it no more: on 「自機関の記録」 alone.
        write(say("school", "せんせいから", author="teacher"))
        write(end(grant))
        write(share("school", ["basic"]))
        assert "新しい記録" not in self.listed(nurse)

    def test_what_one_typed_and_could_not_send_is_told_on_the_case_and_at_home(
        self, browse: Browse, town: towns.City, system: Engine, app: Portal
    ) -> None:
        case, counsellor = f"/cases/{town.case_id}", browse("counsellor")
        fields = {**counsellor.get(f"{case}/entries/new").form(), "text": "とちゅうまで書いた"}
        with system.begin() as connection:
            connection.execute(text("UPDATE sessions SET seen_at = now() - interval '16 minutes'"))
        counsellor.post(f"{case}/entries/new", fields, 401)
        again = browser_of(app, system, town, "counsellor")
        told, director = "//main//a[@href='/typed']", browser_of(app, system, town, "director")
        for url in ("/", case):
            assert again.get(url).tree.xpath(told)
            assert not director.get(url).tree.xpath(told)
        again.post(again.get("/typed").tree.xpath("//form[contains(@action,'/forget')]/@action")[0])
        assert not again.get(case).tree.xpath(told)
