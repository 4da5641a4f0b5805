"""What the migrations make is what the code says, there and back, with data in it."""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from portal import readiness
from portal.config import ROOT, Config
from portal.database import make_engine, system_session
from portal.embedded import APP, OWNER, Server
from portal.policy import schema
from portal.preparation import migrate, prepare
from portal.vault import equip
from portal.world import load, read_file

MIGRATIONS = ROOT / "migrations"
VERSIONS = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
FREEZE = "the models changed since the schema was frozen; run: make freeze"

# Everything a table is made of, by name; readiness.walls has the rest.
CATALOGUE = """
SELECT c.relname || '.' || a.attname, concat_ws('|', format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attnum, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v')
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint ' || conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'kind ' || relname, relpersistence::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace
"""
IN_PUBLIC = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'jobs'
"""


@contextmanager
def empty(server: Server, name: str) -> Iterator[str]:
    """Make a database of this name with nothing in it; gives the URL of its owner."""
    server.create_database(name)
    yield server.url(OWNER, name)
    server.drop_database(name)


@pytest.fixture(scope="module")
def modelled(postgres: Server) -> Iterator[dict[str, str]]:
    """What the models of today make."""
    with empty(postgres, "migrations_modelled") as url, readiness.connect(url) as connection:
        connection.execute("SET search_path = public")
        connection.execute(schema.up())
        yield catalogue(url)


@pytest.fixture(scope="module")
def migrated(postgres: Server) -> Iterator[str]:
    with empty(postgres, "migrations_migrated") as url:
        with readiness.connect(url) as connection:
            connection.execute("CREATE SCHEMA installation")
        migrate(url)
        yield url


def catalogue(url: str) -> dict[str, str]:
    with readiness.connect(url) as connection:
        return catalogue_of(connection)


def catalogue_of(connection: psycopg.Connection) -> dict[str, str]:
    return {**dict(connection.execute(CATALOGUE).fetchall()), **readiness.walls(connection)}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one | other if one.get(name) != other.get(name))


def test_the_migrations_make_what_the_models_say(modelled: dict[str, str], migrated: str) -> None:
    assert len(modelled) > 500
    assert differences(modelled, catalogue(migrated)) == [], FREEZE


@pytest.mark.parametrize(
    "forgotten",
    [
        "ALTER TABLE entries ADD COLUMN mood text",
        "ALTER TABLE entries ALTER COLUMN slice DROP NOT NULL",
        "ALTER TABLE entries ALTER COLUMN written_at DROP DEFAULT",
        "ALTER TABLE case_workers DROP CONSTRAINT fk_case_workers_account_id",
        "DROP INDEX ix_memberships_acting",
        "ALTER POLICY visible ON entries USING (true)",
        "ALTER TABLE entries NO FORCE ROW LEVEL SECURITY",
        "GRANT DELETE ON entries TO portal_app",
        "GRANT UPDATE (slice) ON entries TO portal_app",
        "GRANT EXECUTE ON FUNCTION sweep_case_access() TO portal_app",
        "DROP TRIGGER written ON grants",
        "ALTER FUNCTION portal_clock() VOLATILE",
        "ALTER TABLE throttle_counts SET LOGGED",
    ],
)
def test_no_difference_goes_unseen(modelled: dict[str, str], migrated: str, forgotten: str) -> None:
    with readiness.connect(migrated) as connection, connection.transaction() as attempt:
        connection.execute("SET LOCAL search_path = public")
        connection.execute(forgotten.encode())
        connection.execute("SET LOCAL search_path = ''")
        assert differences(modelled, catalogue_of(connection))
        raise psycopg.Rollback(attempt)


def test_up_down_and_up_again_with_data(postgres: Server, tmp_path: Path) -> None:
    with empty(postgres, "migrations_filled") as owner:
        config = Config.for_tests(postgres.url(APP, "migrations_filled"), tmp_path)
        prepare(config)
        fill(config)
        before = catalogue(owner)
        migrate(owner, "base")
        with readiness.connect(owner) as connection:
            assert connection.execute(IN_PUBLIC).fetchall() == []
        migrate(owner)
        assert differences(before, catalogue(owner)) == []
        fill(config)


def fill(config: Config) -> None:
    engine = make_engine(config.urls.system)
    with system_session(engine, reason="test") as session:
        equip(session, config.keys)
        load(session, read_file(ROOT / "tests/data/world-example.json"), trust=False, add=False)
    engine.dispose()


def test_a_migration_does_not_wait_for_a_lock(postgres: Server) -> None:
    """A migration that waits would make everybody behind it wait as well."""
    with empty(postgres, "migrations_locked") as owner:
        with readiness.connect(owner) as connection:
            connection.execute("CREATE SCHEMA installation")
        migrate(owner)
        with readiness.connect(owner) as holder, holder.transaction():
            holder.execute("LOCK TABLE public.entries IN ACCESS SHARE MODE")
            with pytest.raises(Exception, match="lock timeout"):
                migrate(owner, "base")


def test_the_migrations_are_one_row_of_numbers() -> None:
    numbers = [re.match(r"(\d{4})_[a-z_]+$", path.stem) for path in VERSIONS]
    assert [match and int(match[1]) for match in numbers] == [*range(1, len(VERSIONS) + 1)]
    assert readiness.newest_migration() == VERSIONS[-1].stem[:4]
    for path in VERSIONS:
        assert path.with_suffix(".up.sql").exists()
        assert path.with_suffix(".down.sql").exists()


@pytest.mark.parametrize("path", [*VERSIONS, MIGRATIONS / "env.py"], ids=lambda path: path.stem)
def test_a_migration_imports_nothing_of_ours(path: Path) -> None:
    """Frozen means: what the models become later changes nothing here."""
    assert imported(path.read_text(encoding="utf-8")) <= {"alembic", "pathlib"}


def imported(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {part.name.split(".")[0] for part in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or ".").split(".")[0])
    return found


def test_an_import_of_ours_would_be_seen() -> None:
    assert imported("import portal.models") == imported("from portal import x") == {"portal"}


def test_the_queue_is_the_one_that_the_package_asks_for() -> None:
    ours = (MIGRATIONS / "versions" / "0002_jobs.up.sql").read_text(encoding="utf-8")
    package = files("procrastinate").joinpath("sql/schema.sql").read_text(encoding="utf-8")
    tables = package[package.index("-- Enums") :].strip()
    assert tables in ours, "procrastinate changed its schema: bring its change in a new migration"


def test_only_the_system_reaches_the_queue(migrated: str) -> None:
    with readiness.connect(migrated) as connection:
        row = connection.execute(
            "SELECT has_schema_privilege('portal_app', 'jobs', 'USAGE'),"
            " has_schema_privilege('portal_system', 'jobs', 'USAGE')"
        ).fetchone()
    assert row == (False, True)
