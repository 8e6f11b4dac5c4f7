"""The DSSE v1 envelope around a signed payload (JSON form, exactly one signature; secure-systems-lab/dsse)."""

from __future__ import annotations

import msgspec

from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, canonical, parse_json
from counterfoil.contract.entry import PAYLOAD_TYPE
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.contract.wire import UNREADABLE, reader


class _Signature(msgspec.Struct):
    keyid: str
    sig: bytes


class _Envelope(msgspec.Struct):
    payload: bytes
    signatures: list[_Signature]


_read_form = reader(_Envelope)


def pae(payload_type: bytes, payload: bytes) -> bytes:
    """DSSE v1.0.2 pre-authentication encoding: type and payload, each after its length in ASCII decimal."""
    return b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type, len(payload), payload)


def signed_bytes(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """What the Ed25519 signature of a payload covers; by default of a command's."""
    return pae(payload_type.encode(), payload)


def encode_envelope(payload: bytes, signature: bytes, key_id: str, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The envelope's JSON bytes."""
    return canonical(
        {
            "payload": encode_base64(payload),
            "payloadType": payload_type,
            "signatures": [{"keyid": key_id, "sig": encode_base64(signature)}],
        }
    )


def open_envelope(
    data: bytes, payload_type: str = PAYLOAD_TYPE, at_most: int = limits.MAX_ENVELOPE_BYTES
) -> tuple[bytes, bytes]:
    """(payload, signature) of an envelope; nothing is verified here. Raises `Refused` with an intake code.

    An envelope of another payload type, or of more than `at_most` bytes, is refused. Its own ``keyid`` is an
    unauthenticated hint and is ignored: the key is the one the payload names.
    """
    if len(data) <= at_most:
        try:
            form = _read_form(data)
            (signature,) = form.signatures
            payload, sig = form.payload, signature.sig
            if len(sig) == 64 and encode_envelope(payload, sig, signature.keyid, payload_type) == data:
                return payload, sig
        except UNREADABLE:
            pass
    return _open_other_form(data, payload_type, at_most)


def _open_other_form(data: bytes, payload_type: str, at_most: int) -> tuple[bytes, bytes]:
    """An envelope may be written in any way: blanks, order of members, with or without a ``keyid``."""
    value = parse_json(data, at_most)
    try:
        (signature,) = value["signatures"]
        members = sorted(value) == ["payload", "payloadType", "signatures"] and sorted(signature) in (
            ["keyid", "sig"],
            ["sig"],
        )
        found, payload, sig = value["payloadType"], value["payload"], signature["sig"]
        raw, raw_sig = decode_base64(payload), decode_base64(sig)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Refused(Code.MALFORMED, reason="not a DSSE envelope with one signature") from problem
    if not members or len(raw_sig) != 64:
        raise Refused(Code.MALFORMED, reason="not a DSSE envelope with one Ed25519 signature")
    if found != payload_type:
        raise Refused(Code.WRONG_PAYLOAD_TYPE, expected=payload_type)
    return raw, raw_sig
