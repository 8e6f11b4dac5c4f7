"""What each peer may have under way at once: others are served although one asks for everything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from counterfoil.gateway.bounds import (
    PACE_SECONDS,
    PEERS_KEPT,
    QUERIES_PER_SECOND,
    UNDER_WAY_PER_PEER,
)
from counterfoil.gateway.peers import ASKING, peer_of

STREAMS: Final = "/v1/events"
MARKET_STREAM: Final = "/v1/market/events"
COMMANDS: Final = "/v1/commands"
_LEAVE: Final = "counterfoil.leave"
_FREE: Final = frozenset({STREAMS, MARKET_STREAM, "/healthz"})  # these have bounds of their own, or do no work


class Shares:
    """ASGI middleware: of one peer's requests few are under way at once; all but commands come at a pace.

    The others wait in order. However many connections a peer has, it then takes few turns of the event loop among those
    of others. A command is under way until it has been checked, and waits for its answer beside the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._pace = app, Pace()
        self._waiting: dict[tuple[str, bool], tuple[asyncio.Semaphore, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = peer_of(scope)
        ASKING.set(peer)
        if scope["path"] in _FREE:
            await self._app(scope, receive, send)
            return
        command = scope["method"] == "POST" and scope["path"] == COMMANDS
        with self._share(peer, command=command) as share:
            await share.acquire()
            leave = scope[_LEAVE] = _Once(share.release)
            try:
                delay = 0.0 if command else self._pace.delay(peer, asyncio.get_running_loop().time())
                if delay:
                    await asyncio.sleep(delay)
                await self._app(scope, receive, send)
            finally:
                leave()

    @contextmanager
    def _share(self, peer: str, *, command: bool) -> Iterator[asyncio.Semaphore]:
        key = peer, command
        share, users = self._waiting.get(key) or (asyncio.Semaphore(UNDER_WAY_PER_PEER), 0)
        self._waiting[key] = share, users + 1
        try:
            yield share
        finally:
            users = self._waiting[key][1] - 1
            if users:
                self._waiting[key] = share, users
            else:
                del self._waiting[key]


class Pace:
    """How often each peer may ask: at once as often as in `PACE_SECONDS`, then evenly."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}  # per peer, when it may ask as often at once again

    def delay(self, peer: str, now: float) -> float:
        """Count a query; the seconds that it must wait."""
        if peer not in self._full_at and len(self._full_at) >= PEERS_KEPT:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        full_at = max(self._full_at.get(peer, now), now) + 1 / QUERIES_PER_SECOND
        self._full_at[peer] = full_at
        return max(0.0, full_at - now - PACE_SECONDS)


class _Once:
    """Calls a function the first time only."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


def waits(scope: Scope) -> None:
    """A request only waits from now on, as a command that has been checked: another of its peer's may be under way."""
    leave: Callable[[], None] | None = scope.get(_LEAVE)
    if leave is not None:
        leave()


class Places:
    """Places that are few, and each peer's share of them."""

    def __init__(self, most: int, per_peer: int) -> None:
        self._most, self._per_peer = most, per_peer
        self._taken: Counter[str] = Counter()

    def take(self, peer: str) -> bool:
        """Take a place, to be given back by `release`; False if none is left, in all or for the peer."""
        if self._taken.total() >= self._most or self._taken[peer] >= self._per_peer:
            return False
        self._taken[peer] += 1
        return True

    def release(self, peer: str) -> None:
        """Give a place back."""
        self._taken[peer] -= 1
        if not self._taken[peer]:
            del self._taken[peer]
