"""What follows from the end of an auction, step by step: its trades, then the ends of its orders.

All of it follows from the state, and nothing else is decided until the last step is in the log. So a process keeps what
it found, beside the state, while the steps fill entry after entry; also when it began in the middle of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from counterfoil.matching.auction.certificate import shortfalls
from counterfoil.matching.auction.deals import Deal, deals
from counterfoil.matching.auction.solving import prepare
from counterfoil.matching.auction_book import Frozen, frozen
from counterfoil.matching.auction_state import Phase
from counterfoil.matching.solutions import outcome_by
from counterfoil.matching.state import MatchingState


class End(NamedTuple):
    """An order is closed, for a reason."""

    order_id: str
    reason: Any


def _steps(state: MatchingState, auction_id: str, now: Frozen) -> Iterator[Deal | End]:
    """All that follows from the end of an auction, in order: trades, then the ends of orders by their priority."""
    auction = state.auctions.open[auction_id]
    if auction.phase != "cleared":
        reason = "gate_closed" if auction.phase == "gate_closed" else "auction_cancelled"
        yield from (End(order_id, reason) for order_id in now.order_ids)
        return
    outcome, met = outcome_by(state, auction.solution_id, now.book), set[str]()
    for deal in deals(now.book, outcome):
        yield deal
        if not deal.nodes_left:
            met.add(deal.bid_id)
    missed = shortfalls(prepare(now.book), outcome)
    for order_id in now.order_ids:
        if order_id not in met:  # a bid that is met in full ends with its last trade
            yield End(order_id, now.unfit.get(order_id) or missed.get(order_id, "auction_cleared"))


class Outcome(NamedTuple):
    """All steps, and what they are about."""

    now: Frozen
    steps: tuple[Deal | End, ...]


def outcome_of(state: MatchingState, auction_id: str) -> Outcome:
    """What follows from the end of an auction, as the state has its orders."""
    return _outcome(state, auction_id, state.auctions.open[auction_id].phase)


@lru_cache(maxsize=1)
def _outcome(state: MatchingState, auction_id: str, _phase: Phase) -> Outcome:
    now = frozen(state, auction_id)
    return Outcome(now, tuple(_steps(state, auction_id, now)))
