"""A log's signature, given only for extensions of the last head that it knows to be committed.

This memory is the signer's own. A database restored from an old backup, or a second writer, cannot make it sign a
history that contradicts one already published (C2SP tlog-checkpoint: a log must not sign inconsistent checkpoints).
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.log.checkpoint import Checkpoint, empty_checkpoint, parse_checkpoint, sign_checkpoint
from counterfoil.log.errors import FormatError, ProofError, RollbackError
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.log.merkle import verify_consistency


class Signer:
    """Signs checkpoints of the log named like the key.

    Order of use: `sign_checkpoint`, commit the head, `committed`, store `memory()` durably, publish. A head that was
    signed and never committed is forgotten when the next one is signed; it must never have been published.
    """

    def __init__(self, key: SigningKey, memory: bytes | None = None) -> None:
        """`memory`: what `memory()` returned last, None for a log that never signed; `FormatError` if another log's."""
        self._key = key
        self._head = parse_checkpoint(memory) if memory is not None else empty_checkpoint(key.name)
        self._signed: Checkpoint | None = None
        if self._head.origin != key.name:
            raise FormatError(f"the memory of {self._head.origin!r} was given to the signer of {key.name!r}")

    @property
    def head(self) -> Checkpoint:
        """The last committed head."""
        return self._head

    @property
    def verify_key(self) -> VerifyKey:
        """The public key that its checkpoints verify with."""
        return self._key.verify_key

    def memory(self) -> bytes:
        r"""The last committed head as `<origin>\n<size>\n<base64 root>\n`."""
        return self._head.text()

    def sign_checkpoint(self, size: int, root: bytes, consistency_proof: Sequence[bytes]) -> bytes:
        """The signed note for `(size, root)`, which `consistency_proof` shows to extend the remembered head.

        The same head may be signed again, with an empty proof. From size 0 there is nothing to prove and the proof is
        empty. Raises `RollbackError` for a smaller size or another root at the same size, `ProofError` for a proof
        that does not hold.
        """
        head, wanted = self._head, Checkpoint(self._key.name, size, root)
        self._refuse_rollback(wanted)
        if head.size:
            verify_consistency(head.size, size, head.root, root, consistency_proof)
        elif consistency_proof:
            raise ProofError(f"a proof from size 0 is empty, not {len(consistency_proof)} hashes")
        note = sign_checkpoint(wanted, self._key)
        self._signed = wanted
        return note

    def committed(self, size: int, root: bytes) -> None:
        """Remember the head signed last, now that it is committed; `RollbackError` if it is not that one."""
        head = Checkpoint(self._key.name, size, root)
        if head not in (self._signed, self._head):
            raise RollbackError(f"size {size} root {root.hex()} of {head.origin!r} is not what was signed last")
        self._head, self._signed = head, None

    def _refuse_rollback(self, wanted: Checkpoint) -> None:
        head = self._head
        if wanted.size < head.size or (wanted.size == head.size and wanted.root != head.root):
            raise RollbackError(
                f"{head.origin!r} is committed to size {head.size} root {head.root.hex()}, "
                f"asked for size {wanted.size} root {wanted.root.hex()}"
            )
