"""The HTTP server of the application, with bounds that apply before a request is complete."""

from __future__ import annotations

from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 65_536
"""The bound on request line and header fields of one request."""
MAX_CONNECTIONS: Final = 1_000
_KEEP_ALIVE: Final = 15  # seconds that an idle connection is kept
_DRAIN: Final = 5  # seconds that requests under way get to finish when the server stops


class HeadTooLarge(Exception):
    """The request head is larger than the bound; the connection is closed."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a bound on the request head."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        self._count(name, value)
        super().on_header(name, value)

    def _count(self, *parts: bytes) -> None:
        self._head += sum(map(len, parts))
        if self._head > MAX_HEAD_BYTES:
            raise HeadTooLarge  # the parser reports it; the connection is answered with 400 and closed


def server_config(app: FastAPI, **options: Any) -> uvicorn.Config:
    """Settings of a server for the gateway; `options` override them."""
    bounds: dict[str, Any] = {
        "http": BoundedProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "limit_concurrency": MAX_CONNECTIONS,
        "timeout_keep_alive": _KEEP_ALIVE,
        "timeout_graceful_shutdown": _DRAIN,
    }
    return uvicorn.Config(app, **{**bounds, **options})
