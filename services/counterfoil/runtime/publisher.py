"""Writes the public form of a log: tiles and entry bundles first, the signed checkpoint last.

Everything comes from the committed log, so a crash at any point is mended by publishing again; what is published is
never changed, and never more than what is committed.
"""

from __future__ import annotations

from typing import Final

from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import ProofError
from counterfoil.log.signer import Signer
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, encode_bundle, tile_path, tiles_for
from counterfoil.log.tree import Tree
from counterfoil.ports import LogStore, PublishedLog, StoreConflict

_INTERVAL: Final = 250_000  # microseconds between checkpoints while there is traffic
_SOON: Final = 16_384  # entries that may wait for a checkpoint at most


class Publisher:
    """Publishes one log up to its committed head."""

    def __init__(self, origin: str, store: LogStore, published: PublishedLog, signer: Signer) -> None:
        self._origin, self._store, self._published, self._signer = origin, store, published, signer
        self._last = 0
        self._head = self._read_head()

    def published_size(self) -> int:
        """How many entries the published checkpoint covers."""
        return self._head.size if self._head is not None else 0

    def read_tile(self, level: int, index: int) -> bytes:
        """A full tile as published."""
        return self._published.get(tile_path(level, index))

    def check(self, tree: Tree) -> None:
        """Raises `ProofError` unless the published checkpoint is on the history that the database holds."""
        head = self._head
        if head is not None and (head.size > tree.size or tree.root_at(head.size) != head.root):
            raise ProofError(f"{self._origin}: what is published at size {head.size} is not what is committed")

    def maybe_publish(self, tree: Tree, now: int) -> bool:
        """Publish what is new once an interval has passed, or when it is a long way behind; whether it did."""
        behind = tree.size - self.published_size()
        if not behind or (behind < _SOON and 0 <= now - self._last < _INTERVAL):
            return False
        self.publish(tree)
        self._last = now
        return True

    def publish(self, tree: Tree) -> None:
        """Bring the published log up to the committed head. Raises `StoreConflict` if that is another writer's."""
        head = self._store.head()
        if head is None or head.size == self.published_size():
            return
        if head.size != tree.size:
            raise StoreConflict(f"{self._origin}: the log has {head.size} entries, this writer knows of {tree.size}")
        refs = list(tiles_for(self.published_size(), head.size))
        for ref in refs:
            if ref.level == ENTRIES:
                first = ref.index * TILE_WIDTH
                data = encode_bundle(self._store.entries(first, first + ref.width))
            else:
                data = tree.tile(ref.level, ref.index, ref.width)
            self._published.put(ref.path(), data)
        self._published.replace_checkpoint(head.note)
        self._published.remember(self._signer.memory())
        self._head = Checkpoint(self._origin, head.size, head.root)
        for ref in refs:
            if ref.width == TILE_WIDTH:  # only now does no published checkpoint need its partial versions
                self._published.drop_partials(ref.path())
        tree.release(head.size)

    def _read_head(self) -> Checkpoint | None:
        note = self._published.checkpoint()
        return None if note is None else open_checkpoint(note, [self._signer.verify_key])
