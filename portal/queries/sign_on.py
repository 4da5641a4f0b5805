"""What the pages about sign-ons of organisations and about machines read."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.viewer import live


@dataclass(frozen=True)
class PlaceRow:
    """An agency that an issuer leads to."""

    id: uuid.UUID
    agency: str
    role: str | None
    value: str | None


@dataclass(frozen=True)
class LinkRow:
    """A link of an account; only who may see it gets one."""

    id: uuid.UUID
    issuer_id: uuid.UUID
    since: dt.datetime


@dataclass(frozen=True)
class MachineRow:
    """A machine with its agency's name, and when it last got a token."""

    client: m.MachineClient
    agency: str
    used_at: dt.datetime | None


def issuers(session: Session) -> list[m.Issuer]:
    """Return every issuer by name; a city has a handful."""
    return list(session.scalars(select(m.Issuer).order_by(m.Issuer.name, m.Issuer.id)))


def places_of_issuer(session: Session, issuer_id: uuid.UUID) -> list[PlaceRow]:
    """Return where an issuer leads at present, by the agencies' names."""
    row: Any = m.IssuerPlace.__table__
    found = session.execute(
        select(m.IssuerPlace.id, m.Agency.name, m.IssuerPlace.role, m.IssuerPlace.value)
        .join(m.Agency, m.Agency.id == m.IssuerPlace.agency_id)
        .where(m.IssuerPlace.issuer_id == issuer_id, live(row))
        .order_by(m.Agency.name, m.IssuerPlace.id)
    )
    return [PlaceRow(*each) for each in found]


def linked_to(session: Session, issuer_id: uuid.UUID) -> int:
    """Return how many accounts are linked to an issuer."""
    found = select(func.count()).select_from(m.IssuerLink)
    return (
        session.scalar(
            found.where(m.IssuerLink.issuer_id == issuer_id, m.IssuerLink.valid_until.is_(None))
        )
        or 0
    )


def links_of(session: Session, account_id: uuid.UUID) -> list[LinkRow]:
    """Return the links of an account that hold, the newest first."""
    row = m.IssuerLink
    found = session.execute(
        select(row.id, row.issuer_id, row.valid_from)
        .where(row.account_id == account_id, row.valid_until.is_(None))
        .order_by(row.valid_from.desc(), row.id)
    )
    return [LinkRow(*each) for each in found]


def machines(session: Session) -> list[MachineRow]:
    """Return every machine, those that are revoked last; a city has a handful."""
    used = (
        select(func.max(m.MachineSecret.used_at))
        .where(m.MachineSecret.client_id == m.MachineClient.id)
        .scalar_subquery()
    )
    found = session.execute(
        select(m.MachineClient, m.Agency.name, used)
        .join(m.Agency, m.Agency.id == m.MachineClient.agency_id)
        .order_by(
            m.MachineClient.revoked_at.desc().nulls_first(),
            m.MachineClient.name,
            m.MachineClient.id,
        )
    )
    return [MachineRow(*each) for each in found]


def secrets_of(session: Session, client_id: uuid.UUID) -> list[m.MachineSecret]:
    """Return the secrets of a machine, the newest first."""
    row = m.MachineSecret
    return list(
        session.scalars(
            select(row).where(row.client_id == client_id).order_by(row.valid_from.desc(), row.id)
        )
    )
