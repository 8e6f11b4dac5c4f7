"""The books of the credit market: for each series a `PriceBook`, and what is known of its orders.

A *series* is what is fungible for a buyer: vouchers of one version of a programme whose last moment lies in one local
month. Prices are basis points of par, and amounts whole `LOT`s, so that price times amount is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from counterfoil.contract.limits import BPS
from counterfoil.contract.times import format_month, parse_month
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import AMOUNT, COUNT, FLAG, TEXT, TIME, TRUE, Form, optional, row
from counterfoil.core.table import Records, Table
from counterfoil.ledger.price_book import Pair, PriceBook
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules

LOT: Final = BPS
"""Micro-units: of what amounts are multiples, so that none is rounded at any price."""


class Series(NamedTuple):
    """Vouchers of one version that end in one local month, `2026-11`; "": that have no end."""

    programme_id: str
    version: int
    month: str


class CreditOrder(NamedTuple):
    """An order: `remaining` is on the book, `pending` in trades that are being settled; micro-units.

    `voucher_id`: what it offers; None for a bid, for which `held` of its party's cash is held. `immediate`: it does not
    rest. (`entry`, `item`): its entry, and its place in it.
    """

    programme_id: str
    version: int
    month: str
    party_id: str
    voucher_id: str | None
    price_bps: int
    remaining: int
    pending: int
    held: int
    immediate: bool
    until: int
    entry: int
    item: int

    @property
    def series(self) -> Series:
        """The book that it is in."""
        return Series(self.programme_id, self.version, self.month)

    @property
    def meets(self) -> bool:
        """Whether it is on the book: of a bid, nothing more trades before it is known whether its party may buy."""
        return self.remaining > 0 and (self.voucher_id is not None or not self.pending)

    @property
    def time(self) -> tuple[int, int]:
        """Its place in time: the lower was there before."""
        return self.entry, self.item


class CreditTrade(NamedTuple):
    """A trade that is being settled, by the id of its transfer. `held`: of the bid's cash, for its price at most."""

    offer_id: str
    bid_id: str
    price_bps: int
    held: int


CREDIT_ORDER: Final = Form(
    "credit_order",
    ("order_id",),
    row(
        CreditOrder, programme_id=TEXT, version=COUNT, month=TEXT, party_id=TEXT, voucher_id=optional(TEXT),
        price_bps=COUNT, remaining=AMOUNT, pending=AMOUNT, held=AMOUNT, immediate=FLAG, until=TIME, entry=COUNT,
        item=COUNT,
    ),
    "an order for credit that is open",
)  # fmt: skip
CREDIT_TRADE: Final = Form(
    "credit_trade",
    ("trade_id",),
    row(CreditTrade, offer_id=TEXT, bid_id=TEXT, price_bps=COUNT, held=AMOUNT),
    "a trade of credit that is being settled",
)
PAUSED: Final = Form("paused", ("programme_id",), TRUE, "a programme that is paused")


class CreditBooks:
    """All open orders for credit, and the trades that are being settled.

    `leaving`: orders that have to leave, as `leaves` says of one; `lapsing`: bids, by when their series is over.
    """

    __slots__ = (
        "_books", "_immediate", "_in", "_leaves", "_of", "_on", "crossed", "lapsing", "leaving", "orders", "paused",
        "trades",
    )  # fmt: skip

    def __init__(self, leaves: Callable[[str], bool]) -> None:
        self.orders: Table[str, CreditOrder] = Table(CREDIT_ORDER)
        self.trades: Table[str, CreditTrade] = Table(CREDIT_TRADE)
        self.paused: Table[str, bool] = Table(PAUSED)
        self._leaves = leaves
        self._begin()

    def tables(self) -> tuple[Records, ...]:
        """What is kept."""
        return self.orders, self.trades, self.paused

    def _begin(self) -> None:
        self._books: dict[Series, PriceBook] = {}  # what `meets`
        self._of: dict[str, dict[str, None]] = {}  # by party
        self._in: dict[str, dict[str, None]] = {}  # by programme
        self._on: dict[str, dict[str, None]] = {}  # by voucher
        self._immediate: dict[str, None] = {}
        self.crossed: dict[Series, None] = {}
        self.leaving, self.lapsing = Deadlines(self._leaves), Deadlines(self._rests)

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self._begin()
        for order_id, order in sorted(self.orders.items(), key=lambda each: each[1].time):
            self._know(order_id, order)
            self.leave_later(order_id)

    def _rests(self, order_id: str) -> bool:
        return order_id in self.orders

    def next_due(self) -> int | None:
        """When there is something to do: at once, or when the first bid lapses."""
        if self.crossed or self._immediate or self.leaving.next() is not None:
            return 0
        return self.lapsing.next()

    def best(self, series: Series) -> Pair | None:
        """The best offer and the best bid of a series, if the one pays what the other asks for."""
        return self._books[series].pair()

    def first_immediate(self) -> str | None:
        """The first order that does not rest, if it is on the book."""
        return min(self._immediate, key=lambda each: self.orders[each].time, default=None)

    def of(self, party_id: str) -> int:
        """How many orders of a party are open."""
        return len(self._of.get(party_id, ()))

    def count(self, series: Series, *, bids: bool) -> int:
        """How many orders one side of a book has."""
        book = self._books.get(series)
        return 0 if book is None else book.count(bids)

    def side(self, series: Series, *, bids: bool) -> list[tuple[str, int]]:
        """One side of a book, the best first: the orders' ids, and how much of each is there."""
        book = self._books.get(series)
        return [] if book is None else [(order_id, book.quantity(order_id)) for order_id in book.orders(bids)]

    def every_series(self) -> list[Series]:
        """The series with orders on their books, sorted."""
        return sorted(self._books)

    def open(self, order_id: str, order: CreditOrder) -> None:
        """Know a new order."""
        self.orders[order_id] = order
        self._know(order_id, order)

    def change(self, order_id: str, order: CreditOrder) -> None:
        """Know other amounts of an order; price and time are as they were."""
        before, self.orders[order_id] = self.orders[order_id], order
        if before.meets and order.meets:
            self._books[order.series].resize(order_id, order.remaining)
        elif before.meets:
            self._take_out(order_id, order.series)
        elif order.meets:
            self._put_in(order_id, order)

    def close(self, order_id: str) -> CreditOrder:
        """Forget an order that is over."""
        left = self._leaves(order_id)
        order = self.orders.pop(order_id)
        if order.meets:
            self._take_out(order_id, order.series)
        indexes = [(self._of, order.party_id), (self._in, order.programme_id)]
        if order.voucher_id is None:
            self.lapsing.ended()
        else:
            indexes.append((self._on, order.voucher_id))
        for index, key in indexes:
            del index[key][order_id]
            if not index[key]:
                del index[key]
        if left:
            self.leaving.ended()
        return order

    def leave_later(self, order_id: str) -> None:
        """Let an order leave before anything else is decided, if it has to."""
        if self._leaves(order_id):
            order = self.orders[order_id]
            self.leaving.add(0, order.entry, order.item, order_id)

    def leave_party(self, party_id: str) -> None:
        """The same for the orders of a party."""
        for order_id in self._of.get(party_id, ()):
            self.leave_later(order_id)

    def leave_voucher(self, voucher_id: str) -> None:
        """The same for those that offer a part of a voucher."""
        for order_id in self._on.get(voucher_id, ()):
            self.leave_later(order_id)

    def leave_programme(self, programme_id: str) -> None:
        """The same for those of a programme."""
        for order_id in self._in.get(programme_id, ()):
            self.leave_later(order_id)

    def _know(self, order_id: str, order: CreditOrder) -> None:
        self._of.setdefault(order.party_id, {})[order_id] = None
        self._in.setdefault(order.programme_id, {})[order_id] = None
        if order.voucher_id is not None:
            self._on.setdefault(order.voucher_id, {})[order_id] = None
        elif order.until < NEVER:
            self.lapsing.add(order.until, order.entry, order.item, order_id)
        if order.meets:
            self._put_in(order_id, order)

    def _put_in(self, order_id: str, order: CreditOrder) -> None:
        series = order.series
        book = self._books.get(series)
        if book is None:
            book = self._books[series] = PriceBook()
        book.place(order_id, order.voucher_id is None, order.price_bps, order.remaining, order.time)
        if order.immediate:
            self._immediate[order_id] = None
        self._look(series)

    def _take_out(self, order_id: str, series: Series) -> None:
        book = self._books[series]
        book.remove(order_id)
        if not book.count(bids=True) and not book.count(bids=False):
            del self._books[series]
        self._immediate.pop(order_id, None)
        self._look(series)

    def _look(self, series: Series) -> None:
        """Know whether the best bid of a series pays what the best offer asks for."""
        book = self._books.get(series)
        if book is not None and book.is_crossed():
            self.crossed[series] = None
        else:
            self.crossed.pop(series, None)


def month_of(rules: Rules, expires_at: int) -> str:
    """The programme's local month of the last moment before a voucher's end; "" for one without an end."""
    return "" if expires_at >= NEVER else format_month(expires_at - 1 + rules.offset)


def end_of(rules: Rules, month: str) -> int:
    """When no voucher of a series can be handed on any more."""
    return parse_month(month)[1] - rules.offset if month else NEVER


def paid(amount: int, price_bps: int) -> int:
    """What an amount in whole lots costs; nothing is rounded."""
    return amount * price_bps // BPS
