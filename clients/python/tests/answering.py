"""A transport whose requests a function answers, with the requests and answers of HTTPX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import httpx

from counterfoil.client.connections import PLAIN
from counterfoil.client.steps import Request
from counterfoil.client.transport import TransportError

Serve = Callable[[httpx.Request], httpx.Response]


class Answering:
    """`serve` may raise what HTTPX does where no answer comes, and its answer while it is read."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    def send(self, request: Request) -> _Answer:
        """As `Transport.send`."""
        asked = httpx.Request(
            request.method, f"http://g{request.path}", params=request.params or None,
            headers={**PLAIN, **request.headers}, content=request.content,
        )  # fmt: skip
        try:
            return _Answer(self._serve(asked))
        except httpx.TransportError as problem:
            raise TransportError(str(problem)) from problem

    def close(self) -> None:
        """As `Transport.close`."""


class _Answer:
    """What is sent, without any decoding."""

    def __init__(self, response: httpx.Response) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        self._pieces: Iterator[bytes] = filter(None, iter(stream))

    def read(self) -> bytes:
        """As `Reply.read`."""
        try:
            return next(self._pieces, b"")
        except httpx.TransportError as problem:
            raise TransportError(str(problem)) from problem

    def close(self) -> None:
        """As `Reply.close`."""
