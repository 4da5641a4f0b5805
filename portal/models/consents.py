"""Two consents that never imply each other: to an action, and to sharing (domain.md §3).

The shape follows ISO/IEC TS 27560: a header, the items consented to, and append-only events.
"""

import datetime as dt
import uuid
from typing import Any, ClassVar

from sqlalchemy import ARRAY, CheckConstraint, Date, ForeignKey, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import (
    Base,
    Instant,
    Keyed,
    Now,
    OfCase,
    Sealed,
    account_key,
    agency_key,
)


class Wording(Keyed, Base):
    """A version of the words a consent was asked in; never changed once used."""

    __tablename__ = "wordings"

    name: Mapped[str]
    version: Mapped[str]
    level: Mapped[str]
    language: Mapped[str]
    body: Mapped[str]
    recorded_at: Mapped[Now]


class Consent(OfCase, Keyed, Base):
    """Who was asked what, by whom and how. ``kind`` is ``action`` or ``sharing``."""

    __tablename__ = "consents"
    __sealed__: ClassVar[tuple[str, ...]] = ("draft", "note", "objection", "said_back", "what")
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        CheckConstraint("kind IN ('action', 'sharing')", name="two_kinds"),
    )

    kind: Mapped[str]
    giver_kind: Mapped[str]
    giver_person_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("persons.id"))
    # The child for whose data a guardian answers beside it; None where it is the giver's own.
    for_person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
    # Why one of two holders of parental authority answers alone (code list ``alone_because``).
    alone_because: Mapped[str | None]
    method: Mapped[str]
    wording_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("wordings.id"))
    explained_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    witness_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    asked_at: Mapped[Now]
    # For an action: what is consented to. For sharing: what the child said back in own words.
    what_sealed: Mapped[Sealed | None]
    said_back_sealed: Mapped[Sealed | None]
    # By phone without a second person: the note of the same day.
    note_sealed: Mapped[Sealed | None]
    # What was chosen so far on a screen that was put away; it opens nothing and is gone at the end.
    draft_sealed: Mapped[Sealed | None]
    # The child's good reason why the guardian is not asked, from 12 to 15 (law-and-practice §2.1).
    objection_sealed: Mapped[Sealed | None]

    @property
    def subject_id(self) -> uuid.UUID:
        """Return whose data the consent is about."""
        return self.for_person_id or self.giver_person_id


class ConsentItem(OfCase, Keyed, Base):
    """One answer for one agency and one plain bundle: yes, no or later."""

    __tablename__ = "consent_items"
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        CheckConstraint("answer IN ('yes', 'no', 'later')", name="three_answers"),
        Index("ix_consent_items_consent", "consent_id"),
    )

    consent_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("consents.id"))
    agency_id: Mapped[uuid.UUID] = agency_key()
    bundle: Mapped[str]
    slices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    answer: Mapped[str]
    # The last day in JST on which it holds, as the person was told.
    last_day: Mapped[dt.date | None] = mapped_column(Date)


class ConsentEvent(OfCase, Keyed, Base):
    """One step in the life of a consent (code list ``consent_state``); append-only."""

    __tablename__ = "consent_events"
    __case_extra__: ClassVar[tuple[Any, ...]] = (Index("ix_consent_events_consent", "consent_id"),)

    consent_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("consents.id"))
    state: Mapped[str]
    agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    grant_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("grants.id"))
    happened_at: Mapped[Now]
    # Until when the state holds by itself, as an exclusive instant; a given consent has an end.
    valid_until: Mapped[Instant | None]
    # Which words the person had before them, and so their version, level and language.
    wording_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("wordings.id"))
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    # The thread by which the child or guardian did it, where it was not a member of staff.
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("threads.id"))
    # Whose word it was, where staff wrote it down for the child or the guardian.
    person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))


class GuardianRecord(OfCase, Keyed, Base):
    """What the centre knows of somebody who may answer for the child; the newest one holds.

    Who is ``concerned`` (関係するとされる人) is neither asked nor told (domain.md §3.6).
    """

    __tablename__ = "guardian_records"

    person_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("persons.id"))
    # Code list ``authority``: whether and how this person holds parental authority.
    authority: Mapped[str]
    lives_with: Mapped[bool] = mapped_column(default=True, server_default="true")
    concerned: Mapped[bool] = mapped_column(default=False, server_default="false")
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    recorded_at: Mapped[Now]
