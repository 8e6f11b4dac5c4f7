"""Matching's read models of auctions; their orders are rows of the offers and bids, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.core.at import At
from counterfoil.matching.auction_commands import Caps
from counterfoil.matching.auction_events import (
    AuctionCancelled,
    AuctionCleared,
    AuctionLocked,
    AuctionOfferImproved,
    AuctionOrderAdmitted,
    AuctionOrderEntered,
    AuctionScheduled,
    TradeCleared,
)
from counterfoil.matching.solution_events import SolutionJudged, SolutionReceived, Verdict
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import ANYBODY, Copy, Readers
from counterfoil.service import Reducers

_TERMS: Final = {
    "auction_id": "text",
    "programmes": "json",
    "classes": "json",
    "region": "text",
    "currency": "text",
    "gpus_per_node": "int",
    "first_hour": "hour",
    "hours": "int",
    "locks_at": "time",
    "clears_at": "time",
    "tick": "amount",
    "reference_price": "amount",
    "collar_bps": "int",
    "caps": "text",
    "cap_bps": "int",
    "rsi_bps": "int",
    "cover_bps": "int",
    "pivotal_bps": "int",
    "reserve_price": "amount",
    "reserve_points": "json",
}
_OUTCOME: Final = {
    "solver": "text?",
    "solution_id": "text?",
    "book": "text?",
    "offers": "int?",
    "bids": "int?",
    "accepted": "int?",
    "rejected": "int?",
    "surplus": "amount?",
    "bound": "amount?",
    "found_rsi_bps": "int?",
    "found_cover_bps": "int?",
    "scarce": "bool?",
    "pivotal": "json?",
}
AUCTIONS: Final = View(
    name="auctions",
    key=("auction_id",),
    columns={
        **_TERMS, "scheduled_at": "time", "status": "text", "status_since": "time", "status_reason": "text?", **_OUTCOME
    },
    filters=("region", "currency", "status"),
    readers=ANYBODY,
    time="scheduled_at",
    values={"status": ("open", "locked", "cleared", "cancelled"), "caps": get_args(Caps)},
)  # fmt: skip
"""What was laid down, and how it ended. `book`: hash of what it was decided from. `surplus`: what all gain together.

`bound`: no outcome of these orders has a greater surplus. `rejected`: blocks in the money at the prices. `offers` and
`bids` take part, as it locked, then as it cleared. `solution_id`: of a solution from outside.
"""
PRICES: Final = View(
    name="auction_prices",
    key=("auction_id", "hour"),
    columns={
        "auction_id": "text", "hour": "hour", "price": "amount", "nodes": "int", "reserve_price": "amount",
        "cleared_at": "time",
    },
    filters=("auction_id",),
    readers=ANYBODY,
    time="cleared_at",
)  # fmt: skip
"""The price of each hour, and the nodes traded."""
ORDERS: Final = View(
    name="auction_orders",
    key=("order_id",),
    columns={
        "order_id": "text", "auction_id": "text", "side": "text", "party_id": "text", "programme_id": "text?",
        "price": "amount?", "entered_at": "time", "admitted_at": "time?",
    },
    filters=("auction_id", "party_id", "programme_id"),
    readers=Readers(parties=("party_id",), programme="programme_id"),
    time="entered_at",
    values={"side": ("bid", "offer")},
)  # fmt: skip
"""Which orders are in which auction. `price`: of an offer, the last that it was improved to."""
SOLUTIONS: Final = View(
    name="auction_solutions",
    key=("solution_id",),
    columns={
        "solution_id": "text", "auction_id": "text", "proposed_by": "text", "solver": "text", "sha256": "text",
        "pieces": "int", "blocks": "int", "proposed_at": "time", "status": "text", "status_since": "time",
        "surplus": "amount?",
    },
    filters=("auction_id", "proposed_by", "status"),
    readers=Readers(parties=("proposed_by",)),
    time="proposed_at",
    values={"status": ("arriving", "proposed", *get_args(Verdict))},
)  # fmt: skip
"""Outcomes that were proposed of auctions: `blocks` accepted, and what they were judged to come to as it cleared."""
VIEWS: Final = (AUCTIONS, PRICES, ORDERS, SOLUTIONS)


def _scheduled(event: AuctionScheduled, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in _TERMS}
    row |= {name: list(row[name]) for name in ("programmes", "classes")}
    points = [[point.utilisation_bps, point.factor_bps] for point in event.reserve_points]
    status = {"scheduled_at": at.time, "status": "open", "status_since": at.time, "status_reason": None}
    yield Put(AUCTIONS.name, {**row, "reserve_points": points, **status, **dict.fromkeys(_OUTCOME)})


def _status(auction_id: str, status: str, at: At, reason: str | None = None) -> Change:
    return Set(AUCTIONS.name, (auction_id,), {"status": status, "status_since": at.time, "status_reason": reason})


def _cancelled(event: AuctionCancelled, at: At) -> Iterable[Change]:
    yield _status(event.auction_id, "cancelled", at, event.reason or event.cause)


def _locked(event: AuctionLocked, at: At) -> Iterable[Change]:
    yield _status(event.auction_id, "locked", at)
    yield Set(AUCTIONS.name, (event.auction_id,), {"offers": event.offers, "bids": event.bids})


def _cleared(event: AuctionCleared, at: At) -> Iterable[Change]:
    yield _status(event.auction_id, "cleared", at)
    outcome = {
        name: getattr(event, name)
        for name in ("solver", "solution_id", "offers", "bids", "accepted", "rejected", "surplus", "bound", "scarce")
    }
    outcome |= {"book": event.book.hex(), "pivotal": list(event.pivotal)}
    outcome |= {"found_rsi_bps": event.rsi_bps, "found_cover_bps": event.cover_bps}
    yield Set(AUCTIONS.name, (event.auction_id,), outcome)
    for hour in event.hours:
        traded = {"price": hour.price, "nodes": hour.nodes, "reserve_price": hour.reserve_price}
        yield Put(
            PRICES.name, {"auction_id": event.auction_id, "hour": hour.hour, **traded, "cleared_at": at.time}
        )  # fmt: skip


def _entered(event: AuctionOrderEntered, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in ("order_id", "auction_id", "side", "party_id")}
    yield Put(ORDERS.name, {**dict.fromkeys(ORDERS.columns), **row, "entered_at": at.time})
    if event.side == "bid":
        yield Copy(ORDERS.name, (event.order_id,), "bids", (event.order_id,), {"programme_id": "programme_id"})


def _admitted(event: AuctionOrderAdmitted, at: At) -> Iterable[Change]:
    yield Set(ORDERS.name, (event.order_id,), {"admitted_at": at.time})
    view = "bids" if event.side == "bid" else "offers"
    yield Set(view, (event.order_id,), {"status": "in_auction", "status_since": at.time, "priority": at.index})


def _improved(event: AuctionOfferImproved, _at: At) -> Iterable[Change]:
    yield Set(ORDERS.name, (event.offer_id,), {"price": event.price})


def _received(event: SolutionReceived, at: At) -> Iterable[Change]:
    if event.piece == 0:
        row = {name: getattr(event, name) for name in ("solution_id", "auction_id", "proposed_by", "solver", "pieces")}
        row |= {"sha256": event.sha256.hex(), "blocks": 0, "proposed_at": at.time, "surplus": None}
        yield Put(SOLUTIONS.name, {**row, "status": "arriving", "status_since": at.time})
    yield Add(SOLUTIONS.name, (event.solution_id,), {"blocks": len(event.blocks)})
    if event.piece + 1 == event.pieces:
        yield Set(SOLUTIONS.name, (event.solution_id,), {"status": "proposed", "status_since": at.time})


def _judged(event: SolutionJudged, at: At) -> Iterable[Change]:
    status = {"status": event.verdict, "status_since": at.time}
    yield Set(SOLUTIONS.name, (event.solution_id,), {**status, "surplus": event.surplus})


def _traded(event: TradeCleared, at: At) -> Iterable[Change]:
    terms = (
        "trade_id bid_id offer_id beneficiary_id provider_id programme_id class_id region currency nodes gpus_per_node"
        " first_hour hours price notional"
    )
    row = {name: getattr(event, name) for name in terms.split()}
    yield Put("trades", {**row, "rule_set": "UPA-1", "taker": None, "matched_at": at.time})
    yield Add("offers", (event.offer_id,), {"sold_node_hours": event.nodes * event.hours})
    if not event.bid_hours_left:
        yield Add("bids", (event.bid_id,), {"nodes_filled": event.nodes})
    filled = {} if event.bid_nodes_left else {"status": "filled", "status_since": at.time}
    yield Set("bids", (event.bid_id,), {"nodes_left": event.bid_nodes_left, **filled})


REDUCERS: Final[Reducers] = {
    AuctionScheduled: _scheduled,
    AuctionCancelled: _cancelled,
    AuctionLocked: _locked,
    AuctionCleared: _cleared,
    AuctionOrderEntered: _entered,
    SolutionReceived: _received,
    SolutionJudged: _judged,
    AuctionOrderAdmitted: _admitted,
    AuctionOfferImproved: _improved,
    TradeCleared: _traded,
}
"""Changes per event."""
