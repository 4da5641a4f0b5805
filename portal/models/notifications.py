"""What people are told waits for them, how they want to hear of it, and who is rung at once."""

import datetime as dt
import uuid

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Instant, Keyed, Now, Period, account_key, agency_key


class Notification(Keyed, Base):
    """Something that waits for one account acting for one agency; keys only, never a text.

    Written by the database in the transaction of what it tells of. It shows only while everything
    that it names is visible to the account, so it says nothing of what was taken back.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(case_id, action_id, entry_id, thread_id) > 0", name="names_something"
        ),
        # Telling again, by a duty that runs every minute, changes nothing.
        UniqueConstraint(
            *("account_id", "agency_id", "kind", "about_id", "due_at"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_notifications_list", "account_id", text("recorded_at DESC"), text("id DESC")),
        Index("ix_notifications_unread", "account_id", postgresql_where=text("read_at IS NULL")),
        Index(
            "ix_notifications_unmailed",
            "account_id",
            postgresql_where=text("notice_id IS NULL AND read_at IS NULL"),
        ),
        Index("ix_notifications_notice", "notice_id"),
        Index("ix_notifications_about", "about_id"),
    )

    account_id: Mapped[uuid.UUID] = account_key()
    agency_id: Mapped[uuid.UUID] = agency_key()
    kind: Mapped[str]
    case_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("cases.id"))
    action_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("actions.id"))
    entry_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("entries.id"))
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("threads.id"))
    # The row that caused it: a grant, an action or a step of it, a message, an alarm, a task, …
    about_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    # By when something is due; of an alarm, when it rang.
    due_at: Mapped[Instant | None]
    recorded_at: Mapped[Now]
    read_at: Mapped[Instant | None]
    # The letter that tells of it.
    notice_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("notices.id"))


class CaseLook(Base):
    """When an account last looked at a case for one agency; keys and times only.

    ``since`` is when the visit before the present one ended: what was written later is new to the
    account. It is None while it looks for the first time, to whom everything is new.
    """

    __tablename__ = "case_looks"

    account_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("accounts.id"), primary_key=True
    )
    agency_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("agencies.id"), primary_key=True
    )
    case_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("cases.id"), primary_key=True)
    looked_at: Mapped[Now]
    since: Mapped[Instant | None]


class MailChoice(Base):
    """How somebody wants to hear of notifications by mail; without a row at once, at any hour.

    The hours are full hours of the day in JST; ``quiet_from`` may lie after ``quiet_until``, over
    midnight. An alarm breaks through both.
    """

    __tablename__ = "mail_choices"
    __table_args__ = (
        CheckConstraint("num_nonnulls(quiet_from, quiet_until) <> 1", name="both_ends"),
        CheckConstraint("quiet_from BETWEEN 0 AND 23", name="hour_from"),
        CheckConstraint("quiet_until BETWEEN 0 AND 23", name="hour_until"),
        CheckConstraint("daily_at BETWEEN 0 AND 23", name="hour_daily"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(
        Uuid(), ForeignKey("accounts.id"), primary_key=True
    )
    # One mail a day at this hour; None: at once.
    daily_at: Mapped[int | None] = mapped_column(SmallInteger())
    quiet_from: Mapped[int | None] = mapped_column(SmallInteger())
    quiet_until: Mapped[int | None] = mapped_column(SmallInteger())


class DutyPlace(Keyed, Period, Base):
    """A place on the centre's duty list: an alarm rings the first place first."""

    __tablename__ = "duty_places"
    __table_args__ = (Index("ix_duty_places_agency", "agency_id", "place"),)

    agency_id: Mapped[uuid.UUID] = agency_key()
    account_id: Mapped[uuid.UUID] = account_key()
    place: Mapped[int] = mapped_column(SmallInteger())
    recorded_by: Mapped[uuid.UUID] = account_key()


class Alarm(Keyed, Base):
    """Something that cannot wait, at a centre: it rings the duty list until a person confirms."""

    __tablename__ = "alarms"
    __table_args__ = (
        CheckConstraint("num_nonnulls(case_id, thread_id) = 1", name="names_one"),
        CheckConstraint("num_nonnulls(confirmed_at, confirmed_by) <> 1", name="by_somebody"),
        UniqueConstraint("about_id"),
        Index("ix_alarms_ringing", "agency_id", postgresql_where=text("confirmed_at IS NULL")),
    )

    agency_id: Mapped[uuid.UUID] = agency_key()
    case_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("cases.id"))
    thread_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("threads.id"))
    # The item of the desk, or the decision on urgency.
    about_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    began_at: Mapped[Now]
    rung_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[Instant | None]
    confirmed_by: Mapped[uuid.UUID | None] = account_key(nullable=True)
