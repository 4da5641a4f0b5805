"""Web server and worker that are killed while people write, and what must be left afterwards.

People write on, each thing under one submission until it is acknowledged, as a browser does that
loads a page again. Nothing sleeps: a kill comes when something has happened since the last one.
"""

from __future__ import annotations

import http.client
import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select, text

from portal import models as m
from portal import worker
from portal.config import Config
from tests import city as towns
from tests.letters import Box
from tests.rules import served
from tests.rules.racing import PATIENCE_SECONDS, ROOT, Browser, serve

REDIRECT = 302
# What a killed server leaves of a request: no answer, half of one, or a closed door.
BROKEN = (OSError, http.client.HTTPException)


@dataclass
class Killed:
    """A web server and a worker in processes of their own, started again after each kill."""

    config: Config
    folder: Path
    door: socket.socket
    system: Engine
    web: subprocess.Popen[bytes]
    hand: subprocess.Popen[bytes]

    def kill_web(self) -> None:
        """End the web server, its workers too, as the kernel does it, and start another."""
        self._end(self.web)
        self.web = serve(self.config, self.folder, self.door)

    def kill_worker(self) -> None:
        """End the worker likewise; what it had in hand is given to the next one."""
        self._end(self.hand)
        self.hand = _worker(self.folder)
        self.give_back()

    def give_back(self) -> None:
        """Let the silence pass after which a worker counts as dead, and its jobs go to another."""
        with self.system.begin() as connection:
            connection.execute(
                text("UPDATE jobs.procrastinate_workers SET last_heartbeat = '2026-01-01'")
            )
            connection.execute(text("SET LOCAL search_path = jobs"))
            connection.execute(
                text(
                    "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args)"
                    " VALUES ('default', 'recover', '{\"timestamp\": 0}')"
                )
            )

    def stop(self) -> None:
        """End both for good."""
        self._end(self.web)
        self._end(self.hand)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)


def _worker(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, "-m", "tests.rules.killing"),
        cwd=ROOT,
        env={**os.environ, served.CONFIG: str(folder / "config.pickle")},
        start_new_session=True,
    )


@contextmanager
def running(config: Config, folder: Path, system: Engine) -> Iterator[Killed]:
    """Start both, and end both whatever happens."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as door:
        web = serve(config, folder, door)
        both = Killed(config, folder, door, system, web, _worker(folder))
        try:
            yield both
        finally:
            both.stop()


@dataclass
class Writer:
    """Somebody who writes one thing after another, each until it is acknowledged."""

    browser: Browser
    page: str
    action: str
    fields: Mapping[str, str]
    attempted: list[uuid.UUID] = field(default_factory=list)
    acknowledged: list[uuid.UUID] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    token: str = ""
    got_through: threading.Event = field(default_factory=threading.Event)

    def write_until(self, over: threading.Event) -> None:
        """Write on; the last thing too is sent until it is acknowledged."""
        while not over.is_set():
            submission = uuid.uuid4()
            self.attempted.append(submission)
            form = {**self.fields, "submission": str(submission), "csrf_token": self.token}
            try:
                status = self._send(form)
            except BROKEN as error:
                self.wrong.append(f"{self.action} gets no answer: {error!r}")
                return
            if status != REDIRECT:
                self.wrong.append(f"{self.action} answers {status}")
                return
            self.acknowledged.append(submission)
            self.got_through.set()

    def _send(self, form: dict[str, str]) -> int:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.browser.ask("POST", self.action, form).status
            except BROKEN:
                if time.monotonic() > end:
                    raise


def kill_while_writing(both: Killed, writers: list[Writer], *, kills: int, seed: int) -> int:
    """Kill web and worker so many times while everybody writes; return how often the worker."""
    over = threading.Event()
    for each in writers:
        each.token = each.browser.token(each.page)
    threads = [threading.Thread(target=each.write_until, args=(over,)) for each in writers]
    for thread in threads:
        thread.start()
    dice, of_worker = random.Random(seed), 0
    try:
        for _ in range(kills):
            # Everybody got through since the last kill: each one meets work, and nobody starves.
            for each in writers:
                assert each.got_through.wait(PATIENCE_SECONDS), each.wrong
                each.got_through.clear()
            if dice.random() < 1 / 2:
                both.kill_web()
            else:
                both.kill_worker()
                of_worker += 1
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
    return of_worker


@dataclass
class Left:
    """What is left when all is quiet: rows by what they are about, letters, and messages.

    ``written`` are the ids of rows; ``told`` counts the notifications about each; ``letters`` are
    the letters that were sent; ``untold`` counts what no letter tells of; ``messages``
    counts the messages of each Message-ID that arrived.
    """

    written: set[uuid.UUID]
    told: Mapping[uuid.UUID, int]
    untold: int
    letters: set[uuid.UUID]
    messages: Mapping[str, int]


def settle(both: Killed, done: Callable[[], bool]) -> None:
    """Let the worker do what is left to do."""
    pause, end = threading.Event(), time.monotonic() + 3 * PATIENCE_SECONDS
    both.kill_worker()
    while not done():
        assert time.monotonic() < end, "the worker does not come to an end"
        pause.wait(0.2)


def quiet(system: Engine) -> bool:
    """Return whether everything that was to be told is told and no job is left."""
    waiting = select(m.Notification.id).where(
        m.Notification.notice_id.is_(None), m.Notification.read_at.is_(None)
    )
    unsent = select(m.Notice.id).where(m.Notice.sent_at.is_(None))
    with system.connect() as connection:
        return not connection.execute(waiting).first() and not connection.execute(unsent).first()


def what_is_left(system: Engine, box: Box, town: towns.City) -> Left:
    """Return what is left in the database and in the mail server's box."""
    entries = select(m.Entry.id).where(m.Entry.author_account_id == town.accounts["nurse"])
    replies = select(m.ThreadMessage.id).where(
        m.ThreadMessage.account_id == town.accounts["npo_worker"]
    )
    with system.connect() as connection:
        told = connection.execute(
            select(m.Notification.about_id, m.Notification.notice_id).where(
                m.Notification.kind.in_(("entry", "reply"))
            )
        ).all()
        return Left(
            {*connection.scalars(entries), *connection.scalars(replies)},
            Counter(about for about, _ in told),
            sum(notice is None for _, notice in told),
            set(connection.scalars(select(m.Notice.id).where(m.Notice.sent_at.is_not(None)))),
            Counter(str(message["Message-ID"]) for message in box.messages),
        )


def judge(left: Left, writers: list[Writer], of_worker: int) -> list[str]:
    """Return what went wrong, in words; nothing where all is as it is promised."""
    wrong = [words for each in writers for words in each.wrong]
    acknowledged = {key for each in writers for key in each.acknowledged}
    attempted = {key for each in writers for key in each.attempted}
    wrong += [f"{key} was acknowledged and is lost" for key in acknowledged - left.written]
    wrong += [f"{key} was never sent" for key in left.written - attempted]
    wrong += [f"nobody was told of {key}" for key in left.written if not left.told.get(key)]
    wrong += [f"{key} was told {n} times" for key, n in left.told.items() if n > 1]
    if left.untold:
        wrong.append(f"{left.untold} were never mailed")
    named = {message.strip("<>").partition("@")[0] for message in left.messages}
    sent = {str(key) for key in left.letters}
    wrong += [f"the letter {key} never arrived" for key in sent - named]
    wrong += [f"the message {key} is no letter" for key in named - sent]
    repeats = sum(left.messages.values()) - len(left.messages)
    if repeats > of_worker:
        wrong.append(f"{repeats} messages came again, the worker was killed {of_worker} times")
    return wrong


if __name__ == "__main__":
    # Written by the test a moment ago.
    worker.run(pickle.loads(Path(os.environ[served.CONFIG]).read_bytes()))  # noqa: S301
