"""Auctions as state: those that are not over, and their orders."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from counterfoil.core.form import AMOUNT, COUNT, TEXT, Form, event, event_of, one_of, optional, row
from counterfoil.core.table import OwnedTable, Table
from counterfoil.matching.auction_events import AuctionScheduled
from counterfoil.matching.events import BidReceived, OfferReceived

Phase = Literal["open", "locked", "cleared", "operator", "gate_closed"]
OVER: Final = ("cleared", "operator", "gate_closed")
"""Phases in which the orders of an auction are being closed, before anything else is decided: why it has ended."""


class Auction(NamedTuple):
    """An auction that is not over. `done`: of its trades and ends of orders, how many are in the log."""

    scheduled: AuctionScheduled
    phase: Phase
    solver: str
    done: int


class AuctionOrder(NamedTuple):
    """An order of an auction, with its terms as received, and the price that it has now.

    `seq`: the entry that admitted it, None until then. `version`: of a bid, the programme version of its vouchers.
    `replaces`: an order that leaves as this one is admitted.
    """

    auction_id: str
    received: BidReceived | OfferReceived
    price: int
    seq: int | None
    version: int | None
    replaces: str | None


AUCTION: Final = Form(
    "auction",
    ("auction_id",),
    row(
        Auction, scheduled=event(AuctionScheduled), phase=one_of("open", "locked", *OVER), solver=TEXT, done=COUNT
    ),
    "an auction that is not over; of one that has ended, how many trades and ends of orders are in the log already",
)  # fmt: skip
AUCTION_ORDER: Final = Form(
    "auction_order",
    ("order_id",),
    row(
        AuctionOrder, auction_id=TEXT, received=event_of(BidReceived, OfferReceived), price=AMOUNT, seq=optional(COUNT),
        version=optional(COUNT), replaces=optional(TEXT),
    ),
    "an order of an auction that is not over: `seq` is the entry that admitted it, `price` its limit now",
)  # fmt: skip
LAST_PRICE: Final = Form(
    "last_price",
    ("currency", "region", "classes"),
    AMOUNT,
    "the mean price of the last auction of a market that traded; the classes are joined by commas",
)
Market = tuple[str, str, str]
Side = Literal["bid", "offer"]


class Auctions:
    """The auctions of one log that are not over."""

    __slots__ = ("blocks", "due", "last_price", "open", "orders", "replaced")

    def __init__(self) -> None:
        self.open: Table[str, Auction] = Table(AUCTION)
        self.orders: OwnedTable[str, AuctionOrder] = OwnedTable(AUCTION_ORDER, lambda _, order: order.auction_id)
        self.last_price: Table[Market, int] = Table(LAST_PRICE)
        self.due: tuple[int, str] | None = None
        """When the next auction is to go on (0: at once), and which."""
        self.blocks: dict[str, int] = {}
        """How many bids of an auction are not divisible."""
        self.replaced: dict[str, str] = {}
        """Of a bid, the one that is to replace it."""

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self.blocks, self.replaced = {}, {}
        for order_id, order in self.orders.items():
            self._count(order_id, order, 1)
        self._look_ahead()

    def _look_ahead(self) -> None:
        self.due = min((_due(auction_id, auction) for auction_id, auction in self.open.items()), default=None)

    def enter(self, order_id: str, order: AuctionOrder) -> None:
        """An order enters an auction."""
        self.orders[order_id] = order
        self._count(order_id, order, 1)

    def _remove(self, order_id: str) -> None:
        self._count(order_id, self.orders.pop(order_id), -1)

    def _count(self, order_id: str, order: AuctionOrder, more: int) -> None:
        if isinstance(order.received, BidReceived) and not order.received.partial:
            left = self.blocks.get(order.auction_id, 0) + more
            self.blocks[order.auction_id] = left
            if not left:
                del self.blocks[order.auction_id]
        if order.replaces is not None:
            if more > 0:
                self.replaced[order.replaces] = order_id
            else:
                self.replaced.pop(order.replaces, None)

    def phase_of(self, order_id: str) -> Phase | None:
        """The phase of the auction that the order is in, None if it is in none."""
        order = self.orders.get(order_id)
        return None if order is None else self.open[order.auction_id].phase

    def is_fixed(self, order_id: str) -> bool:
        """Whether the order's owner may not take it back any more."""
        return self.phase_of(order_id) not in (None, "open")

    def change(self, auction_id: str, auction: Auction | None) -> None:
        """Write an auction, or remove one that is over, with its orders."""
        if auction is None:
            del self.open[auction_id]
            for order_id in list(self.orders.owned(auction_id)):
                self._remove(order_id)
        else:
            self.open[auction_id] = auction
        self._look_ahead()

    def leave(self, order_id: str) -> None:
        """The order is closed, or has a trade. Once its auction has ended it is kept until all are."""
        order = self.orders.get(order_id)
        if order is None:
            return
        auction = self.open[order.auction_id]
        if auction.phase in OVER:
            self.open[order.auction_id] = auction._replace(done=auction.done + 1)
        else:
            self._remove(order_id)


def _due(auction_id: str, auction: Auction) -> tuple[int, str]:
    if auction.phase == "open":
        return auction.scheduled.locks_at, auction_id
    return auction.scheduled.clears_at if auction.phase == "locked" else 0, auction_id


def market_of(scheduled: AuctionScheduled) -> Market:
    """The market that an auction is of."""
    return scheduled.currency, scheduled.region, ",".join(scheduled.classes)
