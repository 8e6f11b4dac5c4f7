"""Bounds on a request's target and header, which hold with any server in front."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.gateway.problems import Problem

MAX_HEADER_BYTES: Final = 16_384  # names and values of all header fields together
MAX_TARGET_BYTES: Final = 8_192  # path and query together


class Bounds:
    """ASGI middleware that refuses requests out of bounds before any route sees them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        problem = _problem(scope) if scope["type"] == "http" else None
        await (self._app if problem is None else problem.response())(scope, receive, send)


def _problem(scope: Scope) -> Problem | None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
        return Problem(414, "target_too_long", "Path and query are too long.", f"at most {MAX_TARGET_BYTES} bytes")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        return Problem(431, "headers_too_large", "The header is too large.", f"at most {MAX_HEADER_BYTES} bytes")
    return None
