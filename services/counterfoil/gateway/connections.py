"""The open connections: bounded in all and per peer, and closed at their deadlines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Final, Protocol

from counterfoil.gateway.bounds import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_PEER
from counterfoil.gateway.peers import peer_at

_LOOK: Final = 0.5  # seconds between two looks at the deadlines


class Connection(Protocol):
    """An open connection."""

    def check_deadline(self, now: float) -> None:
        """Close it if its time is over. `now`: by the event loop's clock."""


class Connections:
    """Counts the connections of one event loop. One timer serves all: none is set and cancelled with each request."""

    def __init__(
        self,
        proxies: Collection[str] = (),
        most: int = MAX_CONNECTIONS,
        per_peer: int = MAX_CONNECTIONS_PER_PEER,
    ) -> None:
        """`proxies`: addresses of reverse proxies, which share only the bound on all."""
        self._most, self._per_peer = most, per_peer
        self._proxies = frozenset(map(peer_at, proxies))
        self._open: dict[Connection, str] = {}
        self._of_peer: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: Connection, address: str, loop: asyncio.AbstractEventLoop) -> bool:
        """Count it; False, counting nothing, if there are too many already."""
        peer = peer_at(address)
        share = self._most if peer in self._proxies else self._per_peer
        if len(self._open) >= self._most or self._of_peer[peer] >= share:
            return False
        self._open[connection] = peer
        self._of_peer[peer] += 1
        if self._timer is None:
            self._timer = loop.call_later(_LOOK, self._look, loop)
        return True

    def remove(self, connection: Connection) -> None:
        """It has ended. Nothing happens if it was not admitted."""
        peer = self._open.pop(connection, None)
        if peer is not None:
            self._of_peer[peer] -= 1
            if not self._of_peer[peer]:
                del self._of_peer[peer]

    def __len__(self) -> int:
        return len(self._open)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for each in tuple(self._open):
            each.check_deadline(now)
        self._timer = loop.call_later(_LOOK, self._look, loop) if self._open else None
