"""The writer's sign of life, and what it waits for: one row beside the head, not part of the log."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "log_2"
down_revision = "log_1"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create it, empty."""
    op.create_table(
        "presence",
        sa.Column("one", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("alive", sa.BigInteger, nullable=False),
        sa.Column("code", _TEXT, nullable=False),
        sa.Column("text", _TEXT, nullable=False),
        sa.Column("asked", sa.BigInteger),
        sa.Column("accepted", sa.BigInteger),
        sa.CheckConstraint("one = 1", name="presence_one"),
    )
