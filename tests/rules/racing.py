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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
# Of what a school may be given; each is withdrawn once in a round.
SHARED = (
    *("basic", "summary", "child_view", "school", "home"),
    *("health", "welfare", "safety", "plan", "progress"),
)


MAKE_APP = "tests.rules.served:make_app()"


def serve(
    config: Config, folder: Path, door: socket.socket, make_app: str = MAKE_APP
) -> subprocess.Popen[bytes]:
    """Start gunicorn with two workers of four threads behind a door, in a process group."""
    kept = folder / "config.pickle"
    kept.write_bytes(pickle.dumps(config))
    command = (
        sys.executable, "-m", "gunicorn", make_app,
        "--workers", "2", "--worker-class", "gthread", "--threads", "4",
        "--graceful-timeout", "1", "--no-control-socket", "--bind", f"fd://{door.fileno()}",
        "--log-level", "warning",
    )  # fmt: skip
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, served.CONFIG: str(kept)},
        pass_fds=[door.fileno()],
        start_new_session=True,
    )


@contextmanager
def gunicorn(config: Config, folder: Path, make_app: str = MAKE_APP) -> Iterator[int]:
    """Serve a database; gives the port on the loopback."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as door:
        server = serve(config, folder, door, make_app)
        try:
            yield door.getsockname()[1]
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


@dataclass
class Answer:
    """One answer, with when its request was sent and it came, by the clock of this process.

    `slice` is what was posted into.
    """

    sent: float
    received: float
    status: int
    body: str
    slice: str = ""


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
            return Answer(sent, time.monotonic(), response.status, read)
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
    """The small city with one case, and in each of some slices an entry that a nurse may read.

    Each slice is shared by a grant of its own, so that one case holds as many withdrawals.
    """

    database: Database
    city: towns.City
    port: int
    told: dict[str, str]
    told_ids: frozenset[uuid.UUID]

    @classmethod
    def found(cls, database: Database, port: int) -> Town:
        told = {slice_: f"told-{secrets.token_hex(8)}" for slice_ in SHARED}
        with system_session(database.system, reason="a race") as session:
            city = towns.build(session, database.keys)
            told_ids = frozenset(
                towns.add_entry(session, city, slice_=slice_, text=words)
                for slice_, words in told.items()
            )
        return cls(database, city, port, told, told_ids)

    def browser(self, person: str) -> Browser:
        """Return the browser of somebody who is signed in."""
        city = self.city
        token = open_session(self.database.system, city.accounts[person], city.acting[person])
        return Browser(self.port, {COOKIE: token})

    def give(self) -> dict[str, uuid.UUID]:
        """Let the school read and write about the child; return the grants by slice."""
        with SystemSession(self.database.system) as session, session.begin():
            return {each: towns.add_grant(session, self.city, "school", [each]) for each in SHARED}

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

    def note(self, session: Session, slice_: str, words: str) -> None:
        """Write down something that only the centre may know, in a slice that was shared."""
        case = session.get_one(m.Case, self.city.case_id)
        child = self.city.persons["child"]
        entry_id = uuid.uuid4()
        post_entry(session, case, entry_id=entry_id, slice_=slice_, subject_id=child, text=words)

    def posts(self, person: str, slice_: str) -> set[uuid.UUID]:
        """Return what somebody has written into a slice of the case so far."""
        written = text("SELECT id FROM entries WHERE author_account_id = :account AND slice = :s")
        with self.database.system.begin() as connection:
            whose = {"account": self.city.accounts[person], "s": slice_}
            return set(connection.scalars(written, whose))

    def tidy(self) -> None:
        """Forget grants and what was written in the race: the next one begins like the first."""
        with self.database.owner.begin() as connection:
            connection.execute(text("DELETE FROM notifications"))
            connection.execute(text("DELETE FROM tasks"))
            connection.execute(text("DELETE FROM grants"))
            connection.execute(
                text("DELETE FROM entries WHERE id <> ALL (:told)"), {"told": list(self.told_ids)}
            )


@dataclass(frozen=True)
class Deed:
    """Something that was done in a race: when it began, and when it was answered."""

    began: float
    answered: float


class Race:
    """Several people act again and again while things happen one after the other."""

    def __init__(self) -> None:
        self.over = False
        self.failed = False
        self.begun: Counter[str] = Counter()
        self.changed = threading.Condition()

    def _act(self, name: str, act: Callable[[], Answer]) -> list[Answer]:
        """Act until an action has begun after the end."""
        answers = []
        try:
            while True:
                with self.changed:
                    last = self.over
                    self.begun[name] += 1
                    self.changed.notify_all()
                answers.append(act())
                if last:
                    return answers
        except BaseException:
            with self.changed:
                self.failed = True
                self.changed.notify_all()
            raise

    def everybody_begins(self, times: int = 1) -> None:
        """Wait until each has begun to act so many times from now on."""
        with self.changed:
            wanted = {name: begun + times for name, begun in self.begun.items()}
            assert self.changed.wait_for(
                lambda: self.failed or all(self.begun[name] >= n for name, n in wanted.items()),
                PATIENCE_SECONDS,
            )

    def run(
        self, actors: dict[str, Callable[[], Answer]], deeds: Iterable[Callable[[], None]]
    ) -> tuple[dict[str, list[Answer]], list[Deed]]:
        """Let everybody act, do the deeds meanwhile, and return all that was answered.

        Each has answered once before the first deed, and has begun anew before each further one.
        """
        done = []
        self.begun.update(dict.fromkeys(actors, 0))
        with ThreadPoolExecutor(len(actors)) as pool:
            running = {name: pool.submit(self._act, name, act) for name, act in actors.items()}
            try:
                self.everybody_begins(times=2)
                for deed in deeds:
                    if self.failed:
                        break
                    began = time.monotonic()
                    deed()
                    done.append(Deed(began, time.monotonic()))
                    self.everybody_begins()
            finally:
                with self.changed:
                    self.over = True
            return {name: each.result() for name, each in running.items()}, done
