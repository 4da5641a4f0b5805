"""The weekly 支援方針会議: briefs for outside experts, and what they advise (domain.md §5)."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, OfCase, Sealed, account_key, agency_key


class Meeting(Keyed, Base):
    """A meeting; the case text of its experts ends when it is closed."""

    __tablename__ = "meetings"
    __table_args__ = (UniqueConstraint("id", "agency_id"),)

    agency_id: Mapped[uuid.UUID] = agency_key()
    kind: Mapped[str] = mapped_column(default="policy", server_default="policy")
    held_on: Mapped[dt.date] = mapped_column(Date)
    opened_at: Mapped[Now]
    closed_at: Mapped[Instant | None]


class MeetingExpert(Keyed, Base):
    """An expert invited to a meeting by name."""

    __tablename__ = "meeting_experts"
    __table_args__ = (
        UniqueConstraint("meeting_id", "account_id"),
        ForeignKeyConstraint(["meeting_id", "centre_id"], ["meetings.id", "meetings.agency_id"]),
    )

    meeting_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    centre_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    account_id: Mapped[uuid.UUID] = account_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    recorded_at: Mapped[Now]


class MatterOutcome(Keyed, Base):
    """What a meeting made of a matter that no expert advised on: talked over, or put off.

    A consultation without a case can be talked over (``reason`` is NULL); a case without advice can
    only be put off, with a reason and the day on which it is looked at again (domain.md §5).
    """

    __tablename__ = "matter_outcomes"
    __table_args__ = (
        ForeignKeyConstraint(["meeting_id", "agency_id"], ["meetings.id", "meetings.agency_id"]),
        ForeignKeyConstraint(
            ["case_id", "agency_id"], ["cases.id", "cases.owner_agency_id"], onupdate="CASCADE"
        ),
        ForeignKeyConstraint(["item_id", "agency_id"], ["inbox_items.id", "inbox_items.agency_id"]),
        UniqueConstraint("meeting_id", "case_id"),
        UniqueConstraint("meeting_id", "item_id"),
        CheckConstraint("num_nonnulls(case_id, item_id) = 1", name="one_matter"),
        CheckConstraint("num_nonnulls(reason, until_on) <> 1", name="put_off_with_a_day"),
        CheckConstraint("reason IS NOT NULL OR item_id IS NOT NULL", name="talked_over"),
        Index("ix_matter_outcomes_case", "case_id"),
        Index("ix_matter_outcomes_item", "item_id"),
    )

    meeting_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    agency_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    case_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
    item_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
    reason: Mapped[str | None]
    until_on: Mapped[dt.date | None] = mapped_column(Date)
    recorded_by: Mapped[uuid.UUID] = account_key()
    recorded_at: Mapped[Now]


class Brief(OfCase, Keyed, Base):
    """A matter put to the experts, pseudonymised, with the counsellor's question on top."""

    __tablename__ = "briefs"
    __sealed__: ClassVar[tuple[str, ...]] = ("question", "text")
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("id", "meeting_id"),
        Index("ix_briefs_meeting", "meeting_id"),
    )

    meeting_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("meetings.id"))
    number: Mapped[str]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    written_by: Mapped[uuid.UUID] = account_key()
    written_at: Mapped[Now]
    question_sealed: Mapped[Sealed]
    text_sealed: Mapped[Sealed]


class BriefParty(OfCase, Keyed, Base):
    """The names of the parties of a brief: all an expert sees before declaring a conflict.

    It also says from when until when the brief is before the experts. Here and not in ``briefs``,
    because the wall shows no brief before the declaration, and so could not tell whose parties to
    show.
    """

    __tablename__ = "brief_parties"
    __sealed__: ClassVar[tuple[str, ...]] = ("names",)
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("brief_id"),
        ForeignKeyConstraint(["brief_id", "meeting_id"], ["briefs.id", "briefs.meeting_id"]),
    )

    brief_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    meeting_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    released_at: Mapped[Instant | None]
    # max_days of basis EXPERT after release; the meeting's close ends it sooner.
    valid_until: Mapped[Instant | None]
    names_sealed: Mapped[Sealed]


class ConflictDeclaration(OfCase, Keyed, Base):
    """Whether an expert has a conflict of interest with a matter, declared before its text."""

    __tablename__ = "conflict_declarations"
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (UniqueConstraint("brief_id", "account_id"),)

    brief_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("briefs.id"))
    account_id: Mapped[uuid.UUID] = account_key()
    conflict: Mapped[bool]
    declared_at: Mapped[Now]


class Advice(OfCase, Keyed, Base):
    """Advice to the centre, or 了承（意見なし）, by a named expert; no mandate from the family."""

    __tablename__ = "advices"
    __sealed__: ClassVar[tuple[str, ...]] = ("text",)
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (UniqueConstraint("brief_id", "account_id"),)

    brief_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("briefs.id"))
    account_id: Mapped[uuid.UUID] = account_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    assent: Mapped[bool] = mapped_column(default=False, server_default="false")
    given_at: Mapped[Now]
    text_sealed: Mapped[Sealed | None]
