"""A TLS proxy for a PostgreSQL without TLS; it can also refuse TLS, or not answer."""

from __future__ import annotations

import select
import socket
import ssl
from datetime import datetime

import trustme

from counterfoil.access import DatabaseAccess
from tests.storage.proxy import Proxy, shut

Answer = ssl.SSLContext | bytes
"""The answer to a TLS request: yes, with this certificate; or these octets and nothing more."""
_QUESTION = bytes.fromhex("00000008 04d2162f")  # SSLRequest


def certified(authority: trustme.CA, name: str, until: datetime | None = None) -> ssl.SSLContext:
    """The answer yes, with a certificate for that name from that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=until).configure_cert(context)
    return context


class TlsProxy(Proxy):
    """Forwards to the server only what comes by TLS."""

    def __init__(self, to: DatabaseAccess, answer: Answer) -> None:
        self.answer = answer
        """Start accepting connections."""
        self.versions: set[str | None] = set()
        """The TLS versions agreed with clients."""
        self.overheard = b""
        """What clients sent without TLS, except TLS requests."""
        self._servers: list[socket.socket] = []
        super().__init__(to)

    def drop(self) -> None:
        """End every connection."""
        while self._servers:
            shut(self._servers.pop())

    def _serve(self, client: socket.socket) -> None:
        with client:
            asked = client.recv(len(_QUESTION), socket.MSG_WAITALL)
            answer = self.answer
            if asked == _QUESTION and isinstance(answer, ssl.SSLContext):
                client.sendall(b"S")
                self._secured(client, answer)
                return
            if asked == _QUESTION:
                client.sendall(answer if isinstance(answer, bytes) else b"")
            else:
                self.overheard += asked
            try:
                self.overheard += client.recv(1 << 16)
            except OSError:
                return

    def _secured(self, client: socket.socket, context: ssl.SSLContext) -> None:
        try:
            secured = context.wrap_socket(client, server_side=True)
        except OSError:
            return
        with secured, socket.create_connection(self._to) as server:
            self.versions.add(secured.version())
            self._servers.append(server)
            try:
                _pass_on(secured, server)
            except OSError:
                return


def _pass_on(client: ssl.SSLSocket, server: socket.socket) -> None:
    """Both ways in one thread: OpenSSL does not allow two threads on one connection."""
    while True:
        ready = [client] if client.pending() else select.select([client, server], [], [])[0]
        for end in ready:
            data = end.recv(1 << 16)
            if not data:
                return
            (server if end is client else client).sendall(data)
