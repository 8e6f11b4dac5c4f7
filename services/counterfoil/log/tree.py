"""The writer's RFC 6962 tree: append-only, one writer, memory flat in the length of the log.

For every height there is one row of hashes of complete subtrees, from `base` to the right edge. A stored hash never
changes, so a staged batch is simply written ahead of the tree's size, proofs for any size see only their own nodes, and
abandoning a batch means cutting the rows back. What lies below `base` has been released to published full tiles and is
read back through a callback, checked against the hash above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from counterfoil.contract.ensure import ensure
from counterfoil.log.errors import ProofError
from counterfoil.log.merkle import HASH_BYTES, complete_rows, parents, range_root, root_of
from counterfoil.log.prover import Prover
from counterfoil.log.tilecache import TILES_MAX, ReadFullTile, TileCache
from counterfoil.log.tiles import TILE_HEIGHT, TILE_WIDTH, decode_tile


class Staged(NamedTuple):
    """The head that the tree will have once the staged batch is accepted."""

    size: int
    root: bytes


class Tree(Prover):
    """An append-only RFC 6962 tree for one writer; not for use from two threads at once.

    `read_tile(level, index)` returns the 8,192 bytes of a published full tile. It is called only for tiles below the
    size last given to `release` (or below `tail_start` of `load`). A tile that does not hash to the tree's own node
    above it raises `ProofError`.

    Roots, frontiers and proofs are answered for every size up to the staged one, so that a signer can be shown a
    consistency proof before the batch is committed.
    """

    def __init__(self, read_tile: ReadFullTile) -> None:
        """Start with the empty tree."""
        self._rows: list[list[bytes]] = [[]]
        self._base: list[int] = [0]
        self._size = 0
        self._root: bytes | None = None  # of the accepted leaves, if it was computed
        self._staged: Staged | None = None
        self._read_tile = read_tile
        self._cache = TileCache(read_tile, self._node)

    @classmethod
    def load(cls, size: int, read_tile: ReadFullTile, tail_leaves: Sequence[bytes], tail_start: int) -> Tree:
        """The tree of `size` leaves from its full tiles below `tail_start` and the leaf hashes from there on.

        `tail_start` is a multiple of 256. At most 255 tiles per level are read, and they are not verified here: the
        caller compares `root()` with the root it committed. Raises `ProofError` if the tail does not fit `size`,
        `FormatError` for a tile of another length.
        """
        ensure(tail_start >= 0 and tail_start % TILE_WIDTH == 0, f"tail start {tail_start} is not a tile boundary")
        if tail_start + len(tail_leaves) != size:
            raise ProofError(f"{len(tail_leaves)} leaves from {tail_start} on do not make a tree of size {size}")
        tree = cls(read_tile)
        tree._size = tail_start
        tree._rows, tree._base = [], []
        level, count = 0, tail_start  # count: complete entries of this tile level
        while count or not level:
            first = count & -TILE_WIDTH
            hashes = [tree._root_of_tile(level - 1, index) for index in range(first, count)]
            rows = complete_rows(hashes)
            tree._rows += rows + [[] for _ in range(TILE_HEIGHT - len(rows))]
            tree._base += [first >> row for row in range(TILE_HEIGHT)]
            level, count = level + 1, count >> TILE_HEIGHT
        tree.append(tail_leaves)
        return tree

    @property
    def size(self) -> int:
        """Accepted leaves."""
        return self._size

    def root(self) -> bytes:
        """MTH of the accepted leaves (RFC 6962 2.1)."""
        return self.root_at(self._size)

    def root_at(self, size: int) -> bytes:
        """As for any `Prover`."""
        return self._root if size == self._size and self._root is not None else super().root_at(size)

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """The bytes of a tile (C2SP tlog-tiles); `ProofError` if the accepted tree has not that many hashes there."""
        first = index * TILE_WIDTH
        count = self._size >> (TILE_HEIGHT * level) if level >= 0 else 0
        if not 1 <= width <= TILE_WIDTH or not 0 <= first <= count - width:
            raise ProofError(f"tile {(level, index, width)} is not within a tree of size {self._size}")
        return b"".join([self._node(TILE_HEIGHT * level, first + at) for at in range(width)])

    def stage(self, leaves: Sequence[bytes]) -> Staged:
        """The head after appending these 32-byte leaf hashes. A batch that is staged already is discarded."""
        ensure(all(len(leaf) == HASH_BYTES for leaf in leaves), "a leaf hash has 32 bytes")
        if self._staged is not None:
            for height, row in enumerate(self._rows):
                del row[(self._size >> height) - self._base[height] :]
        self._rows[0].extend(leaves)
        self._grow()
        size = self._size + len(leaves)
        self._staged = Staged(size, range_root(self._node, 0, size))
        return self._staged

    def accept(self, staged: Staged) -> None:
        """Make the last staged head the tree's own."""
        ensure(staged is self._staged, f"{staged} is not what was staged last")
        self._size, self._root = staged
        self._staged = None

    def append(self, leaves: Sequence[bytes]) -> None:
        """Stage and accept at once."""
        self.accept(self.stage(leaves))

    def release(self, published_size: int) -> None:
        """Drop the hashes of full tiles below `published_size` from memory; from now on `read_tile` must have them."""
        ensure(0 <= published_size <= self._size, f"published {published_size} of {self._size}")
        level = 0
        while full := published_size >> (TILE_HEIGHT * (level + 1)):
            bottom = TILE_HEIGHT * level
            heights = range(bottom, bottom + TILE_HEIGHT)
            for index in range(max(self._base[bottom] >> TILE_HEIGHT, full - TILES_MAX), full):
                # the latest tiles stay at hand: receipts are asked for just after publishing
                self._cache.put(level, index, [self._tile_row(height, index) for height in heights])
            for height in heights:
                base = max(self._base[height], full << (bottom + TILE_HEIGHT - height))
                del self._rows[height][: base - self._base[height]]
                self._base[height] = base
            level += 1

    def _check_size(self, size: int) -> None:
        limit = self._staged.size if self._staged else self._size
        if not 0 <= size <= limit:
            raise ProofError(f"size {size} is outside this tree of size {limit}")

    def _node(self, height: int, index: int) -> bytes:
        offset = index - self._base[height]
        return self._rows[height][offset] if offset >= 0 else self._cache.node(height, index)

    def _grow(self) -> None:
        """Hash every new pair, row by row, until a row gains nothing."""
        rows, base = self._rows, self._base
        height = 0
        while True:
            if height + 1 == len(rows):
                rows.append([])
                base.append(0)
            above = rows[height + 1]
            new = rows[height][2 * (base[height + 1] + len(above)) - base[height] :]
            if len(new) < 2:
                return
            above.extend(parents(new))
            height += 1

    def _tile_row(self, height: int, index: int) -> list[bytes]:
        width = TILE_WIDTH >> (height % TILE_HEIGHT)
        start = index * width - self._base[height]
        return self._rows[height][start : start + width]

    def _root_of_tile(self, level: int, index: int) -> bytes:
        return root_of(decode_tile(self._read_tile(level, index), TILE_WIDTH))
