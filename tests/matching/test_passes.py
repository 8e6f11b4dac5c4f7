"""What one entry may do is bounded, a pass cut short continues, and the events alone rebuild the state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import Entry, TimerCause
from counterfoil.contract.limits import (
    MAX_ENTRY_BYTES,
    MAX_NODES,
    MAX_PRICE,
)
from counterfoil.contract.record import Event
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.events import BondHeld
from counterfoil.matching.commands import CancelOffer
from counterfoil.matching.events import BidClosed, MatchContinued, MatchPrevented, OfferClosed, TradeMatched
from tests.matching.world import (
    BID,
    DECIDER,
    OFFER,
    YUAN,
    B,
    Market,
    T,
    bond_held,
)
from tests.state_root import state_root

BOUND = RULES[LATEST].max_matches_per_entry
SWEEP = RULES[LATEST].max_items_per_sweep


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


# What becomes of an order that fits more counterparts than one entry holds, by version of the rules. The fault of
# version 1: FOK, IOC and offers that do not rest ended with the entry, for a reason that was not true.
# time in force, nodes wanted beyond the bound, nodes for sale beyond it, version, nodes filled beyond it, reason
BEYOND_ONE_ENTRY: list[tuple[Any, int, int, int, int | None, str | None]] = [
    ("GTC", 3, 3, 1, 3, None),
    ("GTC", 3, 3, 2, 3, None),
    ("GTC", 3, 1, 1, 1, None),
    ("GTC", 3, 1, 2, 1, None),
    ("IOC", 3, 3, 1, 0, "immediate_or_cancel"),
    ("IOC", 3, 3, 2, 3, None),
    ("IOC", 3, 1, 1, 0, "immediate_or_cancel"),
    ("IOC", 3, 1, 2, 1, "immediate_or_cancel"),
    ("IOC", 3, 0, 2, 0, "immediate_or_cancel"),
    ("FOK", 3, 3, 1, None, "not_fillable"),
    ("FOK", 3, 3, 2, 3, None),
    ("FOK", 3, 2, 1, None, "not_fillable"),
    ("FOK", 3, 2, 2, None, "not_fillable"),
    ("FOK", 0, 0, 1, 0, None),
    ("FOK", 0, 0, 2, 0, None),
]


@pytest.mark.parametrize(("tif", "wanted", "sold", "version", "filled", "ending"), BEYOND_ONE_ENTRY)
def test_a_bid_that_one_entry_does_not_hold(
    tif: Any, wanted: int, sold: int, version: int, filled: int | None, ending: str | None
) -> None:
    market = Market(rules=version)
    offers = [market.post(("gpu-1", "gpu-2")[n % 2], nodes=1, window_end=B + 6) for n in range(BOUND + sold)]
    bid_id = market.place(nodes=BOUND + wanted, partial=True, tif=tif)
    if filled is None:
        market.then(BidClosed(bid_id=bid_id, reason="not_fillable"))  # nothing at all happened
    else:
        trades = [trade[1] for trade in market.trades()] + [trade.offer_id for trade in market.continues()]
        assert trades == offers[: BOUND + filled]
    assert market.tally.closed.get(bid_id) == ending
    assert not market.state.continuing


@pytest.mark.parametrize(("version", "beyond"), [(1, 0), (2, 3)])
def test_an_offer_that_does_not_rest_meets_every_bid_that_it_fits(version: int, beyond: int) -> None:
    market = Market(rules=version)
    bids = crowd(market, BOUND + 3)
    offer_id = market.post(nodes=60, tif="IOC")
    trades = [trade[0] for trade in market.trades()] + [trade.bid_id for trade in market.continues()]
    assert trades == bids[: BOUND + beyond]
    assert market.tally.closed[offer_id] == "immediate_or_cancel"
    assert market.state.book.offer(offer_id) is None


def test_an_order_gives_and_takes_as_often_as_it_fits() -> None:
    """Version 1 takes each counterpart once, and so ends orders, or lets them rest, for which more was there."""
    for version, times in ((1, 1), (2, 4)):
        market = Market(rules=version)
        offer_id = market.post(nodes=2)
        bid_id = market.place(nodes=8, partial=True, tif="IOC")
        assert market.trades() == [(bid_id, offer_id, 2, 6 * n, 14) for n in range(times)]
        assert market.tally.closed.get(bid_id) == ("immediate_or_cancel" if version == 1 else None)

        market = Market(rules=version)
        bid_id = market.place(nodes=8, partial=True)
        offer_id = market.post(nodes=2)
        assert market.trades() == [(bid_id, offer_id, 2, 6 * n, 15) for n in range(times)]


def test_a_continuation_comes_before_anything_else() -> None:
    market = Market()
    crowd(market, 2 * BOUND + 2)
    market.place("lab-2", tif="GTD", good_until=T + HOUR, limit_price=YUAN)
    offer_id = market.post(nodes=60)
    began = market.time
    assert market.state.continuing == {offer_id: began}
    assert market.records()[f"continuing/{offer_id}"] == began
    market._next(T + 2 * HOUR)  # the other order has ended meanwhile
    assert DECIDER.due(market.state) == (0, "continue_matching")
    assert len(market.continues()) == BOUND + 2
    assert DECIDER.due(market.state) == (T + HOUR, "order_expiry")
    market.fires("continue_matching", 0).then()


def test_a_continuation_stops_with_its_order() -> None:
    """Nothing in an honest log comes between the parts of a pass; still the state holds no order that is gone."""
    market = Market()
    crowd(market, BOUND + 2)
    offer_id = market.post(nodes=60)
    market.when(CancelOffer(offer_id=offer_id), "gpu-1")
    assert not market.state.continuing


@pytest.mark.parametrize(("version", "meets"), [(1, False), (2, True)])
def test_all_of_a_pass_is_judged_by_the_time_at_which_it_began(version: int, meets: bool) -> None:
    """From version 2 on. By version 1 what had ended between two entries was left out, so the bound decided."""
    market = Market(rules=version)
    crowd(market, BOUND)
    dated = market.place(nodes=1, hours=1, tif="GTD", good_until=T + HOUR)
    last = market.place(nodes=1, hours=1)
    market.post(nodes=60)
    market.fires("continue_matching", T + HOUR)
    assert [trade[0] for trade in market.trades()] == [dated] * meets + [last]
    market.fires("order_expiry", T + HOUR)
    assert market.tally.closed == ({} if meets else {dated: "expired"})

    market = Market(rules=version)
    crowd(market, BOUND + 1)
    offer_id = market.post(nodes=60, tif="GTD", good_until=T + HOUR)
    market.fires("continue_matching", T + HOUR)
    assert len(market.trades()) == meets
    market.fires("order_expiry", T + HOUR).then(OfferClosed(offer_id=offer_id, reason="expired"))


def test_a_fok_bid_is_filled_though_the_gate_passes_between_two_entries() -> None:
    """It was found fillable and nothing is decided in between, so it is filled, judged by the time of the finding."""
    market = Market()
    offers = [market.post(nodes=1, window_end=B + 6, tif="GTD", good_until=T + HOUR) for _ in range(BOUND + 2)]
    bid_id = market.place(nodes=BOUND + 2, partial=True, tif="FOK", latest=B)
    market.fires("continue_matching", B * HOUR)
    assert market.trades() == [(bid_id, offer_id, 1, 0, 14) for offer_id in offers[BOUND:]]
    assert bid_id not in market.state.bids
    assert bid_id not in market.tally.closed


@pytest.mark.parametrize("version", sorted(RULES))
@pytest.mark.parametrize(("mode", "order_ends"), [("taker", True), ("maker", False), ("both", True)])
def test_self_trade_in_a_later_entry_of_a_pass(mode: Any, order_ends: bool, version: int) -> None:
    market = Market(rules=version)
    for _ in range(BOUND):
        market.post("gpu-1", nodes=1, window_end=B + 6)
    own = market.post("gpu-x", nodes=1, price=15 * YUAN, stp="both")
    bid_id = market.place("lab-x", nodes=BOUND + 2, partial=True, stp=mode)
    market.fires("continue_matching", 0)
    assert MatchPrevented(bid_id=bid_id, offer_id=own, mode=mode) in market.last  # type: ignore[operator]
    assert (market.tally.closed.get(bid_id) == "self_trade") == order_ends

    market = Market(rules=version)
    crowd(market, BOUND)
    own = market.place("lab-x", nodes=1, hours=1, stp="both")
    offer_id = market.post("gpu-x", nodes=60, stp=mode)
    market.fires("continue_matching", 0)
    assert MatchPrevented(bid_id=own, offer_id=offer_id, mode=mode) in market.last  # type: ignore[operator]
    assert (market.tally.closed.get(offer_id) == "self_trade") == order_ends


def test_by_version_1_a_further_pass_begins_at_the_top() -> None:
    """It takes at most one block of each offer, so the next pass may find another hour of the first."""
    market = Market(rules=1)
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
    fullest: list[list[Event]] = [
        [trade] * BOUND,
        [prevented, closed] * BOUND,
        [closed] * SWEEP,
    ]
    for events in fullest:
        events.append(MatchContinued(order_id=name, more=True))
        entry = Entry(origin, 10**12, "timer/9", T, "continue_matching", cause, False, (), tuple(events))
        assert len(encode_entry(entry)) <= MAX_ENTRY_BYTES


# proof ----------------------------------------------------------------------------------------------------------------


def test_replaying_the_events_gives_the_same_state() -> None:
    market = Market()
    crowd(market, BOUND + 4)
    market.place("lab-x", limit_price=17 * YUAN, nodes=3, partial=True, stp="maker")
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
