"""Machines that call the interface: made by the administrator, each for one agency.

A machine sees nothing of any case: what it may ask is the closed list ``SCOPES``, and its calls run
without a viewer, to whom no governed row is visible.
"""

import datetime as dt
import hashlib
import secrets
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import NotVisibleError, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import clock
from portal.policy.viewer import live
from portal.services.administration import RefusedError
from portal.services.once import already, write_once

# Everything that a machine may ever be allowed.
SCOPES = ("whoami",)
SECRET_BYTES = 32
# Who runs the machine has so long to bring out a new secret before the old one ends.
OVERLAP = dt.timedelta(days=7)
MOST_SECRETS = 2


def hashed(secret: str) -> bytes:
    """Return the hash of a secret or token: it is random and long, so one fast round is enough."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret() -> str:
    """Return a new secret or token, 256 random bits in letters that need no escaping."""
    return secrets.token_urlsafe(SECRET_BYTES)


def add_machine(
    session: Session, client_id: uuid.UUID, agency_id: uuid.UUID, name: str, scopes: list[str]
) -> str | None:
    """Make a machine and its first secret, which is returned this once; None if sent before.

    Raises:
        NotPermittedError: not an administrator.
        RefusedError: ``unknown_agency``, ``unknown_scope``.

    """
    require(standing(session), Action.ADMINISTER)
    if session.scalar(select(m.Agency.id).where(m.Agency.id == agency_id)) is None:
        raise RefusedError("unknown_agency")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise RefusedError("unknown_scope")
    client = m.MachineClient(
        id=client_id, agency_id=agency_id, name=name, scopes=sorted(set(scopes))
    )
    if already(session, m.MachineClient, client_id) is not None or not write_once(session, client):
        return None
    record(session, Event.MACHINE_CHANGED, client=client_id, change="created")
    return _new_secret(session, client_id)


def renew_secret(session: Session, client_id: uuid.UUID, secret_id: uuid.UUID) -> str | None:
    """Make another secret, returned this once; those before hold for ``OVERLAP`` more.

    ``secret_id`` comes with the form; None where it was sent before.

    Raises:
        NotVisibleError: no such machine.
        RefusedError: ``revoked``, ``two_secrets`` while an earlier renewal still overlaps.

    """
    require(standing(session), Action.ADMINISTER)
    client = _locked(session, client_id)
    if already(session, m.MachineSecret, secret_id) is not None:
        return None
    if client.revoked_at is not None:
        raise RefusedError("revoked")
    holding = _holding(session, client_id)
    if len(holding) >= MOST_SECRETS:
        raise RefusedError("two_secrets")
    for each in holding:
        each.valid_until = clock(session) + OVERLAP
    record(session, Event.MACHINE_CHANGED, client=client_id, change="secret_renewed")
    return _new_secret(session, client_id, secret_id)


def end_secret(session: Session, secret_id: uuid.UUID) -> uuid.UUID:
    """End one secret now, and with it every token it was given; return the machine's id.

    Raises:
        NotVisibleError: no such secret.

    """
    require(standing(session), Action.ADMINISTER)
    found = select(m.MachineSecret).where(m.MachineSecret.id == secret_id)
    secret = session.scalars(found).one_or_none()
    if secret is None:
        raise NotVisibleError
    if secret.valid_until is None or clock(session) < secret.valid_until:
        secret.valid_until = clock(session)
        record(session, Event.MACHINE_CHANGED, client=secret.client_id, change="secret_ended")
    return secret.client_id


def revoke(session: Session, client_id: uuid.UUID) -> None:
    """End a machine for good: its secrets and tokens are refused from the next call on.

    Raises:
        NotVisibleError: no such machine.

    """
    require(standing(session), Action.ADMINISTER)
    client = _locked(session, client_id)
    if client.revoked_at is None:
        client.revoked_at = clock(session)
        record(session, Event.MACHINE_CHANGED, client=client_id, change="revoked")


def _new_secret(session: Session, client_id: uuid.UUID, secret_id: uuid.UUID | None = None) -> str:
    secret = new_secret()
    row = m.MachineSecret(client_id=client_id, secret_hash=hashed(secret))
    if secret_id is not None:
        row.id = secret_id
    session.add(row)
    session.flush()
    return secret


def _locked(session: Session, client_id: uuid.UUID) -> m.MachineClient:
    found = select(m.MachineClient).where(m.MachineClient.id == client_id).with_for_update()
    client = session.scalars(found).one_or_none()
    if client is None:
        raise NotVisibleError
    return client


def _holding(session: Session, client_id: uuid.UUID) -> list[m.MachineSecret]:
    row = m.MachineSecret.__table__
    return list(
        session.scalars(
            select(m.MachineSecret).where(m.MachineSecret.client_id == client_id, live(row))
        )
    )
