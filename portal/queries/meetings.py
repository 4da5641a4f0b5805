"""The meetings of a centre, their agenda, and what an expert has before them."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import number_of
from portal.policy.terms import (
    advised_cases,
    agenda_cases,
    agenda_consultations,
    cases_left,
    clock,
    consultations_left,
    holds,
)
from portal.queries.cases import child_names
from portal.vault import fetch_keys, reveal
from portal.vocabulary import BLIND_ROLES, EXPERT_TYPES

PAGE = 50


@dataclass(frozen=True)
class MeetingRow:
    """A meeting with the number of its briefs and of those an expert answered."""

    meeting: m.Meeting
    briefs: int
    advised: int


def meetings_of_centre(session: Session) -> list[MeetingRow]:
    """Return the newest meetings that the viewer sees."""
    meetings = session.scalars(
        select(m.Meeting).order_by(m.Meeting.held_on.desc(), m.Meeting.id).limit(PAGE)
    ).all()
    counts = session.execute(
        select(
            m.Brief.meeting_id,
            func.count(m.Brief.id.distinct()),
            func.count(m.Advice.brief_id.distinct()),
        )
        .outerjoin(m.Advice, m.Advice.brief_id == m.Brief.id)
        .where(m.Brief.meeting_id.in_([meeting.id for meeting in meetings]))
        .group_by(m.Brief.meeting_id)
    )
    numbers = {meeting_id: (briefs, advised) for meeting_id, briefs, advised in counts}
    return [MeetingRow(meeting, *numbers.get(meeting.id, (0, 0))) for meeting in meetings]


@dataclass(frozen=True)
class MatterRow:
    """One open case on the agenda: its brief, what became of it here, and when it was advised on.

    ``put_off`` is what was said of it in this meeting, ``before`` in the newest one before.
    """

    case: m.Case
    called: str
    brief: m.Brief | None
    released_at: dt.datetime | None
    advices: int
    put_off: m.MatterOutcome | None
    before: m.MatterOutcome | None
    last_advice: dt.datetime | None

    @property
    def state(self) -> str:
        """Return ``advised``, ``put_off``, ``released``, ``draft`` or ``none``."""
        if self.advices:
            return "advised"
        if self.put_off is not None:
            return "put_off"
        if self.brief is None:
            return "none"
        return "draft" if self.released_at is None else "released"


@dataclass(frozen=True)
class DeskMatterRow:
    """One consultation without a case on the agenda, by its number, and what became of it here."""

    item: m.InboxItem
    number: str
    topic: str
    urgent: bool
    outcome: m.MatterOutcome | None

    @property
    def state(self) -> str:
        """Return ``talked_over``, ``put_off`` or ``waiting``."""
        if self.outcome is None:
            return "waiting"
        return "talked_over" if self.outcome.reason is None else "put_off"


@dataclass(frozen=True)
class Coverage:
    """How far a meeting is, over all its matters.

    ``done`` of ``total`` matters were advised on or talked over, ``put_off`` were left with a
    reason and a day, and ``left`` wait for one of the two.
    """

    total: int
    put_off: int
    left: int

    @property
    def done(self) -> int:
        """Return how many were advised on or talked over."""
        return self.total - self.put_off - self.left


@dataclass(frozen=True)
class Agenda:
    """What a meeting has to look at: nobody chooses it, so nothing is left out.

    ``more`` consultations are not shown; ``after`` is the last case of the page, if more follow.
    """

    matters: tuple[MatterRow, ...]
    consultations: tuple[DeskMatterRow, ...]
    more: int
    after: uuid.UUID | None


def coverage_of(session: Session, meeting: m.Meeting) -> Coverage:
    """Return how far a meeting is, without a look at any of its matters."""
    return Coverage(
        _count(session, select(m.Case.id).where(agenda_cases(meeting)))
        + _count_consultations(session, meeting),
        _put_off(session, meeting),
        _count(session, cases_left(meeting)) + _count(session, consultations_left(meeting)),
    )


def agenda_of(session: Session, meeting: m.Meeting, *, after: uuid.UUID | None = None) -> Agenda:
    """Return one page of the agenda: every open case of the centre, the longest open first.

    Args:
        session: of the centre; what the page lists is noted in the log.
        meeting: the meeting; cases with a brief in it stay on the agenda when they are closed.
        after: the last case of the page before; consultations stand on the first page.

    """
    page = (
        select(m.Case)
        .where(agenda_cases(meeting))
        .order_by(m.Case.opened_at, m.Case.id)
        .limit(PAGE + 1)
    )
    if after is not None:
        last = session.execute(select(m.Case.opened_at, m.Case.id).where(m.Case.id == after)).one()
        page = page.where(tuple_(m.Case.opened_at, m.Case.id) > tuple_(*last))
    cases = session.scalars(page).all()
    shown = cases[:PAGE]
    consultations = () if after is not None else _desk_matters(session, meeting)
    full = len(consultations) == PAGE
    return Agenda(
        _matters(session, meeting, shown),
        consultations,
        _count_consultations(session, meeting) - PAGE if full else 0,
        shown[-1].id if len(cases) > PAGE else None,
    )


def _count(session: Session, ids: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(ids.subquery())) or 0


def _count_consultations(session: Session, meeting: m.Meeting) -> int:
    return _count(session, select(m.InboxItem.id).where(agenda_consultations(meeting)))


def _put_off(session: Session, meeting: m.Meeting) -> int:
    """Return how many matters were put off; advice that was given after all outweighs it."""
    outcome = m.MatterOutcome
    left = select(outcome.id).where(
        outcome.meeting_id == meeting.id,
        outcome.reason.is_not(None),
        or_(outcome.case_id.is_(None), outcome.case_id.not_in(advised_cases(meeting))),
    )
    return _count(session, left)


def _matters(
    session: Session, meeting: m.Meeting, cases: Sequence[m.Case]
) -> tuple[MatterRow, ...]:
    ids = [case.id for case in cases]
    found = session.execute(
        select(m.Brief, m.BriefParty.released_at, func.count(m.Advice.id))
        .join(m.BriefParty, m.BriefParty.brief_id == m.Brief.id)
        .outerjoin(m.Advice, m.Advice.brief_id == m.Brief.id)
        .where(m.Brief.meeting_id == meeting.id, m.Brief.case_id.in_(ids))
        .group_by(m.Brief.id, m.BriefParty.released_at)
    ).all()
    briefs = {brief.case_id: (brief, released, advices) for brief, released, advices in found}
    names, outcomes = child_names(session, ids), _outcomes(session, ids)
    advised = _last_advice(session, ids)
    record_listed(session, Event.CASE_LISTED, ids)
    rows = []
    for case in cases:
        brief, released_at, advices = briefs.get(case.id, (None, None, 0))
        here = [o for o in outcomes[case.id] if o.meeting_id == meeting.id]
        before = [o for o in outcomes[case.id] if o.meeting_id != meeting.id]
        rows.append(
            MatterRow(
                case,
                names.get(case.id, ""),
                brief,
                released_at,
                advices,
                put_off=here[0] if here else None,
                before=before[0] if before else None,
                last_advice=advised.get(case.id),
            )
        )
    return tuple(rows)


def _outcomes(
    session: Session, ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, list[m.MatterOutcome]]:
    """Return what meetings made of some cases, the newest first."""
    outcomes = select(m.MatterOutcome).where(m.MatterOutcome.case_id.in_(ids))
    found: dict[uuid.UUID, list[m.MatterOutcome]] = defaultdict(list)
    for outcome in session.scalars(outcomes.order_by(m.MatterOutcome.recorded_at.desc())):
        found[outcome.case_id].append(outcome)  # type: ignore[index]  # Selected by it.
    return found


def _last_advice(session: Session, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, dt.datetime]:
    newest = (
        select(m.Advice.case_id, func.max(m.Advice.given_at))
        .where(m.Advice.case_id.in_(ids))
        .group_by(m.Advice.case_id)
    )
    return {case_id: given_at for case_id, given_at in session.execute(newest)}  # noqa: C416 -- rows, no pairs.


def _desk_matters(session: Session, meeting: m.Meeting) -> tuple[DeskMatterRow, ...]:
    """Return the consultations of an agenda, those without an outcome first, then the oldest."""
    here = m.MatterOutcome
    found = session.execute(
        select(m.InboxItem, m.Consultation, here)
        .join(m.Consultation, m.Consultation.id == m.InboxItem.consultation_id)
        .outerjoin(here, (here.item_id == m.InboxItem.id) & (here.meeting_id == meeting.id))
        .where(agenda_consultations(meeting))
        .order_by(here.id.is_not(None), m.InboxItem.received_at, m.InboxItem.id)
        .limit(PAGE)
    ).all()
    record_listed(session, Event.CONSULTATION_LISTED, [row.Consultation.id for row in found])
    return tuple(
        DeskMatterRow(
            item, number_of(item.thread_id), consultation.topic, consultation.urgent, outcome
        )
        for item, consultation, outcome in found
    )


@dataclass(frozen=True)
class ExpertRow:
    """An outside expert: name, agency, and whether invited to the meeting."""

    account_id: uuid.UUID
    name: str
    agency: str
    invited: bool


def experts_for(session: Session, meeting: m.Meeting) -> list[ExpertRow]:
    """Return the outside experts who can be invited or are, by agency and name."""
    found = session.execute(
        select(m.Membership.account_id, m.Agency.name, m.AccountProfile)
        .join(m.Agency, m.Agency.id == m.Membership.agency_id)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Membership.account_id)
        .where(
            m.Agency.type.in_(EXPERT_TYPES),
            m.Membership.role.not_in(BLIND_ROLES),
            holds(m.Membership, clock(session)),
        )
    ).all()
    fetch_keys(session, [profile for _account, _agency, profile in found])
    invited = set(
        session.scalars(
            select(m.MeetingExpert.account_id).where(m.MeetingExpert.meeting_id == meeting.id)
        )
    )
    rows = [
        ExpertRow(account, reveal(session, profile, "name"), agency, account in invited)
        for account, agency, profile in found
    ]
    return sorted(rows, key=lambda row: (row.agency, row.name, row.account_id))


@dataclass(frozen=True)
class AdviceRow:
    """What a named expert said on a brief, and what was asked of agencies because of it."""

    advice: m.Advice
    name: str
    agency: str
    text: str
    held_on: dt.date | None = None
    question: str = ""
    led_to: tuple[m.Action, ...] = ()


def advice_on(session: Session, briefs: Sequence[m.Brief]) -> list[AdviceRow]:
    """Return the advice on some briefs, the newest first, with who gave it."""
    asked = {brief.id: brief for brief in briefs}
    found = session.execute(
        select(m.Advice, m.AccountProfile, m.Agency.name)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Advice.account_id)
        .join(m.Agency, m.Agency.id == m.Advice.agency_id)
        .where(m.Advice.brief_id.in_(asked))
        .order_by(m.Advice.given_at.desc(), m.Advice.id)
    ).all()
    fetch_keys(session, [*(a for a, _p, _n in found), *(p for _a, p, _n in found), *briefs])
    held = _held_on(session, {brief.meeting_id for brief in briefs})
    led_to = _led_to(session, [advice.id for advice, _profile, _name in found])
    return [
        AdviceRow(
            advice,
            reveal(session, profile, "name"),
            agency,
            reveal(session, advice, "text"),
            held.get(asked[advice.brief_id].meeting_id),
            reveal(session, asked[advice.brief_id], "question"),
            tuple(led_to[advice.id]),
        )
        for advice, profile, agency in found
    ]


def _led_to(session: Session, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, list[m.Action]]:
    found: dict[uuid.UUID, list[m.Action]] = defaultdict(list)
    actions = select(m.Action).where(m.Action.advice_id.in_(ids)).order_by(m.Action.asked_at)
    for action in session.scalars(actions):
        found[action.advice_id].append(action)  # type: ignore[index]  # Selected by it.
    return found


def _held_on(session: Session, ids: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, dt.date]:
    meetings = session.execute(
        select(m.Meeting.id, m.Meeting.held_on).where(m.Meeting.id.in_(list(ids)))
    )
    return {meeting_id: held_on for meeting_id, held_on in meetings}  # noqa: C416 -- rows, no pairs.


def advice_of_case(session: Session, case: m.Case) -> list[AdviceRow]:
    """Return all advice on a case that its owner received, the newest first."""
    briefs = session.scalars(select(m.Brief).where(m.Brief.case_id == case.id)).all()
    return advice_on(session, briefs)


@dataclass(frozen=True)
class DeskRow:
    """One matter before an expert.

    ``brief`` is None until the expert declared that there is no conflict; ``names`` are the
    parties, to declare against.
    """

    parties: m.BriefParty
    names: str
    brief: m.Brief | None
    question: str
    advised: bool


def desk_of_expert(session: Session) -> list[DeskRow]:
    """Return the matters that are before the viewer as an expert, undeclared ones first."""
    parties = session.scalars(select(m.BriefParty).order_by(m.BriefParty.id)).all()
    ids = [row.brief_id for row in parties]
    briefs = {b.id: b for b in session.scalars(select(m.Brief).where(m.Brief.id.in_(ids)))}
    fetch_keys(session, [*parties, *briefs.values()])
    advised = set(session.scalars(select(m.Advice.brief_id).where(m.Advice.brief_id.in_(ids))))
    rows = [
        DeskRow(
            row,
            reveal(session, row, "names"),
            briefs.get(row.brief_id),
            reveal(session, briefs[row.brief_id], "question") if row.brief_id in briefs else "",
            row.brief_id in advised,
        )
        for row in parties
    ]
    order: dict[bool, list[DeskRow]] = defaultdict(list)
    for row in rows:
        order[row.brief is not None].append(row)
    return [*order[False], *sorted(order[True], key=lambda row: row.advised)]


def next_on_desk(session: Session) -> tuple[uuid.UUID, uuid.UUID | None] | None:
    """Return the next matter before an expert that is not answered, None where all are.

    Of it the id of the parties and, once the expert declared no conflict, that of the brief: no
    name is opened for a link.
    """
    me = session.info["viewer"].account_id
    answered = select(m.Advice.brief_id).where(m.Advice.account_id == me)
    waiting = (
        select(m.BriefParty.id, m.Brief.id)
        .outerjoin(m.Brief, m.Brief.id == m.BriefParty.brief_id)
        .where(m.BriefParty.brief_id.not_in(answered))
        .order_by(m.Brief.id.is_not(None), m.BriefParty.id)
        .limit(1)
    )
    found = session.execute(waiting).first()
    return None if found is None else (found[0], found[1])


def brief_after(session: Session, brief: m.Brief) -> uuid.UUID | None:
    """Return the brief that follows in the same meeting, in the order of its agenda, if any."""
    opened = select(m.Case.opened_at, m.Case.id)
    place = session.execute(opened.where(m.Case.id == brief.case_id)).one()
    following = (
        select(m.Brief.id)
        .join(m.Case, m.Case.id == m.Brief.case_id)
        .where(
            m.Brief.meeting_id == brief.meeting_id,
            tuple_(m.Case.opened_at, m.Case.id) > tuple_(*place),
        )
        .order_by(m.Case.opened_at, m.Case.id)
        .limit(1)
    )
    return session.scalars(following).first()


@dataclass(frozen=True)
class PaperRow:
    """A meeting a case can be put before, or was, with its brief."""

    meeting: m.Meeting
    brief: m.Brief | None


def papers_of_case(session: Session, case: m.Case) -> list[PaperRow]:
    """Return the open meetings of a case's centre and those it was before, the newest first."""
    briefs = session.scalars(select(m.Brief).where(m.Brief.case_id == case.id)).all()
    by_meeting = {brief.meeting_id: brief for brief in briefs}
    meetings = session.scalars(
        select(m.Meeting)
        .where(
            m.Meeting.agency_id == case.owner_agency_id,
            or_(m.Meeting.closed_at.is_(None), m.Meeting.id.in_(by_meeting)),
        )
        .order_by(m.Meeting.held_on.desc(), m.Meeting.id)
    )
    return [PaperRow(meeting, by_meeting.get(meeting.id)) for meeting in meetings]


def party_names(session: Session, case: m.Case) -> str:
    """Return the registered names of a case, one a line, to declare conflicts against."""
    people = session.scalars(
        select(m.Person)
        .join(m.CasePerson, m.CasePerson.person_id == m.Person.id)
        .where(m.CasePerson.case_id == case.id)
        .order_by(m.CasePerson.is_child.desc(), m.CasePerson.recorded_at, m.CasePerson.id)
    ).all()
    fetch_keys(session, people)
    names = [
        " ".join(
            filter(None, (reveal(session, p, "family_name"), reveal(session, p, "given_name")))
        )
        for p in people
    ]
    return "\n".join(filter(None, names))


def own_advice_on(session: Session, brief: m.Brief) -> m.Advice | None:
    """Return what the viewer, an expert, said on a brief already."""
    me = session.info["viewer"].account_id
    said = select(m.Advice).where(m.Advice.brief_id == brief.id, m.Advice.account_id == me)
    return session.scalars(said).one_or_none()


__all__ = [
    "AdviceRow",
    "Agenda",
    "Coverage",
    "DeskMatterRow",
    "DeskRow",
    "ExpertRow",
    "MatterRow",
    "MeetingRow",
    "PaperRow",
    "advice_of_case",
    "advice_on",
    "agenda_of",
    "brief_after",
    "coverage_of",
    "desk_of_expert",
    "experts_for",
    "meetings_of_centre",
    "next_on_desk",
    "own_advice_on",
    "papers_of_case",
    "party_names",
]
