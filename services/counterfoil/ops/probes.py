"""A small HTTP server to monitor a process: ``/startupz``, ``/livez``, ``/readyz`` and ``/metrics``, nothing else.

It answers GET and HEAD, one request per connection, and has bounds against misuse: on the size of a head, on the time
of a connection from its first to its last byte, and on the number of threads. A connection that waits longer than its
deadline for a free thread is closed.
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

from counterfoil.ops.health import Health, ProbeReport
from counterfoil.ops.metrics import CONTENT_TYPE, Metrics
from counterfoil.settings import BadSetting, Listen

MAX_HEAD_BYTES: Final = 8_192
"""The bound on request line and header fields, with the empty line after them."""
MAX_THREADS: Final = 8
"""Requests answered at the same time."""
DEADLINE: Final = 5.0
"""Seconds from accepting a connection to its last byte, and for a connection to get a thread."""
_BACKLOG: Final = 32  # connections that the system queues before they are accepted
_JSON: Final = "application/json"

log = logging.getLogger("counterfoil.probes")


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP response."""

    status: HTTPStatus
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]
"""By path, the function that makes the page."""


def pages(health: Health, metrics: Metrics) -> Pages:
    """The pages of a process."""
    return {
        "/startupz": lambda: _reported(health.startup()),
        "/livez": lambda: _reported(health.liveness()),
        "/readyz": lambda: _reported(health.readiness()),
        "/metrics": lambda: Page(HTTPStatus.OK, CONTENT_TYPE, metrics.render()),
    }


def _reported(report: ProbeReport) -> Page:
    return _json(HTTPStatus.OK if report.well else HTTPStatus.SERVICE_UNAVAILABLE, report.body)


def _json(status: HTTPStatus, body: Mapping[str, Any]) -> Page:
    return Page(status, _JSON, json.dumps(body).encode() + b"\n")


class Probes:
    """Serves pages on an address, from `start` to `close`."""

    def __init__(self, listen: Listen, shown: Pages, *, deadline: float = DEADLINE) -> None:
        """Bind the address; port 0 takes a free one. Raises `BadSetting` if that fails."""
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
        """The address that it listens on, with the actual port."""
        host, port = self._server.socket.getsockname()[:2]
        return Listen(host, port)

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def close(self) -> None:
        """Release the address and wait for answers in progress, at most until their deadline. Idempotent."""
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
        """Bind, without a DNS lookup of this host."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread as soon as one is free."""
        if not self._free.acquire(timeout=self.deadline):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the error; mostly a client that has gone."""
        log.debug("a connection failed", exc_info=sys.exception())

    def drain(self) -> None:
        """Wait for the running threads; each has a deadline."""
        end = time.monotonic() + self.deadline
        taken = sum(self._free.acquire(timeout=max(0.0, end - time.monotonic())) for _ in range(MAX_THREADS))
        for _ in range(taken):
            self._free.release()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        """Read one head within bound and deadline, answer it, and close the connection."""
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
        """Answer a bad request; the standard library's text, which may quote the request, is left out."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self._answer(_json(status, {"error": status.phrase}))

    def version_string(self) -> str:
        """The value of the header Server."""
        return "counterfoil"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the standard library's name
        """Log nothing: probes come every few seconds."""

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
        self.request_version = self.protocol_version  # also if the request was not HTTP
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
