"""The terms of a share, and what giving one and previewing one have in common."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.models.base import Period
from portal.vocabulary import (
    OVERRIDING_BASES,
    OWNER_ROLES,
    SHARE_BASES,
    is_permission,
    lane,
)

DUTIES = tuple(code for code in SHARE_BASES if code in OVERRIDING_BASES and lane(code) == "law")
PERMISSIONS = tuple(code for code in SHARE_BASES if lane(code) == "law" and is_permission(code))
# What the seed's consent answers say of a slice; a later one outweighs an earlier one.
_NO, _YES, _TAKEN_BACK = "no", "yes", "withdrawn"


@dataclass(frozen=True)
class Terms:
    """What is opened to whom, why and until when (exclusive instant, UTC).

    Attributes:
        guardian_consent_ids: what guardians consented to beside the child, where it needs them.
        account_ids, team_id: the readers; without either the agency's default team.
        approved_by: the second person, where a never-tell stands and a duty overrides it; the
            director, where the row of the basis asks for one.
        proposed_by: who proposed what somebody else now approves.
        reason: why, in at least 20 characters, where nobody consented.
        told: how the child was told before, or why not, where nobody consented; ``told_later``
            where a report is sent first and this is recorded after.
        ruled_out, why_not_asked: why nobody was asked, where a law permits: a code, and in words.
        request_no, meeting_id, other_statute, action_id: what the row of the basis asks for.
        emergency_id: the emergency that a grant on EMERGENCY belongs to.
        begins: from when (UTC), where it is not now.
        nobody_unlinked: somebody stated that no recipient is a person of a never-tell that names
            nobody yet.

    """

    agency_id: uuid.UUID
    slices: tuple[str, ...]
    subject_id: uuid.UUID | None
    purpose: str
    basis: str
    necessity: str
    until: dt.datetime
    consent_id: uuid.UUID | None = None
    guardian_consent_ids: tuple[uuid.UUID, ...] = ()
    team_id: uuid.UUID | None = None
    account_ids: tuple[uuid.UUID, ...] = ()
    approved_by: uuid.UUID | None = None
    reason: str = ""
    told: str = ""
    nobody_unlinked: bool = False
    told_later: bool = False
    proposed_by: uuid.UUID | None = None
    ruled_out: str = ""
    why_not_asked: str = ""
    request_no: str = ""
    meeting_id: uuid.UUID | None = None
    other_statute: str | None = None
    action_id: uuid.UUID | None = None
    emergency_id: uuid.UUID | None = None
    begins: dt.datetime | None = None


def columns_of(case: m.Case, terms: Terms) -> dict[str, Any]:
    """Return what a grant on these terms holds, but who gave it and when."""
    return {
        "case_id": case.id,
        "owner_agency_id": case.owner_agency_id,
        "case_opened_at": case.opened_at,
        "case_concealed": case.concealed,
        "agency_id": terms.agency_id,
        "slices": sorted(terms.slices),
        "subject_id": terms.subject_id,
        "purpose": terms.purpose,
        "basis": terms.basis,
        "necessity": terms.necessity,
        "valid_until": terms.until,
        "team_id": terms.team_id,
        "account_ids": list(terms.account_ids) or None,
        "readers_fixed": bool(terms.account_ids),
        "consent_id": terms.consent_id,
        "guardian_consent_ids": list(terms.guardian_consent_ids) or None,
        "approved_by": terms.approved_by,
        "request_no": terms.request_no or None,
        "meeting_id": terms.meeting_id,
        "other_statute": terms.other_statute,
        "action_id": terms.action_id,
        "emergency_id": terms.emergency_id,
    }


def clock(session: Session) -> dt.datetime:
    """Return the database's present instant (UTC)."""
    now: dt.datetime = session.execute(select(func.portal_clock())).scalar_one()
    return now


def holds(row: type[Period], now: dt.datetime) -> ColumnElement[bool]:
    """Return whether a dated row holds at an instant."""
    return (row.valid_from <= now) & or_(row.valid_until.is_(None), row.valid_until > now)


def never_tells_of(session: Session, case_id: uuid.UUID, now: dt.datetime) -> list[m.NeverTell]:
    """Return the never-tells of a case that hold at an instant, for its owner."""
    rows = select(m.NeverTell).where(m.NeverTell.case_id == case_id, holds(m.NeverTell, now))
    return list(session.scalars(rows.order_by(m.NeverTell.valid_from, m.NeverTell.id)))


def is_linked(never_tell: m.NeverTell) -> bool:
    """Return whether a never-tell names an agency, an account or a person already."""
    named = (never_tell.agency_id, never_tell.account_id, never_tell.person_id)
    return any(key is not None for key in named)


def live_grants(case_id: uuid.UUID, now: dt.datetime) -> Any:
    """Return the query for the grants of a case that hold at an instant."""
    return select(m.Grant).where(
        m.Grant.case_id == case_id,
        m.Grant.valid_from <= now,
        or_(m.Grant.valid_until.is_(None), m.Grant.valid_until > now),
        m.Grant.ended_at.is_(None),
    )


def slices_by_duty(
    session: Session, case_id: uuid.UUID, now: dt.datetime
) -> dict[uuid.UUID, set[str]]:
    """Return what a duty opens, by agency, without ``basic``: asking about it would be for show."""
    opened: dict[uuid.UUID, set[str]] = {}
    by_duty = live_grants(case_id, now).where(m.Grant.basis.in_(DUTIES))
    for grant in session.scalars(by_duty):
        opened.setdefault(grant.agency_id, set()).update(set(grant.slices) - {"basic"})
    return opened


def refused_slices(session: Session, case_id: uuid.UUID, agency_id: uuid.UUID) -> set[str]:
    """Return the slices of which somebody said no for an agency, or took a yes back, last.

    For the owner. A permission of the law does not get around these (domain.md §3.2).
    """
    said: list[tuple[dt.datetime, bool, str]] = []
    answers = session.execute(
        select(m.Consent.asked_at, m.ConsentItem.answer, m.ConsentItem.slices)
        .join(m.Consent, m.Consent.id == m.ConsentItem.consent_id)
        .where(
            m.ConsentItem.case_id == case_id,
            m.ConsentItem.agency_id == agency_id,
            m.ConsentItem.answer.in_((_NO, _YES)),
        )
    )
    for at, answer, slices in answers:
        said += [(at, answer == _YES, code) for code in slices]
    taken_back = session.execute(
        select(m.ConsentEvent.happened_at, m.Grant.slices)
        .join(m.Grant, m.Grant.id == m.ConsentEvent.grant_id)
        .where(
            m.ConsentEvent.case_id == case_id,
            m.ConsentEvent.agency_id == agency_id,
            m.ConsentEvent.state == _TAKEN_BACK,
        )
    )
    for at, slices in taken_back:
        said += [(at, False, code) for code in slices]
    # In order of time; of one asking, a yes to one bundle outweighs the no to another for what
    # both of them bring along.
    last = {code: yes for _at, yes, code in sorted(said)}
    return {code for code, yes in last.items() if not yes}


def unnoted_permissions(session: Session, owner_id: uuid.UUID) -> list[m.Grant]:
    """Return the grants by permission that no 支援方針会議 took note of yet, the oldest first."""
    noted = select(m.PermissionNoting.grant_id)
    grants = select(m.Grant).where(
        m.Grant.owner_agency_id == owner_id,
        m.Grant.basis.in_(PERMISSIONS),
        m.Grant.id.not_in(noted),
    )
    return list(session.scalars(grants.order_by(m.Grant.valid_from, m.Grant.id)))


def _dealt_with(meeting: m.Meeting, column: Any) -> Select[Any]:
    """Return the cases or the desk's items, by their column, that have an outcome in a meeting."""
    return select(column).where(m.MatterOutcome.meeting_id == meeting.id, column.is_not(None))


def advised_cases(meeting: m.Meeting) -> Select[Any]:
    """Return the ids of the cases on which some expert advised in a meeting."""
    return (
        select(m.Brief.case_id)
        .join(m.Advice, m.Advice.brief_id == m.Brief.id)
        .where(m.Brief.meeting_id == meeting.id)
    )


def agenda_cases(meeting: m.Meeting) -> ColumnElement[bool]:
    """Return which cases are before a meeting: every open one, nobody chooses (domain.md §5).

    Of a meeting that is over, those it dealt with: a brief was written or the case was put off.
    """
    brief = select(m.Brief.case_id).where(m.Brief.meeting_id == meeting.id)
    put_off = _dealt_with(meeting, m.MatterOutcome.case_id)
    dealt_with = or_(m.Case.id.in_(brief), m.Case.id.in_(put_off))
    own = m.Case.owner_agency_id == meeting.agency_id
    if meeting.closed_at is not None:
        return and_(own, dealt_with)
    return and_(own, or_(m.Case.closed_at.is_(None), dealt_with))


def agenda_consultations(meeting: m.Meeting) -> ColumnElement[bool]:
    """Return which consultations without a case are before a meeting (domain.md §5).

    All that lie on the centre's desk and that no earlier meeting talked over.
    """
    item, outcome = m.InboxItem, m.MatterOutcome
    own = item.agency_id == meeting.agency_id
    here = item.id.in_(_dealt_with(meeting, outcome.item_id))
    if meeting.closed_at is not None:
        return and_(own, here)
    talked_over = select(outcome.item_id).where(
        outcome.item_id.is_not(None), outcome.reason.is_(None)
    )
    waiting = and_(
        item.case_id.is_(None), item.status != "handed_over", item.id.not_in(talked_over)
    )
    return and_(own, or_(waiting, here))


def cases_left(meeting: m.Meeting) -> Select[Any]:
    """Return the ids of the cases that nobody advised on and nobody put off in a meeting."""
    return select(m.Case.id).where(
        agenda_cases(meeting),
        m.Case.id.not_in(advised_cases(meeting)),
        m.Case.id.not_in(_dealt_with(meeting, m.MatterOutcome.case_id)),
    )


def consultations_left(meeting: m.Meeting) -> Select[Any]:
    """Return the ids of the desk's items that were neither talked over nor put off."""
    return select(m.InboxItem.id).where(
        agenda_consultations(meeting),
        m.InboxItem.id.not_in(_dealt_with(meeting, m.MatterOutcome.item_id)),
    )


def on_call(session: Session, agency_id: uuid.UUID) -> list[uuid.UUID]:
    """Return who can be put on a centre's duty list: whoever works on its cases now."""
    row, now = m.Membership, clock(session)
    people = (
        select(row.account_id)
        .join(m.Account, m.Account.id == row.account_id)
        .where(
            row.agency_id == agency_id,
            row.role.in_(sorted(OWNER_ROLES)),
            holds(row, now),
            ~m.Account.disabled,
        )
        .order_by(row.valid_from, row.id)
    )
    return list(session.scalars(people))
