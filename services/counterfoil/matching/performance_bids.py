"""Beneficiaries' command to bid by performance: it becomes a bid for the classes that it admits."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from counterfoil.contract.limits import MAX_PRICE
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.units import METERED, PAR
from counterfoil.matching import checks
from counterfoil.matching.bids import place_bid
from counterfoil.matching.commands import PlaceBid
from counterfoil.matching.events import BidReceived
from counterfoil.matching.performance import limits_of, throughput
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.performance_events import PerformanceRequired
from counterfoil.matching.state import MatchingState

_SAME: Final = tuple(each.name for each in fields(PlaceBid) if each.name not in ("classes", "limit_price"))


def place_performance_bid(state: MatchingState, body: PlacePerformanceBid, actor: Party, at: At) -> Decision:
    """Receive a bid for the classes that meet the requirement, of those in the programme; held is the dearest one.

    The ledger holds it, and releases what a fill costs less, as of any bid.
    """
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    currency = state.currency(body.programme_id)
    if currency in METERED:
        return refuse(Code.PRICE_NOT_AT_PAR, par=PAR)
    refused = _unfit(state, body) or checks.off_tick(state, currency, body.limit_price)
    if refused is not None:
        return refused
    versions = state.every_terms(body.programme_id)
    current, tick = versions[max(versions)], state.minor_unit(currency) or 1
    allowed = filter(current.allows_class, state.described)
    limits = limits_of(body.require, body.limit_price, tick, state.described, allowed)
    if not limits:
        return refuse(Code.NO_CLASS_ADMITTED)
    if (many := _too_many(state, len(limits), len(body.regions))) is not None:
        return many
    highest = max(each.limit_price for each in limits)
    if highest > MAX_PRICE:
        return refuse(Code.AMOUNT_TOO_LARGE)
    classes = tuple(each.class_id for each in limits)
    by_class = {each.class_id: each.limit_price for each in limits}
    decided = place_bid(state, PlaceBid(classes=classes, limit_price=highest, **_of(body)), actor, at, by_class)
    if isinstance(decided, Refusal):
        return decided
    (received,) = decided
    if not isinstance(received, BidReceived):
        return decided
    required = PerformanceRequired(
        bid_id=received.bid_id, limit_price=body.limit_price, require=body.require, limits=limits
    )
    return [received, required]


def _too_many(state: MatchingState, classes: int, regions: int) -> Refusal | None:
    """As the register grows, a requirement admits more classes than a bid may have: the refusal says how many of each.

    Which of them the bid means is its beneficiary's to say, by classes or a stricter requirement.
    """
    most = min(state.rules.max_classes, state.rules.max_markets_per_bid // max(regions, 1))
    return refuse(Code.OVER_LIMIT, field="require", admitted=classes, limit=most) if classes > most else None


def _of(body: PlacePerformanceBid) -> dict[str, Any]:
    return {name: getattr(body, name) for name in _SAME}


def _unfit(state: MatchingState, body: PlacePerformanceBid) -> Refusal | None:
    """A class that the bid names is one that performance can be compared of; no list names anything twice."""
    require, most = body.require, state.rules.max_classes
    cards = tuple(each.cards for each in require.min_allreduce)
    unfit = unfit_lists(
        Listed("classes", require.classes, most, may_be_empty=True),
        Listed("min_allreduce", cards, most, may_be_empty=True),
        Listed("interconnects", require.interconnects, most, may_be_empty=True),
        Listed("origins", require.origins, most, may_be_empty=True),
    )
    if unfit is not None:
        return unfit
    for class_id in require.classes:
        if class_id not in state.classes:
            return refuse(Code.UNKNOWN_CLASS, class_id=class_id)
        known = state.described.get(class_id)
        if known is None or throughput(known, attested_only=require.attested_only) is None:
            return refuse(Code.PERFORMANCE_UNKNOWN, class_id=class_id)
    return None
