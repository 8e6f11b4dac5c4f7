"""Auctions as state: those that are not over, and their orders."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from counterfoil.core.at import At
from counterfoil.core.form import (
    AMOUNT,
    COUNT,
    FLAG,
    OCTETS,
    TEXT,
    Form,
    event,
    event_of,
    listed,
    one_of,
    optional,
    row,
)
from counterfoil.core.table import OwnedTable, Table
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction_events import AuctionScheduled
from counterfoil.matching.events import BidReceived, OfferReceived

Phase = Literal["open", "locked", "cleared", "operator", "gate_closed"]
OVER: Final = ("cleared", "operator", "gate_closed")
"""Phases in which the orders of an auction are being closed, before anything else is decided: why it has ended."""


class Auction(NamedTuple):
    """An auction that is not over. `done`: of its trades and ends of orders, how many are in the log.

    `solution_id`: by which it has cleared, None before that and by the built-in solver.
    """

    scheduled: AuctionScheduled
    phase: Phase
    solution_id: str | None
    done: int


class AuctionOrder(NamedTuple):
    """An order of an auction, with its terms as received, and the price that it has now.

    `seq`: its place in line, by the entry that admitted it or changed its price last; None until it is admitted.
    `version`: of a bid, the programme version of its vouchers. `unlisted`: of an offer, once the auction has locked,
    whether some programme did not list its provider then; what issuers say later is for other auctions.
    """

    auction_id: str
    received: BidReceived | OfferReceived
    price: int
    seq: int | None
    version: int | None
    unlisted: bool | None


class Solution(NamedTuple):
    """An outcome of an auction that a party proposes: which blocks are accepted. So many of its `pieces` are there.

    `place`: of the last piece received, in the order of all commands.
    """

    auction_id: str
    proposed_by: str
    solver: str
    sha256: bytes
    pieces: int
    received: int
    placements: tuple[Placement, ...]
    place: int

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return self.received == self.pieces


AUCTION: Final = Form(
    "auction",
    ("auction_id",),
    row(
        Auction, scheduled=event(AuctionScheduled), phase=one_of("open", "locked", *OVER), solution_id=optional(TEXT),
        done=COUNT,
    ),
    "an auction that is not over; of one that has ended, how many trades and ends of orders are in the log already",
)  # fmt: skip
AUCTION_ORDER: Final = Form(
    "auction_order",
    ("order_id",),
    row(
        AuctionOrder, auction_id=TEXT, received=event_of(BidReceived, OfferReceived), price=AMOUNT, seq=optional(COUNT),
        version=optional(COUNT), unlisted=optional(FLAG),
    ),
    "an order of an auction that is not over: `seq` is its place in line, `price` its limit now, `unlisted` whether its"
    " provider was not listed by each programme as the auction locked",
)  # fmt: skip
LAST_PRICE: Final = Form(
    "last_price",
    ("currency", "region", "classes"),
    AMOUNT,
    "the mean price of the last auction of a market that traded; the classes are joined by commas",
)
SOLUTION: Final = Form(
    "solution",
    ("solution_id",),
    row(
        Solution, auction_id=TEXT, proposed_by=TEXT, solver=TEXT, sha256=OCTETS, pieces=COUNT, received=COUNT,
        placements=listed(row(Placement, block_id=TEXT, start=COUNT, ask_id=TEXT)), place=COUNT,
    ),
    "an outcome that was proposed of an auction that is not over: the bids that are accepted in whole, each from which"
    " hour of the auction on, and on which offer",
)  # fmt: skip
Market = tuple[str, str, str]
_IN_ENTRY: Final = 64  # more than the commands of one entry


class Places(NamedTuple):
    """How many orders somebody has in an auction, and how many of these are bids that are not divisible."""

    orders: int
    blocks: int


NO_PLACES: Final = Places(0, 0)


def place_of(at: At) -> int:
    """The place in line of an order that is admitted, or has another price, there."""
    return at.index * _IN_ENTRY + at.item


Side = Literal["bid", "offer"]


class Auctions:
    """The auctions of one log that are not over."""

    __slots__ = ("due", "last_price", "open", "orders", "places", "solutions")

    def __init__(self) -> None:
        self.open: Table[str, Auction] = Table(AUCTION)
        self.orders: OwnedTable[str, AuctionOrder] = OwnedTable(AUCTION_ORDER, lambda _, order: order.auction_id)
        self.last_price: Table[Market, int] = Table(LAST_PRICE)
        self.solutions: OwnedTable[str, Solution] = OwnedTable(SOLUTION, lambda _, solution: solution.auction_id)
        self.due: tuple[int, str] | None = None
        """When the next auction is to go on (0: at once), and which."""
        self.places: dict[str, dict[str, Places]] = {}
        """By auction and party, how many orders it has there."""

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self.places = {auction_id: {} for auction_id in self.open}
        for order in self.orders.values():
            self._count(order, 1)
        self._look_ahead()

    def _look_ahead(self) -> None:
        self.due = min((_due(auction_id, auction) for auction_id, auction in self.open.items()), default=None)

    def enter(self, order_id: str, order: AuctionOrder) -> None:
        """An order enters an auction."""
        self.orders[order_id] = order
        self._count(order, 1)

    def amend(self, order_id: str, price: int, at: At) -> None:
        """The order has another price, and another place in line."""
        self.orders[order_id] = self.orders[order_id]._replace(price=price, seq=place_of(at))

    def _remove(self, order_id: str) -> None:
        self._count(self.orders.pop(order_id), -1)

    def _count(self, order: AuctionOrder, more: int) -> None:
        received, places = order.received, self.places.setdefault(order.auction_id, {})
        party_id = received.beneficiary_id if isinstance(received, BidReceived) else received.provider_id
        block = isinstance(received, BidReceived) and not received.partial
        had = places.get(party_id, NO_PLACES)
        left = Places(had.orders + more, had.blocks + (more if block else 0))
        if left.orders:
            places[party_id] = left
        else:
            del places[party_id]

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
            for solution_id in list(self.solutions.owned(auction_id)):
                del self.solutions[solution_id]
            del self.places[auction_id]
        else:
            self.open[auction_id] = auction
            self.places.setdefault(auction_id, {})
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
