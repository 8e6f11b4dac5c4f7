"""The writer's tree equals the RFC 6962 definition through any batches, releases, abandoned stages and restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.log.errors import FormatError, LogError, ProofError
from counterfoil.log.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from counterfoil.log.tilecache import TILES_MAX
from counterfoil.log.tiles import tiles_for
from counterfoil.log.tree import Staged, Tree
from tests.log.helpers import mth, path_of, some_leaves, subproof_of, tile_of

LEAVES = some_leaves(700)
ROOTS = [mth(LEAVES[:size]) for size in range(len(LEAVES) + 1)]


class Publisher:
    """A tree and what is published of it; a tile asked for before it is released fails the test with KeyError."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.published = 0
        self.reads = 0
        self.tree = Tree(self.read)

    def read(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.tiles[level, index]

    def publish(self, size: int) -> None:
        for ref in tiles_for(self.published, size):
            if ref.level >= 0 and ref.width == 256:
                self.tiles[ref.level, ref.index] = self.tree.tile(ref.level, ref.index)
        self.published = size
        self.tree.release(size)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), st.integers(0, 700)), max_size=12), st.data())
def test_any_batches_and_releases(steps: list[tuple[int, int, int]], data: st.DataObject) -> None:
    log = Publisher()
    for count, abandoned, publish in steps:
        size = log.tree.size
        for extra in range(abandoned):
            log.tree.stage(LEAVES[5 : 300 * (extra + 1)])
        staged = log.tree.stage(LEAVES[size : size + count])
        assert staged == Staged(min(size + count, 700), ROOTS[min(size + count, 700)])
        if size:
            verify_consistency(
                size, staged.size, ROOTS[size], staged.root, log.tree.consistency_proof(size, staged.size)
            )
        assert (log.tree.size, log.tree.root()) == (size, ROOTS[size])
        log.tree.accept(staged)
        log.publish(max(log.published, min(publish, log.tree.size)))
        assert log.tree.root_at(size) == ROOTS[size]
    if not log.tree.size:
        return
    for _ in range(20):
        size = data.draw(st.integers(1, log.tree.size))
        index = data.draw(st.integers(0, size - 1))
        assert log.tree.inclusion_proof(index, size) == path_of(index, LEAVES[:size])
        assert log.tree.consistency_proof(index + 1, size) == subproof_of(index + 1, LEAVES[:size])


def test_every_leaf_at_every_size() -> None:
    log = Publisher()
    log.tree.append(LEAVES)
    log.publish(600)
    for size in [*range(1, 261), 511, 512, 513, 640, 699, 700]:
        for index in range(size):
            proof = log.tree.inclusion_proof(index, size)
            verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
            old = index + 1
            verify_consistency(old, size, ROOTS[old], ROOTS[size], log.tree.consistency_proof(old, size))


def test_the_empty_tree() -> None:
    tree = Publisher().tree
    assert (tree.size, tree.root(), tree.consistency_proof(0, 0)) == (0, EMPTY_ROOT, [])
    assert tree.stage([]) == Staged(0, EMPTY_ROOT)


@pytest.fixture(scope="module")
def large() -> tuple[list[bytes], Publisher]:
    """200,000 leaves appended in batches and published behind, so that three tile levels are in use."""
    leaves = [leaf_hash(b"%d" % index) for index in range(200_000)]
    log = Publisher()
    for start in range(0, len(leaves), 1_000):
        log.tree.append(leaves[start : start + 1_000])
        log.publish(max(0, log.tree.size - 700))
    return leaves, log


def test_a_large_tree(large: tuple[list[bytes], Publisher]) -> None:
    leaves, log = large
    assert log.tree.root() == mth(leaves)
    for size in (65_535, 65_536, 65_537, 131_072, 150_001):
        assert log.tree.root_at(size) == mth(leaves[:size])
        for index in (0, 255, 256, 65_534, size - 1):
            verify_inclusion(index, size, leaves[index], log.tree.inclusion_proof(index, size), log.tree.root_at(size))
        proof = log.tree.consistency_proof(size, 200_000)
        verify_consistency(size, 200_000, log.tree.root_at(size), log.tree.root(), proof)
    for ref in [*tiles_for(0, 200_000)][::97]:
        if ref.level >= 0:
            assert log.tree.tile(ref.level, ref.index, ref.width) == tile_of(leaves, ref.level, ref.index, ref.width)
    assert log.tree.tile(2, 0, 3) == tile_of(leaves, 2, 0, 3)


def test_memory_is_flat(large: tuple[list[bytes], Publisher]) -> None:
    _, log = large
    unpublished = 700
    held = sum(len(row) for row in log.tree._rows)
    assert held <= 2 * (unpublished + 256) + 2 * 511
    assert len(log.tree._cache._tiles) <= TILES_MAX


def test_receipts_for_just_published_leaves_need_no_reading(large: tuple[list[bytes], Publisher]) -> None:
    leaves, _ = large
    log = Publisher()
    log.tree.append(leaves[:4_096])
    log.publish(4_096)
    for index in range(0, 4_096, 50):
        log.tree.inclusion_proof(index, 4_096)
    assert log.reads == 0


@pytest.mark.parametrize(
    ("size", "tail_start"),
    [(0, 0), (1, 0), (255, 0), (256, 0), (256, 256), (700, 0), (700, 256), (65_536, 65_536), (66_000, 65_280),
     (66_000, 65_792), (131_500, 131_072), (199_000, 198_912)],
)  # fmt: skip
def test_a_restarted_tree(large: tuple[list[bytes], Publisher], size: int, tail_start: int) -> None:
    leaves, log = large
    readable = {key: data for key, data in log.tiles.items() if (key[1] + 1) << 8 * (key[0] + 1) <= tail_start}
    tree = Tree.load(size, lambda level, index: readable[level, index], leaves[tail_start:size], tail_start)
    assert (tree.size, tree.root()) == (size, log.tree.root_at(size))
    for index in {0, size // 2, size - 1} if size else ():
        assert tree.inclusion_proof(index, size) == log.tree.inclusion_proof(index, size)
    tree.append(leaves[size : size + 600])
    assert tree.root() == log.tree.root_at(size + 600)


def test_a_restart_with_a_wrong_tail_or_tile(large: tuple[list[bytes], Publisher]) -> None:
    leaves, log = large
    with pytest.raises(ProofError, match="43 leaves from 256 on do not make a tree of size 300"):
        Tree.load(300, log.read, leaves[256:299], 256)
    with pytest.raises(InvariantViolation):
        Tree.load(300, log.read, leaves[255:300], 255)
    with pytest.raises(FormatError, match="8192 bytes, not 8191"):
        Tree.load(300, lambda _level, _index: bytes(8_191), leaves[256:300], 256)
    wrong = Tree.load(300, lambda _level, _index: bytes(8_192), leaves[256:300], 256)
    assert wrong.root() != log.tree.root_at(300)


def test_a_damaged_tile_is_noticed(large: tuple[list[bytes], Publisher]) -> None:
    leaves, log = large
    for key in ((0, 0), (0, 300), (1, 0), (1, 1)):
        tiles = dict(log.tiles)
        good = tiles[key]
        tree = Tree.load(190_000, lambda level, index: tiles[level, index], leaves[189_952:190_000], 189_952)  # noqa: B023
        leaf = key[1] << 8 * (key[0] + 1)
        for at in (0, 31, 4_000, 8_191):
            tiles[key] = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
            with pytest.raises(ProofError, match=f"tile/{key[0]}/"):
                tree.inclusion_proof(leaf, 190_000)
        tiles[key] = good
        assert tree.inclusion_proof(leaf, 190_000) == log.tree.inclusion_proof(leaf, 190_000)


def test_only_the_last_stage_can_be_accepted() -> None:
    tree = Publisher().tree
    first = tree.stage(LEAVES[:10])
    second = tree.stage(LEAVES[10:13])
    for stale in (first, Staged(*second)):
        with pytest.raises(InvariantViolation):
            tree.accept(stale)
    tree.accept(second)
    with pytest.raises(InvariantViolation):
        tree.accept(second)
    assert tree.root() == mth(LEAVES[10:13])
    with pytest.raises(ProofError, match="size 10"):
        tree.root_at(10)


def test_what_the_tree_does_not_have() -> None:
    log = Publisher()
    log.tree.append(LEAVES[:600])
    tree = log.tree
    for refused in (
        lambda: tree.root_at(601),
        lambda: tree.root_at(-1),
        lambda: tree.inclusion_proof(600, 600),
        lambda: tree.inclusion_proof(-1, 600),
        lambda: tree.inclusion_proof(0, 601),
        lambda: tree.consistency_proof(301, 300),
        lambda: tree.consistency_proof(-1, 300),
        lambda: tree.tile(0, 2, 89),
        lambda: tree.tile(0, 3, 1),
        lambda: tree.tile(0, -1),
        lambda: tree.tile(0, 0, 257),
        lambda: tree.tile(0, 0, 0),
        lambda: tree.tile(1, 0, 3),
        lambda: tree.tile(-1, 0, 1),
    ):
        with pytest.raises(LogError):
            refused()
    assert len(tree.tile(0, 2, 88)) == 88 * 32
    assert len(tree.tile(1, 0, 2)) == 2 * 32
    for bug in (lambda: tree.stage([b"short"]), lambda: tree.release(601), lambda: tree.release(-1)):
        with pytest.raises(InvariantViolation):
            bug()
