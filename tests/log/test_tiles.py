"""Tile paths, tiles and entry bundles have one spelling, and publishing misses no tile of C2SP tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.log.errors import FormatError
from counterfoil.log.tiles import (
    ENTRIES,
    MAX_ENTRY_BYTES,
    TileRef,
    bundle_path,
    check_entry,
    decode_bundle,
    decode_tile,
    encode_bundle,
    parse_path,
    tile_path,
    tiles_for,
)

PATHS = [
    (TileRef(0, 0), "tile/0/000"),
    (TileRef(0, 5, 112), "tile/0/005.p/112"),
    (TileRef(1, 999, 1), "tile/1/999.p/1"),
    (TileRef(0, 1_000), "tile/0/x001/000"),
    (TileRef(2, 1_234_067), "tile/2/x001/x234/067"),
    (TileRef(63, 1_234_067, 255), "tile/63/x001/x234/067.p/255"),
    (TileRef(ENTRIES, 0), "tile/entries/000"),
    (TileRef(ENTRIES, 1_234_067, 7), "tile/entries/x001/x234/067.p/7"),
    (TileRef(0, 2**63 - 1), "tile/0/x009/x223/x372/x036/x854/x775/807"),
]


@pytest.mark.parametrize(("ref", "path"), PATHS, ids=str)
def test_paths_both_ways(ref: TileRef, path: str) -> None:
    direct = bundle_path(ref.index, ref.width) if ref.level == ENTRIES else tile_path(ref.level, ref.index, ref.width)
    assert ref.path() == direct == path
    assert parse_path(path) == ref


@given(st.integers(-1, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_any_path_both_ways(level: int, index: int, width: int) -> None:
    ref = TileRef(level, index, width)
    assert parse_path(ref.path()) == ref


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/0/000\n", "tile/00/000", "tile/64/000",
        "tile/-1/000", "tile/+1/000", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/1000", "tile/0/001/000",
        "tile/0/x000/001", "tile/0/x001", "tile/0/X001/000", "tile/0/x001/x000", "tile/0/000.p/0", "tile/0/000.p/256",
        "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1.p/1", "tile/0/000.p/999",
        "tile/Entries/000", "tile/0/../000", "tile/0/٠٠٠", "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/" + "x999/" * 10 + "000",
    ],
)  # fmt: skip
def test_paths_refused(path: str) -> None:
    with pytest.raises(FormatError):
        parse_path(path)


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_tiles_that_cannot_be(level: int, index: int, width: int) -> None:
    with pytest.raises(InvariantViolation):
        tile_path(level, index, width)


def all_tiles(size: int) -> set[TileRef]:
    """Every tile and bundle of a tree, by the sentence in C2SP tlog-tiles: floor(s / 256**l) hashes at level l."""
    tiles = set()
    for level in range(ENTRIES, 8):
        count = size // 256 ** max(level, 0)
        tiles |= {TileRef(level, index) for index in range(count // 256)}
        tiles |= {TileRef(level, count // 256, count % 256)} if count % 256 else set()
    return tiles


@given(st.integers(0, 140_000), st.integers(0, 70_000))
def test_publishing_writes_exactly_what_is_new(old: int, more: int) -> None:
    written = list(tiles_for(old, old + more))
    assert len(written) == len(set(written))
    assert set(written) == all_tiles(old + more) - all_tiles(old)


def test_the_example_of_the_specification() -> None:
    upper = [ref for ref in tiles_for(0, 70_000) if ref.level > 0 or ref == TileRef(0, 273, 112)]
    assert upper == [TileRef(0, 273, 112), TileRef(1, 0), TileRef(1, 1, 17), TileRef(2, 0, 1)]
    assert sum(ref.level == 0 for ref in tiles_for(0, 70_000)) == 274
    assert [*tiles_for(255, 256)] == [TileRef(ENTRIES, 0), TileRef(0, 0), TileRef(1, 0, 1)]
    assert [*tiles_for(7, 7)] == []
    with pytest.raises(InvariantViolation):
        list(tiles_for(8, 7))


def test_a_tile_is_exactly_its_width() -> None:
    data = bytes(range(64))
    assert decode_tile(data, 2) == [data[:32], data[32:]]
    for wrong in (data[:-1], data + b"x", data + data[:32], b""):
        with pytest.raises(FormatError, match=str(len(wrong))):
            decode_tile(wrong, 2)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20), st.binary(min_size=1, max_size=40))
def test_bundles_both_ways_and_nothing_else(entries: list[bytes], more: bytes) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    for wrong in (data[:-1], data + more, data + encode_bundle([more])):
        with pytest.raises(FormatError):
            decode_bundle(wrong, len(entries))
    for width in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(FormatError):
            decode_bundle(data, width)


def test_limits_of_entries_and_bundles() -> None:
    longest = b"x" * MAX_ENTRY_BYTES
    check_entry(longest)
    assert decode_bundle(encode_bundle([longest, b""]), 2) == [longest, b""]
    for refuse in (check_entry, lambda entry: encode_bundle([entry])):
        with pytest.raises(FormatError, match="at most 65535 bytes, not 65536"):
            refuse(longest + b"x")
    assert len(encode_bundle([b""] * 256)) == 512
    for count in (0, 257):
        with pytest.raises(InvariantViolation):
            encode_bundle([b""] * count)
