"""What became of a command, for those who wait for it: one reader of the views for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from counterfoil.contract.entry import Entry
from counterfoil.contract.order_rows import FOLLOWED, HOLDS, failed_for, is_settled, is_unfunded, trades_of
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import MAX_FOLLOWED, MAX_FOLLOWED_PER_PARTY, MAX_FOLLOWED_PER_PEER
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.problems import Problem
from counterfoil.gateway.rows import render
from counterfoil.gateway.shares import Places
from counterfoil.matching.views import TRADES
from counterfoil.ports import TookTooLong, Unavailable, View, ViewReader
from counterfoil.runtime.outcomes import Made, followed_of, made_by

Outcome = dict[str, Any]
_PAUSE: Final = 0.05  # seconds between two looks at the views
_TRADES: Final = 50  # of an order, that an outcome lists
_TRADES_IN_BATCH: Final = 10  # of an order of a batch
_SHORT: Final = ("short_vouchers", "short_cash")


@dataclass(eq=False, slots=True)
class _Followed:
    """One who waits, for what the commands of an entry made; `outcomes` are those that are known, in their order."""

    entry: Entry
    made: list[Made | None]
    waiter: asyncio.Future[None]
    outcomes: list[Outcome | None] = field(default_factory=list)


class Outcomes:
    """Follows what commands made, for one event loop."""

    def __init__(self, backend: Backend, pools: Pools) -> None:
        self._backend, self._pools = backend, pools
        self._peers = Places(MAX_FOLLOWED, MAX_FOLLOWED_PER_PEER)
        self._parties = Places(MAX_FOLLOWED, MAX_FOLLOWED_PER_PARTY)
        self._followed: list[_Followed] = []
        self._following: asyncio.Task[None] | None = None

    async def of(self, peer: str, party: str, entry: Entry, seconds: float) -> list[Outcome | None]:
        """The outcome of each of the party's commands in an entry, once all are settled or the seconds are over.

        None for a command that made nothing to follow. Shorter by those that were not settled in time, and empty if
        there is nothing to follow, or if too many wait, in all, for this peer or for this party.
        """
        made = followed_of(entry)
        if not any(made) or not self._take(peer, party):
            return []
        followed = _Followed(entry, made, asyncio.get_running_loop().create_future())
        self._followed.append(followed)
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait({followed.waiter}, timeout=max(0.0, seconds))
            return followed.outcomes
        finally:
            self._followed.remove(followed)
            self._peers.release(peer)
            self._parties.release(party)

    def _take(self, peer: str, party: str) -> bool:
        if not self._peers.take(peer):
            return False
        if self._parties.take(party):
            return True
        self._peers.release(peer)
        return False

    async def _follow(self) -> None:
        while self._followed:
            waiting = [each for each in self._followed if not each.waiter.done()]
            try:
                found = await self._pools.points.run(_settled, self._backend, waiting)
            except (Problem, TookTooLong, Unavailable):
                found = []  # the views cannot be read just now; who waits gets the receipt alone, in time
            for each, outcomes in found:
                each.outcomes = [*each.outcomes, *outcomes]
                if len(each.outcomes) == len(each.made) and not each.waiter.done():
                    each.waiter.set_result(None)
            await asyncio.sleep(_PAUSE)


def _settled(backend: Backend, waiting: Sequence[_Followed]) -> list[tuple[_Followed, list[Outcome | None]]]:
    """The outcomes that are known and were not before, of each up to its first that is not; waits for the database."""
    found = []
    with backend.views.consistent_read() as views:
        progress = views.progress()
        for each in waiting:
            origin = each.entry.origin
            if origin in progress and progress[origin].position > each.entry.index:
                found.append((each, list(_known(views, each))))
    return found


def _known(views: ViewReader, followed: _Followed) -> Iterator[Outcome | None]:
    trades = _TRADES_IN_BATCH if followed.entry.batch else _TRADES
    for made in followed.made[len(followed.outcomes) :]:
        outcome = None if made is None else _outcome(views, *made, trades)
        if made is not None and outcome is None:
            return
        yield outcome


def _outcome(views: ViewReader, view: View, key: tuple[object, ...], trades: int) -> Outcome | None:
    """The row, and of an order, or its amendment, `trades` and the `cause` of a failure; None while not settled."""
    row = views.get(view.name, key)
    if row is None or not is_settled(view.name, row):
        return None
    outcome = {"href": path_of(Made(view, key)), **render(view, row)}
    if view.name not in FOLLOWED:
        return outcome
    hold = views.get(HOLDS, key) if is_unfunded(view.name, row) else None
    outcome["cause"] = failed_for(view.name, row) if hold is None else hold["reason"]
    if hold is not None:
        outcome |= {name: str(hold[name]) for name in _SHORT}
    column, of = trades_of(view.name, row)
    found = views.page(TRADES.name, {column: of}, None, trades)
    outcome["trades"] = [render(TRADES, each) for each in found]
    return outcome


def path_of(made: Made) -> str:
    """The path of the row's item."""
    shown = render(made.view, {**dict.fromkeys(made.view.columns), **dict(zip(made.view.key, made.key, strict=True))})
    parts = "/".join(quote(str(shown[name]), safe=":") for name in made.view.key)
    return f"/v1/{made.view.name.replace('_', '-')}/{parts}"


def links_of(entry: Entry) -> str:
    """The header `Link` to what an entry made: RFC 8288, relation `status` of RFC 8631. Empty if there is nothing."""
    return ", ".join(f'<{path_of(made)}>; rel="status"' for made in made_by(entry))
