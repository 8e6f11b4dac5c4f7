"""What matching's read models show of notice of a reclaim: in the rows of offers, bids and trades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.matching.reclaim_events import BidReclaimable, OfferReclaimable, TradeReclaimable
from counterfoil.ports import Change, Set
from counterfoil.service import Reducers


def _offer(event: OfferReclaimable, _at: At) -> Iterable[Change]:
    yield Set("offers", (event.offer_id,), {"reclaim_notice_hours": event.reclaim_notice_hours})


def _bid(event: BidReclaimable, _at: At) -> Iterable[Change]:
    yield Set("bids", (event.bid_id,), {"min_reclaim_notice_hours": event.min_reclaim_notice_hours})


def _trade(event: TradeReclaimable, _at: At) -> Iterable[Change]:
    yield Set("trades", (event.trade_id,), {"reclaim_notice_hours": event.reclaim_notice_hours})


REDUCERS: Final[Reducers] = {OfferReclaimable: _offer, BidReclaimable: _bid, TradeReclaimable: _trade}
