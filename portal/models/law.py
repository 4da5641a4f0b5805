"""Sharing without consent: what is proposed and decided, reported, or opened in an emergency.

The grant itself stands in ``grants``; here is what the law and the house ask for beside it
(domain.md §3, lanes B and C and emergency).
"""

import datetime as dt
import uuid
from typing import Any, ClassVar

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, OfCase, Sealed, account_key, agency_key


class ShareProposal(OfCase, Keyed, Base):
    """A share that a law permits: proposed by one person, decided by the director.

    Where the row of the basis asks for no director (a council decides per meeting), it is carried
    out at once and ``decision`` is ``CARRIED_OUT``.
    """

    __tablename__ = "share_proposals"
    __sealed__: ClassVar[tuple[str, ...]] = (
        *("reason", "why_not_asked", "told", "new_facts"),
        "refusal",
    )
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        CheckConstraint(
            "decision IN ('approved', 'refused', 'carried_out')", name="three_decisions"
        ),
        CheckConstraint("decided_by <> proposed_by OR decision = 'carried_out'", name="two_people"),
    )

    APPROVED: ClassVar[str] = "approved"
    REFUSED: ClassVar[str] = "refused"
    CARRIED_OUT: ClassVar[str] = "carried_out"

    agency_id: Mapped[uuid.UUID] = agency_key()
    slices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    account_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid()))
    purpose: Mapped[str]
    basis: Mapped[str]
    necessity: Mapped[str]
    valid_until: Mapped[Instant]
    # Why nobody was asked: it is impossible, or it would endanger the child.
    ruled_out: Mapped[str]
    request_no: Mapped[str | None]
    meeting_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("meetings.id"))
    other_statute: Mapped[str | None]
    # Whether the child was told before, and that nobody of a wish without a name is a recipient.
    told_first: Mapped[bool]
    nobody_unlinked: Mapped[bool]
    proposed_by: Mapped[uuid.UUID] = account_key()
    proposed_at: Mapped[Now]
    decision: Mapped[str | None]
    decided_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    decided_at: Mapped[Instant | None]
    grant_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("grants.id"))
    reason_sealed: Mapped[Sealed]
    why_not_asked_sealed: Mapped[Sealed]
    told_sealed: Mapped[Sealed | None]
    new_facts_sealed: Mapped[Sealed | None]
    refusal_sealed: Mapped[Sealed | None]


class PermissionNoting(OfCase, Keyed, Base):
    """A 支援方針会議 took note of a share that a law permitted; it is listed until one does."""

    __tablename__ = "permission_notings"
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("grant_id"),
        Index("ix_permission_notings_meeting", "meeting_id"),
    )

    grant_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("grants.id"))
    meeting_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("meetings.id"))
    noted_at: Mapped[Now]


class LawReport(OfCase, Keyed, Base):
    """A report to the authorities (通告): sent first, the call recorded after (domain.md §2)."""

    __tablename__ = "law_reports"
    __sealed__: ClassVar[tuple[str, ...]] = ("phoned_to", "told")
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("grant_id"),
        CheckConstraint(
            "recorded_at IS NULL OR num_nonnulls(phoned_at, phoned_to_sealed, told_sealed) = 3",
            name="recorded_whole",
        ),
    )

    grant_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("grants.id"))
    agency_id: Mapped[uuid.UUID] = agency_key()
    # What it is called, by who we are: ``report``, ``referral`` or ``information``.
    word: Mapped[str]
    sent_by: Mapped[uuid.UUID] = account_key()
    sent_at: Mapped[Now]
    phoned_at: Mapped[Instant | None]
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    recorded_at: Mapped[Instant | None]
    phoned_to_sealed: Mapped[Sealed | None]
    told_sealed: Mapped[Sealed | None]


class Emergency(OfCase, Keyed, Base):
    """An emergency view by one person, or an emergency provision to an agency (domain.md §3.4).

    Its grants name it. A provision names a second person from the start, who confirms or ends it;
    every emergency is reviewed by somebody else than who started it, never with empty words.
    """

    __tablename__ = "emergencies"
    __sealed__: ClassVar[tuple[str, ...]] = (
        *("reason", "phoned_to", "decision", "review"),
        "told",
    )
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        CheckConstraint("kind IN ('view', 'provision')", name="two_kinds"),
        CheckConstraint(
            "kind = 'view' OR num_nonnulls(second_id, phoned_at, phoned_to_sealed) = 3",
            name="phoned_first_with_a_second",
        ),
        CheckConstraint(
            "started_by <> ALL (ARRAY[second_id, prolonged_by, reviewed_by])", name="somebody_else"
        ),
        CheckConstraint("decision IN ('confirmed', 'ended')", name="two_decisions"),
        CheckConstraint("(told_on IS NULL) = (told_by IS NULL)", name="told_by_somebody"),
        CheckConstraint(
            "reviewed_at IS NULL OR num_nonnulls(reviewed_by, finding, review_sealed, told_sealed)"
            " = 4",
            name="reviewed_whole",
        ),
    )

    VIEW: ClassVar[str] = "view"
    PROVISION: ClassVar[str] = "provision"
    CONFIRMED: ClassVar[str] = "confirmed"
    ENDED: ClassVar[str] = "ended"
    FINDINGS: ClassVar[tuple[str, ...]] = ("right", "too_much", "wrong")

    kind: Mapped[str]
    agency_id: Mapped[uuid.UUID] = agency_key()
    started_by: Mapped[uuid.UUID] = account_key()
    started_at: Mapped[Now]
    second_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    phoned_at: Mapped[Instant | None]
    decision: Mapped[str | None]
    decided_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    decided_at: Mapped[Instant | None]
    prolonged_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    prolonged_at: Mapped[Instant | None]
    finding: Mapped[str | None]
    # When and by whom the child was told of it; where it could not be yet, a task says by when.
    told_on: Mapped[dt.date | None]
    told_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    reviewed_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    reviewed_at: Mapped[Instant | None]
    reason_sealed: Mapped[Sealed]
    phoned_to_sealed: Mapped[Sealed | None]
    decision_sealed: Mapped[Sealed | None]
    review_sealed: Mapped[Sealed | None]
    told_sealed: Mapped[Sealed | None]
