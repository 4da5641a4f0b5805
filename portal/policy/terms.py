"""The terms of a share, and what giving one and previewing one have in common."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.models.base import Period


@dataclass(frozen=True)
class Terms:
    """What is opened to whom, why and until when (exclusive instant, UTC).

    Attributes:
        guardian_consent_ids: what guardians consented to beside the child, where it needs them.
        account_ids, team_id: the readers; without either the agency's default team.
        approved_by: the second person, where a never-tell stands and a duty overrides it.
        reason: why, in at least 20 characters, where nobody consented.
        told: how the child was told before, or why not, where nobody consented.
        nobody_unlinked: somebody stated that no recipient is a person of a never-tell that names
            nobody yet.

    """

    agency_id: uuid.UUID
    slices: tuple[str, ...]
    subject_id: uuid.UUID | None
    purpose: str
    basis: str
    necessity: str
    until: dt.datetime
    consent_id: uuid.UUID | None = None
    guardian_consent_ids: tuple[uuid.UUID, ...] = ()
    team_id: uuid.UUID | None = None
    account_ids: tuple[uuid.UUID, ...] = ()
    approved_by: uuid.UUID | None = None
    reason: str = ""
    told: str = ""
    nobody_unlinked: bool = False


def columns_of(case: m.Case, terms: Terms) -> dict[str, Any]:
    """Return what a grant on these terms holds, but who gave it and when."""
    return {
        "case_id": case.id,
        "owner_agency_id": case.owner_agency_id,
        "case_opened_at": case.opened_at,
        "case_concealed": case.concealed,
        "agency_id": terms.agency_id,
        "slices": sorted(terms.slices),
        "subject_id": terms.subject_id,
        "purpose": terms.purpose,
        "basis": terms.basis,
        "necessity": terms.necessity,
        "valid_until": terms.until,
        "team_id": terms.team_id,
        "account_ids": list(terms.account_ids) or None,
        "readers_fixed": bool(terms.account_ids),
        "consent_id": terms.consent_id,
        "guardian_consent_ids": list(terms.guardian_consent_ids) or None,
        "approved_by": terms.approved_by,
    }


def clock(session: Session) -> dt.datetime:
    """Return the database's present instant (UTC)."""
    now: dt.datetime = session.execute(select(func.portal_clock())).scalar_one()
    return now


def holds(row: type[Period], now: dt.datetime) -> ColumnElement[bool]:
    """Return whether a dated row holds at an instant."""
    return (row.valid_from <= now) & or_(row.valid_until.is_(None), row.valid_until > now)


def never_tells_of(session: Session, case_id: uuid.UUID, now: dt.datetime) -> list[m.NeverTell]:
    """Return the never-tells of a case that hold at an instant, for its owner."""
    rows = select(m.NeverTell).where(m.NeverTell.case_id == case_id, holds(m.NeverTell, now))
    return list(session.scalars(rows.order_by(m.NeverTell.valid_from, m.NeverTell.id)))


def is_linked(never_tell: m.NeverTell) -> bool:
    """Return whether a never-tell names an agency, an account or a person already."""
    named = (never_tell.agency_id, never_tell.account_id, never_tell.person_id)
    return any(key is not None for key in named)
