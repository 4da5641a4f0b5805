"""Doors and desks: a volunteer's report, the inbox, passing on, acceptance, what is typed in."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.codes import number_of
from portal.config import Config
from portal.database import SystemSession
from portal.unit import Portal
from portal.vault import Scope, create_key, equip, seal
from tests.city import City
from tests.web import BASE, Browser, Page, browser_of

Browse = Callable[[str], Browser]
REPORT = "/report/mihon-shokudo"
WORDS = "うでに あざがあり、家に帰りたくないと話していました。"

# What people type, and what of it stands in the form that comes back.
REFUSED = (
    ("", ""),
    ("  \n ", ""),
    ("あ" * 100_000, "あ" * 100_000),
    ("見た\u202eんしまし", "見たんしまし"),
    ("見\x00た", "見た"),
)
TAKEN = (
    "こわい😢👨\u200d👩\u200d👧",
    "𠮷田さん",
    "﨑山さんと髙橋さん",
    "<script>alert(1)</script> & 100%",
)


def rows(system: Engine, model: type[m.Base]) -> list[m.Base]:
    with Session(system, expire_on_commit=False) as session:
        return list(session.scalars(select(model)))


def code_on(page: Page) -> list[str]:
    assert page.tree is not None
    return [word.strip() for word in page.tree.xpath("//ol[@class='receipt__words']//span/text()")]


def textarea(page: Page) -> str:
    assert page.tree is not None
    # A browser takes away the first line end of a text area.
    return page.tree.xpath("//main//textarea")[0].text_content().removeprefix("\n").strip("\r\n")


def report(browser: Browser, **values: str) -> Page:
    return browser.submit(REPORT, {"words": WORDS, **values}, status=200)


def items_of(browser: Browser, url: str = "/inbox") -> list[str]:
    page = browser.get(url)
    assert page.tree is not None
    links = page.tree.xpath("//main//li//h2/a/@href")
    return [link for link in links if link.startswith("/inbox/")]


def hand_over(npo: Browser) -> str:
    (item,) = items_of(npo)
    assert npo.submit(f"{item}/hand-over", {}).location == "/inbox"
    return item


def accept(centre: Browser, item: str, status: int = 302, **values: str) -> Page:
    terms = {"given_name": "あおい", "urgency": "A", "grounds": "あざがある", **values}
    return centre.submit(f"{item}/accept", terms, status=status)


class TestReport:
    def test_anybody_reports_with_one_text_and_gets_a_code(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        page = report(stranger)
        assert len(code_on(page)) == 6
        assert "だれが伝えたかを、センターやNPOからご家庭に話すことはありません。" in page.words
        (item,) = rows(system, m.InboxItem)
        assert item.agency_id == town.agencies["npo"]

    def test_the_page_asks_for_one_text_and_two_taps(self, stranger: Browser, town: City) -> None:
        page = stranger.get(REPORT)
        assert page.tree is not None
        # What may be left out stands in a section that is closed.
        asked = page.tree.xpath("//main//form//*[self::input or self::textarea]")
        open_ones = [
            field.get("name")
            for field in asked
            if not field.xpath("ancestor::details[not(@open)]") and field.get("type") != "hidden"
        ]
        assert open_ones == ["words", "suspected_abuse", "urgent"]

    def test_what_is_urgent_is_sent_first_and_then_says_whom_to_call(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        page = report(stranger, urgent="y")
        assert page.tree is not None
        numbers = page.tree.xpath("//section[@class='emergency']//a/@href")
        assert numbers[:2] == ["tel:110", "tel:189"]
        desks = {item.agency_id for item in rows(system, m.InboxItem)}
        assert desks == {town.agencies["npo"], town.agencies["centre"]}
        assert not report(stranger).tree.xpath("//section[@class='emergency']")

    def test_sent_twice_it_is_one_report_with_one_code(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        form = {**stranger.get(REPORT).form(), "words": WORDS}
        first, second = (stranger.post(REPORT, form, 200) for _ in range(2))
        assert code_on(first) == code_on(second)
        assert len(rows(system, m.Consultation)) == len(rows(system, m.InboxItem)) == 1
        assert code_on(report(stranger)) != code_on(first)

    def test_neither_an_expired_token_nor_an_expired_session_stands_before_it(
        self, app: Portal, town: City, system: Engine
    ) -> None:
        late = Browser(app, token="a-session-that-ended-long-ago")
        form = {**late.get(REPORT).form(), "words": WORDS}
        response = late.client.post(REPORT, data=form, base_url=BASE)
        assert response.status_code == 200
        assert len(rows(system, m.Consultation)) == 1
        # Everything else does ask for its token.
        enter = late.client.post("/child/", data={"code": "x"}, base_url=BASE)
        assert enter.status_code == 400

    def test_bad_input_is_refused_and_given_back(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        for typed, kept in REFUSED:
            values = {"words": typed, "about": "あおさん", "suspected_abuse": "y"}
            page = stranger.submit(REPORT, values, status=422)
            assert textarea(page) == kept
            assert page.form()["about"] == "あおさん"
            assert page.form()["suspected_abuse"] == "y"
        assert rows(system, m.Consultation) == []

    def test_words_arrive_as_they_were_typed(self, stranger: Browser, browse: Browse) -> None:
        for typed in TAKEN:
            report(stranger, words=typed)
        npo = browse("npo_worker")
        pages = [npo.get(item).words for item in items_of(npo)]
        for typed in TAKEN:
            assert len([page for page in pages if typed in page]) == 1, typed

    def test_another_link_is_absent(self, stranger: Browser, town: City, system: Engine) -> None:
        with SystemSession(system) as session, session.begin():
            session.get_one(m.Agency, town.agencies["school"]).report_slug = "mihon-ichi"
        for slug in ("mihon", "mihon-ichi", "x" * 3000):
            stranger.get(f"/report/{slug}", status=404)
        stranger.get(REPORT)

    def test_a_bad_secret_word_is_refused_and_a_good_one_is_taken(
        self, stranger: Browser, town: City
    ) -> None:
        page = stranger.submit(REPORT, {"words": WORDS, "secret": "ね"}, status=422)
        assert "合い言葉は2文字以上にしてください。" in page.words
        assert textarea(page) == WORDS
        report(stranger, secret="ねこ")

    def test_a_volunteers_own_reports_are_on_a_page_of_their_own(
        self, browse: Browse, stranger: Browser
    ) -> None:
        volunteer = browse("volunteer")
        report(volunteer, words="わたしの ことば")
        report(stranger, words="ほかの人の ことば")
        page = volunteer.get("/my-reports").words
        assert "わたしの ことば" in page
        assert "ほかの人の ことば" not in page
        assert "わたしの ことば" not in browse("watcher").get("/my-reports").words

    def test_a_report_is_old_after_a_day(self, browse: Browse, system: Engine) -> None:
        volunteer = browse("volunteer")
        report(volunteer)
        assert WORDS in volunteer.get("/my-reports").words
        with SystemSession(system) as session, session.begin():
            session.execute(
                update(m.Consultation).values(received_at=func.now() - timedelta(hours=24))
            )
        assert WORDS not in volunteer.get("/my-reports").words


class TestDesk:
    def test_a_report_is_read_answered_and_gone_from_the_list(
        self, stranger: Browser, browse: Browse
    ) -> None:
        report(stranger)
        npo = browse("npo_worker")
        (item,) = items_of(npo)
        assert WORDS not in npo.get("/inbox").words
        assert WORDS in npo.get(item).words
        answered = npo.submit(item, {"text": "ありがとうございます。"}, action=f"{item}/answer")
        assert "ありがとうございます。" in npo.follow(answered).words
        assert items_of(npo) == []
        assert items_of(npo, "/inbox?show=handled") == [item]

    def test_an_answer_sent_twice_is_one_message(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        report(stranger)
        npo = browse("npo_worker")
        (item,) = items_of(npo)
        form = {**npo.get(item).form(f"{item}/answer"), "text": "一度だけ"}
        for _ in range(2):
            npo.post(f"{item}/answer", form)
        assert len(rows(system, m.ThreadMessage)) == 1

    def test_an_answer_is_taken_or_given_back(self, stranger: Browser, browse: Browse) -> None:
        report(stranger)
        npo = browse("npo_worker")
        (item,) = items_of(npo)
        for typed, kept in REFUSED:
            page = npo.submit(item, {"text": typed}, status=422, action=f"{item}/answer")
            assert textarea(page) == kept
            assert WORDS in page.words
        for typed in TAKEN:
            npo.submit(item, {"text": typed}, action=f"{item}/answer")
        words = npo.get(item).words
        assert [typed for typed in TAKEN if typed not in words] == []

    def test_a_call_can_be_the_answer(self, stranger: Browser, browse: Browse) -> None:
        report(stranger)
        npo = browse("npo_worker")
        (item,) = items_of(npo)
        assert npo.post(f"{item}/answered").location == "/inbox"
        assert items_of(npo) == []

    def test_the_npo_never_sees_what_the_centre_does(
        self, stranger: Browser, browse: Browse
    ) -> None:
        report(stranger)
        npo, centre = browse("npo_worker"), browse("counsellor")
        item = hand_over(npo)
        pages = [npo.get(url).words for url in (item, "/inbox?show=handled", "/cases")]
        (theirs,) = items_of(centre)
        assert theirs != item
        centre.submit(theirs, {"text": "センターの返事"}, action=f"{theirs}/answer")
        case = accept(centre, theirs).location
        assert [npo.get(url).words for url in (item, "/inbox?show=handled", "/cases")] == pages
        npo.get(theirs, status=404)
        npo.get(case, status=404)
        assert "センターの返事" in centre.get(theirs).words

    def test_who_consulted_is_told_in_words_that_can_be_changed(
        self, stranger: Browser, browse: Browse
    ) -> None:
        report(stranger)
        npo = browse("npo_worker")
        (item,) = items_of(npo)
        page = npo.submit(f"{item}/hand-over", {"text": "あ" * 100_000}, status=422)
        assert textarea(page) == "あ" * 100_000
        hand_over(npo)
        assert "センターの相談員にも読んでもらうことにしました。" in npo.get(item).words

    def test_the_centre_hands_nothing_over_and_the_npo_accepts_nothing(
        self, stranger: Browser, browse: Browse
    ) -> None:
        report(stranger, suspected_abuse="y")
        npo, centre = browse("npo_worker"), browse("counsellor")
        (theirs,), (ours,) = items_of(centre), items_of(npo)
        centre.get(f"{theirs}/hand-over", status=403)
        centre.post(f"{theirs}/hand-over", {}, status=403)
        npo.post(f"{ours}/accept", {}, status=403)
        npo.submit(f"{ours}/hand-over", {})

    def test_a_desk_sees_no_other_desks_items(self, stranger: Browser, browse: Browse) -> None:
        report(stranger)
        (item,) = items_of(browse("npo_worker"))
        for person in ("counsellor", "nurse"):
            browse(person).get(item, status=404)
        browse("nurse").get(f"{item}/hand-over", status=404)
        for step in ("answer", "answered"):
            browse("counsellor").post(f"{item}/{step}", {"text": "x"}, status=404)
        browse("counsellor").get(f"{item}/accept", status=404)
        browse("npo_worker").get(item)

    def test_others_have_no_desk(self, browse: Browse) -> None:
        for person in ("clerk", "admin", "lawyer", "volunteer", "officer"):
            browse(person).get("/inbox", status=403)
        browse("nurse").get("/inbox")

    def test_what_is_overdue_is_marked_and_stands_first(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        first, second = (number_on(report(stranger)) for _ in range(2))
        npo = browse("npo_worker")
        assert "期限を過ぎています" not in npo.get("/inbox").words
        with SystemSession(system) as session, session.begin():
            (late,) = [
                item
                for item in session.scalars(select(m.InboxItem))
                if number_of(item.thread_id) == second
            ]
            late.due_at = datetime.now(UTC) - timedelta(minutes=1)
        words = npo.get("/inbox").words
        assert words.count("期限を過ぎています") == 1
        assert words.index("期限を過ぎています") < words.index(second) < words.index(first)

    def test_the_list_pages_both_ways_at_a_constant_number_of_queries(
        self, browse: Browse, system: Engine, town: City, config: Config
    ) -> None:
        npo = browse("npo_worker")
        fill_desk(system, config, town, 3)
        with counted() as few:
            assert len(items_of(npo)) == 3
        fill_desk(system, config, town, 117)
        with counted() as many:
            first = items_of(npo)
        assert (len(first), few[0]) == (50, many[0])
        pages = [first, *pages_after(npo, "/inbox", "next")]
        assert [len(page) for page in pages] == [50, 50, 20]
        assert len({item for page in pages for item in page}) == 120
        assert pages_after(npo, last_page(npo), "prev") == pages[-2::-1]
        assert "120" in npo.get("/inbox").words

    def test_a_place_that_is_none_begins_at_the_top(
        self, stranger: Browser, browse: Browse
    ) -> None:
        report(stranger)
        npo = browse("npo_worker")
        assert items_of(npo, "/inbox?at=nonsense") == items_of(npo)


def number_on(page: Page) -> str:
    found = re.search(r"相談番号 (\S{11})", page.words)
    assert found is not None
    return found.group(1)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the statements of the web's role."""
    count = [0]

    def note(connection: object, *_args: object) -> None:
        count[0] += 1

    event.listen(Engine, "before_cursor_execute", note)
    yield count
    event.remove(Engine, "before_cursor_execute", note)


def fill_desk(system: Engine, config: Config, town: City, many: int) -> None:
    """Lay consultations on the NPO's desk, some of them due at one and the same moment."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        for at in range(many):
            thread = m.Thread(kind="reporter", sealed=True)
            create_key(session, Scope("thread", thread.id))
            told = m.Consultation(
                thread_id=thread.id, channel="CAFETERIA", consulter="OTHER", topic="OTHER"
            )
            seal(session, told, words="あ")
            session.add(thread)
            session.flush()
            session.add(told)
            session.flush()
            due = datetime(2030, 1, 1 + at // 7, tzinfo=UTC)
            session.add(
                m.InboxItem(
                    consultation_id=told.id,
                    thread_id=thread.id,
                    agency_id=town.agencies["npo"],
                    due_at=due,
                )
            )


def _neighbour(browser: Browser, url: str, rel: str) -> str | None:
    page = browser.get(url)
    assert page.tree is not None
    found = page.tree.xpath(f"//nav[@class='pager']//a[@rel='{rel}']/@href")
    return found[0] if found else None


def pages_after(browser: Browser, url: str, rel: str) -> list[list[str]]:
    pages = []
    while (following := _neighbour(browser, url, rel)) is not None:
        url = following
        pages.append(items_of(browser, url))
    return pages


def last_page(browser: Browser) -> str:
    url = "/inbox"
    while (following := _neighbour(browser, url, "next")) is not None:
        url = following
    return url


class TestAcceptance:
    def test_a_consultation_becomes_a_case_with_its_urgency(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        report(stranger, suspected_abuse="y")
        centre = browse("counsellor")
        (item,) = items_of(centre)
        page = centre.get(f"{item}/accept")
        assert "首をしめる" in page.words, "the criteria stand on the screen"
        case = accept(centre, item).location
        assert centre.get(case).status == 200
        (decision,) = rows(system, m.UrgencyDecision)
        (task,) = [task for task in rows(system, m.Task) if task.kind == m.Task.SEE_CHILD]
        case_row = next(c for c in rows(system, m.Case) if case.endswith(str(c.id)))
        assert decision.urgency == "A"
        assert task.due_at - case_row.opened_at == timedelta(hours=48)
        assert items_of(centre) == []
        assert case in centre.get(item).text

    def test_who_reported_is_hidden_from_another_counsellor_from_then_on(
        self, stranger: Browser, browse: Browse
    ) -> None:
        report(stranger, suspected_abuse="y")
        centre, other, director = (browse(p) for p in ("counsellor", "investigator", "director"))
        (item,) = items_of(centre)
        other.get(item)
        accept(centre, item)
        other.get(item, status=404)
        assert items_of(other, "/inbox?show=handled") == []
        assert WORDS in director.get(item).words
        assert WORDS in centre.get(item).words

    def test_a_refused_form_keeps_all_that_was_typed(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        report(stranger, suspected_abuse="y")
        centre = browse("counsellor")
        (item,) = items_of(centre)
        before = len(rows(system, m.Case))
        page = accept(centre, item, 422, family_name="𠮷田", birth_date="2099 1 1", urgency="")
        form = page.form()
        assert (form["family_name"], form["grounds"].strip()) == ("𠮷田", "あざがある")
        assert "緊急度を選んでください。" in page.words
        assert "生年月日が、きょうより後になっています。" in page.words
        assert len(rows(system, m.Case)) == before

    def test_two_colleagues_make_one_case(self, stranger: Browser, browse: Browse) -> None:
        report(stranger, suspected_abuse="y")
        centre, director = browse("counsellor"), browse("director")
        (item,) = items_of(centre)
        form = {**director.get(f"{item}/accept").form(), "urgency": "B"}
        form["grounds"] = "わたしの書いた長い理由です。消えては困ります。"
        accept(centre, item)
        page = director.post(f"{item}/accept", form, status=409)
        assert form["grounds"] in page.words

    def test_sent_twice_it_is_one_case(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        report(stranger, suspected_abuse="y")
        centre = browse("counsellor")
        (item,) = items_of(centre)
        before = len(rows(system, m.Case))
        form = {**centre.get(f"{item}/accept").form(), "urgency": "B", "grounds": "理由"}
        first, second = (centre.post(f"{item}/accept", form) for _ in range(2))
        assert first.location == second.location
        assert len(rows(system, m.Case)) == before + 1

    def test_an_excluded_colleague_finds_neither_item_nor_case(
        self, stranger: Browser, browse: Browse, system: Engine, town: City
    ) -> None:
        report(stranger, suspected_abuse="y")
        centre, director = browse("counsellor"), browse("director")
        (item,) = items_of(centre)
        case = accept(centre, item).location
        director.get(item)
        with SystemSession(system) as session, session.begin():
            session.add(
                m.Exclusion(
                    case_id=uuid.UUID(case.removeprefix("/cases/")),
                    owner_agency_id=town.agencies["centre"],
                    account_id=town.accounts["director"],
                )
            )
        director.get(item, status=404)
        director.get(case, status=404)
        centre.get(item)


CALL = {"channel": "PHONE", "consulter": "CHILD", "topic": "FRIENDS", "words": "つらいです"}


class TestTypingIn:
    def test_a_clerk_gets_a_number_and_words_to_read_out_and_no_text(
        self, browse: Browse, town: City
    ) -> None:
        clerk = browse("clerk")
        page = clerk.submit("/consultations/new", CALL, status=200)
        assert len(code_on(page)) == 6
        assert "つらいです" not in page.words
        counsellor = browse("counsellor")
        (item,) = items_of(counsellor)
        assert "つらいです" in counsellor.get(item).words
        clerk.get(item, status=403)

    def test_sent_twice_it_is_one_consultation(self, browse: Browse, system: Engine) -> None:
        clerk = browse("clerk")
        form = {**clerk.get("/consultations/new").form(), **CALL}
        first, second = (clerk.post("/consultations/new", form, 200) for _ in range(2))
        assert code_on(first) == code_on(second)
        assert len(rows(system, m.Consultation)) == 1

    def test_an_agency_can_phone_instead_of_signing_in(
        self, browse: Browse, system: Engine, town: City
    ) -> None:
        school = str(town.agencies["school"])
        values = {**CALL, "agency": school, "consulter": "OTHER"}
        browse("counsellor").submit("/consultations/new", values, status=200)
        (told,) = rows(system, m.Consultation)
        assert str(told.reporting_agency_id) == school
        browse("counsellor").submit("/consultations/new", {**values, "agency": "x"}, status=422)

    def test_a_refused_form_keeps_the_rest(self, browse: Browse) -> None:
        clerk = browse("clerk")
        for missing in ("channel", "consulter", "words"):
            values = {**CALL, "not_to_tell": "たんにんの先生", missing: ""}
            page = clerk.submit("/consultations/new", values, status=422)
            assert page.form()["not_to_tell"] == "たんにんの先生"
            assert textarea(page) == values["words"]

    def test_others_type_nothing_in(self, browse: Browse) -> None:
        for person in ("nurse", "npo_worker", "admin", "auditor"):
            browse(person).get("/consultations/new", status=403)
        browse("clerk").get("/consultations/new")


def test_a_form_of_somebody_signed_out_is_not_sent(
    app: Portal, system: Engine, town: City, stranger: Browser
) -> None:
    """What was typed comes back; nothing was written."""
    report(stranger)
    npo = browser_of(app, system, town, "npo_worker")
    (item,) = items_of(npo)
    form = {**npo.get(item).form(f"{item}/answer"), "text": "長い返事を書いていました。"}
    with SystemSession(system) as session, session.begin():
        session.execute(update(m.Session).values(ended_at=func.now()))
    page = npo.post(f"{item}/answer", form, status=401)
    assert form["text"] in page.words
    assert rows(system, m.ThreadMessage) == []
