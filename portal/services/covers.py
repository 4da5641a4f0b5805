"""Somebody is away for a time, and a colleague of the same role stands in (domain.md §1).

It goes by itself at its end. Within one agency and one role only: nothing goes to another agency,
and an exclusion of the colleague is as absolute as ever, because the walls know no cover. What the
colleague reads more than before are the standing teams of who is away; the manager alone may open
those, as on any other day. A share that names the absent person alone stays with the names that it
has: the manager, or the centre, names another reader where one is needed.
"""

import datetime as dt
import uuid

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import NotVisibleError, standing
from portal.policy.permissions import Action, allows, require
from portal.policy.terms import clock, holds
from portal.services.administration import RefusedError
from portal.services.once import already, write_once

# Longer than this nobody is covered: then the work is handed over.
LONGEST = dt.timedelta(days=100)


def candidates(session: Session, absent_id: uuid.UUID) -> set[uuid.UUID]:
    """Return who can stand in for somebody of the acting agency: colleagues of the same role."""
    acting, now, row = require(standing(session), Action.KEEP_ACCOUNT), clock(session), m.Membership
    role = (
        select(row.role)
        .where(row.account_id == absent_id, row.agency_id == acting.agency_id, holds(row, now))
        .scalar_subquery()
    )
    found = session.scalars(
        select(row.account_id)
        .join(m.Account, m.Account.id == row.account_id)
        .where(
            row.agency_id == acting.agency_id,
            row.role == role,
            row.account_id != absent_id,
            holds(row, now),
            m.Account.disabled.is_(False),
        )
    )
    return set(found)


def set_cover(
    session: Session,
    *,
    cover_id: uuid.UUID,
    absent_id: uuid.UUID,
    account_id: uuid.UUID,
    since: dt.datetime,
    until: dt.datetime,
) -> None:
    """Let a colleague stand in for somebody who is away.

    Args:
        session: of who is away, or of the agency's manager.
        cover_id: of the form; a second sending changes nothing.
        absent_id, account_id: who is away, and who stands in.
        since: from then on, or from now where that is past (UTC).
        until: exclusive (UTC).

    Raises:
        NotPermittedError: neither the own absence nor the manager.
        RefusedError: ``no_cover`` for who has another role, ``away_too``, ``covered_already``,
            ``ends_before_it_begins``, ``too_long``; ``manager_opens`` where the colleague would
            read more than before and it is not the manager who says so.

    """
    acting = require(standing(session), Action.KEEP_ACCOUNT)
    manages = allows(acting, Action.MANAGE)
    if not manages and absent_id != session.info["viewer"].account_id:
        require(acting, Action.MANAGE)
    if already(session, m.Cover, cover_id) is not None:
        return
    since = max(since, clock(session))
    _require_possible(session, absent_id, account_id, since, until)
    teams = _teams_to_join(session, acting.agency_id, absent_id, account_id)
    if teams and not manages:
        raise RefusedError("manager_opens")
    cover = m.Cover(
        id=cover_id,
        agency_id=acting.agency_id,
        absent_id=absent_id,
        account_id=account_id,
        valid_from=since,
        valid_until=until,
        recorded_by=session.info["viewer"].account_id,
    )
    if not write_once(session, cover):
        return
    session.add_all(
        m.TeamMember(team_id=team, account_id=account_id, valid_from=since, valid_until=until)
        for team in sorted(teams)
    )
    session.flush()
    _note(session, cover, acting.role, "cover_set")


def end_cover(session: Session, cover_id: uuid.UUID) -> None:
    """End a cover at once: who was away is back. One that is over stays as it is.

    Raises:
        NotVisibleError: there is none in the acting agency.
        NotPermittedError: neither who is away nor the manager.

    """
    acting = require(standing(session), Action.KEEP_ACCOUNT)
    cover = already(session, m.Cover, cover_id)
    if cover is None or cover.agency_id != acting.agency_id:
        raise NotVisibleError
    manages = allows(acting, Action.MANAGE)
    if not manages and cover.absent_id != session.info["viewer"].account_id:
        require(acting, Action.MANAGE)
    now = clock(session)
    if cover.valid_until is None or cover.valid_until <= now:
        return
    places = _places_of(session, cover)
    if places and not manages:
        # Only the manager keeps the team; until its end the place does no harm.
        raise RefusedError("manager_opens")
    # What has not begun ends in the moment after its beginning, and so never holds.
    over = max(now, cover.valid_from + dt.timedelta.resolution)
    cover.valid_until = over
    for place in places:
        place.valid_until = over
    session.flush()
    _note(session, cover, acting.role, "cover_ended")


def _require_possible(
    session: Session,
    absent_id: uuid.UUID,
    account_id: uuid.UUID,
    since: dt.datetime,
    until: dt.datetime,
) -> None:
    if until <= since:
        raise RefusedError("ends_before_it_begins")
    if until - since > LONGEST:
        raise RefusedError("too_long")
    if account_id not in candidates(session, absent_id):
        raise RefusedError("no_cover")
    row = m.Cover
    meanwhile = session.scalars(
        select(row.absent_id).where(
            or_(row.absent_id == absent_id, row.absent_id == account_id),
            row.agency_id == require(standing(session), Action.KEEP_ACCOUNT).agency_id,
            row.valid_from < until,
            row.valid_until > since,
        )
    ).all()
    if account_id in meanwhile:
        raise RefusedError("away_too")
    if meanwhile:
        raise RefusedError("covered_already")


def _teams_to_join(
    session: Session, agency_id: uuid.UUID, absent_id: uuid.UUID, account_id: uuid.UUID
) -> set[uuid.UUID]:
    """Return the teams of who is away that the colleague is not on for good."""
    now, row = clock(session), m.TeamMember

    def teams_of(account: uuid.UUID) -> set[uuid.UUID]:
        places = (
            select(row.team_id)
            .join(m.Team, m.Team.id == row.team_id)
            .where(m.Team.agency_id == agency_id, row.account_id == account, holds(row, now))
        )
        # A place that ends, as one by another cover does, is not counted on.
        lasting = places.where(row.valid_until.is_(None)) if account == account_id else places
        return set(session.scalars(lasting))

    return teams_of(absent_id) - teams_of(account_id)


def _places_of(session: Session, cover: m.Cover) -> list[m.TeamMember]:
    """Return the places on teams that came with a cover: they have its two instants."""
    row = m.TeamMember
    places = (
        select(row)
        .join(m.Team, m.Team.id == row.team_id)
        .where(
            m.Team.agency_id == cover.agency_id,
            row.account_id == cover.account_id,
            row.valid_from == cover.valid_from,
            row.valid_until == cover.valid_until,
        )
    )
    return list(session.scalars(places.order_by(row.id)))


def _note(session: Session, cover: m.Cover, role: str, change: str) -> None:
    record(
        session,
        Event.MEMBERSHIP_CHANGED,
        about=cover.agency_id,
        account=cover.account_id,
        agency=cover.agency_id,
        role=role,
        change=change,
    )


__all__ = ["LONGEST", "candidates", "end_cover", "set_cover"]
