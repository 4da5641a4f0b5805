"""Signing in and out, and the guard that admits nobody to a view that does not say whom it admits.

The cookie holds 256 random bits, the table their hash. A session is read at each request from live
rows: a disabled account, an ended membership or a closed thread is signed out by its next request.

Every way in ends in ``open_session``, whose ``factors`` say how the person proved who it is
(``words``). With a first factor alone the session acts for no agency and reaches nothing but the
views of signing in (``Action.SIGN_IN``); ``add_to_session`` makes it whole.
"""

from typing import Any

from flask import Flask, g

from portal.auth.doors import DoorClosedError, closed_here
from portal.auth.factors import (
    STEP_UP_SECONDS,
    add_to_session,
    is_half,
    passkey_options,
    passkey_used,
    prove_by_passkey,
    site,
    stepped_up,
    try_factor,
    used_challenge,
)
from portal.auth.guard import PUBLIC, SAFE_METHODS, admit, local_path, page_above, permits
from portal.auth.lending import is_lent, lend
from portal.auth.links import LinkOwner, ask_for_reset, owner_of_link, use_link, words_of_link
from portal.auth.proving import (
    Proven,
    SignOnOnlyError,
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
    leads_to,
    open_session,
    own_name,
    own_sessions,
    rests_in,
    standing,
    with_cookie,
)
from portal.auth.stepping import refusal, step_up, with_new_cookie
from portal.auth.throttle import FAILURES_A_MINUTE, failed, throttle_buckets, throttled
from portal.auth.typing import SAVED_FIELD, TYPED, forget_sent, keep_typing, typed_before
from portal.extensions import login_manager


def _load_signed(_request: Any) -> Signed | None:
    row = g.get("signed")
    return None if row is None or standing() is None else Signed(row)


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
    "SAFE_METHODS",
    "SAVED_FIELD",
    "STEP_UP_SECONDS",
    "TYPED",
    "Acting",
    "DoorClosedError",
    "LinkOwner",
    "OpenSession",
    "Proven",
    "SignOnOnlyError",
    "Signed",
    "account_of",
    "act_for",
    "add_to_session",
    "admit",
    "ask_for_reset",
    "authenticate",
    "change_password",
    "closed_here",
    "config",
    "end_own_session",
    "end_present_session",
    "failed",
    "forget_sent",
    "init_auth",
    "is_half",
    "is_lent",
    "keep_awake",
    "keep_typing",
    "leads_to",
    "lend",
    "local_path",
    "open_session",
    "own_address",
    "own_name",
    "own_sessions",
    "owner_of_link",
    "page_above",
    "passkey_options",
    "passkey_used",
    "permits",
    "prove_by_passkey",
    "prove_password",
    "refusal",
    "rests_in",
    "session_factory",
    "site",
    "standing",
    "step_up",
    "stepped_up",
    "throttle_buckets",
    "throttled",
    "try_factor",
    "typed_before",
    "use_link",
    "used_challenge",
    "with_cookie",
    "with_new_cookie",
    "words_of_link",
]
