"""Connections are bounded in number and time, and in what one may ask for at once: strangers shut nobody out."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request

from counterfoil.gateway import bounds, connections, descriptors, server
from counterfoil.gateway.connections import Connections
from counterfoil.gateway.handlers import install
from counterfoil.gateway.noise import Bounded
from counterfoil.gateway.peers import peer_at
from counterfoil.gateway.server import server_config

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Running:
    """A server of a small application: /healthz, /wait (answers once released), /body (reads one), /long (8 MB)."""

    def __init__(self, port: int, released: threading.Event) -> None:
        self.port, self.released = port, released
        self.asked = 0

    def connect(self, **options: Any) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10, **options)

    def answers(self, request: bytes) -> list[bytes]:
        """The answers on one connection, until the server closes it."""
        with self.connect() as raw:
            raw.sendall(request)
            return answers(raw)


def answers(raw: socket.socket) -> list[bytes]:
    with contextlib.suppress(ConnectionResetError):
        return [b"HTTP/1.1" + each for each in read(raw).split(b"HTTP/1.1")[1:]]
    return []


def read(raw: socket.socket) -> bytes:
    return b"".join(iter(lambda: raw.recv(65_536), b""))


@contextlib.contextmanager
def running(counted: Connections | None = None) -> Iterator[Running]:
    app, released = FastAPI(), threading.Event()
    install(app)

    @app.get("/healthz")
    async def health() -> str:
        found.asked += 1
        return "ok"

    @app.get("/wait")
    def wait() -> str:
        released.wait(10)
        return "waited"

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.get("/long")
    async def long() -> str:
        return "x" * 8_000_000

    listener = socket.create_server(("127.0.0.1", 0))
    web = uvicorn.Server(server_config(app, counted, log_config=None, timeout_graceful_shutdown=1))
    found = Running(listener.getsockname()[1], released)
    thread = threading.Thread(target=web.run, args=([listener],))
    thread.start()
    try:
        found.answers(LAST)
        found.asked = 0
        yield found
    finally:
        released.set()
        web.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Shortens deadlines."""

    def shorten(**deadlines: float) -> None:
        monkeypatch.setattr(connections, "_LOOK", 0.02)
        for name, seconds in deadlines.items():
            monkeypatch.setattr(server, name, seconds)

    return shorten


# how many -----------------------------------------------------------------------------------------------------------


class Silent:
    def check_deadline(self, now: float) -> None:
        """Nothing."""


class Loop:
    """Counts timers, and calls none."""

    def call_later(self, *_: object) -> object:
        """A timer."""
        return object()


def admitted(counted: Connections, address: str, wanted: int) -> list[Silent]:
    fresh = [Silent() for _ in range(wanted)]
    return [each for each in fresh if counted.admit(each, address, Loop())]  # type: ignore[arg-type]


def test_a_peer_has_a_share_of_all_connections() -> None:
    counted = Connections(most=10, per_peer=3, proxies=("10.0.0.9",))
    some = admitted(counted, "10.0.0.1", 4)
    assert len(some) == 3
    assert len(admitted(counted, "::ffff:10.0.0.1", 1)) == 0  # the same
    assert len(admitted(counted, "10.0.0.2", 1)) == 1
    counted.remove(some[0])
    counted.remove(some[0])
    assert len(admitted(counted, "10.0.0.1", 2)) == 1
    assert len(admitted(counted, "10.0.0.9", 7)) == 6  # a proxy stands for many
    assert len(counted) == 10
    assert not admitted(counted, "10.0.0.3", 1)


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_a_peer_is_whom_one_subscription_gives_its_addresses(address: str, peer: str) -> None:
    assert peer_at(address) == peer


def test_silent_connections_shut_nobody_out(quick: Callable[..., None]) -> None:
    quick(HEAD_WITHIN=0.2)
    with running(Connections(most=8, per_peer=8)) as web, contextlib.ExitStack() as opened:
        silent = [opened.enter_context(web.connect()) for _ in range(8)]
        refused = web.answers(b"")
        assert refused[0].startswith(b"HTTP/1.1 503")
        assert b"too_many_connections" in refused[0]
        assert [read(each) for each in silent] == [b""] * 8  # closed at their deadline
        assert web.answers(LAST)[0].startswith(b"HTTP/1.1 200")


# how long -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET /healthz HTT", b"HTTP/1.1 408"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"HTTP/1.1 408"),
        (b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello", b"HTTP/1.1 408"),
        (
            b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 408",
        ),
        (b"\r\n", b""),
    ],
)
def test_a_request_that_does_not_come_ends_the_connection(
    quick: Callable[..., None], sent: bytes, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    quick(HEAD_WITHIN=0.1, BODY_WITHIN=0.1)
    with running() as web, web.connect() as raw:
        raw.sendall(sent)
        found = read(raw)
    assert found[:12] == answer
    assert (b'"code":"too_late"' in found) == bool(answer)
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]  # an abandoned request is no error


def test_a_connection_that_was_answered_is_kept_for_a_while(quick: Callable[..., None]) -> None:
    quick(IDLE=0.1)
    with running() as web, web.connect() as raw:
        raw.sendall(HEALTH)
        assert read(raw).startswith(b"HTTP/1.1 200")  # to its end


def test_no_deadline_ends_a_request_that_is_being_answered(quick: Callable[..., None]) -> None:
    quick(HEAD_WITHIN=0.05, BODY_WITHIN=0.05, IDLE=0.05)
    with running() as web, web.connect() as raw:
        raw.sendall(LAST.replace(b"/healthz", b"/wait") + b"GET /heal")
        raw.settimeout(0.3)
        with pytest.raises(TimeoutError):
            raw.recv(1)
        web.released.set()
        raw.settimeout(10)
        assert b"waited" in read(raw)


def test_a_peer_that_does_not_read_is_given_up(quick: Callable[..., None]) -> None:
    quick(READ_WITHIN=0.2)
    counted = Connections()
    with running(counted) as web, socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.settimeout(10)
        raw.connect(("127.0.0.1", web.port))
        raw.sendall(HEALTH.replace(b"/healthz", b"/long"))
        assert raw.recv(1) == b"H"  # and reads no more
        ends = time.monotonic() + 10
        while len(counted):
            assert time.monotonic() < ends, "the connection was kept"
            time.sleep(0.01)


# how much at once ---------------------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_up_to_a_bound() -> None:
    with running() as web:
        most = HEALTH * (bounds.MAX_PIPELINED - 1) + LAST
        assert len(web.answers(most)) == bounds.MAX_PIPELINED
        web.asked = 0
        assert len(web.answers(HEALTH * 10_000)) == bounds.MAX_PIPELINED  # then the connection is closed
        assert web.asked == bounds.MAX_PIPELINED


def test_what_came_before_nonsense_is_answered_first() -> None:
    with running() as web:
        found = web.answers(HEALTH + HEALTH + b"\x00\x01\r\n\r\n")
        assert [each[:12] for each in found] == [b"HTTP/1.1 200"] * 2
        assert b"connection: close" in found[1]


# descriptors, and the log -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "connections_", "raised"),
    [
        ((1_024, 1_048_576), bounds.MAX_CONNECTIONS, (1_536, 1_048_576)),
        ((1_024, resource.RLIM_INFINITY), bounds.MAX_CONNECTIONS, (1_536, resource.RLIM_INFINITY)),
        ((65_536, 65_536), bounds.MAX_CONNECTIONS, None),
        ((256, 576), 64, (576, 576)),
        ((256, 575), None, None),
    ],
)
def test_descriptors_are_kept_for_the_services(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], connections_: int | None, raised: tuple[int, int] | None
) -> None:
    set_: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, given: set_.append(given))
    if connections_ is None:
        with pytest.raises(descriptors.TooFewDescriptors, match="ulimit -n"):
            descriptors.reserve()
        return
    assert descriptors.reserve() == connections_
    assert set_ == ([] if raised is None else [raised])


def test_lines_about_strangers_are_bounded(tmp_path: Path) -> None:
    now = 0.0
    log = logging.getLogger("tests.strangers")
    log.addFilter(Bounded(lambda: now))
    handler = logging.FileHandler(tmp_path / "log")
    log.addHandler(handler)
    for _ in range(1_000):
        log.warning("nonsense from %s", "somebody")
    log.warning("another thing")
    now = bounds.LINES_WITHIN
    log.warning("nonsense from %s", "somebody")
    handler.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines == [
        *["nonsense from somebody"] * bounds.LINES,
        "another thing",
        f"nonsense from somebody (and {1_000 - bounds.LINES} more before)",
    ]
