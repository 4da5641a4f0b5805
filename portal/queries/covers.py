"""Who stands in for whom: for the first page, for the people of an agency, and beside the log."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.terms import clock
from portal.policy.viewer import ACCOUNT, AGENCY, CLOCK
from portal.queries.directory import account_names


@dataclass(frozen=True)
class CoverRow:
    """Somebody is away from an instant until an exclusive one (UTC), and who stands in."""

    id: uuid.UUID
    absent_id: uuid.UUID
    absent: str
    name: str
    since: dt.datetime
    until: dt.datetime
    going_on: bool


def covered() -> Select[Any]:
    """Return the accounts for which the viewer stands in now, in the acting agency."""
    row = m.Cover
    return select(row.absent_id).where(
        row.account_id == ACCOUNT,
        row.agency_id == AGENCY,
        row.valid_from <= CLOCK,
        row.valid_until > CLOCK,
    )


def worked_on() -> Select[Any]:
    """Return the cases on which the viewer works, or somebody for whom the viewer stands in."""
    row = m.CaseWorker
    return select(row.case_id).where(or_(row.account_id == ACCOUNT, row.account_id.in_(covered())))


def covers_of(session: Session, *, account_id: uuid.UUID | None = None) -> list[CoverRow]:
    """Return what goes on or is to come in the acting agency, the first first.

    Args:
        session: of somebody of the agency.
        account_id: only of this person, absent or standing in; None for everybody.

    """
    row, now = m.Cover, clock(session)
    wanted = select(row).where(row.agency_id == AGENCY, row.valid_until > now)
    if account_id is not None:
        wanted = wanted.where(or_(row.absent_id == account_id, row.account_id == account_id))
    found = session.scalars(wanted.order_by(row.valid_from, row.id)).all()
    return _named(session, found, now)


def standing_in(session: Session) -> list[CoverRow]:
    """Return for whom the viewer stands in at this moment."""
    me = session.info["viewer"].account_id
    rows = covers_of(session, account_id=me)
    return [row for row in rows if row.going_on and row.absent_id != me]


def _named(session: Session, found: Sequence[m.Cover], now: dt.datetime) -> list[CoverRow]:
    people = [key for row in found for key in (row.absent_id, row.account_id)]
    names = account_names(session, people) if people else {}
    return [
        CoverRow(
            row.id,
            row.absent_id,
            names.get(row.absent_id, ""),
            names.get(row.account_id, ""),
            row.valid_from,
            row.valid_until,  # type: ignore[arg-type]  # Every cover has an end.
            row.valid_from <= now,
        )
        for row in found
    ]


def stood_in(session: Session, events: Iterable[m.AuditEvent]) -> dict[uuid.UUID, list[str]]:
    """Return by event for whom somebody stood in at that moment, by name; three queries.

    A name is "" where the viewer may not know it; an event of nobody who stood in is left out.

    Args:
        session: of somebody who reads the log.
        events: what was done or read.

    """
    done = [event for event in events if event.account_id is not None]
    row = m.Cover
    wanted = select(row).where(row.account_id.in_({event.account_id for event in done}))
    covers = session.scalars(wanted.order_by(row.valid_from, row.id)).all() if done else []
    if not covers:
        return {}
    names = account_names(session, {each.absent_id for each in covers})
    absent = {
        event.id: [
            names.get(each.absent_id, "")
            for each in covers
            if (each.account_id, each.agency_id) == (event.account_id, event.agency_id)
            and each.valid_from <= event.happened_at < each.valid_until  # type: ignore[operator]
        ]
        for event in done
    }
    return {key: some for key, some in absent.items() if some}


__all__ = ["CoverRow", "covered", "covers_of", "standing_in", "stood_in", "worked_on"]
