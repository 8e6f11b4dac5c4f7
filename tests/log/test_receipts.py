"""A receipt verifies offline with the pinned key alone, and no byte of it, nor of its entry, can change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.errors import FormatError, ProofError, SignatureError
from counterfoil.log.proofs import Receipt, format_receipt, parse_receipt, verify_receipt
from counterfoil.log.wire import b64encode
from tests.log.helpers import KEY, ORIGIN, OTHER_KEY, flips, mth, path_of, refused, some_entries, some_leaves

ENTRIES = some_entries(40)
LEAVES = some_leaves(40)
KEYS = [KEY.verify_key]


def receipt(index: int, size: int, extra: bytes = b"") -> Receipt:
    head = Checkpoint(ORIGIN, size, mth(LEAVES[:size]))
    return Receipt(index, tuple(path_of(index, LEAVES[:size])), sign_checkpoint(head, KEY), extra)


GOOD = receipt(11, 21)
TEXT = format_receipt(GOOD)


def test_the_text_of_a_receipt() -> None:
    lines = TEXT.split(b"\n")
    assert lines[:2] == [b"c2sp.org/tlog-proof@v1", b"index 11"]
    assert lines[2] == b64encode(LEAVES[10])  # leaf side first
    assert lines[7:11] == [b"", ORIGIN.encode(), b"21", b64encode(mth(LEAVES[:21]))]
    assert format_receipt(receipt(11, 21, b"note")).split(b"\n")[1:3] == [b"extra bm90ZQ==", b"index 11"]
    assert format_receipt(receipt(0, 1)).startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + ORIGIN.encode())


@given(st.integers(1, 40), st.integers(0, 39), st.binary(max_size=50))
def test_receipts_both_ways(size: int, index: int, extra: bytes) -> None:
    made = receipt(index % size, size, extra)
    data = format_receipt(made)
    assert parse_receipt(data) == made
    parsed, checkpoint = verify_receipt(data, ENTRIES[index % size], KEYS)
    assert (parsed, checkpoint.size) == (made, size)


def test_no_byte_can_change() -> None:
    verify_receipt(TEXT, ENTRIES[11], KEYS)
    for at, changed in flips(TEXT):
        assert refused(verify_receipt, changed, ENTRIES[11], KEYS), at
    for length in range(len(TEXT)):
        assert refused(verify_receipt, TEXT[:length], ENTRIES[11], KEYS), length
    for _, changed in flips(ENTRIES[11]):
        assert refused(verify_receipt, TEXT, changed, KEYS)


def test_extra_is_carried_and_not_believed() -> None:
    data = format_receipt(receipt(11, 21, b"note")).replace(b"bm90ZQ==", b64encode(b"other"))
    parsed, _ = verify_receipt(data, ENTRIES[11], KEYS)
    assert parsed.extra == b"other"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", TEXT + b"\n", TEXT + b"x", b"\n" + TEXT, TEXT.replace(b"@v1", b"@v2"),
        TEXT.replace(b"\n", b"\r\n"), TEXT.partition(b"\n\n")[0] + b"\n\n", TEXT.replace(b"index 11\n", b""),
        *(
            TEXT.replace(b"index 11", lines)
            for lines in (
                b"index 011", b"index  11", b"index -1", b"index 9223372036854775808", b"index 11\nindex 11",
                b"extra \nindex 11", b"extra YQ\nindex 11", b"extra YQ==\nextra YQ==\nindex 11",
                b"index 11\nextra YQ==", b"index 11\nYQ==",
            )
        ),
    ],
)  # fmt: skip
def test_bytes_that_are_no_receipt(data: bytes) -> None:
    with pytest.raises(FormatError):
        verify_receipt(data, ENTRIES[11], KEYS)


def test_whose_receipt_it_is() -> None:
    with pytest.raises(SignatureError):
        verify_receipt(TEXT, ENTRIES[11], [OTHER_KEY.verify_key])
    with pytest.raises(SignatureError):  # a blank line more: the proof becomes part of what should be signed
        verify_receipt(TEXT.replace(b"index 11", b"index 11\n"), ENTRIES[11], KEYS)
    with pytest.raises(ProofError, match="leads to root"):
        verify_receipt(TEXT, ENTRIES[12], KEYS)
    with pytest.raises(ProofError):
        verify_receipt(TEXT.replace(b"index 11", b"index 10"), ENTRIES[11], KEYS)


def test_limits() -> None:
    for extra, ok in ((b"x" * 65_535, True), (b"x" * 65_536, False)):
        data = TEXT.replace(b"index 11", b"extra " + b64encode(extra) + b"\nindex 11")
        assert refused(parse_receipt, data) != ok
    for hashes, ok in ((64, True), (65, False)):
        data = TEXT.replace(b"index 11", b"index 11" + (b"\n" + b64encode(LEAVES[0])) * (hashes - 5))
        assert refused(parse_receipt, data) != ok
    with pytest.raises(FormatError, match="a receipt has at most"):
        parse_receipt(TEXT + b"x" * 1_131_070)
    wrong: list[dict[str, Any]] = [
        {"index": -1},
        {"index": 2**63},
        {"proof": (bytes(31),)},
        {"proof": (bytes(32),) * 65},
        {"extra": bytes(65_536)},
        {"checkpoint_note": b"not a note"},
    ]
    for each in wrong:
        with pytest.raises((InvariantViolation, FormatError)):
            format_receipt(replace(GOOD, **each))
