"""Matching: offers, bids and trades over delivery hours, by rule set PTW-1 (continuous price-time priority).

An order is *received* (valid, its id given), its funds or bond are held by the ledger, then it is *admitted* to the
book, or closed if the hold was refused. Only then can it trade, so a trade never fails for lack of funds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from counterfoil.contract import limits
from counterfoil.contract.limits import BPS, MAX_AMOUNT, MAX_ITEMS_PER_SWEEP, PRICE_TICK
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.decider import COMMON, MIRRORED, At, Decider, Decision, mirror, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.events import ClassRegistered, ProgrammePublished, ProviderListed
from counterfoil.ledger.events import BondHeld, HoldPlaced, HoldRefused
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer, PlaceBid, PostOffer
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    BidReduced,
    MatchContinued,
    MatchPrevented,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.matching.market import (
    State,
    admit_bid,
    admit_offer,
    bid_of,
    ends_at,
    floor_hour,
    go_on,
    offer_of,
)

# offers -------------------------------------------------------------------------------------------------------------


def _post_offer(state: State, body: PostOffer, actor: Party, at: At) -> Decision:
    kind = state.classes.get(body.class_id)
    if kind is None:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    length = body.window_end - body.window_start
    per_node = body.price * kind[1] * length
    refused = (
        _too_many(state, actor)
        or _off_tick(body.price)
        or _window(length, 1, body.window_end, at)
        or _time_in_force(body.tif, body.good_until, at)
        or _minimum(body.min_nodes, body.nodes, body.min_hours, length)
        or _bond(body.bond_bps)
        or _too_large(per_node * body.nodes)
        or _gate(body.window_end - body.min_hours, at)
    )
    return refused or [
        OfferReceived(
            offer_id=at.new_id("off"),
            provider_id=actor.party_id,
            group_id=actor.group_id,
            class_id=body.class_id,
            region=body.region,
            currency=body.currency,
            nodes=body.nodes,
            gpus_per_node=kind[1],
            window_start=body.window_start,
            window_end=body.window_end,
            price=body.price,
            min_nodes=body.min_nodes,
            min_hours=body.min_hours,
            bond_bps=body.bond_bps,
            bond=_bond_of(per_node * body.nodes, body.bond_bps),
            tif=body.tif,
            good_until=body.good_until,
            stp=body.stp,
        )
    ]


def _amend_offer(state: State, body: AmendOffer, actor: Party, at: At) -> Decision:
    received = _own_offer(state, body.offer_id, actor)
    if isinstance(received, Refusal):
        return received
    if body.price is not None and (off_tick := _off_tick(body.price)) is not None:
        return off_tick
    offer = state.book.offer(body.offer_id)
    if body.reduce_nodes_by is not None and body.price is None:
        by = body.reduce_nodes_by
        if by >= (received.nodes if offer is None else offer.nodes):
            return refuse(Code.AMEND_NOT_VALID, reduce_nodes_by=by)
        if offer is None:
            return refuse(Code.ORDER_NOT_OPEN)
        if not state.book.can_reduce_offer(body.offer_id, by):
            return refuse(Code.NODES_ALREADY_SOLD)
        freed = _notional(received, by) * received.bond_bps // BPS
        return [OfferReduced(offer_id=body.offer_id, reduced_by=by, bond_released=freed)]
    if body.price is None or body.reduce_nodes_by is not None:
        return refuse(Code.AMEND_NOT_VALID)
    nodes = received.nodes if offer is None else offer.nodes
    renewed = replace(received, offer_id=at.new_id("off"), price=body.price, nodes=nodes)
    notional = _notional(renewed, nodes)
    refused = _too_large(notional) or _gate(received.window_end - received.min_hours, at)
    if refused is not None:
        return refused
    if offer is None:
        return refuse(Code.ORDER_NOT_OPEN)
    if any(left != nodes for _, _, left in state.book.residual(body.offer_id)):
        return refuse(Code.NODES_ALREADY_SOLD)
    renewed = replace(renewed, bond=_bond_of(notional, renewed.bond_bps), min_nodes=min(renewed.min_nodes, nodes))
    return [OfferClosed(offer_id=body.offer_id, reason="replaced"), renewed]


def _cancel_offer(state: State, body: CancelOffer, actor: Party, _at: At) -> Decision:
    received = _own_offer(state, body.offer_id, actor)
    return received if isinstance(received, Refusal) else [OfferClosed(offer_id=body.offer_id, reason="cancelled")]


def _own_offer(state: State, offer_id: str, actor: Party) -> OfferReceived | Refusal:
    received = state.offers.get(offer_id)
    if received is None:
        return refuse(Code.UNKNOWN_ORDER, offer_id=offer_id)
    return received if received.provider_id == actor.party_id else refuse(Code.NOT_YOURS, offer_id=offer_id)


def _notional(offer: OfferReceived, nodes: int) -> int:
    return offer.price * offer.gpus_per_node * (offer.window_end - offer.window_start) * nodes


def _bond_of(notional: int, bps: int) -> int:
    """The bond of a whole offer, rounded up: the floored bonds of its trades always fit into it."""
    return -(-notional * bps // BPS)


# bids ---------------------------------------------------------------------------------------------------------------


def _place_bid(state: State, body: PlaceBid, actor: Party, at: At) -> Decision:
    versions = state.programmes.get(body.programme_id)
    if versions is None:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    unknown = [class_id for class_id in body.classes if class_id not in state.classes]
    if unknown:
        return refuse(Code.UNKNOWN_CLASS, class_id=unknown[0])
    gpus = sorted({state.classes[class_id][1] for class_id in body.classes})
    per_node = body.limit_price * (gpus[-1] if gpus else 1) * body.hours
    refused = (
        _lists(body)
        or _too_many(state, actor)
        or _off_tick(body.limit_price)
        or _window(body.latest - body.earliest, 0, body.latest + body.hours, at)
        or _time_in_force(body.tif, body.good_until, at, post_only=body.post_only)
        or (refuse(Code.CLASSES_NOT_COMPARABLE) if len(gpus) > 1 else None)
        or _minimum(body.min_nodes, body.nodes, 0, 0)
        or _too_large(per_node * body.nodes + body.nodes)
        or _programme_allows(versions, body, at)
        or _gate(body.latest, at)
    )
    return refused or [
        BidReceived(
            bid_id=at.new_id("bid"),
            beneficiary_id=actor.party_id,
            group_id=actor.group_id,
            programme_id=body.programme_id,
            voucher_ids=body.voucher_ids,
            currency=versions[-1].terms.currency,
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


def _amend_bid(state: State, body: AmendBid, actor: Party, at: At) -> Decision:
    received = _own_bid(state, body.bid_id, actor)
    if isinstance(received, Refusal):
        return received
    if body.limit_price is not None and (off_tick := _off_tick(body.limit_price)) is not None:
        return off_tick
    bid = state.book.bid(body.bid_id)
    if body.reduce_nodes_by is not None and body.limit_price is None:
        if body.reduce_nodes_by >= (received.nodes if bid is None else bid.remaining):
            return refuse(Code.AMEND_NOT_VALID, reduce_nodes_by=body.reduce_nodes_by)
        if bid is None:
            return refuse(Code.ORDER_NOT_OPEN)
        return [BidReduced(bid_id=body.bid_id, nodes_left=bid.remaining - body.reduce_nodes_by)]
    if body.limit_price is None or body.reduce_nodes_by is not None:
        return refuse(Code.AMEND_NOT_VALID)
    per_node = body.limit_price * received.gpus_per_node * received.hours
    nodes = received.nodes if bid is None else bid.remaining
    refused = (
        _too_large(per_node * nodes + nodes)
        or _programme_allows(state.programmes[received.programme_id], received, at)
        or _gate(received.latest, at)
    )
    if refused is not None:
        return refused
    if bid is None:
        return refuse(Code.ORDER_NOT_OPEN)
    renewed = replace(
        received, bid_id=at.new_id("bid"), limit_price=body.limit_price, cost_per_node=per_node, nodes=nodes,
        min_nodes=min(received.min_nodes, nodes),
    )  # fmt: skip
    return [BidClosed(bid_id=body.bid_id, reason="replaced"), renewed]


def _cancel_bid(state: State, body: CancelBid, actor: Party, _at: At) -> Decision:
    received = _own_bid(state, body.bid_id, actor)
    return received if isinstance(received, Refusal) else [BidClosed(bid_id=body.bid_id, reason="cancelled")]


def _own_bid(state: State, bid_id: str, actor: Party) -> BidReceived | Refusal:
    received = state.bids.get(bid_id)
    if received is None:
        return refuse(Code.UNKNOWN_ORDER, bid_id=bid_id)
    return received if received.beneficiary_id == actor.party_id else refuse(Code.NOT_YOURS, bid_id=bid_id)


# checks: each gives the refusal or None, in the order of `Code` -------------------------------------------------------


def _lists(body: PlaceBid) -> Refusal | None:
    named = (("classes", body.classes, limits.MAX_CLASSES), ("regions", body.regions, limits.MAX_REGIONS))
    both = (*named, ("voucher_ids", body.voucher_ids, limits.MAX_VOUCHERS_PER_HOLD))
    for name, items, _ in both:
        if len(set(items)) < len(items):
            return refuse(Code.DUPLICATE_ITEM, member=name)
    for name, items, _ in named:
        if not items:
            return refuse(Code.EMPTY_LIST, member=name)
    for name, items, most in both:
        if len(items) > most:
            return refuse(Code.OVER_LIMIT, member=name, limit=most)
    if len(body.classes) * len(body.regions) > limits.MAX_MARKETS_PER_BID:
        return refuse(Code.OVER_LIMIT, member="classes", markets=limits.MAX_MARKETS_PER_BID)
    return None


def _too_many(state: State, actor: Party) -> Refusal | None:
    if state.open_orders.get(actor.party_id, 0) < limits.MAX_OPEN_ORDERS_PER_PARTY:
        return None
    return refuse(Code.OVER_LIMIT, limit=limits.MAX_OPEN_ORDERS_PER_PARTY)


def _off_tick(price: int) -> Refusal | None:
    return refuse(Code.PRICE_OFF_TICK, tick=PRICE_TICK) if price % PRICE_TICK else None


def _window(span: int, shortest: int, end: int, at: At) -> Refusal | None:
    """`span`: hours of an offer's window, or between a bid's first and last start; `end`: the last hour, exclusive."""
    ahead = end - at.time // HOUR
    fits = shortest <= span <= limits.MAX_WINDOW_HOURS and ahead <= limits.MAX_HORIZON_HOURS
    return None if fits else refuse(Code.WINDOW_NOT_VALID)


def _time_in_force(tif: str, good_until: int | None, at: At, *, post_only: bool = False) -> Refusal | None:
    wrong = (tif == "GTD") != (good_until is not None) or (good_until is not None and good_until <= at.time)
    return refuse(Code.TIME_IN_FORCE_NOT_VALID) if wrong or (post_only and tif in ("IOC", "FOK")) else None


def _minimum(min_nodes: int, nodes: int, min_hours: int, hours: int) -> Refusal | None:
    return refuse(Code.MINIMUM_EXCEEDS_QUANTITY) if min_nodes > nodes or min_hours > hours else None


def _bond(bps: int) -> Refusal | None:
    return refuse(Code.BOND_TOO_SMALL, minimum_bps=limits.MIN_BOND_BPS) if bps < limits.MIN_BOND_BPS else None


def _too_large(amount: int) -> Refusal | None:
    return refuse(Code.AMOUNT_TOO_LARGE) if amount > MAX_AMOUNT else None


def _programme_allows(versions: Sequence[ProgrammePublished], body: PlaceBid | BidReceived, at: At) -> Refusal | None:
    """By the current version, unless an earlier one allows it; which one counts is known once the vouchers are."""
    terms = versions[-1].terms
    if any(each.terms.allows(body.classes, body.regions) for each in versions[:-1]):
        return None
    if not terms.is_open(at.time):
        return refuse(Code.PROGRAMME_NOT_OPEN)
    for class_id in body.classes:
        if class_id not in terms.classes:
            return refuse(Code.CLASS_NOT_IN_PROGRAMME, class_id=class_id)
    for region in body.regions:
        if region not in terms.regions:
            return refuse(Code.REGION_NOT_IN_PROGRAMME, region=region)
    return None


def _gate(last_start: int, at: At) -> Refusal | None:
    return refuse(Code.GATE_CLOSED) if last_start < floor_hour(at.time) else None


# reactions and timers -----------------------------------------------------------------------------------------------


def _hold_placed(state: State, event: HoldPlaced, at: At) -> Sequence[Event]:
    received = state.bids.get(event.hold_id)  # gone if it was cancelled while its funds were being held
    return [] if received is None or event.hold_id in state.admitted else admit_bid(state, received, event.version, at)


def _rules_known(state: State, event: HoldPlaced) -> bool:
    """Whether issuance's word of the version reached this log: the ledger may have had it, and its vouchers, before."""
    return event.version <= len(state.programmes.get(event.programme_id, ()))


def _bond_held(state: State, event: BondHeld, at: At) -> Sequence[Event]:
    received = state.offers.get(event.hold_id)
    return [] if received is None or event.hold_id in state.admitted else admit_offer(state, received, at)


def _hold_refused(state: State, event: HoldRefused, _at: At) -> Sequence[Event]:
    if event.hold_id in state.bids:
        return [BidClosed(bid_id=event.hold_id, reason="hold_refused")]
    if event.hold_id in state.offers:
        return [OfferClosed(offer_id=event.hold_id, reason="bond_refused")]
    return []


def _expire(state: State, cutoff: int, _at: At) -> Sequence[Event]:
    events: list[Event] = []
    for order_id in state.ended_by(cutoff, MAX_ITEMS_PER_SWEEP):
        bid = state.bids.get(order_id)
        if bid is None:
            events.append(OfferClosed(offer_id=order_id, reason="expired"))
        elif bid.good_until is not None and bid.good_until <= cutoff:
            events.append(BidClosed(bid_id=order_id, reason="expired"))
        else:
            events.append(BidClosed(bid_id=order_id, reason="gate_closed"))
    return events


def _continue(state: State, _cutoff: int, at: At) -> Sequence[Event]:
    order_id = next(iter(state.continuing), None)
    return [] if order_id is None else go_on(state, order_id, at)


def _due(state: State) -> tuple[int, str] | None:
    if state.continuing:
        return 0, "continue_matching"
    expiry = state.next_expiry()
    return None if expiry is None else (expiry, "order_expiry")


# evolve -------------------------------------------------------------------------------------------------------------


def _offer_received(state: State, event: OfferReceived, _at: At) -> None:
    state.offers[event.offer_id] = event
    last = ends_at(event.window_end - event.min_hours, event.good_until)
    state.opened(event.offer_id, event.provider_id, last)


def _bid_received(state: State, event: BidReceived, _at: At) -> None:
    state.bids[event.bid_id] = event
    state.opened(event.bid_id, event.beneficiary_id, ends_at(event.latest, event.good_until))


def _offer_admitted(state: State, event: OfferAdmitted, at: At) -> None:
    state.admitted[event.offer_id] = at.index
    state.book.add_offer(offer_of(state.offers[event.offer_id], at.index))


def _bid_admitted(state: State, event: BidAdmitted, at: At) -> None:
    state.admitted[event.bid_id] = at.index
    state.versions[event.bid_id] = event.version
    state.book.add_bid(bid_of(state.bids[event.bid_id], at.index))


def _offer_reduced(state: State, event: OfferReduced, _at: At) -> None:
    state.book.reduce_offer(event.offer_id, event.reduced_by)


def _bid_reduced(state: State, event: BidReduced, _at: At) -> None:
    bid = state.book.bid(event.bid_id)
    if bid is not None:
        state.book.reduce_bid(event.bid_id, bid.remaining - event.nodes_left)


def _traded(state: State, event: TradeMatched, _at: At) -> None:
    state.book.fill(event.offer_id, event.bid_id, event.nodes, event.first_hour, event.hours)
    if event.bid_nodes_left == 0:
        state.closed(event.bid_id)


def _continued(state: State, event: MatchContinued, _at: At) -> None:
    state.continuing.pop(event.order_id, None)
    if event.more:
        state.continuing[event.order_id] = None


def _class_registered(state: State, event: ClassRegistered, _at: At) -> None:
    state.classes[event.class_id] = (event.version, event.gpus_per_node)


def _programme_published(state: State, event: ProgrammePublished, _at: At) -> None:
    state.programmes.setdefault(event.programme_id, []).append(event)


def _provider_listed(state: State, event: ProviderListed, _at: At) -> None:
    state.listed[event.programme_id, event.provider_id] = True


def _nothing(_state: State, _event: Any, _at: At) -> None:
    """A prevented match changes nothing by itself."""


DECIDER: Final = Decider(
    service="matching",
    initial=State,
    commands={
        PostOffer: _post_offer,
        AmendOffer: _amend_offer,
        CancelOffer: _cancel_offer,
        PlaceBid: _place_bid,
        AmendBid: _amend_bid,
        CancelBid: _cancel_bid,
    },
    reactions={
        "issuance": {
            **MIRRORED,
            ClassRegistered: mirror,
            ProgrammePublished: mirror,
            ProviderListed: mirror,
        },
        "ledger": {
            HoldPlaced: _hold_placed,
            BondHeld: _bond_held,
            HoldRefused: _hold_refused,
        },
    },
    ready={HoldPlaced: _rules_known},
    timers={"order_expiry": _expire, "continue_matching": _continue},
    due=_due,
    evolve={
        **COMMON,
        ClassRegistered: _class_registered,
        ProgrammePublished: _programme_published,
        ProviderListed: _provider_listed,
        OfferReceived: _offer_received,
        OfferAdmitted: _offer_admitted,
        OfferReduced: _offer_reduced,
        OfferClosed: lambda state, event, _at: state.closed(event.offer_id),
        BidReceived: _bid_received,
        BidAdmitted: _bid_admitted,
        BidReduced: _bid_reduced,
        BidClosed: lambda state, event, _at: state.closed(event.bid_id),
        TradeMatched: _traded,
        MatchPrevented: _nothing,
        MatchContinued: _continued,
    },
    records=State.records,
)
