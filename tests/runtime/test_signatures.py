"""A signature is verified once in a process, and what is remembered of it does not grow with what was signed."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from hashlib import sha256

import pytest

from counterfoil.catalogue import CODEC
from counterfoil.contract import limits
from counterfoil.log import keys
from counterfoil.runtime import signatures
from counterfoil.runtime.signatures import is_signed
from tests.runtime.harness import STRANGER, TREASURER, deposit

GOOD = CODEC.decode_envelope(deposit(424_242))  # no other test has this one verified in the same process
OTHER = CODEC.decode_envelope(deposit(424_243))
FLOOD = 300


def test_an_answer_is_for_one_key_one_payload_and_one_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[bytes] = []

    def counted(public: bytes, message: bytes, signature: bytes) -> bool:
        verified.append(signature)
        return keys.verify(public, message, signature)

    monkeypatch.setattr(signatures, "verify", counted)
    mixed = replace(GOOD, signature=OTHER.signature)
    for _ in range(2):
        assert is_signed(TREASURER.public_key, GOOD)
        assert not is_signed(STRANGER.public_key, GOOD)
        assert not is_signed(TREASURER.public_key, mixed)
    assert verified == [GOOD.signature, GOOD.signature, mixed.signature]


def test_a_flood_of_large_payloads_with_bad_signatures_takes_no_memory() -> None:
    """Anybody can send them, in the name of any key that is known."""
    size = limits.MAX_BATCH_PAYLOAD_BYTES
    tracemalloc.start()
    try:
        for nth in range(FLOOD):
            payload = b"%d" % nth * (size // 4)
            is_signed(TREASURER.public_key, replace(GOOD, payload=payload, content=sha256(payload).digest()))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < FLOOD * size // 10
