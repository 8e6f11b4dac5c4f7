"""Matching: what is attested of a provider's sites, and where the nodes of an offer are."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Count, Id, Reason


@event("inventory.attested.v1")
class InventoryAttested(Event):
    """A provider has so many nodes of a class at a site from here on.

    `committed`: the most that is on offer or sold of them in an hour. If that is more than `nodes`, it stays as it is,
    and nothing is offered for such an hour until it is fewer.
    """

    provider_id: Id
    site_id: Id
    class_id: Id
    nodes: Count
    committed: Count
    attested_by: Id
    source: Reason


@event("offer.sited.v1")
class OfferSited(Event):
    """The nodes of the offer just received are at a site; they count until the offer closes, what is sold for good."""

    offer_id: Id
    provider_id: Id
    site_id: Id
    class_id: Id
