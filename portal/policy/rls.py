"""Renders the rules as row-level security: the real wall.

``statements()`` is the whole of it as DDL; a migration holds it frozen, and a test compares today's
with what the migrations made.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import literal_column, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.visitors import replacement_traverse

from portal.models import Base, Case, CaseAccess, Grant
from portal.policy import past
from portal.policy.permissions import EMERGENCY_VIEWERS, GIVEN_BY_ONE
from portal.policy.unread import unread_of_owner
from portal.policy.viewer import DESK_ROLES, TEAM_DESKS, TERMS, VARIABLES, Term
from portal.policy.visibility import (
    OPEN,
    PLACE_SLICES,
    SYSTEM_ONLY,
    THROUGH,
    VISIBLE,
    Rule,
    checked_by_owner,
    managed_grants,
    of_owner,
)
from portal.policy.writing import WRITABLE
from portal.vocabulary import (
    BLIND_ROLES,
    EMERGENCY_SLICES,
    EXPERT_TYPES,
    OVERRIDING_BASES,
    OWNER_ROLES,
)

APP, SYSTEM, OWNER = "portal_app", "portal_system", "portal_owner"
FUNCTIONS = Path(__file__).with_name("functions.sql")


def _table(model: type[Base]) -> str:
    return str(model.__tablename__)


def _read_through(element: Any, **_: Any) -> Any:
    return true() if THROUGH in getattr(element, "_annotations", ()) else None


def policy(model: type[Base], rule: Rule) -> str:
    """Return a rule as the SQL text of a policy on the model's table.

    What the policies of the tables that it asks say anyway is left out.
    """

    def read_through(row: Any) -> ColumnElement[bool]:
        return replacement_traverse(rule(row), {}, _read_through)

    return render(model, read_through).replace(" AND true", "")


def render(model: type[Base], rule: Rule) -> str:
    """Return a rule as SQL text for a place where no other table's policy holds.

    It is compiled inside a SELECT and cut after WHERE: a rule compiled alone forgets its outer
    table and writes it into the inner FROM, which silently changes what it says.
    """
    clause: ColumnElement[bool] = rule(model.__table__.c)
    one: ColumnElement[int] = literal_column("1")
    statement = select(one).select_from(model.__table__).where(clause)
    compiled = statement.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    sql = str(compiled)
    head, marker, body = sql.partition("WHERE ")
    if not marker or head.count("SELECT") != 1:
        msg = f"the rule of {_table(model)} does not compile to one WHERE"
        raise ValueError(msg)
    return body


def _policies(model: type[Base]) -> Iterator[str]:
    table = _table(model)
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    # Without this the FORCEd owner silently sees no row in a data migration.
    yield (f"CREATE POLICY system ON {table} TO {SYSTEM}, {OWNER} USING (true) WITH CHECK (true)")
    if model in VISIBLE:
        shown = policy(model, VISIBLE[model])
        yield f"CREATE POLICY visible ON {table} FOR SELECT TO {APP} USING (\n{shown}\n)"
    elif model in OPEN:
        yield f"CREATE POLICY visible ON {table} FOR SELECT TO {APP} USING (true)"
    writing = WRITABLE.get(model)
    if writing is None:
        return
    if writing.insert is not None:
        check = policy(model, writing.insert)
        yield f"CREATE POLICY inserted ON {table} FOR INSERT TO {APP} WITH CHECK (\n{check}\n)"
    if writing.update is not None:
        check = policy(model, writing.update)
        yield (
            f"CREATE POLICY updated ON {table} FOR UPDATE TO {APP} "
            f"USING (\n{check}\n) WITH CHECK (\n{check}\n)"
        )


def _privileges(model: type[Base]) -> Iterator[str]:
    table = _table(model)
    yield f"REVOKE ALL ON {table} FROM PUBLIC, {APP}, {SYSTEM}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}"
    if model not in SYSTEM_ONLY:
        yield f"GRANT SELECT ON {table} TO {APP}"
    writing = WRITABLE.get(model)
    if writing is not None and writing.insert is not None:
        yield f"GRANT INSERT ON {table} TO {APP}"
    if writing is not None and writing.update is not None:
        yield f"GRANT UPDATE ({', '.join(writing.columns)}) ON {table} TO {APP}"


def models() -> list[type[Base]]:
    """Return every model, ordered by the name of its table."""
    return sorted((m.class_ for m in Base.registry.mappers), key=_table)


def _array(codes: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(repr(code) for code in sorted(codes))}]"


def functions() -> str:
    """Return the sanctioned functions and triggers, as one script."""
    return FUNCTIONS.read_text(encoding="utf-8").format(
        overriding_bases=_array(OVERRIDING_BASES),
        expert_types=_array(EXPERT_TYPES),
        owner_roles=_array(OWNER_ROLES),
        place_slices=_array(PLACE_SLICES),
        blind_roles=_array(BLIND_ROLES),
        desk_roles=_array(DESK_ROLES),
        team_desks=_array(TEAM_DESKS),
        emergency_slices=_array(EMERGENCY_SLICES),
        emergency_viewers=_array(EMERGENCY_VIEWERS),
        given_by_one=", ".join(f"('{kind}', '{role}')" for kind, role in GIVEN_BY_ONE),
        managed_grants=render(Grant, managed_grants),
        checked_by_owner=render(CaseAccess, checked_by_owner),
        kept_by_owner=render(Grant, of_owner),
        unread_of_owner=render(Grant, unread_of_owner),
        asked_by_owner=render(Case, past.asked_by_owner),
        sights=past.sights(),
    )


# Who looks, and what was found for them in a transaction that sees one snapshot all along and has
# written nothing: there the same is found again, so it is not asked again. Anybody else's, or a
# snapshot that may have moved, has the term asked of its rows.
_KEPT = """DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_{name}', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::{returns};
    END IF;
    DECLARE
        {used}
        v_found {returns} := (
{body}
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_{name}', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END"""


def _term(term: Term) -> str:
    # PL/pgSQL keeps the plan of its query for the connection; a SQL function would plan it again
    # with each statement. It runs as its caller: under the caller's row-level security.
    query = term.query.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    body = str(query)
    used = [f"{name} {value};" for name, value in VARIABLES.items() if name in body]
    if used and not term.arguments:
        asked = _KEPT.format(
            name=term.name, returns=term.returns, used="\n        ".join(used), body=body
        )
    else:
        asked = f"BEGIN RETURN (\n{body}\n); END"
    return (
        f"CREATE FUNCTION viewer_{term.name}({term.arguments}) RETURNS {term.returns}\n"
        f"LANGUAGE plpgsql STABLE SET search_path = public, pg_temp\n"
        f"AS $$ {asked} $$"
    )


def terms() -> list[str]:
    """Return the DDL of the functions that say who the viewer is, and who it was."""
    ddl = [_term(term) for term in TERMS]
    for term in past.past_terms():
        name = f"past_{term.name}(timestamptz, uuid, uuid)"
        ddl.append(past.term_ddl(term))
        # The web asks the past through ``case_sights`` alone.
        ddl.append(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        ddl.append(f"GRANT EXECUTE ON FUNCTION {name} TO {SYSTEM}")
    return ddl


def function_names() -> list[str]:
    """Return the names of the sanctioned functions, in the order of the file."""
    return re.findall(r"^CREATE FUNCTION (\w+)", functions(), flags=re.MULTILINE)


# What the web may call; the rest is called by triggers and by the worker.
CALLED_BY_APP = (
    "fiscal_year",
    "session_by_token",
    "open_session",
    "touch_session",
    "end_session",
    "sessions_of_viewer",
    "end_session_of_viewer",
    "account_for_login",
    "passkey_for_login",
    "defer_notice",
    "invitations_of",
    "withdraw_invitation",
    "reset_factors",
    "ask_for_reset",
    "link_owner",
    "use_link",
    "without_password",
    "end_other_sessions",
    "note_device",
    "sleeping_account",
    "forget_saved_text",
    "set_password",
    "account_of_address",
    "door_of",
    "managed_references",
    "unread_grants",
    "due_checks",
    "case_sights",
    "newest_reply",
    "thread_by_locator",
    "throttle_failures",
    "throttle_failed",
    "use_once",
    "issuers_offered",
    "issuer_for_sign_on",
    "places_by_subject",
    "session_came_from",
    "lend_session",
    "issuer_leads_to",
    "leads_here",
    "places_by_link",
    "link_by_invitation",
    "machine_secrets_of",
    "issue_machine_token",
    "machine_by_token",
    "worker_seen_at",
    "mail_waits_since",
    "lock_grants",
    "shorten_grant",
    "defer_ends_at_18",
    "emergency_case",
    "begin_emergency_view",
    "mention",
)


def _function_rights() -> list[str]:
    """Return who owns and who may call each function; nobody calls one by default."""
    ddl = [
        f"GRANT USAGE ON SCHEMA public TO {APP}, {SYSTEM}",
        # ALTER … OWNER asks that the new owner may create in the schema.
        f"GRANT CREATE ON SCHEMA public TO {SYSTEM}",
    ]
    signatures = re.findall(
        r"^CREATE FUNCTION (\w+)\s*\(([^)]*)\)", functions(), flags=re.MULTILINE
    )
    for name, arguments in signatures:
        types = ", ".join(part.split()[-1] for part in arguments.split(",") if part.strip())
        ddl.append(f"ALTER FUNCTION {name}({types}) OWNER TO {SYSTEM}")
        ddl.append(f"REVOKE ALL ON FUNCTION {name}({types}) FROM PUBLIC")
        if name in CALLED_BY_APP:
            ddl.append(f"GRANT EXECUTE ON FUNCTION {name}({types}) TO {APP}")
    return ddl


def statements() -> list[str]:
    """Return the DDL of all policies and privileges, in an order that can be executed."""
    ddl = _function_rights() + terms()
    ddl += [line for model in models() for line in _privileges(model)]
    ddl += [line for model in models() for line in _policies(model)]
    return ddl


def script() -> str:
    """Return ``statements`` as one script to read or to freeze in a migration."""
    return ";\n\n".join(statements()) + ";\n"
