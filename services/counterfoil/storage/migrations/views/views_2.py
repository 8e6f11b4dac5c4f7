"""The target of each log: the size that it had when the projector last began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "views_2"
down_revision = "views_1"


def upgrade() -> None:
    """Add the column; the projector sets it when it begins."""
    op.add_column("_positions", sa.Column("target", sa.BigInteger, nullable=False, server_default=sa.text("0")))
