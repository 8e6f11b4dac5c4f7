"""What a sieve passes over, nobody could have taken: asked of every order, and of whole books against the twin."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.orders import Bid, Offer, Pass
from counterfoil.matching.sieve import Sieve

LARGE = {
    "counterfoil.matching.sieve.FEW": 2,
    "counterfoil.matching.ladder.UNSIEVED_MAX": 1,
    "counterfoil.matching.ladder.BLOCK_OFFERS_MAX": 4,
    "counterfoil.matching.waiting_bids.BLOCK_BIDS_MAX": 4,
}
"""Makes small books use what large ones do."""
HOUR = 490_000
NOW = Pass(time=0, floor_hour=HOUR, most=64, continues=True, consents=True, uncrosses=True)
CLASSES, REGIONS = ("a", "b"), ("east", "west")


@pytest.mark.parametrize("seed", range(4))
def test_a_sieve_answers_for_every_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many came, left, changed, and took the places of others."""
    monkeypatch.setattr("counterfoil.matching.sieve.FEW", seed * 9)
    chance, sieve, known = random.Random(seed), Sieve(2), dict[int, tuple[list[int], str]]()
    for _ in range(1_200):
        if known and chance.random() < 0.4:
            place = chance.choice(sorted(known))
            sieve.remove(place, known.pop(place)[1])
        elif known and chance.random() < 0.2:
            place, which = chance.choice(sorted(known)), chance.randrange(2)
            known[place][0][which] = number = chance.randrange(known[place][0][which] + 1)
            sieve.change(place, which, number)
        else:
            numbers, owner = [chance.randrange(1 << chance.randrange(8)) for _ in range(2)], chance.choice("xyz")
            place = sieve.add(tuple(numbers), owner)
            assert place not in known
            known[place] = numbers, owner
        if len(sieve._numbers) <= seed * 9:  # nothing is ruled out yet
            assert sieve.at_least(0, 99, 5) == sieve.at_most(0, 0, 5) == 5
            assert not sieve.knows()
            continue
        which, number = chance.randrange(2), chance.randrange(-1, 140)
        among = sieve.every() if chance.random() < 0.5 else sum(1 << each for each in known if chance.random() < 0.5)
        least, most = sieve.at_least(which, number, among), sieve.at_most(which, number, among)
        for each, (numbers, owner) in known.items():
            asked = bool(among >> each & 1)
            assert bool(least >> each & 1) is (asked and numbers[which] >= number)
            assert bool(most >> each & 1) is (asked and numbers[which] <= number)
            assert bool(sieve.of(owner) >> each & 1)
    assert {owner for owner in "xyz" if sieve.of(owner)} == {owner for _, owner in known.values()}


def eligible(bid: Bid, offer: Offer, _time: int) -> bool:
    return accepts(bid.programme_id, offer.provider_id) and (bid.seq + offer.seq) % 7 != 0


def accepts(programme_id: str, provider_id: str) -> bool:
    return (programme_id, provider_id) not in {("p0", "g0"), ("p1", "g1"), ("p0", "g2")}


def an_offer(chance: random.Random, n: int) -> Offer:
    """Of any terms: many are met by no bid."""
    start, provider = HOUR + chance.choice((-5, 0, 0, 10, 40)), f"g{chance.randrange(4)}"
    return Offer(
        offer_id=f"o{n}", seq=n, provider_id=provider, group_id=provider, class_id=chance.choice(CLASSES),
        region=chance.choice(REGIONS), currency="CNY", price=chance.randint(10, 16), gpus_per_node=8,
        nodes=chance.choice((1, 2, 3, 5, 8, 13)), window_start=start, window_end=start + chance.choice((3, 6, 20, 60)),
        min_nodes=chance.choice((1, 1, 2, 4)), min_hours=chance.choice((1, 1, 3, 5)),
        reclaim_notice=chance.choice((0, 0, 4, 24)),
    )  # fmt: skip


def a_bid(chance: random.Random, n: int) -> Bid:
    """Likewise."""
    earliest, nodes = HOUR + chance.choice((-9, 0, 2, 12, 45)), chance.choice((1, 2, 4, 7, 12, 20))
    return Bid(
        bid_id=f"b{n}", seq=n, beneficiary_id=f"u{n % 9}", group_id=f"u{n % 9}",
        programme_id=f"p{chance.randrange(3)}", currency="CNY", classes=CLASSES[: chance.randint(1, 2)],
        regions=chance.choice((REGIONS, REGIONS[:1])), nodes=nodes, hours=chance.choice((1, 2, 4, 6, 24)),
        earliest=earliest, latest=earliest + chance.choice((0, 5, 30)), limit_price=chance.randint(8, 15),
        partial=chance.random() < 0.5, min_nodes=min(nodes, chance.choice((1, 2, 3))),
        min_notice=chance.choice((0, 0, 0, 6)),
    )  # fmt: skip


class Both:
    """A book and its twin, to which everything happens alike."""

    def __init__(self) -> None:
        self.books: list[tuple[Any, Any]] = [
            (PTW_1, PTW_1.new_book(eligible, accepts)),
            (NAIVE_PTW_1, NAIVE_PTW_1.new_book(eligible)),
        ]

    def arrives(self, order: Bid | Offer) -> int:
        """The matches of an order, which rests if something of it is left and `seq` says so."""
        plans = []
        for rule, book in self.books:
            own: Any = replace(order)
            is_bid = isinstance(own, Bid)
            plan = (rule.bid_arrives if is_bid else rule.offer_arrives)(book, own, "GTC", NOW)
            plans.append(plan)
            rests = plan.rests and not plan.more and order.seq % 3 != 0
            if not is_bid or rests:
                (book.add_bid if is_bid else book.add_offer)(own)
            for match in plan.matches:
                hours = own.hours if is_bid else book.bid(match.bid_id).hours
                book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, hours)
            if not is_bid and not rests:
                book.remove_offer(own.offer_id)
        assert plans[0] == plans[1]
        return len(plans[0].matches)

    def change(self, chance: random.Random) -> None:
        """Reduce or remove somebody's order."""
        naive = self.books[1][1]
        ids = sorted([*naive._bids, *naive._offers])
        if not ids:
            return
        order_id, less = chance.choice(ids), chance.randint(1, 3)
        for _, book in self.books:
            bid = book.bid(order_id)
            if bid is not None and less < bid.remaining:
                book.reduce_bid(order_id, less)
            elif bid is not None:
                book.remove_bid(order_id)
            elif book.can_reduce_offer(order_id, less):
                book.reduce_offer(order_id, less)
            else:
                book.remove_offer(order_id)


@pytest.mark.parametrize(("seed", "as_large"), [(0, True), (1, True), (2, False)])
def test_large_books_plan_as_the_twin_does(seed: int, as_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With so many orders that cannot be met that blocks are split, passed over, and emptied again."""
    if as_large:
        for name, value in LARGE.items():
            monkeypatch.setattr(name, value)
    chance, both, matches, largest = random.Random(seed), Both(), 0, 0
    for n in range(1, 900):
        crowd = n < 600  # orders that mostly rest, then those that take them
        order = an_offer(chance, n) if chance.random() < 0.5 else a_bid(chance, n)
        if crowd and isinstance(order, Offer):
            order = replace(order, price=order.price + 6)
        matches += both.arrives(order)
        if chance.random() < 0.1:
            both.change(chance)
        fast, naive = both.books[0][1], both.books[1][1]
        largest = max(largest, *(len(each._blocks) for each in (*fast._queues.values(), *fast._ladders.values())), 0)
        if n % 60 == 0:
            assert list(fast.records()) == list(naive.records())
    assert matches > 60
    assert largest >= 3


def test_a_bid_that_may_be_smaller_than_before_is_found_again() -> None:
    """When fewer nodes remain than its smallest block, all of them are one; a reduction makes a whole bid smaller."""
    changes: tuple[dict[str, Any], ...] = (
        {"partial": True, "min_nodes": 3, "nodes": 4, "remaining": 4},
        {"partial": False, "min_nodes": 1, "nodes": 4, "remaining": 4},
    )
    for changed in changes:
        chance = random.Random(1)
        plain = replace(
            a_bid(chance, 1), programme_id="p2", hours=2, earliest=HOUR, latest=HOUR + 4, limit_price=15, min_notice=0,
            classes=("a",), regions=("east",), **changed,
        )  # fmt: skip
        offer = replace(
            an_offer(chance, 2), provider_id="g3", group_id="g3", class_id="a", region="east", price=10, nodes=2,
            window_start=HOUR, window_end=HOUR + 10, min_nodes=1, min_hours=1,
        )  # fmt: skip
        for rule in (PTW_1, NAIVE_PTW_1):
            book = rule.new_book(eligible, accepts)
            book.add_bid(replace(plain))
            assert rule.offer_arrives(book, replace(offer), "GTC", NOW).matches == ()
            book.reduce_bid("b1", 2)
            assert [each.nodes for each in rule.offer_arrives(book, replace(offer), "GTC", NOW).matches] == [2]
