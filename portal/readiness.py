"""What must hold before anything is served: the checks, and a sentence for each that fails.

Roles, row-level security and keys are what the portal's promise rests on, and each of them can be
changed by somebody who looks after the server and means well. `database prepare` notes in the
schema ``installation`` how it left the walls; every start compares.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping

import psycopg

from portal.config import ROOT, Config, Keys
from portal.embedded import APP, OWNER, ROLES, SYSTEM

PREPARE = "Run: flask --app wsgi database prepare"
OLDEST_SERVER = 15
MIGRATIONS = ROOT / "migrations"
CURRENT_HEAD = MIGRATIONS / ".current-head"

# Names of notes in the table ``installation.notes``.
DEMO, SERVER, WALL, KEY, MIGRATION = "demo", "server", "wall ", "key ", "migration "

# Everything that decides who sees what, by name, in the words of the server itself. Names are
# written in full because the search path is empty, so every role reads the same text.
_WALLS = """
WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = 'public'),
acl (of, list) AS (
    SELECT c.oid, (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) AS a)
    FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM here)
    UNION ALL
    SELECT p.oid, (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(p.proacl) AS a)
    FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM here)
)
SELECT 'policy ' || c.relname || '.' || p.polname, concat_ws('|', p.polcmd, p.polpermissive,
    (SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE oid = ANY (p.polroles)),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace IN (SELECT oid FROM here)
UNION ALL
SELECT 'table ' || c.relname, concat_ws('|', pg_get_userbyid(c.relowner), c.relrowsecurity,
    c.relforcerowsecurity, acl.list, (
        SELECT string_agg(attname || attacl::text, ',' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attacl IS NOT NULL))
FROM pg_class c JOIN acl ON acl.of = c.oid
WHERE c.relnamespace IN (SELECT oid FROM here) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'function ' || p.oid::regprocedure, concat_ws('|', pg_get_userbyid(p.proowner), acl.list,
    pg_get_functiondef(p.oid))
FROM pg_proc p JOIN acl ON acl.of = p.oid
WHERE p.pronamespace IN (SELECT oid FROM here) AND p.prokind IN ('f', 'p')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'trigger ' || c.relname || '.' || t.tgname,
    concat_ws('|', t.tgenabled, pg_get_triggerdef(t.oid))
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace IN (SELECT oid FROM here) AND NOT t.tgisinternal
"""

_ROLES = """
SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
FROM pg_roles WHERE rolname = ANY (%s)
"""
# The owner reaches the other two; nobody reaches further than that.
_MEMBERSHIPS = """
SELECT m.rolname, r.rolname FROM pg_auth_members a
JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid
WHERE m.rolname = ANY (%s)
"""
_OWNED = """
SELECT c.oid::regclass::text FROM pg_class c WHERE pg_get_userbyid(c.relowner) = %(role)s
UNION ALL
SELECT p.oid::regprocedure::text FROM pg_proc p WHERE pg_get_userbyid(p.proowner) = %(role)s
UNION ALL
SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = %(role)s
UNION ALL
SELECT datname FROM pg_database
WHERE datname = current_database() AND pg_get_userbyid(datdba) = %(role)s
"""


def check(config: Config) -> list[str]:
    """Return what is wrong with an installation, nothing where it may be served.

    Takes the configuration of an installation whose server runs. Each sentence says what is wrong
    and which command to run. It looks as the web's own role, so that a login that does not work
    shows too, and reads only.
    """
    try:
        with connect(config.urls.app) as connection:
            found = server_problems(connection) or list(_problems(connection, config))
        if not found:
            connect(config.urls.system).close()
    except psycopg.OperationalError as error:
        return [f"The database does not let the portal in: {told(error)}. {PREPARE}"]
    return found


def mail_problems(config: Config) -> list[str]:
    """Return whether letters would reach nobody, as a list of at most one sentence.

    Commands that send none work all the same; web and worker do not start.
    """
    if not config.mail_is_lost:
        return []
    sentence = (
        "No mail server is named, so invitations and notices would reach nobody. "
        "Set PORTAL_SMTP_URL to smtps://user:password@host, or to the word folder "
        f"to leave them in {config.instance / 'mail'} on purpose."
    )
    return [sentence]


def connect(url: str) -> psycopg.Connection:
    """Return a connection for a SQLAlchemy URL, in autocommit mode and without a search path."""
    return psycopg.connect(
        url.replace("postgresql+psycopg:", "postgresql:", 1),
        autocommit=True,
        options="-c search_path=",
        connect_timeout=10,
    )


def told(error: psycopg.Error) -> str:
    """Return what the server said, on one line and without its full stop."""
    return " ".join(str(error).split()).rstrip(".")


def server_problems(connection: psycopg.Connection) -> list[str]:
    """Return whether the server is too old, as a list of at most one sentence."""
    major = connection.info.server_version // 10_000
    if major < OLDEST_SERVER:
        sentence = (
            f"The database server is PostgreSQL {major}, and the portal needs {OLDEST_SERVER} or "
            "newer. Upgrade it, or name another one in DATABASE_URL."
        )
        return [sentence]
    return []


def role_problems(connection: psycopg.Connection) -> Iterator[str]:
    """Yield what is wrong with the portal's three roles."""
    powers = {str(name): bool(power) for name, power in connection.execute(_ROLES, [list(ROLES)])}
    for role in ROLES:
        if role not in powers:
            yield f"The role {role} is missing. {PREPARE}"
        elif powers[role]:
            yield f"The role {role} has rights that go around the walls. {PREPARE}"
    allowed = {(OWNER, APP), (OWNER, SYSTEM)}
    for member, role in connection.execute(_MEMBERSHIPS, [list(ROLES)]):
        if (member, role) not in allowed:
            yield (
                f"The role {member} is a member of {role} and must not be. "
                f'Run in psql: REVOKE "{role}" FROM {member}'
            )
    for (name,) in connection.execute(_OWNED, {"role": APP}):
        yield (
            f"The role {APP} owns {name} and could take its walls down. "
            f"Give it another owner, such as {OWNER}."
        )


def newest_migration() -> str:
    """Return the number of the last migration of this version of the portal."""
    return CURRENT_HEAD.read_text(encoding="utf-8").strip()


def migrated_to(connection: psycopg.Connection) -> str | None:
    """Return the number of the last migration that was made here, None before the first."""
    if not _has(connection, "alembic_version"):
        return None
    row = connection.execute("SELECT version_num FROM installation.alembic_version").fetchone()
    return None if row is None else str(row[0])


def notes(connection: psycopg.Connection) -> dict[str, str]:
    """Return what `database prepare` noted, nothing before its first run."""
    if not _has(connection, "notes"):
        return {}
    return {
        str(name): str(value)
        for name, value in connection.execute("SELECT name, value FROM installation.notes")
    }


def _has(connection: psycopg.Connection, table: str) -> bool:
    found = connection.execute("SELECT to_regclass(%s)", [f"installation.{table}"]).fetchone()
    return found is not None and found[0] is not None


def walls(connection: psycopg.Connection) -> dict[str, str]:
    """Return a digest of each policy, table, function and trigger, by its name."""
    return {
        f"{WALL}{name}": hashlib.sha256(str(text).encode()).hexdigest()
        for name, text in connection.execute(_WALLS)
    }


def migration_marks() -> dict[str, str]:
    """Return a digest of the script of each migration of this version of the portal."""
    return {
        f"{MIGRATION}{path.name.removesuffix('.up.sql')}": hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted((MIGRATIONS / "versions").glob("*.up.sql"))
    }


def migration_problems(noted: Mapping[str, str]) -> Iterator[str]:
    """Yield which migration was another one when it made this database.

    What was released is never changed. Before the first release the ground is written anew, and no
    number would tell that the tables are those of another day.
    """
    marks = migration_marks()
    made = {name: mark for name, mark in noted.items() if name.startswith(MIGRATION)}
    if not made:
        made = dict.fromkeys(list(marks)[:1], "")
    for name, mark in made.items():
        if marks.get(name, mark) != mark:
            yield (
                f"The migration {name.removeprefix(MIGRATION)} is not the one that made this "
                "database. Dump the register with the version that made it (flask --app wsgi world "
                "dump) and load it into a new database, or for a demo run: make demo-reset"
            )


def changed(noted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return the names of the parts of the walls that are not as they were noted."""
    before = {name: digest for name, digest in noted.items() if name.startswith(WALL)}
    return sorted(
        name.removeprefix(WALL)
        for name in before.keys() | found.keys()
        if before.get(name) != found.get(name)
    )


def key_marks(keys: Keys) -> dict[str, str]:
    """Return a mark of each key that stored data depends on; it tells nothing of the key."""
    guarded = {f"content {kid}": key for kid, key in keys.content.items()}
    guarded |= {"blind_index": keys.blind_index, "code_pepper": keys.code_pepper}
    return {
        f"{KEY}{name}": hmac.new(key, b"installation|" + name.encode(), hashlib.sha256).hexdigest()
        for name, key in guarded.items()
    }


def key_problems(noted: Mapping[str, str], config: Config) -> Iterator[str]:
    """Yield which of the keys that the data was written with is missing or another."""
    marks = key_marks(config.keys)
    for name, mark in noted.items():
        if name.startswith(KEY) and marks.get(name) != mark:
            yield (
                f"The key {name.removeprefix(KEY)!r} in {config.key_file} is not the one that "
                "this database was filled with. Bring back the right key file, or name it in "
                "PORTAL_KEY_FILE."
            )


def demo_problems(noted: Mapping[str, str], config: Config) -> Iterator[str]:
    """Yield whether demo data would be served as real, or real data to everybody."""
    if config.demo and noted.get(DEMO) != "1":
        yield "This database is not a demo city's. Unset PORTAL_DEMO."
    if not config.demo and noted.get(DEMO) == "1":
        yield "This database is a demo city's. Set PORTAL_DEMO=1, or use another database."


def _problems(connection: psycopg.Connection, config: Config) -> Iterator[str]:
    noted = notes(connection)
    if migrated_to(connection) != newest_migration() or not noted:
        yield f"The database is not prepared for this version of the portal. {PREPARE}"
        return
    yield from role_problems(connection)
    found = list(migration_problems(noted))
    if found:
        yield from found
        return
    for name in changed(noted, walls(connection)):
        yield f"In the database the {name} is not as it was prepared. {PREPARE}"
    yield from _clock_problems(connection)
    yield from key_problems(noted, config)
    yield from demo_problems(noted, config)


def _clock_problems(connection: psycopg.Connection) -> Iterator[str]:
    right = connection.execute("SELECT public.portal_clock() = now()").fetchone()
    if right is None or not right[0]:
        yield f"The clock of the database does not show the present. {PREPARE}"
