"""The state root of a whole dump: what the engine's root, updated for what changed, has to agree with."""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.canonical import canonical
from counterfoil.contract.ensure import ensure
from counterfoil.core.state_tree import StateTree
from counterfoil.core.table import Record


def state_root(records: Iterable[Record]) -> tuple[int, bytes]:
    """(number of records, root of 32 octets). Raises `InvariantViolation` if two records share a key."""
    tree, found = StateTree(), dict[str, bytes]()
    for key, value in records:
        ensure(key not in found, f"two state records have the key {key}")
        found[key] = canonical(value)
    tree.update(found)
    return len(tree), tree.root()
