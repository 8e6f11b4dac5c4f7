"""What the parameters of an auction make of its orders before prices are found: reserve prices, scarcity, caps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from counterfoil.matching.auction.book import BPS, Ask, AuctionBook, Parameters, Point


class Scarcity(NamedTuple):
    """How well demand is covered, in basis points of it, over all slots.

    `rsi_bps`: the residual supply index, that is, supply without the largest supplier. `cover_bps`: all supply.
    Both are None without demand. `pivotal`: the suppliers without whom the index is below its threshold, if `scarce`.
    """

    rsi_bps: int | None
    cover_bps: int | None
    scarce: bool
    pivotal: tuple[str, ...]


def scarcity(book: AuctionBook) -> Scarcity:
    """The pivotal-supplier test over node-hours."""
    parameters, of_group = book.parameters, defaultdict[str, int](int)
    for ask in book.asks:
        of_group[ask.group] += ask.nodes * (ask.end - ask.first)
    supply = sum(of_group.values())
    demand = sum(each.nodes for each in book.hourly) + sum(each.nodes * each.hours for each in book.blocks)
    if demand == 0:
        return Scarcity(None, None, scarce=False, pivotal=())
    rsi = (supply - max(of_group.values(), default=0)) * BPS // demand
    cover = supply * BPS // demand
    scarce = rsi < parameters.rsi_bps or cover < parameters.cover_bps
    pivotal = [
        group for group in sorted(of_group) if (supply - of_group[group]) * BPS < parameters.rsi_bps * demand
    ]  # fmt: skip
    return Scarcity(rsi, cover, scarce, tuple(pivotal) if scarce else ())


def mitigated(book: AuctionBook, found: Scarcity) -> AuctionBook:
    """The book with the asks of pivotal suppliers at no more than their cap, rounded down to the tick."""
    if not found.pivotal:
        return book
    tick, most = book.parameters.tick, price_cap(book.parameters)
    asks = [
        ask._replace(price=max(min(ask.price, most), tick)) if ask.group in found.pivotal else ask for ask in book.asks
    ]
    return book._replace(asks=tuple(asks))


def price_cap(parameters: Parameters) -> int:
    """What a pivotal supplier may ask."""
    most = parameters.reference * (BPS + parameters.pivotal_bps) // BPS
    return most - most % parameters.tick


def reserve_prices(book: AuctionBook) -> tuple[int, ...]:
    """The reserve price of each slot, rounded up to the tick; 0 where there is none."""
    parameters = book.parameters
    if not parameters.reserve:
        return (0,) * book.slots
    supply, demand = offered(book), _requested(book)
    return tuple(
        _reserve(parameters, min(wanted * BPS // nodes, BPS) if nodes else BPS)
        for nodes, wanted in zip(supply, demand, strict=True)
    )


def factor_at(points: Sequence[Point], utilisation_bps: int) -> int:
    """The reserve function in basis points: linear between its points, level outside, rounded down; 1 without points.

    `points`: by utilisation, no two with the same.
    """
    if not points:
        return BPS
    if utilisation_bps <= points[0].utilisation_bps:
        return points[0].factor_bps
    for low, high in pairwise(points):
        if utilisation_bps <= high.utilisation_bps:
            rise, run = high.factor_bps - low.factor_bps, high.utilisation_bps - low.utilisation_bps
            return low.factor_bps + rise * (utilisation_bps - low.utilisation_bps) // run
    return points[-1].factor_bps


def offered(book: AuctionBook) -> list[int]:
    """The nodes offered in each slot."""
    nodes = [0] * book.slots
    for ask in book.asks:
        for slot in range(ask.first, ask.end):
            nodes[slot] += ask.nodes
    return nodes


def group_cap(parameters: Parameters, nodes: int) -> int:
    """The nodes that one group may have of those offered in a slot: at least one."""
    return max(nodes * parameters.cap_bps // BPS, 1)


def ask_by_id(asks: Sequence[Ask]) -> dict[str, Ask]:
    """The asks by their ids."""
    return {ask.order_id: ask for ask in asks}


def _reserve(parameters: Parameters, utilisation_bps: int) -> int:
    price = -(-parameters.reserve * factor_at(parameters.points, utilisation_bps) // BPS)
    return -(-price // parameters.tick) * parameters.tick


def _requested(book: AuctionBook) -> list[int]:
    """The nodes requested in each slot; those of a block are spread over the slots it may have, rounded down."""
    nodes = [0] * book.slots
    for order in book.hourly:
        nodes[order.slot] += order.nodes
    for block in book.blocks:
        end = block.latest + block.hours
        for slot in range(block.earliest, end):
            nodes[slot] += block.nodes * block.hours // (end - block.earliest)
    return nodes
