"""What the price book of the credit market does in a second, alone, on two published flows of orders.

It trades on arrival, and each order, trade and cancellation is an event object. In time of the processor, with the
collector of garbage on; nothing is judged, signed, encoded or stored. `bench/credit.py` has the same under the ledger.
"""

from __future__ import annotations

import csv
import gc
import gzip
import hashlib
import io
import struct
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.ledger.price_book import PriceBook

_BATCH: Final = 512  # operations whose events are kept at a time, as a runner does
_ROUNDS: Final = 5


class Flow(NamedTuple):
    """A file of operations, and what comes of them: trades, orders left, the digest of the trades."""

    name: str
    trades: int
    left: int
    digest: str


FLOWS: Final = (
    Flow("flow_a", 14_330, 1_004, "4ecbf39485527380"),
    Flow("flow_b", 14_541, 20_002, "31f68cdaad4cb09f"),
)


class Operation(NamedTuple):
    """An order that comes, or the cancellation of one."""

    adds: bool
    order_id: str
    is_bid: bool
    price: int
    quantity: int


class Placed(msgspec.Struct, frozen=True, gc=False):
    """An order came."""

    order_id: str
    is_bid: bool
    price: int
    quantity: int


class Traded(msgspec.Struct, frozen=True, gc=False):
    """Two orders met, at the price of the maker."""

    maker_id: str
    taker_id: str
    quantity: int
    price: int


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """An order was taken out, of which so much was left."""

    order_id: str
    quantity: int


Event = Placed | Traded | Cancelled


def read_flow(flow: Flow) -> list[Operation]:
    """The operations of a flow, in order."""
    data = gzip.decompress((files("counterfoil.bench") / "flows" / f"{flow.name}.csv.gz").read_bytes())
    rows = csv.reader(io.StringIO(data.decode("ascii")))
    next(rows)
    return [
        Operation(kind == "0", order_id, side == "0", int(price), int(quantity))
        for kind, order_id, side, price, quantity in rows
    ]


def play(book: PriceBook, operations: Sequence[Operation]) -> Iterator[list[Event]]:
    """The events of all operations, some operations at a time. The cancellation of what is gone does nothing."""
    for first in range(0, len(operations), _BATCH):
        events: list[Event] = []
        for n, (adds, order_id, is_bid, price, quantity) in enumerate(operations[first : first + _BATCH], first):
            if not adds:
                if book.quantity(order_id):
                    events.append(Cancelled(order_id, book.remove(order_id)))
                continue
            book.place(order_id, is_bid, price, quantity, (n, 0))
            events.append(Placed(order_id, is_bid, price, quantity))
            while (pair := book.pair()) is not None:
                book.take(pair.maker_id, pair.quantity)
                book.take(pair.taker_id, pair.quantity)
                events.append(Traded(pair.maker_id, pair.taker_id, pair.quantity, pair.price))
        yield events


def digest(trades: Sequence[Traded]) -> str:
    """As other engines on the same flows make it; `flows/README.md` says how."""
    data = (struct.pack("<4q", int(t.maker_id), int(t.taker_id), t.quantity, t.price) for t in trades)
    return hashlib.sha256(b"".join(data)).hexdigest()[:16]


def books(report: ReportFigure) -> None:
    """Operations of each flow, the best of some rounds; a trade that differs stops the benchmark."""
    for flow in FLOWS:
        operations = read_flow(flow)
        rounds = [_round(flow, operations) for _ in range(_ROUNDS)]
        spent, events = min(rounds)
        note = f"{events:,} event objects, {flow.trades:,} trades of the published digest; time of the processor"
        workload = f"operations of {flow.name} on the price book alone, {flow.left:,} orders left"
        report(Figure(f"price book, {flow.name}", workload, len(operations), spent // 1_000_000, note))


def _round(flow: Flow, operations: Sequence[Operation]) -> tuple[int, int]:
    """Nanoseconds, and the number of events."""
    parts, trades, spent, events = play(PriceBook(), operations), list[Traded](), 0, 0
    gc.collect()
    while True:
        began = time.process_time_ns()
        part = next(parts, None)
        spent += time.process_time_ns() - began
        if part is None:
            break
        events += len(part)
        trades += [each for each in part if isinstance(each, Traded)]
    if digest(trades) != flow.digest:
        raise RuntimeError(f"{flow.name}: other trades than published")
    return spent, events
