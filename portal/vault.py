"""Sealed texts: AES-256-GCM under a key per scope, each bound to its place (security.md §4).

A scope is what is opened as one: a slice of a case, a thread, a person, an account, a brief, an
action. Its data key lies in ``data_keys``, wrapped by a key that is neither in the database nor in
its backups, and is itself governed: a viewer reads the key only where a rule opens what it opens.
``reveal`` is the door to a plain text, and it notes what was read for the audit log;
``reveal_name`` opens names, which who shows them notes; ``holding`` only compares, for a search.
"""

import base64
import hashlib
import hmac
import os
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Keys
from portal.policy.hot import hot
from portal.text import fold_kana

FORMAT = b"v1"
NONCE_BYTES, KEY_BYTES, ID_BYTES, LENGTH_BYTES = 12, 32, 16, 4
# Texts are padded to these sizes, so that a length tells little (GlobaLeaks and Hush Line do so).
BUCKETS = (64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
# What only the owner works with: reasons, wishes, judgements about grants.
INTERNAL = "internal"


class SealBrokenError(RuntimeError):
    """A ciphertext does not belong where it stands, or its key is not the right one."""


class NoKeyError(RuntimeError):
    """The viewer's transaction reads no key for this scope."""


class UndecidedError(RuntimeError):
    """No rule was given that opens the text, so it stays closed."""


class Scope(NamedTuple):
    """What one data key opens."""

    kind: str
    id: uuid.UUID
    slice: str = ""


@dataclass(frozen=True)
class Decision:
    """Which rule opened a row, and by which grant; selected beside it in the same snapshot."""

    rule: str
    grant_id: uuid.UUID | None = None


@dataclass
class Reads:
    """What was revealed in this unit, for the audit log."""

    slices: dict[uuid.UUID, set[str]] = field(default_factory=dict)
    decisions: dict[uuid.UUID, set[Decision]] = field(default_factory=dict)
    threads: set[uuid.UUID] = field(default_factory=set)
    briefs: set[uuid.UUID] = field(default_factory=set)
    # What was listed: the event, and the ids on the list.
    lists: list[tuple[str, list[uuid.UUID]]] = field(default_factory=list)


def _slice(name: str) -> Callable[[Any], Scope]:
    return lambda row: Scope("slice", row.case_id, name)


_SCOPES: Mapping[type[m.Base], Callable[[Any], Scope]] = {
    m.AccountProfile: lambda row: Scope("account", row.account_id),
    m.Action: lambda row: Scope("action", row.id),
    m.ActionEvent: lambda row: Scope("action", row.action_id),
    m.Advice: lambda row: Scope("advice", row.id),
    m.Brief: lambda row: Scope("brief", row.id),
    m.BriefParty: lambda row: Scope("parties", row.id),
    m.ChildMeeting: _slice(INTERNAL),
    m.Closure: _slice(INTERNAL),
    m.Concealment: _slice(INTERNAL),
    m.Consent: _slice(INTERNAL),
    m.Consultation: lambda row: Scope("thread", row.thread_id),
    m.Emergency: lambda row: Scope("emergency", row.id),
    m.Entry: lambda row: Scope("slice", row.case_id, row.slice),
    m.Exclusion: _slice(INTERNAL),
    m.GrantReason: _slice(INTERNAL),
    m.Issuer: lambda row: Scope("issuer", row.id),
    m.LawReport: _slice(INTERNAL),
    m.NecessityRecord: _slice(INTERNAL),
    m.NeverTell: _slice(INTERNAL),
    m.Person: lambda row: Scope("person", row.id),
    m.ProgressCheck: _slice(INTERNAL),
    m.ShareProposal: _slice(INTERNAL),
    m.Retraction: lambda row: Scope("slice", row.case_id, row.slice),
    m.SavedText: lambda row: Scope("account", row.account_id),
    m.ThreadMessage: lambda row: Scope("thread", row.thread_id),
    m.TotpSecret: lambda row: Scope("account", row.account_id),
    m.UrgencyDecision: _slice(INTERNAL),
    m.Violation: _slice(INTERNAL),
}


# Whose rows are a scope each, known by their primary key, and of no case or thread: what is read of
# them is noted with the list or the case on which it stands.
_ALONE: Mapping[type[m.Base], str] = {m.AccountProfile: "account", m.Person: "person"}

# Between two spellings, so that no match reaches from one into the next; folding keeps it.
BETWEEN_SPELLINGS = "|"


def scope_of(row: m.Base) -> Scope:
    """Return the scope that the sealed columns of a row belong to."""
    return _SCOPES[type(row)](row)


def equip(session: Session, keys: Keys) -> None:
    """Give a session the keys of the installation; without them nothing is sealed or revealed."""
    session.info["keys_of_installation"] = keys


def reads(session: Session) -> Reads:
    """Return what was revealed in this session so far."""
    noted: Reads = session.info.setdefault("reads", Reads())
    return noted


def _keys(session: Session) -> Keys:
    keys: Keys = session.info["keys_of_installation"]
    return keys


def _cache(session: Session) -> dict[Scope, bytes]:
    cache: dict[Scope, bytes] = session.info.setdefault("data_keys", {})
    return cache


def email_index(keys: Keys, address: str) -> bytes:
    """Return what finds an account by its e-mail without storing the address readably."""
    return hmac.new(keys.blind_index, b"email|" + address.encode(), hashlib.sha256).digest()


def email_index_for(session: Session, address: str) -> bytes:
    """Return ``email_index`` under the keys that the session was equipped with."""
    return email_index(_keys(session), address)


def link_token_for(session: Session, notice_id: uuid.UUID) -> str:
    """Return the secret part of the link in a letter: 256 bits that only the key file gives.

    It is made of the letter's id, so that nothing but its hash is ever stored.
    """
    told = f"link|{notice_id}".encode()
    secret = hmac.new(_keys(session).code_pepper, told, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def recovery_hash_for(session: Session, account_id: uuid.UUID, code: str) -> bytes:
    """Return what is kept of a recovery code; its 78 random bits need no slow hash."""
    told = f"recovery|{account_id}|{code}".encode()
    return hmac.new(_keys(session).code_pepper, told, hashlib.sha256).digest()


def _wrapping_place(scope: Scope, kek_id: str) -> bytes:
    return "|".join(["dek", scope.kind, str(scope.id), scope.slice, kek_id]).encode()


def create_key(session: Session, scope: Scope) -> None:
    """Make the data key of a new scope, wrapped under the installation's current key."""
    keys = _keys(session)
    plain, nonce = AESGCM.generate_key(KEY_BYTES * 8), os.urandom(NONCE_BYTES)
    place = _wrapping_place(scope, keys.current)
    wrapped = nonce + AESGCM(keys.content[keys.current]).encrypt(nonce, plain, place)
    row = m.KEYS[scope.kind](scope_id=scope.id, kek_id=keys.current, wrapped=wrapped)
    if isinstance(row, m.SliceKey):
        row.slice = scope.slice
    session.add(row)
    _cache(session)[scope] = plain


def _ciphers(session: Session) -> dict[str, AESGCM]:
    """Return what the installation's keys open with, by their ids: set up once for many rows."""
    return {kek_id: AESGCM(key) for kek_id, key in _keys(session).content.items()}


def _take_in(session: Session, kind: str, rows: Iterable[Any]) -> None:
    ciphers, cache = _ciphers(session), _cache(session)
    for row in rows:
        scope = Scope(kind, row.scope_id, row.slice if kind == "slice" else "")
        cache[scope] = _unwrap(ciphers, scope, row.kek_id, row.wrapped)


def _unwrap(ciphers: Mapping[str, AESGCM], scope: Scope, kek_id: str, wrapped: bytes) -> bytes:
    place = _wrapping_place(scope, kek_id)
    try:
        return ciphers[kek_id].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
    except (KeyError, InvalidTag) as error:
        msg = f"the data key of {scope.kind} {scope.id} does not open with key {kek_id}"
        raise SealBrokenError(msg) from error


def _keys_of(key: Any) -> Select[Any]:
    # An array keeps one text, and so one plan, for any number of keys.
    columns = [key.scope_id, key.kek_id, key.wrapped, *([key.slice] if key is m.SliceKey else [])]
    return select(*columns).where(key.scope_id == any_(bindparam("ids", type_=ARRAY(Uuid()))))


_KEYS = {kind: hot(f"keys: {kind}", _keys_of(key)) for kind, key in m.KEYS.items()}


def fetch_keys(session: Session, rows: Iterable[m.Base]) -> None:
    """Read the data keys of many rows in one query a kind: a page costs the same at any length."""
    wanted = {scope_of(row) for row in rows} - _cache(session).keys()
    for kind in sorted({scope.kind for scope in wanted}):
        ids = sorted({scope.id for scope in wanted if scope.kind == kind})
        _take_in(session, kind, session.execute(_KEYS[kind], {"ids": ids}))


def key_columns(key: Any) -> tuple[Any, ...]:
    """Return what ``take_keys`` wants of a table of keys, for a query that joins it outwards."""
    return key.scope_id, key.kek_id, key.wrapped


def take_keys(session: Session, kind: str, rows: Iterable[Any]) -> None:
    """Take in the data keys that the viewer's own query read beside what they open.

    Args:
        session: of the viewer.
        kind: of the keys.
        rows: with ``key_columns``; NULL where there is no key, or none for the viewer.

    """
    _take_in(session, kind, (row for row in rows if row.wrapped is not None))


def take_key(session: Session, scope: Scope, kek_id: str, wrapped: bytes) -> None:
    """Take in a data key that a sanctioned function of the database gave before a viewer."""
    _cache(session)[scope] = _unwrap(_ciphers(session), scope, kek_id, wrapped)


def _key(session: Session, row: m.Base) -> tuple[Scope, bytes]:
    scope = scope_of(row)
    if scope not in _cache(session):
        fetch_keys(session, [row])
    try:
        return scope, _cache(session)[scope]
    except KeyError:
        raise NoKeyError(_no_key(scope, type(row))) from None


def _no_key(scope: Scope, model: type[m.Base]) -> str:
    return f"no key for {scope.kind} of {model.__tablename__}"


def _place(row: m.Base, name: str, scope: Scope) -> bytes:
    key = map(str, row.__mapper__.primary_key_from_instance(row))
    return _place_of(row.__tablename__, name, *key, str(scope.id), scope.slice)


def _place_of(*parts: str) -> bytes:
    return "|".join((FORMAT.decode(), *parts)).encode()


def pad(plain: bytes) -> bytes:
    """Return the length and the bytes, filled up to the next bucket.

    Raises ValueError for a text beyond the largest bucket; forms refuse it long before.
    """
    framed = struct.pack(">I", len(plain)) + plain
    size = next((size for size in BUCKETS if len(framed) <= size), None)
    if size is None:
        msg = "the text is longer than the vault takes"
        raise ValueError(msg)
    return framed.ljust(size, b"\0")


def unpad(padded: bytes) -> bytes:
    """Return the bytes that ``pad`` was given."""
    (length,) = struct.unpack(">I", padded[:LENGTH_BYTES])
    return padded[LENGTH_BYTES : LENGTH_BYTES + length]


def seal(session: Session, row: m.Base, **texts: str | None) -> None:
    """Seal texts into a row's columns, each bound to table, column, row and scope.

    Args:
        row: with its id and the ids its scope is made of; its scope has a key.
        texts: by name without ``_sealed``; None leaves the column empty.

    """
    for name, plain in texts.items():
        sealed = None if plain is None else _sealed(session, row, name, plain)
        setattr(row, f"{name}_sealed", sealed)


def _sealed(session: Session, row: m.Base, name: str, plain: str) -> bytes:
    scope, key = _key(session, row)
    nonce = os.urandom(NONCE_BYTES)
    place = _place(row, name, scope)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, pad(plain.encode()), place)


def reveal(session: Session, row: m.Base, name: str, decision: Decision | None = None) -> str:
    """Return a sealed text, "" where the column is empty, and note that it was read.

    Args:
        row: as the viewer's own query returned it.
        name: the column without ``_sealed``.
        decision: for entries, the rule that opened the row; others are decided by their table.

    Raises:
        UndecidedError: an entry without a decision.
        NoKeyError: the viewer's transaction may not read the key.
        SealBrokenError: the ciphertext was moved, changed or is under another key.

    """
    if isinstance(row, m.Entry) and decision is None:
        raise UndecidedError
    sealed: bytes | None = getattr(row, f"{name}_sealed")
    if sealed is None:
        return ""
    scope, key = _key(session, row)
    plain = _opened(AESGCM(key), sealed, _place(row, name, scope))
    _note(session, row, scope, decision)
    return plain


def reveal_name(
    session: Session, model: type[m.Base], key: uuid.UUID, name: str, sealed: bytes | None
) -> str:
    """Return a sealed text of a person or profile that a query gave by columns, "" for none.

    A list of fifty does not need an object of each. Nothing is noted: who shows a name notes the
    list or the case on which it stands.

    Args:
        session: of the viewer, whose own query gave the column, and the key beside it.
        model: of the row: ``Person`` or ``AccountProfile``.
        key: primary key of the row.
        name: the column without ``_sealed``.
        sealed: what stands in it.

    Raises:
        NoKeyError: the viewer's transaction has read no key for it.
        SealBrokenError: the ciphertext was moved, changed or is under another key.

    """
    if sealed is None:
        return ""
    scope = Scope(_ALONE[model], key)
    opening = _cache(session).get(scope)
    if opening is None:
        raise NoKeyError(_no_key(scope, model))
    written = str(key)
    return _opened(
        AESGCM(opening), sealed, _place_of(model.__tablename__, name, written, written, "")
    )


def _opened(cipher: AESGCM, sealed: bytes, place: bytes) -> str:
    head = len(FORMAT)
    nonce, body = sealed[head : head + NONCE_BYTES], sealed[head + NONCE_BYTES :]
    try:
        return unpad(cipher.decrypt(nonce, body, place)).decode()
    except InvalidTag as error:
        table, column = place.decode().split("|")[1:3]
        msg = f"{table}.{column} does not belong where it stands"
        raise SealBrokenError(msg) from error


def spelling_of(
    session: Session,
    link: m.CasePerson,
    *,
    family_name: str,
    given_name: str,
    kana: str = "",
    called: str = "",
) -> m.Spelling:
    """Return the row that keeps how a person of a case is spelled, for a search to compare.

    The spellings lie as a key does: once, under the installation's own key, so that comparing
    thousands opens one ciphertext each; the database drops them with the person's data key
    (decision 4).

    Args:
        session: of who adds the person to the case, and then the row.
        link: the person's place in the case; the person has a data key.
        family_name, given_name, kana, called: as they are kept; "" where nobody knows.

    """
    keys, nonce = _keys(session), os.urandom(NONCE_BYTES)
    told = BETWEEN_SPELLINGS.join((family_name + given_name, kana, called))
    place = _spelling_place(link.case_id, link.person_id, keys.current)
    cipher = AESGCM(keys.content[keys.current])
    sealed = nonce + cipher.encrypt(nonce, pad(fold_kana(told).encode()), place)
    return m.Spelling(
        case_id=link.case_id,
        owner_agency_id=link.owner_agency_id,
        case_opened_at=link.case_opened_at,
        person_id=link.person_id,
        kek_id=keys.current,
        sealed=sealed,
    )


def _spelling_place(case_id: object, person_id: object, kek_id: str) -> bytes:
    return f"spelling|{case_id}|{person_id}|{kek_id}".encode()


def holding(session: Session, rows: Iterable[Any], words: Sequence[str]) -> Iterator[Any]:
    """Yield the rows whose spellings hold one of some words, and show nothing of the others.

    Nothing is noted: who shows what was found among them notes that as a list.

    Args:
        session: of the viewer whose query gave the rows.
        rows: that begin with case_id, person_id, kek_id and sealed of ``spellings``, by place,
            since a name costs more than the comparing; one without (None) is passed over.
        words: as ``fold_kana`` returns them, none of them empty.

    Raises:
        SealBrokenError: a ciphertext is not the one of its row.

    """
    ciphers = _ciphers(session)
    wanted = [word.encode() for word in words]
    for row in rows:
        case_id, person_id, kek_id, sealed = row[:4]
        if sealed is None:
            continue
        place = _spelling_place(case_id, person_id, kek_id)
        try:
            plain = ciphers[kek_id].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except (KeyError, InvalidTag) as error:
            msg = f"the spelling of person {person_id} does not open with key {kek_id}"
            raise SealBrokenError(msg) from error
        # Behind its length; what fills it up is no part of any word.
        for word in wanted:
            if plain.find(word, LENGTH_BYTES) >= 0:
                yield row
                break


def _note(session: Session, row: m.Base, scope: Scope, decision: Decision | None) -> None:
    noted = reads(session)
    if scope.kind == "thread":
        noted.threads.add(scope.id)
    elif scope.kind in ("brief", "parties", "advice"):
        noted.briefs.add(row.brief_id if hasattr(row, "brief_id") else scope.id)
    case_id = getattr(row, "case_id", None)
    if case_id is not None:
        noted.slices.setdefault(case_id, set()).add(scope.slice or scope.kind)
        if decision is not None:
            noted.decisions.setdefault(case_id, set()).add(decision)
