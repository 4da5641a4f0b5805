"""Who proves an account by e-mail and password, and the change of a password."""

import secrets
import uuid
from dataclasses import dataclass

from argon2.exceptions import VerificationError
from flask import Flask, current_app, g
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.auth.running import config
from portal.auth.sessions import TOKEN_BYTES, act_for, end_own_session, own_sessions
from portal.database import before_viewer
from portal.passwords import hasher, prepared
from portal.text import normalise_email
from portal.vault import email_index, reveal

_NOBODYS_HASH = "portal_nobodys_hash"


class SignOnOnlyError(Exception):
    """Somebody is proven whose agencies let people in by their own sign-on alone."""


@dataclass(frozen=True)
class Proven:
    """An account whose password was right, and the agency it acts for first."""

    account_id: uuid.UUID
    agency_id: uuid.UUID


def prove_password(session: Session, address: str, password: str) -> Proven | None:
    """Return who proved an account by e-mail and password, or None.

    Unknown, wrong and disabled each hash exactly once, so that neither answer nor time tells them
    apart (security.md A5).

    Raises:
        SignOnOnlyError: the password was right, and the person's agencies take none.

    """
    index = email_index(config().keys, normalise_email(address))
    row = before_viewer(session, func.account_for_login(index)).one_or_none()
    argon, plain = hasher(config()), prepared(password)
    known = None if row is None else row.password_hash
    try:
        argon.verify(known or current_app.extensions[_NOBODYS_HASH], plain)
    except VerificationError:
        return None
    if row is None or known is None or row.disabled:
        return None
    if row.elsewhere:
        raise SignOnOnlyError
    if row.agency_id is None:
        return None
    if argon.check_needs_rehash(known):
        _store_again(session, row.account_id, argon.hash(plain))
    return Proven(row.account_id, row.agency_id)


def account_of(session: Session, address: str) -> Proven | None:
    """Return who has an e-mail address, without any proof: for the demo's sign-in alone.

    Raises SignOnOnlyError as ``prove_password`` does.
    """
    index = email_index(config().keys, normalise_email(address))
    row = before_viewer(session, func.account_for_login(index)).one_or_none()
    if row is None or row.disabled:
        return None
    if row.elsewhere:
        raise SignOnOnlyError
    return None if row.agency_id is None else Proven(row.account_id, row.agency_id)


def _store_again(session: Session, account_id: uuid.UUID, password_hash: str) -> None:
    setting = func.set_config("portal.account_id", str(account_id), True)
    session.execute(select(setting), execution_options={"before_viewer": True})
    before_viewer(session, func.set_password(account_id, password_hash))


def change_password(session: Session, password: str) -> str:
    """Set the viewer's password, end all of its sign-ins and open a new one; return the token."""
    row = g.signed
    password_hash = hasher(config()).hash(prepared(password))
    before_viewer(session, func.set_password(row.account_id, password_hash))
    for other in own_sessions(session):
        if not other.present:
            end_own_session(session, other.public_id)
    record(session, Event.ACCOUNT_CHANGED, account=row.account_id, change="password")
    session.flush()
    return act_for(session, row.agency_id)


def own_address(session: Session) -> str:
    """Return the e-mail address of the signed-in account."""
    found = select(m.AccountProfile).where(m.AccountProfile.account_id == g.signed.account_id)
    return reveal(session, session.scalars(found).one(), "email")


def prepare_nobodys_hash(app: Flask) -> None:
    """Make the hash that unknown names are compared with."""
    app.extensions[_NOBODYS_HASH] = hasher(app.config["PORTAL"]).hash(
        secrets.token_urlsafe(TOKEN_BYTES)
    )
