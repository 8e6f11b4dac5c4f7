"""The orders of a party that is closed end at once, before anything else is decided, however many they are."""

from __future__ import annotations

from counterfoil.contract.events import PartyClosed, PartyRecovered
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.events import BidClosed, OfferClosed
from counterfoil.matching.state import LEAVING
from tests.matching.world import YUAN, Market, T, bond_held

MOST = RULES[LATEST].max_items_per_sweep
CLOSED = PartyClosed(party_id="gpu-1", reason="sold")


def test_the_orders_of_a_closed_party_leave_in_sweeps() -> None:
    market = Market()
    offers = [market.post() for _ in range(MOST + 1)]
    other = market.place(limit_price=YUAN)
    market.reacts_to(CLOSED).then(CLOSED)
    assert market.decider.due(market.state) == (0, LEAVING)
    market.fires(LEAVING, T).then_types(*[OfferClosed] * MOST)
    market.fires(LEAVING, T).then_types(OfferClosed)
    assert market.tally.closed == dict.fromkeys(offers, "party_closed")
    assert market.decider.due(market.state) != (0, LEAVING)
    assert list(market.state.bids) == [other]


def test_an_order_whose_funds_are_being_held_leaves_too() -> None:
    market = Market()
    waiting = market.post(held=False)
    held = bond_held(market.state.offers[waiting])
    market.reacts_to(CLOSED).fires(LEAVING, T).then(OfferClosed(offer_id=waiting, reason="party_closed"))
    market.reacts_to(held).then()


def test_a_bid_of_a_closed_party_leaves() -> None:
    market = Market()
    bid = market.place()
    market.reacts_to(PartyClosed(party_id="lab-1", reason="sold"))
    market.fires(LEAVING, T).then(BidClosed(bid_id=bid, reason="party_closed"))


def test_a_recovery_that_comes_first_leaves_the_orders_alone() -> None:
    market = Market()
    market.post()
    market.reacts_to(CLOSED).reacts_to(PartyRecovered(
        recovery_id="rec-1-0", party_id="gpu-1", proposed_by=None, reason=None, key_id="0" * 16, public_key=bytes(32),
        recovery_key=None, revoked=(),
    ))  # fmt: skip
    assert market.decider.due(market.state) != (0, LEAVING)
