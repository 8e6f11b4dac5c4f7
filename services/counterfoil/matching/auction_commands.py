"""Commands that matching decides: batch auctions."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Command, command, record
from counterfoil.contract.scalars import (
    Amount,
    BidHours,
    Bps,
    Flag,
    Hour,
    Id,
    Nodes,
    Price,
    RateTerm,
    Reason,
    Time,
)

Caps = Literal["none", "pro_rata", "maxmin"]
"""Whether groups are capped in scarcity, and how the last price level is shared then: pro rata or max-min."""


@record
class ReservePoint:
    """A point of the reserve function: `factor_bps` of the reserve price at a utilisation of an hour."""

    utilisation_bps: Bps
    factor_bps: RateTerm


@command("schedule_auction", role="operator")
class ScheduleAuction(Command):
    """Operator: auction `hours` delivery hours of a group of classes in a region, for bids of some programmes.

    Orders enter until `locks_at`, and leave no more from then on; at `clears_at` each hour gets one price.

    `reference_price`: only where no auction of this market has cleared. `collar_bps`: how far above or below the
    reference a price may be. In scarcity, that is, with the residual supply index below `rsi_bps` or the cover below
    `cover_bps`, a group has `cap_bps` of an hour's nodes at first, by `caps`; and a supplier without whom demand is not
    covered by `rsi_bps` may ask `pivotal_bps` above the reference. `reserve_price`, 0 for none, is multiplied by the
    function of `reserve_points`.
    """

    programmes: tuple[Id, ...]
    classes: tuple[Id, ...]
    region: Id
    first_hour: Hour
    hours: BidHours
    locks_at: Time
    clears_at: Time
    reference_price: Price | None
    collar_bps: RateTerm
    caps: Caps
    cap_bps: Bps
    rsi_bps: RateTerm
    cover_bps: RateTerm
    pivotal_bps: RateTerm
    reserve_price: Amount
    reserve_points: tuple[ReservePoint, ...]


@command("cancel_auction", role="operator")
class CancelAuction(Command):
    """Operator: an auction does not take place; its orders are closed, and what is held for them is released."""

    auction_id: Id
    reason: Reason


@command("offer_in_auction", role="provider")
class OfferInAuction(Command):
    """Provider: `nodes` nodes on every hour of [window_start, window_end), divisible, at no less than `price`.

    A bond of `bond_bps` is held as for an offer in continuous trading.
    """

    auction_id: Id
    class_id: Id
    nodes: Nodes
    window_start: Hour
    window_end: Hour
    price: Price
    bond_bps: Bps


@command("bid_in_auction", role="beneficiary")
class BidInAuction(Command):
    """Beneficiary: a block of `nodes` nodes for `hours` contiguous hours that start in [earliest, latest].

    The hours may cost `limit_price` on average. A bid for one hour may be `divisible`: it is met in part, too.
    """

    auction_id: Id
    programme_id: Id
    voucher_ids: tuple[Id, ...]
    nodes: Nodes
    hours: BidHours
    earliest: Hour
    latest: Hour
    limit_price: Price
    divisible: Flag


@command("improve_order", role=("provider", "beneficiary"))
class ImproveOrder(Command):
    """Provider or beneficiary: ask less, or bid more, in an auction that has not cleared.

    A bid is amended: its limit stays as it is until what the other one needs beyond it is held.
    """

    order_id: Id
    price: Price
