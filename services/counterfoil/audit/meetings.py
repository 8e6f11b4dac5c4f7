"""What a log of matching left undone: pairs that should have met, and pairs that rest although they fit.

The first is said by the decision made again, the second by the book alone: every offer is tried with every shape of bid
that its price admits, by the counters alone, without the searches and passes that decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from counterfoil.contract.entry import Entry
from counterfoil.contract.record import Event
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.events import (
    BidReceived,
    MatchContinued,
    MatchPrevented,
    OfferReceived,
    TradeMatched,
    UncrossingBegun,
)
from counterfoil.matching.orders import Bid, Offer
from counterfoil.matching.state import MatchingState
from counterfoil.matching.times import floor_hour


def skipped(decided: Entry, entry: Entry) -> str | None:
    """The first meeting of the decision made again that the recorded one does not have, with whom it has instead."""
    recorded = [each for each in map(_meeting, entry.events) if each is not None]
    wanted = (each for each in map(_meeting, decided.events) if each is not None)
    missing = next((each for each in wanted if each not in recorded), None)
    if missing is None:
        return None
    return f"missing: {_text(missing)}; recorded: {', '.join(map(_text, recorded)) or 'none'}"


def _meeting(event: Event) -> tuple[str, ...] | None:
    if isinstance(event, TradeMatched):
        return "trade", event.bid_id, event.offer_id
    if isinstance(event, MatchPrevented):
        return "prevention", event.bid_id, event.offer_id
    if isinstance(event, MatchContinued):
        return ("continuation", event.order_id) if event.more else None
    return ("uncrossing", event.programme_id or "all") if isinstance(event, UncrossingBegun) else None


def _text(meeting: tuple[str, ...]) -> str:
    return f"{meeting[0]} of {' and '.join(meeting[1:])}"


def crossed(state: MatchingState, time: int) -> Iterator[tuple[str, str]]:
    """The (bid, offer) pairs that rest and fit at a time (microseconds), where the rules let none rest.

    None while orders still have to meet, whatever else is due before that.
    """
    if state.rules.uncrosses and not state.continuing and not state.uncrossing:
        yield from fitting(state, time)


def fitting(state: MatchingState, time: int) -> Iterator[tuple[str, str]]:
    """The (bid, offer) pairs that rest and fit at a time (microseconds).

    What bids of one shape have in common is asked once for an offer, and nothing of the bids that end below its price.
    """
    floor, accepts, resting = floor_hour(time, state.rules), cache(state.accepts), _resting_bids(state, time)
    for offer_id, received in state.offers.items():
        offer = state.book.offer(offer_id)
        halted = state.is_halted(received.class_id, received.region, received.provider_id)
        if offer is None or halted or not _lasts(received, time):
            continue
        capacity, base, notice = _left(state, offer), offer.window_start, state.notices.get(offer_id, 0)
        market = offer.currency, offer.class_id, offer.region, offer.gpus_per_node
        named, by_name = resting.get((*market, offer.class_version), {}), resting.get((*market, ANY_VERSION), {})
        for shape, periods in (*named.items(), *by_name.items()):
            if next(iter(periods.values()))[0][0] < offer.price:
                continue
            least = max(shape.least, offer.min_nodes)
            if (
                least > shape.remaining
                or shape.hours < offer.min_hours
                or shape.notice > notice
                or not accepts(shape.programme_id, offer.provider_id)
            ):
                continue
            starts = capacity.starts(least, shape.hours)
            if not starts:
                continue
            for (earliest, latest), bids in periods.items():
                if bids[0][0] < offer.price:
                    break
                first, last = max(earliest, floor, base) - base, latest - base
                window = starts >> first & (1 << last - first + 1) - 1 if first <= last else 0
                if window:
                    may = (bid for limit, bid in bids if limit >= offer.price)
                    blocks = _Blocks(least, first, window)
                    yield from ((bid.bid_id, offer_id) for bid in may if _may_get(state, bid, offer, floor, blocks))


class _Shape(NamedTuple):
    """What decides where a bid finds room: its programme, hours, nodes left, and the fewest of them that it takes.

    `notice`: the hours of notice of a reclaim that it asks for, 0 for none.
    """

    programme_id: str
    hours: int
    remaining: int
    least: int
    notice: int


ANY_VERSION: Final = -1
"""Where a bid names no version of a class."""
_Market = tuple[str, str, str, int, int]
"""(currency, class, region, accelerators of a node, version of the class)"""
_Periods = dict[tuple[int, int], list[tuple[int, Bid]]]
"""Bids with their limits in a market, by the first and the last hour at which they may start."""


def _resting_bids(state: MatchingState, time: int) -> dict[_Market, dict[_Shape, _Periods]]:
    """By market, shape and period; everywhere the best limit comes first."""
    found: dict[_Market, dict[_Shape, _Periods]] = {}
    resting = [bid for bid_id in state.bids if (bid := state.book.bid(bid_id)) is not None]
    named = ((limit, class_id, version, bid) for bid in resting for class_id, version, limit in _limits(state, bid))
    for limit, class_id, version, bid in sorted(named, key=lambda each: -each[0]):
        received = state.bids[bid.bid_id]
        if not _lasts(received, time):
            continue
        least = min(bid.min_nodes, bid.remaining) if bid.partial else bid.remaining
        notice = state.notices.get(bid.bid_id, 0)
        shape = _Shape(bid.programme_id, bid.hours, bid.remaining, least, notice)
        for region in bid.regions:
            market = bid.currency, class_id, region, received.gpus_per_node, version
            periods = found.setdefault(market, {}).setdefault(shape, {})
            periods.setdefault((bid.earliest, bid.latest), []).append((limit, bid))
    return found


def _limits(state: MatchingState, bid: Bid) -> Iterator[tuple[str, int, int]]:
    """Each class of a bid, with the version that it names and its limit there: as received, not as the book has it."""
    performance = state.performance.get(bid.bid_id)
    if performance is None:
        yield from ((class_id, ANY_VERSION, bid.limit_price) for class_id in bid.classes)
    else:
        yield from ((each.class_id, each.version, each.limit_price) for each in performance.limits)


def _lasts(received: BidReceived | OfferReceived, time: int) -> bool:
    return received.good_until is None or received.good_until > time


class _Blocks(NamedTuple):
    """So many nodes, with each of these starts: bit h is the hour `first` + h of the offer's window."""

    nodes: int
    first: int
    starts: int


def _may_get(state: MatchingState, bid: Bid, offer: Offer, floor: int, blocks: _Blocks) -> bool:
    """Whether the bid's group may get one of these blocks."""
    room = state.room_of(bid.group_id, offer.class_id, offer.region, floor)
    return room is None or room.starts(blocks.nodes, bid.hours, offer.window_start + blocks.first) & blocks.starts != 0


def _left(state: MatchingState, offer: Offer) -> Capacity:
    """What is left of a resting offer, counted anew from its runs."""
    left = Capacity(offer.nodes, offer.window_end - offer.window_start)
    for start, hours, nodes in state.book.residual(offer.offer_id):
        if nodes < offer.nodes:
            left.take(offer.nodes - nodes, start - offer.window_start, hours)
    return left
