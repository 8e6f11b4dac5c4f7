"""The ledger's read models of the credit market: each party its orders, and for anybody the books and the trades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.core.at import At
from counterfoil.ledger.credit_events import (
    Closing,
    CreditBidPlaced,
    CreditOffered,
    CreditOrderClosed,
    CreditSettled,
    CreditTraded,
    CreditTradeFailed,
)
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import ANYBODY, Part, Readers

CREDIT_ORDERS: Final = View(
    name="credit_orders",
    key=("order_id",),
    columns={
        "order_id": "text",
        "party_id": "text",
        "side": "text",
        "programme_id": "text",
        "version": "int",
        "month": "text?",
        "voucher_id": "text?",
        "price_bps": "int",
        "amount": "amount",
        "left": "amount",
        "traded": "amount",
        "time_in_force": "text",
        "status": "text",
        "why": "text?",
        "until": "time",
        "placed_at": "time",
        "status_since": "time",
    },
    filters=("party_id", "programme_id", "side", "month", "status"),
    readers=Readers(parties=("party_id",), programme="programme_id"),
    time="placed_at",
    values={"side": ("offer", "bid"), "status": ("open", *get_args(Closing)), "time_in_force": ("GTC", "IOC")},
)
"""Orders on the credit market. `month`: of the series, in the programme's local time; null: vouchers without an end.
`price_bps`: at least, or at most, in basis points of par. `left` is on the book, or was when the order was over;
`traded` is settled, or being settled. `why`: what barred its side of a trade."""
CREDIT_DEPTH: Final = View(
    name="credit_depth",
    key=("order_id",),
    columns={
        name: CREDIT_ORDERS.columns[name]
        for name in ("order_id", "programme_id", "version", "month", "side", "price_bps", "left", "placed_at")
    },
    filters=("programme_id", "month", "side"),
    readers=ANYBODY,
    time="placed_at",
    values={"side": ("offer", "bid")},
    part_of=Part("credit_orders", {"status": "open"}),
)
"""The books of the credit market: open orders, without whose they are. What is being settled is no part of `left`."""
CREDIT_TRADES: Final = View(
    name="credit_trades",
    key=("trade_id",),
    columns={
        "trade_id": "text",
        "programme_id": "text",
        "version": "int",
        "month": "text?",
        "amount": "amount",
        "price_bps": "int",
        "price": "amount",
        "settled_at": "time",
    },
    filters=("programme_id", "month"),
    readers=ANYBODY,
    time="settled_at",
)
"""Trades of credit that are settled, without whose they are; the transfer with the same id shows both parties."""
CREDIT_VIEWS: Final[tuple[View, ...]] = (CREDIT_ORDERS, CREDIT_DEPTH, CREDIT_TRADES)


def placed(event: CreditOffered | CreditBidPlaced, at: At) -> Iterable[Change]:
    """A row for a new order."""
    row = {name: getattr(event, name) for name in CREDIT_ORDERS.columns if hasattr(event, name)}
    offers = isinstance(event, CreditOffered)
    new = {"side": "offer" if offers else "bid", "left": event.amount, "traded": 0, "status": "open", "why": None}
    times = {"placed_at": at.time, "status_since": at.time}
    yield Put(CREDIT_ORDERS.name, {"voucher_id": None, **row, **new, **times})


def traded(event: CreditTraded, _at: At) -> Iterable[Change]:
    """What two orders have less on the book."""
    yield from _moved(event, event.amount)


def failed(event: CreditTradeFailed, _at: At) -> Iterable[Change]:
    """What came back to them."""
    yield from _moved(event, -event.amount)


def _moved(event: CreditTraded | CreditTradeFailed, amount: int) -> Iterable[Change]:
    for order_id in (event.offer_id, event.bid_id):
        yield Add(CREDIT_ORDERS.name, (order_id,), {"left": -amount, "traded": amount})


def settled(event: CreditSettled, at: At) -> Iterable[Change]:
    """A row for a trade."""
    row = {name: getattr(event, name) for name in CREDIT_TRADES.columns if hasattr(event, name)}
    yield Put(CREDIT_TRADES.name, {**row, "settled_at": at.time})


def closed(event: CreditOrderClosed, at: At) -> Iterable[Change]:
    """The end of an order."""
    status = {"status": event.reason, "why": event.why, "status_since": at.time}
    yield Set(CREDIT_ORDERS.name, (event.order_id,), status)
