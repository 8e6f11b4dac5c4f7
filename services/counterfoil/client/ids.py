"""Command ids: UUID version 7 (RFC 9562), so that they rise with time and never collide."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from uuid_utils import uuid7


def new_command_id() -> str:
    """A fresh id from this machine's clock and randomness. Keep it with the command: it makes a repeat harmless."""
    return str(uuid7())


def command_id_of(party_id: str, words: str) -> str:
    """The id of the command that a party names by these words: the same words give the same id, on every machine.

    It has the form of version 7, with digits of a hash instead of time and chance.
    """
    digits = int.from_bytes(sha256(f"{party_id}\n{words}".encode()).digest()[:16])
    return str(UUID(int=digits & ~(0xF << 76) & ~(0b11 << 62) | 7 << 76 | 0b10 << 62))
