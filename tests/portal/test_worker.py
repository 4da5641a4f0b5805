"""The background worker, in a process of its own, on a real queue."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal.config import ROOT, Config
from portal.embedded import SUPERUSER, SYSTEM, Server
from portal.factory import create_app

# A loaded machine may take long over starting a process; a healthy one is there in two seconds.
PATIENCE_SECONDS = 60


class Yard:
    """A prepared database with the example world, the workers on it, and a look at its tables."""

    def __init__(self, url: str, folder: Path, look: psycopg.Connection) -> None:
        self.env = {
            "PORTAL_INSTANCE": str(folder),
            "DATABASE_URL": url,
            "PORTAL_SMTP_URL": "folder",
        }
        self.log = folder / "worker.log"
        self.look = look
        self.workers: list[subprocess.Popen[bytes]] = []

    def command(self, *words: str) -> None:
        app = create_app(Config.from_env(self.env, command=True))
        done = app.test_cli_runner().invoke(args=words)
        assert done.exit_code == 0, done.output

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "flask", "--app", "wsgi", "worker", "run"],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **self.env},
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    def all(self, query: str) -> list[tuple[object, ...]]:
        return self.look.execute(query.encode()).fetchall()

    def wait_for(self, what: Callable[[], object]) -> None:
        """Look again and again, until it is so or patience ends."""
        pause, end = threading.Event(), time.monotonic() + PATIENCE_SECONDS
        while not what():
            for worker in self.workers:
                ended = worker.poll() not in {None, -signal.SIGKILL}
                assert not ended, self.log.read_text()
            assert time.monotonic() < end, self.all("SELECT * FROM jobs.procrastinate_jobs")
            pause.wait(0.05)

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def yard(postgres: Server, tmp_path: Path) -> Iterator[Yard]:
    postgres.create_database("portal_yard")
    with psycopg.connect(postgres.conninfo(SYSTEM, "portal_yard"), autocommit=True) as look:
        made = Yard(postgres.conninfo(SUPERUSER, "portal_yard"), tmp_path, look)
        made.command("database", "prepare")
        made.command("world", "load", str(ROOT / "tests/data/world-example.json"))
        # An hour ago the projection was right; since then one stretch has ended.
        look.execute("UPDATE case_access SET valid_until = now() - interval '1 hour'")
        try:
            yield made
        finally:
            made.stop()
    postgres.drop_database("portal_yard")


ENDED = "SELECT 1 FROM case_access WHERE valid_until <= now()"
# Something is running that a dead worker will leave behind.
SWEEPING = (
    "SELECT id FROM jobs.procrastinate_jobs"
    " WHERE task_name = 'sweep_case_access' AND status = 'doing'"
)


def test_the_worker_sweeps_by_itself_and_stops_when_asked(yard: Yard) -> None:
    assert yard.all(ENDED)
    worker = yard.start()
    yard.wait_for(lambda: not yard.all(ENDED))
    worker.terminate()
    assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    assert yard.log.read_text() == ""
    assert yard.all("SELECT 1 FROM jobs.procrastinate_workers") == []
    assert yard.all("SELECT 1 FROM jobs.procrastinate_jobs WHERE status = 'doing'") == []
    assert yard.all("SELECT 1 FROM jobs.procrastinate_jobs WHERE status = 'failed'") == []


def test_a_killed_worker_leaves_nothing_half_done_and_its_job_is_done_again(yard: Yard) -> None:
    holder = psycopg.connect(yard.look.info.dsn)
    with holder:
        # The sweeper stops in mid-work, in front of a case that somebody holds.
        holder.execute("SELECT 1 FROM cases FOR UPDATE")
        worker = yard.start()
        yard.wait_for(lambda: yard.all(SWEEPING))
        (left,) = yard.all(SWEEPING)
        worker.kill()
        worker.wait()
    assert yard.all(ENDED), "the killed worker's transaction must be gone"
    # As if the half minute had passed after which a silent worker counts as dead.
    yard.all(
        "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        " RETURNING id"
    )
    yard.start()
    yard.wait_for(lambda: not yard.all(ENDED))
    yard.wait_for(lambda: left not in yard.all("SELECT id FROM jobs.procrastinate_jobs"))


def test_a_duty_that_fails_is_kept_and_the_others_go_on(yard: Yard) -> None:
    lifting = "SELECT status FROM jobs.procrastinate_jobs WHERE task_name = 'lift_overdue_reports'"
    with psycopg.connect(yard.env["DATABASE_URL"]) as breaking:
        # The worker waits for the inboxes; when it gets them, they are not there any more.
        breaking.execute("LOCK TABLE inbox_items IN EXCLUSIVE MODE")
        yard.start()
        yard.wait_for(lambda: yard.all(lifting) == [("doing",)])
        breaking.execute("ALTER TABLE inbox_items RENAME TO inbox_things")
    yard.wait_for(lambda: yard.all(lifting) == [("failed",)])
    yard.wait_for(lambda: not yard.all(ENDED))
    assert "inbox_items" in yard.log.read_text()
