"""The meetings of a centre, their agenda, and what an expert has before them."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.terms import clock, holds
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
    """One open case on the agenda: its brief, if there is one, and how many advised on it."""

    case: m.Case
    brief: m.Brief | None
    released_at: dt.datetime | None
    advices: int

    @property
    def state(self) -> str:
        """Return ``advised``, ``released``, ``draft`` or ``none``."""
        if self.advices:
            return "advised"
        if self.brief is None:
            return "none"
        return "draft" if self.released_at is None else "released"


@dataclass(frozen=True)
class Agenda:
    """What a meeting has to look at: nobody chooses it, so nothing is left out.

    ``done`` of ``total`` open cases were advised on; ``unaccepted`` consultations are no cases yet.
    """

    matters: tuple[MatterRow, ...]
    done: int
    total: int
    unaccepted: int
    after: uuid.UUID | None


def agenda_of(session: Session, meeting: m.Meeting, *, after: uuid.UUID | None = None) -> Agenda:
    """Return one page of the agenda: every open case of the centre, the longest open first.

    Args:
        session: of the centre.
        meeting: the meeting; cases with a brief in it stay on the agenda when they are closed.
        after: the last case of the page before.

    """
    in_meeting = select(m.Brief.case_id).where(m.Brief.meeting_id == meeting.id)
    wanted = (
        m.Case.owner_agency_id == meeting.agency_id,
        or_(m.Case.closed_at.is_(None), m.Case.id.in_(in_meeting)),
    )
    page = select(m.Case).where(*wanted).order_by(m.Case.opened_at, m.Case.id).limit(PAGE + 1)
    if after is not None:
        last = session.execute(select(m.Case.opened_at, m.Case.id).where(m.Case.id == after)).one()
        page = page.where(tuple_(m.Case.opened_at, m.Case.id) > tuple_(*last))
    cases = session.scalars(page).all()
    shown = cases[:PAGE]
    return Agenda(
        _matters(session, meeting, shown),
        _advised(session, meeting),
        session.scalar(select(func.count(m.Case.id)).where(*wanted)) or 0,
        _unaccepted(session, meeting),
        shown[-1].id if len(cases) > PAGE else None,
    )


def _matters(
    session: Session, meeting: m.Meeting, cases: Sequence[m.Case]
) -> tuple[MatterRow, ...]:
    found = session.execute(
        select(m.Brief, m.BriefParty.released_at, func.count(m.Advice.id))
        .join(m.BriefParty, m.BriefParty.brief_id == m.Brief.id)
        .outerjoin(m.Advice, m.Advice.brief_id == m.Brief.id)
        .where(
            m.Brief.meeting_id == meeting.id,
            m.Brief.case_id.in_([case.id for case in cases]),
        )
        .group_by(m.Brief.id, m.BriefParty.released_at)
    ).all()
    briefs = {brief.case_id: (brief, released, advices) for brief, released, advices in found}
    return tuple(MatterRow(case, *briefs.get(case.id, (None, None, 0))) for case in cases)


def _advised(session: Session, meeting: m.Meeting) -> int:
    advised = (
        select(func.count(m.Brief.case_id.distinct()))
        .join(m.Advice, m.Advice.brief_id == m.Brief.id)
        .where(m.Brief.meeting_id == meeting.id)
    )
    return session.scalar(advised) or 0


def _unaccepted(session: Session, meeting: m.Meeting) -> int:
    waiting = select(func.count(m.InboxItem.id)).where(
        m.InboxItem.agency_id == meeting.agency_id,
        m.InboxItem.case_id.is_(None),
        m.InboxItem.status == "new",
    )
    return session.scalar(waiting) or 0


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
    """What a named expert said on a brief."""

    advice: m.Advice
    name: str
    agency: str
    text: str
    held_on: dt.date | None = None
    question: str = ""


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
    return [
        AdviceRow(
            advice,
            reveal(session, profile, "name"),
            agency,
            reveal(session, advice, "text"),
            held.get(asked[advice.brief_id].meeting_id),
            reveal(session, asked[advice.brief_id], "question"),
        )
        for advice, profile, agency in found
    ]


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
    "DeskRow",
    "ExpertRow",
    "MatterRow",
    "MeetingRow",
    "PaperRow",
    "advice_of_case",
    "advice_on",
    "agenda_of",
    "desk_of_expert",
    "experts_for",
    "meetings_of_centre",
    "own_advice_on",
    "papers_of_case",
    "party_names",
]
