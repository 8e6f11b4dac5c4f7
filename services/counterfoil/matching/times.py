"""From when on an order can be delivered, and when it ends by itself."""

from __future__ import annotations

from counterfoil.contract.times import HOUR
from counterfoil.core.rule_fields import Rules
from counterfoil.matching.events import BidReceived, OfferReceived


def floor_hour(time: int, rules: Rules) -> int:
    """The first delivery hour that starts at least the gate closure after `time` (microseconds)."""
    return -(-(time + rules.gate_closure_hours * HOUR) // HOUR)


def last_start(order: OfferReceived | BidReceived) -> int:
    """The last hour at which a block of the order may start."""
    return order.latest if isinstance(order, BidReceived) else order.window_end - order.min_hours


def ends_at(last: int, good_until: int | None, rules: Rules) -> int:
    """When an order ends by itself (microseconds): at `good_until`, or once its `last` start has passed the gate."""
    gate = (last - rules.gate_closure_hours) * HOUR + 1
    return gate if good_until is None else min(gate, good_until)
