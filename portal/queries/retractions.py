"""A post before it is taken back, and afterwards who may have read it."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event
from portal.database import standing
from portal.policy.explain import deciding_grant, deciding_rule
from portal.queries.directory import account_names, agency_names
from portal.queries.sheet import Subject, read_subjects
from portal.vault import Decision, reveal


@dataclass(frozen=True)
class Posted:
    """An entry about to be taken back."""

    entry: m.Entry
    subject: Subject
    text: str


@dataclass(frozen=True)
class Reader:
    """Somebody who opened the slice while the post stood in it: once or more, the first time."""

    agency: str
    name: str
    first_at: dt.datetime
    times: int


@dataclass(frozen=True)
class Retracted:
    """A retraction; ``readers`` is None for everybody but the owner."""

    row: m.Retraction
    reason: str
    readers: Sequence[Reader] | None


def read_entry(session: Session, case: m.Case, entry: m.Entry) -> Posted:
    """Return one entry with its text; the case and the entry are visible to the viewer."""
    rule, grant_id = session.execute(
        select(deciding_rule(m.Entry), deciding_grant(m.Entry)).where(m.Entry.id == entry.id)
    ).one()
    subjects = read_subjects(session, case)
    return Posted(
        entry,
        subjects.get(entry.subject_id, Subject(entry.subject_id)),
        reveal(session, entry, "text", Decision(rule, grant_id)),
    )


def read_retraction(session: Session, case: m.Case, row: m.Retraction) -> Retracted:
    """Return why a post was taken back and, to the owner, who may have read it.

    The log tells which slices somebody opened, not which entries: whoever opened the slice
    between post and retraction is named.
    """
    acting = standing(session)
    owns = acting is not None and acting.owns(case)
    reason = reveal(session, row, "reason")
    return Retracted(row, reason, _readers(session, case, row) if owns else None)


def _readers(session: Session, case: m.Case, row: m.Retraction) -> list[Reader]:
    event = m.AuditEvent
    posted = select(func.min(event.happened_at)).where(
        event.case_id == case.id,
        event.event == Event.ENTRY_POSTED,
        event.details["entry"].astext == str(row.entry_id),
    )
    # What an import brought was never posted, and stood since the case was opened.
    since = session.execute(
        select(func.coalesce(posted.scalar_subquery(), case.opened_at))
    ).scalar_one()
    first = func.min(event.happened_at)
    found = session.execute(
        select(event.account_id, event.agency_id, first.label("first_at"), func.count().label("n"))
        .where(
            event.case_id == case.id,
            event.event == Event.CASE_READ,
            event.happened_at >= since,
            event.happened_at <= row.retracted_at,
            event.details["slices"].contains([row.slice]),
        )
        .group_by(event.account_id, event.agency_id)
        .order_by(first, event.account_id)
    ).all()
    names = account_names(session, _given(each.account_id for each in found))
    agencies = agency_names(session, _given(each.agency_id for each in found))
    return [
        Reader(
            agencies.get(each.agency_id, ""),
            names.get(each.account_id, ""),
            each.first_at,
            each.n,
        )
        for each in found
    ]


def _given(ids: Iterable[uuid.UUID | None]) -> set[uuid.UUID]:
    """Return the ids without None: a visitor by code has no account and no agency."""
    return {each for each in ids if each is not None}
