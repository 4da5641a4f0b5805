"""Everybody reads and writes exactly the rows that domain.md says, in the tables without worlds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Table, select, update

from portal import models as m
from portal.database import PortalSession
from portal.embedded import APP, SYSTEM
from portal.policy.visibility import VISIBLE
from portal.policy.writing import WRITABLE
from portal.world.looking import send_settings
from tests.conftest import Database
from tests.rules.everybody import EVERYBODY, Everything, Row, Who, built
from tests.rules.reads import READS
from tests.rules.writes import INSERTS, UPDATES, made

# What the random worlds are for.
OF_WORLDS = {m.Case, m.CasePerson, m.Person, m.PersonKey, m.Spelling}


@dataclass
class Stage:
    """A database with everything in it, and what is in it."""

    database: Database
    every: Everything
    _right: dict[type[m.Base], dict[str, set[Any]]] = field(default_factory=dict)

    def right(self, model: type[m.Base]) -> dict[str, set[Any]]:
        """Return the keys of the rows that each person may read."""
        if model not in self._right:
            rows, reads = self.every.rows[model], READS[model]
            self._right[model] = {
                who.name: {named(model, row) for row in rows if reads(self.every, who, row)}
                for who in EVERYBODY
            }
        return self._right[model]


@pytest.fixture(scope="session")
def stage(clone: Callable[[], Database]) -> Stage:
    database = clone()
    every = built(database)
    with database.owner.begin() as connection:
        connection.exec_driver_sql(_REFUSED)
        connection.exec_driver_sql("GRANT EXECUTE ON FUNCTION refused TO portal_app")
    return Stage(database, every)


_REFUSED = """CREATE FUNCTION refused(p_table text, p_columns text, p_rows jsonb)
RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE
    new_row jsonb;
    found boolean[] := '{}';
BEGIN
    FOR new_row IN SELECT value FROM jsonb_array_elements(p_rows) LOOP
        BEGIN
            EXECUTE format(
                'INSERT INTO %%1$I (%%2$s)'
                ' SELECT %%2$s FROM jsonb_populate_record(NULL::%%1$I, $1)',
                p_table, p_columns
            ) USING new_row;
            RAISE EXCEPTION 'undone' USING ERRCODE = 'PT001';
        EXCEPTION
            WHEN insufficient_privilege THEN found := found || true;
            WHEN integrity_constraint_violation OR SQLSTATE 'PT001' THEN found := found || false;
        END;
    END LOOP;
    RETURN found;
END $$"""


def keys(model: type[m.Base]) -> list[Any]:
    """Return the columns that name a row."""
    return list(cast("Table", model.__table__).primary_key.columns)


def named(model: type[m.Base], row: Row) -> tuple[Any, ...]:
    """Return what a row is named by."""
    return tuple(getattr(row, column.name) for column in keys(model))


def by_policies(connection: Connection, who: Who, model: type[m.Base]) -> set[Any]:
    send_settings(connection, who.viewer)
    return set(map(tuple, connection.execute(select(*keys(model)))))


def by_criteria(connection: Connection, who: Who, model: type[m.Base]) -> set[Any]:
    with PortalSession(connection) as session:
        session.info["viewer"] = who.viewer
        of = model.__mapper__.get_property_by_column
        columns = [of(column).class_attribute for column in keys(model)]
        return set(map(tuple, session.execute(select(*columns))))


WALLS = {"policies": (APP, by_policies), "criteria": (SYSTEM, by_criteria)}


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("model", READS, ids=lambda model: model.__tablename__)
def test_everybody_reads_the_rows_that_are_for_them_and_no_other(
    stage: Stage, model: type[m.Base], wall: str
) -> None:
    role, look = WALLS[wall]
    rows, right, wrong = stage.every.rows[model], stage.right(model), []
    with stage.database.engine(role).connect() as connection:
        for who in EVERYBODY:
            seen = look(connection, who, model)
            wrong += [
                (who.name, "is shown" if named(model, row) in seen else "is not shown", vars(row))
                for row in rows
                if named(model, row) in seen ^ right[who.name]
            ]
            connection.rollback()
    assert not wrong, wrong[:4]
    # The control: somebody sees something, and not everybody everything.
    assert 0 < sum(map(len, right.values())) < len(rows) * len(EVERYBODY)


def test_no_table_is_left_out() -> None:
    assert READS.keys() | OF_WORLDS == VISIBLE.keys()
    assert not READS.keys() & OF_WORLDS


# -- writing ---------------------------------------------------------------------------------------


def refused(connection: Connection, model: type[m.Base], rows: list[Row]) -> list[bool]:
    """Return which of new rows the wall refuses; what constraints say comes after it."""
    asked = json.dumps([vars(row) for row in rows], default=_as_json)
    columns = ", ".join(vars(rows[0]))
    # Said in the statement for whoever listens to what is asked.
    tried = f"/* INSERT INTO {model.__tablename__} */ SELECT refused(%s, %s, %s)"
    found = connection.exec_driver_sql(tried, (model.__tablename__, columns, asked))
    answer: list[bool] = found.scalar_one()
    return answer


def _as_json(value: Any) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("model", INSERTS, ids=lambda model: model.__tablename__)
def test_everybody_writes_new_rows_that_are_theirs_to_write_and_no_other(
    stage: Stage, model: type[m.Base]
) -> None:
    tried, may = INSERTS[model]
    values, wrong, counted = list(tried(stage.every)), [], Counter[bool]()
    with stage.database.app.connect() as connection:
        for who in EVERYBODY:
            rows = [made(model, each, who) for each in values]
            right = [may(stage.every, who, row) for row in rows]
            send_settings(connection, who.viewer)
            found = refused(connection, model, rows)
            wrong += [
                (who.name, "is refused" if no else "is let", vars(row))
                for row, yes, no in zip(rows, right, found, strict=True)
                if yes == no
            ]
            counted.update(right)
            connection.rollback()
    assert not wrong, wrong[:4]
    assert counted[True]
    assert counted[False]


@pytest.mark.parametrize("model", UPDATES, ids=lambda model: model.__tablename__)
def test_everybody_changes_the_rows_that_are_theirs_to_change_and_no_other(
    stage: Stage, model: type[m.Base]
) -> None:
    rows, table = stage.every.rows[model], cast("Table", model.__table__)
    (column, *_) = WRITABLE[model].columns
    change = update(table).values({column: table.c[column]}).returning(*keys(model))
    wrong, counted = [], 0
    with stage.database.app.connect() as connection:
        for who in EVERYBODY:
            seen = by_policies(connection, who, model)
            right = {
                named(model, row)
                for row in rows
                if named(model, row) in seen and UPDATES[model](stage.every, who, row)
            }
            changed = set(map(tuple, connection.execute(change)))
            wrong += [
                (who.name, "changes" if named(model, row) in changed else "cannot", vars(row))
                for row in rows
                if named(model, row) in changed ^ right
            ]
            counted += len(right)
            connection.rollback()
    assert not wrong, wrong[:4]
    assert 0 < counted < len(rows) * len(EVERYBODY)


def test_whatever_is_written_is_tried() -> None:
    assert INSERTS.keys() == {model for model, rule in WRITABLE.items() if rule.insert}
    assert UPDATES.keys() == {model for model, rule in WRITABLE.items() if rule.update}
