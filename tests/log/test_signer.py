"""A log's signer never signs or remembers anything that does not extend its last committed head."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import FormatError, ProofError, RollbackError
from counterfoil.log.merkle import EMPTY_ROOT
from counterfoil.log.signer import Signer
from tests.log.helpers import KEY, ORIGIN, OTHER_KEY, mth, some_leaves, subproof_of

LEAVES = some_leaves(60)
ROOTS = [mth(LEAVES[:size]) for size in range(61)]
FORK = mth(LEAVES[1:])


def signer_at(size: int) -> Signer:
    return Signer(KEY, Checkpoint(ORIGIN, size, ROOTS[size]).text())


@given(st.lists(st.integers(0, 20), max_size=8))
def test_growing(steps: list[int]) -> None:
    signer = Signer(KEY)
    for step in steps:
        old = signer.head.size
        new = min(old + step, 60)
        note = signer.sign_checkpoint(new, ROOTS[new], subproof_of(old, LEAVES[:new]) if old else [])
        assert open_checkpoint(note, [KEY.verify_key]) == Checkpoint(ORIGIN, new, ROOTS[new])
        assert signer.head.size == old
        signer.committed(new, ROOTS[new])
        signer = Signer(KEY, signer.memory())
        assert signer.head == Checkpoint(ORIGIN, new, ROOTS[new])


@pytest.mark.parametrize(
    ("head", "size", "root", "proof", "error"),
    [
        (0, 0, EMPTY_ROOT, [], None),
        (0, 9, ROOTS[9], [], None),  # first use
        (0, 9, ROOTS[9], [ROOTS[1]], ProofError),
        (0, 0, ROOTS[9], [], RollbackError),
        (7, 7, ROOTS[7], [], None),  # again, for freshness
        (7, 7, ROOTS[7], [ROOTS[1]], ProofError),
        (7, 7, FORK, [], RollbackError),
        (7, 6, ROOTS[6], [], RollbackError),
        (7, 0, EMPTY_ROOT, [], RollbackError),
        (7, -1, ROOTS[1], [], RollbackError),
        (7, 9, ROOTS[9], subproof_of(7, LEAVES[:9]), None),
        (7, 9, FORK, subproof_of(7, LEAVES[:9]), ProofError),
        (7, 9, ROOTS[9], [], ProofError),
        (7, 9, ROOTS[9], subproof_of(6, LEAVES[:9]), ProofError),
        (7, 9, ROOTS[9], [*subproof_of(7, LEAVES[:9]), ROOTS[1]], ProofError),
        (7, 2**63, ROOTS[9], subproof_of(7, LEAVES[:9]), ProofError),
        (0, 2**63, ROOTS[9], [], FormatError),
        (0, 9, ROOTS[9][:31], [], FormatError),
    ],
)
def test_what_is_signed(head: int, size: int, root: bytes, proof: list[bytes], error: type[Exception] | None) -> None:
    signer = signer_at(head)
    if error is None:
        assert open_checkpoint(signer.sign_checkpoint(size, root, proof), [KEY.verify_key]) == (ORIGIN, size, root)
        return
    with pytest.raises(error):
        signer.sign_checkpoint(size, root, proof)
    if (size, root) != (head, ROOTS[head]):
        with pytest.raises(RollbackError):  # what was refused cannot be committed either
            signer.committed(size, root)
    assert signer.memory() == signer_at(head).memory()


def test_only_what_was_signed_last_is_committed() -> None:
    signer = signer_at(7)
    signer.committed(7, ROOTS[7])  # nothing new
    signer.sign_checkpoint(9, ROOTS[9], subproof_of(7, LEAVES[:9]))
    signer.sign_checkpoint(12, ROOTS[12], subproof_of(7, LEAVES[:12]))  # the batch of 9 was abandoned
    for size, root in ((9, ROOTS[9]), (12, FORK), (6, ROOTS[6])):
        with pytest.raises(RollbackError):
            signer.committed(size, root)
    signer.committed(12, ROOTS[12])
    with pytest.raises(RollbackError, match="committed to size 12"):
        signer.sign_checkpoint(9, ROOTS[9], subproof_of(7, LEAVES[:9]))


def test_memory_is_three_lines_of_this_log() -> None:
    assert Signer(KEY).memory() == ORIGIN.encode() + b"\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    memory = signer_at(7).memory()
    for wrong in (b"", memory[:-1], memory + b"\n", memory.replace(b"\n7\n", b"\n07\n")):
        with pytest.raises(FormatError):
            Signer(KEY, wrong)
    with pytest.raises(FormatError, match="was given to the signer of"):
        Signer(OTHER_KEY, memory)
