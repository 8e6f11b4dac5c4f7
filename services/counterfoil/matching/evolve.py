"""What each event of matching's log does to its state. Nothing else changes the state."""

from __future__ import annotations

from counterfoil.contract.events import GroupAttested
from counterfoil.core.at import At
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.issuance.events import (
    ClassRegisteredV1,
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.matching import order_limits, positions
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
from counterfoil.matching.inventory import give_back
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired
from counterfoil.matching.replacing import keep_sold
from counterfoil.matching.resting import bid_of, offer_of
from counterfoil.matching.state import ANY, AcceleratorClass, MatchingState

# what issuance decided ------------------------------------------------------------------------------------------------


def group_attested(state: MatchingState, event: GroupAttested, at: At) -> None:
    """The party's orders belong to its group as of now; bids in a programme of that group are to leave."""
    before = list(state.directory.related_to(event.party_id)) if state.positions.limits else []
    state.directory.group_attested(event)
    positions.regrouped(state, before, at)
    for order_id in state.open_orders.get((ANY, event.party_id), ()):
        state.book.regroup(order_id, event.group_after)
    for party_id in sorted(state.directory.related_to(event.party_id)):
        bids = [state.bids[each] for each in state.open_orders.get((ANY, party_id), ()) if each in state.bids]
        for programme_id in {bid.programme_id: None for bid in bids}:
            if state.issues_to_itself(programme_id, party_id):
                state.leave((programme_id, party_id), "duties_not_separate")


def class_registered(state: MatchingState, event: ClassRegisteredV1, _at: At) -> None:
    """The current version of the class, of which little is said."""
    state.classes[event.class_id] = AcceleratorClass(event.version, event.gpus_per_node)
    if event.class_id in state.described:
        del state.described[event.class_id]


def class_described(state: MatchingState, event: ClassRegistered, _at: At) -> None:
    """The current version of the class, and what is known of it."""
    state.classes[event.class_id] = AcceleratorClass(event.version, event.gpus_per_node)
    state.described[event.class_id] = event


def provider_listed(state: MatchingState, event: ProviderListed | ProviderReinstated, _at: At) -> None:
    """The provider may be matched with bids of the programme from now on."""
    state.listed[event.programme_id, event.provider_id] = "listed"


def provider_suspended(state: MatchingState, event: ProviderSuspended, _at: At) -> None:
    """The provider's offers stay, for other programmes."""
    state.listed[event.programme_id, event.provider_id] = "suspended"


def provider_delisted(state: MatchingState, event: ProviderDelisted, _at: At) -> None:
    """The same for good."""
    del state.listed[event.programme_id, event.provider_id]


# offers ---------------------------------------------------------------------------------------------------------------


def offer_received(state: MatchingState, event: OfferReceived, _at: At) -> None:
    """The offer is open, and waits for its bond."""
    state.offers[event.offer_id] = event
    state.opened(event.offer_id, event)


def offer_classed(state: MatchingState, event: OfferClassed, _at: At) -> None:
    """The offer just received stays of this version of its class."""
    state.classed[event.offer_id] = event


def offer_admitted(state: MatchingState, event: OfferAdmitted, at: At) -> None:
    """The offer rests; its priority is this entry's index."""
    state.admitted[event.offer_id] = at.index
    state.resting_offers.mark(event.offer_id)
    received = state.offers[event.offer_id]
    group_id = state.directory.group_now(received.provider_id)
    classed, notice = state.classed.get(event.offer_id), state.notices.get(event.offer_id, 0)
    state.book.add_offer(offer_of(received, at.index, group_id, classed, notice))
    positions.on_offer(state, received, state.book.residual(event.offer_id), 1, at)


def offer_reduced(state: MatchingState, event: OfferReduced, at: At) -> None:
    """The offer is smaller in every hour."""
    give_back(state, event.offer_id, at, event.reduced_by)
    state.book.reduce_offer(event.offer_id, event.reduced_by)
    received = state.offers[event.offer_id]
    hours = received.window_end - received.window_start
    positions.on_offer(state, received, [(received.window_start, hours, event.reduced_by)], -1, at)
    state.resting_offers.mark(event.offer_id)


def offer_closed(state: MatchingState, event: OfferClosed, at: At) -> None:
    """The offer is removed, from the book too if it was there."""
    give_back(state, event.offer_id, at)
    offer = state.offers.pop(event.offer_id)
    if event.offer_id in state.admitted:
        positions.on_offer(state, offer, state.book.residual(event.offer_id), -1, at)
        state.book.remove_offer(event.offer_id)
        state.resting_offers.mark(event.offer_id)
    if event.offer_id in state.classed:
        del state.classed[event.offer_id]
    if event.offer_id in state.floors:
        del state.floors[event.offer_id]
    state.count_in_markets(offer, -1)
    _ended(state, event.offer_id, offer)


# bids -----------------------------------------------------------------------------------------------------------------


def bid_received(state: MatchingState, event: BidReceived, _at: At) -> None:
    """The bid is open, and waits for its funds."""
    state.bids[event.bid_id] = event
    state.opened(event.bid_id, event)


def performance_required(state: MatchingState, event: PerformanceRequired, _at: At) -> None:
    """The bid just received is by performance."""
    state.performance[event.bid_id] = event


def bid_admitted(state: MatchingState, event: BidAdmitted, at: At) -> None:
    """The bid rests; its priority is this entry's index, its terms are those of the version that pays."""
    state.admitted[event.bid_id] = at.index
    state.versions[event.bid_id] = event.version
    state.resting_bids.mark(event.bid_id)
    received = state.bids[event.bid_id]
    group_id = state.directory.group_now(received.beneficiary_id)
    performance, notice = state.performance.get(event.bid_id), state.notices.get(event.bid_id, 0)
    state.book.add_bid(bid_of(received, at.index, group_id, performance, notice))


def bid_reduced(state: MatchingState, event: BidReduced, _at: At) -> None:
    """The bid wants fewer nodes."""
    bid = state.book.bid(event.bid_id)
    if bid is not None:
        state.book.reduce_bid(event.bid_id, bid.remaining - event.nodes_left)
        state.resting_bids.mark(event.bid_id)


def bid_closed(state: MatchingState, event: BidClosed, _at: At) -> None:
    """The bid is removed, from the book too if it is there."""
    remove_bid(state, event.bid_id)


def remove_bid(state: MatchingState, bid_id: str) -> None:
    """A bid is open no more."""
    bid, resting = state.bids.pop(bid_id), state.book.bid(bid_id)
    state.resting_bids.mark(bid_id)
    if resting is not None:
        state.leave_line(resting)
        state.book.remove_bid(bid_id)
    if bid_id in state.performance:
        del state.performance[bid_id]
    state.versions.pop(bid_id, None)
    state.count_in_markets(bid, -1)
    _ended(state, bid_id, bid)


# matches --------------------------------------------------------------------------------------------------------------


def trade_matched(state: MatchingState, event: TradeMatched, at: At) -> None:
    """The nodes are taken from both sides; a bid that is filled ends with it."""
    keep_sold(state, event, at)
    positions.bought(state, event, at, of_book=True)
    order_limits.traded(state, event, at)
    if event.bid_nodes_left == 0:
        state.leave_line(state.book.bid(event.bid_id))
    state.book.fill(event.offer_id, event.bid_id, event.nodes, event.first_hour, event.hours)
    state.resting_offers.mark(event.offer_id)
    state.resting_bids.mark(event.bid_id)
    if event.bid_nodes_left == 0:
        remove_bid(state, event.bid_id)


def match_prevented(_state: MatchingState, _event: MatchPrevented, _at: At) -> None:
    """Changes nothing by itself: the orders that it ends are closed by events of their own."""


def match_continued(state: MatchingState, event: MatchContinued, at: At) -> None:
    """The order's pass continues, judged by the time at which it began, or is over.

    A pass that comes before what is left of another one is judged by the time of that.
    """
    if event.more:
        if event.order_id not in state.continuing:
            state.continuing[event.order_id] = min(state.continuing.values(), default=at.time)
    elif event.order_id in state.continuing:
        del state.continuing[event.order_id]


# shared ---------------------------------------------------------------------------------------------------------------


def _ended(state: MatchingState, order_id: str, order: OfferReceived | BidReceived) -> None:
    if order_id in state.continuing:
        del state.continuing[order_id]
    if order_id in state.notices:
        del state.notices[order_id]
    state.admitted.pop(order_id, None)
    state.auctions.leave(order_id)
    state.closed(order_id, order)
