"""What carries the requests of a blocking client to a server; `connections.py` does so over sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from counterfoil.client.steps import Request


class TransportError(Exception):
    """No answer came, or not all of it; the message says why. What was asked may have been done, or not."""


class Reply(Protocol):
    """An answer whose head has come. It is closed once, read to its end or not."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By names in lower case; what came several times is joined by commas."""

    def read(self) -> bytes:
        """The next bytes of the content, never decompressed; ``b""`` at its end. Raises `TransportError`."""

    def close(self) -> None:
        """Read no more of it. Idempotent."""


class Transport(Protocol):
    """Sends each request once: nothing is repeated, and no redirect followed. For several threads at once."""

    def send(self, request: Request) -> Reply:
        """Send a request. Raises `TransportError`."""

    def close(self) -> None:
        """Close all connections. Idempotent."""
