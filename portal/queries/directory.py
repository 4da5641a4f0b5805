"""The directory: the agencies, who works for them now, and whom one may ask or must tell."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.bundles import bundles_for
from portal.policy.hot import hot
from portal.policy.terms import clock, holds, live_grants, never_tells_of
from portal.text import fold_kana
from portal.vault import email_index_for, fetch_keys, reveal
from portal.vocabulary import OVERRIDING_BASES, OWNER_ROLES, SHARE_BASES, bases

_AGENCIES = hot(
    "names of agencies",
    select(m.Agency.id, m.Agency.name).where(
        m.Agency.id == any_(bindparam("ids", type_=ARRAY(Uuid())))
    ),
)
_PROFILES = hot(
    "names of accounts",
    select(m.AccountProfile).where(
        m.AccountProfile.account_id == any_(bindparam("ids", type_=ARRAY(Uuid())))
    ),
)


@dataclass(frozen=True)
class StaffRow:
    """Somebody who works for an agency; ``on_team`` reads what names no other reader."""

    account_id: uuid.UUID
    agency_id: uuid.UUID
    role: str
    name: str
    email: str
    on_team: bool


def staff_of(session: Session, agency_ids: Iterable[uuid.UUID]) -> list[StaffRow]:
    """Return who works for some agencies now, by role and name."""
    now = clock(session)
    found = session.execute(
        select(m.Membership, m.AccountProfile)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Membership.account_id)
        .join(m.Account, m.Account.id == m.Membership.account_id)
        .where(
            m.Membership.agency_id.in_(list(agency_ids)),
            holds(m.Membership, now),
            ~m.Account.disabled,
        )
    ).all()
    fetch_keys(session, [profile for _membership, profile in found])
    team = _default_teams(session, now)
    rows = [
        StaffRow(
            membership.account_id,
            membership.agency_id,
            membership.role,
            reveal(session, profile, "name"),
            reveal(session, profile, "email"),
            (membership.agency_id, membership.account_id) in team,
        )
        for membership, profile in found
    ]
    return sorted(rows, key=lambda row: (row.role, row.name, row.account_id))


def names_of_staff(session: Session, agency_id: uuid.UUID) -> dict[uuid.UUID, str]:
    """Return the names of who works for an agency now, by account."""
    return {row.account_id: row.name for row in staff_of(session, [agency_id])}


def _default_teams(session: Session, now: dt.datetime) -> set[tuple[uuid.UUID, uuid.UUID]]:
    members = (
        select(m.Team.agency_id, m.TeamMember.account_id)
        .join(m.TeamMember, m.TeamMember.team_id == m.Team.id)
        .where(m.Team.is_default, holds(m.TeamMember, now))
    )
    return {(agency, account) for agency, account in session.execute(members)}


def colleagues(session: Session, agency_id: uuid.UUID) -> list[StaffRow]:
    """Return who else of the centre works with cases: a witness, or a second person."""
    me = session.info["viewer"].account_id
    rows = staff_of(session, [agency_id])
    return [row for row in rows if row.role in OWNER_ROLES and row.account_id != me]


def matching(rows: Iterable[StaffRow], typed: str) -> list[StaffRow]:
    """Return the staff whose name or e-mail holds what was typed, however it is written."""
    wanted = fold_kana(typed)
    return [row for row in rows if wanted in fold_kana(row.name) or wanted in fold_kana(row.email)]


def account_by_email(session: Session, address: str) -> uuid.UUID | None:
    """Return whose e-mail this is, or None; the address is looked up by its index."""
    index = email_index_for(session, address)
    found = select(m.AccountProfile.account_id).where(m.AccountProfile.email_index == index)
    return session.scalars(found).one_or_none()


def account_names(session: Session, ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Return the names of accounts, as far as the viewer may know them; None is passed over."""
    profiles = account_profiles(session, (each for each in ids if each))
    fetch_keys(session, profiles)
    return {each.account_id: reveal(session, each, "name") for each in profiles}


def account_profiles(session: Session, ids: Iterable[uuid.UUID]) -> Sequence[m.AccountProfile]:
    """Return the profiles of accounts that the viewer may see."""
    wanted = sorted(set(ids))
    return session.scalars(_PROFILES, {"ids": wanted}).all() if wanted else ()


def agency_names(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of agencies."""
    wanted = sorted(ids)
    rows = session.execute(_AGENCIES, {"ids": wanted}) if wanted else ()
    return {row.id: row.name for row in rows}


def all_agencies(session: Session) -> list[m.Agency]:
    """Return every agency, by type and name."""
    agencies = select(m.Agency).order_by(m.Agency.type, m.Agency.name, m.Agency.id)
    return list(session.scalars(agencies))


def duties() -> list[str]:
    """Return the duties that a centre itself may fulfil here, as codes of legal bases."""
    return [
        code
        for code in SHARE_BASES
        if code in OVERRIDING_BASES
        and {"any", "support_center"} & set(bases()[code].provider_roles)
        and bases()[code].approval == "none"
        and not bases()[code].needs_other_statute
    ]


def agencies_to_ask(session: Session, case: m.Case) -> list[m.Agency]:
    """Return the agencies a child can be asked about, by type and name.

    Without those that must not be told: asking about them again would be pressing.
    """
    now = clock(session)
    never = {n.agency_id for n in never_tells_of(session, case.id, now)}
    return [a for a in all_agencies(session) if bundles_for(a.type) and a.id not in never]


def agencies_shown(session: Session, case: m.Case) -> set[uuid.UUID]:
    """Return the agencies to which something of a case is open now."""
    return {grant.agency_id for grant in session.scalars(live_grants(case.id, clock(session)))}


def agencies_of_duty(session: Session) -> list[m.Agency]:
    """Return the agencies that some duty of the centre may name, by type and name."""
    types = {party for code in duties() for party in bases()[code].allowed_recipients}
    agencies = select(m.Agency).where(m.Agency.type.in_(sorted(types)))
    return list(session.scalars(agencies.order_by(m.Agency.type, m.Agency.name, m.Agency.id)))


def agencies_by_id(
    session: Session, ids: Iterable[uuid.UUID | None]
) -> Mapping[uuid.UUID, m.Agency]:
    """Return some agencies by their ids; None among these is passed over."""
    agencies = session.scalars(select(m.Agency).where(m.Agency.id.in_([i for i in ids if i])))
    return {agency.id: agency for agency in agencies}


__all__ = [
    "StaffRow",
    "account_by_email",
    "account_names",
    "account_profiles",
    "agencies_by_id",
    "agencies_of_duty",
    "agencies_shown",
    "agencies_to_ask",
    "agency_names",
    "all_agencies",
    "colleagues",
    "duties",
    "matching",
    "names_of_staff",
    "staff_of",
]
