"""What a log's state holds under a key, proven against the state root in one of its entries.

It is the state that the log's snapshot has: behind the last state root that was written there. The tree over it is made
at the first question about it, and made anew after the snapshot was moved on.
"""

from __future__ import annotations

from itertools import islice
from threading import Lock
from typing import Final, NamedTuple

from counterfoil.contract.events import StateRooted
from counterfoil.core.state_tree import StateTree
from counterfoil.log.errors import ProofError
from counterfoil.log.state import StateProof
from counterfoil.ports import SnapshotReader, StoreConflict, Unavailable
from counterfoil.runtime.receipts import Receipts, Recorded

_AT_ONCE: Final = 4_096  # records
_ATTEMPTS: Final = 3
_WAIT: Final = 1.0  # seconds, for those who ask before


class NotRooted(Exception):
    """The log has no state root yet of which the state is kept."""


class UnderWay(Exception):
    """The tree is being made for somebody else's question."""


class Found(NamedTuple):
    """`value`: canonical bytes, None if the state holds nothing there. `root`: the entry with the state root."""

    root: Recorded
    value: bytes | None
    proof: StateProof


class _Rooted(NamedTuple):
    tree: StateTree
    size: int


class StateProofs:
    """The proofs about one log's state. Any thread may ask; the tree is made by one at a time."""

    def __init__(self, origin: str, receipts: Receipts, snapshot: SnapshotReader) -> None:
        self._origin, self._receipts, self._snapshot = origin, receipts, snapshot
        self._lock = Lock()  # a tree is not for use from two threads
        self._rooted: _Rooted | None = None

    def prove(self, key: str) -> Found:
        """What the state holds under `key`; waits for databases, some 10 us for each record when a tree is made.

        Raises `NotRooted`, `UnderWay`; `ProofError` if the snapshot is not what the log commits to; `Unavailable`.
        """
        if not self._lock.acquire(timeout=_WAIT):
            raise UnderWay
        try:
            for left in range(_ATTEMPTS, 0, -1):
                try:
                    return self._prove(key)
                except StoreConflict as problem:  # the log's writer has moved it on
                    if left == 1:
                        raise Unavailable(str(problem)) from problem
            raise AssertionError
        finally:
            self._lock.release()

    def _prove(self, key: str) -> Found:
        size = self._snapshot.size()
        if not size:
            raise NotRooted
        root = self._receipts.recorded(self._origin, size - 1)
        if root is None:
            raise NotRooted
        tree = self._tree(size, root)
        return Found(root, self._snapshot.find(size, key), tree.prove(key))

    def _tree(self, size: int, root: Recorded) -> StateTree:
        if self._rooted is None or self._rooted.size != size:
            self._rooted = None
            tree, records = StateTree(), self._snapshot.records(size)
            while some := dict(islice(records, _AT_ONCE)):
                tree.update(some)
            committed = [event.root for event in root.entry.events if isinstance(event, StateRooted)]
            if committed != [tree.root()]:
                raise ProofError(f"{self._origin}: what is kept is not the state that entry {size - 1} commits to")
            self._rooted = _Rooted(tree, size)
        return self._rooted.tree
