"""A signed payload as parsed: the header that every payload carries, and the bodies of its commands."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.record import Command, record
from counterfoil.contract.scalars import CommandId, Count, Digest, Id, KeyId, Origin, Time, Version

BATCH: Final = "batch"


@record
class Seen:
    """The last checkpoint of this log that the author saw. A log that forks must keep every author on one side."""

    size: Count
    root: Digest


@record
class Header:
    """What every signed payload carries besides its body."""

    type: str
    v: Version
    aud: Origin
    actor: Id
    key_id: KeyId
    command_id: CommandId
    issued_at: Time
    expires_at: Time
    seen: Seen | None


@record
class Submission:
    """A signed payload as parsed: one command, or a batch of commands under one signature.

    Its identity is (actor, command_id) of the header with `content`, SHA-256 of the payload. `bodies` holds one body
    for a single command and, for a batch, one per command, decided in order, each with its own outcome.
    """

    header: Header
    payload: bytes
    signature: bytes
    content: bytes
    bodies: tuple[Command, ...]

    @property
    def batch(self) -> bool:
        """Whether the payload is of type ``batch``."""
        return self.header.type == BATCH
