"""What each event of matching's log does to its state. Nothing else changes the state."""

from __future__ import annotations

from counterfoil.core.decider import At
from counterfoil.issuance.events import ClassRegistered, ProgrammePublished, ProviderListed
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
from counterfoil.matching.expiry import ends_at, last_start
from counterfoil.matching.orders import Bid, Offer
from counterfoil.matching.state import AcceleratorClass, MatchingState

# what issuance decided ------------------------------------------------------------------------------------------------


def class_registered(state: MatchingState, event: ClassRegistered, _at: At) -> None:
    """The current version of the class."""
    state.classes[event.class_id] = AcceleratorClass(event.version, event.gpus_per_node)


def programme_published(state: MatchingState, event: ProgrammePublished, _at: At) -> None:
    """One more version; vouchers of the earlier ones keep theirs."""
    state.programmes.setdefault(event.programme_id, []).append(event)


def provider_listed(state: MatchingState, event: ProviderListed, _at: At) -> None:
    """The provider may be matched with bids of the programme."""
    state.listed[event.programme_id, event.provider_id] = True


# offers ---------------------------------------------------------------------------------------------------------------


def offer_received(state: MatchingState, event: OfferReceived, _at: At) -> None:
    """The offer is open, and waits for its bond."""
    state.offers[event.offer_id] = event
    _opened(state, event.offer_id, event.provider_id, event)


def offer_admitted(state: MatchingState, event: OfferAdmitted, at: At) -> None:
    """The offer rests; its priority is this entry's index."""
    state.admitted[event.offer_id] = at.index
    state.book.add_offer(offer_of(state.offers[event.offer_id], at.index))


def offer_reduced(state: MatchingState, event: OfferReduced, _at: At) -> None:
    """The offer is smaller in every hour."""
    state.book.reduce_offer(event.offer_id, event.reduced_by)


def offer_closed(state: MatchingState, event: OfferClosed, _at: At) -> None:
    """The offer is removed, from the book too if it was there."""
    offer = state.offers.pop(event.offer_id)
    if event.offer_id in state.admitted:
        state.book.remove_offer(event.offer_id)
    _ended(state, event.offer_id, offer.provider_id)


# bids -----------------------------------------------------------------------------------------------------------------


def bid_received(state: MatchingState, event: BidReceived, _at: At) -> None:
    """The bid is open, and waits for its funds."""
    state.bids[event.bid_id] = event
    _opened(state, event.bid_id, event.beneficiary_id, event)


def bid_admitted(state: MatchingState, event: BidAdmitted, at: At) -> None:
    """The bid rests; its priority is this entry's index, its terms are those of the version that pays."""
    state.admitted[event.bid_id] = at.index
    state.versions[event.bid_id] = event.version
    state.book.add_bid(bid_of(state.bids[event.bid_id], at.index))


def bid_reduced(state: MatchingState, event: BidReduced, _at: At) -> None:
    """The bid wants fewer nodes."""
    bid = state.book.bid(event.bid_id)
    if bid is not None:
        state.book.reduce_bid(event.bid_id, bid.remaining - event.nodes_left)


def bid_closed(state: MatchingState, event: BidClosed, _at: At) -> None:
    """The bid is removed, from the book too if it is there."""
    _remove_bid(state, event.bid_id)


def _remove_bid(state: MatchingState, bid_id: str) -> None:
    bid = state.bids.pop(bid_id)
    if state.book.bid(bid_id) is not None:
        state.book.remove_bid(bid_id)
    state.versions.pop(bid_id, None)
    _ended(state, bid_id, bid.beneficiary_id)


# matches --------------------------------------------------------------------------------------------------------------


def trade_matched(state: MatchingState, event: TradeMatched, _at: At) -> None:
    """The nodes are taken from both sides; a bid that is filled ends with it."""
    state.book.fill(event.offer_id, event.bid_id, event.nodes, event.first_hour, event.hours)
    if event.bid_nodes_left == 0:
        _remove_bid(state, event.bid_id)


def match_prevented(_state: MatchingState, _event: MatchPrevented, _at: At) -> None:
    """Changes nothing by itself: the orders that it ends are closed by events of their own."""


def match_continued(state: MatchingState, event: MatchContinued, at: At) -> None:
    """The order's pass continues, judged by the time at which it began, or is over."""
    if event.more:
        state.continuing.setdefault(event.order_id, at.time)
    else:
        state.continuing.pop(event.order_id, None)


# shared ---------------------------------------------------------------------------------------------------------------


def _opened(state: MatchingState, order_id: str, owner: str, order: OfferReceived | BidReceived) -> None:
    state.open_orders[owner] = state.open_orders.get(owner, 0) + 1
    # Orders that end at one time end in the order of their ids.
    state.expiry.add(ends_at(last_start(order), order.good_until, state.rules), 0, 0, order_id)


def _ended(state: MatchingState, order_id: str, owner: str) -> None:
    state.open_orders[owner] -= 1
    if state.open_orders[owner] == 0:
        del state.open_orders[owner]
    state.continuing.pop(order_id, None)
    state.admitted.pop(order_id, None)
    state.expiry.ended()


def offer_of(event: OfferReceived, seq: int) -> Offer:
    """The offer as the book keeps it."""
    return Offer(
        offer_id=event.offer_id, seq=seq, provider_id=event.provider_id, group_id=event.group_id,
        class_id=event.class_id, region=event.region, currency=event.currency, price=event.price, nodes=event.nodes,
        gpus_per_node=event.gpus_per_node, window_start=event.window_start, window_end=event.window_end,
        min_nodes=event.min_nodes, min_hours=event.min_hours, stp=event.stp,
    )  # fmt: skip


def bid_of(event: BidReceived, seq: int) -> Bid:
    """The bid as the book keeps it."""
    return Bid(
        bid_id=event.bid_id, seq=seq, beneficiary_id=event.beneficiary_id, group_id=event.group_id,
        programme_id=event.programme_id, currency=event.currency, classes=event.classes, regions=event.regions,
        nodes=event.nodes, hours=event.hours, earliest=event.earliest, latest=event.latest,
        limit_price=event.limit_price, partial=event.partial, min_nodes=event.min_nodes, stp=event.stp,
        post_only=event.post_only,
    )  # fmt: skip
