"""The state root: one hash that commits to a service's whole state, the same on every implementation.

MTH of RFC 6962 section 2.1 over the RFC 8785 bytes of ``[key, record]``, sorted by key.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise

from counterfoil.contract.canonical import canonical
from counterfoil.contract.ensure import ensure


def state_root(records: Iterable[tuple[str, object]]) -> tuple[int, bytes]:
    """(number of records, root of 32 octets). Raises `InvariantViolation` if two records share a key."""
    ordered = sorted(records, key=_key)
    for before, after in pairwise(ordered):
        ensure(before[0] != after[0], f"two state records have the key {after[0]}")
    level = [sha256(b"\0" + canonical([key, value])).digest() for key, value in ordered]
    if not level:
        return 0, sha256(b"").digest()
    while len(level) > 1:  # carrying the odd node up unchanged gives RFC 6962's tree
        pairs = [sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return len(ordered), level[0]


def _key(record: tuple[str, object]) -> str:
    return record[0]
