"""Checks that several orders have in common: each returns the refusal, or None."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import refuse
from counterfoil.core.directory import Party
from counterfoil.core.rule_fields import Rules
from counterfoil.core.units import METERED, PAR
from counterfoil.matching.state import ANY, MatchingState
from counterfoil.matching.times import floor_hour


def too_many_orders(
    state: MatchingState, actor: Party, classes: Iterable[str], regions: Iterable[str]
) -> Refusal | None:
    """The party may have one more open order, and one more in each market of the classes and regions."""
    most = state.rules.max_open_orders_per_party
    if len(state.open_orders.get((ANY, actor.party_id), ())) >= most:
        return refuse(Code.OVER_LIMIT, limit=most)
    most_here = state.rules.max_open_orders_per_market
    for class_id, region in product(classes, regions):
        if most_here is not None and state.in_market.get((actor.party_id, class_id, region), 0) >= most_here:
            return refuse(Code.OVER_LIMIT, class_id=class_id, region=region, limit=most_here)
    return None


def paused(state: MatchingState, programme_id: str) -> Refusal | None:
    """The programme funds new bids."""
    if (shut := state.phases.shut(programme_id)) is not None:
        return shut
    return refuse(Code.PROGRAMME_PAUSED, programme_id=programme_id) if programme_id in state.paused else None


def off_tick(state: MatchingState, currency: str, price: int) -> Refusal | None:
    """The price (micro-units per GPU-hour) is a multiple of the tick: of a minor unit of its currency."""
    tick = state.rules.price_tick if state.rules.currencies is None else state.minor_unit(currency) or 1
    return refuse(Code.PRICE_OFF_TICK, tick=tick) if price % tick else None


def not_at_par(unit: str, price: int) -> Refusal | None:
    """In kind a GPU-hour is a GPU-hour."""
    return refuse(Code.PRICE_NOT_AT_PAR, par=PAR) if unit in METERED and price != PAR else None


def unfit_window(span: int, shortest: int, end: int, rules: Rules, at: At) -> Refusal | None:
    """`span`: hours of an offer's window, or between a bid's first and last start; `end`: the last hour, exclusive."""
    last_end = at.time // HOUR + rules.max_horizon_hours
    if shortest <= span <= rules.max_window_hours and end <= last_end:
        return None
    limits = {"hours": span, "least": shortest, "most": rules.max_window_hours, "last_end": last_end}
    return refuse(Code.WINDOW_NOT_VALID, **(limits if rules.names_limits else {}))


def unfit_time_in_force(tif: str, good_until: int | None, at: At, *, post_only: bool = False) -> Refusal | None:
    """Only GTD has a date, which must lie ahead; a post-only bid must be able to rest."""
    wrong = (tif == "GTD") != (good_until is not None) or (good_until is not None and good_until <= at.time)
    return refuse(Code.TIME_IN_FORCE_NOT_VALID) if wrong or (post_only and tif in ("IOC", "FOK")) else None


def minimum_too_large(min_nodes: int, nodes: int, min_hours: int, hours: int) -> Refusal | None:
    """The smallest block is no larger than the order."""
    return refuse(Code.MINIMUM_EXCEEDS_QUANTITY) if min_nodes > nodes or min_hours > hours else None


def too_large(amount: int) -> Refusal | None:
    """The amount (micro-units) is one that a ledger can hold."""
    return refuse(Code.AMOUNT_TOO_LARGE) if amount > MAX_AMOUNT else None


def past_gate(last_start: int, rules: Rules, at: At) -> Refusal | None:
    """The last hour at which a block may start can still be traded."""
    first = floor_hour(at.time, rules)
    if last_start >= first:
        return None
    return refuse(Code.GATE_CLOSED, **({"last_start": last_start, "first": first} if rules.names_limits else {}))


def not_cancellable(state: MatchingState, order_id: str) -> Refusal | None:
    """The owner of an order may take it back: in an auction only before it locks."""
    if not state.auctions.is_fixed(order_id):
        return None
    return refuse(Code.AUCTION_NOT_OPEN, auction_id=state.auctions.orders[order_id].auction_id)
