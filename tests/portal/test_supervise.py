"""The demo is one thing that is on or off, whatever happens to its parts.

The supervisor is the real one in a process of its own, with the real embedded database. Only the
web server and the worker are stand-ins of a few lines, because what counts here is not what they
serve but that they come and go together.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from portal import embedded, supervise

ROOT = Path(supervise.__file__).parent.parent

# Each service says who it is, holds the database as the real ones do, and ends at SIGTERM.
SERVICE = """
import os, signal, socket, sys
from pathlib import Path
from portal import embedded
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server = embedded.running(Path(sys.argv[2]))
if sys.argv[1] == "web":
    door = socket.create_server(("127.0.0.1", int(sys.argv[3])))
note = Path(sys.argv[2], sys.argv[1])
note.with_suffix(".new").write_text(str(os.getpid()))
note.with_suffix(".new").rename(note)
signal.pause()
"""
START = """
import sys
from portal import supervise
instance, port, step, service = sys.argv[1:5]
supervise._STEPS = ((sys.executable, "-c", step),)
supervise._services = lambda addresses: {
    name: (sys.executable, "-c", service, name, instance, port) for name in ("web", "worker")
}
sys.exit(supervise.main(sys.argv[5:]))
"""


@dataclass
class Demo:
    """One installation of the demo city in a folder and on a port of its own."""

    instance: Path
    port: int
    step: str = "print('prepared')"
    runs: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        run = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(START),
             str(self.instance), str(self.port), self.step, SERVICE, *arguments],
            cwd=ROOT,
            env={**os.environ, "PORTAL_DEMO": "1", "PORTAL_DEMO_SIZE": "small",
                 "PORTAL_INSTANCE": str(self.instance), "PORTAL_PORT": str(self.port)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.runs.append(run)
        return run

    def open(self, *arguments: str) -> subprocess.Popen[str]:
        """Start and wait for the sentence that says where the demo is."""
        run = self.start(*arguments)
        said = ""
        assert run.stdout is not None
        for line in run.stdout:
            said += line
            if "Ctrl-C stops it" in line:
                until((self.instance / "worker").exists)
                return run
        raise AssertionError(said)

    def process(self, name: str) -> int:
        return int((self.instance / name).read_text())

    def database_processes(self) -> set[int]:
        return embedded._processes_in(self.instance / "postgres" / "data")

    def everything_is_down(self) -> bool:
        return not (
            alive(self.process("web")) or alive(self.process("worker")) or self.database_processes()
        )


@pytest.fixture
def demo() -> Iterator[Demo]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Not in pytest's own folder: another run of pytest closes that to the database's account.
    with tempfile.TemporaryDirectory(prefix="portal-supervise-") as folder:
        demo = Demo(Path(folder) / "demo", port)
        yield demo
        for run in demo.runs:
            run.kill()
            run.communicate()
        until(lambda: not demo.database_processes())


def until(condition: object, seconds: float = 30) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    assert callable(condition)
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process works; one that only waits to be buried by its parent does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def output_of(run: subprocess.Popen[str]) -> str:
    text, _ = run.communicate(timeout=60)
    return text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_web_worker_and_database(demo: Demo, number: signal.Signals) -> None:
    run = demo.open()
    assert alive(demo.process("web"))
    assert alive(demo.process("worker"))
    assert demo.database_processes()
    run.send_signal(number)
    assert "stopped" in output_of(run)
    assert run.returncode == 0
    assert demo.everything_is_down()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_death_of_one_stops_the_other(demo: Demo, name: str) -> None:
    run = demo.open()
    os.kill(demo.process(name), signal.SIGKILL)
    assert f"The {name} ended by itself" in output_of(run)
    assert run.returncode == 1
    assert demo.everything_is_down()


def test_a_second_run_says_that_the_first_is_there_and_leaves_it_alone(demo: Demo) -> None:
    first = demo.open()
    second = demo.start()
    said = output_of(second)
    assert f"runs already: http://localhost:{demo.port}, process {first.pid}" in said
    assert second.returncode == 1
    assert first.poll() is None
    reset = demo.start("--reset")
    assert "runs already" in output_of(reset)
    assert alive(demo.process("web"))
    assert demo.database_processes()


def test_a_taken_port_is_said_before_anything_is_started(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", demo.port)):
        run = demo.start()
        said = output_of(run)
    assert f"Port {demo.port} of 127.0.0.1 cannot be had" in said
    assert f"PORTAL_PORT={demo.port + 1} make demo" in said
    assert run.returncode == 1
    assert not (demo.instance / "postgres").exists()


def test_a_failing_step_starts_no_service(demo: Demo) -> None:
    demo.step = "import sys; sys.exit(3)"
    run = demo.start()
    assert "failed with status 3" in output_of(run)
    assert run.returncode == 1
    assert not (demo.instance / "web").exists()
    assert not demo.database_processes()


def test_a_supervisor_killed_in_the_middle_takes_all_with_it_and_starts_again(demo: Demo) -> None:
    first = demo.open()
    first.kill()
    until(demo.everything_is_down)
    for name in ("web", "worker"):
        (demo.instance / name).unlink()
    second = demo.open()
    second.send_signal(signal.SIGINT)
    assert "stopped" in output_of(second)
    assert second.returncode == 0


def test_after_a_kill_the_next_start_waits_for_the_port(demo: Demo) -> None:
    demo.instance.mkdir()
    (demo.instance / "demo-data").touch()
    (demo.instance / "supervise.lock").write_text("http://localhost, process 1")
    with socket.create_server(("127.0.0.1", demo.port)):
        run = demo.start()
        until(lambda: f"process {run.pid}" in (demo.instance / "supervise.lock").read_text())
    # Without the note it would have refused the taken port at once, as a test above shows.
    until((demo.instance / "web").exists)
    assert run.poll() is None


def test_a_reset_throws_away_the_data_and_the_keys(demo: Demo) -> None:
    run = demo.open()
    with embedded.running(demo.instance) as server:
        address = server.conninfo(embedded.OWNER)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE TABLE old (id int)")
        keys = (demo.instance / "keys.json").read_bytes()
        run.send_signal(signal.SIGINT)
        output_of(run)
        # Not while somebody still looks into the data.
        refused = demo.start("--reset")
        assert "Another process uses the database" in output_of(refused)
    again = demo.open("--reset")
    with psycopg.connect(address, autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)
    assert (demo.instance / "keys.json").read_bytes() != keys
    again.send_signal(signal.SIGTERM)
    output_of(again)
    assert demo.everything_is_down()


def test_a_city_whose_loading_was_broken_off_is_loaded_anew(demo: Demo) -> None:
    demo.instance.mkdir()
    for name in ("demo-data", "demo-loading", "half a city"):
        (demo.instance / name).touch()
    run = demo.open()
    assert not (demo.instance / "demo-loading").exists()
    assert not (demo.instance / "half a city").exists()
    run.send_signal(signal.SIGTERM)
    output_of(run)
    # A city that was loaded to its end is kept.
    (demo.instance / "whole city").touch()
    demo.open()
    assert (demo.instance / "whole city").exists()


def test_only_a_demo_is_supervised(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    (demo.instance).mkdir()
    for name in ("PORTAL_DEMO", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTAL_INSTANCE", str(demo.instance))
    assert supervise.main([]) == 1
    assert list(demo.instance.iterdir()) == []
