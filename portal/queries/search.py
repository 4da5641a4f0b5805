"""Searching over what one may see: by reference, by codes, by name and ふりがな (domain.md §1).

Names lie sealed, so no database finds them: the projection offers the viewer's own cases in the
order of the list, the walls leave what they leave, and the spellings of these are opened and
compared here (decision 4). Nothing outside is touched, so neither result nor time tells of it. What
is shown counts as a list in the log; names that were compared and did not match were shown to
nobody.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import number_of, read_reference
from portal.database import standing
from portal.policy.hot import hot
from portal.policy.permissions import Action, allows, require
from portal.policy.viewer import CIRCLES
from portal.policy.visibility import case_access, live_grant, probe
from portal.queries.cases import among, candidates, dressed
from portal.queries.paging import Cursor, Page, beyond, directed
from portal.text import fold_kana
from portal.vault import BETWEEN_SPELLINGS, holding

PAGE = 50
# So many cases are looked through, and so many items of a desk.
LOOKED_THROUGH = 20_000
# A search takes as many of the newest cases as a page has, and where these do not fill it looks
# through more: a statement each time.
LOOKS = (PAGE + 1, 2_000 - (PAGE + 1), LOOKED_THROUGH - 2_000)
# One character would be half of a city.
SHORTEST = 2
_NO_CODES: Mapping[str, str | None] = MappingProxyType(dict.fromkeys(("status", "topic", "now")))


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
    """A page of cases, and the consultations of that number.

    ``looked_through`` is there where the viewer sees more cases than one search looks through: how
    many it looked through. The page's older neighbour is then the rest of the search.
    """

    cases: Page
    consultations: Sequence[Consulted] = ()
    looked_through: int | None = None


class _Match(NamedTuple):
    case_id: uuid.UUID
    at: dt.datetime
    reference: str
    status: str


def _narrowed(case: Any) -> Any:
    """Return the conditions of the codes; each holds where its parameter is NULL."""
    status, topic, urgency = (bindparam(name, type_=Text()) for name in ("status", "topic", "now"))
    about, decided = m.CaseTopic, m.UrgencyDecision
    newest = (
        select(decided.urgency)
        .where(decided.case_id == case.id)
        .order_by(decided.decided_at.desc(), decided.id)
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    told = select(about.id).where(about.case_id == case.id, about.topic == topic)
    return and_(
        or_(status.is_(None), case.status == status),
        or_(topic.is_(None), probe(told)),
        or_(urgency.is_(None), newest == urgency),
    )


def _shared_with_school(order: str, size: int) -> Subquery:
    """Return of the viewer's newest cases those that are shared with the bound school.

    The grants to the school drive it: among all that a centre sees, a school's are few.
    """
    access, grant = aliased(m.CaseAccess, name="access"), m.Grant
    shared = select(grant.case_id).where(
        grant.agency_id == bindparam("school", type_=Uuid()), live_grant(grant)
    )
    at = func.max(access.last_visible_activity)
    offered = (
        select(access.case_id, at.label("at"))
        .where(
            access.circle_id == func.any(CIRCLES), case_access(access), access.case_id.in_(shared)
        )
        .group_by(access.case_id)
        .subquery("shared")
    )
    page = select(offered)
    if order != "first":
        page = page.where(beyond(offered.c.at, offered.c.case_id, order))
    limit: Any = literal_column(str(size))
    ordered = page.order_by(*directed(offered.c.at, offered.c.case_id, order))
    return ordered.limit(limit).subquery("candidates")


def _offered(order: str, size: int, *, at_school: bool, once: bool) -> Subquery:
    return _shared_with_school(order, size) if at_school else candidates(order, size, once=once)


def _by_codes(order: str, size: int, *, at_school: bool) -> Select[Any]:
    """Return the statement of the newest cases; without reference those that do not match."""
    offered, case = _offered(order, size, at_school=at_school, once=True), m.Case
    return (
        select(offered.c.case_id, offered.c.at, case.reference, case.status)
        .select_from(offered)
        .outerjoin(case, and_(case.id == offered.c.case_id, _narrowed(case)))
        .order_by(*directed(offered.c.at, offered.c.case_id, order))
    )


def _by_name(order: str, size: int, *, at_school: bool) -> Select[Any]:
    """Return the statement of the newest cases with how their people are spelled.

    The rule of the spellings is the only one it asks: it opens none of a case that is not visible.
    """
    offered, spelling = _offered(order, size, at_school=at_school, once=False), m.Spelling
    # As texts: making an object of each id costs more than opening what it stands beside.
    columns: list[Any] = [
        cast(offered.c.case_id, Text()).label("case_id"),
        cast(spelling.person_id, Text()).label("person_id"),
        *(spelling.kek_id, spelling.sealed, offered.c.at),
    ]
    return (
        select(*columns)
        .select_from(offered)
        .outerjoin(spelling, spelling.case_id == offered.c.case_id)
        .order_by(*directed(offered.c.at, offered.c.case_id, order))
    )


def _confirming() -> Select[Any]:
    """Return the statement of the cases among ``ids`` that the codes leave.

    ``at`` is the latest activity over all circles of the viewer.
    """
    access = aliased(m.CaseAccess, name="access")
    newest = (
        select(func.max(access.last_visible_activity))
        .where(
            access.case_id == m.Case.id, access.circle_id == func.any(CIRCLES), case_access(access)
        )
        .scalar_subquery()
    )
    columns: list[Any] = [
        m.Case.id.label("case_id"),
        newest.label("at"),
        *(m.Case.reference, m.Case.status),
    ]
    return select(*columns).where(
        m.Case.id == any_(bindparam("ids", type_=ARRAY(Uuid()))), _narrowed(m.Case)
    )


def _looking(what: str, make: Callable[..., Select[Any]]) -> Mapping[Any, Select[Any]]:
    """Return the statements of a search, by order, size, and whether it is for a school's cases."""
    found = {}
    for order, size in (("first", LOOKS[0]), *(("older", size) for size in LOOKS)):
        for at_school in (False, True):
            name = f"search by {what}: {order} {size}{', of a school' if at_school else ''}"
            found[order, size, at_school] = hot(name, make(order, size, at_school=at_school))
    return MappingProxyType(found)


# Built once: making a statement anew for each page costs as much as running it.
BY_CODES = _looking("codes", _by_codes)
BY_NAME = _looking("name", _by_name)
_CONFIRMING = hot("search: confirm", _confirming())
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
    needle = fold_kana(wanted.words)
    if wanted.words:
        reference = read_reference(wanted.words) or wanted.words.upper()
        exact = session.execute(OF_REFERENCE, {"reference": reference}).all()
        numbered = _on_desk(session, reference) if allows(acting, Action.READ_INBOX) else []
        if exact or numbered:
            return Found(dressed(session, exact, newer=None, older=None), numbered)
        if len(needle) < SHORTEST or BETWEEN_SPELLINGS in needle:
            return Found(Page([]))
    return _page(session, wanted, needle, cursor)


def _page(session: Session, wanted: Wanted, needle: str, cursor: Cursor | None) -> Found:
    codes = {
        "status": wanted.status or None,
        "topic": wanted.topic or None,
        "now": wanted.urgency or None,
    }
    found: list[_Match] = []
    rest: Cursor | None = None
    statements = BY_NAME if needle else BY_CODES
    for rows, behind in _looks(session, statements, cursor, codes, wanted.school):
        if needle:
            found += _confirmed(session, holding(session, rows, [needle]), codes)
        else:
            found += [_Match(*row) for row in rows if row.reference is not None]
        if len(found) > PAGE:
            shown = found[:PAGE]
            return Found(dressed(session, shown, newer=None, older=shown[-1]))
        rest = behind
    listed = dressed(session, found, newer=None, older=None)
    if rest is None:
        return Found(listed)
    return Found(replace(listed, older=str(rest)), looked_through=LOOKED_THROUGH)


def spelled_like(session: Session, needles: Sequence[str]) -> list[uuid.UUID]:
    """Return the newest cases with a person whose spellings hold one of some words, newest first.

    Args:
        session: of the viewer, whose cases alone are looked through.
        needles: as ``fold_kana`` returns them, none of them empty.

    """
    held = (
        row for rows, _rest in _looks(session, BY_NAME) for row in holding(session, rows, needles)
    )
    return [match.case_id for match in _confirmed(session, held)] if needles else []


def _looks(
    session: Session,
    statements: Mapping[Any, Select[Any]],
    cursor: Cursor | None = None,
    codes: Mapping[str, str | None] = _NO_CODES,
    school: uuid.UUID | None = None,
) -> Iterator[tuple[Sequence[Any], Cursor | None]]:
    """Yield the rows of each look, and the place behind which more is left, or None."""
    here = cursor
    for size in LOOKS:
        order = "first" if here is None else "older"
        bound: dict[str, Any] = {**codes, "school": school}
        bound |= {} if here is None else {"at": here.at, "id": here.id}
        rows = session.execute(statements[order, size, school is not None], bound).all()
        # Each person of a case is a row.
        if len({(row.at, row.case_id) for row in rows}) < size:
            yield rows, None
            return
        here = Cursor(rows[-1].at, uuid.UUID(str(rows[-1].case_id)))
        yield rows, here


def _confirmed(
    session: Session, held: Iterable[Any], codes: Mapping[str, str | None] = _NO_CODES
) -> list[_Match]:
    """Return the cases of the rows, each once, in their order, that rule and codes leave.

    A row of a circle in which the case stands lower than in another of the viewer's is left out.
    """
    places: dict[uuid.UUID, dt.datetime] = {}
    for row in held:
        places.setdefault(uuid.UUID(row.case_id), row.at)
    if not places:
        return []
    cases = session.execute(_CONFIRMING, {"ids": sorted(places), **codes})
    known = {row.case_id: row for row in cases if row.at == places[row.case_id]}
    return [_Match(*known[id_]) for id_ in places if id_ in known]


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
