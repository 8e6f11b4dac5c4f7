"""Matching's read models of position limits and of what their shares are of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.contract.limits import MAX_POSITION_DAYS
from counterfoil.core.at import At
from counterfoil.matching.position_events import PositionLimitSet, PositionsCounted
from counterfoil.ports import Change, Put, View
from counterfoil.readership import ANYBODY
from counterfoil.service import Reducers

_MARKET: Final = {"class_id": "text", "region": "text"}
LIMITS: Final = View(
    name="position_limits",
    key=tuple(_MARKET),
    columns={
        **_MARKET, "version": "int", "share_bps": "int?", "least": "int", "set_by": "text", "reason": "text",
        "set_at": "time",
    },
    filters=tuple(_MARKET),
    readers=ANYBODY,
    time="set_at",
)  # fmt: skip
"""What a group may hold of a delivery day: basis points, or `least` node-hours if that is more; null: any share."""
COUNTS: Final = View(
    name="position_counts",
    key=(*_MARKET, "first_hour"),
    columns={**_MARKET, "first_hour": "hour", "node_hours": "int", "counted_at": "time"},
    filters=(*_MARKET, "first_hour"),
    readers=ANYBODY,
    time="counted_at",
)
"""Node-hours on offer or sold, by the delivery day that begins with `first_hour`, as last counted."""
VIEWS: Final = (LIMITS, COUNTS)


def _limit(event: PositionLimitSet, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in LIMITS.columns if name != "set_at"}
    yield Put(LIMITS.name, {**row, "set_at": at.time})


def _counts(event: PositionsCounted, at: At) -> Iterable[Change]:
    for nth in range(MAX_POSITION_DAYS):
        node_hours = event.node_hours[nth] if nth < len(event.node_hours) else 0
        row = {"class_id": event.class_id, "region": event.region, "first_hour": event.first_hour + 24 * nth}
        yield Put(COUNTS.name, {**row, "node_hours": node_hours, "counted_at": at.time})


REDUCERS: Final[Reducers] = {PositionLimitSet: _limit, PositionsCounted: _counts}
