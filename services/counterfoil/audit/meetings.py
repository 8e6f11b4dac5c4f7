"""What a log of matching left undone: pairs that should have met, and pairs that rest although they fit.

The first is said by the decision made again, the second by the book alone: every offer is tried with every bid, without
the searches and passes that decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from counterfoil.contract.entry import Entry
from counterfoil.contract.record import Event
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.events import MatchContinued, MatchPrevented, TradeMatched, UncrossingBegun
from counterfoil.matching.ladder import fit
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
    """The (bid, offer) pairs that rest and fit at a time (microseconds)."""
    first = floor_hour(time, state.rules)
    for offer_id in state.offers:
        offer = state.book.offer(offer_id)
        if offer is None:
            continue
        left = Capacity(offer.nodes, offer.window_end - offer.window_start)
        for start, hours, nodes in state.book.residual(offer_id):
            if nodes < offer.nodes:
                left.take(offer.nodes - nodes, start - offer.window_start, hours)
        starts = lru_cache(maxsize=256)(left.starts)
        for bid in state.book.bids_for(offer, time):
            if fit(starts, bid, bid.remaining, offer, first) is not None:
                yield bid.bid_id, offer_id
