"""RFC 6962 hashing and both proof verifiers: published vectors, the recursive definition, and every kind of damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.log import merkle
from counterfoil.log.errors import ProofError
from counterfoil.log.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from tests.log.helpers import b64, mth, path_of, refused, some_leaves, subproof_of, vector

LEAVES = some_leaves(70)


def test_roots_of_the_classic_eight_leaves() -> None:
    published = vector("rfc6962-roots.json")
    leaves = [leaf_hash(bytes.fromhex(text)) for text in published["leaf_inputs_hex"]]
    assert [root_of(leaves[:size]).hex() for size in range(9)] == published["roots_by_size_hex"]


def test_the_five_entries_of_the_format_description() -> None:
    leaves = [leaf_hash(entry) for entry in (b"issue", b"transfer", b"redeem", b"bid", b"ask")]
    assert leaves[0].hex() == "f916b18313881ec1266b9359ea1d28c835b125acb220b61b624c28f370991068"
    assert leaves[1].hex() == "3bf8089c9883aa3f2775234b11430a4f75ad366241deff65629eb601694638c1"
    assert root_of(leaves).hex() == "330744a867249c3f1c9cd85ef6b4912fd18065a6e5f1044af4d78e9998daae53"


@pytest.mark.parametrize("case", vector("merkle-inclusion.json"), ids=lambda case: case["file"])
def test_published_inclusion_proofs(case: dict[str, object]) -> None:
    proof = [b64(text) for text in case["proof"] or []]  # type: ignore[attr-defined]
    leaf, root = b64(str(case["leafHash"])), b64(str(case["root"]))
    assert refused(verify_inclusion, case["leafIdx"], case["treeSize"], leaf, proof, root) == case["wantErr"]


@pytest.mark.parametrize("case", vector("merkle-consistency.json"), ids=lambda case: case["file"])
def test_published_consistency_proofs(case: dict[str, object]) -> None:
    proof = [b64(text) for text in case["proof"] or []]  # type: ignore[attr-defined]
    roots = b64(str(case["root1"])), b64(str(case["root2"]))
    assert refused(verify_consistency, case["size1"], case["size2"], *roots, proof) == case["wantErr"]


def test_the_vectors_hold_both_outcomes() -> None:
    for name in ("merkle-inclusion.json", "merkle-consistency.json"):
        outcomes = [case["wantErr"] for case in vector(name)]
        assert True in outcomes
        assert False in outcomes


def test_every_small_proof_by_definition_verifies_and_is_what_we_build() -> None:
    rows = merkle.complete_rows(LEAVES)
    for size in range(1, 41):
        root = root_of(LEAVES[:size])
        for index in range(size):
            proof = path_of(index, LEAVES[:size])
            verify_inclusion(index, size, LEAVES[index], proof, root)
            assert merkle.inclusion_proof(lambda h, i: rows[h][i], index, size) == proof
        for old in range(1, size + 1):
            proof = subproof_of(old, LEAVES[:size])
            verify_consistency(old, size, root_of(LEAVES[:old]), root, proof)
            assert merkle.consistency_proof(lambda h, i: rows[h][i], old, size) == proof


@pytest.mark.parametrize("first", [*range(40), 63, 64, 65])
def test_roots_and_frontiers_are_those_of_the_definition(first: int) -> None:
    rows = merkle.complete_rows(LEAVES)
    before = merkle.frontier(lambda h, i: rows[h][i], first)
    assert len(before) == first.bit_count()
    for size in range(first, len(LEAVES) + 1):
        root = mth(LEAVES[:size])
        assert merkle.root_after(first, before, LEAVES[first:size]) == root
        assert merkle.root_of(LEAVES[:size]) == merkle.range_root(lambda h, i: rows[h][i], 0, size) == root


@pytest.mark.parametrize("start", [0, 32, 48, 64])
def test_the_root_of_a_range_is_that_of_its_leaves(start: int) -> None:
    rows = merkle.complete_rows(LEAVES)
    longest = start & -start or len(LEAVES)
    for end in range(start, min(start + longest, len(LEAVES)) + 1):
        assert merkle.range_root(lambda h, i: rows[h][i], start, end) == mth(LEAVES[start:end])


def test_other_hashes_than_one_per_set_bit_are_no_frontier() -> None:
    for hashes in ([], LEAVES[:1], LEAVES[:3], [LEAVES[0], LEAVES[1][:-1]]):
        with pytest.raises(ProofError, match="no frontier of 3 leaves"):
            merkle.root_after(3, hashes, LEAVES[3:5])


def damaged(proof: list[bytes], at: int, how: str) -> list[bytes]:
    """One damage to one proof; never the proof itself, unless it is too short to be damaged that way."""
    if how == "append":
        return [*proof, LEAVES[at % len(LEAVES)]]
    if how == "prepend":
        return [LEAVES[at % len(LEAVES)], *proof]
    if not proof:
        return proof
    at %= len(proof)
    if how == "drop":
        return proof[:at] + proof[at + 1 :]
    if how == "swap":
        other = (at + 1) % len(proof)
        swapped = list(proof)
        swapped[at], swapped[other] = proof[other], proof[at]
        return swapped
    if how == "cut":
        return [*proof[:at], proof[at][:-1], *proof[at + 1 :]]
    return [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]


DAMAGE = st.sampled_from(["append", "prepend", "drop", "swap", "cut", "flip"])


@given(st.integers(1, 70), st.integers(0, 69), st.integers(0, 63), DAMAGE)
def test_a_damaged_inclusion_proof_is_refused(size: int, index: int, at: int, how: str) -> None:
    index %= size
    proof = path_of(index, LEAVES[:size])
    wrong = damaged(proof, at, how)
    args = (wrong, root_of(LEAVES[:size]))
    assert refused(verify_inclusion, index, size, LEAVES[index], *args) == (wrong != proof)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 63), DAMAGE)
def test_a_damaged_consistency_proof_is_refused(old: int, new: int, at: int, how: str) -> None:
    old, new = sorted((old, new))
    proof = subproof_of(old, LEAVES[:new])
    wrong = damaged(proof, at, how)
    roots = root_of(LEAVES[:old]), root_of(LEAVES[:new])
    assert refused(verify_consistency, old, new, *roots, wrong) == (wrong != proof)


@given(st.integers(2, 70), st.integers(0, 69))
def test_a_proof_holds_for_its_own_leaf_index_and_root_only(size: int, index: int) -> None:
    index %= size
    proof, root = path_of(index, LEAVES[:size]), root_of(LEAVES[:size])
    for other in range(size):
        assert refused(verify_inclusion, other, size, LEAVES[index], proof, root) == (other != index)
        assert refused(verify_inclusion, index, size, LEAVES[other], proof, root) == (other != index)
    assert refused(verify_inclusion, index, size, LEAVES[index], proof, root_of(LEAVES[: size - 1]))


def test_sizes_that_have_no_proof() -> None:
    root = root_of(LEAVES)
    for index, size in ((-1, 1), (0, 0), (1, 1), (2**64 - 1, 1)):
        with pytest.raises(ProofError, match=str(index)):
            verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])
    for old, new in ((0, 0), (0, 70), (71, 70), (-1, 70)):
        with pytest.raises(ProofError, match=f"size {old} to size {new}"):
            verify_consistency(old, new, root, root, [])
    with pytest.raises(ProofError, match="size 70"):
        verify_consistency(70, 70, root, LEAVES[0], [])


def test_a_hash_has_32_bytes() -> None:
    good, short = LEAVES[0], LEAVES[0][:31]
    for leaf, proof, root in ((short, [], short), (good, [short], good), (good, [good + b"x"], good)):
        with pytest.raises(ProofError, match="a hash has 32 bytes"):
            verify_inclusion(0, 1 + len(proof), leaf, proof, root)
        with pytest.raises(ProofError, match="a hash has 32 bytes"):
            verify_consistency(1, 1 + len(proof), leaf, root, proof)


def test_a_proof_may_have_64_hashes_and_not_65() -> None:
    filler = [LEAVES[0]] * 65
    with pytest.raises(ProofError, match="too long"):
        verify_inclusion(0, 1, LEAVES[0], filler[:64], LEAVES[0])
    with pytest.raises(ProofError, match="at most 64 hashes, not 65"):
        verify_inclusion(0, 1, LEAVES[0], filler, LEAVES[0])


def test_the_largest_tree_that_sizes_allow() -> None:
    size = 2**63 - 1
    proof = merkle.inclusion_proof(lambda h, i: leaf_hash(b"%d/%d" % (h, i)), size - 1, size)
    root = merkle.range_root(lambda h, i: leaf_hash(b"%d/%d" % (h, i)), 0, size)
    verify_inclusion(size - 1, size, leaf_hash(b"0/%d" % (size - 1)), proof, root)
    assert len(proof) == 62
