"""What a key signs so that nobody can register a key that is not theirs, nor for a party that they do not speak for.

A statement names host, party, key and use, so a proof serves for one registration only. Its first line is that of no
other signed text: commands are signed as DSSE, checkpoints begin with an origin.
"""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import record
from counterfoil.contract.scalars import PublicKey, Signature, encode_base64

Use = Literal["signing", "recovery"]
"""What a key is for: a party's commands, or nothing but `recover_party`."""


@record
class ProvenKey:
    """A public key, and the signature by it over the `statement` of its use."""

    public_key: PublicKey
    proof: Signature


def statement(host: str, party_id: str, public_key: bytes, use: Use) -> bytes:
    """The octets that prove possession: five lines, each with its line feed."""
    lines = ("counterfoil.possession.v1", host, party_id, use, encode_base64(public_key))
    return "".join(f"{line}\n" for line in lines).encode()
