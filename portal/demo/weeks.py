"""The weeks of the six further matters, and what else goes on in the full demo city.

As in ``portal.demo.life`` everybody acts in the own name, through the services and both walls. What
is then older than today is dated back by the system role: the city has a past, though it was made
just now. The log is not: it says when each step was taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Engine, select, update

from portal import models as m
from portal.config import Config
from portal.database import look_as, system_session
from portal.demo.acting import Acting, demo_uuid
from portal.demo.life import CODES
from portal.demo.matters import Clock
from portal.policy.viewer import Viewer
from portal.queries.meetings import party_names
from portal.services import (
    actions,
    assessment,
    consultations,
    covers,
    guardians,
    meetings,
    progress,
    threads,
)
from portal.services.consultations import Told
from portal.working_hours import inclusive_to_instant


def go_through_weeks(app: Engine, system: Engine, config: Config) -> None:
    """Let the people of the full city do what they did.

    Args:
        app, system: connected as the web application and as the system role.
        config: of the demo.

    """
    weeks = _Weeks(app, system, config)
    weeks.of_haruto()
    weeks.of_mio()
    weeks.of_tsumugi()
    weeks.of_kota()
    weeks.of_ramune()
    weeks.of_himari()
    weeks.desks_are_full()
    weeks.briefs_are_written()
    weeks.somebody_will_be_away()


class _Weeks(Acting):
    """Runs each step as the person who does it, so many days ago."""

    # -- single steps -----------------------------------------------------------------------------

    def _taken_in(self, who: str, child: str, urgency: str, grounds: str, account: str) -> None:
        """Decide the urgency, meet the child and say why agencies are needed."""
        days = self._days_open(child)
        with self.acting(who) as session:
            case = self.case(session, child)
            key = demo_uuid(f"taken in {child}")
            assessment.record_meeting(
                session,
                case,
                check_in="met" if account else "not_met",
                met_on=self.today - dt.timedelta(days=days - 1),
                account_of_it=account
                or "まだ会えていない。返事を続けながら、会えるかを聞いていく。",
                meeting_id=key,
            )
            assessment.decide_urgency(
                session, case, urgency=urgency, grounds=grounds, decision_id=key
            )
            assessment.record_necessity(
                session,
                case,
                necessity="agencies_needed",
                grounds="相談者だけでは必要な窓口につながれず、関係機関の協力がいる。",
                record_id=key,
            )
        for model, ago in ((m.UrgencyDecision, 0), (m.ChildMeeting, 1), (m.NecessityRecord, 1)):
            self.date_back(model, f"taken in {child}", days - ago)

    def _days_open(self, child: str) -> int:
        with system_session(self.system, reason="demo city") as session:
            opened = session.get_one(m.Case, demo_uuid(f"case {child}")).opened_at
        return (self.now - opened).days

    def _answered(  # noqa: PLR0917 - the words of the step, in the order in which they are said
        self, who: str, key: str, days: float, status: str, words: str, effect: str = ""
    ) -> None:
        with self.acting(who) as session:
            actions.answer_action(
                session,
                self.action(session, key),
                status,
                step_id=demo_uuid(f"answered {key}"),
                words=words,
                effect=effect,
            )
        self.date_back(m.ActionEvent, f"answered {key}", days)

    def _checked(self, who: str, child: str, looks: Iterable[tuple[int, str, int]]) -> None:
        """Check progress, from (days ago, finding, next day counted from today on)."""
        for number, (days, finding, next_on) in enumerate(looks):
            key = f"check {child} {number}"
            with self.acting(who) as session:
                progress.check_progress(
                    session,
                    self.case(session, child),
                    check_id=demo_uuid(key),
                    finding=finding,
                    next_on=self.today + dt.timedelta(days=next_on),
                )
            self.date_back(m.ProgressCheck, key, days)

    def _judged(  # noqa: PLR0917 - the words of the step, in the order in which they are said
        self, who: str, child: str, days: float, violation: str, severity: str | None, why: str
    ) -> None:
        with self.acting(who) as session:
            assessment.judge(
                session,
                self.case(session, child),
                violation=violation,
                finding="unclear" if severity is None else "found",
                severity=severity,
                grounds=why,
                judgement_id=demo_uuid(f"judged {child} {violation}"),
            )
        self.date_back(m.Violation, f"judged {child} {violation}", days)

    def _guardian(self, who: str, child: str, person: str, relationship: str) -> None:
        with system_session(self.system, reason="demo city") as session:
            # A register does not say who is somebody's guardian; the centre knows.
            session.execute(
                update(m.CasePerson)
                .where(
                    m.CasePerson.case_id == demo_uuid(f"case {child}"),
                    m.CasePerson.person_id == demo_uuid(f"person {person}"),
                )
                .values(subject_kind="guardian", relationship_code=relationship)
            )
        with self.acting(who) as session:
            guardians.record_guardian(
                session,
                self.case(session, child),
                demo_uuid(f"person {person}"),
                authority="sole",
                lives_with=True,
                concerned=False,
                record_id=demo_uuid(f"guardian {person}"),
            )

    # -- the matters ------------------------------------------------------------------------------

    def of_haruto(self) -> None:
        """Poverty, fear, worry about child-rearing and school at once: four agencies, one plan."""
        who, child = "counsellor2", "haruto"
        welfare, health = "ward_welfare_43103", "ward_child_health_43103"
        self._guardian(who, child, "kaori", "mother")
        self._taken_in(
            who,
            child,
            "A",
            "母が「たたいてしまった」と話している。支援を求めているが、夜が心配である。",
            "学校の相談室で、養護教諭といっしょに会った。けがはない。",
        )
        key = self.ask(
            who, child, "cgc", "report_cgc", 33, -20, "家庭を訪ね、安全を確かめて知らせてください。"
        )
        self._answered(
            "cgc_worker2",
            key,
            18,
            m.Action.DONE,
            "家庭訪問をし、はるくんと会った。在宅での支援が適当と判断した。",
            "こわい思いはしていないと話した。",
        )
        key = self.ask(
            who, child, welfare, "guide", 30, -12, "手当と住居の給付金の申請を手伝ってください。"
        )
        self.accept(f"{welfare}_officer", key, 29)
        self._answered(
            f"{welfare}_officer",
            key,
            13,
            m.Action.DONE,
            "現況届を受け付け、住居確保給付金を申請した。",
            "母が眠れるようになり、夜が静かになった。",
        )
        key = self.ask(
            who, child, health, "advise", 30, 0, "訪問して、子育ての相談にのってください。"
        )
        self.accept(f"{health}_officer", key, 28)
        key = self.ask(
            who, child, "west_elementary", "watch", 26, 3, "月曜の朝のようすを見てください。"
        )
        self.accept("west_elementary_nurse", key, 25)
        self._judged(
            who, child, 20, "POVERTY", "S2", "収入がなくなり、食事と学用品に影響が出ていた。"
        )
        self._checked(
            who,
            child,
            (
                (27, "四つの機関がそれぞれ動き始めた。週1回、母に電話する。", -20),
                (20, "手当の見通しが立った。夜の電話は一度。", -6),
                (6, "夜の電話はない。はるくんは休まず登校している。", 1),
            ),
        )

    def of_mio(self) -> None:
        """A young carer: the cafeteria noticed, the NPO talked with her, the ward relieves her."""
        who, child, health = "counsellor", "mio", "ward_child_health_43102"
        self._guardian(who, child, "mio_mother", "mother")
        self._taken_in(
            who,
            child,
            "B",
            "食事と妹の世話、通院の付きそいを毎日している。睡眠が足りていない。",
            "NPOの部屋で会った。本人が話しやすい場所を選んだ。",
        )
        key = self.ask(
            who,
            child,
            "npo_learning",
            "interview",
            44,
            -30,
            "本人と会って、望むことを聞いてください。",
        )
        self._answered(
            "npo_learning_worker",
            key,
            38,
            m.Action.DONE,
            "二度会った。学習支援の利用が決まった。",
            "絵の話をするとよく笑う。",
        )
        key = self.ask(
            who, child, health, "connect", 40, -1, "家事支援と妹の送迎を調整してください。"
        )
        self.accept("child_health", key, 39)
        self._judged(who, child, 28, "YOUNG_CARER", "S2", "年齢に合わない世話を毎日していた。")
        self._checked(
            who,
            child,
            (
                (40, "家事支援の申請が終わるまで、週1回会う。", -26),
                (24, "家事支援が週3回入った。送迎はまだ決まらない。", -9),
                (10, "遅刻が減った。妹の送迎の回答を待っている。", 0),
            ),
        )

    def of_tsumugi(self) -> None:
        """Left out at school: what was said stands side by side, and the school looks further."""
        who, child = "counsellor3", "tsumugi"
        self._guardian(who, child, "tsumugi_father", "father")
        self._taken_in(
            who,
            child,
            "B",
            "二週間、学級で一人でいる。登校はできている。",
            "放課後にセンターで、父とは別に話を聞いた。",
        )
        key = self.ask(
            who,
            child,
            "school",
            "fact_check",
            21,
            1,
            "本人を特定されない形で、三人の話を別々に聞いてください。みんなの前での注意は望んでいません。",
        )
        self.accept("nurse", key, 19)
        self._judged(
            who, child, 11, "BULLYING", None, "本人の苦痛は明らかだが、話に違いがあり確認を続ける。"
        )
        self._checked(
            who,
            child,
            (
                (17, "学校の聴き取りを待つ。本人には週1回電話する。", -8),
                (8, "学校のいじめ対策組織が動き始めた。", 2),
            ),
        )

    def of_kota(self) -> None:
        """Corporal punishment by a coach: facts, judgement with advice, the board of education."""
        who, child = "counsellor4", "kota"
        self._taken_in(
            who,
            child,
            "A",
            "頭をたたかれ、耳に痛みがある。練習は続いている。",
            "放課後にセンターで会った。受診に付きそう約束をした。",
        )
        key = self.ask(
            who,
            child,
            "commercial_high",
            "fact_check",
            27,
            -14,
            "部員に分からない形で確かめてください。",
        )
        self.accept("commercial_high_principal", key, 26)
        self._answered(
            "commercial_high_principal",
            key,
            14,
            m.Action.DONE,
            "部員9人から聴き取った。4人が、たたくのを見たと話した。指導から外した。",
            "練習に戻れた。",
        )
        self._judged(who, child, 12, "CORPORAL", "S2", "複数の部員の話と本人の話が一致している。")
        key = self.ask(
            who,
            child,
            "board",
            "progress",
            11,
            -2,
            "再発防止策と、進学への影響がないことの確認をください。",
        )
        self.accept("boe", key, 10)
        self._checked(
            who,
            child,
            (
                (24, "聴き取りの間、練習を休む。週2回電話する。", -12),
                (4, "練習に戻った。教育委員会の回答が期日を過ぎている。", 5),
            ),
        )

    def of_ramune(self) -> None:
        """A tablet's message without a name: nobody asks for it, and the answers go on."""
        who, child = "counsellor5", "ramune"
        submission = demo_uuid("consultation ramune")
        with self.acting(None) as session:
            centre = consultations.centre_for(session, None)
            consultations.receive_consultation(
                session,
                self.config,
                centre,
                submission=submission,
                secret=CODES[0].secret,
                told=Told(
                    words="夜、家にだれもいない。ねむれない。名前は言いたくない。",
                    topic="MIND_BODY",
                ),
            )
        thread_id = threads.thread_id_of(submission)
        self.tie(thread_id, child, child, kind="child")
        said = (
            (9, True, "話してくれてありがとう。名前は言わなくてだいじょうぶです。"),
            (8, False, "学校にも家にも言わないで。"),
            (
                8,
                True,
                "あなたにきかないで、つたえることはありません。夜は何をしていることが多いですか。",
            ),
            (6, False, "動画を見てる。音がないとこわい。"),
            (
                5,
                True,
                "こわいのは、からだが守ろうとしているからです。昼に話せる人は近くにいますか。",
            ),
            (2, False, "ほけんしつの先生。"),
            (1, True, "よかった。ほけんしつに行くだけでもいいです。また書いてください。"),
            (0.1, False, "きょう行った。ちょっとねむれた。"),
        )
        for number, (days, by_centre, text) in enumerate(said):
            key = f"message ramune {number}"
            with self.acting(who if by_centre else None) as session:
                if not by_centre:
                    look_as(session, Viewer(thread_id=thread_id))
                    threads.write_back(session, message_id=demo_uuid(key), text=text)
                else:
                    threads.write_message(
                        session,
                        thread_id,
                        message_id=demo_uuid(key),
                        text=text,
                        agency_id=demo_uuid("centre"),
                    )
            self.date_back(m.ThreadMessage, key, days)
        self._taken_in(who, child, "C", "差し迫った危険は話していない。夜に一人である。", "")
        self._checked(who, child, ((8, "返事を続ける。", -2), (2, "保健室に行けている。", 4)))

    def of_himari(self) -> None:
        """All right again: closed with what she thinks of it; the cafeteria goes on watching."""
        who, child, school = "counsellor", "himari", "north_elementary"
        self._taken_in(
            who, child, "C", "学校を休む日が続いている。", "学校の図書室で会った。本の話をした。"
        )
        key = self.ask(who, child, school, "watch", 112, -60, "朝のようすを見てください。")
        self._answered(
            f"{school}_nurse", key, 70, m.Action.DONE, "二か月見守った。", "休まずに来ている。"
        )
        self._checked(
            who,
            child,
            ((110, "月に一度会う。", -80), (46, "家に戻った。", -14), (14, "終えてよい。", 7)),
        )
        with self.acting(who) as session:
            progress.close_case(
                session,
                self.case(session, child),
                closure_id=demo_uuid("closure himari"),
                outcome="improved",
                child_view="「おばあちゃんといっしょにいられるから、いまはだいじょうぶ。食堂にはまた行く」",
                summary="祖母が戻り、家事支援が入った。食堂の見守りを2か月続ける。休みが続けば再開する。",
            )
        self.date_back(m.Closure, "closure himari", 12)
        with system_session(self.system, reason="demo city") as session:
            case = session.get_one(m.Case, demo_uuid("case himari"))
            case.closed_at = Clock(self.now).back(12)

    def somebody_will_be_away(self) -> None:
        """A counsellor takes days off from tomorrow on; a colleague stands in."""
        tomorrow = inclusive_to_instant(self.today)
        with self.acting("counsellor3") as session:
            covers.set_cover(
                session,
                cover_id=demo_uuid("cover counsellor3"),
                absent_id=demo_uuid("counsellor3"),
                account_id=demo_uuid("counsellor"),
                since=tomorrow,
                until=tomorrow + dt.timedelta(days=4),
            )

    # -- the desks, and the week's meeting --------------------------------------------------------

    def desks_are_full(self) -> None:
        """What came in these days and waits: at the centre, at a school, at the NPO."""
        calls = (
            ("PHONE", "FAMILY", "BULLYING_WORRY", "部活動で無視されていると、夕食のときに話した。"),
            ("PHONE", "OTHER", "ABUSE_WORRY", "となりの家から、毎晩どなり声と泣き声が聞こえる。"),
            (
                "EMAIL",
                "FAMILY",
                "NET",
                "娘の写真が知らない人に送られたようです。どうすればよいですか。",
            ),
            (
                "VISIT",
                "FAMILY",
                "PARENTING",
                "3歳の子のかんしゃくに疲れた。どこに相談すればよいか。",
            ),
            ("POSTCARD", "CHILD", "SCHOOL_LIFE", "先生の字が小さくて、こくばんが見えません。"),
            ("PHONE", "CHILD", "FRIENDS", "グループにもどりたい。お母さんには言わないで。"),
        )
        for number, (channel, consulter, topic, words) in enumerate(calls):
            with self.acting("clerk2") as session:
                consultations.take_down(
                    session,
                    self.config,
                    submission=demo_uuid(f"consultation call {number}"),
                    channel=channel,
                    consulter=consulter,
                    told=Told(words=words, topic=topic, suspected_abuse=topic == "ABUSE_WORRY"),
                )
        with self.acting(None) as session:
            look_as(session, Viewer())
            consultations.receive_report(
                session,
                self.config,
                session.get_one(m.Agency, demo_uuid("cafeteria")),
                submission=demo_uuid("report third"),
                secret="",
                told=Told(words="くつのサイズが合っていない子がいます。", topic="MONEY"),
            )
        self._long_ago("consultation call 3", 3)
        self._long_ago("consultation call 4", 2)

    def _long_ago(self, key: str, days: int) -> None:
        """Let a consultation have come so many days ago: its answer is overdue."""
        thread_id = threads.thread_id_of(demo_uuid(key))
        back = dt.timedelta(days=days)
        item, thread, told = m.InboxItem, m.Thread, m.Consultation
        with system_session(self.system, reason="demo city") as session:
            session.execute(
                update(item)
                .where(item.thread_id == thread_id)
                .values(
                    received_at=item.received_at - back,
                    due_at=item.received_at - back + dt.timedelta(days=1),
                )
            )
            session.execute(
                update(thread)
                .where(thread.id == thread_id)
                .values(opened_at=thread.opened_at - back)
            )
            session.execute(
                update(told)
                .where(told.thread_id == thread_id)
                .values(received_at=told.received_at - back)
            )

    def briefs_are_written(self) -> None:
        """Four more matters lie before the experts; one of them has been advised on by two."""
        papers = (
            (
                "counsellor3",
                "tsumugi",
                "三人の話が違うとき、学校に何をどこまで伝えてよいですか。",
                "学級で一人になることが続いている。話した人ごとに事実が違う。",
            ),
            (
                "counsellor4",
                "kota",
                "進学への影響がないことを、どのような形で求めるとよいですか。",
                "部活動の指導者から頭をたたかれた。部員の話で事実が確かめられた。",
            ),
            (
                "counsellor2",
                "haruto",
                "家賃の遅れについて、住まいを失わないためにできることはありますか。",
                "収入がなくなり、家賃が二か月遅れている。給付金を申請した。",
            ),
            (
                "counsellor5",
                "ramune",
                "名前を言わないこどもとのやりとりで、気をつけることはありますか。",
                "タブレットから、夜に一人でいると書いてくる。名前は聞いていない。",
            ),
        )
        meeting_id = demo_uuid("meeting of the week")
        with self.acting("counsellor") as session:
            meeting = session.get_one(m.Meeting, meeting_id)
            for expert in ("lawyer2", "welfare_expert"):
                meetings.invite(session, meeting, demo_uuid(expert))
        for who, child, question, text in papers:
            with self.acting(who) as session:
                meeting, case = session.get_one(m.Meeting, meeting_id), self.case(session, child)
                paper = meetings.Paper(question, text, party_names(session, case))
                brief = meetings.write_brief(
                    session, meeting, case, paper, brief_id=demo_uuid(f"brief {child}")
                )
                meetings.release_brief(session, brief, looked_through=False)
        self._advised(
            "lawyer2", "kota", "校長名の文書で、評価と推薦に影響しないことを求めてください。"
        )
        self._advised("welfare_expert", "haruto", "")
        self._advised(
            "welfare_expert", "ramune", "名前より、夜の過ごし方をいっしょに考えてください。"
        )

    def _advised(self, expert: str, child: str, text: str) -> None:
        """Let an expert declare no conflict, read a brief and advise, or agree without a word."""
        brief_id = demo_uuid(f"brief {child}")
        with self.acting(expert) as session:
            parties = session.scalars(
                select(m.BriefParty).where(m.BriefParty.brief_id == brief_id)
            ).one()
            meetings.declare(session, parties, conflict=False)
        with self.acting(expert) as session:
            brief = session.scalars(select(m.Brief).where(m.Brief.id == brief_id)).one()
            meetings.give_advice(
                session,
                brief,
                advice_id=demo_uuid(f"advice {expert} {child}"),
                assent=not text,
                text=text,
            )
