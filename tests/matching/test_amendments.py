"""An order that is to have another price stands as it is until the ledger holds what that needs, and then has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.matching.amendment_events import AmendmentFailed, BidAmended, OfferAmended
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from counterfoil.matching.events import MatchContinued, OfferReduced
from tests.matching.test_performance import FLOOR
from tests.matching.world import YUAN, B, Market, T, amendment_funded, described, hold_refused


def asks(market: Market, order_id: str, price: int) -> Any:
    """The order is to have another price; the request that the ledger answers."""
    if order_id in market.state.bids:
        body: AmendBid | AmendOffer = AmendBid(bid_id=order_id, reduce_nodes_by=None, limit_price=price * YUAN)
        owner = market.state.bids[order_id].beneficiary_id
    else:
        body = AmendOffer(offer_id=order_id, reduce_nodes_by=None, price=price * YUAN)
        owner = market.state.offers[order_id].provider_id
    market.when(body, owner)
    assert isinstance(market.last, Sequence)
    return market.last[0]


def test_the_order_trades_as_it_is_until_it_has_the_other_price() -> None:
    """What it traded meanwhile stays traded: the other price is for what is left of it."""
    market = Market()
    bid = market.place(nodes=4, partial=True, limit_price=13 * YUAN)
    asked = asks(market, bid, 15)
    first = market.post(nodes=1, price=12 * YUAN, window_end=B + 6)
    assert market.trades() == [(bid, first, 1, 0, 13)]
    market.post(nodes=1, price=14 * YUAN, window_end=B + 6)
    assert market.trades() == []
    market.reacts_to(amendment_funded(asked)).then_types(BidAmended, MatchContinued)
    (trade,) = market.continues()
    assert (trade.nodes, trade.price, trade.bid_nodes_left) == (1, 14 * YUAN, 2)
    assert market.state.bids[bid].limit_price == 15 * YUAN


def test_an_order_loses_its_place_with_the_other_price_and_keeps_it_until_then() -> None:
    market = Market()
    changed, second = (market.place(nodes=1, limit_price=15 * YUAN) for _ in range(2))
    asked = asks(market, changed, 14)
    offer = market.post(nodes=1, price=12 * YUAN, window_end=B + 6)
    assert [each[:2] for each in market.trades()] == [(changed, offer)]
    market.reacts_to(amendment_funded(asked)).then(
        AmendmentFailed(amendment_id=asked.amendment_id, side="bid", order_id=changed, reason="order_closed")
    )
    asked = asks(market, second, 16)
    third = market.place(nodes=1, limit_price=16 * YUAN)
    market.reacts_to(amendment_funded(asked)).then_types(BidAmended)
    later = market.post(nodes=2, price=12 * YUAN, window_end=B + 6)
    assert [each[:2] for each in market.trades()] == [(third, later), (second, later)]


@pytest.mark.parametrize("side", ["bid", "offer"])
def test_an_amendment_that_cannot_be_funded_changes_nothing(side: str) -> None:
    market = Market()
    order = market.place() if side == "bid" else market.post(price=16 * YUAN)
    before = market.records()
    asked = asks(market, order, 20)
    reason: Any = "hold_refused" if side == "bid" else "bond_refused"
    market.reacts_to(hold_refused(asked.amendment_id, "bid" if side == "bid" else "offer")).then(
        AmendmentFailed(amendment_id=asked.amendment_id, side=asked_of(side), order_id=order, reason=reason)
    )
    assert market.records() == before
    asks(market, order, 21)


def asked_of(side: str) -> Any:
    """The side as a word of an event."""
    return side


def test_a_partly_sold_offer_has_another_price_for_what_is_left_of_it() -> None:
    market = Market()
    offer = market.post(nodes=2, price=14 * YUAN, window_end=B + 6)
    market.place(nodes=1, hours=2, earliest=B, latest=B)
    waits = market.place(nodes=2, hours=4, earliest=B + 2, latest=B + 2, limit_price=12 * YUAN)
    too_large = market.place(nodes=2, hours=6, earliest=B, latest=B, limit_price=13 * YUAN)
    asked = asks(market, offer, 12)
    assert asked.bond == 12 * YUAN * 8 * 10 // 5  # of ten node hours that are unsold, at 20 %
    market.reacts_to(amendment_funded(asked)).then_types(OfferAmended, MatchContinued)
    assert [(each.bid_id, each.price) for each in market.continues()] == [(waits, 12 * YUAN)]
    assert too_large in market.state.bids


def test_a_post_only_bid_stays_as_it_is_where_it_would_match() -> None:
    market = Market()
    market.post(price=15 * YUAN)
    bid = market.place(limit_price=14 * YUAN, post_only=True)
    asked = asks(market, bid, 15)
    market.reacts_to(amendment_funded(asked)).then(
        AmendmentFailed(amendment_id=asked.amendment_id, side="bid", order_id=bid, reason="would_match")
    )
    assert market.state.bids[bid].limit_price == 14 * YUAN


@pytest.mark.parametrize("side", ["bid", "offer"])
def test_an_order_may_end_or_shrink_meanwhile_and_is_amended_once_at_a_time(side: str) -> None:
    market = Market()
    of_bid = side == "bid"
    order = market.place(nodes=3) if of_bid else market.post(nodes=3)
    owner = "lab-1" if of_bid else "gpu-1"
    cancel: Any = CancelBid(bid_id=order) if of_bid else CancelOffer(offer_id=order)
    amend: Any = (
        AmendBid(bid_id=order, reduce_nodes_by=None, limit_price=9 * YUAN)
        if of_bid
        else AmendOffer(offer_id=order, reduce_nodes_by=None, price=9 * YUAN)
    )
    same = {"limit_price": 15 * YUAN} if of_bid else {"price": 14 * YUAN}
    market.when(replace(amend, **same), owner).refused(Code.AMEND_NOT_VALID)
    asked = asks(market, order, 16)
    market.when(amend, owner).refused(Code.AMENDMENT_OPEN)
    fewer: Any = {"limit_price": None} if of_bid else {"price": None}
    market.when(replace(amend, reduce_nodes_by=1, **fewer), owner)
    market.when(cancel, owner)
    market.reacts_to(amendment_funded(asked)).then_types(AmendmentFailed)
    assert not market.state.amendments
    assert not market.state.amending


def test_an_order_whose_time_is_over_has_no_other_price() -> None:
    """Even if nothing has ended it yet."""
    market = Market()
    bid = market.place(tif="GTD", good_until=T + 3_600_000_000)
    asked = asks(market, bid, 16)
    market.reacts_to(amendment_funded(asked), T + 3_600_000_000).then_types(AmendmentFailed)
    assert bid in market.state.bids


def test_another_price_is_bonded_by_the_floor_of_its_day_as_a_new_offer_is() -> None:
    """Not by one that comes while the ledger answers; what is taken off it later frees as much as was held for that."""
    market = Market(described("a100", 2, floor_prices=()))
    old = market.post(nodes=2, price=14 * YUAN, window_end=B + 10)
    market.reacts_to(described("a100", 3, floor_prices=(FLOOR,)))
    asked = asks(market, old, 1)
    market.reacts_to(described("a100", 4, floor_prices=(replace(FLOOR, price=9 * FLOOR.price),)))
    market.reacts_to(amendment_funded(asked))
    whole = FLOOR.price * 8 * 10 * 2 // 5  # 20 %
    assert market.state.offers[old].bond == asked.bond == whole
    market.when(AmendOffer(offer_id=old, reduce_nodes_by=1, price=None), "gpu-1").then(
        OfferReduced(offer_id=old, reduced_by=1, bond_released=whole // 2)
    )
