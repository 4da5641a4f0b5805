"""The record that a child or guardian reads by code: what was said, who was told what and why."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.policy.viewer import Viewer
from portal.queries.directory import agencies_by_id
from portal.queries.sharing import GrantRow, grants_of, in_order


@dataclass(frozen=True)
class Said:
    """What was answered once about some agencies: the items of each, by name."""

    asked_at: dt.datetime
    for_child: bool
    by_agency: tuple[tuple[str, tuple[m.ConsentItem, ...]], ...]


@dataclass(frozen=True)
class Looked:
    """How often an agency read the case, and when last; never which person."""

    agency: str
    times: int
    last: dt.datetime


@dataclass(frozen=True)
class VisitorRecord:
    """What a child or guardian reads by code: what was said, who was told what, why, until when.

    ``own`` are the ids of the grants that open the visitor's own data.
    """

    kind: str
    said: tuple[Said, ...]
    grants: tuple[GrantRow, ...]
    own: frozenset[uuid.UUID]
    refused: tuple[tuple[str, m.ConsentItem], ...]
    looked: tuple[Looked, ...]


def record_of_visitor(session: Session) -> VisitorRecord | None:
    """Return the record of sharing that a return code opens; None while there is no case.

    The child sees all sharing of its case, by law too, and which agencies read; a guardian what
    rests on the own consents and nothing more (domain.md §1).
    """
    viewer: Viewer = session.info["viewer"]
    thread = session.scalars(select(m.Thread).where(m.Thread.id == viewer.thread_id)).one()
    if thread.case_id is None:
        return None
    rows = grants_of(session, thread.case_id)
    return VisitorRecord(
        thread.kind,
        _said(session, thread),
        tuple(rows),
        frozenset(row.grant.id for row in rows if row.grant.subject_id == thread.person_id),
        _not_told(session, thread.case_id, rows),
        _looked(session, thread.case_id) if thread.kind == "child" else (),
    )


def _said(session: Session, thread: m.Thread) -> tuple[Said, ...]:
    """Return what the visitor answered, the newest first; a child reads only its own answers."""
    found = session.execute(
        select(m.Consent, m.ConsentItem, m.Agency)
        .join(m.ConsentItem, m.ConsentItem.consent_id == m.Consent.id)
        .join(m.Agency, m.Agency.id == m.ConsentItem.agency_id)
        .where(m.Consent.case_id == thread.case_id, m.Consent.giver_person_id == thread.person_id)
        .order_by(m.Consent.asked_at.desc(), m.Consent.id, m.Agency.type, m.Agency.name)
    )
    consents: dict[uuid.UUID, m.Consent] = {}
    items: dict[uuid.UUID, dict[uuid.UUID, list[m.ConsentItem]]] = {}
    agencies: dict[uuid.UUID, m.Agency] = {}
    for consent, item, agency in found:
        consents[consent.id], agencies[agency.id] = consent, agency
        items.setdefault(consent.id, {}).setdefault(agency.id, []).append(item)
    return tuple(
        Said(
            consent.asked_at,
            consent.for_person_id is not None,
            tuple(
                (agencies[agency_id].name, in_order(some, agencies[agency_id]))
                for agency_id, some in items[consent.id].items()
            ),
        )
        for consent in consents.values()
    )


def _not_told(
    session: Session, case_id: uuid.UUID, grants: Iterable[GrantRow]
) -> tuple[tuple[str, m.ConsentItem], ...]:
    """Return what was answered no or later and is not told all the same, once for each bundle."""
    told: dict[uuid.UUID, set[str]] = defaultdict(lambda: {"basic"})
    for row in grants:
        if row.is_live:
            told[row.agency.id] |= set(row.grant.slices)
    items = session.execute(
        select(m.Agency.name, m.ConsentItem)
        .join(m.Agency, m.Agency.id == m.ConsentItem.agency_id)
        .where(m.ConsentItem.case_id == case_id, m.ConsentItem.answer != "yes")
        .order_by(m.Agency.name, m.ConsentItem.bundle, m.ConsentItem.id)
    )
    once = {
        (name, item.bundle): item
        for name, item in items
        if not set(item.slices) <= told[item.agency_id]
    }
    return tuple((name, item) for (name, _bundle), item in once.items())


def _looked(session: Session, case_id: uuid.UUID) -> tuple[Looked, ...]:
    """Return which agencies read the case, how often and when last; never which person."""
    last, times = func.max(m.AuditEvent.happened_at), func.count()
    reads = session.execute(
        select(m.AuditEvent.agency_id, times, last)
        .where(
            m.AuditEvent.case_id == case_id,
            m.AuditEvent.event == audit.Event.CASE_READ.value,
            m.AuditEvent.agency_id.is_not(None),
        )
        .group_by(m.AuditEvent.agency_id)
        .order_by(last.desc())
    ).all()
    names = agencies_by_id(session, {agency_id for agency_id, _times, _at in reads})
    return tuple(
        Looked(names[agency_id].name, count, at)
        for agency_id, count, at in reads
        if agency_id is not None
    )


__all__ = [
    "Looked",
    "Said",
    "VisitorRecord",
    "record_of_visitor",
]
