"""Threads: a conversation that its writer opens again by a return code and a secret word."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, codes
from portal import models as m
from portal.config import Config
from portal.database import NotVisibleError, before_viewer
from portal.policy.terms import clock
from portal.services.once import already, write_once
from portal.text import BadText
from portal.vault import Scope, create_key, seal
from portal.working_hours import WRITTEN, promised_reply

# What a child or guardian says is theirs; all others speak of somebody else's child, and who they
# are is known to few (domain.md §4, slice ``reporter``).
CHILD, GUARDIAN = "child", "guardian"
UNSEALED_KINDS = (CHILD, GUARDIAN)


def thread_id_of(submission: uuid.UUID) -> uuid.UUID:
    """Return the id of the thread that a form makes, the same at every sending.

    Not the submission itself, which must not be kept: the return code is made from it.
    """
    return uuid.UUID(bytes=codes.submission_mark(submission)[:16], version=4)


def return_code(settings: Config, submission: uuid.UUID) -> tuple[str, ...]:
    """Return the six words that open the thread of a form, the same at every sending."""
    return tuple(codes.code_from_submission(settings.keys.code_pepper, submission).split())


def open_thread(
    session: Session,
    settings: Config,
    *,
    submission: uuid.UUID,
    kind: str,
    secret: str,
    promised_at: dt.datetime,
    account_id: uuid.UUID | None = None,
) -> tuple[m.Thread, bool]:
    """Open a thread with its key and its return code; return it, and whether it is a new one.

    Args:
        session: looks as the intake of this very thread.
        settings: for the pepper and the cost of the codes.
        submission: of the form.
        kind: ``child``, ``guardian``, ``reporter`` or ``other``.
        secret: the secret word as it was typed, checked already; "" for none.
        promised_at: by when it is answered.
        account_id: of somebody who reports while signed in.

    """
    thread_id = thread_id_of(submission)
    earlier = already(session, m.Thread, thread_id)
    if earlier is not None:
        return earlier, False
    thread = m.Thread(
        id=thread_id,
        kind=kind,
        sealed=kind not in UNSEALED_KINDS,
        account_id=account_id,
        promised_at=promised_at,
    )
    if not write_once(session, thread):
        return session.scalars(select(m.Thread).where(m.Thread.id == thread_id)).one(), False
    # After the thread: of two sendings at one moment only the one that wrote it makes a key.
    create_key(session, Scope("thread", thread.id))
    session.add(_kept_code(settings, thread.id, return_code(settings, submission), secret))
    session.flush()
    return thread, True


def _kept_code(
    settings: Config, thread_id: uuid.UUID, words: tuple[str, ...], secret: str
) -> m.ThreadCode:
    pepper, cost, code = settings.keys.code_pepper, settings.argon2, " ".join(words)
    hashed = None
    if secret:
        normalised = codes.normalise_secret(secret)
        hashed = codes.hash_secret(code, normalised, pepper=pepper, cost=cost)
    return m.ThreadCode(
        thread_id=thread_id,
        locator=codes.locator(pepper, code),
        code_hash=codes.hash_code(code, pepper=pepper, cost=cost),
        secret_hash=hashed,
    )


@dataclass(frozen=True)
class Proven:
    """A thread whose code was right; ``whole`` where the secret word was right too."""

    thread_id: uuid.UUID
    whole: bool


def prove_code(session: Session, settings: Config, code: str, secret: str) -> Proven | None:
    """Return the thread that a code opens, whole or but for its newest reply; None for neither.

    Unknown, wrong and closed each cost one hash for the code and one for the word, so that neither
    answer nor time tells them apart (security.md R4). A wrong word opens nothing; without a word
    the code alone shows the newest reply (domain.md §1).

    Args:
        session: need not have a viewer yet.
        settings: for the pepper and the cost of the codes.
        code, secret: as they were typed.

    """
    pepper, cost = settings.keys.code_pepper, settings.argon2
    words = codes.normalise(code)
    sought = func.thread_by_locator(codes.locator(pepper, words or ""))
    found = None
    # Two threads share a locator once in 2^32; then each is tried.
    for row in before_viewer(session, sought).all() or [None]:
        kept = None if row is None else row.code_hash
        if codes.verify_code(kept, words, pepper=pepper, cost=cost):
            found = row
    kept = None if found is None else found.secret_hash
    right = codes.verify_secret(kept, words, _typed_secret(secret), pepper=pepper, cost=cost)
    if found is None:
        return None
    # Who reports of somebody else's child makes up no word, and reads the own report whole.
    whole = right or (found.secret_hash is None and found.kind not in UNSEALED_KINDS)
    if not whole and found.secret_hash is not None and secret.strip():
        return None
    return Proven(found.thread_id, whole=whole)


def _typed_secret(typed: str) -> str | None:
    try:
        return codes.normalise_secret(typed)
    except BadText:
        return None


def own_thread(session: Session) -> m.Thread:
    """Return the thread that the visitor's code opened.

    Raises:
        NotVisibleError: it was closed meanwhile.

    """
    thread = already(session, m.Thread, session.info["viewer"].thread_id)
    if thread is None:
        raise NotVisibleError
    return thread


def write_back(session: Session, *, message_id: uuid.UUID, text: str) -> m.ThreadMessage:
    """Write in the own thread as its visitor; every desk that holds it hears of it.

    Args:
        session: of a visitor.
        message_id: of the form; a second sending returns what the first wrote.
        text: cleaned already.

    """
    thread = own_thread(session)
    earlier = already(session, m.ThreadMessage, message_id)
    if earlier is not None:
        return earlier
    # Before the message, whose trigger hands the new promise to the desks.
    # However it came first: by phone or at a visit it was answered at once, in writing it is not.
    thread.promised_at = promised_reply(clock(session), WRITTEN)
    session.flush()
    return write_message(session, thread.id, message_id=message_id, text=text)


def mark_seen(session: Session, thread_id: uuid.UUID, *, by_desk: bool) -> None:
    """Note that the messages of a thread were read, which the other side is shown.

    Args:
        session: of the visitor, or of a volunteer who reads the own report; or of a desk.
        thread_id: of the thread that is shown.
        by_desk: the visitor's messages were read by the desk, else the replies by the visitor.

    """
    of_visitor = m.ThreadMessage.agency_id.is_(None)
    unseen = select(m.ThreadMessage).where(
        m.ThreadMessage.thread_id == thread_id,
        of_visitor if by_desk else ~of_visitor,
        m.ThreadMessage.seen_at.is_(None),
    )
    found = session.scalars(unseen).all()
    if not found:
        return
    at = clock(session)
    for message in found:
        message.seen_at = at
    session.flush()


def write_message(
    session: Session,
    thread_id: uuid.UUID,
    *,
    message_id: uuid.UUID,
    text: str,
    agency_id: uuid.UUID | None = None,
) -> m.ThreadMessage:
    """Write one message into a thread that the viewer sees.

    Args:
        session: of a visitor, or of somebody at a desk.
        thread_id: where to.
        message_id: of the form; a second sending at the same moment is left to the first.
        text: cleaned already.
        agency_id: of a desk's message; its writer is then noted too.

    """
    message = m.ThreadMessage(
        id=message_id,
        thread_id=thread_id,
        agency_id=agency_id,
        account_id=None if agency_id is None else session.info["viewer"].account_id,
    )
    seal(session, message, text=text)
    if write_once(session, message):
        audit.record(session, audit.Event.MESSAGE_SENT, thread_id=thread_id, message=message.id)
    return message


__all__ = [
    "UNSEALED_KINDS",
    "Proven",
    "mark_seen",
    "open_thread",
    "own_thread",
    "prove_code",
    "return_code",
    "thread_id_of",
    "write_back",
    "write_message",
]
