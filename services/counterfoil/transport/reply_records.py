"""The value of a reply's record: canonical JSON, read strictly."""

from __future__ import annotations

from typing import Any, Final

import orjson

from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import parse_log
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.services import SERVICES
from counterfoil.ports import Reply

MAX_REPLY_BYTES: Final = 8_192
_HASH_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


class BadReply(Exception):
    """A record that is not a reply."""


def encode_reply(reply: Reply) -> bytes:
    """A reply's bytes."""
    refused = None
    if reply.refused is not None:
        refused = {"code": reply.refused.code.value, "detail": [list(pair) for pair in reply.refused.detail]}
    content, signature = reply.content.hex(), reply.signature.hex()
    fields = {"content": content, "index": reply.index, "refused": refused, "log": str(reply.log)}
    return canonical({**fields, "signature": signature})


def decode_reply(value: bytes | None) -> Reply:
    """The reply in a record. Raises `BadReply` unless `encode_reply` makes exactly these bytes of it."""
    if value is None or len(value) > MAX_REPLY_BYTES:
        raise BadReply("empty or too large")
    try:
        reply = _read(orjson.loads(value))
    except (KeyError, TypeError, ValueError) as problem:
        raise BadReply(repr(problem)) from problem
    if encode_reply(reply) != value:
        raise BadReply("not canonical JSON")
    return reply


def _read(found: dict[str, Any]) -> Reply:
    refused, index, refusal = found["refused"], found["index"], None
    if refused is not None:
        detail = tuple((str(name), str(text)) for name, text in refused["detail"])
        refusal = Refusal(Code(refused["code"]), detail)
    if (index is None) == (refusal is None) or not (index is None or (type(index) is int and index >= 0)):
        raise BadReply("neither a refusal nor an index, or both")
    content, signature = bytes.fromhex(found["content"]), bytes.fromhex(found["signature"])
    if len(content) != _HASH_BYTES or len(signature) not in (0, _SIGNATURE_BYTES):
        raise BadReply("a digest or signature of a wrong length")
    log = parse_log(found["log"])
    if log.service not in SERVICES:
        raise BadReply("unknown service")
    return Reply(log, content, refusal, index, signature)
