"""Withdrawals and posts that race each other, against a portal that gunicorn serves.

Nothing here sleeps or measures how long something took. A reader reads until it has sent a request
after the answer of the withdrawal; a race is over when everybody has.
"""

from __future__ import annotations

import http.client
import os
import pickle
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import settle
from portal.auth import COOKIE
from portal.config import Config
from portal.database import PortalSession, SystemSession, look_as, system_session
from portal.policy.permissions import Standing
from portal.policy.viewer import Viewer
from portal.services.entries import post_entry
from portal.services.sharing import end_grant
from portal.vault import equip
from tests import city as towns
from tests.conftest import Database
from tests.rules import served
from tests.web import open_session

ROOT = Path(__file__).parents[2]
# A race that takes longer than this hangs; nothing is judged by it.
PATIENCE_SECONDS = 120


@contextmanager
def gunicorn(
    config: Config, folder: Path, make_app: str = "tests.rules.served:make_app()"
) -> Iterator[int]:
    """Serve a database by two workers of four threads; gives the port on the loopback."""
    kept = folder / "config.pickle"
    kept.write_bytes(pickle.dumps(config))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as door:
        command = (
            sys.executable, "-m", "gunicorn", make_app,
            "--workers", "2", "--worker-class", "gthread", "--threads", "4",
            "--graceful-timeout", "1", "--no-control-socket", "--bind", f"fd://{door.fileno()}",
            "--log-level", "warning",
        )  # fmt: skip
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, served.CONFIG: str(kept)},
            pass_fds=[door.fileno()],
        )
        try:
            yield door.getsockname()[1]
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


@dataclass
class Answer:
    """One answer, with when its request was sent by the clock of this process."""

    sent: float
    status: int
    body: str


@dataclass
class Browser:
    """Somebody's browser that opens a connection for each request, so that any worker answers."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        sent = time.monotonic()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            body = None if form is None else urlencode(form)
            line.request(method, path, body, {**headers, "Host": "localhost"})
            response = line.getresponse()
            read = response.read().decode()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return Answer(sent, response.status, read)
        finally:
            line.close()

    def token(self, path: str) -> str:
        """Return the form token of a page."""
        page = self.ask("GET", path)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.body)
        assert found is not None, f"{path} answers {page.status}"
        return found.group(1)


@dataclass
class Town:
    """The small city with one case, an entry in it that a nurse may read, and who takes part."""

    database: Database
    city: towns.City
    port: int
    told: str
    told_id: uuid.UUID

    @classmethod
    def found(cls, database: Database, port: int) -> Town:
        told = f"told-{secrets.token_hex(8)}"
        with system_session(database.system, reason="a race") as session:
            city = towns.build(session, database.keys)
            told_id = towns.add_entry(session, city, slice_="school", text=told)
        return cls(database, city, port, told, told_id)

    def browser(self, person: str) -> Browser:
        """Return the browser of somebody who is signed in."""
        city = self.city
        token = open_session(self.database.system, city.accounts[person], city.acting[person])
        return Browser(self.port, {COOKIE: token})

    def give(self) -> uuid.UUID:
        """Let the school read and write about the child at school."""
        with SystemSession(self.database.system) as session, session.begin():
            return towns.add_grant(session, self.city, "school", ["school"])

    @contextmanager
    def withdrawing(self, grant_id: uuid.UUID) -> Iterator[Session]:
        """End a grant as a counsellor does, in a transaction that commits at the end."""
        person = "counsellor"
        account, agency = self.city.accounts[person], self.city.acting[person]
        with PortalSession(self.database.app) as session:
            standing = Standing(
                "center_counselor", manager=False, agency_type="support_center", agency_id=agency
            )
            look_as(session, Viewer(account, agency), standing)
            equip(session, self.database.keys)
            session.connection(execution_options={"isolation_level": "READ COMMITTED"})
            assert end_grant(session, session.get_one(m.Grant, grant_id))
            yield session
            settle(session)
            session.commit()

    def note(self, session: Session, words: str) -> None:
        """Write down something that only the centre may know, in the slice that was shared."""
        case = session.get_one(m.Case, self.city.case_id)
        child = self.city.persons["child"]
        entry_id = uuid.uuid4()
        post_entry(session, case, entry_id=entry_id, slice_="school", subject_id=child, text=words)

    def posts(self, person: str) -> set[uuid.UUID]:
        """Return what somebody has written into the case so far."""
        written = text("SELECT id FROM entries WHERE author_account_id = :account")
        with self.database.system.begin() as connection:
            found = connection.scalars(written, {"account": self.city.accounts[person]})
            return set(found)

    def tidy(self) -> None:
        """Forget grants and what was written in the race: the next one begins like the first."""
        with self.database.owner.begin() as connection:
            connection.execute(text("DELETE FROM tasks"))
            connection.execute(text("DELETE FROM grants"))
            connection.execute(
                text("DELETE FROM entries WHERE id <> :told"), {"told": self.told_id}
            )


class Race:
    """Several people act again and again while one thing happens."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.failed = threading.Event()

    def until_over(
        self, act: Callable[[], Answer], ready: threading.Event, good: int
    ) -> list[Answer]:
        """Act until an action has begun after the end; `ready` is set by the first good answer."""
        answers = []
        try:
            while True:
                last = self.over.is_set()
                answers.append(act())
                if answers[-1].status == good:
                    ready.set()
                if last:
                    return answers
        except BaseException:
            self.failed.set()
            ready.set()
            raise

    def run(
        self, actors: dict[str, tuple[Callable[[], Answer], int]], deed: Callable[[], float]
    ) -> tuple[dict[str, list[Answer]], float]:
        """Let everybody act, do the deed once each has succeeded, and return all that was answered.

        Args:
            actors: by name, what each does and which status is a success.
            deed: does what happens once and returns when it was answered.

        """
        readies = {name: threading.Event() for name in actors}
        with ThreadPoolExecutor(len(actors)) as pool:
            running = {
                name: pool.submit(self.until_over, act, readies[name], good)
                for name, (act, good) in actors.items()
            }
            try:
                for name, ready in readies.items():
                    assert ready.wait(PATIENCE_SECONDS), f"{name} never succeeded"
                answered = 0.0 if self.failed.is_set() else deed()
            finally:
                self.over.set()
            return {name: each.result() for name, each in running.items()}, answered
