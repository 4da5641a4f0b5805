"""「自機関の記録」: what one's own agency wrote, and nothing of the case it was written into.

It stays readable after a withdrawal, when the case itself is gone (domain.md §4, rule 6).
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import standing
from portal.policy.explain import deciding_grant, deciding_rule
from portal.policy.permissions import Action, require
from portal.queries.paging import Cursor, Page, beyond, directed, direction
from portal.vault import Decision, fetch_keys, reveal

PAGE = 50


@dataclass(frozen=True)
class Record:
    """One own text and when it was written; ``kind`` is ``entry`` or the step of an action.

    ``heard_from`` is who told it to the centre by phone, "" where the agency wrote it itself.
    """

    id: uuid.UUID
    at: dt.datetime
    kind: str
    text: str
    heard_from: str = ""


def list_own_records(session: Session, cursor: Cursor | None = None) -> Page:
    """Return a page of the own agency's texts, newest first.

    Args:
        session: of somebody of the agency; the rules show it the own posts and its team's.
        cursor: of the address; None for the first page.

    """
    acting = require(standing(session), Action.READ_OWN_RECORDS)
    order = direction(cursor)
    entry, step = m.Entry, m.ActionEvent
    entries = select(entry, deciding_rule(entry), deciding_grant(entry)).where(
        entry.author_agency_id == acting.agency_id
    )
    steps = select(step).where(step.agency_id == acting.agency_id, step.words_sealed.is_not(None))
    found = [
        *_read(session, entries, entry.written_at, entry.id, cursor),
        *_read(session, steps, step.happened_at, step.id, cursor),
    ]
    found.sort(key=lambda row: _place(row[0]), reverse=order != "newer")
    shown = found[:PAGE]
    if order == "newer":
        if len(found) <= PAGE:
            # The newest page is always a full one that begins at the top.
            return list_own_records(session)
        shown.reverse()
    more = len(found) > PAGE
    fetch_keys(session, [row[0] for row in shown])
    return Page(
        [_record(session, row) for row in shown],
        newer=_cursor(shown[0], newer=True) if cursor is not None and shown else None,
        older=_cursor(shown[-1]) if more or order == "newer" else None,
    )


def _read(session: Session, statement: Any, at: Any, key: Any, cursor: Cursor | None) -> list[Any]:
    order = direction(cursor)
    bound: dict[str, Any] = {}
    if cursor is not None:
        statement = statement.where(beyond(at, key, order))
        bound = {"at": cursor.at, "id": cursor.id}
    statement = statement.order_by(*directed(at, key, order))
    return list(session.execute(statement.limit(literal_column(str(PAGE + 1))), bound).all())


def _place(row: m.Entry | m.ActionEvent) -> tuple[dt.datetime, uuid.UUID]:
    return (row.written_at if isinstance(row, m.Entry) else row.happened_at), row.id


def _cursor(row: Sequence[Any], *, newer: bool = False) -> str:
    return str(Cursor(*_place(row[0]), newer=newer))


def _record(session: Session, row: Sequence[Any]) -> Record:
    if isinstance(row[0], m.Entry):
        entry, rule, grant_id = row
        text, heard_from = (
            reveal(session, entry, name, Decision(rule, grant_id)) for name in entry.__sealed__
        )
        return Record(entry.id, entry.written_at, "entry", text, heard_from)
    step = row[0]
    texts = [reveal(session, step, name) for name in ("words", "effect")]
    return Record(step.id, step.happened_at, step.status, "\n".join(filter(None, texts)))
