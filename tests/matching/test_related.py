"""Orders of parties that became related: to the other side, to the issuer, or to a provider of the programme."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.issuance.events import ProviderListed
from counterfoil.matching.commands import AmendBid
from counterfoil.matching.events import BidClosed, BidReceived, MatchPrevented, OfferAdmitted, TradeMatched
from tests.matching.world import BID, DECIDER, YUAN, Market, joins

ISSUER = "city"  # of every programme of the world


def test_resting_orders_that_became_related_do_not_trade_and_do_again_when_they_no_longer_are() -> None:
    market = Market()
    bid_id = market.place("lab-1")
    market.reacts_to(joins("gpu-1", "lab-1"))
    offer_id = market.post("gpu-1")
    assert market.trades() == []
    prevented = MatchPrevented(bid_id=bid_id, offer_id=offer_id, mode="taker")
    assert list(market.last)[:2] == [OfferAdmitted(offer_id=offer_id), prevented]  # type: ignore[arg-type]
    market.reacts_to(joins("gpu-1", "gpu-1"))
    market.post("gpu-1")
    assert [trade[0] for trade in market.trades()] == [bid_id]


@pytest.mark.parametrize(("own_mode", "ends"), [("taker", False), ("maker", True), ("both", True)])
@pytest.mark.parametrize("mode", ["maker", "both"])
def test_a_bid_ends_for_a_related_party_s_offer_only_if_its_own_mode_says_so(
    mode: Any, own_mode: Any, ends: bool
) -> None:
    market = Market()
    bid_id = market.place("lab-x", stp=own_mode)
    offer_id = market.post("gpu-x", stp=mode)
    assert market.tally.closed.get(bid_id) == ("self_trade" if ends else None)
    assert market.tally.closed.get(offer_id) == (None if ends and mode == "maker" else "self_trade")


@pytest.mark.parametrize("mode", ["maker", "both"])
def test_an_offer_does_not_end_for_a_related_party_s_bid_either(mode: Any) -> None:
    market = Market()
    offer_id = market.post("gpu-x")
    bid_id = market.place("lab-x", stp=mode)
    assert market.tally.closed == {bid_id: "self_trade"}
    assert market.state.book.offer(offer_id) is not None


def test_earlier_rules_let_the_taker_decide() -> None:
    market = Market(rules=3)
    bid_id = market.place("lab-x")
    market.post("gpu-x", stp="maker")
    assert market.tally.closed == {bid_id: "self_trade"}


def test_bids_of_who_became_related_to_the_issuer_leave_the_book_before_anything_else() -> None:
    market = Market()
    bids = [market.place("lab-1", limit_price=YUAN) for _ in range(30)]
    waiting = market.place("lab-1", held=False)
    other = market.place("lab-2", limit_price=YUAN)
    market.reacts_to(joins("lab-1", ISSUER))
    closed = 0
    while DECIDER.due(market.state) == (0, "leaving_orders"):
        market.fires("leaving_orders", 0)
        closed += len(market.last)  # type: ignore[arg-type]
    assert closed == 31
    assert {market.tally.closed[each] for each in (*bids, waiting)} == {"duties_not_separate"}
    assert other not in market.tally.closed
    market.when(BID, "lab-1").refused(Code.DUTIES_NOT_SEPARATE)


def test_who_became_related_to_a_provider_of_the_programme_bids_no_more_and_keeps_what_rests() -> None:
    market = Market()
    bid_id = market.place("lab-1")
    market.reacts_to(joins("lab-1", "gpu-1"))
    assert DECIDER.due(market.state) != (0, "leaving_orders")
    market.when(BID, "lab-1").refused(Code.DUTIES_NOT_SEPARATE)
    higher = AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=20 * YUAN)
    market.when(higher, "lab-1").refused(Code.DUTIES_NOT_SEPARATE)
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    market.post("gpu-2")
    assert [trade[0] for trade in market.trades()] == [bid_id]


def test_an_offer_of_who_became_related_to_the_issuer_meets_no_bid_of_its_programme() -> None:
    market = Market()
    market.reacts_to(ProviderListed(programme_id="p2", provider_id="gpu-1"))
    market.post("gpu-1")
    market.reacts_to(joins("gpu-1", ISSUER))
    market.place("lab-1")
    market.place("lab-2", programme_id="p2")
    assert not market.tally.trades
    market.reacts_to(joins("gpu-1", "gpu-1"))
    market.place("lab-2")
    assert len(market.tally.trades) == 1


def test_a_new_price_of_a_bid_states_the_group_of_its_owner_as_of_then() -> None:
    """Before version 9 of the rules, by which it stays the same bid."""
    market = Market(rules=8)
    bid_id = market.place("lab-1", limit_price=YUAN)
    market.reacts_to(joins("lab-1", "merged"))
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=2 * YUAN), "lab-1")
    market.then_types(BidClosed, BidReceived)
    renewed: Any = market.last
    assert renewed[1].group_id == "merged"
    assert TradeMatched not in map(type, renewed)
