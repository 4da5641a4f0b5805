"""The list of cases: driven by the projection ``case_access``, confirmed by the rule of ``cases``.

A page costs a constant number of queries, however many rows it has (performance.md).
"""

import datetime as dt
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Subquery,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from portal import models as m
from portal.audit import Event, record_listed
from portal.codes import read_reference
from portal.database import standing
from portal.policy.hot import hot
from portal.policy.viewer import ACCOUNT, AGENCY, CIRCLES
from portal.policy.visibility import by_grant, by_owner, probe
from portal.queries.covers import worked_on
from portal.queries.paging import Cursor, Page, beyond, directed, direction
from portal.vault import key_columns, reveal, reveal_name, take_keys

PAGE = 50
# Nobody counts on beyond a thousand: 1,001 is shown as 1,000+.
COUNTED = 1_001
# A filter looks through this many of the newest cases for one page.
SIFTED = 1_000


class CaseRow(NamedTuple):
    """One line of the list; urgency and the next check are there for the owner alone.

    ``new`` is how many entries others wrote since the viewer last looked.
    """

    id: uuid.UUID
    reference: str
    status: str
    last_activity: dt.datetime
    called: str = ""
    urgency: str | None = None
    next_on: dt.date | None = None
    new: int = 0


def among(column: Any, ids: Iterable[uuid.UUID]) -> ColumnElement[bool]:
    """Return whether a column is one of some ids; one SQL text, hence one plan, for any number."""
    return column == any_(literal(sorted(ids), ARRAY(Uuid())))  # type: ignore[no-any-return]


def _superseded(access: Any) -> ColumnElement[bool]:
    """Return whether another circle of the viewer has the same case, as new or newer.

    Somebody who sees a case through two circles gets it once, at its latest activity.
    """
    other = aliased(m.CaseAccess, name="other_circle")
    return probe(
        select(literal_column("1"))
        .select_from(other)
        .where(
            other.case_id == access.case_id,
            tuple_(other.last_visible_activity, other.circle_id)
            > tuple_(access.last_visible_activity, access.circle_id),
        )
    )


def candidates(order: str, size: int, *, once: bool = True) -> Subquery:
    """Return the newest cases that the projection offers the viewer: ``case_id`` and ``at``.

    Which of its rows are the viewer's, hold now and are not denied, its own rule says: asked twice
    of each row it would be a tenth of the statement.

    Args:
        order: ``first``, ``older`` or ``newer``, the last two beyond the bound ``at`` and ``id``.
        size: so many at most.
        once: a case that two circles of the viewer have comes once, at its latest activity; else
            once for each, and who asks sees to it.

    From the top on, a case that is among the newest of all is among the newest of the circle in
    which it stands highest, so that merging the circles finds it there. Beyond a bound it may stand
    higher than the bound in another circle, which each row has to be asked for.
    """
    access = aliased(m.CaseAccess, name="access")
    circle = func.unnest(CIRCLES).table_valued("id", name="circle").render_derived()
    # A literal limit: the planner never learns the value of a bound one (prototype.md §6).
    limit: ColumnElement[int] = literal_column(str(size))
    offered = select(access.case_id, access.last_visible_activity.label("at")).where(
        access.circle_id == circle.c.id
    )
    if order != "first":
        offered = offered.where(beyond(access.last_visible_activity, access.case_id, order))
        if once:
            offered = offered.where(~_superseded(access))
    page = (
        offered.order_by(*directed(access.last_visible_activity, access.case_id, order))
        .limit(limit)
        .lateral("page")
    )
    merged = select(page).select_from(circle).join(page, true())
    at: ColumnElement[dt.datetime] = page.c.at
    if order == "first" and once:
        at = func.max(page.c.at)
        columns = page.c.case_id, at.label("at")
        merged = merged.with_only_columns(*columns).group_by(page.c.case_id)
    ordered = merged.order_by(*directed(at, page.c.case_id, order))
    return ordered.limit(limit).subquery("candidates")


def _listing(order: str, size: int) -> Select[Any]:
    """Return the statement of one page: candidates of the projection, each with its case.

    A candidate that the rule of ``cases`` refuses comes without its case, and is left out.
    """
    merged = candidates(order, size)
    return (
        select(merged.c.case_id, merged.c.at, m.Case.reference, m.Case.status)
        .select_from(merged)
        .outerjoin(m.Case, m.Case.id == merged.c.case_id)
        .order_by(*directed(merged.c.at, merged.c.case_id, order))
    )


def _counting() -> Select[Any]:
    """Return the statement that counts: each circle's cases up to the cap, one case once."""
    access = aliased(m.CaseAccess, name="access")
    circle = func.unnest(CIRCLES).table_valued("id", name="circle").render_derived()
    offered = (
        select(access.case_id)
        .where(access.circle_id == circle.c.id)
        .limit(literal_column(str(COUNTED)))
        .lateral("offered")
    )
    counted = func.least(literal_column(str(COUNTED)), func.count(offered.c.case_id.distinct()))
    return select(counted).select_from(circle).join(offered, true())


def listings(page: int, sifted: int) -> Mapping[tuple[str, bool], Select[Any]]:
    """Return the statements of the list, by direction and by whether a filter looks through it."""
    return MappingProxyType(
        {
            (order, sifts): _listing(order, sifted if sifts else page + 1)
            for order in ("first", "older", "newer")
            for sifts in (False, True)
        }
    )


def _newest_of_each(column: Any, at: Any) -> Select[Any]:
    """Return the statement of what was said last of each case of ``ids``."""
    said = column.class_
    return (
        select(said.case_id, column)
        .where(said.case_id == any_(bindparam("ids", type_=ARRAY(Uuid()))))
        .ext(distinct_on(said.case_id))
        .order_by(said.case_id, at.desc(), said.id)
    )


_CHILDREN = hot(
    "children of cases",
    select(
        m.CasePerson.case_id,
        # Columns: making an object of each child costs more than opening its name.
        *(m.Person.id, m.Person.called_sealed),
        *(m.Person.family_name_sealed, m.Person.given_name_sealed),
        *key_columns(m.PersonKey),
    )
    .join(m.Person, m.Person.id == m.CasePerson.person_id)
    .outerjoin(m.PersonKey, m.PersonKey.scope_id == m.Person.id)
    .where(
        m.CasePerson.case_id == any_(bindparam("ids", type_=ARRAY(Uuid()))), m.CasePerson.is_child
    ),
)
_URGENCIES = hot(
    "urgencies", _newest_of_each(m.UrgencyDecision.urgency, m.UrgencyDecision.decided_at)
)
_NEW = hot(
    "how many entries are new, by case",
    select(m.Entry.case_id, func.count().label("many"))
    .join(
        m.CaseLook,
        and_(
            m.CaseLook.case_id == m.Entry.case_id,
            m.CaseLook.account_id == ACCOUNT,
            m.CaseLook.agency_id == AGENCY,
            m.CaseLook.looked_at < m.Entry.written_at,
        ),
    )
    .where(
        m.Entry.case_id == any_(bindparam("ids", type_=ARRAY(Uuid()))),
        m.Entry.author_account_id != ACCOUNT,
        # What the agency wrote itself into a slice that was taken back is not on the case's page.
        or_(by_owner(m.Entry), by_grant(m.Entry)),
    )
    .group_by(m.Entry.case_id),
)
_CHECKS = hot("next checks", _newest_of_each(m.ProgressCheck.next_on, m.ProgressCheck.checked_at))

# Built once: making a statement anew for each page costs as much as running it.
LISTINGS = {
    (order, sifts): hot(f"list: {order}{', sifted' if sifts else ''}", statement)
    for (order, sifts), statement in listings(PAGE, SIFTED).items()
}
COUNTING = hot("list: how many", _counting())


def count_cases(session: Session) -> int:
    """Return how many cases the viewer sees, counted up to ``COUNTED``."""
    return session.execute(COUNTING).scalar_one()  # type: ignore[no-any-return]


def list_cases(
    session: Session,
    cursor: Cursor | None = None,
    status: str | None = None,
    *,
    mine: bool = False,
) -> Page:
    """Return a page of the cases that the viewer sees, by latest visible activity.

    Args:
        session: of the viewer.
        cursor: of the address; None for the first page.
        status: code of ``case_status`` to keep, or None for all.
        mine: keep those on which the viewer works, at the centre.

    """
    order = direction(cursor)
    sifted = status is not None or mine
    bound = {} if cursor is None else {"at": cursor.at, "id": cursor.id}
    found = session.execute(LISTINGS[order, sifted], bound).all()
    full = len(found) == (SIFTED if sifted else PAGE + 1)
    among_mine = set(session.scalars(worked_on())) if mine else None
    kept = list(islice(_confirmed(found, status, among_mine), PAGE + 1))
    onward = _onward(found, kept, full=full)
    shown = kept[:PAGE]
    if order != "newer":
        back = shown[0] if cursor is not None and shown else None
        return dressed(session, shown, newer=back, older=onward)
    if onward is None or not shown:
        # The newest page is always a full one that begins at the top.
        return list_cases(session, None, status, mine=mine)
    shown.reverse()
    return dressed(session, shown, newer=onward, older=shown[-1])


def _confirmed(
    found: Sequence[Any], status: str | None, worked_on: Container[uuid.UUID] | None
) -> Iterator[Any]:
    for row in found:
        wanted = status in (None, row.status) and (worked_on is None or row.case_id in worked_on)
        if row.reference is not None and wanted:
            yield row


def _onward(found: Sequence[Any], kept: Sequence[Any], *, full: bool) -> Any:
    """Return the row behind which the page after this one begins, or None if this is the last."""
    if len(kept) > PAGE:
        return kept[PAGE - 1]
    return found[-1] if full else None


def dressed(session: Session, kept: Sequence[Any], *, newer: Any, older: Any) -> Page:
    """Return a page of cases with what a line shows of each, and note in the log what it lists.

    Args:
        session: of the viewer.
        kept: confirmed rows with ``case_id``, ``reference``, ``status`` and ``at``.
        newer, older: the rows before and behind which the neighbouring pages begin, or None.

    """
    ids = [row.case_id for row in kept]
    acting = standing(session)
    owns = acting is not None and acting.at_centre
    names = child_names(session, ids)
    new = {row.case_id: row.many for row in session.execute(_NEW, {"ids": ids})}
    # What only an owner is shown, nobody else is asked for.
    urgencies, checks = (_urgencies(session, ids), _checks(session, ids)) if owns else ({}, {})
    record_listed(session, Event.CASE_LISTED, ids)
    return Page(
        [
            CaseRow(
                row.case_id,
                row.reference,
                row.status,
                row.at,
                names.get(row.case_id, ""),
                urgencies.get(row.case_id),
                checks.get(row.case_id),
                new.get(row.case_id, 0),
            )
            for row in kept
        ],
        newer=None if newer is None else str(Cursor(newer.at, newer.case_id, newer=True)),
        older=None if older is None else str(Cursor(older.at, older.case_id)),
    )


def case_by_reference(session: Session, reference: str) -> uuid.UUID | None:
    """Return the id of the visible case with this reference, however it was typed."""
    exact = read_reference(reference) or reference.upper()
    found = select(m.Case.id).where(m.Case.reference == exact)
    return session.scalars(found).first()


def name_of(session: Session, person: m.Person) -> str:
    """Return how a person is called, else family and given name."""
    return _name(partial(reveal, session, person))


def _name(open_: Callable[[str], str]) -> str:
    names = map(open_, ("family_name", "given_name"))
    return open_("called") or " ".join(filter(None, names))


def child_names(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return how the children of some cases are called, where ``basic`` is open to the viewer."""
    children = session.execute(_CHILDREN, {"ids": list(ids)}).all()
    take_keys(session, "person", children)
    return {row.case_id: _name(partial(_open_name, session, row)) for row in children}


def _open_name(session: Session, child: Any, name: str) -> str:
    return reveal_name(session, m.Person, child.id, name, getattr(child, f"{name}_sealed"))


def _urgencies(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    newest = session.execute(_URGENCIES, {"ids": ids})
    return {row.case_id: row.urgency for row in newest}


def _checks(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dt.date]:
    newest = session.execute(_CHECKS, {"ids": ids})
    return {row.case_id: row.next_on for row in newest}
