"""The resting bids that admit one market, best limit first, and which of all bids an offer could take at all.

The line of a market is cut into blocks. An offer passes over the bids whose terms it does not meet (`sieve`), a whole
block at a time; what is left of it decides about the others. What a bid states is the same in each of its markets, so
all bids have one sieve, and a bid costs little more in many markets than in one. R1 is a rule of `naive_book`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final

from counterfoil.matching.orders import Bid, Offer, least_nodes
from counterfoil.matching.sieve import Sieve

BLOCK_BIDS_MAX = 128  # a block that outgrows it is halved
_HOURS, _LEAST, _NODES, _LATEST, _END, _NOTICE = range(6)
"""The numbers of a bid: its hours, the smallest block, all nodes, its last start, its earliest end, its notice."""
Waiting = tuple[int, int, int, Bid]
"""(-limit, seq, place in the sieve, bid): the lower comes first; no two have the same `seq`."""
_Rank = tuple[int, int]
_BEFORE_ALL: Final[_Rank] = (-(1 << 62), -1)


class BidTerms:
    """What all resting bids state."""

    __slots__ = ("_places", "_sieve")

    def __init__(self) -> None:
        self._sieve = Sieve(6)
        self._places: dict[str, int] = {}

    def add(self, bid: Bid) -> int:
        """Know a bid; its place."""
        least = least_nodes(bid, bid.remaining)
        numbers = (bid.hours, least, bid.nodes, bid.latest, bid.earliest + bid.hours, bid.min_notice)
        place = self._places[bid.bid_id] = self._sieve.add(numbers, bid.programme_id)
        return place

    def remove(self, bid: Bid) -> None:
        """Forget a bid."""
        self._sieve.remove(self._places.pop(bid.bid_id), bid.programme_id)

    def lowered(self, bid: Bid) -> None:
        """Fewer nodes of it remain."""
        self._sieve.change(self._places[bid.bid_id], _LEAST, least_nodes(bid, bid.remaining))

    def of(self, programme_id: str) -> int:
        """The places of a programme's bids."""
        return self._sieve.of(programme_id)

    def as_large(self, nodes: int, hours: int, among: int) -> int:
        """The places of those whose smallest block has at least so many nodes, and hours, as far as that is known."""
        return (
            0
            if not self._sieve.knows()
            else self._sieve.at_least(_HOURS, hours, self._sieve.at_least(_LEAST, nodes, among))
        )

    def met_by(self, offer: Offer, floor_hour: int) -> int:
        """The places of those that would fit if nothing of the offer were sold, and perhaps of some others."""
        sieve, first = self._sieve, max(offer.window_start, floor_hour)
        found = sieve.at_most(_LEAST, offer.nodes, sieve.every())
        found = sieve.at_least(_NODES, offer.min_nodes, found)
        found = sieve.at_least(_HOURS, offer.min_hours, found)
        found = sieve.at_most(_HOURS, offer.window_end - first, found)
        found = sieve.at_most(_NOTICE, offer.reclaim_notice, found)
        found = sieve.at_least(_LATEST, first, found)
        return sieve.at_most(_END, offer.window_end, found)


class WaitingBids:
    """The line of a market. `_members[i]`: the places of the bids of block i."""

    __slots__ = ("_blocks", "_lasts", "_members")

    def __init__(self) -> None:
        self._blocks: list[list[Waiting]] = [[]]  # none empty, but for the only one
        self._lasts: list[_Rank] = [_BEFORE_ALL]  # not before any of the block, before all of the next
        self._members = [0]

    def is_empty(self) -> bool:
        """Whether no bid is left."""
        return not self._blocks[0]

    def add(self, waiting: Waiting) -> None:
        """Put in a bid."""
        rank = waiting[:2]
        i = min(bisect_left(self._lasts, rank), len(self._blocks) - 1)
        block = self._blocks[i]
        insort(block, waiting)
        self._lasts[i] = max(self._lasts[i], rank)
        self._members[i] |= 1 << waiting[2]
        if len(block) > BLOCK_BIDS_MAX:
            half = len(block) >> 1
            self._blocks[i : i + 1] = [block[:half], block[half:]]
            self._lasts.insert(i, block[half - 1][:2])
            first = sum(1 << each[2] for each in block[:half])
            self._members[i : i + 1] = [first, self._members[i] ^ first]

    def remove(self, minus_limit: int, seq: int) -> None:
        """Take out the bid that is in line with this limit and `seq`."""
        i = bisect_left(self._lasts, (minus_limit, seq))
        block = self._blocks[i]
        waiting = block.pop(bisect_left(block, (minus_limit, seq)))
        self._members[i] ^= 1 << waiting[2]
        if not block and len(self._blocks) > 1:
            del self._blocks[i], self._lasts[i], self._members[i]

    def among(self, places: int, most: int) -> Iterator[tuple[int, list[Waiting]]]:
        """The blocks with bids in `places` whose -limit is at most `most`, the best limit first, and their places."""
        for block, members in zip(self._blocks, self._members, strict=True):
            if block and block[0][0] > most:
                return
            if places & members:
                yield members, block
