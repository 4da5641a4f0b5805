"""The first centre and its first administrator: what a new installation cannot make by pages.

Everybody else is entered by that administrator, on the pages, or comes with `world load`.
"""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal import passwords
from portal.audit import Event, record
from portal.config import Config
from portal.database import SystemSession
from portal.text import BadText, clean, normalise_email
from portal.vault import Scope, create_key, email_index_for, seal

CENTRE, ADMINISTRATOR = "support_center", "sysadmin"
_LONGEST_NAME = 200


class InstallationError(RuntimeError):
    """The first centre and administrator cannot be made; the message says why."""


def first(session: SystemSession, config: Config, *, centre: str, email: str, name: str) -> str:
    """Make the centre and its administrator, and return the password of the first sign-in.

    Args:
        session: of the system role, equipped with the installation's keys.
        config: tells what a password hash costs.
        centre: the name of the centre; one of this name that was loaded before is taken.
        email, name: whose account it is.

    Raises:
        InstallationError: there is an administrator or another centre already, the e-mail is
            taken, or a text cannot be taken as it is.

    """
    try:
        centre, name = (
            clean(text, limit=_LONGEST_NAME, multiline=False) for text in (centre, name)
        )
        index = email_index_for(session, normalise_email(email))
    except BadText as error:
        raise InstallationError(error.message) from error
    if not centre or not name:
        raise InstallationError("The centre and the administrator need a name.")
    _refuse_second(session, index)
    agency = _centre(session, centre)
    password = passwords.draw()
    account = m.Account()
    session.add(account)
    session.flush()
    scope = Scope("account", account.id)
    create_key(session, scope)
    profile = m.AccountProfile(account_id=account.id, email_index=index)
    seal(session, profile, email=email, name=name)
    session.add_all(
        [
            profile,
            m.Membership(account_id=account.id, agency_id=agency.id, role=ADMINISTRATOR),
            m.Credential(
                account_id=account.id, password_hash=passwords.hasher(config).hash(password)
            ),
        ]
    )
    record(session, Event.ACCOUNT_CHANGED, account=account.id, change="created")
    session.flush()
    return password


def _refuse_second(session: Session, index: bytes) -> None:
    clock = func.portal_clock()
    administrators = (
        select(m.Membership.id)
        .join(m.Credential, m.Credential.account_id == m.Membership.account_id)
        .where(
            m.Membership.role == ADMINISTRATOR,
            or_(m.Membership.valid_until.is_(None), clock < m.Membership.valid_until),
        )
    )
    if session.scalar(administrators.limit(1)) is not None:
        raise InstallationError(
            "There is an administrator already, who enters everybody else on the pages."
        )
    known = select(m.AccountProfile.account_id).where(m.AccountProfile.email_index == index)
    if session.scalar(known) is not None:
        raise InstallationError("There is an account with this e-mail already.")


def _centre(session: Session, name: str) -> m.Agency:
    """Return the centre of this name, made unless a loaded register has it."""
    known = session.scalars(select(m.Agency).where(m.Agency.type == CENTRE)).all()
    for agency in known:
        if agency.name == name:
            return agency
    if known:
        raise InstallationError(f"There is a centre already, named {known[0].name}. Name that one.")
    agency = m.Agency(type=CENTRE, name=name)
    session.add(agency)
    session.flush()
    record(session, Event.AGENCY_CHANGED, agency=agency.id, change="created")
    return agency


def open_door(session: Session, agency: str) -> None:
    """Let an agency's people in from anywhere again, for when a slip of the pen shut them out.

    Raises:
        InstallationError: no agency of this name has a door that is limited.

    """
    found = session.scalars(
        select(m.Door)
        .join(m.Agency, m.Agency.id == m.Door.agency_id)
        .where(m.Agency.name == agency)
    ).all()
    if not found:
        raise InstallationError(f"Nothing limits from where the people of {agency} are let in.")
    for door in found:
        door.networks, door.certificates, door.version = [], [], door.version + 1
        record(
            session,
            Event.AGENCY_CHANGED,
            about=door.agency_id,
            agency=door.agency_id,
            change="door",
        )
    session.flush()
