"""The sessions of all parties: who may read until when, by the hash of a token."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "sessions_1"
down_revision = None

_NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("party_id", _NAME, nullable=False),
        sa.Column("key_id", _NAME, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("guarded_until", sa.BigInteger, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("party_id", "nonce", name="sessions_nonce"),
        sa.CheckConstraint("length(digest) = 32", name="sessions_digest"),
    )
    op.create_index("sessions_by_expiry", "sessions", ["expires_at"])
