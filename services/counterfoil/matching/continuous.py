"""Continuous matching by price, then time: the matching rule PTW-1 over the fast book.

An order that arrives takes the best counterpart that it fits, then the best for what is left, until nothing fits or
nothing is left. The rules R1 to R9 are stated in `naive_book`, whose twin of this rule makes the same plans.

A plan is one entry's part of a pass. If a pass continues, the next plan starts at the top of the book again and finds
exactly what one longer plan would have found next, because each step depends only on the book and on what is left. So
the bound on a plan decides how many entries a pass takes, never what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.matching.book import Book
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.ladder import BEFORE_ALL, Fit, Rank, RestingOffer, fit
from counterfoil.matching.orders import (
    RESTING_TIFS,
    Bid,
    BidTif,
    Eligible,
    Match,
    MatchingRule,
    Offer,
    OfferTif,
    Pass,
    Plan,
    Prevented,
)

_WHOLE: Final = 1 << 30  # more matches and preventions than a book can hold


class _Steps:
    """The taker's counterparts so far in one plan (R4, R5, R8), and the resulting plan (R6)."""

    __slots__ = ("_bound", "_consents", "_matches", "_prevented", "_stp", "is_over", "more")

    def __init__(self, taker: Bid | Offer, now: Pass) -> None:
        ensure(now.most >= 1, "matching: a plan without matches")
        self._stp = taker.stp
        self._bound, self._consents = now.most, now.consents
        self._matches: list[Match] = []
        self._prevented: list[Prevented] = []
        self.is_over = False  # the remainder of the taker is cancelled
        self.more = False

    def is_full(self) -> bool:
        """R8: whether this counterpart is one too many."""
        self.more = len(self._matches) + len(self._prevented) == self._bound
        return self.more

    def match(self, bid: Bid, offer: Offer, block: Fit, price: int) -> None:
        self._matches.append(Match(bid.bid_id, offer.offer_id, *block, price))

    def prevent(self, bid: Bid, offer: Offer, block: Fit, *, bid_is_taker: bool) -> None:
        """R5."""
        resting = offer if bid_is_taker else bid
        asked = bid.beneficiary_id == offer.provider_id or resting.stp != "taker"
        maker = self._stp != "taker" and (asked or not self._consents)
        self.is_over = taker = self._stp != "maker" or not maker
        cancels = (taker, maker) if bid_is_taker else (maker, taker)
        self._prevented.append(Prevented(bid.bid_id, offer.offer_id, *block, *cancels))

    def plan(self, tif: BidTif, continues: bool, is_filled: bool) -> Plan:
        """R6, R8."""
        rests = tif in RESTING_TIFS and not is_filled and not self.is_over
        more = self.more and (rests or continues)
        return Plan(tuple(self._matches), tuple(self._prevented), rests or more, None, more)


class PriceTime:
    """PTW-1 over `Book`."""

    name: Final = "PTW-1"

    def new_book(self, eligible: Eligible) -> Book:
        """An empty book."""
        return Book(eligible)

    def bid_arrives(self, book: Book, bid: Bid, tif: BidTif, now: Pass) -> Plan:
        """The plan of a bid that is not in the book yet."""
        if bid.post_only:  # R7
            found = book.best_offer(bid, bid.remaining, now)
            return Plan(rests=tif in RESTING_TIFS) if found is None else Plan(refusal="would_match")
        if tif != "FOK":
            return _meet_offers(book, bid, tif, now)[0]
        # R6: over the whole book first. If it is more than one entry holds, only the first part of it is planned here.
        plan, left = _meet_offers(book, bid, tif, now._replace(most=_WHOLE) if now.continues else now)
        if left:
            return Plan(refusal="not_fillable")
        fits_entry = len(plan.matches) + len(plan.prevented) <= now.most
        return plan if fits_entry else _meet_offers(book, bid, tif, now)[0]

    def offer_arrives(self, book: Book, offer: Offer, tif: OfferTif, now: Pass) -> Plan:
        """The plan of an offer that is not in the book yet."""
        capacity = Capacity(offer.nodes, offer.window_end - offer.window_start)
        return _meet_bids(book, offer, capacity, tif, now)

    def order_continues(self, book: Book, order_id: str, tif: BidTif, now: Pass) -> Plan:
        """The next plan of a resting order whose last plan had `more`."""
        bid = book.bid(order_id)
        if bid is not None:
            return _meet_offers(book, bid, tif, now)[0]
        resting = book.resting(order_id)
        return _meet_bids(book, resting.offer, resting.capacity.copy(), tif, now)


def _meet_offers(book: Book, bid: Bid, tif: BidTif, now: Pass) -> tuple[Plan, int]:
    """The plan of a bid, and the nodes that it leaves unfilled."""
    steps, left = _Steps(bid, now), bid.remaining
    found, planned = book.best_offer(bid, left, now), dict[str, Capacity]()
    while found is not None and not steps.is_full():
        resting, block = found
        own = resting.offer.group_id == bid.group_id
        if own:
            steps.prevent(bid, resting.offer, block, bid_is_taker=True)
        else:
            steps.match(bid, resting.offer, block, resting.offer.price)
            left -= block[0]
        if not left or steps.is_over:
            break
        after = resting.rank
        if now.continues:
            planned[resting.offer.offer_id] = (
                resting.capacity.emptied() if own else _less(resting, planned, block, bid.hours)
            )
            after = resting.rank if own else _resume_at(bid, left, resting)
        found = book.best_offer(bid, left, now, after, planned)
    return steps.plan(tif, now.continues, left == 0), left


def _less(resting: RestingOffer, planned: Mapping[str, Capacity], block: Fit, hours: int) -> Capacity:
    """What is left of an offer after one more block."""
    capacity = planned[resting.offer.offer_id] if resting.offer.offer_id in planned else resting.capacity.copy()
    nodes, first_hour = block
    capacity.take(nodes, first_hour - resting.offer.window_start, hours)
    return capacity


def _resume_at(bid: Bid, left: int, resting: RestingOffer) -> Rank:
    """The rank after which the search resumes after a match: with fewer nodes left, nothing fits that did not before.

    Unless so few are left that a smaller block is allowed than before: then every offer may fit again. It happens once
    in a pass at most, because the next match takes all that is left; what is prevented in between leaves it as it is.
    """
    price, seq = resting.rank
    return BEFORE_ALL if left < bid.min_nodes else (price, seq - 1)


def _meet_bids(book: Book, offer: Offer, capacity: Capacity, tif: BidTif, now: Pass) -> Plan:
    """The plan of an offer of which `capacity` is left; the plan's matches are taken from `capacity`.

    Reading the bids once is enough: what is left of the offer only falls, so what did not fit does not fit later.
    """
    steps, floor_hour = _Steps(offer, now), now.floor_hour
    starts = lru_cache(maxsize=256)(capacity.starts)  # many bids have the same shape
    for bid in book.bids_for(offer, now.time):
        left = bid.remaining
        block = fit(starts, bid, left, offer, floor_hour)
        while block is not None and not steps.is_full():
            if bid.group_id == offer.group_id:
                steps.prevent(bid, offer, block, bid_is_taker=False)
                break
            steps.match(bid, offer, block, bid.limit_price)
            nodes, first_hour = block
            capacity.take(nodes, first_hour - offer.window_start, bid.hours)
            starts.cache_clear()
            left -= nodes
            if not left or not now.continues:
                break
            block = fit(starts, bid, left, offer, floor_hour)
        if block is not None and (steps.is_over or steps.more or capacity.is_empty()):
            break
    return steps.plan(tif, now.continues, capacity.is_empty())


PTW_1: Final[MatchingRule] = PriceTime()
