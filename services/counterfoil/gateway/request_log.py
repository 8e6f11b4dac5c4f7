"""The log of requests, on demand: what was asked of which route, by which address, and how it was answered.

A line has neither headers nor bodies, and no value of a path or query: these say who reads about whom, and a stranger
chooses them. What was refused is bounded by kind, as are all lines that strangers can cause.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from counterfoil.gateway import noise

LOGGER: Final = "counterfoil.requests"
REFUSED: Final = f"{LOGGER}.refused"
NO_ROUTE: Final = "-"
_LINE: Final = "%(method)s %(route)s %(status)d %(size)d bytes %(ms).1f ms %(peer)s"


class RequestLog:
    """ASGI middleware around everything else; a line when an answer has ended, or was abandoned (status 499)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log, self._refused = logging.getLogger(LOGGER), logging.getLogger(REFUSED)
        self._log.setLevel(logging.INFO)  # asked for, whatever else is logged
        noise.bound(REFUSED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, found = time.perf_counter(), {"status": 499, "size": 0}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                found["status"] = message["status"]
            else:
                found["size"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._write(scope, found, 1_000 * (time.perf_counter() - began))

    def _write(self, scope: Scope, found: dict[str, int], ms: float) -> None:
        client = scope.get("client")
        fields: dict[str, Any] = {
            "method": scope["method"] if scope["method"].isalpha() else NO_ROUTE,
            "route": getattr(scope.get("route"), "path", NO_ROUTE),
            **found,
            "ms": round(ms, 1),
            "peer": client[0] if client else NO_ROUTE,
        }
        traces = [value for name, value in scope["headers"] if name == b"traceparent"]
        trace = {"trace": traces[0].decode("latin-1")} if len(traces) == 1 and len(traces[0]) == 55 else {}
        refused = found["status"] >= 400
        kind = f"{_LINE} refused {found['status']}" if refused else _LINE
        (self._refused if refused else self._log).info(kind, fields, extra={**fields, **trace})
