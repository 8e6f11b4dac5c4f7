"""When orders end by themselves, and the timer that ends them."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.times import HOUR
from counterfoil.core.decider import At
from counterfoil.core.rules import Rules
from counterfoil.matching.events import BidClosed, BidReceived, OfferClosed, OfferReceived
from counterfoil.matching.state import MatchingState


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


def expire_orders(state: MatchingState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: close the orders that have ended by the cut-off, earliest first, as many as one entry holds."""
    events: list[Event] = []
    for order_id in state.expiry.reached(cutoff, state.rules.max_items_per_sweep):
        bid = state.bids.get(order_id)
        if bid is None:
            events.append(OfferClosed(offer_id=order_id, reason="expired"))
        elif bid.good_until is not None and bid.good_until <= cutoff:
            events.append(BidClosed(bid_id=order_id, reason="expired"))
        else:
            events.append(BidClosed(bid_id=order_id, reason="gate_closed"))
    return events
