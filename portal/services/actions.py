"""Actions: what the owner asks an agency to do for a child, and what came of it (domain.md §2)."""

import datetime as dt
import uuid

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import ConflictError, NotVisibleError, lock_grants, standing
from portal.policy.permissions import NPO, Action, NotPermittedError, require
from portal.policy.terms import clock, live_grants
from portal.policy.viewer import CLOCK
from portal.services.once import already, write_once
from portal.vault import Scope, create_key, seal
from portal.vocabulary import EXPERT_TYPES, OVERRIDING_BASES, known


class NotShownError(ValueError):
    """The agency sees nothing of the case, so nothing can be asked of it."""


def assignable(session: Session, case: m.Case) -> list[m.Agency]:
    """Return the agencies that can be asked, by name: a live grant admits them to the case.

    An entrusted NPO can be asked before, for what its task needs is shown to it with the task
    (domain.md §3.3); until then it sees neither.
    """
    require(standing(session), Action.ASSIGN, case)
    grant, denial = m.Grant, m.NeverTell
    not_to_tell = set(
        session.scalars(
            select(denial.agency_id).where(
                denial.case_id == case.id,
                denial.agency_id.is_not(None),
                denial.valid_from <= CLOCK,
                or_(denial.valid_until.is_(None), denial.valid_until > CLOCK),
            )
        )
    )
    grants = session.scalars(
        select(grant).where(
            grant.case_id == case.id,
            grant.valid_from <= CLOCK,
            or_(grant.valid_until.is_(None), grant.valid_until > CLOCK),
            or_(grant.ended_at.is_(None), grant.ended_at > CLOCK),
        )
    )
    admitted = {
        each.agency_id
        for each in grants
        if each.agency_id not in not_to_tell or each.basis in OVERRIDING_BASES
    }
    agencies = select(m.Agency).where(
        or_(
            m.Agency.id.in_(sorted(admitted)),
            (m.Agency.type == NPO) & m.Agency.id.not_in(sorted(filter(None, not_to_tell))),
        ),
        m.Agency.type.not_in(EXPERT_TYPES),
    )
    return list(session.scalars(agencies.order_by(m.Agency.name, m.Agency.id)))


def ask_action(
    session: Session,
    case: m.Case,
    *,
    action_id: uuid.UUID,
    agency_id: uuid.UUID,
    kind: str,
    due_on: dt.date,
    request: str,
    advice_id: uuid.UUID | None = None,
) -> m.Action:
    """Ask an agency that sees the case to do something by a day.

    Args:
        session: of the case's owner.
        case: the own agency's.
        action_id: of the form; a second sending returns what the first asked.
        agency_id: one of ``assignable``.
        kind: code of the list ``action``.
        due_on: the last day in JST.
        request: what is asked, in words.
        advice_id: the expert's advice that it follows, if it does.

    Raises:
        NotPermittedError: not the owner's.
        NotShownError: nothing of the case is open to the agency any more.
        NotVisibleError: the advice is on another case, or hidden.

    """
    require(standing(session), Action.ASSIGN, case)
    if advice_id is not None:
        _require_advice_on(session, case, advice_id)
    lock_grants(session, case.id)
    known_action = already(session, m.Action, action_id)
    if known_action is not None:
        return known_action
    if agency_id not in {agency.id for agency in assignable(session, case)}:
        raise NotShownError
    action = m.Action(
        id=action_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        agency_id=agency_id,
        kind=known("action", kind),
        status=m.Action.ASKED,
        due_on=due_on,
        asked_by=session.info["viewer"].account_id,
        advice_id=advice_id,
    )
    create_key(session, Scope("action", action.id))
    seal(session, action, request=request)
    if write_once(session, action):
        audit.record(
            session,
            audit.Event.ACTION_ASKED,
            case_id=case.id,
            action=action.id,
            agency=agency_id,
        )
    return action


def _require_advice_on(session: Session, case: m.Case, advice_id: uuid.UUID) -> None:
    advice = select(m.Advice.id).where(m.Advice.id == advice_id, m.Advice.case_id == case.id)
    if session.scalars(advice).first() is None:
        raise NotVisibleError


def accept_action(session: Session, action: m.Action, *, step_id: uuid.UUID) -> None:
    """Say for the asked agency that it will be done; errors as in ``answer_action``."""
    _require_asked(session, action)
    _move(session, action, step_id, m.Action.ACCEPTED)


def answer_action(
    session: Session,
    action: m.Action,
    status: str,
    *,
    step_id: uuid.UUID,
    words: str,
    effect: str = "",
) -> None:
    """Say what became of a request; an agency's words stay its own record whatever follows.

    Args:
        session: of a reader of the asked agency, or of the owner who takes the request back.
        action: visible to the viewer.
        status: ``DECLINED``, ``DONE`` or ``CANCELLED``; the last is the owner's.
        step_id: of the form; a second sending changes nothing.
        words: why not, or what was done.
        effect: what it meant for the child, as far as one can tell; may be empty.

    Raises:
        NotPermittedError: another agency was asked, or it is not the owner's.
        NotVisibleError: a withdrawal was faster.
        ConflictError: somebody said something else meanwhile.

    """
    if status == m.Action.CANCELLED:
        require(standing(session), Action.ASSIGN, action)
    else:
        _require_asked(session, action)
    _move(session, action, step_id, status, words=words, effect=effect)


def _require_asked(session: Session, action: m.Action) -> None:
    acting = require(standing(session), Action.WORK_ACTION)
    if acting.agency_id != action.agency_id:
        raise NotPermittedError(Action.WORK_ACTION)


def _move(
    session: Session,
    action: m.Action,
    step_id: uuid.UUID,
    status: str,
    *,
    words: str | None = None,
    effect: str | None = None,
) -> None:
    # What ends a task may end the grant by contract that goes with it (domain.md §3.3).
    over = status not in m.Action.OPEN
    lock_grants(session, action.case_id, exclusive=over)
    if already(session, m.ActionEvent, step_id) is not None:
        return
    # Two colleagues at once: the second sees what the first did.
    held = select(m.Action).where(m.Action.id == action.id).with_for_update()
    if session.scalars(held.execution_options(populate_existing=True)).one_or_none() is None:
        raise NotVisibleError
    if status not in m.Action.FOLLOWS.get(action.status, ()):
        raise ConflictError(mine=words or "")
    step = m.ActionEvent(
        id=step_id,
        case_id=action.case_id,
        owner_agency_id=action.owner_agency_id,
        action_id=action.id,
        status=status,
        agency_id=session.info["viewer"].agency_id,
        account_id=session.info["viewer"].account_id,
    )
    seal(session, step, words=words or None, effect=effect or None)
    action.status = status
    entrusted = _entrusted(session, action) if over else []
    if write_once(session, step):
        for grant_id in entrusted:
            audit.record(session, audit.Event.GRANT_ENDED, case_id=action.case_id, grant=grant_id)
        audit.record(
            session,
            audit.Event.ACTION_MOVED,
            case_id=action.case_id,
            action=action.id,
            status=status,
        )


def _entrusted(session: Session, action: m.Action) -> list[uuid.UUID]:
    """Return the grants that the last step of a task ends; the database itself ends them."""
    grants = select(m.Grant.id).where(
        m.Grant.action_id == action.id, m.Grant.ended_at.is_(None), m.Grant.valid_until > CLOCK
    )
    return list(session.scalars(grants))


def is_shown(session: Session, case: m.Case, agency_id: uuid.UUID) -> bool:
    """Return whether some grant to an agency holds: an NPO may be asked before it sees anything."""
    grants = live_grants(case.id, clock(session)).where(m.Grant.agency_id == agency_id)
    return session.scalars(grants.limit(1)).first() is not None
