"""Who of an agency reads a share: named by its manager, or by the centre (domain.md §4)."""

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import NotVisibleError, lock_grants, standing
from portal.policy.permissions import Action, NotPermittedError, require
from portal.policy.terms import clock, holds


class NoColleagueError(ValueError):
    """Somebody who is named does not work for the agency now."""


def hand_over(session: Session, grant_id: uuid.UUID, account_ids: Collection[uuid.UUID]) -> None:
    """Let a manager name who of the own agency reads a share; nobody named is the default team.

    Whoever is not named any more sees nothing by this share from the next request on.

    Args:
        session: of the agency's manager.
        grant_id: of a live grant to the own agency.
        account_ids: the readers.

    Raises:
        NotPermittedError: not a manager, or the centre named the readers itself, because somebody
            of the agency may be the one concerned.
        NotVisibleError: no such grant before this manager.
        NoColleagueError: somebody named does not work here.

    """
    acting = require(standing(session), Action.MANAGE)
    grant = session.scalars(
        select(m.Grant).where(m.Grant.id == grant_id, m.Grant.agency_id == acting.agency_id)
    ).one_or_none()
    if grant is None:
        raise NotVisibleError
    if grant.readers_fixed:
        raise NotPermittedError(Action.MANAGE)
    _name(session, grant, account_ids)


def name_readers(session: Session, grant: m.Grant, account_ids: Collection[uuid.UUID]) -> None:
    """Let the centre name who of an agency reads a share; the agency cannot change it then.

    With nobody named it is the agency's own to decide again.

    Raises:
        NotPermittedError: not the owner's.
        NoColleagueError: somebody named does not work for the agency.

    """
    require(standing(session), Action.SHARE, grant)
    _name(session, grant, account_ids)
    grant.readers_fixed = bool(account_ids)
    session.flush()


def _name(session: Session, grant: m.Grant, account_ids: Collection[uuid.UUID]) -> None:
    lock_grants(session, grant.case_id, exclusive=True)
    session.refresh(grant)
    members = select(m.Membership.account_id).where(
        m.Membership.agency_id == grant.agency_id,
        m.Membership.account_id.in_(account_ids),
        holds(m.Membership, clock(session)),
    )
    if set(session.scalars(members)) != set(account_ids):
        raise NoColleagueError
    before = grant.account_ids or []
    grant.team_id, grant.account_ids = None, sorted(account_ids) or None
    # A grant's named accounts have no history of their own; the log keeps it.
    audit.record(
        session,
        audit.Event.READERS_NAMED,
        case_id=grant.case_id,
        grant=grant.id,
        accounts=list(account_ids),
        before=before,
    )
    session.flush()


__all__ = ["NoColleagueError", "hand_over", "name_readers"]
