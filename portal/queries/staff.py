"""What the pages about an agency's people read: who works there, what is proposed, what changed."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import standing
from portal.policy.permissions import ADMINISTRATOR, CENTRE, PROPOSAL_HOLDS, Standing, decides
from portal.policy.terms import clock
from portal.policy.viewer import DIRECTOR, live
from portal.queries.administration import profiles_of
from portal.queries.directory import account_names
from portal.queries.paging import Cursor, Page, newest_first
from portal.working_hours import instant_to_inclusive

PAGE = 50
# From 1 April on managers are asked about whoever is to be confirmed by the end of May.
_ASKED_BEFORE = dt.timedelta(days=30 + 31)
_LISTED_AFTER = dt.timedelta(days=90)


@dataclass(frozen=True)
class ProposalRow:
    """A role that somebody is to have, and that a second person must confirm.

    ``proposer`` is a name where the viewer may know it, else ""; ``own`` is what the viewer
    proposed, ``decidable`` what the viewer may confirm. The end of the membership is exclusive.
    """

    id: uuid.UUID
    account_id: uuid.UUID
    name: str
    agency: str
    agency_type: str
    role: str
    manager: bool
    since: dt.datetime
    until: dt.datetime | None
    proposer: str
    proposed_at: dt.datetime
    expires_at: dt.datetime
    own: bool
    decidable: bool


@dataclass(frozen=True)
class StaffRow:
    """Somebody who works for an agency, or is going to; the end is exclusive.

    ``confirm_by`` is the last day (JST) on which somebody may confirm the person in time;
    ``asleep`` is whoever nobody confirmed in time, ``due`` who is to be confirmed soon,
    ``over`` who has left; to who is ``unreachable`` mail comes back.
    """

    id: uuid.UUID
    account_id: uuid.UUID
    name: str
    role: str
    manager: bool
    valid_from: dt.datetime
    valid_until: dt.datetime | None
    live: bool
    confirm_by: dt.date | None
    asleep: bool
    due: bool
    over: bool
    disabled: bool
    own: bool
    unreachable: bool


@dataclass(frozen=True)
class ChangeRow:
    """A change of an agency's people or settings: who made it, and whom it concerns.

    ``what`` is the code of the change, ``event`` that of the log; names are "" where the viewer
    may not know them.
    """

    id: uuid.UUID
    at: dt.datetime
    event: str
    what: str
    role: str
    person: str
    by: str
    by_agency: str


def proposals(session: Session, agency_id: uuid.UUID | None = None) -> list[ProposalRow]:
    """Return the proposals that wait and that the viewer sees, the oldest first; four queries."""
    row = m.MembershipProposal
    waiting = _waiting()
    if agency_id is not None:
        waiting = waiting.where(row.agency_id == agency_id)
    return _proposal_rows(session, waiting)


def proposals_for(session: Session, account_id: uuid.UUID) -> list[ProposalRow]:
    """Return what is proposed for an account and waits."""
    row = m.MembershipProposal
    return _proposal_rows(session, _waiting().where(row.account_id == account_id))


def _waiting() -> Any:
    row = m.MembershipProposal
    waiting: Any = (
        select(row, m.Agency.name, m.Agency.type)
        .join(m.Agency, m.Agency.id == row.agency_id)
        .where(row.decision.is_(None), row.proposed_at > func.portal_clock() - PROPOSAL_HOLDS)
        .order_by(row.proposed_at, row.id)
    )
    return waiting


def _proposal_rows(session: Session, waiting: Any) -> list[ProposalRow]:
    found = session.execute(waiting).all()
    people = {row.account_id for row, _, _ in found} | {row.proposed_by for row, _, _ in found}
    names = account_names(session, people)
    me, acting = session.info["viewer"].account_id, standing(session)
    return [
        ProposalRow(
            row.id,
            row.account_id,
            names.get(row.account_id, ""),
            agency,
            agency_type,
            row.role,
            row.manager,
            row.valid_from,
            row.valid_until,
            names.get(row.proposed_by, ""),
            row.proposed_at,
            row.proposed_at + PROPOSAL_HOLDS,
            row.proposed_by == me,
            _decidable(row, me, acting),
        )
        for row, agency, agency_type in found
    ]


def _decidable(row: m.MembershipProposal, me: uuid.UUID, acting: Standing | None) -> bool:
    return (
        acting is not None
        and me not in (row.proposed_by, row.account_id)
        and decides(acting, row.agency_id)
    )


def staff_of(session: Session, agency_id: uuid.UUID) -> list[StaffRow]:
    """Return who works for an agency, is going to, or has just left; three queries.

    Those who are there come first. Who has left is listed for three months: its work is to be
    handed over.
    """
    table: Any = m.Membership.__table__
    is_live = live(table).label("live")
    row, now = m.Membership, clock(session)
    found = session.execute(
        select(row, is_live, m.Account.disabled, m.AccountProfile.mail_refused_at)
        .join(m.Account, m.Account.id == row.account_id)
        .outerjoin(m.AccountProfile, m.AccountProfile.account_id == row.account_id)
        .where(
            row.agency_id == agency_id,
            or_(row.valid_until.is_(None), row.valid_until > now - _LISTED_AFTER),
        )
        .order_by(is_live.desc(), row.valid_from, row.id)
    ).all()
    names = account_names(session, {each.account_id for each, *_ in found})
    me = session.info["viewer"].account_id
    return [
        StaffRow(
            each.id,
            each.account_id,
            names.get(each.account_id, ""),
            each.role,
            each.manager,
            each.valid_from,
            each.valid_until,
            holds,
            None if each.confirm_by is None else instant_to_inclusive(each.confirm_by),
            each.confirm_by is not None and each.confirm_by <= now,
            each.confirm_by is not None and each.confirm_by <= now + _ASKED_BEFORE,
            each.valid_until is not None and each.valid_until <= now,
            disabled,
            each.account_id == me,
            refused_at is not None,
        )
        for each, holds, disabled, refused_at in found
    ]


@dataclass(frozen=True)
class ResetRow:
    """A reset of factors that waits for a second person; ``decidable`` by the viewer or not.

    ``email`` is where the link would go: whoever confirms looks whether it is the person's.
    """

    id: uuid.UUID
    account_id: uuid.UUID
    name: str
    email: str
    agency: str
    reason: str
    checked: str
    asker: str
    asked_at: dt.datetime
    expires_at: dt.datetime
    own: bool
    decidable: bool


def resets(session: Session) -> list[ResetRow]:
    """Return the resets that wait and that the viewer sees, the oldest first; four queries."""
    row = m.FactorReset
    found = session.execute(
        select(row, m.Agency.name)
        .join(m.Agency, m.Agency.id == row.agency_id)
        .where(row.decision.is_(None), row.asked_at > func.portal_clock() - PROPOSAL_HOLDS)
        .order_by(row.asked_at, row.id)
    ).all()
    people = {each.account_id for each, _ in found} | {each.asked_by for each, _ in found}
    profiles = profiles_of(session, people)
    me, acting = session.info["viewer"].account_id, standing(session)
    nobody = ("", "")
    return [
        ResetRow(
            each.id,
            each.account_id,
            *profiles.get(each.account_id, nobody),
            agency,
            each.reason,
            each.checked,
            profiles.get(each.asked_by, nobody)[0],
            each.asked_at,
            each.asked_at + PROPOSAL_HOLDS,
            each.asked_by == me,
            acting is not None
            and me not in (each.asked_by, each.account_id)
            and decides(acting, each.agency_id),
        )
        for each, agency in found
    ]


def to_confirm(session: Session, agency_id: uuid.UUID) -> list[StaffRow]:
    """Return who is to be confirmed now, or sleeps because nobody did; never the viewer."""
    return [row for row in staff_of(session, agency_id) if row.due and row.live and not row.own]


def second_person_missing(session: Session, rows: Sequence[ProposalRow]) -> bool:
    """Return whether some proposal waits though nobody but its proposer could confirm it.

    Deciders are live administrators, the agency's live managers and live directors of a centre.
    """
    if not any(row.own for row in rows):
        return False
    table: Any = m.Membership.__table__
    others = (
        select(m.Membership.id)
        .join(m.Agency, m.Agency.id == m.Membership.agency_id)
        .join(m.Account, m.Account.id == m.Membership.account_id)
        .where(
            live(table),
            m.Account.disabled.is_(False),
            m.Membership.account_id != session.info["viewer"].account_id,
            or_(
                m.Membership.role == ADMINISTRATOR,
                (m.Membership.role == DIRECTOR) & (m.Agency.type == CENTRE),
            ),
        )
    )
    return session.scalar(others.limit(1)) is None


def changes(session: Session, agency_id: uuid.UUID, cursor: Cursor | None = None) -> Page:
    """Return a page of what was changed of an agency's people and settings, newest first.

    Three queries; the rules show it to the agency's managers and to the audit officer.
    """
    event = m.AuditEvent
    listed: Any = (
        select(event, event.happened_at, event.id, m.Agency.name.label("agency"))
        .outerjoin(m.Agency, m.Agency.id == event.agency_id)
        .where(event.about_agency_id == agency_id)
    )
    page = newest_first(session, listed, event.happened_at, event.id, cursor=cursor, size=PAGE)
    people = {row.AuditEvent.account_id for row in page.rows} | {
        _subject(row.AuditEvent) for row in page.rows
    }
    names = account_names(session, people - {None})
    rows = [
        ChangeRow(
            row.id,
            row.happened_at,
            row.AuditEvent.event,
            row.AuditEvent.details["change"],
            row.AuditEvent.details.get("role", ""),
            names.get(_subject(row.AuditEvent), ""),
            names.get(row.AuditEvent.account_id, ""),
            row.agency or "",
        )
        for row in page.rows
    ]
    return Page(rows, page.newer, page.older)


def _subject(event: m.AuditEvent) -> Any:
    if "account" not in event.details:
        return None
    return uuid.UUID(event.details["account"])
