"""Matching: what bids by performance admit, and of which version of its class an offer is."""

from __future__ import annotations

from counterfoil.contract.accelerators import ClassLimit, Requirement
from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Id, Price, Version


@event("performance.required.v1")
class PerformanceRequired(Event):
    """The bid just received is by performance: `limit_price` per PFLOP-hour, and what that is for each class.

    The bid's own limit is the highest of these. It meets offers of these versions of the classes alone.
    """

    bid_id: Id
    limit_price: Price
    require: Requirement
    limits: tuple[ClassLimit, ...]


@event("offer.classed.v1")
class OfferClassed(Event):
    """The offer just received is of this version of its class, whatever is registered later.

    `floor_price`: the least that a GPU-hour of it counts for where its bond is measured; null if the class has none in
    the offer's currency.
    """

    offer_id: Id
    class_id: Id
    class_version: Version
    floor_price: Price | None
