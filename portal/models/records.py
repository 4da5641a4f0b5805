"""The vault's wrapped keys and the audit log."""

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from sqlalchemy import Index, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from portal.models.base import Base, Keyed, Now, Sealed, account_key, agency_key


class DataKey(Keyed, Base):
    """A data key, wrapped by the key outside the database (security.md §4).

    ``scope_id`` says what it opens, of the kind that its table is for. Each kind has a table of its
    own, since PostgreSQL prepares the whole policy of a table at each statement: in one table every
    page paid for the rules of everything that is sealed anywhere (ADR 1).
    """

    __abstract__ = True
    kind: ClassVar[str]

    scope_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    kek_id: Mapped[str]
    wrapped: Mapped[Sealed]
    recorded_at: Mapped[Now]

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        return (UniqueConstraint("scope_id"),)


class SliceKey(DataKey):
    """The key of one slice of a case."""

    __tablename__ = "slice_keys"
    __table_args__ = (UniqueConstraint("scope_id", "slice"),)
    kind = "slice"

    slice: Mapped[str]


class ThreadKey(DataKey):
    """The key of a thread and of the consultation it began with."""

    __tablename__ = "thread_keys"
    kind = "thread"


class PersonKey(DataKey):
    """The key of a person's names and date of birth."""

    __tablename__ = "person_keys"
    kind = "person"


class AccountKey(DataKey):
    """The key of an account's name, address and second factor."""

    __tablename__ = "account_keys"
    kind = "account"


class BriefKey(DataKey):
    """The key of a brief."""

    __tablename__ = "brief_keys"
    kind = "brief"


class PartiesKey(DataKey):
    """The key of the names that a brief keeps apart."""

    __tablename__ = "parties_keys"
    kind = "parties"


class AdviceKey(DataKey):
    """The key of an expert's advice."""

    __tablename__ = "advice_keys"
    kind = "advice"


class ActionKey(DataKey):
    """The key of an action and its steps."""

    __tablename__ = "action_keys"
    kind = "action"


class EmergencyKey(DataKey):
    """The key of an emergency's reason, alert and review."""

    __tablename__ = "emergency_keys"
    kind = "emergency"


class IssuerKey(DataKey):
    """The key of the secret that an issuer of sign-ons knows the portal by."""

    __tablename__ = "issuer_keys"
    kind = "issuer"


KEYS: Final[Mapping[str, type[DataKey]]] = MappingProxyType(
    {
        model.kind: model
        for model in (
            SliceKey,
            ThreadKey,
            PersonKey,
            AccountKey,
            BriefKey,
            PartiesKey,
            AdviceKey,
            ActionKey,
            EmergencyKey,
            IssuerKey,
        )
    }
)


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
