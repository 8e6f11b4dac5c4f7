"""The block-bid book the obvious way: the executable statement of its rules (PTW-1, block bids without auctions).

It is slow and keeps no index, so that it can be read at a glance; `book.Book` must do exactly the same.

R1  Counterparts of a bid: the resting offers of an admissible class and region and of its currency, priced at or below
    its limit, eligible; ranked by (price, seq). Of an offer, likewise: the resting bids ranked by (limit down, seq).
R2  A bid fits an offer with n nodes if n is all that remains of it (of a partial bid: at most that, and at least its
    min_nodes or what remains, if less), n and its hours make at least the offer's smallest block, and the offer has
    n nodes left in every hour of the block for some start at or after both `earliest` and `floor_hour`, not after
    `latest`, the block ending inside the window. The largest such n counts, and for it the earliest such start.
R3  The match is at the resting side's price: the offer's price for an incoming bid, the bid's limit for an incoming
    offer.
R4  One pass goes through the counterparts in rank order and takes each that fits, at most once, until nothing of the
    incoming order is left. What does not fit is passed over and keeps its priority.
R5  A counterpart of the same group that fits is not matched but prevented. The incoming order's mode says what is
    cancelled: itself ("taker", the pass ends), the counterpart ("maker", the pass goes on), or both (the pass ends).
R6  GTC and GTD leave what remains to rest; IOC does not; FOK is refused unless this one pass fills the whole bid. A
    remainder cancelled by R5 never rests.
R7  A post-only bid is refused if any counterpart fits, one of its own group included.
R8  A pass makes at most `max_matches` matches and preventions. If one more was to come and the order rests, the plan
    says `more`: a further pass continues it, with the same rules, from the top.
R9  A refused order does nothing at all. Reducing an order keeps its priority.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from counterfoil.contract.ensure import ensure
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

Residual = dict[int, int]
"""Nodes left, by hour."""


class NaiveBook:
    """Resting offers and block bids; the same contract as `book.Book`."""

    def __init__(self, eligible: Eligible) -> None:
        """An empty book. `eligible` is asked about pairs that agree in class, region, currency and price."""
        self._eligible = eligible
        self._offers: dict[str, Offer] = {}
        self._bids: dict[str, Bid] = {}
        self._residual: dict[str, Residual] = {}

    # planning -------------------------------------------------------------------------------------------------------

    def plan_bid(self, bid: Bid, tif: BidTif, floor_hour: int, max_matches: int) -> Plan:
        """What a bid does to the resting offers."""
        ensure(max_matches >= 1, "book: a pass without matches")
        offers = sorted(self._offers.values(), key=lambda offer: (offer.price, offer.seq))  # R1
        offers = [offer for offer in offers if self._may_trade(bid, offer)]
        if bid.post_only and any(fit(bid, bid.remaining, o, self._residual[o.offer_id], floor_hour) for o in offers):
            return Plan(refusal="would_match")  # R7
        remaining = bid.remaining
        matches, prevented = list[Match](), list[Prevented]()
        more = cancelled = False
        for offer in offers:  # R4
            found = fit(bid, remaining, offer, self._residual[offer.offer_id], floor_hour) if remaining else None
            if found is None:
                continue
            if len(matches) + len(prevented) == max_matches:  # R8
                more = True
                break
            if bid.group_id == offer.group_id:  # R5
                cancelled = bid.stp in {"taker", "both"}
                cancels_offer = bid.stp in {"maker", "both"}
                prevented.append(Prevented(bid.bid_id, offer.offer_id, *found, cancelled, cancels_offer))
                if cancelled:
                    break
                continue
            matches.append(Match(bid.bid_id, offer.offer_id, *found, offer.price))  # R3
            remaining -= found[0]
        if tif == "FOK" and remaining:  # R6
            return Plan(refusal="not_fillable")
        rests = tif in {"GTC", "GTD"} and remaining > 0 and not cancelled
        return Plan(tuple(matches), tuple(prevented), rests, None, more and rests)

    def plan_offer(self, offer: Offer, tif: OfferTif, floor_hour: int, max_matches: int) -> Plan:
        """What an incoming offer does to the resting bids."""
        residual = dict.fromkeys(range(offer.window_start, offer.window_end), offer.nodes)
        return self._plan_offer(offer, residual, tif, floor_hour, max_matches)

    def continue_offer(self, offer_id: str, floor_hour: int, max_matches: int) -> Plan:
        """What a resting offer does in a further pass."""
        ensure(offer_id in self._offers, "book: no such offer")
        residual = self._residual[offer_id].copy()
        return self._plan_offer(self._offers[offer_id], residual, "GTC", floor_hour, max_matches)

    def _plan_offer(self, offer: Offer, residual: Residual, tif: OfferTif, floor_hour: int, max_matches: int) -> Plan:
        ensure(max_matches >= 1, "book: a pass without matches")
        bids = sorted(self._bids.values(), key=lambda bid: (-bid.limit_price, bid.seq))  # R1
        matches, prevented = list[Match](), list[Prevented]()
        more = cancelled = False
        for bid in bids:  # R4
            found = fit(bid, bid.remaining, offer, residual, floor_hour) if self._may_trade(bid, offer) else None
            if found is None:
                continue
            if len(matches) + len(prevented) == max_matches:  # R8
                more = True
                break
            if bid.group_id == offer.group_id:  # R5
                cancelled = offer.stp in {"taker", "both"}
                cancels_bid = offer.stp in {"maker", "both"}
                prevented.append(Prevented(bid.bid_id, offer.offer_id, *found, cancels_bid, cancelled))
                if cancelled:
                    break
                continue
            matches.append(Match(bid.bid_id, offer.offer_id, *found, bid.limit_price))  # R3
            nodes, first_hour = found
            for hour in range(first_hour, first_hour + bid.hours):
                residual[hour] -= nodes
        rests = tif in {"GTC", "GTD"} and any(residual.values()) and not cancelled  # R6
        return Plan(tuple(matches), tuple(prevented), rests, None, more and rests)

    def _may_trade(self, bid: Bid, offer: Offer) -> bool:  # R1
        return (
            offer.class_id in bid.classes
            and offer.region in bid.regions
            and offer.currency == bid.currency
            and offer.price <= bid.limit_price
            and self._eligible(bid, offer)
        )

    # changing -------------------------------------------------------------------------------------------------------

    def add_offer(self, offer: Offer) -> None:
        """Rest an offer, nothing of it sold."""
        ensure(offer.offer_id not in self._offers, "book: offer already there")
        self._offers[offer.offer_id] = offer
        self._residual[offer.offer_id] = dict.fromkeys(range(offer.window_start, offer.window_end), offer.nodes)

    def add_bid(self, bid: Bid) -> None:
        """Rest what remains of a bid."""
        ensure(bid.bid_id not in self._bids, "book: bid already there")
        self._bids[bid.bid_id] = bid

    def remove_offer(self, offer_id: str) -> Offer:
        """Take an offer out."""
        ensure(offer_id in self._offers, "book: no such offer")
        del self._residual[offer_id]
        return self._offers.pop(offer_id)

    def remove_bid(self, bid_id: str) -> Bid:
        """Take a bid out."""
        ensure(bid_id in self._bids, "book: no such bid")
        return self._bids.pop(bid_id)

    def fill(self, offer_id: str, bid_id: str, nodes: int, first_hour: int, hours: int) -> None:
        """Carry out a match; a bid that is not in the book is left to the caller, one that is filled leaves it."""
        ensure(offer_id in self._offers and nodes >= 1 and hours >= 1, "book: nothing to fill")
        residual, bid = self._residual[offer_id], self._bids.get(bid_id)
        block = range(first_hour, first_hour + hours)
        ensure(all(residual.get(hour, 0) >= nodes for hour in block), "book: more than the offer has left")
        ensure(bid is None or bid.remaining >= nodes, "book: more than the bid asks for")
        for hour in block:
            residual[hour] -= nodes
        if bid is not None:
            bid.remaining -= nodes
            if bid.remaining == 0:
                del self._bids[bid_id]

    def reduce_bid(self, bid_id: str, by_nodes: int) -> None:  # R9: its seq stays
        """Lower what remains of a bid, but not to nothing."""
        ensure(bid_id in self._bids and 1 <= by_nodes < self._bids[bid_id].remaining, "book: cannot reduce the bid")
        self._bids[bid_id].remaining -= by_nodes

    def can_reduce_offer(self, offer_id: str, by_nodes: int) -> bool:
        """Whether that much is unsold in every hour, and something is left of the offer."""
        ensure(offer_id in self._offers, "book: no such offer")
        return 1 <= by_nodes < self._offers[offer_id].nodes and min(self._residual[offer_id].values()) >= by_nodes

    def reduce_offer(self, offer_id: str, by_nodes: int) -> None:  # R9: its seq stays
        """Lower an offer in every hour."""
        ensure(self.can_reduce_offer(offer_id, by_nodes), "book: cannot reduce the offer")
        self._offers[offer_id].nodes -= by_nodes
        self._residual[offer_id] = {hour: nodes - by_nodes for hour, nodes in self._residual[offer_id].items()}

    # looking --------------------------------------------------------------------------------------------------------

    def offer(self, offer_id: str) -> Offer | None:
        """The resting offer, if it is there."""
        return self._offers.get(offer_id)

    def bid(self, bid_id: str) -> Bid | None:
        """The resting bid, if it is there."""
        return self._bids.get(bid_id)

    def residual(self, offer_id: str) -> tuple[Run, ...]:
        """What is left of an offer."""
        ensure(offer_id in self._offers, "book: no such offer")
        return runs_of(self._residual[offer_id].items())

    def records(self) -> Iterator[Record]:
        """Every resting order: offers by (price, seq), then bids by (limit down, seq)."""
        for offer in sorted(self._offers.values(), key=lambda offer: (offer.price, offer.seq)):
            yield offer_record(offer, self.residual(offer.offer_id))
        for bid in sorted(self._bids.values(), key=lambda bid: (-bid.limit_price, bid.seq)):
            yield bid_record(bid)

    def digest(self) -> str:
        """SHA-256 over the records."""
        return digest_records(self.records())


def fit(bid: Bid, remaining: int, offer: Offer, residual: Residual, floor_hour: int) -> tuple[int, int] | None:
    """R2: the number of nodes and the first hour with which `remaining` nodes of the bid fit the offer, if they do."""
    least = min(bid.min_nodes, remaining) if bid.partial else remaining
    if bid.hours < offer.min_hours:
        return None
    for nodes in range(remaining, max(least, offer.min_nodes) - 1, -1):
        for start in range(max(bid.earliest, floor_hour), bid.latest + 1):
            if all(residual.get(hour, 0) >= nodes for hour in range(start, start + bid.hours)):
                return nodes, start
    return None


def runs_of(residual: Iterable[tuple[int, int]]) -> tuple[Run, ...]:
    """Neighbouring hours with the same number of nodes, joined."""
    runs = []
    for nodes, group in groupby(residual, key=lambda item: item[1]):
        hours = [hour for hour, _ in group]
        runs.append((hours[0], len(hours), nodes))
    return tuple(runs)
