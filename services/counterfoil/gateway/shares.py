"""What each peer may have under way at once: others are served although one asks for everything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.gateway.bounds import MAX_STREAMS, MAX_STREAMS_PER_PEER, QUERIES_PER_PEER
from counterfoil.gateway.peers import peer_of
from counterfoil.gateway.problems import Problem

STREAMS: Final = "/v1/events"
_FREE: Final = frozenset({STREAMS, "/healthz"})  # these have bounds of their own, or do no work


class Shares:
    """ASGI middleware: of one peer's queries few are under way at once, and the others wait, in order.

    However many connections a peer has, it then takes few turns of the event loop among those of others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._waiting: dict[str, tuple[asyncio.Semaphore, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] == "POST" or scope["path"] in _FREE:
            await self._app(scope, receive, send)
            return
        with self._share(peer_of(scope)) as share:
            async with share:
                await self._app(scope, receive, send)

    @contextmanager
    def _share(self, peer: str) -> Iterator[asyncio.Semaphore]:
        share, users = self._waiting.get(peer) or (asyncio.Semaphore(QUERIES_PER_PEER), 0)
        self._waiting[peer] = share, users + 1
        try:
            yield share
        finally:
            users = self._waiting[peer][1] - 1
            if users:
                self._waiting[peer] = share, users
            else:
                del self._waiting[peer]


class Places:
    """The places for streams, each peer's share of them bounded."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, peer: str) -> None:
        """Take a place, to be given back by `release`. Raises `Problem` 503 if none is left, in all or for the peer."""
        if self._taken.total() >= MAX_STREAMS or self._taken[peer] >= MAX_STREAMS_PER_PEER:
            title = "Too many event streams are open, in all or from this address."
            raise Problem(503, "too_many_streams", title, headers={"Retry-After": "5"})
        self._taken[peer] += 1

    def release(self, peer: str) -> None:
        """Give a place back."""
        self._taken[peer] -= 1
        if not self._taken[peer]:
            del self._taken[peer]
