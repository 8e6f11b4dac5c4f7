"""All slots of an auction with its accepted blocks given: prices, what each order gets, and what it is worth.

Blocks take their nodes of their asks first, then each slot clears the hourly orders with what is left. An accepted
block is in the money, or there is no outcome with these blocks: if the chosen prices are too high for one, its slots
take their lowest prices that clear. So the choice of blocks decides everything else, and whoever proposes a better
outcome proposes blocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from counterfoil.matching.auction.book import Ask, AuctionBook, Block, Hourly, Placement, Settlement, Slot
from counterfoil.matching.auction.scarcity import ask_by_id, group_cap, mitigated, offered, reserve_prices, scarcity
from counterfoil.matching.auction.slots import Clearing, Side, asks_of, bids_of, cleared, clearing

Use = dict[tuple[int, str], int]
"""Nodes that blocks have of an ask, or that a group has by blocks, by (slot, ask or group)."""


class Prepared:
    """A book made ready to be settled many times: its orders by slot and price, what scarcity and reserves lay down."""

    def __init__(self, book: AuctionBook) -> None:
        self.scarcity = scarcity(book)
        self.given, self.book = book, mitigated(book, self.scarcity)
        self.parameters = book.parameters
        self.reserves = reserve_prices(book)
        capped = self.scarcity.scarce and book.parameters.caps != "none"
        self.caps = [group_cap(book.parameters, nodes) for nodes in offered(book)] if capped else None
        self.ask_by_id, self.block_by_id = ask_by_id(self.book.asks), {each.order_id: each for each in book.blocks}
        self.asks: list[list[Ask]] = [
            sorted((each for each in self.book.asks if each.first <= slot < each.end), key=_by_price)
            for slot in range(book.slots)
        ]
        self.hourly: list[list[Hourly]] = [[] for _ in range(book.slots)]
        for order in sorted(book.hourly, key=lambda each: (-each.limit, each.seq)):
            self.hourly[order.slot].append(order)

    def sides(self, slot: int, taken: Mapping[tuple[int, str], int], had: Mapping[tuple[int, str], int]) -> Sides:
        """The asks and bids of a slot, and what the caps cut, where blocks have `taken` of asks and groups `had`."""
        left = {ask.order_id: ask.nodes - taken.get((slot, ask.order_id), 0) for ask in self.asks[slot]}
        allowed = None
        if self.caps is not None:
            cap = self.caps[slot]
            allowed = {order.group: max(cap - had.get((slot, order.group), 0), 0) for order in self.hourly[slot]}
        return asks_of(self.asks[slot], left), *bids_of(self.hourly[slot], allowed)

    def floor(self, slot: int, hosts: Iterable[str]) -> int:
        """The lowest price that a slot may have where these asks have blocks in it."""
        return max([self.reserves[slot], *(self.ask_by_id[each].price for each in hosts)])

    def clearing(self, slot: int, sides: Sides, hosts: Iterable[str]) -> Clearing:
        """The prices that clear a slot where these asks have blocks."""
        asks, bids, _ = sides
        return clearing(asks, bids, self.floor(slot, hosts), self.parameters.tick, self.parameters.reference)


Sides = tuple[list[Side], list[Side], list[Side]]


def _by_price(ask: Ask) -> tuple[int, int]:
    return ask.price, ask.seq


def settle(prepared: Prepared, placements: Sequence[Placement]) -> Settlement | None:
    """The outcome with these blocks accepted; None if there is none: a block does not fit, or is out of the money."""
    placed = _placed(prepared, placements)
    if placed is None:
        return None
    taken, had, hosts = placed
    book, slots = prepared.book, range(prepared.book.slots)
    sides = [prepared.sides(slot, taken, had) for slot in slots]
    found = [prepared.clearing(slot, sides[slot], hosts[slot]) for slot in slots]
    prices = fitting_prices(prepared, placements, found)
    if prices is None:
        return None
    caps = "none" if prepared.caps is None else prepared.parameters.caps
    outcome = [cleared(*sides[slot], prepared.floor(slot, hosts[slot]), prices[slot], caps) for slot in slots]
    return Settlement(tuple(placements), tuple(outcome), worth(book, placements, outcome))


def fitting_prices(prepared: Prepared, placements: Sequence[Placement], found: Sequence[Clearing]) -> list[int] | None:
    """Prices at which no accepted block is out of the money; None if there are none."""
    prices = [each.price for each in found]
    blocks = [(prepared.block_by_id[each.block_id], each.start) for each in placements]
    too_dear = [each for each in blocks if not _pays(*each, prices)]
    for block, start in too_dear:
        for slot in range(start, start + block.hours):
            prices[slot] = found[slot].low
    return prices if all(_pays(*each, prices) for each in too_dear) else None


def _pays(block: Block, start: int, prices: Sequence[int]) -> bool:
    return sum(prices[start : start + block.hours]) <= block.limit * block.hours


def _placed(prepared: Prepared, placements: Sequence[Placement]) -> tuple[Use, Use, list[dict[str, None]]] | None:
    """What blocks take of asks, what groups have by them, asks with blocks by slot; None where they do not fit."""
    taken, had = defaultdict[tuple[int, str], int](int), defaultdict[tuple[int, str], int](int)
    hosts: list[dict[str, None]] = [{} for _ in range(prepared.book.slots)]
    if len({each.block_id for each in placements}) < len(placements):
        return None
    for block_id, start, ask_id in placements:
        block, ask = prepared.block_by_id.get(block_id), prepared.ask_by_id.get(ask_id)
        if block is None or ask is None or not may_start(block, ask, start):
            return None
        for slot in range(start, start + block.hours):
            taken[slot, ask_id] += block.nodes
            had[slot, block.group] += block.nodes
            hosts[slot][ask_id] = None
            if taken[slot, ask_id] > ask.nodes:
                return None
            if prepared.caps is not None and had[slot, block.group] > prepared.caps[slot]:
                return None
    return taken, had, hosts


def may_start(block: Block, ask: Ask, start: int) -> bool:
    """Whether a block may start in a slot on an ask, as far as their terms say."""
    return block.earliest <= start <= block.latest and ask.first <= start and start + block.hours <= ask.end


def worth(book: AuctionBook, placements: Iterable[Placement], slots: Iterable[Slot]) -> int:
    """What all orders together gain: limits less asks, over all nodes and hours that are traded. Per GPU of a node."""
    ask_price = {ask.order_id: ask.price for ask in book.asks}
    limit = {order.order_id: order.limit for order in book.hourly}
    blocks = {block.order_id: block for block in book.blocks}
    total = 0
    for block_id, _, ask_id in placements:
        block = blocks[block_id]
        total += (block.limit - ask_price[ask_id]) * block.nodes * block.hours
    for slot in slots:
        total += sum(limit[order_id] * nodes for order_id, nodes in slot.bought)
        total -= sum(ask_price[order_id] * nodes for order_id, nodes in slot.sold)
    return total
