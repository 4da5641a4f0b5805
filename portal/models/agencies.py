"""Agencies, accounts, memberships and standing teams: who works where, as keys and dates.

These tables hold no names of people and no texts, so every policy may read them; names and
addresses of people are sealed in ``account_profiles``, which is governed.
"""

import uuid
from typing import ClassVar

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, Period, Sealed, account_key, agency_key


class Agency(Keyed, Base):
    """An organisation. Its name is public knowledge and is stored as it is."""

    __tablename__ = "agencies"

    type: Mapped[str]
    name: Mapped[str]
    legal_form: Mapped[str] = mapped_column(default="municipal")
    ward: Mapped[str | None]
    # The unguessable part of a cafeteria's report link (domain.md §1).
    report_slug: Mapped[str | None] = mapped_column(unique=True)
    # The entrusted NPO that hears this cafeteria first, and the centre that stands behind it.
    entrusted_npo_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    centre_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    # Whether the city designated this centre to receive 通告 itself; else it makes the report.
    receives_reports: Mapped[bool] = mapped_column(default=False, server_default="false")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    recorded_at: Mapped[Now]


class CouncilMembership(Keyed, Period, Base):
    """An agency's membership of the regional council 要対協 (児童福祉法25条の2)."""

    __tablename__ = "council_memberships"

    agency_id: Mapped[uuid.UUID] = agency_key()


class Departure(Keyed, Period, Base):
    """An agency has left the scheme 連携の枠組み; where it has an end, the agency came back."""

    __tablename__ = "departures"
    __table_args__ = (Index("ix_departures_agency", "agency_id"),)

    agency_id: Mapped[uuid.UUID] = agency_key()
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)


class Account(Keyed, Base):
    """One account for one human being; ``person_id`` where this human is also known as one."""

    __tablename__ = "accounts"

    person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
    disabled: Mapped[bool] = mapped_column(default=False, server_default="false")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    recorded_at: Mapped[Now]


class AccountProfile(Base):
    """Name and e-mail of an account, sealed; the index finds an e-mail without showing it."""

    __tablename__ = "account_profiles"
    __sealed__: ClassVar[tuple[str, ...]] = ("email", "name")

    account_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("accounts.id"), primary_key=True
    )
    email_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email_sealed: Mapped[Sealed]
    name_sealed: Mapped[Sealed]
    # Since when mail to this address comes back; another address begins anew.
    mail_refused_at: Mapped[Instant | None]


class Membership(Keyed, Period, Base):
    """An account works for an agency in a role; two of one account in one agency never overlap."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_acting", "account_id", "agency_id"),)

    account_id: Mapped[uuid.UUID] = account_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    role: Mapped[str]
    manager: Mapped[bool] = mapped_column(default=False, server_default="false")
    # Until then somebody must have confirmed that the person still works here, or the membership
    # sleeps: it acts for nothing. None until the first date is set, as after taking in a register.
    confirm_by: Mapped[Instant | None]


class MembershipProposal(Keyed, Base):
    """Somebody wants an account to work for an agency in a role that opens cases.

    Nothing opens until another person confirms it; the membership then has the proposal's id.
    ``valid_from`` and ``valid_until`` are those of the membership; the proposal itself holds for
    ``portal.policy.permissions.PROPOSAL_DAYS`` from ``proposed_at`` on.
    """

    __tablename__ = "membership_proposals"
    __table_args__ = (
        CheckConstraint(
            "decision <> 'confirmed' OR (decided_by <> proposed_by AND decided_by <> account_id)",
            name="another_person",
        ),
        CheckConstraint(
            "num_nonnulls(decision, decided_by, decided_at) IN (0, 3)", name="decided_whole"
        ),
        Index("ix_membership_proposals_agency", "agency_id", "proposed_at"),
        Index("ix_membership_proposals_account", "account_id"),
    )

    CONFIRMED: ClassVar[str] = "confirmed"
    DECLINED: ClassVar[str] = "declined"
    WITHDRAWN: ClassVar[str] = "withdrawn"

    account_id: Mapped[uuid.UUID] = account_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    role: Mapped[str]
    manager: Mapped[bool] = mapped_column(default=False, server_default="false")
    valid_from: Mapped[Instant]
    valid_until: Mapped[Instant | None]
    proposed_by: Mapped[uuid.UUID] = account_key()
    proposed_at: Mapped[Now]
    decision: Mapped[str | None]
    decided_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    decided_at: Mapped[Instant | None]


class Door(Base):
    """From where an agency's people may act for it, where that is limited at all.

    ``networks`` are addresses in CIDR form and ``certificates`` SHA-256 fingerprints of client
    certificates in hexadecimal; an empty list limits nothing. They are settings of the agency:
    the address of a person is compared with them and kept nowhere.
    """

    __tablename__ = "doors"

    agency_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("agencies.id"), primary_key=True
    )
    networks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    certificates: Mapped[list[str]] = mapped_column(ARRAY(Text))
    # Whom somebody calls who stands before a closed door: an office and its number.
    contact: Mapped[str]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    recorded_at: Mapped[Now]


class SignInRule(Base):
    """How people sign in for an agency and how long that holds, where it is not as usual.

    ``idle_minutes`` end it without use, ``absolute_minutes`` in spite of use. The bounds are those
    of NIST SP 800-63B-4 for this level of assurance, and of security.md S3 for a working day.
    """

    SHORTEST_IDLE: ClassVar[int] = 5
    LONGEST_IDLE: ClassVar[int] = 60
    SHORTEST_ABSOLUTE: ClassVar[int] = 60
    LONGEST_ABSOLUTE: ClassVar[int] = 12 * 60

    __tablename__ = "sign_in_rules"
    __table_args__ = (
        CheckConstraint(
            f"idle_minutes BETWEEN {SHORTEST_IDLE} AND {LONGEST_IDLE}", name="idle_in_bounds"
        ),
        CheckConstraint(
            f"absolute_minutes BETWEEN {SHORTEST_ABSOLUTE} AND {LONGEST_ABSOLUTE}",
            name="absolute_in_bounds",
        ),
    )

    agency_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("agencies.id"), primary_key=True
    )
    idle_minutes: Mapped[int]
    absolute_minutes: Mapped[int]
    # Whether people come in through their organisation's own sign-on alone; its managers and
    # administrators also by password, for when the sign-on is away.
    sign_on_only: Mapped[bool] = mapped_column(default=False, server_default="false")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    recorded_at: Mapped[Now]


class Team(Keyed, Base):
    """A standing team of an agency; the default team reads what names no other reader."""

    __tablename__ = "teams"
    __table_args__ = (
        # One default team at most: two would make "the default team" undecided.
        Index("uq_teams_default", "agency_id", unique=True, postgresql_where="is_default"),
    )

    agency_id: Mapped[uuid.UUID] = agency_key()
    name: Mapped[str]
    is_default: Mapped[bool] = mapped_column(default=False, server_default="false")
    recorded_at: Mapped[Now]


class TeamMember(Keyed, Period, Base):
    """An account belongs to a standing team."""

    __tablename__ = "team_members"
    __table_args__ = (Index("ix_team_members_account", "account_id", "team_id"),)

    team_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("teams.id"))
    account_id: Mapped[uuid.UUID] = account_key()


class Cover(Keyed, Period, Base):
    """Somebody is away, and a colleague of the same role stands in; it ends by itself.

    It opens nothing: what the colleague reads by it stands in ``team_members``, with the same two
    instants. The colleague hears of what the absent person hears of, and has it on the first page.
    """

    __tablename__ = "covers"
    __table_args__ = (
        CheckConstraint("absent_id <> account_id", name="another_person"),
        CheckConstraint("valid_from < valid_until", name="ends_after_it_begins"),
        Index("ix_covers_account", "account_id"),
        Index("ix_covers_absent", "absent_id"),
    )

    agency_id: Mapped[uuid.UUID] = agency_key()
    absent_id: Mapped[uuid.UUID] = account_key()
    account_id: Mapped[uuid.UUID] = account_key()
    recorded_by: Mapped[uuid.UUID] = account_key()


class Credential(Base):
    """The password of an account. Only the sign-in functions of the database read it."""

    __tablename__ = "credentials"

    account_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("accounts.id"), primary_key=True
    )
    password_hash: Mapped[str]
    changed_at: Mapped[Now]


class Session(Base):
    """A server-side session; the cookie holds a random token, the table its hash."""

    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("threads.id"))
    opened_at: Mapped[Now]
    seen_at: Mapped[Now]
    # How the person proved who it is, joined by "+" (portal.auth.factors has the words).
    factors: Mapped[str] = mapped_column(default="password", server_default="password")
    # When a second factor was proven last; a weighty step asks for one of the last minutes.
    proven_at: Mapped[Instant | None]
    # Through which organisation's sign-on the person came, where it was not by password.
    issuer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("issuers.id"))
    # About which consent somebody else answers on this screen, until who works here is proven anew.
    lent_for: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("consents.id"))
    ended_at: Mapped[Instant | None]
    public_id: Mapped[uuid.UUID] = mapped_column(Uuid(), default=uuid.uuid4, unique=True)


class ThrottleCount(Base):
    """How often an attempt failed lately; keyed by an HMAC under a daily key, no address."""

    __tablename__ = "throttle_counts"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    bucket: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_start: Mapped[Now] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
