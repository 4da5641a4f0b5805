"""Searching over what one may see: by reference, by codes, by name and ふりがな (domain.md §1).

Names lie sealed, so no database finds them: the projection offers the viewer's own cases, both
walls leave what they leave, and the names among that are opened and compared here. Nothing outside
is touched, so neither result nor time tells of it. What is shown counts as a list in the log;
names that were compared and did not match were shown to nobody.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Select, Text, Uuid, and_, bindparam, literal_column, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import number_of, read_reference
from portal.database import standing
from portal.policy.hot import hot
from portal.policy.permissions import Action, allows, require
from portal.policy.viewer import CLOCK
from portal.policy.visibility import probe
from portal.queries.cases import among, candidates, dressed
from portal.queries.paging import Cursor, Page
from portal.text import fold_kana
from portal.vault import glance

PAGE = 50
# So many of the viewer's newest cases are looked through, and so many items of a desk.
LOOKED_THROUGH = 20_000
# One character would be half of a city.
SHORTEST = 2

_NAMES = ("family_name", "given_name", "kana", "called")
# Between two names, so that no match reaches from one into the next; folding keeps it.
_BETWEEN = "|"


@dataclass(frozen=True)
class Wanted:
    """What is looked for; "" and None where it does not matter.

    ``words`` are a reference, a number or a part of a name; ``status``, ``topic`` and ``urgency``
    are codes, ``school`` is an agency that the case is shared with. The last three are known to the
    owner alone and find nothing for others.
    """

    words: str = ""
    status: str = ""
    topic: str = ""
    urgency: str = ""
    school: uuid.UUID | None = None


@dataclass(frozen=True)
class Consulted:
    """A consultation of the own desk, found by its number."""

    id: uuid.UUID
    number: str
    topic: str
    due_at: dt.datetime


@dataclass(frozen=True)
class Found:
    """A page of cases, and the consultations of that number."""

    cases: Page
    consultations: Sequence[Consulted] = ()


def _narrowed(case: Any) -> Any:
    """Return the conditions of the codes; each holds where its parameter is NULL."""
    status, topic, urgency = (bindparam(name, type_=Text()) for name in ("status", "topic", "now"))
    school = bindparam("school", type_=Uuid())
    about, decided, grant = m.CaseTopic, m.UrgencyDecision, m.Grant
    newest = (
        select(decided.urgency)
        .where(decided.case_id == case.id)
        .order_by(decided.decided_at.desc(), decided.id)
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    shared = select(grant.id).where(
        grant.case_id == case.id,
        grant.agency_id == school,
        grant.valid_from <= CLOCK,
        or_(grant.valid_until.is_(None), grant.valid_until > CLOCK),
        or_(grant.ended_at.is_(None), grant.ended_at > CLOCK),
    )
    told = select(about.id).where(about.case_id == case.id, about.topic == topic)
    return and_(
        or_(status.is_(None), case.status == status),
        or_(topic.is_(None), probe(told)),
        or_(urgency.is_(None), newest == urgency),
        or_(school.is_(None), probe(shared)),
    )


def _by_codes(order: str) -> Select[Any]:
    """Return the statement of the cases that the codes leave, newest first."""
    offered = candidates(order, LOOKED_THROUGH)
    return (
        select(offered.c.case_id, offered.c.at, m.Case.reference, m.Case.status)
        .select_from(offered)
        .join(m.Case, m.Case.id == offered.c.case_id)
        .where(_narrowed(m.Case))
        .order_by(offered.c.at.desc(), offered.c.case_id.desc())
    )


def _by_names(order: str) -> Select[Any]:
    """Return the statement of the people of those cases, with the key that opens their names."""
    person, link, key = m.Person, m.CasePerson, m.PersonKey
    sealed = (getattr(person, f"{name}_sealed") for name in _NAMES)
    found = _by_codes(order)
    return (
        found.add_columns(person.id, *sealed, key.kek_id, key.wrapped)
        .join(link, link.case_id == m.Case.id)
        .join(person, person.id == link.person_id)
        .join(key, key.scope_id == person.id)
    )


# Built once: making a statement anew for each page costs as much as running it.
BY_CODES = {
    order: hot(f"search by codes: {order}", _by_codes(order).limit(literal_column(str(PAGE + 1))))
    for order in ("first", "older")
}
_PEOPLE = {order: hot(f"search by name: {order}", _by_names(order)) for order in ("first", "older")}
OF_REFERENCE = hot(
    "search by reference",
    select(
        m.Case.id.label("case_id"), m.Case.reference, m.Case.status, m.Case.opened_at.label("at")
    ).where(m.Case.reference == bindparam("reference", type_=Text())),
)
_OF_DESK = (
    select(m.InboxItem.id, m.InboxItem.thread_id)
    .order_by(m.InboxItem.received_at.desc(), m.InboxItem.id.desc())
    .limit(literal_column(str(LOOKED_THROUGH)))
)


def search(session: Session, wanted: Wanted, cursor: Cursor | None = None) -> Found:
    """Return what the viewer may see of what is looked for, newest first, fifty at a time.

    Args:
        session: of the viewer.
        wanted: what is looked for; with words shorter than ``SHORTEST`` nothing is found by name.
        cursor: behind which row of an earlier page this one begins; None for the first.

    Raises:
        NotPermittedError: the police and who sees no case never search.

    """
    acting = require(standing(session), Action.LIST_CASES)
    if wanted.words:
        reference = read_reference(wanted.words) or wanted.words.upper()
        exact = session.execute(OF_REFERENCE, {"reference": reference}).all()
        numbered = _on_desk(session, reference) if allows(acting, Action.READ_INBOX) else []
        if exact or numbered:
            return Found(dressed(session, exact, newer=None, older=None), numbered)
    return Found(_page(session, wanted, cursor))


def _page(session: Session, wanted: Wanted, cursor: Cursor | None) -> Page:
    order = "first" if cursor is None else "older"
    bound: dict[str, Any] = {
        "status": wanted.status or None,
        "topic": wanted.topic or None,
        "now": wanted.urgency or None,
        "school": wanted.school,
    }
    if cursor is not None:
        bound |= {"at": cursor.at, "id": cursor.id}
    if wanted.words:
        found = list(islice(_named(session, wanted.words, order, bound), PAGE + 1))
    else:
        found = list(session.execute(BY_CODES[order], bound))
    shown = found[:PAGE]
    return dressed(session, shown, newer=None, older=shown[-1] if len(found) > PAGE else None)


def _named(session: Session, words: str, order: str, bound: dict[str, Any]) -> Iterator[Any]:
    """Yield the rows of cases with a person whose name holds the words, each case once."""
    needle = fold_kana(words)
    if len(needle) < SHORTEST or _BETWEEN in needle:
        return
    last = None
    for row, names in glance(session, m.Person, session.execute(_PEOPLE[order], bound), _NAMES):
        if row.case_id != last and needle in _spelled(names):
            last = row.case_id
            yield row


def _spelled(names: Sequence[str]) -> str:
    """Return all spellings of somebody's name, folded; family and given name also as one."""
    family, given, kana, called = names
    return fold_kana(_BETWEEN.join((f"{family}{given}", kana, called)))


def _on_desk(session: Session, number: str) -> list[Consulted]:
    """Return the consultations of a number on the viewer's desk, and note that they were listed."""
    ids = [row.id for row in session.execute(_OF_DESK) if number_of(row.thread_id) == number]
    if not ids:
        return []
    item, about = m.InboxItem, m.Consultation
    found = session.execute(
        select(item.id, item.thread_id, item.due_at, about.id.label("of"), about.topic)
        .join(about, about.id == item.consultation_id)
        .where(among(item.id, ids))
    ).all()
    record_listed(session, Event.CONSULTATION_LISTED, [row.of for row in found])
    return [Consulted(row.id, number_of(row.thread_id), row.topic, row.due_at) for row in found]


def schools(session: Session) -> list[m.Agency]:
    """Return the schools by which an owner narrows a search, by name."""
    agency = m.Agency
    known = select(agency).where(agency.type.in_(("school", "nursery"))).order_by(agency.name)
    return list(session.scalars(known))
