"""Matching: notice of a reclaim, as offers name it, bids ask for it, and contracts carry it."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Id, NoticeHours


@event("offer.reclaimable.v1")
class OfferReclaimable(Event):
    """The offer just received names a notice, in hours, with which its provider may reclaim what it sells."""

    offer_id: Id
    reclaim_notice_hours: NoticeHours


@event("bid.reclaimable.v1")
class BidReclaimable(Event):
    """The bid just received meets offers alone that name a notice of so many hours, or more."""

    bid_id: Id
    min_reclaim_notice_hours: NoticeHours


@event("trade.reclaimable.v1")
class TradeReclaimable(Event):
    """The contract of the trade just made carries the notice that its offer names, since its bid asked for one."""

    trade_id: Id
    reclaim_notice_hours: NoticeHours
