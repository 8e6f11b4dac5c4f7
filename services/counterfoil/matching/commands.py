"""Commands that matching decides."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import (
    BidHours,
    Bps,
    Flag,
    Hour,
    Id,
    MarketUnit,
    Nodes,
    Price,
    Reason,
    Time,
)

TimeInForce = Literal["GTC", "GTD", "IOC", "FOK"]
SelfTrade = Literal["taker", "maker", "both"]
"""Which order ends when both sides are related. An order that rests ends for another party's only if its own mode says
that it may: any but `taker`."""


@command("post_offer", role="provider")
class PostOffer(Command):
    """Provider: `nodes` nodes of a class in a region on every delivery hour of [window_start, window_end).

    `price` is per GPU-hour. A bond of `bond_bps` of the whole notional is held on the provider's cash before the
    offer enters the book. `min_nodes`, `min_hours`: the smallest block that may be taken. In place of a currency
    `GPU_HOUR`: for bids that an allocation of GPU-hours pays, at a price of 1 and without a bond.
    """

    class_id: Id
    region: Id
    currency: MarketUnit
    nodes: Nodes
    window_start: Hour
    window_end: Hour
    price: Price
    min_nodes: Nodes
    min_hours: BidHours
    bond_bps: Bps
    tif: Literal["GTC", "GTD", "IOC"]
    good_until: Time | None
    stp: SelfTrade


@command("amend_offer", role="provider")
class AmendOffer(Command):
    """Provider: `reduce_nodes_by` keeps priority; a new `price` loses it. Exactly one of the two.

    The new price is for what is unsold, once its bond is held; until then, and if it cannot be, the offer stands as it
    is. Before version 9 of the rules a new offer replaced it.
    """

    offer_id: Id
    reduce_nodes_by: Nodes | None
    price: Price | None


@command("cancel_offer", role="provider", exits=True)
class CancelOffer(Command):
    """Provider: take an offer off the book and release what is left of its bond. Trades already made stand."""

    offer_id: Id


@command("place_bid", role="beneficiary")
class PlaceBid(Command):
    """Beneficiary: a block of `nodes` nodes for `hours` contiguous delivery hours starting in [earliest, latest].

    Paid from vouchers of `programme_id` (`voucher_ids`, or in draw-down order where empty) plus the co-payment from
    cash. `limit_price` is per GPU-hour. `partial`: may be filled in several trades of at least `min_nodes` nodes.
    """

    programme_id: Id
    voucher_ids: tuple[Id, ...]
    classes: tuple[Id, ...]
    regions: tuple[Id, ...]
    nodes: Nodes
    hours: BidHours
    earliest: Hour
    latest: Hour
    limit_price: Price
    partial: Flag
    min_nodes: Nodes
    tif: TimeInForce
    good_until: Time | None
    post_only: Flag
    stp: SelfTrade


@command("amend_bid", role="beneficiary")
class AmendBid(Command):
    """Beneficiary: `reduce_nodes_by` keeps priority; a new `limit_price` loses it. Exactly one of the two.

    The new limit is for what is open, once its funds are held; until then, and if they cannot be, the bid stands as it
    is. Before version 9 of the rules a new bid replaced it.
    """

    bid_id: Id
    reduce_nodes_by: Nodes | None
    limit_price: Price | None


@command("cancel_bid", role="beneficiary", exits=True)
class CancelBid(Command):
    """Beneficiary: take a bid off the book; its hold is released."""

    bid_id: Id


@command("cancel_own_orders", role=("provider", "beneficiary"), exits=True)
class CancelOwnOrders(Command):
    """Provider or beneficiary: take all its open orders off the book, or its bids in one programme; trades stand."""

    programme_id: Id | None


@command("cancel_order_for", role=("operator", "issuer"))
class CancelOrderFor(Command):
    """Operator, or the issuer whose programme funds a bid: take another party's order off the book, in public."""

    order_id: Id
    reason: Reason


@command("cancel_orders_of", role=("operator", "issuer"))
class CancelOrdersOf(Command):
    """The same for all orders that a party has open in this log; with `programme_id` for its bids in that programme.

    An issuer must name a programme of its own.
    """

    party_id: Id
    programme_id: Id | None
    reason: Reason
