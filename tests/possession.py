"""Keys of the tests with their proofs: the `n`-th key of a world is made from the number `n`."""

from __future__ import annotations

from functools import cache

from counterfoil.client.author import Author
from counterfoil.contract.possession import ProvenKey, Use

HOST = "world.example"
"""Of the worlds that have no instance."""


@cache
def proven(number: int, party_id: str, host: str = HOST, use: Use = "signing") -> ProvenKey:
    """The `number`-th key, proven for a party."""
    return author(number, party_id).prove(host, use)


@cache
def author(number: int, party_id: str) -> Author:
    """Who signs for a party with the `number`-th key."""
    return Author(party_id, number.to_bytes(32, "big"))
