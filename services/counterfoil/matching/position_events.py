"""Matching: how much of a market one group may hold, and how much of it there is."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Bps, Count, Hour, Id, Reason, Version


@event("position_limit.set.v1")
class PositionLimitSet(Event):
    """Version `version` of a market's limit: a group holds `share_bps` of a delivery day's node-hours at most.

    Or `least` node-hours, if that is more. None: there is no limit any more. The market is counted in the same entry.
    """

    class_id: Id
    region: Id
    version: Version
    share_bps: Bps | None
    least: Count
    set_by: Id
    reason: Reason


@event("positions.counted.v1")
class PositionsCounted(Event):
    """What shares of a market are of, until it is counted again, and contracts that ended are held no longer.

    `node_hours`: on offer in the book, or sold, by delivery day, from the one that begins with `first_hour`; days with
    none at the end are left out, and those behind the first 31 are counted, too, and not told.
    """

    class_id: Id
    region: Id
    first_hour: Hour
    node_hours: tuple[Count, ...]
