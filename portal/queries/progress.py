"""Checks and closures of a case, and what would end with it; all of it the owner's."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.queries.directory import account_names
from portal.queries.sheet import Share, live_shares
from portal.vault import fetch_keys, reveal
from portal.vocabulary import WATCHING

SHOWN = 50


@dataclass(frozen=True)
class Check:
    """One look at how things stand."""

    at: dt.datetime
    by: str
    finding: str
    next_on: dt.date


@dataclass(frozen=True)
class Closed:
    """How a case ended once; ``reopened_at`` is None while that end stands."""

    at: dt.datetime
    outcome: str
    child_view: str
    summary: str
    reopened_at: dt.datetime | None


def read_checks(session: Session, case: m.Case) -> list[Check]:
    """Return the newest fifty checks of a case, the latest first."""
    check = m.ProgressCheck
    rows = session.scalars(
        select(check)
        .where(check.case_id == case.id)
        .order_by(check.checked_at.desc(), check.id)
        .limit(literal_column(str(SHOWN)))
    ).all()
    names = account_names(session, {row.checked_by for row in rows})
    fetch_keys(session, rows)
    return [
        Check(
            row.checked_at,
            names.get(row.checked_by, ""),
            reveal(session, row, "finding"),
            row.next_on,
        )
        for row in rows
    ]


def read_closures(session: Session, case: m.Case) -> list[Closed]:
    """Return how a case ended, each time, the latest first."""
    closure = m.Closure
    rows = session.scalars(
        select(closure)
        .where(closure.case_id == case.id)
        .order_by(closure.closed_at.desc(), closure.id)
    ).all()
    fetch_keys(session, rows)
    return [
        Closed(
            row.closed_at,
            row.outcome,
            reveal(session, row, "child_view"),
            reveal(session, row, "summary"),
            row.reopened_at,
        )
        for row in rows
    ]


def ending_shares(session: Session, case: m.Case) -> tuple[Sequence[Share], Sequence[Share]]:
    """Return the live shares that would end with the case, and those of 見守り that go on."""
    shares = live_shares(session, case)
    going_on = [share for share in shares if share.purpose == WATCHING]
    return [share for share in shares if share not in going_on], going_on
