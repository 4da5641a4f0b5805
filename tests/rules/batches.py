"""Looking for many viewers at once: a function of the database asks the questions for each of them.

It has the very statements that `sight` sends, criteria applied, and runs with the rights of its
caller; only the way to and fro is spared, which is most of the time that a small world takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from portal import database
from portal.policy.rls import APP, SYSTEM
from portal.policy.viewer import SETTINGS
from tests.rules.sight import (
    _QUERIES_OF_ENTITIES,
    _QUERIES_OF_TABLES,
    Pair,
    Part,
    Sight,
    sight_of,
    viewer_of,
)

# By wall: the role that asks, and the function that it calls. Each has its own, for the database
# would plan all the statements anew whenever another role called the same one.
WALLS = {
    "the ORM's criteria alone": (SYSTEM, "looked_by_criteria"),
    "row-level security alone": (APP, "looked_by_policies"),
    "both walls": (APP, "looked_by_both"),
}
_PART = ("cases", "persons")
# A statement's parameter with its type: %(cases)s::UUID[]
_PARAMETER = re.compile(r"%\(([^)]+)\)s")


def _text(statement: Select[Any]) -> str:
    """Return a statement as SQL in which the part to look at is the function's parameters."""
    compiled = statement.compile(dialect=PGDialect_psycopg())

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        return f"p_{name}" if name in _PART else _quoted(compiled.params[name])

    return _PARAMETER.sub(value, str(compiled)).replace("%%", "%")


def _quoted(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _function(name: str, statements: Mapping[str, Select[Any]]) -> str:
    """Return the function that asks every question for each viewer and gives the rows as JSON."""
    settings = ", ".join(f"set_config('portal.{name}', s.{name}, true)" for name in SETTINGS)
    asked = "\n".join(_asked(question, each) for question, each in statements.items())
    names = ", ".join(f"{setting} text" for setting in SETTINGS)
    return f"""CREATE FUNCTION {name}(p_viewers jsonb, p_cases uuid[], p_persons uuid[])
RETURNS TABLE (viewer bigint, question text, answer json) LANGUAGE plpgsql AS $$
DECLARE
    s record;
BEGIN
    FOR s IN SELECT * FROM jsonb_to_recordset(p_viewers)
        AS v (number bigint, {names})
    LOOP
        viewer := s.number;
        PERFORM {settings};
{asked}
    END LOOP;
END $$"""  # noqa: S608 - as above


def _asked(question: str, statement: Select[Any]) -> str:
    rows = f"({_text(statement)}) AS r ({_columns(statement)})"
    return f"""
        question := '{question}';
        SELECT coalesce(json_agg(json_build_array({_columns(statement)})), '[]')
        INTO answer FROM {rows};
        RETURN NEXT;"""  # noqa: S608 - the statements of the walls


def _columns(statement: Select[Any]) -> str:
    return ", ".join(f"c{number}" for number in range(len(statement.selected_columns)))


def _by_criteria(scopes: Sequence[Any]) -> dict[str, Select[Any]]:
    return {name: query.part.options(*scopes) for name, query in _QUERIES_OF_ENTITIES.items()}


def looked_by_criteria(scopes: Sequence[Any]) -> str:
    """Return the function that looks by other criteria than the session's."""
    return _function(WALLS["the ORM's criteria alone"][1], _by_criteria(scopes))


def prepare(owner: Connection) -> None:
    """Put the ways of asking into a database."""
    by_orm = _by_criteria(database._SCOPES)
    by_sql = {name: query.part for name, query in _QUERIES_OF_TABLES.items()}
    for name, statements in (
        ("looked_by_criteria", by_orm),
        ("looked_by_policies", by_sql),
        ("looked_by_both", by_orm),
    ):
        owner.exec_driver_sql(_function(name, statements))


def look(
    connection: Connection, wall: str, viewers: Iterable[Pair], part: Part
) -> dict[Pair, Sight]:
    """Return what each viewer sees of a part through a wall, whose role the connection has."""
    _role, function = WALLS[wall]
    asked = list(viewers)
    settings = [
        {"number": number, **viewer_of(connection, pair).settings()}
        for number, pair in enumerate(asked)
    ]
    rows = connection.exec_driver_sql(
        f"SELECT viewer, question, answer FROM {function}(%s, %s, %s)",  # noqa: S608 - one of ours
        (Jsonb(settings), part.cases, part.persons),
    )
    answers: dict[int, dict[str, Any]] = {number: {} for number in range(len(asked))}
    for viewer, question, answer in rows:
        answers[viewer][question] = answer
    return {pair: sight_of(answers[number]) for number, pair in enumerate(asked)}
