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

from counterfoil import __version__
from counterfoil.client.http1 import PIECE, Content, Head, Incoming, Malformed, head_of, read_head
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


class _Connection:
    """A stream and what it has received. A head that is awaited comes until `ends` of the clock that goes forward."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.ends = stream, math.inf
        self.incoming = Incoming(self._receive)

    @property
    def closed(self) -> bool:
        """Whether the server has closed it, or sent what nobody asked for."""
        pending: Callable[[], int] = getattr(self.stream, "pending", int)  # of TLS: decrypted and not taken
        if not self.incoming.empty or pending():
            return True
        with selectors.DefaultSelector() as ready:
            ready.register(self.stream.fileno(), selectors.EVENT_READ)
            return bool(ready.select(0))

    def head(self) -> Head:
        """The head of an answer. Raises OSError, `Malformed`."""
        self.ends = time.monotonic() + ANSWER_SECONDS_MAX
        head = read_head(self.incoming)
        self.ends = math.inf
        return head

    def _receive(self) -> bytes:
        if time.monotonic() > self.ends:
            raise TimeoutError(f"the head of its answer takes longer than {ANSWER_SECONDS_MAX:.0f} s")
        return self.stream.recv(PIECE)


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
            data = self._head(request)
        except ValueError as problem:
            raise TransportError(str(problem)) from problem
        return _told(lambda: self._send(request, data))

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

    def _send(self, request: Request, head: bytes) -> Reply:
        connection = self._kept() or _Connection(_opened(self._route))
        try:
            connection.stream.settimeout(request.silence)
            try:
                connection.stream.sendall(head + (request.content or b""))
                cut = False
            except (BrokenPipeError, ConnectionResetError):  # a server may answer and close before it has read all
                cut = True
            return _Reply(self, connection, connection.head(), cut=cut)
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

    def _head(self, request: Request) -> bytes:
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
        return head_of(request.method, target, headers)


class _Reply:
    """An answer on a connection."""

    def __init__(self, owner: Connections, connection: _Connection, head: Head, *, cut: bool) -> None:
        self._owner, self._connection, self._cut = owner, connection, cut
        self.status, self.headers = head.status, head.headers
        self._content = Content(head, connection.incoming)
        self._open = True

    def read(self) -> bytes:
        return _told(self._content.read)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._content.reusable and not self._cut:
            self._owner.give_back(self._connection)
        else:
            self._connection.stream.close()


def _told(action: Callable[[], T]) -> T:
    """What an action returns. Raises `TransportError` for what comes of connections and of who answers."""
    try:
        return action()
    except (OSError, Malformed) as problem:
        raise TransportError(str(problem) or type(problem).__name__) from problem


# opening --------------------------------------------------------------------------------------------------------------


def _opened(route: Route) -> Stream:
    """Connected to where requests go. Raises OSError, `Malformed`."""
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
    stream.sendall(head_of("CONNECT", to, {"Host": to, "User-Agent": _AGENT, **route.proxy_headers}))
    connection = _Connection(stream)
    head = connection.head()
    if head.status != _OK or not connection.incoming.empty:
        raise Malformed(f"the proxy answered {head.status}")


def _secured(stream: Stream, tls: ssl.SSLContext, place: Place) -> Stream:
    import ssl

    if isinstance(stream, ssl.SSLSocket):
        from counterfoil.client.tls_inside import TlsInside

        return TlsInside(stream, tls, place.host)
    return tls.wrap_socket(stream, server_hostname=place.host)  # type: ignore[arg-type]
