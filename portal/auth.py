"""Signing in and out, and the guard that admits nobody to a view that does not say whom it admits.

The cookie holds 256 random bits, the table their hash. A session is read at each request from live
rows: a disabled account, an ended membership or a closed thread is signed out by its next request.

Every way in ends in ``open_session``, whose ``factors`` say how the person proved who it is; a
second factor or an OpenID provider is another caller of it, and ``session_by_token`` hands
``factors`` back to whoever asks for more than a password.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from argon2.exceptions import VerificationError
from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask import session as cookie_session
from flask_login import UserMixin
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal import models as m
from portal.audit import Event, record
from portal.config import Config, ConfigError
from portal.database import before_viewer, look_as
from portal.extensions import db, login_manager
from portal.passwords import hasher, prepared
from portal.policy.permissions import Action, Standing, allows
from portal.policy.viewer import Viewer
from portal.text import normalise_email
from portal.vault import email_index, equip, reveal

F = TypeVar("F", bound=Callable[..., Any])

COOKIE = "__Host-portal"
_NOBODYS_HASH = "portal_nobodys_hash"
TOKEN_BYTES = 32
# A child's tablet goes from hand to hand, so a visitor's session sleeps sooner.
VISITOR_IDLE_SECONDS = 10 * 60

# The endpoints that need no sign-in: a literal set, so that a reviewer reads all of it at once.
PUBLIC = frozenset(
    {
        "account.accessibility",
        "account.demo_sign_in",
        "account.sign_in",
        "child.enter",
        "child.leave",
        "child.left",
        "child.start",
        "home.health",
        "home.index",
        "intake.report",
        "static",
    }
)

# Failures allowed in a minute, for one account and for one network prefix (security.md A6).
FAILURES_A_MINUTE = 5
_WINDOW = timedelta(minutes=1)


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


def config() -> Config:
    """Return the configuration of the running application."""
    known: Config = current_app.config["PORTAL"]
    return known


def session_factory() -> Session:
    """Return a new session of the request, equipped with the installation's keys."""
    session = db.fresh_session()
    equip(session, config().keys)
    return session


def permits(action: Action) -> Callable[[F], F]:
    """Mark a view with the one deed it is for; the guard lets nobody else in."""

    def mark(view: F) -> F:
        view.portal_action = action  # type: ignore[attr-defined]
        return view

    return mark


def _token_hash() -> bytes | None:
    token = request.cookies.get(COOKIE)
    return None if not token else hashlib.sha256(token.encode()).digest()


def authenticate(session: Session) -> None:
    """Let the session look for whoever the request's cookie names, if anybody."""
    g.signed = None
    token_hash = _token_hash()
    if token_hash is None:
        return
    row = before_viewer(session, func.session_by_token(token_hash, *_limits())).one_or_none()
    if row is None or _asleep(row):
        return
    g.signed = row
    if row.thread_id is not None:
        look_as(session, Viewer(thread_id=row.thread_id))
        return
    viewer = Viewer(row.account_id, row.agency_id, circles=tuple(row.circles))
    look_as(session, viewer, _standing(row))


def _limits() -> tuple[timedelta, timedelta]:
    settings = config()
    return timedelta(seconds=settings.idle_seconds), timedelta(seconds=settings.absolute_seconds)


def _asleep(row: Any) -> bool:
    limit = timedelta(seconds=VISITOR_IDLE_SECONDS)
    return row.thread_id is not None and datetime.now(UTC) - row.seen_at > limit


def _standing(row: Any) -> Standing:
    return Standing(row.role, row.manager, row.agency_type, row.agency_id)


def standing() -> Standing | None:
    """Return in what capacity the request acts; None for visitors and strangers."""
    row = g.get("signed")
    return None if row is None or row.account_id is None else _standing(row)


def admit() -> Response | None:
    """Return None where the view may run, a way to the sign-in for strangers, else refuse (403).

    A form that a stranger sends is not redirected: its page gives back what was typed.
    """
    endpoint = request.endpoint or ""
    if endpoint in PUBLIC:
        return None
    action: Action | None = getattr(current_app.view_functions[endpoint], "portal_action", None)
    if action is Action.VISIT:
        return None if _visiting() else _to_sign_in("child.enter")
    if standing() is None:
        return _to_sign_in("account.sign_in")
    if action is None or not allows(standing(), action):
        abort(403)
    return None


def _visiting() -> bool:
    row = g.get("signed")
    return row is not None and row.thread_id is not None


def _to_sign_in(endpoint: str) -> Response:
    if request.method not in ("GET", "HEAD"):
        abort(401)
    there = url_for(endpoint, next=request.path if endpoint == "account.sign_in" else None)
    return redirect(there)  # type: ignore[return-value]


def keep_awake() -> None:
    """Note that the session is in use, in a transaction of its own, at most once a minute."""
    row, token_hash = g.get("signed"), _token_hash()
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
    factors: str = "password",
) -> str:
    """Start a server-side session under a new token and end the one before; return the token.

    The session looks for its person from here on, so that the event is written in its name. Where
    the present session was ended while this request ran, nothing is opened (401): a request in
    flight must not outlive a change of the password.
    """
    ended = end_present_session(session)
    if ended is None and g.get("signed") is not None:
        abort(401)
    token, public_id = secrets.token_urlsafe(TOKEN_BYTES), uuid.uuid4()
    token_hash = hashlib.sha256(token.encode()).digest()
    opening = func.open_session(token_hash, public_id, account_id, agency_id, thread_id, factors)
    before_viewer(session, opening)
    session.info.pop("viewer", None)
    look_as(session, Viewer(account_id=account_id, agency_id=agency_id, thread_id=thread_id))
    record(session, Event.SESSION_OPENED, session=public_id, factors=factors)
    return token


def end_present_session(session: Session) -> uuid.UUID | None:
    """End the session of the request's cookie and forget its form token.

    Returns the public id of the session, or None where there was none to end.
    """
    cookie_session.clear()
    token_hash = _token_hash()
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
    idle, absolute = _limits()
    now = datetime.now(UTC)
    return [
        OpenSession(**row, present=row["public_id"] == g.signed.public_id)
        for row in before_viewer(session, func.sessions_of_viewer()).mappings()
        if now < row["seen_at"] + idle and now < row["opened_at"] + absolute
    ]


def end_own_session(session: Session, public_id: uuid.UUID) -> None:
    """End one of the viewer's sign-ins; anybody else's is left alone by the database."""
    before_viewer(session, func.end_session_of_viewer(public_id))
    record(session, Event.SESSION_ENDED, session=public_id)


def act_for(session: Session, agency_id: uuid.UUID) -> str:
    """Open a session in which the signed-in account acts for another agency; return its token."""
    row = g.signed
    return open_session(
        session, account_id=row.account_id, agency_id=agency_id, factors=row.factors
    )


def change_password(session: Session, password: str) -> str:
    """Set the viewer's password, end all of its sign-ins and open a new one; return the token."""
    row = g.signed
    password_hash = hasher(config()).hash(prepared(password))
    before_viewer(session, func.set_password(row.account_id, password_hash))
    for other in own_sessions(session):
        if not other.present:
            end_own_session(session, other.public_id)
    record(session, Event.ACCOUNT_CHANGED, account=row.account_id, change="password")
    session.flush()
    return act_for(session, row.agency_id)


def own_address(session: Session) -> str:
    """Return the e-mail address of the signed-in account."""
    found = select(m.AccountProfile).where(m.AccountProfile.account_id == g.signed.account_id)
    return reveal(session, session.scalars(found).one(), "email")


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
    return response


@dataclass(frozen=True)
class Proven:
    """An account whose password was right, and the agency it acts for first."""

    account_id: uuid.UUID
    agency_id: uuid.UUID


def prove_password(session: Session, address: str, password: str) -> Proven | None:
    """Return who proved an account by e-mail and password, or None.

    Unknown, wrong and disabled each hash exactly once, so that neither answer nor time tells them
    apart (security.md A5).
    """
    index = email_index(config().keys, normalise_email(address))
    row = before_viewer(session, func.account_for_login(index)).one_or_none()
    argon, plain = hasher(config()), prepared(password)
    known = None if row is None else row.password_hash
    try:
        argon.verify(known or current_app.extensions[_NOBODYS_HASH], plain)
    except VerificationError:
        return None
    if row is None or known is None or row.disabled or row.agency_id is None:
        return None
    if argon.check_needs_rehash(known):
        _store_again(session, row.account_id, argon.hash(plain))
    return Proven(row.account_id, row.agency_id)


def account_of(session: Session, address: str) -> Proven | None:
    """Return who has an e-mail address, without any proof: for the demo's sign-in alone."""
    index = email_index(config().keys, normalise_email(address))
    row = before_viewer(session, func.account_for_login(index)).one_or_none()
    if row is None or row.disabled or row.agency_id is None:
        return None
    return Proven(row.account_id, row.agency_id)


def _store_again(session: Session, account_id: uuid.UUID, password_hash: str) -> None:
    setting = func.set_config("portal.account_id", str(account_id), True)
    session.execute(select(setting), execution_options={"before_viewer": True})
    before_viewer(session, func.set_password(account_id, password_hash))


def throttle_buckets(door: str, name: str) -> tuple[bytes, bytes]:
    """Return the counters of an attempt: the thing tried, and the network prefix it came from.

    Each is an HMAC under the day's key, so that no address and no name is stored.
    """
    day = datetime.now(UTC).date().isoformat().encode()
    key = hmac.new(config().keys.throttle, day, hashlib.sha256).digest()
    address = request.remote_addr or ""
    # /24 for IPv4 and /48 for IPv6: one person's addresses, not one city's.
    parts = address.split(":")[:3] if ":" in address else address.split(".")[:3]
    prefix = "/".join(parts)
    return tuple(  # type: ignore[return-value]
        hmac.new(key, f"{door}|{what}".encode(), hashlib.sha256).digest()
        for what in (f"name|{name}", f"prefix|{prefix}")
    )


def throttled(session: Session, buckets: tuple[bytes, bytes]) -> bool:
    """Return whether too many attempts failed within the last minute to try another.

    The prefix is closed after five failures. A name is closed after five too, but only to prefixes
    that failed themselves: whoever guesses at somebody's password cannot lock the owner out. The
    locks last until the end of the transaction, so that attempts made at once count one another.
    """
    for bucket in sorted(buckets):
        number = int.from_bytes(bucket[:8], signed=True)
        before_viewer(session, func.pg_advisory_xact_lock(number))
    of_name, of_prefix = (
        before_viewer(session, func.throttle_failures(bucket, _WINDOW)).scalar_one()
        for bucket in buckets
    )
    closed: bool = of_prefix >= FAILURES_A_MINUTE or (
        of_name >= FAILURES_A_MINUTE and of_prefix > 0
    )
    return closed


def failed(session: Session, buckets: tuple[bytes, bytes], door: str) -> None:
    """Count a failed attempt, and write it to the log without saying whose."""
    for bucket in buckets:
        before_viewer(session, func.throttle_failed(bucket))
    record(session, Event.SIGN_IN_FAILED, door=door)


def _load_signed(_request: Any) -> Signed | None:
    row = g.get("signed")
    return None if row is None or row.account_id is None else Signed(row)


def local_path(wish: str | None) -> str | None:
    """Return a wished-for path if it is a page of this portal, else None.

    Everything else would let a link on another site decide where a sign-in leads.
    """
    if wish is None or not wish.startswith("/"):
        return None
    try:
        current_app.create_url_adapter(request).match(wish, method="GET")  # type: ignore[union-attr]
    except (HTTPException, RequestRedirect):
        return None
    return wish


def refuse_without_second_factor(settings: Config) -> None:
    """Refuse to serve real data while staff sign in with a password alone (security.md A3).

    The web server calls it at its start; commands do not. Raises ConfigError outside a demo.
    """
    if not settings.demo:
        raise ConfigError(
            "The web server does not start with real data yet: staff would sign in with a "
            "password alone, and the second factor is not built. Commands run (flask --app wsgi "
            "--help); to look at the portal run: make demo"
        )


def init_auth(app: Flask) -> None:
    """Bind Flask-Login; the session's row comes with the unit, not from a cookie of its own."""
    # Made at the start, so that even the first unknown name costs one hash and not two.
    app.extensions[_NOBODYS_HASH] = hasher(app.config["PORTAL"]).hash(
        secrets.token_urlsafe(TOKEN_BYTES)
    )
    login_manager.session_protection = None
    login_manager.request_loader(_load_signed)
    login_manager.init_app(app)


__all__ = [
    "Acting",
    "OpenSession",
    "Proven",
    "Signed",
    "account_of",
    "act_for",
    "admit",
    "authenticate",
    "change_password",
    "config",
    "end_own_session",
    "end_present_session",
    "failed",
    "hasher",
    "init_auth",
    "keep_awake",
    "local_path",
    "open_session",
    "own_address",
    "own_sessions",
    "permits",
    "prove_password",
    "refuse_without_second_factor",
    "session_factory",
    "standing",
    "throttle_buckets",
    "throttled",
    "with_cookie",
]
