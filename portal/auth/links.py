"""Links by mail as a way to a password: who holds one, and its one use (security.md A8)."""

import uuid
from dataclasses import dataclass

from flask import g
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.auth.running import config
from portal.auth.sessions import open_session
from portal.database import before_viewer, look_as
from portal.passwords import hasher, prepared
from portal.policy.viewer import Viewer
from portal.services import notices
from portal.text import normalise_email
from portal.vault import email_index, reveal


@dataclass(frozen=True)
class LinkOwner:
    """Whose link it is, for which agency the account acts first, and what it is for.

    ``elsewhere`` is who comes in through the own organisation's sign-on alone.
    """

    account_id: uuid.UUID
    agency_id: uuid.UUID
    kind: str
    elsewhere: bool


def ask_for_reset(session: Session, address: str) -> None:
    """Send whoever has an address a link to set a new password."""
    notices.ask_for_reset(session, email_index(config().keys, normalise_email(address)))


def owner_of_link(session: Session, key: str) -> LinkOwner | None:
    """Return whose link it is; None for one that is unknown, used or over, or of nobody's here."""
    row = before_viewer(session, func.link_owner(notices.link_hash(key))).one_or_none()
    if row is None or row.agency_id is None:
        return None
    return LinkOwner(row.account_id, row.agency_id, row.kind, row.elsewhere)


def words_of_link(session: Session, owner: LinkOwner) -> list[str]:
    """Return what a password of the link's owner must not be made of."""
    look_as(session, Viewer(owner.account_id))
    found = select(m.AccountProfile).where(m.AccountProfile.account_id == owner.account_id)
    agency = select(m.Agency.name).where(m.Agency.id == owner.agency_id)
    address = reveal(session, session.scalars(found).one(), "email")
    return [address, session.scalars(agency).one()]


def use_link(session: Session, owner: LinkOwner, key: str, password: str) -> str | None:
    """Use a link up, set the password and end every session of the account.

    Returns the token of a session that waits for its second factor, None where another use of the
    same link was sooner.
    """
    used = before_viewer(session, func.use_link(notices.link_hash(key))).scalar_one()
    if used != owner.account_id:
        return None
    token = open_session(session, account_id=owner.account_id, agency_id=owner.agency_id)
    password_hash = hasher(config()).hash(prepared(password))
    before_viewer(session, func.set_password(owner.account_id, password_hash))
    before_viewer(session, func.end_other_sessions(g.opened_session))
    record(session, Event.ACCOUNT_CHANGED, account=owner.account_id, change="password")
    return token
