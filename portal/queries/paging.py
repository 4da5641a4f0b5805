"""Keyset paging: a page begins behind a row, so that page 100 costs what page 1 does."""

import base64
import binascii
import datetime as dt
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, literal_column, tuple_
from sqlalchemy.orm import Session

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PACKED = struct.Struct(">q?")


@dataclass(frozen=True)
class Cursor:
    """A place in a list, before (``newer``) or after the row with this instant and id."""

    at: dt.datetime
    id: uuid.UUID
    newer: bool = False

    def __str__(self) -> str:
        """Return it for an address: when, which, in which direction; no names, no texts."""
        microseconds = (self.at - _EPOCH) // dt.timedelta(microseconds=1)
        packed = _PACKED.pack(microseconds, self.newer) + self.id.bytes
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(text: str | None) -> Cursor | None:
    """Return the cursor of an address, or None for what is none: the list then begins anew."""
    try:
        packed = base64.urlsafe_b64decode((text or "") + "===")
        microseconds, newer = _PACKED.unpack(packed[: _PACKED.size])
        at = _EPOCH + dt.timedelta(microseconds=microseconds)
        return Cursor(at, uuid.UUID(bytes=packed[_PACKED.size :]), newer)
    except (binascii.Error, struct.error, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Page:
    """Rows of a list, newest first, and the cursors of its neighbours."""

    rows: Sequence[Any]
    newer: str | None = None
    older: str | None = None


def beyond(at: Any, key: Any, direction: str) -> ColumnElement[bool]:
    """Return whether a row lies beyond the cursor's, which is bound as ``at`` and ``id``."""
    row = tuple_(at, key)
    here = tuple_(bindparam("at", type_=at.type), bindparam("id", type_=key.type))
    return row > here if direction == "newer" else row < here


def directed(at: Any, key: Any, direction: str) -> tuple[Any, Any]:
    """Return the order in which a page is read: newest first, but upwards from a row below."""
    if direction == "newer":
        return at.asc(), key.asc()
    return at.desc(), key.desc()


def direction(cursor: Cursor | None) -> str:
    """Return ``first``, ``older`` or ``newer``."""
    if cursor is None:
        return "first"
    return "newer" if cursor.newer else "older"


def newest_first(
    session: Session,
    statement: Select[Any],
    at: Any,
    key: Any,
    *,
    cursor: Cursor | None,
    size: int,
    soonest: bool = False,
) -> Page:
    """Return a page of a statement that has the columns ``at`` and ``key`` among what it selects.

    Going back to the first page gives a full one, whatever the cursor was. With ``soonest`` the
    list runs the other way, from what is due first; ``newer`` then leads back to its beginning.
    """
    way = direction(cursor)
    back = way == "newer"
    order = "newer" if back != soonest else "older"
    ordered = statement.order_by(*directed(at, key, order)).limit(literal_column(str(size + 1)))
    if cursor is None:
        found = list(session.execute(ordered))
    else:
        bound = {"at": cursor.at, "id": cursor.id}
        found = list(session.execute(ordered.where(beyond(at, key, order)), bound))
    more = len(found) > size
    if back and not more:
        return newest_first(session, statement, at, key, cursor=None, size=size, soonest=soonest)
    shown = found[:size]
    if back:
        shown.reverse()

    def place(row: Any, *, newer: bool) -> str:
        return str(Cursor(getattr(row, at.key), getattr(row, key.key), newer=newer))

    return Page(
        shown,
        newer=place(shown[0], newer=True) if shown and cursor is not None else None,
        older=place(shown[-1], newer=False) if shown and (back or more) else None,
    )
