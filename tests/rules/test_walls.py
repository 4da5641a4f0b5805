"""The walls stand around every table, and nobody holds a key to them (sweeps 3 and 4).

That they say what the code says is held by `test_migrations`; here is what no code may say.
Each check finds its own sabotage, which a superuser does in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from portal import embedded
from portal.embedded import APP, OWNER, SUPERUSER, SYSTEM
from portal.models import Base
from portal.policy import rls
from portal.policy.past import past_terms
from portal.policy.viewer import TERMS
from portal.policy.visibility import OPEN, SYSTEM_ONLY, VISIBLE
from portal.policy.writing import WRITABLE
from tests.conftest import Database

MODELS = {mapper.class_ for mapper in Base.registry.mappers}
KINDS = {"VISIBLE": set(VISIBLE), "OPEN": set(OPEN), "SYSTEM_ONLY": set(SYSTEM_ONLY)}

# Definer functions go around row-level security by design. They are listed here with what they
# give, so that a new one, or one that suddenly gives a text, is met by whoever reviews this test.
DEFINERS = {
    **dict.fromkeys(
        # Keys, codes and nothing else: who sees what of a case, for its owner.
        ("case_sights", "sights_at"),
        "TABLE(account_id uuid, agency_id uuid, kind text, row_id uuid, slice text,"
        " subject_id uuid, rule text, grant_id uuid)",
    ),
    # Who hears of something: ids of accounts, and rows of notifications and of the queue.
    **dict.fromkeys(("directors_of", "desk_of", "readers_of", "team_of", "workers_of"), "uuid[]"),
    **dict.fromkeys(("may_hear", "somebody_looks"), "boolean"),
    **dict.fromkeys(
        ("begin_alarm", "mention", "ring_alarm", "tell", "tell_of_deadlines", "tell_of_item"),
        "void",
    ),
    "ring_on": "integer",
    "ask_for_reset": "void",
    "defer_job": "void",
    "defer_notice": "void",
    "end_other_sessions": "void",
    "invitations_of": "TABLE(account_id uuid, kind text, due_at timestamp with time zone,"
    " expires_at timestamp with time zone, sent_at timestamp with time zone,"
    " used_at timestamp with time zone)",
    "reset_factors": "void",
    "withdraw_invitation": "boolean",
    "link_owner": "TABLE(account_id uuid, agency_id uuid, kind text, elsewhere boolean)",
    "forget_saved_text": "void",
    "note_device": "boolean",
    "sleeping_account": "uuid",
    "use_link": "uuid",
    "without_password": "SETOF uuid",
    "account_for_login": "TABLE(account_id uuid, password_hash text, disabled boolean,"
    " agency_id uuid, elsewhere boolean)",
    "comes_in_here": "boolean",
    "leads_here": "boolean",
    "link_by_invitation": "uuid",
    "places_by_link": "TABLE(issuer_id uuid, name text, agency_id uuid, value text)",
    "way_in": "TABLE(agency_id uuid, elsewhere boolean)",
    # Emergency: one id of a case that the viewer's agency sees, and one of the grant it wrote.
    "begin_emergency_view": "uuid",
    "emergency_case": "uuid",
    "end_session": "uuid",
    "issue_machine_token": "void",
    "issuer_for_sign_on": "TABLE(id uuid, name text, url text, client_id text,"
    " client_secret_sealed bytea, domains text[], claim text, second_factors text[],"
    " kek_id text, wrapped bytea)",
    "issuer_leads_to": "boolean",
    "issuers_offered": "TABLE(id uuid, name text, domains text[])",
    "end_session_of_viewer": "void",
    "fiscal_year": "integer",
    "lend_session": "void",
    "lock_grants": "void",
    "account_of_address": "uuid",
    "machine_by_token": "TABLE(client_id uuid, name text, agency_id uuid, agency_name text,"
    " scopes text[], valid_until timestamp with time zone)",
    "machine_secrets_of": "TABLE(client_id uuid, scopes text[], secret_id uuid, secret_hash bytea)",
    "door_of": "TABLE(networks text[], certificates text[], contact text)",
    "unread_grants": "SETOF uuid",
    "due_checks": "TABLE(case_id uuid, check_on date)",
    "managed_references": "TABLE(case_id uuid, reference text)",
    "newest_reply": "uuid",
    "open_session": "void",
    "past_concealed": "boolean",
    "passkey_for_login": "TABLE(account_id uuid, agency_id uuid, disabled boolean,"
    " public_key bytea, sign_count bigint, elsewhere boolean)",
    "places_by_subject": "TABLE(account_id uuid, agency_id uuid, value text)",
    "refresh_case_access": "void",
    "refresh_denials": "void",
    "shorten_grant": "boolean",
    "defer_ends_at_18": "void",
    "session_by_token": "TABLE(public_id uuid, account_id uuid, agency_id uuid, thread_id uuid,"
    " role text, manager boolean, agency_type text, agency_name text, circles uuid[],"
    " factors text, proven_at timestamp with time zone, pledged boolean,"
    " opened_at timestamp with time zone, seen_at timestamp with time zone,"
    " issuer_id uuid, idle interval, absolute interval, lent_for uuid, has_door boolean,"
    " name_sealed bytea, kek_id text, wrapped bytea)",
    "session_limits": "TABLE(idle interval, absolute interval)",
    "session_came_from": "void",
    "sessions_of_viewer": "TABLE(public_id uuid, agency_id uuid,"
    " opened_at timestamp with time zone, seen_at timestamp with time zone)",
    "set_password": "void",
    "sweep_case_access": "integer",
    "thread_by_locator": "TABLE(thread_id uuid, kind text, code_hash text, secret_hash text)",
    "throttle_failed": "void",
    "throttle_failures": "integer",
    "touch_session": "void",
    "use_once": "boolean",
    "worker_seen_at": "timestamp with time zone",
    "mail_waits_since": "timestamp with time zone",
    **dict.fromkeys(
        (
            *("case_was_opened", "default_team_changed", "denial_was_written"),
            *("entry_was_retracted", "entry_was_written", "reach_of_case_changed"),
            *("link_was_ended", "membership_is_single", "task_was_ended"),
            *("thread_was_linked", "visitor_wrote"),
            *("action_was_answered", "action_was_asked", "agency_wrote", "alarm_was_confirmed"),
            *("emergency_was_started", "item_was_laid", "item_was_settled"),
            *("message_was_written", "share_was_given", "share_was_proposed"),
            *("task_was_opened", "urgency_was_decided"),
        ),
        "trigger",
    ),
}

Problems = Iterator[str]
Check = Callable[[psycopg.Connection], Problems]


# -- the code -------------------------------------------------------------------------------------


def test_every_table_is_visible_by_a_rule_or_open_or_the_system_s_alone() -> None:
    for model in MODELS:
        where = [name for name, models in KINDS.items() if model in models]
        assert len(where) == 1, (
            f"{model.__tablename__} is in {where or 'none'}; put it into exactly one of "
            f"{', '.join(KINDS)} in portal/policy/visibility.py"
        )
    assert {model.__tablename__ for model in MODELS} == set(Base.metadata.tables)


def test_what_is_the_system_s_alone_cannot_be_read_back_after_writing() -> None:
    """The web may add a return code; it may never read or change one."""
    changing = [model for model in SYSTEM_ONLY & WRITABLE.keys() if WRITABLE[model].update]
    assert not changing


def test_no_relationship_loads_a_table_behind_the_query() -> None:
    """A lazy load is a query that nobody wrote; there are none, so none can be forgotten."""
    loading = [
        str(relationship)
        for mapper in Base.registry.mappers
        for relationship in mapper.relationships
        if relationship.lazy != "raise"
    ]
    assert not loading


# -- the database ---------------------------------------------------------------------------------


def guarded(connection: psycopg.Connection) -> Problems:
    """Row-level security is enabled and forced on every table, and there is no table besides."""
    rows = connection.execute(
        """SELECT relname, relkind, relrowsecurity, relforcerowsecurity FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')"""
    ).fetchall()
    for name, kind, enabled, forced in rows:
        if kind != "r" or name not in Base.metadata.tables:
            yield f"{name} is no table of a model; a view shows what its owner sees"
        elif not (enabled and forced):
            yield f"row-level security of {name} is not enabled and forced"
    missing = set(Base.metadata.tables) - {name for name, *_ in rows}
    yield from (f"{name} is missing" for name in missing)


def ruled(connection: psycopg.Connection) -> Problems:
    """Each table has the policies of its kind, all permissive, and none that the code lacks."""
    rows = connection.execute(
        """SELECT tablename, policyname, permissive, roles::text[], cmd, qual, with_check
        FROM pg_policies WHERE schemaname = 'public'"""
    ).fetchall()
    found = {(table, policy): rest for table, policy, *rest in rows}
    for model in MODELS:
        table = model.__tablename__
        wanted = {"system"}
        wanted |= set() if model in SYSTEM_ONLY else {"visible"}
        writing = WRITABLE.get(model)
        wanted |= {"inserted"} if writing and writing.insert else set()
        wanted |= {"updated"} if writing and writing.update else set()
        if {policy for of, policy in found if of == table} != wanted:
            yield f"{table} does not have exactly the policies {sorted(wanted)}"
    for (table, policy), (permissive, roles, command, qual, _check) in found.items():
        if permissive != "PERMISSIVE":
            yield f"{table}.{policy} is restrictive"
        expected = [OWNER, SYSTEM] if policy == "system" else [APP]
        if sorted(roles) != expected:
            yield f"{table}.{policy} is for {roles}"
        if policy != "system" and command not in {"SELECT", "INSERT", "UPDATE"}:
            yield f"{table}.{policy} admits {command}"
        if policy == "visible" and table not in OPEN_TABLES and qual == "true":
            yield f"{table}.{policy} shows everything"


OPEN_TABLES = {model.__tablename__ for model in OPEN}


def entitled(connection: psycopg.Connection) -> Problems:
    """The web's role has the privileges of the code on each table and on nothing else."""
    rows = connection.execute(
        """SELECT table_name, privilege_type FROM information_schema.table_privileges
        WHERE grantee IN (%s, 'PUBLIC') AND table_schema = 'public'""",
        [APP],
    ).fetchall()
    wanted = {(model.__tablename__, "SELECT") for model in MODELS - SYSTEM_ONLY}
    wanted |= {(model.__tablename__, "INSERT") for model, way in WRITABLE.items() if way.insert}
    for table, privilege in set(rows) ^ wanted:
        yield f"{privilege} on {table} differs from the code"
    columns = connection.execute(
        """SELECT table_name, column_name FROM information_schema.column_privileges
        WHERE grantee IN (%s, 'PUBLIC') AND table_schema = 'public'
            AND privilege_type = 'UPDATE'""",
        [APP],
    ).fetchall()
    changing = {
        (model.__tablename__, column) for model, way in WRITABLE.items() for column in way.columns
    }
    for table, column in set(columns) ^ changing:
        yield f"UPDATE of {table}.{column} differs from the code"


def powerless(connection: psycopg.Connection) -> Problems:
    """No role goes around the walls; the web's owns nothing and is a member of nothing."""
    mighty = connection.execute(
        """SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)
        AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)""",
        [[APP, SYSTEM, OWNER]],
    ).fetchall()
    yield from (f"{name} has a power over the whole server" for (name,) in mighty)
    members = connection.execute(
        """SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members
        WHERE member = ANY (ARRAY[%s, %s]::regrole[])""",
        [APP, SYSTEM],
    ).fetchall()
    yield from (f"{member} is a member of {role}" for member, role in members)
    owned = connection.execute(
        """SELECT relname::text FROM pg_class WHERE relowner = %(app)s::regrole
        UNION ALL SELECT proname FROM pg_proc WHERE proowner = %(app)s::regrole
        UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = %(app)s::regrole
        UNION ALL SELECT datname FROM pg_database WHERE datdba = %(app)s::regrole""",
        {"app": APP},
    ).fetchall()
    yield from (f"{APP} owns {name}" for (name,) in owned)
    for privilege in ("CREATE", "TEMPORARY"):
        (may,) = connection.execute(
            "SELECT has_database_privilege(%s, current_database(), %s)", [APP, privilege]
        ).fetchone() or (True,)
        if may:
            yield f"{APP} may {privilege} in the database"
    (may,) = connection.execute(
        "SELECT has_schema_privilege(%s, 'public', 'CREATE')", [APP]
    ).fetchone() or (True,)
    if may:
        yield f"{APP} may create in the schema"


# Where names are looked up; and that one reads what is due in the order of its index.
RUN_WITH = (["search_path=public, pg_temp"], ["search_path=public, pg_temp", "enable_sort=off"])


def sanctioned(connection: psycopg.Connection) -> Problems:
    """Only the listed functions run with other rights; they give what is listed, to whom it is."""
    rows = connection.execute(
        """SELECT proname, prosecdef, proowner::regrole::text, proconfig,
            pg_get_function_result(oid), has_function_privilege(%s, oid, 'EXECUTE'),
            EXISTS (SELECT 1 FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))
                WHERE grantee = 0)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
        [APP],
    ).fetchall()
    terms = {f"viewer_{term.name}" for term in TERMS}
    past = {f"past_{term.name}" for term in past_terms()}
    for name, definer, owner, config, result, called_by_app, by_anybody in rows:
        if name not in ({*DEFINERS} if definer else {*terms, *past, "portal_clock"}):
            yield f"{name} is not a function of the code"
        elif definer:
            if owner != SYSTEM or config not in RUN_WITH:
                yield f"{name} is {owner}'s and runs with {config}"
            if result != DEFINERS[name]:
                yield f"{name} gives {result}"
            if by_anybody or called_by_app != (name in rls.CALLED_BY_APP):
                yield f"{name} is called by others than the code says"
        elif owner != OWNER or (name in past and (called_by_app or by_anybody)):
            yield f"{name} is {owner}'s, or called by others than the code says"
    missing = {*DEFINERS, *terms, *past} - {name for name, *_ in rows}
    yield from (f"{name} is missing" for name in missing)


CHECKS: list[Check] = [guarded, ruled, entitled, powerless, sanctioned]

SABOTAGE: list[tuple[Check, str]] = [
    (guarded, "ALTER TABLE cases DISABLE ROW LEVEL SECURITY"),
    (guarded, "ALTER TABLE entries NO FORCE ROW LEVEL SECURITY"),
    (guarded, "CREATE VIEW all_entries AS SELECT * FROM entries"),
    (guarded, "CREATE TABLE notes (id uuid)"),
    (ruled, "DROP POLICY visible ON entries"),
    (ruled, "ALTER POLICY visible ON entries USING (true)"),
    (ruled, "ALTER POLICY visible ON entries TO PUBLIC"),
    (ruled, "CREATE POLICY more ON entries FOR SELECT TO portal_app USING (true)"),
    (ruled, "CREATE POLICY visible ON credentials FOR SELECT TO portal_app USING (true)"),
    (entitled, "GRANT SELECT ON credentials TO portal_app"),
    (entitled, "GRANT DELETE ON entries TO portal_app"),
    (entitled, "GRANT TRUNCATE ON entries TO PUBLIC"),
    (entitled, "GRANT UPDATE (owner_agency_id) ON cases TO portal_app"),
    (powerless, "ALTER ROLE portal_app BYPASSRLS"),
    (powerless, "ALTER ROLE portal_system SUPERUSER"),
    (powerless, "GRANT portal_system TO portal_app"),
    (powerless, "ALTER TABLE cases OWNER TO portal_app"),
    (powerless, "GRANT CREATE ON SCHEMA public TO PUBLIC"),
    (sanctioned, "ALTER FUNCTION lock_grants(uuid, boolean) RESET search_path"),
    (sanctioned, "ALTER FUNCTION lock_grants(uuid, boolean) OWNER TO postgres"),
    (sanctioned, "ALTER FUNCTION viewer_owning() SECURITY DEFINER"),
    (sanctioned, "GRANT EXECUTE ON FUNCTION refresh_denials(uuid) TO portal_app"),
    (sanctioned, "GRANT EXECUTE ON FUNCTION sights_at(uuid, timestamptz) TO portal_app"),
    (
        sanctioned,
        "GRANT EXECUTE ON FUNCTION past_owning(timestamptz, uuid, uuid) TO portal_app",
    ),
    (sanctioned, "GRANT EXECUTE ON FUNCTION set_password(uuid, text) TO PUBLIC"),
    (
        sanctioned,
        (
            "CREATE FUNCTION texts() RETURNS SETOF bytea LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT text_sealed FROM public.entries'"
        ),
    ),
]


@pytest.fixture(scope="module")
def superuser(database: Database) -> Iterator[psycopg.Connection]:
    """Somebody who can take the walls down; every test's transaction is rolled back."""
    with psycopg.connect(database.server.conninfo(SUPERUSER, database.name)) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_walls_stand(superuser: psycopg.Connection, check: Check) -> None:
    assert not list(check(superuser))


@pytest.mark.parametrize(("check", "deed"), SABOTAGE, ids=[deed for _, deed in SABOTAGE])
def test_a_wall_that_was_taken_down_is_missed(
    superuser: psycopg.Connection, check: Check, deed: str
) -> None:
    superuser.rollback()
    superuser.execute(sql.SQL(deed))  # type: ignore[arg-type]
    assert list(check(superuser))
    superuser.rollback()


def test_every_check_has_a_sabotage() -> None:
    assert {check for check, _ in SABOTAGE} == set(CHECKS)


def test_the_roles_are_those_of_the_embedded_server() -> None:
    assert {rls.APP, rls.SYSTEM, rls.OWNER} == set(embedded.ROLES)
