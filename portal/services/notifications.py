"""Notifications: reading them, how one hears of them by mail, and the alarm that somebody answers.

The database writes them with their cause (``portal/policy/functions.sql``). The worker gathers what
waits for an account into one letter, which says that something waits and nothing else; whether it
still may be told is asked of the rules at that moment, as the person would be asked.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Uuid, cast, func, literal, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import SystemSession, before_viewer, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import clock, holds, on_call
from portal.policy.viewer import Viewer
from portal.policy.visibility import notifications
from portal.services.administration import RefusedError
from portal.working_hours import jst

# The kind of the letter that tells of notifications.
WAITING = "waiting"
# What no choice of hours holds back (domain.md §2, "Urgent").
ALARM = "alarm"
# So long the worker tries to tell what cannot be shown yet, such as a share that begins in April.
HELD = dt.timedelta(days=60)
ONE_DAY = dt.timedelta(days=1)


def mark_read(session: Session, notification: m.Notification) -> None:
    """Note that the viewer has opened one of the own notifications."""
    if notification.read_at is None:
        notification.read_at = clock(session)
        session.flush()


def mark_all_read(session: Session) -> None:
    """Note that the viewer has read everything that shows, alarms excepted: those are confirmed."""
    now = clock(session)
    unread = select(m.Notification).where(
        m.Notification.read_at.is_(None), m.Notification.kind != ALARM
    )
    for notification in session.scalars(unread):
        notification.read_at = now
    session.flush()


@dataclass(frozen=True)
class Asked:
    """Who is asked to read an entry: colleagues by account, and all readers of some agencies."""

    colleagues: Collection[uuid.UUID] = ()
    agencies: Collection[uuid.UUID] = ()


NOBODY = Asked()


def mention(session: Session, entry: m.Entry, wanted: Asked) -> None:
    """Ask people to read an entry that was just written; who cannot see it is told nothing.

    Args:
        session: of the entry's author, in the transaction that writes it.
        entry: that entry.
        wanted: who is asked.

    """
    if wanted.colleagues:
        people = literal(sorted(wanted.colleagues), ARRAY(Uuid()))
        before_viewer(session, func.mention(entry.id, entry.author_agency_id, people))
    for agency_id in sorted(wanted.agencies):
        before_viewer(session, func.mention(entry.id, agency_id, cast(None, ARRAY(Uuid()))))


# ------------------------------------------------------------------------------------------- mail


@dataclass(frozen=True)
class Choices:
    """How somebody hears of notifications by mail, in full hours of the day (JST).

    ``daily_at`` is None for at once; the quiet hours are both None for none.
    """

    daily_at: int | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None


AT_ONCE = Choices()


def choices_of(session: Session, account_id: uuid.UUID) -> Choices:
    """Return what an account chose, at once and at any hour where it chose nothing."""
    row = session.get(m.MailChoice, account_id)
    return AT_ONCE if row is None else Choices(row.daily_at, row.quiet_from, row.quiet_until)


def choose_mail(session: Session, choices: Choices) -> None:
    """Keep how the viewer wants to hear of notifications by mail.

    Raises:
        NotPermittedError: nobody is signed in.

    """
    require(standing(session), Action.KEEP_ACCOUNT)
    account_id = session.info["viewer"].account_id
    row = session.get(m.MailChoice, account_id)
    if row is None:
        row = m.MailChoice(account_id=account_id)
        session.add(row)
    row.daily_at = choices.daily_at
    row.quiet_from, row.quiet_until = choices.quiet_from, choices.quiet_until
    session.flush()


def time_has_come(choices: Choices, waits_since: dt.datetime, now: dt.datetime) -> bool:
    """Return whether a mail may leave now.

    Args:
        choices: of whom it goes to.
        waits_since: of the oldest that it tells of (aware).
        now: the present instant (aware).

    """
    here, since = jst(now), jst(waits_since)
    if is_quiet(choices, here.hour):
        return False
    if choices.daily_at is None:
        return True
    first = since.replace(hour=choices.daily_at, minute=0, second=0, microsecond=0)
    return here >= (first if first >= since else first + ONE_DAY)


def is_quiet(choices: Choices, hour: int) -> bool:
    """Return whether an hour of the day (JST) is one of the quiet ones."""
    begin, end = choices.quiet_from, choices.quiet_until
    if begin is None or end is None:
        return False
    return begin <= hour < end if begin <= end else hour >= begin or hour < end


def tell_by_mail(session: SystemSession, account_id: uuid.UUID) -> bool:
    """Gather what waits for an account into one letter, where its time has come.

    The letter lies in the queue when this is committed, under an id that names its message: if
    the worker dies after sending it, the same message is sent again.

    Args:
        session: of the system role.
        account_id: to whom.

    Returns:
        whether a letter was written.

    """
    now = clock(session)
    waits = (
        select(m.Notification)
        .where(
            m.Notification.account_id == account_id,
            m.Notification.notice_id.is_(None),
            m.Notification.read_at.is_(None),
            m.Notification.recorded_at > now - HELD,
        )
        .order_by(m.Notification.recorded_at, m.Notification.id)
        .with_for_update(skip_locked=True)
    )
    found = shown_to_their_readers(session, session.scalars(waits).all())
    if not found:
        return False
    alarmed = any(each.kind == ALARM for each in found)
    if not alarmed and not time_has_come(
        choices_of(session, account_id), found[0].recorded_at, now
    ):
        return False
    notice_id = uuid.uuid4()
    session.execute(select(func.defer_notice(notice_id, WAITING, account_id, None, None, None)))
    for each in found:
        each.notice_id = notice_id
    session.flush()
    return True


def tell_all_by_mail(session: SystemSession) -> int:
    """Write to everybody whose time has come; return to how many (the worker, every minute)."""
    accounts = (
        select(m.Notification.account_id)
        .where(
            m.Notification.notice_id.is_(None),
            m.Notification.read_at.is_(None),
            m.Notification.recorded_at > clock(session) - HELD,
        )
        .distinct()
    )
    return sum(tell_by_mail(session, account_id) for account_id in session.scalars(accounts).all())


def still_waits(session: SystemSession, notice_id: uuid.UUID) -> bool:
    """Return whether a letter has still something to tell of, and let go of what it has not.

    What cannot be shown at this moment is told by another letter if it ever shows again.
    """
    rows = session.scalars(
        select(m.Notification).where(
            m.Notification.notice_id == notice_id, m.Notification.read_at.is_(None)
        )
    ).all()
    shown = shown_to_their_readers(session, rows)
    if not shown:
        for each in rows:
            each.notice_id = None
        session.flush()
    return bool(shown)


def shown_to_their_readers(
    session: SystemSession, rows: Sequence[m.Notification]
) -> list[m.Notification]:
    """Return those notifications that their own readers would be shown at this moment.

    Args:
        session: of the system role, to which row-level security shows everything: the rule itself
            is asked, with each reader in turn as the viewer.
        rows: some notifications.

    """
    shown: set[uuid.UUID] = set()
    for account_id, agency_id in {(each.account_id, each.agency_id) for each in rows}:
        _look_for(session, Viewer(account_id, agency_id))
        ids = [each.id for each in rows if each.agency_id == agency_id]
        visible = select(m.Notification.id).where(
            m.Notification.id.in_(ids), notifications(m.Notification)
        )
        shown |= set(session.scalars(visible))
    _look_for(session, Viewer())
    return [each for each in rows if each.id in shown]


def _look_for(session: SystemSession, viewer: Viewer) -> None:
    calls = [
        func.set_config(f"portal.{name}", value, True) for name, value in viewer.settings().items()
    ]
    session.execute(select(*calls))


# ------------------------------------------------------------------------------------------ alarms


def confirm_alarm(session: Session, alarm: m.Alarm) -> bool:
    """Say that one has an alarm in hand, which stops the ringing; return whether one was first.

    Raises:
        NotPermittedError: not somebody of the centre who works on cases.

    """
    require(standing(session), Action.COORDINATE)
    held = select(m.Alarm).where(m.Alarm.id == alarm.id).with_for_update()
    alarm = session.scalars(held.execution_options(populate_existing=True)).one()
    if alarm.confirmed_at is not None:
        return False
    alarm.confirmed_at = clock(session)
    alarm.confirmed_by = session.info["viewer"].account_id
    record(
        session,
        Event.ALARM_CONFIRMED,
        case_id=alarm.case_id,
        thread_id=alarm.thread_id,
        alarm=alarm.id,
    )
    session.flush()
    return True


def duty_list(session: Session, agency_id: uuid.UUID) -> list[m.DutyPlace]:
    """Return the centre's duty list as it stands, the first place first."""
    now = clock(session)
    places = select(m.DutyPlace).where(m.DutyPlace.agency_id == agency_id, holds(m.DutyPlace, now))
    return list(session.scalars(places.order_by(m.DutyPlace.place, m.DutyPlace.id)))


def set_duty_list(
    session: Session, account_ids: Sequence[uuid.UUID], *, before: Sequence[str]
) -> None:
    """Put people on the centre's duty list in this order; the list before keeps its history.

    Args:
        session: of the centre's director.
        account_ids: the first is rung first; nobody twice.
        before: the list that the form showed, as texts.

    Raises:
        NotPermittedError: not the director.
        RefusedError: ``changed_meanwhile``, or ``not_at_centre`` for somebody else's account.

    """
    acting = require(standing(session), Action.APPROVE)
    # Two directors at once: the second one finds the first one's list.
    session.execute(select(func.pg_advisory_xact_lock(acting.agency_id.int % 2**63)))
    standing_now = duty_list(session, acting.agency_id)
    named = [place.account_id for place in standing_now]
    if named == list(account_ids):
        return
    if list(map(str, named)) != list(before):
        raise RefusedError("changed_meanwhile")
    if not set(account_ids) <= set(on_call(session, acting.agency_id)):
        raise RefusedError("not_at_centre")
    now = clock(session)
    for place in standing_now:
        place.valid_until = now
    session.flush()
    me = session.info["viewer"].account_id
    session.add_all(
        m.DutyPlace(agency_id=acting.agency_id, account_id=account_id, place=number, recorded_by=me)
        for number, account_id in enumerate(account_ids, start=1)
    )
    record(
        session,
        Event.DUTY_LIST_SET,
        about=acting.agency_id,
        accounts=list(account_ids),
        change="duty_list",
    )
    session.flush()
