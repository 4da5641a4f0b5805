"""Who holds and reads a consultation, from the door it came through to the case it becomes."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import (
    ConflictError,
    PortalSession,
    SystemSession,
    look_as,
    look_as_intake,
)
from portal.embedded import APP
from portal.policy.permissions import NotPermittedError, Standing
from portal.policy.viewer import Viewer
from portal.queries import inbox as on_desk
from portal.queries.threads import conversation, messages, own_reports
from portal.services import consultations, desk, threads
from portal.services.consultations import Receipt, Told
from portal.vault import equip, reveal
from portal.working_hours import npo_deadline, promised_reply
from tests import city as towns
from tests.conftest import Database


class Place:
    """A city on a database of its own, and sessions of its people; each call commits."""

    def __init__(self, database: Database, town: towns.City) -> None:
        self.database, self.town = database, town
        self.opened: list[PortalSession] = []

    def session(self, viewer: Viewer | None = None, standing: Standing | None = None) -> Session:
        session = PortalSession(self.database.app)
        self.opened.append(session)
        equip(session, self.database.keys)
        if viewer is not None:
            look_as(session, viewer, standing)
        return session

    def as_(self, person: str) -> Session:
        agency, role, manager, _ = towns.PEOPLE[person]
        return self.session(
            Viewer(self.town.accounts[person], self.town.acting[person]),
            Standing(role, manager, towns.AGENCIES[agency][0], self.town.acting[person]),
        )

    def visitor(self, receipt: Receipt, secret: str = "") -> Session:
        stranger = self.session()
        proven = threads.prove_code(stranger, self.database.config, " ".join(receipt.words), secret)
        assert proven is not None
        return self.session(Viewer(thread_id=proven.thread_id))

    def agency(self, name: str) -> m.Agency:
        with Session(self.database.system, expire_on_commit=False) as session:
            return session.get_one(m.Agency, self.town.agencies[name])

    def report(self, session: Session | None = None, **changes: object) -> Receipt:
        session = session or self.session()
        told = Told(**{"words": "うでに あざ", "topic": "OTHER", **changes})  # type: ignore[arg-type]
        receipt = consultations.receive_report(
            session,
            self.database.config,
            consultations.addressed(session, "mihon-shokudo", ["cafeteria"]),
            submission=uuid.uuid4(),
            secret="",
            told=told,
        )
        session.commit()
        return receipt

    def consult(self, listener: str, **changes: object) -> Receipt:
        session = self.session()
        told = Told(**{"words": "つらい", "topic": "FRIENDS", **changes})  # type: ignore[arg-type]
        receipt = consultations.receive_consultation(
            session,
            self.database.config,
            self.agency(listener),
            submission=uuid.uuid4(),
            secret="ねこ",
            told=told,
        )
        session.commit()
        return receipt

    def everything(self, model: type[m.Base]) -> list[m.Base]:
        with Session(self.database.system, expire_on_commit=False) as session:
            return list(session.scalars(select(model)))

    def desks(self) -> set[str]:
        names = {key: name for name, key in self.town.agencies.items()}
        return {names[item.agency_id] for item in self.everything(m.InboxItem)}

    def accepted(
        self, person: str, session: Session | None = None, item: m.InboxItem | None = None
    ) -> m.Case:
        session = session or self.as_(person)
        case = desk.accept(
            session,
            item or the(session, m.InboxItem),
            case_id=uuid.uuid4(),
            child={"family_name": "", "given_name": "あおい", "kana": "", "called": ""},
            birth_date=None,
            topics=["OTHER"],
            urgency="B",
            grounds="あざがある",
        )
        session.commit()
        return case


@pytest.fixture(scope="module")
def city(clone: Callable[[], Database]) -> Iterator[tuple[Database, towns.City]]:
    """The small city, written once; each test works on a copy of its database."""
    database = clone()
    with SystemSession(database.system) as session, session.begin():
        town = towns.build(session, database.keys)
        session.get_one(m.Agency, town.agencies["school"]).report_slug = "mihon-ichi"
    database.system.dispose()
    yield database, town
    database.drop()


@pytest.fixture
def place(city: tuple[Database, towns.City]) -> Iterator[Place]:
    database, town = city
    server, name = database.server, f"consultations_{uuid.uuid4().hex[:12]}"
    server.create_database(name, database.name)
    config = replace(database.config, database_url=server.url(APP, name))
    place = Place(Database(name, server, config), town)
    yield place
    for session in place.opened:
        session.close()
    place.database.drop()


def the(session: Session, model: type) -> m.Base:
    return session.scalars(select(model)).one()


def seen(session: Session, model: type) -> int:
    """Count what the viewer sees; each look is a transaction of its own."""
    session.rollback()
    return len(session.scalars(select(model)).all())


def handed_over(place: Place, person: str) -> None:
    session = place.as_(person)
    desk.hand_over(session, the(session, m.InboxItem), message_id=uuid.uuid4())
    session.commit()


def said(session: Session, text: str) -> None:
    """Write: a visitor in the own thread, a desk as its answer."""
    if session.info["viewer"].thread_id is not None:
        threads.write_back(session, message_id=uuid.uuid4(), text=text)
    else:
        desk.answer(session, the(session, m.InboxItem), message_id=uuid.uuid4(), text=text)
    session.commit()


def heard(session: Session) -> list[str]:
    session.rollback()
    found = session.scalars(
        select(m.ThreadMessage).order_by(m.ThreadMessage.written_at, m.ThreadMessage.id)
    )
    return [reveal(session, message, "text") for message in found]


class TestReports:
    @pytest.mark.parametrize(
        ("suspected", "urgent", "desks"),
        [
            (False, False, {"npo"}),
            (True, False, {"npo", "centre"}),
            (False, True, {"npo", "centre"}),
        ],
    )
    def test_any_suspicion_lies_at_the_centre_at_once(
        self, place: Place, *, suspected: bool, urgent: bool, desks: set[str]
    ) -> None:
        place.report(suspected_abuse=suspected, urgent=urgent)
        assert place.desks() == desks

    def test_a_cafeteria_without_npo_reports_to_the_centre(self, place: Place) -> None:
        with SystemSession(place.database.system) as session, session.begin():
            session.get_one(m.Agency, place.town.agencies["cafeteria"]).entrusted_npo_id = None
        place.report()
        assert place.desks() == {"centre"}

    def test_promises_follow_the_desk_hours(self, place: Place) -> None:
        receipt = place.report()
        (item,) = place.everything(m.InboxItem)
        assert item.due_at == receipt.promised_at == npo_deadline(item.received_at)

    def test_what_is_urgent_is_looked_at_like_a_call(self, place: Place) -> None:
        receipt = place.report(urgent=True)
        for item in place.everything(m.InboxItem):
            assert item.due_at == promised_reply(item.received_at, "PHONE")
        assert receipt.promised_at == promised_reply(item.received_at, "CAFETERIA")
        assert receipt.urgent

    def test_a_second_sending_shows_the_same_code_and_writes_nothing(self, place: Place) -> None:
        submission = uuid.uuid4()
        receipts = []
        for words in ("はじめ", "はじめ"):
            session = place.session()
            cafeteria = consultations.addressed(session, "mihon-shokudo", ["cafeteria"])
            receipts.append(
                consultations.receive_report(
                    session,
                    place.database.config,
                    cafeteria,
                    submission=submission,
                    secret="",
                    told=Told(words, "OTHER"),
                )
            )
            session.commit()
        assert receipts[0] == receipts[1]
        assert len(place.everything(m.Consultation)) == 1
        assert place.report().words != receipts[0].words

    def test_two_sendings_at_one_moment_make_one_report(self, place: Place) -> None:
        submission = uuid.uuid4()
        first, receipts = place.session(), []

        def send(session: Session) -> None:
            cafeteria = consultations.addressed(session, "mihon-shokudo", ["cafeteria"])
            receipt = consultations.receive_report(
                session,
                place.database.config,
                cafeteria,
                submission=submission,
                secret="",
                told=Told("あざ", "OTHER"),
            )
            receipts.append(receipt)

        send(first)
        # The second cannot finish before the first is committed: it waits at the primary key.
        waiting = threading.Thread(target=send, args=(second := place.session(),))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        first.commit()
        waiting.join(10)
        second.commit()
        assert receipts[0] == receipts[1]
        assert len(place.everything(m.Thread)) == len(place.everything(m.InboxItem)) == 1

    def test_a_volunteer_stays_known_and_somebody_else_does_not(self, place: Place) -> None:
        place.report(place.as_("volunteer"))
        place.report(place.as_("teacher"))
        place.report()
        accounts = [thread.account_id for thread in place.everything(m.Thread)]
        assert accounts.count(place.town.accounts["volunteer"]) == 1
        assert accounts.count(None) == 2
        logged = {
            event.account_id
            for event in place.everything(m.AuditEvent)
            if event.event == "consultation.received"
        }
        assert logged == {place.town.accounts["volunteer"], None}

    def test_nobody_reports_in_the_name_of_somebody_else(self, place: Place) -> None:
        def forged(account_id: uuid.UUID | None) -> None:
            session, thread_id = place.session(), uuid.uuid4()
            look_as_intake(session, thread_id, in_own_name=False)
            session.add(m.Thread(id=thread_id, kind="reporter", sealed=True, account_id=account_id))
            session.flush()

        forged(None)
        with pytest.raises(ProgrammingError, match="row-level security"):
            forged(place.town.accounts["volunteer"])

    def test_a_volunteers_own_text_leaves_after_a_day_and_the_reply_stays(
        self, place: Place
    ) -> None:
        place.report(place.as_("volunteer"), words="じぶんの ことば")
        said(place.as_("npo_worker"), "ありがとう")
        (report,) = own_reports(place.as_("volunteer")).rows
        assert report.words == "じぶんの ことば"
        with SystemSession(place.database.system) as session, session.begin():
            session.execute(
                update(m.Consultation).values(received_at=func.now() - timedelta(hours=24))
            )
        (report,) = own_reports(place.as_("volunteer")).rows
        assert report.words is None
        assert [line.text for line in report.replies] == ["ありがとう"]
        assert own_reports(place.as_("watcher")).rows == []


class TestPassingOn:
    def test_who_passes_on_learns_nothing_of_what_follows(self, place: Place) -> None:
        receipt = place.report()
        visitor = place.visitor(receipt)
        said(visitor, "はじめに書いたこと")
        said(place.as_("npo_worker"), "NPOの返事")
        npo = place.as_("npo_worker")
        assert heard(npo) == ["はじめに書いたこと", "NPOの返事"]
        handed_over(place, "npo_worker")
        centre = place.as_("counsellor")
        said(centre, "センターの返事")
        said(visitor, "あとで書いたこと")
        everything = ["はじめに書いたこと", "NPOの返事", "センターの返事", "あとで書いたこと"]
        assert heard(centre) == heard(visitor) == everything
        assert heard(npo) == everything[:2]

    def test_the_givers_item_stays_as_it_was_whatever_the_centre_does(self, place: Place) -> None:
        place.report()
        handed_over(place, "npo_worker")
        before = _state(place, "npo")
        place.accepted("counsellor")
        assert _state(place, "npo") == before
        assert _state(place, "centre") != before
        assert seen(place.as_("npo_worker"), m.Case) == 0

    def test_who_consulted_is_told(self, place: Place) -> None:
        receipt = place.consult("school")
        session, message_id = place.as_("nurse"), uuid.uuid4()
        for _ in range(2):
            desk.hand_over(
                session, the(session, m.InboxItem), message_id=message_id, text="センターへ"
            )
            session.commit()
        assert heard(place.visitor(receipt, "ねこ")) == ["センターへ"]
        assert heard(place.as_("nurse")) == ["センターへ"]

    def test_the_giver_writes_no_more(self, place: Place) -> None:
        place.report()
        handed_over(place, "npo_worker")
        with pytest.raises(NotPermittedError):
            said(place.as_("npo_worker"), "まだ書く")
        said(place.as_("counsellor"), "センターは書く")

    def test_passing_on_what_the_centre_has_changes_nothing_there(self, place: Place) -> None:
        place.report(suspected_abuse=True)
        before = _state(place, "centre")
        handed_over(place, "npo_worker")
        handed_over(place, "npo_worker")
        assert _state(place, "centre") == before
        assert len(place.everything(m.InboxItem)) == 2

    def test_the_centre_passes_nothing_on(self, place: Place) -> None:
        place.consult("centre")
        with pytest.raises(NotPermittedError):
            handed_over(place, "counsellor")

    def test_a_school_and_the_centre_see_only_what_was_told_to_them(self, place: Place) -> None:
        place.consult("school")
        nurse, counsellor = place.as_("nurse"), place.as_("counsellor")
        for model in (m.InboxItem, m.Thread, m.Consultation):
            assert (seen(nurse, model), seen(counsellor, model)) == (1, 0)
        place.consult("centre")
        for model in (m.InboxItem, m.Thread, m.Consultation):
            assert (seen(nurse, model), seen(counsellor, model)) == (1, 1)
        assert seen(place.as_("other_nurse"), m.InboxItem) == 0
        handed_over(place, "nurse")
        assert seen(counsellor, m.InboxItem) == 2

    def test_a_school_does_not_see_that_its_thread_became_a_case(self, place: Place) -> None:
        place.consult("school")
        handed_over(place, "nurse")
        nurse = place.as_("nurse")
        assert seen(nurse, m.Thread) == 1
        place.accepted("counsellor")
        assert seen(nurse, m.Thread) == 0
        # What was told to the school stays readable there.
        assert reveal(nurse, the(nurse, m.Consultation), "words") == "つらい"
        assert seen(place.as_("investigator"), m.Thread) == 1


def _state(place: Place, agency: str) -> list[tuple[object, ...]]:
    return [
        tuple(getattr(item, column.key) for column in m.InboxItem.__table__.columns)
        for item in place.everything(m.InboxItem)
        if item.agency_id == place.town.agencies[agency]
    ]


class TestAcceptance:
    def test_who_reported_is_for_the_director_and_the_workers(self, place: Place) -> None:
        receipt = place.report(suspected_abuse=True)
        said(place.visitor(receipt), "続き")
        governed = (m.InboxItem, m.Thread, m.Consultation, m.ThreadMessage)
        people = [place.as_(name) for name in ("counsellor", "director", "investigator")]
        for session in people:
            assert [seen(session, model) for model in governed] == [1, 1, 1, 1]
        place.accepted("counsellor")
        worker, director, other = people
        for session in (worker, director):
            assert [seen(session, model) for model in governed] == [1, 1, 1, 1]
        assert [seen(other, model) for model in governed] == [0, 0, 0, 0]
        thread_keys = select(m.ThreadKey)
        assert other.scalars(thread_keys).all() == []
        assert len(worker.scalars(thread_keys).all()) == 1

    def test_a_childs_own_thread_is_for_all_counsellors(self, place: Place) -> None:
        place.consult("centre")
        place.accepted("counsellor")
        assert seen(place.as_("investigator"), m.InboxItem) == 1

    def test_an_excluded_account_sees_neither_item_nor_thread(self, place: Place) -> None:
        place.consult("centre")
        case = place.accepted("counsellor")
        excluded, other = place.as_("investigator"), place.as_("director")
        assert seen(excluded, m.InboxItem) == seen(excluded, m.Thread) == 1
        with SystemSession(place.database.system) as session, session.begin():
            session.add(
                m.Exclusion(
                    case_id=case.id,
                    owner_agency_id=case.owner_agency_id,
                    account_id=place.town.accounts["investigator"],
                )
            )
        for model in (m.InboxItem, m.Thread, m.Consultation):
            assert (seen(excluded, model), seen(other, model)) == (0, 1)

    def test_a_second_sending_is_the_same_case_and_a_colleagues_is_refused(
        self, place: Place
    ) -> None:
        place.consult("centre")
        case_id = uuid.uuid4()
        terms = {
            "child": {"family_name": "", "given_name": "", "kana": "", "called": "あお"},
            "birth_date": "2016-09-01",
            "topics": ["FRIENDS"],
            "urgency": "AA",
            "grounds": "理由",
        }
        for _ in range(2):
            session = place.as_("counsellor")
            item = the(session, m.InboxItem)
            assert desk.accept(session, item, case_id=case_id, **terms).id == case_id
            session.commit()
        assert len(place.everything(m.UrgencyDecision)) == 1
        colleague = place.as_("director")
        with pytest.raises(ConflictError) as conflict:
            desk.accept(colleague, the(colleague, m.InboxItem), case_id=uuid.uuid4(), **terms)
        assert conflict.value.mine == "理由"

    def test_whom_not_to_tell_becomes_a_wish_of_the_case(self, place: Place) -> None:
        place.consult("centre")
        place.accepted("counsellor")
        assert place.everything(m.NeverTell) == []
        place.consult("centre", not_to_tell="たんにんの先生")
        session = place.as_("counsellor")
        new = select(m.InboxItem).where(m.InboxItem.status == "new")
        place.accepted("counsellor", session, session.scalars(new).one())
        (wish,) = place.everything(m.NeverTell)
        assert (wish.agency_id, wish.account_id, wish.person_id) == (None, None, None)
        assert reveal(session, the(session, m.NeverTell), "words") == "たんにんの先生"

    @pytest.mark.parametrize("person", ["npo_worker", "nurse"])
    def test_only_the_centre_accepts(self, place: Place, person: str) -> None:
        place.report() if person == "npo_worker" else place.consult("school")
        with pytest.raises(NotPermittedError):
            place.accepted(person)


class TestTakingDown:
    def take_down(self, place: Place, person: str, **changes: object) -> Receipt:
        session = place.as_(person)
        values = {"channel": "PHONE", "consulter": "CHILD", "reporting_agency_id": None, **changes}
        receipt = consultations.take_down(
            session,
            place.database.config,
            submission=uuid.uuid4(),
            told=Told("話された言葉", "FRIENDS"),
            **values,  # type: ignore[arg-type]
        )
        session.commit()
        return receipt

    def test_a_clerk_writes_and_never_reads(self, place: Place) -> None:
        self.take_down(place, "clerk")
        clerk, counsellor = place.as_("clerk"), place.as_("counsellor")
        for model in (m.InboxItem, m.Thread, m.Consultation):
            assert seen(clerk, model) == 0, model
        thread_keys = select(m.ThreadKey)
        assert clerk.scalars(thread_keys).all() == []
        assert reveal(counsellor, the(counsellor, m.Consultation), "words") == "話された言葉"

    @pytest.mark.parametrize(
        ("consulter", "kind", "sealed"),
        [("CHILD", "child", False), ("FAMILY", "guardian", False), ("OTHER", "other", True)],
    )
    def test_who_consults_decides_the_kind_of_thread(
        self, place: Place, consulter: str, kind: str, *, sealed: bool
    ) -> None:
        self.take_down(place, "counsellor", consulter=consulter)
        (thread,) = place.everything(m.Thread)
        (item,) = place.everything(m.InboxItem)
        assert (thread.kind, thread.sealed, item.sealed) == (kind, sealed, sealed)

    def test_an_agency_that_phones_is_a_reporter(self, place: Place) -> None:
        school = place.town.agencies["school"]
        self.take_down(place, "counsellor", consulter="CHILD", reporting_agency_id=school)
        (thread,), (consultation,) = place.everything(m.Thread), place.everything(m.Consultation)
        assert (thread.kind, thread.sealed) == ("reporter", True)
        assert (consultation.consulter, consultation.reporting_agency_id) == ("OTHER", school)

    @pytest.mark.parametrize("person", ["nurse", "npo_worker", "admin", "lawyer"])
    def test_others_take_nothing_down(self, place: Place, person: str) -> None:
        with pytest.raises(NotPermittedError):
            self.take_down(place, person)

    def test_the_words_read_out_open_the_thread(self, place: Place) -> None:
        receipt = self.take_down(place, "clerk", consulter="FAMILY", secret="ねこ")
        visitor = place.visitor(receipt, "ねこ")
        talk = conversation(visitor, threads.own_thread(visitor))
        assert (talk.kind, talk.words, talk.number) == ("guardian", "話された言葉", receipt.number)


class TestWaiting:
    def test_new_words_wait_at_each_desk_until_it_has_dealt_with_them(self, place: Place) -> None:
        receipt = place.report(suspected_abuse=True)
        for person in ("npo_worker", "counsellor"):
            said(place.as_(person), "返事")
            assert on_desk.count_waiting(place.as_(person)) == 0
        said(place.visitor(receipt), "もうひとつ")
        npo, centre = place.as_("npo_worker"), place.as_("counsellor")
        for session in (npo, centre):
            (row,) = on_desk.waiting(session).rows
            assert (row.status, row.unread) == ("answered", True)
        desk.mark_answered(npo, the(npo, m.InboxItem))
        npo.commit()
        assert on_desk.count_waiting(place.as_("npo_worker")) == 0
        assert on_desk.count_waiting(place.as_("counsellor")) == 1

    def test_new_words_do_not_reach_who_passed_the_thread_on(self, place: Place) -> None:
        receipt = place.report()
        handed_over(place, "npo_worker")
        said(place.visitor(receipt), "もうひとつ")
        assert on_desk.count_waiting(place.as_("npo_worker")) == 0
        assert on_desk.count_waiting(place.as_("counsellor")) == 1

    def test_new_words_get_a_promise_of_their_own(self, place: Place) -> None:
        receipt = place.consult("centre")
        said(place.as_("counsellor"), "返事")
        with SystemSession(place.database.system) as session, session.begin():
            past = datetime(2026, 1, 5, tzinfo=UTC)
            session.execute(update(m.InboxItem).values(due_at=past))
            session.execute(update(m.Thread).values(promised_at=past))
        visitor = place.visitor(receipt, "ネコ")
        said(visitor, "もうひとつ")
        (thread,), (item,) = place.everything(m.Thread), place.everything(m.InboxItem)
        assert thread.promised_at == item.due_at > past

    def test_answering_marks_what_the_visitor_wrote_as_read(self, place: Place) -> None:
        receipt = place.consult("centre")
        visitor = place.visitor(receipt, "ねこ")
        said(visitor, "もうひとつ")
        assert [line.seen_at for line in messages(visitor, threads.own_thread(visitor).id)] == [
            None
        ]
        visitor.rollback()
        said(place.as_("counsellor"), "返事")
        first, _ = messages(visitor, threads.own_thread(visitor).id)
        assert first.seen_at is not None

    def test_overdue_reports_come_up_by_themselves_and_once(self, place: Place) -> None:
        overdue, answered, grave = (place.report(suspected_abuse=grave) for grave in (0, 0, 1))
        fresh = place.report()
        self._answer(place, answered)
        self._let_pass(place, fresh)
        assert self._lift(place) == 1
        assert self._lift(place) == 0
        centre = place.as_("counsellor")
        numbers = {row.number: row for row in on_desk.waiting(centre).rows}
        assert set(numbers) == {overdue.number, grave.number}
        assert numbers[overdue.number].from_agency == "NPO法人みほん"
        npo = {row.number: row.status for row in on_desk.handled(place.as_("npo_worker")).rows}
        assert npo == {overdue.number: "handed_over", answered.number: "answered"}

    def test_words_that_nobody_reads_at_the_npo_come_up_too(self, place: Place) -> None:
        receipt = place.report()
        self._answer(place, receipt)
        said(place.visitor(receipt), "まだ心配です")
        assert self._lift(place) == 0
        self._let_pass(place)
        assert self._lift(place) == 1

    def _answer(self, place: Place, receipt: Receipt) -> None:
        session = place.as_("npo_worker")
        row = next(r for r in on_desk.waiting(session).rows if r.number == receipt.number)
        desk.mark_answered(session, session.get_one(m.InboxItem, row.id))
        session.commit()

    def _let_pass(self, place: Place, fresh: Receipt | None = None) -> None:
        """Let everybody's time pass, but for a fresh report's."""
        with SystemSession(place.database.system) as session, session.begin():
            for item in session.scalars(select(m.InboxItem)):
                if fresh is None or on_desk.number_of(item.thread_id) != fresh.number:
                    item.due_at = datetime.now(UTC) - timedelta(minutes=1)

    def _lift(self, place: Place) -> int:
        with SystemSession(place.database.system) as session, session.begin():
            return desk.lift_overdue(session)


class TestCodes:
    def prove(self, place: Place, receipt: Receipt, secret: str, *words: str) -> bool:
        code = " ".join(words or receipt.words)
        found = threads.prove_code(place.session(), place.database.config, code, secret)
        return found is not None and found.whole

    def glimpsed(self, place: Place, receipt: Receipt, secret: str, *words: str) -> bool:
        code = " ".join(words or receipt.words)
        found = threads.prove_code(place.session(), place.database.config, code, secret)
        return found is not None and not found.whole

    def test_the_code_alone_gives_a_glimpse_and_a_wrong_word_nothing(self, place: Place) -> None:
        receipt = place.consult("centre")
        assert self.glimpsed(place, receipt, "")
        assert self.glimpsed(place, receipt, "  ")
        assert not self.glimpsed(place, receipt, "いぬ")
        assert not self.glimpsed(place, receipt, "", *reversed(receipt.words))
        assert not self.glimpsed(place, receipt, "ねこ")

    def test_who_phoned_and_made_up_no_word_gets_a_glimpse(self, place: Place) -> None:
        receipt = TestTakingDown().take_down(place, "clerk", consulter="FAMILY")
        for typed in ("", "なにか"):
            assert self.glimpsed(place, receipt, typed)

    def test_a_glimpse_sees_the_newest_reply_and_nothing_else(self, place: Place) -> None:
        receipt = place.consult("centre")
        proven = threads.prove_code(
            place.session(), place.database.config, " ".join(receipt.words), ""
        )
        assert proven is not None
        # Before there is a reply there is nothing, not even what was said first.
        self._sees(place, proven.thread_id, [])
        for text in ("はじめの返事", "あたらしい返事"):
            desk_ = place.as_("counsellor")
            threads.write_message(
                desk_,
                proven.thread_id,
                message_id=uuid.uuid4(),
                text=text,
                agency_id=place.town.agencies["centre"],
            )
            desk_.commit()
        visitor = place.visitor(receipt, "ねこ")
        threads.write_back(visitor, message_id=uuid.uuid4(), text="つづき")
        visitor.commit()
        self._sees(place, proven.thread_id, ["あたらしい返事"])
        # The control: with the word all of it is there.
        assert len(visitor.scalars(select(m.ThreadMessage)).all()) == 3

    def _sees(self, place: Place, thread_id: uuid.UUID, expected: list[str]) -> None:
        session = place.session(Viewer(glimpse_id=thread_id))
        shown = session.scalars(select(m.ThreadMessage)).all()
        assert [reveal(session, message, "text") for message in shown] == expected
        others = (m.Consultation, m.Thread, m.Case, m.Grant, m.Consent, m.InboxItem, m.AuditEvent)
        for model in others:
            assert session.scalars(select(model)).all() == [], model

    def test_code_and_word_open_the_thread_together(self, place: Place) -> None:
        receipt = place.consult("centre")
        assert self.prove(place, receipt, " ネコ ")
        assert not self.prove(place, receipt, "いぬ")
        assert not self.prove(place, receipt, "")
        assert not self.prove(place, receipt, "ねこ", *reversed(receipt.words))

    def test_a_thread_without_a_word_opens_by_its_code(self, place: Place) -> None:
        receipt = place.report()
        assert self.prove(place, receipt, "")
        assert self.prove(place, receipt, "なにか")

    def test_a_closed_thread_opens_no_more(self, place: Place) -> None:
        receipt = place.consult("centre")
        assert self.prove(place, receipt, "ねこ")
        with SystemSession(place.database.system) as session, session.begin():
            session.execute(update(m.Thread).values(closed_at=func.now()))
        assert not self.prove(place, receipt, "ねこ")

    @pytest.mark.parametrize("attempt", ["right", "wrong word", "wrong code", "nonsense", "closed"])
    def test_every_attempt_costs_one_hash_for_each_part(
        self, place: Place, attempt: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receipt = place.consult("centre")
        if attempt == "closed":
            with SystemSession(place.database.system) as session, session.begin():
                session.execute(update(m.Thread).values(closed_at=func.now()))
        code = {"wrong code": ("いぬ",) * 6, "nonsense": ("x",)}.get(attempt, receipt.words)
        # The hash that stands for nobody's is made once, before anything is counted.
        self.prove(place, receipt, "", "x")
        verified = []
        verify = PasswordHasher.verify

        def counted(hasher: PasswordHasher, kept: str, typed: bytes) -> bool:
            verified.append(kept)
            return verify(hasher, kept, typed)

        monkeypatch.setattr(PasswordHasher, "verify", counted)
        right = self.prove(place, receipt, "いぬ" if attempt == "wrong word" else "ねこ", *code)
        assert right == (attempt == "right")
        assert len(verified) == 2
