"""Why one viewer sees what of one case: the command ``policy explain``.

The clauses are those of the rules themselves, asked one by one as the system role, to which
row-level security shows every row; what comes out is held against both walls before it is printed.
"""

import json
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, func, literal, or_, select
from sqlalchemy.types import Uuid

from portal import models as m
from portal.policy.explain import OWNER, denial_of_case, denial_of_grant
from portal.policy.past import in_slices, shown_slices
from portal.policy.rls import APP, SYSTEM
from portal.policy.viewer import Viewer
from portal.policy.visibility import by_grant, by_owner
from portal.vocabulary import SLICES
from portal.world.looking import (
    WallsDisagree,
    circles_of,
    look_through,
    send_settings,
    standing_at,
)
from portal.world.reading import WorldRefused
from portal.world.shape import JST

Answer = dict[str, Any]


def explain(
    engine: Engine,
    account: uuid.UUID,
    agency: uuid.UUID,
    case: uuid.UUID,
    at: str | None = None,
) -> Answer:
    """Return what opens each slice of a case to a viewer, and which denial wins where none does.

    Args:
        engine: connected as portal_owner.
        account, agency: the viewer.
        case: its id.
        at: an ISO 8601 instant with an offset, echoed in the answer; None for now.

    Returns:
        ``denied``: ``membership`` (rule 1), ``exclusion`` (2), ``not_open`` (3) or None;
        ``grants``: each grant to the agency with the clause of rule 5 that keeps the viewer out,
        or None; ``slices``: by slice whom it is about, the rule and the grant that decide.

    Raises:
        WorldRefused: there is no such case, or ``at`` is no instant.
        WallsDisagree: the walls show other entries than these rules explain.

    """
    with standing_at(engine, at) as connection:
        viewer = Viewer(account, agency, circles=circles_of(connection, account, agency))
        found = look_through(connection, SYSTEM, viewer, partial(_found, case_id=case))
        shown = look_through(connection, APP, viewer, partial(_entries, case_id=case))
        if found is None:
            raise WorldRefused("case", None, f"unknown id {case}")
        answer, explained = found
        if explained != shown:
            raise WallsDisagree(f"as {account} for {agency}: {sorted(explained ^ shown)}")
        if at is None:
            at = connection.scalars(select(func.now())).one().astimezone(JST).isoformat()
    return {
        "account": str(account),
        "agency": str(agency),
        "at": at,
        "case": str(case),
        **answer,
    }


def explained_line(answer: Answer) -> str:
    """Return an answer of ``explain`` as the line that the command prints."""
    return json.dumps(answer, ensure_ascii=False, sort_keys=True)


def _found(
    connection: Connection, viewer: Viewer, *, case_id: uuid.UUID
) -> tuple[Answer, set[str]] | None:
    send_settings(connection, viewer)
    row = in_slices(literal(case_id, Uuid())).c
    # Every case has its child, so that there is a row unless there is no case.
    denials = connection.scalars(select(denial_of_case(row)).distinct()).all()
    if not denials:
        return None
    slices = connection.execute(shown_slices(row)).all()
    answer = {
        "denied": denials[0],
        "grants": _grants(connection, viewer, case_id),
        "slices": _by_slice(slices),
    }
    opened = {(code, person) for code, person, *_ in slices}
    return answer, _existing(connection, case_id, opened)


def _grants(connection: Connection, viewer: Viewer, case_id: uuid.UUID) -> list[Answer]:
    g = m.Grant.__table__.c
    rows = connection.execute(
        select(g.id, g.basis, denial_of_grant(g))
        .where(g.case_id == case_id, g.agency_id == viewer.agency_id)
        .order_by(g.valid_from, g.id)
    )
    return [{"id": str(key), "basis": basis, "denied": why} for key, basis, why in rows]


def _by_slice(rows: Sequence[Any]) -> dict[str, list[Answer]]:
    listed = sorted(rows, key=lambda row: (SLICES.index(row[0]), str(row[1])))
    found: dict[str, list[Answer]] = {}
    for code, person, rule, grant in listed:
        by = None if rule == OWNER else str(grant)
        found.setdefault(code, []).append({"subject": str(person), "rule": rule, "grant": by})
    return found


def _existing(
    connection: Connection, case_id: uuid.UUID, opened: set[tuple[str, uuid.UUID]]
) -> set[str]:
    """Return the entries that stand at the instant in what is opened."""
    e, clock = m.Entry.__table__.c, func.portal_clock()
    rows = connection.execute(
        select(e.id, e.slice, e.subject_id).where(
            e.case_id == case_id,
            e.written_at <= clock,
            or_(e.retracted_at.is_(None), clock < e.retracted_at),
        )
    )
    return {str(key) for key, code, person in rows if (code, person) in opened}


def _entries(connection: Connection, viewer: Viewer, *, case_id: uuid.UUID) -> set[str]:
    """Return the entries of the case that row-level security shows by rule 4 or 5."""
    send_settings(connection, viewer)
    e = m.Entry.__table__.c
    return {
        str(key)
        for key in connection.scalars(
            select(e.id).where(e.case_id == case_id, or_(by_owner(e), by_grant(e)))
        )
    }
