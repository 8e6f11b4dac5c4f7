"""A book of orders by price, then time: which two meet next, how much of them, and at what price.

Plain price-time priority, and no rule besides: an order is placed, and leaves when it is taken out or nothing of it is
left. While the best bid pays what the best offer asks for, `pair` names these two; the price is that of the one that
was there before. Who calls judges the pair (who may trade with whom, within which bounds), then takes its quantity from
both, or takes one of them out. So the book that a market of credit decides by is also one that trades on arrival:
place an order, then take pairs until there is none.

Each price has a queue in the order of time, and each side its prices in order, the best at the end. Placing, taking
and leaving cost the same however many orders there are, but for a price that is new or no more: it is found by
bisection, and moves the prices that are better. An order that leaves stays in its queue as a gap, until gaps are the
most of it: so memory is that of what is open. Gaps are passed over as orders leave, and looking writes nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final

import msgspec

from counterfoil.contract.ensure import InvariantViolation

Time = tuple[int, int]
"""The place in time of an order, which no other of the book has: the lower was there before."""
_GAPS_MIN: Final = 16  # below so many a queue is left as it is


class Pair(msgspec.Struct, frozen=True, gc=False):
    """Two orders that meet: the one that was there before, the other, and how much of both trades at what price."""

    maker_id: str
    taker_id: str
    quantity: int
    price: int
    bid_takes: bool

    @property
    def offer_id(self) -> str:
        """The one of the two that sells."""
        return self.maker_id if self.bid_takes else self.taker_id

    @property
    def bid_id(self) -> str:
        """The one that buys."""
        return self.taker_id if self.bid_takes else self.maker_id


class _Order(msgspec.Struct, gc=False):
    """`rank`: of its price on its side, the higher the better. `quantity`: 0 if it has left."""

    order_id: str
    is_bid: bool
    rank: int
    quantity: int
    time: Time


class _Queue(msgspec.Struct):
    """The orders of one price in the order of time, with gaps; `first` is where the first of `count` orders stands.

    `last`: no order of it came later.
    """

    orders: list[_Order]
    last: Time
    count: int = 1
    first: int = 0


class _Side:
    """The bids or the offers. `ranks`: of the prices that have orders, sorted."""

    __slots__ = ("count", "queues", "ranks")

    def __init__(self) -> None:
        self.queues: dict[int, _Queue] = {}
        self.ranks: list[int] = []
        self.count = 0


class PriceBook:
    """Bids and offers of one thing. A change is made as a whole, or raises `InvariantViolation`."""

    __slots__ = ("_bids", "_offers", "_orders")

    def __init__(self) -> None:
        self._bids, self._offers = _Side(), _Side()
        self._orders: dict[str, _Order] = {}

    # changing -------------------------------------------------------------------------------------------------------

    def place(self, order_id: str, is_bid: bool, price: int, quantity: int, time: Time) -> None:
        """Put an order (quantity >= 1) in the queue of its price, where its time belongs: as a rule, last."""
        side, rank = (self._bids, price) if is_bid else (self._offers, -price)
        order = _Order(order_id, is_bid, rank, quantity, time)
        if quantity < 1 or self._orders.setdefault(order_id, order) is not order:
            raise InvariantViolation("price book: no quantity, or an order already there")
        side.count += 1
        queue = side.queues.get(rank)
        if queue is None:
            side.queues[rank] = _Queue([order], time)
            insort(side.ranks, rank)
            return
        queue.count += 1
        if queue.last < time:
            queue.orders.append(order)
            queue.last = time
        else:  # it was there before, and comes back to its place
            queue.orders, queue.first = sorted([*filter(_rests, queue.orders), order], key=_time), 0

    def take(self, order_id: str, quantity: int) -> None:
        """Take a quantity of an order, which keeps its place; of which nothing is left, it leaves."""
        order = self._orders.get(order_id)
        if order is None or not 1 <= quantity <= order.quantity:
            raise InvariantViolation("price book: nothing to take")
        if quantity == order.quantity:
            self.remove(order_id)
        else:
            order.quantity -= quantity

    def resize(self, order_id: str, quantity: int) -> None:
        """Give an order another quantity (>= 1); it keeps its place."""
        if quantity < 1 or order_id not in self._orders:
            raise InvariantViolation("price book: no quantity, or no such order")
        self._orders[order_id].quantity = quantity

    def remove(self, order_id: str) -> int:
        """Take an order out; what was left of it."""
        order = self._orders.pop(order_id, None)
        if order is None:
            raise InvariantViolation("price book: no such order")
        left, order.quantity = order.quantity, 0
        side, rank = self._bids if order.is_bid else self._offers, order.rank
        side.count -= 1
        queue = side.queues[rank]
        queue.count -= 1
        orders = queue.orders
        if not queue.count:
            del side.queues[rank]
            if side.ranks[-1] == rank:
                side.ranks.pop()
            else:
                del side.ranks[bisect_left(side.ranks, rank)]
        elif len(orders) > _GAPS_MIN + 2 * queue.count:
            queue.orders, queue.first = [*filter(_rests, orders)], 0
        elif orders[queue.first] is order:
            first = queue.first + 1
            while not orders[first].quantity:
                first += 1
            queue.first = first
        return left

    # looking --------------------------------------------------------------------------------------------------------

    def pair(self) -> Pair | None:
        """The two orders that meet next; None if the best bid pays less than the best offer asks for."""
        bids, offers = self._bids, self._offers
        if not bids.ranks or not offers.ranks:
            return None
        bid_rank, offer_rank = bids.ranks[-1], offers.ranks[-1]
        if bid_rank + offer_rank < 0:
            return None
        bid_queue, offer_queue = bids.queues[bid_rank], offers.queues[offer_rank]
        bid, offer = bid_queue.orders[bid_queue.first], offer_queue.orders[offer_queue.first]
        quantity = min(bid.quantity, offer.quantity)
        if offer.time < bid.time:
            return Pair(offer.order_id, bid.order_id, quantity, -offer_rank, True)
        return Pair(bid.order_id, offer.order_id, quantity, bid_rank, False)

    def is_crossed(self) -> bool:
        """Whether two orders meet."""
        bids, offers = self._bids.ranks, self._offers.ranks
        return bool(bids and offers) and bids[-1] + offers[-1] >= 0

    def quantity(self, order_id: str) -> int:
        """What the book has of an order; 0 if it is not there."""
        order = self._orders.get(order_id)
        return 0 if order is None else order.quantity

    def count(self, bids: bool) -> int:
        """How many orders a side has."""
        return (self._bids if bids else self._offers).count

    def orders(self, bids: bool) -> Iterator[str]:
        """The ids of a side, the best first."""
        side = self._bids if bids else self._offers
        for rank in reversed(side.ranks):
            yield from (each.order_id for each in side.queues[rank].orders if each.quantity)


def _rests(order: _Order) -> bool:
    return order.quantity > 0


def _time(order: _Order) -> Time:
    return order.time
