"""Ed25519 keys (RFC 8032) with the names and text forms of C2SP signed-note.

Verification is libsodium's, which is strict where verifiers are known to disagree: S below the group order, canonical
and large-order public key, no small-order R, and R compared byte by byte (no cofactor). libsodium releases the GIL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from counterfoil.log.errors import FormatError
from counterfoil.log.wire import b64decode, b64encode, check_name

ED25519 = b"\x01"
"""C2SP signed-note signature type of plain Ed25519."""

PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64
KEY_TEXT_CHARS_MAX = 1_024
"""Longest vkey text."""

_KEY_ID = re.compile(r"[0-9a-f]{8}")


def check_public_key(raw: bytes) -> None:
    """`FormatError` unless `raw` is a canonical encoding of a point of prime order (RFC 8032 5.1.3, and stricter).

    About 50 µs: for registration, not for every message.
    """
    if len(raw) != PUBLIC_KEY_BYTES or not crypto_core_ed25519_is_valid_point(raw):
        raise FormatError(f"not a canonical Ed25519 public key of prime order: {raw[: PUBLIC_KEY_BYTES + 1].hex()}")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes, R || S) over `message` is by `public` (32 bytes) (RFC 8032 5.1.7, strict)."""
    if len(public) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """H(name || 0x0A || type || public key)[:4] (C2SP signed-note)."""
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def parse_key_text(text: str, kind: bytes) -> tuple[str, bytes, bytes]:
    """`name+<key id>+<base64 of type || key>` -> (name, 4-byte key id, 32-byte key), for keys of type `kind`.

    Raises `FormatError` for any other spelling or type. The key id is compared by the caller.
    """
    parts = text.split("+", 2) if len(text) <= KEY_TEXT_CHARS_MAX else []  # base64 may hold a plus sign
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise FormatError("not a key of the form name+id+base64")
    check_name(parts[0])
    raw = b64decode(parts[2].encode())
    if raw[:1] != kind or len(raw) != 1 + PUBLIC_KEY_BYTES:
        raise FormatError(f"key {parts[0]!r} is not 32 bytes of signature type {kind.hex()}")
    return parts[0], bytes.fromhex(parts[1]), raw[1:]


def format_key_text(name: str, identity: bytes, kind: bytes, raw: bytes) -> str:
    """`name+<key id>+<base64 of type || key>` (C2SP signed-note)."""
    return f"{name}+{identity.hex()}+{b64encode(kind + raw).decode()}"


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A named Ed25519 public key (C2SP signed-note type 0x01); `FormatError` for a bad name or key."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Check name and key, work out the key id."""
        check_name(self.name)
        check_public_key(self.public)
        object.__setattr__(self, "key_id", key_id(self.name, ED25519, self.public))

    @classmethod
    def parse(cls, vkey: str) -> VerifyKey:
        """From `name+<key id>+<base64>` (C2SP signed-note vkey); `FormatError` if malformed or if its id differs."""
        name, identity, public = parse_key_text(vkey, ED25519)
        key = cls(name, public)
        if key.key_id != identity:
            raise FormatError(f"key {name!r} has id {key.key_id.hex()}, not {identity.hex()}")
        return key

    def vkey(self) -> str:
        """The C2SP signed-note vkey, `name+<key id>+<base64>`."""
        return format_key_text(self.name, self.key_id, ED25519, self.public)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` over `message` is by this key."""
        return verify(self.public, message, signature)


class SigningKey:
    """A named Ed25519 private key; `repr` does not show it."""

    __slots__ = ("_secret", "verify_key")

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: 32 bytes of entropy from the caller; `FormatError` for a bad name or length."""
        if len(seed) != SEED_BYTES:
            raise FormatError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        public, self._secret = crypto_sign_seed_keypair(seed)
        self.verify_key = VerifyKey(name, public)

    @property
    def name(self) -> str:
        """Key name."""
        return self.verify_key.name

    def sign(self, message: bytes) -> bytes:
        """64-byte Ed25519 signature (RFC 8032 5.1.6)."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        """Name and key id only."""
        return f"SigningKey({self.name!r}, {self.verify_key.key_id.hex()})"
