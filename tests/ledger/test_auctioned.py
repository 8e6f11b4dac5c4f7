"""A block of an auction pays for stretches of its hours one after the other, out of one hold."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.record import annotations_of
from counterfoil.matching.auction_events import TradeCleared
from tests.ledger.story import bid, deposit, issued, offer, story, trade


def cleared(trade_id: str, notional: int, nodes_left: int, hours_left: int) -> TradeCleared:
    """A stretch at one price."""
    matched = trade(trade_id, notional, nodes_left)
    names = [name for name in annotations_of(TradeCleared) if hasattr(matched, name)]
    terms: dict[str, Any] = {name: getattr(matched, name) for name in names}
    return TradeCleared(**terms, auction_id="auc", bid_hours_left=hours_left)


def test_between_two_stretches_the_hold_covers_what_the_block_still_costs() -> None:
    """An early hour may cost more than the limit, since the hours together do not."""
    told = story(issued("v1", 5_000))
    told.when(deposit("cloud", 10_000), "treasury")
    told.hears(offer("offer", 200))
    told.hears(bid("bid", 900, 1, hours=2, partial=False))
    before = told.cash("acme")
    told.hears(cleared("t1", 600, 1, 1))  # `hears` checks all that is to hold of a ledger
    assert told.state.holds.open["bid", "bid"].terms.cost_per_node == 300
    told.hears(cleared("t2", 250, 0, 0))
    assert ("bid", "bid") not in told.state.holds.open
    assert told.cash("acme") != before
