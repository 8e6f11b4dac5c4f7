"""Notice of a reclaim: an offer names it, a bid asks for it, and the contract of a trade between two such carries it.

An offer that names none meets bids that ask for none alone. One that names a notice meets others, too, but their
contracts carry none: nobody is bound by what it did not ask for. Orders of auctions name no notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision
from counterfoil.core.directory import Party
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.bids import place_bid
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.inventory import free_sold, post_offer_at_site
from counterfoil.matching.inventory_commands import PostOfferAtSite
from counterfoil.matching.offers import post_offer
from counterfoil.matching.performance_bids import place_performance_bid
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.positions import given_up
from counterfoil.matching.reclaim_commands import (
    PlaceReclaimableBid,
    PlaceReclaimablePerformanceBid,
    PostReclaimableOffer,
)
from counterfoil.matching.reclaim_events import BidReclaimable, OfferReclaimable, TradeReclaimable
from counterfoil.matching.replacing import is_own
from counterfoil.matching.state import MatchingState


def _terms_of(kind: Any, body: Command) -> dict[str, Any]:
    return {each.name: getattr(body, each.name) for each in fields(kind)}


def post_reclaimable_offer(state: MatchingState, body: PostReclaimableOffer, actor: Party, at: At) -> Decision:
    """Receive an offer that names a notice."""
    if body.site_id is None:
        decided = post_offer(state, PostOffer(**_terms_of(PostOffer, body)), actor, at)
    else:
        decided = post_offer_at_site(state, PostOfferAtSite(**_terms_of(PostOfferAtSite, body)), actor, at)
    if isinstance(decided, Refusal):
        return decided
    named = [
        OfferReclaimable(offer_id=each.offer_id, reclaim_notice_hours=body.reclaim_notice_hours)
        for each in decided
        if isinstance(each, OfferReceived)
    ]
    return [*decided, *named]


def place_reclaimable_bid(state: MatchingState, body: PlaceReclaimableBid, actor: Party, at: At) -> Decision:
    """Receive a bid that asks for notice."""
    plain = PlaceBid(**_terms_of(PlaceBid, body))
    return _asked(place_bid(state, plain, actor, at), body.min_reclaim_notice_hours)


def place_reclaimable_performance_bid(
    state: MatchingState, body: PlaceReclaimablePerformanceBid, actor: Party, at: At
) -> Decision:
    """Receive a bid by performance that asks for notice."""
    plain = PlacePerformanceBid(**_terms_of(PlacePerformanceBid, body))
    return _asked(place_performance_bid(state, plain, actor, at), body.min_reclaim_notice_hours)


def _asked(decided: Decision, hours: int) -> Decision:
    if isinstance(decided, Refusal):
        return decided
    asked = [
        BidReclaimable(bid_id=each.bid_id, min_reclaim_notice_hours=hours)
        for each in decided
        if isinstance(each, BidReceived)
    ]
    return [*decided, *asked]


def take_over_reclaimed(state: MatchingState, event: ContractReclaimed, at: At) -> Sequence[Event]:
    """Mirror that the hours of a contract of this log, from one on, are to be delivered no more."""
    return [event] if event.contract_id in state.sold or is_own(event.contract_id, at) else []


# evolve -------------------------------------------------------------------------------------------------------------


def offer_reclaimable(state: MatchingState, event: OfferReclaimable, _at: At) -> None:
    """The offer just received names a notice."""
    state.notices[event.offer_id] = event.reclaim_notice_hours


def bid_reclaimable(state: MatchingState, event: BidReclaimable, _at: At) -> None:
    """The bid just received asks for notice."""
    state.notices[event.bid_id] = event.min_reclaim_notice_hours


def trade_reclaimable(_state: MatchingState, _event: TradeReclaimable, _at: At) -> None:
    """Changes nothing: redemption keeps what a contract carries."""


def contract_reclaimed(state: MatchingState, event: ContractReclaimed, at: At) -> None:
    """The nodes of the hours that were reclaimed are sold, and held, no longer; those before are over."""
    sold = state.forget(event.contract_id)
    if sold is not None:
        reclaimed = sold._replace(first_hour=event.hour, hours=event.hours)
        free_sold(state, reclaimed, at)
        given_up(state, reclaimed, at)
