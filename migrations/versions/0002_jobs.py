"""The queue of background jobs, in a schema of its own (procrastinate 3.10, MIT licence)."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _run("up")


def downgrade() -> None:
    _run("down")


def _run(direction: str) -> None:
    script = Path(__file__).with_suffix(f".{direction}.sql").read_text(encoding="utf-8")
    # By the driver itself, which sends a script of many statements as it is.
    op.get_bind().connection.cursor().execute(script)
