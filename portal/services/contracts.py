"""Sharing inside the centre's own work (domain.md §3.3, lane C): the entrusted NPO, the experts.

Minimum slices, tied to a task or a meeting, ending with it, under every rule that denies. What the
experts read are the briefs of a meeting; the grant beside a brief opens nothing more to them (rule
5 (c)) and is what the child's record of sharing tells of it.
"""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import lock_grants, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import Terms, clock, is_linked, live_grants, never_tells_of
from portal.services.sharing import (
    RefusedShareError,
    check_basis,
    end_grant,
    open_up,
    write_grant,
)
from portal.vocabulary import ENTRUSTED_SLICES, bases, known
from portal.working_hours import inclusive_to_instant

ENTRUSTED, EXPERT = "ENTRUST_NPO", "EXPERT"
# All that a brief tells of by its nature; its words are pseudonymised.
BRIEFED_SLICES = (known("slice", "summary"),)
NECESSITY = known("necessity", "agencies_needed")


def entrust(
    session: Session,
    case: m.Case,
    action: m.Action,
    *,
    slices: tuple[str, ...],
    reason: str,
    nobody_unlinked: bool = False,
) -> m.Grant:
    """Open to an entrusted NPO what a task needs, until the task's day; it ends with the task.

    Args:
        session: of the centre's director, counsellor or investigator.
        case: the own agency's.
        action: what the NPO was asked for and has not finished.
        slices: some of ``ENTRUSTED_SLICES``.
        reason: why the task needs them, in at least 20 characters.
        nobody_unlinked: see ``Terms``.

    Returns the grant; where the task has one that holds, that one.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: no open task of this case, more than the minimum, or a rule forbids it.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    session.refresh(action, with_for_update=True)
    if action.case_id != case.id or action.status not in m.Action.OPEN:
        raise RefusedShareError("task_over")
    if not slices or not set(slices) <= set(ENTRUSTED_SLICES):
        raise RefusedShareError("not_minimum")
    known_grant: m.Grant | None = session.scalars(
        live_grants(case.id, clock(session)).where(m.Grant.action_id == action.id)
    ).first()
    if known_grant is not None:
        return known_grant
    terms = Terms(
        agency_id=action.agency_id,
        slices=slices,
        subject_id=None,
        purpose="support",
        basis=ENTRUSTED,
        necessity=NECESSITY,
        until=inclusive_to_instant(action.due_on),
        reason=reason,
        nobody_unlinked=nobody_unlinked,
        action_id=action.id,
    )
    return open_up(session, case, terms)


def unlinked_wishes(session: Session, case_id: uuid.UUID) -> bool:
    """Return whether a never-tell of a case names nobody yet: it holds up every share."""
    return any(not is_linked(wish) for wish in never_tells_of(session, case_id, clock(session)))


def tell_of_brief(session: Session, parties: m.BriefParty, expert: m.MeetingExpert) -> None:
    """Record that a released brief is before an expert; nothing where that is so already.

    Not where the agency must not be told: the wall keeps the brief from it.
    """
    lock_grants(session, parties.case_id, exclusive=True)
    now = clock(session)
    case = session.scalars(select(m.Case).where(m.Case.id == parties.case_id)).one_or_none()
    told = live_grants(parties.case_id, now).where(
        m.Grant.meeting_id == parties.meeting_id, m.Grant.account_ids == [expert.account_id]
    )
    must_not = {wish.agency_id for wish in never_tells_of(session, parties.case_id, now)}
    until = parties.valid_until
    if case is None or until is None or until <= now:
        return
    if expert.agency_id in must_not or session.scalars(told).first() is not None:
        return
    terms = Terms(
        agency_id=expert.agency_id,
        slices=BRIEFED_SLICES,
        subject_id=None,
        purpose="expert_advice",
        basis=EXPERT,
        necessity=NECESSITY,
        until=until,
        account_ids=(expert.account_id,),
        # Every matter goes before the experts: the reason is that of the contract itself.
        reason=bases()[EXPERT].conditions_ja,
        meeting_id=parties.meeting_id,
    )
    check_basis(session, case, terms, now)
    write_grant(session, case, terms, now)


def end_of_meeting(session: Session, meeting: m.Meeting) -> None:
    """End what is shared by contract for a meeting."""
    grants = select(m.Grant).where(
        m.Grant.meeting_id == meeting.id, m.Grant.basis == EXPERT, m.Grant.ended_at.is_(None)
    )
    for grant in session.scalars(grants.order_by(m.Grant.case_id, m.Grant.id)).all():
        end_grant(session, grant)


__all__ = [
    "BRIEFED_SLICES",
    "ENTRUSTED",
    "EXPERT",
    "end_of_meeting",
    "entrust",
    "tell_of_brief",
    "unlinked_wishes",
]
