"""Key ids of parties' Ed25519 public keys."""

from __future__ import annotations

from hashlib import sha256


def key_id_of(public_key: bytes) -> str:
    """The first 8 octets of SHA-256 of the 32-octet public key, as 16 hexadecimal digits."""
    return sha256(public_key).hexdigest()[:16]
