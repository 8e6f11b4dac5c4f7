"""Answers are read as h11 reads them or refused, each within its bounds; connections are kept, replaced and closed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import h11
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.client import connections
from counterfoil.client.connecting import route_to
from counterfoil.client.connections import IDLE_MAX, Connections
from counterfoil.client.http1 import HEAD_BYTES_MAX, INTERIM_MAX, Content, Incoming, Malformed, head_of, read_head
from counterfoil.client.steps import Request
from counterfoil.client.transport import TransportError

ASK = Request("GET", "/v1/offers", (("a b", "c&d"),), {"Authorization": "Bearer t"}, silence=5.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


# reading ------------------------------------------------------------------------------------------------------------


def pieces(data: bytes, size: int) -> Callable[[], bytes]:
    """Receives these bytes, so many at a time, and then the end."""
    left = [data[at : at + size] for at in range(0, len(data), size)]
    return lambda: left.pop(0) if left else b""


def read(data: bytes, size: int = 7) -> tuple[int, dict[str, str], bytes, bool] | None:
    """Status, headers, content, and whether the connection may be used again; None if it is refused."""
    incoming = Incoming(pieces(data, size))
    try:
        head = read_head(incoming)
        content = Content(head, incoming)
        whole = b"".join(iter(content.read, b""))
    except Malformed:
        return None
    return head.status, dict(head.headers), whole, content.reusable


def by_h11(data: bytes) -> tuple[int, bytes] | None:
    """Status and content as another implementation reads them; None if it refuses."""
    peer = h11.Connection(h11.CLIENT)
    peer.send(h11.Request(method="GET", target="/", headers=[("Host", "g")]))
    peer.send(h11.EndOfMessage())
    status, content, ended = 0, b"", False
    peer.receive_data(data)
    try:
        while True:
            event = peer.next_event()
            if event is h11.NEED_DATA:
                if ended:
                    return None
                ended = True
                peer.receive_data(b"")
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, content
            elif isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


LINES = st.sampled_from([
    b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: 5, 5", b"Content-Length: 5, 6",
    b"Content-Length: -1", b"Content-Length: ", b"content-length:5", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding: gzip, chunked", b"Connection: close",
    b"X: y", b"X:  y\t", b" folded", b"X : y", b": y",
    b"X: \x00", b"X\xff: y", b"no colon", b"",
])  # fmt: skip
BODIES = st.sampled_from([
    b"hello", b"hello, and more", b"hel", b"", b"5\r\nhello\r\n0\r\n\r\n", b"5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    b"5\r\nhello\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"x\r\n", b"-1\r\n", b"0\r\n\r\n", b"00\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
])  # fmt: skip
STATUSES = st.sampled_from([
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 ", b"HTTP/1.1 304", b"HTTP/1.1 404 N", b"HTTP/2 200 OK",
    b"HTTP/1.1 20 OK", b"HTTP/1.1 2000", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 x", b"ICY 200 OK", b"",
])  # fmt: skip


@given(STATUSES, st.lists(LINES, max_size=4), BODIES, st.integers(1, 40))
def test_what_is_read_is_what_h11_reads(status: bytes, lines: list[bytes], body: bytes, size: int) -> None:
    """This one may refuse more, and never reads anything else."""
    data = b"\r\n".join([status, *lines, b"", body])
    found = read(data, size)
    assert found is None or found[:1] + found[2:3] == by_h11(data)
    again = read(data, len(data))
    assert (found and found[:3]) == (again and again[:3]), "the same in whatever pieces it comes"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (OK, (200, b"ok", True)),
        (CHUNKED + b"1\r\no\r\n1;e\r\nk\r\n0\r\nT: x\r\n\r\n", (200, b"ok", True)),
        (b"HTTP/1.1 200 OK\r\n\r\nok", (200, b"ok", False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", (200, b"ok", False)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: a, Close\r\n\r\nok", (200, b"ok", False)),
        (b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n", (204, b"", True)),
        (OK + b"HTTP/1.1 200 OK\r\n", (200, b"ok", False)),
        (b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n" + OK, (200, b"ok", True)),
    ],
)  # fmt: skip
def test_what_may_be_used_again(data: bytes, expected: tuple[int, bytes, bool]) -> None:
    found = read(data)
    assert found is not None
    assert (found[0], found[2], found[3]) == expected


def test_both_framings_at_once_are_refused() -> None:
    assert (
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n2\r\nok\r\n0\r\n\r\n") is None
    )


def test_headers_that_come_several_times_are_joined() -> None:
    found = read(b"HTTP/1.1 200 OK\r\nA: 1\r\na:2 \r\nContent-Length: 0\r\n\r\n")
    assert found is not None
    assert found[1] == {"a": "1, 2", "content-length": "0"}


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_a_head_has_a_longest_length(more: int, fits: bool) -> None:
    begin, end = b"HTTP/1.1 204 x\r\nA: ", b"\r\n\r\n"
    data = begin + b"x" * (HEAD_BYTES_MAX - len(begin) - len(end) + more) + end
    assert (read(data, 50_000) is not None) is fits
    assert (read(b"HTTP/1.1 100 x\r\n\r\n" * (INTERIM_MAX + more) + OK) is not None) is fits
    trailers = b"T: " + b"x" * (HEAD_BYTES_MAX - len(b"T: \r\n\r\n") + more) + b"\r\n\r\n"
    assert (read(CHUNKED + b"0\r\n" + trailers, 50_000) is not None) is fits


@pytest.mark.parametrize("cut", range(1, len(OK)))
def test_an_answer_that_ends_early_is_none(cut: int) -> None:
    assert read(OK[:-cut]) is None


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\u20ac"])
def test_nothing_is_put_into_a_head_that_ends_it(value: str) -> None:
    for target, headers in ((value, {}), ("/", {"Authorization": value})):
        with pytest.raises(ValueError, match=r"no head of HTTP has|codec can't encode"):
            head_of("GET", target, headers)
    with closing(Connections(route_to("http://127.0.0.1:1"))) as to, pytest.raises(TransportError):
        to.send(ASK._replace(headers={"Authorization": value}))


# connections --------------------------------------------------------------------------------------------------------

Serve = Callable[[Any, bytes], None]
"""Is given a connection and the head of each request on it."""


class Server:
    """Answers each connection on a thread of its own; `heads`: what was asked, `taken`: connections."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self.heads, self.taken = list[bytes](), 0
        self._serve, self._tls = serve, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            self.taken += 1
            Thread(target=self._each, args=(peer,), daemon=True).start()

    def _each(self, peer: Any) -> None:
        with closing(peer), suppress(OSError):
            link = self._tls.wrap_socket(peer, server_side=True) if self._tls else peer
            with closing(link):
                while head := _head(link):
                    self.heads.append(head)
                    self._serve(link, head)


def _head(link: Any) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n") and (piece := link.recv(1)):
        data += piece
    return data


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def serve(*arguments: Any) -> Server:
        made.append(Server(*arguments))
        return made[-1]

    yield serve
    for each in made:
        each.close()


def answer(link: Any, _head: bytes) -> None:
    link.sendall(OK)


def _to(server: Server) -> Connections:
    return Connections(route_to(f"http://127.0.0.1:{server.port}"))


def asked(to: Connections, request: Request = ASK) -> bytes:
    with closing(to.send(request)) as reply:
        assert reply.status == 200
        return b"".join(iter(reply.read, b""))


def test_a_connection_is_kept_and_replaced_when_it_is_old_or_closed(
    serving: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serving(answer)
    with closing(Connections(route_to(f"http://127.0.0.1:{server.port}/below/"))) as to:
        assert [asked(to) for _ in range(3)] == [b"ok"] * 3
        assert server.taken == 1
        head = server.heads[0].decode().split("\r\n")
        assert head[0] == "GET /below/v1/offers?a%20b=c%26d HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}" in head
        assert {"Accept-Encoding: identity", "Authorization: Bearer t"} <= set(head)
        with closing(to.send(ASK)):
            """Not read: what is left of it would be taken for the next answer."""
        assert (asked(to), server.taken) == (b"ok", 2)
        monkeypatch.setattr(connections, "IDLE_SECONDS_MAX", 0.0)
        assert (asked(to), server.taken) == (b"ok", 3)

    def once(link: Any, head: bytes) -> None:
        answer(link, head)
        link.close()

    closes = serving(once)
    with closing(_to(closes)) as to:
        monkeypatch.setattr(connections, "IDLE_SECONDS_MAX", 60.0)
        for _ in range(3):
            assert asked(to) == b"ok"
            time.sleep(0.05)  # until the end of the connection has come
        assert closes.taken == 3


def test_what_nobody_asked_for_is_no_answer_to_the_next_request(serving: Callable[..., Server]) -> None:
    def more(link: Any, _head: bytes) -> None:
        link.sendall(OK)
        time.sleep(0.05)
        with suppress(OSError):
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    server = serving(more)
    with closing(_to(server)) as to:
        assert asked(to) == b"ok"
        time.sleep(0.2)
        assert asked(to) == b"ok"
    assert server.taken == 2


def test_an_answer_that_comes_before_the_request_is_read_counts(serving: Callable[..., Server]) -> None:
    def refuse(link: Any, _head: bytes) -> None:
        link.sendall(b"HTTP/1.1 413 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        link.shutdown(socket.SHUT_WR)

    server = serving(refuse)
    request = ASK._replace(method="POST", content=bytes(300_000))
    with closing(_to(server)) as to, closing(to.send(request)) as reply:
        assert reply.status == 413


def test_silence_and_a_head_that_does_not_end_have_an_end(
    serving: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(link: Any, _head: bytes) -> None:
        link.sendall(b"HTTP/1.1 200 OK\r\nA: ")
        while True:
            link.sendall(b"x")
            time.sleep(0.02)

    monkeypatch.setattr(connections, "ANSWER_SECONDS_MAX", 0.3)
    silent, dripping = serving(lambda _link, _head: time.sleep(5)), serving(drip)
    for server, said in ((silent, "timed out"), (dripping, "takes longer than")):
        with closing(_to(server)) as to, pytest.raises(TransportError, match=said):
            to.send(ASK._replace(silence=0.2))
    nobody = socket.create_server(("127.0.0.1", 0))
    port = nobody.getsockname()[1]
    nobody.close()
    with (
        closing(Connections(route_to(f"http://127.0.0.1:{port}"))) as to,
        pytest.raises(TransportError, match="efused"),
    ):
        to.send(ASK)
    with closing(Connections(route_to("g"))) as to, pytest.raises(TransportError, match="http://"):
        to.send(ASK)


def test_no_more_connections_are_kept_than_the_bound(serving: Callable[..., Server]) -> None:
    server = serving(answer)
    with closing(_to(server)) as to:
        for wave in range(2):
            replies = [to.send(ASK) for _ in range(IDLE_MAX + 1)]
            assert [b"".join(iter(reply.read, b"")) for reply in replies] == [b"ok"] * (IDLE_MAX + 1)
            for reply in replies:
                reply.close()
            assert server.taken == IDLE_MAX + 1 + wave


# proxies and certificates -------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate for g.example, and its authority's."""
    made = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("g.example", "p.example").configure_cert(context)
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return context, tmp_path / "ca.pem"


def tunnel(to: int) -> Serve:
    """A proxy that connects every client to this port, whatever it asks for, and answers what is asked of it itself."""

    def serve(link: Any, head: bytes) -> None:
        if not head.startswith(b"CONNECT "):
            return answer(link, head)
        link.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with closing(socket.create_connection(("127.0.0.1", to))) as far:
            Thread(target=_pump, args=(far, link), daemon=True).start()
            return _pump(link, far)

    return serve


def _pump(source: Any, sink: Any) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)


@pytest.mark.parametrize("outside", ["http", "https"])
def test_a_server_is_reached_through_a_proxy(
    outside: str,
    serving: Callable[..., Server],
    authority: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TLS goes to the server itself, also inside of TLS to the proxy; without TLS the proxy is told the address."""
    context, ca = authority
    body = bytes(range(256)) * 2_000

    def echo(link: Any, head: bytes) -> None:
        left = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        data = b""
        while len(data) < left:
            data += link.recv(65_536)
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)

    server = serving(echo, context)
    proxy = serving(tunnel(server.port), context if outside == "https" else None)
    real = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == b"p.example" else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setenv("ALL_PROXY", f"{outside}://us%20er:word@p.example:{proxy.port}")
    credentials = b"Proxy-Authorization: Basic dXMgZXI6d29yZA=="
    with closing(Connections(route_to("https://g.example/x", ca))) as to:
        for _ in range(2):
            assert asked(to, ASK._replace(method="POST", content=body)) == body
    assert (len(proxy.heads), proxy.taken, server.taken) == (1, 1, 1)
    assert proxy.heads[0].startswith(b"CONNECT g.example:443 HTTP/1.1\r\nHost: g.example:443\r\n")
    assert credentials in proxy.heads[0]
    assert server.heads[0].startswith(b"POST /x/v1/offers?")
    assert b"Proxy" not in server.heads[0]
    with closing(Connections(route_to("http://g.example"))) as to:
        assert asked(to) == b"ok"
    assert proxy.heads[-1].startswith(b"GET http://g.example/v1/offers?a%20b=c%26d HTTP/1.1\r\nHost: g.example\r\n")
    assert credentials in proxy.heads[-1]


def test_a_proxy_that_refuses_and_a_server_that_is_another_are_told(
    serving: Callable[..., Server], authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, ca = authority
    refuses = serving(lambda link, _head: link.sendall(b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n"))
    other = serving(answer, context)
    for proxy, host, said in (
        (refuses, "g.example", "the proxy answered 407"),
        (serving(tunnel(other.port)), "other.example", "CERTIFICATE_VERIFY_FAILED"),
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with closing(Connections(route_to(f"https://{host}", ca))) as to, pytest.raises(TransportError, match=said):
            to.send(ASK)
