"""A small HTTP server for those who watch a process: ``/livez``, ``/readyz`` and ``/metrics``, and nothing else.

It answers GET and HEAD, one request per connection, and takes everything else as an attack: a head has a limit, a
connection a deadline from its first to its last byte, and there are a few threads only. What waits longer than that
for a free one is turned away.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from socketserver import TCPServer
from threading import BoundedSemaphore, Thread
from typing import Any, Final

from counterfoil.ops.health import Health, Report
from counterfoil.ops.metrics import CONTENT_TYPE, Metrics
from counterfoil.settings import BadSetting, Listen

MAX_HEAD_BYTES: Final = 8_192
"""Request line and header fields with the empty line after them."""
MAX_THREADS: Final = 8
"""Requests answered at a time."""
DEADLINE: Final = 5.0
"""Seconds from accepting a connection to its last byte, and for a connection to find a thread."""
_BACKLOG: Final = 32  # connections that the system holds before they are accepted
_JSON: Final = "application/json"

log = logging.getLogger("counterfoil.probes")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: HTTPStatus
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]
"""What is shown, by path."""


def pages(health: Health, metrics: Metrics) -> Pages:
    """The pages of a process."""
    return {
        "/livez": lambda: _reported(health.liveness()),
        "/readyz": lambda: _reported(health.readiness()),
        "/metrics": lambda: Page(HTTPStatus.OK, CONTENT_TYPE, metrics.render()),
    }


def _reported(report: Report) -> Page:
    return _json(HTTPStatus.OK if report.well else HTTPStatus.SERVICE_UNAVAILABLE, report.body)


def _json(status: HTTPStatus, body: Mapping[str, Any]) -> Page:
    return Page(status, _JSON, json.dumps(body).encode() + b"\n")


class Probes:
    """Serves pages on an address, from `start` to `close`."""

    def __init__(self, listen: Listen, shown: Pages, *, deadline: float = DEADLINE) -> None:
        """Take the address; port 0 takes a free one. Raises `BadSetting` if it cannot be had."""
        try:
            self._server = _Server(listen, shown, deadline)
        except OSError as problem:
            reason = problem.strerror or problem
            raise BadSetting(
                f"COUNTERFOIL_PROBES: cannot listen on {listen.host} port {listen.port}: {reason}"
            ) from problem
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="counterfoil-probes", daemon=True)

    @property
    def address(self) -> Listen:
        """Where it listens, with the port that it got."""
        host, port = self._server.socket.getsockname()[:2]
        return Listen(host, port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Let go of the address and wait for answers under way, to their deadline at most. Idempotent."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.drain()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(self, listen: Listen, shown: Pages, deadline: float) -> None:
        self.address_family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self.shown, self.deadline = shown, deadline
        self._free = BoundedSemaphore(MAX_THREADS)
        super().__init__(listen, _Handler)

    def server_bind(self) -> None:
        """Bind, without asking a resolver for our name."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own as soon as one is free."""
        if not self._free.acquire(timeout=self.deadline):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, mostly."""
        log.debug("a connection broke", exc_info=sys.exception())

    def drain(self) -> None:
        """Wait for the threads under way, which have a deadline each."""
        end = time.monotonic() + self.deadline
        taken = sum(self._free.acquire(timeout=max(0.0, end - time.monotonic())) for _ in range(MAX_THREADS))
        for _ in range(taken):
            self._free.release()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        """Read one head within limit and deadline, answer it, and be done with the connection."""
        end = time.monotonic() + self.server.deadline
        head = bytearray()
        while b"\r\n\r\n" not in head and b"\n\n" not in head:
            self.request.settimeout(max(0.001, end - time.monotonic()))
            chunk = self.request.recv(MAX_HEAD_BYTES + 1 - len(head))
            if not chunk:
                return
            head += chunk
            if len(head) > MAX_HEAD_BYTES:
                break
        self.request.settimeout(max(0.001, end - time.monotonic()))
        self.command, self.requestline = "", ""
        if len(head) > MAX_HEAD_BYTES:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self.rfile.close()
        self.rfile = BytesIO(head)
        self.handle_one_request()

    def do_GET(self) -> None:
        """Show a page."""
        self._answer(self._page())

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that the standard library, or we, do not take; its own words are not repeated."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self._answer(_json(status, {"error": status.phrase}))

    def version_string(self) -> str:
        """Who answers."""
        return "counterfoil"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the standard library's name
        """Probes come every few seconds: not worth a line each."""

    def _page(self) -> Page:
        show = self.server.shown.get(self.path.partition("?")[0])
        if show is None:
            return _json(HTTPStatus.NOT_FOUND, {"error": HTTPStatus.NOT_FOUND.phrase})
        try:
            return show()
        except Exception:
            log.exception("cannot show %s", self.path.partition("?")[0])
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            return _json(status, {"error": status.phrase})

    def _answer(self, page: Page) -> None:
        self.close_connection = True
        self.request_version = self.protocol_version  # also where the request was not one of HTTP
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        if page.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)
