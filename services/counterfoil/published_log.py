"""The port of a published log: the files that everybody reads. `tests/conformance` holds its adapters to it."""

from __future__ import annotations

from typing import Protocol


class PublishedReader(Protocol):
    """A published log: C2SP tlog-tiles files below one directory, which another process may be writing.

    Every method raises `Unavailable` for a transient fault of the disk, `Unusable` for a permanent one.
    """

    @property
    def place(self) -> str:
        """Its name in messages."""

    def get(self, path: str) -> bytes:
        """A file's bytes. What a published checkpoint covers is there: raises `Unusable` for a missing file."""

    def checkpoint(self) -> bytes | None:
        """The published checkpoint note, None before the first."""


class PublishedLog(PublishedReader, Protocol):
    """The same for the publisher.

    A tile, once written, never changes: `put` of other bytes at a path that exists raises `PublishedDiffers`, of the
    same bytes does nothing. A file is complete or absent, even after a crash while it is written. In every method that
    writes, a fault of the disk is `Unavailable`, and so is another writer that is at work at the same time.
    """

    def put(self, path: str, data: bytes) -> None:
        """Write a tile or bundle durably. Raises `PublishedDiffers`, `Unavailable`."""

    def put_again(self, path: str, data: bytes) -> None:
        """Write a tile or bundle that is missing, or in place of other bytes. Raises `Unavailable`."""

    def drop_partials(self, path: str) -> None:
        """Remove the partial versions of a tile that is full now."""

    def replace_checkpoint(self, note: bytes) -> None:
        """Publish a newer checkpoint, atomically; everything it covers is published already.

        Raises `StoreConflict` if a later one is published: another writer has taken over.
        """

    def signer_memory(self) -> bytes | None:
        """The signer's last state for this log, stored apart from the database."""

    def remember(self, memory: bytes) -> None:
        """Store the signer's memory. After a power loss it may be older than the database, never newer."""


class PublishedDiffers(Exception):
    """Different bytes are published at this path: the log directory and the database do not belong together."""
