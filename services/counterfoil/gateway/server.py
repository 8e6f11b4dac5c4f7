"""The HTTP server of the application, with bounds that apply before a request is complete."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from counterfoil.gateway import noise
from counterfoil.gateway.bounds import (
    BODY_WITHIN,
    DRAIN,
    HEAD_WITHIN,
    IDLE,
    LINGER,
    MAX_HEAD_BYTES,
    MAX_PIPELINED,
    READ_WITHIN,
)
from counterfoil.gateway.connections import Connections
from counterfoil.gateway.problems import Problem, ProblemCode

_NOT_HTTP: Final = Problem(ProblemCode.NOT_HTTP)
_TOO_LATE: Final = Problem(ProblemCode.TOO_LATE)
_TOO_MANY: Final = Problem(ProblemCode.TOO_MANY_CONNECTIONS)


class OutOfBounds(Exception):
    """The request head is too large, or too many requests wait on its connection: nothing more of it is read."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with deadlines, and bounds on the request head and on what a connection may ask for at once."""

    def __init__(self, *args: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*args, **options)
        self._admitted = connections
        self._head = 0  # bytes of the head being read
        self._begun = self._reading_body = False  # of the request being read
        self._received = self._answered = 0  # requests: read to the end; answered
        self._ended = False  # whether nothing more is read
        self._closes_at = 0.0  # unless what was received is being answered
        self._stalls_at: float | None = None  # while the peer does not read

    # the connection -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit it, or say that there are too many and close it."""
        super().connection_made(transport)
        self._closes_at = self.loop.time() + HEAD_WITHIN
        if not self._admitted.admit(self, self.client[0] if self.client else "", self.loop):
            self._close_with(_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._admitted.remove(self)
        super().connection_lost(exc)

    def check_deadline(self, now: float) -> None:
        """Close the connection if its peer is late, or reads nothing."""
        if self._stalls_at is not None and self._stalls_at <= now:
            self.transport.abort()
        elif self._closes_at <= now and not self._is_answering():
            if self.transport.is_closing():
                self.transport.abort()
            elif self._begun and not self._ended:
                self._close_with(_TOO_LATE)
            else:
                self._close()

    def pause_writing(self) -> None:
        """The peer does not read what it was sent."""
        super().pause_writing()
        self._stalls_at = self.loop.time() + READ_WITHIN

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._stalls_at = None

    # requests -------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if not self._ended:
            super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._received - self._answered >= MAX_PIPELINED:
            raise OutOfBounds  # the parser stops, and reports it
        self._head, self._begun = 0, True
        self._closes_at = self.loop.time() + HEAD_WITHIN
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        self._count(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of the head."""
        self._reading_body = True
        self._closes_at = self.loop.time() + BODY_WITHIN
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The end of the request."""
        self._begun = self._reading_body = False
        self._received += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The end of an answer."""
        self._answered += 1
        self._closes_at = self.loop.time() + (HEAD_WITHIN if self._begun else IDLE)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser has stopped: answer what came before, then close; or say what is wrong."""
        if self._is_answering():
            self._ended = True
            last = self.pipeline[0][0] if self.pipeline else self.cycle
            last.keep_alive = False
            self._closes_at = self.loop.time()
        else:
            self._close_with(_NOT_HTTP)

    def _count(self, *parts: bytes) -> None:
        self._head += sum(map(len, parts))
        if self._head > MAX_HEAD_BYTES:
            raise OutOfBounds

    def _is_answering(self) -> bool:
        return self._received > self._answered

    def _close_with(self, problem: Problem) -> None:
        """Close the connection with a problem document, unless it has another answer already."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if not self._reading_body or cycle is None or not cycle.response_started:
            response = problem.response()
            headers = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
            head = b"".join(b"%s: %s\r\n" % field for field in headers)
            self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body))
        self._close()

    def _close(self) -> None:
        self._ended = True
        self._closes_at = self.loop.time() + LINGER
        self.transport.close()


def server_config(
    app: ASGIApp, connections: Connections | None = None, proxies: Sequence[str] = (), **options: Any
) -> uvicorn.Config:
    """Settings of a server for the gateway; `options` override them.

    `proxies`: addresses that are believed about who asks and by which scheme (``X-Forwarded-For``, ``-Proto``).
    """
    noise.bound("uvicorn.error")
    counted = Connections() if connections is None else connections
    bounds: dict[str, Any] = {
        "http": partial(BoundedProtocol, connections=counted),
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": list(proxies),
        "timeout_keep_alive": int(2 * IDLE),  # a deadline comes first
        "timeout_graceful_shutdown": DRAIN,
    }
    return uvicorn.Config(app, **{**bounds, **options})
