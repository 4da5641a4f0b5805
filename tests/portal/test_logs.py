"""What the real web server writes down, and that it lets what it has begun come to its end."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import requests

from portal.config import ROOT, Config, create_key_file
from portal.embedded import OWNER, Server
from portal.factory import create_app
from portal.logs import without_traces
from tests.provider import closed_port

PATIENCE_SECONDS = 60
HTTPS = {"X-Forwarded-Proto": "https", "Host": "portal.example.jp"}
TRACES = ("203.0.113.77", "kanaria", "mihon-secret-slug")


@dataclass
class Running:
    """gunicorn as in real use, behind what says it is a proxy."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    conninfo: str

    def get(self, path: str, **headers: str) -> requests.Response:
        forwarded = {**HTTPS, "X-Forwarded-For": "203.0.113.77", **headers}
        return requests.get(self.url + path, headers=forwarded, timeout=30, allow_redirects=False)


@pytest.fixture
def running(postgres: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    name = f"served_{abs(hash(request.node.nodeid)) % 10**12}"
    postgres.create_database(name)
    # The server takes a port by its number only, so somebody else could be sooner.
    with closed_port() as port:
        pass
    env = {
        "PATH": os.environ["PATH"],
        "PORTAL_INSTANCE": str(tmp_path),
        "DATABASE_URL": postgres.url("portal_postgres", name),
        "PORTAL_PORT": str(port),
        "PORTAL_PROXIES": "1",
        "PORTAL_PUBLIC_URL": "https://portal.example.jp",
        "PORTAL_SMTP_URL": "folder",
    }
    create_key_file(tmp_path / "keys.json")
    prepare = create_app(Config.from_env(env, command=True)).test_cli_runner()
    assert prepare.invoke(args=["database", "prepare"]).exit_code == 0
    log = tmp_path / "web.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "wsgi:app"],
            cwd=ROOT, env=env, stdout=file, stderr=file,
        )  # fmt: skip
    served = Running(process, f"http://127.0.0.1:{port}", log, postgres.conninfo(OWNER, name))
    _wait_until_open(served)
    yield served
    process.kill()
    process.wait()
    postgres.drop_database(name)


def _wait_until_open(served: Running) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            served.get("/accessibility")
        except requests.ConnectionError:
            assert served.process.poll() is None, served.log.read_text()
            assert time.monotonic() < end, served.log.read_text()
            threading.Event().wait(0.05)
        else:
            return


def test_the_log_names_views_and_no_trace_of_anybody(running: Running) -> None:
    assert running.get("/report/mihon-secret-slug?kanaria=1").status_code == 404
    browser = {"User-Agent": "kanaria", "Referer": "https://kanaria.example/"}
    assert running.get("/sign-in?next=/kanaria", **browser).status_code == 200
    assert running.get("/sign-in", Host="kanaria.example").status_code == 400
    # No worker runs here.
    health = running.get("/health")
    assert (health.status_code, health.text) == (
        503,
        "web: ok\ndatabase: ok\nworker: silent\nmail: folder\n",
    )
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=PATIENCE_SECONDS) == 0
    said = running.log.read_text()
    assert re.search(r"^GET intake.report 404 \d+ms$", said, re.MULTILINE)
    assert re.search(r"^GET account.sign_in 200 \d+ms$", said, re.MULTILINE)
    assert re.search(r"^GET account.sign_in 400 \d+ms$", said, re.MULTILINE)
    assert [trace for trace in TRACES if trace in said] == []


def test_a_stop_lets_a_request_come_to_its_end(running: Running) -> None:
    answers: list[int] = []
    with psycopg.connect(running.conninfo) as other:
        # Whoever asks for the sign-in now waits for us.
        other.execute("LOCK TABLE issuers IN ACCESS EXCLUSIVE MODE")
        asking = threading.Thread(
            target=lambda: answers.append(running.get("/sign-in").status_code)
        )
        asking.start()
        _wait_until_somebody_waits(running)
        running.process.send_signal(signal.SIGTERM)
        _wait_until_said(running, "Handling signal: term")
        assert answers == []
    asking.join()
    assert answers == [200]
    assert running.process.wait(timeout=PATIENCE_SECONDS) == 0


def _wait_until_somebody_waits(running: Running) -> None:
    with psycopg.connect(running.conninfo, autocommit=True) as look:
        while not look.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            threading.Event().wait(0.02)


def _wait_until_said(running: Running, words: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while words not in running.log.read_text():
        assert time.monotonic() < end, running.log.read_text()
        threading.Event().wait(0.02)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Invalid request from ip=203.0.113.77: no", "Invalid request from ip=-: no"),
        ("Error handling request GET /sign-in?next=/x", "Error handling request GET /sign-in"),
        ("from 2001:db8::77 and ::1, at 21:05:07", "from - and -, at 21:05:07"),
        ("2001:db8:1:2:3:4:5:77 came", "- came"),
        ("Listening at: http://127.0.0.1:8000 (17)", "Listening at: http://-:8000 (17)"),
    ],
)
def test_what_a_server_says_loses_addresses_and_queries(said: str, kept: str) -> None:
    assert without_traces(said) == kept
