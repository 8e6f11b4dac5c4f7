"""The state root: one hash that commits to a service's whole state, the same on every implementation.

MTH of RFC 6962 section 2.1 over the RFC 8785 bytes of ``[key, record]``, sorted by key.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from counterfoil.contract.canonical import canonical
from counterfoil.contract.ensure import ensure
from counterfoil.log.merkle import leaf_hash, root_of


def state_root(records: Iterable[tuple[str, object]]) -> tuple[int, bytes]:
    """(number of records, root of 32 octets). Raises `InvariantViolation` if two records share a key."""
    ordered = sorted(records, key=_key)
    for before, after in pairwise(ordered):
        ensure(before[0] != after[0], f"two state records have the key {after[0]}")
    return len(ordered), root_of([leaf_hash(canonical(record)) for record in ordered])


def _key(record: tuple[str, object]) -> str:
    return record[0]
