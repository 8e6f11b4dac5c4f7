"""The timer that ends orders whose time is over."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.matching.events import BidClosed, OfferClosed
from counterfoil.matching.state import MatchingState


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
