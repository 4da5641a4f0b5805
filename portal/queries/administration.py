"""What the administrator's and the manager's pages read: agencies, accounts, the team, the grants.

Names of staff are sealed, so lists of people are ordered by when somebody was entered.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import managed_references
from portal.policy.viewer import live
from portal.queries.directory import account_names
from portal.queries.paging import Cursor, Page, newest_first
from portal.vault import email_index_for, fetch_keys, reveal

PAGE, COUNTED = 50, 1_001
# Where no end is set, a share stands behind all others.
_END = func.coalesce(m.Grant.valid_until, literal(dt.datetime.max.replace(tzinfo=dt.UTC))).label(
    "at"
)


@dataclass(frozen=True)
class Membership:
    """Where somebody works; the days are those of the row, exclusive at the end."""

    id: uuid.UUID
    agency_id: uuid.UUID
    agency: str
    role: str
    manager: bool
    valid_from: dt.datetime
    valid_until: dt.datetime | None
    live: bool


@dataclass(frozen=True)
class AccountRow:
    """An account with its name, its address and where it works."""

    id: uuid.UUID
    version: int
    disabled: bool
    name: str
    email: str
    memberships: Sequence[Membership]


@dataclass(frozen=True)
class TeamRow:
    """Somebody on a team, or who was."""

    id: uuid.UUID
    account_id: uuid.UUID
    name: str
    role: str
    valid_from: dt.datetime
    valid_until: dt.datetime | None
    live: bool


@dataclass(frozen=True)
class GrantRow:
    """All that a manager sees of a share: which case, which slices, until when, who reads.

    ``readers`` are the named ones, nobody where a team reads; ``fixed`` ones were named by the
    centre.
    """

    id: uuid.UUID
    reference: str
    slices: Sequence[str]
    until: dt.datetime | None
    reader_ids: Sequence[uuid.UUID]
    readers: Sequence[str]
    fixed: bool


def agencies(session: Session, kind: str = "", after: uuid.UUID | None = None) -> Page:
    """Return a page of agencies by name, of one type if ``kind`` names one.

    ``after`` is the last agency of the page before: an address holds ids and no names.
    """
    listed = select(m.Agency).order_by(m.Agency.name, m.Agency.id)
    if kind:
        listed = listed.where(m.Agency.type == kind)
    if after is not None:
        last = select(m.Agency.name, m.Agency.id).where(m.Agency.id == after).subquery()
        here = select(last.c.name, last.c.id).scalar_subquery()
        listed = listed.where(tuple_(m.Agency.name, m.Agency.id) > here)
    found = list(session.scalars(listed.limit(literal_column(str(PAGE + 1)))))
    older = str(found[PAGE - 1].id) if len(found) > PAGE else None
    return Page(found[:PAGE], newer=None, older=older)


def agency_choices(session: Session, kind: str = "") -> list[tuple[str, str]]:
    """Return (id, name) of all agencies, or of those of a type, by name."""
    listed = select(m.Agency.id, m.Agency.name).order_by(m.Agency.name, m.Agency.id)
    if kind:
        listed = listed.where(m.Agency.type == kind)
    return [(str(key), name) for key, name in session.execute(listed)]


def council_of(session: Session, agency_id: uuid.UUID) -> list[m.CouncilMembership]:
    """Return an agency's memberships of the regional council, the last one first."""
    row = m.CouncilMembership
    return list(
        session.scalars(
            select(row).where(row.agency_id == agency_id).order_by(row.valid_from.desc(), row.id)
        )
    )


def accounts(
    session: Session, agency_id: uuid.UUID | None = None, cursor: Cursor | None = None
) -> Page:
    """Return a page of accounts, of an agency's people if one is named; four queries."""
    listed: Any = select(m.Account.id, m.Account.recorded_at)
    if agency_id is not None:
        of_agency = select(m.Membership.account_id).where(m.Membership.agency_id == agency_id)
        listed = listed.where(m.Account.id.in_(of_agency))
    page = newest_first(
        session, listed, m.Account.recorded_at, m.Account.id, cursor=cursor, size=PAGE
    )
    sheets = {sheet.id: sheet for sheet in account_rows(session, [row.id for row in page.rows])}
    return Page([sheets[row.id] for row in page.rows], page.newer, page.older)


def account_rows(session: Session, ids: Sequence[uuid.UUID]) -> list[AccountRow]:
    """Return accounts with names and memberships; three queries."""
    found = session.execute(
        select(m.Account, m.AccountProfile)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Account.id)
        .where(m.Account.id.in_(ids))
    ).all()
    fetch_keys(session, [profile for _, profile in found])
    places = _memberships(session, ids)
    return [
        AccountRow(
            account.id,
            account.version,
            account.disabled,
            reveal(session, profile, "name"),
            reveal(session, profile, "email"),
            places.get(account.id, ()),
        )
        for account, profile in found
    ]


def account_by_email(session: Session, email: str) -> uuid.UUID | None:
    """Return the account with an address as ``portal.text.normalise_email`` gives it."""
    index = email_index_for(session, email)
    return session.scalar(
        select(m.AccountProfile.account_id).where(m.AccountProfile.email_index == index)
    )


def _memberships(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Membership]]:
    row: Any = m.Membership.__table__
    found = session.execute(
        select(m.Membership, m.Agency.name, live(row).label("live"))
        .join(m.Agency, m.Agency.id == m.Membership.agency_id)
        .where(m.Membership.account_id.in_(ids))
        .order_by(m.Membership.valid_from.desc(), m.Membership.id)
    )
    places: dict[uuid.UUID, list[Membership]] = {}
    for each, agency, is_live in found:
        places.setdefault(each.account_id, []).append(
            Membership(
                each.id,
                each.agency_id,
                agency,
                each.role,
                each.manager,
                each.valid_from,
                each.valid_until,
                is_live,
            )
        )
    return places


def profiles_of(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """Return name and address of the accounts that the viewer may see; two queries."""
    profiles = session.scalars(
        select(m.AccountProfile).where(m.AccountProfile.account_id.in_(set(ids)))
    ).all()
    fetch_keys(session, profiles)
    return {
        each.account_id: (reveal(session, each, "name"), reveal(session, each, "email"))
        for each in profiles
    }


def team_of(session: Session, agency_id: uuid.UUID) -> list[TeamRow]:
    """Return who is and was on an agency's default team, who is on it first."""
    row: Any = m.TeamMember.__table__
    role = (
        select(m.Membership.role)
        .where(
            m.Membership.account_id == m.TeamMember.account_id,
            m.Membership.agency_id == agency_id,
        )
        .order_by(m.Membership.valid_from.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    is_live = live(row).label("live")
    found = session.execute(
        select(m.TeamMember, role, is_live)
        .join(m.Team, m.Team.id == m.TeamMember.team_id)
        .where(m.Team.agency_id == agency_id, m.Team.is_default)
        .order_by(is_live.desc(), m.TeamMember.valid_from.desc(), m.TeamMember.id)
    ).all()
    names = account_names(session, [member.account_id for member, _, _ in found])
    return [
        TeamRow(
            member.id,
            member.account_id,
            names.get(member.account_id, ""),
            known or "",
            member.valid_from,
            member.valid_until,
            holds,
        )
        for member, known, holds in found
    ]


def colleague_choices(session: Session, agency_id: uuid.UUID) -> list[tuple[str, str]]:
    """Return (id, name) of those who work at an agency now, by name."""
    row: Any = m.Membership.__table__
    ids = session.scalars(
        select(m.Membership.account_id).where(m.Membership.agency_id == agency_id, live(row))
    )
    names = account_names(session, ids)
    return [(str(key), name) for key, name in sorted(names.items(), key=lambda pair: pair[1])]


@dataclass(frozen=True)
class TeamChange:
    """What it means that somebody comes onto the default team, or leaves it.

    ``references`` of the first cases that are read, or no longer read, by it, and how many ``more``
    there are, counted up to ``COUNTED``; ``others`` on the team.
    Who is shut out of a case is not said here: the agency does not know it.
    """

    account_id: uuid.UUID
    name: str
    references: Sequence[str]
    more: int
    others: int


def team_change(session: Session, agency_id: uuid.UUID, account_id: uuid.UUID) -> TeamChange:
    """Return what hangs on somebody's place on an agency's default team, for its manager."""
    row = m.Grant
    named = _live_grants(agency_id).where(literal(account_id) == func.any(row.account_ids))
    by_team = _live_grants(agency_id).where(row.account_ids.is_(None), row.team_id.is_(None))
    found = session.execute(
        by_team.where(row.case_id.not_in(named.with_only_columns(row.case_id)))
        .with_only_columns(row.case_id)
        .distinct()
        .limit(literal_column(str(COUNTED)))
    )
    cases = list(found.scalars())
    references = sorted(managed_references(session, cases).values())
    others = [
        row for row in team_of(session, agency_id) if row.live and row.account_id != account_id
    ]
    name = account_names(session, [account_id]).get(account_id, "")
    return TeamChange(
        account_id, name, references[:PAGE], max(0, len(references) - PAGE), len(others)
    )


@dataclass(frozen=True)
class HandingOver:
    """Who begins to read a share and who no longer reads it, by name."""

    beginning: Sequence[str]
    ceasing: Sequence[str]


def handing_over(
    session: Session, agency_id: uuid.UUID, grant: GrantRow, account_ids: Collection[uuid.UUID]
) -> HandingOver:
    """Return what it changes that these people are to read a share; nobody named is the team."""
    team = {row.account_id for row in team_of(session, agency_id) if row.live}
    before = set(grant.reader_ids) or team
    after = set(account_ids) or team
    names = account_names(session, before | after)

    def called(ids: set[uuid.UUID]) -> list[str]:
        return sorted(names.get(key, "") for key in ids)

    return HandingOver(called(after - before), called(before - after))


def grants_to(session: Session, agency_id: uuid.UUID, cursor: Cursor | None = None) -> Page:
    """Return a page of the live grants to an agency for its manager, the next to end first."""
    listed = _live_grants(agency_id).add_columns(_END, m.Grant.id.label("id"))
    page = newest_first(session, listed, _END, m.Grant.id, cursor=cursor, size=PAGE, soonest=True)
    return Page(_grant_rows(session, [row.Grant for row in page.rows]), page.newer, page.older)


def grants_ending(
    session: Session, agency_id: uuid.UUID, *, before: dt.datetime | None, most: int
) -> tuple[list[GrantRow], int]:
    """Return the first live grants to an agency that end before an instant, and how many do.

    Without an instant these are all that it has; how many is counted up to ``COUNTED``.
    """
    ending = _live_grants(agency_id)
    if before is not None:
        ending = ending.where(m.Grant.valid_until <= before)
    few = ending.with_only_columns(m.Grant.id).limit(literal_column(str(COUNTED))).subquery()
    first = ending.order_by(_END, m.Grant.id).limit(literal_column(str(most)))
    rows = _grant_rows(session, list(session.scalars(first)))
    return rows, session.scalar(select(func.count()).select_from(few)) or 0


def grant_to(session: Session, agency_id: uuid.UUID, grant_id: uuid.UUID) -> GrantRow | None:
    """Return one live grant to an agency as its manager sees it, None where there is none."""
    one = _live_grants(agency_id).where(m.Grant.id == grant_id)
    return next(iter(_grant_rows(session, list(session.scalars(one)))), None)


def _live_grants(agency_id: uuid.UUID) -> Select[Any]:
    row: Any = m.Grant.__table__
    return select(m.Grant).where(
        m.Grant.agency_id == agency_id,
        live(row),
        m.Grant.ended_at.is_(None) | (m.Grant.ended_at > func.portal_clock()),
    )


def _grant_rows(session: Session, grants: Sequence[m.Grant]) -> list[GrantRow]:
    references = managed_references(session, {grant.case_id for grant in grants})
    names = account_names(session, (who for grant in grants for who in grant.account_ids or ()))
    return [
        GrantRow(
            grant.id,
            references[grant.case_id],
            grant.slices,
            grant.valid_until,
            grant.account_ids or (),
            [names.get(who, "") for who in grant.account_ids or ()],
            grant.readers_fixed,
        )
        for grant in grants
        if grant.case_id in references
    ]
