"""Who may do and see what, by role: the table that the guard itself asks, on a page."""

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.administration import bp, words
from portal.auth import permits
from portal.policy.permissions import (
    ADMINISTRATOR,
    AUDITOR,
    Action,
    Sight,
    deeds_of,
    roles_of,
    sight_of,
    takes_two,
)
from portal.vocabulary import codes

_ANYWHERE = (ADMINISTRATOR, AUDITOR)


@dataclass(frozen=True)
class Column:
    """A role in a table of roles: what it may do and see, and whether it takes two people."""

    role: str
    deeds: tuple[Action, ...]
    sights: tuple[Sight, ...]
    takes_two: bool


@dataclass(frozen=True)
class RoleTable:
    """The roles of some types of agency that have the same ones, and the deeds any of them has."""

    types: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def deeds(self) -> list[Action]:
        """Return the deeds that at least one of the roles has, in their order."""
        return sorted({deed for column in self.columns for deed in column.deeds})


@bp.get("/roles")
@permits(Action.KEEP_STAFF)
def roles() -> ResponseReturnValue:
    """Show role by deed, and what each role sees."""
    return render_template(
        "administration/roles.html",
        tables=_tables(),
        anywhere=_table(("mayor_department",), _ANYWHERE),
        manager=_of_managers(),
        words=words,
    )


def _tables() -> list[RoleTable]:
    """Return a table for each kind of agency that has people of its own, alike ones together."""
    alike: dict[tuple[Column, ...], list[str]] = {}
    for agency_type in codes("org_type"):
        own = tuple(role for role in roles_of(agency_type) if role not in _ANYWHERE)
        if own:
            alike.setdefault(_table((agency_type,), own).columns, []).append(agency_type)
    return [RoleTable(tuple(types), columns) for columns, types in alike.items()]


def _table(types: tuple[str, ...], some: tuple[str, ...]) -> RoleTable:
    columns = tuple(
        Column(role, deeds_of(types[0], role), sight_of(types[0], role), takes_two(types[0], role))
        for role in some
    )
    return RoleTable(types, columns)


def _of_managers() -> Column:
    """Return what the manager's flag adds to a role that has it."""
    agency_type, role = "school", "school_principal"
    deeds = deeds_of(agency_type, role, manager=True)
    sights = sight_of(agency_type, role, manager=True)
    return Column(
        role,
        tuple(deed for deed in deeds if deed not in deeds_of(agency_type, role)),
        tuple(what for what in sights if what not in sight_of(agency_type, role)),
        takes_two(agency_type, role, manager=True),
    )
