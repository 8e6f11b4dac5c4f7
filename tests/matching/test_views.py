"""Matching's read models show what its log says, agree with its book row by row, and suffice for the market's depth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.times import HOUR
from counterfoil.matching.auction_events import AuctionClosed
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer, CancelOrderFor
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.matching.events import MatchContinued, OwnOrdersCancelled, UncrossingBegun, UncrossingContinued
from counterfoil.matching.service import SERVICE
from counterfoil.matching.views import REDUCERS
from tests.matching.world import DECIDER, YUAN, B, Market, T, hold_refused, party
from tests.views import Viewed, viewed_in


@pytest.fixture
def viewed(tmp_path: Path) -> Iterator[Viewed]:
    with viewed_in(tmp_path, SERVICE) as opened:
        yield opened


def test_every_own_event_but_one_is_shown() -> None:
    consumed = {event for events in DECIDER.reactions.values() for event in events}
    own = {event for event in DECIDER.evolve if event not in consumed}
    assert set(REDUCERS) == own - {
        AuctionClosed, CoverQuoted, MatchContinued, OwnOrdersCancelled, UncrossingBegun, UncrossingContinued,
    }  # fmt: skip


def test_the_life_of_an_offer(viewed: Viewed) -> None:
    market = Market()
    offer_id = market.post(tif="GTD", good_until=T + HOUR, at=T)
    waiting = market.post("gpu-2", held=False)
    refused = market.post("gpu-2", held=False)
    market.reacts_to(hold_refused(refused, "offer"))
    bid_id = market.place(at=T + 50)
    market.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=1, price=None), "gpu-1")
    viewed.of(market)
    assert viewed.row("offers", offer_id) == {
        "offer_id": offer_id, "provider_id": "gpu-1", "group_id": "gpu-1", "class_id": "a100", "region": "east",
        "currency": "CNY", "nodes": 3, "gpus_per_node": 8, "window_start": B, "window_end": B + 24, "price": 14 * YUAN,
        "min_nodes": 1, "min_hours": 1, "bond_bps": 2_000, "bond": 3 * 14 * YUAN * 8 * 24 // 5, "tif": "GTD",
        "good_until": T + HOUR, "stp": "taker", "sold_node_hours": 12, "received_at": T,
        "priority": market.tally.priority[offer_id], "status": "open", "status_since": T + 1, "status_reason": None,
        "class_version": None, "floor_price": None, "site_id": None, "reclaim_notice_hours": None,
    }  # fmt: skip
    assert [each["offer_id"] for each in viewed.rows("offers", status="received")] == [waiting]
    assert viewed.row("offers", waiting)["priority"] is None
    assert [each["status_reason"] for each in viewed.rows("offers", status="closed")] == ["bond_refused"]
    (trade,) = viewed.rows("trades", offer_id=offer_id)
    assert trade == {
        "trade_id": f"trd-{market.tally.priority[bid_id]}-0-0", "rule_set": "PTW-1", "taker": "bid", "bid_id": bid_id,
        "offer_id": offer_id, "beneficiary_id": "lab-1", "provider_id": "gpu-1", "programme_id": "p1",
        "class_id": "a100", "region": "east", "currency": "CNY", "nodes": 2, "gpus_per_node": 8, "first_hour": B,
        "hours": 6, "price": 14 * YUAN, "notional": 2 * 8 * 6 * 14 * YUAN, "matched_at": T + 51,
        "reclaim_notice_hours": None,
    }  # fmt: skip


def test_the_life_of_a_bid(viewed: Viewed) -> None:
    market = Market()
    bid_id = market.place(nodes=5, partial=True, voucher_ids=("v2", "v1"), classes=("h100", "a100"), at=T)
    received = market.place("lab-2", held=False)
    refused = market.place("lab-2", held=False)
    market.reacts_to(hold_refused(refused, "bid"))
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    market.post(nodes=1, window_end=B + 6)
    filled = market.place("lab-2", nodes=1)
    market.post(nodes=4, window_end=B + 6, at=T + 90)
    own = market.post("gpu-x")
    prevented = market.place("lab-x")
    viewed.of(market)
    assert viewed.row("bids", bid_id) == {
        "bid_id": bid_id, "beneficiary_id": "lab-1", "group_id": "lab-1", "programme_id": "p1",
        "voucher_ids": ["v2", "v1"], "currency": "CNY", "classes": ["a100", "h100"], "regions": ["east"], "nodes": 5,
        "gpus_per_node": 8, "hours": 6, "earliest": B, "latest": B + 18, "limit_price": 15 * YUAN,
        "cost_per_node": 15 * YUAN * 8 * 6, "partial": True, "min_nodes": 1, "tif": "GTC", "good_until": None,
        "post_only": False, "stp": "taker", "nodes_filled": 4, "nodes_left": 0, "received_at": T,
        "priority": market.tally.priority[bid_id], "status": "filled", "status_since": T + 91, "status_reason": None,
        "class_limits": [], "limit_per_pflop_hour": None, "requirement": None, "min_reclaim_notice_hours": None,
    }  # fmt: skip
    statuses = {each["bid_id"]: (each["status"], each["status_reason"]) for each in viewed.rows("bids")}
    assert statuses == {
        bid_id: ("filled", None),
        received: ("received", None),
        refused: ("closed", "hold_refused"),
        filled: ("filled", None),
        prevented: ("closed", "self_trade"),
    }
    (pair,) = viewed.rows("prevented_matches", bid_id=prevented)
    assert (pair["offer_id"], pair["mode"]) == (own, "taker")


def random_flow(seed: int, steps: int) -> Market:
    """Orders of every kind, changes and cancellations, as the seed has it."""
    chance, market = random.Random(seed), Market()
    for _ in range(steps):
        stp = chance.choice(("taker", "maker", "both"))
        match chance.randrange(8):
            case 0 | 1 | 2:
                who, price = chance.choice(("gpu-1", "gpu-2", "gpu-x")), chance.randint(9, 14)
                start, tif = B + chance.randint(0, 20), chance.choice(("GTC", "GTC", "IOC"))
                market.post(
                    who, class_id=chance.choice(("a100", "h100")), nodes=chance.randint(1, 6), price=price * YUAN,
                    window_start=start, window_end=start + chance.randint(2, 24), tif=tif, stp=stp,
                    held=chance.random() < 0.9,
                )  # fmt: skip
            case 3 | 4 | 5:
                classes = chance.choice((("a100",), ("h100",), ("h100", "a100")))
                nodes, tif = chance.randint(1, 6), chance.choice(("GTC", "GTC", "IOC", "FOK"))
                market.place(
                    chance.choice(("lab-1", "lab-2", "lab-x")), classes=classes, nodes=nodes, tif=tif, stp=stp,
                    hours=chance.randint(1, 8), partial=chance.random() < 0.7, limit_price=chance.randint(9, 14) * YUAN,
                    held=chance.random() < 0.9,
                )  # fmt: skip
            case 6 if market.state.bids:
                bid = market.state.bids[chance.choice(list(market.state.bids))]
                market.when(AmendBid(bid_id=bid.bid_id, reduce_nodes_by=1, limit_price=None), bid.beneficiary_id)
                if chance.random() < 0.3:
                    market.when(CancelBid(bid_id=bid.bid_id), bid.beneficiary_id)
            case 7 if market.state.offers:
                offer = market.state.offers[chance.choice(list(market.state.offers))]
                market.when(AmendOffer(offer_id=offer.offer_id, reduce_nodes_by=1, price=None), offer.provider_id)
                if chance.random() < 0.3:
                    market.when(CancelOffer(offer_id=offer.offer_id), offer.provider_id)
    return market


@pytest.mark.parametrize("seed", range(3))
def test_the_views_agree_with_the_book(viewed: Viewed, seed: int) -> None:
    market = random_flow(seed, 250)
    viewed.of(market)
    state, book = market.state, market.state.book
    statuses = {each["bid_id"]: each["status"] for each in viewed.rows("bids")}
    statuses |= {each["offer_id"]: each["status"] for each in viewed.rows("offers")}
    assert {"received", "open", "closed", "filled"} == set(statuses.values())
    on_book = {order_id for order_id, status in statuses.items() if status == "open"}
    assert on_book == set(state.admitted)
    assert on_book | {order_id for order_id, status in statuses.items() if status == "received"} == (
        state.offers.keys() | state.bids.keys()
    )
    for each in viewed.rows("bids"):
        bid = book.bid(each["bid_id"])
        assert (bid is not None) == (each["status"] == "open")
        assert bid is None or (bid.remaining, bid.seq) == (each["nodes_left"], each["priority"])
        assert each["nodes_filled"] == sum(trade["nodes"] for trade in viewed.rows("trades", bid_id=each["bid_id"]))
        assert each["nodes_filled"] + each["nodes_left"] <= each["nodes"]
    for each in viewed.rows("offers", status="open"):
        left = sum(hours * nodes for _, hours, nodes in book.residual(each["offer_id"]))
        assert left == each["nodes"] * (each["window_end"] - each["window_start"]) - each["sold_node_hours"]
    assert len(viewed.rows("prevented_matches")) > 0
    assert len(viewed.rows("trades")) == len(market.tally.trades) > 10


def test_the_depth_of_a_market_can_be_read_from_the_views(viewed: Viewed) -> None:
    """Per class, region, currency and hour: what is for sale and what is wanted at each price."""
    market = random_flow(11, 250)
    viewed.of(market)
    book, hour = market.state.book, B + 12
    for class_id in ("a100", "h100"):
        for_sale: dict[int, int] = {}
        for each in viewed.rows("offers", class_id=class_id, region="east", currency="CNY", status="open"):
            if each["window_start"] <= hour < each["window_end"]:
                sold = viewed.rows("trades", offer_id=each["offer_id"])
                left = each["nodes"] - sum(trade["nodes"] for trade in sold if covers(trade, hour))
                for_sale[each["price"]] = for_sale.get(each["price"], 0) + left
        wanted: dict[int, int] = {}
        for each in viewed.rows("bids", currency="CNY", status="open"):
            if class_id in each["classes"] and "east" in each["regions"]:
                wanted[each["limit_price"]] = wanted.get(each["limit_price"], 0) + each["nodes_left"]
        assert for_sale
        assert wanted
        records = list(book.records())
        sale_by_book: dict[int, int] = {}
        for offer in (book.offer(record[1]) for record in records if record[0] == "offer"):
            for first, hours, nodes in book.residual(offer.offer_id) if offer and offer.class_id == class_id else ():
                if offer is not None and first <= hour < first + hours:
                    sale_by_book[offer.price] = sale_by_book.get(offer.price, 0) + nodes
        wanted_by_book: dict[int, int] = {}
        for bid in (book.bid(record[1]) for record in records if record[0] == "bid"):
            if bid is not None and class_id in bid.classes:
                wanted_by_book[bid.limit_price] = wanted_by_book.get(bid.limit_price, 0) + bid.remaining
        assert (for_sale, wanted) == (sale_by_book, wanted_by_book)


def covers(trade: dict[str, Any], hour: int) -> bool:
    """Whether the block of a trade includes the hour."""
    return hour in range(trade["first_hour"], trade["first_hour"] + trade["hours"])


def test_orders_that_were_cancelled_for_others(viewed: Viewed) -> None:
    market = Market(party("op", "operator"))
    offer_id = market.post()
    viewed.of(market)
    market.when(CancelOrderFor(order_id=offer_id, reason="fraud"), "op", at=T + 9)
    assert viewed.part("offers", offer_id, "status", "status_reason") == ("closed", "cancelled_by_operator")
    (row,) = viewed.rows("forced_cancellations", party_id="gpu-1")
    assert row == {
        "cancellation_id": f"cnl-{market.index}-0", "party_id": "gpu-1", "order_id": offer_id, "programme_id": None,
        "cancelled_by": "op", "authority": "operator", "reason": "fraud", "cancelled_at": T + 9,
    }  # fmt: skip
