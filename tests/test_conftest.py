"""The ban on sockets to other machines works, and lets loopback through. Nothing here sends a packet."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.conftest import is_local

OUTSIDE = "192.0.2.1"  # RFC 5737: reserved for documentation


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::1%lo", True),
        ("localhost", True),
        (b"localhost", True),
        (b"127.0.0.1", True),
        (None, True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        (OUTSIDE, False),
        ("example.invalid", False),
        ("localhost.example.invalid", False),
        (b"\xff", False),
    ],
)
def test_what_is_local(host: object, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize(
    ("event", "args"),
    [
        ("socket.connect", (None, (OUTSIDE, 443))),
        ("socket.connect", (None, ("2001:db8::1", 443, 0, 0))),
        ("socket.bind", (None, ("0.0.0.0", 0))),
        ("socket.bind", (None, ("", 0))),
        ("socket.sendto", (None, (OUTSIDE, 53))),
        ("socket.sendmsg", (None, (OUTSIDE, 53))),
        ("socket.getaddrinfo", ("example.invalid", 443, 0, 0, 0)),
        ("socket.gethostbyname", ("example.invalid",)),
    ],
)
def test_outside_is_refused_before_the_call(event: str, args: tuple[object, ...]) -> None:
    with pytest.raises(Exception, match=event) as caught:
        sys.audit(event, *args)
    assert type(caught.value).__name__ == "OutsideSocketError"
    assert not isinstance(caught.value, OSError)


def test_the_hook_stands_before_the_real_socket_module() -> None:
    with pytest.raises(Exception, match=r"socket\.getaddrinfo"):
        socket.getaddrinfo("example.invalid", 443)


def test_loopback_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        peer, _ = server.accept()
        with peer:
            client.sendall(b"x")
            assert peer.recv(1) == b"x"
