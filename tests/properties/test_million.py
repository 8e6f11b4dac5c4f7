"""A small part of the million generated commands, which `python -m tests.properties.million` plays by hand."""

from __future__ import annotations

import pytest

from tests.matching.test_sieve import LARGE
from tests.properties.million import flow


def test_a_flow_with_auctions_and_all_else_decides_alike_and_leaves_nothing_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in LARGE.items():
        monkeypatch.setattr(name, value)
    flows = [flow(seed, 250) for seed in (1, 6)]
    seen = {type(event).__name__ for markets in flows for event, _ in markets.market.history}
    assert {
        "AuctionCleared",
        "TradeCleared",
        "SolutionReceived",
        "TradeMatched",
        "PriceCollarSet",
        "PositionsCounted",
    } <= seen
    assert all(markets.commands > 90 for markets in flows)
