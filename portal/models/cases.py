"""A case is one child and several violations (domain.md §2); what is said of it are entries."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import (
    Base,
    Instant,
    Keyed,
    Now,
    OfCase,
    OfOpenedCase,
    Period,
    Sealed,
    account_key,
    agency_key,
)


class Person(Keyed, Base):
    """A child, guardian, sibling or other human being a case speaks of; every word is sealed."""

    __tablename__ = "persons"
    __sealed__: ClassVar[tuple[str, ...]] = (
        "family_name",
        "given_name",
        "kana",
        "called",
        "birth_date",
    )

    family_name_sealed: Mapped[Sealed]
    given_name_sealed: Mapped[Sealed]
    kana_sealed: Mapped[Sealed | None]
    called_sealed: Mapped[Sealed | None]
    birth_date_sealed: Mapped[Sealed | None]
    recorded_at: Mapped[Now]


class Case(Keyed, Base):
    """A case holds only what every agency that a consent or a law admits may see."""

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("id", "owner_agency_id"),
        UniqueConstraint("id", "owner_agency_id", "opened_at"),
        UniqueConstraint("id", "owner_agency_id", "opened_at", "concealed"),
        UniqueConstraint("owner_agency_id", "reference"),
        # Who searches by a reference does not know whose case it is.
        Index("ix_cases_reference", "reference"),
    )

    reference: Mapped[str]
    owner_agency_id: Mapped[uuid.UUID] = agency_key()
    status: Mapped[str]
    opened_at: Mapped[Now]
    closed_at: Mapped[Instant | None]
    # 秘匿 (支援措置): school, ward, agency names and places are hidden besides the contact slice.
    # Grants repeat it, so that a rule decides without a join.
    concealed: Mapped[bool] = mapped_column(default=False, server_default="false")


class CasePerson(OfOpenedCase, Keyed, Base):
    """Who a person is to a case: the child itself, a guardian, a sibling, somebody else."""

    __tablename__ = "case_people"
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("case_id", "person_id"),
        Index("ix_case_people_person", "person_id"),
        Index("uq_case_people_child", "case_id", unique=True, postgresql_where=text("is_child")),
    )

    person_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("persons.id"))
    # Whose data an entry about this person is (code list ``subject``), and how related.
    subject_kind: Mapped[str] = mapped_column(default="child")
    relationship_code: Mapped[str | None]
    is_child: Mapped[bool] = mapped_column(default=False, server_default="false")
    recorded_at: Mapped[Now]


class Spelling(OfOpenedCase, Keyed, Base):
    """How a person of a case is spelled, folded, for a search to compare (decision 4).

    It is kept as a key is: under the installation's key itself, and gone with the person's own.
    """

    __tablename__ = "spellings"
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("case_id", "person_id"),
        Index("ix_spellings_person", "person_id"),
    )

    person_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("person_keys.scope_id", ondelete="CASCADE")
    )
    kek_id: Mapped[str]
    sealed: Mapped[Sealed]
    recorded_at: Mapped[Now]


class Household(Keyed, Base):
    """A household 世帯: siblings' cases linked by the owner alone; a link opens nothing."""

    __tablename__ = "households"

    owner_agency_id: Mapped[uuid.UUID] = agency_key()
    recorded_at: Mapped[Now]


class HouseholdCase(OfCase, Keyed, Base):
    """A case belongs to a household."""

    __tablename__ = "household_cases"

    household_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("households.id"))
    recorded_at: Mapped[Now]


class CaseWorker(OfCase, Keyed, Base):
    """Somebody of the owner who works on the case, and so may know who reported."""

    __tablename__ = "case_workers"
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("case_id", "account_id"),
        Index("ix_case_workers_account", "account_id"),
    )

    account_id: Mapped[uuid.UUID] = account_key()
    recorded_at: Mapped[Now]


class Entry(OfOpenedCase, Keyed, Base):
    """What was said or done: one slice, one subject, one author. Entries are never changed.

    What an agency told by phone (「電話で聞き取り」) is the agency's, written down by an account of
    the centre: ``heard_from`` is who spoke, and says that it was so.
    """

    __tablename__ = "entries"
    __sealed__: ClassVar[tuple[str, ...]] = ("text", "heard_from")
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        Index("ix_entries_case", "case_id", text("written_at DESC"), text("id DESC")),
        Index("ix_entries_author", "author_agency_id", text("written_at DESC"), text("id DESC")),
    )

    slice: Mapped[str]
    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("persons.id"))
    author_agency_id: Mapped[uuid.UUID] = agency_key()
    author_account_id: Mapped[uuid.UUID] = account_key()
    written_at: Mapped[Now]
    # Set by the trigger of ``retractions``, so that who retracts need not see the row afterwards.
    retracted_at: Mapped[Instant | None]
    text_sealed: Mapped[Sealed]
    heard_from_sealed: Mapped[Sealed | None]


class Retraction(OfCase, Keyed, Base):
    """A wrong post taken back at once: hidden by both walls, its original sealed."""

    __tablename__ = "retractions"
    __sealed__: ClassVar[tuple[str, ...]] = ("reason",)
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (UniqueConstraint("entry_id"),)

    entry_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("entries.id"))
    slice: Mapped[str]
    agency_id: Mapped[uuid.UUID] = agency_key()
    account_id: Mapped[uuid.UUID] = account_key()
    successor_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("entries.id"))
    retracted_at: Mapped[Now]
    reason_sealed: Mapped[Sealed]


class Grant(Keyed, Base):
    """The access rule: case, slices, subject, agency, purpose, basis, necessity, from and until.

    A grant without subject names every subject (``*``). ``ended_at`` is only ever set to the
    current instant; planned ends are ``valid_until``.
    """

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(
            ["case_id", "owner_agency_id", "case_opened_at", "case_concealed"],
            ["cases.id", "cases.owner_agency_id", "cases.opened_at", "cases.concealed"],
            onupdate="CASCADE",
        ),
        CheckConstraint("team_id IS NULL OR account_ids IS NULL", name="one_kind_of_reader"),
        CheckConstraint("cardinality(slices) > 0", name="some_slice"),
        CheckConstraint("cardinality(account_ids) > 0 OR account_ids IS NULL", name="some_account"),
        Index("ix_grants_case", "case_id", "agency_id", "valid_until", "valid_from"),
        Index("ix_grants_agency", "agency_id", "case_id", "valid_until", "valid_from"),
        # By which shares are found that nobody reads any more.
        Index("ix_grants_team", "team_id", postgresql_where=text("team_id IS NOT NULL")),
        Index("ix_grants_named", "account_ids", postgresql_using="gin"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    owner_agency_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    case_opened_at: Mapped[Instant]
    case_concealed: Mapped[bool] = mapped_column(default=False, server_default="false")
    agency_id: Mapped[uuid.UUID] = agency_key()
    slices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    subject_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
    purpose: Mapped[str]
    basis: Mapped[str]
    necessity: Mapped[str]
    valid_from: Mapped[Now]
    valid_until: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    team_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("teams.id"))
    account_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid()))
    # The centre named the readers, because somebody of the agency may be the one concerned: the
    # agency's manager cannot name others.
    readers_fixed: Mapped[bool] = mapped_column(default=False, server_default="false")
    consent_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("consents.id"))
    # The consents of guardians that a young child's own word needs beside it; each of them can
    # take its own back, which ends the grant.
    guardian_consent_ids: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid()))
    # What the row of legal_bases.csv demands beside the code: request, meeting, other statute.
    request_no: Mapped[str | None]
    meeting_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("meetings.id"))
    other_statute: Mapped[str | None]
    # The task of an entrusted NPO that a grant by contract ends with (domain.md §3.3).
    action_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("actions.id"))
    # What opened it in an emergency; the wall takes no emergency grant of the web's without one.
    emergency_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("emergencies.id"))
    approved_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    recorded_at: Mapped[Now]


class GrantReason(OfCase, Keyed, Base):
    """Why a grant without consent was made; the owner alone reads it."""

    __tablename__ = "grant_reasons"
    __sealed__: ClassVar[tuple[str, ...]] = ("reason", "told")

    grant_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("grants.id"))
    reason_sealed: Mapped[Sealed]
    # How the child was told before, or why not (domain.md §4, never-tell).
    told_sealed: Mapped[Sealed | None]
    recorded_at: Mapped[Now]


class Exclusion(OfCase, Keyed, Period, Base):
    """An account that may know nothing of the case: the teacher concerned, a relative (§4)."""

    __tablename__ = "exclusions"
    __sealed__: ClassVar[tuple[str, ...]] = ("reason",)

    account_id: Mapped[uuid.UUID] = account_key()
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    reason_sealed: Mapped[Sealed | None]


class Concealment(OfCase, Keyed, Period, Base):
    """When a case was concealed (秘匿): who set it and who lifted it, when and why.

    The case and its grants hold whether it is now; the view of the past asks these rows.
    """

    __tablename__ = "concealments"
    __sealed__: ClassVar[tuple[str, ...]] = ("reason", "lifted")

    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    lifted_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    reason_sealed: Mapped[Sealed | None]
    lifted_sealed: Mapped[Sealed | None]


class NeverTell(OfCase, Keyed, Period, Base):
    """伝えてほしくない人: an agency, an account, a person, or words linked to nobody yet."""

    __tablename__ = "never_tells"
    __sealed__: ClassVar[tuple[str, ...]] = ("words",)
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        CheckConstraint("num_nonnulls(agency_id, account_id, person_id) <= 1", name="one_target"),
    )

    agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
    relationship_code: Mapped[str | None]
    recorded_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
    words_sealed: Mapped[Sealed | None]


class Denial(Keyed, Base):
    """The keys of exclusions and never-tells, visible to whom they deny and to nobody else.

    A predicate can only apply a denial that the denied viewer's own query can read, so this table
    holds keys and dates and nothing else. Triggers keep it; the application never writes it.
    """

    __tablename__ = "denials"
    __table_args__ = (
        Index("ix_denials_account", "account_id", postgresql_where=text("account_id IS NOT NULL")),
        Index("ix_denials_agency", "agency_id", postgresql_where=text("agency_id IS NOT NULL")),
        Index("ix_denials_person", "person_id", postgresql_where=text("person_id IS NOT NULL")),
        Index("ix_denials_case", "case_id"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("cases.id"))
    kind: Mapped[str]
    # An exclusion also closes the threads of the case, at whichever desk they are read.
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("threads.id"))
    account_id: Mapped[uuid.UUID | None] = account_key(nullable=True)
    agency_id: Mapped[uuid.UUID | None] = agency_key(nullable=True)
    person_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("persons.id"))
    valid_from: Mapped[Instant]
    valid_until: Mapped[Instant | None]


class CaseAccess(Base):
    """The projection that drives lists: one row for each circle that may see a case now or next.

    A circle is an agency (cases it owns), a standing team, or one account named by a grant. The
    rows say where to look; the policy of ``cases`` has the last word (performance.md).
    """

    __tablename__ = "case_access"
    __table_args__ = (
        # The primary key leads with the case, so that the one index that leads with the circle
        # is the ordered one; a second would flip plans (prototype.md §1).
        Index(
            "ix_case_access_recent",
            "circle_id",
            text("last_visible_activity DESC"),
            text("case_id DESC"),
            postgresql_include=["agency_id", "valid_from", "valid_until"],
        ),
        Index(
            "ix_case_access_until",
            "valid_until",
            postgresql_where=text("valid_until < 'infinity'::timestamptz"),
        ),
        Index(
            "ix_case_access_check",
            "agency_id",
            "check_on",
            "case_id",
            postgresql_where=text("check_on IS NOT NULL"),
        ),
    )
    # Where no check was ever made, one is due before all others.
    NEVER: ClassVar[dt.date] = dt.date.min

    case_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("cases.id"), primary_key=True)
    circle_id: Mapped[uuid.UUID] = mapped_column(Uuid(), primary_key=True)
    agency_id: Mapped[uuid.UUID] = mapped_column(Uuid(), primary_key=True)
    valid_from: Mapped[Instant]
    valid_until: Mapped[Instant]
    last_visible_activity: Mapped[Instant]
    # For the owner of an open case alone: when its progress is looked at next (JST).
    check_on: Mapped[dt.date | None] = mapped_column(Date)


class CaseTopic(OfCase, Keyed, Base):
    """What a consultation was about at intake; not a judgement (domain.md §2)."""

    __tablename__ = "case_topics"

    topic: Mapped[str]
    recorded_at: Mapped[Now]


class Violation(OfCase, Keyed, Base):
    """A violation of rights, which exists only by judgement."""

    __tablename__ = "violations"
    __sealed__: ClassVar[tuple[str, ...]] = ("grounds",)

    violation: Mapped[str]
    finding: Mapped[str]
    severity: Mapped[str | None]
    judged_by: Mapped[uuid.UUID] = account_key()
    judged_at: Mapped[Now]
    grounds_sealed: Mapped[Sealed]


class UrgencyDecision(OfCase, Keyed, Base):
    """Urgency decided by a person with the criteria on screen; the newest one holds."""

    __tablename__ = "urgency_decisions"
    __sealed__: ClassVar[tuple[str, ...]] = ("grounds",)

    urgency: Mapped[str]
    decided_by: Mapped[uuid.UUID] = account_key()
    decided_at: Mapped[Now]
    grounds_sealed: Mapped[Sealed]


class ChildMeeting(OfCase, Keyed, Base):
    """The child was met, or why not; also visits and accompaniment (直接支援)."""

    __tablename__ = "child_meetings"
    __sealed__: ClassVar[tuple[str, ...]] = ("account_of_it",)

    check_in: Mapped[str]
    met_on: Mapped[dt.date] = mapped_column(Date)
    met_by: Mapped[uuid.UUID] = account_key()
    recorded_at: Mapped[Now]
    account_of_it_sealed: Mapped[Sealed]


class NecessityRecord(OfCase, Keyed, Base):
    """Which of the seed's three conditions holds before an agency is contacted (seed 取組2)."""

    __tablename__ = "necessity_records"
    __sealed__: ClassVar[tuple[str, ...]] = ("grounds",)

    necessity: Mapped[str]
    recorded_by: Mapped[uuid.UUID] = account_key()
    recorded_at: Mapped[Now]
    grounds_sealed: Mapped[Sealed]


class ProgressCheck(OfCase, Keyed, Base):
    """進捗確認: what was found and when it is looked at next; the next date is never empty."""

    __tablename__ = "progress_checks"
    __sealed__: ClassVar[tuple[str, ...]] = ("finding",)

    checked_by: Mapped[uuid.UUID] = account_key()
    checked_at: Mapped[Now]
    next_on: Mapped[dt.date] = mapped_column(Date)
    finding_sealed: Mapped[Sealed]


class Closure(OfCase, Keyed, Base):
    """終結 with an outcome and what the child thinks of it; re-opening ends it."""

    __tablename__ = "closures"
    __sealed__: ClassVar[tuple[str, ...]] = ("child_view", "summary")

    outcome: Mapped[str]
    closed_by: Mapped[uuid.UUID] = account_key()
    closed_at: Mapped[Now]
    reopened_at: Mapped[Instant | None]
    child_view_sealed: Mapped[Sealed]
    summary_sealed: Mapped[Sealed]


class Task(OfCase, Keyed, Base):
    """Something the owner must do by a time, such as the safety task that a withdrawal opens."""

    __tablename__ = "tasks"

    # The kind of the safety check 安全確認: the child is to be seen with one's own eyes.
    SEE_CHILD: ClassVar[str] = "see_child"
    # The child changed its school: what the new one needs is asked anew.
    ASK_ANEW: ClassVar[str] = "ask_anew"
    # A child who could not be told of an emergency yet is told later (domain.md §3.4).
    TELL_CHILD: ClassVar[str] = "tell_child"
    # What ends with a deed of its own and not with a tick: an emergency with its review, a report
    # to the authorities with the record of the phone call.
    EMERGENCY: ClassVar[str] = "emergency"
    REPORT: ClassVar[str] = "law_report"

    kind: Mapped[str]
    grant_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("grants.id"))
    due_at: Mapped[Instant]
    opened_at: Mapped[Now]
    done_at: Mapped[Instant | None]
    done_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
