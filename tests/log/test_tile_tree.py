"""A reader believes no tile, bundle or older head of a published log that does not hash up to its checkpoint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.errors import FormatError, LogError, ProofError
from counterfoil.log.merkle import EMPTY_ROOT, verify_consistency
from counterfoil.log.tiles import bundle_path, encode_bundle, parse_path, tile_path
from counterfoil.log.verify import ReadTile, TileTree, check_inclusion
from tests.log.helpers import ORIGIN, PublishedLog, mth, path_of, some_entries, subproof_of

SIZE = 66_100  # 258 full tiles and one of 52; at level 1 one full and one of 2; at level 2 one of 1


@pytest.fixture(scope="module")
def log() -> PublishedLog:
    return PublishedLog(some_entries(SIZE))


def reader(files: dict[str, bytes]) -> ReadTile:
    return lambda level, index, width: files[tile_path(level, index, width)]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 600])
def test_small_trees_by_definition(size: int) -> None:
    small = PublishedLog(some_entries(size))
    tree = TileTree(small.checkpoint(), reader(small.files))
    assert tree.root_at(0) == EMPTY_ROOT
    for m in {1, size // 3, size // 2, size - 1, size} & {*range(1, size + 1)}:
        assert tree.root_at(m) == mth(small.leaves[:m])
        assert tree.leaf(m - 1) == small.leaves[m - 1]
        assert tree.inclusion_proof(m - 1, size) == path_of(m - 1, small.leaves)
        assert tree.consistency_proof(m, size) == subproof_of(m, small.leaves)
        assert tree.subtree(m - 1, m) == small.leaves[m - 1]
        tree.check_prefix(Checkpoint(ORIGIN, m, mth(small.leaves[:m])))


def test_a_tree_of_three_levels(log: PublishedLog) -> None:
    head = log.checkpoint()
    tree = TileTree(head, reader(log.files))
    for index in (0, 255, 256, 65_535, 65_536, SIZE - 1):
        check_inclusion(head, index, log.entries[index], tree.inclusion_proof(index, SIZE))
    for old in (1, 256, 65_536, 65_537, SIZE - 1, SIZE):
        proof = tree.consistency_proof(old, SIZE)
        verify_consistency(old, SIZE, mth(log.leaves[:old]), head.root, proof)
        tree.check_prefix(Checkpoint(ORIGIN, old, mth(log.leaves[:old])))
    for start, end in ((0, SIZE), (256, 512), (512, 700), (65_536, SIZE), (64, 128), (66_048, 66_100)):
        assert tree.subtree(start, end) == mth(log.leaves[start:end])
    for index in (0, 100, 258):
        assert tree.entries(index, log.files[bundle_path(index, 52 if index == 258 else 256)]) == list(
            log.entries[index * 256 : (index + 1) * 256]
        )


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/257", "tile/0/258.p/52", "tile/1/000", "tile/1/001.p/2", "tile/2/000.p/1"]
)
def test_every_damage_to_a_tile_is_noticed(log: PublishedLog, path: str) -> None:
    ref, good = parse_path(path), log.files[path]

    def read_what_the_tile_covers(files: dict[str, bytes]) -> None:
        tree = TileTree(log.checkpoint(), reader(files))
        tree.inclusion_proof(min(ref.index << 8 * (ref.level + 1), SIZE - 1), SIZE)

    damaged = [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in (0, len(good) // 2, len(good) - 1)]
    swapped = good[32:64] + good[:32] + good[64:]
    for wrong in (*damaged, *([swapped] if len(good) > 32 else [])):
        with pytest.raises(ProofError):
            read_what_the_tile_covers({**log.files, path: wrong})
    for wrong in (good[:-1], good + b"x", good + good[:32], b""):
        with pytest.raises(FormatError):
            read_what_the_tile_covers({**log.files, path: wrong})
    with pytest.raises(KeyError):
        read_what_the_tile_covers({name: data for name, data in log.files.items() if name != path})
    read_what_the_tile_covers(log.files)


def test_an_edited_head_is_refused(log: PublishedLog) -> None:
    head = log.checkpoint()
    other = mth(log.leaves[:-1])
    with pytest.raises(ProofError, match="the checkpoint has"):
        TileTree(head._replace(root=other), reader(log.files))
    for size in (SIZE - 1, SIZE + 1, SIZE + 256, 65_536):
        with pytest.raises((LogError, KeyError)):
            TileTree(head._replace(size=size), reader(log.files))


def test_an_older_head_that_is_no_prefix(log: PublishedLog) -> None:
    tree = TileTree(log.checkpoint(), reader(log.files))
    fork = mth([*log.leaves[:299], log.leaves[0]])
    with pytest.raises(ProofError, match=f"had root {fork.hex()} at size 300"):
        tree.check_prefix(Checkpoint(ORIGIN, 300, fork))
    with pytest.raises(ProofError, match="is not a prefix of"):
        tree.check_prefix(Checkpoint("another.example/log", 300, mth(log.leaves[:300])))
    with pytest.raises(ProofError, match="outside the checkpoint"):
        tree.check_prefix(Checkpoint(ORIGIN, SIZE + 1, fork))


@pytest.mark.parametrize("index", [3, 258])
def test_every_damage_to_a_bundle_is_noticed(log: PublishedLog, index: int) -> None:
    tree = TileTree(log.checkpoint(), reader(log.files))
    entries = list(log.entries[index * 256 : (index + 1) * 256])
    bundle = encode_bundle(entries)
    cases: list[tuple[bytes, type[LogError]]] = [
        (bundle + b"\0\1x", FormatError),  # an entry appended
        (bundle + b"\0", FormatError),  # trailing byte
        (encode_bundle(entries[:-1]), FormatError),  # an entry missing
        (encode_bundle([*entries[1:], entries[0]]), ProofError),  # order
        (encode_bundle([*entries[:-1], entries[-1] + b"x"]), ProofError),
        (encode_bundle([bytes([entries[0][0] ^ 1]) + entries[0][1:], *entries[1:]]), ProofError),
        (b"", FormatError),
    ]
    for wrong, error in cases:
        with pytest.raises(error):
            tree.entries(index, wrong)
    assert tree.entries(index, bundle) == entries


def test_what_the_checkpoint_does_not_cover(log: PublishedLog) -> None:
    tree = TileTree(log.checkpoint(), reader(log.files))
    refused: list[Callable[[], object]] = [
        lambda: tree.root_at(SIZE + 1),
        lambda: tree.root_at(-1),
        lambda: tree.leaf(SIZE),
        lambda: tree.leaf(-1),
        lambda: tree.inclusion_proof(0, SIZE + 1),
        lambda: tree.inclusion_proof(10, 10),
        lambda: tree.consistency_proof(5, 4),
        lambda: tree.consistency_proof(5, SIZE + 1),
        lambda: tree.subtree(0, 0),
        lambda: tree.subtree(4, 3),
        lambda: tree.subtree(1, 3),
        lambda: tree.subtree(-2, 0),
        lambda: tree.subtree(256, 513),
        lambda: tree.subtree(65_536, SIZE + 1),
        lambda: tree.entries(259, b""),
        lambda: tree.entries(-1, b""),
    ]
    for call in refused:
        with pytest.raises(ProofError):
            call()


def test_a_wrong_inclusion_is_refused(log: PublishedLog) -> None:
    head = log.checkpoint()
    proof = TileTree(head, reader(log.files)).inclusion_proof(5, SIZE)
    for index, entry in ((5, log.entries[6]), (6, log.entries[5]), (SIZE, log.entries[5])):
        with pytest.raises(ProofError):
            check_inclusion(head, index, entry, proof)
