"""Who floods a gateway, and somebody beside them whose signed commands are timed: plain HTTP/1.1 on sockets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from typing import Final, NamedTuple

FLOODER: Final = "127.0.0.1"
OTHER: Final = "127.0.0.2"
"""Another address of this machine, so another peer."""
_EVERY: Final = 0.1
_WITHIN: Final = 60.0
_AGAIN: Final = 0.1


class Timed(NamedTuple):
    """A request of the other party: when it was sent (monotonic seconds), its seconds, its status or 0."""

    at: float
    took: float
    status: int


def query(path: str, token: str = "") -> bytes:
    """A GET, on a connection that is kept."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}\r\n".encode()


def post(path: str, body: bytes, *more: str) -> bytes:
    """A POST of an envelope; `more`: header fields."""
    fields = "".join(f"{each}\r\n" for each in ("Host: localhost", f"Content-Length: {len(body)}", *more))
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode() + body


class Line:
    """A connection for one request at a time; it is made again where the gateway closed it."""

    def __init__(self, port: int, address: str) -> None:
        self._port, self._address = port, address
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body. Raises OSError, EOFError."""
        if self._open is None:
            where = (self._address, 0)
            self._open = await asyncio.open_connection("127.0.0.1", self._port, local_addr=where)
        reader, writer = self._open
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
        except BaseException:
            self.close()
            raise
        if b"connection: close" in head:
            self.close()
        return int(head.split(None, 2)[1]), body

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


async def flood(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> Counter[int]:
    """Send requests from so many connections, each behind the answer to the one before, for so long.

    Returns the number of answers by status; 0 where there was none.
    """
    told: Counter[int] = Counter()
    end = time.monotonic() + seconds

    async def client() -> None:
        line = Line(port, FLOODER)
        for request in requests:
            if time.monotonic() > end:
                break
            try:
                status, _ = await line.ask(request)
            except (OSError, EOFError, ValueError):
                status = 0
                await asyncio.sleep(_AGAIN)
            told[status] += 1
        line.close()

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds + 1):
            await asyncio.gather(*(client() for _ in range(clients)))
    return told


class Other:
    """A process that sends one request after another from another address, at most ten in a second."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_ask_all, args=(port, list(requests), theirs), daemon=True)
        self._process.start()
        self._pipe.recv()

    def stop(self) -> list[Timed]:
        """What it was answered, after the request under way."""
        self._pipe.send(None)
        timed: list[Timed] = self._pipe.recv()
        self._process.join()
        return timed


def _ask_all(port: int, requests: list[bytes], pipe: object) -> None:
    from multiprocessing.connection import Connection

    assert isinstance(pipe, Connection)
    pipe.send(None)

    async def run() -> list[Timed]:
        line, timed = Line(port, OTHER), list[Timed]()
        for request in requests:
            if pipe.poll():
                break
            began, status = time.monotonic(), 0
            with suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(_WITHIN):
                    status, _ = await line.ask(request)
            timed.append(Timed(began, time.monotonic() - began, status))
            await asyncio.sleep(max(0.0, _EVERY - timed[-1].took))
        line.close()
        return timed

    timed = asyncio.run(run())
    pipe.recv()
    pipe.send(timed)
