"""A proxy to PostgreSQL that can cut a connection before a request reaches the server, or before its answer returns."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from counterfoil.access import DatabaseAccess

When = Literal["request", "answer"]
_UNTYPED = 8  # at most: the encryption requests that come first
_ENDS = (
    b"S",
    b"Q",
    b"p",
    b"X",
)  # Sync, Query, a password, Terminate: after these a client waits, or sends nothing more


class Proxy:
    """Forwards requests of clients of `access`, counts them, and drops the chosen one."""

    def __init__(self, to: DatabaseAccess) -> None:
        self._to = (to.host, to.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.access = replace(to, host="127.0.0.1", port=self._listener.getsockname()[1])
        self.requests = 0
        """The number of requests forwarded."""
        self.cuts = 0
        self._cut_at = -1
        self._when: When = "request"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, nth: int, when: When) -> None:
        """Drop the nth request from now on (from 1), or its answer, and close the connection."""
        self._cut_at, self._when = self.requests + nth, when

    def cancel_cut(self) -> None:
        """Cancel the cut."""
        self._cut_at = -1

    def close(self) -> None:
        """Accept no more connections."""
        shut(self._listener)  # ends the wait in accept
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        deaf = threading.Event()
        with client, socket.create_connection(self._to) as server:
            answers = threading.Thread(target=_pass_on, args=(server, client, deaf), daemon=True)
            answers.start()
            for request in _requests(client):
                self.requests += 1
                cut = self.requests == self._cut_at
                self.cuts += cut
                if cut and self._when == "request":
                    break
                if cut:
                    deaf.set()
                try:
                    server.sendall(request)
                except OSError:
                    break
                if cut:  # the server answers what it has got, then finds the connection closed
                    server.shutdown(socket.SHUT_WR)
                    answers.join()
                    break
            shut(server)
            answers.join()
            shut(client)


def _requests(client: socket.socket) -> Iterator[bytes]:
    """What a client sends before it waits: messages of the frontend protocol up to one that asks for the answer."""
    request, started = b"", False
    with client.makefile("rb") as stream:
        try:
            while head := stream.read(5 if started else 4):
                length = int.from_bytes(head[-4:])
                request += head + stream.read(length - 4)
                if not started or head[:1] in _ENDS:
                    yield request
                    started = started or length > _UNTYPED
                    request = b""
        except OSError:
            return


def _pass_on(server: socket.socket, client: socket.socket, deaf: threading.Event) -> None:
    while answer := _received(server):
        if deaf.is_set():
            continue
        try:
            client.sendall(answer)
        except OSError:
            break
    shut(client)


def _received(from_: socket.socket) -> bytes:
    try:
        return from_.recv(1 << 16)
    except OSError:
        return b""


def shut(end: socket.socket) -> None:
    """Shut a socket down in both directions, which also ends waits on it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
