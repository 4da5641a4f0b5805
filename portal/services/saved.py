"""What was typed when a session had ended: kept sealed for that account, and offered once more."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import SystemSession, before_viewer
from portal.policy.terms import clock
from portal.policy.viewer import CLOCK
from portal.vault import reveal, seal

KEPT = timedelta(hours=24)

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Saved:
    """A form that was not sent: where it was going, when (aware), and its fields as typed."""

    id: uuid.UUID
    path: str
    at: datetime
    fields: Pairs


def save(
    session: Session, account_id: uuid.UUID, path: str, fields: Iterable[tuple[str, str]]
) -> uuid.UUID:
    """Keep the fields of a form for the account that the session looks for; return the row's id."""
    row = m.SavedText(account_id=account_id, path=path)
    seal(session, row, fields=json.dumps(list(fields), ensure_ascii=False))
    session.add(row)
    session.flush()
    return row.id


def kept() -> ColumnElement[bool]:
    """Return whether a form is kept still: typed within the last day."""
    within_a_day: ColumnElement[bool] = m.SavedText.recorded_at > CLOCK - literal(KEPT)
    return within_a_day


def count_saved(session: Session) -> int:
    """Return how many forms the viewer typed within the last day and has not sent."""
    return session.scalar(select(func.count(m.SavedText.id)).where(kept())) or 0


def saved_texts(session: Session) -> list[Saved]:
    """Return what the viewer typed within the last day and has not sent, the last first."""
    rows = session.scalars(
        select(m.SavedText).where(kept()).order_by(m.SavedText.recorded_at.desc(), m.SavedText.id)
    )
    return [
        Saved(
            row.id,
            row.path,
            row.recorded_at,
            _read(session, row),
        )
        for row in rows
    ]


def forget(session: Session, saved_id: uuid.UUID) -> None:
    """Delete a kept form of the viewer's; anybody else's is left alone by the database."""
    before_viewer(session, func.forget_saved_text(saved_id))


def forget_old(session: SystemSession) -> None:
    """Delete what was kept for a day; for the worker."""
    session.execute(delete(m.SavedText).where(m.SavedText.recorded_at < clock(session) - KEPT))


def _read(session: Session, row: m.SavedText) -> Pairs:
    return [(name, value) for name, value in json.loads(reveal(session, row, "fields"))]
