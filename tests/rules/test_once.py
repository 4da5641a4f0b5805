"""What works once works once, for four who use it at the same moment (security.md A4, A8).

Two workers of gunicorn serve one PostgreSQL. `PORTAL_ROUNDS` says how often four browsers send the
same code or link together: 3 times in an ordinary run, 200 times by `make test-once`. Beside the
portal stands a careless one (``tests.rules.careless``), which must be found out.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import text

from portal import models as m
from portal.auth import COOKIE
from portal.database import SystemSession
from portal.services import notices
from portal.vault import link_token_for, recovery_hash_for, seal
from tests import city as towns
from tests.conftest import Database
from tests.rules.racing import Browser, gunicorn
from tests.web import open_session

ROUNDS = int(os.environ.get("PORTAL_ROUNDS", "3"))
AT_ONCE = 4
# So many rounds until the careless portal lets in more than one.
MOST_CONTROLS = 200
PORTAL, CARELESS = "tests.rules.served:make_app()", "tests.rules.careless:make_app()"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODE = "mihon-kaifu-kucod"
NEW = "縁側で猫が七匹ねむっている午後"
AS_NEW = (
    "UPDATE totp_secrets SET used_step = 0",
    "UPDATE recovery_codes SET used_at = NULL",
    "UPDATE notices SET used_at = NULL WHERE link_hash IS NOT NULL",
    "DELETE FROM credentials",
    "DELETE FROM throttle_counts",
)
Note = Callable[[str, object], None]


@dataclass
class Door:
    """A served portal, its nurse, and the keys of her links by kind."""

    database: Database
    nurse: uuid.UUID
    school: uuid.UUID
    links: dict[str, str]
    port: int = 0

    @classmethod
    def built(cls, database: Database) -> Door:
        """Give the nurse of the small city an app, a recovery code and a link of each kind."""
        with SystemSession(database.system) as session, session.begin():
            city = towns.build(session, database.keys)
            nurse, links = city.accounts["nurse"], {}
            app = m.TotpSecret(account_id=nurse, used_step=0)
            seal(session, app, secret=SECRET)
            hashed = recovery_hash_for(session, nurse, CODE)
            session.add_all([app, m.RecoveryCode(account_id=nurse, code_hash=hashed)])
            for kind in (notices.INVITATION, notices.RESET):
                letter_id = uuid.uuid4()
                links[kind] = link_token_for(session, letter_id)
                letter = m.Notice(
                    id=letter_id,
                    kind=kind,
                    account_id=nurse,
                    link_hash=notices.link_hash(links[kind]),
                    expires_at=datetime.now(UTC) + timedelta(days=1),
                )
                session.add(letter)
        return cls(database, nurse, city.agencies["school"], links)

    def half(self) -> Browser:
        """Return a browser of the nurse's that has given the password and nothing more."""
        token = open_session(self.database.system, self.nurse, self.school, "password")
        return Browser(self.port, {COOKIE: token})

    def renew(self) -> None:
        """Let everything be as if it had never been used."""
        with self.database.system.begin() as connection:
            for statement in AS_NEW:
                connection.execute(text(statement))


@dataclass(frozen=True)
class Once:
    """Something that works once: whose browsers use it where, with what, and how it is refused."""

    name: str
    browser: Callable[[Door], Browser]
    path: Callable[[Door], str]
    form: Callable[[], dict[str, str]]
    refused: int


def by_code(name: str, code: Callable[[], str]) -> Once:
    return Once(name, Door.half, lambda _door: "/second-factor", lambda: {"code": code()}, 422)


def by_link(kind: str) -> Once:
    return Once(
        kind,
        lambda door: Browser(door.port),
        lambda door: f"/new-password?key={door.links[kind]}",
        lambda: {"password": NEW, "again": NEW},
        410,
    )


THINGS = (
    by_code("code of an app", lambda: pyotp.TOTP(SECRET).now()),
    by_code("recovery code", lambda: CODE),
    by_link(notices.INVITATION),
    by_link(notices.RESET),
)


@pytest.fixture
def served(
    request: pytest.FixtureRequest, clone: Callable[[], Database], tmp_path: Path
) -> Iterator[Door]:
    """Give the door of the portal that the test names by its address."""
    database = clone()
    door = Door.built(database)
    with gunicorn(database.config, tmp_path, request.param) as door.port:
        yield door
    database.drop()


def used(door: Door, thing: Once, at_once: int = AT_ONCE) -> list[int]:
    """Use something anew from several browsers, so many at the same moment; return the statuses."""
    door.renew()
    path = thing.path(door)
    browsers = [thing.browser(door) for _ in range(AT_ONCE)]
    tokens = [browser.token(path) for browser in browsers]
    form, start = thing.form(), threading.Barrier(at_once)

    def use(browser: Browser, token: str) -> int:
        start.wait()
        return browser.ask("POST", path, {**form, "csrf_token": token}).status

    with ThreadPoolExecutor(at_once) as pool:
        return sorted(pool.map(use, browsers, tokens))


def one_use(thing: Once) -> list[int]:
    """Return the statuses where it was used once, whoever came first."""
    return [302, *[thing.refused] * (AT_ONCE - 1)]


@pytest.mark.parametrize("served", [PORTAL], indirect=True)
def test_four_uses_at_once_are_one_use(served: Door, record_property: Note) -> None:
    for thing in THINGS:
        for _ in range(ROUNDS):
            assert used(served, thing) == one_use(thing), thing.name
        record_property(f"{thing.name}: rounds of {AT_ONCE} uses, one success in each", ROUNDS)


@pytest.mark.parametrize("served", [CARELESS], indirect=True)
def test_a_careless_portal_is_found_out(served: Door, record_property: Note) -> None:
    for thing in THINGS:
        assert used(served, thing, 1) == one_use(thing), "one after the other it is right"
        successes = rounds = 0
        while successes < 2 and rounds < MOST_CONTROLS:
            successes, rounds = used(served, thing).count(302), rounds + 1
        record_property(f"{thing.name}: rounds until two successes", rounds)
        assert successes > 1, thing.name
