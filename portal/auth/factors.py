"""The second factor at the door: who is asked for one, and what proves it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import g, request
from flask import session as cookie_session
from flask_babel import gettext
from sqlalchemy import func
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes

from portal.auth.proving import Proven, SignOnOnlyError
from portal.auth.running import config
from portal.auth.sessions import open_session
from portal.auth.throttle import failed, throttle_buckets, throttled
from portal.auth.words import is_whole, joined
from portal.database import before_viewer
from portal.services import factors as services

# A weighty step asks for a second factor proven within these minutes (security.md S5).
STEP_UP_SECONDS = 5 * 60
# So long somebody may look for the finger or the key that opens a passkey.
CHALLENGE_SECONDS = 5 * 60
_CHALLENGE = "challenge"


@dataclass(frozen=True)
class Tried:
    """What came of trying a factor: its kind, or None; ``wait`` where too many failed before."""

    kind: str | None
    wait: bool = False


def stepped_up() -> bool:
    """Return whether the request's session proved a second factor within the last minutes."""
    proven_at: datetime | None = g.signed.proven_at
    return proven_at is not None and datetime.now(UTC) - proven_at < timedelta(
        seconds=STEP_UP_SECONDS
    )


def is_half() -> bool:
    """Return whether the request's session still waits for its second factor."""
    return not is_whole(g.signed.factors)


def site() -> services.Site:
    """Return what passkeys of this portal are bound to."""
    origin = config().public_url or request.host_url.rstrip("/")
    return services.Site(
        urlsplit(origin).hostname or "", origin, gettext("こどもの権利 連携ポータル")
    )


def passkey_options(options: Any) -> str:
    """Return a browser's options as JSON and keep their challenge for its answer.

    The challenge lies in the signed cookie of the form tokens: it counts in this browser alone.
    """
    cookie_session[_CHALLENGE] = [options["challenge"], int(datetime.now(UTC).timestamp())]
    return json.dumps(options)


def used_challenge(session: Session) -> bytes | None:
    """Return the challenge that was set to this browser and use it up; None for a stale one."""
    kept = cookie_session.pop(_CHALLENGE, None)
    if kept is None or datetime.now(UTC).timestamp() - kept[1] > CHALLENGE_SECONDS:
        return None
    challenge = base64url_to_bytes(kept[0])
    mark = hashlib.sha256(challenge).digest()
    fresh: bool = before_viewer(session, func.use_once(mark)).scalar_one()
    return challenge if fresh else None


def try_factor(session: Session, *, code: str, answer: str) -> Tried:
    """Try a second factor of the signed-in account.

    Codes are counted by account: whoever has a password must not try them from a thousand
    addresses. A passkey cannot be guessed and is never held up, so nobody is locked out by it.

    Args:
        session: of the request.
        code: of an authenticator app or a printed one, as typed.
        answer: the browser's answer to ``passkey_options``, "" without one.

    """
    account_id = g.signed.account_id
    if answer:
        challenge = used_challenge(session)
        holds = challenge is not None and services.use_passkey(
            session, account_id, answer, challenge, site()
        )
        return Tried("passkey" if holds else None)
    buckets = throttle_buckets("factor", str(account_id))
    if throttled(session, buckets, from_anywhere=True):
        return Tried(None, wait=True)
    if services.use_app(session, account_id, code):
        return Tried("totp")
    if services.use_recovery_code(session, account_id, code):
        return Tried("recovery")
    failed(session, buckets, "factor")
    return Tried(None)


def prove_by_passkey(session: Session, answer: str) -> Proven | None:
    """Return who proved an account by a passkey alone, or None.

    The passkey is noted as used once the session looks for its account (``passkey_used``).
    Raises SignOnOnlyError where the passkey was right and the person's agencies take none.
    """
    challenge, credential_id = used_challenge(session), services.credential_of(answer)
    if challenge is None or credential_id is None:
        return None
    row = before_viewer(session, func.passkey_for_login(credential_id)).one_or_none()
    if row is None or row.disabled or (row.agency_id is None and not row.elsewhere):
        return None
    count = services.new_sign_count(
        answer, challenge, site(), public_key=row.public_key, sign_count=row.sign_count
    )
    if count is None:
        return None
    if row.elsewhere:
        raise SignOnOnlyError
    g.passkey_used = (row.account_id, credential_id, count)
    return Proven(row.account_id, row.agency_id)


def passkey_used(session: Session) -> None:
    """Note the use of the passkey that ``prove_by_passkey`` took."""
    services.note_passkey_used(session, *g.passkey_used)


def add_to_session(session: Session, kind: str, *, keep_forms: bool = False) -> str:
    """Open a session in which one more factor is proven just now; return its token (S1)."""
    row = g.signed
    return open_session(
        session,
        account_id=row.account_id,
        agency_id=row.agency_id,
        issuer_id=row.issuer_id,
        factors=joined(row.factors, kind),
        proven_at=datetime.now(UTC),
        opened_at=row.opened_at,
        keep_forms=keep_forms,
    )
