"""Matching's read models of the limit of orders, and of what each party gave and made by day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.matching.order_limit_events import OrderLimitSet, OrdersCounted
from counterfoil.ports import Change, Put, View
from counterfoil.readership import ANYBODY
from counterfoil.service import Reducers

LIMITS: Final = View(
    name="order_limits",
    key=("version",),
    columns={
        "version": "int", "orders_per_trade": "int?", "free": "int", "set_by": "text", "reason": "text",
        "set_at": "time",
    },
    filters=("version",),
    readers=ANYBODY,
    time="set_at",
)  # fmt: skip
"""How many orders a group gives on a day for each trade, beside the free ones, by version; null: any number."""
COUNTS: Final = View(
    name="order_counts",
    key=("group_id", "first_hour"),
    columns={
        "group_id": "text", "first_hour": "hour", "orders": "int", "trades": "int", "most": "int", "counted_at": "time",
    },
    filters=("group_id", "first_hour"),
    readers=ANYBODY,
    time="counted_at",
)  # fmt: skip
"""Orders and trades of a group on a day while there is a limit, as of its last order of the day."""
VIEWS: Final = (LIMITS, COUNTS)


def _limit(event: OrderLimitSet, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in LIMITS.columns if name != "set_at"}
    yield Put(LIMITS.name, {**row, "set_at": at.time})


def _counted(event: OrdersCounted, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in COUNTS.columns if name != "counted_at"}
    yield Put(COUNTS.name, {**row, "counted_at": at.time})


REDUCERS: Final[Reducers] = {OrderLimitSet: _limit, OrdersCounted: _counted}
