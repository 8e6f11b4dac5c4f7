"""A receiver of webhooks: a small HTTP server that answers as the test says, and keeps what came."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

Answer = Callable[[int], int]
"""The status of the answer to the request with this number, from 0; may wait."""


class Message(NamedTuple):
    """A request as it came, what it was answered with, and when both were."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    began: float
    ended: float

    @property
    def event(self) -> dict[str, Any]:
        """The event."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Receiver:
    """Listens on loopback. It may be stopped, and started again at the same port."""

    def __init__(self, answer: Answer = lambda _number: 204, trusted: ssl.SSLContext | None = None) -> None:
        self.answer, self.port = answer, 0
        self.messages: list[Message] = []
        self.ending = Event()
        self._lock, self._number, self._trusted = Lock(), 0, trusted
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Begin to listen."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._take(self)

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        if self._trusted is not None:
            self._server.socket = self._trusted.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def url(self, path: str = "/hook", scheme: str = "http", host: str = "127.0.0.1") -> str:
        """The URL of a path."""
        return f"{scheme}://{host}:{self.port}{path}"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        began = time.monotonic()
        length = int(request.headers["content-length"])
        body = request.rfile.read(length)
        if len(body) < length:  # its sender ended in the middle of it
            request.close_connection = True
            return
        with self._lock:
            number, self._number = self._number, self._number + 1
        status = self.answer(number)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.messages.append(Message(request.path, headers, body, status, began, time.monotonic()))
        with contextlib.suppress(OSError):
            request.send_response(status)
            request.send_header("location", self.url("/elsewhere"))
            if status != 204:
                request.send_header("content-length", "2")
            request.end_headers()
            if status != 204:
                request.wfile.write(b"ok")

    def accepted(self, path: str = "/hook") -> list[str]:
        """The ids of the events that were answered with 2xx, in the order in which they first were."""
        taken = [each for each in self.messages if each.path == path and 200 <= each.status < 300]
        return list(dict.fromkeys(each.event["id"] for each in taken))


@contextlib.contextmanager
def receiving(answer: Answer = lambda _number: 204, trusted: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver(answer, trusted)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.ending.set()
        receiver.stop()


def eventually(told: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until it is so."""
    ends = time.monotonic() + within
    while not told():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.01)
