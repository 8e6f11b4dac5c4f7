"""Compares what a start finds published with the database, some files at a time; publishes again what is not right.

The bytes that a file should have follow from the committed tree, so whatever is written here leads to the signed root.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from counterfoil.errors import Unusable
from counterfoil.log.errors import LogError
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, TileRef, encode_bundle, tiles_for
from counterfoil.log.tree import Tree
from counterfoil.ports import LogStore
from counterfoil.published_log import PublishedLog

AT_ONCE: Final = 16  # files; with as many the leaves of 2,048 entries are read

log = logging.getLogger("counterfoil.publisher")


class PublishedCheck:
    """The check of the first `size` entries, as published. `piece` is for the writer's thread."""

    def __init__(self, store: LogStore, published: PublishedLog, size: int) -> None:
        self._store, self._published = store, published
        self._first, self._rest = _first(size), _rest(size)
        self._piece: Sequence[TileRef] = ()
        self._take()

    @property
    def is_done(self) -> bool:
        """Whether everything was compared."""
        return not self._piece

    @property
    def is_due_first(self) -> bool:
        """Whether files are left that the tree reads back, or that the next publication replaces."""
        return any(ref.level > 0 or ref.width < TILE_WIDTH for ref in self._piece)

    def done(self) -> None:
        """The last piece was done: the next one is given out."""
        self._take()

    def piece(self, tree: Tree) -> Callable[[], PublishedCheck]:
        """Compares the next files, or the last ones again, on any thread; raises `Unavailable`, else returns this."""
        wanted = [(ref, _hashes(tree, ref)) for ref in self._piece]

        def compare() -> PublishedCheck:
            for ref, hashes in wanted:
                if hashes:
                    self._compare(ref, hashes)
            return self

        return compare

    def _take(self) -> None:
        self._piece = list(islice(self._first, AT_ONCE)) or list(islice(self._rest, AT_ONCE))

    def _compare(self, ref: TileRef, hashes: bytes) -> None:
        path = ref.path()
        wanted = self._bundle(ref, hashes) if ref.level == ENTRIES else hashes
        if not wanted:
            return
        problem = "does not match the database"
        try:
            if self._published.get(path) == wanted:
                return
        except Unusable:
            problem = "is missing, or cannot be read"
        log.warning("%s/%s %s: it is published again", self._published.place, path, problem)
        self._published.put_again(path, wanted)

    def _bundle(self, ref: TileRef, hashes: bytes) -> bytes:
        """The bundle of the entries with these leaves; none if the database does not have them any more."""
        first = ref.index * TILE_WIDTH
        problem: object = "they do not hash to their leaves"
        try:
            entries = self._store.entries(first, first + ref.width)
            if b"".join(map(leaf_hash, entries)) == hashes:
                return encode_bundle(entries)
        except Unusable as raised:
            problem = raised
        last, place = first + ref.width - 1, self._published.place
        log.warning("%s: entries %d to %d are damaged in the database: %s", place, first, last, problem)
        return b""


def _first(size: int) -> Iterator[TileRef]:
    """Tiles above level 0, and what is partial."""
    full, width = divmod(size, TILE_WIDTH)
    for ref in tiles_for(0, full):
        if ref.level != ENTRIES:
            yield TileRef(ref.level + 1, ref.index, ref.width)
    if width:
        yield TileRef(ENTRIES, full, width)
        yield TileRef(0, full, width)


def _rest(size: int) -> Iterator[TileRef]:
    """Bundles and tiles of 256 entries."""
    for index in range(size >> TILE_HEIGHT):
        yield TileRef(ENTRIES, index)
        yield TileRef(0, index)


def _hashes(tree: Tree, ref: TileRef) -> bytes:
    """The hashes of a tile, or those of a bundle's entries; none if the database does not have them any more."""
    try:
        return tree.tile(max(0, ref.level), ref.index, ref.width)
    except (LogError, Unusable) as problem:
        log.warning("%s cannot be compared with the database: %s", ref.path(), problem)
        return b""
