"""HiGHS, a solver of mixed-integer programmes, finds which blocks of an auction to accept.

It maximises the surplus of all orders over whole blocks and parts of hourly orders. Prices are no part of that model:
a set of blocks of which some would be out of the money is ruled out, and solved again without one of them. What it
finds is a proposal: it works in floating point, and counts only as far as its blocks settle in integers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from counterfoil.cli.extras import extra
from counterfoil.matching.auction.book import Ask, Block, Placement, Settlement
from counterfoil.matching.auction.settling import Prepared, may_start, settle

MOST_PLACES: Final = 40_000
"""Of all blocks together: choices of a start and an ask. Each block has its cheapest ones."""
_GAP: Final = 1e-7


def name() -> str:
    """How proposals name the solver."""
    with extra("solver"):
        import highspy  # noqa: F401
    return f"highs-{version('highspy')}"


def improve(prepared: Prepared, given: Settlement, seconds: float) -> Settlement:
    """The best outcome that is found in so much time, no worse than the one given."""
    with extra("solver"):
        import highspy
    until, barred, best = time.monotonic() + seconds, set[str](), given
    while (left := until - time.monotonic()) > 0:
        model = _Model(highspy, prepared, barred, left)
        blocks = model.solved()
        outcome = None if blocks is None else settle(prepared, blocks)
        if blocks is None or (outcome is None and not blocks):
            break
        if outcome is not None:
            if outcome.surplus > best.surplus:
                best = outcome
            break
        barred.add(_worst(prepared, blocks))
    return best


def _worst(prepared: Prepared, blocks: Sequence[Placement]) -> str:
    """The block of a set that has no prices whose limit is least beside the cost of the asks that it displaces."""
    found = [prepared.block_by_id[each.block_id] for each in blocks]
    return min(found, key=lambda each: (each.limit, -each.nodes * each.hours, each.order_id)).order_id


@dataclass
class _Model:
    """One programme. Columns: hourly orders, what asks sell in each slot, and a choice of a place of a block."""

    highspy: Any
    prepared: Prepared
    barred: set[str]
    seconds: float
    chosen: list[tuple[int, Placement]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.solver = self.highspy.Highs()
        self.solver.setOptionValue("output_flag", False)
        self.solver.setOptionValue("threads", 1)
        self.solver.setOptionValue("time_limit", self.seconds)
        self.solver.setOptionValue("mip_rel_gap", _GAP)
        self.columns = 0
        self._sold: dict[tuple[int, str], list[tuple[int, int]]] = {}
        self._balance: list[list[tuple[int, int]]] = [[] for _ in range(self.prepared.book.slots)]
        self._of_group: dict[tuple[int, str], list[tuple[int, int]]] = {}
        self._add_asks()
        self._add_bids()
        self._add_blocks()
        self._add_rows()
        self.solver.changeObjectiveSense(self.highspy.ObjSense.kMaximize)

    def _column(self, worth: int, most: int, *, whole: bool = False) -> int:
        self.solver.addVar(0, most)
        self.solver.changeColCost(self.columns, worth)
        if whole:
            self.solver.changeColIntegrality(self.columns, self.highspy.HighsVarType.kInteger)
        self.columns += 1
        return self.columns - 1

    def _add_asks(self) -> None:
        for ask in self.prepared.book.asks:
            for slot in range(ask.first, ask.end):
                column = self._column(-ask.price, ask.nodes)
                self._sold[slot, ask.order_id] = [(column, 1)]
                self._balance[slot].append((column, -1))

    def _add_bids(self) -> None:
        for order in self.prepared.book.hourly:
            column = self._column(order.limit, order.nodes)
            self._balance[order.slot].append((column, 1))
            self._of_group.setdefault((order.slot, order.group), []).append((column, 1))

    def _add_blocks(self) -> None:
        blocks = [each for each in self.prepared.book.blocks if each.order_id not in self.barred]
        each_has = max(MOST_PLACES // max(len(blocks), 1), 1)
        for block in blocks:
            choice: list[tuple[int, int]] = []
            for ask, start in _places(self.prepared, block, each_has):
                worth = (block.limit - ask.price) * block.nodes * block.hours
                column = self._column(worth, 1, whole=True)
                choice.append((column, 1))
                self.chosen.append((column, Placement(block.order_id, start, ask.order_id)))
                for slot in range(start, start + block.hours):
                    self._sold[slot, ask.order_id].append((column, block.nodes))
                    self._of_group.setdefault((slot, block.group), []).append((column, block.nodes))
            if choice:
                self._row(choice, 1)

    def _add_rows(self) -> None:
        asks = self.prepared.ask_by_id
        for (_, ask_id), terms in self._sold.items():
            if len(terms) > 1:
                self._row(terms, asks[ask_id].nodes)
        for terms in self._balance:
            if terms:
                self._row(terms, 0, at_least=0)
        for (slot, _), terms in self._of_group.items() if self.prepared.caps is not None else ():
            self._row(terms, self.prepared.caps[slot] if self.prepared.caps is not None else 0)

    def _row(self, terms: Sequence[tuple[int, int]], most: int, at_least: int | None = None) -> None:
        least = -self.highspy.kHighsInf if at_least is None else at_least
        self.solver.addRow(least, most, len(terms), [column for column, _ in terms], [times for _, times in terms])

    def solved(self) -> list[Placement] | None:
        """The blocks that it accepts, None if it found nothing in time."""
        self.solver.run()
        values = self.solver.getSolution().col_value
        if not self.solver.getSolution().value_valid:
            return None
        return [placement for column, placement in self.chosen if values[column] > 0.5]


def _places(prepared: Prepared, block: Block, most: int) -> Iterator[tuple[Ask, int]]:
    """The places that a block may have, on the cheapest asks first, as many as there may be."""
    had = 0
    for ask in sorted(prepared.book.asks, key=lambda each: (each.price, each.seq)):
        if ask.price > block.limit or had == most:
            return
        if ask.nodes < block.nodes:
            continue
        for start in range(max(block.earliest, ask.first), min(block.latest, ask.end - block.hours) + 1):
            if had < most and may_start(block, ask, start):
                had += 1
                yield ask, start
