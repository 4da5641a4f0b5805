"""The whole schema as one script: tables, functions, policies. Migrations freeze what it prints."""

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from portal.models import Base
from portal.policy import past, rls
from portal.policy.viewer import TERMS

CLOCK = """CREATE FUNCTION portal_clock() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT now() $$"""


def up() -> str:
    """Return the SQL that makes an empty schema into today's."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    parts = [f"{CLOCK};"]
    for table in Base.metadata.sorted_tables:
        parts.append(str(CreateTable(table).compile(dialect=dialect)).strip() + ";")
        parts += [
            str(CreateIndex(index).compile(dialect=dialect)).strip() + ";"
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    parts += [rls.functions(), rls.script()]
    return "\n\n".join(parts)


def down() -> str:
    """Return the SQL that takes today's schema away again."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    # Policies go with their tables; they are dropped first, because one table's policy reads
    # another table.
    policies = [
        f"DROP POLICY IF EXISTS {name} ON {model.__tablename__};"
        for model in rls.models()
        for name in ("system", "visible", "inserted", "updated")
    ]
    tables = [
        str(DropTable(table).compile(dialect=dialect)).strip() + ";"
        for table in reversed(Base.metadata.sorted_tables)
    ]
    names = [
        *(f"viewer_{term.name}" for term in TERMS),
        *(f"past_{term.name}" for term in past.past_terms()),
        *rls.function_names(),
        "portal_clock",
    ]
    functions = [f"DROP FUNCTION {name};" for name in names]
    return "\n".join([*policies, *tables, *functions])
