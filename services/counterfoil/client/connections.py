"""Connections to one server: opened, through a proxy where there is one, kept for the next request, and closed."""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlencode

import h11

from counterfoil import __version__
from counterfoil.client.steps import ANSWER_SECONDS_MAX, Request
from counterfoil.client.transport import Reply, TransportError

if TYPE_CHECKING:
    import ssl

    from counterfoil.client.connecting import Place, Route

T = TypeVar("T")

CONNECT_SECONDS_MAX: Final = 5.0
"""For each address of a host, until it is connected; and for TLS."""
IDLE_SECONDS_MAX: Final = 5.0
"""For which a connection is kept without a request."""
IDLE_MAX: Final = 8
"""Connections that are kept."""
HEAD_BYTES_MAX: Final = 65_536
"""Of a head, a chunk's size or trailers that have not ended."""
INTERIM_MAX: Final = 8
"""Interim answers (1xx) before the answer itself."""
PIECE: Final = 65_536
_OK: Final = 200
_AGENT: Final = f"counterfoil-client/{__version__}"
PLAIN: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": _AGENT}
"""What every request says."""


class Stream(Protocol):
    """A connected socket, or TLS in one."""

    def sendall(self, data: bytes, /) -> None: ...
    def recv(self, at_most: int, /) -> bytes: ...
    def settimeout(self, seconds: float, /) -> None: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Broken(Exception):
    """What came is no answer of HTTP/1.1, or ends too early."""


class _Connection:
    """A stream and the state of HTTP on it. A head that is awaited comes until `ends` of the monotonic clock."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.ends = stream, math.inf
        self.protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)

    @property
    def closed(self) -> bool:
        """Whether the server has closed it, or sent what nobody asked for."""
        pending: Callable[[], int] = getattr(self.stream, "pending", int)  # of TLS: decrypted and not taken
        if self.protocol.trailing_data[0] or pending():
            return True
        with selectors.DefaultSelector() as ready:
            ready.register(self.stream.fileno(), selectors.EVENT_READ)
            return bool(ready.select(0))

    def reused(self) -> bool:
        """Whether it may carry another request, which it is then made ready for: the answer has ended, all of it."""
        if self.protocol.their_state is not h11.DONE or self.protocol.our_state is not h11.DONE or self.closed:
            return False
        self.protocol.start_next_cycle()
        return True

    def ask(self, head: h11.Request, content: bytes | None) -> bool:
        """Send a request; returns whether all of it was taken: a server may answer and close before it has read it."""
        said = [head, *([h11.Data(content)] if content else []), h11.EndOfMessage()]
        data = b"".join(self.protocol.send(each) or b"" for each in said)
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def head(self) -> h11.Response:
        """The head of the answer, behind interim ones. Raises OSError, `Broken`."""
        self.ends = time.monotonic() + ANSWER_SECONDS_MAX
        for _ in range(INTERIM_MAX + 1):
            event = self.next()
            if isinstance(event, h11.Response):
                self.ends = math.inf
                return event
        raise Broken(f"more than {INTERIM_MAX} interim answers")

    def next(self) -> h11.Event:
        """The next event of the answer, its end included. Raises OSError, `Broken`."""
        try:
            while (event := self.protocol.next_event()) is h11.NEED_DATA:
                if time.monotonic() > self.ends:
                    raise TimeoutError(f"the head of its answer takes longer than {ANSWER_SECONDS_MAX:.0f} s")
                self.protocol.receive_data(self.stream.recv(PIECE))
        except h11.RemoteProtocolError as problem:
            raise Broken(f"what came is no answer of HTTP/1.1: {problem}") from problem
        if not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
            raise Broken("the server closed the connection before it answered")
        return event


class Connections:
    """The transport of a blocking client. For several threads at once; each request has a connection to itself."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._idle: list[tuple[_Connection, float]] = []
        self._lock = Lock()

    def send(self, request: Request) -> Reply:
        """As `Transport.send`."""
        if self._route.scheme not in ("http", "https"):
            raise TransportError("a URL that begins with http:// or https:// is expected")
        try:
            head = self._head(request)
        except (ValueError, h11.LocalProtocolError) as problem:
            raise TransportError(f"a request that HTTP cannot carry: {problem}") from problem
        return _told(lambda: self._send(request, head))

    def close(self) -> None:
        """As `Transport.close`."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.stream.close()

    def give_back(self, connection: _Connection) -> None:
        """Keep a connection for the next request."""
        with self._lock:
            if len(self._idle) < IDLE_MAX:
                self._idle.append((connection, time.monotonic()))
                return
        connection.stream.close()

    def _send(self, request: Request, head: h11.Request) -> Reply:
        connection = self._kept() or _Connection(_opened(self._route))
        try:
            connection.stream.settimeout(request.silence)
            whole = connection.ask(head, request.content)
            return _Reply(self, connection, connection.head(), whole=whole)
        except BaseException:
            connection.stream.close()
            raise

    def _kept(self) -> _Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS_MAX and not connection.closed:
                return connection
            connection.stream.close()

    def _head(self, request: Request) -> h11.Request:
        route = self._route
        query = "?" + urlencode(request.params, quote_via=quote) if request.params else ""
        target = f"{route.path}{request.path}{query}"
        own: Mapping[str, str] = {}
        if route.proxy is not None and route.tls is None:  # a proxy of http is told the whole address
            target, own = f"http://{route.place.authority}{target}", route.proxy_headers
        content = {} if request.content is None else {"Content-Length": str(len(request.content))}
        if request.content is None and request.method == "POST":
            content = {"Content-Length": "0"}
        headers = {"Host": route.place.authority, **PLAIN, **own, **request.headers, **content}
        return h11.Request(method=request.method, target=target, headers=list(headers.items()))


class _Reply:
    """An answer on a connection."""

    def __init__(self, owner: Connections, connection: _Connection, head: h11.Response, *, whole: bool) -> None:
        self._owner, self._connection, self._whole = owner, connection, whole
        self.status, self.headers = head.status_code, _joined(head)
        self._open, self._ended = True, False

    def read(self) -> bytes:
        return _told(self._read)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._whole and self._connection.reused():
            self._owner.give_back(self._connection)
        else:
            self._connection.stream.close()

    def _read(self) -> bytes:
        if self._ended:
            return b""
        event = self._connection.next()
        self._ended = isinstance(event, h11.EndOfMessage)
        return bytes(event.data) if isinstance(event, h11.Data) else b""


def _joined(head: h11.Response) -> dict[str, str]:
    """Headers by name; what came several times is joined by commas."""
    headers: dict[str, str] = {}
    for name, value in head.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _told(action: Callable[[], T]) -> T:
    """What an action returns. Raises `TransportError` for what comes of connections and of who answers."""
    try:
        return action()
    except (OSError, Broken) as problem:
        raise TransportError(str(problem) or type(problem).__name__) from problem


# opening --------------------------------------------------------------------------------------------------------------


def _opened(route: Route) -> Stream:
    """Connected to where requests go. Raises OSError, `Broken`."""
    first = route.place if route.proxy is None else route.proxy
    host: Any = first.host.encode("ascii")  # of a text Python would load its tables of characters in names
    stream: Stream = socket.create_connection((host, first.port), CONNECT_SECONDS_MAX)
    try:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[attr-defined]
        if route.proxy is not None and route.proxy_tls is not None:
            stream = route.proxy_tls.wrap_socket(stream, server_hostname=first.host)  # type: ignore[arg-type]
        if route.tls is None:
            return stream
        if route.proxy is not None:
            _ask_for_tunnel(stream, route)
        return _secured(stream, route.tls, route.place)
    except BaseException:
        stream.close()
        raise


def _ask_for_tunnel(stream: Stream, route: Route) -> None:
    to = f"{route.place.named}:{route.place.port}"
    headers = {"Host": to, "User-Agent": _AGENT, **route.proxy_headers}
    connection = _Connection(stream)
    connection.ask(h11.Request(method="CONNECT", target=to, headers=list(headers.items())), None)
    head = connection.head()
    if head.status_code != _OK or connection.protocol.trailing_data[0]:
        raise Broken(f"the proxy answered {head.status_code}")


def _secured(stream: Stream, tls: ssl.SSLContext, place: Place) -> Stream:
    import ssl

    if isinstance(stream, ssl.SSLSocket):
        from counterfoil.client.tls_inside import TlsInside

        return TlsInside(stream, tls, place.host)
    return tls.wrap_socket(stream, server_hostname=place.host)  # type: ignore[arg-type]
