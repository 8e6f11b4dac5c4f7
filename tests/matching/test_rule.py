"""A matching rule is a value that can be exchanged: the life of an order does not depend on which one it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterfoil.matching.book import Book
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.events import BidAdmitted, OfferAdmitted
from counterfoil.matching.orders import Accepts, Bid, Eligible, Offer, Pass, Plan, Tried
from counterfoil.matching.position_state import RoomOf
from counterfoil.matching.state import MatchingState
from tests.matching.world import DECIDER, WORLD, B, Market


class CallPhase:
    """Orders only gather, as before an auction."""

    name = PTW_1.name

    def new_book(self, eligible: Eligible, accepts: Accepts | None = None, room_of: RoomOf | None = None) -> Book:
        return Book(eligible, accepts, room_of)

    def bid_arrives(self, _book: Any, _bid: Bid, _tif: Any, _now: Pass) -> Plan:
        return Plan(rests=True)

    def offer_arrives(self, _book: Any, _offer: Offer, _tif: Any, _now: Pass) -> Plan:
        return Plan(rests=True)

    def order_continues(self, _book: Any, _order_id: str, _tif: Any, _now: Pass) -> Plan:
        return Plan(rests=True)

    def fits(self, _book: Any, _bid: Bid, _nodes: int, _now: Pass) -> bool:
        return False

    def bids_meet(self, _book: Any, bid_ids: Sequence[str], _now: Pass) -> Tried:
        return Tried((), (), len(bid_ids))


def test_orders_are_received_admitted_and_ended_under_any_rule() -> None:
    market = Market()
    market.state = MatchingState(CallPhase())
    market.given(*WORLD)
    offer_id = market.post(held=False)
    market.hold(offer_id).then(OfferAdmitted(offer_id=offer_id))
    bid_id = market.place(held=False)
    market.hold(bid_id).then(BidAdmitted(bid_id=bid_id, version=1))
    assert [record[1] for record in market.state.book.records()] == [offer_id, bid_id]
    while (due := DECIDER.due(market.state)) is not None:
        market.fires(due[1], due[0])
    assert market.tally.closed == {offer_id: "expired", bid_id: "gate_closed"}
    assert market.time // 3_600_000_000 >= B
