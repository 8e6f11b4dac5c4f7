"""Matching by the rule PTW-1: every order waits for its funds, trades by price and time, and ends in time.

The `Market` of these tests also counts every node after every step: executed + resting + cancelled + prevented is what
was submitted, for each order, and no trade breaks a term of either side.
"""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderListed
from counterfoil.ledger.events import FundingEnded
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    BidReduced,
    MatchPrevented,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from tests.matching import world
from tests.matching.world import (
    DECIDER,
    YUAN,
    B,
    Market,
    T,
    accelerator,
    bond_held,
    hold_placed,
    hold_refused,
    programme,
)

PRICE_TICK = RULES[LATEST].price_tick


@pytest.fixture(autouse=True, params=sorted(RULES), ids=lambda version: f"rules-{version}")
def in_force(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of this holds under every version of the rules."""
    monkeypatch.setattr(world, "IN_FORCE", request.param)


# entering the book --------------------------------------------------------------------------------------------------


def test_an_order_waits_for_its_hold() -> None:
    market = Market()
    offer_id = market.post(held=False)
    bid_id = market.place(held=False)
    market.hold(bid_id).then(BidAdmitted(bid_id=bid_id, version=1))  # the offer is not there yet
    market.hold(offer_id).then_types(OfferAdmitted, TradeMatched)
    assert market.trades() == [(bid_id, offer_id, 2, 0, 15)]  # the bid was admitted first: its price
    (trade,) = market.tally.trades.values()
    assert trade.trade_id == f"trd-{market.index}-0-0"
    assert (trade.rule_set, trade.taker) == ("PTW-1", "offer")
    assert (trade.notional, trade.bid_nodes_left) == (15 * YUAN * 2 * 8 * 6, 0)
    assert trade.version == 1


def test_priority_is_the_order_of_holds_not_of_commands() -> None:
    market = Market()
    early, late = market.post(held=False), market.post("gpu-2", held=False)
    market.hold(late)
    market.hold(early)
    bid_id = market.place()
    assert market.trades() == [(bid_id, late, 2, 0, 14)]


@pytest.mark.parametrize(("nodes", "hours", "ticks", "bps"), [(1, 1, 1, 9_999), (3, 7, 3, 3_333), (1, 1, 7, 2_001)])
def test_a_bond_is_exact(nodes: int, hours: int, ticks: int, bps: int) -> None:
    """The price tick is a whole number of 10,000 units, so that no bond is ever rounded."""
    market = Market()
    price = ticks * PRICE_TICK
    offer_id = market.post(class_id="l40s", nodes=nodes, window_end=B + hours, price=price, bond_bps=bps)
    assert market.state.offers[offer_id].bond * 10_000 == price * nodes * hours * bps


def test_a_hold_admits_once() -> None:
    market = Market()
    market.reacts_to(bond_held(market.state.offers[market.post()])).then()
    bid_id = market.place(limit_price=YUAN)
    market.reacts_to(hold_placed(market.state.bids[bid_id])).then()


def test_a_refused_hold_closes_the_order() -> None:
    market = Market()
    offer_id, bid_id = market.post(held=False), market.place(held=False)
    market.reacts_to(hold_refused(offer_id, "offer")).then(OfferClosed(offer_id=offer_id, reason="bond_refused"))
    market.reacts_to(hold_refused(bid_id, "bid")).then(BidClosed(bid_id=bid_id, reason="hold_refused"))
    assert not market.state.open_orders


@pytest.mark.parametrize("reason", ["revoked", "suspended", "expired"])
def test_a_bid_whose_voucher_may_pay_no_more_is_closed_once(reason: Any) -> None:
    market = Market()
    bid_id, other = market.place(), market.place("lab-2")
    ended = FundingEnded(bid_id=bid_id, voucher_id="v1", reason=reason)
    closed: Any = f"funding_{reason}"
    market.reacts_to(ended).then(BidClosed(bid_id=bid_id, reason=closed))
    market.reacts_to(ended).then()
    market.post()
    assert [bid for bid, *_ in market.trades()] == [other]


def test_a_cancellation_overtakes_the_hold() -> None:
    market = Market()
    offer_id, bid_id = market.post(held=False), market.place(held=False)
    holds = bond_held(market.state.offers[offer_id]), hold_placed(market.state.bids[bid_id])
    market.when(CancelOffer(offer_id=offer_id), "gpu-1").then(OfferClosed(offer_id=offer_id, reason="cancelled"))
    market.when(CancelBid(bid_id=bid_id), "lab-1").then(BidClosed(bid_id=bid_id, reason="cancelled"))
    for event in (*holds, hold_refused(offer_id, "offer"), hold_refused(bid_id, "bid")):
        market.reacts_to(event).then()


# who meets whom -----------------------------------------------------------------------------------------------------


def test_worked_example() -> None:
    """The better price comes before the earlier start; a bid that needs hour 0 must name it."""
    market = Market()
    o1 = market.post(nodes=4, window_end=B + 24, price=14 * YUAN)
    sold = market.place(nodes=2, hours=6, earliest=B + 6, latest=B + 6)
    assert market.trades() == [(sold, o1, 2, 6, 14)]
    o2 = market.post("gpu-2", nodes=8, window_end=B + 48, price=15 * YUAN)
    market.post("gpu-2", nodes=8, window_start=B + 12, window_end=B + 36, price=14 * YUAN)
    block: dict[str, Any] = {"nodes": 3, "hours": 12, "limit_price": 15 * YUAN + YUAN // 2}
    patient = market.place("lab-2", **block, earliest=B, latest=B + 24)
    assert market.trades() == [(patient, o1, 3, 12, 14)]
    hasty = market.place("lab-2", **block, earliest=B, latest=B)
    assert market.trades() == [(hasty, o2, 3, 0, 15)]


@pytest.mark.parametrize(
    ("terms", "matches"),
    [
        ({}, True),
        ({"limit_price": 14 * YUAN}, True),
        ({"limit_price": 14 * YUAN - PRICE_TICK}, False),
        ({"classes": ("h100", "a100"), "regions": ("west", "east")}, True),
        ({"classes": ("h100",)}, False),
        ({"regions": ("west",)}, False),
        ({"programme_id": "eur"}, False),
        ({"programme_id": "p2"}, False),  # it does not list gpu-1
        ({"nodes": 4}, True),
        ({"nodes": 5}, False),
        ({"nodes": 5, "partial": True}, True),
        ({"nodes": 5, "partial": True, "min_nodes": 5}, False),
        ({"nodes": 1}, False),  # the offer sells two at least
        ({"hours": 2}, False),  # and three hours
        ({"hours": 3}, True),
        ({"hours": 24}, True),
        ({"hours": 25}, False),
        ({"earliest": B + 18, "latest": B + 18}, True),
        ({"earliest": B + 19, "latest": B + 30}, False),
        ({"earliest": B - 8, "latest": B - 1}, False),
        ({"earliest": B - 8, "latest": B}, True),
    ],
)
def test_what_fits(terms: dict[str, Any], matches: bool) -> None:
    """The same pair matches or not whichever comes first; the price is that of the first."""
    eur = programme("eur", currency="EUR"), ProviderListed(programme_id="eur", provider_id="gpu-1")
    offered: dict[str, Any] = {"min_nodes": 2, "min_hours": 3}
    for first in ("offer", "bid"):
        market = Market(*eur)
        if first == "offer":
            market.post(**offered)
            market.place(**terms)
        else:
            market.place(**terms)
            market.post(**offered)
        price = 14 if first == "offer" else terms.get("limit_price", 15 * YUAN) // YUAN
        assert [trade[-1] for trade in market.trades()] == ([price] if matches else [])


def test_a_new_version_of_a_class_does_not_mix_sizes_of_nodes() -> None:
    market = Market()
    eight = market.post(nodes=1)
    market.reacts_to(accelerator("a100", 4, version=2))
    market.place(nodes=1)
    assert market.trades() == []
    four = market.post("gpu-2", nodes=2)
    assert [trade[1] for trade in market.trades()] == [four]
    assert market.state.book.residual(eight) == ((B, 24, 1),)


# time in force ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "filled", "ending"),
    [
        ({"tif": "GTC"}, 4, None),
        ({"tif": "GTD", "good_until": T + HOUR}, 4, None),
        ({"tif": "IOC"}, 4, "immediate_or_cancel"),
        ({"tif": "FOK"}, 0, "not_fillable"),
        ({"tif": "FOK", "nodes": 4}, 4, None),
        ({"tif": "IOC", "nodes": 4}, 4, None),
        ({"tif": "IOC", "partial": False}, 0, "immediate_or_cancel"),
        ({"post_only": True}, 0, "would_match"),
        ({"post_only": True, "limit_price": 13 * YUAN}, 0, None),
    ],
)
def test_bids_by_time_in_force(terms: dict[str, Any], filled: int, ending: str | None) -> None:
    """Five or four nodes against an offer of four."""
    market = Market()
    offer_id = market.post()
    bid_id = market.place(**{"nodes": 5, "partial": True, "latest": B, **terms})
    assert sum(trade[2] for trade in market.trades()) == filled
    assert market.tally.closed.get(bid_id) == ending
    resting = market.state.book.bid(bid_id)
    assert (resting is not None) == (ending is None and filled < terms.get("nodes", 5))
    if ending in ("not_fillable", "would_match"):
        market.then(BidClosed(bid_id=bid_id, reason=ending))  # type: ignore[arg-type]
        assert market.state.book.residual(offer_id) == ((B, 24, 4),)


@pytest.mark.parametrize(
    ("terms", "ending"),
    [({"tif": "GTC"}, None), ({"tif": "GTD", "good_until": T + HOUR}, None), ({"tif": "IOC"}, "immediate_or_cancel")],
)
def test_offers_by_time_in_force(terms: dict[str, Any], ending: str | None) -> None:
    market = Market()
    bid_id = market.place(nodes=3)
    offer_id = market.post(**terms)
    assert market.trades() == [(bid_id, offer_id, 3, 0, 15)]
    assert market.tally.closed.get(offer_id) == ending
    assert (market.state.book.offer(offer_id) is None) == (ending is not None)


def test_a_partial_bid_takes_what_each_offer_has() -> None:
    market = Market()
    small = market.post(nodes=2, price=13 * YUAN)
    market.post("gpu-2", nodes=1, price=13 * YUAN, class_id="h100")  # another class
    large = market.post("gpu-2", nodes=3)
    bid_id = market.place(nodes=6, partial=True, min_nodes=2, latest=B)
    assert market.trades() == [(bid_id, small, 2, 0, 13), (bid_id, large, 3, 0, 14)]
    ids = [trade.trade_id for trade in market.tally.trades.values()]
    assert ids == [f"trd-{market.index}-0-0", f"trd-{market.index}-0-1"]
    assert [trade.bid_nodes_left for trade in market.tally.trades.values()] == [4, 1]
    last = market.post("gpu-2", nodes=1)  # the least is now all that remains
    assert market.trades() == [(bid_id, last, 1, 0, 15)]
    assert bid_id not in market.state.bids


def test_a_sold_out_offer_stays_until_it_ends_and_its_hours_are_sold_once() -> None:
    market = Market()
    offer_id = market.post(nodes=2, window_end=B + 12)
    market.place()
    market.place()
    assert [trade[3] for trade in market.trades()] == [6]
    assert market.state.book.residual(offer_id) == ((B, 12, 0),)
    market.place()
    assert market.trades() == []
    market.when(CancelOffer(offer_id=offer_id), "gpu-1").then(OfferClosed(offer_id=offer_id, reason="cancelled"))


# self-trade ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "bid_ends", "own_ends", "filled"),
    [("taker", True, False, 1), ("maker", False, True, 3), ("both", True, True, 1)],
)
def test_a_bid_does_not_meet_an_offer_of_its_group(mode: Any, bid_ends: bool, own_ends: bool, filled: int) -> None:
    market = Market()
    market.post("gpu-1", nodes=1, price=12 * YUAN)
    own = market.post("gpu-x", price=13 * YUAN, stp="both")  # the taker's mode decides, not this one
    market.post("gpu-2", nodes=2)
    bid_id = market.place("lab-x", nodes=4, partial=True, stp=mode, latest=B)
    assert sum(trade[2] for trade in market.trades()) == filled
    assert MatchPrevented(bid_id=bid_id, offer_id=own, mode=mode) in market.last  # type: ignore[operator]
    assert market.tally.closed == {
        **({bid_id: "self_trade"} if bid_ends else {}),
        **({own: "self_trade"} if own_ends else {}),
    }


@pytest.mark.parametrize(
    ("mode", "offer_ends", "own_ends", "filled"),
    [("taker", True, False, 1), ("maker", False, True, 3), ("both", True, True, 1)],
)
def test_an_offer_does_not_meet_a_bid_of_its_group(mode: Any, offer_ends: bool, own_ends: bool, filled: int) -> None:
    market = Market()
    market.place("lab-1", nodes=1, limit_price=17 * YUAN)
    own = market.place("lab-x", limit_price=16 * YUAN, stp="both")
    market.place("lab-2", nodes=2)
    offer_id = market.post("gpu-x", nodes=4, stp=mode)
    assert sum(trade[2] for trade in market.trades()) == filled
    assert MatchPrevented(bid_id=own, offer_id=offer_id, mode=mode) in market.last  # type: ignore[operator]
    assert market.tally.closed == {
        **({offer_id: "self_trade"} if offer_ends else {}),
        **({own: "self_trade"} if own_ends else {}),
    }


def test_self_trade_with_the_other_terms_of_a_bid() -> None:
    market = Market()
    own = market.post("gpu-x", stp="maker")
    market.place("lab-x", tif="FOK", stp="maker")
    assert list(market.tally.closed.values()) == ["not_fillable"]  # and the offer of its group lives on
    market.place("lab-x", post_only=True, stp="maker")
    assert list(market.tally.closed.values()) == ["not_fillable", "would_match"]
    other = market.post("gpu-1", price=15 * YUAN)
    bid_id = market.place("lab-x", tif="FOK", stp="maker")
    assert market.trades() == [(bid_id, other, 2, 0, 15)]
    assert market.tally.closed[own] == "self_trade"
    market.place("lab-x", tif="IOC", stp="maker", nodes=5, partial=True, latest=B)
    assert list(market.tally.closed.values())[-1] == "immediate_or_cancel"


# changing and cancelling --------------------------------------------------------------------------------------------


def test_reducing_keeps_priority_and_repricing_loses_it() -> None:
    """Before version 9 of the rules by a new order: `test_amendments` has what came."""
    market = Market(rules=8)
    first, second = market.post(nodes=4), market.post("gpu-2", nodes=4)
    freed = 14 * YUAN * 8 * 24 * 2 * 2_000 // 10_000
    market.when(AmendOffer(offer_id=first, reduce_nodes_by=2, price=None), "gpu-1").then(
        OfferReduced(offer_id=first, reduced_by=2, bond_released=freed)
    )
    market.place(nodes=1)
    assert [trade[1] for trade in market.trades()] == [first]

    third = market.post("gpu-1", nodes=4, min_nodes=4)
    market.when(AmendOffer(offer_id=third, reduce_nodes_by=1, price=None), "gpu-1")
    market.when(AmendOffer(offer_id=third, reduce_nodes_by=None, price=14 * YUAN), "gpu-1")
    market.then_types(OfferClosed, OfferReceived)
    closed, renewed = market.last  # type: ignore[misc]
    assert closed == OfferClosed(offer_id=third, reason="replaced")
    assert renewed.offer_id == f"off-{market.index}-0"  # type: ignore[union-attr]
    assert (renewed.nodes, renewed.min_nodes, renewed.bond) == (3, 3, 3 * freed // 2)  # type: ignore[union-attr]
    assert market.state.book.offer(third) is None
    market.hold(renewed.offer_id)  # type: ignore[union-attr]
    market.place(nodes=4)
    assert [trade[1] for trade in market.trades()] == [second]


def test_reducing_and_repricing_a_bid() -> None:
    market = Market(rules=8)
    first = market.place("lab-1", nodes=5, partial=True, min_nodes=4)
    second = market.place("lab-2", nodes=3)
    market.when(AmendBid(bid_id=first, reduce_nodes_by=2, limit_price=None), "lab-1").then(
        BidReduced(bid_id=first, nodes_left=3)
    )
    market.post(nodes=3, window_end=B + 6)
    assert [trade[0] for trade in market.trades()] == [first]

    third = market.place("lab-1", nodes=4, partial=True, min_nodes=3, limit_price=14 * YUAN)
    market.when(AmendBid(bid_id=third, reduce_nodes_by=2, limit_price=None), "lab-1")
    market.when(AmendBid(bid_id=third, reduce_nodes_by=None, limit_price=16 * YUAN), "lab-1")
    market.then_types(BidClosed, BidReceived)
    renewed: Any = market.last[1]  # type: ignore[index]
    assert renewed.bid_id == f"bid-{market.index}-0"
    assert (renewed.nodes, renewed.min_nodes, renewed.cost_per_node) == (2, 2, 16 * YUAN * 8 * 6)
    market.hold(renewed.bid_id)
    market.post(nodes=3, window_end=B + 6)  # the better limit comes first, then only one node is left
    assert [trade[0] for trade in market.trades()] == [renewed.bid_id]
    assert market.state.book.bid(second) is not None


def test_what_was_sold_cannot_be_taken_back_but_the_rest_can() -> None:
    market = Market()
    offer_id = market.post(nodes=4)
    market.place(nodes=2)
    market.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=2, price=None), "gpu-1").then_types(OfferReduced)
    assert market.state.book.residual(offer_id) == ((B, 6, 0), (B + 6, 18, 2))
    market.when(CancelOffer(offer_id=offer_id), "gpu-1").then_types(OfferClosed)
    assert len(market.tally.trades) == 1  # trades stand


# time ---------------------------------------------------------------------------------------------------------------


def test_gate_closure_at_the_exact_microsecond() -> None:
    """An hour can be traded until one hour before it starts, that instant included."""
    gate = (B - 1) * HOUR
    for at, trades in ((gate, 1), (gate + 1, 0)):
        market = Market()
        market.post(window_end=B + 6)
        bid_id = market.place(latest=B, held=False)
        market.hold(bid_id, at)
        assert len(market.trades()) == trades
        if not trades:
            market.then(BidClosed(bid_id=bid_id, reason="gate_closed"))
    for at, trades in ((gate, 1), (gate + 1, 0)):
        market = Market()
        market.place(latest=B)
        offer_id = market.post(window_end=B + 6, min_hours=6, held=False)
        market.hold(offer_id, at)
        assert len(market.trades()) == trades
        if not trades:
            market.then(OfferClosed(offer_id=offer_id, reason="expired"))


def test_orders_end_by_themselves_at_the_exact_microsecond() -> None:
    market = Market()
    bid_id = market.place(earliest=B - 2, latest=B + 3)
    offer_id = market.post("gpu-3", window_end=B + 12, min_hours=10)
    dated = market.place(tif="GTD", good_until=T + 5 * HOUR + 7)
    dated_offer = market.post("gpu-3", tif="GTD", good_until=T + 5 * HOUR + 20)
    waiting = market.place(held=False, latest=B + 4)
    due: list[tuple[int, str, str]] = [
        (T + 5 * HOUR + 7, dated, "expired"),
        (T + 5 * HOUR + 20, dated_offer, "expired"),
        ((B + 1) * HOUR + 1, offer_id, "expired"),
        ((B + 2) * HOUR + 1, bid_id, "gate_closed"),
        ((B + 3) * HOUR + 1, waiting, "gate_closed"),
    ]
    for time, order_id, reason in due:
        assert DECIDER.due(market.state) == (time, "order_expiry")
        market.fires("order_expiry", time - 1).then()
        market.fires("order_expiry", time)
        assert market.tally.closed[order_id] == reason
        assert len(market.state.bids) + len(market.state.offers) == len(due) - due.index((time, order_id, reason)) - 1
    assert DECIDER.due(market.state) is None


@pytest.mark.parametrize(("late", "trades"), [(-1, 1), (0, 0)])
def test_an_order_past_its_date_does_not_trade_even_if_it_was_not_swept_yet(late: int, trades: int) -> None:
    end = T + 2 * HOUR
    market = Market()
    market.post(tif="GTD", good_until=end)
    bid_id = market.place(held=False, post_only=True)
    market.hold(bid_id, end + late)
    assert (market.tally.closed.get(bid_id) == "would_match") == bool(trades)

    market = Market()
    market.place(tif="GTD", good_until=end)
    offer_id = market.post(held=False)
    market.hold(offer_id, end + late)
    assert len(market.trades()) == trades

    market = Market()
    market.post()
    bid_id = market.place(tif="GTD", good_until=end, held=False)
    market.hold(bid_id, end + late)
    assert len(market.trades()) == trades
    assert market.tally.closed.get(bid_id) == (None if trades else "expired")


def test_a_sweep_is_bounded_and_in_order_of_time() -> None:
    market = Market()
    ids = [market.place(tif="GTD", good_until=T + HOUR - n) for n in range(RULES[LATEST].max_items_per_sweep + 2)]
    market.fires("order_expiry", T + HOUR)
    assert [event.bid_id for event in market.last] == ids[:1:-1]  # type: ignore[union-attr]
    assert DECIDER.due(market.state) == (T + HOUR - 1, "order_expiry")
    market.fires("order_expiry", T + HOUR)
    assert [event.bid_id for event in market.last] == ids[1::-1]  # type: ignore[union-attr]


def test_memory_of_what_ends_when_does_not_outgrow_the_open_orders() -> None:
    market = Market()
    keep = market.place(latest=B + 1)
    for _ in range(300):
        market.when(CancelBid(bid_id=market.place(held=False)), "lab-1")
    assert len(market.state.expiry) < 80
    market.when(CancelBid(bid_id=market.place(held=False, latest=B)), "lab-1")
    assert DECIDER.due(market.state) == (B * HOUR + 1, "order_expiry")
    market.fires("order_expiry", B * HOUR + 1).then(BidClosed(bid_id=keep, reason="gate_closed"))
