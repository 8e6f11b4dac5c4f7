"""The fast book and its naive twin make the same plans and have the same state after every step of generated flows."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.matching import ladder, sieve, waiting_bids
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.orders import Bid, Match, Offer, Plan, Prevented, Tried
from counterfoil.matching.position_state import Room
from tests.matching.books import RULES_OF_MATCHING, RuledBook

NOW = 490_000
WHOLE = 1_000_000  # more than there ever is
GROUPS = ("g1", "g2", "g3", "g4")
STP = ("taker", "maker", "both")
CURRENCIES = ("CNY",) * 9 + ("EUR",)
# nodes, hours, (earliest, latest) from the ledger's hour on
PROBES = (
    (1, 3, (0, 4)), (1, 3, (25, 40)), (3, 2, (0, 60)), (3, 2, (12, 12)), (5, 8, (0, 10)), (5, 8, (20, 60)),
    (8, 1, (0, 0)), (8, 1, (0, 60)),
)  # fmt: skip


def eligible(bid: Bid, offer: Offer, _time: int) -> bool:
    """Programme p1 does not list provider p1, and so on."""
    return bid.programme_id != offer.provider_id


class Twins:
    """The books of both rules, given the same orders and asked the same questions.

    `continues`: passes continue until nothing fits, as from version 2 of the rules. `consents`: related orders end only
    if their own mode says so, as from version 4 on. `uncrosses`: no pair that fits rests, as from version 8 on; then
    whatever may let one fit is followed by all bids meeting the offers anew, and none may be left.
    """

    def __init__(
        self, continues: bool, consents: bool = True, uncrosses: bool = False, bounded: int | None = None
    ) -> None:
        self.uncrosses, self.bounded = uncrosses and continues, bounded if continues else None
        self.held = Counter[tuple[str, str, str, int]]()
        self.books = tuple(
            RuledBook(
                rule, eligible, continues=continues, consents=consents, uncrosses=self.uncrosses, room_of=self.room_of
            )
            for rule in RULES_OF_MATCHING
        )
        self.tifs: dict[str, Any] = {}
        self.seq = 0
        self.floor = NOW
        self.offers: list[str] = []
        self.bids: list[str] = []
        self.unfinished: list[str] = []  # orders whose last pass was cut short

    def room_of(self, group_id: str, class_id: str, region: str, floor_hour: int) -> Room | None:
        """A group gets so many node-hours of each market and day."""
        if self.bounded is None:
            return None
        days = range(floor_hour // 24, floor_hour // 24 + 20)
        return Room(days[0], [self.bounded - self.held[group_id, class_id, region, day] for day in days])

    def post_offer(self, terms: dict[str, Any], tif: Any, floor: int, bound: int) -> Plan:
        """An incoming offer: plan, then carry out."""
        self.seq += 1
        offer = Offer(offer_id=f"o{self.seq}", seq=self.seq, gpus_per_node=8, **terms)
        self.tifs[offer.offer_id] = tif
        before = self.books[0].digest()
        plan = self._agreed([book.plan_offer(offer, tif, floor, bound) for book in self.books])
        self._is_first_part(plan, self.books[0].plan_offer(offer, tif, floor, WHOLE))
        assert self.books[0].digest() == before
        for book in self.books:
            book.add_offer(replace(offer))
        self._carry_out(plan, offer.offer_id)
        return plan

    def place_bid(self, terms: dict[str, Any], tif: Any, floor: int, bound: int) -> Plan:
        """An incoming bid: plan, then carry out."""
        self.seq += 1
        bid = Bid(bid_id=f"b{self.seq}", seq=self.seq, beneficiary_id="firm", **terms)
        self.tifs[bid.bid_id] = tif
        before = self.books[0].digest()
        plan = self._agreed([book.plan_bid(bid, tif, floor, bound) for book in self.books])
        self._is_first_part(plan, self.books[0].plan_bid(bid, tif, floor, WHOLE))
        assert self.books[0].digest() == before
        for book in self.books:
            book.add_bid(replace(bid))
        self._carry_out(plan, bid.bid_id)
        return plan

    def go_on(self, order_id: str, floor: int, bound: int) -> Plan:
        """A further pass of a resting order."""
        before, tif = self.books[0].digest(), self.tifs[order_id]
        plans = [book.plan_more(order_id, tif, floor, bound) for book in self.books]
        self._is_first_part(plans[0], self.books[0].plan_more(order_id, tif, floor, WHOLE))
        assert self.books[0].digest() == before
        self._carry_out(self._agreed(plans), order_id)
        return plans[0]

    def meet(self, bound: int) -> None:
        """All bids meet the offers anew, over as many plans as it takes; then no pair fits."""
        line = list(self.bids_in_line())
        while line:
            before = self.books[0].digest()
            tried, other = (book.plan_bids(line, self.floor, bound) for book in self.books)
            assert tried == other
            assert self.books[0].digest() == before
            self._is_best(tried)
            self._carry_out(Plan(tried.matches, tried.prevented, rests=True), "")
            line = [bid_id for bid_id in line[tried.bids :] if self.books[1].bid(bid_id) is not None]
        assert not self.books[1].crossed(self.floor)

    def bids_in_line(self) -> list[str]:
        """The resting bids, the best limit first."""
        return [record[1] for record in self.books[1].records() if record[0] == "bid"]

    def _is_best(self, tried: Tried) -> None:
        """The first of what happens is the best pair of its moment."""
        first: list[Match | Prevented] = [*tried.matches[:1], *tried.prevented[:1]]
        if first:
            bid, offer = self.books[1].crossed(self.floor)[0]
            assert (bid.bid_id, offer.offer_id) in [(each.bid_id, each.offer_id) for each in first]

    def remove(self, order_id: str) -> None:
        """Cancel or expire a resting order."""
        for book in self.books:
            if book.bid(order_id) is not None:
                book.remove_bid(order_id)
            else:
                book.remove_offer(order_id)

    def reduce(self, order_id: str, by_nodes: int) -> None:
        """Both reduce the order, or both refuse."""
        outcomes = []
        for book in self.books:
            try:
                if book.bid(order_id) is not None:
                    book.reduce_bid(order_id, by_nodes)
                else:
                    book.reduce_offer(order_id, by_nodes)
                outcomes.append(True)
            except InvariantViolation:
                outcomes.append(False)
        assert outcomes[0] == outcomes[1]

    def sweep(self, hours: int) -> None:
        """Time advances: what can no longer be delivered expires."""
        self.floor += hours
        for order_id in self.offers:
            offer = self.books[1].offer(order_id)
            if offer is not None and offer.window_end - offer.min_hours < self.floor:
                self.remove(order_id)
        for order_id in self.bids:
            bid = self.books[1].bid(order_id)
            if bid is not None and bid.latest < self.floor:
                self.remove(order_id)
        self.look()

    def look(self) -> None:
        """Compare the books and note what rests."""
        fast, naive = ([*book.records()] for book in self.books)
        assert fast == naive
        assert self.books[0].digest() == self.books[1].digest()
        self.offers = [record[1] for record in naive if record[0] == "offer"]
        self.bids = [record[1] for record in naive if record[0] == "bid"]
        self.unfinished = [order_id for order_id in self.unfinished if order_id in self.offers + self.bids]

    def probe(self) -> None:
        """Ask for the same few shapes again and again, so that a book's caches about them are used."""
        for nodes, hours, starts in PROBES:
            earliest, latest = (self.floor + hour for hour in starts)
            bid = Bid(
                bid_id="probe", seq=0, beneficiary_id="firm", group_id="nobody", programme_id="p0", currency="CNY",
                classes=("a", "b"), regions=("r", "s"), nodes=nodes, hours=hours, earliest=earliest, latest=latest,
                limit_price=1_000,
            )  # fmt: skip
            self._agreed([book.plan_bid(bid, "IOC", self.floor, 1) for book in self.books])

    def _agreed(self, plans: list[Plan]) -> Plan:
        assert plans[0] == plans[1]
        return plans[0]

    def _is_first_part(self, plan: Plan, whole: Plan) -> None:
        """Where passes continue, the bound decides how long a plan is, and nothing else."""
        if self.books[0].continues:
            assert plan.refusal == whole.refusal
            assert plan.matches == whole.matches[: len(plan.matches)]
            assert plan.prevented == whole.prevented[: len(plan.prevented)]
            is_whole = plan.matches == whole.matches and plan.prevented == whole.prevented
            assert plan == whole if is_whole else plan.more and plan.first is None
            assert plan.first is not None or plan.more is not is_whole

    def _carry_out(self, plan: Plan, taker_id: str) -> None:
        assert not plan.more or plan.rests
        first = [] if plan.first is None else [plan.first]
        self.unfinished = first + [each for each in self.unfinished if each != taker_id] + [taker_id] * plan.more
        assert plan.refusal is None or plan == Plan(refusal=plan.refusal)
        for match in plan.matches:
            self._hold(match)
        for book in self.books:
            for match in plan.matches:
                bid = book.bid(match.bid_id)
                offer = book.offer(match.offer_id)
                assert bid is not None
                assert offer is not None
                assert offer.price <= match.price <= bid.limit_price
                assert bid.group_id != offer.group_id
                book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, bid.hours)
            for prevented in plan.prevented:
                self._is_asked_for(book, prevented, taker_id)
                if prevented.cancels_bid and prevented.bid_id != taker_id:
                    book.remove_bid(prevented.bid_id)
                if prevented.cancels_offer and prevented.offer_id != taker_id:
                    book.remove_offer(prevented.offer_id)
            if not plan.rests and book.bid(taker_id) is not None:
                book.remove_bid(taker_id)
            if not plan.rests and book.offer(taker_id) is not None:
                book.remove_offer(taker_id)

    def _hold(self, match: Match) -> None:
        """The group of the buyer has more, and never more than it may."""
        bid, offer = self.books[1].bid(match.bid_id), self.books[1].offer(match.offer_id)
        for hour in range(match.first_hour, match.first_hour + bid.hours):
            self.held[bid.group_id, offer.class_id, offer.region, hour // 24] += match.nodes
        assert self.bounded is None or max(self.held.values()) <= self.bounded

    def _is_asked_for(self, book: RuledBook, prevented: Prevented, taker_id: str) -> None:
        """No order of another party ends that rests, unless its own mode says that it may."""
        if self.uncrosses:  # the later of the two takes
            taker_id = max(prevented.bid_id, prevented.offer_id, key=lambda order_id: int(order_id[1:]))
        ends = prevented.offer_id if taker_id == prevented.bid_id else prevented.bid_id
        cancelled = prevented.cancels_offer if ends == prevented.offer_id else prevented.cancels_bid
        maker = book.offer(ends) or book.bid(ends)
        if self.books[0].consents and cancelled:
            assert maker.stp != "taker"


OFFERS = st.fixed_dictionaries({
    "provider_id": st.sampled_from(("p1", "p2", "p3")), "group_id": st.sampled_from(GROUPS),
    "class_id": st.sampled_from("aab"), "region": st.sampled_from("rrs"), "currency": st.sampled_from(CURRENCIES),
    "price": st.integers(1, 4), "nodes": st.integers(2, 12), "min_nodes": st.sampled_from((1, 1, 1, 3)),
    "min_hours": st.sampled_from((1, 1, 1, 4)), "stp": st.sampled_from(STP),
    "window": st.tuples(st.integers(-5, 15), st.integers(8, 60)), "reclaim_notice": st.sampled_from((0, 0, 12, 24)),
})  # fmt: skip
BIDS = st.fixed_dictionaries({
    "group_id": st.sampled_from(("g1", "g2", *(f"firm{n}" for n in range(10)))),
    "programme_id": st.sampled_from(("p0", "p0", "p0", "p1")), "currency": st.sampled_from(CURRENCIES),
    "classes": st.sampled_from((("a",), ("a", "b"), ("a", "b"), ("b",))),
    "regions": st.sampled_from((("r",), ("r", "s"), ("r", "s"), ("s",))),
    "nodes": st.sampled_from((1, 2, 2, 3, 3, 5, 9)), "hours": st.sampled_from((1, 2, 3, 3, 8, 8, 20)),
    "limit_price": st.integers(2, 6), "partial": st.booleans(), "min_nodes": st.sampled_from((1, 1, 2, 4)),
    "stp": st.sampled_from(STP), "post_only": st.sampled_from((False, False, False, True)),
    "starts": st.tuples(st.integers(-5, 30), st.integers(0, 30)), "min_notice": st.sampled_from((0, 0, 0, 13)),
})  # fmt: skip
BOUNDS = st.sampled_from((1, 2, 3, 50))
FLOORS = st.integers(-15, 6)  # relative to the ledger's hour


def placed(terms: dict[str, Any], floor: int) -> dict[str, Any]:
    """Terms of an order with its relative hours made absolute."""
    terms = dict(terms)
    if "window" in terms:
        start, length = terms.pop("window")
        return terms | {"window_start": floor + start, "window_end": floor + start + length}
    earliest, span = terms.pop("starts")
    terms["min_nodes"] = min(terms["min_nodes"], terms["nodes"])
    return terms | {"earliest": floor + earliest, "latest": floor + earliest + span}


class BooksAgree(RuleBasedStateMachine):
    """Generated flows, with the ladder's blocks and memory so small that splits and evictions happen all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = (ladder.BLOCK_OFFERS_MAX, ladder.OUTLINES_PER_OFFER_MAX, ladder.ORIGIN_HOURS_MAX)
        self.sieved = (ladder.UNSIEVED_MAX, sieve.FEW, waiting_bids.BLOCK_BIDS_MAX)
        ladder.BLOCK_OFFERS_MAX, ladder.OUTLINES_PER_OFFER_MAX, ladder.ORIGIN_HOURS_MAX = 2, 2, 8
        ladder.UNSIEVED_MAX, sieve.FEW, waiting_bids.BLOCK_BIDS_MAX = 1, 2, 2

    def teardown(self) -> None:
        ladder.BLOCK_OFFERS_MAX, ladder.OUTLINES_PER_OFFER_MAX, ladder.ORIGIN_HOURS_MAX = self.kept
        ladder.UNSIEVED_MAX, sieve.FEW, waiting_bids.BLOCK_BIDS_MAX = self.sieved

    @initialize(
        bids=st.lists(BIDS, min_size=4, max_size=16),
        offers=st.lists(OFFERS, max_size=6),
        bound=BOUNDS,
        modes=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.sampled_from((None, 5, 12, 40))),
    )
    def fill_books(
        self,
        bids: list[dict[str, Any]],
        offers: list[dict[str, Any]],
        bound: int,
        modes: tuple[bool, bool, bool, int | None],
    ) -> None:
        self.twins = Twins(*modes)
        for terms in bids:
            self.twins.place_bid(placed(terms, NOW), "GTC", NOW, 50)
        for terms in offers:
            self.twins.post_offer(placed(terms, NOW), "GTC", NOW, bound)

    @rule(terms=OFFERS, tif=st.sampled_from(("GTC", "GTC", "GTD", "IOC")), floor=FLOORS, bound=BOUNDS)
    def post_offer(self, terms: dict[str, Any], tif: str, floor: int, bound: int) -> None:
        self.twins.post_offer(placed(terms, self.twins.floor), tif, self.twins.floor + floor, bound)

    @rule(terms=BIDS, tif=st.sampled_from(("GTC", "GTC", "GTD", "IOC", "FOK")), floor=FLOORS, bound=BOUNDS)
    def place_bid(self, terms: dict[str, Any], tif: str, floor: int, bound: int) -> None:
        self.twins.place_bid(placed(terms, self.twins.floor), tif, self.twins.floor + floor, bound)

    @precondition(lambda self: self.twins.unfinished)
    @rule(bound=BOUNDS)
    def go_on(self, bound: int) -> None:
        self.twins.go_on(self.twins.unfinished[0], self.twins.floor, bound)

    @precondition(lambda self: self.twins.uncrosses)
    @rule(bound=BOUNDS)
    def meet(self, bound: int) -> None:
        self.twins.meet(bound)

    @precondition(lambda self: self.twins.offers or self.twins.bids)
    @rule(which=st.randoms(use_true_random=False), bound=BOUNDS)
    def another_pass(self, which: random.Random, bound: int) -> None:
        order_id = which.choice(self.twins.offers + self.twins.bids)
        bid = self.twins.books[1].bid(order_id)
        if bid is None or not bid.post_only:
            self.twins.go_on(order_id, self.twins.floor, bound)

    @precondition(lambda self: self.twins.offers or self.twins.bids)
    @rule(which=st.randoms(use_true_random=False))
    def cancel(self, which: random.Random) -> None:
        self.twins.remove(which.choice(self.twins.offers + self.twins.bids))

    @precondition(lambda self: self.twins.offers or self.twins.bids)
    @rule(which=st.randoms(use_true_random=False), by_nodes=st.integers(0, 4))
    def reduce(self, which: random.Random, by_nodes: int) -> None:
        self.twins.reduce(which.choice(self.twins.offers + self.twins.bids), by_nodes)

    @precondition(lambda self: self.twins.offers or self.twins.bids)
    @rule(which=st.randoms(use_true_random=False), group=st.sampled_from(GROUPS))
    def regroup(self, which: random.Random, group: str) -> None:
        order_id = which.choice(self.twins.offers + self.twins.bids)
        for book in self.twins.books:
            book.regroup(order_id, group)

    @rule(hours=st.integers(1, 24))
    def sweep(self, hours: int) -> None:
        self.twins.sweep(hours)

    @invariant()
    def same_state(self) -> None:
        self.twins.look()
        self.twins.probe()


BooksAgree.TestCase.settings = settings(stateful_step_count=40)
TestBooksAgree = BooksAgree.TestCase


def some_offer(rng: random.Random, floor: int) -> dict[str, Any]:
    """An offer in the one market of the seeded flows."""
    start = floor + rng.randrange(60)
    return {
        "provider_id": f"p{rng.randrange(8)}", "group_id": rng.choice(GROUPS), "class_id": "a", "region": "r",
        "currency": "CNY", "price": 10 + rng.randrange(12), "nodes": rng.randrange(1, 24), "stp": rng.choice(STP),
        "window_start": start, "window_end": start + rng.randrange(12, 100),
    }  # fmt: skip


def some_bid(rng: random.Random, floor: int) -> dict[str, Any]:
    """A bid in the one market of the seeded flows."""
    earliest, nodes = floor + rng.randrange(80), rng.choice((1, 2, 3, 4, 8, 16, 30))
    return {
        "group_id": f"g{rng.randrange(50)}", "programme_id": f"p{rng.randrange(16)}", "currency": "CNY",
        "classes": ("a",), "regions": ("r",), "nodes": nodes, "hours": rng.choice((1, 3, 4, 8, 12, 24, 30)),
        "earliest": earliest, "latest": earliest + rng.randrange(10), "limit_price": 12 + rng.randrange(11),
        "partial": rng.random() < 0.3, "min_nodes": min(2, nodes), "stp": rng.choice(STP),
    }  # fmt: skip


# seed, first orders, the share of offers after them, bound of a pass, matches at least (or the flow means little)
FLOWS: list[tuple[int, str, int, int, int]] = [
    (0, "offers", 10, 8, 150),
    (1, "offers", 10, 8, 150),
    (2, "bids", 50, 3, 150),
    (3, "bids", 50, 50, 150),
]


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize(("seed", "first", "offers_percent", "bound", "matches_min"), FLOWS)
def test_long_flow_over_a_full_book(
    seed: int, first: str, offers_percent: int, bound: int, matches_min: int, continues: bool
) -> None:
    """Seeded flows over some 150 resting orders of one market, with blocks and memory of the real size."""
    rng = random.Random(seed)
    twins = Twins(continues)
    matches = cut_short = 0
    for step in range(450):
        while twins.unfinished:
            cut_short += 1
            matches += len(twins.go_on(twins.unfinished[0], twins.floor, bound).matches)
        if first == "offers" if step < 150 else rng.randrange(100) < offers_percent:
            plan = twins.post_offer(some_offer(rng, twins.floor), "GTC", twins.floor, bound)
        else:
            plan = twins.place_bid(some_bid(rng, twins.floor), rng.choice(("GTC", "GTC", "FOK")), twins.floor, bound)
        matches += len(plan.matches)
        if step % 4 == 0:
            twins.probe()
        if step % 20 == 19:
            twins.look()
            twins.remove(rng.choice(twins.offers + twins.bids))
        if step % 50 == 49:
            twins.sweep(4)
    twins.look()
    assert matches >= matches_min
    assert cut_short >= 20 or bound > 3


@given(
    nodes=st.integers(1, 1_023),
    hours=st.integers(1, 70),
    takes=st.lists(st.tuples(st.integers(1, 700), st.integers(0, 70), st.integers(1, 70)), max_size=8),
    shape=st.tuples(st.integers(1, 1_024), st.integers(1, 71)),
)
def test_capacity_counts_like_a_list(
    nodes: int, hours: int, takes: list[tuple[int, int, int]], shape: tuple[int, int]
) -> None:
    """Bit-sliced counters against a list of integers."""
    capacity, plain = Capacity(nodes, hours), [nodes] * hours
    original = capacity.copy()
    for amount, first, length in takes:
        part = plain[first : first + length]
        if len(part) < length or min(part) < amount:
            with pytest.raises(InvariantViolation):
                capacity.take(amount, first, length)
        else:
            capacity.take(amount, first, length)
            plain[first : first + length] = [left - amount for left in part]
    assert [left for _, length, left in capacity.runs() for _ in range(length)] == plain
    assert all(a[2] != b[2] and a[0] + a[1] == b[0] for a, b in zip(capacity.runs(), capacity.runs()[1:], strict=False))
    assert capacity.is_empty() == (max(plain) == 0)
    n, span = shape
    expected = [h for h in range(hours - span + 1) if min(plain[h : h + span]) >= n]
    assert capacity.starts(n, span) == sum(1 << h for h in expected)
    assert capacity.at_least(n) == sum(1 << h for h in range(hours) if plain[h] >= n)
    assert original.runs() == [(0, hours, nodes)]
