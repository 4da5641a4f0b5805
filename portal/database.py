"""Sessions that know who looks, and the unit of work around one request.

A ``PortalSession`` refuses every statement until ``look_as`` says for whom it looks, applies the
rules of ``portal.policy.visibility`` to every ORM query (the loud first gate), and carries the
viewer's identity in the transaction, where row-level security (the real wall) reads it.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from psycopg import errors as pg
from psycopg.pq import ExecStatus
from sqlalchemy import (
    ARRAY,
    Engine,
    Function,
    Select,
    TableClause,
    Text,
    TextualSelect,
    Uuid,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, with_loader_criteria
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import AbstractTextClause

from portal import models as m
from portal.models import Base
from portal.policy.hot import hot, is_hot, is_of_columns
from portal.policy.permissions import Standing
from portal.policy.viewer import SETTINGS, Viewer
from portal.policy.visibility import VISIBLE

log = logging.getLogger(__name__)

T = TypeVar("T")
M = TypeVar("M", bound=Base)

READING, WRITING = "REPEATABLE READ", "READ COMMITTED"
# A unit that lost against another is tried again in a new session this many times.
RETRIES = 2

_GOVERNED = frozenset(model.__tablename__ for model in VISIBLE)
# Built once: a criterion made anew for each statement costs half a page (performance.md §10).
_SCOPES = tuple(
    with_loader_criteria(model, rule, include_aliases=True) for model, rule in VISIBLE.items()
)


class NoViewerError(RuntimeError):
    """A query was made before anybody was known to look."""


class SecondViewerError(RuntimeError):
    """A session already looks for somebody else; one session, one viewer."""


class UnscopedError(RuntimeError):
    """A statement goes around the rules: text, or a governed table outside the ORM."""


class WallDownError(RuntimeError):
    """Row-level security is not active for this connection's role."""


class NotVisibleError(LookupError):
    """The row is hidden from the viewer or does not exist; nobody can tell which."""


class ConflictError(RuntimeError):
    """Somebody else changed the same thing meanwhile.

    ``theirs`` is what stands now, ``mine`` what the viewer typed; the page shows both.
    """

    def __init__(self, theirs: str = "", mine: str = "") -> None:
        """Keep both texts."""
        super().__init__("changed by somebody else meanwhile")
        self.theirs = theirs
        self.mine = mine


class PortalSession(Session):
    """A session that looks for one viewer through both walls."""

    @property
    def viewer(self) -> Viewer | None:
        """Return who looks, or None before ``look_as``."""
        viewer: Viewer | None = self.info.get("viewer")
        return viewer

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Execute a statement, a hot one that gives columns without the ORM's own work on it.

        There is nothing for it to do there: no criteria, no object. It costs 0.07 ms a statement.
        """
        if options or not is_of_columns(statement):
            return super().execute(statement, params, **options)
        if self.viewer is None:
            raise NoViewerError
        if self.autoflush:
            self.flush()
        return self.connection().execute(statement, params)


class SystemSession(Session):
    """A session of the system role, which sees everything; made by ``system_session`` alone."""


# Built once; sent as soon as it is known who looks, and with each further transaction.
_SENDING = select(
    func.row_security_active("cases"),
    *(func.set_config(f"portal.{name}", bindparam(name, type_=Text()), True) for name in SETTINGS),
)


def _send_settings(execute: Callable[..., Any], viewer: Viewer) -> None:
    if not execute(_SENDING, viewer.settings()).one()[0]:
        msg = "row-level security does not hold for this database role; run: database prepare"
        raise WallDownError(msg)


@event.listens_for(PortalSession, "after_begin")
def _begin_as_viewer(session: Any, transaction: SessionTransaction, connection: Any) -> None:
    # Savepoints stay inside the settings of their transaction. Before there is a viewer every
    # statement is refused, and the settings end with the transaction that made them.
    if transaction.nested or session.viewer is None:
        return
    _send_settings(connection.execute, session.viewer)


def look_as(session: Session, viewer: Viewer, standing: Standing | None = None) -> None:
    """Let a session look for a viewer, from now on and for all its transactions.

    Args:
        session: has no viewer yet, or this one.
        viewer: who looks.
        standing: in what capacity staff acts, for ``portal.policy.permissions``.

    Raises:
        SecondViewerError: the session looks for another viewer already.

    """
    known = session.info.get("viewer")
    if known is not None and known != viewer:
        raise SecondViewerError
    session.info["viewer"] = viewer
    session.info["standing"] = standing
    if session.in_transaction():
        _send_settings(session.connection().execute, viewer)


def look_as_intake(session: Session, thread_id: uuid.UUID, *, in_own_name: bool) -> None:
    """Let a session write one new thread, whoever it looked for so far.

    Nobody has to sign in to report, and nobody who is signed in is turned away. Call it before
    anything governed was read.

    Args:
        session: with or without a viewer.
        thread_id: of the thread to be written.
        in_own_name: whether who is signed in stays known; else the intake is nobody's.

    """
    before: Viewer | None = session.info.pop("viewer", None)
    capacity = session.info.pop("standing", None)
    if in_own_name and before is not None and before.account_id is not None:
        look_as(session, replace(before, intake_id=thread_id), capacity)
    else:
        look_as(session, Viewer(intake_id=thread_id))


def look_as_glimpse(session: Session, thread_id: uuid.UUID) -> None:
    """Let a session see the newest reply of one thread and nothing else, whoever it looked for.

    Args:
        session: with or without a viewer; call it before anything governed was read.
        thread_id: of which the code was proven, but no secret word.

    """
    session.info.pop("viewer", None)
    session.info.pop("standing", None)
    look_as(session, Viewer(glimpse_id=thread_id))


def standing(session: Session) -> Standing | None:
    """Return in what capacity the session's viewer acts, None for visitors and intakes."""
    known: Standing | None = session.info.get("standing")
    return known


def _goes_around(statement: Any) -> bool:
    """Return whether a statement outside the ORM holds text or names a governed table."""
    return any(
        isinstance(part, AbstractTextClause | TextualSelect)
        or (isinstance(part, TableClause) and part.name in _GOVERNED)
        for part in visitors.iterate(statement)
    )


@event.listens_for(PortalSession, "do_orm_execute")
def _apply_rules(state: ORMExecuteState) -> None:
    session = state.session
    if state.execution_options.get("before_viewer"):
        return
    if not isinstance(session, PortalSession) or session.viewer is None:
        raise NoViewerError
    if is_hot(state.statement):
        return
    if state.is_orm_statement:
        state.statement = state.statement.options(*_SCOPES)
    elif _goes_around(state.statement):
        msg = "governed tables are read through the ORM, which applies their rules"
        raise UnscopedError(msg)


def sanctioned(function: Function[Any]) -> Select[Any]:
    """Return the call of a sanctioned function; built at import for what each request asks."""
    return select(text("*")).select_from(function)


def before_viewer(
    session: Session,
    function: Function[Any] | Select[Any],
    bound: Mapping[str, Any] | None = None,
) -> Any:
    """Call a sanctioned function of the database before there is a viewer.

    Args:
        session: with or without a viewer.
        function: one of ``portal/policy/functions.sql``, none of which returns a text of a case;
            or its call as ``sanctioned`` returns it.
        bound: the values of such a call.

    Returns the result of ``SELECT * FROM function``.
    """
    call = function if isinstance(function, Select) else sanctioned(function)
    return session.execute(call, bound, execution_options={"before_viewer": True})


def managed_references(session: Session, case_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the references of those cases that are shared with the agency the viewer manages."""
    wanted = type_coerce(list(case_ids), ARRAY(Uuid()))
    rows = before_viewer(session, func.managed_references(wanted))
    return {row.case_id: row.reference for row in rows}


# A statement under row-level security takes three times longer to plan than to run, and its plan
# never depends on its values: one plan is kept for each statement of a connection, from its first
# use on (psycopg would otherwise have it planned five times before it keeps one).
CONNECT_ARGS: dict[str, Any] = {
    "options": "-c jit=off -c plan_cache_mode=force_generic_plan",
    "prepare_threshold": 0,
}


# What a statement was sent with is nobody's business who reads a log of errors.
HIDE_PARAMETERS = True


def make_engine(url: str) -> Engine:
    """Return an engine that keeps its statements prepared (reads end with COMMIT)."""
    engine = create_engine(url, connect_args=CONNECT_ARGS, hide_parameters=HIDE_PARAMETERS)
    ask_at_checkout(engine)
    return engine


def ask_at_checkout(engine: Engine) -> None:
    """Let an engine ask each connection of its pool whether it lives before somebody gets it.

    SQLAlchemy's own ``pool_pre_ping`` prepares the empty statement anew each time, which costs two
    round trips and leaves one more prepared statement in the server at every request.
    """

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, _record: Any, _proxy: Any) -> None:
        if connection.pgconn.exec_(b"").status != ExecStatus.EMPTY_QUERY:
            raise DisconnectionError


@contextmanager
def system_session(engine: Engine, *, reason: str) -> Iterator[SystemSession]:
    """Open a session of the system role, commit it at the end, and say in the log why.

    Args:
        engine: connected as portal_system.
        reason: what the work is, for the log.

    """
    log.info("system session", extra={"reason": reason})
    with SystemSession(engine) as session, session.begin():
        yield session


@contextmanager
def outside_transaction(session: Session) -> Iterator[None]:
    """Give the connection back while somebody is asked over the network, and go on afterwards.

    A house that answers slowly then holds a thread of ours but no connection and no snapshot. What
    was read before is not repeated; nothing may have been written yet.
    """
    options = session.connection().get_execution_options()
    isolation = options.get("isolation_level", WRITING)
    if session.new or session.dirty or session.deleted:
        msg = "something was written before the network is asked"
        raise RuntimeError(msg)
    session.rollback()
    try:
        yield
    finally:
        session.connection(execution_options={"isolation_level": isolation})


def _by_id(model: type[Base], *conditions: Any) -> Select[Any]:
    primary = inspect(model).primary_key[0]
    return select(model).where(primary == bindparam("key", type_=primary.type), *conditions)


_BY_ID: dict[type[Base], Select[Any]] = {
    m.Case: hot("a case by its id", _by_id(m.Case)),
    m.Entry: hot("an entry by its id", _by_id(m.Entry)),
}


def find(session: Session, model: type[M], key: uuid.UUID, *conditions: Any) -> M | None:
    """Return the row with this id if the viewer sees it and it fulfils the conditions."""
    known = None if conditions else _BY_ID.get(model)
    found = _by_id(model, *conditions) if known is None else known
    row: M | None = session.scalars(found, {"key": key}).one_or_none()
    return row


def find_visible(session: Session, model: type[M], key: uuid.UUID, *conditions: Any) -> M:
    """Return the row with this id that the viewer sees.

    Raises:
        NotVisibleError: hidden and absent alike.

    """
    row = find(session, model, key, *conditions)
    if row is None:
        raise NotVisibleError
    return row


def lock_grants(session: Session, case_id: uuid.UUID, *, exclusive: bool = False) -> None:
    """Hold the grants of a case until the end of the transaction.

    Posts share the lock; whoever gives, ends or blocks a grant holds it alone. A post that waited
    for a withdrawal therefore finds the grant ended, because its unit is READ COMMITTED.
    """
    session.execute(select(func.lock_grants(case_id, exclusive)))


def lost_against_another(error: BaseException) -> bool:
    """Return whether a failure means that another transaction won: trying again may succeed."""
    origin = getattr(error, "orig", None)
    return isinstance(origin, pg.SerializationFailure | pg.DeadlockDetected)


def run_unit(
    fresh: Callable[[], Session],
    work: Callable[[Session], T],
    *,
    isolation: str = READING,
) -> T:
    """Do one unit of work in one transaction: the work, then COMMIT, then its result.

    Args:
        fresh: gives a new session without viewer.
        work: does everything, audit rows included, and renders its result to bytes.
        isolation: ``READING`` gives one snapshot; ``WRITING`` sees what a lock waited for.

    Raises:
        ConflictError: another unit won ``RETRIES + 1`` times.
        NotVisibleError: a row vanished in mid-request, as after a withdrawal.

    """
    for _ in range(RETRIES + 1):
        session = fresh()
        try:
            session.connection(execution_options={"isolation_level": isolation})
            result = work(session)
            session.commit()
        except (ObjectDeletedError, StaleDataError) as gone:
            session.rollback()
            raise NotVisibleError from gone
        except DBAPIError as error:
            session.rollback()
            if not lost_against_another(error):
                raise
            continue
        except BaseException:
            session.rollback()
            raise
        return result
    raise ConflictError


def is_outage(error: BaseException) -> bool:
    """Return whether the database itself is out of reach."""
    return isinstance(error, OperationalError) and not lost_against_another(error)
