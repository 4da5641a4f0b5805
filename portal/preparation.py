"""`database prepare`: keys, roles, schema and walls, made right on either kind of server.

It can be run at any time and changes only what is not right. On the embedded server it acts as
the superuser; on a city's server as the login of DATABASE_URL, which is needed only while roles or
rights are missing.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import psycopg
from alembic import command
from alembic.config import Config as AlembicConfig
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from portal import embedded, readiness
from portal.config import ROOT, Config, create_key_file, load_keys
from portal.embedded import APP, OWNER, ROLES, SYSTEM
from portal.policy import rls, schema

# Any number, as long as every run takes the same: two runs at once wait for each other.
_ALONE = 5_318_008

_RIGHTS = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {roles}",
    "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {owner}",
    "GRANT ALL ON SCHEMA public TO {owner} WITH GRANT OPTION",
)
_NOTES = (
    "CREATE SCHEMA IF NOT EXISTS installation",
    "CREATE TABLE IF NOT EXISTS installation.notes (name text PRIMARY KEY, value text NOT NULL)",
    f"GRANT USAGE ON SCHEMA installation TO {APP}, {SYSTEM}",
    f"GRANT SELECT ON ALL TABLES IN SCHEMA installation TO {APP}, {SYSTEM}",
)


class PreparationError(RuntimeError):
    """The database cannot be prepared; the message says why and what to do."""


def with_keys(config: Config) -> Config:
    """Return the configuration with its keys, made now if there are none yet.

    Takes the configuration of an installation whose server runs. Raises ConfigError where there is
    no key file although the database was prepared with one: what that one protects is lost
    without it. Raises PreparationError if the database cannot be asked.
    """
    if config.loaded_keys is None:
        with _administrator(config) as connection:
            known = connection.execute("SELECT to_regnamespace('installation')").fetchone()
        if known == (None,):
            create_key_file(config.key_file)
    return replace(config, loaded_keys=load_keys(config.key_file))


def prepare(config: Config) -> list[str]:
    """Make everything right that `readiness.check` asks for; return what was done, in sentences.

    Takes the configuration, with keys, of an installation whose server runs. Raises
    PreparationError or ConfigError.
    """
    done: list[str] = []
    try:
        if not _can_enter(config):
            _let_in(config, done)
        with readiness.connect(config.urls.owner) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_ALONE])
            connection.execute("SET search_path = public")
            _schema_and_walls(connection, config, done)
    except DBAPIError as error:
        raise PreparationError(f"The database cannot be prepared: {error.orig}.") from error
    except psycopg.Error as error:
        raise PreparationError(
            f"The database cannot be prepared: {readiness.told(error)}."
        ) from error
    return done


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to a revision, up or down; `base` is the empty schema.

    Takes the URL of portal_owner.
    """
    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(ROOT / "migrations"))
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        alembic.attributes["connection"] = connection
        (command.downgrade if revision == "base" else command.upgrade)(alembic, revision)
    engine.dispose()


@contextlib.contextmanager
def _administrator(config: Config) -> Iterator[psycopg.Connection]:
    """Connect as whoever may create roles: the superuser, or the login of DATABASE_URL."""
    try:
        connection = readiness.connect(config.urls.admin)
    except psycopg.OperationalError as error:
        raise PreparationError(
            f"The login of DATABASE_URL does not get in: {readiness.told(error)}. Create the "
            "database and name a login that may create roles."
        ) from error
    with connection:
        for problem in readiness.server_problems(connection):
            raise PreparationError(problem)
        yield connection


def _can_enter(config: Config) -> bool:
    """Whether each role logs in, has the rights it needs and none that it must not have."""
    try:
        for url in (config.urls.app, config.urls.system):
            readiness.connect(url).close()
        with readiness.connect(config.urls.owner) as connection:
            rights = connection.execute(
                "SELECT has_database_privilege(current_database(), 'CREATE')"
                " AND has_schema_privilege('public', 'CREATE WITH GRANT OPTION')"
                " AND pg_has_role(%s, 'MEMBER') AND pg_has_role(%s, 'MEMBER')"
                " AND NOT has_database_privilege('public', current_database(), 'CONNECT')",
                [APP, SYSTEM],
            ).fetchone()
            return rights == (True,) and not list(readiness.role_problems(connection))
    except psycopg.OperationalError:
        return False


def _let_in(config: Config, done: list[str]) -> None:
    """Create the roles, give them their passwords and the rights on this database."""
    with _administrator(config) as connection:
        try:
            embedded.create_roles(connection)
            _weaken(connection)
            _set_passwords(connection, config)
            _give_rights(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PreparationError(
                f"The login of DATABASE_URL lacks a right ({readiness.told(error)}). Name one "
                "that may create roles and owns the database."
            ) from error
        for problem in readiness.role_problems(connection):
            raise PreparationError(problem)
    done.append(f"Gave the roles {', '.join(ROLES)} their rights.")


def _weaken(connection: psycopg.Connection) -> None:
    """Take powers away from roles that have too many, and let them in if they may not log in."""
    wrong = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND (NOT rolcanlogin OR"
        " rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
        [list(ROLES)],
    ).fetchall()
    for (name,) in wrong:
        connection.execute(
            sql.SQL(
                "ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION"
            ).format(sql.Identifier(name))
        )


def _set_passwords(connection: psycopg.Connection, config: Config) -> None:
    """Give the roles on a city's server the passwords of the key file, hashed on this side.

    The embedded server has no passwords: whoever reaches its socket may read its files as well.
    """
    if config.database_url is None:
        return
    for role in ROLES:
        password = config.keys.role_passwords[role].encode()
        hashed = connection.pgconn.encrypt_password(password, role.encode(), b"scram-sha-256")
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(hashed.decode())
            )
        )


def _give_rights(connection: psycopg.Connection) -> None:
    parts = {
        "database": sql.Identifier(connection.info.dbname),
        "roles": sql.SQL(", ").join(map(sql.Identifier, ROLES)),
        "owner": sql.Identifier(OWNER),
    }
    for statement in _RIGHTS:
        connection.execute(sql.SQL(statement).format(**parts))


def _schema_and_walls(connection: psycopg.Connection, config: Config, done: list[str]) -> None:
    """Migrate, put the walls up where they were changed, and note how everything stands."""
    noted = readiness.notes(connection)
    if noted:
        for problem in (
            *readiness.key_problems(noted, config),
            *readiness.demo_problems(noted, config),
            *readiness.migration_problems(noted),
        ):
            raise PreparationError(problem)
    for statement in _NOTES:
        connection.execute(statement)
    was, newest = readiness.migrated_to(connection), readiness.newest_migration()
    if was != newest:
        migrate(config.urls.owner)
        done.append(f"Migrated the schema from {was or 'nothing'} to {newest}.")
        # Once more, for the table that keeps the number of the migration.
        connection.execute(_NOTES[-1])
    elif noted and (names := readiness.changed(noted, _walls(connection))):
        _put_walls_up(connection, noted)
        done.append(f"Put up again what had been changed: {', '.join(names)}.")
    _note(connection, noted, _present(connection, config))


def _walls(connection: psycopg.Connection) -> dict[str, str]:
    """Return the walls as `readiness` sees them: with an empty search path."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        return readiness.walls(connection)


def _put_walls_up(connection: psycopg.Connection, noted: Mapping[str, str]) -> None:
    """Write today's policies, functions and privileges over what stands there.

    Raises PreparationError if something is left that is not the portal's; nobody but the one who
    put it there knows what it is for.
    """
    with connection.transaction():
        for table, policy in connection.execute(
            "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'"
        ).fetchall():
            connection.execute(
                sql.SQL("DROP POLICY {} ON {}").format(
                    sql.Identifier(policy), sql.Identifier(table)
                )
            )
        script = f"{schema.CLOCK};\n{rls.functions()}\n{rls.script()}"
        again = re.sub(r"CREATE (?=FUNCTION|TRIGGER)", "CREATE OR REPLACE ", script)
        connection.execute(again.encode())
        left = readiness.changed(noted, _walls(connection))
        if left and noted.get(readiness.SERVER) == _server(connection):
            raise PreparationError(
                f"These are not the portal's, or not as it made them: {', '.join(left)}. "
                "Remove or restore them by hand, then run this again."
            )


def _server(connection: psycopg.Connection) -> str:
    """Return the version of the server, whose way to write down a policy may change with it."""
    return str(connection.info.server_version)


def _present(connection: psycopg.Connection, config: Config) -> dict[str, str]:
    return {
        readiness.DEMO: "1" if config.demo else "0",
        readiness.SERVER: _server(connection),
        **_walls(connection),
        **readiness.migration_marks(),
        **readiness.key_marks(config.keys),
    }


def _note(
    connection: psycopg.Connection, noted: Mapping[str, str], present: Mapping[str, str]
) -> None:
    """Replace the notes, all at once, if they changed."""
    if present == noted:
        return
    with connection.transaction():
        connection.execute("DELETE FROM installation.notes")
        connection.execute(
            "INSERT INTO installation.notes (name, value)"
            " SELECT key, value FROM json_each_text(%s)",
            [json.dumps(present)],
        )
