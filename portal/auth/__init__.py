"""Signing in and out, and the guard that admits nobody to a view that does not say whom it admits.

The cookie holds 256 random bits, the table their hash. A session is read at each request from live
rows: a disabled account, an ended membership or a closed thread is signed out by its next request.

Every way in ends in ``open_session``, whose ``factors`` say how the person proved who it is; a
second factor or an OpenID provider is another caller of it, and ``session_by_token`` hands
``factors`` back to whoever asks for more than a password.
"""

from typing import Any

from flask import Flask, g

from portal.auth.guard import PUBLIC, admit, local_path, permits
from portal.auth.proving import (
    Proven,
    account_of,
    change_password,
    own_address,
    prepare_nobodys_hash,
    prove_password,
)
from portal.auth.running import config, session_factory
from portal.auth.sessions import (
    COOKIE,
    Acting,
    OpenSession,
    Signed,
    act_for,
    authenticate,
    end_own_session,
    end_present_session,
    keep_awake,
    open_session,
    own_sessions,
    standing,
    with_cookie,
)
from portal.auth.throttle import FAILURES_A_MINUTE, failed, throttle_buckets, throttled
from portal.config import Config, ConfigError
from portal.extensions import login_manager


def _load_signed(_request: Any) -> Signed | None:
    row = g.get("signed")
    return None if row is None or row.account_id is None else Signed(row)


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
    prepare_nobodys_hash(app)
    login_manager.session_protection = None
    login_manager.request_loader(_load_signed)
    login_manager.init_app(app)


__all__ = [
    "COOKIE",
    "FAILURES_A_MINUTE",
    "PUBLIC",
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
