"""${message}."""

from pathlib import Path

from alembic import op

revision = "${up_revision}"
down_revision = "${down_revision}"


def upgrade() -> None:
    _run("up")


def downgrade() -> None:
    _run("down")


def _run(direction: str) -> None:
    script = Path(__file__).with_suffix(f".{direction}.sql").read_text(encoding="utf-8")
    # By the driver itself, which sends a script of many statements as it is.
    op.get_bind().connection.cursor().execute(script)
