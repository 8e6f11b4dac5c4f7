"""The timer of auctions: they lock, clear, and close their orders, over as many entries as that takes.

An auction that has cleared is decided. What follows from it, one after the other in a fixed order, is decided before
anything else: the trades of its blocks, then of each hour, then the ends of bids and offers. The outcome is not kept
as a record: the same orders and parameters give it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.matching import order_limits, positions
from counterfoil.matching.auction.book import AuctionBook, Settlement
from counterfoil.matching.auction.certificate import bound, shortfalls
from counterfoil.matching.auction.deals import Deal
from counterfoil.matching.auction.solving import prepare, solve
from counterfoil.matching.auction_book import Frozen, digest, frozen
from counterfoil.matching.auction_events import (
    BUILT_IN,
    AuctionCancelled,
    AuctionCleared,
    AuctionClosed,
    AuctionLocked,
    AuctionScheduled,
    ClearedHour,
    TradeCleared,
)
from counterfoil.matching.auction_outcome import End, outcome_of
from counterfoil.matching.auction_state import Auction
from counterfoil.matching.auctions import mean_price
from counterfoil.matching.collars import references_of
from counterfoil.matching.events import BidClosed, OfferClosed
from counterfoil.matching.evolve import remove_bid
from counterfoil.matching.replacing import keep_sold
from counterfoil.matching.solutions import Judged, judge, not_judged
from counterfoil.matching.state import MatchingState
from counterfoil.matching.times import floor_hour


def advance_auction(state: MatchingState, _cutoff: int, at: At) -> Sequence[Event]:
    """Timer: the next step of the auction that is due."""
    if state.auctions.due is None:
        return []
    auction_id = state.auctions.due[1]
    auction = state.auctions.open[auction_id]
    if auction.phase == "open":
        book = frozen(state, auction_id).book
        bids = len(book.hourly) + len(book.blocks)
        return [
            AuctionLocked(auction_id=auction_id, prices=_prices(solve(book)), offers=len(book.asks), bids=bids)
        ]  # fmt: skip
    if auction.phase == "locked":
        if floor_hour(at.time, state.rules) > auction.scheduled.first_hour:  # the log was away
            cancelled = AuctionCancelled(auction_id=auction_id, cause="gate_closed", cancelled_by=None, reason=None)
            return [*not_judged(state, auction_id), cancelled]
        book = frozen(state, auction_id).book
        judged = judge(state, auction_id, book)
        cleared = _cleared(state, auction.scheduled, book, judged)
        mean = mean_price(auction.scheduled, cleared, state.rules)
        references = [] if mean is None else references_of(auction.scheduled, mean)
        return [*judged.verdicts, cleared, *references]
    return _next_steps(state, auction_id, auction, at)


def _cleared(state: MatchingState, scheduled: AuctionScheduled, book: AuctionBook, judged: Judged) -> AuctionCleared:
    outcome, prepared, gpus = judged.outcome, prepare(book), scheduled.gpus_per_node
    solution_id = judged.solution_id
    found, prices = prepared.scarcity, _prices(outcome)
    missed = shortfalls(prepared, outcome).values()
    traded = _traded(book, outcome)
    return AuctionCleared(
        auction_id=scheduled.auction_id,
        solver=BUILT_IN if solution_id is None else state.auctions.solutions[solution_id].solver,
        solution_id=solution_id,
        book=digest(book),
        offers=len(book.asks),
        bids=len(book.hourly) + len(book.blocks),
        groups=len(_groups(book, outcome)),
        hours=tuple(
            ClearedHour(
                hour=scheduled.first_hour + slot, price=price, nodes=traded[slot], reserve_price=prepared.reserves[slot]
            )
            for slot, price in enumerate(prices)
        ),
        accepted=len(outcome.placements),
        rejected=sum(why in ("paradoxically_rejected", "no_room") for why in missed),
        surplus=outcome.surplus * gpus,
        bound=bound(prepared, prices) * gpus,
        rsi_bps=found.rsi_bps,
        cover_bps=found.cover_bps,
        scarce=found.scarce,
        pivotal=found.pivotal,
    )


def _prices(outcome: Settlement) -> tuple[int, ...]:
    return tuple(slot.price for slot in outcome.slots)


def _groups(book: AuctionBook, outcome: Settlement) -> set[str]:
    """The groups of related parties that trade, on either side."""
    group_of = {each.order_id: each.group for orders in (book.asks, book.hourly, book.blocks) for each in orders}
    trading = {order_id for slot in outcome.slots for side in (slot.bought, slot.sold) for order_id, _ in side}
    trading |= {each for placement in outcome.placements for each in (placement.block_id, placement.ask_id)}
    return {group_of[order_id] for order_id in trading}


def _traded(book: AuctionBook, outcome: Settlement) -> list[int]:
    """The nodes traded in each slot."""
    traded = [sum(nodes for _, nodes in slot.bought) for slot in outcome.slots]
    blocks = {block.order_id: block for block in book.blocks}
    for block_id, start, _ in outcome.placements:
        for slot in range(start, start + blocks[block_id].hours):
            traded[slot] += blocks[block_id].nodes
    return traded


def _next_steps(state: MatchingState, auction_id: str, auction: Auction, at: At) -> list[Event]:
    """The next trades and ends of orders, as many as one entry holds; with the last, the end of the auction."""
    now, steps = outcome_of(state, auction_id)
    most = state.rules.max_matches_per_entry
    events = [
        _trade(now, auction.scheduled, step, at.new_id("trd", nth)) if isinstance(step, Deal) else _end(now, step)
        for nth, step in enumerate(steps[auction.done : auction.done + most])
    ]
    return events if auction.done + most < len(steps) else [*events, AuctionClosed(auction_id=auction_id)]


def _end(now: Frozen, step: End) -> Event:
    if step.order_id in now.bids:
        return BidClosed(bid_id=step.order_id, reason=step.reason)
    return OfferClosed(offer_id=step.order_id, reason=step.reason)


def _trade(now: Frozen, scheduled: AuctionScheduled, deal: Deal, trade_id: str) -> TradeCleared:
    bid, offer = now.bids[deal.bid_id], now.offers[deal.ask_id]
    return TradeCleared(
        trade_id=trade_id,
        auction_id=scheduled.auction_id,
        bid_id=deal.bid_id,
        offer_id=deal.ask_id,
        beneficiary_id=bid.beneficiary_id,
        provider_id=offer.provider_id,
        programme_id=bid.programme_id,
        version=now.versions[deal.bid_id],
        class_id=offer.class_id,
        region=offer.region,
        currency=offer.currency,
        nodes=deal.nodes,
        gpus_per_node=offer.gpus_per_node,
        first_hour=scheduled.first_hour + deal.first,
        hours=deal.hours,
        price=deal.price,
        notional=deal.price * deal.nodes * offer.gpus_per_node * deal.hours,
        bid_nodes_left=deal.nodes_left,
        bid_hours_left=deal.hours_left,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def trade_cleared(state: MatchingState, event: TradeCleared, at: At) -> None:
    """The trade is made; a bid that is met in full ends with it."""
    keep_sold(state, event, at)
    positions.bought(state, event, at, of_book=False)
    order_limits.traded(state, event, at)
    if event.bid_nodes_left == 0:
        remove_bid(state, event.bid_id)
    else:
        state.auctions.leave(event.bid_id)
