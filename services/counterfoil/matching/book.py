"""The block-bid book, fast: resting orders, and which of them comes first for another order.

The rules R1 to R11 are stated in `naive_book`, which follows them in the simplest way; this module finds the same
answer faster. The offers of one market stand in a `Ladder`, which finds the first one that a bid fits; the bids that
admit a market stand in its queue, best limit first. A bid that admits several markets is in the queue of each, and
looks for its offer in the ladder of each. `continuous` makes plans of what is found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.ladder import BEFORE_ALL, Fit, Ladder, Rank, RestingOffer, Search, Starts, search_for
from counterfoil.matching.orders import (
    Accepts,
    Bid,
    Eligible,
    Offer,
    Pass,
    Record,
    Run,
    bid_record,
    digest_records,
    least_nodes,
    offer_record,
)
from counterfoil.matching.position_state import Room, RoomOf
from counterfoil.matching.waiting_bids import BidTerms, WaitingBids

Market = tuple[str, str, str]
"""(currency, class, region)"""
Place = tuple[str, str, str]
"""(group, class, region)"""


class Planned(dict[str, Capacity]):
    """What a plan leaves: of offers, by id, and in `rooms` of what a group may still get of a (class, region)."""

    __slots__ = ("rooms",)

    def __init__(self, left: Mapping[str, Capacity] | None = None, rooms: dict[Place, Room] | None = None) -> None:
        super().__init__(left or {})
        self.rooms: dict[Place, Room] = {} if rooms is None else rooms


_UNTOUCHED: Final = Planned()


class Book:
    """Resting offers and block bids. Searching changes nothing but caches (see `ladder`).

    A change is made as a whole or raises `InvariantViolation`: for an unknown or a repeated id, and for any quantity
    that is not there.
    """

    __slots__ = ("_accepts", "_bids", "_eligible", "_ladders", "_queues", "_resting", "_room_of", "_terms")

    def __init__(self, eligible: Eligible, accepts: Accepts | None = None, room_of: RoomOf | None = None) -> None:
        """An empty book. `eligible` is asked about pairs that agree in class, region, currency and price.

        `accepts`: what it says of all pairs of a programme and a provider. `room_of`: what a group may still get of a
        class in a region.
        """
        self._eligible, self._accepts, self._room_of = eligible, accepts, room_of
        self._resting: dict[str, RestingOffer] = {}
        self._bids: dict[str, Bid] = {}
        self._ladders: dict[Market, Ladder] = {}
        self._queues: dict[Market, WaitingBids] = {}
        self._terms = BidTerms()

    # searching ------------------------------------------------------------------------------------------------------

    def best_offer(
        self, bid: Bid, remaining: int, now: Pass, after: Rank = BEFORE_ALL,
        planned: Planned = _UNTOUCHED, after_class: str = "", *, bounded: bool = True,
    ) -> tuple[RestingOffer, Fit] | None:  # fmt: skip
        """R1: the best of the first fitting offers of every market that the bid admits, for `remaining` of its nodes.

        Only offers ranked behind `after` count; `planned` says what would be left of offers, by id, where that is less
        than what the book has. `after_class`: the class of the offer with the rank `after`. `bounded`: whether R11
        holds.
        """
        search = search_for(bid, remaining, now, after, self._eligible, self._accepts, planned)
        if search is None:
            return None
        if bid.performance:
            return self._best_by_performance(bid, search, after_class, planned if bounded else None)
        return self._best_by_price(bid, search, planned if bounded else None)

    def first_that_fits(self, bid: Bid, now: Pass, eligible: Eligible) -> Offer | None:
        """R1 and R2 for the whole of a bid by price that is in no book, with a test of its own for `eligible` pairs."""
        search = search_for(bid, bid.nodes, now, BEFORE_ALL, eligible, None, _UNTOUCHED)
        best = None if search is None else self._best_by_price(bid, search, None)
        return None if best is None else best[0].offer

    def room(self, bid: Bid, class_id: str, region: str, now: Pass, planned: Planned) -> Room | None:
        """R11: what the group of a bid may still get of a class in a region after the plan; None: there is no bound."""
        if self._room_of is None:
            return None
        if planned.rooms:
            found = planned.rooms.get((bid.group_id, class_id, region))
            if found is not None:
                return found
        return self._room_of(bid.group_id, class_id, region, now.floor_hour)

    def _first(
        self, bid: Bid, class_id: str, region: str, search: Search, before: Rank, planned: Planned | None
    ) -> tuple[RestingOffer, Fit] | None:
        """The first that fits in a market; without `planned`, whatever the bid's group may get."""
        ladder = self._ladders.get((bid.currency, class_id, region))
        if ladder is None:
            return None
        if planned is not None:
            room = self.room(bid, class_id, region, search.now, planned)
            if room is not None:
                search = search._replace(room=room)
        return ladder.first(search, before)

    def _best_by_price(self, bid: Bid, search: Search, planned: Planned | None) -> tuple[RestingOffer, Fit] | None:
        best = None
        if bid.min_notice:
            search = search._replace(eligible=_admitted(search.eligible))
        before = (bid.limit_price + 1, -1)  # ahead of every offer above the limit
        for class_id in bid.classes:
            for region in bid.regions:
                found = self._first(bid, class_id, region, search, before, planned)
                if found is not None:
                    best, before = found, found[0].rank
        return best

    def _best_by_performance(
        self, bid: Bid, search: Search, after_class: str, planned: Planned | None
    ) -> tuple[RestingOffer, Fit] | None:
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
                found = self._first(bid, each.class_id, region, search, before, planned)
                if found is not None:
                    best, at, before = found, each.mtflops, found[0].rank
        return best

    def bids_for(self, offer: Offer, time: int, floor_hour: int, starts: Starts) -> Iterator[Bid]:
        """R1: the resting bids that may trade with an offer at a time (microseconds), best limit first.

        Without those that would not fit even if nothing of the offer were sold, and those for which what is left of it
        has no `starts` at all: of these it asks about the first, and of none that is as large. What is left may fall
        while the bids are read.
        """
        queue = self._queues.get((offer.currency, offer.class_id, offer.region))
        if queue is None:
            return
        eligible, accepts, most = self._eligible, self._accepts, -offer.price
        places = self._terms.met_by(offer, floor_hour)
        for members, block in queue.among(places, most):
            if not places & members:
                continue
            for minus_limit, _, place, bid in block:
                if not places >> place & 1 or (bid.is_particular and not bid.admits(offer)):
                    continue
                if minus_limit > most:
                    return
                nodes = least_nodes(bid, bid.remaining)
                if not starts(nodes, bid.hours):
                    places ^= self._terms.as_large(nodes, bid.hours, places)
                elif eligible(bid, offer, time):
                    yield bid
                elif accepts is not None and not accepts(bid.programme_id, offer.provider_id):
                    places &= ~self._terms.of(bid.programme_id)

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
        self._wait(bid)

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
        self._wait_no_more(bid)
        return bid

    def _wait(self, bid: Bid) -> None:
        place = self._terms.add(bid)
        waiting = (-bid.limit_price, bid.seq, place, bid)
        for market in _markets(bid):
            if bid.performance:
                waiting = (-bid.limit_at(market[1]), bid.seq, place, bid)
            self._queues.setdefault(market, WaitingBids()).add(waiting)

    def _wait_no_more(self, bid: Bid) -> None:
        self._terms.remove(bid)
        for market in _markets(bid):
            queue = self._queues[market]
            queue.remove(-bid.limit_at(market[1]), bid.seq)
            if queue.is_empty():
                del self._queues[market]

    def _lower(self, bid: Bid, by_nodes: int) -> None:
        """Fewer nodes remain, but some; where a smaller block will do now, offers are told."""
        least = least_nodes(bid, bid.remaining)
        bid.remaining -= by_nodes
        if least_nodes(bid, bid.remaining) < least:
            self._terms.lowered(bid)

    def fill(self, offer_id: str, bid_id: str, nodes: int, first_hour: int, hours: int) -> None:
        """Carry out a match.

        Of a bid in the book, the filled nodes no longer remain, and when none do it leaves the book; the caller tracks
        what remains of a bid that is not in the book.
        """
        resting, bid = self.resting(offer_id), self._bids.get(bid_id)
        ensure(bid is None or bid.remaining >= nodes, "book: more than the bid asks for")
        resting.take(nodes, first_hour, hours)
        if bid is not None and bid.remaining == nodes:
            bid.remaining = 0
            self.remove_bid(bid_id)
        elif bid is not None:
            self._lower(bid, nodes)

    def reduce_bid(self, bid_id: str, by_nodes: int) -> None:
        """Lower what remains of a bid, but not to nothing (that is a removal); it keeps its priority."""
        ensure(bid_id in self._bids and 1 <= by_nodes < self._bids[bid_id].remaining, "book: cannot reduce the bid")
        self._lower(self._bids[bid_id], by_nodes)

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
