"""Verifies the signatures of commands, each once in a process: the gateway and a log's intake ask for the same one."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from counterfoil.contract.envelope import signed_bytes
from counterfoil.log.keys import verify

_KEPT: Final = 1_024


@lru_cache(_KEPT)
def is_signed(public: bytes, payload: bytes, signature: bytes) -> bool:
    """Whether `signature` over a command's payload is by the key `public` (32 bytes).

    The answer follows from these bytes alone, so one given earlier may be believed, whoever asked.
    """
    return verify(public, signed_bytes(payload), signature)
