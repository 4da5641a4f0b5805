"""The embedded PostgreSQL starts, is shared, survives being killed, and lets nobody past RLS."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from portal import embedded
from portal.embedded import APP, OWNER, ROLES, SUPERUSER, SYSTEM, EmbeddedPostgresError, Server

ROOT = Path(embedded.__file__).parent.parent


@pytest.fixture
def instance() -> Iterator[Path]:
    """A folder outside pytest's own, which another run of pytest closes to the server's account."""
    with tempfile.TemporaryDirectory(prefix="portal-embedded-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for the tests that do it no harm."""
    with (
        tempfile.TemporaryDirectory(prefix="portal-embedded-") as folder,
        embedded.running(Path(folder), durable=False) as running,
    ):
        yield running


def connect(server: Server, role: str, database: str = "portal") -> psycopg.Connection:
    return psycopg.connect(server.conninfo(role, database), autocommit=True)


def value(server: Server, role: str, query: str) -> object:
    with connect(server, role) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def in_another_process(instance: Path, code: str) -> subprocess.Popen[str]:
    """Run code that finds a running server in `server` and the start of a sentence in stdout."""
    head = f"""
        import sys
        from pathlib import Path
        from portal import embedded
        server = embedded.running(Path({str(instance)!r}), durable=False)
        print(server.pid, flush=True)
    """
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def workers(server: Server) -> set[int]:
    return embedded._processes_in(server.instance / "postgres" / "data")


# --------------------------------------------------------------------------- what it is like


def test_sqlalchemy_connects_as_each_role(server: Server) -> None:
    for role in (*ROLES, SUPERUSER):
        engine = create_engine(server.url(role))
        with engine.connect() as connection:
            found = connection.execute(text("SELECT current_user, current_database()")).one()
        engine.dispose()
        assert tuple(found) == (role, "portal")


def test_it_speaks_utc_and_utf8_and_sorts_by_code_point(server: Server) -> None:
    with connect(server, APP) as connection:
        row = connection.execute(
            "SELECT current_setting('TimeZone'), current_setting('server_encoding'),"
            " current_setting('jit'), datcollate, datctype"
            " FROM pg_database WHERE datname = 'portal'"
        ).fetchone()
    assert row == ("UTC", "UTF8", "off", "C", "C")


def test_it_has_no_port_and_only_its_user_may_reach_the_socket(server: Server) -> None:
    assert value(server, SUPERUSER, "SHOW listen_addresses") == ""
    folder = embedded.socket_directory(server.instance)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_its_log_holds_no_row_and_no_statement(server: Server) -> None:
    server.create_database("logged")
    with connect(server, OWNER, "logged") as connection:
        connection.execute("CREATE TABLE secrets (word text PRIMARY KEY)")
        connection.execute("INSERT INTO secrets VALUES ('ひみつのことば')")
        with pytest.raises(psycopg.errors.UniqueViolation, match="ひみつのことば"):
            connection.execute("INSERT INTO secrets VALUES ('ひみつのことば')")
    log = (server.instance / "postgres" / "server.log").read_text()
    assert "secrets_pkey" in log
    assert "ひみつのことば" not in log
    server.drop_database("logged")


# --------------------------------------------------------------------------- roles


def test_no_role_of_the_portal_has_a_power_over_the_server(server: Server) -> None:
    with connect(server, SUPERUSER) as connection:
        rows = connection.execute(
            "SELECT rolname, rolcanlogin, rolsuper OR rolbypassrls OR rolcreaterole"
            " OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname LIKE 'portal%'"
        ).fetchall()
    assert sorted(rows) == [(role, True, False) for role in sorted(ROLES)]


def test_the_owner_owns_the_database_and_may_act_for_the_others_but_not_they_for_it(
    server: Server,
) -> None:
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'portal'"
    assert value(server, APP, owner) == OWNER
    for other in (SYSTEM, APP):
        assert value(server, OWNER, f"SELECT pg_has_role('{other}', 'MEMBER')") is True
    for role, other in [(SYSTEM, OWNER), (SYSTEM, APP), (APP, SYSTEM), (APP, OWNER)]:
        assert value(server, role, f"SELECT pg_has_role('{other}', 'MEMBER')") is False


def test_the_app_creates_nothing(server: Server) -> None:
    with connect(server, APP) as connection:
        for statement in (
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE DATABASE mine",
            "CREATE ROLE mine",
            f"SET ROLE {SYSTEM}",
            "SET SESSION AUTHORIZATION postgres",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_app_sees_no_more_than_row_level_security_shows_it(server: Server) -> None:
    server.create_database("walled")
    with connect(server, OWNER, "walled") as connection:
        connection.execute("CREATE TABLE notes (id int, agency text)")
        connection.execute("INSERT INTO notes VALUES (1, 'school'), (2, 'welfare')")
        connection.execute(f"GRANT SELECT ON notes TO {APP}")
    # Without the wall the app sees both rows, so the one row below is the wall's doing.
    assert seen(server, "SELECT id FROM notes ORDER BY id") == [1, 2]
    with connect(server, OWNER, "walled") as connection:
        connection.execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER TABLE notes FORCE ROW LEVEL SECURITY")
        connection.execute(
            f"CREATE POLICY visible ON notes FOR SELECT TO {APP} USING (agency = 'school')"
        )
    assert seen(server, "SELECT id FROM notes") == [1]
    with connect(server, APP, "walled") as connection:
        # Asking to do without the wall is refused instead of obeyed.
        connection.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("SELECT id FROM notes")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
            connection.execute("ALTER TABLE notes DISABLE ROW LEVEL SECURITY")
    # Nor does a role see anything that no policy names, whatever else it may do.
    with connect(server, OWNER, "walled") as connection:
        connection.execute(f"GRANT SELECT ON notes TO {SYSTEM}")
    with connect(server, SYSTEM, "walled") as connection:
        assert connection.execute("SELECT id FROM notes").fetchall() == []
    server.drop_database("walled")


def seen(server: Server, query: str) -> list[int]:
    with connect(server, APP, "walled") as connection:
        return [number for (number,) in connection.execute(query)]


# --------------------------------------------------------------------------- databases for tests


def test_a_database_is_cloned_with_its_content_and_its_doors(server: Server) -> None:
    server.create_database("original")
    with connect(server, OWNER, "original") as connection:
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES ('こども')")
    server.create_database("copy", template="original")
    with connect(server, OWNER, "copy") as connection:
        assert connection.execute("SELECT word FROM words").fetchall() == [("こども",)]
    public = "SELECT count(*) FROM pg_database, aclexplode(datacl) WHERE datname = %s AND grantee=0"
    with connect(server, SUPERUSER) as connection:
        assert connection.execute(public, ["copy"]).fetchone() == (0,)
        # The arm that shows the question can be answered otherwise.
        assert connection.execute(public, ["template1"]).fetchone() != (0,)
    server.drop_database("copy")
    server.drop_database("original")


def test_dropping_ends_connections_and_may_be_done_twice(server: Server) -> None:
    server.create_database("short-lived")
    with connect(server, APP, "short-lived") as connection:
        server.drop_database("short-lived")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.drop_database("short-lived")


# --------------------------------------------------------------------------- one life, many users


def test_a_second_process_shares_the_server_and_the_last_one_stops_it(instance: Path) -> None:
    mine = embedded.running(instance, durable=False)
    pid = mine.pid
    assert pid is not None
    with in_another_process(instance, "sys.stdin.read()") as other:
        assert first_line(other) == str(pid)
        mine.stop()
        # The other process still uses it.
        assert mine.pid == pid
        other.communicate()
    assert other.returncode == 0
    assert mine.pid is None
    assert workers(mine) == set()


def test_a_forked_child_that_ends_takes_nothing_away_from_its_parent(instance: Path) -> None:
    code = """
        import os
        child = os.fork()
        if child == 0:
            sys.exit()  # runs what the parent registered to run at its own end
        os.waitpid(child, 0)
        print(server.pid)
    """
    with in_another_process(instance, code) as process:
        output, _ = process.communicate()
    before, after = output.split()
    assert before == after


def test_stopping_twice_and_leaving_a_block_are_both_fine(instance: Path) -> None:
    with embedded.running(instance, durable=False) as server:
        server.stop()
        assert server.pid is None
    with embedded.running(instance, durable=False) as server:
        assert value(server, APP, "SELECT 1") == 1
    assert server.pid is None


def test_two_processes_that_start_at_once_get_one_server(instance: Path) -> None:
    with (
        in_another_process(instance, "sys.stdin.read()") as one,
        in_another_process(instance, "sys.stdin.read()") as two,
    ):
        assert first_line(one) == first_line(two) != ""
        one.communicate()
        two.communicate()
    assert (one.returncode, two.returncode) == (0, 0)


# --------------------------------------------------------------------------- being killed


def test_a_killed_server_starts_again_with_what_was_committed(instance: Path) -> None:
    with embedded.running(instance) as server:
        with connect(server, OWNER) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('まだある')")
        # Several times, because a server that is just dying looks alive for a moment.
        for _ in range(5):
            pid = server.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            with embedded.running(instance) as again:
                assert again.pid not in {None, pid}
                assert value(again, OWNER, "SELECT word FROM kept") == "まだある"


def test_a_stale_note_with_another_programs_process_id_does_not_stop_it(instance: Path) -> None:
    with embedded.running(instance, durable=False):
        pass
    note = instance / "postgres" / "data" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{note.parent}\n")
    with embedded.running(instance, durable=False) as server:
        assert value(server, APP, "SELECT 1") == 1


def test_a_process_killed_while_it_used_the_server_is_not_waited_for(instance: Path) -> None:
    with in_another_process(instance, "sys.stdin.read()") as user:
        pid = first_line(user)
        user.kill()
    with embedded.running(instance, durable=False) as server:
        assert str(server.pid) == pid
    assert server.pid is None


def test_a_half_made_data_folder_is_made_anew(instance: Path) -> None:
    draft = instance / "postgres" / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with embedded.running(instance, durable=False) as server:
        assert value(server, APP, "SELECT 1") == 1
    assert not draft.exists()


def test_a_missing_role_or_database_is_put_back(instance: Path) -> None:
    with embedded.running(instance, durable=False) as server:
        server.drop_database("portal")
        with connect(server, SUPERUSER, "postgres") as connection:
            connection.execute(f"DROP ROLE {APP}")
        with embedded.running(instance, durable=False) as again:
            assert value(again, APP, "SELECT current_user") == APP


# --------------------------------------------------------------------------- erasing, refusing


def test_erasing_deletes_the_data_but_not_under_somebody(instance: Path) -> None:
    data = instance / "postgres" / "data"
    with embedded.running(instance, durable=False) as server:
        with pytest.raises(EmbeddedPostgresError, match="Another process uses"):
            embedded.erase(instance)
        assert value(server, APP, "SELECT 1") == 1
    assert data.exists()
    embedded.erase(instance)
    assert not data.exists()
    embedded.erase(instance / "never-made")
    assert not (instance / "never-made").exists()


def test_a_path_too_long_for_a_socket_is_no_obstacle(instance: Path) -> None:
    nested = instance / ("長い" * 30)
    folder = embedded.socket_directory(nested)
    assert folder.parent == Path("/tmp")  # noqa: S108
    with embedded.running(nested, durable=False) as server:
        assert value(server, APP, "SELECT 1") == 1
        assert folder.stat().st_mode & 0o777 == 0o700
    # Somebody else's folder of that name, or one that others may enter, is not used.
    folder.chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match="only user"):
        embedded.running(nested, durable=False)
    folder.rmdir()


def test_a_path_with_spaces_and_quotes_is_no_obstacle(instance: Path) -> None:
    with embedded.running(instance / 'it\'s a "$(folder)" %20', durable=False) as server:
        assert value(server, APP, "SELECT 1") == 1
        engine = create_engine(server.url(APP))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        engine.dispose()


def test_a_folder_that_cannot_be_made_is_said_so(instance: Path) -> None:
    (instance / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match="PORTAL_INSTANCE"):
        embedded.running(instance / "file" / "instance")


def test_data_of_another_version_is_refused(instance: Path) -> None:
    data = instance / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="PostgreSQL 17"):
        embedded.running(instance)


def test_a_server_that_does_not_start_is_explained_by_its_own_log(instance: Path) -> None:
    with embedded.running(instance, durable=False):
        pass
    (instance / "postgres" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match="pg_control"):
        embedded.running(instance, durable=False)


def test_the_environment_of_the_caller_leads_nobody_elsewhere(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misleading = {"PGPORT": "1", "PGHOST": "192.0.2.1", "PGDATA": "/nowhere", "PGUSER": "x"}
    for name, wrong in (misleading | {"TZ": "Asia/Tokyo"}).items():
        monkeypatch.setenv(name, wrong)
    with embedded.running(instance, durable=False) as server:
        assert value(server, APP, "SELECT current_user") == APP
        assert value(server, APP, "SHOW timezone") == "UTC"
