"""What the pages about one's own account read."""

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record_listed
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


# What an address leads to, by its first part, where it belongs to a case.
_OF_CASES: Mapping[str, Any] = MappingProxyType(
    {
        "actions": m.Action,
        "briefs": m.Brief,
        "consents": m.Consent,
        "emergencies": m.Emergency,
        "exclusions": m.Exclusion,
        "grants": m.Grant,
        "inbox": m.InboxItem,
        "law-reports": m.LawReport,
        "never-tells": m.NeverTell,
        "share-proposals": m.ShareProposal,
    }
)
_PLACE = re.compile(r"/([a-z-]+)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")


def cases_at(session: Session, paths: Iterable[str]) -> dict[str, str]:
    """Return the reference of the case that each address belongs to, where the viewer sees it.

    What is hidden by now is as absent as what never was a case's.

    Args:
        session: of whoever typed there.
        paths: of forms that were kept.

    """
    found = {path: place for path in paths if (place := _PLACE.match(path))}
    places = {path: (place[1], uuid.UUID(place[2])) for path, place in found.items()}
    cases: dict[tuple[str, uuid.UUID], m.Case] = {}
    for kind in sorted({kind for kind, _key in places.values()}):
        keys = {key for each, key in places.values() if each == kind}
        cases |= {(kind, key): case for key, case in _cases_of(session, kind, keys)}
    record_listed(session, Event.CASE_LISTED, sorted({case.id for case in cases.values()}))
    return {path: cases[place].reference for path, place in places.items() if place in cases}


def _cases_of(session: Session, kind: str, keys: Iterable[uuid.UUID]) -> Iterable[Any]:
    """Return the keys of one kind with the case of each; one query."""
    if kind == "cases":
        return session.execute(select(m.Case.id, m.Case).where(m.Case.id.in_(keys)))
    if kind not in _OF_CASES:
        return ()
    row = _OF_CASES[kind]
    of_case = select(row.id, m.Case).join(m.Case, m.Case.id == row.case_id)
    return session.execute(of_case.where(row.id.in_(keys)))


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
