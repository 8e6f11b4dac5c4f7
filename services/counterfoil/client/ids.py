"""Command ids: UUID version 7 (RFC 9562), so that they rise with time and never collide."""

from __future__ import annotations

from uuid_utils import uuid7


def new_command_id() -> str:
    """A fresh id from this machine's clock and randomness. Keep it with the command: it makes a repeat harmless."""
    return str(uuid7())
