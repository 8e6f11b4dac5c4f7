"""TLS to a server inside of TLS to a proxy, which a socket of the standard library cannot do twice."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

T = TypeVar("T")

_PIECE: Final = 65_536


class TlsInside:
    """A connection whose bytes are encrypted once more. Raises OSError, of which SSLError is one."""

    def __init__(self, outside: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        self._outside = outside
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inside = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._done(self._inside.do_handshake)

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        sent = 0
        while sent < len(data):
            sent += self._done(partial(self._inside.write, data[sent : sent + _PIECE]))

    def recv(self, at_most: int) -> bytes:
        """The next bytes; ``b""`` at the end."""
        try:
            return self._done(partial(self._inside.read, at_most))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def settimeout(self, seconds: float) -> None:
        """For each step."""
        self._outside.settimeout(seconds)

    def pending(self) -> int:
        """Bytes that were received and not taken."""
        return self._inside.pending() + self._in.pending

    def fileno(self) -> int:
        """Of the socket."""
        return self._outside.fileno()

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._outside.close()

    def _done(self, action: Callable[[], T]) -> T:
        """What an action returns, once there is enough to read for it; what it has written is sent."""
        while True:
            try:
                result = action()
            except ssl.SSLWantReadError:
                self._flush()
                piece = self._outside.recv(_PIECE)
                if piece:
                    self._in.write(piece)
                else:
                    self._in.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if data := self._out.read():
            self._outside.sendall(data)
