"""What a state root costs for each entry, as the state grows: matching's, with two records for each open bid."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.record import Event
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.engine import Engine
from counterfoil.matching.events import BidAdmitted, BidClosed, BidReceived, BidReduced
from counterfoil.runtime.runner import STATE_ROOT_EVERY

SIZES: Final = (1_000, 100_000, 500_000)
"""Records, two a bid."""
_ROUNDS: Final = 5
_FIRST_HOUR: Final = 500_000


class _Market:
    """Matching's engine with open bids, changed by events as its log would have them."""

    def __init__(self) -> None:
        self.engine: Engine[Any] = Engine(DECIDERS["matching"], "bench.example/matching/main", lambda _size: None)
        self.entries = 0
        self._bids = 0
        self._oldest = 0

    def grow(self, bids: int) -> None:
        """Receive and admit so many more bids: two entries each."""
        for _ in range(bids):
            self._bids += 1
            self._entry(_bid(self._bids))
            self._entry(BidAdmitted(bid_id=f"bid-{self._bids}-0", version=1))

    def turn_over(self, bids: int) -> None:
        """For each of so many new bids the oldest loses a node, then ends: four entries."""
        for _ in range(bids):
            self.grow(1)
            self._oldest += 1
            self._entry(BidReduced(bid_id=f"bid-{self._oldest}-0", nodes_left=3))
            self._entry(BidClosed(bid_id=f"bid-{self._oldest}-0", reason="cancelled"))

    def _entry(self, event: Event) -> None:
        self.entries += 1
        at = At(_FIRST_HOUR * HOUR + self.entries, self.entries, 0)
        self.engine.decider.evolve[type(event)](self.engine.state, event, at)


def _bid(number: int) -> BidReceived:
    """A bid like others: one of a hundred parties, one of a thousand prices, one of some start hours."""
    price = 1_000_000 + number % 1_000 * 10_000
    return BidReceived(
        bid_id=f"bid-{number}-0", beneficiary_id=f"firm-{number % 100}", group_id=f"firm-{number % 100}",
        programme_id="vouchers-2027", voucher_ids=(), currency="CNY", classes=("a100-80g", "h100-80g"),
        regions=("east", "west"), nodes=4, gpus_per_node=8, hours=24, earliest=_FIRST_HOUR + number % 500,
        latest=_FIRST_HOUR + 1_000, limit_price=price, cost_per_node=price * 8 * 24, partial=True, min_nodes=1,
        tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip


def state_roots(report: ReportFigure, sizes: Sequence[int] = SIZES) -> None:
    """The best of some rounds, in time of the processor: one root over what the entries since the last one changed."""
    market = _Market()
    for size in sizes:
        market.grow((size - market.engine.root()[0]) // 2)
        market.engine.root()
        taken = []
        for _ in range(_ROUNDS):
            market.turn_over(STATE_ROOT_EVERY // 4)
            began = time.process_time_ns()
            market.engine.root()
            taken.append(time.process_time_ns() - began)
        changed, best = len(market.engine.rooted or ()), min(taken)
        note = f"{best / STATE_ROOT_EVERY / 1_000:.1f} us an entry"
        workload = f"entries of matching, {changed:,} records changed, in time of the processor"
        report(Figure(f"state root at {size:,} records", workload, STATE_ROOT_EVERY, best // 1_000_000, note))
