"""Orders that are to have another price: asked for by a command, funded by the ledger, and then in force or failed.

An amended order is the same order: it keeps its id, its trades and what is sold of it, and loses its place in line. The
new price is for what is open when it comes into force. Until then the order rests, trades and ends as it is, so an
amendment that fails changes nothing. One at a time is decided of an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.ledger.amendment_events import AmendmentFunded
from counterfoil.ledger.events import HoldRefused, HoldRefusedV1
from counterfoil.matching import checks, collars
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)
from counterfoil.matching.events import BidReceived, MatchContinued, OfferReceived
from counterfoil.matching.passes import pass_at
from counterfoil.matching.programmes import not_in_programme
from counterfoil.matching.references import bonded_price, reference_price
from counterfoil.matching.state import Amendment, MatchingState
from counterfoil.matching.times import ends_at, last_start

Reason = Literal["hold_refused", "bond_refused", "would_match", "expired", "gate_closed", "order_closed"]


def reprice_bid(state: MatchingState, received: BidReceived, limit_price: int, at: At) -> Decision:
    """Ask for another limit of a bid that rests."""
    bid = state.book.bid(received.bid_id)
    per_node = limit_price * received.gpus_per_node * received.hours
    nodes = received.nodes if bid is None else bid.remaining
    refused = (
        collars.outside(state, received.currency, received.regions, dict.fromkeys(received.classes, limit_price))
        or checks.too_large(per_node * nodes + nodes)
        or checks.paused(state, received.programme_id)
        or not_in_programme(state.every_terms(received.programme_id), received, state.rules, at)
        or state.barred(received.programme_id, received.beneficiary_id)
        or checks.past_gate(received.latest, state.rules, at)
        or _not_amendable(state, received.bid_id, received.limit_price, limit_price)
    )
    return refused or [_request(received, limit_price, nodes, at)]


def reprice_bid_in_auction(state: MatchingState, received: BidReceived, limit_price: int, at: At) -> Decision:
    """Ask for another limit of a bid that takes part in an auction."""
    open_one = state.amending.get(received.bid_id)
    if (barred := state.barred(received.programme_id, received.beneficiary_id)) is not None:
        return barred
    if open_one is not None:
        return refuse(Code.AMENDMENT_OPEN, amendment_id=open_one)
    return [_request(received, limit_price, received.nodes, at)]


def _request(received: BidReceived, limit_price: int, nodes: int, at: At) -> BidAmendmentRequested:
    return BidAmendmentRequested(
        amendment_id=at.new_id("amd"),
        bid_id=received.bid_id,
        beneficiary_id=received.beneficiary_id,
        programme_id=received.programme_id,
        voucher_ids=received.voucher_ids,
        currency=received.currency,
        classes=received.classes,
        regions=received.regions,
        nodes=nodes,
        gpus_per_node=received.gpus_per_node,
        hours=received.hours,
        earliest=received.earliest,
        latest=received.latest,
        limit_price=limit_price,
        cost_per_node=limit_price * received.gpus_per_node * received.hours,
        partial=received.partial,
    )


def reprice_offer(state: MatchingState, received: OfferReceived, price: int, at: At) -> Decision:
    """Ask for another price of an offer that rests."""
    length = received.window_end - received.window_start
    now = reference_price(  # it is as if the offer came anew
        state, received.provider_id, received.class_id, received.region, received.currency
    )
    bonded_at = max(bonded_price(state, received, price), now)
    refused = (
        collars.outside(state, received.currency, (received.region,), {received.class_id: price})
        or checks.too_large(bonded_at * received.gpus_per_node * length * received.nodes)
        or checks.past_gate(last_start(received), state.rules, at)
        or _not_amendable(state, received.offer_id, received.price, price)
    )
    return refused or [
        OfferAmendmentRequested(
            amendment_id=at.new_id("amd"),
            offer_id=received.offer_id,
            provider_id=received.provider_id,
            currency=received.currency,
            price=price,
            bonded_at=bonded_at,
            bond=_bond_at(state, received, bonded_at),
        )
    ]


def _not_amendable(state: MatchingState, order_id: str, price: int, wanted: int) -> Refusal | None:
    if wanted == price:
        return refuse(Code.AMEND_NOT_VALID, price=price)
    if order_id not in state.admitted:
        return refuse(Code.ORDER_NOT_OPEN)
    if order_id in state.amending:
        return refuse(Code.AMENDMENT_OPEN, amendment_id=state.amending[order_id])
    return None


def _bond_at(state: MatchingState, received: OfferReceived, bonded_at: int) -> int:
    """The bond of what is unsold of an offer, measured at a price, rounded up; 0 of one that does not rest."""
    if received.offer_id not in state.admitted:
        return 0
    unsold: int = sum(hours * nodes for _, hours, nodes in state.book.residual(received.offer_id))
    return -(-bonded_at * received.gpus_per_node * unsold * received.bond_bps // BPS)


def amendment_funded(state: MatchingState, event: AmendmentFunded, at: At) -> Sequence[Event]:
    """What the order needs is held: it has the new price, unless its time is over or it may not match."""
    asked = state.amendments.get(event.amendment_id)
    if asked is None:
        return []  # of another shard
    if event.purpose == "bid":
        return _amended_bid(state, event.amendment_id, asked, at)
    return _amended_offer(state, event.amendment_id, asked, at)


def _amended_bid(state: MatchingState, amendment_id: str, asked: Amendment, at: At) -> Sequence[Event]:
    bid_id = asked.order_id
    if bid_id in state.auctions.orders:
        known = state.bids[bid_id]
        cost = asked.price * known.gpus_per_node * known.hours
        return [BidAmended(amendment_id=amendment_id, bid_id=bid_id, limit_price=asked.price, cost_per_node=cost)]
    bid, rules = state.book.bid(bid_id), state.rules
    if bid is None:
        return [_failed(amendment_id, "bid", bid_id, "order_closed")]
    received = state.bids[bid_id]
    if ends_at(received.latest, received.good_until, rules) <= at.time:
        over = received.good_until is not None and received.good_until <= at.time
        return [_failed(amendment_id, "bid", bid_id, "expired" if over else "gate_closed")]
    fits = state.rule.fits(
        state.book, replace(bid, limit_price=asked.price, seq=at.index), bid.remaining, pass_at(at.time, rules)
    )
    if fits and bid.post_only:
        return [_failed(amendment_id, "bid", bid_id, "would_match")]
    per_node = asked.price * received.gpus_per_node * received.hours
    amended = BidAmended(
        amendment_id=amendment_id, bid_id=bid_id, limit_price=asked.price, cost_per_node=per_node
    )  # fmt: skip
    return [amended, *([MatchContinued(order_id=bid_id, more=True)] if fits else [])]


def _amended_offer(state: MatchingState, amendment_id: str, asked: Amendment, at: At) -> Sequence[Event]:
    """An offer that is cheaper may fit bids that it did not fit before: it meets them before anything else."""
    offer_id, price = asked.order_id, asked.price
    if state.book.offer(offer_id) is None:
        return [_failed(amendment_id, "offer", offer_id, "order_closed")]
    received = state.offers[offer_id]
    if ends_at(last_start(received), received.good_until, state.rules) <= at.time:
        return [_failed(amendment_id, "offer", offer_id, "expired")]
    bonded_at = asked.bonded_at  # not by a floor that came since: that is not held
    amended = OfferAmended(
        amendment_id=amendment_id, offer_id=offer_id, price=price, bonded_at=bonded_at,
        bond=_bond_at(state, received, bonded_at),
    )  # fmt: skip
    return [amended, *([MatchContinued(order_id=offer_id, more=True)] if price < received.price else [])]


def amendment_refused(state: MatchingState, event: HoldRefused | HoldRefusedV1) -> Sequence[Event]:
    """What the order would need cannot be held: it stays as it is."""
    asked = state.amendments.get(event.hold_id)
    if asked is None:
        return []
    reason: Reason = "hold_refused" if event.purpose == "bid" else "bond_refused"
    return [_failed(event.hold_id, event.purpose, asked.order_id, reason)]


def _failed(amendment_id: str, side: Literal["bid", "offer"], order_id: str, reason: Reason) -> AmendmentFailed:
    return AmendmentFailed(amendment_id=amendment_id, side=side, order_id=order_id, reason=reason)


# evolve -------------------------------------------------------------------------------------------------------------


def bid_amendment_requested(state: MatchingState, event: BidAmendmentRequested, _at: At) -> None:
    """The bid waits for what its new limit needs."""
    state.ask(event.amendment_id, Amendment(event.bid_id, event.limit_price, 0))


def offer_amendment_requested(state: MatchingState, event: OfferAmendmentRequested, _at: At) -> None:
    """The offer waits for the bond of its new price."""
    state.ask(event.amendment_id, Amendment(event.offer_id, event.price, event.bonded_at))


def bid_amended(state: MatchingState, event: BidAmended, at: At) -> None:
    """The bid has its new limit, and a new place in line."""
    state.answered(event.amendment_id)
    known = state.bids[event.bid_id]
    state.bids[event.bid_id] = replace(known, limit_price=event.limit_price, cost_per_node=event.cost_per_node)
    if event.bid_id in state.auctions.orders:
        state.auctions.amend(event.bid_id, event.limit_price, at)
        return
    state.book.amend_bid(event.bid_id, event.limit_price, at.index)
    state.admitted[event.bid_id] = at.index
    state.resting_bids.mark(event.bid_id)


def offer_amended(state: MatchingState, event: OfferAmended, at: At) -> None:
    """The offer has its new price, and a new place in line."""
    state.answered(event.amendment_id)
    state.offers[event.offer_id] = replace(state.offers[event.offer_id], price=event.price, bond=event.bond)
    state.floors[event.offer_id] = event.bonded_at if event.bonded_at > event.price else 0
    state.book.amend_offer(event.offer_id, event.price, at.index)
    state.admitted[event.offer_id] = at.index
    state.resting_offers.mark(event.offer_id)


def amendment_failed(state: MatchingState, event: AmendmentFailed, _at: At) -> None:
    """Nothing is asked for any more."""
    state.answered(event.amendment_id)
