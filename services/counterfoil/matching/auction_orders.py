"""Orders of auctions: how they enter, are funded and improved. What leaves is closed as any other order is."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.limits import BPS, MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.matching import checks
from counterfoil.matching.amendments import reprice_bid_in_auction
from counterfoil.matching.auction_commands import BidInAuction, ImproveOrder, OfferInAuction
from counterfoil.matching.auction_events import (
    AuctionOfferImproved,
    AuctionOrderAdmitted,
    AuctionOrderEntered,
    AuctionScheduled,
)
from counterfoil.matching.auction_state import NO_PLACES, Auction, AuctionOrder, Side, place_of
from counterfoil.matching.auctions import highest_price
from counterfoil.matching.events import BidClosed, BidReceived, OfferReceived
from counterfoil.matching.offers import bond_of, unfit_bond
from counterfoil.matching.programmes import not_in_programme
from counterfoil.matching.references import reference_price, with_class
from counterfoil.matching.state import MatchingState, owner_of


def offer_in_auction(state: MatchingState, body: OfferInAuction, actor: Party, at: At) -> Decision:
    """Receive an offer; it takes part once its bond is held."""
    auction = state.auctions.open.get(body.auction_id)
    if auction is None:
        return refuse(Code.UNKNOWN_AUCTION, auction_id=body.auction_id)
    scheduled = auction.scheduled
    hours, kind = body.window_end - body.window_start, state.classes.get(body.class_id)
    if kind is None:
        return refuse(Code.UNKNOWN_CLASS, class_id=body.class_id)
    known = state.described.get(body.class_id)
    if known is not None and known.inventory_attested:  # an offer in an auction names no site
        return refuse(Code.SITE_NEEDED, class_id=body.class_id)
    refused = (
        checks.too_many_orders(state, actor, (body.class_id,), (scheduled.region,))
        or _full(state, body.auction_id, actor, block=False)
        or checks.off_tick(state, scheduled.currency, body.price)
        or unfit_bond(scheduled.currency, body.bond_bps, state.rules)
        or _unfit_hours(scheduled, body.window_start, hours, 0)
        or (_no_such("class_id") if body.class_id not in scheduled.classes else None)
        or (_no_such("class_id") if kind.gpus_per_node != scheduled.gpus_per_node else None)
        or _outside_collar(scheduled, body.price)
        or _too_large(state, scheduled, body.nodes * hours)
        or checks.too_large(_bonded(state, actor.party_id, body, scheduled))
        or _not_open(body.auction_id, auction)
    )
    if refused is not None:
        return refused
    offer_id = at.new_id("off")
    received = OfferReceived(
        offer_id=offer_id, provider_id=actor.party_id, group_id=actor.group_id, class_id=body.class_id,
        region=scheduled.region, currency=scheduled.currency, nodes=body.nodes, gpus_per_node=scheduled.gpus_per_node,
        window_start=body.window_start, window_end=body.window_end, price=body.price, min_nodes=1, min_hours=1,
        bond_bps=body.bond_bps, bond=bond_of(_bonded(state, actor.party_id, body, scheduled), body.bond_bps), tif="GTC",
        good_until=None, stp="taker",
    )  # fmt: skip
    return [*with_class(state, received), _entered(received, offer_id, body.auction_id)]


def bid_in_auction(state: MatchingState, body: BidInAuction, actor: Party, at: At) -> Decision:
    """Receive a bid; it takes part once its funds are held."""
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    auction = state.auctions.open.get(body.auction_id)
    if auction is None:
        return refuse(Code.UNKNOWN_AUCTION, auction_id=body.auction_id)
    scheduled = auction.scheduled
    bid_id = at.new_id("bid")
    one_hour = body.hours == 1 and body.earliest == body.latest
    received = BidReceived(
        bid_id=bid_id, beneficiary_id=actor.party_id, group_id=actor.group_id, programme_id=body.programme_id,
        voucher_ids=body.voucher_ids, currency=scheduled.currency, classes=scheduled.classes,
        regions=(scheduled.region,), nodes=body.nodes, gpus_per_node=scheduled.gpus_per_node, hours=body.hours,
        earliest=body.earliest, latest=body.latest, limit_price=body.limit_price,
        cost_per_node=body.limit_price * scheduled.gpus_per_node * body.hours, partial=body.divisible, min_nodes=1,
        tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip
    refused = (
        unfit_lists(Listed("voucher_ids", body.voucher_ids, state.rules.max_vouchers_per_hold, may_be_empty=True))
        or checks.too_many_orders(state, actor, scheduled.classes, (scheduled.region,))
        or _full(state, body.auction_id, actor, block=not body.divisible)
        or checks.off_tick(state, scheduled.currency, body.limit_price)
        or _unfit_hours(scheduled, body.earliest, body.hours, body.latest - body.earliest)
        or (_no_such("programme_id") if body.programme_id not in scheduled.programmes else None)
        or (_no_such("divisible") if body.divisible and not one_hour else None)
        or _outside_collar(scheduled, body.limit_price)
        or _too_large(state, scheduled, body.nodes * body.hours)
        or checks.paused(state, body.programme_id)
        or not_in_programme(state.every_terms(body.programme_id), received, state.rules, at)
        or state.barred(body.programme_id, actor.party_id)
        or _not_open(body.auction_id, auction)
    )
    return refused or [received, _entered(received, bid_id, body.auction_id)]


def improve_order(state: MatchingState, body: ImproveOrder, actor: Party, at: At) -> Decision:
    """Take a better price for an order whose auction has not cleared."""
    order = state.auctions.orders.get(body.order_id)
    if order is None:
        return refuse(Code.UNKNOWN_ORDER, order_id=body.order_id)
    received = order.received
    if owner_of(received) != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_ORDER, order_id=body.order_id)
    scheduled = state.auctions.open[order.auction_id].scheduled
    better = body.price < order.price if isinstance(received, OfferReceived) else body.price > order.price
    waits = order.seq is None
    refused = (
        checks.off_tick(state, scheduled.currency, body.price)
        or _outside_collar(scheduled, body.price)
        or (None if better else refuse(Code.PRICE_NOT_BETTER, price=order.price))
    )
    if refused is None and waits:
        refused = refuse(Code.ORDER_NOT_OPEN)
    if refused is not None:
        return refused
    if isinstance(received, OfferReceived):
        return [AuctionOfferImproved(offer_id=body.order_id, price=body.price)]
    return checks.paused(state, received.programme_id) or reprice_bid_in_auction(state, received, body.price, at)


def admitted(state: MatchingState, order_id: str, version: int | None) -> Sequence[Event]:
    """What an order of an auction needs is held: it takes part."""
    order = state.auctions.orders[order_id]
    received = order.received
    if isinstance(received, BidReceived):
        terms = state.terms(received.programme_id, version or 0)
        if not terms.allows(received.classes, received.regions):
            return [BidClosed(bid_id=order_id, reason="not_in_programme")]
    side, auction_id = _side(received), order.auction_id
    return [AuctionOrderAdmitted(order_id=order_id, auction_id=auction_id, side=side, version=version)]


def _bonded(state: MatchingState, provider_id: str, body: OfferInAuction, scheduled: AuctionScheduled) -> int:
    """What the offer counts for where its bond is measured: by the reference price of the auction at least."""
    usual = reference_price(state, provider_id, body.class_id, scheduled.region, scheduled.currency)
    reference = max(body.price, usual, scheduled.reference_price if state.rules.bonds_by_market else 0)
    return reference * scheduled.gpus_per_node * (body.window_end - body.window_start) * body.nodes


def _entered(received: BidReceived | OfferReceived, order_id: str, auction_id: str) -> AuctionOrderEntered:
    return AuctionOrderEntered(
        order_id=order_id, auction_id=auction_id, party_id=owner_of(received), side=_side(received)
    )


def _side(received: BidReceived | OfferReceived) -> Side:
    return "bid" if isinstance(received, BidReceived) else "offer"


def _not_open(auction_id: str, auction: Auction) -> Refusal | None:
    return None if auction.phase == "open" else refuse(Code.AUCTION_NOT_OPEN, auction_id=auction_id)


def _no_such(field: str) -> Refusal:
    return refuse(Code.NOT_IN_AUCTION, field=field)


def _unfit_hours(scheduled: AuctionScheduled, first: int, hours: int, span: int) -> Refusal | None:
    last = scheduled.first_hour + scheduled.hours
    fits = hours >= 1 and span >= 0 and scheduled.first_hour <= first and first + span + hours <= last
    return None if fits else refuse(Code.NOT_IN_AUCTION, field="hours", first=scheduled.first_hour, end=last)


def _outside_collar(scheduled: AuctionScheduled, price: int) -> Refusal | None:
    """The price is within the collar around the reference."""
    least = -(-scheduled.reference_price * max(BPS - scheduled.collar_bps, 0) // BPS)
    most = highest_price(scheduled)
    return None if least <= price <= most else refuse(Code.PRICE_OUTSIDE_COLLAR, least=least, most=most)


def _too_large(state: MatchingState, scheduled: AuctionScheduled, node_hours: int) -> Refusal | None:
    """All orders of an auction together stay an amount, whatever its prices come to."""
    most = MAX_AMOUNT // state.rules.max_auction_orders
    too_large = highest_price(scheduled) * scheduled.gpus_per_node * node_hours > most
    return refuse(Code.AMOUNT_TOO_LARGE) if too_large else None


def _full(state: MatchingState, auction_id: str, actor: Party, *, block: bool) -> Refusal | None:
    """One more order fits, and one more block: in the auction, and of the actor's group, which cannot fill it alone."""
    rules, places = state.rules, state.auctions.places[auction_id]
    group = [places.get(each, NO_PLACES) for each in state.directory.related_to(actor.party_id)]
    for what, most, taken in (
        ("orders", rules.max_auction_orders, sum(each.orders for each in places.values())),
        ("orders_of_group", rules.max_auction_orders_per_group, sum(each.orders for each in group)),
    ):
        if taken >= most:
            return refuse(Code.OVER_LIMIT, **{what: most})
    for what, most, taken in (
        ("blocks", rules.max_auction_blocks, sum(each.blocks for each in places.values())),
        ("blocks_of_group", rules.max_auction_blocks_per_group, sum(each.blocks for each in group)),
    ):
        if block and taken >= most:
            return refuse(Code.OVER_LIMIT, **{what: most})
    return None


# evolve -------------------------------------------------------------------------------------------------------------


def order_entered(state: MatchingState, event: AuctionOrderEntered, _at: At) -> None:
    """The order that was received just before belongs to an auction."""
    received = state.bids.get(event.order_id) or state.offers[event.order_id]
    price = received.limit_price if isinstance(received, BidReceived) else received.price
    state.auctions.enter(event.order_id, AuctionOrder(event.auction_id, received, price, None, None, None))


def order_admitted(state: MatchingState, event: AuctionOrderAdmitted, at: At) -> None:
    """The order takes part; its priority is this entry's index."""
    order = state.auctions.orders[event.order_id]
    state.auctions.orders[event.order_id] = order._replace(seq=place_of(at), version=event.version)


def offer_improved(state: MatchingState, event: AuctionOfferImproved, at: At) -> None:
    """The offer asks less, and has another place in line."""
    order = state.auctions.orders[event.offer_id]
    state.auctions.orders[event.offer_id] = order._replace(price=event.price, seq=place_of(at))
