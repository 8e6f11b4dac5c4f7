"""Reads published log directories: C2SP tlog-tiles files, a checkpoint and the log's verifier key in ``vkey``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from counterfoil.log.tiles import tile_path


class CannotAudit(Exception):
    """There is nothing to audit here; the message says what is missing."""


class LogFiles:
    """One published log."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = "/".join(root.parts[-2:])
        """`root`: a directory ``.../SERVICE/SHARD``, which names the log; the checkpoint has its origin."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises FileNotFoundError."""
        return (self.root / path).read_bytes()

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """The bytes of a tile; raises FileNotFoundError."""
        return self.read(tile_path(level, index, width))

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self.root / path).exists()

    def paths(self) -> Iterator[str]:
        """Every file below the log, as relative paths in a fixed order."""
        for path in sorted(self.root.rglob("*")):
            if not path.is_dir() or path.is_symlink():
                yield path.relative_to(self.root).as_posix()


def find_logs(directory: Path) -> list[LogFiles]:
    """The logs published below a directory: itself, ``SERVICE/SHARD`` or ``logs/SERVICE/SHARD``.

    Raises `CannotAudit` if there is none.
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
    return [LogFiles(path) for path in found]
