"""The block-bid book, fast: resting orders, and which of them comes first for another order.

The rules R1 to R9 are stated in `naive_book`, which follows them in the simplest way; this module finds the same answer
faster. The offers of one market stand in a `Ladder`, which finds the first one that a bid fits; the bids that
admit a market stand in its queue, best limit first. A bid that admits several markets is in the queue of each, and
looks for its offer in the ladder of each. `continuous` makes plans of what is found here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.ladder import BEFORE_ALL, Fit, Ladder, Rank, RestingOffer, Search, search_for
from counterfoil.matching.orders import (
    Bid,
    Eligible,
    Offer,
    Pass,
    Record,
    Run,
    bid_record,
    digest_records,
    offer_record,
)

Market = tuple[str, str, str]
"""(currency, class, region)"""
_UNTOUCHED: Final[Mapping[str, Capacity]] = {}


class Book:
    """Resting offers and block bids. Searching changes nothing but caches (see `ladder`).

    A change is made as a whole or raises `InvariantViolation`: for an unknown or a repeated id, and for any quantity
    that is not there.
    """

    __slots__ = ("_bids", "_eligible", "_ladders", "_queues", "_resting")

    def __init__(self, eligible: Eligible) -> None:
        """An empty book. `eligible` is asked about pairs that agree in class, region, currency and price."""
        self._eligible = eligible
        self._resting: dict[str, RestingOffer] = {}
        self._bids: dict[str, Bid] = {}
        self._ladders: dict[Market, Ladder] = {}
        self._queues: dict[Market, list[tuple[int, int, str]]] = {}  # (-limit, seq, bid id), sorted

    # searching ------------------------------------------------------------------------------------------------------

    def best_offer(
        self, bid: Bid, remaining: int, now: Pass, after: Rank = BEFORE_ALL,
        planned: Mapping[str, Capacity] = _UNTOUCHED, after_class: str = "",
    ) -> tuple[RestingOffer, Fit] | None:  # fmt: skip
        """R1: the best of the first fitting offers of every market that the bid admits, for `remaining` of its nodes.

        Only offers ranked behind `after` count; `planned` says what would be left of offers, by id, where that is less
        than what the book has. `after_class`: the class of the offer with the rank `after`.
        """
        search = search_for(bid, remaining, now, after, self._eligible, planned)
        if search is None:
            return None
        if bid.performance:
            return self._best_by_performance(bid, search, after_class)
        return self._best_by_price(bid, search)

    def first_that_fits(self, bid: Bid, now: Pass, eligible: Eligible) -> Offer | None:
        """R1 and R2 for the whole of a bid by price that is in no book, with a test of its own for `eligible` pairs."""
        search = search_for(bid, bid.nodes, now, BEFORE_ALL, eligible, _UNTOUCHED)
        best = None if search is None else self._best_by_price(bid, search)
        return None if best is None else best[0].offer

    def _best_by_price(self, bid: Bid, search: Search) -> tuple[RestingOffer, Fit] | None:
        best = None
        if bid.min_notice:
            search = search._replace(eligible=_admitted(search.eligible))
        before = (bid.limit_price + 1, -1)  # ahead of every offer above the limit
        for class_id in bid.classes:
            for region in bid.regions:
                ladder = self._ladders.get((bid.currency, class_id, region))
                found = ladder.first(search, before) if ladder is not None else None
                if found is not None:
                    best, before = found, found[0].rank
        return best

    def _best_by_performance(self, bid: Bid, search: Search, after_class: str) -> tuple[RestingOffer, Fit] | None:
        """The same of a bid by performance, by the price of a milli-TFLOPS; `after` is a rank in `after_class`."""
        after, search = search.after, search._replace(eligible=_admitted(search.eligible))
        passed = next((each.mtflops for each in bid.performance if each.class_id == after_class), 0)
        best, at = None, 0  # milli-TFLOPS of the class of the best
        for each in bid.performance:
            before = (each.limit_price + 1, -1)
            if best is not None:
                before = min(before, _as_dear(best[0].rank, at, each.mtflops))
            if after != BEFORE_ALL:
                search = search._replace(after=_as_dear(after, passed, each.mtflops))
            for region in bid.regions:
                ladder = self._ladders.get((bid.currency, each.class_id, region))
                found = ladder.first(search, before) if ladder is not None else None
                if found is not None:
                    best, at, before = found, each.mtflops, found[0].rank
        return best

    def bids_for(self, offer: Offer, time: int) -> Iterator[Bid]:
        """R1: the resting bids that may trade with an offer at a time (microseconds), best limit first."""
        bids, eligible, most = self._bids, self._eligible, -offer.price
        for minus_limit, _, bid_id in self._queues.get((offer.currency, offer.class_id, offer.region), ()):
            if minus_limit > most:
                return
            bid = bids[bid_id]
            if (not bid.is_particular or bid.admits(offer)) and eligible(bid, offer, time):
                yield bid

    def resting(self, offer_id: str) -> RestingOffer:
        """A resting offer and what is left of it; to look at, never to change."""
        ensure(offer_id in self._resting, "book: no such offer")
        return self._resting[offer_id]

    # changing -------------------------------------------------------------------------------------------------------

    def add_offer(self, offer: Offer) -> None:
        """Rest an offer, nothing of it sold. The matches of its plan are then made with `fill`."""
        ensure(offer.offer_id not in self._resting, "book: offer already there")
        resting = self._resting[offer.offer_id] = RestingOffer(offer)
        self._ladders.setdefault((offer.currency, offer.class_id, offer.region), Ladder()).add(resting)

    def add_bid(self, bid: Bid) -> None:
        """Rest what remains of a bid."""
        ensure(bid.bid_id not in self._bids, "book: bid already there")
        self._bids[bid.bid_id] = bid
        for market in _markets(bid):
            insort(self._queues.setdefault(market, []), (-bid.limit_at(market[1]), bid.seq, bid.bid_id))

    def remove_offer(self, offer_id: str) -> Offer:
        """Take an offer out. What was sold of it stays sold."""
        resting = self.resting(offer_id)
        offer = resting.offer
        market = (offer.currency, offer.class_id, offer.region)
        self._ladders[market].remove(resting)
        if self._ladders[market].is_empty():
            del self._ladders[market]
        del self._resting[offer_id]
        return offer

    def remove_bid(self, bid_id: str) -> Bid:
        """Take a bid out."""
        ensure(bid_id in self._bids, "book: no such bid")
        bid = self._bids.pop(bid_id)
        for market in _markets(bid):
            queue = self._queues[market]
            del queue[bisect_left(queue, (-bid.limit_at(market[1]), bid.seq, bid_id))]
            if not queue:
                del self._queues[market]
        return bid

    def fill(self, offer_id: str, bid_id: str, nodes: int, first_hour: int, hours: int) -> None:
        """Carry out a match.

        Of a bid in the book, the filled nodes no longer remain, and when none do it leaves the book; the caller tracks
        what remains of a bid that is not in the book.
        """
        resting, bid = self.resting(offer_id), self._bids.get(bid_id)
        ensure(bid is None or bid.remaining >= nodes, "book: more than the bid asks for")
        resting.take(nodes, first_hour, hours)
        if bid is not None:
            bid.remaining -= nodes
            if bid.remaining == 0:
                self.remove_bid(bid_id)

    def reduce_bid(self, bid_id: str, by_nodes: int) -> None:
        """Lower what remains of a bid, but not to nothing (that is a removal); it keeps its priority."""
        ensure(bid_id in self._bids and 1 <= by_nodes < self._bids[bid_id].remaining, "book: cannot reduce the bid")
        self._bids[bid_id].remaining -= by_nodes

    def can_reduce_offer(self, offer_id: str, by_nodes: int) -> bool:
        """Whether that much is unsold in every hour, and less than the whole offer (that is a removal)."""
        resting = self.resting(offer_id)
        return 1 <= by_nodes < resting.offer.nodes and resting.capacity.at_least(by_nodes) == resting.capacity.full

    def reduce_offer(self, offer_id: str, by_nodes: int) -> None:
        """Lower an offer in every hour; it keeps its priority."""
        ensure(self.can_reduce_offer(offer_id, by_nodes), "book: cannot reduce the offer")
        resting = self._resting[offer_id]
        resting.offer.nodes -= by_nodes
        resting.take(by_nodes, resting.offer.window_start, resting.offer.window_end - resting.offer.window_start)

    def amend_bid(self, bid_id: str, limit_price: int, seq: int) -> None:
        """Give a bid another limit, and the place in line that goes with `seq`."""
        bid = self.remove_bid(bid_id)
        bid.limit_price, bid.seq = limit_price, seq
        self.add_bid(bid)

    def amend_offer(self, offer_id: str, price: int, seq: int) -> None:
        """The same for an offer's price; what is sold of it stays sold."""
        resting = self.resting(offer_id)
        ladder = self._ladders[resting.offer.currency, resting.offer.class_id, resting.offer.region]
        ladder.remove(resting)
        resting.rank_anew(price, seq)
        ladder.add(resting)

    def regroup(self, order_id: str, group_id: str) -> None:
        """The order's owner belongs to another group of related parties; nothing if the order does not rest."""
        order = self.bid(order_id) or self.offer(order_id)
        if order is not None:
            order.group_id = group_id

    # looking --------------------------------------------------------------------------------------------------------

    def offer(self, offer_id: str) -> Offer | None:
        """The resting offer, if it is there."""
        resting = self._resting.get(offer_id)
        return None if resting is None else resting.offer

    def bid(self, bid_id: str) -> Bid | None:
        """The resting bid, if it is there."""
        return self._bids.get(bid_id)

    def residual(self, offer_id: str) -> tuple[Run, ...]:
        """What is left of an offer, as (first hour, hours, nodes) runs that cover its window, zeros included."""
        resting = self.resting(offer_id)
        origin = resting.offer.window_start
        return tuple((origin + first, hours, nodes) for first, hours, nodes in resting.capacity.runs())

    def records(self) -> Iterator[Record]:
        """Every resting order in canonical form: offers by (price, seq), then bids by (limit down, seq)."""
        for resting in sorted(self._resting.values(), key=attrgetter("rank")):
            yield offer_record(resting.offer, self.residual(resting.offer.offer_id))
        for bid in sorted(self._bids.values(), key=lambda bid: (-bid.limit_price, bid.seq)):
            yield bid_record(bid)

    def digest(self) -> str:
        """SHA-256 (hex) over the records."""
        return digest_records(self.records())


def _admitted(eligible: Eligible) -> Eligible:
    """The same test, of offers that the bid admits alone."""
    return lambda bid, offer, time: bid.admits(offer) and eligible(bid, offer, time)


def _as_dear(rank: Rank, mtflops: int, other: int) -> Rank:
    """Where an offer of a class stands among those of another class, by the price of a milli-TFLOPS, then seq."""
    price, seq = rank
    whole, rest = divmod(price * other, mtflops)
    return (whole + 1, -1) if rest else (whole, seq)


def _markets(bid: Bid) -> list[Market]:
    return [(bid.currency, class_id, region) for class_id in bid.classes for region in bid.regions]
