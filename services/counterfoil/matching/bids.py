"""Beneficiaries' commands: place, amend and cancel a bid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.core.rule_fields import Rules
from counterfoil.matching import checks, collars
from counterfoil.matching.amendments import reprice_bid
from counterfoil.matching.commands import AmendBid, CancelBid, PlaceBid
from counterfoil.matching.events import BidClosed, BidReceived, BidReduced, MatchContinued
from counterfoil.matching.halts import only_halted
from counterfoil.matching.passes import pass_at
from counterfoil.matching.programmes import not_in_programme
from counterfoil.matching.state import MatchingState


def place_bid(
    state: MatchingState, body: PlaceBid, actor: Party, at: At, limits: Mapping[str, int] | None = None
) -> Decision:
    """Receive a bid; it enters the book once its funds are held. `limits`: by class, where each has its own."""
    rules = state.rules
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    currency = state.currency(body.programme_id)
    unknown = [class_id for class_id in body.classes if class_id not in state.classes]
    if unknown:
        return refuse(Code.UNKNOWN_CLASS, class_id=unknown[0])
    gpus = sorted({state.classes[class_id].gpus_per_node for class_id in body.classes})
    per_node = body.limit_price * (gpus[-1] if gpus else 1) * body.hours
    refused = (
        _unfit_lists(body, rules)
        or checks.too_many_orders(state, actor, body.classes, body.regions)
        or checks.off_tick(state, currency, body.limit_price)
        or checks.unfit_window(body.latest - body.earliest, 0, body.latest + body.hours, rules, at)
        or checks.unfit_time_in_force(body.tif, body.good_until, at, post_only=body.post_only)
        or (refuse(Code.CLASSES_NOT_COMPARABLE) if len(gpus) > 1 else None)
        or checks.minimum_too_large(body.min_nodes, body.nodes, 0, 0)
        or (checks.not_at_par(currency, body.limit_price) if rules.meters_in_kind else None)
        or collars.outside(state, currency, body.regions, limits or dict.fromkeys(body.classes, body.limit_price))
        or checks.too_large(per_node * body.nodes + body.nodes)
        or checks.paused(state, body.programme_id)
        or not_in_programme(state.every_terms(body.programme_id), body, rules, at)
        or state.barred(body.programme_id, actor.party_id)
        or checks.past_gate(body.latest, rules, at)
        or only_halted(state, body.tif, body.classes, body.regions)
    )
    return refused or [
        BidReceived(
            bid_id=at.new_id("bid"),
            beneficiary_id=actor.party_id,
            group_id=actor.group_id,
            programme_id=body.programme_id,
            voucher_ids=body.voucher_ids,
            currency=currency,
            classes=tuple(sorted(body.classes)),
            regions=tuple(sorted(body.regions)),
            nodes=body.nodes,
            gpus_per_node=gpus[0],
            hours=body.hours,
            earliest=body.earliest,
            latest=body.latest,
            limit_price=body.limit_price,
            cost_per_node=per_node,
            partial=body.partial,
            min_nodes=body.min_nodes,
            tif=body.tif,
            good_until=body.good_until,
            post_only=body.post_only,
            stp=body.stp,
        )
    ]


def amend_bid(state: MatchingState, body: AmendBid, actor: Party, at: At) -> Decision:
    """Take nodes off a bid, which keeps its priority, or ask for another limit: before rules 9, of a new one."""
    received = _own_bid(state, body.bid_id, actor)
    if isinstance(received, Refusal):
        return received
    limit, currency = body.limit_price, received.currency
    if limit is not None and body.bid_id in state.performance:
        return refuse(Code.PRICED_BY_PERFORMANCE, bid_id=body.bid_id)
    if limit is not None and (off_tick := checks.off_tick(state, currency, limit)) is not None:
        return off_tick
    if limit is not None and (not_at_par := checks.not_at_par(currency, limit)) is not None:
        return not_at_par
    if body.reduce_nodes_by is not None and body.limit_price is None:
        return _reduce(state, received, body.reduce_nodes_by, at)
    if body.limit_price is None or body.reduce_nodes_by is not None:
        return refuse(Code.AMEND_NOT_VALID)
    reprice = reprice_bid if state.rules.amends_in_place else _replace
    return reprice(state, received, body.limit_price, at)


def _reduce(state: MatchingState, received: BidReceived, by: int, at: At) -> Decision:
    bid = state.book.bid(received.bid_id)
    if by >= (received.nodes if bid is None else bid.remaining):
        return refuse(Code.AMEND_NOT_VALID, reduce_nodes_by=by)
    if bid is None:
        return refuse(Code.ORDER_NOT_OPEN)
    left, rules = bid.remaining - by, state.rules
    events: list[Event] = [BidReduced(bid_id=received.bid_id, nodes_left=left)]
    if rules.uncrosses and state.rule.fits(state.book, bid, left, pass_at(at.time, rules)):
        events.append(MatchContinued(order_id=received.bid_id, more=True))
    return events


def _replace(state: MatchingState, received: BidReceived, limit_price: int, at: At) -> Decision:
    bid = state.book.bid(received.bid_id)
    per_node = limit_price * received.gpus_per_node * received.hours
    nodes = received.nodes if bid is None else bid.remaining
    refused = (
        checks.too_large(per_node * nodes + nodes)
        or not_in_programme(state.every_terms(received.programme_id), received, state.rules, at)
        or state.barred(received.programme_id, received.beneficiary_id)
        or checks.past_gate(received.latest, state.rules, at)
    )
    if refused is not None:
        return refused
    if bid is None:
        return refuse(Code.ORDER_NOT_OPEN)
    renewed = replace(
        received, bid_id=at.new_id("bid"), group_id=state.directory.group_now(received.beneficiary_id),
        limit_price=limit_price, cost_per_node=per_node, nodes=nodes, min_nodes=min(received.min_nodes, nodes),
    )  # fmt: skip
    return [BidClosed(bid_id=received.bid_id, reason="replaced"), renewed]


def cancel_bid(state: MatchingState, body: CancelBid, actor: Party, _at: At) -> Decision:
    """Close a bid, on the book or not yet; its trades stand."""
    received = _own_bid(state, body.bid_id, actor)
    if isinstance(received, Refusal):
        return received
    return checks.not_cancellable(state, body.bid_id) or [BidClosed(bid_id=body.bid_id, reason="cancelled")]


def _own_bid(state: MatchingState, bid_id: str, actor: Party) -> BidReceived | Refusal:
    received = state.bids.get(bid_id)
    if received is None:
        return refuse(Code.UNKNOWN_ORDER, bid_id=bid_id)
    return (
        received
        if received.beneficiary_id == actor.party_id
        else not_yours(state.rules, Code.UNKNOWN_ORDER, bid_id=bid_id)
    )


def _unfit_lists(body: PlaceBid, rules: Rules) -> Refusal | None:
    unfit = unfit_lists(
        Listed("classes", body.classes, rules.max_classes),
        Listed("regions", body.regions, rules.max_regions),
        Listed("voucher_ids", body.voucher_ids, rules.max_vouchers_per_hold, may_be_empty=True),
    )
    if unfit is not None:
        return unfit
    if len(body.classes) * len(body.regions) > rules.max_markets_per_bid:
        return refuse(Code.OVER_LIMIT, field="classes", markets=rules.max_markets_per_bid)
    return None
