"""What a viewer sees, table by table: by the ORM's criteria, by row-level security, by the oracle.

A sight maps each question to a set of texts, so that two of them can be compared and their
difference read.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Connection, Select, Uuid, any_, bindparam, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import PortalSession
from portal.policy.past import own_post
from portal.policy.viewer import Viewer
from portal.policy.visibility import managed_grants
from portal.vault import INTERNAL
from portal.vocabulary import SLICES
from portal.world.looking import circles_of, read_by_rule, send_settings
from tests.rules import oracle
from tests.rules.oracle import Record, World

Sight = dict[str, frozenset[str]]
Pair = tuple[str, str]
_IDS = ARRAY(Uuid())


@dataclass(frozen=True)
class Part:
    """The part of the database to look at: some cases and some persons."""

    cases: list[uuid.UUID]
    persons: list[uuid.UUID]

    @classmethod
    def of(cls, world: World) -> Part:
        cases = [uuid.UUID(row["id"]) for row in world["cases"]]
        return cls(cases, [uuid.UUID(row["id"]) for row in world.get("persons", [])])


def pairs(world: World) -> list[Pair]:
    """Every account in each of its agencies, live or not, and one in an agency not its own."""
    found = [
        (account["id"], membership["agency"])
        for account in world["accounts"]
        for membership in account["memberships"]
    ]
    strangers = [
        (account["id"], world["agencies"][0]["id"])
        for account in world["accounts"]
        if all(row["agency"] != world["agencies"][0]["id"] for row in account["memberships"])
    ]
    return list(dict.fromkeys(found + strangers[:1]))


def viewer_of(connection: Connection, pair: Pair) -> Viewer:
    account, agency = map(uuid.UUID, pair)
    return Viewer(account, agency, circles=circles_of(connection, account, agency))


# -- by the walls ---------------------------------------------------------------------------------


def by_orm(
    connection: Connection,
    viewer: Viewer,
    part: Part | None = None,
    make: type[Session] = PortalSession,
    *,
    only: str | None = None,
) -> Sight:
    """Through a session's criteria; in the system role these are the only wall.

    `only` names the one query to make, a key of `_queries`.
    """
    with make(connection) as session:
        session.info["viewer"] = viewer
        return _sight(session.execute, _chosen(_QUERIES_OF_ENTITIES, only), part)


def by_sql(
    connection: Connection, viewer: Viewer, part: Part | None = None, *, only: str | None = None
) -> Sight:
    """By statements on plain tables, which only row-level security filters."""
    send_settings(connection, viewer)
    return _sight(connection.execute, _chosen(_QUERIES_OF_TABLES, only), part)


@dataclass(frozen=True)
class _Query:
    """A query, and the same for one part of the database; built once, since building is dear."""

    whole: Select[Any]
    part: Select[Any]


def _query(select_: Select[Any], column: Any, *names: str) -> _Query:
    ids = [bindparam(name, type_=_IDS) for name in names]
    return _Query(select_, select_.where(or_(*(column == any_(each) for each in ids))))


def _queries(of: Callable[[Any], Any]) -> dict[str, _Query]:
    case, entry, grant = of(m.Case), of(m.Entry), of(m.Grant)
    person, link, spelling = of(m.Person), of(m.CasePerson), of(m.Spelling)
    slice_key, person_key = of(m.SliceKey), of(m.PersonKey)
    access = of(m.CaseAccess)
    entries = select(entry.id, read_by_rule(entry), own_post(entry))
    return {
        "cases": _query(select(case.id), case.id, "cases"),
        "listed": _query(select(access.case_id).distinct(), access.case_id, "cases"),
        "entries": _query(entries, entry.case_id, "cases"),
        "grants": _query(select(grant.id, managed_grants(grant)), grant.case_id, "cases"),
        "case_people": _query(select(link.case_id, link.person_id), link.case_id, "cases"),
        "spellings": _query(
            select(spelling.case_id, spelling.person_id), spelling.case_id, "cases"
        ),
        "persons": _query(select(person.id), person.id, "persons"),
        "slice_keys": _query(
            select(slice_key.scope_id, slice_key.slice), slice_key.scope_id, "cases"
        ),
        "person_keys": _query(select(person_key.scope_id), person_key.scope_id, "persons"),
    }


_QUERIES_OF_ENTITIES = _queries(lambda model: model)
_QUERIES_OF_TABLES = _queries(lambda model: model.__table__.c)


def _rows(execute: Callable[..., Any], query: _Query, part: Part | None) -> Any:
    return execute(query.whole) if part is None else execute(query.part, vars(part))


def _chosen(queries: dict[str, _Query], only: str | None) -> dict[str, _Query]:
    return queries if only is None else {only: queries[only]}


def _sight(execute: Callable[..., Any], queries: dict[str, _Query], part: Part | None) -> Sight:
    return sight_of({name: _rows(execute, query, part).all() for name, query in queries.items()})


def sight_of(rows: dict[str, Any]) -> Sight:
    """Return the sight that the rows of the queries make, by the queries' names."""
    sight = {name: _texts(found) for name, found in rows.items() if name not in _TAKEN_APART}
    if "entries" in rows:
        # A visible entry is one or the other, or the wall shows what no rule names.
        for name, wanted in {
            "entries": lambda read, _: read,
            "own_posts": lambda _, own: own,
            "nameless": lambda read, own: not (read or own),
        }.items():
            sight[name] = frozenset(str(id_) for id_, *why in rows["entries"] if wanted(*why))
    if "grants" in rows:
        sight["grants"] = frozenset(str(id_) for id_, _ in rows["grants"])
        sight["managed_grants"] = frozenset(str(id_) for id_, managed in rows["grants"] if managed)
    return sight


_TAKEN_APART = ("entries", "grants")


def _texts(rows: Iterable[Any]) -> frozenset[str]:
    return frozenset(" ".join(map(str, row)) for row in rows)


# -- by the oracle --------------------------------------------------------------------------------


def by_oracle(world: World, pair: Pair, at: str) -> Sight:
    """What the rule of domain.md §4 says, and what follows from it for people and keys."""
    seen = oracle.visible(world, *pair, at)
    people = frozenset(_people(world, pair, at))
    persons = frozenset(text.split()[1] for text in people)
    own = frozenset(seen["own_posts"])
    return {
        "cases": frozenset(seen["cases"]),
        # The projection that drives the lists offers exactly the cases that are seen.
        "listed": frozenset(seen["cases"]),
        "entries": frozenset(seen["entries"]),
        "own_posts": own,
        "nameless": frozenset(),
        "grants": frozenset(_grants(world, pair, at)),
        "managed_grants": frozenset(seen["managed_grants"]),
        "case_people": people,
        # Who is found by name is who is seen.
        "spellings": people,
        "persons": persons,
        "slice_keys": frozenset(_slice_keys(world, pair, at, own)),
        "person_keys": persons,
    }


def _within(world: World, pair: Pair, at: str) -> Iterator[tuple[Record, oracle.Viewer]]:
    t = oracle.instant(at)
    viewer = oracle.viewer_of(world, *pair, t)
    for case in world["cases"]:
        if viewer is not None and oracle._within_reach(case, viewer, t):
            yield case, viewer


def subjects(case: Record) -> list[str]:
    """The child and whoever an entry or a grant is about: the people of a case."""
    named = [row["subject"] for key in ("entries", "grants") for row in case.get(key, [])]
    return [person for person in dict.fromkeys([case["child"], *named]) if person != "*"]


def _grants(world: World, pair: Pair, at: str) -> Iterator[str]:
    """The owner sees every grant of its case, a manager and a reader the live ones to them."""
    t = oracle.instant(at)
    for case, viewer in _within(world, pair, at):
        for grant in case.get("grants", []):
            if (
                oracle._owner_sees(case, viewer, None)
                or oracle._managed(case, grant, viewer, t)
                or oracle._grant_shows_case(case, grant, viewer, t)
            ):
                yield grant["id"]


def _people(world: World, pair: Pair, at: str) -> Iterator[str]:
    """A person of a case is seen as an entry of the slice ``basic`` about that person would be."""
    t = oracle.instant(at)
    for case, viewer in _within(world, pair, at):
        for person in subjects(case):
            if oracle._shown(case, viewer, t, "basic", person):
                yield f"{case['id']} {person}"


def _slice_keys(world: World, pair: Pair, at: str, own: frozenset[str]) -> Iterator[str]:
    """A key is read where something in its slice could be, or where an own post is."""
    t = oracle.instant(at)
    for case, viewer in _within(world, pair, at):
        mine = {entry["slice"] for entry in case.get("entries", []) if entry["id"] in own}
        for slice_ in SLICES:
            opened = any(
                oracle._shown(case, viewer, t, slice_, person) for person in subjects(case)
            )
            if opened or slice_ in mine:
                yield f"{case['id']} {slice_}"
        if oracle._owner_sees(case, viewer, None):
            yield f"{case['id']} {INTERNAL}"


def differences(seen: Sight, expected: Sight) -> list[str]:
    """How a sight differs from the expected one, row by row."""
    return [
        f"{name}: {'shows' if row in seen[name] else 'hides'} {row}"
        for name in seen
        for row in sorted(seen[name] ^ expected[name])
    ]
