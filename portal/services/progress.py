"""進捗確認, 終結, 再開: a next day that is never empty, an end, and a new beginning."""

import datetime as dt
import uuid

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import ConflictError, lock_grants, standing
from portal.policy.permissions import Action, NotPermittedError, require
from portal.policy.viewer import CLOCK, DIRECTOR
from portal.services.actions import answer_action
from portal.services.once import already, write_once
from portal.services.sharing import clock, end_grant
from portal.vault import seal
from portal.vocabulary import WATCHING, known

CLOSED, REOPENED = "closed", "reopened"
# To end a matter because nobody can be reached is for the director to decide.
FOR_THE_DIRECTOR = ("lost",)


def check_progress(
    session: Session, case: m.Case, *, check_id: uuid.UUID, finding: str, next_on: dt.date
) -> m.ProgressCheck:
    """Keep what was found and the day on which it is looked at next (進捗確認).

    Args:
        session: of the case's owner.
        case: the own agency's.
        check_id: of the form; a second sending returns what the first kept.
        finding: how the child is and what became of the support.
        next_on: the day in JST; never empty, so that no case is forgotten.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.COORDINATE, case)
    known_check = already(session, m.ProgressCheck, check_id)
    if known_check is not None:
        return known_check
    check = m.ProgressCheck(
        id=check_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        checked_by=session.info["viewer"].account_id,
        next_on=next_on,
    )
    seal(session, check, finding=finding)
    if write_once(session, check):
        audit.record(
            session,
            audit.Event.PROGRESS_CHECKED,
            case_id=case.id,
            next_on=next_on.isoformat(),
        )
    return check


def may_close_with(session: Session, outcome: str) -> bool:
    """Return whether the viewer may end a case with this outcome."""
    acting = standing(session)
    return outcome not in FOR_THE_DIRECTOR or (acting is not None and acting.role == DIRECTOR)


def close_case(
    session: Session,
    case: m.Case,
    *,
    closure_id: uuid.UUID,
    outcome: str,
    child_view: str,
    summary: str,
) -> m.Closure:
    """End a case: what came of it and what the child thinks of it (いったんおわり).

    All grants end with it but those asked for as 見守り, and open requests are taken back.

    Args:
        session: of the case's owner.
        case: the own agency's.
        closure_id: of the form; a second sending returns what the first kept.
        outcome: code of the list ``outcome``.
        child_view: the child's, in own words, or why it could not be asked.
        summary: for whoever opens the case again.

    Raises:
        NotPermittedError: not the owner's, or the outcome is the director's to decide.
        ConflictError: it is closed already.

    """
    require(standing(session), Action.CLOSE, case)
    if not may_close_with(session, known("outcome", outcome)):
        raise NotPermittedError(Action.CLOSE)
    lock_grants(session, case.id, exclusive=True)
    known_closure = already(session, m.Closure, closure_id)
    if known_closure is not None:
        return known_closure
    session.refresh(case)
    if case.status == CLOSED:
        raise ConflictError(mine=summary)
    closure = m.Closure(
        id=closure_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        outcome=outcome,
        closed_by=session.info["viewer"].account_id,
    )
    seal(session, closure, child_view=child_view, summary=summary)
    session.add(closure)
    _take_requests_back(session, case)
    for grant in ending_grants(session, case):
        end_grant(session, grant, state="expired")
    case.status, case.closed_at = CLOSED, clock(session)
    audit.record(session, audit.Event.CASE_CLOSED, case_id=case.id, outcome=outcome)
    session.flush()
    return closure


def ending_grants(session: Session, case: m.Case) -> list[m.Grant]:
    """Return the live grants that would end with the case."""
    grant = m.Grant
    live = select(grant).where(
        grant.case_id == case.id,
        grant.purpose != WATCHING,
        or_(grant.ended_at.is_(None), grant.ended_at > CLOCK),
        or_(grant.valid_until.is_(None), grant.valid_until > CLOCK),
    )
    return list(session.scalars(live.order_by(grant.valid_from, grant.id)))


def reopen_case(session: Session, case: m.Case) -> None:
    """Open a closed case again (再開); what was shared before stays ended.

    A case that is open already stays as it is.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.CLOSE, case)
    lock_grants(session, case.id, exclusive=True)
    session.refresh(case)
    if case.status != CLOSED:
        return
    now = clock(session)
    ended = select(m.Closure).where(m.Closure.case_id == case.id, m.Closure.reopened_at.is_(None))
    for closure in session.scalars(ended):
        closure.reopened_at = now
    case.status, case.closed_at = REOPENED, None
    audit.record(session, audit.Event.CASE_REOPENED, case_id=case.id)
    session.flush()


def _take_requests_back(session: Session, case: m.Case) -> None:
    open_ones = select(m.Action).where(
        m.Action.case_id == case.id, m.Action.status.in_(m.Action.OPEN)
    )
    for action in session.scalars(open_ones).all():
        answer_action(session, action, action.CANCELLED, step_id=uuid.uuid4(), words="")
