"""The block-bid book, fast: contiguous delivery hours matched by price, then time.

The rules R1 to R9 are stated in `naive_book`, which does the same the obvious way; here is only how to find the same
answer sooner. The offers of one market stand in a `Ladder`, which finds the first one that a bid fits; the bids that
admit a market stand in its queue, best limit first. A bid that admits several markets is in the queue of each, and
looks for its offer in the ladder of each.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter

from counterfoil.contract.ensure import ensure
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.ladder import BEFORE_ALL, Fit, Ladder, Lot, Search, fit
from counterfoil.matching.orders import (
    Bid,
    BidTif,
    Eligible,
    Match,
    Offer,
    OfferTif,
    Plan,
    Prevented,
    Record,
    Run,
    bid_record,
    digest_records,
    offer_record,
)

Market = tuple[str, str, str]
"""(currency, class, region)"""


class _Pass:
    """What an incoming order has met so far in one pass (R4, R5, R8), and the plan made of it (R6)."""

    __slots__ = ("_bound", "_matches", "_prevented", "_stp", "is_over", "more")

    def __init__(self, taker: Bid | Offer, max_matches: int) -> None:
        ensure(max_matches >= 1, "book: a pass without matches")
        self._stp = taker.stp
        self._bound = max_matches
        self._matches: list[Match] = []
        self._prevented: list[Prevented] = []
        self.is_over = False  # the remainder of the taker is cancelled
        self.more = False

    def is_bounded(self) -> bool:
        """R8: whether this counterpart is one too many."""
        self.more = len(self._matches) + len(self._prevented) == self._bound
        return self.more

    def match(self, bid: Bid, offer: Offer, block: Fit, price: int) -> None:
        self._matches.append(Match(bid.bid_id, offer.offer_id, *block, price))

    def prevent(self, bid: Bid, offer: Offer, block: Fit, *, bid_is_taker: bool) -> None:
        """R5."""
        self.is_over = taker = self._stp != "maker"
        maker = self._stp != "taker"
        cancels = (taker, maker) if bid_is_taker else (maker, taker)
        self._prevented.append(Prevented(bid.bid_id, offer.offer_id, *block, *cancels))

    def plan(self, tif: BidTif, *, is_filled: bool) -> Plan:
        if tif == "FOK" and not is_filled:
            return Plan(refusal="not_fillable")
        rests = tif in ("GTC", "GTD") and not is_filled and not self.is_over
        return Plan(tuple(self._matches), tuple(self._prevented), rests, None, self.more and rests)


class Book:
    """Resting offers and block bids. Plans change nothing; the changes refuse what is impossible and are then all or
    nothing: `InvariantViolation` is raised for an unknown or a repeated id and for any quantity that is not there.
    """

    __slots__ = ("_bids", "_eligible", "_ladders", "_lots", "_queues")

    def __init__(self, eligible: Eligible) -> None:
        """An empty book. `eligible` is asked about pairs that agree in class, region, currency and price."""
        self._eligible = eligible
        self._lots: dict[str, Lot] = {}
        self._bids: dict[str, Bid] = {}
        self._ladders: dict[Market, Ladder] = {}
        self._queues: dict[Market, list[tuple[int, int, str]]] = {}  # (-limit, seq, bid id), sorted

    # planning -------------------------------------------------------------------------------------------------------

    def plan_bid(self, bid: Bid, tif: BidTif, floor_hour: int, max_matches: int) -> Plan:
        """What a bid does to the resting offers: an incoming one, or a resting one in a further pass (as GTC).

        `floor_hour` is the first hour that can still be delivered; `max_matches` >= 1 bounds matches and preventions.
        """
        remaining, after = bid.remaining, BEFORE_ALL
        found = self._best_offer(Search(bid, remaining, floor_hour, after, self._eligible))
        if bid.post_only and found is not None:
            return Plan(refusal="would_match")  # R7
        done = _Pass(bid, max_matches)
        while found is not None and not done.is_bounded():
            lot, block = found
            after = lot.rank
            if lot.offer.group_id == bid.group_id:
                done.prevent(bid, lot.offer, block, bid_is_taker=True)
            else:
                done.match(bid, lot.offer, block, lot.offer.price)
                remaining -= block[0]
            if done.is_over or not remaining:
                break
            found = self._best_offer(Search(bid, remaining, floor_hour, after, self._eligible))
        return done.plan(tif, is_filled=remaining == 0)

    def _best_offer(self, search: Search) -> tuple[Lot, Fit] | None:
        """R1: the best of the first fitting offers of every market that the bid admits."""
        bid, best = search.bid, None
        before = (bid.limit_price + 1, -1)  # ahead of every offer above the limit
        for class_id in bid.classes:
            for region in bid.regions:
                ladder = self._ladders.get((bid.currency, class_id, region))
                found = ladder.first(search, before) if ladder is not None else None
                if found is not None:
                    best, before = found, found[0].rank
        return best

    def plan_offer(self, offer: Offer, tif: OfferTif, floor_hour: int, max_matches: int) -> Plan:
        """What an incoming offer does to the resting bids; the arguments are those of `plan_bid`."""
        capacity = Capacity(offer.nodes, offer.window_end - offer.window_start)
        return self._plan_offer(offer, capacity, tif, floor_hour, max_matches)

    def continue_offer(self, offer_id: str, floor_hour: int, max_matches: int) -> Plan:
        """What a resting offer does in a further pass, with what is left of it."""
        lot = self._lot(offer_id)
        return self._plan_offer(lot.offer, lot.capacity.copy(), "GTC", floor_hour, max_matches)

    def _plan_offer(self, offer: Offer, capacity: Capacity, tif: OfferTif, floor_hour: int, max_matches: int) -> Plan:
        done = _Pass(offer, max_matches)
        starts = lru_cache(maxsize=256)(capacity.starts)  # many bids have the same shape
        for minus_limit, _, bid_id in self._queues.get((offer.currency, offer.class_id, offer.region), ()):
            if -minus_limit < offer.price or done.is_over or capacity.is_empty():
                break
            bid = self._bids[bid_id]
            block = fit(starts, bid, bid.remaining, offer, floor_hour) if self._eligible(bid, offer) else None
            if block is None:
                continue
            if done.is_bounded():
                break
            if bid.group_id == offer.group_id:
                done.prevent(bid, offer, block, bid_is_taker=False)
            else:
                done.match(bid, offer, block, bid.limit_price)
                nodes, first_hour = block
                capacity.take(nodes, first_hour - offer.window_start, bid.hours)
                starts.cache_clear()
        return done.plan(tif, is_filled=capacity.is_empty())

    # changing -------------------------------------------------------------------------------------------------------

    def add_offer(self, offer: Offer) -> None:
        """Rest an offer, nothing of it sold. The matches of its plan are then carried out with `fill`."""
        ensure(offer.offer_id not in self._lots, "book: offer already there")
        lot = self._lots[offer.offer_id] = Lot(offer)
        self._ladders.setdefault((offer.currency, offer.class_id, offer.region), Ladder()).add(lot)

    def add_bid(self, bid: Bid) -> None:
        """Rest what remains of a bid."""
        ensure(bid.bid_id not in self._bids, "book: bid already there")
        self._bids[bid.bid_id] = bid
        for market in _markets(bid):
            insort(self._queues.setdefault(market, []), (-bid.limit_price, bid.seq, bid.bid_id))

    def remove_offer(self, offer_id: str) -> Offer:
        """Take an offer out. What was sold of it stays sold."""
        lot = self._lot(offer_id)
        offer = lot.offer
        market = (offer.currency, offer.class_id, offer.region)
        self._ladders[market].remove(lot)
        if self._ladders[market].is_empty():
            del self._ladders[market]
        del self._lots[offer_id]
        return offer

    def remove_bid(self, bid_id: str) -> Bid:
        """Take a bid out."""
        ensure(bid_id in self._bids, "book: no such bid")
        bid = self._bids.pop(bid_id)
        for market in _markets(bid):
            queue = self._queues[market]
            del queue[bisect_left(queue, (-bid.limit_price, bid.seq, bid_id))]
            if not queue:
                del self._queues[market]
        return bid

    def fill(self, offer_id: str, bid_id: str, nodes: int, first_hour: int, hours: int) -> None:
        """Carry out a match.

        Of a bid in the book, the filled nodes no longer remain, and when none do it leaves the book; what remains of a
        bid that is not in the book is the caller's to know.
        """
        lot, bid = self._lot(offer_id), self._bids.get(bid_id)
        ensure(bid is None or bid.remaining >= nodes, "book: more than the bid asks for")
        lot.take(nodes, first_hour, hours)
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
        lot = self._lot(offer_id)
        return 1 <= by_nodes < lot.offer.nodes and lot.capacity.at_least(by_nodes) == lot.capacity.full

    def reduce_offer(self, offer_id: str, by_nodes: int) -> None:
        """Lower an offer in every hour; it keeps its priority."""
        ensure(self.can_reduce_offer(offer_id, by_nodes), "book: cannot reduce the offer")
        lot = self._lots[offer_id]
        lot.offer.nodes -= by_nodes
        lot.take(by_nodes, lot.offer.window_start, lot.offer.window_end - lot.offer.window_start)

    # looking --------------------------------------------------------------------------------------------------------

    def offer(self, offer_id: str) -> Offer | None:
        """The resting offer, if it is there."""
        lot = self._lots.get(offer_id)
        return None if lot is None else lot.offer

    def bid(self, bid_id: str) -> Bid | None:
        """The resting bid, if it is there."""
        return self._bids.get(bid_id)

    def residual(self, offer_id: str) -> tuple[Run, ...]:
        """What is left of an offer, as (first hour, hours, nodes) runs that cover its window, zeros included."""
        lot = self._lot(offer_id)
        origin = lot.offer.window_start
        return tuple((origin + first, hours, nodes) for first, hours, nodes in lot.capacity.runs())

    def records(self) -> Iterator[Record]:
        """Every resting order in canonical form: offers by (price, seq), then bids by (limit down, seq)."""
        for lot in sorted(self._lots.values(), key=attrgetter("rank")):
            yield offer_record(lot.offer, self.residual(lot.offer.offer_id))
        for bid in sorted(self._bids.values(), key=lambda bid: (-bid.limit_price, bid.seq)):
            yield bid_record(bid)

    def digest(self) -> str:
        """SHA-256 (hex) over the records."""
        return digest_records(self.records())

    def _lot(self, offer_id: str) -> Lot:
        ensure(offer_id in self._lots, "book: no such offer")
        return self._lots[offer_id]


def _markets(bid: Bid) -> list[Market]:
    return [(bid.currency, class_id, region) for class_id in bid.classes for region in bid.regions]
