"""Matching's read models: which rows each of its log's events makes or changes. `At` is the entry's own place and time.

The depth of a market is read from its open orders: of an offer, `nodes` in each hour of its window less the blocks of
its trades; of a bid, `nodes_left`, in every market of `classes` x `regions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from counterfoil.contract.codec import dump_event
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.matching import (
    auction_views,
    collar_views,
    inventory_views,
    order_limit_views,
    position_views,
    reclaim_views,
)
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)
from counterfoil.matching.commands import SelfTrade, TimeInForce
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    BidReduced,
    CancellationForced,
    MatchPrevented,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import ANYBODY, Copy, Part, Readers, refused_hold
from counterfoil.service import Reducers

_OFFER_TERMS: Final = {
    "offer_id": "text",
    "provider_id": "text",
    "group_id": "text",
    "class_id": "text",
    "region": "text",
    "currency": "text",
    "nodes": "int",
    "gpus_per_node": "int",
    "window_start": "hour",
    "window_end": "hour",
    "price": "amount",
    "min_nodes": "int",
    "min_hours": "int",
    "bond_bps": "int",
    "bond": "amount",
    "tif": "text",
    "good_until": "time?",
    "stp": "text",
}
_BID_TERMS: Final = {
    "bid_id": "text",
    "beneficiary_id": "text",
    "group_id": "text",
    "programme_id": "text",
    "voucher_ids": "json",
    "currency": "text",
    "classes": "json",
    "regions": "json",
    "nodes": "int",
    "gpus_per_node": "int",
    "hours": "int",
    "earliest": "hour",
    "latest": "hour",
    "limit_price": "amount",
    "cost_per_node": "amount",
    "partial": "bool",
    "min_nodes": "int",
    "tif": "text",
    "good_until": "time?",
    "post_only": "bool",
    "stp": "text",
}
_PROGRESS: Final = {
    "received_at": "time",
    "priority": "int?",
    "status": "text",
    "status_since": "time",
    "status_reason": "text?",
}
_TRADE_TERMS: Final = {
    "trade_id": "text",
    "rule_set": "text",
    "taker": "text?",
    "bid_id": "text",
    "offer_id": "text",
    "beneficiary_id": "text",
    "provider_id": "text",
    "programme_id": "text",
    "class_id": "text",
    "region": "text",
    "currency": "text",
    "nodes": "int",
    "gpus_per_node": "int",
    "first_hour": "hour",
    "hours": "int",
    "price": "amount",
    "notional": "amount",
}

OFFERS: Final = View(
    name="offers",
    key=("offer_id",),
    columns={
        **_OFFER_TERMS,
        "class_version": "int?",
        "floor_price": "amount?",
        "site_id": "text?",
        "reclaim_notice_hours": "int?",
        "sold_node_hours": "int",
        **_PROGRESS,
    },
    filters=("provider_id", "class_id", "region", "currency", "status"),
    readers=Readers(parties=("provider_id",)),
    time="received_at",
    values={
        "status": ("received", "open", "in_auction", "closed"),
        "tif": ("GTC", "GTD", "IOC"),
        "stp": get_args(SelfTrade),
    },
)
"""`status`: received (its bond is being held), open, in an auction, or closed.

`priority`: index of the entry that admitted it.

`class_version` and `floor_price`: of a class that says what is known of it; the bond is measured by the price or, if
that is higher, the floor price.

`nodes` and `bond` fall when the offer is reduced, not when it is sold; one that is sold out stays open until it ends.
Once its `price` was amended, `bond` is that of what was unsold then. `reclaim_notice_hours`: with which its provider
may reclaim what it sells to bids that ask for notice.
"""
BIDS: Final = View(
    name="bids",
    key=("bid_id",),
    columns={
        **_BID_TERMS,
        "limit_per_pflop_hour": "amount?",
        "requirement": "json?",
        "class_limits": "json",
        "min_reclaim_notice_hours": "int?",
        "nodes_filled": "int",
        "nodes_left": "int",
        **_PROGRESS,
    },
    filters=("beneficiary_id", "programme_id", "currency", "status"),
    readers=Readers(parties=("beneficiary_id",), programme="programme_id"),
    time="received_at",
    values={
        "status": ("received", "open", "in_auction", "filled", "closed"),
        "tif": get_args(TimeInForce),
        "stp": get_args(SelfTrade),
    },
)
"""`status`: received (its funds are being held), open, in an auction, filled or closed.

`nodes` is what was asked for at first.

`nodes_left` is neither filled nor given up; of a closed bid, what was cancelled with it. `limit_per_pflop_hour`,
`requirement`, `class_limits`: of a bid by performance, whose `limit_price` is the highest of its classes' limits.
`min_reclaim_notice_hours`: it meets offers alone that name so much notice of a reclaim, or more.
"""
TRADES: Final = View(
    name="trades",
    key=("trade_id",),
    columns={**_TRADE_TERMS, "reclaim_notice_hours": "int?", "matched_at": "time"},
    filters=("bid_id", "offer_id", "beneficiary_id", "provider_id", "programme_id", "class_id", "region", "currency"),
    readers=Readers(parties=("beneficiary_id", "provider_id"), programme="programme_id"),
    time="matched_at",
    values={"rule_set": ("PTW-1", "UPA-1"), "taker": ("bid", "offer")},
)
"""`taker`: of a trade in an auction (rule UPA-1), none. `reclaim_notice_hours`: what its contract carries."""
_MARKET: Final = ("class_id", "region", "currency")


def _shown(view: View, names: str) -> dict[str, str]:
    return {name: view.columns[name] for name in names.split()}


MARKET_OFFERS: Final = View(
    name="market_offers",
    key=("offer_id",),
    columns=_shown(
        OFFERS,
        "offer_id class_id region currency nodes gpus_per_node window_start window_end price min_nodes min_hours"
        " reclaim_notice_hours sold_node_hours received_at",
    ),
    filters=_MARKET,
    time="received_at",
    readers=ANYBODY,
    part_of=Part("offers", {"status": "open"}),
)
"""Open offers, without whose they are."""
MARKET_TRADES: Final = View(
    name="market_trades",
    key=("trade_id",),
    columns=_shown(TRADES, "trade_id class_id region currency nodes gpus_per_node first_hour hours price matched_at"),
    filters=_MARKET,
    time="matched_at",
    readers=ANYBODY,
    part_of=Part("trades", {}),
)
"""Trades, without whose they are: no party, order or programme."""
PREVENTED: Final = View(
    name="prevented_matches",
    key=("bid_id", "offer_id"),
    columns={
        "bid_id": "text",
        "offer_id": "text",
        "beneficiary_id": "text?",
        "provider_id": "text?",
        "programme_id": "text?",
        "mode": "text",
        "prevented_at": "time",
    },
    filters=("bid_id", "offer_id", "beneficiary_id", "provider_id", "programme_id"),
    readers=Readers(parties=("beneficiary_id", "provider_id"), programme="programme_id"),
    time="prevented_at",
    values={"mode": get_args(SelfTrade)},
)
"""Pairs of one group that would have matched; at least one of the two was closed for it, so a pair comes once."""

FORCED: Final = View(
    name="forced_cancellations",
    key=("cancellation_id",),
    columns={
        "cancellation_id": "text",
        "party_id": "text",
        "order_id": "text?",
        "programme_id": "text?",
        "cancelled_by": "text",
        "authority": "text",
        "reason": "text",
        "cancelled_at": "time",
    },
    filters=("party_id", "order_id", "programme_id", "cancelled_by"),
    readers=Readers(parties=("party_id", "cancelled_by"), programme="programme_id"),
    time="cancelled_at",
    values={"authority": ("operator", "issuer")},
)
"""Of one order of the party, or of all that it had open; with `programme_id`, of its bids in that programme."""

AMENDMENTS: Final = View(
    name="amendments",
    key=("amendment_id",),
    columns={
        "amendment_id": "text",
        "side": "text",
        "order_id": "text",
        "party_id": "text",
        "programme_id": "text?",
        "currency": "text",
        "price": "amount",
        "requested_at": "time",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
    },
    filters=("party_id", "order_id", "programme_id", "status"),
    readers=Readers(parties=("party_id",), programme="programme_id"),
    time="requested_at",
    values={"side": ("bid", "offer"), "status": ("requested", "made", "failed")},
)
"""Orders that are, or were, to have another price per GPU-hour. `made`: it has been in force since; `failed`, and why:
the order stayed as it was. What was missing is in the row of `holds` with the amendment's id."""

HALTS: Final = View(
    name="halts",
    key=("halt_id",),
    columns={
        "halt_id": "text",
        "class_id": "text?",
        "region": "text?",
        "provider_id": "text?",
        "halted_by": "text",
        "reason": "text",
        "halted_at": "time",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
    },
    filters=("class_id", "region", "provider_id", "status"),
    readers=ANYBODY,
    time="halted_at",
    values={"status": ("halted", "resumed")},
)
"""What did not trade, or does not: of a class, of one in a region, of a provider; of all, if none is named."""

VIEWS: Final[tuple[View, ...]] = (
    *inventory_views.VIEWS, OFFERS, BIDS, TRADES, MARKET_OFFERS, MARKET_TRADES, PREVENTED, FORCED, AMENDMENTS, HALTS,
    *auction_views.VIEWS, *collar_views.VIEWS, *position_views.VIEWS, *order_limit_views.VIEWS,
)  # fmt: skip


def _stated(event: Event, terms: Mapping[str, str]) -> dict[str, object]:
    """The columns that are the event's own fields."""
    values = {name: getattr(event, name) for name in terms}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _received(at: At) -> dict[str, object]:
    unknown = {"priority": None, "status_reason": None}
    return {"received_at": at.time, "status": "received", "status_since": at.time, **unknown}


def _now(status: str, at: At, **more: object) -> dict[str, object]:
    return {"status": status, "status_since": at.time, **more}


_CLASSED: Final = ("class_version", "floor_price")
_UNCLASSED: Final = dict.fromkeys((*_CLASSED, "site_id", "reclaim_notice_hours"))


# offers -------------------------------------------------------------------------------------------------------------


def _offer_received(event: OfferReceived, at: At) -> Iterable[Change]:
    yield Put(OFFERS.name, {**_stated(event, _OFFER_TERMS), **_UNCLASSED, "sold_node_hours": 0, **_received(at)})


def _offer_classed(event: OfferClassed, _at: At) -> Iterable[Change]:
    yield Set(OFFERS.name, (event.offer_id,), {name: getattr(event, name) for name in _CLASSED})


def _offer_admitted(event: OfferAdmitted, at: At) -> Iterable[Change]:
    yield Set(OFFERS.name, (event.offer_id,), _now("open", at, priority=at.index))


def _offer_reduced(event: OfferReduced, _at: At) -> Iterable[Change]:
    yield Add(OFFERS.name, (event.offer_id,), {"nodes": -event.reduced_by, "bond": -event.bond_released})


def _offer_closed(event: OfferClosed, at: At) -> Iterable[Change]:
    yield Set(OFFERS.name, (event.offer_id,), _now("closed", at, status_reason=event.reason))
    if event.reason == "bond_refused":
        yield refused_hold("offer", event.offer_id)


# bids ---------------------------------------------------------------------------------------------------------------


def _bid_received(event: BidReceived, at: At) -> Iterable[Change]:
    quantity = {"nodes_filled": 0, "nodes_left": event.nodes}
    unsaid = dict.fromkeys(("limit_per_pflop_hour", "requirement", "min_reclaim_notice_hours"))
    by_price: dict[str, object] = {**unsaid, "class_limits": []}
    yield Put(BIDS.name, {**_stated(event, _BID_TERMS), **by_price, **quantity, **_received(at)})


def _performance_required(event: PerformanceRequired, _at: At) -> Iterable[Change]:
    said = dump_event(event)
    columns = {"requirement": said["require"], "class_limits": said["limits"]}
    yield Set(BIDS.name, (event.bid_id,), {"limit_per_pflop_hour": event.limit_price, **columns})


def _bid_admitted(event: BidAdmitted, at: At) -> Iterable[Change]:
    yield Set(BIDS.name, (event.bid_id,), _now("open", at, priority=at.index))


def _bid_reduced(event: BidReduced, _at: At) -> Iterable[Change]:
    yield Set(BIDS.name, (event.bid_id,), {"nodes_left": event.nodes_left})


def _bid_closed(event: BidClosed, at: At) -> Iterable[Change]:
    yield Set(BIDS.name, (event.bid_id,), _now("closed", at, status_reason=event.reason))
    if event.reason == "hold_refused":
        yield refused_hold("bid", event.bid_id)


# amendments ---------------------------------------------------------------------------------------------------------


def _requested(event: BidAmendmentRequested | OfferAmendmentRequested, at: At) -> Iterable[Change]:
    if isinstance(event, BidAmendmentRequested):
        of: tuple[str, str, str, str | None] = ("bid", event.bid_id, event.beneficiary_id, event.programme_id)
        price = event.limit_price
    else:
        of, price = ("offer", event.offer_id, event.provider_id, None), event.price
    row = dict(zip(("side", "order_id", "party_id", "programme_id"), of, strict=True))
    known = {"amendment_id": event.amendment_id, "currency": event.currency, "price": price, "requested_at": at.time}
    yield Put(AMENDMENTS.name, {**row, **known, "status_reason": None, **_now("requested", at)})


def _bid_amended(event: BidAmended, at: At) -> Iterable[Change]:
    terms = {"limit_price": event.limit_price, "cost_per_node": event.cost_per_node, "priority": at.index}
    yield Set(BIDS.name, (event.bid_id,), terms)
    yield Set(AMENDMENTS.name, (event.amendment_id,), _now("made", at))


def _offer_amended(event: OfferAmended, at: At) -> Iterable[Change]:
    yield Set(OFFERS.name, (event.offer_id,), {"price": event.price, "bond": event.bond, "priority": at.index})
    yield Set(AMENDMENTS.name, (event.amendment_id,), _now("made", at))


def _amendment_failed(event: AmendmentFailed, at: At) -> Iterable[Change]:
    yield Set(AMENDMENTS.name, (event.amendment_id,), _now("failed", at, status_reason=event.reason))


# halts --------------------------------------------------------------------------------------------------------------


def _halted(event: TradingHalted, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in HALTS.columns if hasattr(event, name)}
    yield Put(HALTS.name, {**row, "halted_at": at.time, "status_reason": None, **_now("halted", at)})


def _resumed(event: TradingResumed, at: At) -> Iterable[Change]:
    yield Set(HALTS.name, (event.halt_id,), _now("resumed", at, status_reason=event.reason))


# trades -------------------------------------------------------------------------------------------------------------


def _trade_matched(event: TradeMatched, at: At) -> Iterable[Change]:
    yield Put(TRADES.name, {**_stated(event, _TRADE_TERMS), "reclaim_notice_hours": None, "matched_at": at.time})
    yield Add(OFFERS.name, (event.offer_id,), {"sold_node_hours": event.nodes * event.hours})
    yield Add(BIDS.name, (event.bid_id,), {"nodes_filled": event.nodes})
    filled = {} if event.bid_nodes_left else _now("filled", at)
    yield Set(BIDS.name, (event.bid_id,), {"nodes_left": event.bid_nodes_left, **filled})


def _match_prevented(event: MatchPrevented, at: At) -> Iterable[Change]:
    row = {"bid_id": event.bid_id, "offer_id": event.offer_id, "mode": event.mode, "prevented_at": at.time}
    yield Put(PREVENTED.name, {**dict.fromkeys(PREVENTED.columns), **row})
    pair = (event.bid_id, event.offer_id)
    of_bid = {"beneficiary_id": "beneficiary_id", "programme_id": "programme_id"}
    yield Copy(PREVENTED.name, pair, BIDS.name, (event.bid_id,), of_bid)
    yield Copy(PREVENTED.name, pair, OFFERS.name, (event.offer_id,), {"provider_id": "provider_id"})


def _cancellation_forced(event: CancellationForced, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in FORCED.columns if name != "cancelled_at"}
    yield Put(FORCED.name, {**row, "cancelled_at": at.time})


REDUCERS: Final[Reducers] = {
    OfferReceived: _offer_received,
    OfferClassed: _offer_classed,
    OfferAdmitted: _offer_admitted,
    OfferReduced: _offer_reduced,
    OfferClosed: _offer_closed,
    BidReceived: _bid_received,
    PerformanceRequired: _performance_required,
    BidAdmitted: _bid_admitted,
    BidReduced: _bid_reduced,
    BidClosed: _bid_closed,
    BidAmendmentRequested: _requested,
    OfferAmendmentRequested: _requested,
    BidAmended: _bid_amended,
    OfferAmended: _offer_amended,
    AmendmentFailed: _amendment_failed,
    TradingHalted: _halted,
    TradingResumed: _resumed,
    TradeMatched: _trade_matched,
    MatchPrevented: _match_prevented,
    CancellationForced: _cancellation_forced,
    **auction_views.REDUCERS,
    **collar_views.REDUCERS,
    **inventory_views.REDUCERS,
    **reclaim_views.REDUCERS,
    **position_views.REDUCERS,
    **order_limit_views.REDUCERS,
}
"""Changes per event of matching's log; what it mirrors from issuance is issuance's to show."""
