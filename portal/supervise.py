"""`make demo`: the demo city's database, web server and worker as one thing that is on or off.

`python -m portal.supervise` prepares the database, loads the demo city where there is none yet,
and runs gunicorn (2 workers) and the background worker until a signal comes or one of them ends;
then it stops the rest and, with its own hold on it, the database. With `--reset` it throws the
demo's data away first.

What happens when things go wrong:

- A demo city whose loading was broken off is thrown away by the next run and loaded anew.
- A second run finds the first by a lock that the kernel drops with its process.
- Each child asks Linux for SIGTERM on the death of its parent (PR_SET_PDEATHSIG), so even a
  supervisor that is killed with SIGKILL leaves no server behind: the children stop, and the last
  of them stops the database as it lets it go (portal.embedded).
- Each child leads a process group of its own, so that Ctrl-C reaches the supervisor alone, which
  then stops everything in order, and so that nothing a child started can outlive it.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from portal import embedded
from portal.config import DEMO_LOADING, DEMO_MARK, ROOT, Config, ConfigError

Command = Sequence[str]

_PR_SET_PDEATHSIG = 1
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# gunicorn lets running requests end for so long; whoever takes longer is killed.
_GRACE_SECONDS = 5
_KILL_AFTER_SECONDS = 2 * _GRACE_SECONDS
_READY_SECONDS = 60
_LIBC = ctypes.CDLL(None)

_FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
_STEPS = ((*_FLASK, "database", "prepare"), (*_FLASK, "demo", "load"))


class SuperviseError(RuntimeError):
    """The demo cannot run; the message says why and what to do."""


class _Stop(Exception):
    """A signal asked for the end."""


def main(arguments: Sequence[str]) -> int:
    """Run the demo and return the exit status: 0 after a signal, 1 after a refusal or a fault."""
    try:
        with _signals_stop():
            _run_demo(reset="--reset" in arguments)
    except _Stop:
        print("\nThe demo has stopped.", flush=True)
        return 0
    except (ConfigError, SuperviseError, embedded.EmbeddedPostgresError) as error:
        print(f"\n*** {error}", file=sys.stderr)
        return 1


def _run_demo(*, reset: bool) -> NoReturn:
    config = Config.from_env(os.environ)
    if not config.demo:
        raise SuperviseError("This runs the demo only. Run: make demo")
    with _only_one(config) as crashed:
        if reset or (config.instance / DEMO_LOADING).exists():
            _throw_away(config.instance)
            # Read again, because the keys went with the data.
            config = Config.from_env(os.environ)
        addresses = _free_addresses(config, patience=_KILL_AFTER_SECONDS if crashed else 0)
        supervise(config, _STEPS, _services(addresses))


def supervise(
    config: Config, steps: Sequence[Command], services: Mapping[str, Command]
) -> NoReturn:
    """Run the steps one after the other, then the services together, for as long as they run.

    Raises SuperviseError when a step fails or a service ends, after stopping the others; any
    other exception, such as that of a signal, stops them all as well.
    """
    children: dict[str, subprocess.Popen[bytes]] = {}
    with embedded.running(config.instance):
        try:
            for step in steps:
                _finish(step, children)
            for name, command in services.items():
                children[name] = _start(command)
            _wait_until_open(config, children)
            _say_how_to_enter(config)
            _wait_for_an_end(children)
        finally:
            _stop_all(children.values())


def _services(addresses: Sequence[str]) -> dict[str, Command]:
    """Return the commands of the two services; the web listens on each of the addresses."""
    binds = [part for address in addresses for part in ("--bind", address)]
    # gunicorn.conf.py says the rest.
    web = (sys.executable, "-m", "gunicorn", "wsgi:app", *binds)
    return {"web": web, "worker": (*_FLASK, "worker", "run")}


@contextlib.contextmanager
def _only_one(config: Config) -> Iterator[bool]:
    """Hold the lock of the running demo; gives whether the run before this one was killed."""
    config.instance.mkdir(parents=True, exist_ok=True)
    with (config.instance / "supervise.lock").open("a+") as file:
        file.seek(0)
        holder = file.read()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SuperviseError(
                f"The demo runs already: {holder}. Stop that one first, with Ctrl-C."
            ) from None
        file.truncate(0)
        file.write(f"http://localhost:{config.port}, process {os.getpid()}")
        file.flush()
        yield bool(holder)
        file.truncate(0)


def _throw_away(instance: Path) -> None:
    """Delete all that the demo keeps, its keys too; only a folder marked as a demo's gets here."""
    embedded.erase(instance)
    kept = {DEMO_MARK, "postgres", "supervise.lock"}
    for path in instance.iterdir():
        if path.name in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _free_addresses(config: Config, patience: float) -> list[str]:
    """Return where the web server can listen, or refuse with who might be there.

    A run that was killed may need a moment to leave the port: `patience` seconds. Under the name
    localhost browsers try IPv6 first, so there we listen on both.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return _bind_once(config)
        except OSError as error:
            if time.monotonic() > deadline:
                raise SuperviseError(
                    f"Port {config.port} of {config.host} cannot be had ({error.strerror}). "
                    f"Stop the other program or take another port: "
                    f"PORTAL_PORT={config.port + 1} make demo"
                ) from error
            time.sleep(0.1)


def _bind_once(config: Config) -> list[str]:
    """Return the addresses in gunicorn's form; raises OSError if one of them is taken."""
    if config.host not in {"127.0.0.1", "localhost"}:
        _bind(config.host, config.port)
        return [_joined(config.host, config.port)]
    _bind("127.0.0.1", config.port)
    addresses = [_joined("127.0.0.1", config.port)]
    if _has_ipv6_loopback():
        _bind("::1", config.port)
        addresses.append(_joined("::1", config.port))
    return addresses


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As gunicorn does it: a connection that is just closing does not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _has_ipv6_loopback() -> bool:
    try:
        _bind("::1", 0)
    except OSError:
        return False
    return True


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextlib.contextmanager
def _signals_stop() -> Iterator[None]:
    """Turn the signals that end a program into one exception, the first time."""

    def stop(_number: int, _frame: object) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise _Stop

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(command: Command) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own that ends when this process does."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        process_group=0,
        # This process has one thread, so that code between fork and exec is safe here.
        preexec_fn=_ending_with(os.getpid()),  # noqa: PLW1509
    )


def _ending_with(parent: int) -> Callable[[], None]:
    """Return what a child does before it becomes its program."""

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # The parent may have died before the line above could notice.
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _finish(step: Command, children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Run one step to its end; while it runs it counts among the children to be stopped."""
    name = " ".join(step[-2:])
    children[name] = _start(step)
    status = children[name].wait()
    if status:
        raise SuperviseError(f"`{name}` failed with status {status}; its words stand above.")
    del children[name]


def _wait_until_open(config: Config, children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Wait until the web server answers, so that the address printed can be used at once."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        _refuse_dead(children)
        with contextlib.suppress(OSError):
            socket.create_connection((config.host, config.port), timeout=1).close()
            return
        time.sleep(0.05)
    raise SuperviseError(f"The web server did not open its port in {_READY_SECONDS} seconds.")


def _wait_for_an_end(children: Mapping[str, subprocess.Popen[bytes]]) -> NoReturn:
    """Wait until a child ends, and refuse to go on without it."""
    while True:
        # Without reaping the child: what else is left of its group is stopped first.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        _refuse_dead(children)


def _refuse_dead(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if _has_ended(child):
            raise SuperviseError(
                f"The {name} ended by itself, so all is stopped; its words stand above. "
                "Start again with: make demo"
            )


def _stop_all(children: Iterable[subprocess.Popen[bytes]]) -> None:
    """Ask every child to end, all at once, and kill what is left of its group in the end."""
    living = list(children)
    for child in living:
        _signal_group(child, signal.SIGTERM)
    deadline = time.monotonic() + _KILL_AFTER_SECONDS
    for child in living:
        while not _has_ended(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        # Before the child is reaped: until then no other group can have got its number.
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether a child has ended, without reaping it."""
    if child.returncode is not None:
        return True
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal all that a child started; a group whose leader was reaped is not ours any more."""
    with contextlib.suppress(ProcessLookupError):
        if child.returncode is None:
            os.killpg(child.pid, number)


def _say_how_to_enter(config: Config) -> None:
    address = f"http://localhost:{config.port}"
    print(
        f"\n  デモの市が開きました: {address}\n"
        "  サインインの画面で、使いたい人のボタンを押してください。止めるには Ctrl-C。\n"
        f"\n  The demo city is open: {address}\n"
        "  On the sign-in page press the button of the person you want to be. "
        "Ctrl-C stops it.\n",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
