"""Letters to people with an account, the devices they sign in on, and what they have typed."""

import uuid
from typing import ClassVar

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, Sealed, account_key


class Notice(Keyed, Base):
    """A letter to be sent by mail: its kind and to whom, never a text of a case.

    ``link_hash`` is the hash of the secret part of the link in it, which works once and until
    ``expires_at``; the secret itself is made anew from the id where it is needed. ``email_index``
    is that of an address somebody typed, until the worker has found whose it is; a letter left
    without an account goes nowhere.
    """

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_account", "account_id", "kind"),)

    kind: Mapped[str]
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    # When it is to be sent: an invitation waits for the first day at work.
    due_at: Mapped[Now]
    link_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[Instant | None]
    used_at: Mapped[Instant | None]
    sent_at: Mapped[Instant | None]
    # The mail server said for good that nobody has the address.
    refused_at: Mapped[Instant | None]
    # There was nothing left to tell of when its turn came: read, or taken back.
    dropped_at: Mapped[Instant | None]
    recorded_at: Mapped[Now]


class KnownDevice(Base):
    """A browser that an account has signed in on; the browser holds a token, the table its hash."""

    __tablename__ = "known_devices"

    account_id: Mapped[uuid.UUID] = account_key()
    device_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    seen_at: Mapped[Now]


class SavedText(Keyed, Base):
    """What somebody typed when the session had ended, kept for that account alone, for a day."""

    __tablename__ = "saved_texts"
    __sealed__: ClassVar[tuple[str, ...]] = ("fields",)
    __table_args__ = (Index("ix_saved_texts_account", "account_id"),)

    account_id: Mapped[uuid.UUID] = account_key()
    # Where the form was going, with its query.
    path: Mapped[str]
    fields_sealed: Mapped[Sealed]
    recorded_at: Mapped[Now]
