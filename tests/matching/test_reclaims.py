"""Notice of a reclaim in matching alone: which pairs fit, what stays of it, and a state that is loaded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from counterfoil.matching.amendment_events import BidAmended, BidAmendmentRequested
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from counterfoil.matching.events import BidReceived, TradeMatched
from counterfoil.matching.reclaim_commands import (
    PlaceReclaimableBid,
    PlaceReclaimablePerformanceBid,
    PostReclaimableOffer,
)
from counterfoil.matching.reclaim_events import TradeReclaimable
from tests.matching.world import BID, DECIDER, OFFER, PERFORMANCE_BID, YUAN, Market, amendment_funded, described
from tests.state_data import loaded


def _of(body: Any, **changes: Any) -> dict[str, Any]:
    return {**{each.name: getattr(body, each.name) for each in fields(body)}, **changes}


def offered(market: Market, notice: int | None, **terms: Any) -> str:
    """An offer of gpu-1 on the book; its id."""
    if notice is None:
        return market.post(**terms)
    market.when(PostReclaimableOffer(reclaim_notice_hours=notice, site_id=None, **_of(OFFER, **terms)), "gpu-1")
    return held(market)


def asked(market: Market, notice: int | None, **terms: Any) -> str:
    """A bid of lab-1 on the book, or met; its id."""
    if notice is None:
        return market.place(**terms)
    market.when(PlaceReclaimableBid(min_reclaim_notice_hours=notice, **_of(BID, **terms)), "lab-1")
    return held(market)


def held(market: Market) -> str:
    assert isinstance(market.last, Sequence), market.last
    first: Any = market.last[0]
    order_id = str(first.bid_id if isinstance(first, BidReceived) else first.offer_id)
    market.hold(order_id)
    return order_id


def met(market: Market) -> list[int | None]:
    """What the contract of each trade carries."""
    carried = {
        event.trade_id: event.reclaim_notice_hours for event, _ in market.history if isinstance(event, TradeReclaimable)
    }
    return [carried.get(event.trade_id) for event, _ in market.history if isinstance(event, TradeMatched)]


@pytest.mark.parametrize("offer_first", [True, False])
@pytest.mark.parametrize(
    ("named", "minimum", "carried"),
    [
        (None, None, [None]), (24, None, [None]), (None, 1, []), (23, 24, []), (24, 24, [24]), (720, 1, [720]),
    ],
)  # fmt: skip
def test_which_pairs_fit_and_what_their_contract_carries(
    named: int | None, minimum: int | None, carried: list[int | None], offer_first: bool
) -> None:
    market = Market()
    if offer_first:
        offered(market, named)
        asked(market, minimum)
    else:
        asked(market, minimum)
        offered(market, named)
    assert met(market) == carried


def test_a_bid_by_performance_asks_for_notice_too() -> None:
    market = Market()
    market.reacts_to(described("a100", 2))
    offered(market, 10)
    wanted = _of(PERFORMANCE_BID, limit_price=90 * YUAN)
    for minimum, carried in ((11, []), (10, [10])):
        market.when(PlaceReclaimablePerformanceBid(min_reclaim_notice_hours=minimum, **wanted), "lab-1")
        held(market)
        assert met(market) == carried


def test_a_notice_stays_with_its_order_until_that_ends() -> None:
    """Amended, reduced, and loaded anew, an order names what it named; nothing is left of one that has ended."""
    market = Market()
    offer_id, bid_id = offered(market, 10, price=20 * YUAN), asked(market, 20, nodes=3)
    market.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=1, price=None), "gpu-1")
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=25 * YUAN), "lab-1")
    assert isinstance(market.last, Sequence)
    (requested,) = market.last
    assert isinstance(requested, BidAmendmentRequested)
    market.reacts_to(amendment_funded(requested)).then_types(BidAmended)
    assert met(market) == []
    for state in (market.state, market.replayed(), loaded(DECIDER, market.state)):
        assert state.notices == {offer_id: 10, bid_id: 20}
        assert (state.book.offer(offer_id).reclaim_notice, state.book.bid(bid_id).min_notice) == (10, 20)
    market.when(CancelBid(bid_id=bid_id), "lab-1").when(CancelOffer(offer_id=offer_id), "gpu-1")
    filled = asked(market, 1)
    sold_out = offered(market, 1)
    assert met(market) == [1]
    assert filled not in market.state.notices
    assert list(market.state.notices) == [sold_out]
