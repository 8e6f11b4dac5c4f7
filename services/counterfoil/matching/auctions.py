"""Auctions as such: who schedules and cancels them, and what each of their events does to the state."""

from __future__ import annotations

from itertools import pairwise

from counterfoil.contract.limits import BPS
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.rule_fields import Rules
from counterfoil.core.units import METERED
from counterfoil.matching.auction_book import listed_by_all
from counterfoil.matching.auction_commands import CancelAuction, ScheduleAuction
from counterfoil.matching.auction_events import (
    AuctionCancelled,
    AuctionCleared,
    AuctionClosed,
    AuctionLocked,
    AuctionScheduled,
)
from counterfoil.matching.auction_state import Auction, market_of
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.solutions import not_judged
from counterfoil.matching.state import MatchingState
from counterfoil.matching.times import floor_hour


def schedule_auction(state: MatchingState, body: ScheduleAuction, _actor: Party, at: At) -> Decision:
    """Open an auction for orders."""
    refused = _unfit_lists(state, body) or _unknown(state, body) or _unfit_times(state, body, at)
    if refused is not None:
        return refused
    currency = state.currency(body.programmes[0])
    tick = state.minor_unit(currency) or 1
    classes = tuple(sorted(body.classes))
    last = state.auctions.last_price.get((currency, body.region, ",".join(classes)))
    reference = last if last is not None else body.reference_price
    if reference is None or (last is not None and body.reference_price is not None):
        return refuse(Code.AUCTION_NOT_VALID, field="reference_price")
    return _unfit_terms(body, reference, tick) or [
        AuctionScheduled(
            auction_id=at.new_id("auc"),
            programmes=tuple(sorted(body.programmes)),
            classes=classes,
            region=body.region,
            currency=currency,
            gpus_per_node=state.classes[classes[0]].gpus_per_node,
            first_hour=body.first_hour,
            hours=body.hours,
            locks_at=body.locks_at,
            clears_at=body.clears_at,
            tick=tick,
            reference_price=reference,
            collar_bps=body.collar_bps,
            caps=body.caps,
            cap_bps=body.cap_bps,
            rsi_bps=body.rsi_bps,
            cover_bps=body.cover_bps,
            pivotal_bps=body.pivotal_bps,
            reserve_price=body.reserve_price,
            reserve_points=body.reserve_points,
        )
    ]


def cancel_auction(state: MatchingState, body: CancelAuction, actor: Party, _at: At) -> Decision:
    """Let an auction not take place."""
    if body.auction_id not in state.auctions.open:
        return refuse(Code.UNKNOWN_AUCTION, auction_id=body.auction_id)
    cancelled = AuctionCancelled(
        auction_id=body.auction_id, cause="operator", cancelled_by=actor.party_id, reason=body.reason
    )
    return [*not_judged(state, body.auction_id), cancelled]


def highest_price(scheduled: AuctionScheduled) -> int:
    """The most that an order of the auction may bid or ask."""
    return scheduled.reference_price * (BPS + scheduled.collar_bps) // BPS


def _unfit_lists(state: MatchingState, body: ScheduleAuction) -> Refusal | None:
    rules = state.rules
    most = rules.max_open_auctions
    utilisations = [point.utilisation_bps for point in body.reserve_points]
    refused = unfit_lists(
        Listed("programmes", body.programmes, rules.max_auction_terms),
        Listed("classes", body.classes, rules.max_classes),
        Listed("reserve_points", utilisations, rules.max_auction_terms, may_be_empty=True),
    )
    return refused or (refuse(Code.OVER_LIMIT, auctions=most) if len(state.auctions.open) >= most else None)


def _unknown(state: MatchingState, body: ScheduleAuction) -> Refusal | None:
    for programme_id in body.programmes:
        if programme_id not in state.programmes:
            return refuse(Code.UNKNOWN_PROGRAMME, programme_id=programme_id)
    for class_id in body.classes:
        if class_id not in state.classes:
            return refuse(Code.UNKNOWN_CLASS, class_id=class_id)
    currencies = {state.currency(programme_id) for programme_id in body.programmes}
    if len(currencies) > 1 or currencies & METERED:
        return refuse(Code.AUCTION_NOT_VALID, field="programmes")
    if len({state.classes[class_id].gpus_per_node for class_id in body.classes}) > 1:
        return refuse(Code.CLASSES_NOT_COMPARABLE)
    return None


def _unfit_times(state: MatchingState, body: ScheduleAuction, at: At) -> Refusal | None:
    """It locks after now, clears after that, and in time for its first hour."""
    rules = state.rules
    if body.hours > rules.max_auction_hours:
        return refuse(Code.AUCTION_NOT_VALID, field="hours", most=rules.max_auction_hours)
    if body.first_hour + body.hours > at.time // HOUR + rules.max_horizon_hours:
        return refuse(Code.AUCTION_NOT_VALID, field="first_hour")
    if not at.time < body.locks_at < body.clears_at:
        return refuse(Code.AUCTION_NOT_VALID, field="locks_at")
    if floor_hour(body.clears_at, rules) > body.first_hour:
        return refuse(Code.AUCTION_NOT_VALID, field="clears_at")
    return None


def _unfit_terms(body: ScheduleAuction, reference: int, tick: int) -> Refusal | None:
    if reference % tick:
        return refuse(Code.PRICE_OFF_TICK, tick=tick)
    if body.caps != "none" and not body.cap_bps:
        return refuse(Code.AUCTION_NOT_VALID, field="cap_bps")
    points = body.reserve_points
    if any(low.utilisation_bps >= high.utilisation_bps for low, high in pairwise(points)):
        return refuse(Code.AUCTION_NOT_VALID, field="reserve_points")
    most = max((point.factor_bps for point in points), default=BPS)
    if -(-body.reserve_price * most // BPS) + tick > reference * (BPS + body.collar_bps) // BPS + tick:
        return refuse(Code.AUCTION_NOT_VALID, field="reserve_price")
    return None


# evolve -------------------------------------------------------------------------------------------------------------


def auction_scheduled(state: MatchingState, event: AuctionScheduled, _at: At) -> None:
    """The auction takes orders."""
    state.auctions.change(event.auction_id, Auction(event, "open", None, 0))


def auction_cancelled(state: MatchingState, event: AuctionCancelled, _at: At) -> None:
    """Its orders are to be closed."""
    auction = state.auctions.open[event.auction_id]
    state.auctions.change(event.auction_id, auction._replace(phase=event.cause))


def auction_locked(state: MatchingState, event: AuctionLocked, _at: At) -> None:
    """Its orders stay, and who is listed now is for this auction, whatever an issuer says of it later."""
    auction = state.auctions.open[event.auction_id]
    for order_id in sorted(state.auctions.orders.owned(event.auction_id)):
        order = state.auctions.orders[order_id]
        if isinstance(order.received, OfferReceived):
            unlisted = not listed_by_all(state, auction.scheduled, order.received.provider_id)
            state.auctions.orders[order_id] = order._replace(unlisted=unlisted)
    state.auctions.change(event.auction_id, auction._replace(phase="locked"))


def auction_cleared(state: MatchingState, event: AuctionCleared, _at: At) -> None:
    """Its outcome is known; what it traded at on average is the reference of the next auction of this market."""
    auction = state.auctions.open[event.auction_id]
    state.auctions.change(event.auction_id, auction._replace(phase="cleared", solution_id=event.solution_id))
    mean = mean_price(auction.scheduled, event, state.rules)
    if mean is not None:
        state.auctions.last_price[market_of(auction.scheduled)] = mean


def mean_price(scheduled: AuctionScheduled, event: AuctionCleared, rules: Rules) -> int | None:
    """What an auction traded at per node and hour, rounded down to the tick, at least one.

    None if so few groups of parties traded that one pair of them could have made the price.
    """
    if event.groups < rules.min_reference_groups:
        return None
    nodes, tick = sum(hour.nodes for hour in event.hours), scheduled.tick
    mean = sum(hour.price * hour.nodes for hour in event.hours) // nodes if nodes else None
    return None if mean is None else max(mean - mean % tick, tick)


def auction_closed(state: MatchingState, event: AuctionClosed, _at: At) -> None:
    """It is over."""
    state.auctions.change(event.auction_id, None)
