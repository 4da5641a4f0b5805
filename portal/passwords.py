"""Which passwords are taken, and how they are kept (security.md A1 and A2; ASVS 5.0, 6.2).

Any characters, no rules about their mixture, no expiry: a long sentence in Japanese is a good
password. What is refused is what is too short, and what somebody who knows people's habits and this
portal guesses early: zxcvbn knows the 30,000 commonest passwords, keyboard rows, repetitions and
dates, and is told the words that belong to this place and this person.
"""

import secrets
import string
import unicodedata
from collections.abc import Iterable

from argon2 import PasswordHasher
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from portal.config import Config

SHORTEST, LONGEST = 15, 128
# Below this many guesses an offline attack is over in hours (zxcvbn calls more "very unguessable").
FEWEST_GUESSES = 10**10
# zxcvbn takes no longer ones, and the first 72 characters decide.
_JUDGED = 72
# What anybody would try first here.
_OF_THIS_PORTAL = (
    *("こどもの権利", "こども", "権利", "けんり", "連携", "ポータル", "サポートセンター"),
    *("kodomo", "kenri", "portal", "renkei", "shien", "soudan", "support", "center", "centre"),
    *("kumamoto", "くまもと", "熊本", "みほん", "mihon"),
)
# Without the letters and figures that are mistaken for one another on paper.
_DRAWN = "".join(sorted({*string.ascii_lowercase, *string.digits} - {*"01lioq"}))
_DRAWN_GROUPS, _DRAWN_LETTERS = 4, 5


def prepared(password: str) -> str:
    """Return a password as it is compared: in NFKC, so that it is the same on every keyboard."""
    return unicodedata.normalize("NFKC", password)


def refusal(password: str, known_words: Iterable[str] = ()) -> str | None:
    """Return why a new password is refused, or None where it is taken.

    Args:
        password: as typed.
        known_words: what others know of the person: the e-mail address, the agency's name.

    Returns:
        ``too_short``, ``too_long`` (in code points) or ``easy_to_guess``.

    """
    plain = prepared(password)
    if len(plain) < SHORTEST:
        return "too_short"
    if len(plain) > LONGEST:
        return "too_long"
    told = {part for word in known_words for part in _parts(prepared(word))}
    judged = zxcvbn(plain[:_JUDGED], user_inputs=[*_OF_THIS_PORTAL, *sorted(told)])
    return "easy_to_guess" if judged["guesses"] < FEWEST_GUESSES else None


def _parts(word: str) -> set[str]:
    """Return every part of a word that somebody would make a password of, from two letters on."""
    word = word[:_JUDGED].lower()
    return {word[i:j] for i in range(len(word)) for j in range(i + 2, len(word) + 1)}


def draw() -> str:
    """Return a password for somebody's first sign-in, 98 random bits in four groups."""
    groups = (
        "".join(secrets.choice(_DRAWN) for _ in range(_DRAWN_LETTERS)) for _ in range(_DRAWN_GROUPS)
    )
    return "-".join(groups)


def hasher(settings: Config) -> PasswordHasher:
    """Return Argon2id with the installation's cost (security.md A1)."""
    cost = settings.argon2
    return PasswordHasher(
        time_cost=cost.time_cost, memory_cost=cost.memory_kib, parallelism=cost.parallelism
    )
