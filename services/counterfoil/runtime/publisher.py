"""Writes the public form of a log: tiles and entry bundles first, the signed checkpoint last.

Everything comes from the committed log, so a crash at any point is mended by publishing again; what is published is
never changed, and never more than what is committed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Final

from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import ProofError
from counterfoil.log.signer import Signer
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, TileRef, encode_bundle, tile_path, tiles_for
from counterfoil.log.tree import Tree
from counterfoil.ports import Head, LogStore, PublishedLog, StoreConflict, Unavailable

_INTERVAL: Final = 250_000  # microseconds between checkpoints while there is traffic
_SOON: Final = 16_384  # entries that wait for a checkpoint no longer than for the one under way
_PATIENCE: Final = 15.0  # seconds for a checkpoint's files to be written
_ABANDONED_AFTER: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class _Publication:
    """What is to be written up to a committed head, but for the entries, which the store has."""

    head: Head
    tiles: Sequence[tuple[TileRef, bytes]]
    memory: bytes


class Publisher:
    """Publishes one log up to its committed head."""

    def __init__(self, origin: str, store: LogStore, published: PublishedLog, signer: Signer) -> None:
        self._origin, self._store, self._published, self._signer = origin, store, published, signer
        self.background = False
        """Whether `maybe_publish` waits for no disk; then what is published when depends on the machine."""
        self._under_way: Future[Head] | None = None
        self._since = 0.0  # when that was begun
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
        """Publish what is new once an interval has passed, or when it is a long way behind; whether more is published.

        In the background it is found to be published, or to have failed, by a later call. Raises what `publish` does,
        what writing raised, and `Unavailable` where the disk has not taken it for long.
        """
        if self._under_way is not None and not self._under_way.done():
            if time.monotonic() - self._since > _PATIENCE:
                raise Unavailable(f"{self._origin}: its files have not been written for {_PATIENCE:.0f} s")
            return False
        before = self.published_size()
        self.settle(tree)
        behind = tree.size - self.published_size()
        if behind and (behind >= _SOON or not 0 <= now - self._last < _INTERVAL):
            self._begin(tree, self.background)
            self._last = now
            if not self.background:
                self.settle(tree)
        return self.published_size() > before

    def publish(self, tree: Tree) -> None:
        """Bring the published log up to the committed head. Raises `StoreConflict` if that is another writer's."""
        with suppress(Exception):  # what failed in the background is done again here, and fails again if it must
            self.settle(tree)
        self._begin(tree, background=False)
        self.settle(tree)

    def settle(self, tree: Tree) -> None:
        """Wait for what is under way. Raises what it raised."""
        future, self._under_way = self._under_way, None
        if future is not None:
            head = future.result()
            self._head = Checkpoint(self._origin, head.size, head.root)
            tree.release(head.size)

    def abandon(self) -> None:
        """Wait for what is under way, whatever comes of it, for a few seconds: what comes later does no harm."""
        self._let_go(_ABANDONED_AFTER)

    def begin_again(self) -> None:
        """Leave nothing under way, and look at what is published."""
        self._let_go(None)
        self._head = self._read_head()

    def _let_go(self, within: float | None) -> None:
        future, self._under_way = self._under_way, None
        if future is not None:
            wait([future], within)

    def _begin(self, tree: Tree, background: bool) -> None:
        head = self._store.head()
        if head is None or head.size == self.published_size():
            return
        if head.size != tree.size:
            raise StoreConflict(f"{self._origin}: the log has {head.size} entries, this writer knows of {tree.size}")
        refs = tiles_for(self.published_size(), head.size)
        tiles = [(ref, b"" if ref.level == ENTRIES else tree.tile(ref.level, ref.index, ref.width)) for ref in refs]
        work, done = _Publication(head, tiles, self._signer.memory()), Future[Head]()
        if not (background and self._beside(work, done)):
            self._run(work, done)
        self._under_way, self._since = done, time.monotonic()

    def _beside(self, work: _Publication, done: Future[Head]) -> bool:
        """Whether there is a thread for it."""
        try:
            Thread(target=self._run, args=(work, done), name="counterfoil-publish").start()
        except RuntimeError:  # the machine has none left
            return False
        return True

    def _run(self, work: _Publication, done: Future[Head]) -> None:
        try:
            self._write(work)
            done.set_result(work.head)
        except BaseException as problem:  # noqa: BLE001 it is raised where the outcome is asked for
            done.set_exception(problem)

    def _write(self, work: _Publication) -> None:
        for ref, tile in work.tiles:
            self._published.put(ref.path(), tile or self._bundle(ref))
        self._published.replace_checkpoint(work.head.note)
        self._published.remember(work.memory)
        for ref, _ in work.tiles:
            if ref.width == TILE_WIDTH:  # only now does no published checkpoint need its partial versions
                self._published.drop_partials(ref.path())

    def _bundle(self, ref: TileRef) -> bytes:
        first = ref.index * TILE_WIDTH
        return encode_bundle(self._store.entries(first, first + ref.width))

    def _read_head(self) -> Checkpoint | None:
        note = self._published.checkpoint()
        return None if note is None else open_checkpoint(note, [self._signer.verify_key])
