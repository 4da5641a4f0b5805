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
from portal.services.memberships import confirmed_until
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
    return _enter(session, config, _centre(session, centre), email=email, name=name)


def add_administrator(session: SystemSession, config: Config, *, email: str, name: str) -> str:
    """Make another administrator beside those there are, and return the first password.

    For when the only one is ill, has left or sleeps: roles that open cases take two people, and the
    pages let nobody make an administrator alone. Takes what ``first`` takes.

    Raises:
        InstallationError: there is no administrator yet, the e-mail is taken, or a text cannot be
            taken as it is.

    """
    try:
        name = clean(name, limit=_LONGEST_NAME, multiline=False)
        index = email_index_for(session, normalise_email(email))
    except BadText as error:
        raise InstallationError(error.message) from error
    if not name:
        raise InstallationError("The administrator needs a name.")
    _refuse_taken(session, index)
    first_one = (
        select(m.Agency)
        .join(m.Membership, m.Membership.agency_id == m.Agency.id)
        .where(m.Membership.role == ADMINISTRATOR)
        .order_by(m.Membership.valid_from.desc(), m.Membership.id)
    )
    agency = session.scalars(first_one.limit(1)).first()
    if agency is None:
        raise InstallationError("There is no administrator yet. Run: installation first")
    return _enter(session, config, agency, email=email, name=name)


def wake(session: SystemSession, *, email: str) -> list[str]:
    """Let somebody act again whom nobody confirmed for this year; return for which agencies.

    Raises:
        InstallationError: nobody has this e-mail, the account is stopped, or nothing of it sleeps.

    """
    try:
        index = email_index_for(session, normalise_email(email))
    except BadText as error:
        raise InstallationError(error.message) from error
    account = session.scalars(
        select(m.Account)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Account.id)
        .where(m.AccountProfile.email_index == index)
    ).one_or_none()
    if account is None:
        raise InstallationError("There is no account with this e-mail.")
    if account.disabled:
        raise InstallationError("This account is stopped. An administrator lets it in again.")
    clock = func.portal_clock()
    row = m.Membership
    asleep = session.execute(
        select(row, m.Agency.name)
        .join(m.Agency, m.Agency.id == row.agency_id)
        .where(
            row.account_id == account.id,
            row.confirm_by <= clock,
            or_(row.valid_until.is_(None), clock < row.valid_until),
        )
        .order_by(m.Agency.name)
    ).all()
    if not asleep:
        raise InstallationError("Nothing of this account sleeps.")
    until = confirmed_until(session.execute(select(clock)).scalar_one())
    for membership, _name in asleep:
        membership.confirm_by = until
        record(
            session,
            Event.MEMBERSHIP_CHANGED,
            about=membership.agency_id,
            account=account.id,
            agency=membership.agency_id,
            role=membership.role,
            change="reconfirmed",
        )
    session.flush()
    return [name for _membership, name in asleep]


def _enter(
    session: SystemSession, config: Config, agency: m.Agency, *, email: str, name: str
) -> str:
    """Make the account of an administrator; return its first password."""
    index = email_index_for(session, normalise_email(email))
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
            "There is an administrator already, who enters everybody else on the pages. "
            "For another one run: installation administrator"
        )
    _refuse_taken(session, index)


def _refuse_taken(session: Session, index: bytes) -> None:
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
