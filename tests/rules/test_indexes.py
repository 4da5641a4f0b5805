"""What is read by its case is found by an index, however many cases there are.

The cities that the bench makes hold few kinds of rows, and a table that nobody filled is read whole
for nothing. That an index is missing shows in the schema, long before a city has grown.
"""

from collections.abc import Iterable

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint, Uuid

from portal.models import Base
from portal.models.base import OfCase

# Rows of a case that are read by what they belong to within it.
READ_BY = {
    "action_events": "action_id",
    "advices": "brief_id",
    "brief_parties": "brief_id",
    "conflict_declarations": "brief_id",
    "consent_items": "consent_id",
    "retractions": "entry_id",
}


def tables_of_cases() -> list[Table]:
    mappers = [each for each in Base.registry.mappers if issubclass(each.class_, OfCase)]
    return sorted((each.local_table for each in mappers), key=lambda table: table.name)  # type: ignore[attr-defined]


def led_by(table: Table) -> set[str]:
    """Return the columns with which a whole index or a unique key of a table begins."""
    whole = [each for each in table.indexes if each.dialect_options["postgresql"]["where"] is None]
    firsts = [next(iter(each.expressions)) for each in whole]
    keys = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    firsts += [next(iter(each.columns)) for each in keys]
    return {each.name for each in firsts if isinstance(each, Column)}


def read_whole(tables: Iterable[Table]) -> list[str]:
    return [each.name for each in tables if READ_BY.get(each.name, "case_id") not in led_by(each)]


def test_no_table_is_read_whole_for_the_rows_of_one_case() -> None:
    tables = tables_of_cases()
    assert len(tables) > 25
    assert {each.name for each in tables} >= READ_BY.keys()
    assert read_whole(tables) == []


def test_a_table_without_such_an_index_is_found() -> None:
    columns = (Column("id", Uuid), Column("case_id", Uuid))
    assert read_whole([Table("bare", MetaData(), *columns)]) == ["bare"]
    columns = (Column("id", Uuid), Column("case_id", Uuid))
    index = Index("ix_found_case", "case_id")
    assert read_whole([Table("found", MetaData(), *columns, index)]) == []
