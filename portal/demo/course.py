"""Writes what the world format has no words for: how each generated matter went, step by step.

The rows are the ones that the services would have written, at the times when it was; they are
written in batches by the system role, as an import of a city's register is. What happened then is
in no log of this portal, so none is made up; the loading itself is logged.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal import models as m
from portal.demo.crowd import Asked, Course
from portal.demo.matters import Clock
from portal.demo.register import demo_id
from portal.services.assessment import PRESSING, SEE_CHILD_WITHIN, SEEN
from portal.services.contracts import BRIEFED_SLICES, EXPERT, NECESSITY
from portal.vault import Scope, create_key, seal
from portal.vocabulary import bases
from portal.working_hours import promised_reply


def write_courses(session: Session, clock: Clock, courses: Iterable[Course]) -> None:
    """Write the course of each matter.

    Args:
        session: of the system role, equipped with the keys, in which the cases were loaded.
        clock: the one that the courses count their days from.
        courses: of cases that the session's transaction or an earlier one has loaded.

    """
    writer = _Writer(session, clock)
    guardians = []
    for number, course in enumerate(courses):
        if number == 0:
            writer.hold_meeting()
        writer.write_down(course)
        if course.closure is None and course.opened > _BEFORE_MEETING:
            writer.put_to_the_expert(course, number)
        if course.guardian is not None:
            guardians.append(_id(f"person {course.guardian}"))
    writer.send()
    # A register does not say who is somebody's guardian; the centre knows.
    session.execute(
        update(m.CasePerson)
        .where(m.CasePerson.person_id.in_(guardians))
        .values(subject_kind="guardian", relationship_code="mother")
    )


# The meeting of last week saw every matter that was open then.
_BEFORE_MEETING, _PUT, _HELD = 9.0, 8.0, 7.0
_MEETING, _EXPERT, _EXPERTS = "meeting of last week", "lawyer2", "lawyers"
_QUESTION = "この進め方でよいでしょうか。気をつけることはありますか。"
_ADVICE = (
    "本人の望むことを先に確かめ、記録に残してください。",
    "関係機関への依頼には、期日とその理由を添えてください。",
)


def _id(key: str) -> uuid.UUID:
    return uuid.UUID(demo_id(key))


class _Writer:
    """Makes the rows of the courses and writes them in the order of their foreign keys."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock
        self._rows: list[m.Base] = []

    def send(self) -> None:
        """Send the rows, table after table."""
        by_table: dict[str, list[m.Base]] = {}
        for row in self._rows:
            by_table.setdefault(row.__tablename__, []).append(row)
        for table in m.Base.metadata.sorted_tables:
            self._session.add_all(by_table.get(table.name, []))
            self._session.flush()

    def hold_meeting(self) -> None:
        """Make last week's 支援方針会議, which is over."""
        self._row(
            m.Meeting(
                id=_id(_MEETING),
                agency_id=_id("centre"),
                held_on=self._clock.day_of(_HELD),
                opened_at=self._at(_PUT + 1),
                closed_at=self._at(_HELD),
            )
        )
        self._row(
            m.MeetingExpert(
                meeting_id=_id(_MEETING),
                centre_id=_id("centre"),
                account_id=_id(_EXPERT),
                agency_id=_id(_EXPERTS),
                recorded_at=self._at(_PUT + 1),
            )
        )

    def put_to_the_expert(self, course: Course, number: int) -> None:
        """Make the brief of a matter for last week's meeting, and what the expert said of it."""
        of = {"case_id": _id(f"case {course.child}"), "owner_agency_id": _id("centre")}
        brief = m.Brief(
            **of,
            id=_id(f"brief {course.child}"),
            meeting_id=_id(_MEETING),
            number=f"{number + 1:03}",
            written_by=_id(course.worker),
            written_at=self._at(_PUT),
        )
        create_key(self._session, Scope("brief", brief.id))
        self._row(brief, question=_QUESTION, text=course.brief)
        parties = m.BriefParty(
            **of,
            brief_id=brief.id,
            meeting_id=brief.meeting_id,
            released_at=self._at(_PUT),
            valid_until=self._at(_HELD),
        )
        create_key(self._session, Scope("parties", parties.id))
        self._row(parties, names=course.party)
        self._row(
            m.ConflictDeclaration(
                **of,
                brief_id=brief.id,
                account_id=_id(_EXPERT),
                conflict=False,
                declared_at=self._at(_PUT - 0.2),
            )
        )
        assent = number % 4 != 0
        advice = m.Advice(
            **of,
            brief_id=brief.id,
            account_id=_id(_EXPERT),
            agency_id=_id(_EXPERTS),
            assent=assent,
            given_at=self._at(_HELD + 0.5),
        )
        create_key(self._session, Scope("advice", advice.id))
        self._row(advice, text=None if assent else _ADVICE[number % len(_ADVICE)])
        self._tell_of_brief(course, of)

    def _tell_of_brief(self, course: Course, of: dict[str, uuid.UUID]) -> None:
        """Make what the child's record of sharing tells of the brief; it ended with the meeting."""
        grant = m.Grant(
            **of,
            case_opened_at=self._at(course.opened),
            case_concealed=course.concealed,
            agency_id=_id(_EXPERTS),
            slices=list(BRIEFED_SLICES),
            purpose="expert_advice",
            basis=EXPERT,
            necessity=NECESSITY,
            valid_from=self._at(_PUT),
            valid_until=self._at(_HELD),
            ended_at=self._at(_HELD),
            account_ids=[_id(_EXPERT)],
            meeting_id=_id(_MEETING),
            recorded_by=_id(course.worker),
            recorded_at=self._at(_PUT),
        )
        self._row(grant)
        reason = m.GrantReason(**of, grant_id=grant.id, recorded_at=self._at(_PUT))
        self._row(reason, reason=bases()[EXPERT].conditions_ja)

    def write_down(self, course: Course) -> None:
        """Make the rows of one course."""
        of = {"case_id": _id(f"case {course.child}"), "owner_agency_id": _id("centre")}
        worker = _id(course.worker)
        opened = self._at(course.opened)
        self._row(m.CaseTopic(**of, topic=course.topic, recorded_at=opened))
        self._consultation(course, of["case_id"], worker)
        self._assessment(course, of, worker)
        for days, finding, next_on in course.checks:
            check = m.ProgressCheck(
                **of,
                checked_by=worker,
                checked_at=self._at(days),
                next_on=self._clock.today + dt.timedelta(days=next_on),
            )
            self._row(check, finding=finding)
        for number, asked in enumerate(course.asked):
            self._action(asked, of, worker, f"action {course.child} {number}")
        if course.closure is not None:
            days, outcome, child_view, summary = course.closure
            closure = m.Closure(**of, outcome=outcome, closed_by=worker, closed_at=self._at(days))
            self._row(closure, child_view=child_view, summary=summary)

    def _assessment(self, course: Course, of: dict[str, uuid.UUID], worker: uuid.UUID) -> None:
        days, urgency, grounds = course.urgency
        decision = m.UrgencyDecision(
            **of, urgency=urgency, decided_by=worker, decided_at=self._at(days)
        )
        self._row(decision, grounds=grounds)
        met = None
        for days, check_in, account in course.meetings:
            at = self._at(days)
            meeting = m.ChildMeeting(
                **of,
                check_in=check_in,
                met_on=self._clock.day_of(days),
                met_by=worker,
                recorded_at=at,
            )
            self._row(meeting, account_of_it=account)
            met = at if check_in == SEEN else met
        if urgency in PRESSING:
            self._row(
                m.Task(
                    **of,
                    kind=m.Task.SEE_CHILD,
                    opened_at=self._at(course.opened),
                    due_at=self._at(course.opened) + SEE_CHILD_WITHIN,
                    done_at=met,
                    done_by=None if met is None else worker,
                )
            )
        if course.necessity is not None:
            days, code, grounds = course.necessity
            record = m.NecessityRecord(
                **of, necessity=code, recorded_by=worker, recorded_at=self._at(days)
            )
            self._row(record, grounds=grounds)
        if course.judgement is not None:
            days, violation, severity, grounds = course.judgement
            judgement = m.Violation(
                **of,
                violation=violation,
                finding="found",
                severity=severity,
                judged_by=worker,
                judged_at=self._at(days),
            )
            self._row(judgement, grounds=grounds)

    def _action(self, asked: Asked, of: dict[str, uuid.UUID], worker: uuid.UUID, key: str) -> None:
        action = m.Action(
            **of,
            id=_id(key),
            agency_id=_id(asked.agency),
            kind=asked.kind,
            status=asked.status,
            due_on=self._clock.today + dt.timedelta(days=asked.due),
            asked_by=worker,
            asked_at=self._at(asked.days),
        )
        create_key(self._session, Scope("action", action.id))
        self._row(action, request=asked.request)
        for step in asked.steps:
            event = m.ActionEvent(
                **of,
                action_id=action.id,
                status=step.status,
                agency_id=action.agency_id,
                account_id=_id(step.author),
                happened_at=self._at(step.days),
            )
            self._row(event, words=step.words or None, effect=step.effect or None)

    def _consultation(self, course: Course, case_id: uuid.UUID, worker: uuid.UUID) -> None:
        """Make the consultation that the matter began with, taken in long ago."""
        received = self._at(course.opened + 0.1)
        of_child = course.channel in ("TABLET", "WEB")
        thread = m.Thread(
            id=_id(f"thread {course.child}"),
            kind="child" if of_child else "guardian",
            case_id=case_id,
            owner_agency_id=_id("centre"),
            person_id=_id(f"person {course.child}") if of_child else None,
            opened_at=received,
            promised_at=promised_reply(received, course.channel),
        )
        create_key(self._session, Scope("thread", thread.id))
        self._row(thread)
        consultation = m.Consultation(
            thread_id=thread.id,
            received_at=received,
            channel=course.channel,
            consulter="CHILD" if of_child else "FAMILY",
            anonymous=of_child,
            topic=course.topic,
            suspected_abuse=course.topic == "ABUSE_WORRY",
            recorded_by=None if of_child else _id("clerk2"),
        )
        self._row(consultation, words=course.words)
        self._row(
            m.InboxItem(
                consultation_id=consultation.id,
                thread_id=thread.id,
                agency_id=_id("centre"),
                status="accepted",
                received_at=received,
                due_at=promised_reply(received, course.channel),
                handled_at=self._at(course.opened),
                handled_by=worker,
                case_id=case_id,
            )
        )

    def _at(self, days: float) -> dt.datetime:
        return self._clock.back(days)

    def _row(self, row: Any, **texts: str | None) -> None:
        seal(self._session, row, **texts)
        self._rows.append(row)
