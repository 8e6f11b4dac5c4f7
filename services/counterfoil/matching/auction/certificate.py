"""The check of an outcome, by sums of its own, and why each order has not got all that it asked for.

(a) no ask sells more than it has in a slot; (b) every accepted order is in the money at the prices of its slots, and no
price is below its reserve; (c) an hourly bid that is strictly in the money is met in full, but for what a cap cuts off
it, and so is an ask, but where a floor holds the price up; who is out of the money has nothing; (d) each rejected block
that is in the money is listed with a reason; (e) as many nodes are bought as are sold in each slot, so that what buyers
pay is what sellers get; (f) the surplus is what was declared. How far the surplus may be from the greatest there is:
`bound`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from counterfoil.matching.auction.book import Block, Settlement
from counterfoil.matching.auction.settling import Prepared, may_start

Shortfall = Literal["out_of_the_money", "below_reserve", "rationed", "capped", "paradoxically_rejected", "no_room"]
"""Why an order has not got all that it asked for. The last two are of blocks that are in the money at the prices.

`no_room`: no ask that is no dearer than its limit has the nodes, at any start where it is in the money.
`paradoxically_rejected`: one has, but with the block some accepted block would be out of the money, or all together
would have less.
"""


def check(prepared: Prepared, outcome: Settlement) -> Iterator[str]:
    """What is wrong with an outcome, each as one sentence; nothing if it is right."""
    sold, bought = _sold(prepared, outcome), _bought(prepared, outcome)
    if len(outcome.slots) != prepared.book.slots:
        yield "(a) not every slot has an outcome"
        return
    for (slot, ask_id), nodes in sorted(sold.items()):
        ask = prepared.ask_by_id.get(ask_id)
        if ask is None or not ask.first <= slot < ask.end or not 0 < nodes <= ask.nodes:
            yield f"(a) {ask_id} does not have {nodes} nodes in slot {slot}"
    for slot, each in enumerate(outcome.slots):
        here = sum(nodes for (of, _), nodes in bought.items() if of == slot)
        if here != sum(nodes for (of, _), nodes in sold.items() if of == slot):
            yield f"(e) in slot {slot} nodes are bought that nobody sells, or sold that nobody buys"
        if each.price < prepared.reserves[slot]:
            yield f"(b) the price of slot {slot} is below its reserve"
    yield from _blocks_wrong(prepared, outcome)
    yield from _bids_wrong(prepared, outcome, bought)
    yield from _asks_wrong(prepared, outcome, sold)
    if _surplus(prepared, outcome) != outcome.surplus:
        yield f"(f) the surplus is {_surplus(prepared, outcome)}"


def bound(prepared: Prepared, prices: Sequence[int]) -> int:
    """No outcome has a greater surplus: what all orders together would gain if each could choose at these prices.

    Weak duality, for any prices; reserves and caps only take from what can be had.
    """
    total = 0
    for ask in prepared.book.asks:
        total += sum(max(price - ask.price, 0) for price in prices[ask.first : ask.end]) * ask.nodes
    for order in prepared.book.hourly:
        total += max(order.limit - prices[order.slot], 0) * order.nodes
    for block in prepared.book.blocks:
        total += max(block.limit * block.hours - _cheapest(block, prices), 0) * block.nodes
    return total


def shortfalls(prepared: Prepared, outcome: Settlement) -> dict[str, Shortfall]:
    """Of each bid and ask that has not got all that it asked for, why."""
    prices, bought = [each.price for each in outcome.slots], _bought(prepared, outcome)
    sold, found, cut = _sold(prepared, outcome), dict[str, Shortfall](), _cut(prepared, outcome)
    for order in prepared.book.hourly:
        short = order.nodes - bought.get((order.slot, order.order_id), 0)
        if short:
            dear, below = order.limit < prices[order.slot], order.limit < prepared.reserves[order.slot]
            within: Shortfall = "capped" if short <= cut.get(order.order_id, 0) else "rationed"
            found[order.order_id] = "below_reserve" if below else "out_of_the_money" if dear else within
    accepted = {each.block_id for each in outcome.placements}
    for block in prepared.book.blocks:
        if block.order_id not in accepted:
            found[block.order_id] = _block_reason(prepared, block, prices, sold, bought)
    for ask in prepared.book.asks:
        slots = range(ask.first, ask.end)
        if all(sold.get((slot, ask.order_id), 0) == ask.nodes for slot in slots):
            continue
        given = next(each for each in prepared.given.asks if each.order_id == ask.order_id)
        dear = all(prices[slot] < given.price for slot in slots)
        found[ask.order_id] = "out_of_the_money" if dear else "rationed"
    return found


def _block_reason(
    prepared: Prepared, block: Block, prices: Sequence[int], sold: dict[tuple[int, str], int],
    bought: dict[tuple[int, str], int],
) -> Shortfall:  # fmt: skip
    starts = [start for start in _starts(block) if _cost(block, start, prices) < block.limit * block.hours]
    if not starts:
        return "out_of_the_money"
    if prepared.caps is not None:
        of_group = defaultdict[int, int](int)
        group = {block.order_id: block.group for block in prepared.book.blocks}
        group.update({order.order_id: order.group for order in prepared.book.hourly})
        for (slot, order_id), nodes in bought.items():
            if group[order_id] == block.group:
                of_group[slot] += nodes
        starts = [
            start for start in starts
            if all(of_group[slot] + block.nodes <= prepared.caps[slot] for slot in range(start, start + block.hours))
        ]  # fmt: skip
        if not starts:
            return "capped"
    for ask in prepared.book.asks:
        for start in starts if ask.price <= block.limit else ():
            slots = range(start, start + block.hours)
            if may_start(block, ask, start) and all(
                sold.get((slot, ask.order_id), 0) + block.nodes <= ask.nodes for slot in slots
            ):
                return "paradoxically_rejected"
    return "no_room"


def _blocks_wrong(prepared: Prepared, outcome: Settlement) -> Iterator[str]:
    seen = set[str]()
    for block_id, start, ask_id in outcome.placements:
        block, ask = prepared.block_by_id.get(block_id), prepared.ask_by_id.get(ask_id)
        if block is None or ask is None or block_id in seen or not may_start(block, ask, start):
            yield f"(b) {block_id} cannot be accepted on {ask_id} from slot {start}"
            continue
        seen.add(block_id)
        prices = [each.price for each in outcome.slots]
        if _cost(block, start, prices) > block.limit * block.hours:
            yield f"(b) {block_id} is accepted and out of the money"
        if any(prices[slot] < ask.price for slot in range(start, start + block.hours)):
            yield f"(b) {ask_id} is accepted for {block_id} and out of the money"


def _bids_wrong(prepared: Prepared, outcome: Settlement, bought: dict[tuple[int, str], int]) -> Iterator[str]:
    cut = _cut(prepared, outcome)
    for order in prepared.book.hourly:
        got, price = bought.get((order.slot, order.order_id), 0), outcome.slots[order.slot].price
        if got > order.nodes or (got and order.limit < price):
            yield f"(b) {order.order_id} has more than it may, or is out of the money"
        elif got + cut.get(order.order_id, 0) < order.nodes and order.limit > price:
            yield f"(c) {order.order_id} is in the money and is not met in full"
    known = {order.order_id: order.slot for order in prepared.book.hourly}
    for slot, each in enumerate(outcome.slots):
        for order_id, nodes in each.bought:
            if known.get(order_id) != slot or nodes < 1:
                yield f"(a) {order_id} is no order of slot {slot}"


def _asks_wrong(prepared: Prepared, outcome: Settlement, sold: dict[tuple[int, str], int]) -> Iterator[str]:
    floors = list(prepared.reserves)
    for block_id, start, ask_id in outcome.placements:
        block, ask = prepared.block_by_id.get(block_id), prepared.ask_by_id.get(ask_id)
        if block is not None and ask is not None:
            for slot in range(start, start + block.hours):
                floors[slot] = max(floors[slot], ask.price)
    for ask in prepared.book.asks:
        for slot in range(ask.first, ask.end):
            got, price = sold.get((slot, ask.order_id), 0), outcome.slots[slot].price
            if got and price < ask.price:
                yield f"(b) {ask.order_id} sells in slot {slot} and is out of the money"
            elif got < ask.nodes and ask.price < price and price > floors[slot]:
                yield f"(c) {ask.order_id} is in the money in slot {slot} and is not met in full"


def _cut(prepared: Prepared, outcome: Settlement) -> dict[str, int]:
    """What the caps may have cut off each hourly bid: its group's best bids come first."""
    if prepared.caps is None:
        return {}
    left, cut = dict[tuple[int, str], int](), dict[str, int]()
    for block_id, start, _ in outcome.placements:
        block = prepared.block_by_id.get(block_id)
        if block is not None:
            for slot in range(start, start + block.hours):
                left[slot, block.group] = left.get((slot, block.group), prepared.caps[slot]) - block.nodes
    for order in sorted(prepared.book.hourly, key=lambda each: (-each.limit, each.seq)):
        key = order.slot, order.group
        room = max(left.get(key, prepared.caps[order.slot]), 0)
        left[key] = room - min(room, order.nodes)
        cut[order.order_id] = order.nodes - min(room, order.nodes)
    return cut


def _sold(prepared: Prepared, outcome: Settlement) -> dict[tuple[int, str], int]:
    """The nodes that each ask sells in each slot, to blocks and hourly bids."""
    sold = defaultdict[tuple[int, str], int](int)
    for slot, each in enumerate(outcome.slots):
        for ask_id, nodes in each.sold:
            sold[slot, ask_id] += nodes
    for block_id, start, ask_id in outcome.placements:
        block = prepared.block_by_id.get(block_id)
        if block is not None:
            for slot in range(start, start + block.hours):
                sold[slot, ask_id] += block.nodes
    return dict(sold)


def _bought(prepared: Prepared, outcome: Settlement) -> dict[tuple[int, str], int]:
    """The nodes that each bid has in each slot."""
    bought = {
        (slot, order_id): nodes for slot, each in enumerate(outcome.slots) for order_id, nodes in each.bought
    }  # fmt: skip
    for block_id, start, _ in outcome.placements:
        block = prepared.block_by_id.get(block_id)
        if block is not None:
            for slot in range(start, start + block.hours):
                bought[slot, block_id] = block.nodes
    return bought


def _surplus(prepared: Prepared, outcome: Settlement) -> int:
    """The surplus order by order."""
    limits = {order.order_id: order.limit for order in prepared.book.hourly}
    limits.update({block.order_id: block.limit for block in prepared.book.blocks})
    asks = {each.order_id: each.price for each in prepared.book.asks}
    total = sum(limits.get(order_id, 0) * nodes for (_, order_id), nodes in _bought(prepared, outcome).items())
    return total - sum(asks.get(ask_id, 0) * nodes for (_, ask_id), nodes in _sold(prepared, outcome).items())


def _starts(block: Block) -> range:
    return range(block.earliest, block.latest + 1)


def _cost(block: Block, start: int, prices: Sequence[int]) -> int:
    return sum(prices[start : start + block.hours])


def _cheapest(block: Block, prices: Sequence[int]) -> int:
    return min(_cost(block, start, prices) for start in _starts(block))


def gap_bps(surplus: int, most: int) -> int:
    """How far a surplus is below its bound, in basis points of the bound, rounded up."""
    return 0 if most <= 0 else -(-(most - surplus) * 10_000 // most)
