"""Return codes, secret words and case references.

A return code lets somebody without an account come back to their thread: six common Japanese words,
drawn from the BIP-39 list less those that a frightened child should not be handed
(vocabulary/unfit_words.csv). Six of the remaining words hold a little over 64 bits (security.md
R2), so a code alone cannot be guessed; the secret word guards it when the paper is found.

Nothing here is kept as it is typed. The database has, per thread, a short locator and two Argon2id
hashes, all of them keyed with a pepper that lives outside the database. Each use of a key carries a
label of its own, so that what is made for one use never equals what is made for another.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from portal.config import Argon2Parameters
from portal.text import BadText, clean, fold_kana, hiragana
from portal.vocabulary.lists import FOLDER
from portal.vocabulary.reader import read_rows

CODE_WORDS: Final = 6
REQUIRED_BITS: Final = 64

SECRET_SHORTEST: Final = 2
SECRET_LONGEST: Final = 64

# 32 bits. The lookup by locator runs before Argon2, so it should leave one candidate: among 100,000
# live threads another one shares it in 2 of 100,000 cases, where three bytes would give 600. It
# should not be longer either: whoever steals database and pepper then still has to run Argon2 for
# one in 2^32 of the 2^64 codes.
LOCATOR_BYTES: Final = 4

# Without vowels no word can arise by chance, and of each pair that is misread or misheard (0 O,
# 1 I L, 2 Z, 5 S, 8 B) at most one is left.
REFERENCE_ALPHABET: Final = "2345679CDFGHJKMNPQRTVWXY"
REFERENCE_GROUPS: Final = 3
REFERENCE_GROUP_LENGTH: Final = 3
REFERENCE_LETTERS: Final = REFERENCE_GROUPS * REFERENCE_GROUP_LENGTH

# The longest code that people type: six words of seven letters, each letter with its mark typed
# apart, and some room for numbers and blanks between them.
_LONGEST_TYPED: Final = 400


class UnfitWordList(RuntimeError):
    """The words left for return codes are too few, or run into each other."""


def listed_words() -> tuple[str, ...]:
    """Return the 2048 words of the Japanese BIP-39 list, in NFC (the file is in NFKD)."""
    file = resources.files("mnemonic") / "wordlist" / "japanese.txt"
    return tuple(unicodedata.normalize("NFC", word) for word in file.read_text("utf-8").split())


def fit_words(listed: Iterable[str], unfit: Path) -> tuple[str, ...]:
    """Return the `listed` words without those of the file `unfit` (columns word, reason).

    Raises VocabularyError for a word of the file that is not listed or stands there twice, and
    UnfitWordList if what is left holds less than 64 bits in six words, or could be read in two ways
    when it is typed without blanks.
    """
    left = dict.fromkeys(listed)
    for row in read_rows(unfit, ("word", "reason")):
        if row.text("word") not in left:
            raise row.mistake("word", f"{row.text('word')} is not listed, or stands twice")
        row.text("reason")
        del left[row.text("word")]
    words = tuple(left)
    if _bits(words) < REQUIRED_BITS:
        raise UnfitWordList(f"{len(words)} words hold only {_bits(words):.1f} bits in a code")
    _refuse_ambiguous(words)
    return words


def _bits(words: tuple[str, ...]) -> float:
    return CODE_WORDS * math.log2(len(words))


def _refuse_ambiguous(words: tuple[str, ...]) -> None:
    """Raise UnfitWordList unless no word begins with another, as they are compared.

    Then a row of words without blanks has one reading, and it is found from left to right.
    """
    # Where one begins with another, they are neighbours in this order.
    ordered = sorted(fold_kana(word) for word in words)
    for word, following in pairwise(ordered):
        if following.startswith(word):
            raise UnfitWordList(f"{following} begins with {word}")


WORDS: Final = fit_words(listed_words(), FOLDER / "unfit_words.csv")
CODE_BITS: Final = _bits(WORDS)
_BY_SOUND: Final[Mapping[str, str]] = MappingProxyType({fold_kana(word): word for word in WORDS})
_LENGTHS: Final = tuple(sorted({len(sound) for sound in _BY_SOUND}))


def new_code() -> str:
    """Return a new random return code: six words with blanks between them, in NFC."""
    return " ".join(secrets.choice(WORDS) for _ in range(CODE_WORDS))


def code_from_submission(key: bytes, submission: UUID) -> str:
    """Return the return code that belongs to one sending of a form, the same at every call.

    A form sent twice then shows one code, without the code being kept anywhere. `submission` must
    be random (UUID version 4) and must not be kept either: whoever has it and the key has the code.
    Keep `submission_mark` instead.
    """
    # The remainder of 256 random bits favours no code by more than one in 2^191.
    number = int.from_bytes(_keyed(key, "return code", submission.bytes))
    words = []
    for _ in range(CODE_WORDS):
        number, index = divmod(number, len(WORDS))
        words.append(WORDS[index])
    return " ".join(words)


def submission_mark(submission: UUID) -> bytes:
    """Return 32 bytes by which a second sending of the same form is known.

    A plain hash suffices, since nobody can run through 122 random bits.
    """
    return hashlib.sha256(b"submission\0" + submission.bytes).digest()


def normalise(typed: str) -> str | None:
    """Return the return code that was typed, as `new_code` spells it, or None if it is none.

    Blanks, line ends, punctuation and numbers count for nothing, hiragana and katakana, small and
    large kana are the same, half-width and decomposed letters too. Blanks may be left out.
    """
    if len(typed) > _LONGEST_TYPED:
        return None
    rest = "".join(filter(_is_sound, fold_kana(typed)))
    words: list[str] = []
    while rest:
        sound = next((rest[:n] for n in _LENGTHS if rest[:n] in _BY_SOUND), None)
        if sound is None:
            return None
        words.append(_BY_SOUND[sound])
        rest = rest[len(sound) :]
    return " ".join(words) if len(words) == CODE_WORDS else None


def _is_sound(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def locator(key: bytes, normalised: str) -> bytes:
    """Return the 4 bytes by which the few threads that may have this code are looked up."""
    return _keyed(key, "locator", normalised.encode())[:LOCATOR_BYTES]


def normalise_secret(typed: str) -> str:
    """Return the secret word as it is compared: NFKC, katakana as hiragana, no blanks, no case.

    Raises BadText `secret_too_short` below 2 characters, which is as much as a small child may
    want to remember, `secret_too_long` above 64, and what `clean` refuses.
    """
    # What is this long before folding is no word, whatever blanks and marks would fall away.
    if len(typed) > _LONGEST_TYPED:
        raise BadText("secret_too_long", limit=SECRET_LONGEST)
    secret = hiragana(clean(typed, limit=sys.maxsize, multiline=False)).casefold()
    if len(secret) < SECRET_SHORTEST:
        raise BadText("secret_too_short", limit=SECRET_SHORTEST)
    if len(secret) > SECRET_LONGEST:
        raise BadText("secret_too_long", limit=SECRET_LONGEST)
    return secret


def hash_code(normalised: str, *, pepper: bytes, cost: Argon2Parameters) -> str:
    """Return the Argon2id hash of a normalised return code, for a thread's `code_hash`."""
    return _hasher(cost).hash(_code_material(pepper, normalised))


def hash_secret(normalised: str, secret: str, *, pepper: bytes, cost: Argon2Parameters) -> str:
    """Return the Argon2id hash of a secret word together with its code, for `secret_hash`.

    A secret word is short. Bound to the code it cannot be tried without the code, not even by
    whoever has stolen both the database and the pepper.
    """
    return _hasher(cost).hash(_secret_material(pepper, normalised, secret))


def verify_code(
    stored: str | None, normalised: str | None, *, pepper: bytes, cost: Argon2Parameters
) -> bool:
    """Whether a normalised code is the one of the hash `stored`.

    Pass None for a thread that was not found and for a code that `normalise` did not accept: the
    answer is then False after the same work, so that time tells nothing (security.md R4).
    """
    right = _verify(stored, _code_material(pepper, normalised or ""), cost)
    return right and normalised is not None


def verify_secret(
    stored: str | None,
    normalised: str | None,
    secret: str | None,
    *,
    pepper: bytes,
    cost: Argon2Parameters,
) -> bool:
    """Whether code and secret word are those of the hash `stored`; None as in `verify_code`."""
    right = _verify(stored, _secret_material(pepper, normalised or "", secret or ""), cost)
    return right and normalised is not None and secret is not None


def new_reference() -> str:
    """Return a random reference for a case, as K7F-3QX-R4M: 41 bits, without order or gaps."""
    groups = (
        "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(REFERENCE_GROUP_LENGTH))
        for _ in range(REFERENCE_GROUPS)
    )
    return "-".join(groups)


def read_reference(typed: str) -> str | None:
    """Return the reference or number that was typed, as K7F-3QX-R4M, or None if it is none.

    Full-width letters, small ones and missing or other hyphens count for nothing.
    """
    letters = [
        letter
        for letter in unicodedata.normalize("NFKC", typed[:_LONGEST_TYPED]).upper()
        if not letter.isspace() and unicodedata.category(letter) != "Pd" and letter not in "ー−"
    ]
    if len(letters) != REFERENCE_LETTERS or not set(letters) <= set(REFERENCE_ALPHABET):
        return None
    return _grouped(letters)


def _grouped(letters: Sequence[str]) -> str:
    length = REFERENCE_GROUP_LENGTH
    return "-".join("".join(letters[at : at + length]) for at in range(0, len(letters), length))


def number_of(key: UUID) -> str:
    """Return a short number, as K7F-3QX-R4M, by which people speak of a row with a random key.

    It stands on a clerk's receipt and on the desk's page. It opens nothing, and the key cannot be
    told from it.
    """
    rest = int.from_bytes(hashlib.sha256(b"number\0" + key.bytes).digest())
    letters = []
    for _ in range(REFERENCE_LETTERS):
        rest, index = divmod(rest, len(REFERENCE_ALPHABET))
        letters.append(REFERENCE_ALPHABET[index])
    return _grouped(letters)


def _keyed(key: bytes, use: str, value: bytes) -> bytes:
    """Return HMAC-SHA256 of `value` for one `use` of the key; raises ValueError for a short key."""
    if len(key) < hashlib.sha256().digest_size:
        raise ValueError("a key of at least 32 bytes is needed")
    return hmac.digest(key, f"portal.codes {use}\0".encode() + value, "sha256")


def _code_material(pepper: bytes, normalised: str) -> bytes:
    return _keyed(pepper, "code", normalised.encode())


def _secret_material(pepper: bytes, normalised: str, secret: str) -> bytes:
    # A code has no zero byte, so the border between the two cannot be moved.
    return _keyed(pepper, "secret", f"{normalised}\0{secret}".encode())


def _hasher(cost: Argon2Parameters) -> PasswordHasher:
    return PasswordHasher(
        time_cost=cost.time_cost,
        memory_cost=cost.memory_kib,
        parallelism=cost.parallelism,
        type=Type.ID,
    )


@lru_cache(maxsize=8)
def _nobodys_hash(cost: Argon2Parameters) -> str:
    return _hasher(cost).hash(secrets.token_bytes())


def _verify(stored: str | None, material: bytes, cost: Argon2Parameters) -> bool:
    try:
        _hasher(cost).verify(stored or _nobodys_hash(cost), material)
    except VerifyMismatchError:
        return False
    return stored is not None
