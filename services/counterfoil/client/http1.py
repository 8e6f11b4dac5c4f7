"""Reads an answer of HTTP/1.1 (RFC 9112) from bytes as they come: each length is bounded, and what is not sure refused.

What comes after an answer, or may belong to it and to another one, makes the connection unusable for a further request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

HEAD_BYTES_MAX: Final = 65_536
"""Status line and headers of an answer; and the trailers after its content."""
INTERIM_MAX: Final = 8
"""Interim answers (1xx) before the answer itself."""
PIECE: Final = 65_536
_LINE_BYTES_MAX: Final = 1_024  # of a chunk's size, with extensions
_END: Final = b"\r\n\r\n"
_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_CONTROLS: Final = frozenset(range(0x20)) - {0x09} | {0x7F}
_STATUS_BYTES: Final = 12  # of "HTTP/1.1 200"
_DIGITS_MAX: Final = 15  # of a length


class Malformed(Exception):
    """What came is no answer of HTTP/1.1, or ends too early."""


class Head(NamedTuple):
    """`minor`: of the version, 0 or 1. `headers`: names in lower case, what came several times joined by commas."""

    minor: int
    status: int
    headers: Mapping[str, str]


class Incoming:
    """The bytes of a connection, in order. `receive`: the next bytes, ``b""`` where the server has closed."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._kept = b""

    @property
    def empty(self) -> bool:
        """Whether nothing was received that has not been taken."""
        return not self._kept

    def until(self, end: bytes, at_most: int) -> bytes:
        """Up to `end`, which is taken too and left out. Raises `Malformed` behind `at_most` bytes."""
        searched = 0
        while (at := self._kept.find(end, searched)) < 0:
            if len(self._kept) >= at_most:
                raise Malformed(f"a head or line of more than {at_most} bytes")
            searched = max(0, len(self._kept) - len(end) + 1)
            self._more()
        if at + len(end) > at_most:
            raise Malformed(f"a head or line of more than {at_most} bytes")
        found, self._kept = self._kept[:at], self._kept[at + len(end) :]
        return found

    def some(self, at_most: int) -> bytes:
        """From 1 to `at_most` bytes. Raises `Malformed` at the end."""
        if not self._kept:
            self._more()
        found, self._kept = self._kept[:at_most], self._kept[at_most:]
        return found

    def rest(self) -> Iterator[bytes]:
        """All that comes until the server closes."""
        piece, self._kept = self._kept, b""
        while piece := piece or self._receive():
            yield piece
            piece = b""

    def _more(self) -> None:
        piece = self._receive()
        if not piece:
            raise Malformed("the server closed the connection before the end of its answer")
        self._kept += piece


def read_head(incoming: Incoming) -> Head:
    """The head of the answer, behind interim ones. Raises `Malformed`."""
    for _ in range(INTERIM_MAX + 1):
        head = parse_head(incoming.until(_END, HEAD_BYTES_MAX))
        if head.status >= 200:
            return head
    raise Malformed(f"more than {INTERIM_MAX} interim answers")


def parse_head(data: bytes) -> Head:
    """A head without the empty line at its end. Raises `Malformed`."""
    status, *lines = data.split(b"\r\n")
    version, code = status[:9], status[9:_STATUS_BYTES]
    if version not in (b"HTTP/1.1 ", b"HTTP/1.0 ") or not code.isdigit() or not b"100" <= code <= b"599":
        raise Malformed("no answer of HTTP/1.1")
    if status[_STATUS_BYTES : _STATUS_BYTES + 1] not in (b"", b" ") or not _CONTROLS.isdisjoint(status):
        raise Malformed("a status line that is not of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not (colon and name and _TOKEN.issuperset(name)) or not _CONTROLS.isdisjoint(value):
            raise Malformed("a header that is not of HTTP/1.1")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Head(version[7] - ord("0"), int(code), headers)


class Content:
    """What follows a head. `reusable`: once it has ended, whether the connection may carry another request."""

    def __init__(self, head: Head, incoming: Incoming) -> None:
        """Raises `Malformed`."""
        self._incoming = incoming
        self._pieces, keeps = self._framed(head)
        self._keeps = keeps and head.minor == 1 and "close" not in _listed(head.headers.get("connection", ""))
        self._ended = False

    @property
    def reusable(self) -> bool:
        """Whether it has ended, and the connection may carry another request."""
        return self._ended and self._keeps and self._incoming.empty

    def read(self) -> bytes:
        """The next bytes; ``b""`` at the end. Raises `Malformed`, and whatever receiving raises."""
        piece = next(self._pieces, b"")
        self._ended = self._ended or not piece
        return piece

    def _framed(self, head: Head) -> tuple[Iterator[bytes], bool]:
        coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
        size = None if length is None else _size(length)
        if coding is not None and (_listed(coding) != ["chunked"] or size is not None or head.minor == 0):
            raise Malformed(f"a transfer coding that is not read ({coding[:40]!r})")
        if head.status in (204, 304):
            return iter(()), True
        if coding is not None:
            return self._chunks(), True
        return (self._incoming.rest(), False) if size is None else (self._bytes(size), True)

    def _bytes(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._incoming.some(min(left, PIECE))
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._bytes(size)
            if self._incoming.until(b"\r\n", 2):
                raise Malformed("a chunk that is longer than it says")
        left = HEAD_BYTES_MAX
        while line := self._incoming.until(b"\r\n", left):
            left -= len(line) + 2

    def _chunk_size(self) -> int:
        size = self._incoming.until(b"\r\n", _LINE_BYTES_MAX).partition(b";")[0].rstrip(b" \t")
        if not size or len(size) > _DIGITS_MAX or not _HEX.issuperset(size):
            raise Malformed("a chunk without a length")
        return int(size, 16)


def _size(length: str) -> int:
    """What a length says, which may say the same several times. Raises `Malformed`."""
    size, *others = set(_listed(length))
    if others or not (size.isascii() and size.isdigit()) or len(size) > _DIGITS_MAX:
        raise Malformed(f"a length that is none ({length[:40]!r})")
    return int(size)


def _listed(text: str) -> list[str]:
    """The parts of a list with commas, in lower case."""
    return [part.strip(" \t").lower() for part in text.split(",")]


def head_of(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request. Raises ValueError for what would not be one."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    data = "\r\n".join(lines).encode("latin-1")
    controls = _CONTROLS - {0x0D, 0x0A}
    if data.count(b"\n") != len(headers) or data.count(b"\r") != len(headers) or not controls.isdisjoint(data):
        raise ValueError("a request with characters that no head of HTTP has")
    return data + _END
