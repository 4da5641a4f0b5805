"""What was shared without consent, for pages: reports, proposals, emergencies, and who is next."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.terms import PERMISSIONS, clock, holds, unnoted_permissions
from portal.vault import fetch_keys, reveal
from portal.vocabulary import (
    EMERGENCY,
    EXPERT_TYPES,
    REPORT_BASES,
    Side,
    bases,
    refused_between,
    statutes_for,
)
from portal.working_hours import instant_to_inclusive

# The shortest share there is, to ask a row whether it reaches an agency at all.
_ONE_DAY = 1.0
# A report goes to the child guidance centre first, wherever else it may go.
_FIRST = "cgc"


def sides_of(session: Session, owner_id: uuid.UUID) -> tuple[Side, Mapping[uuid.UUID, Side]]:
    """Return the owner as a side of a share, and every other agency that can read, by id."""
    council = select(m.CouncilMembership.agency_id).where(
        holds(m.CouncilMembership, clock(session))
    )
    members = set(session.scalars(council))
    agencies = session.scalars(select(m.Agency).where(m.Agency.type.not_in(EXPERT_TYPES)))
    sides = {
        a.id: Side(a.type, a.legal_form, a.id in members, a.receives_reports) for a in agencies
    }
    return sides.pop(owner_id), sides


def _reaches(code: str, provider: Side, recipient: Side) -> bool:
    """Return whether a basis carries anything from one agency to the other."""
    basis = bases()[code]
    if code in REPORT_BASES and recipient.type == "support_center":
        return recipient.receives_reports
    purpose = basis.allowed_purposes[0]
    return refused_between(code, provider, recipient, purpose=purpose, days=_ONE_DAY) is None


def permissions_for(provider: Side, recipient: Side) -> list[str]:
    """Return the permissions that could carry a share between two agencies, by code."""
    return [
        code
        for code in PERMISSIONS
        if _reaches(code, provider, recipient)
        and (not bases()[code].needs_other_statute or statutes_for(code, provider, recipient))
    ]


@dataclass(frozen=True)
class Door:
    """An agency that something can be shared with, and how many ways there are."""

    agency: m.Agency
    ways: int


def doors_by_permission(session: Session, case: m.Case) -> list[Door]:
    """Return the agencies that a permission reaches, by type and name."""
    provider, sides = sides_of(session, case.owner_agency_id)
    ways = {key: len(permissions_for(provider, side)) for key, side in sides.items()}
    return _doors(session, ways)


def doors_in_emergency(session: Session, case: m.Case) -> list[Door]:
    """Return the agencies that can be provided with something in an emergency."""
    provider, sides = sides_of(session, case.owner_agency_id)
    ways = {
        key: len(statutes_for(EMERGENCY, provider, side))
        for key, side in sides.items()
        if _reaches(EMERGENCY, provider, side)
    }
    return _doors(session, ways)


def _doors(session: Session, ways: Mapping[uuid.UUID, int]) -> list[Door]:
    wanted = [key for key, count in ways.items() if count]
    agencies = session.scalars(select(m.Agency).where(m.Agency.id.in_(wanted))).all()
    # The child guidance centre and the police first: whoever is in a hurry looks for those.
    order = {_FIRST: 0, "police": 1}
    found = sorted(agencies, key=lambda a: (order.get(a.type, 2), a.type, a.name, a.id))
    return [Door(agency, ways[agency.id]) for agency in found]


def between(session: Session, case: m.Case, agency_id: uuid.UUID) -> tuple[Side, Side] | None:
    """Return the two sides of a share of a case with an agency, None where it can never read."""
    provider, sides = sides_of(session, case.owner_agency_id)
    recipient = sides.get(agency_id)
    return None if recipient is None else (provider, recipient)


def council_meetings(session: Session, owner_id: uuid.UUID) -> list[m.Meeting]:
    """Return the newest meetings of the centre and the council, on which a share can rest."""
    meetings = select(m.Meeting).where(m.Meeting.agency_id == owner_id, m.Meeting.kind != "policy")
    return list(
        session.scalars(meetings.order_by(m.Meeting.held_on.desc(), m.Meeting.id).limit(20))
    )


@dataclass(frozen=True)
class ProposalRow:
    """A proposal with its words; ``last_day`` is in JST."""

    proposal: m.ShareProposal
    agency: m.Agency
    last_day: dt.date
    reason: str
    why_not_asked: str
    told: str
    new_facts: str
    refusal: str


def proposals_of(session: Session, case: m.Case) -> list[ProposalRow]:
    """Return the proposals of a case, undecided ones first, then the newest."""
    proposals = select(m.ShareProposal).where(m.ShareProposal.case_id == case.id)
    rows = session.scalars(
        proposals.order_by(m.ShareProposal.proposed_at.desc(), m.ShareProposal.id)
    ).all()
    fetch_keys(session, rows)
    agencies = _agencies(session, {row.agency_id for row in rows})
    found = [_proposal_row(session, row, agencies[row.agency_id]) for row in rows]
    return sorted(found, key=lambda row: row.proposal.decision is not None)


def proposal_row(session: Session, proposal: m.ShareProposal) -> ProposalRow:
    """Return one proposal with its words."""
    agency = session.get_one(m.Agency, proposal.agency_id)
    return _proposal_row(session, proposal, agency)


def _proposal_row(session: Session, proposal: m.ShareProposal, agency: m.Agency) -> ProposalRow:
    words = ("reason", "why_not_asked", "told", "new_facts", "refusal")
    return ProposalRow(
        proposal,
        agency,
        instant_to_inclusive(proposal.valid_until),
        **{name: reveal(session, proposal, name) for name in words},
    )


def _agencies(session: Session, ids: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, m.Agency]:
    found = session.scalars(select(m.Agency).where(m.Agency.id.in_(sorted(ids))))
    return {agency.id: agency for agency in found}


@dataclass(frozen=True)
class EmergencyRow:
    """An emergency with its end (UTC); ``state`` says what is next.

    ``state`` is ``open`` while nobody decided, ``confirmed``, ``over`` where the review is due, or
    ``reviewed``.
    """

    emergency: m.Emergency
    agency: m.Agency
    slices: Sequence[str]
    statute: str | None
    ends_at: dt.datetime
    state: str

    @property
    def is_live(self) -> bool:
        """Return whether something is open by it."""
        return self.state in ("open", "confirmed")


def emergencies_of(
    session: Session, case: m.Case, *, only: uuid.UUID | None = None
) -> list[EmergencyRow]:
    """Return the emergencies of a case, the newest first."""
    wanted = select(m.Emergency).where(m.Emergency.case_id == case.id)
    if only is not None:
        wanted = wanted.where(m.Emergency.id == only)
    rows = session.scalars(wanted.order_by(m.Emergency.started_at.desc(), m.Emergency.id)).all()
    grants: dict[uuid.UUID | None, list[m.Grant]] = {row.id: [] for row in rows}
    of_rows = select(m.Grant).where(m.Grant.emergency_id.in_(list(grants)))
    for grant in session.scalars(of_rows.order_by(m.Grant.valid_from, m.Grant.id)):
        grants[grant.emergency_id].append(grant)
    agencies, now = _agencies(session, {row.agency_id for row in rows}), clock(session)
    return [_emergency_row(row, agencies[row.agency_id], grants[row.id], now) for row in rows]


def _emergency_row(
    row: m.Emergency, agency: m.Agency, grants: Sequence[m.Grant], now: dt.datetime
) -> EmergencyRow:
    ends = [min(filter(None, (grant.ended_at, grant.valid_until))) for grant in grants]
    end = max(ends, default=row.started_at)
    if row.reviewed_at is not None:
        state = "reviewed"
    elif end <= now:
        state = "over"
    else:
        state = "open" if row.decision is None else "confirmed"
    first = grants[0] if grants else None
    slices = () if first is None else tuple(first.slices)
    statute = None if first is None else first.other_statute
    return EmergencyRow(row, agency, slices, statute, end, state)


@dataclass(frozen=True)
class ReportRow:
    """A report to the authorities, with the basis and slices of its grant."""

    report: m.LawReport
    agency: m.Agency
    basis: str
    slices: Sequence[str]


def report_row(session: Session, report: m.LawReport) -> ReportRow:
    """Return a report with what it opened."""
    grant = session.scalars(select(m.Grant).where(m.Grant.id == report.grant_id)).one()
    agency = session.get_one(m.Agency, report.agency_id)
    return ReportRow(report, agency, grant.basis, tuple(grant.slices))


def open_reports(session: Session, case: m.Case) -> list[m.LawReport]:
    """Return the reports of a case whose phone call nobody wrote down yet."""
    reports = select(m.LawReport).where(
        m.LawReport.case_id == case.id, m.LawReport.recorded_at.is_(None)
    )
    return list(session.scalars(reports.order_by(m.LawReport.sent_at, m.LawReport.id)))


@dataclass(frozen=True)
class PermittedRow:
    """A share by permission of the law, as a meeting is shown it; ``last_day`` in JST."""

    grant: m.Grant
    reference: str
    agency: str
    last_day: dt.date | None


def permitted_for(session: Session, meeting: m.Meeting) -> list[PermittedRow]:
    """Return the permissions a meeting is shown: those not noted yet, or noted at its close."""
    if meeting.closed_at is None:
        grants = unnoted_permissions(session, meeting.agency_id)
    else:
        noted = select(m.PermissionNoting.grant_id).where(
            m.PermissionNoting.meeting_id == meeting.id
        )
        rows = select(m.Grant).where(m.Grant.id.in_(noted))
        grants = list(session.scalars(rows.order_by(m.Grant.valid_from, m.Grant.id)))
    cases = select(m.Case.id, m.Case.reference).where(m.Case.id.in_([g.case_id for g in grants]))
    references = {row.id: row.reference for row in session.execute(cases)}
    agencies = _agencies(session, {grant.agency_id for grant in grants})
    return [
        PermittedRow(
            grant,
            references[grant.case_id],
            agencies[grant.agency_id].name,
            None if grant.valid_until is None else instant_to_inclusive(grant.valid_until),
        )
        for grant in grants
    ]


__all__ = [
    "Door",
    "EmergencyRow",
    "PermittedRow",
    "ProposalRow",
    "ReportRow",
    "between",
    "council_meetings",
    "doors_by_permission",
    "doors_in_emergency",
    "emergencies_of",
    "open_reports",
    "permissions_for",
    "permitted_for",
    "proposal_row",
    "proposals_of",
    "report_row",
    "sides_of",
]
