"""A newer version of the portal over the database of an older one, as docs/running.md has it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.config import ROOT
from portal.embedded import OWNER, SUPERUSER, Server

_MIGRATION = '''"""A first step after the ground, for a test."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    script = Path(__file__).with_suffix(".up.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)
'''


class Version:
    """A checkout of the portal, and commands typed in it."""

    def __init__(self, folder: Path, url: str, instance: Path) -> None:
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "PORTAL_INSTANCE": str(instance),
            "DATABASE_URL": url,
            "PORTAL_SMTP_URL": "folder",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("flask", "--app", "wsgi", *words)


@pytest.fixture
def versions(postgres: Server, tmp_path: Path) -> Iterator[tuple[Version, Version]]:
    """Return this version, prepared and with its administrator, and a copy to make newer."""
    postgres.create_database("portal_upgraded")
    url = postgres.conninfo(SUPERUSER, "portal_upgraded")
    newer = tmp_path / "newer"
    for part in ("portal", "blueprints", "templates", "migrations"):
        shutil.copytree(ROOT / part, newer / part)
    shutil.copy(ROOT / "wsgi.py", newer)
    instance = tmp_path / "instance"
    older = Version(ROOT, url, instance)
    first = ("--centre", "みほんセンター", "--email", "a@example.jp", "--name", "見本")
    done = older.flask("installation", "first", *first)
    assert done.returncode == 0, done.stderr
    yield older, Version(newer, url, instance)
    postgres.drop_database("portal_upgraded")


def add_migration(version: Version, script: str) -> None:
    scripts = version.folder / "migrations" / "versions"
    (scripts / "0003_motto.py").write_text(_MIGRATION)
    (scripts / "0003_motto.up.sql").write_text(script)
    (version.folder / "migrations" / ".current-head").write_text("0003\n")


def test_a_newer_version_says_what_to_run_and_keeps_what_is_there(
    versions: tuple[Version, Version], postgres: Server
) -> None:
    older, newer = versions
    add_migration(newer, "ALTER TABLE public.agencies ADD COLUMN motto text;")
    refused = newer.run("wsgi")
    assert refused.returncode == 3
    assert "database prepare" in refused.stderr
    for told in ("Migrated the schema from 0002 to 0003.", "The database is ready."):
        done = newer.flask("database", "prepare")
        assert (done.returncode, told in done.stderr) == (0, True), done.stderr
    assert newer.flask("database", "check").returncode == 0
    with psycopg.connect(postgres.conninfo(OWNER, "portal_upgraded")) as connection:
        kept = connection.execute("SELECT name, motto FROM public.agencies").fetchall()
    assert kept == [("みほんセンター", None)]
    assert newer.run("wsgi").returncode == 0
    # The older one does not serve what the newer one made.
    assert older.run("wsgi").returncode == 3


def test_a_migration_that_breaks_leaves_the_database_as_it_was(
    versions: tuple[Version, Version],
) -> None:
    older, newer = versions
    add_migration(newer, "ALTER TABLE public.agencies ADD COLUMN motto text; SELECT 1 / 0;")
    assert newer.flask("database", "prepare").returncode == 1
    done = older.flask("database", "check")
    assert done.returncode == 0, done.stderr


def test_a_ground_that_was_written_anew_is_not_taken_for_the_old_one(
    versions: tuple[Version, Version],
) -> None:
    """Before the first release: the number is the same, the tables are not."""
    newer = versions[1]
    ground = newer.folder / "migrations" / "versions" / "0001_ground.up.sql"
    ground.write_text(ground.read_text(encoding="utf-8") + "\n-- anew\n", encoding="utf-8")
    for words in (("check",), ("prepare",)):
        refused = newer.flask("database", *words)
        assert refused.returncode == 1
        assert "migration 0001_ground is not the one" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert newer.run("wsgi").returncode == 3
