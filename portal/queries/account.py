"""What the pages about one's own account read."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.viewer import awake, live
from portal.working_hours import instant_to_inclusive


@dataclass(frozen=True)
class Place:
    """An agency that an account works for at present, and the role it has there.

    Unless somebody confirms it by the day ``confirm_by`` (JST) the membership sleeps.
    """

    agency_id: uuid.UUID
    agency: str
    role: str
    confirm_by: dt.date | None


def places_of(session: Session, account_id: uuid.UUID) -> list[Place]:
    """Return where an account works now, by the agencies' names; one query."""
    membership: Any = m.Membership.__table__
    rows = session.execute(
        select(m.Membership.agency_id, m.Agency.name, m.Membership.role, m.Membership.confirm_by)
        .join(m.Agency, m.Agency.id == m.Membership.agency_id)
        .where(m.Membership.account_id == account_id, live(membership), awake(membership))
        .order_by(m.Agency.name, m.Agency.id)
    )
    return [
        Place(agency_id, name, role, None if until is None else instant_to_inclusive(until))
        for agency_id, name, role, until in rows
    ]
