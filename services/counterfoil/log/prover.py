"""What can be asked of a tree whose nodes are at hand: roots, proofs and frontiers of every size it has had."""

from __future__ import annotations

from abc import ABC, abstractmethod

from counterfoil.log import merkle


class Prover(ABC):
    """Answers from `_node`: the writer's memory, or tiles that a reader has checked."""

    @abstractmethod
    def _node(self, height: int, index: int) -> bytes:
        """The hash of a complete subtree (`NodeLookup`)."""

    @abstractmethod
    def _check_size(self, size: int) -> None:
        """Raises `ProofError` unless this tree has, or had, `size` leaves."""

    def root_at(self, size: int) -> bytes:
        """MTH of the first `size` leaves (RFC 6962 2.1); `ProofError` for a size that this tree has not had."""
        self._check_size(size)
        return merkle.range_root(self._node, 0, size)

    def frontier(self, size: int) -> list[bytes]:
        """The hashes of the perfect subtrees that make up the first `size` leaves, largest first."""
        self._check_size(size)
        return merkle.frontier(self._node, size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size]) (RFC 6962 2.1.1); `ProofError` unless 0 <= index < size and this tree has had `size`."""
        self._check_size(size)
        return merkle.inclusion_proof(self._node, index, size)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """PROOF(old, D[new]) (RFC 6962 2.1.2), empty for `old == 0`; `ProofError` unless old <= new, a size it had."""
        self._check_size(new)
        return merkle.consistency_proof(self._node, old, new)
