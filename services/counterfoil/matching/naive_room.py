"""What a group may still get, in the simplest way: rule R11 of `naive_book`, hour by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from counterfoil.matching.orders import Bid, Offer
from counterfoil.matching.position_state import RoomOf

DAY_HOURS: Final = 24
Got = Counter[tuple[str, str, str, int]]
"""Node-hours by group, class, region and delivery day."""
May = Callable[[int, int], bool]
"""Whether a group may get so many nodes from a start on."""


def may_get(room_of: RoomOf | None, bid: Bid, offer: Offer, floor_hour: int, got: Got) -> May | None:
    """Whether the bid's group may get a block, with what it `got` in the plan already; None: whatever it is."""
    whose = bid.group_id, offer.class_id, offer.region
    room = None if room_of is None else room_of(*whose, floor_hour)
    if room is None:
        return None
    left = room.left

    def may(nodes: int, start: int) -> bool:
        days = Counter(hour // DAY_HOURS for hour in range(start, start + bid.hours))
        return all(nodes * hours + got[*whose, day] <= left[day - room.first_day] for day, hours in days.items())

    return may


def count(got: Got, bid: Bid, offer: Offer, found: tuple[int, int]) -> None:
    """Count a match: its nodes and its start."""
    nodes, start = found
    for hour in range(start, start + bid.hours):
        got[bid.group_id, offer.class_id, offer.region, hour // DAY_HOURS] += nodes
