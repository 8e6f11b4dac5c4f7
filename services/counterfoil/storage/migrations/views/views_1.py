"""The positions of a view database, per log, and the fingerprint of the definitions that its tables were created from.

The row of `_meta` exists from the start, so that there is always one to lock; its first fingerprint matches nothing.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "views_1"
down_revision = None

_NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "_positions",
        sa.Column("origin", _NAME, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.CheckConstraint("position >= 0", name="positions_position"),
    )
    meta = op.create_table("_meta", sa.Column("fingerprint", _NAME, primary_key=True))
    op.bulk_insert(meta, [{"fingerprint": ""}])
