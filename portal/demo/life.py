"""A few weeks in the demo city: what its people did, each in the own name."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from portal.database import look_as, system_session
from portal.demo.acting import Acting, demo_uuid
from portal.policy.terms import Terms
from portal.policy.viewer import Viewer
from portal.queries.meetings import party_names
from portal.services import (
    assessment,
    consents,
    consultations,
    emergencies,
    entries,
    guardians,
    issuers,
    lawful,
    machines,
    meetings,
    memberships,
    notifications,
    progress,
    threads,
)
from portal.services.consultations import Told
from portal.services.memberships import Place
from portal.working_hours import inclusive_to_instant


@dataclass(frozen=True)
class DemoCode:
    """A return code of the demo city: whose it is, its six words and its secret word."""

    key: str
    name_ja: str
    name_en: str
    secret: str

    @property
    def submission(self) -> uuid.UUID:
        """Return the form's id from which the code is made, the same in every demo."""
        return uuid.UUID(bytes=demo_uuid(f"code {self.key}").bytes, version=4)

    def words(self, config: Config) -> tuple[str, ...]:
        """Return the code's words in this installation."""
        return threads.return_code(config, self.submission)


CODES = (
    DemoCode("aoi", "あおちゃん（こども）", "Aoi, a child", "ひまわり"),
    DemoCode("haruka", "あおちゃんの母", "Aoi's mother", "あさがお"),
    DemoCode("sora", "そら（こども）", "Sora, a child", "くじら"),
)
# Whose person each code's thread belongs to, and on which case.
_OF_CASE = {"aoi": ("aoi", "aoi"), "haruka": ("haruka", "aoi"), "sora": ("sora", "sora")}

# So many days ago the centre met the children; sora's case is a week old.
ASSESSED = 5


def live_through(app: Engine, system: Engine, config: Config) -> None:
    """Let the city's people do what they did, in order.

    Args:
        app: connected as the web application.
        system: connected as the system role.
        config: of the demo.

    """
    city = _City(app, system, config)
    city.duty_is_shared_out()
    city.codes_are_given()
    city.people_consult()
    city.the_centre_works()
    city.the_centre_asks()
    city.the_law_is_used()
    city.agencies_answer()
    city.people_move()
    city.the_week_is_discussed()
    city.houses_are_connected()


class _City(Acting):
    """Runs each step as the person who does it."""

    def duty_is_shared_out(self) -> None:
        """The director says whom an alarm rings first, and who comes next."""
        with self.acting("director") as session:
            turn = (demo_uuid("investigator"), demo_uuid("counsellor"))
            notifications.set_duty_list(session, turn, before=())

    def houses_are_connected(self) -> None:
        """The administrator prepares the city's sign-on, not open yet, and connects a system."""
        city_hall, school = demo_uuid("city_hall"), demo_uuid("school")
        with self.acting("admin") as session:
            issuers.add_issuer(
                session,
                demo_uuid("issuer city"),
                issuers.IssuerDetails(
                    name="みほん市 職員認証",
                    url="https://sign-on.mihon.example.jp",
                    client_id="kodomo-portal",
                    client_secret=machines.new_secret(),
                    domains=("mihon.example.jp",),
                    suspended=True,
                ),
            )
            issuers.add_place(
                session,
                demo_uuid("place city hall"),
                demo_uuid("issuer city"),
                city_hall,
                role=None,
                value=None,
            )
            machines.add_machine(
                session,
                demo_uuid("machine school"),
                school,
                "見本第一小学校 校務支援システム",
                ["whoami"],
            )

    def codes_are_given(self) -> None:
        """Children and a mother get their codes, tied to their cases as a register would be."""
        words = {
            "aoi": "学校のあと、ひとりでいるのがさびしい。",
            "haruka": "仕事のことと、こどもの夕食のことで相談したい。",
            "sora": "家に帰りたくない。",
        }
        for code in CODES:
            told = Told(words=words[code.key], topic="FAMILY")
            with self.acting(None) as session:
                centre = consultations.centre_for(session, None)
                consultations.receive_consultation(
                    session,
                    self.config,
                    centre,
                    submission=code.submission,
                    secret=code.secret,
                    told=told,
                )
            self._tie(code)

    def _tie(self, code: DemoCode) -> None:
        person, child = _OF_CASE[code.key]
        kind = "child" if person == child else "guardian"
        self.tie(threads.thread_id_of(code.submission), person, child, kind=kind)
        with system_session(self.system, reason="demo city") as session:
            # A register does not say who is somebody's guardian; the centre knows.
            session.execute(
                update(m.CasePerson)
                .where(
                    m.CasePerson.case_id == demo_uuid(f"case {child}"),
                    m.CasePerson.person_id == demo_uuid("person haruka"),
                )
                .values(subject_kind="guardian", relationship_code="mother")
            )

    def people_consult(self) -> None:
        """Reports and consultations that wait on the desks today."""
        cafeteria = demo_uuid("cafeteria")
        reports = (
            (None, Told(words="いつも同じ服で、おかわりを何度もする子がいます。", topic="MONEY")),
            (
                "volunteer",
                Told(
                    words="腕にあざがあり、家の話をすると黙ります。",
                    topic="ABUSE_WORRY",
                    about="小学校高学年くらいの女の子",
                    suspected_abuse=True,
                ),
            ),
        )
        for number, (person, told) in enumerate(reports):
            with self.acting(person) as session:
                if person is None:
                    look_as(session, Viewer())
                consultations.receive_report(
                    session,
                    self.config,
                    session.get_one(m.Agency, cafeteria),
                    submission=demo_uuid(f"report {number}"),
                    secret="",
                    told=told,
                )
        with self.acting(None) as session:
            centre = consultations.centre_for(session, None)
            consultations.receive_consultation(
                session,
                self.config,
                centre,
                submission=demo_uuid("consultation friends"),
                secret=CODES[0].secret,
                told=Told(words="友だちに無視されています。だれにも言わないで。", topic="FRIENDS"),
            )
        with self.acting("clerk") as session:
            consultations.take_down(
                session,
                self.config,
                submission=demo_uuid("consultation phone"),
                channel="PHONE",
                consulter="FAMILY",
                told=Told(
                    words="こどもが学校に行きたがらない。夕方なら電話に出られる。",
                    topic="NON_ATTENDANCE",
                    callback="平日17時以降",
                ),
            )

        # The same child as one of the centre's, spelled as a nurse writes it down.
        with self.acting("nurse") as session:
            consultations.tell_centre(
                session,
                self.config,
                submission=demo_uuid("matter of the school"),
                told=Told(
                    words="給食をいそいで全部食べ、持ち帰れるものがないか聞いてきます。",
                    topic="MONEY",
                    about="6年1組の みほん あおい",
                    name="養護教諭",
                    callback="平日16時まで。保健室の内線。",
                ),
                basis="CWA21_10_5",
            )

    def the_centre_works(self) -> None:
        """Urgency, meetings with the child, the three conditions, actions, progress."""
        urgencies = {"aoi": "B", "riku": "C", "sora": "AA", "hina": "B", "minato": "B", "yui": "C"}
        for child, urgency in urgencies.items():
            with self.acting("counsellor") as session:
                self._assess(session, child, urgency)
            # AA has been decided just now: from then on it rings.
            if urgency != "AA":
                self.date_back(m.UrgencyDecision, f"urgency {child}", ASSESSED + 1)
            self.date_back(m.ChildMeeting, f"meeting {child}", ASSESSED)
            self.date_back(m.NecessityRecord, f"necessity {child}", ASSESSED)
            self.date_back(m.ProgressCheck, f"check {child}", ASSESSED - 1)
        health = "ward_child_health_43102"
        for asked in (
            ("aoi", "school", "watch", 4, 3, "朝の様子と朝食のことを、週に一度見てください。"),
            ("aoi", "ward_welfare_43101", "guide", 4, -2, "就学援助の申請を手伝ってください。"),
            ("sora", "cgc", "report_cgc", 2, 1, "家庭訪問の結果を知らせてください。"),
            ("minato", health, "interview", 3, 5, "睡眠について面談してください。"),
        ):
            self.ask("counsellor", *asked)

        with self.acting("counsellor") as session:
            entries.hear(
                session,
                self.case(session, "aoi"),
                entry_id=demo_uuid("heard aoi"),
                agency_id=demo_uuid("school"),
                slice_="school",
                subject_id=demo_uuid("person aoi"),
                heard_from="教頭",
                text="先週の遅刻は2回。どちらも朝ごはんを食べていなかった。",
            )

    def _assess(self, session: Session, child: str, urgency: str) -> None:
        case = self.case(session, child)
        day = self.today - dt.timedelta(days=ASSESSED)
        assessment.decide_urgency(
            session,
            case,
            urgency=urgency,
            grounds="面談での話と、学校・家庭の様子から。",
            decision_id=demo_uuid(f"urgency {child}"),
        )
        assessment.record_meeting(
            session,
            case,
            check_in="met",
            met_on=day,
            account_of_it="センターで会って話を聞いた。",
            meeting_id=demo_uuid(f"meeting {child}"),
        )
        assessment.record_necessity(
            session,
            case,
            necessity="agencies_needed",
            grounds="センターだけでは続けて見守ることができない。",
            record_id=demo_uuid(f"necessity {child}"),
        )
        # One next date in the past, so that something is always overdue on the first page.
        overdue = -1 if child == "hina" else 7
        progress.check_progress(
            session,
            case,
            check_id=demo_uuid(f"check {child}"),
            finding="大きな変化はない。支援を続ける。",
            next_on=self.today + dt.timedelta(days=overdue),
        )

    def the_centre_asks(self) -> None:
        """Aoi and her mother are asked, a girl by phone, and a boy goes on another day."""
        with self.acting("counsellor") as session:
            guardians.record_guardian(
                session,
                self.case(session, "aoi"),
                demo_uuid("person haruka"),
                authority="sole",
                lives_with=True,
                concerned=False,
                record_id=demo_uuid("guardian haruka"),
            )
        division = "ward_child_health_43101"
        yes = {"home": "yes", "living": "later", "health": "no", "talk": "later"}
        own_words = "ほけんしさんに、おうちのことは 言っていい。"
        self._asks("aoi", "aoi", division, yes, said_back=own_words)
        words = "娘がよいと言ったことなら、伝えてよい。"
        self._asks("aoi", "haruka", division, {**yes, "living": "yes"}, said_back=words)
        note = "16時にセンターから電話。読み上げて、本人が「つたえないで」と答えた。"
        self._asks("hina", "hina", "board", {"talk": "no", "school": "later"}, note=note)
        with self.acting("counsellor") as session:
            riku = self._asked(session, "riku", "riku", "npo", "screen")
            name = f"q-{demo_uuid('npo').hex}-talk"
            consents.keep_draft(session, riku, {name: "yes"})

    def _asks(
        self,
        child: str,
        giver: str,
        agency: str,
        given: dict[str, str],
        *,
        said_back: str = "",
        note: str = "",
    ) -> None:
        """Ask somebody of a case about one agency, and write down the answers."""
        with self.acting("counsellor") as session:
            self._asked(session, child, giver, agency, "oral" if note else "screen")
        with self.acting("counsellor") as session:
            consent = session.scalars(
                select(m.Consent).where(m.Consent.id == demo_uuid(f"consent {giver} {agency}"))
            ).one()
            agency_id = demo_uuid(agency)
            answers = {(agency_id, bundle): said for bundle, said in given.items()}
            consents.answer(
                session, consent, consents.Answers(answers, said_back=said_back, note=note)
            )

    def _asked(
        self, session: Session, child: str, giver: str, agency: str, method: str
    ) -> m.Consent:
        beside = giver != child
        asking = consents.Asking(
            giver_id=demo_uuid(f"person {giver}"),
            agency_ids=(demo_uuid(agency),),
            method=method,
            witness_id=None,
            words="伝えるかどうかを、聞きました。" if beside else "つたえるか、あなたが きめます。",
            level="guardian" if beside else "child",
            language="ja",
            for_child=beside,
        )
        key = demo_uuid(f"consent {giver} {agency}")
        return consents.ask(session, self.case(session, child), asking, consent_id=key)

    def agencies_answer(self) -> None:
        """The nurse takes her action on; the counsellor answers the child."""
        self.accept("nurse", "action aoi school watch", 3)
        with self.acting("counsellor") as session:
            threads.write_message(
                session,
                threads.thread_id_of(CODES[0].submission),
                message_id=demo_uuid("message aoi"),
                text="話してくれてありがとう。保健室の先生といっしょに考えています。",
                agency_id=demo_uuid("centre"),
            )

    def the_law_is_used(self) -> None:
        """The police are told in an emergency; another share waits for the director."""
        now = self.now
        with self.acting("counsellor") as session:
            emergencies.provide(
                session,
                self.case(session, "sora"),
                emergencies.Provision(
                    agency_id=demo_uuid("police"),
                    slices=("basic", "safety"),
                    statute="APPI69_2_3",
                    necessity="agencies_needed",
                    reason="夜に家の外へ締め出されていると、近所の人から電話があった。",
                    phoned_at=now - dt.timedelta(minutes=5),
                    phoned_to="見本警察署 当直",
                    second_id=demo_uuid("director"),
                    account_ids=(demo_uuid("liaison"),),
                    told="命にかかわるため、先に話せない。あす会って話す。",
                ),
                emergency_id=demo_uuid("emergency sora"),
            )
        with self.acting("counsellor") as session:
            lawful.propose(
                session,
                self.case(session, "minato"),
                Terms(
                    agency_id=demo_uuid("cgc"),
                    slices=("basic", "home", "safety"),
                    subject_id=None,
                    purpose="protection",
                    basis="APPI69_2_3",
                    necessity="agencies_needed",
                    until=now + dt.timedelta(days=30),
                    reason="父の大声が続き、夜に家を出ているため、児相の助言を受ける。",
                    told="児相に相談することを、本人に先に話した。",
                    ruled_out="endangers",
                    why_not_asked="父に聞くと、本人に危険がおよぶおそれがある。",
                ),
                proposal_id=demo_uuid("proposal minato"),
                told_first=True,
            )

    def the_week_is_discussed(self) -> None:
        """Two matters lie before the lawyer: one advised on, one whose parties are to be read."""
        papers = (
            (
                "hina",
                "学校への申入れの進め方に、法律上の注意点はありますか。",
                "教室で大きな声でしかられるのがこわいと話している。学校に事実を確かめたい。",
            ),
            (
                "aoi",
                "母の同意が得られない部分を、どう進めるとよいですか。",
                "放課後に一人でいることが多い。就学援助の申請を手伝っている。",
            ),
        )
        with self.acting("counsellor") as session:
            meeting = meetings.open_meeting(
                session, meeting_id=demo_uuid("meeting of the week"), held_on=self.today
            )
            meetings.invite(session, meeting, demo_uuid("lawyer"))
            for child, question, text in papers:
                case = self.case(session, child)
                paper = meetings.Paper(question, text, party_names(session, case))
                brief_id = demo_uuid(f"brief {child}")
                brief = meetings.write_brief(session, meeting, case, paper, brief_id=brief_id)
                meetings.release_brief(session, brief, looked_through=False)
        with self.acting("lawyer") as session:
            parties = session.scalars(
                select(m.BriefParty).where(m.BriefParty.brief_id == demo_uuid("brief hina"))
            ).one()
            meetings.declare(session, parties, conflict=False)
        with self.acting("lawyer") as session:
            brief = session.scalars(
                select(m.Brief).where(m.Brief.id == demo_uuid("brief hina"))
            ).one()
            meetings.give_advice(
                session,
                brief,
                advice_id=demo_uuid("advice hina"),
                assent=False,
                text="事実の確認は、こどもの話した内容をそのまま示さない形で求めてください。",
            )

    def people_move(self) -> None:
        """Somebody leaves next month and is proposed elsewhere; a school proposes somebody too."""
        with system_session(self.system, reason="demo city") as session:
            memberships.set_first_dates(session)
        leaving = inclusive_to_instant(self.today + dt.timedelta(days=30))
        with self.acting("admin") as session:
            found = select(m.Membership.id).where(
                m.Membership.account_id == demo_uuid("protection")
            )
            memberships.end_membership(session, session.scalars(found).one(), leaving)
            welfare = demo_uuid("ward_welfare_43102")
            place = Place(
                demo_uuid("protection"), welfare, "ward_worker", manager=False, since=leaving
            )
            memberships.give_place(session, demo_uuid("proposal protection"), place)
        with self.acting("principal") as session:
            school = demo_uuid("school")
            place = Place(demo_uuid("boe"), school, "school_team", manager=False, since=leaving)
            memberships.give_place(session, demo_uuid("proposal boe"), place)
