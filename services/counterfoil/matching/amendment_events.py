"""Matching: orders that are to have another price, and what becomes of that."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Amount,
    BidHours,
    Flag,
    GpusPerNode,
    Hour,
    Id,
    MarketUnit,
    Nodes,
    PositiveAmount,
    Price,
)


@event("bid_amendment.requested.v1")
class BidAmendmentRequested(Event):
    """A bid that rests is to have another limit: `cost_per_node` for each of the `nodes` that are open.

    Until what that needs is held the bid rests, and trades, as it is.
    """

    amendment_id: Id
    bid_id: Id
    beneficiary_id: Id
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


@event("offer_amendment.requested.v1")
class OfferAmendmentRequested(Event):
    """An offer that rests is to have another price, at which what is unsold of it needs this `bond`.

    `bonded_at`: the price by which that is measured, which is no less than the floor price of its class.

    Until that is held the offer rests, and trades, as it is.
    """

    amendment_id: Id
    offer_id: Id
    provider_id: Id
    currency: MarketUnit
    price: Price
    bonded_at: Price
    bond: Amount


@event("bid.amended.v1")
class BidAmended(Event):
    """The bid has another limit from here on, for what is open of it; its priority is the index of this entry."""

    amendment_id: Id
    bid_id: Id
    limit_price: Price
    cost_per_node: PositiveAmount


@event("offer.amended.v1")
class OfferAmended(Event):
    """The offer has another price from here on, for what is unsold of it; its priority is the index of this entry.

    `bond`: what that needs.
    """

    amendment_id: Id
    offer_id: Id
    price: Price
    bonded_at: Price
    bond: Amount


@event("amendment.failed.v1")
class AmendmentFailed(Event):
    """The order stays as it is, or was closed before.

    `hold_refused`, `bond_refused`: what it would need cannot be held. `would_match`: a post-only bid would match.
    `expired`, `gate_closed`: its time is over. `order_closed`: the order is filled, or was closed for another reason.
    """

    amendment_id: Id
    side: Literal["bid", "offer"]
    order_id: Id
    reason: Literal["hold_refused", "bond_refused", "would_match", "expired", "gate_closed", "order_closed"]
