"""A small part of the million generated commands, which `python -m tests.properties.million` plays by hand."""

from __future__ import annotations

from tests.properties.million import flow


def test_a_flow_with_auctions_and_all_else_decides_alike_and_leaves_nothing_that_fits() -> None:
    markets = flow(3, 250)
    seen = {type(event).__name__ for event, _ in markets.market.history}
    assert {"AuctionCleared", "TradeCleared", "SolutionReceived", "TradeMatched", "PriceCollarSet"} <= seen
    assert markets.commands > 90
