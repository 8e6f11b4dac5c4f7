"""One slot: the price at which hourly orders clear, and what each of them gets.

Given what blocks have left of the asks. A price clears if all bids above it and all asks below it can be met in full:
then nobody who is strictly in the money goes without. Of such prices all have the same volume, the greatest there is;
the one is taken with the least surplus, then nearest to the reference price, then the lowest. A floor may be above all
of them (the reserve, or the price of an ask whose nodes a block has); then it is the price, and asks share the demand
that there is at it, the cheapest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from counterfoil.matching.auction.book import Ask, Caps, Hourly, Slot
from counterfoil.matching.auction.sharing import Claim, max_min, pro_rata


class Side(NamedTuple):
    """A quantity at a price: of a bid the most that it pays, of an ask the least that it takes."""

    price: int
    claim: Claim


class Clearing(NamedTuple):
    """The prices that clear, [low, high]; `high` is None where any higher one does, and the price that is chosen.

    `low` is at least the floor; `held_up` if the floor is above all prices that would clear without it.
    """

    low: int
    high: int | None
    price: int
    held_up: bool


def bids_of(orders: Sequence[Hourly], allowed: Mapping[str, int] | None) -> tuple[list[Side], list[Side]]:
    """The bids of a slot, best first, and what was cut off them, since a group may have no more nodes than allowed.

    `orders`: by limit, the highest first, then `seq`. `allowed`: nodes of each group; None: any number.
    """
    if allowed is None:
        return [Side(each.limit, Claim(each.order_id, each.seq, each.group, each.nodes)) for each in orders], []
    left, bids, cut = dict(allowed), list[Side](), list[Side]()
    for each in orders:
        nodes = min(each.nodes, left[each.group])
        left[each.group] -= nodes
        if nodes:
            bids.append(Side(each.limit, Claim(each.order_id, each.seq, each.group, nodes)))
        if each.nodes > nodes:
            cut.append(Side(each.limit, Claim(each.order_id, each.seq, each.group, each.nodes - nodes)))
    return bids, cut


def asks_of(asks: Sequence[Ask], left: Mapping[str, int]) -> list[Side]:
    """The asks of a slot, best first, with the nodes left of each. `asks`: by price, then `seq`."""
    return [
        Side(each.price, Claim(each.order_id, each.seq, each.group, left[each.order_id]))
        for each in asks
        if left[each.order_id]
    ]


def clearing(asks: Sequence[Side], bids: Sequence[Side], floor: int, tick: int, reference: int) -> Clearing:
    """The prices that clear a slot, and which of them is chosen. All prices are multiples of `tick`."""
    met = _merit_order(asks, bids)
    if met.high is not None and floor > met.high:
        return Clearing(floor, floor, floor, held_up=True)
    low, high = max(met.low, floor), met.high
    if low == high:
        return Clearing(low, high, low, held_up=False)
    # Between the two ends nobody is left. At an end there may be a surplus of those who are indifferent.
    first = low + tick if low == met.low and met.bid_left else low
    last = high - tick if high is not None and met.ask_left else high
    if last is not None and first > last:
        ends = ((met.bid_left, abs(low - reference), low), (met.ask_left, abs(last + tick - reference), last + tick))
        first = last = min(ends)[2]
    price = max(first, reference if last is None else min(reference, last))
    return Clearing(low, high, price, held_up=False)


def cleared(
    asks: Sequence[Side], bids: Sequence[Side], cut: Sequence[Side], floor: int, price: int, caps: Caps
) -> Slot:
    """What each order gets at a price that clears.

    `cut`: what the caps took of bids, best first: what is left of the asks at this price is for these.
    """
    supply = sum(ask.claim.nodes for ask in asks if ask.price <= price)
    demand = sum(bid.claim.nodes for bid in bids if bid.price >= price)
    volume = min(supply, demand)
    bought = _met(bids, volume, lambda limit: limit >= price, maxmin=caps == "maxmin")
    spare = supply - volume
    for limit, claim in cut:
        nodes = min(claim.nodes, spare) if limit >= price else 0
        spare -= nodes
        if nodes:
            bought[claim.order_id] = bought.get(claim.order_id, 0) + nodes
    sold = _met(asks, supply - spare, lambda ask: ask <= price, maxmin=False)
    return Slot(price, floor, tuple(sorted(bought.items())), tuple(sorted(sold.items())))


class _Met(NamedTuple):
    """The merit order: where the two sides part, and what is left of each side at that end of the interval."""

    low: int
    high: int | None
    bid_left: int
    ask_left: int


def _merit_order(asks: Sequence[Side], bids: Sequence[Side]) -> _Met:
    ask, bid, of_ask, of_bid = 0, 0, 0, 0  # how many are met in full, and the nodes met of the next one
    low, high = 0, None
    while ask < len(asks) and bid < len(bids) and asks[ask].price <= bids[bid].price:
        low, high = asks[ask].price, bids[bid].price
        nodes = min(asks[ask].claim.nodes - of_ask, bids[bid].claim.nodes - of_bid)
        of_ask, of_bid = of_ask + nodes, of_bid + nodes
        if of_ask == asks[ask].claim.nodes:
            ask, of_ask = ask + 1, 0
        if of_bid == bids[bid].claim.nodes:
            bid, of_bid = bid + 1, 0
    if bid < len(bids):
        low = max(low, bids[bid].price)
    if ask < len(asks):
        high = asks[ask].price if high is None else min(high, asks[ask].price)
    bid_left = sum(each.claim.nodes for each in bids[bid:] if each.price == low) - of_bid
    ask_left = sum(each.claim.nodes for each in asks[ask:] if each.price == high) - of_ask
    return _Met(low, high, max(bid_left, 0), max(ask_left, 0))


def _met(side: Sequence[Side], volume: int, takes: Callable[[int], bool], *, maxmin: bool) -> dict[str, int]:
    """What the orders of a side get of a volume, best first: all of each price level but the last, which is shared."""
    shares = dict[str, int]()
    for price, level in groupby(side, key=attrgetter("price")):
        if not volume or not takes(price):
            break
        claims = [each.claim for each in level]
        nodes = min(volume, sum(claim.nodes for claim in claims))
        shares.update((max_min if maxmin else pro_rata)(claims, nodes))
        volume -= nodes
    return {order_id: nodes for order_id, nodes in shares.items() if nodes}
