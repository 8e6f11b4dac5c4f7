"""How a delivery is signed: Standard Webhooks 1.0, HMAC-SHA256 over its id, its time and its body.

A message has the headers ``webhook-id``, ``webhook-timestamp`` (Unix seconds) and ``webhook-signature``: signatures
with spaces between them, each ``v1,`` and base64. While a secret is being replaced there are two.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
MEDIA_TYPE: Final = "application/cloudevents+json"
SECRET_OCTETS: Final = 32
"""Of a new secret; one of 24 to 64 is accepted, as the standard says."""
_PREFIX: Final = "whsec_"
_OCTETS: Final = range(24, 65)
_VERSION: Final = "v1,"


def format_secret(secret: bytes) -> str:
    """A secret as its receiver is told it."""
    return _PREFIX + b64encode(secret).decode()


def parse_secret(text: str) -> bytes:
    """The octets of ``whsec_`` and base64. Raises ValueError, without the text."""
    try:
        found = b64decode(text.removeprefix(_PREFIX), validate=True) if text.startswith(_PREFIX) else b""
    except ValueError:
        found = b""
    if len(found) not in _OCTETS:
        raise ValueError("a secret is `whsec_` and base64 of 24 to 64 octets")
    return found


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one message."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return _VERSION + b64encode(hmac.digest(secret, signed, sha256)).decode()


def is_signed(secret: bytes, message_id: str, timestamp: int, body: bytes, signatures: Iterable[str]) -> bool:
    """Whether one of the signatures is by this secret; compared in constant time."""
    wanted = sign(secret, message_id, timestamp, body).encode()
    return sum(hmac.compare_digest(wanted, each.encode()) for each in signatures) > 0  # all of them are compared


def message_id_of(event_id: str) -> str:
    """The ``webhook-id`` of an event: the same for each attempt and replay, without a full stop."""
    return f"msg_{sha256(event_id.encode()).hexdigest()[:32]}"
