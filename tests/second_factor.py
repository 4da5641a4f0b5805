"""Second factors for tests: printed codes, which work at any time and any number of sign-ins."""

import unicodedata
from collections.abc import Iterator
from itertools import count

from sqlalchemy import Engine

from portal import models as m
from portal.config import Keys
from portal.database import SystemSession
from portal.vault import equip, recovery_hash_for
from tests.city import City

CODES_EACH = 12
_left: dict[str, Iterator[int]] = {}


def _code(email: str, number: int) -> str:
    """Return the code as it is printed: groups of five."""
    letters = "".join(each for each in email if each.isalnum()) + f"{number:02}"
    return "-".join(letters[start : start + 5] for start in range(0, len(letters), 5))


def give_codes(system: Engine, keys: Keys, town: City, *people: str) -> None:
    """Give people of the city an authenticator's stand-in: codes, and a passkey nobody holds."""
    with SystemSession(system) as session, session.begin():
        equip(session, keys)
        for person in people:
            account_id, email = town.accounts[person], f"{person}@example.jp"
            _left[email] = count()
            session.add(
                m.Passkey(
                    account_id=account_id, credential_id=account_id.bytes, public_key=b"nobody's"
                )
            )
            for number in range(CODES_EACH):
                code_hash = recovery_hash_for(session, account_id, _code(email, number))
                session.add(m.RecoveryCode(account_id=account_id, code_hash=code_hash))


def next_code(email: str) -> str:
    """Return a code that nobody has used yet."""
    known = unicodedata.normalize("NFKC", email).lower()
    return _code(known, next(_left[known]))
