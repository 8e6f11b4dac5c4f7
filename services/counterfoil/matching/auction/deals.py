"""Who trades with whom: an outcome as deals of one bid with one ask at one price."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from counterfoil.matching.auction.book import AuctionBook, Block, Placement, Settlement, Slot


class Deal(NamedTuple):
    """`nodes` nodes for `hours` slots from `first` on, at one price.

    `nodes_left`: what the bid may still get, of a block all its nodes until no more of its slots are left.
    """

    bid_id: str
    ask_id: str
    nodes: int
    first: int
    hours: int
    price: int
    nodes_left: int
    hours_left: int


def deals(book: AuctionBook, outcome: Settlement) -> Iterator[Deal]:
    """The deals of the blocks in their order, then those of each slot.

    In a slot the bids and the asks that trade are taken in the order of `seq`, and each bid has the nodes that come
    next: all have the same price, so it makes no difference to what anybody pays or gets.
    """
    blocks = {block.order_id: block for block in book.blocks}
    places = {block.order_id: block.seq for block in book.blocks}
    places |= {order.order_id: order.seq for order in book.hourly}
    places |= {ask.order_id: ask.seq for ask in book.asks}
    for placement in sorted(outcome.placements, key=lambda each: places[each.block_id]):
        yield from _of_block(blocks[placement.block_id], placement, [slot.price for slot in outcome.slots])
    wanted = {order.order_id: order.nodes for order in book.hourly}
    for number, slot in enumerate(outcome.slots):
        yield from _of_slot(number, slot, places, wanted)


def _of_block(block: Block, placement: Placement, prices: list[int]) -> Iterator[Deal]:
    left = block.hours
    for price, run in groupby(range(placement.start, placement.start + block.hours), key=prices.__getitem__):
        slots = list(run)
        left -= len(slots)
        yield Deal(
            block.order_id, placement.ask_id, block.nodes, slots[0], len(slots), price, block.nodes if left else 0, left
        )


def _of_slot(number: int, slot: Slot, places: dict[str, int], wanted: dict[str, int]) -> Iterator[Deal]:
    sold = sorted(slot.sold, key=lambda each: places[each[0]])
    ask, had = 0, 0  # which ask comes next, and what of it has been dealt
    for bid_id, nodes in sorted(slot.bought, key=lambda each: places[each[0]]):
        missing, left = nodes, wanted[bid_id]
        while missing:
            ask_id, of_ask = sold[ask]
            dealt = min(missing, of_ask - had)
            missing, had, left = missing - dealt, had + dealt, left - dealt
            if had == of_ask:
                ask, had = ask + 1, 0
            yield Deal(bid_id, ask_id, dealt, number, 1, slot.price, left, 0)
