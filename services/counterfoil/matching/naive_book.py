"""The block-bid book in the simplest way: the executable statement of its rules (PTW-1, block bids without auctions).

It is slow and keeps no index, so that it can be read at a glance; `book.Book` must do exactly the same.

R1  Counterparts of a bid: the resting offers of an admissible class and region and of its currency, priced at or below
    its limit, eligible; ranked by (price, seq). Of an offer, likewise: the resting bids ranked by (limit down, seq).
    A bid that asks for notice of a reclaim admits offers that name as much, or more, alone.
    A bid by performance has a limit for each class, and admits the version of it that it names alone; it ranks offers
    by their price per milli-TFLOPS. In a line of bids for offers of several classes (R10) its highest limit counts.
R2  A bid fits an offer with n nodes if n is all that remains of it (of a partial bid: at most that, and at least its
    min_nodes or what remains, if less), n and its hours make at least the offer's smallest block, and the offer has
    n nodes left in every hour of the block for some start at or after both `earliest` and `floor_hour`, not after
    `latest`, the block ending inside the window. The largest such n counts, and for it the earliest such start.
R3  The match is at the price of the order that came to the book first: the offer's price for an incoming bid, the
    bid's limit for an incoming offer. The other one is the taker.
R4  A pass of an order repeatedly takes the first counterpart in rank order that fits, with what is then left on both
    sides, until nothing of the order is left or nothing fits. What does not fit keeps its priority.
R5  A counterpart of the same group that fits is not matched but prevented. The taker's mode says what is cancelled:
    the taker ("taker"), the other order ("maker"), or both. The pass ends with its order, or continues without the
    counterpart. The other order of another party is cancelled only if that asked for it, by a mode of its own that is
    not "taker"; else the taker is cancelled.
R6  When its pass is over, GTC and GTD leave what remains to rest; IOC does not. FOK is refused, before anything is
    done, unless the pass fills all of it. A remainder cancelled by R5 never rests.
R7  A post-only bid is refused if any counterpart fits, one of its own group included, R11 aside.
R8  A plan holds the next `most` matches and preventions of a pass. If one more is to come, the plan says `more`, and
    the order rests until the pass is over: nothing else is decided before it, and all of it is judged by one time.
R9  A refused order does nothing at all. Reducing an order keeps its priority; another price is as if it came anew,
    with what is left of it.
R10 No pair that fits rests: before anything else is decided, the best of those that do is matched or prevented, again
    and again. The best is that of the bid first in line, and of its counterparts the first in line. So where a trade
    with a resting bid leaves of it less than its minimum, and this fits another offer, too, the plan ends there, and
    that bid's own pass comes first. Likewise the passes of bids that meet all offers anew.
R11 A start, or a number of nodes, with which a bid's group would get more of a class in a region on a delivery day than
    it may does not fit; what it gets in a plan counts.

Where `uncrosses` is false (rules versions 1 to 7) R10 does not hold, and of a pair the order whose pass it is takes.
Where `consents` is false (rules versions 1 to 3) the counterpart's own mode does not matter.
Where `continues` is false (rules version 1) a pass takes each counterpart at most once, whether it would fit again or
not; only orders that rest continue, by the time of the further plan and with each counterpart once more; and FOK is
refused unless the first plan fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby, islice
from typing import Final, Literal

from counterfoil.contract.ensure import InvariantViolation, ensure
from counterfoil.matching.naive_room import Got, May, count, may_get
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
    Record,
    Run,
    Tried,
    bid_record,
    digest_records,
    offer_record,
)
from counterfoil.matching.position_state import RoomOf

Residual = dict[int, int]
"""Nodes left, by hour."""


class NaiveBook:
    """Resting offers and block bids; what changes or shows the book is as in `book.Book`."""

    def __init__(self, eligible: Eligible, room_of: RoomOf | None = None) -> None:
        """An empty book. `eligible` is asked about pairs that agree in class, region, currency and price."""
        self._eligible, self.room_of = eligible, room_of
        self._offers: dict[str, Offer] = {}
        self._bids: dict[str, Bid] = {}
        self._residual: dict[str, Residual] = {}

    # searching ------------------------------------------------------------------------------------------------------

    def offers_for(self, bid: Bid, time: int) -> list[Offer]:
        """R1: the counterparts of a bid at a time (microseconds), the first in line first."""
        mtflops = {each.class_id: each.mtflops for each in bid.performance}
        offers = [offer for offer in self._offers.values() if self._may_trade(bid, offer, time)]
        return sorted(offers, key=lambda offer: (Fraction(offer.price, mtflops.get(offer.class_id, 1)), offer.seq))

    def first_that_fits(self, bid: Bid, now: Pass, eligible: Eligible) -> Offer | None:
        """R1 and R2 for the whole of a bid by price that is in no book, with a test of its own for `eligible` pairs."""
        asked = NaiveBook(eligible)
        asked._offers = self._offers
        fitting = (
            offer
            for offer in asked.offers_for(bid, now.time)
            if fit(bid, bid.nodes, offer, self.left(offer.offer_id), now.floor_hour) is not None
        )
        return next(fitting, None)

    def bids_for(self, offer: Offer, time: int) -> list[Bid]:
        """R1: the counterparts of an offer, likewise."""
        bids = [bid for bid in self._bids.values() if self._may_trade(bid, offer, time)]
        return sorted(bids, key=lambda bid: (-bid.limit_at(offer.class_id), bid.seq))

    def left(self, offer_id: str) -> Residual:
        """What is left of a resting offer; to look at or to copy, never to change."""
        ensure(offer_id in self._offers, "book: no such offer")
        return self._residual[offer_id]

    def _may_trade(self, bid: Bid, offer: Offer, time: int) -> bool:
        return (
            offer.class_id in bid.classes
            and offer.region in bid.regions
            and offer.currency == bid.currency
            and bid.admits(offer)
            and offer.price <= bid.limit_at(offer.class_id)
            and self._eligible(bid, offer, time)
        )

    def fitting(self, now: Pass, *, anew: bool = False) -> Iterator[tuple[Bid, Offer]]:
        """R10: the pairs that rest and fit, the best first; there is none but before the next pass.

        `anew`: bids meet all offers anew, in the line of their highest limits; else those for one offer are in line.
        """
        found = []
        for bid in self._bids.values():
            offers = [
                offer
                for offer in self.offers_for(bid, now.time)
                if fits(self, bid, bid.remaining, offer, self.left(offer.offer_id), now) is not None
            ]
            if offers:
                limit = bid.limit_price if anew else max(bid.limit_at(offer.class_id) for offer in offers)
                found.append(((-limit, bid.seq), bid, offers))
        for _, bid, offers in sorted(found, key=lambda each: each[0]):
            yield from ((bid, offer) for offer in offers)

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

    def amend_bid(self, bid_id: str, limit_price: int, seq: int) -> None:  # R9: another seq
        """Give a bid another limit."""
        ensure(bid_id in self._bids, "book: no such bid")
        self._bids[bid_id].limit_price, self._bids[bid_id].seq = limit_price, seq

    def amend_offer(self, offer_id: str, price: int, seq: int) -> None:  # R9: another seq
        """Give an offer another price."""
        ensure(offer_id in self._offers, "book: no such offer")
        self._offers[offer_id].price, self._offers[offer_id].seq = price, seq

    def regroup(self, order_id: str, group_id: str) -> None:
        """The order's owner belongs to another group of related parties; nothing if the order does not rest."""
        if order_id in self._bids:
            self._bids[order_id].group_id = group_id
        if order_id in self._offers:
            self._offers[order_id].group_id = group_id

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


class NaivePriceTime:
    """PTW-1 over `NaiveBook`."""

    name: Final = "PTW-1"

    def new_book(self, eligible: Eligible, _accepts: Accepts | None = None, room_of: RoomOf | None = None) -> NaiveBook:
        """An empty book."""
        return NaiveBook(eligible, room_of)

    def bid_arrives(self, book: NaiveBook, bid: Bid, tif: BidTif, now: Pass) -> Plan:
        """The plan of a bid that is not in the book yet."""
        if bid.post_only:  # R7
            left = ((each, book.left(each.offer_id)) for each in book.offers_for(bid, now.time))
            takes = any(fit(bid, bid.remaining, *each, now.floor_hour) is not None for each in left)
            return Plan(refusal="would_match") if takes else Plan(rests=tif in RESTING_TIFS)
        steps = _pass_of_bid(book, bid, now)
        if tif == "FOK":  # R6
            whole = list(steps) if now.continues else list(islice(steps, now.most))
            if sum(step.nodes for step in whole if isinstance(step, Match)) < bid.remaining:
                return Plan(refusal="not_fillable")
            steps = iter(whole)
        return _plan_of_bid(steps, bid, tif, now)

    def offer_arrives(self, book: NaiveBook, offer: Offer, tif: OfferTif, now: Pass) -> Plan:
        """The plan of an offer that is not in the book yet."""
        residual = dict.fromkeys(range(offer.window_start, offer.window_end), offer.nodes)
        return _plan_of_offer(book, offer, residual, tif, now)

    def order_continues(self, book: NaiveBook, order_id: str, tif: BidTif, now: Pass) -> Plan:
        """The next plan of a resting order whose last plan had `more`."""
        bid = book.bid(order_id)
        if bid is not None:
            return _plan_of_bid(_pass_of_bid(book, bid, now), bid, tif, now)
        offer = book.offer(order_id)
        if offer is None:
            raise InvariantViolation("matching: no such order rests")
        return _plan_of_offer(book, offer, book.left(order_id), tif, now)

    def fits(self, book: NaiveBook, bid: Bid, nodes: int, now: Pass) -> bool:
        """Whether `nodes` nodes of a bid fit a resting offer."""
        offers = book.offers_for(bid, now.time)
        return any(fits(book, bid, nodes, each, book.left(each.offer_id), now) is not None for each in offers)

    def bids_meet(self, book: NaiveBook, bid_ids: Sequence[str], now: Pass) -> Tried:
        """What resting bids, in rank order, do to the offers."""
        bids = [bid for bid_id in bid_ids if (bid := book.bid(bid_id)) is not None]
        ensure(len(bids) == len(bid_ids), "matching: no such bid rests")
        steps = list(islice(_passes_of_bids(book, bids, now), now.most + 1))
        tried = steps[-1][0] if len(steps) > now.most else len(bids)
        taken = [step for _, step in steps[: now.most]]
        matches = tuple(step for step in taken if isinstance(step, Match))
        return Tried(matches, tuple(step for step in taken if isinstance(step, Prevented)), tried)


Step = Match | Prevented
Side = Literal["bid", "offer"]


def _passes_of_bids(book: NaiveBook, bids: Sequence[Bid], now: Pass) -> Iterator[tuple[int, Step]]:
    """Always the best of the pairs that fit, with the place of its bid, which is in rank order."""
    remaining = {bid.bid_id: bid.remaining for bid in bids}
    residual, gone, got = dict[str, Residual](), set[str](), Got()
    while True:
        pairs = (
            (nth, bid, offer, found)
            for nth, bid in enumerate(bids)
            if remaining[bid.bid_id] and bid.bid_id not in gone
            for offer in book.offers_for(bid, now.time)
            if offer.offer_id not in gone
            for left in [residual.get(offer.offer_id) or book.left(offer.offer_id)]
            for found in [fits(book, bid, remaining[bid.bid_id], offer, left, now, got)]
            if found is not None
        )
        best = next(pairs, None)
        if best is None:
            return
        nth, bid, offer, found = best
        if bid.group_id == offer.group_id:
            prevented = _prevented(bid, offer, found, now, acts="bid")
            yield nth, prevented
            gone |= {bid.bid_id} if prevented.cancels_bid else set()
            gone |= {offer.offer_id} if prevented.cancels_offer else set()
            continue
        yield nth, _match(bid, offer, found, now, acts="bid")
        nodes, first_hour = found
        count(got, bid, offer, found)
        remaining[bid.bid_id] -= nodes
        before = residual.get(offer.offer_id) or book.left(offer.offer_id)
        residual[offer.offer_id] = _without(before, nodes, first_hour, bid.hours)


def _pass_of_bid(book: NaiveBook, bid: Bid, now: Pass) -> Iterator[Step]:
    """The whole pass, step by step."""
    offers, remaining, got = book.offers_for(bid, now.time), bid.remaining, Got()
    residual = {offer.offer_id: book.left(offer.offer_id) for offer in offers}  # copied before it is changed
    while remaining:
        tried = ((o, fits(book, bid, remaining, o, residual[o.offer_id], now, got)) for o in offers)
        offer, found = next(((o, found) for o, found in tried if found is not None), (None, None))  # R4
        if offer is None or found is None:
            return
        if bid.group_id == offer.group_id:  # R5
            yield (prevented := _prevented(bid, offer, found, now, acts="bid"))
            if prevented.cancels_bid:
                return
            offers.remove(offer)
            continue
        yield _match(bid, offer, found, now, acts="bid")
        nodes, first_hour = found
        count(got, bid, offer, found)
        remaining -= nodes
        residual[offer.offer_id] = _without(residual[offer.offer_id], nodes, first_hour, bid.hours)
        if not now.continues:
            offers = offers[offers.index(offer) + 1 :]


def _pass_of_offer(book: NaiveBook, offer: Offer, residual: Residual, now: Pass) -> Iterator[Step]:
    """The whole pass, step by step, of an offer of which `residual` is left."""
    bids, got = book.bids_for(offer, now.time), Got()
    remaining = {bid.bid_id: bid.remaining for bid in bids}
    while True:
        tried = ((b, fits(book, b, n, offer, residual, now, got)) for b in bids if (n := remaining[b.bid_id]))
        bid, found = next(((b, found) for b, found in tried if found is not None), (None, None))  # R4
        if bid is None or found is None:
            return
        if bid.group_id == offer.group_id:  # R5
            yield (prevented := _prevented(bid, offer, found, now, acts="offer"))
            if prevented.cancels_offer:
                return
            bids.remove(bid)
            continue
        nodes, first_hour = found
        yield _match(bid, offer, found, now, acts="offer")
        count(got, bid, offer, found)
        remaining[bid.bid_id] -= nodes
        if now.uncrosses and _goes_first(book, bid, remaining[bid.bid_id], offer, now, got):  # R10
            return
        residual = _without(residual, nodes, first_hour, bid.hours)
        if not now.continues:
            bids = bids[bids.index(bid) + 1 :]


def _goes_first(book: NaiveBook, bid: Bid, left: int, offer: Offer, now: Pass, got: Got) -> bool:
    others = (each for each in book.offers_for(bid, now.time) if each.offer_id != offer.offer_id)
    return 0 < left < bid.min_nodes and any(
        fits(book, bid, left, each, book.left(each.offer_id), now, got) is not None for each in others
    )


def _match(bid: Bid, offer: Offer, found: tuple[int, int], now: Pass, acts: Side) -> Match:
    price = offer.price if _taker(bid, offer, now, acts) == "bid" else bid.limit_at(offer.class_id)  # R3
    return Match(bid.bid_id, offer.offer_id, *found, price)


def _prevented(bid: Bid, offer: Offer, found: tuple[int, int], now: Pass, acts: Side) -> Prevented:  # R5
    taker, maker = (bid, offer) if _taker(bid, offer, now, acts) == "bid" else (offer, bid)
    mode = taker.stp
    if now.consents and bid.beneficiary_id != offer.provider_id and maker.stp == "taker":
        mode = "taker"
    ends = {"taker": (taker,), "maker": (maker,), "both": (taker, maker)}[mode]
    return Prevented(bid.bid_id, offer.offer_id, *found, bid in ends, offer in ends)


def _taker(bid: Bid, offer: Offer, now: Pass, acts: Side) -> Side:
    later: Side = "bid" if bid.seq > offer.seq else "offer"
    return later if now.uncrosses else acts


def _without(residual: Residual, nodes: int, first_hour: int, hours: int) -> Residual:
    block = range(first_hour, first_hour + hours)
    return {hour: left - nodes if hour in block else left for hour, left in residual.items()}


def _plan_of_bid(steps: Iterator[Step], bid: Bid, tif: BidTif, now: Pass) -> Plan:
    return _plan(steps, bid.remaining, lambda match: match.nodes, "cancels_bid", tif, now)


def _plan_of_offer(book: NaiveBook, offer: Offer, residual: Residual, tif: BidTif, now: Pass) -> Plan:
    hours = {bid.bid_id: bid.hours for bid in book.bids_for(offer, now.time)}
    steps = _pass_of_offer(book, offer, residual, now)

    def size(match: Match) -> int:
        return match.nodes * hours[match.bid_id]

    plan = _plan(steps, sum(residual.values()), size, "cancels_offer", tif, now)
    if not now.uncrosses or not plan.matches:
        return plan
    last, got, bids = plan.matches[-1].bid_id, Got(), {each.bid_id: each for each in book.bids_for(offer, now.time)}
    left = bids[last].remaining - sum(match.nodes for match in plan.matches if match.bid_id == last)
    for match in plan.matches:
        count(got, bids[match.bid_id], offer, (match.nodes, match.first_hour))
    if not _goes_first(book, bids[last], left, offer, now, got):
        return plan
    more = sum(residual.values()) > sum(map(size, plan.matches))  # R10
    return plan._replace(rests=plan.rests or more, more=more, first=last)


def _plan(
    steps: Iterator[Step], quantity: int, size: Callable[[Match], int], ends: str, tif: BidTif, now: Pass
) -> Plan:
    """R6 and R8: the part of a pass that one plan holds.

    The order has `quantity`, of which a match takes `size`; a prevention with the flag `ends` cancels the order.
    """
    ensure(now.most >= 1, "matching: a plan without matches")
    taken = list(islice(steps, now.most))
    matches = tuple(step for step in taken if isinstance(step, Match))
    prevented = tuple(step for step in taken if isinstance(step, Prevented))
    more = any(True for _ in steps)
    is_left = quantity > sum(size(match) for match in matches)
    cancelled = any(getattr(step, ends) for step in prevented)
    rests = tif in RESTING_TIFS and is_left and not cancelled
    more = more and (rests or now.continues)
    return Plan(matches, prevented, rests or more, None, more)


def fits(
    book: NaiveBook, bid: Bid, remaining: int, offer: Offer, residual: Residual, now: Pass, got: Got | None = None
) -> tuple[int, int] | None:
    """R2 and R11: `got` is what groups got in the plan already."""
    may = may_get(book.room_of, bid, offer, now.floor_hour, got or Got())
    return fit(bid, remaining, offer, residual, now.floor_hour, may)


def fit(
    bid: Bid, remaining: int, offer: Offer, residual: Residual, floor_hour: int, may: May | None = None
) -> tuple[int, int] | None:
    """R2: the number of nodes and the first hour with which `remaining` nodes of the bid fit the offer, if they do."""
    least = min(bid.min_nodes, remaining) if bid.partial else remaining
    if bid.hours < offer.min_hours:
        return None
    for nodes in range(remaining, max(least, offer.min_nodes) - 1, -1):
        for start in range(max(bid.earliest, floor_hour), bid.latest + 1):
            is_free = all(residual.get(hour, 0) >= nodes for hour in range(start, start + bid.hours))
            if is_free and (may is None or may(nodes, start)):
                return nodes, start
    return None


def runs_of(residual: Iterable[tuple[int, int]]) -> tuple[Run, ...]:
    """Neighbouring hours with the same number of nodes, joined."""
    runs = []
    for nodes, group in groupby(residual, key=lambda item: item[1]):
        hours = [hour for hour, _ in group]
        runs.append((hours[0], len(hours), nodes))
    return tuple(runs)


NAIVE_PTW_1: Final[MatchingRule] = NaivePriceTime()
