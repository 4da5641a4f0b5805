"""A lost second factor: who keeps an agency's people lets somebody begin anew.

The person is known by sight or voice, which the keeper says; the link goes to the address that is
known here. Where the account opens cases another person confirms first, so that nobody comes into
a case by resetting somebody else. Nobody ever resets the own account, and a manager is reset by an
administrator (security.md A8, S4; domain.md §1).
"""

import uuid
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import NotVisibleError, standing
from portal.policy.permissions import (
    ADMINISTRATOR,
    PROPOSAL_HOLDS,
    Action,
    NotPermittedError,
    decides,
    keeps,
    require,
)
from portal.policy.terms import clock
from portal.services import notices
from portal.services.administration import RefusedError, opens_cases, without_password
from portal.services.once import already, write_once

# What was lost, and how it was made sure who asks.
REASONS = ("lost", "stolen", "broken", "replaced")
CHECKS = ("in_person", "known_number", "video")


def ask(
    session: Session, row_id: uuid.UUID, membership_id: uuid.UUID, *, reason: str, checked: str
) -> bool:
    """Reset somebody's factors, or propose it where that takes a second person.

    Args:
        session: of an administrator or of the agency's manager.
        row_id: of the reset, which its form brought; sent twice, it is one reset.
        membership_id: where the person works whose factors are lost.
        reason: one of ``REASONS``.
        checked: one of ``CHECKS``.

    Returns:
        Whether it is done; False where another person must confirm it.

    Raises:
        NotPermittedError: not one's agency, one's own account, or a manager asked by no
            administrator.
        NotVisibleError: no such membership.
        RefusedError: ``not_in_use`` where there is nothing to reset, ``reset_asked`` where one
            waits already.

    """
    place = _kept(session, membership_id)
    known = already(session, m.FactorReset, row_id)
    if known is not None:
        return known.decision is not None
    if place.account_id in without_password(session, [place.account_id]):
        raise RefusedError("not_in_use")
    if session.scalar(_waiting().where(m.FactorReset.account_id == place.account_id)) is not None:
        raise RefusedError("reset_asked")
    me = session.info["viewer"].account_id
    row = m.FactorReset(
        id=row_id,
        account_id=place.account_id,
        agency_id=place.agency_id,
        reason=reason,
        checked=checked,
        asked_by=me,
    )
    alone = not opens_cases(session, place.account_id)
    if alone:
        row.decision, row.decided_by, row.decided_at = row.ALONE, me, clock(session)
    if write_once(session, row):
        _note(session, row, "reset" if alone else "reset_asked")
        if alone:
            notices.reset(session, row.id)
    return alone


def _kept(session: Session, membership_id: uuid.UUID) -> m.Membership:
    """Return the place of somebody whom the viewer may help."""
    place = session.get(m.Membership, membership_id)
    if place is None:
        raise NotVisibleError
    acting = require(standing(session), Action.KEEP_STAFF)
    own = place.account_id == session.info["viewer"].account_id
    if own or not keeps(acting, place.agency_id):
        raise NotPermittedError
    if place.manager and acting.role != ADMINISTRATOR:
        raise NotPermittedError
    return place


def confirm(session: Session, reset_id: uuid.UUID) -> None:
    """Confirm what another person asked for: factors, password and sessions are gone, a link goes.

    Raises:
        NotPermittedError: what one asked for oneself, or the own account.
        NotVisibleError: nothing that still waits.

    """
    row = _to_decide(session, reset_id)
    if session.info["viewer"].account_id == row.asked_by:
        raise NotPermittedError
    _decide(session, row, row.CONFIRMED, "reset")
    notices.reset(session, row.id)


def decline(session: Session, reset_id: uuid.UUID) -> None:
    """Decline what another person asked for, or take the own asking back: nothing happens.

    Raises:
        NotPermittedError: about the own account.
        NotVisibleError: nothing that still waits.

    """
    row = _to_decide(session, reset_id)
    own = session.info["viewer"].account_id == row.asked_by
    decision = row.WITHDRAWN if own else row.DECLINED
    _decide(session, row, decision, f"reset_{decision}")


def _waiting() -> Any:
    row = m.FactorReset
    return select(row).where(
        row.decision.is_(None), row.asked_at > func.portal_clock() - PROPOSAL_HOLDS
    )


def _to_decide(session: Session, reset_id: uuid.UUID) -> m.FactorReset:
    """Return a reset that waits and that the viewer may decide on, locked."""
    found = _waiting().where(m.FactorReset.id == reset_id)
    seen: m.FactorReset | None = session.scalars(found).one_or_none()
    if seen is None:
        raise NotVisibleError
    acting = require(standing(session), Action.KEEP_STAFF)
    if not decides(acting, seen.agency_id) or (
        seen.account_id == session.info["viewer"].account_id
    ):
        raise NotPermittedError
    # Of two who decide at once the second finds it decided.
    locked = found.with_for_update()
    row: m.FactorReset | None = session.scalars(
        locked, execution_options={"populate_existing": True}
    ).one_or_none()
    if row is None:
        raise NotVisibleError
    return row


def _decide(session: Session, row: m.FactorReset, decision: str, change: str) -> None:
    row.decided_at = clock(session)
    row.decision, row.decided_by = decision, session.info["viewer"].account_id
    session.flush()
    _note(session, row, change)


def _note(session: Session, row: m.FactorReset, change: str) -> None:
    record(
        session,
        Event.FACTORS_RESET,
        about=row.agency_id,
        account=row.account_id,
        change=change,
        reason=row.reason,
        checked=row.checked,
    )
