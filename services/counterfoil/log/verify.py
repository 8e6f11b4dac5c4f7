"""The reader's side: what may be believed about a log, given trusted keys and tiles from an untrusted place.

1. `open_checkpoint` believes a tree head because of its signature.
2. `TileTree` believes tiles because they hash to that head.
3. Entries, older heads and proofs are believed because of those tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import ProofError
from counterfoil.log.merkle import complete_rows, leaf_hash, range_root, verify_inclusion
from counterfoil.log.proofs import verify_receipt
from counterfoil.log.prover import Prover
from counterfoil.log.tilecache import TileCache
from counterfoil.log.tiles import TILE_HEIGHT, TILE_WIDTH, decode_bundle, decode_tile

__all__ = ["ReadTile", "TileTree", "check_inclusion", "open_checkpoint", "verify_receipt"]

ReadTile: TypeAlias = Callable[[int, int, int], bytes]
"""`(level, index, width)` -> the bytes of exactly that full or partial tile."""


def check_inclusion(checkpoint: Checkpoint, index: int, entry: bytes, proof: Sequence[bytes]) -> None:
    """`ProofError` unless `proof` shows `entry` at `index` of the checkpoint's tree (RFC 6962 2.1.1)."""
    verify_inclusion(index, checkpoint.size, leaf_hash(entry), proof, checkpoint.root)


class TileTree(Prover):
    """The tree under one trusted checkpoint, read from tiles that are not trusted (C2SP tlog-tiles).

    Every tile is used only after it hashed up to the checkpoint's root. `FormatError` for a tile of the wrong length,
    `ProofError` for one that is not the log's; an error that `read_tile` raises for a missing one is not caught.
    Memory: the right edge and the 32 full tiles used last.
    """

    def __init__(self, checkpoint: Checkpoint, read_tile: ReadTile) -> None:
        """Read the partial tile of every level and check that together they give the checkpoint's root."""
        self.checkpoint = checkpoint
        self._read_tile = read_tile
        self._cache = TileCache(lambda level, index: read_tile(level, index, TILE_WIDTH), self._node)
        self._edge: list[list[list[bytes]]] = []  # by level: the rows of its partial tile
        count = checkpoint.size
        while count:
            width, level = count % TILE_WIDTH, len(self._edge)
            data = read_tile(level, count >> TILE_HEIGHT, width) if width else b""
            self._edge.append(complete_rows(decode_tile(data, width)))
            count >>= TILE_HEIGHT
        root = range_root(self._node, 0, checkpoint.size)
        if root != checkpoint.root:
            raise ProofError(
                f"the right edge of {checkpoint.origin!r} at size {checkpoint.size} hashes to {root.hex()}, "
                f"the checkpoint has {checkpoint.root.hex()}"
            )

    def subtree(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]); `ProofError` unless `start` is a multiple of the smallest power of two >= end - start."""
        self._check_size(end)
        if not 0 <= start < end or start % (1 << (end - start - 1).bit_length()):
            raise ProofError(f"leaves {start}..{end} are not a subtree")
        return range_root(self._node, start, end)

    def check_prefix(self, older: Checkpoint) -> None:
        """`ProofError` unless `older` is a head that this same log had at an earlier or equal size."""
        if older.origin != self.checkpoint.origin:
            raise ProofError(f"a head of {older.origin!r} is not a prefix of {self.checkpoint.origin!r}")
        root = self.root_at(older.size)
        if root != older.root:
            raise ProofError(
                f"{older.origin!r} had root {older.root.hex()} at size {older.size}, its tiles now give {root.hex()}"
            )

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`; `ProofError` beyond the checkpoint."""
        if not 0 <= index < self.checkpoint.size:
            raise ProofError(f"no leaf {index} in a tree of size {self.checkpoint.size}")
        return self._node(0, index)

    def entries(self, index: int, bundle: bytes) -> list[bytes]:
        """The entries of bundle `index` at the width that the checkpoint gives it, each checked against its leaf.

        `FormatError` for a missing, additional or cut entry, `ProofError` for a changed one.
        """
        width = min(TILE_WIDTH, self.checkpoint.size - index * TILE_WIDTH)
        if index < 0 or width < 1:
            raise ProofError(f"no bundle {index} in a tree of size {self.checkpoint.size}")
        entries = decode_bundle(bundle, width)
        self.check_entries(index, entries)
        return entries

    def check_entries(self, index: int, entries: Sequence[bytes]) -> None:
        """`ProofError` unless these are the entries of bundle `index`."""
        is_last = index == self.checkpoint.size >> TILE_HEIGHT
        hashes = self._edge[0][0] if is_last else self._cache.hashes(0, index)
        for at, (entry, leaf) in enumerate(zip(entries, hashes, strict=True), index * TILE_WIDTH):
            if leaf_hash(entry) != leaf:
                raise ProofError(f"entry {at} is not what the tree of size {self.checkpoint.size} holds there")

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.checkpoint.size:
            raise ProofError(f"size {size} is outside the checkpoint of size {self.checkpoint.size}")

    def _node(self, height: int, index: int) -> bytes:
        level, row = height >> 3, height & 7
        shift = TILE_HEIGHT - row
        if index >> shift == self.checkpoint.size >> (TILE_HEIGHT * (level + 1)):
            return self._edge[level][row][index & ((1 << shift) - 1)]
        return self._cache.node(height, index)
