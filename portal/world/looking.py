"""Who sees what, asked of both walls: the command ``policy visible``.

The two walls are asked apart. The ORM's criteria alone, as the system role, to which row-level
security shows everything; row-level security alone, by statements that no criterion touches, as
the web's role; and both together, as the web does it. Three different answers are a bug, and are
refused rather than printed.

Another instant than now is asked for in a transaction of the schema's owner, a member of both
roles, which replaces ``portal_clock()`` and is rolled back: no stored setting can ever move the
clock of the portal (docs/decisions/0001-the-policy-mechanism.md).
"""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, or_, select, text
from sqlalchemy.sql.elements import ColumnElement

from portal import models as m
from portal.database import PortalSession, look_as
from portal.policy.past import own_post
from portal.policy.rls import APP, SYSTEM
from portal.policy.viewer import Viewer
from portal.policy.visibility import by_grant, by_owner, managed_grants
from portal.world.checking import checked_instant
from portal.world.shape import JST

CLOCK_AT = """CREATE OR REPLACE FUNCTION portal_clock() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT '{instant}'::timestamptz $$"""


class WallsDisagree(RuntimeError):
    """The two walls, or the projection that drives the lists, do not show the same rows."""


@dataclass(frozen=True)
class Sight:
    """What one viewer sees: sorted ids as texts (domain.md §4, "The rule, exactly")."""

    cases: tuple[str, ...]
    entries: tuple[str, ...]
    managed_grants: tuple[str, ...]
    own_posts: tuple[str, ...]


def visible_to(
    engine: Engine, account: uuid.UUID, agency: uuid.UUID, at: str | None = None
) -> dict[str, Any]:
    """Return what one account sees acting for one agency, as ``policy visible`` prints it.

    Args:
        engine: connected as portal_owner.
        account, agency: the viewer; no membership of the two is an empty answer.
        at: an ISO 8601 instant with an offset, echoed in the answer; None for now.

    Raises:
        WorldRefused: ``at`` is no such instant.
        WallsDisagree: the walls show different rows; or, for now, the projection does.

    """
    with standing_at(engine, at) as connection:
        return _answer(connection, account, agency, at)


def all_lines(engine: Engine, at: str | None = None) -> list[str]:
    """Return one line for each membership that is live at the instant, in recorded order.

    Args and errors as for ``visible_to``.
    """
    with standing_at(engine, at) as connection:
        return [
            line(_answer(connection, account, agency, at))
            for account, agency in _acting(connection)
        ]


def line(answer: dict[str, Any]) -> str:
    """Return an answer of ``visible_to`` as the line that the command prints."""
    return json.dumps(answer, ensure_ascii=False, sort_keys=True)


@contextmanager
def standing_at(engine: Engine, at: str | None) -> Iterator[Connection]:
    """Open one snapshot whose clock stands at an instant, and roll it back at the end."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin() as transaction:
            if at is not None:
                set_clock(connection, checked_instant("at", at))
            yield connection
            transaction.rollback()


def set_clock(connection: Connection, instant: dt.datetime) -> None:
    """Let ``portal_clock()`` stand at an instant for the rest of a transaction of the owner."""
    connection.exec_driver_sql(CLOCK_AT.format(instant=instant.isoformat()))


def _acting(connection: Connection) -> list[tuple[uuid.UUID, uuid.UUID]]:
    account, membership = m.Account.__table__, m.Membership.__table__
    clock = func.portal_clock()
    rows = connection.execute(
        select(membership.c.account_id, membership.c.agency_id)
        .join(account, account.c.id == membership.c.account_id)
        .where(
            membership.c.valid_from <= clock,
            or_(membership.c.valid_until.is_(None), clock < membership.c.valid_until),
        )
        .order_by(account.c.recorded_at, account.c.id, membership.c.recorded_at, membership.c.id)
    )
    return [(account_id, agency_id) for account_id, agency_id in rows]


def circles_of(
    connection: Connection, account: uuid.UUID, agency: uuid.UUID
) -> tuple[uuid.UUID, ...]:
    """Return the viewer's circles, as ``session_by_token`` computes them for a request."""
    team, member = m.Team.__table__, m.TeamMember.__table__
    clock = func.portal_clock()
    teams = connection.scalars(
        select(team.c.id)
        .join(member, member.c.team_id == team.c.id)
        .where(
            team.c.agency_id == agency,
            member.c.account_id == account,
            member.c.valid_from <= clock,
            or_(member.c.valid_until.is_(None), clock < member.c.valid_until),
        )
    )
    return (agency, account, *teams)


def _answer(
    connection: Connection, account: uuid.UUID, agency: uuid.UUID, at: str | None
) -> dict[str, Any]:
    viewer = Viewer(account, agency, circles=circles_of(connection, account, agency))
    sights = {
        "the ORM's criteria": look_through(connection, SYSTEM, viewer, by_criteria),
        "row-level security": look_through(connection, APP, viewer, by_row_security),
        "both walls": look_through(connection, APP, viewer, by_criteria),
    }
    if len(set(sights.values())) > 1:
        raise WallsDisagree(f"as {account} for {agency}: {sights}")
    sight = sights["both walls"]
    if at is None:
        listed = look_through(connection, APP, viewer, by_projection)
        if listed != sight.cases:
            raise WallsDisagree(f"as {account} for {agency}: {sight.cases}, but lists {listed}")
        at = connection.scalars(select(func.now())).one().astimezone(JST).isoformat()
    lists = {name: list(ids) for name, ids in asdict(sight).items()}
    return {"account": str(account), "agency": str(agency), "at": at, **lists}


Execute = Callable[[Select[Any]], Any]


def look_through(
    connection: Connection, role: str, viewer: Viewer, how: Callable[[Connection, Viewer], Any]
) -> Any:
    """Return what ``how`` sees in a database role, and come back to the connection's own role."""
    connection.execute(text(f"SET LOCAL ROLE {role}"))
    try:
        return how(connection, viewer)
    finally:
        connection.execute(text("RESET ROLE"))


def by_criteria(connection: Connection, viewer: Viewer) -> Sight:
    """Look through the ORM, whose session applies the rules to every query."""
    with PortalSession(connection) as session:
        look_as(session, viewer)
        return _sight(session.execute, m.Case, m.Entry, m.Grant)


def by_row_security(connection: Connection, viewer: Viewer) -> Sight:
    """Look by statements on plain tables, which only row-level security filters."""
    send_settings(connection, viewer)
    return _sight(
        connection.execute,
        m.Case.__table__.c,
        m.Entry.__table__.c,
        m.Grant.__table__.c,
    )


def by_projection(connection: Connection, viewer: Viewer) -> tuple[str, ...]:
    """Return the cases that the lists would offer, through the policy of the projection."""
    send_settings(connection, viewer)
    access = m.CaseAccess.__table__.c
    return _ids(connection.scalars(select(access.case_id).distinct()))


def send_settings(connection: Connection, viewer: Viewer) -> None:
    """Set the viewer in the connection's transaction, without a session."""
    calls = [
        func.set_config(f"portal.{name}", value, True) for name, value in viewer.settings().items()
    ]
    connection.execute(select(*calls))


def _ids(keys: Any) -> tuple[str, ...]:
    return tuple(sorted(str(key) for key in keys))


def read_by_rule(entry: Any) -> ColumnElement[bool]:
    """Return whether rule 4 or 5 opens a visible entry."""
    return or_(by_owner(entry), by_grant(entry))


def _sight(execute: Execute, case: Any, entry: Any, grant: Any) -> Sight:
    entries = execute(select(entry.id, read_by_rule(entry), own_post(entry))).all()
    return Sight(
        cases=_ids(execute(select(case.id)).scalars()),
        entries=_ids(key for key, read, _ in entries if read),
        managed_grants=_ids(execute(select(grant.id).where(managed_grants(grant))).scalars()),
        own_posts=_ids(key for key, _, own in entries if own),
    )
