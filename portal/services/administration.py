"""Agencies, accounts and memberships for the administrator; the default team for a manager.

None of it opens a text of a case: an administrator sees none (domain.md §1), and a manager sees of
each grant its reference, slices and end (rule 7). Nothing is deleted: what decides keeps its
history.
"""

import datetime as dt
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ARRAY, Uuid, func, literal, literal_column, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import ConflictError, NotVisibleError, before_viewer, standing
from portal.policy.permissions import CENTRE, NPO, Action, NotPermittedError, require, takes_two
from portal.policy.terms import clock
from portal.policy.viewer import Viewer
from portal.services.once import already, write_once
from portal.vault import Scope, create_key, email_index_for, seal
from portal.vocabulary import CAFETERIA

R = TypeVar("R", m.Agency, m.Account)

# 66 random bits in the link on a cafeteria's card: nobody finds it by trying.
_SLUG_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_SLUG_LENGTH = 14
DEFAULT_TEAM = "対応チーム"


class RefusedError(ValueError):
    """A change is refused; ``code`` says which rule, and the page makes a sentence of it."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class AgencyDetails:
    """What an administrator enters of an agency; the two ids are a cafeteria's."""

    type: str
    name: str
    legal_form: str
    ward: str | None = None
    entrusted_npo_id: uuid.UUID | None = None
    centre_id: uuid.UUID | None = None
    receives_reports: bool = False


def add_agency(session: Session, agency_id: uuid.UUID, details: AgencyDetails) -> None:
    """Enter an agency under the id that its form brought; sent twice, it is entered once.

    Raises:
        NotPermittedError: not an administrator.
        RefusedError: ``unknown_agency`` for a centre or NPO that is none.

    """
    require(standing(session), Action.ADMINISTER)
    agency = m.Agency(id=agency_id, type=details.type)
    _fill(session, agency, details)
    if write_once(session, agency):
        _note(session, agency.id, "created")


def change_agency(
    session: Session, agency_id: uuid.UUID, version: int, details: AgencyDetails
) -> None:
    """Change an agency that still is at the version its form was drawn from.

    Raises:
        ConflictError: somebody changed it meanwhile.
        NotPermittedError, NotVisibleError, RefusedError: as for ``add_agency``; ``has_members``
            where the type changes under people whose roles belong to it.

    """
    require(standing(session), Action.ADMINISTER)
    agency = _at_version(session, m.Agency, agency_id, version)
    if details.type != agency.type and _has_members(session, agency.id):
        raise RefusedError("has_members")
    agency.type = details.type
    _fill(session, agency, details)
    _note(session, agency.id, "details")


def _fill(session: Session, agency: m.Agency, details: AgencyDetails) -> None:
    agency.name, agency.legal_form, agency.ward = details.name, details.legal_form, details.ward
    is_cafeteria = details.type == CAFETERIA
    agency.entrusted_npo_id = (
        _agency_of(session, details.entrusted_npo_id, NPO) if is_cafeteria else None
    )
    agency.receives_reports = details.receives_reports and details.type == CENTRE
    agency.centre_id = _agency_of(session, details.centre_id, CENTRE) if is_cafeteria else None


def _agency_of(session: Session, agency_id: uuid.UUID | None, wanted: str) -> uuid.UUID | None:
    if agency_id is None:
        return None
    found = select(m.Agency.type).where(m.Agency.id == agency_id)
    if session.scalar(found) != wanted:
        raise RefusedError("unknown_agency")
    return agency_id


def _has_members(session: Session, agency_id: uuid.UUID) -> bool:
    now = func.portal_clock()
    found = select(m.Membership.id).where(
        m.Membership.agency_id == agency_id,
        m.Membership.valid_until.is_(None) | (now < m.Membership.valid_until),
    )
    return session.scalar(found.limit(1)) is not None


def renew_report_link(session: Session, agency_id: uuid.UUID) -> None:
    """Give a cafeteria a new unguessable report link; the one before leads nowhere from now on.

    Raises:
        RefusedError: ``not_a_cafeteria``.

    """
    require(standing(session), Action.ADMINISTER)
    agency = _locked(session, m.Agency, agency_id)
    if agency.type != CAFETERIA:
        raise RefusedError("not_a_cafeteria")
    agency.report_slug = "".join(secrets.choice(_SLUG_LETTERS) for _ in range(_SLUG_LENGTH))
    _note(session, agency.id, "report_link")


def join_council(
    session: Session,
    row_id: uuid.UUID,
    agency_id: uuid.UUID,
    since: dt.datetime,
    until: dt.datetime | None,
) -> None:
    """Record that an agency belongs to the regional council 要対協 (児童福祉法25条の2).

    ``until`` is an exclusive instant, None while no end is known.
    """
    require(standing(session), Action.ADMINISTER)
    if until is not None and until <= since:
        raise RefusedError("ends_before_it_begins")
    member = m.CouncilMembership(
        id=row_id, agency_id=agency_id, valid_from=since, valid_until=until
    )
    if write_once(session, member):
        _note(session, agency_id, "council_joined")


def leave_council(session: Session, row_id: uuid.UUID) -> uuid.UUID:
    """End a membership of the council now; return the agency's id."""
    require(standing(session), Action.ADMINISTER)
    member = _locked(session, m.CouncilMembership, row_id)
    member.valid_until = clock(session)
    _note(session, member.agency_id, "council_left")
    return member.agency_id


@dataclass(frozen=True)
class DoorDetails:
    """From where an agency's people are let in, in one spelling, and whom to call."""

    networks: tuple[str, ...]
    certificates: tuple[str, ...]
    contact: str


def door_of(session: Session, agency_id: uuid.UUID) -> m.Door | None:
    """Return an agency's door as it stands, None where it never was limited."""
    found = select(m.Door).where(m.Door.agency_id == agency_id)
    return session.scalars(found).one_or_none()


def set_door(session: Session, agency_id: uuid.UUID, version: int, details: DoorDetails) -> None:
    """Limit from where an agency's people are let in, at the version of the form (0: none yet).

    Raises:
        ConflictError: somebody changed it meanwhile.
        NotPermittedError: not an administrator.

    """
    require(standing(session), Action.ADMINISTER)
    door = door_of(session, agency_id)
    if version != (0 if door is None else door.version):
        raise ConflictError
    if door is None:
        door = m.Door(agency_id=agency_id, version=0)
        session.add(door)
    door.networks, door.certificates = list(details.networks), list(details.certificates)
    door.contact, door.version = details.contact, version + 1
    session.flush()
    _note(session, agency_id, "door")


@dataclass(frozen=True)
class SignInDetails:
    """After how many minutes a sign-in for an agency ends: without use, and in spite of use.

    ``sign_on_only``: whether its people come in through the own sign-on alone.
    """

    idle_minutes: int
    absolute_minutes: int
    sign_on_only: bool = False


def sign_in_rule_of(session: Session, agency_id: uuid.UUID) -> m.SignInRule | None:
    """Return an agency's rule for sign-ins, None where it has none of its own."""
    found = select(m.SignInRule).where(m.SignInRule.agency_id == agency_id)
    return session.scalars(found).one_or_none()


def set_sign_in_rule(
    session: Session, agency_id: uuid.UUID, version: int, details: SignInDetails
) -> None:
    """Say how people sign in for an agency, at the version of the form (0: none yet).

    Whoever is signed in is bound by it from the next request on.

    Raises:
        ConflictError: somebody changed it meanwhile.
        NotPermittedError: not an administrator.
        RefusedError: ``no_sign_on`` where no sign-on leads to the agency that is to be the only
            way in.

    """
    require(standing(session), Action.ADMINISTER)
    if details.sign_on_only and not _is_led_to(session, agency_id):
        raise RefusedError("no_sign_on")
    rule = sign_in_rule_of(session, agency_id)
    if version != (0 if rule is None else rule.version):
        raise ConflictError
    if rule is None:
        rule = m.SignInRule(agency_id=agency_id)
        session.add(rule)
    rule.idle_minutes, rule.absolute_minutes = details.idle_minutes, details.absolute_minutes
    rule.sign_on_only, rule.version = details.sign_on_only, version + 1
    session.flush()
    _note(session, agency_id, "sign_in_rule")


def _is_led_to(session: Session, agency_id: uuid.UUID) -> bool:
    """Return whether a sign-on that is not suspended leads to an agency now."""
    place = m.IssuerPlace
    leading = (
        select(place.id)
        .join(m.Issuer, m.Issuer.id == place.issuer_id)
        .where(
            place.agency_id == agency_id,
            m.Issuer.suspended.is_(False),
            place.valid_until.is_(None) | (place.valid_until > func.portal_clock()),
        )
    )
    return session.scalar(leading.limit(literal_column("1"))) is not None


def add_account(session: Session, account_id: uuid.UUID, *, name: str, email: str) -> None:
    """Make an account without a way in: its first place sends the link to one.

    The address comes as ``portal.text.normalise_email`` gives it. Sent twice, it is one account.

    Raises:
        RefusedError: ``email_taken``.

    """
    require(standing(session), Action.ADMINISTER)
    if already(session, m.Account, account_id) is not None:
        return
    _refuse_taken(session, email_index_for(session, email), account_id)
    try:
        enter_account(session, account_id, None, name=name, email=email)
    except IntegrityError as error:
        raise ConflictError from error


def enter_account(
    session: Session, account_id: uuid.UUID, agency_id: uuid.UUID | None, *, name: str, email: str
) -> uuid.UUID:
    """Make an account without a password: whoever it is for sets one by an invitation."""
    with session.begin_nested():
        if write_once(session, m.Account(id=account_id)):
            create_key(session, Scope("account", account_id))
            index = email_index_for(session, email)
            profile = m.AccountProfile(account_id=account_id, email_index=index)
            seal(session, profile, email=email, name=name)
            session.add(profile)
            session.flush()
            _note_account(session, account_id, agency_id, "account_created")
    return account_id


def change_account(
    session: Session, account_id: uuid.UUID, version: int, *, name: str, email: str, disabled: bool
) -> None:
    """Change name, address or whether an account is disabled, at the version of its form.

    Raises:
        ConflictError: somebody changed it meanwhile.
        NotPermittedError: an administrator disables the own account.
        RefusedError: ``email_taken``; ``address_of_invited`` for somebody who is to see cases and
            has not come in yet.

    """
    require(standing(session), Action.ADMINISTER)
    account = _at_version(session, m.Account, account_id, version)
    if disabled and account_id == _viewer(session).account_id:
        raise NotPermittedError
    index = email_index_for(session, email)
    _refuse_taken(session, index, account_id)
    profile = session.scalars(
        select(m.AccountProfile).where(m.AccountProfile.account_id == account_id)
    ).one()
    if profile.email_index != index:
        _refuse_own_mailbox(session, account_id)
    changes = {"account_details"}
    if account.disabled != disabled:
        changes = {"disabled" if disabled else "enabled"}
    if profile.email_index != index:
        changes.add("address")
        profile.mail_refused_at = None
    profile.email_index = index
    seal(session, profile, email=email, name=name)
    account.disabled = disabled
    for change in sorted(changes):
        note_account(session, account_id, change)


def note_account(session: Session, account_id: uuid.UUID, change: str) -> None:
    """Note a change of an account for the managers of each agency that its person works for."""
    for agency_id in agencies_of(session, account_id) or [None]:
        _note_account(session, account_id, agency_id, change)


def agencies_of(session: Session, account_id: uuid.UUID) -> list[uuid.UUID | None]:
    """Return the agencies that somebody works for, or is going to."""
    row = m.Membership
    places = select(row.agency_id).where(
        row.account_id == account_id,
        row.valid_until.is_(None) | (row.valid_until > func.portal_clock()),
    )
    return list(session.scalars(places.distinct()))


def without_password(session: Session, account_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of some accounts have no way in yet: no password and no sign-on."""
    wanted = literal(sorted(account_ids), ARRAY(Uuid()))
    return set(before_viewer(session, func.without_password(wanted)).scalars())


def opens_cases(session: Session, account_id: uuid.UUID) -> bool:
    """Return whether some place of an account, of today or later, takes two people to give."""
    row = m.Membership
    places = session.execute(
        select(m.Agency.type, row.role, row.manager)
        .join(m.Agency, m.Agency.id == row.agency_id)
        .where(
            row.account_id == account_id,
            row.valid_until.is_(None) | (row.valid_until > func.portal_clock()),
        )
    )
    return any(takes_two(kind, role, manager=manager) for kind, role, manager in places)


def _note_account(
    session: Session, account_id: uuid.UUID, agency_id: uuid.UUID | None, change: str
) -> None:
    record(session, Event.ACCOUNT_CHANGED, about=agency_id, account=account_id, change=change)


def _refuse_own_mailbox(session: Session, account_id: uuid.UUID) -> None:
    """Refuse another address for somebody invited who is to see cases.

    Two people said who that is; whoever changed the address alone would get the link to the cases.
    """
    if opens_cases(session, account_id) and account_id in without_password(session, [account_id]):
        raise RefusedError("address_of_invited")


def _refuse_taken(session: Session, index: bytes, account_id: uuid.UUID) -> None:
    taken = select(m.AccountProfile.account_id).where(
        m.AccountProfile.email_index == index, m.AccountProfile.account_id != account_id
    )
    if session.scalar(taken) is not None:
        raise RefusedError("email_taken")


def add_team_member(session: Session, member_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Put a colleague on the default team of the manager's agency from now on.

    Makes the team where there is none yet.

    Raises:
        NotPermittedError: not a manager.
        RefusedError: ``no_colleague``, ``on_the_team``.

    """
    acting = require(standing(session), Action.MANAGE)
    if account_id not in colleagues(session, acting.agency_id):
        raise RefusedError("no_colleague")
    team = _default_team(session, acting.agency_id)
    if already(session, m.TeamMember, member_id) is not None:
        return
    if account_id in _on_team(session, team.id):
        raise RefusedError("on_the_team")
    if write_once(session, m.TeamMember(id=member_id, team_id=team.id, account_id=account_id)):
        _note(session, acting.agency_id, "team_joined")


def end_team_member(session: Session, member_id: uuid.UUID) -> None:
    """Take somebody off the agency's default team from the next request on.

    Raises:
        NotPermittedError: not a manager.
        NotVisibleError: nobody of this agency's team.

    """
    acting = require(standing(session), Action.MANAGE)
    member = session.scalars(
        select(m.TeamMember)
        .join(m.Team, m.Team.id == m.TeamMember.team_id)
        .where(m.TeamMember.id == member_id, m.Team.agency_id == acting.agency_id)
    ).one_or_none()
    if member is None:
        raise NotVisibleError
    member.valid_until = _end(session, member)
    _note(session, acting.agency_id, "team_left")


def colleagues(session: Session, agency_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the accounts with a live membership in an agency."""
    now = func.portal_clock()
    found = select(m.Membership.account_id).where(
        m.Membership.agency_id == agency_id,
        m.Membership.valid_from <= now,
        m.Membership.valid_until.is_(None) | (now < m.Membership.valid_until),
    )
    return set(session.scalars(found))


def _default_team(session: Session, agency_id: uuid.UUID) -> m.Team:
    wanted = select(m.Team).where(m.Team.agency_id == agency_id, m.Team.is_default)
    team = session.scalars(wanted).one_or_none()
    if team is None:
        team = m.Team(agency_id=agency_id, name=DEFAULT_TEAM, is_default=True)
        session.add(team)
        session.flush()
    return team


def _on_team(session: Session, team_id: uuid.UUID) -> set[uuid.UUID]:
    now = func.portal_clock()
    found = select(m.TeamMember.account_id).where(
        m.TeamMember.team_id == team_id,
        m.TeamMember.valid_until.is_(None) | (now < m.TeamMember.valid_until),
    )
    return set(session.scalars(found))


def _at_version(session: Session, model: type[R], key: uuid.UUID, version: int) -> R:
    """Return a row to change, locked and still at a version, and count the version on."""
    row = _locked(session, model, key)
    if row.version != version:
        raise ConflictError
    row.version += 1
    return row


L = TypeVar("L", m.Agency, m.Account, m.CouncilMembership)


def _locked(session: Session, model: type[L], key: uuid.UUID) -> L:
    found = select(model).where(model.id == key).with_for_update()
    row = session.scalars(found, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        raise NotVisibleError
    return row


def _end(session: Session, row: m.Membership | m.TeamMember) -> dt.datetime:
    """Return now, or the end the row has already."""
    now = clock(session)
    return now if row.valid_until is None or now < row.valid_until else row.valid_until


def _note(session: Session, agency_id: uuid.UUID, change: str) -> None:
    record(session, Event.AGENCY_CHANGED, about=agency_id, agency=agency_id, change=change)


def _viewer(session: Session) -> Viewer:
    viewer: Viewer = session.info["viewer"]
    return viewer
