"""The webhooks of all parties: what they are sent, where to, and how far that is done."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "sessions_2"
down_revision = "sessions_1"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "webhooks",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("party_id", _TEXT, nullable=False),
        sa.Column("slot", sa.SmallInteger, nullable=False),
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("types", _TEXT, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("positions", _TEXT, nullable=False),
        sa.Column("old_secret", sa.LargeBinary, nullable=False),
        sa.Column("old_until", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("paused", _TEXT, nullable=False),
        sa.Column("last_id", _TEXT, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("last_status", _TEXT, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("failing_since", sa.BigInteger, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("tested_at", sa.BigInteger, nullable=False),
        sa.Column("holder", _TEXT, nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("party_id", "slot", name="webhooks_slot"),
    )
    op.create_index("webhooks_by_holder", "webhooks", ["holder"])
