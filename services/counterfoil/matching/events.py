"""Matching: offers, bids and trades."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Amount,
    BidHours,
    Bps,
    Count,
    Flag,
    GpusPerNode,
    Hour,
    Id,
    MarketUnit,
    Nodes,
    NodesOrNone,
    PositiveAmount,
    Price,
    Reason,
    Time,
    Version,
)
from counterfoil.matching.commands import SelfTrade, TimeInForce

Removal = Literal[
    "cancelled",
    "party_closed",
    "party_suspended",
    "programme_paused",
    "duties_not_separate",
    "cancelled_by_operator",
    "cancelled_by_issuer",
]
"""Why an order leaves the book by a timer: for what a party or a programme is, or for what was ordered of many at once.

Bids alone leave for what a programme says.
"""

NotMet = Literal["out_of_the_money", "rationed", "auction_cancelled", "not_funded_in_time"]
"""Why an order of an auction has not got, or sold, all that it was for; what is left is closed as the auction ends."""


@event("offer.received.v1")
class OfferReceived(Event):
    """A valid offer; its bond is being held."""

    offer_id: Id
    provider_id: Id
    group_id: Id
    class_id: Id
    region: Id
    currency: MarketUnit
    nodes: Nodes
    gpus_per_node: GpusPerNode
    window_start: Hour
    window_end: Hour
    price: Price
    min_nodes: Nodes
    min_hours: BidHours
    bond_bps: Bps
    bond: Amount
    tif: Literal["GTC", "GTD", "IOC"]
    good_until: Time | None
    stp: SelfTrade


@event("offer.admitted.v1")
class OfferAdmitted(Event):
    """The bond is held; the offer's priority is the index of this entry."""

    offer_id: Id


@event("offer.reduced.v1")
class OfferReduced(Event):
    """`reduced_by` nodes fewer on every hour; priority kept. `bond_released` is their part of the bond."""

    offer_id: Id
    reduced_by: Nodes
    bond_released: Amount


@event("offer.closed.v1")
class OfferClosed(Event):
    """The offer is no longer on the book, or in its auction: by `auction_cleared` it has sold all."""

    offer_id: Id
    reason: Literal[
        "cancelled",
        "replaced",
        "expired",
        "bond_refused",
        "immediate_or_cancel",
        "self_trade",
        "auction_cleared",
        "not_listed",
        "halted",
        "gate_closed",
        NotMet,
        Removal,
    ]


@event("bid.received.v1")
class BidReceived(Event):
    """A valid bid; its funds are being held: `cost_per_node` (limit x GPUs x hours) for each of `nodes`."""

    bid_id: Id
    beneficiary_id: Id
    group_id: Id
    programme_id: Id
    voucher_ids: tuple[Id, ...]
    currency: MarketUnit
    classes: tuple[Id, ...]
    regions: tuple[Id, ...]
    nodes: Nodes
    gpus_per_node: GpusPerNode
    hours: BidHours
    earliest: Hour
    latest: Hour
    limit_price: Price
    cost_per_node: PositiveAmount
    partial: Flag
    min_nodes: Nodes
    tif: TimeInForce
    good_until: Time | None
    post_only: Flag
    stp: SelfTrade


@event("bid.admitted.v1")
class BidAdmitted(Event):
    """The funds are held, from vouchers of programme version `version`; priority is the index of this entry."""

    bid_id: Id
    version: Version


@event("bid.reduced.v1")
class BidReduced(Event):
    """The bid wants `nodes_left` nodes from here on; priority kept."""

    bid_id: Id
    nodes_left: Nodes


@event("bid.closed.v1")
class BidClosed(Event):
    """The bid is no longer on the book (a filled bid closes with its last trade, without this event).

    `funding_revoked`, `funding_suspended`, `funding_expired`: of a voucher that was to pay for it.
    `immediate_or_cancel`, `not_fillable`: nothing that fits is left for an IOC bid, or not enough for a FOK bid.
    In an auction: `below_reserve` of its hour; `capped`: its group had its share; `paradoxically_rejected`, `no_room`:
    a block in the money at the prices, which would change them, or for whose nodes no single offer has room.
    """

    bid_id: Id
    reason: Literal[
        "cancelled",
        "replaced",
        "expired",
        "gate_closed",
        "programme_not_open",
        "not_in_programme",
        "hold_refused",
        "funding_revoked",
        "funding_suspended",
        "funding_expired",
        "immediate_or_cancel",
        "not_fillable",
        "would_match",
        "self_trade",
        "below_reserve",
        "capped",
        "paradoxically_rejected",
        "no_room",
        NotMet,
        Removal,
    ]


@event("trade.matched.v1")
class TradeMatched(Event):
    """A trade by matching rule PTW-1: `nodes` nodes for `hours` hours from `first_hour`, at the resting order's price.

    `taker`: the order that came to the book later; the other one rested, and its price counts.
    `version`: the programme version of the bid's vouchers, whose terms hold for the contract.
    """

    trade_id: Id
    rule_set: Literal["PTW-1"]
    taker: Literal["bid", "offer"]
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


@event("match.prevented.v1")
class MatchPrevented(Event):
    """The pair would have matched but belongs to one group of related parties."""

    bid_id: Id
    offer_id: Id
    mode: SelfTrade


@event("cancellation.forced.v1")
class CancellationForced(Event):
    """An operator, or the issuer whose programme funds the bids, ends orders of another party, in public.

    `order_id`: that order, which is closed in the same entry. If none is named, all that the party has open, of
    `programme_id` its bids alone, and a timer closes them before anything else is decided.
    """

    cancellation_id: Id
    party_id: Id
    order_id: Id | None
    programme_id: Id | None
    cancelled_by: Id
    authority: Literal["operator", "issuer"]
    reason: Reason


@event("own_orders.cancelled.v1")
class OwnOrdersCancelled(Event):
    """A party cancels all that it has open, of `programme_id` its bids alone.

    A timer closes them before anything else is decided.
    """

    party_id: Id
    programme_id: Id | None


@event("match.continued.v1")
class MatchContinued(Event):
    """The order's pass over the book goes on, with `more` in a timer entry that comes at once.

    It is longer than one entry; or, from version 8 of the rules on, so few nodes of a bid are left that it fits again.
    """

    order_id: Id
    more: Flag


@event("uncrossing.begun.v1")
class UncrossingBegun(Event):
    """Bids that rest may fit offers that rest, and meet all of them anew before anything else is decided.

    The bids of the programme, since it accepts a provider with offers (again); without one, all bids, since other rules
    come into force.
    """

    programme_id: Id | None


@event("uncrossing.continued.v1")
class UncrossingContinued(Event):
    """Such bids have met the offers, the best limit first: up to the one with this limit and this priority.

    With `more`, a timer entry continues with those behind it at once; none was as far as priority 0.
    """

    limit_price: Price
    priority: Count
    more: Flag
