"""Actions for pages: of one case, of one's agency, and one action with its steps."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, case, literal_column, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import standing
from portal.policy.hot import hot
from portal.policy.permissions import NPO, Action, require
from portal.queries.cases import child_names
from portal.queries.directory import account_names, agency_names
from portal.queries.paging import Cursor, Page, beyond, directed
from portal.vault import fetch_keys, reveal

PAGE = 50


@dataclass(frozen=True)
class ActionRow:
    """One request on a list; ``is_open`` while something is still to be done."""

    id: uuid.UUID
    case_id: uuid.UUID
    reference: str
    called: str
    agency: str
    kind: str
    status: str
    due_on: dt.date
    is_open: bool


@dataclass(frozen=True)
class Step:
    """What was said of a request, when and by whom; ``name`` is "" in other agencies."""

    status: str
    at: dt.datetime
    agency: str
    name: str
    words: str
    effect: str


@dataclass(frozen=True)
class ActionSheet:
    """One request with its words and steps, and what the viewer may say of it next.

    ``by_advice`` tells the owner alone that an expert's advice led to it.
    """

    row: ActionRow
    request: str
    asked_at: dt.datetime
    asked_by: str
    steps: Sequence[Step]
    is_asked: bool
    is_owner: bool
    entrusted: bool
    by_advice: bool


_IS_OPEN = case((m.Action.status.in_(m.Action.OPEN), 0), else_=1)
_OF_CASE = hot(
    "actions of a case",
    select(m.Action)
    .where(m.Action.case_id == bindparam("case_id"))
    .order_by(_IS_OPEN, m.Action.due_on, m.Action.id)
    .limit(literal_column(str(PAGE))),
)


def actions_of_case(session: Session, case_: m.Case) -> list[ActionRow]:
    """Return what was asked for a child, the open ones first: all to the owner, to others theirs.

    The newest fifty; who looks for older ones finds them in the log.
    """
    found = session.scalars(_OF_CASE, {"case_id": case_.id}).all()
    return _rows(session, found, {case_.id: case_.reference}, {})


def list_actions(session: Session, *, ended: bool, cursor: Cursor | None = None) -> Page:
    """Return a page of what the own agency was asked, overdue first; at the centre, has asked.

    Args:
        session: of a reader of the agency, or of the centre.
        ended: those that ended, the latest first, instead of the open ones.
        cursor: of the address; ``Page.older`` is the next page in either order.

    """
    acting = require(standing(session), Action.WORK_ACTION)
    action = m.Action
    mine = action.owner_agency_id if acting.at_centre else action.agency_id
    states = action.status.not_in(action.OPEN) if ended else action.status.in_(action.OPEN)
    way = "older" if ended else "newer"
    statement = select(action).where(mine == acting.agency_id, states)
    bound: dict[str, Any] = {}
    if cursor is not None:
        statement = statement.where(beyond(action.due_on, action.id, way))
        bound = {"at": cursor.at.date(), "id": cursor.id}
    statement = statement.order_by(*directed(action.due_on, action.id, way))
    found = session.scalars(statement.limit(literal_column(str(PAGE + 1))), bound).all()
    shown = found[:PAGE]
    ids = [each.case_id for each in shown]
    references = _references(session, ids)
    rows = _rows(session, shown, references, child_names(session, ids))
    return Page(rows, older=_cursor(shown[-1]) if len(found) > PAGE else None)


def read_action(session: Session, action: m.Action) -> ActionSheet:
    """Return one request as the viewer sees it, with its steps in order."""
    acting = require(standing(session), Action.WORK_ACTION)
    step = m.ActionEvent
    steps = session.scalars(
        select(step).where(step.action_id == action.id).order_by(step.happened_at, step.id)
    ).all()
    row = _rows(
        session,
        [action],
        _references(session, [action.case_id]),
        child_names(session, [action.case_id]),
    )[0]
    agencies = agency_names(session, {action.owner_agency_id, *(each.agency_id for each in steps)})
    names = account_names(session, {each.account_id for each in steps})
    fetch_keys(session, [action, *steps])
    is_owner = acting.owns(action)
    return ActionSheet(
        row=row,
        request=reveal(session, action, "request"),
        asked_at=action.asked_at,
        asked_by=agencies[action.owner_agency_id],
        steps=[
            Step(
                each.status,
                each.happened_at,
                agencies[each.agency_id],
                names.get(each.account_id, ""),
                reveal(session, each, "words"),
                reveal(session, each, "effect"),
            )
            for each in steps
        ],
        is_asked=acting.agency_id == action.agency_id,
        is_owner=is_owner,
        by_advice=is_owner and action.advice_id is not None,
        entrusted=session.get_one(m.Agency, action.agency_id).type == NPO,
    )


def sees_action(session: Session, action_id: uuid.UUID) -> bool:
    """Return whether the viewer still sees a request, which a grant by contract may end with."""
    return session.scalars(select(m.Action.id).where(m.Action.id == action_id)).first() is not None


def _cursor(action: m.Action) -> str:
    midnight = dt.datetime.combine(action.due_on, dt.time(), dt.UTC)
    return str(Cursor(midnight, action.id))


def _references(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    found = select(m.Case.id, m.Case.reference).where(m.Case.id.in_(sorted(set(ids))))
    return {row.id: row.reference for row in session.execute(found)}


def _rows(
    session: Session,
    actions: Sequence[m.Action],
    references: dict[uuid.UUID, str],
    names: dict[uuid.UUID, str],
) -> list[ActionRow]:
    agencies = agency_names(session, {action.agency_id for action in actions})
    return [
        ActionRow(
            id=action.id,
            case_id=action.case_id,
            reference=references.get(action.case_id, ""),
            called=names.get(action.case_id, ""),
            agency=agencies[action.agency_id],
            kind=action.kind,
            status=action.status,
            due_on=action.due_on,
            is_open=action.status in action.OPEN,
        )
        for action in actions
    ]
