"""Answers are read whole or refused, within bounds; connections are kept, replaced and closed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from counterfoil.client import connections
from counterfoil.client.connecting import route_to
from counterfoil.client.connections import HEAD_BYTES_MAX, IDLE_MAX, INTERIM_MAX, Connections
from counterfoil.client.steps import Request
from counterfoil.client.transport import TransportError

ASK = Request("GET", "/v1/offers", (("a b", "c&d"),), {"Authorization": "Bearer t"}, silence=5.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


# servers ------------------------------------------------------------------------------------------------------------

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


# reading ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def read(serving: Callable[..., Server]) -> Callable[..., tuple[int, dict[str, str], bytes] | None]:
    """Status, headers and content of an answer that comes in these pieces; None if it is refused."""

    def answered(*pieces: bytes) -> tuple[int, dict[str, str], bytes] | None:
        def serve(link: Any, _head: bytes) -> None:
            for piece in pieces:
                link.sendall(piece)
                time.sleep(0.05)
            link.shutdown(socket.SHUT_WR)

        try:
            with closing(_to(serving(serve))) as to, closing(to.send(ASK)) as reply:
                return reply.status, dict(reply.headers), b"".join(iter(reply.read, b""))
        except TransportError:
            return None

    return answered


def test_headers_that_come_several_times_are_joined(read: Callable[..., Any]) -> None:
    found = read(b"HTTP/1.1 200 OK\r\nA: 1\r\na:2 \r\nContent-Length: 0\r\n\r\n")
    assert found == (200, {"a": "1, 2", "content-length": "0"}, b"")


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_what_does_not_end_has_a_longest_length(more: int, fits: bool, read: Callable[..., Any]) -> None:
    begin, trailer = b"HTTP/1.1 204 x\r\nA: ", b"T: "
    filled = (b"x" * (HEAD_BYTES_MAX + more - len(each)) for each in (begin, trailer))
    assert (read(begin + next(filled), b"\r\n\r\n") is not None) is fits
    assert (read(CHUNKED + b"0\r\n", trailer + next(filled), b"\r\n\r\n") is not None) is fits
    assert (read(b"HTTP/1.1 100 x\r\n\r\n" * (INTERIM_MAX + more) + OK) is not None) is fits


def test_an_answer_that_ends_early_or_is_none_is_refused(read: Callable[..., Any]) -> None:
    for data in (OK[:-1], OK[:-3], OK[:8], b"", CHUNKED + b"2\r\nok\r\n", CHUNKED + b"x\r\n", b"ICY 200 OK\r\n\r\n"):
        assert read(data) is None, data
    assert read(b"HTTP/1.1 200 OK\r\n\r\nok") == (200, {}, b"ok"), "without a length it ends with the connection"


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "\u20ac"])
def test_nothing_is_put_into_a_head_that_ends_it(value: str) -> None:
    with closing(Connections(route_to("http://127.0.0.1:1"))) as to:
        for request in (ASK._replace(headers={"Authorization": value}), ASK._replace(path=f"/{value}")):
            with pytest.raises(TransportError, match="HTTP cannot carry"):
                to.send(request)


# connections --------------------------------------------------------------------------------------------------------


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
