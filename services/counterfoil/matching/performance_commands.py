"""Commands that matching decides: bids by performance."""

from __future__ import annotations

from counterfoil.contract.accelerators import Requirement
from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import BidHours, Flag, Hour, Id, Nodes, Price, Time
from counterfoil.matching.commands import SelfTrade, TimeInForce


@command("place_performance_bid", role="beneficiary")
class PlacePerformanceBid(Command):
    """Beneficiary: as `place_bid`, for nodes of any class that meets a requirement, at a price per PFLOP-hour.

    `limit_price` is in micro-units per hour of a PFLOPS, dense BF16. A class counts with its measured throughput, or
    with seven tenths of the nominal one. Held is what the dearest admitted class would cost.
    """

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
