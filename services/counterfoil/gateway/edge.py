"""What holds for every request and every answer, with any server in front."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.gateway.bounds import MAX_HEADER_BYTES, MAX_TARGET_BYTES
from counterfoil.gateway.problems import Problem


class Edge:
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
