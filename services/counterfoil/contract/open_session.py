"""What a party signs to read: a document that opens a session with the gateways of one instance.

It is signed as a command is, with DSSE, and its payload type is another: neither can ever be taken for the other.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, canonical, own_form, parse_json
from counterfoil.contract.envelope import open_envelope
from counterfoil.contract.forms import check, dump
from counterfoil.contract.record import record
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import Host, Id, KeyId, Nonce, Time
from counterfoil.contract.wire import UNREADABLE, reader

OPEN_SESSION_TYPE: Final = "application/vnd.counterfoil.open-session.v1+json"


@record
class OpenSession:
    """`audience`: the instance's host. `nonce`: 16 octets that this party uses once. `expires_at`: at most
    `limits.MAX_OPEN_SESSION` from now, by the clock of the machine and not by that of the market.
    """

    audience: Host
    expires_at: Time
    key_id: KeyId
    nonce: Nonce
    party_id: Id


_read: Final = reader(OpenSession)


def encode_open_session(document: OpenSession) -> bytes:
    """Its payload: RFC 8785 bytes."""
    return canonical(dump(document))


def decode_open_session(envelope: bytes) -> tuple[OpenSession, bytes, bytes]:
    """(document, payload, signature) of an envelope; the signature is not verified here.

    Raises `Refused`: too_large, malformed, wrong_payload_type, not_canonical and the others of parsing.
    """
    payload, signature = open_envelope(envelope, OPEN_SESSION_TYPE, limits.MAX_OPEN_SESSION_BYTES)
    own_form(parse_json(payload, limits.MAX_OPEN_SESSION_BYTES), payload)
    try:
        document: OpenSession = _read(payload)
        check(document)
        if encode_open_session(document) != payload:
            raise ValueError("a member is not in its own form")
    except UNREADABLE as problem:
        raise Refused(Code.MALFORMED, reason=f"not an open_session: {problem}"[:120]) from problem
    return document, payload, signature
