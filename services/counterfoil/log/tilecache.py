"""Full tiles, read back and believed only if they hash to the node above them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from counterfoil.log.errors import ProofError
from counterfoil.log.merkle import NodeLookup, complete_rows
from counterfoil.log.tiles import TILE_HEIGHT, TILE_WIDTH, decode_tile, tile_path

ReadFullTile: TypeAlias = Callable[[int, int], bytes]
"""`(level, index)` -> the 8,192 bytes of a full tile; raises any error if there is none."""

TILES_MAX = 32
"""Tiles kept; expanded to all their nodes one takes about 37 KB."""


class TileCache:
    """The nodes of the most recently used full tiles (least recently used goes first).

    `node_above` must answer for the parent of every tile asked for; it may come back to this cache for the tile one
    level up, so one trusted hash authenticates everything below it.
    """

    def __init__(self, read_tile: ReadFullTile, node_above: NodeLookup) -> None:
        """Start empty; `read_tile` supplies bytes, `node_above` the hash that they must lead to."""
        self._read_tile = read_tile
        self._node_above = node_above
        self._tiles: OrderedDict[tuple[int, int], Sequence[list[bytes]]] = OrderedDict()

    def node(self, height: int, index: int) -> bytes:
        """Node `(height, index)` of a full tile; `FormatError` or `ProofError` if the tile read is not the log's."""
        level, row = height >> 3, height & 7
        shift = TILE_HEIGHT - row
        return self._rows(level, index >> shift)[row][index & ((1 << shift) - 1)]

    def hashes(self, level: int, index: int) -> Sequence[bytes]:
        """All hashes of a full tile; raises as `node` does."""
        return self._rows(level, index)[0]

    def _rows(self, level: int, index: int) -> Sequence[list[bytes]]:
        rows = self._tiles.get((level, index))
        if rows is None:
            return self._load(level, index)
        self._tiles.move_to_end((level, index))
        return rows

    def put(self, level: int, index: int, rows: Sequence[list[bytes]]) -> None:
        """Keep rows 0..7 of a full tile that the caller computed itself."""
        self._tiles[level, index] = rows
        if len(self._tiles) > TILES_MAX:
            self._tiles.popitem(last=False)

    def _load(self, level: int, index: int) -> Sequence[list[bytes]]:
        rows = complete_rows(decode_tile(self._read_tile(level, index), TILE_WIDTH))
        expected = self._node_above((level + 1) * TILE_HEIGHT, index)
        if rows[TILE_HEIGHT][0] != expected:
            path = tile_path(level, index)
            raise ProofError(f"{path} hashes to {rows[TILE_HEIGHT][0].hex()}, the tree has {expected.hex()}")
        self.put(level, index, rows)
        return rows
