"""Writing a row once, however often its form is sent."""

import uuid
from typing import TypeVar

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.database import ConflictError, find
from portal.models import Base

M = TypeVar("M", bound=Base)


def already(session: Session, model: type[M], key: uuid.UUID) -> M | None:
    """Return the row that an earlier sending of the same form made, or None."""
    return find(session, model, key)


def write_once(session: Session, row: M) -> bool:
    """Write a new row now; return False where the same form was sent twice at the same moment.

    The second sending waits at the primary key until the first is committed. Then its own row is
    forgotten, and what the use case does besides is left to the first.

    Raises:
        ConflictError: the row breaks another rule of uniqueness: somebody did the same thing.

    """
    key = row.id  # type: ignore[attr-defined]
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        if already(session, type(row), key) is None:
            raise ConflictError from error
        return False
    return True
