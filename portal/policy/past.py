"""Who could see a case at an instant: the same rules, with the viewer and the clock as arguments.

The rules ask ``viewer_…()`` who looks and ``portal_clock()`` what time it is. Here the same rules
are rendered with ``past_…(p_at, p_account, p_agency)`` and ``p_at`` in their place, so that one
definition answers for the request in hand, for everybody at once (the matrix of a case) and for any
date ("who could see what on …"). No setting moves the clock: the instant is an argument
(docs/decisions/0001-the-policy-mechanism.md).
"""

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.dialects import postgresql

from portal import models as m
from portal.policy.explain import deciding_grant, deciding_grant_of_case, deciding_rule
from portal.policy.viewer import OWNING, POSTING, TERMS, VARIABLES, Term
from portal.policy.visibility import (
    authored,
    by_grant,
    by_owner,
    cases,
    entries,
    managed_grants,
    not_excluded,
    opened,
)
from portal.vocabulary import SLICES

CASE, ENTRY, OWN_POST, MANAGED, SLICE = "case", "entry", "own_post", "managed_grant", "slice"

_ARGUMENTS = "p_at timestamptz, p_account uuid, p_agency uuid"
_CASE: ColumnElement[Any] = literal_column("p_case")


def past_terms() -> list[Term]:
    """Return the terms that the rules of the past ask: those without arguments of their own."""
    return [term for term in TERMS if not term.arguments]


def at_instant(sql: str, account: str, agency: str) -> str:
    """Return a rendered rule with the instant ``p_at`` for the clock and two names for the viewer.

    A visitor by code has no account; no rule of the past is about one. Whether a case was concealed
    then is told by its history: its grants know only whether it is now.
    """
    sql = re.sub(r"\b(\w+)\.case_concealed\b", r"past_concealed(p_at, \1.case_id)", sql)
    sql = re.sub(r"viewer_(\w+)\(\)", rf"past_\1(p_at, {account}, {agency})", sql)
    sql = sql.replace("portal_clock()", "p_at")
    for name, value in {"account_id": account, "agency_id": agency}.items():
        sql = sql.replace(f"nullif(current_setting('portal.{name}', true), '')", value)
    return re.sub(r"nullif\(current_setting\('portal\.\w+', true\), ''\)", "NULL", sql)


def _rendered(statement: Select[Any]) -> str:
    compiled = statement.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    return str(compiled)


def term_ddl(term: Term) -> str:
    """Return the function of the database that answers a term for any viewer at any instant."""
    body = at_instant(_rendered(term.query), "p_account", "p_agency")
    for name, argument in zip(VARIABLES, ("p_account", "p_agency"), strict=True):
        body = body.replace(name, argument)
    return (
        f"CREATE FUNCTION past_{term.name}({_ARGUMENTS}) RETURNS {term.returns}\n"
        f"LANGUAGE plpgsql STABLE SET search_path = public, pg_temp\n"
        f"AS $$ BEGIN RETURN (\n{body}\n); END $$"
    )


def _kind(code: str) -> ColumnElement[Any]:
    return literal_column(f"'{code}'::text")


def in_slices(case_id: ColumnElement[Any]) -> Any:
    """Return every slice of a case with every person of it, as entries that could be there."""
    link = m.CasePerson.__table__.alias("person_of_slice")
    texts = ", ".join(f"'{code}'" for code in SLICES)
    listed: ColumnElement[Any] = literal_column(f"ARRAY[{texts}]")
    codes = func.unnest(listed).table_valued("code", name="each_slice").render_derived()
    return (
        select(
            link.c.case_id,
            link.c.owner_agency_id,
            link.c.case_opened_at,
            codes.c.code.label("slice"),
            link.c.person_id.label("subject_id"),
        )
        .select_from(link)
        .join(codes, literal_column("true"))
        .where(link.c.case_id == case_id)
        .subquery("in_slice")
    )


def shown_slices(row: Any) -> Select[Any]:
    """Return which slices about whom are open, and what opens each (rules 2 to 5)."""
    return select(row.slice, row.subject_id, deciding_rule(row), deciding_grant(row)).where(
        opened(row), not_excluded(row.case_id), or_(by_owner(row), by_grant(row))
    )


def _sights() -> dict[str, Select[Any]]:
    """Return by kind what one viewer sees of the case: id, slice, subject, rule, grant."""
    c, e, g = m.Case.__table__.c, m.Entry.__table__.c, m.Grant.__table__.c
    nobody: ColumnElement[Any] = literal_column("NULL::uuid")
    nothing: ColumnElement[Any] = literal_column("NULL::text")
    return {
        CASE: select(_kind(CASE), c.id, nothing, nobody, nothing, deciding_grant_of_case(c)).where(
            c.id == _CASE, cases(c)
        ),
        ENTRY: select(
            _kind(ENTRY), e.id, e.slice, e.subject_id, deciding_rule(e), deciding_grant(e)
        ).where(e.case_id == _CASE, entries(e), or_(by_owner(e), by_grant(e))),
        OWN_POST: select(_kind(OWN_POST), e.id, e.slice, e.subject_id, nothing, nobody).where(
            e.case_id == _CASE, entries(e), own_post(e)
        ),
        MANAGED: select(_kind(MANAGED), g.id, nothing, nobody, nothing, g.id).where(
            g.case_id == _CASE, managed_grants(g)
        ),
        SLICE: _of_slices(),
    }


def _of_slices() -> Select[Any]:
    row = in_slices(_CASE).c
    shown = shown_slices(row)
    return shown.with_only_columns(
        _kind(SLICE), literal_column("NULL::uuid"), *shown.selected_columns
    )


def own_post(entry: Any) -> ColumnElement[bool]:
    """Return whether rule 6 makes a visible entry an own post; in an own case only with rule 4."""
    return and_(authored(entry), or_(entry.owner_agency_id != POSTING, by_owner(entry)))


def sights() -> str:
    """Return the statements of ``sights_at`` for one viewer, as the lines of its loop."""
    head = "        RETURN QUERY SELECT v_account, v_agency, s.* FROM ("
    foot = "        ) AS s (kind, row_id, slice, subject_id, rule, grant_id);"
    return "\n".join(
        f"{head}\n{at_instant(_rendered(each), 'v_account', 'v_agency')}\n{foot}"
        for each in _sights().values()
    )


def asked_by_owner(case: Any) -> ColumnElement[bool]:
    """Return whether the viewer may ask who sees a case: its owner, who is not excluded."""
    return and_(case.id == _CASE, case.owner_agency_id == OWNING, not_excluded(case.id))


__all__ = [
    "CASE",
    "ENTRY",
    "MANAGED",
    "OWN_POST",
    "SLICE",
    "asked_by_owner",
    "at_instant",
    "in_slices",
    "own_post",
    "past_terms",
    "shown_slices",
    "sights",
    "term_ddl",
]
