"""How much of a market each group holds, and how much more it may get, as state.

A *market* is here a class in a region, in whatever currency. A *delivery day* is a day of UTC. Quantities are
node-hours. What is derived from the rows is a memory of answers: dropping any of it changes none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from counterfoil.contract.limits import BPS
from counterfoil.contract.times import HOUR
from counterfoil.core.directory import Directory
from counterfoil.core.form import BITS, COUNT, FLAG, Form, listed, optional, row
from counterfoil.core.rule_fields import Rules
from counterfoil.core.table import Table
from counterfoil.matching.commitments import DAY_HOURS, NOTHING, Committed, by_day, merged

Market = tuple[str, str]
"""(class, region)"""


class Limit(NamedTuple):
    """What a group may hold of a market: a share in basis points, or `least` node-hours of a day if that is more.

    `share_bps`: None if there is no limit any more. `offered`: nodes on offer in the book, or sold, by hour; `counted`:
    the same as it was in the hour `counted_at`, of which the share is; `changed`: whether something is to be counted.
    """

    version: int
    share_bps: int | None
    least: int
    counted_at: int
    changed: bool
    offered: Committed
    counted: Committed


class Holding(NamedTuple):
    """Nodes that a party holds of a market by hour, and of them those of contracts that ended since it was counted."""

    held: Committed
    ended: Committed


_COMMITTED: Final = row(Committed, origin=COUNT, planes=listed(BITS))
LIMIT: Final = Form(
    "position_limit",
    ("class_id", "region"),
    row(
        Limit, version=COUNT, share_bps=optional(COUNT), least=COUNT, counted_at=COUNT, changed=FLAG,
        offered=_COMMITTED, counted=_COMMITTED,
    ),
    "what a group may hold of a market, and the nodes on offer or sold there by hour, now and as last counted: bits as"
    " in `stock`",
)  # fmt: skip
HOLDING: Final = Form(
    "holding",
    ("class_id", "region", "party_id"),
    row(Holding, held=_COMMITTED, ended=_COMMITTED),
    "the nodes that a party holds by hour of a market with a limit, and of them those of contracts that ended since it"
    " was counted: bits as in `stock`",
)


class Room:
    """The node-hours that a group may still get of a market, by delivery day: `left` from the day `first_day` on.

    Behind the last of these days there is no bound: no offer reaches so far.
    """

    __slots__ = ("_barred", "first_day", "left")

    def __init__(self, first_day: int, left: list[int]) -> None:
        self.first_day, self.left = first_day, left
        self._barred: dict[tuple[int, int], int] = {}

    def starts(self, nodes: int, hours: int, first: int) -> int:
        """Bit h: whether a block of so many nodes and hours that starts at the hour `first` + h leaves no day over."""
        barred = self._barred.get((nodes, hours))
        if barred is None:
            barred = self._barred[nodes, hours] = self._over(nodes, hours)
        return ~barred >> (first - self.first_day * DAY_HOURS)

    def _over(self, nodes: int, hours: int) -> int:
        """The starts, from the first hour of `first_day` on, with which a block has one hour too many on some day."""
        barred, low, high = 0, 0, -1
        for nth, left in enumerate(self.left):
            too_many = max(left, 0) // nodes + 1
            if too_many > min(hours, DAY_HOURS):
                continue
            start = max(nth * DAY_HOURS - hours + too_many, 0)
            if start > high + 1:
                barred |= (1 << high + 1) - (1 << low)
                low = start
            high = (nth + 1) * DAY_HOURS - too_many
        return barred | (1 << high + 1) - (1 << low)

    def less(self, nodes: int, first: int, hours: int) -> Room:
        """What is left once a block is taken, too."""
        left = self.left.copy()
        for day, part in day_parts(first, hours):
            if 0 <= day - self.first_day < len(left):
                left[day - self.first_day] -= nodes * part
        return Room(self.first_day, left)


RoomOf = Callable[[str, str, str, int], Room | None]
"""What a group may still get of a class in a region, by the first hour that can be delivered; None: no bound."""


def day_parts(first: int, hours: int) -> Iterator[tuple[int, int]]:
    """The days of a stretch of hours, with how many of its hours are on each."""
    hour, end = first, first + hours
    while hour < end:
        day = hour // DAY_HOURS
        until = min((day + 1) * DAY_HOURS, end)
        yield day, until - hour
        hour = until


class Positions:
    """The limits of markets and who holds what there."""

    __slots__ = ("_holders", "_rooms", "holdings", "limits")

    def __init__(self) -> None:
        self.limits: Table[Market, Limit] = Table(LIMIT)
        self.holdings: Table[tuple[str, str, str], Holding] = Table(HOLDING)  # (class, region, party)
        self._holders: dict[Market, dict[str, None]] = {}
        self._rooms: dict[Market, dict[str, Room]] = {}  # by group

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self._holders = {}
        for class_id, region, party_id in self.holdings:
            self._holders.setdefault((class_id, region), {})[party_id] = None
        self._rooms = {}

    def bounded(self, market: Market) -> Limit | None:
        """The limit of a market, None if there is none, or no more."""
        limit = self.limits.get(market)
        return None if limit is None or limit.share_bps is None else limit

    def due(self) -> int | None:
        """When the next market is counted (microseconds): at a full hour, if something has changed there."""
        times = [
            (each.counted_at + 1) * HOUR
            for each in self.limits.values()
            if each.changed and each.share_bps is not None
        ]  # fmt: skip
        return min(times, default=None)

    def holders(self, market: Market) -> list[str]:
        """The parties that hold something of a market, in order."""
        return sorted(self._holders.get(market, ()))

    def hold(self, market: Market, party_id: str, holding: Holding) -> None:
        """A party holds this of a market from here on."""
        key = (*market, party_id)
        if holding.held.planes:
            self.holdings[key] = holding
            self._holders.setdefault(market, {})[party_id] = None
        elif key in self.holdings:
            del self.holdings[key]
            del self._holders[market][party_id]
            if not self._holders[market]:
                del self._holders[market]

    def changes(self, market: Market, group_id: str | None = None) -> None:
        """What was known of a market, or of one group there, holds no longer."""
        if group_id is None:
            self._rooms.pop(market, None)
        else:
            self._rooms.get(market, {}).pop(group_id, None)

    def room(self, directory: Directory, group_id: str, market: Market, first_day: int, days: int) -> Room | None:
        """What a group may still get, of so many days; None if it may get anything."""
        limit = self.bounded(market)
        if limit is None:
            return None
        rooms = self._rooms.setdefault(market, {})
        known = rooms.get(group_id)
        if known is None or known.first_day != first_day:
            held = NOTHING
            for party_id in directory.members(group_id):
                holding = self.holdings.get((*market, party_id))
                held = held if holding is None else merged(held, holding.held)
            pairs = zip(by_day(limit.counted, first_day, days), by_day(held, first_day, days), strict=True)
            left = [most(limit, offered) - mine for offered, mine in pairs]
            known = rooms[group_id] = Room(first_day, left)
        return known


def horizon_days(rules: Rules) -> int:
    """On how many days, from today on, something may be offered."""
    return rules.max_horizon_hours // DAY_HOURS + 2


def most(limit: Limit, offered: int) -> int:
    """The node-hours that a group may hold of a day on which so many are offered and sold."""
    return max(offered * (limit.share_bps or 0) // BPS, limit.least)
