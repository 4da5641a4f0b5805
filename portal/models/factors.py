"""What an account proves itself by besides its password, and what it has pledged.

Nothing here is deleted: a factor that was taken away keeps its row with an end.
"""

import uuid
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, Sealed, account_key, agency_key


class TotpSecret(Keyed, Base):
    """The secret of an authenticator app (RFC 6238), sealed; at most one of an account holds."""

    __tablename__ = "totp_secrets"
    __sealed__: ClassVar[tuple[str, ...]] = ("secret",)
    __table_args__ = (
        Index(
            "uq_totp_secrets_holding",
            "account_id",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
    )

    account_id: Mapped[uuid.UUID] = account_key()
    secret_sealed: Mapped[Sealed]
    # The last step of 30 seconds whose code was taken: no code is taken twice (security.md A4).
    used_step: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[Now]
    ended_at: Mapped[Instant | None]


class Passkey(Keyed, Base):
    """A passkey (WebAuthn): the public half of a key that never leaves its owner's device."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("ix_passkeys_account", "account_id"),)

    account_id: Mapped[uuid.UUID] = account_key()
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    recorded_at: Mapped[Now]
    used_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]


class RecoveryCode(Keyed, Base):
    """A printed code that stands in for a lost device, once; only its hash is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_account", "account_id"),)

    account_id: Mapped[uuid.UUID] = account_key()
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    recorded_at: Mapped[Now]
    used_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]


class FactorReset(Keyed, Base):
    """Somebody lost what proves the account, and who keeps the agency's people saw to it.

    ``reason`` says what was lost and ``checked`` how the person was known, both in codes. Where the
    account opens cases nothing happens until another person confirms; a reset holds for
    ``portal.policy.permissions.PROPOSAL_HOLDS`` from ``asked_at`` on.
    """

    __tablename__ = "factor_resets"
    __table_args__ = (
        CheckConstraint("asked_by <> account_id", name="never_for_oneself"),
        CheckConstraint(
            "decision <> 'confirmed' OR (decided_by <> asked_by AND decided_by <> account_id)",
            name="another_person",
        ),
        CheckConstraint(
            "num_nonnulls(decision, decided_by, decided_at) IN (0, 3)", name="decided_whole"
        ),
        Index("ix_factor_resets_agency", "agency_id", "asked_at"),
        Index("ix_factor_resets_account", "account_id"),
    )

    ALONE: ClassVar[str] = "alone"
    CONFIRMED: ClassVar[str] = "confirmed"
    DECLINED: ClassVar[str] = "declined"
    WITHDRAWN: ClassVar[str] = "withdrawn"

    account_id: Mapped[uuid.UUID] = account_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    reason: Mapped[str]
    checked: Mapped[str]
    asked_by: Mapped[uuid.UUID] = account_key()
    asked_at: Mapped[Now]
    decision: Mapped[str | None]
    decided_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    decided_at: Mapped[Instant | None]


class UsedMark(Base):
    """The hash of something that may be used once, such as a challenge; kept for a day."""

    __tablename__ = "used_marks"

    mark: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    recorded_at: Mapped[Now]


class Pledge(Keyed, Base):
    """The pledge of secrecy 守秘の誓約 of one fiscal year (April to March, JST)."""

    __tablename__ = "pledges"
    __table_args__ = (UniqueConstraint("account_id", "fiscal_year"),)

    account_id: Mapped[uuid.UUID] = account_key()
    fiscal_year: Mapped[int]
    recorded_at: Mapped[Now]
