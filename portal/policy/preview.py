"""What somebody would see if grants were given: asked of the real wall, and undone.

The grants are written inside a savepoint, the transaction then looks as one reader after another,
and the savepoint is rolled back, which takes back both the rows and the settings. So a preview and
what is seen afterwards are decided by the same rules, and nothing stays behind.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.viewer import Viewer

_GRANTS = cast("Table", m.Grant.__table__)
_EXCLUSIONS = cast("Table", m.Exclusion.__table__)


@dataclass(frozen=True)
class Sight:
    """What one reader sees of a case, as ids."""

    case: bool
    entries: frozenset[uuid.UUID] = frozenset()
    people: frozenset[uuid.UUID] = frozenset()
    actions: frozenset[uuid.UUID] = frozenset()


def union(sights: Iterable[Sight]) -> Sight:
    """Return what several readers see between them."""
    everything = list(sights)
    return Sight(
        any(sight.case for sight in everything),
        frozenset().union(*(sight.entries for sight in everything)),
        frozenset().union(*(sight.people for sight in everything)),
        frozenset().union(*(sight.actions for sight in everything)),
    )


def preview(
    session: Session,
    case_id: uuid.UUID,
    readers: Sequence[Viewer],
    grants: Sequence[Mapping[str, Any]],
    ending: Sequence[uuid.UUID] = (),
    *,
    hidden: Sequence[uuid.UUID] = (),
) -> dict[Viewer, tuple[Sight, Sight]]:
    """Return what each reader sees of a case now, and what with the grants besides.

    Args:
        session: of somebody who may give these grants; the wall refuses the rows otherwise.
        case_id: the case.
        readers: whom to look as.
        grants: columns of the grants that would be given.
        ending: ids of grants that would end by it, because the newer word replaces them.
        hidden: accounts to which the case would be closed before.

    """
    with _undone(session) as connection:
        before = {reader: _look(session, connection, reader, case_id) for reader in readers}
    with _undone(session) as connection:
        if hidden:
            connection.execute(insert(_EXCLUSIONS), _exclusions(session, case_id, hidden))
        for columns in grants:
            # Not through the session: it would keep the rows in mind after they are gone.
            given = {"id": uuid.uuid4(), **columns}
            connection.execute(insert(_GRANTS).values(given))
        if ending:
            ended = update(_GRANTS).where(_GRANTS.c.id.in_(list(ending)))
            connection.execute(ended.values(ended_at=func.portal_clock()))
        after = {reader: _look(session, connection, reader, case_id) for reader in readers}
    return {reader: (before[reader], after[reader]) for reader in readers}


def _exclusions(
    session: Session, case_id: uuid.UUID, account_ids: Sequence[uuid.UUID]
) -> list[dict[str, Any]]:
    owner = session.scalars(select(m.Case.owner_agency_id).where(m.Case.id == case_id)).one()
    of_case = {"case_id": case_id, "owner_agency_id": owner}
    return [{"account_id": account_id, **of_case} for account_id in account_ids]


@contextmanager
def _undone(session: Session) -> Iterator[Connection]:
    # What the session still holds is written before, in its own viewer's name.
    session.flush()
    connection = session.connection()
    savepoint = connection.begin_nested()
    try:
        with session.no_autoflush:
            yield connection
    finally:
        savepoint.rollback()


def _look(session: Session, connection: Connection, reader: Viewer, case_id: uuid.UUID) -> Sight:
    calls = [
        func.set_config(f"portal.{name}", value, True) for name, value in reader.settings().items()
    ]
    connection.execute(select(*calls))
    if session.scalars(select(m.Case.id).where(m.Case.id == case_id)).one_or_none() is None:
        return Sight(case=False)
    return Sight(
        case=True,
        entries=frozenset(session.scalars(select(m.Entry.id).where(m.Entry.case_id == case_id))),
        people=frozenset(
            session.scalars(select(m.CasePerson.id).where(m.CasePerson.case_id == case_id))
        ),
        actions=frozenset(session.scalars(select(m.Action.id).where(m.Action.case_id == case_id))),
    )
