"""`database prepare` on a city's own server: the oldest PostgreSQL, passwords, no superuser.

What it does on the embedded server stands in test_readiness.py.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from portal import preparation, readiness
from portal.config import ROOT, Config
from portal.database import make_engine, system_session
from portal.embedded import APP
from portal.preparation import PreparationError
from portal.vault import equip
from portal.world import all_lines, load, read_file

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
WORLD = ROOT / "tests/data/world-example.json"
EXPECTED = (ROOT / "tests/data/world-example.expected.jsonl").read_text(encoding="utf-8")
CITY, NOBODY = "stadt", "niemand"
# With signs that have to be escaped in a URL.
PASSWORD = "a secret+of @ the city"

pytestmark = pytest.mark.skipif(
    not PROGRAMS.exists(), reason="PostgreSQL 15 is not here (apt-get install postgresql-15)"
)


@dataclass
class CityServer:
    """PostgreSQL 15 on loopback that lets nobody in without a password."""

    port: int
    folder: Path

    def url(self, role: str | None, name: str = "kodomo") -> str:
        login = "" if role is None else f"{role}:{quote(PASSWORD)}@"
        return f"postgresql://{login}127.0.0.1:{self.port}/{name}"

    def config(self, role: str | None) -> Config:
        env = {"PORTAL_INSTANCE": str(self.folder), "DATABASE_URL": self.url(role)}
        return Config.from_env(env, command=True)

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityServer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    # Not in pytest's own folder, which other accounts may not enter.
    home = Path(tempfile.mkdtemp(prefix="portal-city-"))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root; Debian's package brings this account.
        entry = pwd.getpwnam("postgres")
        os.chown(home, entry.pw_uid, entry.pw_gid)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def program(name: str, *words: str) -> None:
        with (home / "said").open("ab") as said:
            subprocess.run(
                [PROGRAMS / name, "-D", home / "data", *words],
                cwd=home, stdout=said, stderr=said, check=True, **account,
            )  # fmt: skip

    (home / "password").write_text(PASSWORD)
    (home / "password").chmod(0o644)
    program("initdb", "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={home / 'password'}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -F"
    program("pg_ctl", "start", "-w", "-o", options, "-l", str(home / "log"))
    try:
        yield CityServer(port, tmp_path_factory.mktemp("instance"))
    finally:
        program("pg_ctl", "stop", "-m", "fast")
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def prepared(city: CityServer) -> CityServer:
    city.run(
        f"CREATE ROLE {CITY} LOGIN CREATEROLE PASSWORD '{PASSWORD}'",
        f"CREATE ROLE {NOBODY} LOGIN PASSWORD '{PASSWORD}'",
        f"CREATE DATABASE kodomo OWNER {CITY}",
    )
    with pytest.raises(PreparationError, match="lacks a right"):
        preparation.prepare(preparation.with_keys(city.config(NOBODY)))
    # No superuser is needed: the owner of the database who may create roles does it all.
    done = preparation.prepare(city.config(CITY))
    assert [sentence.split()[0] for sentence in done] == ["Gave", "Migrated"]
    return city


def test_it_is_ready_and_stays_so_without_the_login(prepared: CityServer) -> None:
    for role in (CITY, NOBODY, None):
        config = prepared.config(role)
        assert preparation.prepare(config) == []
        assert readiness.check(config) == []


def test_the_example_world_is_seen_to_the_letter(prepared: CityServer) -> None:
    config = prepared.config(None)
    system, owner = make_engine(config.urls.system), make_engine(config.urls.owner)
    with system_session(system, reason="test") as session:
        equip(session, config.keys)
        load(session, read_file(WORLD), trust=False, add=False)
    lines = EXPECTED.splitlines()
    for at, expected in groupby(lines, lambda line: line.split('"at": "')[1].split('"')[0]):
        assert all_lines(owner, at) == [*expected]
    system.dispose()
    owner.dispose()


def test_a_wall_is_put_up_again_without_the_login(prepared: CityServer) -> None:
    config = prepared.config(None)
    with readiness.connect(prepared.config("postgres").urls.admin) as connection:
        connection.execute("ALTER TABLE public.entries DISABLE ROW LEVEL SECURITY")
    assert len(readiness.check(config)) == 1
    assert preparation.prepare(config) == ["Put up again what had been changed: table entries."]
    assert readiness.check(config) == []


def test_the_key_file_lets_in_and_nothing_else(prepared: CityServer) -> None:
    config = prepared.config(None)
    readiness.connect(config.urls.app).close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(prepared.url(APP)).close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(prepared.url(NOBODY)).close()
    # Somebody changed a password: the portal says so, and the login sets it right.
    prepared.run(f"ALTER ROLE {APP} PASSWORD 'other'")
    assert ["does not let the portal in" in said for said in readiness.check(config)] == [True]
    assert preparation.prepare(prepared.config(CITY)) != []
    assert readiness.check(config) == []
