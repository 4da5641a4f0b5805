"""Statements of the busiest pages, built once at import, which row-level security alone filters.

Both walls ask the same rules. Adding the criteria to a statement at each execution costs more than
running it, and the database then answers every rule twice (prototype.md §5). A statement that is
registered here goes without the criteria, and says itself what the projection ``case_access`` needs
for its plan. It is one of a closed list: it is known by being the very object that was registered,
so no option makes a hot statement of another one; and a sweep runs each of them and compares what
it shows with what the criteria show (``tests/rules/test_hot.py``).
"""

from typing import Any, TypeVar

S = TypeVar("S")

HOT: dict[str, Any] = {}
_KNOWN: dict[int, Any] = {}
# Those that give columns and make no object.
_OF_COLUMNS: dict[int, Any] = {}


def hot(name: str, statement: S) -> S:
    """Register a statement at import, and return it.

    Args:
        name: what it reads; one statement a name.
        statement: whole, with its values as bound parameters.

    Raises:
        ValueError: the name is taken.

    """
    if name in HOT:
        msg = f"there is a hot statement {name!r} already"
        raise ValueError(msg)
    HOT[name] = _KNOWN[id(statement)] = statement
    described: Any = statement
    # Of a column it is a type of SQL, of an entity its class.
    if not any(isinstance(each["type"], type) for each in described.column_descriptions):
        _OF_COLUMNS[id(statement)] = statement
    return statement


def is_hot(statement: object) -> bool:
    """Return whether this very object was registered."""
    return _KNOWN.get(id(statement)) is statement


def is_of_columns(statement: object) -> bool:
    """Return whether this very object was registered and gives columns alone."""
    return _OF_COLUMNS.get(id(statement)) is statement


__all__ = ["HOT", "hot", "is_hot", "is_of_columns"]
