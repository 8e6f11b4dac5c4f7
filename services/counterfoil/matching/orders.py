"""Orders, matches and plans: the plain data that order books and matching rules share.

Units: an hour is an integer count of UTC hours since the Unix epoch; a quantity is a number of whole nodes; a price is
an integer count of micro-units of `currency` per GPU-hour. `seq` is the order's place in the total order of commands
and is unique over offers and bids alike. An order given to a book belongs to it: the book alone changes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple, Protocol

from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import MAX_BID_HOURS, MAX_NODES
from counterfoil.contract.times import END_OF_HOURS
from counterfoil.core.rules import RULES
from counterfoil.matching.position_state import RoomOf

# What a book can hold is at least what a command can ask for under any version of the rules.
NODES_MAX = MAX_NODES
BLOCK_HOURS_MAX = MAX_BID_HOURS
HOUR_END = END_OF_HOURS  # exclusive
WINDOW_HOURS_MAX = max(rules.max_window_hours for rules in RULES.values())

Stp = Literal["taker", "maker", "both"]
"""Whom self-trade prevention cancels; the taker's mode decides."""
OfferTif = Literal["GTC", "GTD", "IOC"]
BidTif = Literal["GTC", "GTD", "IOC", "FOK"]
Refusal = Literal["would_match", "not_fillable"]
STP_MODES = ("taker", "maker", "both")

Run = tuple[int, int, int]
"""(first hour, number of hours, nodes): a stretch of equal residual."""
Record = tuple[Any, ...]
"""One resting order in canonical form: kind, every field in order and, for an offer, its residual as runs."""


@dataclass(slots=True, eq=False, kw_only=True)
class Offer:
    """`nodes` nodes of one class for every hour of [window_start, window_end), sold in blocks at one flat price.

    `min_nodes` and `min_hours` are the smallest block the provider sells. `nodes` falls when the offer is reduced (it
    may come to lie below `min_nodes`; then nothing matches), not when it is sold: the book keeps what is left in each
    hour.
    """

    offer_id: str
    seq: int
    provider_id: str
    group_id: str
    class_id: str
    region: str
    currency: str
    price: int
    nodes: int
    gpus_per_node: int
    window_start: int
    window_end: int
    min_nodes: int = 1
    min_hours: int = 1
    stp: Stp = "taker"
    class_version: int = 0
    """0: of a class of which nothing is known that bids by performance ask."""
    reclaim_notice: int = 0
    """Hours of notice with which its provider may reclaim what it delivers; 0: it names none."""

    def __post_init__(self) -> None:
        """Raise `InvariantViolation` outside the ranges that a book can hold."""
        ensure(self.seq >= 0 and self.price >= 0, "offer: negative seq or price")
        ensure(1 <= self.nodes <= NODES_MAX and 1 <= self.min_nodes <= NODES_MAX, "offer: nodes out of range")
        ensure(0 <= self.window_start < self.window_end <= HOUR_END, "offer: window out of range")
        ensure(self.min_hours >= 1, "offer: min_hours out of range")
        ensure(self.window_end - self.window_start <= WINDOW_HOURS_MAX, "offer: window too long")
        ensure(self.stp in STP_MODES, "offer: unknown stp mode")


class Admitted(NamedTuple):
    """A class that a bid by performance admits, in one version: its milli-TFLOPS, and the bid's limit for it."""

    class_id: str
    version: int
    mtflops: int
    limit_price: int


@dataclass(slots=True, eq=False, kw_only=True)
class Bid:
    """A block: `nodes` nodes for `hours` contiguous hours that start in [earliest, latest] (both inclusive).

    `classes` and `regions` are the admissible ones, each sorted without repetition; all the classes have the same
    number of GPUs per node, so that prices compare. A `partial` bid may be filled in several trades of at least
    `min_nodes` nodes (or of what remains, if that is less), each a whole block of its own; any other bid is filled in
    one trade or not at all. `nodes` is what was asked for, `remaining` what is neither filled nor cancelled.

    `performance`: of a bid by performance, each of its classes, in their order; `limit_price` is then the highest of
    their limits.
    """

    bid_id: str
    seq: int
    beneficiary_id: str
    group_id: str
    programme_id: str
    currency: str
    classes: tuple[str, ...]
    regions: tuple[str, ...]
    nodes: int
    hours: int
    earliest: int
    latest: int
    limit_price: int
    partial: bool = False
    min_nodes: int = 1
    stp: Stp = "taker"
    post_only: bool = False
    performance: tuple[Admitted, ...] = ()
    min_notice: int = 0
    """The least hours of notice of a reclaim that it asks for; 0: it asks for none, and its contracts have none."""
    remaining: int = -1
    """Left out, it is `nodes`."""

    def __post_init__(self) -> None:
        """Raise `InvariantViolation` outside the ranges that a book can hold."""
        if self.remaining == -1:
            self.remaining = self.nodes
        ensure(self.seq >= 0 and self.limit_price >= 0, "bid: negative seq or limit")
        ensure(1 <= self.remaining <= self.nodes <= NODES_MAX, "bid: nodes out of range")
        ensure(1 <= self.min_nodes <= self.nodes, "bid: min_nodes out of range")
        ensure(1 <= self.hours <= BLOCK_HOURS_MAX, "bid: hours out of range")
        ensure(0 <= self.earliest <= self.latest < HOUR_END, "bid: start hours out of range")
        ensure(
            _is_strictly_sorted(self.classes) and _is_strictly_sorted(self.regions), "bid: classes or regions unsorted"
        )
        ensure(self.stp in STP_MODES, "bid: unknown stp mode")
        if self.performance:
            ensure(tuple(each.class_id for each in self.performance) == self.classes, "bid: classes without limits")
            ensure(self.limit_price == max(each.limit_price for each in self.performance), "bid: not its highest limit")

    def limit_at(self, class_id: str) -> int:
        """The most that it pays for a GPU-hour of one of its classes."""
        if not self.performance:
            return self.limit_price
        return next(each.limit_price for each in self.performance if each.class_id == class_id)

    def admits(self, offer: Offer) -> bool:
        """Whether the offer names enough notice for it, and is of a version of its class that it admits.

        It admits any version, unless it is by performance.
        """
        return offer.reclaim_notice >= self.min_notice and self.admits_version(offer)

    def admits_version(self, offer: Offer) -> bool:
        """Whether it admits the offer's version of its class."""
        return not self.performance or any(
            each.class_id == offer.class_id and each.version == offer.class_version for each in self.performance
        )

    @property
    def is_particular(self) -> bool:
        """Whether it admits some offers of its classes and not others."""
        return bool(self.performance or self.min_notice)


def _is_strictly_sorted(names: tuple[str, ...]) -> bool:
    return all(a < b for a, b in pairwise(names))


class Match(NamedTuple):
    """A planned trade: `nodes` nodes from `first_hour` on, for the bid's number of hours, at `price`."""

    bid_id: str
    offer_id: str
    nodes: int
    first_hour: int
    price: int


class Prevented(NamedTuple):
    """A match that did not happen because both sides belong to one group, and what is cancelled for it."""

    bid_id: str
    offer_id: str
    nodes: int
    first_hour: int
    cancels_bid: bool
    cancels_offer: bool


class Pass(NamedTuple):
    """One pass of an order over the book: the time it is judged by, and how it is split into entries.

    `time`: ledger time in microseconds; an order that has ended by then is skipped.
    `floor_hour`: the first hour that can still be delivered.
    `most`: matches and preventions that one plan may hold, at least 1.
    `continues`: the pass continues, over as many plans as it needs, until nothing fits (rules of version 2). If not, it
    takes each counterpart at most once, and only an order that rests continues (version 1).
    `consents`: a related party's order is cancelled only if its own mode says so (rules of version 4).
    `uncrosses`: no pair that fits is left to rest, so orders that rest may meet: of a pair, the order that came to the
    book later is the taker (rules of version 8).
    """

    time: int
    floor_hour: int
    most: int
    continues: bool
    consents: bool
    uncrosses: bool = False


class Plan(NamedTuple):
    """What an order (the taker) does to a book. Making a plan changes nothing.

    `rests`: something of the taker is left and goes into the book, or stays there, at least until its pass is over.
    `refusal`: the taker is refused as a whole; nothing else in the plan is then set.
    `more`: the plan is full and a further counterpart fits, or `first` is set: the next entry is to continue the pass.
    `first`: of a resting bid the plan's last match leaves less than its minimum, which fits another offer, too: its own
    pass comes before what is left of this one.
    """

    matches: tuple[Match, ...] = ()
    prevented: tuple[Prevented, ...] = ()
    rests: bool = False
    refusal: Refusal | None = None
    more: bool = False
    first: str | None = None


class Tried(NamedTuple):
    """What the next bids in line do, one after the other, to offers that they may fit by now.

    `bids`: of how many of them the pass is over; of the next one it is not, if the plan is full.
    """

    matches: tuple[Match, ...]
    prevented: tuple[Prevented, ...]
    bids: int


Eligible = Callable[[Bid, Offer, int], bool]
"""Whether the two may trade at a time (microseconds), beyond class, region, currency and price."""
Accepts = Callable[[str, str], bool]
"""(programme, provider) -> False if no bid of the one may trade with any offer of the other."""


class MatchingRule(Protocol):
    """How orders match. A rule keeps no state: it creates the book that it works on, and plans what to do to it.

    A plan changes nothing, and the same book and arguments give the same plan on every machine. Continuous matching is
    one rule; an auction is another one, whose arriving orders only rest.
    """

    @property
    def name(self) -> Literal["PTW-1"]:
        """The name that its trades state."""
        ...

    def new_book(self, eligible: Eligible, accepts: Accepts | None = None, room_of: RoomOf | None = None) -> Any:
        """An empty book. `eligible` is asked about pairs that agree in class, region, currency and price.

        `accepts`: what it says of all pairs of a programme and a provider, so that none of many has to be asked about.
        `room_of`: what a group may still get of a class in a region.
        """
        ...

    def bid_arrives(self, book: Any, bid: Bid, tif: BidTif, now: Pass) -> Plan:
        """The plan of a bid that is not in the book yet."""
        ...

    def offer_arrives(self, book: Any, offer: Offer, tif: OfferTif, now: Pass) -> Plan:
        """The plan of an offer that is not in the book yet."""
        ...

    def order_continues(self, book: Any, order_id: str, tif: BidTif, now: Pass) -> Plan:
        """The next plan of an order whose last plan had `more`. Raises `InvariantViolation` if it does not rest."""
        ...

    def fits(self, book: Any, bid: Bid, nodes: int, now: Pass) -> bool:
        """Whether `nodes` nodes of a bid fit a resting offer."""
        ...

    def bids_meet(self, book: Any, bid_ids: Sequence[str], now: Pass) -> Tried:
        """What resting bids, in rank order, do to the offers."""
        ...


RESTING_TIFS: Final = ("GTC", "GTD")


_NOTICES: Final = ("reclaim_notice", "min_notice")
"""Fields that a record has only of an order that names a notice: others have the same digest as ever."""
_offer_fields: Callable[[Offer], Record] = attrgetter(*(f.name for f in fields(Offer) if f.name not in _NOTICES))
_bid_fields: Callable[[Bid], Record] = attrgetter(*(f.name for f in fields(Bid) if f.name not in _NOTICES))


def least_nodes(bid: Bid, remaining: int) -> int:
    """R2: the fewest nodes of which a block of the bid may be, while so many remain."""
    return min(bid.min_nodes, remaining) if bid.partial else remaining


def offer_record(offer: Offer, residual: tuple[Run, ...]) -> Record:
    """The canonical form of a resting offer; the runs cover its window exactly, in order, no two neighbours equal."""
    notice = (offer.reclaim_notice,) if offer.reclaim_notice else ()
    return ("offer", *_offer_fields(offer), residual, *notice)


def bid_record(bid: Bid) -> Record:
    """The canonical form of a resting bid."""
    return ("bid", *_bid_fields(bid), *((bid.min_notice,) if bid.min_notice else ()))


def digest_records(records: Iterable[Record]) -> str:
    """SHA-256 (hex) over the records as JSON arrays, one a line: equal for equal states of any implementation."""
    state = sha256()
    for record in records:
        state.update(json.dumps(record, separators=(",", ":")).encode() + b"\n")
    return state.hexdigest()
