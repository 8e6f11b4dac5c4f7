"""Providers' commands: post, amend and cancel an offer."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.limits import BPS
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.core.rule_fields import Rules
from counterfoil.core.units import METERED, unknown_unit
from counterfoil.matching import checks, collars
from counterfoil.matching.amendments import reprice_offer
from counterfoil.matching.commands import AmendOffer, CancelOffer, PostOffer
from counterfoil.matching.events import OfferClosed, OfferReceived, OfferReduced
from counterfoil.matching.halts import only_halted
from counterfoil.matching.references import bonded_price, reference_price, with_class
from counterfoil.matching.state import MatchingState
from counterfoil.matching.times import last_start


def post_offer(state: MatchingState, body: PostOffer, actor: Party, at: At) -> Decision:
    """Receive an offer, unless its class is offered from attested sites alone."""
    return site_needed(state, body.class_id) or offered(state, body, actor, at)


def site_needed(state: MatchingState, class_id: str) -> Refusal | None:
    """The class is offered from attested sites alone, so an offer that names none is refused."""
    known = state.described.get(class_id)
    return refuse(Code.SITE_NEEDED, class_id=class_id) if known is not None and known.inventory_attested else None


def offered(state: MatchingState, body: PostOffer, actor: Party, at: At) -> Decision:
    """Receive an offer; it enters the book once its bond is held."""
    rules, kind = state.rules, state.classes.get(body.class_id)
    if kind is None:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    length = body.window_end - body.window_start
    reference = max(body.price, reference_price(state, actor.party_id, body.class_id, body.region, body.currency))
    bonded = reference * kind.gpus_per_node * length * body.nodes
    refused = (
        unknown_unit(state, body.currency)
        or checks.too_many_orders(state, actor, (body.class_id,), (body.region,))
        or checks.off_tick(state, body.currency, body.price)
        or checks.unfit_window(length, 1, body.window_end, rules, at)
        or checks.unfit_time_in_force(body.tif, body.good_until, at)
        or checks.minimum_too_large(body.min_nodes, body.nodes, body.min_hours, length)
        or unfit_bond(body.currency, body.bond_bps, rules)
        or checks.not_at_par(body.currency, body.price)
        or collars.outside(state, body.currency, (body.region,), {body.class_id: body.price})
        or checks.too_large(bonded)
        or checks.past_gate(body.window_end - body.min_hours, rules, at)
        or only_halted(state, body.tif, (body.class_id,), (body.region,), actor.party_id)
    )
    return refused or with_class(
        state,
        OfferReceived(
            offer_id=at.new_id("off"),
            provider_id=actor.party_id,
            group_id=actor.group_id,
            class_id=body.class_id,
            region=body.region,
            currency=body.currency,
            nodes=body.nodes,
            gpus_per_node=kind.gpus_per_node,
            window_start=body.window_start,
            window_end=body.window_end,
            price=body.price,
            min_nodes=body.min_nodes,
            min_hours=body.min_hours,
            bond_bps=body.bond_bps,
            bond=bond_of(bonded, body.bond_bps),
            tif=body.tif,
            good_until=body.good_until,
            stp=body.stp,
        ),
    )


def amend_offer(state: MatchingState, body: AmendOffer, actor: Party, at: At) -> Decision:
    """Take nodes off an offer, which keeps its priority, or ask for another price: before rules 9, of a new one."""
    received = _own_offer(state, body.offer_id, actor)
    if isinstance(received, Refusal):
        return received
    if body.price is not None and (off_tick := checks.off_tick(state, received.currency, body.price)) is not None:
        return off_tick
    if body.price is not None and (not_at_par := checks.not_at_par(received.currency, body.price)) is not None:
        return not_at_par
    if body.reduce_nodes_by is not None and body.price is None:
        return _reduce(state, received, body.reduce_nodes_by)
    if body.price is None or body.reduce_nodes_by is not None:
        return refuse(Code.AMEND_NOT_VALID)
    reprice = reprice_offer if state.rules.amends_in_place else _replace
    return reprice(state, received, body.price, at)


def _reduce(state: MatchingState, received: OfferReceived, by: int) -> Decision:
    offer = state.book.offer(received.offer_id)
    if by >= (received.nodes if offer is None else offer.nodes):
        return refuse(Code.AMEND_NOT_VALID, reduce_nodes_by=by)
    if offer is None:
        return refuse(Code.ORDER_NOT_OPEN)
    if not state.book.can_reduce_offer(received.offer_id, by):
        return refuse(Code.NODES_ALREADY_SOLD)
    freed = _bonded(received, bonded_price(state, received, received.price), by) * received.bond_bps // BPS
    return [OfferReduced(offer_id=received.offer_id, reduced_by=by, bond_released=freed)]


def _replace(state: MatchingState, received: OfferReceived, price: int, at: At) -> Decision:
    offer = state.book.offer(received.offer_id)
    nodes = received.nodes if offer is None else offer.nodes
    group_id = state.directory.group_now(received.provider_id)
    renewed = replace(received, offer_id=at.new_id("off"), group_id=group_id, price=price, nodes=nodes)
    bonded = _bonded(received, price, nodes)
    refused = checks.too_large(bonded) or checks.past_gate(last_start(received), state.rules, at)
    if refused is not None:
        return refused
    if offer is None:
        return refuse(Code.ORDER_NOT_OPEN)
    if any(left != nodes for _, _, left in state.book.residual(received.offer_id)):
        return refuse(Code.NODES_ALREADY_SOLD)
    renewed = replace(renewed, bond=bond_of(bonded, renewed.bond_bps), min_nodes=min(renewed.min_nodes, nodes))
    return [OfferClosed(offer_id=received.offer_id, reason="replaced"), renewed]


def cancel_offer(state: MatchingState, body: CancelOffer, actor: Party, _at: At) -> Decision:
    """Close an offer, on the book or not yet; its trades stand."""
    received = _own_offer(state, body.offer_id, actor)
    if isinstance(received, Refusal):
        return received
    return checks.not_cancellable(state, body.offer_id) or [OfferClosed(offer_id=body.offer_id, reason="cancelled")]


def _own_offer(state: MatchingState, offer_id: str, actor: Party) -> OfferReceived | Refusal:
    received = state.offers.get(offer_id)
    if received is None:
        return refuse(Code.UNKNOWN_ORDER, offer_id=offer_id)
    return (
        received
        if received.provider_id == actor.party_id
        else not_yours(state.rules, Code.UNKNOWN_ORDER, offer_id=offer_id)
    )


def unfit_bond(currency: str, bond_bps: int, rules: Rules) -> Refusal | None:
    """In kind a default costs no bond: what was allocated goes back to its holder, with time to use it."""
    if currency in METERED:
        return refuse(Code.BOND_IN_KIND) if bond_bps else None
    least = rules.min_bond_bps
    return refuse(Code.BOND_TOO_SMALL, minimum_bps=least) if bond_bps < least else None


def _bonded(offer: OfferReceived, reference: int, nodes: int) -> int:
    """What `nodes` nodes over the whole window count for at a price, in micro-units."""
    return reference * offer.gpus_per_node * (offer.window_end - offer.window_start) * nodes


def bond_of(bonded: int, bps: int) -> int:
    """The bond of a whole offer, rounded up: the floored bonds of its trades always fit into it."""
    return -(-bonded * bps // BPS)
