"""Cases that may be about the same child, side by side with what was said of it (domain.md §2).

Only over what the viewer sees: a case from which somebody is excluded is none here either. Whether
it is the same child is decided by nobody but a person.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record_listed
from portal.policy.permissions import SCHOOLS
from portal.policy.visibility import live_grant
from portal.queries.cases import among
from portal.queries.search import SHORTEST, Wanted, search, spelled_like
from portal.text import fold_kana
from portal.vault import BETWEEN_SPELLINGS, fetch_keys, reveal

# Nobody compares more of them side by side.
MOST = 10


@dataclass(frozen=True)
class Alike:
    """The child of a case to compare with; "" where nobody knows.

    ``same`` names what agrees: ``name``, ``kana``, ``birth_date``.
    """

    case_id: uuid.UUID
    reference: str
    status: str
    opened_at: dt.datetime
    name: str
    kana: str
    called: str
    birth_date: str
    schools: tuple[str, ...]
    same: frozenset[str] = frozenset()


def alike(session: Session, child: Mapping[str, str], birth_date: str | None) -> list[Alike]:
    """Return the viewer's cases whose child may be this one, newest first, at most ``MOST``.

    May be means: the whole name or the whole ふりがな is the same in any spelling, or the given
    name's ふりがな and the date of birth are.

    Args:
        session: of somebody of the centre.
        child: ``family_name``, ``given_name`` and ``kana``; "" where nobody knows.
        birth_date: as YYYY-MM-DD, or None.

    """
    name, kana = fold_kana(child["family_name"] + child["given_name"]), fold_kana(child["kana"])
    given = fold_kana((child["kana"].split() or [""])[-1]) if birth_date else ""
    needles = [word for word in (name, kana, given) if _tells(word)]
    found = []
    for other in _children(session, spelled_like(session, needles)):
        theirs = fold_kana(other.kana)
        agreeing = {
            "name": name and name == fold_kana(other.name),
            "kana": kana and kana == theirs,
            "birth_date": birth_date and birth_date == other.birth_date,
        }
        same = frozenset(what for what, agrees in agreeing.items() if agrees)
        if same - {"birth_date"} or (same and given and theirs.endswith(given)):
            found.append(replace(other, same=same))
    return _listed(session, found)


def of_words(session: Session, words: str) -> list[Alike]:
    """Return the viewer's cases of a reference or of a part of a name, at most ``MOST``."""
    rows = search(session, Wanted(words=words)).cases.rows
    return _children(session, [row.id for row in rows[:MOST]])


def one(session: Session, case: m.Case) -> Alike:
    """Return the child of a case that the viewer sees, to compare with."""
    (found,) = _listed(session, _children(session, [case.id]))
    return found


def _tells(word: str) -> bool:
    return len(word) >= SHORTEST and BETWEEN_SPELLINGS not in word


def _children(session: Session, case_ids: Sequence[uuid.UUID]) -> list[Alike]:
    """Return the children of some cases, in their order."""
    case, link, person = m.Case, m.CasePerson, m.Person
    rows = session.execute(
        select(case, person)
        .join(link, link.case_id == case.id)
        .join(person, person.id == link.person_id)
        .where(among(case.id, case_ids), link.is_child)
    ).all()
    fetch_keys(session, [row.Person for row in rows])
    schools = _schools(session, case_ids)
    known = {row.Case.id: _child(session, row.Case, row.Person, schools) for row in rows}
    return [known[id_] for id_ in case_ids if id_ in known]


def _child(
    session: Session, case: m.Case, person: m.Person, schools: Mapping[uuid.UUID, tuple[str, ...]]
) -> Alike:
    family, given, kana, called, birth_date = (
        reveal(session, person, name)
        for name in ("family_name", "given_name", "kana", "called", "birth_date")
    )
    return Alike(
        case.id,
        case.reference,
        case.status,
        case.opened_at,
        f"{family} {given}".strip(),
        kana,
        called,
        birth_date,
        schools.get(case.id, ()),
    )


def _schools(
    session: Session, case_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, tuple[str, ...]]:
    """Return the names of the schools that each case is shared with now."""
    grant, agency = m.Grant, m.Agency
    rows = session.execute(
        select(grant.case_id, agency.name)
        .join(agency, agency.id == grant.agency_id)
        .where(among(grant.case_id, case_ids), live_grant(grant), agency.type.in_(SCHOOLS))
        .distinct()
        .order_by(agency.name)
    ).all()
    found: dict[uuid.UUID, tuple[str, ...]] = {}
    for case_id, name in rows:
        found[case_id] = (*found.get(case_id, ()), name)
    return found


def _listed(session: Session, found: Sequence[Alike]) -> list[Alike]:
    """Return the first of them, and note in the log that they were shown."""
    shown = list(found[:MOST])
    record_listed(session, Event.CASE_LISTED, [each.case_id for each in shown])
    return shown
