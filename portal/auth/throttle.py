"""Counting attempts that fail, by workers together and without storing an address (A6)."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from flask import request
from sqlalchemy import func
from sqlalchemy.orm import Session

from portal.audit import Event, record
from portal.auth.running import config
from portal.database import before_viewer

# Failures allowed in a minute, for one account and for one network prefix (security.md A6).
FAILURES_A_MINUTE = 5
_WINDOW = timedelta(minutes=1)


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


def throttled(
    session: Session, buckets: tuple[bytes, bytes], *, from_anywhere: bool = False
) -> bool:
    """Return whether too many attempts failed within the last minute to try another.

    The prefix is closed after five failures. A name is closed after five too, but only to prefixes
    that failed themselves: whoever guesses at somebody's password cannot lock the owner out; with
    ``from_anywhere`` to all. The locks last until the end of the transaction, so that attempts
    made at once count one another.
    """
    for bucket in sorted(buckets):
        number = int.from_bytes(bucket[:8], signed=True)
        before_viewer(session, func.pg_advisory_xact_lock(number))
    of_name, of_prefix = (
        before_viewer(session, func.throttle_failures(bucket, _WINDOW)).scalar_one()
        for bucket in buckets
    )
    closed: bool = of_prefix >= FAILURES_A_MINUTE or (
        of_name >= FAILURES_A_MINUTE and (from_anywhere or of_prefix > 0)
    )
    return closed


def failed(session: Session, buckets: tuple[bytes, bytes], door: str) -> None:
    """Count a failed attempt, and write it to the log without saying whose."""
    for bucket in buckets:
        before_viewer(session, func.throttle_failed(bucket))
    record(session, Event.SIGN_IN_FAILED, door=door)
