"""What became of a command, for those who wait for it: one reader of the views for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from counterfoil.contract.entry import Entry
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import MAX_FOLLOWED, MAX_FOLLOWED_PER_PEER
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem
from counterfoil.gateway.rows import render
from counterfoil.gateway.shares import Places
from counterfoil.matching.views import TRADES
from counterfoil.ports import TookTooLong, Unavailable, View, ViewReader
from counterfoil.runtime.outcomes import ORDERS, Made, is_settled, is_unfunded, made_by

Outcome = dict[str, Any]
_PAUSE: Final = 0.05  # seconds between two looks at the views
_TRADES: Final = 50  # of an order, that an outcome lists
_SHORT: Final = ("short_vouchers", "short_cash")


class _Followed(NamedTuple):
    """One who waits: for what an entry made."""

    origin: str
    position: int
    made: Made
    waiter: asyncio.Future[Outcome]


class Outcomes:
    """Follows what commands made, for one event loop."""

    def __init__(self, backend: Backend, pools: Pools) -> None:
        self._backend, self._pools = backend, pools
        self._places = Places(MAX_FOLLOWED, MAX_FOLLOWED_PER_PEER)
        self._followed: list[_Followed] = []
        self._following: asyncio.Task[None] | None = None

    async def of(self, peer: str, entry: Entry, seconds: float) -> Outcome | None:
        """The outcome once it is settled, within so many seconds.

        None if it is not known by then, if the command made nothing to follow, or if too many wait.
        """
        made = made_by(entry)
        if entry.batch or not made or not self._places.take(peer):
            return None
        followed = _Followed(entry.origin, entry.index, made[0], asyncio.get_running_loop().create_future())
        self._followed.append(followed)
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait({followed.waiter}, timeout=max(0.0, seconds))
            return followed.waiter.result() if followed.waiter.done() else None
        finally:
            self._followed.remove(followed)
            self._places.release(peer)

    async def _follow(self) -> None:
        while self._followed:
            waiting = [each for each in self._followed if not each.waiter.done()]
            try:
                found = await self._pools.points.run(_settled, self._backend, waiting)
            except (Problem, TookTooLong, Unavailable):
                found = []  # the views cannot be read just now; who waits gets the receipt alone, in time
            for each, outcome in found:
                if not each.waiter.done():
                    each.waiter.set_result(outcome)
            await asyncio.sleep(_PAUSE)


def _settled(backend: Backend, waiting: Sequence[_Followed]) -> list[tuple[_Followed, Outcome]]:
    """The outcomes that are known; waits for the database."""
    found = []
    with backend.views.consistent_read() as views:
        progress = views.progress()
        for each in waiting:
            if each.origin in progress and progress[each.origin].position > each.position:
                outcome = _outcome(views, *each.made)
                if outcome is not None:
                    found.append((each, outcome))
    return found


def _outcome(views: ViewReader, view: View, key: tuple[object, ...]) -> Outcome | None:
    """The row, and of an order its `trades` and the `cause` of a refusal; None while it is not settled."""
    row = views.get(view.name, key)
    if row is None or not is_settled(view.name, row):
        return None
    outcome = {"href": path_of(Made(view, key)), **render(view, row)}
    if view.name not in ORDERS:
        return outcome
    hold = views.get("holds", key) if is_unfunded(view.name, row) else None
    outcome["cause"] = None if hold is None else hold["reason"]
    if hold is not None:
        outcome |= {name: str(hold[name]) for name in _SHORT}
    trades = views.page(TRADES.name, {ORDERS[view.name]: key[0]}, None, _TRADES)
    outcome["trades"] = [render(TRADES, each) for each in trades]
    return outcome


def path_of(made: Made) -> str:
    """The path of the row's item."""
    shown = render(made.view, {**dict.fromkeys(made.view.columns), **dict(zip(made.view.key, made.key, strict=True))})
    parts = "/".join(quote(str(shown[name]), safe=":") for name in made.view.key)
    return f"/v1/{made.view.name.replace('_', '-')}/{parts}"


def links_of(entry: Entry) -> str:
    """The header `Link` to what an entry made: RFC 8288, relation `status` of RFC 8631. Empty if there is nothing."""
    return ", ".join(f'<{path_of(made)}>; rel="status"' for made in made_by(entry))
