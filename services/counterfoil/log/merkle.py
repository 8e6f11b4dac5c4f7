"""RFC 6962 section 2.1 (RFC 9162 section 2.1 is the same tree): hashes, proofs, and their verification.

The one implementation: the log's tree, the state root, the audit and readers of batches all hash through this module.

A *node* `(height, index)` is the hash of the complete subtree over leaves `[index << height, (index + 1) << height)`.
Proofs are built from a `NodeLookup`, so the writer's memory and a reader's tiles share the algorithms below.
A *frontier* is the list of perfect subtrees that make up a range of leaves, largest first: all that is needed to append
to a tree, and to know its root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import TypeAlias

from counterfoil.log.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""MTH of the empty list (RFC 6962 2.1)."""

PROOF_HASHES_MAX = 64
"""No proof in a tree of fewer than 2**63 leaves has more."""

NodeLookup: TypeAlias = Callable[[int, int], bytes]
"""`(height, index)` of a complete subtree -> its 32-byte hash."""


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00 || entry) (RFC 6962 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 || left || right) of two 32-byte hashes (RFC 6962 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def split_point(size: int) -> int:
    """Largest power of two smaller than `size`, for `size` > 1 (the k of RFC 6962 2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def parents(row: Sequence[bytes]) -> list[bytes]:
    """The row of complete nodes above `row`, which starts at an even index; an odd node at its end has no parent yet.

    Nearly all hashing happens here, so `node_hash` is written out.
    """
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]


def complete_rows(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Rows of all complete nodes over `hashes` (row 0), up to the first empty row, which is left out."""
    rows = [list(hashes)]
    while len(rows[-1]) > 1:
        rows.append(parents(rows[-1]))
    return rows


# --- roots and frontiers ----------------------------------------------------------------------------------------------


def root_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of a list of leaf hashes (RFC 6962 2.1)."""
    return _fold(_extend(0, [], leaves))


def frontier(node: NodeLookup, end: int, start: int = 0) -> list[bytes]:
    """The perfect subtrees of leaves `[start, end)`, largest first: one for every set bit of the length, at most 62.

    `start` is 0 or a multiple of a power of two not below `end - start`.
    """
    found, length = [], end - start
    while length:
        height = length.bit_length() - 1
        found.append(node(height, (end >> height) - 1))
        length ^= 1 << height
    return found


def range_root(node: NodeLookup, start: int, end: int) -> bytes:
    """MTH(D[start:end]) for `start` as in `frontier` (RFC 6962 2.1)."""
    length = end - start
    if length & (length - 1) == 0 and length:  # one perfect subtree: most parts of proofs are
        height = length.bit_length() - 1
        return node(height, start >> height)
    return _fold(frontier(node, end, start))


def root_after(first: int, hashes: Sequence[bytes], leaves: Sequence[bytes]) -> bytes:
    """MTH of `first` leaves, known by their `frontier` alone, with `leaves` after them (RFC 6962 2.1).

    `hashes` and `leaves` that give the root of a log are that log's: finding others is finding a collision of SHA-256.
    Raises `ProofError` unless there is one hash for every set bit of `first`, each of 32 bytes.
    """
    if len(hashes) != first.bit_count() or any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError(f"{len(hashes)} hashes are no frontier of {first} leaves")
    return _fold(_extend(first, hashes, leaves))


def _extend(first: int, hashes: Sequence[bytes], leaves: Sequence[bytes]) -> list[bytes]:
    """The frontier of `first` leaves, of which `hashes` is the frontier, with `leaves` after them."""
    left, row, right = list(hashes), leaves, []
    while row:
        if first & 1:
            row = [left.pop(), *row]
        if len(row) & 1:
            right.append(row[-1])
        row, first = parents(row), first >> 1
    return left + right[::-1]


def _fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a frontier: its subtrees are joined from the smallest on."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = node_hash(left, root)
    return root


# --- building proofs --------------------------------------------------------------------------------------------------


def inclusion_proof(node: NodeLookup, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]), the leaf's sibling first (RFC 6962 2.1.1); `ProofError` unless 0 <= index < size."""
    if not 0 <= index < size:
        raise ProofError(f"no inclusion proof for leaf {index} in a tree of size {size}")
    proof = []
    height, last = 0, size - 1
    while last:
        sibling = index ^ 1
        if sibling < last:
            proof.append(node(height, sibling))
        elif sibling == last:  # the rightmost node of a height may be incomplete
            proof.append(range_root(node, last << height, size))
        index >>= 1
        last >>= 1
        height += 1
    return proof


def consistency_proof(node: NodeLookup, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]) (RFC 6962 2.1.2); `ProofError` unless 0 <= old <= new.

    Empty for `old == new`, and for `old == 0`, where there is nothing to prove.
    """
    if not 0 <= old <= new:
        raise ProofError(f"no consistency proof from size {old} to size {new}")
    if not old:
        return []
    start, end, old_root_known = 0, new, True
    downwards = []
    while old != end:
        middle = start + split_point(end - start)
        if old <= middle:
            downwards.append(range_root(node, middle, end))
            end = middle
        else:
            downwards.append(range_root(node, start, middle))
            start, old_root_known = middle, False
    if not old_root_known:
        downwards.append(range_root(node, start, end))
    return downwards[::-1]


# --- verifying proofs -------------------------------------------------------------------------------------------------


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash `leaf` is at `index` of the tree `(size, root)` (RFC 9162 2.1.3.2).

    Raises `ProofError` with the values otherwise.
    """
    if not 0 <= index < size:
        raise ProofError(f"leaf index {index} is outside a tree of size {size}")
    _check_hashes(proof, leaf, root)
    computed = leaf
    for sibling, on_left in _climb(index, size - 1, proof):
        computed = node_hash(sibling, computed) if on_left else node_hash(computed, sibling)
    if computed != root:
        raise ProofError(f"leaf {index} of {size} leads to root {computed.hex()}, not {root.hex()}")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree `(old, old_root)` is a prefix of `(new, new_root)` (RFC 9162 2.1.4.2).

    `old == 0` is refused: nothing can be proved about it, the caller decides to trust on first use.
    Raises `ProofError` with the values otherwise.
    """
    if not 0 < old <= new:
        raise ProofError(f"no consistency proof can lead from size {old} to size {new}")
    _check_hashes(proof, old_root, new_root)
    if old == new:
        if proof or old_root != new_root:
            raise ProofError(f"size {old} with {old_root.hex()} and {new_root.hex()}, proof of {len(proof)} hashes")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofError(f"empty consistency proof from size {old} to {new}")
    shift = (old & -old).bit_length() - 1  # the path starts at the last complete subtree of the old tree
    old_computed = new_computed = path[0]
    for sibling, on_left in _climb((old - 1) >> shift, (new - 1) >> shift, path[1:]):
        if on_left:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
        else:
            new_computed = node_hash(new_computed, sibling)
    for size, computed, root in ((old, old_computed, old_root), (new, new_computed, new_root)):
        if computed != root:
            raise ProofError(f"consistency proof {old} -> {new}: size {size} has {computed.hex()}, not {root.hex()}")


def _climb(index: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Every hash of `proof` from node `index` of a height whose last node is `last`, and whether it stands on the left.

    `ProofError` if the proof ends below the root or continues above it.
    """
    for sibling in proof:
        if not last:
            raise ProofError(f"proof of {len(proof)} hashes is too long: it continues above the root")
        on_left = index & 1 == 1 or index == last
        if on_left:
            while index and not index & 1:  # heights at which the right edge has no sibling
                index >>= 1
                last >>= 1
        yield sibling, on_left
        index >>= 1
        last >>= 1
    if last:
        raise ProofError(f"proof of {len(proof)} hashes is too short: it ends below the root")


def _check_hashes(proof: Sequence[bytes], *others: bytes) -> None:
    """A hash of another length would make H(0x01 || l || r) ambiguous."""
    if len(proof) > PROOF_HASHES_MAX:
        raise ProofError(f"a proof has at most {PROOF_HASHES_MAX} hashes, not {len(proof)}")
    for value in (*proof, *others):
        if len(value) != HASH_BYTES:
            raise ProofError(f"a hash has {HASH_BYTES} bytes, not {len(value)}: {value[:HASH_BYTES].hex()}")
