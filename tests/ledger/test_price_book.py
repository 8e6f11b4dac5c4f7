"""The price book: a naive twin agrees after every step, and two published flows end in their published digests.

The flows and their digests are described in `services/counterfoil/bench/flows/README.md`.
"""

from __future__ import annotations

import random
from operator import itemgetter
from typing import NamedTuple

import pytest

from counterfoil.bench.strips import FLOWS, Traded, digest, play, read_flow
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.ledger.price_book import Pair, PriceBook


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_the_published_flows_trade_as_other_engines_had_them(flow: object) -> None:
    """Every trade is the same: maker, taker, quantity and price, in order; and so is what is left."""
    assert flow in FLOWS
    told = next(each for each in FLOWS if each is flow)
    book, events = PriceBook(), []
    for part in play(book, read_flow(told)):
        events += part
    trades = [each for each in events if isinstance(each, Traded)]
    left = book.count(bids=True) + book.count(bids=False)
    assert (len(trades), left, digest(trades)) == (told.trades, told.left, told.digest)


class _Known(NamedTuple):
    order_id: str
    is_bid: bool
    price: int
    quantity: int
    time: tuple[int, int]


class _Naive:
    """The same book as a list of orders that is sorted whenever somebody asks."""

    def __init__(self) -> None:
        self.orders: dict[str, _Known] = {}

    def side(self, bids: bool) -> list[_Known]:
        of_side = [each for each in self.orders.values() if each.is_bid is bids]
        return sorted(of_side, key=lambda each: (-each.price if bids else each.price, each.time))

    def pair(self) -> Pair | None:
        bids, offers = self.side(True), self.side(False)
        if not bids or not offers or bids[0].price < offers[0].price:
            return None
        maker, taker = sorted((bids[0], offers[0]), key=itemgetter(4))
        quantity = min(maker.quantity, taker.quantity)
        return Pair(maker.order_id, taker.order_id, quantity, maker.price, taker.is_bid)

    def resize(self, order_id: str, quantity: int) -> None:
        self.orders[order_id] = self.orders[order_id]._replace(quantity=quantity)
        if not quantity:
            del self.orders[order_id]


def _step(chance: random.Random, book: PriceBook, naive: _Naive, gone: list[_Known], n: int) -> None:
    """An order comes, leaves, is taken of or resized, comes back to its old place, or a pair trades."""
    ids = sorted(naive.orders)
    match chance.randrange(10):
        case 0 | 1 | 2 | 3:
            known = _Known(f"o{n}", chance.random() < 0.5, chance.randint(1, 6), chance.randint(1, 9), (n, 0))
            book.place(*known)
            naive.orders[known.order_id] = known
        case 4 | 5 | 6 if ids:
            order_id = chance.choice(ids)
            gone.append(naive.orders.pop(order_id))
            assert book.remove(order_id) == gone[-1].quantity
        case 7 if ids:
            order_id, quantity = chance.choice(ids), chance.randint(1, 9)
            book.resize(order_id, quantity)
            naive.resize(order_id, quantity)
        case 8 if gone:
            known = gone.pop(chance.randrange(len(gone)))
            book.place(*known)
            naive.orders[known.order_id] = known
        case _ if (pair := naive.pair()) is not None:
            for order_id in (pair.maker_id, pair.taker_id):
                book.take(order_id, pair.quantity)
                naive.resize(order_id, naive.orders[order_id].quantity - pair.quantity)
        case _:
            pass


@pytest.mark.parametrize("seed", range(6))
def test_a_naive_book_agrees_after_every_step(seed: int) -> None:
    """Of all orders and their places, of the pair that meets next, and of whether there is one."""
    chance, book, naive, gone, met = random.Random(seed), PriceBook(), _Naive(), list[_Known](), 0
    for n in range(1_500):
        _step(chance, book, naive, gone, n)
        for bids in (True, False):
            side = [(each.order_id, each.quantity) for each in naive.side(bids)]
            assert [(order_id, book.quantity(order_id)) for order_id in book.orders(bids)] == side
            assert book.count(bids) == len(side)
        pair = naive.pair()
        assert (book.pair(), book.is_crossed()) == (pair, pair is not None)
        met += pair is not None
        if chance.random() < 0.02:  # so that queues are short and long
            for order_id in list(naive.orders):
                book.remove(order_id)
            naive.orders.clear()
    assert met > 100


def test_what_left_is_forgotten() -> None:
    """However many orders came and went at a price that has one, and however many prices there were."""
    book = PriceBook()
    book.place("rests", True, 5, 1, (0, 0))
    for n in range(1, 5_000):
        book.place(f"o{n}", True, 5, 1, (n, 0))
        book.place(f"p{n}", False, 10 + n, 1, (n, 1))
        book.remove(f"o{n}")
        book.remove(f"p{n}")
    (queue,) = book._bids.queues.values()
    assert len(queue.orders) < 32
    assert not book._offers.queues
    assert not book._offers.ranks
    assert list(book.orders(bids=True)) == list(book._orders) == ["rests"]


def test_what_cannot_be_done_changes_nothing() -> None:
    """An order that is there, or is not, and quantities that are not there."""
    book = PriceBook()
    book.place("a", True, 5, 3, (1, 0))
    for broken in (
        lambda: book.place("a", True, 5, 1, (2, 0)),
        lambda: book.place("b", True, 5, 0, (2, 0)),
        lambda: book.take("a", 4),
        lambda: book.take("a", 0),
        lambda: book.take("b", 1),
        lambda: book.resize("a", 0),
        lambda: book.resize("b", 1),
        lambda: book.remove("b"),
    ):
        with pytest.raises(InvariantViolation):
            broken()
        assert ([*book.orders(True)], [*book.orders(False)], book.quantity("a")) == (["a"], [], 3)
