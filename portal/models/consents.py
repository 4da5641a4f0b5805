"""Two consents that never imply each other: to an action, and to sharing (domain.md §3).

The shape follows ISO/IEC TS 27560: a header, the items consented to, and append-only events.
"""

import datetime as dt
import uuid
from typing import Any, ClassVar

from sqlalchemy import ARRAY, CheckConstraint, Date, ForeignKey, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Keyed, Now, OfCase, Sealed, account_key, agency_key


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
    __sealed__: ClassVar[tuple[str, ...]] = ("said_back", "what")
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        CheckConstraint("kind IN ('action', 'sharing')", name="two_kinds"),
        Index("ix_consents_case", "case_id"),
    )

    kind: Mapped[str]
    giver_kind: Mapped[str]
    giver_person_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("persons.id"))
    method: Mapped[str]
    wording_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("wordings.id"))
    explained_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    witness_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    asked_at: Mapped[Now]
    # For an action: what is consented to. For sharing: what the child said back in own words.
    what_sealed: Mapped[Sealed | None]
    said_back_sealed: Mapped[Sealed | None]


class ConsentItem(OfCase, Keyed, Base):
    """One answer for one agency and one plain bundle: yes, no or later."""

    __tablename__ = "consent_items"
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
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    # The thread by which the child or guardian did it, where it was not a member of staff.
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("threads.id"))
    # Whose word it was, where staff wrote it down for the child or the guardian.
    person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
