"""Commands that matching decides: offers whose provider may reclaim what it sells, and bids that accept it."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.accelerators import Requirement
from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import BidHours, Bps, Flag, Hour, Id, MarketUnit, Nodes, NoticeHours, Price, Time
from counterfoil.matching.commands import SelfTrade, TimeInForce


@command("post_reclaimable_offer", role="provider")
class PostReclaimableOffer(Command):
    """Provider: as `post_offer`, or with a `site_id` as `post_offer_at_site`, and name a notice of 1 to 720 hours.

    A contract with a bid that asks for notice, and for no more than that, carries it: its provider may reclaim its
    hours, with so much notice at least. Any other bid meets the offer, too, and its contract carries none.
    """

    reclaim_notice_hours: NoticeHours
    site_id: Id | None
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


@command("place_reclaimable_bid", role="beneficiary")
class PlaceReclaimableBid(Command):
    """Beneficiary: as `place_bid`, for offers alone that name a notice of so many hours, or more."""

    min_reclaim_notice_hours: NoticeHours
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


@command("place_reclaimable_performance_bid", role="beneficiary")
class PlaceReclaimablePerformanceBid(Command):
    """Beneficiary: as `place_performance_bid`, for offers alone that name a notice of so many hours, or more."""

    min_reclaim_notice_hours: NoticeHours
    programme_id: Id
    voucher_ids: tuple[Id, ...]
    require: Requirement
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
