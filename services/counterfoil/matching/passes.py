"""Turns plans of the matching rule into events, and continues a pass that does not fit into one entry.

Until a pass is over, nothing else is decided: the timer that continues it is always due, and an audit reports anything
that was decided before it. From rules version 2 on, all of a pass is judged by the time at which it began, so that how
it is split into entries changes none of its trades: a FOK bid is filled as planned, over as many entries as it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.core.rule_fields import Rules
from counterfoil.matching import uncrossing
from counterfoil.matching.commands import SelfTrade, TimeInForce
from counterfoil.matching.events import (
    BidClosed,
    MatchContinued,
    MatchPrevented,
    OfferClosed,
    TradeMatched,
    UncrossingContinued,
)
from counterfoil.matching.orders import Bid, Match, Offer, Pass, Plan, Prevented, Tried
from counterfoil.matching.reclaim_events import TradeReclaimable
from counterfoil.matching.state import AUCTION_TIMER, COUNT_TIMER, LEAVING_TIMER, MatchingState
from counterfoil.matching.times import floor_hour

CONTINUATION: Final = (0, "continue_matching")
"""What is due before anything else: the timer by which a pass goes on."""
Side = Literal["bid", "offer"]
_REASON_OF_TIF: Final[dict[TimeInForce, Literal["immediate_or_cancel", "not_fillable"]]] = {
    "IOC": "immediate_or_cancel",
    "FOK": "not_fillable",
}
"""Why a bid that is not filled is closed after its pass."""


def pass_at(time: int, rules: Rules) -> Pass:
    """A pass that begins at a ledger time (microseconds)."""
    most, continues, consents = rules.max_matches_per_entry, rules.continues_every_order, rules.spares_others_orders
    return Pass(time, floor_hour(time, rules), most, continues, consents, rules.uncrosses)


def due(state: MatchingState) -> tuple[int, str] | None:
    """The next timer: orders that must leave come before a continuation, and both before anything else."""
    if state.leaving:
        return 0, LEAVING_TIMER
    if state.continuing or state.uncrossing:
        return CONTINUATION
    expiry, auction, count = state.expiry.next(), state.auctions.due, state.positions.due()
    if count is not None and all(count < each for each in (expiry, auction and auction[0]) if each is not None):
        return count, COUNT_TIMER
    if auction is not None and (expiry is None or auction[0] <= expiry):
        return auction[0], AUCTION_TIMER
    return None if expiry is None else (expiry, "order_expiry")


def continue_matching(state: MatchingState, _cutoff: int, at: At) -> Sequence[Event]:
    """Timer: the continuation of the pass that is not over, or else of the bids that meet all offers anew."""
    if not state.continuing:
        return _bids_meet(state, at) if state.uncrossing else []
    order_id = min(state.continuing, key=lambda each: _place_in_line(state, each))
    began = state.continuing[order_id] if state.rules.continues_every_order else at.time
    now, received = pass_at(began, state.rules), state.bids.get(order_id)
    if received is not None:
        bid = state.book.bid(order_id)
        plan = state.rule.order_continues(state.book, order_id, received.tif, now)
        events = [*trades_and_preventions(state, plan, bid, at), *ending_of_bid(plan, bid, received.tif)]
    else:
        offer, tif = state.book.offer(order_id), state.offers[order_id].tif
        plan = state.rule.order_continues(state.book, order_id, tif, now)
        events = [*trades_and_preventions(state, plan, offer, at), *ending_of_offer(plan, order_id, tif)]
    return [*first_of_all(plan), MatchContinued(order_id=order_id, more=plan.more), *events]


def _place_in_line(state: MatchingState, order_id: str) -> tuple[int, int, int]:
    """Before version 8 of the rules one pass continues at a time. Since then bids may come before an offer."""
    bid = state.book.bid(order_id)
    return (1, 0, 0) if bid is None else (0, -bid.limit_price, bid.seq)


def first_of_all(plan: Plan) -> list[Event]:
    """The bid whose own pass comes before what is left of this one."""
    return [] if plan.first is None else [MatchContinued(order_id=plan.first, more=True)]


def _bids_meet(state: MatchingState, at: At) -> list[Event]:
    """The next bids in line, as many as one entry tries, meet all offers."""
    reached = next(iter(state.uncrossing.values()))
    most = state.rules.max_bids_tried_per_entry
    line = uncrossing.line_behind(state, reached, most)
    tried = state.rule.bids_meet(
        state.book, [bid.bid_id for bid in line], pass_at(reached.began or at.time, state.rules)
    )
    if tried.bids:
        last = line[tried.bids - 1]
        reached = reached._replace(limit_price=last.limit_price, priority=last.seq)
    more = len(line) == most or tried.bids < len(line)
    return [
        UncrossingContinued(limit_price=reached.limit_price, priority=reached.priority, more=more),
        *trades_and_preventions(state, tried, None, at),
    ]


def trades_and_preventions(
    state: MatchingState, plan: Plan | Tried, acts: Bid | Offer | None, at: At, version: int = 0
) -> list[Event]:
    """The plan's matches and preventions as events; `version`: of a bid that is only now admitted.

    `acts`: the order whose pass it is, and whose own end comes last of all; None if it is that of several.
    """
    side: Side | None = None if acts is None else "bid" if isinstance(acts, Bid) else "offer"
    left = {acts.bid_id: acts.remaining} if isinstance(acts, Bid) else {}
    events: list[Event] = []
    for nth, match in enumerate(plan.matches):
        if match.bid_id not in left:
            left[match.bid_id] = state.book.bid(match.bid_id).remaining
        left[match.bid_id] -= match.nodes
        paid_by = version or state.versions[match.bid_id]
        taker = _taker(state, match, side, at)
        trade_id = at.new_id("trd", nth)
        events.append(_trade(state, paid_by, match, taker, trade_id, left[match.bid_id]))
        notice = notice_of(state, match)
        if notice is not None:
            events.append(TradeReclaimable(trade_id=trade_id, reclaim_notice_hours=notice))
    for each in plan.prevented:
        events += _prevention(each, _taker(state, each, side, at), side)
    return events


def notice_of(state: MatchingState, match: Match) -> int | None:
    """The hours of notice that the contract carries: what the offer names, if the bid asks for any; else None."""
    return state.notices[match.offer_id] if match.bid_id in state.notices else None


def _taker(state: MatchingState, pair: Match | Prevented, acts: Side | None, at: At) -> Side:
    """Which of the two came to the book later; before version 8 of the rules, whose pass it is."""
    if acts is not None and not state.rules.uncrosses:
        return acts
    bid, offer = (state.admitted.get(each, at.index) for each in (pair.bid_id, pair.offer_id))
    return "bid" if bid > offer else "offer"


def _trade(state: MatchingState, version: int, match: Match, taker: Side, id_: str, left: int) -> TradeMatched:
    bid, offer = state.bids[match.bid_id], state.offers[match.offer_id]
    return TradeMatched(
        trade_id=id_,
        rule_set=state.rule.name,
        taker=taker,
        bid_id=bid.bid_id,
        offer_id=offer.offer_id,
        beneficiary_id=bid.beneficiary_id,
        provider_id=offer.provider_id,
        programme_id=bid.programme_id,
        version=version,
        class_id=offer.class_id,
        region=offer.region,
        currency=offer.currency,
        nodes=match.nodes,
        gpus_per_node=offer.gpus_per_node,
        first_hour=match.first_hour,
        hours=bid.hours,
        price=match.price,
        notional=match.price * match.nodes * offer.gpus_per_node * bid.hours,
        bid_nodes_left=left,
    )


def _prevention(each: Prevented, taker: Side, acts: Side | None) -> list[Event]:
    """The prevention, and the end of what is cancelled, but for the order whose pass it is."""
    ends_taker, ends_maker = each.cancels_bid, each.cancels_offer
    if taker == "offer":
        ends_taker, ends_maker = ends_maker, ends_taker
    mode: SelfTrade = "both" if ends_taker and ends_maker else "taker" if ends_taker else "maker"
    events: list[Event] = [MatchPrevented(bid_id=each.bid_id, offer_id=each.offer_id, mode=mode)]
    if each.cancels_offer and acts != "offer":
        events.append(OfferClosed(offer_id=each.offer_id, reason="self_trade"))
    if each.cancels_bid and acts != "bid":
        events.append(BidClosed(bid_id=each.bid_id, reason="self_trade"))
    return events


def ending_of_bid(plan: Plan, bid: Bid, tif: TimeInForce) -> list[Event]:
    """The bid's own end, if its pass is over and something of it is left that may not rest."""
    if any(each.cancels_bid for each in plan.prevented):
        return [BidClosed(bid_id=bid.bid_id, reason="self_trade")]
    if plan.rests or sum(match.nodes for match in plan.matches) == bid.remaining:
        return []
    return [BidClosed(bid_id=bid.bid_id, reason=_REASON_OF_TIF[tif])]


def ending_of_offer(plan: Plan, offer_id: str, tif: TimeInForce) -> list[Event]:
    """The offer's own end, if its pass is over and it may not rest."""
    if any(each.cancels_offer for each in plan.prevented):
        return [OfferClosed(offer_id=offer_id, reason="self_trade")]
    if tif == "IOC" and not plan.more:
        return [OfferClosed(offer_id=offer_id, reason="immediate_or_cancel")]
    return []
