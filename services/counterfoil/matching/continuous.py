"""Continuous matching by price, then time: the matching rule PTW-1 over the fast book.

An order that arrives takes the best counterpart that it fits, then the best for what is left, until nothing fits or
nothing is left. The rules R1 to R11 are stated in `naive_book`, whose twin of this rule makes the same plans.

A plan is one entry's part of a pass. If a pass continues, the next plan starts at the top of the book again and finds
exactly what one longer plan would have found next, because each step depends only on the book and on what is left. So
the bound on a plan decides how many entries a pass takes, never what it does.

Whoever rests fits nobody who rests. Only what a reduction, a listing or a trade lets fit can meet later: `fits` and
`bids_meet` look for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from counterfoil.contract.ensure import InvariantViolation, ensure
from counterfoil.matching.book import Book, Planned
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.ladder import BEFORE_ALL, Fit, Rank, RestingOffer, fit
from counterfoil.matching.orders import (
    RESTING_TIFS,
    Accepts,
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
    Tried,
)
from counterfoil.matching.position_state import RoomOf

_WHOLE: Final = 1 << 30  # more matches and preventions than a book can hold


class _Steps:
    """The counterparts so far in one plan (R4, R5, R8), and the resulting plan (R6)."""

    __slots__ = ("_most", "_now", "_uncrosses", "first", "is_over", "matches", "more", "prevented")

    def __init__(self, now: Pass) -> None:
        ensure(now.most >= 1, "matching: a plan without matches")
        self._now, self._most, self._uncrosses = now, now.most, now.uncrosses
        self.matches: list[Match] = []
        self.prevented: list[Prevented] = []
        self.is_over = False  # the remainder of the order whose pass it is is cancelled
        self.more = False
        self.first: str | None = None

    def is_full(self) -> bool:
        """R8: whether this counterpart is one too many."""
        self.more = len(self.matches) + len(self.prevented) == self._most
        return self.more

    def match(self, bid: Bid, offer: Offer, block: Fit, *, bid_acts: bool) -> None:
        """R3."""
        bid_takes = bid.seq > offer.seq if self._uncrosses else bid_acts
        price = offer.price if bid_takes else bid.limit_at(offer.class_id)
        self.matches.append(Match(bid.bid_id, offer.offer_id, *block, price))

    def prevent(self, bid: Bid, offer: Offer, block: Fit, *, bid_acts: bool) -> None:
        """R5."""
        bid_takes = bid.seq > offer.seq if self._uncrosses else bid_acts
        taking, resting = (bid.stp, offer.stp) if bid_takes else (offer.stp, bid.stp)
        asked = bid.beneficiary_id == offer.provider_id or resting != "taker"
        maker = taking != "taker" and (asked or not self._now.consents)
        taker = taking != "maker" or not maker
        ends_bid, ends_offer = (taker, maker) if bid_takes else (maker, taker)
        self.is_over = ends_bid if bid_acts else ends_offer
        self.prevented.append(Prevented(bid.bid_id, offer.offer_id, *block, ends_bid, ends_offer))

    def plan(self, tif: BidTif, is_filled: bool) -> Plan:
        """R6, R8."""
        rests = tif in RESTING_TIFS and not is_filled and not self.is_over
        more = self.more and (rests or self._now.continues)
        return Plan(tuple(self.matches), tuple(self.prevented), rests or more, None, more, self.first)


class PriceTime:
    """PTW-1 over `Book`."""

    name: Final = "PTW-1"

    def new_book(self, eligible: Eligible, accepts: Accepts | None = None, room_of: RoomOf | None = None) -> Book:
        """An empty book."""
        return Book(eligible, accepts, room_of)

    def bid_arrives(self, book: Book, bid: Bid, tif: BidTif, now: Pass) -> Plan:
        """The plan of a bid that is not in the book yet."""
        if bid.post_only:  # R7
            fits = book.best_offer(bid, bid.remaining, now, bounded=False) is not None
            return Plan(refusal="would_match") if fits else Plan(rests=tif in RESTING_TIFS)
        if tif != "FOK":
            return _plan(book, bid, tif, now)[0]
        # R6: over the whole book first. If it is more than one entry holds, only the first part of it is planned here.
        plan, left = _plan(book, bid, tif, now._replace(most=_WHOLE) if now.continues else now)
        if left:
            return Plan(refusal="not_fillable")
        fits_entry = len(plan.matches) + len(plan.prevented) <= now.most
        return plan if fits_entry else _plan(book, bid, tif, now)[0]

    def offer_arrives(self, book: Book, offer: Offer, tif: OfferTif, now: Pass) -> Plan:
        """The plan of an offer that is not in the book yet."""
        capacity = Capacity(offer.nodes, offer.window_end - offer.window_start)
        return _meet_bids(book, offer, capacity, tif, now)

    def order_continues(self, book: Book, order_id: str, tif: BidTif, now: Pass) -> Plan:
        """The next plan of a resting order whose last plan had `more`."""
        bid = book.bid(order_id)
        if bid is not None:
            return _plan(book, bid, tif, now)[0]
        resting = book.resting(order_id)
        return _meet_bids(book, resting.offer, resting.capacity.copy(), tif, now)

    def fits(self, book: Book, bid: Bid, nodes: int, now: Pass) -> bool:
        """Whether `nodes` nodes of a bid fit a resting offer."""
        return book.best_offer(bid, nodes, now) is not None

    def bids_meet(self, book: Book, bid_ids: Sequence[str], now: Pass) -> Tried:
        """What resting bids, in rank order, do to the offers."""
        steps, planned = _Steps(now), Planned()
        tried = 0
        for bid_id in bid_ids:
            bid = book.bid(bid_id)
            if bid is None:
                raise InvariantViolation("matching: no such bid rests")
            _meet_offers(book, bid, steps, planned, now)
            if steps.more:
                break
            tried += 1
        return Tried(tuple(steps.matches), tuple(steps.prevented), tried)


def _plan(book: Book, bid: Bid, tif: BidTif, now: Pass) -> tuple[Plan, int]:
    """The plan of a bid, and the nodes that it leaves unfilled."""
    steps = _Steps(now)
    left = _meet_offers(book, bid, steps, None, now)
    return steps.plan(tif, left == 0), left


def _meet_offers(book: Book, bid: Bid, steps: _Steps, planned: Planned | None, now: Pass) -> int:
    """The pass of a bid, as far as the plan holds it, and the nodes that it leaves unfilled.

    `planned`: what earlier bids of the plan leave of offers, to which this one adds; None if it is the only one.
    """
    left, taken = bid.remaining, Planned() if planned is None else planned
    steps.is_over = False
    found = book.best_offer(bid, left, now, planned=taken)
    while found is not None and not steps.is_full():
        resting, block = found
        own = resting.offer.group_id == bid.group_id
        if own:
            steps.prevent(bid, resting.offer, block, bid_acts=True)
        else:
            steps.match(bid, resting.offer, block, bid_acts=True)
            _gets(book, bid, resting.offer, block, taken, now)
            left -= block[0]
        is_over = not left or steps.is_over
        if is_over and planned is None:
            break
        after = resting.rank
        if now.continues:
            if not own:
                taken[resting.offer.offer_id] = _less(resting, taken, block, bid.hours)
                after = _resume_at(bid, left, resting)
            elif steps.prevented[-1].cancels_offer:
                taken[resting.offer.offer_id] = resting.capacity.emptied()
        if is_over:
            break
        found = book.best_offer(bid, left, now, after, taken, resting.offer.class_id)
    return left


def _gets(book: Book, bid: Bid, offer: Offer, block: Fit, planned: Planned, now: Pass) -> None:
    """Take a block from what the bid's group may still get."""
    room = book.room(bid, offer.class_id, offer.region, now, planned)
    if room is not None:
        planned.rooms[bid.group_id, offer.class_id, offer.region] = room.less(*block, bid.hours)


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
    steps, floor_hour, planned = _Steps(now), now.floor_hour, Planned()
    starts = lru_cache(maxsize=256)(capacity.starts)  # many bids have the same shape
    for bid in book.bids_for(offer, now.time, floor_hour, starts):
        left, room = bid.remaining, book.room(bid, offer.class_id, offer.region, now, planned)
        block = fit(starts, bid, left, offer, floor_hour, room)
        while block is not None and not steps.is_full():
            if bid.group_id == offer.group_id:
                steps.prevent(bid, offer, block, bid_acts=False)
                break
            steps.match(bid, offer, block, bid_acts=False)
            _gets(book, bid, offer, block, planned, now)
            nodes, first_hour = block
            capacity.take(nodes, first_hour - offer.window_start, bid.hours)
            starts.cache_clear()
            left -= nodes
            if not left or not now.continues:
                break
            if now.uncrosses and left < bid.min_nodes and _fits_others(book, bid, left, offer, capacity, planned, now):
                steps.first, steps.more = bid.bid_id, not capacity.is_empty()
                return steps.plan(tif, capacity.is_empty())
            room = book.room(bid, offer.class_id, offer.region, now, planned)
            block = fit(starts, bid, left, offer, floor_hour, room)
        if block is not None and (steps.is_over or steps.more or capacity.is_empty()):
            break
    return steps.plan(tif, capacity.is_empty())


def _fits_others(
    book: Book, bid: Bid, left: int, offer: Offer, capacity: Capacity, planned: Planned, now: Pass
) -> bool:
    """Whether what is left of a bid fits another offer than this one."""
    others = Planned({offer.offer_id: capacity.emptied()}, planned.rooms)
    return book.best_offer(bid, left, now, planned=others) is not None


PTW_1: Final[MatchingRule] = PriceTime()
