"""The child's own pages: telling, coming back, writing on, leaving at once."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.auth import FAILURES_A_MINUTE
from portal.database import SystemSession
from portal.unit import Portal
from tests.city import City
from tests.web import BASE, Browser, Page

Browse = Callable[[str], Browser]
TOLD = {"topic": "FRIENDS", "words": "ともだちに むしされる", "secret": "ねこ"}
PRODUCT = "こどもの権利 連携ポータル"


@pytest.fixture
def school(town: City, system: Engine) -> str:
    """The address of the page with the school's own link."""
    with SystemSession(system) as session, session.begin():
        session.get_one(m.Agency, town.agencies["school"]).report_slug = "mihon-ichi"
    return "/child/start?school=mihon-ichi"


def rows(system: Engine, model: type[m.Base]) -> list[m.Base]:
    with Session(system, expire_on_commit=False) as session:
        return list(session.scalars(select(model)))


def tell(browser: Browser, url: str = "/child/start", **values: str) -> list[str]:
    page = browser.submit(url, {**TOLD, **values}, status=200)
    assert page.tree is not None
    return [word.strip() for word in page.tree.xpath("//ol[@class='receipt__words']//span/text()")]


def come_back(browser: Browser, words: list[str], word: str = "ねこ", status: int = 302) -> Page:
    return browser.submit("/child/", {"code": " ".join(words), "secret": word}, status=status)


def plain(page: Page) -> str:
    """The bytes of a page without what is drawn anew for each answer."""
    text = re.sub(r'(nonce|value)="[^"]*"', "", page.text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text)


class TestTelling:
    def test_a_child_tells_the_centre_and_nobody_else(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        assert len(tell(stranger)) == 6
        (item,), (told,) = rows(system, m.InboxItem), rows(system, m.Consultation)
        assert item.agency_id == town.agencies["centre"]
        assert (told.channel, told.consulter, told.anonymous) == ("WEB", "CHILD", True)

    def test_without_a_schools_link_there_is_nothing_to_choose(
        self, stranger: Browser, school: str
    ) -> None:
        assert "ほけんしつ" not in stranger.get("/child/start").words
        assert "ほけんしつ" in stranger.get(school).words
        stranger.get("/child/start?school=mihon", status=404)
        # A cafeteria is no school.
        stranger.get("/child/start?school=mihon-shokudo", status=404)

    @pytest.mark.parametrize("listener", ["school", "centre"])
    def test_with_it_the_child_chooses_who_hears(
        self, stranger: Browser, school: str, town: City, system: Engine, listener: str
    ) -> None:
        tell(stranger, school, listener=str(town.agencies[listener]))
        (item,) = rows(system, m.InboxItem)
        assert item.agency_id == town.agencies[listener]

    def test_nobody_but_the_two_can_be_chosen(
        self, stranger: Browser, school: str, town: City, system: Engine
    ) -> None:
        for listener in (str(town.agencies["police"]), "", "x"):
            page = stranger.submit(school, {**TOLD, "listener": listener}, status=422)
            assert "ともだちに むしされる" in page.text
        assert rows(system, m.InboxItem) == []

    def test_the_page_promises_no_more_than_is_true(self, stranger: Browser, school: str) -> None:
        words = re.sub(r"（[^）]*）| ", "", stranger.get(school).words)
        assert "あなたにきかないで、ほかの人につたえることはありません。" in words
        assert "まもるためにつたえることがあります。" in words
        assert "学校のタブレットは、学校の人がつかったきろくを見ることがあります。" in words
        assert "ぜったい" not in words

    def test_nobody_of_staff_is_known_on_a_tablet_where_somebody_is_signed_in(
        self, browse: Browse, system: Engine
    ) -> None:
        tell(browse("nurse"))
        (thread,), (told,) = rows(system, m.Thread), rows(system, m.Consultation)
        assert (thread.account_id, told.recorded_by) == (None, None)
        events = {event.event: event for event in rows(system, m.AuditEvent)}
        assert events["consultation.received"].account_id is None
        assert events["consultation.received"].viewer == "intake"

    def test_sent_twice_it_is_one_consultation_with_one_code(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        form = {**stranger.get("/child/start").form(), **TOLD}
        first, second = (stranger.post("/child/start", form, 200) for _ in range(2))
        assert plain(first) == plain(second)
        assert len(rows(system, m.Consultation)) == 1

    def test_no_expired_token_stands_before_it(
        self, app: Portal, town: City, system: Engine
    ) -> None:
        late = Browser(app)
        form = {**late.get("/child/start").form(), **TOLD}
        assert late.client.post("/child/start", data=form, base_url=BASE).status_code == 200
        assert len(rows(system, m.Consultation)) == 1

    def test_fear_now_is_told_whom_to_call_after_it_was_sent(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        page = stranger.submit("/child/start", {**TOLD, "urgent": "y"}, status=200)
        assert page.tree is not None
        assert page.tree.xpath("//section[@class='emergency']//a/@href")[0] == "tel:110"
        (told,) = rows(system, m.Consultation)
        assert told.urgent

    def test_a_refused_form_keeps_what_was_typed(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        for field, typed, kept in (
            ("words", "", ""),
            ("words", "あ" * 100_000, "あ" * 100_000),
            ("words", "見\u202eた", "見た"),
            ("words", "見\x00た", "見た"),
            ("secret", "", ""),
            ("secret", "ね", "ね"),
            ("secret", "ね" * 100, "ね" * 100),
            ("not_to_tell", "お\u202eかあさん", "おかあさん"),
        ):
            values = {**TOLD, "name": "あお", field: typed}
            form = stranger.submit("/child/start", values, status=422).form()
            assert form[field].strip("\r\n") == kept
            assert form["name"] == "あお"
        stranger.submit("/child/start", {**TOLD, "topic": "CORPORAL"}, status=422)
        assert rows(system, m.Consultation) == []

    def test_words_come_back_as_they_were_typed(self, stranger: Browser, town: City) -> None:
        typed = "こわい😢👨\u200d👩\u200d👧 𠮷田 﨑山と髙橋 <b>&"
        come_back(stranger, tell(stranger, words=typed))
        assert typed in stranger.get("/child/thread").words


class TestComingBack:
    def test_code_and_word_open_the_thread_and_nothing_secret_is_in_the_address(
        self, stranger: Browser, town: City
    ) -> None:
        assert come_back(stranger, tell(stranger), "ネコ").location == "/child/thread"
        assert "ともだちに むしされる" in stranger.get("/child/thread").words

    def test_wrong_and_closed_and_unknown_get_one_and_the_same_answer(
        self, app: Portal, town: City, system: Engine
    ) -> None:
        child = Browser(app)
        words = tell(child)
        closed = tell(child)
        with SystemSession(system) as session, session.begin():
            last = session.scalars(select(m.Thread).order_by(m.Thread.opened_at.desc())).first()
            assert last is not None
            last.closed_at = session.scalar(select(func.now()))
        answers = [
            come_back(child, words, "いぬ", 422),
            come_back(child, closed, "ねこ", 422),
            come_back(child, words[:5], "ねこ", 422),
        ]
        # What was typed comes back; all else is the same to the byte.
        assert len({plain(page) for page in answers}) == 1
        come_back(child, words)

    def test_the_code_alone_shows_the_newest_reply_and_opens_nothing(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        words = tell(stranger)
        page = come_back(stranger, words, "", 200)
        assert "へんじは まだ ありません" in page.words
        centre = browse("counsellor")
        inbox = centre.get("/inbox")
        assert inbox.tree is not None
        (item,) = inbox.tree.xpath("//main//li//h2/a/@href")
        for text in ("ひとつめの へんじ", "ふたつめの へんじ"):
            centre.submit(item, {"text": text}, action=f"{item}/answer")
        page = come_back(stranger, words, " ", 200)
        assert "ふたつめの へんじ" in page.words
        assert "ひとつめの へんじ" not in page.text
        assert "ともだちに むしされる" not in page.text
        assert "Set-Cookie" not in page.response.headers
        for url in ("/child/thread", "/child/record"):
            assert stranger.get(url, status=302).location == "/child/"
        read = [e for e in rows(system, m.AuditEvent) if e.event == "thread.read"]
        assert [event.viewer for event in read][-1:] == ["visitor"]
        # The control: with the word all of it is there.
        come_back(stranger, words)
        assert "ひとつめの へんじ" in stranger.get("/child/thread").words

    def test_who_guesses_must_wait(self, app: Portal, town: City) -> None:
        words = tell(Browser(app))
        for _ in range(FAILURES_A_MINUTE):
            come_back(Browser(app), words, "いぬ", 422)
        page = come_back(Browser(app), words, "ねこ", 429)
        assert "ねこ" in page.form()["secret"]

    def test_nonsense_is_refused_and_never_an_error(self, stranger: Browser, town: City) -> None:
        for typed in ("", "\x00", "あ" * 100_000, "\u202eあ"):
            stranger.submit("/child/", {"code": typed, "secret": typed}, status=422)

    def test_a_thread_needs_its_code(self, browse: Browse, stranger: Browser) -> None:
        for browser in (stranger, browse("counsellor")):
            assert browser.get("/child/thread", status=302).location == "/child/"

    def test_one_code_opens_one_thread(self, app: Portal, town: City) -> None:
        one, other = Browser(app), Browser(app)
        come_back(one, tell(one, words="わたしの はなし"))
        come_back(other, tell(other, words="ほかの はなし"))
        assert "わたしの はなし" not in other.get("/child/thread").words
        assert "わたしの はなし" in one.get("/child/thread").words

    def test_a_sleeping_session_gives_back_what_was_typed(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        come_back(stranger, tell(stranger))
        form = {**stranger.get("/child/thread").form(), "text": "まだまだ つづきが あるのです。"}
        with SystemSession(system) as session, session.begin():
            session.execute(update(m.Session).values(ended_at=func.now()))
        page = stranger.post("/child/thread", form, status=401)
        assert form["text"] in page.words


class TestTalking:
    def test_child_and_centre_write_to_each_other(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        come_back(stranger, tell(stranger))
        stranger.submit("/child/thread", {"text": "まだ こわい"})
        centre = browse("counsellor")
        page = centre.get("/inbox")
        assert page.tree is not None
        (item,) = page.tree.xpath("//main//li//h2/a/@href")
        assert "まだ こわい" in centre.get(item).words
        assert "よまれました" not in stranger.get("/child/thread").words
        centre.submit(item, {"text": "はなしてくれて ありがとう"}, action=f"{item}/answer")
        assert "まだ読まれていません" in centre.get(item).words
        words = stranger.get("/child/thread").words
        assert "はなしてくれて ありがとう" in words
        assert "よまれました" in words
        seen = centre.get(item).words
        assert "相手が読みました" in seen
        assert "まだ読まれていません" not in seen

    def test_a_reply_begins_from_a_form_in_the_childs_own_words_with_furigana(
        self, stranger: Browser, browse: Browse
    ) -> None:
        come_back(stranger, tell(stranger))
        centre = browse("counsellor")
        (item,) = centre.get("/inbox").tree.xpath("//main//li//h2/a/@href")
        offered = [
            str(value) for value in centre.get(item).tree.xpath("//button[@name='begin']/@value")
        ]
        assert len(offered) == 12
        assert offered[0].startswith("child."), "a child's words come first"
        empty = centre.get(item).form("/answer")

        def begin(chosen: str, typed: str = "") -> Page:
            return centre.post(
                f"{item}/answer/begin", {**empty, "text": typed, "begin": chosen}, 200
            )

        begun = [begin(chosen).form("/answer")["text"].strip() for chosen in offered]
        assert len(set(begun)) == 12
        assert all(begun)
        for text in begun[:4]:
            outside = re.sub(r"\{[^|{}]*\|[^{}]*\}|[0-9]+年[0-9]+月[0-9]+日（.）", "", text)
            assert not re.search(r"[一-龯]", outside), "what is no hiragana carries its reading"
        assert begin("child.none").form("/answer")["text"].strip() == ""
        # What is typed stays, whatever is chosen, and nothing is sent by choosing.
        page = begin(offered[0], "あおちゃん、こんにちは。")
        assert page.form("/answer")["text"].strip() == f"あおちゃん、こんにちは。\n\n{begun[0]}"
        again = begin(offered[0], page.form("/answer")["text"])
        assert again.form("/answer")["text"].count(begun[0]) == 1
        assert begin("nobody", "消えない").form("/answer")["text"].strip() == "消えない"
        assert "まだ、やりとりはありません。" in centre.get(item).words
        centre.post(f"{item}/answer", begin(offered[0]).form("/answer"))
        page = stranger.get("/child/thread")
        assert page.tree.xpath("//main//ruby/rt/text()")
        assert "{" not in page.tree.xpath("//main")[0].text_content()

    def test_what_a_visitor_types_is_never_made_into_markup(
        self, stranger: Browser, browse: Browse
    ) -> None:
        come_back(stranger, tell(stranger))
        stranger.submit("/child/thread", {"text": "{漢字|かんじ}<b>"})
        assert "{漢字|かんじ}<b>" in stranger.get("/child/thread").words

    def test_sent_twice_it_is_one_message(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        come_back(stranger, tell(stranger))
        form = {**stranger.get("/child/thread").form(), "text": "いちどだけ"}
        for _ in range(2):
            stranger.post("/child/thread", form)
        assert len(rows(system, m.ThreadMessage)) == 1

    def test_an_empty_message_is_refused(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        come_back(stranger, tell(stranger))
        stranger.submit("/child/thread", {"text": " "}, status=422)
        assert rows(system, m.ThreadMessage) == []

    def test_a_guardian_is_spoken_to_as_a_grown_up(self, stranger: Browser, browse: Browse) -> None:
        values = {
            "channel": "PHONE",
            "consulter": "FAMILY",
            "words": "子の様子が心配です",
            "secret": "あさがお",
        }
        page = browse("clerk").submit("/consultations/new", values, status=200)
        assert page.tree is not None
        words = page.tree.xpath("//ol[@class='receipt__words']//span/text()")
        come_back(stranger, words, "あさがお")
        assert "お話のつづき" in stranger.get("/child/thread").words
        child = Browser(stranger.client.application)
        come_back(child, tell(child))
        assert "お話のつづき" not in child.get("/child/thread").words

    def test_the_numbers_to_call_are_on_every_page(self, stranger: Browser, town: City) -> None:
        words = tell(stranger)
        come_back(stranger, words)
        for url in ("/child/start", "/child/", "/child/thread"):
            page = stranger.get(url).words
            for number in ("110", "119", "189", "0120-0-78310", "0120-99-7777"):
                assert number in page, (url, number)


class TestLeaving:
    def test_leaving_ends_the_session_and_leaves_nothing_behind(
        self, stranger: Browser, town: City, system: Engine
    ) -> None:
        come_back(stranger, tell(stranger))
        page = stranger.get("/child/leave", status=302)
        assert '"storage"' in page.response.headers["Clear-Site-Data"]
        left = stranger.follow(page)
        for telling in (PRODUCT, "こども", "センター", "デモ", "110", "/child"):
            assert telling not in left.text
        assert all(session.ended_at is not None for session in rows(system, m.Session))
        assert stranger.get("/child/thread", status=302).location == "/child/"

    def test_it_works_without_a_session_too(self, stranger: Browser) -> None:
        assert stranger.get("/child/leave", status=302).location == "/otenki"

    def test_titles_tell_nobody_anything(self, stranger: Browser, town: City) -> None:
        come_back(stranger, tell(stranger))
        for url in ("/child/start", "/child/", "/child/thread", "/otenki"):
            page = stranger.get(url)
            assert page.tree is not None
            assert page.tree.xpath("//title/text()") == ["おてんきメモ"]
