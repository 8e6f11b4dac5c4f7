"""Private keys that follow from a seed, so everybody knows them: for demos, benchmarks and drills only."""

from __future__ import annotations

from hashlib import sha256


def seeded_key(seed: int, name: str) -> bytes:
    """The 32-octet private key of `name`; the same seed gives the same key."""
    return sha256(f"counterfoil-demo/{seed}/{name}".encode()).digest()
