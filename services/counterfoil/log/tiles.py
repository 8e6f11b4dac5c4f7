"""C2SP tlog-tiles: which tiles a tree has, where they are found, and what is in them.

A tile is 1..256 consecutive hashes of one tile level; level L holds the tree's nodes of height 8 * L. An entry bundle
is 1..256 consecutive entries. 256 is full, fewer is partial; a partial tile is never hashed upward.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from counterfoil.contract.ensure import ensure
from counterfoil.log.errors import FormatError
from counterfoil.log.merkle import HASH_BYTES
from counterfoil.log.wire import SIZE_MAX

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
LEVEL_MAX = 63
ENTRIES = -1
"""The "level" of entry bundles."""

UNFINISHED = (".new-", ".turn-")
"""How the names of files and folders begin that a publisher is working on, directly below a log: nothing published."""

MAX_ENTRY_BYTES = 65_535
"""Longest entry: its length is a u16 in a bundle."""

_PATH = re.compile(r"tile/(0|[1-9][0-9]?|entries)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_PATH_CHARS_MAX = 64


@dataclass(frozen=True, slots=True)
class TileRef:
    """One tile (`level` 0..63) or entry bundle (`level` ENTRIES): its index within the level, and its width 1..256."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def bytes_max(self) -> int:
        """The most bytes that it can have."""
        return self.width * (MAX_ENTRY_BYTES + 2 if self.level == ENTRIES else HASH_BYTES)

    def path(self) -> str:
        """Path below the log's prefix (C2SP tlog-tiles)."""
        if self.level == ENTRIES:
            return bundle_path(self.index, self.width)
        return tile_path(self.level, self.index, self.width)


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]` (C2SP tlog-tiles)."""
    ensure(0 <= level <= LEVEL_MAX, f"tile level {level} is outside 0..{LEVEL_MAX}")
    return f"tile/{level}/{_index_path(index, width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """`tile/entries/<N>[.p/<W>]` (C2SP tlog-tiles)."""
    return f"tile/entries/{_index_path(index, width)}"


def parse_path(path: str) -> TileRef:
    """The tile or bundle at `path` (C2SP tlog-tiles); `FormatError` for anything but its one spelling."""
    match = _PATH.fullmatch(path) if len(path) <= _PATH_CHARS_MAX else None
    if match is None:
        raise FormatError(f"not a tile path: {path[:_PATH_CHARS_MAX]!r}")
    level, groups, last, width = match.groups()
    index = int(groups.replace("x", "").replace("/", "") + last)
    ref = TileRef(ENTRIES if level == "entries" else int(level), index, int(width) if width else TILE_WIDTH)
    if ref.level > LEVEL_MAX or index > SIZE_MAX or (width and ref.width >= TILE_WIDTH) or ref.path() != path:
        raise FormatError(f"not a tile path: {path!r}")
    return ref


def _index_path(index: int, width: int) -> str:
    """N in groups of three digits, all but the last prefixed x, then the width of a partial tile."""
    ensure(0 <= index <= SIZE_MAX, f"tile index {index} is outside 0..2**63-1")
    ensure(1 <= width <= TILE_WIDTH, f"tile width {width} is outside 1..{TILE_WIDTH}")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    path = "/".join(reversed(groups))
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def tiles_for(old_size: int, new_size: int) -> Iterator[TileRef]:
    """Every tile and bundle that a tree of `new_size` has and one of `old_size` had not (C2SP tlog-tiles).

    Bundles come first, then tiles from level 0 upward; full and partial ones alike.
    """
    ensure(0 <= old_size <= new_size <= SIZE_MAX, f"cannot publish from size {old_size} to size {new_size}")
    yield from _row_for(ENTRIES, old_size, new_size)
    level = 0
    while new_size > old_size:
        yield from _row_for(level, old_size, new_size)
        level, old_size, new_size = level + 1, old_size >> TILE_HEIGHT, new_size >> TILE_HEIGHT


def _row_for(level: int, old_count: int, new_count: int) -> Iterator[TileRef]:
    if old_count == new_count:
        return
    for index in range(old_count >> TILE_HEIGHT, (new_count + TILE_WIDTH - 1) >> TILE_HEIGHT):
        yield TileRef(level, index, min(TILE_WIDTH, new_count - index * TILE_WIDTH))


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """The `width` hashes of a tile (C2SP tlog-tiles); `FormatError` for any other length."""
    if len(data) != width * HASH_BYTES:
        raise FormatError(f"a tile of width {width} has {width * HASH_BYTES} bytes, not {len(data)}")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def check_entry(entry: bytes) -> None:
    """`FormatError` if `entry` is longer than a bundle can hold."""
    if len(entry) > MAX_ENTRY_BYTES:
        raise FormatError(f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(entry)}")


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """1..256 entries, each after its length as big-endian u16 (C2SP tlog-tiles); `FormatError` for a too long entry."""
    ensure(1 <= len(entries) <= TILE_WIDTH, f"a bundle has 1..{TILE_WIDTH} entries, not {len(entries)}")
    parts: list[bytes] = []
    for entry in entries:
        check_entry(entry)
        parts += (struct.pack(">H", len(entry)), entry)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle (C2SP tlog-tiles); `FormatError` for fewer, for more, or for trailing bytes."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise FormatError(f"bundle of {len(data)} bytes is cut within entry {len(entries)}")
        entries.append(data[start:at])
    if len(entries) != width:
        raise FormatError(f"bundle has {len(entries)} entries, not {width}")
    return entries
