"""The vault's wrapped keys and the audit log."""

import uuid
from typing import Any

from sqlalchemy import Index, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Keyed, Now, Sealed, account_key, agency_key


class DataKey(Keyed, Base):
    """A data key, wrapped by the key outside the database (security.md §4).

    ``kind`` and ``scope_id`` say what it opens: one slice of a case, a thread, a person, an
    account, a brief or an action.
    """

    __tablename__ = "data_keys"
    __table_args__ = (UniqueConstraint("scope_id", "slice"),)

    kind: Mapped[str]
    scope_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    slice: Mapped[str] = mapped_column(default="", server_default="")
    kek_id: Mapped[str]
    wrapped: Mapped[Sealed]
    recorded_at: Mapped[Now]


class AuditEvent(Keyed, Base):
    """One thing that somebody did or read. No content, only keys (portal.audit has the words)."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_case", "case_id", text("happened_at DESC")),
        Index("ix_audit_events_agency", "agency_id", text("happened_at DESC")),
        Index(
            "ix_audit_events_about",
            "about_agency_id",
            text("happened_at DESC"),
            postgresql_where=text("about_agency_id IS NOT NULL"),
        ),
        Index("ix_audit_events_time", text("happened_at DESC"), text("id DESC")),
    )

    happened_at: Mapped[Now]
    # For the sequencer of the tamper-evident log: rows become visible in another order than
    # their times (security.md §5).
    xid: Mapped[str] = mapped_column(server_default=text("pg_current_xact_id()::text"))
    event: Mapped[str]
    viewer: Mapped[str]
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    # Whose agency it concerns, where somebody else may have done it: its manager reads of it.
    about_agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    case_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid())
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
