"""The price levels of all markets, summed over the orders that are open, and moved on by matching's events.

Of an offer only what can be had counts: hours and nodes that some block may still take, which is no smaller than its
smallest. What is left of one that is sold in part is found when it is asked for, not with each trade.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import Any, Final, NamedTuple

from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.gateway.bounds import MAX_LEVELS, MIN_GROUPS
from counterfoil.gateway.quoting import OffersOnBook
from counterfoil.matching.amendment_events import BidAmended, OfferAmended
from counterfoil.matching.auction_events import Trade, TradeCleared
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    BidReduced,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.matching.orders import Offer, Stp
from counterfoil.matching.performance_events import PerformanceRequired
from counterfoil.matching.reclaim_events import OfferReclaimable

Market = tuple[str, str, str]
"""Class, region, currency."""


@dataclass(slots=True)
class Order:
    """An order that is received or open; of a bid, `nodes` are those left, and nothing is in `sold`.

    `group`: of related parties, as it was when the order was placed. `limits`: of a bid by performance, by class.
    `first`, `min_nodes`, `min_hours`: of an offer, its first hour and its smallest block; `free`: the nodes that it has
    left in each hour, once some are sold. `counted`: nodes and node hours as its levels have them. `seq`: its priority;
    `provider_id`, `gpus_per_node`, `good_until`, `stp`, `notice` (of a reclaim, in hours; 0: none): of an offer, as it
    was received.
    """

    side: str
    group: str
    markets: tuple[Market, ...]
    price: int
    nodes: int
    hours: int
    sold: int = 0
    is_open: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    first: int = 0
    min_nodes: int = 1
    min_hours: int = 1
    free: list[int] | None = None
    counted: tuple[int, int] = (0, 0)
    seq: int = 0
    provider_id: str = ""
    gpus_per_node: int = 1
    good_until: int | None = None
    stp: Stp = "taker"
    notice: int = 0

    def sell(self, nodes: int, first_hour: int, hours: int) -> None:
        """A block of an offer is sold."""
        if self.free is None:
            self.free = [self.nodes] * self.hours
        start = first_hour - self.first
        self.free[start : start + hours] = [left - nodes for left in self.free[start : start + hours]]
        self.sold += nodes * hours

    def reduce(self, by: int) -> None:
        """An offer has fewer nodes, in each hour."""
        self.nodes -= by
        if self.free is not None:
            self.free = [left - by for left in self.free]

    def to_be_had(self) -> tuple[int, int]:
        """The most nodes of an hour that can be had, and the node hours."""
        if not self.is_open:
            return 0, 0
        if self.side == "bids":
            return self.nodes, self.nodes * self.hours
        had = self.by_hour()
        return max(had, default=0), sum(had)

    def by_hour(self) -> list[int]:
        """Of an offer, the nodes that can be had in each hour of its window; nothing after it when no block can."""
        free = [self.nodes] * self.hours if self.free is None else self.free
        return in_blocks(free, self.min_nodes, self.min_hours)


def in_blocks(free: Sequence[int], min_nodes: int, min_hours: int) -> list[int]:
    """Of the nodes left in each hour, those that are in a block of so many hours in a row, and of so many nodes."""
    whole = [nodes if nodes >= min_nodes else 0 for nodes in _of_each(free, min_hours, min)]
    around = [0] * (min_hours - 1)
    return _of_each([*around, *whole, *around], min_hours, max) if whole else []


def _of_each(values: Sequence[int], hours: int, of: Callable[[int, int], int]) -> list[int]:
    """The least, or the greatest, of each stretch of so many values."""
    found, width = list(values), 1
    while width < hours:
        step = min(width, hours - width)
        found = list(map(of, found, found[step:]))
        width += step
    return found if len(values) >= hours else []


class OnOffer(NamedTuple):
    """What the open offers of a market have left: the lowest price, and node hours that are free, and sold of the same.

    Offers that are sold out are left out.
    """

    lowest: int
    free: int
    sold: int


@dataclass(slots=True)
class Level:
    """The orders of one side at one price: how many of each group, their nodes and node hours to be had, those sold."""

    orders: Counter[str] = field(default_factory=Counter)
    nodes: int = 0
    node_hours: int = 0
    sold: int = 0

    def count(self, order: Order, sign: int) -> None:
        """Add an order, or with -1 take it away."""
        self.orders[order.group] += sign
        if not self.orders[order.group]:
            del self.orders[order.group]
        self.nodes += sign * order.counted[0]
        self.node_hours += sign * order.counted[1]
        self.sold += sign * order.sold

    @property
    def shown_to_all(self) -> bool:
        """Whether bids here may be shown to everybody."""
        return len(self.orders) >= MIN_GROUPS


class Levels:
    """Orders by id, and per market and side the levels by price."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._levels: defaultdict[tuple[str, Market], dict[int, Level]] = defaultdict(dict)
        self._changed: dict[str, None] = {}  # orders that are in no level until somebody asks
        self._offers: defaultdict[Market, dict[str, Order]] = defaultdict(dict)
        self.index = 0  # of the entry that is being taken
        self._books: dict[Market, OffersOnBook] = {}  # made when somebody asks, until one of their offers changes

    def add(self, order_id: str, order: Order) -> None:
        """Add an order."""
        self.orders[order_id] = order
        self._changed[order_id] = None
        if order.side == "offers":
            self._offers[order.markets[0]][order_id] = order
            self._books.pop(order.markets[0], None)

    def edit(self, order_id: str) -> Order | None:
        """An order that is about to change; None if it is not known."""
        order = self.orders.get(order_id)
        if order is not None and order_id not in self._changed:
            self._count(order, -1)
            self._changed[order_id] = None
        if order is not None and order.side == "offers":
            self._books.pop(order.markets[0], None)
        return order

    def change(self, order_id: str, **values: Any) -> None:
        """Set values of an order, if it is known."""
        order = self.edit(order_id)
        if order is not None:
            for name, value in values.items():
                setattr(order, name, value)

    def remove(self, order_id: str) -> None:
        """Forget an order, if it is known."""
        order = self.edit(order_id)
        if order is not None:
            del self.orders[order_id], self._changed[order_id]
            if order.side == "offers":
                offers = self._offers[order.markets[0]]
                del offers[order_id]
                if not offers:
                    del self._offers[order.markets[0]]

    def _settle(self) -> None:
        for order_id in self._changed:
            order = self.orders[order_id]
            order.counted = order.to_be_had()
            self._count(order, 1)
        self._changed.clear()

    def take(self, event: Event, index: int = 0) -> None:
        """Move on by an event of matching; `index`: of its entry, which is the priority of what it admits."""
        change, self.index = _CHANGES.get(type(event)), index
        if change is not None:
            change(self, event)

    def offers_of(self, market: Market) -> list[Order]:
        """The open offers of a market; to look at, never to change."""
        return [order for order in self._offers.get(market, {}).values() if order.is_open]

    def on_book(self, market: Market) -> OffersOnBook:
        """The open offers of a market as the matching rule's book has them."""
        book = self._books.get(market)
        if book is None:
            book = self._books[market] = OffersOnBook()
            for order_id, order in self._offers.get(market, {}).items():
                if order.is_open:
                    book.rest(_as_matched(order_id, order), order.free, order.good_until)
        return book

    def currencies_of(self, class_id: str, region: str) -> set[str]:
        """The currencies of the open orders for a class in a region."""
        self._settle()
        return {market[2] for _, market in self._levels if market[:2] == (class_id, region)}

    def of(self, market: Market, *, everything: bool) -> dict[str, list[dict[str, Any]]]:
        """The `MAX_LEVELS` best of each side: offers rising and bids falling in price.

        Without `everything`, of the bids only levels at which `MIN_GROUPS` groups of related parties stand: elsewhere
        somebody could tell, or guess, whose limit it is.
        """
        self._settle()
        offers, bids = self._levels.get(("offers", market), {}), self._levels.get(("bids", market), {})
        prices = (price for price, level in bids.items() if everything or level.shown_to_all)
        return {
            "offers": [_level(price, offers[price]) for price in nsmallest(MAX_LEVELS, offers)],
            "bids": [_level(price, bids[price]) for price in nlargest(MAX_LEVELS, prices)],
        }

    def on_offer(self) -> dict[Market, OnOffer]:
        """Of each market with open offers, what these have left."""
        self._settle()
        return {market: _on_offer(found) for (side, market), found in self._levels.items() if side == "offers"}

    def scarcity_of(self, market: Market, first: int) -> dict[str, int | None]:
        """What of a market's offers is free and sold from an hour on, and how well that covers what open bids want.

        Node hours, and basis points. What bids want is known where `MIN_GROUPS` groups bid; one that names several
        markets wants all of it in each.
        """
        self._settle()
        free, sold = Counter[str](), 0
        for order in self.offers_of(market):
            past = max(first - order.first, 0)
            free[order.group] += sum(order.by_hour()[past:])
            sold += sum(order.nodes - left for left in (order.free or ())[past:])
        levels = self._levels.get(("bids", market), {}).values()
        groups = {group for level in levels for group in level.orders}
        wanted = sum(level.node_hours for level in levels) if len(groups) >= MIN_GROUPS else None
        rest = free.total() - max(free.values(), default=0)
        covers = [each * BPS // wanted if wanted else None for each in (free.total(), rest)]
        return {
            "free_node_hours": free.total(), "sold_node_hours": sold, "wanted_node_hours": wanted,
            "cover_bps": covers[0], "rsi_bps": covers[1],
        }  # fmt: skip

    def _count(self, order: Order, sign: int) -> None:
        if order.counted[1] <= 0:
            return
        for market in order.markets:
            price = order.limits.get(market[0], order.price)
            levels = self._levels[order.side, market]
            level = levels.setdefault(price, Level())
            level.count(order, sign)
            if not level.orders:
                del levels[price]
                if not levels:
                    del self._levels[order.side, market]


def _on_offer(levels: Mapping[int, Level]) -> OnOffer:
    free, sold = (sum(getattr(each, name) for each in levels.values()) for name in ("node_hours", "sold"))
    return OnOffer(min(levels), free, sold)


def offer_of(row: Mapping[str, Any], *, is_open: bool) -> Order:
    """The offer in a row of the view, or in the fields of its first event."""
    market = (row["class_id"], row["region"], row["currency"])
    return Order(
        "offers", row["group_id"], (market,), row["price"], row["nodes"], row["window_end"] - row["window_start"],
        is_open=is_open, first=row["window_start"], min_nodes=row["min_nodes"], min_hours=row["min_hours"],
        seq=row.get("priority") or 0, provider_id=row["provider_id"], gpus_per_node=row["gpus_per_node"],
        good_until=row["good_until"], stp=row["stp"], notice=row.get("reclaim_notice_hours") or 0,
    )  # fmt: skip


def _as_matched(offer_id: str, order: Order) -> Offer:
    """An offer as the matching rule has it, nothing of it sold."""
    class_id, region, currency = order.markets[0]
    return Offer(
        offer_id=offer_id, seq=order.seq, provider_id=order.provider_id, group_id=order.group, class_id=class_id,
        region=region, currency=currency, price=order.price, nodes=order.nodes, gpus_per_node=order.gpus_per_node,
        window_start=order.first, window_end=order.first + order.hours, min_nodes=order.min_nodes,
        min_hours=order.min_hours, stp=order.stp, reclaim_notice=order.notice,
    )  # fmt: skip


def bid_of(row: Mapping[str, Any], *, is_open: bool) -> Order:
    """The bid in a row of the view, or in the fields of its first event; it counts in every market that it names."""
    markets = tuple((each, region, row["currency"]) for each in row["classes"] for region in row["regions"])
    nodes = row.get("nodes_left", row["nodes"])
    limits = {each["class_id"]: int(each["limit_price"]) for each in row.get("class_limits") or ()}
    return Order("bids", row["group_id"], markets, row["limit_price"], nodes, row["hours"], 0, is_open, limits)


def _level(price: int, level: Level) -> dict[str, Any]:
    orders = level.orders.total()
    return {"price": str(price), "orders": orders, "nodes": level.nodes, "node_hours": level.node_hours}


# events -------------------------------------------------------------------------------------------------------------

_OFFER: Final = (
    "group_id", "class_id", "region", "currency", "price", "nodes", "window_start", "window_end", "min_nodes",
    "min_hours", "provider_id", "gpus_per_node", "good_until", "stp",
)  # fmt: skip
_BID: Final = ("group_id", "classes", "regions", "currency", "limit_price", "nodes", "hours")


def _fields(event: Event, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(event, name) for name in names}


def _offer_reduced(levels: Levels, event: OfferReduced) -> None:
    order = levels.edit(event.offer_id)
    if order is not None:
        order.reduce(event.reduced_by)


def _trade_matched(levels: Levels, event: Trade) -> None:
    offer = levels.edit(event.offer_id)
    if offer is not None:
        offer.sell(event.nodes, event.first_hour, event.hours)
    if event.bid_nodes_left:
        levels.change(event.bid_id, nodes=event.bid_nodes_left)
    else:
        levels.remove(event.bid_id)


_CHANGES: Final[Mapping[type[Event], Callable[[Levels, Any], None]]] = {
    OfferReceived: lambda levels, event: levels.add(event.offer_id, offer_of(_fields(event, _OFFER), is_open=False)),
    OfferReclaimable: lambda levels, event: levels.change(event.offer_id, notice=event.reclaim_notice_hours),
    OfferAdmitted: lambda levels, event: levels.change(event.offer_id, is_open=True, seq=levels.index),
    OfferReduced: _offer_reduced,
    OfferClosed: lambda levels, event: levels.remove(event.offer_id),
    BidReceived: lambda levels, event: levels.add(event.bid_id, bid_of(_fields(event, _BID), is_open=False)),
    PerformanceRequired: lambda levels, event: levels.change(
        event.bid_id, limits={each.class_id: each.limit_price for each in event.limits}
    ),
    BidAdmitted: lambda levels, event: levels.change(event.bid_id, is_open=True),
    BidReduced: lambda levels, event: levels.change(event.bid_id, nodes=event.nodes_left),
    BidAmended: lambda levels, event: levels.change(event.bid_id, price=event.limit_price),
    OfferAmended: lambda levels, event: levels.change(event.offer_id, price=event.price, seq=levels.index),
    BidClosed: lambda levels, event: levels.remove(event.bid_id),
    TradeMatched: _trade_matched,
    TradeCleared: _trade_matched,
}
