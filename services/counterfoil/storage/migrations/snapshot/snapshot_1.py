"""The records of a log's state, and how many entries they follow; zero for none.

The row of `_snapshot` exists from the start, so that there is always one to lock.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "snapshot_1"
down_revision = None

_NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create them."""
    snapshot = op.create_table(
        "_snapshot",
        sa.Column("one", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.CheckConstraint("one = 1", name="snapshot_one"),
        sa.CheckConstraint("size >= 0", name="snapshot_size"),
    )
    op.bulk_insert(snapshot, [{"one": 1, "size": 0}])
    op.create_table(
        "_state",
        sa.Column("key", _NAME, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
