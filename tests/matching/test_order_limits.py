"""A group gives so many orders a day for each trade that it makes, and nobody's orders count for another group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.order_limit_events import OrderLimitSet, OrdersCounted
from counterfoil.matching.order_limit_state import OrderCount
from tests.matching.test_halts import OPERATOR
from tests.matching.world import BID, OFFER, YUAN, Market, joins

LIMIT = SetOrderLimit(orders_per_trade=2, free=3, reason="orders that never trade")


def limited(**terms: Any) -> Market:
    market = Market(OPERATOR)
    market.when(replace(LIMIT, **terms), "op").then_types(OrderLimitSet)
    return market


def bids(market: Market, number: int, party: str = "lab-1", price: int = YUAN) -> list[str]:
    """So many bids, too cheap to trade."""
    found = []
    for _ in range(number):
        market.when(replace(BID, limit_price=price), party).then_types(BidReceived, OrdersCounted)
        assert not isinstance(market.last, Refusal)
        received: Any = market.last[0]
        found.append(received.bid_id)
    return found


def trades(market: Market) -> None:
    """`lab-1` and `gpu-1` give an order each, which trade; counted for `lab-1`, it is free for it by then."""
    for body, party in ((OFFER, "gpu-1"), (BID, "lab-1")):
        market.when(body, party)
        assert not isinstance(market.last, Refusal)
        received: Any = market.last[0]
        market.hold(received.bid_id if isinstance(received, BidReceived) else received.offer_id)
    assert market.trades()


@pytest.mark.parametrize("made", [0, 1])
def test_an_order_more_than_is_free_or_earned_is_refused(made: int) -> None:
    market = limited()
    for _ in range(made):
        trades(market)
    bids(market, 3 + 2 * made - made)
    market.when(BID, "lab-1").refused(Code.ORDERS_EXCEED_TRADES)
    assert isinstance(market.last, Refusal)
    most = str(3 + 2 * made)
    assert dict(market.last.detail) == {"orders": most, "trades": str(made), "most": most}
    bids(market, 3, "lab-2")  # nobody else's matter


def test_other_prices_count_and_reductions_and_cancellations_do_not() -> None:
    market = limited(free=2)
    (bid,) = bids(market, 1, price=12 * YUAN)
    market.hold(bid)
    market.when(AmendBid(bid_id=bid, reduce_nodes_by=1, limit_price=None), "lab-1")
    market.when(AmendBid(bid_id=bid, reduce_nodes_by=None, limit_price=11 * YUAN), "lab-1")
    assert not isinstance(market.last, Refusal)
    market.when(BID, "lab-1").refused(Code.ORDERS_EXCEED_TRADES)
    market.when(CancelBid(bid_id=bid), "lab-1")
    assert not isinstance(market.last, Refusal)
    offer = market.post(price=20 * YUAN)
    market.when(AmendOffer(offer_id=offer, reduce_nodes_by=None, price=21 * YUAN), "gpu-1")
    market.when(OFFER, "gpu-1").refused(Code.ORDERS_EXCEED_TRADES)


def test_a_group_counts_together_as_it_is_now() -> None:
    market = limited()
    bids(market, 2)
    bids(market, 2, "lab-2")
    market.reacts_to(joins("lab-2", "lab-1"))
    market.when(BID, "lab-1").refused(Code.ORDERS_EXCEED_TRADES)
    market.reacts_to(joins("lab-2", "lab-2"))
    bids(market, 1)


def test_a_day_is_one_of_utc_and_a_party_has_one_count() -> None:
    market = limited(free=1)
    bids(market, 1)
    end = (market.time // DAY + 1) * DAY
    market.when(BID, "lab-1", end - 1).refused(Code.ORDERS_EXCEED_TRADES)
    market.when(replace(BID, earliest=BID.earliest + 24, latest=BID.latest + 24), "lab-1", end)
    assert not isinstance(market.last, Refusal)
    assert market.state.order_counts.counts == {"lab-1": OrderCount(end // DAY, 1, 0)}


def test_without_a_limit_nothing_is_counted_and_none_is_ended() -> None:
    market = Market(OPERATOR)
    market.when(BID, "lab-1").then_types(BidReceived)
    market.when(OFFER, "gpu-1").then_types(OfferReceived)
    assert not market.state.order_counts.counts
    ending = replace(LIMIT, orders_per_trade=None)
    market.when(ending, "op").refused(Code.ORDER_LIMIT_NOT_VALID)
    market.when(LIMIT, "op").when(ending, "op").then_types(OrderLimitSet)
    market.when(BID, "lab-1").then_types(BidReceived)
    market.when(ending, "op").refused(Code.ORDER_LIMIT_NOT_VALID)
    market.when(LIMIT, "gpu-1").refused(Code.ROLE_NOT_ALLOWED)
