"""Single sign-on of organisations, and machines that call the interface: who may prove what.

What an organisation's sign-on says is never a right. It proves who somebody is, and chooses among
the memberships that were granted here.
"""

import uuid
from typing import ClassVar

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import (
    Base,
    Instant,
    Keyed,
    Now,
    Period,
    Sealed,
    account_key,
    agency_key,
)


def _issuer_key(*, nullable: bool = False) -> Mapped[uuid.UUID]:
    return mapped_column(Uuid(), ForeignKey("issuers.id"), nullable=nullable)


class Issuer(Keyed, Base):
    """The sign-on of an organisation: an OpenID provider that the administrator entered.

    Name, address and client id are known to everybody who signs in there; the secret is sealed.
    """

    __tablename__ = "issuers"
    __sealed__: ClassVar[tuple[str, ...]] = ("client_secret",)

    name: Mapped[str]
    # The issuer's identifier, from which its configuration is discovered.
    url: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[str]
    client_secret_sealed: Mapped[Sealed]
    # Where there are any, only a confirmed e-mail of one of them is taken.
    domains: Mapped[list[str]] = mapped_column(ARRAY(Text))
    # The claim whose values choose among the places; none where every place is for everybody.
    claim: Mapped[str | None]
    # Values of acr or amr that count as the second factor; none where the portal asks for its own.
    second_factors: Mapped[list[str]] = mapped_column(ARRAY(Text))
    suspended: Mapped[bool] = mapped_column(default=False, server_default="false")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    recorded_at: Mapped[Now]


class IssuerPlace(Keyed, Period, Base):
    """An agency into which an issuer may sign people, in a role or in any, by a value of its claim.

    It gives nobody a membership: somebody without one gets in nowhere.
    """

    __tablename__ = "issuer_places"

    issuer_id: Mapped[uuid.UUID] = _issuer_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    role: Mapped[str | None]
    value: Mapped[str | None]


class IssuerLink(Keyed, Period, Base):
    """An account belongs to somebody whom an issuer knows; made once, by that person.

    The index is an HMAC of issuer and subject, which may be a number of the staff.
    """

    __tablename__ = "issuer_links"
    __table_args__ = (
        Index(
            "uq_issuer_links_subject",
            "issuer_id",
            "subject_index",
            unique=True,
            postgresql_where="valid_until IS NULL",
        ),
        Index(
            "uq_issuer_links_account",
            "issuer_id",
            "account_id",
            unique=True,
            postgresql_where="valid_until IS NULL",
        ),
    )

    issuer_id: Mapped[uuid.UUID] = _issuer_key()
    account_id: Mapped[uuid.UUID] = account_key()
    subject_index: Mapped[bytes] = mapped_column(LargeBinary)


class MachineClient(Keyed, Base):
    """A machine of an agency that calls the interface under its own name (OAuth 2.0, RFC 6749)."""

    __tablename__ = "machine_clients"

    agency_id: Mapped[uuid.UUID] = agency_key()
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    revoked_at: Mapped[Instant | None]
    recorded_at: Mapped[Now]


class MachineSecret(Keyed, Period, Base):
    """A secret of a machine: 256 random bits, of which the hash is kept.

    Two may hold at once, so that a new one can be brought out before the old one ends.
    """

    __tablename__ = "machine_secrets"

    client_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("machine_clients.id"))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[Instant | None]


class MachineToken(Base):
    """What a machine shows with each call, for minutes; the table holds its hash."""

    __tablename__ = "machine_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    secret_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("machine_secrets.id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    issued_at: Mapped[Now]
    valid_until: Mapped[Instant]
