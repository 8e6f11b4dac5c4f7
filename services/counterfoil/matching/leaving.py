"""Why open orders must leave the book although nobody cancelled them, and the timer that ends them before all else."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.matching.events import BidClosed, OfferClosed
from counterfoil.matching.state import MatchingState


def end_orders(state: MatchingState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: close the orders that must leave, as many as one entry holds."""
    some = state.leaving.reached(cutoff, state.rules.max_items_per_sweep)
    return [_closed(state, order_id) for order_id in some]


def _closed(state: MatchingState, order_id: str) -> Event:
    reason = state.why_leave(order_id)
    if reason is None:
        raise InvariantViolation(f"{order_id} may stay")
    if order_id in state.bids:
        return BidClosed(bid_id=order_id, reason=reason)
    return OfferClosed(offer_id=order_id, reason=reason)
