"""Signed commands whose outcome is not known yet, kept as they were sent: to send one again is always safe.

A command is written here before it is sent and removed once its outcome is known. The file's name is the command's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from counterfoil.contract.canonical import Refused
from counterfoil.contract.envelope import open_envelope
from counterfoil.contract.limits import MAX_ENVELOPE_BYTES
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Header
from counterfoil.contract.wire import UNREADABLE, reader
from counterfoil.errors import BadPrivateFile, CounterfoilError
from counterfoil.owned import check_owned
from counterfoil.private_files import create_private, open_regular
from counterfoil.words import codec_at

_SUFFIX: Final = ".json"


class _Audience(msgspec.Struct):
    aud: str


_read_audience: Final = reader(_Audience)


class Damaged(CounterfoilError):
    """A file of an outbox holds no command."""


class Kept(NamedTuple):
    """A command whose outcome is not known: its DSSE envelope, and the header and commands inside."""

    envelope: bytes
    header: Header
    bodies: tuple[Command, ...]


class Outbox:
    """The commands in `directory`, which is made at first use. Several processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        """Raises `BadPrivateFile` if others can change the directory."""
        check_owned(directory)
        self.directory = directory

    def keep(self, envelope: bytes) -> Kept:
        """Keep a command that is about to be sent. Raises FileExistsError if one with its id is here; OSError."""
        kept = _opened(envelope)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_private(self._path(kept.header.command_id), envelope)
        return kept

    def settle(self, command_id: str) -> None:
        """The outcome is known. Idempotent."""
        self._path(command_id).unlink(missing_ok=True)

    def find(self, command_id: str) -> Kept | None:
        """The command with this id, None if there is none. Raises `Damaged`, OSError."""
        path = self._path(command_id)
        with suppress(FileNotFoundError):
            try:
                with open_regular(path) as file:
                    kept = _opened(file.read(MAX_ENVELOPE_BYTES + 1))
            except BadPrivateFile as problem:
                raise Damaged(f"{problem}: remove it; it holds no command") from problem
            except Refused as problem:
                raise Damaged(
                    f"{path} holds no command ({problem.refusal.code}): remove it; it was cut off before it was sent"
                ) from problem
            if kept.header.command_id != command_id:
                raise Damaged(f"{path} holds another command, {kept.header.command_id}: remove it")
            return kept
        return None

    def all(self, damaged: list[Damaged] | None = None) -> Iterator[Kept]:
        """All of them, oldest first. Files that hold no command are added to `damaged`, if it is given.

        Raises `Damaged` if it is not, OSError.
        """
        for path in sorted(self.directory.glob(f"*{_SUFFIX}")):
            try:
                found = self.find(path.stem)
            except Damaged as problem:
                if damaged is None:
                    raise
                damaged.append(problem)
                continue
            if found is not None:
                yield found

    def _path(self, command_id: str) -> Path:
        return self.directory / f"{command_id}{_SUFFIX}"


def _opened(envelope: bytes) -> Kept:
    """Raises `Refused`."""
    payload, signature = open_envelope(envelope)
    try:
        audience = _read_audience(payload).aud
    except UNREADABLE as problem:
        raise Refused(Code.MALFORMED, member="aud", reason="not readable") from problem
    opened = codec_at(audience).decode_payload(payload, signature)
    return Kept(envelope, opened.header, opened.bodies)
