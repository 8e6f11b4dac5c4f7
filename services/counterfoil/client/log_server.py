"""Reads published files over HTTP from a server that is not trusted: bounded in bytes, in time, and in what it may do.

No redirect is followed and no compression accepted, so what is read is what the server at this address sent, and never
more than was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import orjson

from counterfoil.client.bearer import NOT_VALID, Bearer
from counterfoil.client.connecting import route_to
from counterfoil.client.connections import Connections
from counterfoil.client.exchanges import retry_after
from counterfoil.client.problems import Misserved, RefusedByService, Unreachable
from counterfoil.client.steps import Request
from counterfoil.client.transport import Reply, Transport, TransportError
from counterfoil.contract.log_id import LogId

CONNECTIONS: Final = 4
"""How many files are fetched at once."""
FILE_SECONDS_MAX: Final = 60.0
"""How long one file may take."""
_PAUSES: Final = (0.2, 0.6, 2.0)  # seconds before each repetition
_SILENCE: Final = 10.0  # seconds without a byte
BUNDLES: Final = "tile/entries/"
"""Where the entries of a log are, which not everybody may read."""
_NOT_ALLOWED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_PROBLEM_BYTES: Final = 4_096
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_ABSENT: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_OTHER_SERVER: Final = "Is this the right server? Use another, or tell the log's operator; nothing wrong was kept."


def _problem(reply: Reply) -> RefusedByService:
    """Why a reader may not see a file."""
    said = reply.read()[:_PROBLEM_BYTES]
    try:
        found = orjson.loads(said)
        code, title = str(found["code"]), str(found["title"])
    except (ValueError, KeyError, TypeError):
        code, title = "not_allowed", f"the server answered {reply.status}"
    return RefusedByService(code, title, {}, None)


class _Again(Exception):
    """No file came, but one may come later: not before `pause` seconds have passed."""

    def __init__(self, text: str, pause: int = 0) -> None:
        super().__init__(text)
        self.pause = pause


class LogServer:
    """Where logs are published: ``URL/log/SERVICE/SHARD/``. For several threads at once."""

    def __init__(
        self,
        url: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        transport: Transport | None = None,
        pauses: Sequence[float] = _PAUSES,
        bearer: Bearer | None = None,
        ca: Path | None = None,
    ) -> None:
        """`url`: base URL. `pauses`: seconds before each repetition. `transport`: by default connections of its
        own. `bearer`: gives the token of the session that entries are read by. `ca`: as in `route_to`. Raises
        `BadAuthority`, `BadProxy`.
        """
        self._bearer = Bearer() if bearer is None else bearer
        self.url, self._sleep, self._pauses = url, sleep, pauses
        self._transport = Connections(route_to(url, ca)) if transport is None else transport

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def get(self, log: LogId, path: str, at_most: int) -> bytes | None:
        """A published file of at most so many bytes; None if there is none.

        What may pass is tried again. Raises `Unreachable`, `Misserved`; `RefusedByService` if this reader may not see
        it.
        """
        token = self._bearer.header() if path.startswith(BUNDLES) else {}
        try:
            return self._get_again(log, path, at_most, token)
        except RefusedByService as refused:
            if refused.code != NOT_VALID or not self._bearer.replace(token):
                raise
        return self._get_again(log, path, at_most, self._bearer.header())

    def _get_again(self, log: LogId, path: str, at_most: int, token: Mapping[str, str]) -> bytes | None:
        problem, asked = "", 0
        for pause in (*self._pauses, None):
            try:
                return self._get(log, path, at_most, token)
            except TransportError as again:
                problem, asked = f"{again}", 0
            except _Again as again:
                problem, asked = f"{again}", again.pause
            if pause is not None:
                self._sleep(max(pause, asked))
        raise Unreachable(f"{self.url}: {log.name}, {path}: {problem}")

    def _get(self, log: LogId, path: str, at_most: int, token: Mapping[str, str]) -> bytes | None:
        at = f"/log/{quote(log.service, safe='')}/{quote(log.shard, safe='')}/{path}"
        ends = time.monotonic() + FILE_SECONDS_MAX
        with closing(self._transport.send(Request("GET", at, headers=token, silence=_SILENCE))) as reply:
            if reply.status in _ABSENT:
                return None
            if reply.status in _NOT_ALLOWED:
                raise _problem(reply)
            if reply.status in _REDIRECTS and "location" in reply.headers:
                to = reply.headers["location"][:200]
                advice = "Name the server that has the logs itself, if you trust it."
                raise Misserved(log.name, path, f"{self.url} redirects to {to!r}, which is not followed", advice)
            if reply.status != HTTPStatus.OK:
                raise _Again(f"it answered {reply.status}", retry_after(reply.headers))
            encoding = reply.headers.get("content-encoding", "identity")
            if encoding != "identity":
                advice = "Compression was not asked for: switch it off in front of /log/, or use another server."
                raise Misserved(log.name, path, f"it is sent compressed ({encoding[:40]!r}) and was not read", advice)
            data = bytearray()
            while piece := reply.read():
                data += piece
                if len(data) > at_most:
                    raise Misserved(
                        log.name, path, f"it has more than {at_most} bytes, the most possible", _OTHER_SERVER
                    )
                if time.monotonic() > ends:
                    raise _Again(f"it takes longer than {FILE_SECONDS_MAX:.0f} s")
            return bytes(data)
