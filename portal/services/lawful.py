"""Sharing by law (domain.md §3, lane B): the report that is sent first, and what the law permits.

A duty is fulfilled at once. What the law only permits is proposed by one person and approved by the
director, where the row of legal_bases.csv asks for one, and never used to get around a no.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import ConflictError, lock_grants, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import Terms, clock, never_tells_of, refused_slices
from portal.services.once import already, write_once
from portal.services.sharing import (
    RefusedShareError,
    check_basis,
    check_never_tells,
    check_readers,
    check_recipient,
    open_up,
    side_of,
)
from portal.vault import reveal, seal
from portal.vocabulary import (
    REPORT_BASES,
    SHORTEST_REASON,
    UnknownCode,
    is_permission,
    lane,
    needs_director,
)
from portal.working_hours import jst

# What the centre's report is called, by who we are and who receives it (domain.md §2).
REPORT, REFERRAL, INFORMATION = "report", "referral", "information"
# The referral of a municipality to the child guidance centre (児童福祉法25条の7).
REFERRAL_BASIS = "CWA25_7"
CGC = "cgc"
# The phone call belongs to the report itself; whoever sent it writes it down within this time.
TIME_TO_RECORD = dt.timedelta(hours=1)
# A call that was longer ago belongs to something else.
OLDEST_CALL = dt.timedelta(hours=24)


def word_for(basis: str, recipient_type: str, *, centre_receives: bool) -> str:
    """Return what a report by a centre is called: ``REPORT``, ``REFERRAL`` or ``INFORMATION``.

    Args:
        basis: the duty.
        recipient_type: type of the agency that receives it.
        centre_receives: the city designated the centre to receive 通告 itself. Such a centre does
            not report what was reported to it: it refers it to the child guidance centre, and
            informs the city's own divisions.

    """
    if basis == REFERRAL_BASIS:
        return REFERRAL
    if basis not in REPORT_BASES:
        return INFORMATION
    if not centre_receives:
        return REPORT
    return REFERRAL if recipient_type == CGC else INFORMATION


def send_report(
    session: Session, case: m.Case, terms: Terms, *, report_id: uuid.UUID
) -> m.LawReport:
    """Fulfil a duty: open the slices at once; the call is recorded after (domain.md §2, "Urgent").

    What the child was told may be recorded with the call, but not where a never-tell stands: then
    it is said before, or why not.

    Args:
        session: of the centre's director, counsellor or investigator.
        case: the own agency's.
        terms: on a basis that is a duty.
        report_id: of the form; sent twice it is one report.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: no duty, or a rule forbids it.

    """
    require(standing(session), Action.SHARE_BY_LAW, case)
    lock_grants(session, case.id, exclusive=True)
    known_report = already(session, m.LawReport, report_id)
    if known_report is not None:
        return known_report
    if not _is_of_law(terms.basis) or is_permission(terms.basis):
        raise RefusedShareError("basis_not_offered")
    now = clock(session)
    if not terms.told and never_tells_of(session, case.id, now):
        raise RefusedShareError("not_said_whether_told")
    grant = open_up(session, case, replace(terms, told_later=not terms.told))
    provider = side_of(session, case.owner_agency_id, now)
    recipient = side_of(session, terms.agency_id, now)
    report = m.LawReport(
        id=report_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        grant_id=grant.id,
        agency_id=terms.agency_id,
        word=word_for(terms.basis, recipient.type, centre_receives=provider.receives_reports),
        sent_by=session.info["viewer"].account_id,
    )
    seal(session, report, told=terms.told or None)
    if write_once(session, report):
        session.add(_task(case, m.Task.REPORT, grant, now + TIME_TO_RECORD))
        audit.record(
            session,
            audit.Event.REPORT_SENT,
            case_id=case.id,
            report=report.id,
            word=report.word,
            agency=report.agency_id,
        )
        session.flush()
    return report


def _is_of_law(code: str) -> bool:
    try:
        return lane(code) == "law"
    except UnknownCode:
        return False


def _task(case: m.Case, kind: str, grant: m.Grant, due_at: dt.datetime) -> m.Task:
    return m.Task(
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        kind=kind,
        grant_id=grant.id,
        due_at=due_at,
    )


def check_call(now: dt.datetime, phoned_at: dt.datetime, phoned_to: str) -> None:
    """Refuse a phone call that nobody heard, that is still to come, or that is long ago.

    Raises:
        RefusedShareError: ``phone_missing`` or ``phone_time``.

    """
    if not phoned_to:
        raise RefusedShareError("phone_missing")
    # A minute of grace: whoever phones just now types the minute that is not over yet.
    if not now - OLDEST_CALL <= phoned_at <= now + dt.timedelta(minutes=1):
        raise RefusedShareError("phone_time")


def record_report(
    session: Session, report: m.LawReport, *, phoned_at: dt.datetime, phoned_to: str, told: str
) -> None:
    """Write down the phone call that belongs to a report, and what the child was told or why not.

    Args:
        session: of the owner.
        report: recorded once; whoever comes second changes nothing.
        phoned_at: aware.
        phoned_to: who took the call, with the office.
        told: what the child was told, or why not (yet).

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: something is missing.

    """
    require(standing(session), Action.SHARE, report)
    session.refresh(report, with_for_update=True)
    if report.recorded_at is not None:
        return
    now = clock(session)
    check_call(now, phoned_at, phoned_to)
    if not told:
        raise RefusedShareError("not_said_whether_told")
    # The words first: the database takes no record that is not whole.
    seal(session, report, phoned_to=phoned_to, told=told)
    report.phoned_at, report.recorded_at = phoned_at, now
    report.recorded_by = session.info["viewer"].account_id
    audit.record(session, audit.Event.REPORT_RECORDED, case_id=report.case_id, report=report.id)
    end_task(session, report.grant_id, m.Task.REPORT, now)


def end_task(session: Session, grant_id: uuid.UUID, kind: str, now: dt.datetime) -> None:
    """Note that the task which a grant opened is done, by the deed it asked for."""
    tasks = select(m.Task).where(
        m.Task.grant_id == grant_id, m.Task.kind == kind, m.Task.done_at.is_(None)
    )
    for task in session.scalars(tasks).all():
        task.done_at, task.done_by = now, session.info["viewer"].account_id
        audit.record(session, audit.Event.TASK_DONE, case_id=task.case_id, task=task.id)
    session.flush()


def propose(
    session: Session,
    case: m.Case,
    terms: Terms,
    *,
    proposal_id: uuid.UUID,
    told_first: bool = False,
    new_facts: str = "",
) -> m.ShareProposal:
    """Propose a share that the law permits; where no director is asked for, carry it out at once.

    Everything but the approval is checked now, and again when it is decided.

    Args:
        session: of the centre's director, counsellor or investigator.
        case: the own agency's.
        terms: about every subject, on a basis that permits.
        proposal_id: of the form; sent twice it is one proposal.
        told_first, new_facts: that the child was told before, and what is new: needed where the
            agency and slice were said no to, or taken back.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: no permission, or a rule forbids it.

    """
    require(standing(session), Action.SHARE_BY_LAW, case)
    lock_grants(session, case.id, exclusive=True)
    known_proposal = already(session, m.ShareProposal, proposal_id)
    if known_proposal is not None:
        return known_proposal
    if not _is_of_law(terms.basis) or not is_permission(terms.basis):
        raise RefusedShareError("basis_not_offered")
    now = clock(session)
    check_recipient(session, case, terms)
    check_readers(session, terms, now)
    check_basis(session, case, terms, now, proposing=True)
    check_meeting(session, terms, now)
    check_never_tells(session, case, terms, now)
    _check_no(session, case, terms, told_first=told_first, new_facts=new_facts)
    proposal = _proposal(session, case, terms, proposal_id, told_first=told_first)
    seal(session, proposal, new_facts=new_facts or None)
    if not write_once(session, proposal):
        return proposal
    audit.record(
        session,
        audit.Event.PROPOSED,
        case_id=case.id,
        proposal=proposal.id,
        agency=terms.agency_id,
        basis=terms.basis,
    )
    if not needs_director(terms.basis, terms.other_statute):
        _settle(session, proposal, m.ShareProposal.CARRIED_OUT, open_up(session, case, terms))
    return proposal


def check_meeting(session: Session, terms: Terms, now: dt.datetime) -> None:
    """Refuse a meeting that has not been held: it cannot have decided.

    Raises:
        RefusedShareError: ``meeting_not_held``.

    """
    if terms.meeting_id is None:
        return
    held = select(m.Meeting.held_on).where(m.Meeting.id == terms.meeting_id)
    if session.scalars(held).one() > jst(now).date():
        raise RefusedShareError("meeting_not_held")


def _check_no(
    session: Session, case: m.Case, terms: Terms, *, told_first: bool, new_facts: str
) -> None:
    """After a no only on new facts and after telling the child first (domain.md §3.2)."""
    if not refused_slices(session, case.id, terms.agency_id) & set(terms.slices):
        return
    if len(new_facts) < SHORTEST_REASON:
        raise RefusedShareError("new_facts_missing")
    if not (told_first and terms.told):
        raise RefusedShareError("child_not_told_first")


def _proposal(
    session: Session,
    case: m.Case,
    terms: Terms,
    proposal_id: uuid.UUID,
    *,
    told_first: bool,
) -> m.ShareProposal:
    proposal = m.ShareProposal(
        id=proposal_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        agency_id=terms.agency_id,
        slices=sorted(terms.slices),
        account_ids=list(terms.account_ids) or None,
        purpose=terms.purpose,
        basis=terms.basis,
        necessity=terms.necessity,
        valid_until=terms.until,
        ruled_out=terms.ruled_out,
        request_no=terms.request_no or None,
        meeting_id=terms.meeting_id,
        other_statute=terms.other_statute,
        told_first=told_first,
        nobody_unlinked=terms.nobody_unlinked,
        proposed_by=session.info["viewer"].account_id,
    )
    seal(
        session,
        proposal,
        reason=terms.reason,
        why_not_asked=terms.why_not_asked,
        told=terms.told or None,
    )
    return proposal


def terms_of_proposal(session: Session, proposal: m.ShareProposal) -> Terms:
    """Return the terms on which a proposal would share."""
    return Terms(
        agency_id=proposal.agency_id,
        slices=tuple(proposal.slices),
        subject_id=None,
        purpose=proposal.purpose,
        basis=proposal.basis,
        necessity=proposal.necessity,
        until=proposal.valid_until,
        account_ids=tuple(proposal.account_ids or ()),
        reason=reveal(session, proposal, "reason"),
        told=reveal(session, proposal, "told"),
        nobody_unlinked=proposal.nobody_unlinked,
        proposed_by=proposal.proposed_by,
        ruled_out=proposal.ruled_out,
        why_not_asked=reveal(session, proposal, "why_not_asked"),
        request_no=proposal.request_no or "",
        meeting_id=proposal.meeting_id,
        other_statute=proposal.other_statute,
    )


def approve(session: Session, case: m.Case, proposal: m.ShareProposal) -> m.Grant:
    """Approve a proposal as the director, who did not propose it: from now on it is open.

    Approved twice it is one grant.

    Raises:
        NotPermittedError: not the owner's director.
        ConflictError: somebody refused it meanwhile.
        RefusedShareError: the own proposal, or a rule forbids it by now.

    """
    require(standing(session), Action.APPROVE, case)
    lock_grants(session, case.id, exclusive=True)
    session.refresh(proposal, with_for_update=True)
    me = session.info["viewer"].account_id
    if proposal.decision == m.ShareProposal.APPROVED:
        return session.scalars(select(m.Grant).where(m.Grant.id == proposal.grant_id)).one()
    if proposal.decision is not None:
        raise ConflictError
    if proposal.proposed_by == me:
        raise RefusedShareError("own_proposal")
    terms = terms_of_proposal(session, proposal)
    new_facts = reveal(session, proposal, "new_facts")
    _check_no(session, case, terms, told_first=proposal.told_first, new_facts=new_facts)
    grant = open_up(session, case, replace(terms, approved_by=me))
    _settle(session, proposal, m.ShareProposal.APPROVED, grant)
    return grant


def _settle(
    session: Session, proposal: m.ShareProposal, decision: str, grant: m.Grant | None
) -> None:
    proposal.decision, proposal.decided_at = decision, clock(session)
    proposal.decided_by = session.info["viewer"].account_id
    proposal.grant_id = None if grant is None else grant.id
    audit.record(
        session,
        audit.Event.PROPOSAL_DECIDED,
        case_id=proposal.case_id,
        proposal=proposal.id,
        decision=decision,
    )
    session.flush()


def refuse(session: Session, case: m.Case, proposal: m.ShareProposal, *, words: str) -> None:
    """Refuse a proposal as the director, with the reason; nothing is opened.

    Raises:
        NotPermittedError: not the owner's director.
        ConflictError: it was decided meanwhile.
        RefusedShareError: no reason.

    """
    require(standing(session), Action.APPROVE, case)
    lock_grants(session, case.id, exclusive=True)
    session.refresh(proposal, with_for_update=True)
    if proposal.decision == m.ShareProposal.REFUSED:
        return
    if proposal.decision is not None:
        raise ConflictError(mine=words)
    if proposal.proposed_by == session.info["viewer"].account_id:
        raise RefusedShareError("own_proposal")
    if not words:
        raise RefusedShareError("refusal_without_reason")
    seal(session, proposal, refusal=words)
    _settle(session, proposal, m.ShareProposal.REFUSED, None)


def note_permissions(session: Session, meeting: m.Meeting, grants: Iterable[m.Grant]) -> None:
    """Note at the close of a 支援方針会議 which permissions it was shown (domain.md §3.2)."""
    noted = []
    for grant in grants:
        session.add(
            m.PermissionNoting(
                case_id=grant.case_id,
                owner_agency_id=grant.owner_agency_id,
                grant_id=grant.id,
                meeting_id=meeting.id,
            )
        )
        noted.append(grant.id)
    if noted:
        audit.record(session, audit.Event.PERMISSIONS_NOTED, meeting=meeting.id, grants=noted)
        session.flush()


__all__ = [
    "INFORMATION",
    "REFERRAL",
    "REPORT",
    "approve",
    "check_call",
    "check_meeting",
    "end_task",
    "note_permissions",
    "propose",
    "record_report",
    "refuse",
    "send_report",
    "terms_of_proposal",
    "word_for",
]
