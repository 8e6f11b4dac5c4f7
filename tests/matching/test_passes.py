"""What one entry may do is bounded, a pass cut short goes on, and the events alone rebuild the state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import Entry, TimerCause
from counterfoil.contract.limits import (
    MAX_ENTRY_BYTES,
    MAX_ITEMS_PER_SWEEP,
    MAX_MATCHES_PER_ENTRY,
    MAX_NODES,
    MAX_PRICE,
)
from counterfoil.contract.record import Event
from counterfoil.contract.times import HOUR
from counterfoil.core.digest import state_root
from counterfoil.ledger.events import BondHeld
from counterfoil.matching.commands import CancelBid
from counterfoil.matching.decider import DECIDER
from counterfoil.matching.events import MatchContinued, MatchPrevented, OfferClosed, TradeMatched
from tests.matching.world import (
    BID,
    OFFER,
    YUAN,
    B,
    Market,
    T,
    bond_held,
)

BOUND = MAX_MATCHES_PER_ENTRY


# one entry is bounded -------------------------------------------------------------------------------------------------


def crowd(market: Market, count: int) -> list[str]:
    """Bids for a node and an hour each."""
    short: dict[str, Any] = {"nodes": 1, "hours": 1, "latest": B + 30}
    return [market.place(("lab-1", "lab-2")[n % 2], **short) for n in range(count)]


@pytest.mark.parametrize("count", [BOUND, BOUND + 1, 2 * BOUND, 2 * BOUND + 1])
def test_an_offer_meets_many_bids_in_bounded_passes(count: int) -> None:
    market = Market()
    bids = crowd(market, count)
    offer_id = market.post(nodes=60)
    seen = [trade[0] for trade in market.trades()]
    assert len(seen) == min(count, BOUND)
    passes = 1
    while DECIDER.due(market.state) == (0, "continue_matching"):
        market.fires("continue_matching", 0)
        assert market.last[0] == MatchContinued(  # type: ignore[index]
            order_id=offer_id, more=offer_id in market.state.continuing
        )
        seen += [trade[0] for trade in market.trades()]
        passes += 1
    assert seen == bids
    assert passes == -(-count // BOUND)
    assert len(market.tally.trades) == count


def test_a_partial_bid_meets_many_offers_in_bounded_passes() -> None:
    market = Market()
    offers = [market.post(("gpu-1", "gpu-2")[n % 2], nodes=1, window_end=B + 6) for n in range(BOUND + 5)]
    bid_id = market.place(nodes=BOUND + 3, partial=True)
    assert len(market.trades()) == BOUND
    market.fires("continue_matching", 0)
    assert [trade[1] for trade in market.trades()] == offers[BOUND : BOUND + 3]
    assert bid_id not in market.state.bids
    assert not market.state.continuing
    refused = market.place(nodes=BOUND + 3, partial=True, tif="FOK")
    assert market.tally.closed[refused] == "not_fillable"


@pytest.mark.parametrize(("tif", "ending"), [("FOK", "not_fillable"), ("IOC", "immediate_or_cancel")])
def test_orders_for_one_pass_are_not_continued(tif: Any, ending: str) -> None:
    market = Market()
    for n in range(BOUND + 1):
        market.post(("gpu-1", "gpu-2")[n % 2], nodes=1)
    bid_id = market.place(nodes=BOUND + 1, partial=True, tif=tif)
    assert market.tally.closed[bid_id] == ending
    assert len(market.trades()) == (0 if tif == "FOK" else BOUND)
    assert not market.state.continuing


def test_passes_that_go_on_take_turns_and_stop_with_their_order() -> None:
    market = Market()
    crowd(market, 2 * BOUND + 2)
    for n in range(BOUND + 2):
        market.post(class_id="h100", nodes=1, price=(10 + n) * YUAN)
    offer_id = market.post("gpu-1", nodes=60)
    bid_id = market.place(classes=("h100",), nodes=BOUND + 2, partial=True, limit_price=90 * YUAN)
    assert list(market.state.continuing) == [offer_id, bid_id]
    market.fires("continue_matching", 0)
    assert list(market.state.continuing) == [bid_id, offer_id]  # the end of the line
    line = [market.records()[f"order/{order_id}"] for order_id in (bid_id, offer_id)]
    assert [record[3] for record in line] == [0, 1]  # type: ignore[index]
    market.when(CancelBid(bid_id=bid_id), "lab-1")
    assert list(market.state.continuing) == [offer_id]
    market.fires("continue_matching", 0)
    assert len(market.trades()) == 2
    assert not market.state.continuing
    market.fires("continue_matching", 0).then()


def test_a_later_pass_leaves_out_what_has_ended_meanwhile() -> None:
    market = Market()
    crowd(market, BOUND)
    dated = market.place(nodes=1, hours=1, tif="GTD", good_until=T + HOUR)
    last = market.place(nodes=1, hours=1)
    market.post(nodes=60)
    market.fires("continue_matching", T + HOUR)
    assert [trade[0] for trade in market.trades()] == [last]
    market.fires("order_expiry", T + HOUR)
    assert market.tally.closed == {dated: "expired"}

    market = Market()
    crowd(market, BOUND + 1)
    offer_id = market.post(nodes=60, tif="GTD", good_until=T + HOUR)
    market.fires("continue_matching", T + HOUR).then(MatchContinued(order_id=offer_id, more=False))
    market.fires("order_expiry", T + HOUR).then(OfferClosed(offer_id=offer_id, reason="expired"))


@pytest.mark.parametrize(("mode", "order_ends"), [("taker", True), ("maker", False), ("both", True)])
def test_self_trade_in_a_later_pass(mode: Any, order_ends: bool) -> None:
    market = Market()
    for _ in range(BOUND):
        market.post("gpu-1", nodes=1, window_end=B + 6)
    own = market.post("gpu-x", nodes=1, price=15 * YUAN)
    bid_id = market.place("lab-x", nodes=BOUND + 2, partial=True, stp=mode)
    market.fires("continue_matching", 0)
    assert MatchPrevented(bid_id=bid_id, offer_id=own, mode=mode) in market.last  # type: ignore[operator]
    assert (market.tally.closed.get(bid_id) == "self_trade") == order_ends

    market = Market()
    crowd(market, BOUND)
    own = market.place("lab-x", nodes=1, hours=1)
    offer_id = market.post("gpu-x", nodes=60, stp=mode)
    market.fires("continue_matching", 0)
    assert MatchPrevented(bid_id=own, offer_id=offer_id, mode=mode) in market.last  # type: ignore[operator]
    assert (market.tally.closed.get(offer_id) == "self_trade") == order_ends


def test_a_further_pass_begins_at_the_top() -> None:
    """R4 and R8: a pass takes at most one block of each offer, so the next one may find another hour of the first."""
    market = Market()
    offers = [market.post(("gpu-1", "gpu-2")[n % 2], nodes=1) for n in range(BOUND + 1)]
    bid_id = market.place(nodes=BOUND + 2, partial=True)
    market.fires("continue_matching", 0)
    assert market.trades() == [(bid_id, offers[0], 1, 6, 14), (bid_id, offers[1], 1, 6, 14)]


def test_the_fullest_entry_fits() -> None:
    """As many of the longest trades and preventions as one entry may have."""
    name = "x" * 63
    trade = TradeMatched(
        trade_id=name, rule_set="PTW-1", taker="offer", bid_id=name, offer_id=name, beneficiary_id=name,
        provider_id=name, programme_id=name, class_id=name, region=name, currency="CNY", nodes=MAX_NODES,
        gpus_per_node=64, first_hour=T // HOUR, hours=1_440, price=MAX_PRICE, notional=2**63 - 1,
        bid_nodes_left=MAX_NODES, version=1_000_000,
    )  # fmt: skip
    prevented = MatchPrevented(bid_id=name, offer_id=name, mode="maker")
    closed = OfferClosed(offer_id=name, reason="immediate_or_cancel")
    cause, origin = TimerCause("continue_matching", T), f"{'h' * 60}.org/matching/{'s' * 32}"
    fullest: list[list[Event]] = [[trade] * BOUND, [prevented, closed] * BOUND, [closed] * MAX_ITEMS_PER_SWEEP]
    for events in fullest:
        events.append(MatchContinued(order_id=name, more=True))
        entry = Entry(origin, 10**12, "timer/9", T, "continue_matching", cause, False, (), tuple(events))
        assert len(encode_entry(entry)) <= MAX_ENTRY_BYTES


# proof ----------------------------------------------------------------------------------------------------------------


def test_replaying_the_events_gives_the_same_state() -> None:
    market = Market()
    crowd(market, BOUND + 4)
    market.place("lab-x", limit_price=17 * YUAN, nodes=3, partial=True)
    market.post("gpu-x", nodes=9, stp="maker")
    for n in range(6):
        market.post(nodes=2 + n, price=(12 + n) * YUAN, tif="GTD", good_until=T + HOUR + n)
    market.place(nodes=7, partial=True, limit_price=13 * YUAN)
    market.fires("order_expiry", T + HOUR + 3)
    again = market.replayed()
    assert list(DECIDER.records(again)) == list(DECIDER.records(market.state))
    assert state_root(DECIDER.records(again)) == state_root(DECIDER.records(market.state))
    assert DECIDER.due(again) == DECIDER.due(market.state)


def test_deciding_changes_nothing() -> None:
    market = Market()
    crowd(market, BOUND + 1)
    offer_id = market.post(held=False, nodes=60)
    before = state_root(DECIDER.records(market.state))
    received, parties, at = market.state.offers[offer_id], market.state.directory.parties, market._next(None)
    for _ in range(2):
        first = DECIDER.reactions["ledger"][BondHeld](market.state, bond_held(received), at)
        assert first == DECIDER.reactions["ledger"][BondHeld](market.state, bond_held(received), at)
        DECIDER.commands[type(OFFER)](market.state, OFFER, parties["gpu-1"], at)
        DECIDER.commands[type(BID)](market.state, replace(BID, tif="IOC"), parties["lab-1"], at)
        DECIDER.timers["order_expiry"](market.state, (B + 99) * HOUR, at)
        DECIDER.timers["continue_matching"](market.state, at.time, at)
        DECIDER.due(market.state)
        assert state_root(DECIDER.records(market.state)) == before
