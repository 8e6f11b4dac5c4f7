"""Commands that matching decides: what providers have at their sites, and offers of it."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import BidHours, Bps, Count, Hour, Id, MarketUnit, Nodes, Price, Reason, Time
from counterfoil.matching.commands import SelfTrade


@command("attest_inventory", role=("operator", "auditor"))
class AttestInventory(Command):
    """Operator or auditor: a provider has so many nodes of a class at a site; it replaces what was attested before.

    It bounds what the provider may have on offer or sold there in any hour. What is on offer or sold already stays.
    `source` says where that is known from.
    """

    provider_id: Id
    site_id: Id
    class_id: Id
    nodes: Count
    source: Reason


@command("post_offer_at_site", role="provider")
class PostOfferAtSite(Command):
    """Provider: as `post_offer`, of nodes that are attested of one of its sites."""

    site_id: Id
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
