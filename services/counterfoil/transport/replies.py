"""Replies as records: canonical JSON, read strictly."""

from __future__ import annotations

from typing import Any

import orjson

from counterfoil.contract.codec import canonical
from counterfoil.contract.rejections import Code, Rejected
from counterfoil.ports import Reply

MAX_REPLY_BYTES = 8_192


class BadReply(Exception):
    """A record that is no reply."""


def encode_reply(reply: Reply) -> bytes:
    """A reply's bytes."""
    refused = None
    if reply.refused is not None:
        refused = {"code": reply.refused.code.value, "detail": [list(pair) for pair in reply.refused.detail]}
    content, signature = reply.content.hex(), reply.signature.hex()
    fields = {"content": content, "index": reply.index, "refused": refused, "service": reply.service}
    return canonical({**fields, "signature": signature})


def decode_reply(value: bytes | None) -> Reply:
    """The reply in a record. Raises `BadReply`."""
    if value is None or len(value) > MAX_REPLY_BYTES:
        raise BadReply("not of a reply's size")
    try:
        found: dict[str, Any] = orjson.loads(value)
        refused = found["refused"]
        rejected = None
        if refused is not None:
            rejected = Rejected(
                Code(refused["code"]), tuple((str(name), str(text)) for name, text in refused["detail"])
            )
        index = found["index"]
        if not (index is None or isinstance(index, int)) or (index is None) == (rejected is None):
            raise BadReply("neither refused nor recorded")
        content, signature = bytes.fromhex(found["content"]), bytes.fromhex(found["signature"])
        return Reply(str(found["service"]), content, rejected, index, signature)
    except (KeyError, TypeError, ValueError) as problem:
        raise BadReply(repr(problem)) from problem
