"""Server-side sessions: the cookie holds 256 random bits, the table their hash.

A session is read at each request from live rows: a disabled account, an ended membership or a
closed thread is signed out by its next request.
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, abort, g, request
from flask import session as cookie_session
from flask_login import UserMixin
from sqlalchemy import Interval, LargeBinary, bindparam, func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.auth.running import config
from portal.auth.words import is_whole
from portal.database import before_viewer, look_as, sanctioned
from portal.extensions import db
from portal.policy.permissions import NotPermittedError, Standing
from portal.policy.viewer import Viewer
from portal.services import notices
from portal.vault import Scope, reveal_name, take_key

COOKIE = "__Host-portal"
DEVICE_COOKIE = "__Host-device"
# Browsers keep no cookie longer than 400 days.
DEVICE_SECONDS = 400 * 24 * 60 * 60
TOKEN_BYTES = 32
# A child's tablet goes from hand to hand, so a visitor's session sleeps sooner.
VISITOR_IDLE_SECONDS = 10 * 60


class Signed(UserMixin):
    """Who is signed in for this request; Flask-Login's user."""

    def __init__(self, row: Any) -> None:
        """Take a row of ``session_by_token``."""
        self.row = row

    def get_id(self) -> str:
        """Return the session's public id, which Flask-Login asks for."""
        return str(self.row.public_id)


@dataclass(frozen=True)
class Acting:
    """What the head of a page says about who acts."""

    agency: str
    role: str
    person: str = ""
    switch_url: str | None = None


def shown_token_hash() -> bytes | None:
    """Return the hash of the session token that the request shows, None without one."""
    token = request.cookies.get(COOKIE)
    return None if not token else hashlib.sha256(token.encode()).digest()


_BY_TOKEN = sanctioned(
    func.session_by_token(
        bindparam("token_hash", type_=LargeBinary()),
        bindparam("idle", type_=Interval()),
        bindparam("absolute", type_=Interval()),
    )
)


def authenticate(session: Session) -> None:
    """Let the session look for whoever the request's cookie names, if anybody."""
    g.signed = None
    token_hash = shown_token_hash()
    if token_hash is None:
        return
    idle, absolute = _limits()
    bound = {"token_hash": token_hash, "idle": idle, "absolute": absolute}
    row = before_viewer(session, _BY_TOKEN, bound).one_or_none()
    if row is None or _asleep(row):
        return
    g.signed = row
    if row.thread_id is not None:
        look_as(session, Viewer(thread_id=row.thread_id))
        return
    if not is_whole(row.factors):
        # Until the second factor is proven the account acts for no agency: the walls show nothing.
        look_as(session, Viewer(row.account_id))
        return
    viewer = Viewer(row.account_id, row.agency_id, circles=tuple(row.circles))
    look_as(session, viewer, _standing(row))


def _limits() -> tuple[timedelta, timedelta]:
    """Return how long a sign-in holds where its agency has no rule of its own."""
    settings = config()
    return timedelta(seconds=settings.idle_seconds), timedelta(seconds=settings.absolute_seconds)


def _asleep(row: Any) -> bool:
    limit = timedelta(seconds=VISITOR_IDLE_SECONDS)
    return row.thread_id is not None and datetime.now(UTC) - row.seen_at > limit


def _standing(row: Any) -> Standing:
    return Standing(row.role, row.manager, row.agency_type, row.agency_id)


def standing() -> Standing | None:
    """Return in what capacity the request acts; None for visitors and strangers.

    None also for whoever has not proven a second factor yet.
    """
    row = g.get("signed")
    if row is None or row.account_id is None or not is_whole(row.factors):
        return None
    return _standing(row)


def own_name(session: Session) -> str:
    """Return the name of who is signed in, "" where none is known; it needs no query."""
    row = g.signed
    if row.name_sealed is None or row.wrapped is None:
        return ""
    take_key(session, Scope("account", row.account_id), row.kek_id, row.wrapped)
    return reveal_name(session, m.AccountProfile, row.account_id, "name", row.name_sealed)


def rests_in() -> int:
    """Return in how many seconds the present session ends if it is not used any more."""
    row = g.signed
    day_left: timedelta = row.opened_at + row.absolute - datetime.now(UTC)
    return max(0, int(min(row.idle, day_left).total_seconds()))


def keep_awake() -> None:
    """Note that the session is in use, in a transaction of its own, at most once a minute."""
    row, token_hash = g.get("signed"), shown_token_hash()
    # A page that asks by itself whether it may still be seen (HEAD) is nobody at work: counted as
    # use, a case left open on a desk would never fall asleep.
    if row is None or request.method == "HEAD":
        return
    if datetime.now(UTC) - row.seen_at < timedelta(minutes=1):
        return
    with db.engine.begin() as connection:
        connection.execute(select(func.touch_session(token_hash)))


def open_session(
    session: Session,
    *,
    account_id: uuid.UUID | None = None,
    agency_id: uuid.UUID | None = None,
    thread_id: uuid.UUID | None = None,
    issuer_id: uuid.UUID | None = None,
    factors: str = "password",
    proven_at: datetime | None = None,
    opened_at: datetime | None = None,
    keep_forms: bool = False,
) -> str:
    """Start a server-side session under a new token and end the one before; return the token.

    Args:
        session: of the request.
        account_id, agency_id: who acts for whom, or
        thread_id: the thread that a code opened.
        issuer_id: through whose sign-on the person came.
        factors: how the person proved who it is; words of ``portal.auth.factors`` joined by "+".
        proven_at: when a second factor was proven, for steps that ask for a recent one.
        opened_at: of the session that this one continues; its 12 hours go on. Now by default.
        keep_forms: let forms that lie open in other windows still be sent.

    The session looks for its person from here on, so that the event is written in its name. Where
    the present session was ended while this request ran, nothing is opened (401): a request in
    flight must not outlive a change of the password.
    """
    ended = end_present_session(session, keep_forms=keep_forms)
    if ended is None and g.get("signed") is not None:
        abort(401)
    token, public_id = secrets.token_urlsafe(TOKEN_BYTES), uuid.uuid4()
    token_hash = hashlib.sha256(token.encode()).digest()
    opening = func.open_session(
        *(token_hash, public_id, account_id, agency_id, thread_id, factors, proven_at, opened_at)
    )
    before_viewer(session, opening)
    if issuer_id is not None:
        before_viewer(session, func.session_came_from(token_hash, issuer_id))
    g.opened_session = public_id
    session.info.pop("viewer", None)
    acting_for = agency_id if is_whole(factors) else None
    look_as(session, Viewer(account_id=account_id, agency_id=acting_for, thread_id=thread_id))
    record(session, Event.SESSION_OPENED, session=public_id, factors=factors)
    if account_id is not None and is_whole(factors) and "demo" not in factors.split("+"):
        _note_device(session, account_id)
    return token


def _note_device(session: Session, account_id: uuid.UUID) -> None:
    """Remember the browser, and write to whoever signs in on one that was not used before."""
    device = request.cookies.get(DEVICE_COOKIE) or secrets.token_urlsafe(TOKEN_BYTES)
    g.device = device
    # Of each account by itself, so that a shared computer tells nobody who else uses it.
    device_hash = hashlib.sha256(f"{account_id}|{device}".encode()).digest()
    if before_viewer(session, func.note_device(account_id, device_hash)).scalar_one():
        notices.write(session, notices.NEW_DEVICE, account_id)


def end_present_session(session: Session, *, keep_forms: bool = False) -> uuid.UUID | None:
    """End the session of the request's cookie and forget its form token, unless it is kept.

    Returns the public id of the session, or None where there was none to end.
    """
    if not keep_forms:
        cookie_session.clear()
    token_hash = shown_token_hash()
    if token_hash is None:
        return None
    ended: uuid.UUID | None = before_viewer(session, func.end_session(token_hash)).scalar_one()
    if ended is not None:
        record(session, Event.SESSION_ENDED, session=ended)
        # In the name of who leaves, before the session looks for anybody else.
        session.flush()
    return ended


@dataclass(frozen=True)
class OpenSession:
    """A sign-in of the viewer's that still holds; the times are aware."""

    public_id: uuid.UUID
    agency_id: uuid.UUID
    opened_at: datetime
    seen_at: datetime
    present: bool


def own_sessions(session: Session) -> list[OpenSession]:
    """Return the viewer's sign-ins that still hold, the one used last first."""
    found = before_viewer(session, func.sessions_of_viewer(*_limits())).mappings()
    return [OpenSession(**row, present=row["public_id"] == g.signed.public_id) for row in found]


def end_own_session(session: Session, public_id: uuid.UUID) -> None:
    """End one of the viewer's sign-ins; anybody else's is left alone by the database."""
    before_viewer(session, func.end_session_of_viewer(public_id))
    record(session, Event.SESSION_ENDED, session=public_id)


def act_for(session: Session, agency_id: uuid.UUID) -> str:
    """Open a session in which the signed-in account acts for another agency; return its token.

    Raises NotPermittedError where the person came through a sign-on that does not lead there.
    """
    row = g.signed
    if agency_id != row.agency_id and not leads_to(session, agency_id):
        raise NotPermittedError
    return open_session(
        session,
        account_id=row.account_id,
        agency_id=agency_id,
        issuer_id=row.issuer_id,
        factors=row.factors,
        proven_at=row.proven_at,
        opened_at=row.opened_at,
    )


def leads_to(session: Session, agency_id: uuid.UUID) -> bool:
    """Return whether the present session may act for another agency of the account's.

    One that an organisation's sign-on opened stays within what that sign-on leads to: what a house
    proves must not open another's door (``portal.single_sign_on``). One opened here stays out of
    agencies that take their own sign-on alone.
    """
    issuer_id = g.signed.issuer_id
    leading = (
        func.leads_here(agency_id)
        if issuer_id is None
        else func.issuer_leads_to(issuer_id, agency_id)
    )
    led: bool = before_viewer(session, leading).scalar_one()
    return led


def with_cookie(response: Response, token: str | None) -> Response:
    """Return the response with the session's cookie set, or expired where there is no token."""
    response.set_cookie(
        COOKIE,
        token or "",
        max_age=None if token else 0,
        secure=True,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    device = g.pop("device", None)
    if device is not None:
        response.set_cookie(
            DEVICE_COOKIE,
            device,
            max_age=DEVICE_SECONDS,
            secure=True,
            httponly=True,
            samesite="Lax",
            path="/",
        )
    return response
