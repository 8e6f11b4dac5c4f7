"""The offers of one market in rank order, and the search for the first one that a bid fits.

The ladder is cut into blocks of some twenty offers. For each *outline* in use, a block remembers at which hours some
offer of it may start such a piece: the union of the offers' starts. An outline is a bid's (nodes, hours), both rounded
down to a power of two; where it does not fit, nothing larger does. A union may claim too much, never too little: fills
leave it as it is, a new offer is added to it, and a search that it misled corrects it. So a bid passes over most offers
with one operation for a whole block. Of a block that it does look at, it passes over the offers whose own terms the bid
does not meet (`sieve`), whatever is left of them; each of the others is decided by the exact counters.
There are at most 10 x 11 outlines, which bounds the memory. R1 and R2 are rules of `naive_book`.

Searches write to this memory, and to nothing else. It is a cache: dropping any part of it at any time changes no
answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import NamedTuple

from counterfoil.matching.capacity import Capacity
from counterfoil.matching.orders import Accepts, Bid, Eligible, Offer, Pass, least_nodes
from counterfoil.matching.position_state import Room
from counterfoil.matching.sieve import Sieve

BLOCK_OFFERS_MAX = 32  # a block that outgrows it is halved
OUTLINES_PER_OFFER_MAX = 32  # an offer that has answered for more of them clears its memory
ORIGIN_HOURS_MAX = 168  # how long a ladder keeps its origin before it clears its memory
EVERY_HOUR = -1  # all bits set: may start anywhere
_EVERY_OFFER = -1
UNSIEVED_MAX = 3  # blocks looked at in one search before it uses the sieve: most end in the first

Rank = tuple[int, int]
"""(price, seq): the lower comes first."""
BEFORE_ALL: Rank = (-1, -1)
Outline = tuple[int, int]
"""(nodes, hours), powers of two"""
Starts = Callable[[int, int], int]
"""(nodes, hours) -> the hours, counted from the offer's window_start, at which such a block may start."""
Fit = tuple[int, int]
"""(nodes, first hour)"""
_NODES, _MIN_NODES, _MIN_HOURS, _LENGTH, _START, _END, _NOTICE = range(7)
"""The numbers of an offer in its ladder's sieve: `nodes` as it came, which may have fallen since."""


class RestingOffer:
    """A resting offer and what is left of it. `place`: in the sieve of its ladder."""

    __slots__ = ("_starts", "capacity", "offer", "place", "rank")

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.rank: Rank = (offer.price, offer.seq)
        self.capacity = Capacity(offer.nodes, offer.window_end - offer.window_start)
        self._starts: dict[Outline, int] = {}
        self.place = -1

    def rank_anew(self, price: int, seq: int) -> None:
        """Give the offer another price and place in line; it must not be on a ladder meanwhile."""
        self.offer.price, self.offer.seq = price, seq
        self.rank = (price, seq)

    def starts(self, outline: Outline) -> int:
        """Where the outline may start, counted from window_start; known until something is taken."""
        starts = self._starts.get(outline)
        if starts is None:
            if len(self._starts) >= OUTLINES_PER_OFFER_MAX:
                self._starts.clear()
            starts = self._starts[outline] = self.capacity.starts(*outline)
        return starts

    def take(self, nodes: int, first_hour: int, hours: int) -> None:
        """Subtract `nodes` from a stretch of hours, or raise `InvariantViolation` and change nothing."""
        self.capacity.take(nodes, first_hour - self.offer.window_start, hours)
        self._starts.clear()


class Search(NamedTuple):
    """What a bid looks for: a place for `remaining` nodes at an offer ranked behind `after` (exclusive).

    `planned`: what would be left of the offers that the plan has already taken from, by offer id. `outline`: the bid's.
    `first`, `starts`: the first hour at which it may start, and from there on each such hour as a bit. `room`: what the
    bid's group may still get of the market that is searched, None if it is not bounded.
    """

    bid: Bid
    remaining: int
    now: Pass
    after: Rank
    eligible: Eligible
    accepts: Accepts | None
    planned: Mapping[str, Capacity]
    outline: Outline
    first: int
    starts: int
    room: Room | None = None


def search_for(
    bid: Bid, remaining: int, now: Pass, after: Rank, eligible: Eligible, accepts: Accepts | None,
    planned: Mapping[str, Capacity],
) -> Search | None:  # fmt: skip
    """The search with these terms; None if it is too late for the bid to start."""
    first = max(bid.earliest, now.floor_hour)
    if first > bid.latest:
        return None
    outline = (_power_of_two(least_nodes(bid, remaining)), _power_of_two(bid.hours))
    starts = (1 << (bid.latest - first + 1)) - 1
    return Search(bid, remaining, now, after, eligible, accepts, planned, outline, first, starts)


class Ladder:
    """Offers in rank order, with the memory described above.

    `_unions[outline][i]` is about block i; its bit h stands for the hour `_origin + h`. Hours before the origin are
    left out: no search looks there, since the origin is never later than `floor_hour`. `_members[i]`: the places in the
    sieve of the offers of block i.
    """

    __slots__ = ("_blocks", "_lasts", "_members", "_origin", "_sieve", "_unions")

    def __init__(self) -> None:
        self._blocks: list[list[RestingOffer]] = [[]]  # none empty, but for the only one
        self._lasts: list[Rank] = [BEFORE_ALL]  # not before any of the block, before all of the next
        self._members = [0]
        self._sieve = Sieve(7)
        self._origin = 0
        self._unions: dict[Outline, list[int]] = {}

    def add(self, resting: RestingOffer) -> None:
        """Put in an offer."""
        i = min(bisect_left(self._lasts, resting.rank), len(self._blocks) - 1)
        block = self._blocks[i]
        insort(block, resting, key=attrgetter("rank"))
        self._lasts[i] = max(self._lasts[i], resting.rank)
        offer = resting.offer
        start, end = offer.window_start, offer.window_end
        numbers = (offer.nodes, offer.min_nodes, offer.min_hours, end - start, start, end, offer.reclaim_notice)
        resting.place = self._sieve.add(numbers, offer.provider_id)
        self._members[i] |= 1 << resting.place
        for outline, unions in self._unions.items():
            unions[i] |= _shifted(resting.capacity.starts(*outline), resting.offer.window_start - self._origin)
        if len(block) > BLOCK_OFFERS_MAX:
            self._split(i)

    def _split(self, i: int) -> None:
        block = self._blocks[i]
        half = len(block) >> 1
        self._blocks[i : i + 1] = [block[:half], block[half:]]
        self._lasts.insert(i, block[half - 1].rank)
        first = sum(1 << each.place for each in block[:half])
        self._members[i : i + 1] = [first, self._members[i] ^ first]
        for unions in self._unions.values():
            unions.insert(i, unions[i])

    def remove(self, resting: RestingOffer) -> None:
        """Take out an offer. The memory may still claim its hours until a search corrects it."""
        i = bisect_left(self._lasts, resting.rank)
        block = self._blocks[i]
        block.remove(resting)
        self._sieve.remove(resting.place, resting.offer.provider_id)
        self._members[i] ^= 1 << resting.place
        if not block and len(self._blocks) > 1:
            del self._blocks[i], self._lasts[i], self._members[i]
            for unions in self._unions.values():
                del unions[i]

    def is_empty(self) -> bool:
        """Whether no offer is left."""
        return not self._blocks[0]

    def first(self, search: Search, before: Rank) -> tuple[RestingOffer, Fit] | None:
        """The first offer that fits, among those ranked between `search.after` and `before`, both exclusive."""
        floor_hour, outline = search.now.floor_hour, search.outline
        if not self._origin <= floor_hour < self._origin + ORIGIN_HOURS_MAX:
            self._origin = floor_hour
            self._unions.clear()
        window = search.starts << (search.first - self._origin)
        unions = self._unions.get(outline)
        if unions is None:
            unions = self._unions[outline] = [EVERY_HOUR] * len(self._blocks)
        end = min(bisect_left(self._lasts, before) + 1, len(self._blocks))
        candidates, misses = _EVERY_OFFER, 0
        for i in range(bisect_right(self._lasts, search.after), end):
            if unions[i] & window:
                misses += 1
                if misses == UNSIEVED_MAX:
                    candidates = self._candidates(search)
                if candidates & self._members[i]:
                    found, union, candidates = self._scan(self._blocks[i], search, before, window, candidates)
                    if found is not None:
                        return found
                    unions[i] &= union
        return None

    def _candidates(self, search: Search) -> int:
        """The places of the offers that could take the bid if nothing of them were sold, and perhaps of some others."""
        sieve, bid = self._sieve, search.bid
        found = sieve.at_least(_END, search.first + bid.hours, sieve.every())
        found = sieve.at_most(_START, bid.latest, found)
        found = sieve.at_least(_LENGTH, bid.hours, found)
        found = sieve.at_most(_MIN_HOURS, bid.hours, found)
        found = sieve.at_least(_NOTICE, bid.min_notice, found)
        found = sieve.at_least(_NODES, least_nodes(bid, search.remaining), found)
        return sieve.at_most(_MIN_NODES, search.remaining, found)

    def _scan(
        self, block: list[RestingOffer], search: Search, before: Rank, window: int, candidates: int
    ) -> tuple[tuple[RestingOffer, Fit] | None, int, int]:
        """The first fitting offer of a block; if there is none, the block's union if the search was misled.

        And the candidates, without those of a provider that the bid's programme does not accept.
        """
        bid, remaining, (time, floor_hour, *_), after, eligible, accepts, planned, outline, _, _, room = search
        misled = False
        for resting in block:
            if not candidates >> resting.place & 1 or resting.rank <= after:
                continue
            if resting.rank >= before:
                return None, EVERY_HOUR, candidates
            offer = resting.offer
            if not eligible(bid, offer, time):
                if accepts is not None and not accepts(bid.programme_id, offer.provider_id):
                    candidates &= ~self._sieve.of(offer.provider_id)
                continue
            misled = True
            if _shifted(resting.starts(outline), offer.window_start - self._origin) & window:
                capacity = planned.get(offer.offer_id, resting.capacity) if planned else resting.capacity
                found = fit(capacity.starts, bid, remaining, offer, floor_hour, room)
                if found is not None:
                    return (resting, found), EVERY_HOUR, candidates
        return None, self._union(block, outline) if misled else EVERY_HOUR, candidates

    def _union(self, block: list[RestingOffer], outline: Outline) -> int:
        union = 0
        for resting in block:
            union |= _shifted(resting.starts(outline), resting.offer.window_start - self._origin)
        return union


def fit(
    starts: Starts, bid: Bid, remaining: int, offer: Offer, floor_hour: int, room: Room | None = None
) -> Fit | None:
    """R2: the largest number of nodes with which `remaining` nodes of the bid fit, and the earliest start for it.

    R11: with `room`, only starts count with which the bid's group does not get more than that.
    """
    hours, base = bid.hours, offer.window_start
    least, most = max(least_nodes(bid, remaining), offer.min_nodes), min(remaining, offer.nodes)
    first = max(bid.earliest, floor_hour, base) - base
    last = min(bid.latest, offer.window_end - hours) - base
    if least > most or hours < offer.min_hours or first > last:
        return None
    window = (1 << (last - first + 1)) - 1
    found = starts(least, hours) >> first & window
    if room is not None:
        found &= room.starts(least, hours, base + first)
    if not found:
        return None
    # More nodes never have more starts: bisect between `least`, which has some, and `beyond`, which has none.
    beyond = most + 1
    while beyond - least > 1:
        middle = (least + beyond) >> 1
        tried = starts(middle, hours) >> first & window
        if room is not None:
            tried &= room.starts(middle, hours, base + first)
        if tried:
            least, found = middle, tried
        else:
            beyond = middle
    return least, base + first + (found & -found).bit_length() - 1


def _power_of_two(n: int) -> int:
    """The largest one that is not above n."""
    return 1 << (n.bit_length() - 1)


def _shifted(bits: int, by: int) -> int:
    return bits << by if by >= 0 else bits >> -by
