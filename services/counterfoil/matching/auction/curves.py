"""Supply and demand of one slot as sums over a fixed grid of prices, so that a change can be tried without making it.

The prices of the grid are all those at which anybody bids or asks in the slot. What is found is what `slots` finds from
the orders themselves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from counterfoil.matching.auction.slots import Side


class Level(NamedTuple):
    """What a slot comes to: the lowest price that clears it, at least its floor, and what its hourly orders gain."""

    low: int
    value: int


class Curves:
    """One slot. Bids do not change, asks lose nodes to blocks."""

    __slots__ = ("_above", "_above_worth", "_grid", "_supply", "_supply_worth")

    def __init__(self, asks: Sequence[Side], bids: Sequence[Side]) -> None:
        grid = sorted({each.price for each in (*asks, *bids)})
        wanted, offered = dict.fromkeys(grid, 0), dict.fromkeys(grid, 0)
        for bid in bids:
            wanted[bid.price] += bid.claim.nodes
        for ask in asks:
            offered[ask.price] += ask.claim.nodes
        self._grid = grid
        self._supply = list(accumulate(offered[price] for price in grid))  # at this price or below
        self._supply_worth = list(accumulate(price * offered[price] for price in grid))
        down = list(reversed(grid))
        above = [0, *accumulate(wanted[price] for price in down)]  # of bids above the price, the dearest price first
        worth = [0, *accumulate(price * wanted[price] for price in down)]
        self._above, self._above_worth = above[::-1], worth[::-1]  # [k]: of bids at grid[k] or above

    def without(self, price: int, nodes: int, floor: int) -> Level:
        """What the slot would come to with `nodes` nodes fewer at a price, which is one of the grid or `nodes` is 0."""
        grid, supply, above, size = self._grid, self._supply, self._above, len(self._grid)
        lost_from = bisect_left(grid, price) if nodes else size
        first, end = 0, size  # the first price above which no more is wanted than is offered up to it
        while first < end:
            middle = (first + end) // 2
            if above[middle + 1] <= supply[middle] - (nodes if middle >= lost_from else 0):
                end = middle
            else:
                first = middle + 1
        low = grid[first] if above[0] else 0
        if floor > low:
            low = floor
        return Level(low, self._value(low, lost_from, price, nodes))

    def _value(self, low: int, lost_from: int, price: int, nodes: int) -> int:
        """What the orders gain at a price: the best of each side, up to the volume that both sides have."""
        grid = self._grid
        to, since = bisect_left(grid, low + 1), bisect_left(grid, low)
        lost = nodes if to > lost_from else 0
        supply = self._supply[to - 1] - lost if to else 0
        supply_worth = self._supply_worth[to - 1] - lost * price if to else 0
        demand, demand_worth = self._above[since], self._above_worth[since]
        if demand > supply:  # bids at the price itself are the last; above it all are met
            return demand_worth - (demand - supply) * low - supply_worth
        return demand_worth - self._cheapest(demand, lost_from, price, nodes)

    def _cheapest(self, demand: int, lost_from: int, price: int, nodes: int) -> int:
        """What the cheapest asks for so many nodes ask in all."""
        supply, first, end = self._supply, 0, len(self._grid)
        while first < end:
            middle = (first + end) // 2
            if supply[middle] - (nodes if middle >= lost_from else 0) >= demand:
                end = middle
            else:
                first = middle + 1
        if first == len(self._grid):
            return 0  # nothing is wanted
        lost = nodes if first >= lost_from else 0
        return self._supply_worth[first] - lost * price - (supply[first] - lost - demand) * self._grid[first]

    def take(self, price: int, nodes: int) -> None:
        """Remove `nodes` nodes of asks at a price."""
        first = bisect_left(self._grid, price)
        self._supply[first:] = [each - nodes for each in self._supply[first:]]
        self._supply_worth[first:] = [each - nodes * price for each in self._supply_worth[first:]]
