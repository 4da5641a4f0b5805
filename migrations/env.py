"""How Alembic runs a migration: on the connection it is given, in one transaction, never waiting.

`flask --app wsgi database prepare` connects as portal_owner and calls Alembic. Migrations hold
frozen SQL and import nothing of ours, so that one written today still means the same in ten years.
"""

from alembic import context

# Where the number of the last migration is kept: away from the tables that the web may read.
SCHEMA = "installation"

connection = context.config.attributes["connection"]
# A lock that is not to be had stops the migration, and not the city's work behind it.
connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
connection.exec_driver_sql("SET LOCAL statement_timeout = '10min'")
context.configure(connection=connection, version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
