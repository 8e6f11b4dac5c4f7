"""Matching: batch auctions, by matching rule UPA-1."""

from __future__ import annotations

from typing import Final, Literal

from counterfoil.contract.record import Event, event, record
from counterfoil.contract.scalars import (
    Amount,
    BidHours,
    Bps,
    Count,
    Digest,
    Flag,
    GpusPerNode,
    Hour,
    Id,
    MarketUnit,
    Nodes,
    NodesOrNone,
    PositiveAmount,
    Price,
    RateTerm,
    Reason,
    Time,
    Version,
)
from counterfoil.matching.auction_commands import Caps, ReservePoint
from counterfoil.matching.events import TradeMatched

BUILT_IN: Final = "built-in"
"""The solver that every release has."""


@event("auction.scheduled.v1")
class AuctionScheduled(Event):
    """An auction takes orders from now on, until it locks; its parameters as the command has them.

    `reference_price`: the price of the last auction of this market, or the operator's if there was none. `tick`: of
    prices.
    """

    auction_id: Id
    programmes: tuple[Id, ...]
    classes: tuple[Id, ...]
    region: Id
    currency: MarketUnit
    gpus_per_node: GpusPerNode
    first_hour: Hour
    hours: BidHours
    locks_at: Time
    clears_at: Time
    tick: PositiveAmount
    reference_price: Price
    collar_bps: RateTerm
    caps: Caps
    cap_bps: Bps
    rsi_bps: RateTerm
    cover_bps: RateTerm
    pivotal_bps: RateTerm
    reserve_price: Amount
    reserve_points: tuple[ReservePoint, ...]


@event("auction.cancelled.v1")
class AuctionCancelled(Event):
    """An auction does not take place: its orders are closed before anything else is decided.

    By the operator, who says why; or since it could not clear in time for its first hour.
    """

    auction_id: Id
    cause: Literal["operator", "gate_closed"]
    cancelled_by: Id | None
    reason: Reason | None


@event("auction_order.entered.v1")
class AuctionOrderEntered(Event):
    """The order that was received in this entry is one of an auction, and in no continuous book."""

    order_id: Id
    auction_id: Id
    party_id: Id
    side: Literal["bid", "offer"]


@event("auction_order.admitted.v1")
class AuctionOrderAdmitted(Event):
    """What the order needs is held; its priority is the index of this entry. `version`: of a bid's vouchers."""

    order_id: Id
    auction_id: Id
    side: Literal["bid", "offer"]
    version: Version | None


@event("auction_offer.improved.v1")
class AuctionOfferImproved(Event):
    """An offer in an auction asks less from now on; its bond stays, its priority is this entry's."""

    offer_id: Id
    price: Price


@event("auction.locked.v1")
class AuctionLocked(Event):
    """No order enters or leaves any more. `prices`: what each hour would cost if it cleared now.

    `offers`, `bids`: how many take part, so that whoever is to propose a solution knows whether it has all of them.
    """

    auction_id: Id
    prices: tuple[Amount, ...]
    offers: Count
    bids: Count


@record
class ClearedHour:
    """One hour of an auction: its price, the nodes traded, and the price below which it could not be."""

    hour: Hour
    price: Amount
    nodes: Count
    reserve_price: Amount


@event("auction.cleared.v1")
class AuctionCleared(Event):
    """The outcome of an auction; its trades, and the ends of its orders, follow before anything else is decided.

    `book`: SHA-256 over what it was decided from as JSON: the number of hours, the asks, hourly bids, blocks, and
    parameters, each with its members in order. `solution_id`: the solution that was taken, None if it is that of the
    built-in solver. `groups`: of related parties that trade, on either side; too few set no reference price.
    `surplus`: what all orders gain together, and `bound`: no outcome of these orders has more. `accepted` blocks, and
    blocks `rejected` although they are in the money. `rsi_bps`, `cover_bps`: how demand is covered, without the largest
    supplier and with it; None without demand. `pivotal`: groups of suppliers without whom it would not be covered.
    """

    auction_id: Id
    solver: Id
    solution_id: Id | None
    book: Digest
    offers: Count
    bids: Count
    groups: Count
    hours: tuple[ClearedHour, ...]
    accepted: Count
    rejected: Count
    surplus: Amount
    bound: Amount
    rsi_bps: Count | None
    cover_bps: Count | None
    scarce: Flag
    pivotal: tuple[Id, ...]


@event("trade.cleared.v1")
class TradeCleared(Event):
    """A trade by matching rule UPA-1: `nodes` nodes for `hours` hours from `first_hour` on, which have one price.

    A block whose hours have several prices makes a trade of each stretch of one price, with one offer.
    `bid_nodes_left`: what the bid may still get; of a block all of it, until no more of its hours are left
    (`bid_hours_left`).
    """

    trade_id: Id
    auction_id: Id
    bid_id: Id
    offer_id: Id
    beneficiary_id: Id
    provider_id: Id
    programme_id: Id
    version: Version
    class_id: Id
    region: Id
    currency: MarketUnit
    nodes: Nodes
    gpus_per_node: GpusPerNode
    first_hour: Hour
    hours: BidHours
    price: Price
    notional: PositiveAmount
    bid_nodes_left: NodesOrNone
    bid_hours_left: Count


Trade = TradeMatched | TradeCleared
"""What becomes a delivery contract."""


@event("auction.closed.v1")
class AuctionClosed(Event):
    """All orders of the auction are closed."""

    auction_id: Id
