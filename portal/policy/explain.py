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
    select,
)

from portal import models as m
from portal.policy.visibility import admits, by_grant, by_owner, opening_grants
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
    opening = _first(opening_grants(entry, entry.slice, entry.subject_id, grant), grant)
    return case((by_owner(entry), null()), else_=opening)


def deciding_grant_of_case(c: Any) -> ColumnElement[Any]:
    """Return the id of the grant that makes a case visible, NULL for its owner."""
    grant = m.Grant.__table__.alias("deciding_grant_of_case")
    return _first(
        select(grant.c.id).where(grant.c.case_id == c.id, admits(grant.c)).correlate_except(grant),
        grant,
    )
