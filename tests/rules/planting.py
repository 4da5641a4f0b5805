"""Planting a bug in the rules: one passage of their source is replaced, in one wall.

The changed source becomes a module of its own with functions of its own in the database
(``planted_…``), so that a bug can stand in one wall while the other keeps the real rules.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from portal.policy import rls, viewer, visibility
from portal.policy.viewer import Viewer
from portal.world.looking import send_settings

SOURCES = {
    "viewer": Path(viewer.__file__).read_text(encoding="utf-8"),
    "visibility": Path(visibility.__file__).read_text(encoding="utf-8"),
}
_CALL = ('f"viewer_{term.name}"', 'f"planted_{term.name}"')
_IMPORT = ("from portal.policy.viewer import", "from planted_viewer import")
# What the sights are made of, and what the rules of these tables read through other policies.
TABLES = {
    *("cases", "entries", "grants", "case_people", "persons", "case_access"),
    *("slice_keys", "person_keys", "spellings"),
    *("denials", "case_workers"),
}


@dataclass(frozen=True)
class Bug:
    """A passage of a rule's source, which occurs exactly once, and what stands there instead.

    `at` names the query of a sight that tells it, so that the others need not be asked.
    """

    name: str
    at: str
    source: str
    needle: str
    replacement: str = ""


def replaced(source: str, needle: str, replacement: str) -> str:
    """Return a source with another passage, which must occur exactly once."""
    found = source.count(needle)
    if found != 1:
        raise ValueError(f"the passage occurs {found} times, not once: {needle}")
    return source.replace(needle, replacement)


_plants = count(1)


def _module(name: str, source: str) -> ModuleType:
    # SQLAlchemy remembers a criterion by its code, and equal code in two modules is one to it.
    source = "\n" * next(_plants) + source
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, None))
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - our own source, changed
    return module


@dataclass(frozen=True)
class Planted:
    """The rules with a bug: as criteria of a session, and as policies of the database."""

    session: type[Session]
    terms: tuple[str, ...]
    policies: tuple[str, ...]


def plant(bug: Bug | None) -> Planted:
    """Compile the rules with a bug; without one as they are, to prove that planting is faithful."""
    sources = dict(SOURCES)
    if bug is not None:
        sources[bug.source] = replaced(sources[bug.source], bug.needle, bug.replacement)
    return plant_sources(sources)


def plant_sources(sources: dict[str, str]) -> Planted:
    """Compile the rules from whole sources, by the names of `SOURCES`."""
    terms = _module("planted_viewer", replaced(sources["viewer"], *_CALL))
    rules = _module("planted_visibility", replaced(sources["visibility"], *_IMPORT))
    return Planted(
        session=_session(rules.VISIBLE),
        terms=tuple(
            replaced(rls._term(term), "CREATE FUNCTION viewer_", "CREATE FUNCTION planted_")
            for term in terms.TERMS
        ),
        policies=tuple(
            f"ALTER POLICY visible ON {model.__tablename__} USING ({rls.policy(model, rule)})"
            for model, rule in rules.VISIBLE.items()
            if model.__tablename__ in TABLES
        ),
    )


def _session(rules: Any) -> type[Session]:
    """Make a session like PortalSession, but for where its criteria come from."""
    scopes = [
        with_loader_criteria(model, rule, include_aliases=True) for model, rule in rules.items()
    ]

    class PlantedSession(Session):
        pass

    @event.listens_for(PlantedSession, "after_begin")
    def begin(session: Session, _transaction: Any, connection: Connection) -> None:
        seen_by: Viewer = session.info["viewer"]
        send_settings(connection, seen_by)

    @event.listens_for(PlantedSession, "do_orm_execute")
    def apply(state: ORMExecuteState) -> None:
        state.statement = state.statement.options(*scopes)

    return PlantedSession


@contextmanager
def planted_in(engine: Engine, planted: Planted, *, in_policies: bool) -> Iterator[Connection]:
    """Open a transaction of the owner in which the planted rules stand, and roll it back."""
    with engine.connect() as connection, connection.begin() as transaction:
        for statement in planted.terms + (planted.policies if in_policies else ()):
            connection.exec_driver_sql(statement)
        yield connection
        transaction.rollback()
