"""How many orders a group may give for each trade, and how many each party gave and made on a day, as state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from counterfoil.core.form import COUNT, Form, optional, row
from counterfoil.core.table import Table

ALL: Final = "*"


class OrderLimit(NamedTuple):
    """`free` orders of a day, and `orders_per_trade` more for each trade; None: there is no limit any more."""

    version: int
    orders_per_trade: int | None
    free: int


class OrderCount(NamedTuple):
    """Orders given and trades made on a day, in days since 1970."""

    day: int
    orders: int
    trades: int


ORDER_LIMIT: Final = Form(
    "order_limit",
    ("scope",),
    row(OrderLimit, version=COUNT, orders_per_trade=optional(COUNT), free=COUNT),
    "how many orders a group gives on a day for each of its trades, beside those that are free; null: no limit",
)
ORDER_COUNT: Final = Form(
    "order_count",
    ("party_id",),
    row(OrderCount, day=COUNT, orders=COUNT, trades=COUNT),
    "the orders that a party gave, and the trades that it made, on the last day on which it did, since the first limit",
)


class OrderCounts:
    """The limit, and the counts of the parties: one row each, however many orders they give."""

    __slots__ = ("counts", "limits")

    def __init__(self) -> None:
        self.limits: Table[str, OrderLimit] = Table(ORDER_LIMIT)
        self.counts: Table[str, OrderCount] = Table(ORDER_COUNT)

    def add(self, party_id: str, day: int, *, orders: int = 0, trades: int = 0) -> None:
        """Count what a party did, once there was a limit."""
        if not self.limits:
            return
        had = self.counts.get(party_id)
        if had is None or had.day != day:
            had = OrderCount(day, 0, 0)
        self.counts[party_id] = OrderCount(day, had.orders + orders, had.trades + trades)

    def of(self, party_ids: Iterable[str], day: int) -> tuple[int, int]:
        """The orders and the trades of these parties on a day."""
        found = [each for party_id in party_ids if (each := self.counts.get(party_id)) is not None and each.day == day]
        return sum(each.orders for each in found), sum(each.trades for each in found)
