"""Writes the public form of a log: tiles and entry bundles first, the signed checkpoint last.

Everything comes from the committed log, so after a crash at any point publishing again completes it. What is published
never changes, and never runs ahead of what is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.errors import ProofError
from counterfoil.log.signer import Signer
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, TileRef, encode_bundle, tiles_for
from counterfoil.log.tree import Tree
from counterfoil.ports import Head, LogStore, StoreConflict, Unavailable
from counterfoil.published_log import PublishedLog
from counterfoil.runtime.background import Background
from counterfoil.runtime.committed_tree import load_tree, published_head, tile_reader
from counterfoil.runtime.os_errors import classified
from counterfoil.runtime.published_check import PublishedCheck
from counterfoil.runtime.standstill import Standstill, standstill_of

_INTERVAL: Final = 250_000  # microseconds between checkpoints while there is traffic
_MAX_BACKLOG: Final = 16_384  # with this many unpublished entries the next checkpoint does not wait for the interval
_RETRY: Final = 1_000_000  # microseconds after a failure
_WRITE_TIMEOUT: Final = 15.0  # seconds after which a write under way counts as a failure
_ABANDONED_AFTER: Final = 5.0  # seconds

log = logging.getLogger("counterfoil.publisher")


@dataclass(frozen=True, slots=True)
class _Publication:
    """The work to publish up to a committed head; the entries' bytes are read from the store."""

    head: Head
    tiles: Sequence[tuple[TileRef, bytes]]
    memory: bytes


class Publisher:
    """Publishes one log up to its committed head."""

    _head: Checkpoint | None
    """As published."""

    def __init__(self, origin: str, store: LogStore, published: PublishedLog, signer: Signer) -> None:
        self._origin, self._store, self._published, self._signer = origin, store, published, signer
        self.background = False
        """Whether writing is done on a background thread; publication times then depend on the machine."""
        self.trouble: Standstill | None = None
        """Why the last attempt failed, with the path; None once one has succeeded. Any thread may read it."""
        self._writing = Background[Head | PublishedCheck]("counterfoil-publish")
        self._last = self._compared = 0
        self._read_published()

    def published_size(self) -> int:
        """How many entries the published checkpoint covers."""
        return self._head.size if self._head is not None else 0

    def load_tree(self, head: Head | None) -> Tree:
        """The tree of the committed head. Raises as `committed_tree.load_tree`."""
        if head is None:
            return Tree(tile_reader(self._store, self._published))
        return load_tree(head, self._store, self._published, self.published_size())

    def check(self, tree: Tree) -> None:
        """Raises `ProofError` unless the published checkpoint is on the history that the database holds."""
        head = self._head
        if head is not None and (head.size > tree.size or tree.root_at(head.size) != head.root):
            raise ProofError(f"{self._origin}: what is published at size {head.size} is not what is committed")

    def maybe_publish(self, tree: Tree, now: int) -> bool:
        """Publish once the interval has passed or the backlog is large; True if a newer checkpoint was published.

        Otherwise compare a part of what was found published, if it is time, and publish again what is not right.
        In the background, a later call returns the result. A failure that may pass is kept as `trouble`, and a later
        call tries again: nothing but readers waits for the files. Raises any other failure, and what `publish` raises
        because of the store.
        """
        if self._is_writing():
            return False
        before = self.published_size()
        self._settle_if_possible(tree)
        behind = tree.size - self.published_size()
        due = self._is_due(now, self._last) or (behind >= _MAX_BACKLOG and not self.trouble)
        if behind and due and not self._check.is_due_first:
            self._last = now
            self._begin(tree, self.background)
        elif not self._check.is_done and self._is_due(now, self._compared):
            self._compared = now
            self._writing.begin(self._check.piece(tree), on_thread=self.background)
        if not self.background:
            self._settle_if_possible(tree)
        return self.published_size() > before

    def _is_due(self, now: int, since: int) -> bool:
        return not 0 <= now - since < (_RETRY if self.trouble else _INTERVAL)

    def _is_writing(self) -> bool:
        if not self._writing.is_running():
            return False
        if self._writing.seconds() > _WRITE_TIMEOUT:
            self.trouble = standstill_of(self._hangs())
        return True

    def _hangs(self) -> Unavailable:
        return Unavailable(f"{self._published.place}: nothing could be written for {_WRITE_TIMEOUT:.0f} s")

    def _settle_if_possible(self, tree: Tree) -> None:
        try:
            self.settle(tree)
        except (Unavailable, OSError) as raised:
            problem = classified(raised)
            if not isinstance(problem, Unavailable):
                raise problem from raised
            trouble = standstill_of(problem)
            if trouble != self.trouble:
                log.warning("%s: cannot be published, trying again: %s", self._origin, problem)
            self.trouble = trouble

    def publish(self, tree: Tree) -> None:
        """Publish up to the committed head. Raises `StoreConflict` if another writer moved the head.

        In the background it waits for that, some seconds at most: raises `Unavailable` if the write does not end.
        """
        if not self._writing.wait(_WRITE_TIMEOUT):
            raise self._hangs()
        with suppress(Exception):  # a background failure is retried here, and raises here if it persists
            self.settle(tree)
        while self._check.is_due_first:
            self._writing.begin(self._check.piece(tree), on_thread=self.background)
            self.settle(tree)
        self._begin(tree, self.background)
        self.settle(tree)

    def settle(self, tree: Tree) -> None:
        """Wait some seconds for the write under way. Raises what it raised; `Unavailable` if it does not end."""
        if not self._writing.wait(_WRITE_TIMEOUT):
            raise self._hangs()
        outcome = self._writing.take()
        if outcome is None:
            return
        self.trouble = None
        if isinstance(outcome, PublishedCheck):
            outcome.done()
        else:
            self._head = Checkpoint(self._origin, outcome.size, outcome.root)
            tree.release(outcome.size)

    def abandon(self) -> None:
        """Wait a few seconds for the background write; ending later is harmless."""
        self._writing.wait(_ABANDONED_AFTER)

    def reset(self) -> None:
        """Wait a few seconds for the background write, then read the published checkpoint again."""
        if self._writing.wait(_ABANDONED_AFTER):
            with suppress(Exception):  # what is published is read
                self._writing.take()
        self._read_published()

    def _begin(self, tree: Tree, background: bool) -> None:
        head = self._store.head()
        if head is None or head.size == self.published_size():
            return
        if head.size != tree.size:
            raise StoreConflict(f"{self._origin}: the log has {head.size} entries, this writer knows of {tree.size}")
        refs = tiles_for(self.published_size(), head.size)
        tiles = [(ref, b"" if ref.level == ENTRIES else tree.tile(ref.level, ref.index, ref.width)) for ref in refs]
        work = _Publication(head, tiles, self._signer.memory())
        self._writing.begin(lambda: self._write(work), on_thread=background)

    def _write(self, work: _Publication) -> Head:
        for ref, tile in work.tiles:
            self._published.put(ref.path(), tile or self._bundle(ref))
        self._published.replace_checkpoint(work.head.note)
        self._published.remember(work.memory)
        for ref, _ in work.tiles:
            if ref.width == TILE_WIDTH:  # from now on no published checkpoint needs its partial versions
                self._published.drop_partials(ref.path())
        return work.head

    def _bundle(self, ref: TileRef) -> bytes:
        first = ref.index * TILE_WIDTH
        return encode_bundle(self._store.entries(first, first + ref.width))

    def _read_published(self) -> None:
        self._head = published_head(self._published, self._signer.verify_key)
        self._check = PublishedCheck(self._store, self._published, self.published_size())
