"""Consultations, the threads they are answered in, and the desks that read them (domain.md §2)."""

import uuid
from typing import ClassVar

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, Sealed, account_key, agency_key

# A consultation waits until the desk has dealt with it, and again when its visitor writes.
_WAITING = text("status = 'new' OR unread_since IS NOT NULL")


class Thread(Keyed, Base):
    """A conversation with one child, guardian or other person, opened again by a return code.

    ``account_id`` is the volunteer who reported while signed in. ``sealed`` marks a third-party
    reporter's thread: once a case exists, only the director and the case's workers read it.
    """

    __tablename__ = "threads"
    __table_args__ = (
        ForeignKeyConstraint(
            ["case_id", "owner_agency_id"],
            ["cases.id", "cases.owner_agency_id"],
            onupdate="CASCADE",
        ),
        Index("ix_threads_case", "case_id", postgresql_where="case_id IS NOT NULL"),
        Index("ix_threads_account", "account_id", postgresql_where="account_id IS NOT NULL"),
    )

    kind: Mapped[str]
    sealed: Mapped[bool] = mapped_column(default=False, server_default="false")
    case_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
    owner_agency_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
    person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    opened_at: Mapped[Now]
    promised_at: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]


class ThreadCode(Base):
    """The return code and secret word of a thread, hashed; only ``thread_by_locator`` reads it."""

    __tablename__ = "thread_codes"
    __table_args__ = (Index("ix_thread_codes_locator", "locator"),)

    thread_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("threads.id"), primary_key=True)
    locator: Mapped[bytes] = mapped_column(LargeBinary)
    code_hash: Mapped[str]
    secret_hash: Mapped[str | None]
    set_at: Mapped[Now]


class ThreadMessage(Keyed, Base):
    """One message in a thread; without an agency it was written by the visitor."""

    __tablename__ = "thread_messages"
    __sealed__: ClassVar[tuple[str, ...]] = ("text",)
    __table_args__ = (Index("ix_thread_messages_thread", "thread_id", "written_at"),)

    thread_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("threads.id"))
    agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    written_at: Mapped[Now]
    seen_at: Mapped[Instant | None]
    text_sealed: Mapped[Sealed]


class Consultation(Keyed, Base):
    """A consultation as it was given: channel, topic, words, and whom not to tell."""

    __tablename__ = "consultations"
    __sealed__: ClassVar[tuple[str, ...]] = ("words", "about", "name", "callback", "not_to_tell")
    __table_args__ = (UniqueConstraint("thread_id"),)

    thread_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("threads.id"))
    received_at: Mapped[Now]
    channel: Mapped[str]
    consulter: Mapped[str]
    anonymous: Mapped[bool] = mapped_column(default=True, server_default="true")
    topic: Mapped[str]
    suspected_abuse: Mapped[bool] = mapped_column(default=False, server_default="false")
    urgent: Mapped[bool] = mapped_column(default=False, server_default="false")
    # The agency a third-party reporter belongs to; sealed rows of the thread protect it.
    reporting_agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    # On which row of legal_bases.csv an agency tells of a matter that it hands to the centre.
    basis: Mapped[str | None]
    words_sealed: Mapped[Sealed]
    about_sealed: Mapped[Sealed | None]
    # Who consults, in the words that were given; nobody has to say it.
    name_sealed: Mapped[Sealed | None]
    callback_sealed: Mapped[Sealed | None]
    not_to_tell_sealed: Mapped[Sealed | None]


class InboxItem(Keyed, Base):
    """A consultation as one agency's desk holds it: its state and, for an owner, its case.

    Each desk has a row of its own, so that handing a consultation over tells the giver nothing
    of what became of it there.
    """

    __tablename__ = "inbox_items"
    __table_args__ = (
        UniqueConstraint("consultation_id", "agency_id"),
        UniqueConstraint("id", "agency_id"),
        ForeignKeyConstraint(
            ["case_id", "agency_id"], ["cases.id", "cases.owner_agency_id"], onupdate="CASCADE"
        ),
        # What waits, by when it is due, and what was dealt with, newest first.
        Index("ix_inbox_items_waiting", "agency_id", "due_at", "id", postgresql_where=_WAITING),
        Index("ix_inbox_items_desk", "agency_id", text("received_at DESC"), text("id DESC")),
        Index("ix_inbox_items_thread", "thread_id"),
    )

    consultation_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("consultations.id"))
    thread_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("threads.id"))
    agency_id: Mapped[uuid.UUID] = agency_key()
    from_agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    status: Mapped[str] = mapped_column(default="new", server_default="new")
    sealed: Mapped[bool] = mapped_column(default=False, server_default="false")
    received_at: Mapped[Now]
    # At the NPO: when the report comes up by itself; at the centre: the promised reply.
    due_at: Mapped[Instant]
    # Since when words of the visitor wait here; set by the trigger of ``thread_messages``, because
    # a visitor sees no desk. Each desk reads for itself: what one has read may wait at another.
    unread_since: Mapped[Instant | None]
    handled_at: Mapped[Instant | None]
    handled_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    case_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
