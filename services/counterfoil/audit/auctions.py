"""Auctions in a log: what is wrong with a wrong entry of one, and whether an outcome keeps the rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from counterfoil.contract.entry import Entry
from counterfoil.matching.auction.certificate import bound, check
from counterfoil.matching.auction.settling import Prepared
from counterfoil.matching.auction_book import frozen
from counterfoil.matching.auction_events import AuctionCleared, AuctionClosed, TradeCleared
from counterfoil.matching.solution_events import SolutionJudged
from counterfoil.matching.solutions import outcome_by
from counterfoil.matching.state import MatchingState


def forged(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """The finding, and what it says, if the recorded entry is another step of an auction than what was decided again.

    `order_held_back`: the outcome is of other orders than those that were admitted. `certificate_forged`: prices,
    surplus or bound are not those of these orders, or a solution is said to be worth more than it is.
    `solution_ignored`: a solution that is better was not taken, or one was not judged. `group_favoured`: somebody
    trades what another should.
    """
    for right, wrong in zip_longest(decided.events, entry.events):
        if right == wrong:
            continue
        if isinstance(right, SolutionJudged):
            return _misjudged(right, wrong)
        if isinstance(right, AuctionCleared) and isinstance(wrong, SolutionJudged):
            return "certificate_forged", f"there is no such solution: {wrong}"
        if isinstance(right, AuctionCleared) and isinstance(wrong, AuctionCleared):
            if right.book != wrong.book:
                return "order_held_back", f"{right.auction_id} was decided without all of its orders, or with others"
            if right.solution_id != wrong.solution_id:
                return "solution_ignored", f"{right.auction_id} clears by {right.solution_id}, not {wrong.solution_id}"
            return "certificate_forged", f"{right.auction_id} came to {right}"
        if isinstance(right, TradeCleared) or isinstance(wrong, TradeCleared):
            return "group_favoured", f"decided: {_trade(right)}; recorded: {_trade(wrong)}"
        if any(isinstance(each, TradeCleared | AuctionClosed) for each in decided.events):
            return "group_favoured", f"decided: {right}; recorded: {wrong}"
        return None
    return None


def broken(state: MatchingState, cleared: AuctionCleared) -> Iterator[str]:
    """Which rules an outcome breaks, though it was decided like this: an error of the release that decides."""
    book = frozen(state, cleared.auction_id).book
    prepared, outcome = Prepared(book), outcome_by(state, cleared.solution_id, book)
    prices = [hour.price for hour in cleared.hours]
    gpus = state.auctions.open[cleared.auction_id].scheduled.gpus_per_node
    yield from check(prepared, outcome)
    if prices != [slot.price for slot in outcome.slots] or cleared.surplus != outcome.surplus * gpus:
        yield "the event says another outcome"
    if not cleared.surplus <= bound(prepared, prices) * gpus == cleared.bound:
        yield "the bound is not one"


def _misjudged(right: SolutionJudged, wrong: object) -> tuple[str, str]:
    """A solution is left out, or is not taken though it should be; or it is said to be taken, or to be worth more."""
    same = isinstance(wrong, SolutionJudged) and wrong.solution_id == right.solution_id
    if same and (right.verdict != "taken" or getattr(wrong, "verdict", "") == "taken"):
        return "certificate_forged", f"{right.solution_id} came to {right}"
    return "solution_ignored", f"{right.solution_id} was to be judged: {right}"


def _trade(event: object) -> str:
    if not isinstance(event, TradeCleared):
        return "none"
    return f"{event.bid_id} and {event.offer_id}, {event.nodes} nodes"
