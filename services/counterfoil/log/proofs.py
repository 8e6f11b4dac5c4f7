"""C2SP tlog-proof: a receipt that shows, offline and years later, that an entry is in a log.

Kept beside the bytes of the entry, usually as `<name>.tlog-proof`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from counterfoil.contract.ensure import ensure
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import FormatError
from counterfoil.log.merkle import HASH_BYTES, PROOF_HASHES_MAX, leaf_hash, verify_inclusion
from counterfoil.log.note import NOTE_BYTES_MAX, Verifier, parse_note
from counterfoil.log.wire import SIZE_MAX, b64decode, b64encode, decode_hash, parse_decimal, shown

EXTRA_BYTES_MAX = 65_535
RECEIPT_BYTES_MAX = NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX

_MAGIC = b"c2sp.org/tlog-proof@v1"
_EXTRA = b"extra "
_INDEX = b"index "


@dataclass(frozen=True, slots=True)
class Receipt:
    """Leaf index, inclusion proof (leaf side first), the checkpoint note it leads to, and unauthenticated `extra`."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint_note: bytes
    extra: bytes = b""


def format_receipt(receipt: Receipt) -> bytes:
    """The `.tlog-proof` text (C2SP tlog-proof). Raises `InvariantViolation`, `FormatError` if it would not parse."""
    ensure(
        0 <= receipt.index <= SIZE_MAX
        and len(receipt.proof) <= PROOF_HASHES_MAX
        and all(len(value) == HASH_BYTES for value in receipt.proof)
        and len(receipt.extra) <= EXTRA_BYTES_MAX,
        f"the receipt of leaf {receipt.index} would not parse back",
    )
    _check_note(receipt.checkpoint_note)
    lines = [_MAGIC]
    if receipt.extra:
        lines.append(_EXTRA + b64encode(receipt.extra))
    lines.append(b"%b%d" % (_INDEX, receipt.index))
    lines += [b64encode(value) for value in receipt.proof]
    return b"\n".join(lines) + b"\n\n" + receipt.checkpoint_note


@lru_cache(16)
def _check_note(note: bytes) -> None:
    """`FormatError` unless it is a note; the receipts of one commit share theirs."""
    parse_note(note)


def parse_receipt(data: bytes) -> Receipt:
    """A receipt from its `.tlog-proof` text (C2SP tlog-proof); `FormatError` for any other spelling or over a limit."""
    if len(data) > RECEIPT_BYTES_MAX:
        raise FormatError(f"a receipt has at most {RECEIPT_BYTES_MAX} bytes, not {len(data)}")
    head, blank, checkpoint_note = data.partition(b"\n\n")
    lines = head.split(b"\n")
    if not blank or lines.pop(0) != _MAGIC or not lines:
        raise FormatError(f"not a tlog-proof: {shown(data)}")
    extra = b""
    if lines[0].startswith(_EXTRA):
        extra = b64decode(lines.pop(0)[len(_EXTRA) :])
        if not 1 <= len(extra) <= EXTRA_BYTES_MAX:
            raise FormatError(f"extra data has 1..{EXTRA_BYTES_MAX} bytes, not {len(extra)}")
    if not lines or not lines[0].startswith(_INDEX):
        raise FormatError("a tlog-proof names the index of the entry")
    index = parse_decimal(lines.pop(0)[len(_INDEX) :])
    if len(lines) > PROOF_HASHES_MAX:
        raise FormatError(f"an inclusion proof has at most {PROOF_HASHES_MAX} hashes, not {len(lines)}")
    parse_note(checkpoint_note)
    return Receipt(index, tuple(decode_hash(line) for line in lines), checkpoint_note, extra)


def verify_receipt(data: bytes, entry: bytes, keys: Iterable[Verifier]) -> tuple[Receipt, Checkpoint]:
    """Check offline that `entry` is in the log whose trusted keys are given (C2SP tlog-proof).

    Returns the receipt and its checkpoint, so that the caller sees which log, index and size. Raises `FormatError`,
    `SignatureError` or `ProofError`. `extra` stays unauthenticated.
    """
    receipt = parse_receipt(data)
    checkpoint = open_checkpoint(receipt.checkpoint_note, keys)
    verify_inclusion(receipt.index, checkpoint.size, leaf_hash(entry), receipt.proof, checkpoint.root)
    return receipt, checkpoint
