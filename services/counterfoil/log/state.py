"""Proofs against a state root: that a service's state holds a record under a key, or none.

`counterfoil.core.state_tree` says what the tree is; whoever has the root needs nothing of the service to check a proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Final, NamedTuple

from counterfoil.log.errors import ProofError
from counterfoil.log.merkle import HASH_BYTES, leaf_hash, node_hash

BUCKET_RECORDS: Final = 32
"""More make longer proofs, fewer a larger tree in memory."""
DEPTH_MAX: Final = 8 * HASH_BYTES
ROW_BYTES: Final = 2 * HASH_BYTES


class StateProof(NamedTuple):
    """Shows what a state holds for one key, or that it holds nothing.

    `rows` are those of the bucket to which the key belongs; `siblings` the hashes beside the path to the root, the
    bucket's first.
    """

    rows: bytes
    siblings: tuple[bytes, ...]


def verify_state(root: bytes, key: str, value: bytes | None, proof: StateProof) -> None:
    """Check that the state with this root holds `value` for `key`; that it holds nothing, if `value` is None.

    Raises `ProofError` with what does not fit otherwise.
    """
    position = digest(key.encode())
    depth = len(proof.siblings)
    _check_form(root, position, proof)
    held = dict(_halves(proof.rows)).get(position)
    if held != (None if value is None else digest(value)):
        raise ProofError(f"the state holds {'nothing' if held is None else held.hex()} for {key}")
    computed, number = leaf_hash(proof.rows), path_of(position) >> (DEPTH_MAX - depth)
    for sibling in proof.siblings:
        computed = node_hash(sibling, computed) if number & 1 else node_hash(computed, sibling)
        number >>= 1
    if computed != root:
        raise ProofError(f"the proof for {key} leads to root {computed.hex()}, not {root.hex()}")


def _check_form(root: bytes, position: bytes, proof: StateProof) -> None:
    """Raises `ProofError` for what no tree makes: it would let other bytes pass for rows or hashes."""
    rows, siblings = proof
    depth = len(siblings)
    if depth > DEPTH_MAX or any(len(each) != HASH_BYTES for each in (root, *siblings)):
        raise ProofError(f"a root and {depth} siblings: at most {DEPTH_MAX}, of {HASH_BYTES} bytes each")
    if len(rows) % ROW_BYTES or len(rows) > BUCKET_RECORDS * ROW_BYTES:
        raise ProofError(f"{len(rows)} bytes are not up to {BUCKET_RECORDS} rows of {ROW_BYTES} bytes")
    positions = [each for each, _ in _halves(rows)]
    if any(after <= before for before, after in pairwise(positions)):
        raise ProofError("the rows are not in order of position")
    shift = DEPTH_MAX - depth
    if any(path_of(each) >> shift != path_of(position) >> shift for each in positions):
        raise ProofError("a row belongs to another bucket than the key")


def _halves(rows: bytes) -> Iterator[tuple[bytes, bytes]]:
    for at in range(0, len(rows), ROW_BYTES):
        middle = at + HASH_BYTES
        yield rows[at:middle], rows[middle : middle + HASH_BYTES]


def digest(data: bytes) -> bytes:
    """SHA-256."""
    return sha256(data).digest()


def path_of(position: bytes) -> int:
    """All bits of the path to a position, behind a 1."""
    return 1 << DEPTH_MAX | int.from_bytes(position)
