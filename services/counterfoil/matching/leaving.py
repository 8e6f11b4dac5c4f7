"""Why open orders must leave the book although nobody cancelled them, and the timer that ends them before all else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.matching.events import BidClosed, OfferClosed
from counterfoil.matching.state import MatchingState


def end_orders(state: MatchingState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: close the orders that must leave, as many as one entry holds."""
    reason: Literal["party_closed"] = "party_closed"
    return [
        BidClosed(bid_id=order_id, reason=reason) if order_id in state.bids
        else OfferClosed(offer_id=order_id, reason=reason)
        for order_id in state.leaving.reached(cutoff, state.rules.max_items_per_sweep)
    ]  # fmt: skip
