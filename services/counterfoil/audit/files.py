"""Reads published log directories: C2SP tlog-tiles files, a checkpoint and the log's verifier key in ``vkey``.

A writer may be publishing there. The checkpoint is read once, and all else is read as of it: a partial tile may be gone
as soon as the full one is there (C2SP tlog-tiles), and then its hashes or entries are the first of those.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath

from counterfoil.contract.services import CONSUMERS_FIRST
from counterfoil.log.merkle import HASH_BYTES
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, UNFINISHED, TileRef, decode_bundle, decode_tile


class CannotAudit(Exception):
    """There is nothing to audit here; the message says what is missing."""


class LogFiles:
    """One published log."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = "/".join(root.parts[-2:])
        """`root`: a directory ``.../SERVICE/SHARD``, which names the log; the checkpoint has its origin."""

    @cached_property
    def checkpoint(self) -> bytes:
        """The checkpoint's note, as it was when this was first asked for. Raises OSError."""
        return self.read("checkpoint")

    def read(self, path: str) -> bytes:
        """A file's bytes; raises FileNotFoundError."""
        return (self.root / path).read_bytes()

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """The hashes of a tile, out of the full one if there is no partial one; raises OSError, `FormatError`."""
        data, found = self._read_ref(TileRef(level, index, width))
        if found != width:
            decode_tile(data, found)
            return data[: width * HASH_BYTES]
        return data

    def read_bundle(self, index: int, width: int) -> list[bytes]:
        """The entries of a bundle, out of the full one if there is no partial one; raises OSError, `FormatError`."""
        data, found = self._read_ref(TileRef(ENTRIES, index, width))
        return decode_bundle(data, found)[:width]

    def _read_ref(self, ref: TileRef) -> tuple[bytes, int]:
        """The bytes of a tile or bundle, and the width of the file that they are from."""
        try:
            return self.read(ref.path()), ref.width
        except FileNotFoundError as missing:
            try:
                return self.read(TileRef(ref.level, ref.index).path()), TILE_WIDTH
            except FileNotFoundError:
                raise missing from None

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self.root / path).exists()

    def was_replaced(self, ref: TileRef) -> bool:
        """Whether this partial tile or bundle is gone because the full one is there."""
        return ref.width < TILE_WIDTH and not self.has(ref.path()) and self.has(TileRef(ref.level, ref.index).path())

    def paths(self) -> Iterator[str]:
        """Every file below the log, as relative paths in a fixed order; what its writer is working on is left out."""
        found = []
        for folder, below, files in os.walk(self.root):  # folders may go meanwhile
            here = Path(folder).relative_to(self.root)
            links = [name for name in below if (self.root / here / name).is_symlink()]
            found += [here / name for name in (*files, *links)]
        for path in sorted(found):
            if not path.parts[0].startswith(UNFINISHED):
                yield PurePosixPath(path).as_posix()


def find_logs(directory: Path) -> list[LogFiles]:
    """The logs published below a directory: itself, ``SERVICE/SHARD`` or ``logs/SERVICE/SHARD``.

    Their checkpoints have been read, those of consumers first, so that they fit together while the logs grow. Raises
    `CannotAudit` if there is none.
    """
    if not directory.is_dir():
        raise CannotAudit(f"{directory} is not a directory")
    directory = directory.resolve()
    base = directory / "logs" if (directory / "logs").is_dir() else directory
    found = sorted(path.parent for path in base.glob("*/*/checkpoint"))
    if (base / "checkpoint").exists():
        found = [base]
    if not found:
        raise CannotAudit(f"no published log in {directory}: expected SERVICE/SHARD/checkpoint below it")
    logs = [LogFiles(path) for path in found]
    for log in sorted(logs, key=_place):
        with suppress(OSError):  # whoever opens the log says so
            _ = log.checkpoint
    return logs


def _place(log: LogFiles) -> int:
    service = log.root.parts[-2]
    return CONSUMERS_FIRST.index(service) if service in CONSUMERS_FIRST else -1
