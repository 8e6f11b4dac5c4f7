"""The body of a request, bounded before it is read."""

from __future__ import annotations

from fastapi import Request

from counterfoil.contract.canonical import Refused
from counterfoil.contract.refusals import Code


async def read_body(request: Request, at_most: int) -> bytes:
    """The request body; reads little more than `at_most` bytes into memory. Raises `Refused` (too_large)."""
    body = bytearray()
    if _declared(request) <= at_most:
        async for chunk in request.stream():
            body += chunk
            if len(body) > at_most:
                break
        else:
            return bytes(body)
    raise Refused(Code.TOO_LARGE, limit=str(at_most))


def _declared(request: Request) -> int:
    """The declared length of the body; 0 if it is missing or malformed."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
