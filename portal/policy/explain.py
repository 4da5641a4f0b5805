"""Why a viewer sees something (閲覧できる理由): the rule that decided, from the same query."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    case,
    literal_column,
    null,
    or_,
    select,
)

from portal import models as m
from portal.policy.viewer import ACTING, READING
from portal.policy.visibility import (
    admits,
    basis_holds,
    by_grant,
    by_owner,
    live_grant,
    may_be_told,
    not_excluded,
    opened,
    opening_grants,
    probe,
)
from portal.vocabulary import SHARE_BASES, lane

OWNER, GRANT, OWN_POST = "owner", "grant", "own_post"

# Consent before law before contract before emergency, then the earliest (architecture.md §1.8).
LANES = ("consent", "law", "contract", "emergency")
_RANK = {code: LANES.index(lane(code)) for code in sorted(SHARE_BASES)}


def _first(statement: Select[Any], grant: FromClause) -> ScalarSelect[Any]:
    rank = case(_RANK, value=grant.c.basis, else_=len(LANES))
    return (
        statement.order_by(rank, grant.c.valid_from, grant.c.id)
        .limit(literal_column("1"))
        .scalar_subquery()
    )


def deciding_rule(entry: Any) -> ColumnElement[str]:
    """Return ``owner``, ``grant`` or ``own_post`` for an entry the viewer sees, else NULL."""
    return case(
        (by_owner(entry), literal_column(f"'{OWNER}'")),
        (by_grant(entry), literal_column(f"'{GRANT}'")),
        else_=literal_column(f"'{OWN_POST}'"),
    )


def deciding_grant(entry: Any) -> ColumnElement[Any]:
    """Return the id of the grant that opens an entry, NULL where the owner sees it anyway."""
    grant = m.Grant.__table__.alias("deciding_grant")
    opens = opening_grants(entry, entry.slice, entry.subject_id, grant).correlate_except(grant)
    opening = _first(opens, grant)
    return case((by_owner(entry), null()), else_=opening)


def named_author(
    entry: Any,
    *,
    owned: ColumnElement[bool] | None = None,
    concealed: ColumnElement[bool] | None = None,
) -> ColumnElement[Any]:
    """Return which agency wrote an entry, NULL where the viewer may not be told.

    In a concealed case (秘匿) the name of another agency says in which ward or school the child is:
    only the owner is told it, of the owner and of itself everybody (domain.md §4).

    Args:
        entry: of which the author is asked.
        owned, concealed: whether rule 4 opens the entry and whether its case is concealed, where
            the statement knows; else both are asked for.

    """
    if concealed is None:
        row = m.Case.__table__.alias("concealed_case")
        concealed = probe(select(row.c.id).where(row.c.id == entry.case_id, row.c.concealed))
    told = or_(
        by_owner(entry) if owned is None else owned,
        entry.author_agency_id == entry.owner_agency_id,
        entry.author_agency_id == ACTING,
        ~concealed,
    )
    return case((told, entry.author_agency_id), else_=null())


def deciding_grant_of_case(c: Any) -> ColumnElement[Any]:
    """Return the id of the grant that makes a case visible, NULL for its owner."""
    grant = m.Grant.__table__.alias("deciding_grant_of_case")
    return _first(
        select(grant.c.id).where(grant.c.case_id == c.id, admits(grant.c)).correlate_except(grant),
        grant,
    )


def _said(code: str) -> ColumnElement[Any]:
    return literal_column(f"'{code}'")


def denial_of_case(row: Any) -> ColumnElement[Any]:
    """Return which of rules 1 to 3 shuts a whole case to the viewer, NULL where none does.

    ``row`` is what belongs to the case, with ``case_id`` and ``case_opened_at``.
    """
    return case(
        (ACTING.is_(None), _said("membership")),
        (~not_excluded(row.case_id), _said("exclusion")),
        (~opened(row), _said("not_open")),
        else_=null(),
    )


def denial_of_grant(g: Any) -> ColumnElement[Any]:
    """Return which clause of rule 5 keeps a grant to the viewer's agency from admitting the viewer.

    NULL where it admits. A never-tell is named before everything else, because it wins.
    """
    return case(
        (admits(g), null()),
        (~may_be_told(g.case_id), _said("never_tell_person")),
        (~basis_holds(g), _said("never_tell_agency")),
        (~live_grant(g), _said("not_live")),
        (READING.is_(None), _said("role")),
        else_=_said("not_a_reader"),
    )
