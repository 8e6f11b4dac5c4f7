"""The bookkeeping of a view database: how far each log is projected, and the definitions that its tables were made by.

The row of `_meta` is there from the beginning, so that there is always one to lock; nothing has its fingerprint.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "views_1"
down_revision = None

_NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "_positions",
        sa.Column("origin", _NAME, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.CheckConstraint("position >= 0", name="positions_position"),
    )
    meta = op.create_table("_meta", sa.Column("fingerprint", _NAME, primary_key=True))
    op.bulk_insert(meta, [{"fingerprint": ""}])
