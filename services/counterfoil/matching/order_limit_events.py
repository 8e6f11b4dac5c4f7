"""Matching: how many orders a group may give for each trade that it makes."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Count, Figure, Hour, Id, Reason, Version


@event("order_limit.set.v1")
class OrderLimitSet(Event):
    """Version `version` of the limit: on a day a group gives `free` orders, and `orders_per_trade` more for each trade.

    None: there is no limit any more.
    """

    version: Version
    orders_per_trade: Figure | None
    free: Count
    set_by: Id
    reason: Reason


@event("orders.counted.v1")
class OrdersCounted(Event):
    """An order of `party_id`, or another price of one, while there is a limit: what its group has given and made.

    On the day (UTC) that begins with `first_hour`: `orders` with this one, `trades`, and the `most` orders it may give
    with so many.
    """

    party_id: Id
    group_id: Id
    first_hour: Hour
    orders: Count
    trades: Count
    most: Count
