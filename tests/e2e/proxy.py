"""A proxy between a client and a gateway that loses, delays, repeats and cuts off what it forwards, by a seed."""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11

_TIMEOUT = 30.0  # seconds
_DELAY = 0.05  # seconds, at most
_READ = 65_536


def forward(request: bytes, gateway: tuple[str, int]) -> bytes:
    """One exchange with the gateway: its whole answer."""
    with socket.create_connection(gateway, timeout=_TIMEOUT) as out:
        out.sendall(request)
        answer = b""
        while data := out.recv(_READ):
            answer += data
    return answer


Fate = Callable[[bytes, tuple[str, int], random.Random], bytes]
"""What becomes of a request: the bytes that the client gets."""


def passes(request: bytes, gateway: tuple[str, int], _: random.Random) -> bytes:
    return forward(request, gateway)


def request_lost(_request: bytes, _gateway: tuple[str, int], _: random.Random) -> bytes:
    return b""


def answer_lost(request: bytes, gateway: tuple[str, int], _: random.Random) -> bytes:
    forward(request, gateway)
    return b""


def late(request: bytes, gateway: tuple[str, int], chance: random.Random) -> bytes:
    time.sleep(chance.uniform(0, _DELAY))
    return forward(request, gateway)


def sent_twice(request: bytes, gateway: tuple[str, int], _: random.Random) -> bytes:
    forward(request, gateway)
    return forward(request, gateway)


def cut_off(request: bytes, gateway: tuple[str, int], chance: random.Random) -> bytes:
    answer = forward(request, gateway)
    return answer[: chance.randrange(len(answer))]


FATES: Sequence[tuple[Fate, int]] = (
    (passes, 12), (request_lost, 1), (answer_lost, 2), (late, 1), (sent_twice, 1), (cut_off, 2),
)  # fmt: skip
"""With their weights."""


class FaultyProxy:
    """Serves on a free loopback port, one exchange per connection, one at a time, for the length of a block."""

    def __init__(self, url: str, seed: int) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._gateway, self._chance = (parts.hostname, parts.port), random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._run, daemon=True)
        self.fates: Counter[str] = Counter()
        """How many requests had which fate."""
        self.only: Fate | None = None
        """The fate of every command; other requests pass."""

    @property
    def url(self) -> str:
        """What clients are given instead of the gateway's."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_TIMEOUT)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(_TIMEOUT)
                request = _read_request(client)
                if request:
                    fate = self._fate(request)
                    self.fates[fate.__name__] += 1
                    client.sendall(fate(request, self._gateway, self._chance))

    def _fate(self, request: bytes) -> Fate:
        if self.only is not None:
            return self.only if request.startswith(b"POST ") else passes
        return self._chance.choices([each for each, _ in FATES], [weight for _, weight in FATES])[0]


def _read_request(client: socket.socket) -> bytes:
    """A request as it came, but that the connection is to be closed after it."""
    parser = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(client.recv(_READ))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            kept = [(name, value) for name, value in head.headers if name != b"connection"]
            lines = [head.method + b" " + head.target + b" HTTP/1.1", *(name + b": " + value for name, value in kept)]
            return b"\r\n".join([*lines, b"connection: close", b"", body])
        else:
            return b""
