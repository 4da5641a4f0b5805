"""Nobody is left unread: what people are told, in the portal and by mail; whom an alarm rings."""

import smtplib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select, text, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event
from portal.config import Config
from portal.database import SystemSession
from portal.mail import letter_that_came_back
from portal.services.desk import lift_overdue
from portal.services.notices import note_bounce
from portal.services.notifications import (
    AT_ONCE,
    Choices,
    shown_to_their_readers,
    time_has_come,
)
from portal.templating import today
from portal.unit import Portal
from portal.vault import equip
from portal.working_hours import JST
from tests import city as towns
from tests.blueprints.test_actions import asked, asking
from tests.blueprints.test_cases import posting
from tests.blueprints.test_intake import REPORT, WORDS
from tests.letters import Box, gather, send_all, served_mail
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
Write = Callable[[Callable[[Session, towns.City], Any]], Any]


@pytest.fixture
def write(config: Config, system: Engine, town: towns.City) -> Write:
    """Return a pen of the system role: what others do meanwhile."""

    def writing(what: Callable[[Session, towns.City], Any]) -> Any:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return what(session, town)

    return writing


@pytest.fixture
def post(config: Config) -> Iterator[tuple[Box, Config]]:
    """Return a real mail server on loopback and a configuration that names it."""
    with served_mail(config) as served:
        yield served


@pytest.fixture
def grant(write: Write) -> uuid.UUID:
    """The school sees the case."""
    return write(
        lambda session, town: towns.add_grant(session, town, "school", ["basic", "school"])
    )


def ended(grant_id: uuid.UUID) -> Callable[[Session, towns.City], Any]:
    return lambda session, _town: session.execute(
        update(m.Grant).where(m.Grant.id == grant_id).values(ended_at=func.now())
    )


def told(session: Session, town: towns.City) -> list[tuple[str, str]]:
    """Return who was told of what, by name."""
    names = {account_id: name for name, account_id in town.accounts.items()}
    rows = session.scalars(select(m.Notification))
    return sorted((names[row.account_id], row.kind) for row in rows)


def letters(session: Session, _town: towns.City) -> list[m.Notice]:
    session.expire_on_commit = False
    return list(session.scalars(select(m.Notice).order_by(m.Notice.recorded_at, m.Notice.id)))


def rows(page: Page) -> list[str]:
    assert page.tree is not None
    found = page.tree.xpath("//main//ul[@class='case-rows']/li")
    return [" ".join(row.text_content().split()) for row in found]


def unread(browser: Browser) -> str:
    """Return the count beside the way to the notifications, "" where there is none."""
    tree = browser.get("/").tree
    assert tree is not None
    badge = tree.xpath("//nav//a[@href='/notifications']/span[contains(@class,'count')]//text()")
    return "".join(badge).split("件")[0].strip()


def report_of(letter: Any, action: str, message_id: str | None = None) -> bytes:
    """Return what a mail server writes back about a letter (RFC 3464)."""
    status = f"Final-Recipient: rfc822; {letter['To']}\nAction: {action}\nStatus: 5.1.1"
    head_of_letter = f"Subject: x\nMessage-ID: {message_id or letter['Message-ID']}\n"
    parts = [
        "Content-Type: text/plain\n\nYour message could not be delivered.",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.jp\n\n{status}",
        f"Content-Type: text/rfc822-headers\n\n{head_of_letter}",
    ]
    head = (
        "From: MAILER-DAEMON@example.jp\nMessage-ID: <own@mx.example.jp>\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=part\n\n"
    )
    body = "".join(f"--part\n{part}\n" for part in parts)
    return f"{head}{body}--part--\n".encode()


def mailed(post: tuple[Box, Config]) -> list[str]:
    """Let the worker do everything, and return to whom mail went."""
    box, config = post
    gather(config)
    send_all(config)
    return [str(message["To"]).partition("@")[0] for message in box.messages]


def earlier(minutes: int) -> Callable[[Session, towns.City], Any]:
    """Put what rang so many minutes back."""
    return lambda session, _town: session.execute(
        update(m.Alarm).values(rung_at=m.Alarm.rung_at - timedelta(minutes=minutes))
    )


def ring_on(session: Session, _town: towns.City) -> Any:
    return session.execute(select(func.ring_on())).scalar_one()


def tell_of_deadlines(session: Session, _town: towns.City) -> None:
    session.execute(select(func.tell_of_deadlines()))


class TestTelling:
    def test_a_request_and_its_answer_are_told_where_they_wait(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
    ) -> None:
        counsellor, nurse = browse("counsellor"), browse("nurse")
        url, fields = asking(counsellor, town)
        counsellor.post(url, fields)
        counsellor.post(url, fields)
        assert write(told) == [("nurse", "action"), ("teacher", "action")]
        assert unread(nurse) == "1"
        page = nurse.get("/notifications")
        assert page.tree is not None
        assert page.tree.xpath("//title/text()")[0].startswith("(1) ")
        (row,) = rows(page)
        assert "対応の依頼が届きました" in row
        assert "あおい" in row
        there = nurse.post(page.tree.xpath("//form[contains(@action,'/open')]/@action")[0]).location
        assert there.startswith("/actions/")
        assert unread(nurse) == ""
        assert unread(browse("teacher")) == "1", "each reads for oneself"

        nurse.post(f"{there}/accept", nurse.get(there).form("/accept"))
        nurse.submit(f"{there}/finish", {"words": "毎朝声をかけた", "effect": "笑うようになった"})
        assert write(told)[:2] == [("counsellor", "answer"), ("counsellor", "answer")]
        assert unread(counsellor) == "2"
        counsellor.post("/notifications/read")
        assert unread(counsellor) == ""

    def test_a_report_a_reply_and_what_an_agency_writes_are_told(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
    ) -> None:
        browse("volunteer").submit(REPORT, {"words": WORDS}, status=200)
        assert write(told) == [("npo_worker", "arrived")]
        worker = browse("npo_worker")
        (item,) = worker.get("/inbox").tree.xpath("//main//a[contains(@href,'/inbox/')]/@href")
        opening = worker.get("/notifications").tree.xpath("//form/@action")
        there = next(each for each in opening if each.endswith("/open"))
        assert worker.post(there).location == item
        worker.submit(item, {"text": "ありがとうございます"}, action=f"{item}/answer")
        assert ("volunteer", "reply") in write(told)
        volunteer = browse("volunteer")
        there = volunteer.get("/notifications").tree.xpath("//form/@action")[-1]
        assert volunteer.post(there).location == "/my-reports"

        case = f"/cases/{town.case_id}"
        nurse = browse("nurse")
        place = posting(nurse.get(case), town, text="今日も来なかった")
        nurse.post(f"{case}/entries/new", place)
        assert ("counsellor", "entry") in write(told)
        counsellor = browse("counsellor")
        there = counsellor.get("/notifications").tree.xpath("//form/@action")[-1]
        assert counsellor.post(there).location.startswith(f"{case}#entry-")

    def test_whoever_opens_the_case_or_the_request_itself_has_read_what_it_was_told(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
    ) -> None:
        counsellor, nurse, teacher = browse("counsellor"), browse("nurse"), browse("teacher")
        for request in ("朝のようすを見てください", "もうひとつ"):
            counsellor.post(*asking(counsellor, town, request=request))
        # The school does not see this slice: what asks for it waits until it does.
        hidden = {"slice": "home", "subject": str(town.persons["child"]), "text": "家のこと"}
        asked_to_read = {**hidden, "tell": [str(town.agencies["school"])]}
        counsellor.submit(f"/cases/{town.case_id}/entries/new", asked_to_read)
        assert unread(nurse) == "2"
        first = nurse.get("/actions").tree.xpath("//main//a[contains(@href,'/actions/')]/@href")[0]
        page = nurse.get(first)
        assert page.tree.xpath("string(//title)").startswith("(1) "), "every page says it"
        nurse.get(f"/cases/{town.case_id}")
        assert unread(nurse) == ""
        assert unread(teacher) == "2", "each reads for oneself"
        write(lambda s, t: towns.add_grant(s, t, "school", ["basic", "home"]))
        assert unread(nurse) == "1", "what was hidden was not read"

    def test_whoever_opens_a_consultation_from_the_desk_has_read_that_it_came(
        self, browse: Browse, stranger: Browser
    ) -> None:
        stranger.submit(REPORT, {"words": WORDS, "suspected_abuse": "y"}, status=200)
        counsellor, director = browse("counsellor"), browse("director")
        assert unread(counsellor) == unread(director) == "1"
        (item,) = counsellor.get("/inbox").tree.xpath("//main//a[contains(@href,'/inbox/')]/@href")
        counsellor.get(item)
        assert (unread(counsellor), unread(director)) == ("", "1")

    def test_opening_a_case_takes_no_decision_and_confirms_no_alarm(
        self, browse: Browse, town: towns.City, write: Write
    ) -> None:
        decided = {"urgency": "AA", "grounds": "首をしめられた"}
        browse("counsellor").submit(f"/cases/{town.case_id}/urgency", decided)
        director = browse("director")
        director.get(f"/cases/{town.case_id}")
        assert unread(director) == "1"

    def test_a_nurses_update_takes_three_taps_from_the_mails_link(
        self, browse: Browse, town: towns.City, post: tuple[Box, Config], grant: uuid.UUID
    ) -> None:
        counsellor, nurse = browse("counsellor"), browse("nurse")
        counsellor.post(*asking(counsellor, town))
        assert "nurse" in mailed(post)
        body = post[0].messages[0].get_body(("plain",))
        assert body is not None
        assert "https://localhost/notifications" in body.get_content()
        page = nurse.get("/notifications")
        # One: the notification. Two: "done". Three: sent.
        action = nurse.follow(nurse.post(page.tree.xpath("//form/@action")[-1]))
        (finish,) = action.tree.xpath("//main//a[contains(@href,'/finish')]/@href")
        nurse.submit(finish, {"words": "声をかけました"})

    def test_whoever_is_excluded_or_must_not_be_told_is_told_nothing(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
    ) -> None:
        def exclude(session: Session, town: towns.City) -> None:
            session.add(
                m.Exclusion(
                    case_id=town.case_id,
                    owner_agency_id=town.agencies["centre"],
                    account_id=town.accounts["teacher"],
                    recorded_by=town.accounts["director"],
                )
            )

        write(exclude)
        counsellor = browse("counsellor")
        counsellor.post(*asking(counsellor, town))
        assert write(told) == [("nurse", "action")]
        assert unread(browse("teacher")) == ""

    def test_what_was_taken_back_is_told_no_more_neither_in_the_list_nor_by_mail(
        self,
        browse: Browse,
        town: towns.City,
        write: Write,
        grant: uuid.UUID,
        post: tuple[Box, Config],
    ) -> None:
        counsellor, nurse = browse("counsellor"), browse("nurse")
        counsellor.post(*asking(counsellor, town))
        page = nurse.get("/notifications")
        (there,) = page.tree.xpath("//form[contains(@action,'/open')]/@action")
        gather(post[1])
        assert len(write(letters)) == 2, "the letters are in the queue"
        write(ended(grant))
        page = nurse.get("/notifications")
        assert rows(page) == []
        assert "K7F-3QXR" not in page.text
        assert unread(nurse) == ""
        nurse.post(there, status=404)
        assert mailed(post) == []
        assert all(letter.dropped_at and not letter.sent_at for letter in write(letters))
        # What shows again is told again, by another letter.
        write(lambda session, _town: session.execute(update(m.Grant).values(ended_at=None)))
        assert sorted(mailed(post)) == ["nurse", "teacher"]

    def test_the_rule_is_what_decides_in_either_wall(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        counsellor.post(*asking(counsellor, town))

        def shown(session: Session, _town: towns.City) -> int:
            rows = session.scalars(select(m.Notification)).all()
            return len(shown_to_their_readers(session, rows))

        assert write(shown) == 2
        write(ended(grant))
        assert write(shown) == 0
        nurse = town.accounts["nurse"]
        settings = {"account_id": nurse, "agency_id": town.agencies["school"]}
        with system.connect() as connection:
            count = text("SELECT count(*) FROM notifications")
            assert connection.execute(count).scalar_one() == 2, "the system role sees them"
        app = create_engine(system.url.set(username="portal_app"))
        with app.connect() as connection:
            for name, value in settings.items():
                connection.execute(
                    text("SELECT set_config(:name, :value, true)"),
                    {"name": f"portal.{name}", "value": str(value)},
                )
            assert connection.execute(count).scalar_one() == 0
        app.dispose()

    def test_whom_the_writer_names_is_asked_to_read_it_and_nobody_who_cannot_see_it(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
    ) -> None:
        url = f"/cases/{town.case_id}/entries/new"
        who = str(town.accounts["director"])
        school = str(town.agencies["school"])
        written = {
            "slice": "school",
            "subject": str(town.persons["child"]),
            "text": "給食をよく食べた",
            "tell": [who, school],
        }
        counsellor = browse("counsellor")
        counsellor.submit(url, written)
        mentioned = [("director", "mention"), ("nurse", "mention"), ("teacher", "mention")]
        assert write(told) == mentioned
        assert unread(browse("nurse")) == "1"
        # The school does not see this slice: the row is there, and shows nowhere.
        counsellor.submit(url, {**written, "slice": "home", "tell": [school]})
        assert unread(browse("nurse")) == "1"
        assert len(rows(browse("nurse").get("/notifications"))) == 1
        counsellor.submit(url, {**written, "tell": [str(town.accounts["lawyer"])]}, 422)
        # At the school colleagues are named; its people are not known to each other's agencies.
        page = browse("nurse").get(url)
        assert page.tree.xpath("//input[@name='tell']/@value") == [str(town.accounts["teacher"])]

    def test_what_a_load_writes_is_nobodys_deed(self, write: Write, grant: uuid.UUID) -> None:
        assert write(told) == []


class TestMail:
    @pytest.fixture
    def waiting(self, browse: Browse, town: towns.City, grant: uuid.UUID) -> None:
        """Two requests wait for the school's team."""
        counsellor = browse("counsellor")
        counsellor.post(*asking(counsellor, town))
        counsellor.post(*asking(counsellor, town, kind="connect", request="もうひとつ"))

    def test_one_mail_tells_of_all_that_waits_and_holds_nothing_of_it(
        self, waiting: None, post: tuple[Box, Config], write: Write, town: towns.City
    ) -> None:
        assert sorted(mailed(post)) == ["nurse", "teacher"]
        assert sorted(mailed(post)) == ["nurse", "teacher"], "what was told is not told again"
        for message in post[0].messages:
            text_ = message.as_string() + str(message.get_body(("plain",)).get_content())
            assert message["Subject"] == "お知らせがあります / Something waits for you"
            for word in ("K7F", "あおい", "見本第一", "朝のようす", "サポートセンター", "依頼"):
                assert word not in text_

    def test_a_mail_sent_again_after_a_crash_is_the_same_message(
        self, waiting: None, post: tuple[Box, Config], write: Write
    ) -> None:
        mailed(post)
        before = sorted(str(message["Message-ID"]) for message in post[0].messages)
        write(lambda session, _town: session.execute(update(m.Notice).values(sent_at=None)))
        mailed(post)
        after = [str(message["Message-ID"]) for message in post[0].messages]
        assert sorted(set(after)) == before
        assert len(after) == 2 * len(before)

    def test_what_was_read_meanwhile_is_not_mailed(
        self, waiting: None, post: tuple[Box, Config], browse: Browse
    ) -> None:
        gather(post[1])
        browse("nurse").post("/notifications/read")
        assert mailed(post) == ["teacher"]

    def test_an_address_that_nobody_has_is_shown_to_the_manager(
        self, waiting: None, post: tuple[Box, Config], browse: Browse, write: Write
    ) -> None:
        box, _config = post
        box.nobody["nurse@example.jp"] = "550 5.1.1 No such user"
        assert mailed(post) == ["teacher"]
        words = browse("principal").get("/staff").words
        assert words.count("メールが届きません") == 1
        (refused,) = [letter for letter in write(letters) if letter.refused_at]
        assert refused.sent_at is None
        # Tried once, and not again until something else waits; a mail that comes through clears it.
        box.nobody.clear()
        assert mailed(post) == ["teacher"]
        write(
            lambda session, _town: session.execute(
                update(m.Notice).where(m.Notice.id == refused.id).values(refused_at=None)
            )
        )
        assert mailed(post) == ["teacher", "nurse"]
        assert "メールが届きません" not in browse("principal").get("/staff").words

    def test_a_server_that_refuses_for_now_is_asked_again(
        self, waiting: None, post: tuple[Box, Config], write: Write
    ) -> None:
        box, config = post
        gather(config)
        box.nobody |= dict.fromkeys(
            ("nurse@example.jp", "teacher@example.jp"), "450 4.2.1 Try later"
        )
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send_all(config)
        box.nobody.clear()
        assert sorted(mailed(post)) == ["nurse", "teacher"]

    def test_a_letter_that_comes_back_is_shown_too(
        self, waiting: None, post: tuple[Box, Config], browse: Browse, app: Portal, write: Write
    ) -> None:
        mailed(post)
        message = next(each for each in post[0].messages if "nurse" in str(each["To"]))
        strange = f"<{uuid.uuid4()}@localhost>"
        assert letter_that_came_back(report_of(message, "delayed")) is None
        assert letter_that_came_back(report_of(message, "failed", "<who@example.jp>")) is None
        for data, found in (
            (report_of(message, "failed", strange), False),
            (report_of(message, "failed"), True),
        ):
            assert "メールが届きません" not in browse("principal").get("/staff").words
            letter = letter_that_came_back(data)
            assert letter is not None
            assert write(lambda session, _town, key=letter: note_bounce(session, key)) is found
        assert browse("principal").get("/staff").words.count("メールが届きません") == 1
        done = app.test_cli_runner().invoke(args=("mail", "bounced"), input=b"Subject: hello\n\n")
        assert done.exit_code == 1
        assert "no report" in done.output

    def test_mail_comes_as_one_chose(
        self, waiting: None, post: tuple[Box, Config], browse: Browse, write: Write
    ) -> None:
        nurse = browse("nurse")
        hour = datetime.now(JST).hour
        quiet = {"quiet_from": str(hour), "quiet_until": str((hour + 2) % 24)}
        nurse.submit("/notifications/mail", quiet)
        assert mailed(post) == ["teacher"]
        nurse.submit("/notifications/mail", {"quiet_from": "", "quiet_until": ""})
        assert mailed(post) == ["teacher", "nurse"]
        half = nurse.submit("/notifications/mail", {"quiet_from": "22"}, 422)
        assert "両方" in half.words
        within = {"daily_at": "23", "quiet_from": "22", "quiet_until": "7"}
        assert "ほかの時刻" in nurse.submit("/notifications/mail", within, 422).words
        same = {"quiet_from": "22", "quiet_until": "22"}
        assert "ちがう時刻" in nurse.submit("/notifications/mail", same, 422).words


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=JST).astimezone(UTC)


class TestHours:
    @pytest.mark.parametrize(
        ("choices", "since", "now", "come"),
        [
            (AT_ONCE, at(2, 3), at(2, 3), True),
            (Choices(None, 22, 7), at(2, 23), at(2, 23), False),
            (Choices(None, 22, 7), at(2, 23), at(3, 6, 59), False),
            (Choices(None, 22, 7), at(2, 23), at(3, 7), True),
            (Choices(None, 12, 13), at(2, 12, 30), at(2, 12, 59), False),
            (Choices(None, 12, 13), at(2, 11, 59), at(2, 13), True),
            (Choices(8), at(2, 7, 59), at(2, 7, 59), False),
            (Choices(8), at(2, 7, 59), at(2, 8), True),
            (Choices(8), at(2, 8, 1), at(2, 20), False),
            (Choices(8), at(2, 8, 1), at(3, 8), True),
            (Choices(8, 22, 7), at(2, 9), at(3, 23), False),
        ],
    )
    def test_mail_leaves_when_it_may(
        self, choices: Choices, since: datetime, now: datetime, *, come: bool
    ) -> None:
        assert time_has_come(choices, since, now) is come


class TestAlarms:
    @pytest.fixture
    def listed(self, browse: Browse, town: towns.City) -> None:
        """The director put the investigator first and the counsellor second."""
        places = {
            "place_1": str(town.accounts["investigator"]),
            "place_2": str(town.accounts["counsellor"]),
        }
        browse("director").submit("/duty-list", places)

    def test_an_urgent_report_rings_one_after_the_other_until_somebody_confirms(
        self,
        browse: Browse,
        listed: None,
        write: Write,
        post: tuple[Box, Config],
        stranger: Browser,
    ) -> None:
        # Whatever the hour, and whatever one chose.
        hour = datetime.now(JST).hour
        quiet = {"quiet_from": str(hour), "quiet_until": str((hour + 2) % 24)}
        browse("investigator").submit("/notifications/mail", quiet)
        stranger.submit(REPORT, {"words": WORDS, "urgent": "y"}, status=200)
        rung = [who for who, kind in write(told) if kind == "alarm"]
        assert rung == ["investigator"]
        assert "investigator" in mailed(post)
        assert write(ring_on) == 0, "ten minutes have not passed"
        write(earlier(10))
        assert write(ring_on) == 1
        write(earlier(10))
        write(ring_on)
        rung = [who for who, kind in write(told) if kind == "alarm"]
        assert rung == ["counsellor", "investigator", "investigator"], "and then the first again"

        counsellor, director = browse("counsellor"), browse("director")
        page = counsellor.get("/notifications")
        assert "緊急" in page.words
        (confirm,) = page.tree.xpath("//form[contains(@action,'/confirm')]/@action")
        counsellor.post(confirm)
        assert "ほかの人が、先に" in director.follow(director.post(confirm)).words
        write(earlier(10))
        assert write(ring_on) == 0
        page = counsellor.get("/notifications")
        assert not page.tree.xpath("//form[contains(@action,'/confirm')]")
        events = write(
            lambda session, _town: session.scalars(
                select(m.AuditEvent.account_id).where(
                    m.AuditEvent.event == Event.ALARM_CONFIRMED.value
                )
            ).all()
        )
        assert len(events) == 1

    def test_urgency_aa_rings_somebody_else_than_who_decided(
        self, browse: Browse, town: towns.City, write: Write, listed: None
    ) -> None:
        decided = {"urgency": "AA", "grounds": "首をしめられた"}
        browse("investigator").submit(f"/cases/{town.case_id}/urgency", decided)
        assert [who for who, kind in write(told) if kind == "alarm"] == ["counsellor"]
        browse("investigator").submit(f"/cases/{town.case_id}/urgency", decided)
        assert [who for who, kind in write(told) if kind == "alarm"] == ["counsellor"]

    def test_without_a_list_the_director_is_rung_and_nobody_who_is_excluded(
        self, browse: Browse, town: towns.City, write: Write
    ) -> None:
        decided = {"urgency": "AA", "grounds": "首をしめられた"}
        browse("counsellor").submit(f"/cases/{town.case_id}/urgency", decided)
        assert [who for who, kind in write(told) if kind == "alarm"] == ["director"]

    def test_the_list_names_the_centres_people_once_each_and_notices_a_change(
        self, browse: Browse, town: towns.City, write: Write, listed: None
    ) -> None:
        director = browse("director")
        who = str(town.accounts["investigator"])
        twice = director.submit("/duty-list", {"place_1": who, "place_2": who}, 422)
        assert "1人は1回だけ" in twice.words
        stranger = {"place_1": str(town.accounts["nurse"])}
        director.submit("/duty-list", stranger, 422)
        stale = {**director.get("/duty-list").form(), "place_3": str(town.accounts["director"])}
        director.submit("/duty-list", {"place_1": str(town.accounts["director"])})
        assert "先に変えました" in director.post("/duty-list", stale, 422).words
        assert "当番の順番が変わった" in director.get("/staff/changes").words
        browse("counsellor").get("/duty-list", 403)
        browse("nurse").get("/duty-list", 403)


class TestDeadlines:
    def test_what_is_due_is_told_once_and_what_is_overdue_comes_up_to_the_director(
        self, browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
    ) -> None:
        write(asked(days=1))
        write(tell_of_deadlines)
        write(tell_of_deadlines)
        assert write(told) == [("nurse", "due"), ("teacher", "due")]
        write(
            lambda session, _town: session.execute(
                update(m.Action).values(due_on=today() - timedelta(days=1))
            )
        )
        write(tell_of_deadlines)
        write(tell_of_deadlines)
        overdue = [who for who, kind in write(told) if kind == "overdue"]
        assert overdue == ["counsellor", "director", "nurse", "teacher"]
        (row,) = rows(browse("director").get("/notifications"))
        assert "期限を過ぎています" in row
        assert "1日超過" in row

    def test_a_promised_reply_that_nobody_wrote_comes_up(
        self, browse: Browse, town: towns.City, write: Write, stranger: Browser
    ) -> None:
        stranger.submit(REPORT, {"words": WORDS, "suspected_abuse": "y"}, status=200)
        write(
            lambda session, _town: session.execute(
                update(m.InboxItem).values(due_at=func.now() - timedelta(hours=1))
            )
        )
        write(tell_of_deadlines)
        overdue = {who for who, kind in write(told) if kind == "overdue"}
        assert {"director", "counsellor", "npo_worker"} <= overdue

    def test_a_report_that_comes_up_by_itself_is_told_at_the_centre(
        self, browse: Browse, write: Write, stranger: Browser
    ) -> None:
        stranger.submit(REPORT, {"words": WORDS}, status=200)
        write(
            lambda session, _town: session.execute(
                update(m.InboxItem).values(due_at=func.now() - timedelta(hours=1))
            )
        )
        write(lambda session, _town: lift_overdue(session))
        assert ("counsellor", "arrived") in write(told)


def test_everybody_finds_the_page_empty_and_in_english(browse: Browse, app: Portal) -> None:
    for person in ("director", "nurse", "volunteer", "lawyer", "auditor", "admin", "liaison"):
        assert "お知らせはありません" in browse(person).get("/notifications").words
        browse(person).get("/notifications/mail")
