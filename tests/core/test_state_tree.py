"""The state root: the same for the same records whatever happened before, and what its proofs show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core import state_tree
from counterfoil.core.state_tree import StateTree
from counterfoil.log import state
from counterfoil.log.errors import ProofError
from counterfoil.log.state import BUCKET_RECORDS, StateProof, verify_state

Records = Mapping[str, bytes]
CHANGES = st.lists(
    st.dictionaries(st.integers(0, 90).map(str), st.none() | st.binary(max_size=2), min_size=1, max_size=60),
    max_size=12,
)


def by_definition(records: Records, depth: int = 0) -> bytes:
    """The root as `schemas/README.md` says it."""
    rows = sorted(sha256(key.encode()).digest() + sha256(value).digest() for key, value in records.items())
    return subtree(rows, depth)


def subtree(rows: list[bytes], depth: int) -> bytes:
    if len(rows) <= state.BUCKET_RECORDS:
        return sha256(b"\x00" + b"".join(rows)).digest()
    halves: tuple[list[bytes], list[bytes]] = ([], [])
    for row in rows:
        halves[row[depth // 8] >> 7 - depth % 8 & 1].append(row)
    return sha256(b"\x01" + subtree(halves[0], depth + 1) + subtree(halves[1], depth + 1)).digest()


def tree_of(records: Records) -> StateTree:
    tree = StateTree()
    tree.update(records)
    return tree


def some(count: int) -> dict[str, bytes]:
    return {f"bid/{number}": b"%d" % number for number in range(count)}


@pytest.fixture(params=[1, 2, BUCKET_RECORDS], autouse=True)
def small_buckets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Small buckets make deep trees of few records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_tree, "BUCKET_RECORDS", request.param)
        patch.setattr(state, "BUCKET_RECORDS", request.param)
        yield


@given(CHANGES, st.booleans())
def test_the_root_follows_from_the_records_alone(steps: list[dict[str, bytes | None]], asked: bool) -> None:
    """After any changes it is that of a new tree, whether or not roots were asked for in between."""
    tree, records = StateTree(), dict[str, bytes]()
    for changes in steps:
        tree.update(changes)
        records.update({key: value for key, value in changes.items() if value is not None})
        records = {key: value for key, value in records.items() if changes.get(key, b"") is not None}
        if asked:
            assert tree.root() == by_definition(records)
    assert len(tree) == len(records)
    assert tree.root() == by_definition(records) == tree_of(dict(reversed(records.items()))).root()
    assert vars(tree)["_buckets"] == vars(tree_of(records))["_buckets"]
    assert vars(tree)["_hashes"].keys() == vars(tree_of(records))["_hashes"].keys()


@given(st.dictionaries(st.integers(0, 90).map(str), st.binary(max_size=2), max_size=60))
def test_every_key_is_provable_and_nothing_else(records: dict[str, bytes]) -> None:
    tree = tree_of(records)
    root = tree.root()
    for key in map(str, range(91)):
        value, proof = records.get(key), tree.prove(key)
        verify_state(root, key, value, proof)
        for other in {None, b"", b"other"} - {value}:
            with pytest.raises(ProofError):
                verify_state(root, key, other, proof)


def test_thousands_of_records() -> None:
    records = some(3_000)
    tree = tree_of(records)
    assert tree.root() == by_definition(records)
    tree.update(dict.fromkeys(list(records)[:2_990]))
    assert tree.root() == by_definition(dict(list(records.items())[2_990:]))
    tree.update(dict.fromkeys(records))
    assert tree.root() == StateTree().root() == sha256(b"\x00").digest()


def test_a_bucket_is_split_when_it_is_full() -> None:
    most = state.BUCKET_RECORDS
    for count, depths in ((most, {0}), (most + 1, None)):
        tree = tree_of(some(count))
        assert {len(tree.prove(key).siblings) for key in some(count)} == depths or depths is None
        assert all((len(tree.prove(key).siblings) > 0) == (count > most) for key in some(count))


def damaged(proof: StateProof) -> Iterator[StateProof]:
    rows, siblings = proof
    first, rest = rows[:64], rows[64:]
    yield StateProof(rows[:-1], siblings)
    yield StateProof(rows + bytes(64), siblings)
    yield StateProof(first + first + rest, siblings)
    yield StateProof(bytes([rows[0] ^ 0x80]) + rows[1:], siblings)
    yield StateProof(rows[:-1] + bytes([rows[-1] ^ 1]), siblings)
    yield StateProof(rows, siblings[1:])
    yield StateProof(rows, (*siblings, bytes(32)))
    yield StateProof(rows, (siblings[0][:-1], *siblings[1:]))
    yield StateProof(rows, siblings[::-1])
    yield StateProof(rows, (bytes(32),) * 257)
    yield StateProof(b"", siblings)


def test_a_damaged_proof_is_refused() -> None:
    records = some(300)
    tree = tree_of(records)
    proof = tree.prove("bid/7")
    assert len(proof.siblings) >= 2
    for other in damaged(proof):
        for value in (records["bid/7"], None):
            with pytest.raises(ProofError):
                verify_state(tree.root(), "bid/7", value, other)
    with pytest.raises(ProofError, match="32 bytes"):
        verify_state(tree.root()[:-1], "bid/7", records["bid/7"], proof)


def test_a_row_of_another_bucket_or_out_of_order_is_refused_though_it_hashes() -> None:
    """A writer could commit to these bytes: they are no tree."""
    rows = sorted(sha256(key.encode()).digest() + sha256(value).digest() for key, value in some(40).items())
    outside = next(row for row in rows if row[0] >> 7 != sha256(b"bid/0").digest()[0] >> 7)
    cases: list[tuple[bytes, tuple[bytes, ...], str]] = [(outside, (bytes(32),), "another bucket")]
    if state.BUCKET_RECORDS > 1:
        cases += [(rows[1] + rows[0], (), "in order"), (rows[0] + rows[0], (), "in order")]
    if state.BUCKET_RECORDS < 40:
        cases.append((b"".join(rows[: state.BUCKET_RECORDS + 1]), (), "up to"))
    for data, siblings, message in cases:
        computed = sha256(b"\x00" + data).digest()
        for sibling in siblings:
            right = sha256(b"bid/0").digest()[0] >> 7
            pair = sibling + computed if right else computed + sibling
            computed = sha256(b"\x01" + pair).digest()
        with pytest.raises(ProofError, match=message):
            verify_state(computed, "bid/0", None, StateProof(data, siblings))
