"""The built-in solver: which blocks are accepted, by a fixed search that always ends, and always has an answer.

Blocks are tried one after the other, the best first, each on the cheapest asks that have room for it, at the starts
where prices are lowest; one is accepted if no accepted block leaves the money and all together gain. Two orders are
tried, by price and by whole value; the better outcome counts. A better one may be proposed from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.matching.auction.book import Ask, AuctionBook, Block, Placement, Settlement
from counterfoil.matching.auction.curves import Curves, Level
from counterfoil.matching.auction.settling import Prepared, settle

_STARTS_TRIED: Final = 2  # of a block on one ask
_TRIED: Final = 4  # of a block in all


@lru_cache(maxsize=2)
def prepare(book: AuctionBook) -> Prepared:
    """The book made ready, kept since an outcome fills many entries."""
    return Prepared(book)


@lru_cache(maxsize=2)
def solve(book: AuctionBook) -> Settlement:
    """The outcome that the built-in solver finds."""
    prepared = prepare(book)
    by_price = sorted(book.blocks, key=lambda each: (-each.limit, each.seq))
    by_value = sorted(book.blocks, key=lambda each: (-each.limit * each.nodes * each.hours, each.seq))
    outcome = _outcome(prepared, by_price)
    if len(outcome.placements) == len(book.blocks) or by_value == by_price:
        return outcome
    return max(outcome, _outcome(prepared, by_value), key=lambda each: each.surplus)


def _outcome(prepared: Prepared, order: Sequence[Block]) -> Settlement:
    search = _Search(prepared)
    for block in order:
        search.try_block(block)
    placements = tuple(search.placements)
    outcome = settle(prepared, placements)
    while outcome is None:  # caps that blocks use up change what hourly bids there are, which the search leaves out
        ensure(len(placements) > 0, "auction: there is an outcome without blocks")
        placements = placements[: len(placements) // 2]
        outcome = settle(prepared, placements)
    return outcome


class _Search:
    """The blocks accepted so far, and what each slot comes to with them.

    Accepted blocks can all be paid for if each is in the money at the lowest prices that clear: its slack is what is
    left of its limit over its slots.
    """

    def __init__(self, prepared: Prepared) -> None:
        slots = prepared.book.slots
        self.placements: list[Placement] = []
        self._prepared = prepared
        self._asks = sorted(prepared.book.asks, key=lambda each: (each.price, each.seq))
        self._left = {ask.order_id: _over(slots, ask) for ask in self._asks}
        self._had: dict[str, list[int]] = {}
        self._floors = list(prepared.reserves)
        self._curves = [Curves(*prepared.sides(slot, {}, {})[:2]) for slot in range(slots)]
        self._levels = [self._curves[slot].without(0, 0, self._floors[slot]) for slot in range(slots)]
        self._slack: list[int] = []
        self._covering: list[list[int]] = [[] for _ in range(slots)]  # by slot: places in `placements`

    def try_block(self, block: Block) -> None:
        """Accept the block if it can be."""
        for ask, start in self._candidates(block):
            if self._accept(block, ask, start):
                return

    def _candidates(self, block: Block) -> Iterator[tuple[Ask, int]]:
        """The first places that have room: by the price of the ask, then by what the slots cost now."""
        room, tried = self._room_of_group(block), 0
        for ask in self._asks:
            if ask.price > block.limit:
                return
            left = self._left[ask.order_id]
            starts = [
                start for start in range(max(block.earliest, ask.first), min(block.latest, ask.end - block.hours) + 1)
                if min(left[start : start + block.hours]) >= block.nodes
                and (room is None or min(room[start : start + block.hours]) >= block.nodes)
            ]  # fmt: skip
            for start in sorted(starts, key=lambda start: self._cost(block, start))[:_STARTS_TRIED]:
                yield ask, start
                tried += 1
                if tried == _TRIED:
                    return

    def _room_of_group(self, block: Block) -> list[int] | None:
        """The nodes that the caps leave to the block's group in each slot, None without caps."""
        caps = self._prepared.caps
        if caps is None:
            return None
        had = self._had.get(block.group, [0] * len(caps))
        return [cap - nodes for cap, nodes in zip(caps, had, strict=True)]

    def _cost(self, block: Block, start: int) -> int:
        return sum(level.low for level in self._levels[start : start + block.hours])

    def _accept(self, block: Block, ask: Ask, start: int) -> bool:
        slots = range(start, start + block.hours)
        floors = [max(self._floors[slot], ask.price) for slot in slots]
        renewed = [
            self._curves[slot].without(ask.price, block.nodes, floor) for slot, floor in zip(slots, floors, strict=True)
        ]
        slack = block.limit * block.hours - sum(level.low for level in renewed)
        gain = (block.limit - ask.price) * block.nodes * block.hours
        gain += sum(level.value for level in renewed) - sum(self._levels[slot].value for slot in slots)
        if slack < 0 or gain <= 0 or not self._others_pay(slots, renewed):
            return False
        self._carry_out(block, ask, slots, slack, renewed)
        self._floors[start : slots.stop] = floors
        return True

    def _others_pay(self, slots: range, renewed: Sequence[Level]) -> bool:
        dearer = dict[int, int]()
        for slot, level in zip(slots, renewed, strict=True):
            rise = level.low - self._levels[slot].low
            if rise:
                for place in self._covering[slot]:
                    dearer[place] = dearer.get(place, 0) + rise
        return all(rise <= self._slack[place] for place, rise in dearer.items())

    def _carry_out(self, block: Block, ask: Ask, slots: range, slack: int, renewed: Sequence[Level]) -> None:
        had = self._had.setdefault(block.group, [0] * len(self._levels))
        for slot, level in zip(slots, renewed, strict=True):
            rise = level.low - self._levels[slot].low
            for place in self._covering[slot] if rise else ():
                self._slack[place] -= rise
            self._levels[slot] = level
            self._covering[slot].append(len(self.placements))
            self._curves[slot].take(ask.price, block.nodes)
            self._left[ask.order_id][slot] -= block.nodes
            had[slot] += block.nodes
        self._slack.append(slack)
        self.placements.append(Placement(block.order_id, slots.start, ask.order_id))


def _over(slots: int, ask: Ask) -> list[int]:
    return [ask.nodes if ask.first <= slot < ask.end else 0 for slot in range(slots)]
