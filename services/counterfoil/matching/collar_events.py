"""Matching: what prices of a market refer to, and how far from it they may be."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Id, MarketUnit, Price, RateTerm, Reason, Version


@event("price_collar.set.v1")
class PriceCollarSet(Event):
    """Version `version` of a market's collar: no order has a price further than `collar_bps` from the reference.

    None: there is no collar any more. Orders that were received before stay.
    """

    class_id: Id
    region: Id
    currency: MarketUnit
    version: Version
    collar_bps: RateTerm | None
    set_by: Id
    reason: Reason


@event("reference_price.set.v1")
class ReferencePriceSet(Event):
    """What prices of a market refer to from now on: the mean price of an auction, or the operator's before any."""

    class_id: Id
    region: Id
    currency: MarketUnit
    price: Price
    auction_id: Id | None
