"""The rules by which the same log gives the same market, on every machine and after every restart: a test for each.

Other engines have broken each of them, as their changelogs say. Whole worlds keep them, too: `tests/properties`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.matching.commands import AmendBid, CancelBid, CancelOwnOrders
from counterfoil.matching.events import BidClosed, TradeMatched
from counterfoil.matching.orders import NODES_MAX
from counterfoil.matching.state import LEAVING_TIMER, MatchingState
from tests.matching.test_book import bid as resting_bid
from tests.matching.world import BID, DECIDER, YUAN, B, Market, T, amendment_funded

LOW: dict[str, Any] = {"limit_price": YUAN}  # meets no offer


def loaded(state: MatchingState, seed: int = 1) -> MatchingState:
    """The state after a restart: from its records, which come in any order."""
    records = list(DECIDER.records(state))
    Random(seed).shuffle(records)
    again: MatchingState = DECIDER.load(records)
    return again


def trades(market: Market) -> list[str]:
    """The ids of the trades of the last step."""
    assert isinstance(market.last, Sequence)
    return [each.trade_id for each in market.last if isinstance(each, TradeMatched)]


def test_1_the_id_of_a_trade_follows_from_its_entry_and_its_place_there() -> None:
    found = []
    for _ in range(2):
        market = Market()
        market.post(nodes=1)
        market.post(nodes=1)
        market.place(partial=True)
        found.append(trades(market))
    assert found[0] == found[1]
    entry = found[0][0].removesuffix("-0")
    assert found[0] == [f"{entry}-0", f"{entry}-1"]


def test_2_all_orders_of_a_party_end_in_a_fixed_order() -> None:
    """By their receipt, whatever their side and price, and the same after a restart."""
    market = Market()
    orders = [market.place(limit_price=YUAN * price) for price in (2, 3, 1)]
    market.when(CancelOwnOrders(programme_id=None), "lab-1")
    market.state = loaded(market.state)
    market.fires(LEAVING_TIMER, T)
    assert isinstance(market.last, Sequence)
    assert [each.bid_id for each in market.last if isinstance(each, BidClosed)] == orders


def test_3_what_is_derived_from_orders_has_the_same_order_after_a_restart() -> None:
    market = Market()
    for _ in range(3):
        market.place("lab-2", **LOW)
        market.place(**LOW)
    for seed in range(3):
        again = loaded(market.state, seed)
        assert {of: list(each) for of, each in again.open_orders.items()} == {
            of: list(each) for of, each in market.state.open_orders.items()
        }


def test_4_orders_expire_by_an_entry_with_its_cut_off_and_by_no_clock() -> None:
    """One entry ends what is over by its cut-off and nothing else, however late it is made."""
    market = Market()
    first, second = (market.place(tif="GTD", good_until=T + hours * HOUR, **LOW) for hours in (1, 2))
    assert DECIDER.due(market.state) == (T + HOUR, "order_expiry")
    market.fires("order_expiry", T + HOUR)
    assert market.tally.closed == {first: "expired"}
    assert DECIDER.due(market.state) == (T + 2 * HOUR, "order_expiry")
    assert second in loaded(market.replayed()).bids


def test_5_who_went_back_in_line_is_still_there_after_a_restart() -> None:
    market = Market()
    early, late = market.place(), market.place("lab-2", limit_price=BID.limit_price + YUAN)
    market.when(AmendBid(bid_id=early, reduce_nodes_by=None, limit_price=BID.limit_price + YUAN), "lab-1")
    asked: Any = market.last[0]  # type: ignore[index]
    market.reacts_to(amendment_funded(asked))
    market.state = loaded(market.state)
    market.post(nodes=BID.nodes, window_end=B + BID.hours)
    assert [each[0] for each in market.trades()] == [late]


def test_6_what_fails_changes_nothing_and_what_may_not_rest_is_refused_before_it_trades() -> None:
    market = Market()
    offer_id = market.post(nodes=4, window_end=B + BID.hours)
    before = market.state.book.residual(offer_id), market.state.book.digest()
    bid_id = market.place(nodes=5, partial=True, tif="FOK")
    assert market.tally.closed == {bid_id: "not_fillable"}
    market.when(CancelBid(bid_id=bid_id), "lab-1").refused(Code.UNKNOWN_ORDER)
    assert (market.state.book.residual(offer_id), market.state.book.digest()) == before
    assert not market.tally.trades


def test_7_executed_resting_cancelled_and_prevented_are_what_was_submitted() -> None:
    """`Tally.check` counts it after every step of every test; here with each of the four."""
    market = Market()
    market.post(nodes=2, window_end=B + BID.hours)
    bid_id = market.place(nodes=6, partial=True)
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    assert (market.tally.executed[bid_id], market.tally.reduced[bid_id]) == (2, 1)
    assert market.state.book.bid(bid_id).remaining == 6 - 2 - 1
    market.when(CancelBid(bid_id=bid_id), "lab-1")
    market.place("lab-x")
    market.post("gpu-x")
    assert sorted(market.tally.closed.values()) == ["cancelled", "self_trade"]


def test_8_what_is_too_large_is_an_error_and_never_cut_down() -> None:
    market = Market()
    market.when(replace(BID, limit_price=10**12, nodes=1_023, hours=1_440), "lab-1").refused(Code.AMOUNT_TOO_LARGE)
    with pytest.raises(InvariantViolation):
        resting_bid("b", 1, YUAN, NODES_MAX + 1, 1, (0, 0))


def test_9_a_state_says_who_came_first() -> None:
    """Two bids alike but for their place in line: the other way round it is another state, by records and by digest."""
    found = []
    for parties in (("lab-1", "lab-2"), ("lab-2", "lab-1")):
        market = Market()
        bids = [market.place(each, held=False, **LOW) for each in ("lab-1", "lab-2")]
        for each in parties:
            market.hold(bids[("lab-1", "lab-2").index(each)])
        found.append((sorted(map(repr, DECIDER.records(market.state))), market.state.book.digest()))
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]
