"""The ledger's answer about an order's funds or bond: the order enters the book as the taker, or is closed.

The life of an order: *received* by a command; *admitted* here, or closed with the reason why it may not enter; then it
rests and trades, may be amended, and is *closed* by its owner, by time, by a match prevented or by its time in force. A
bid that is filled ends with its last trade. An order trades only once it is admitted, so no trade fails for want of
funds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.events import BondHeld, FundingEnded, HoldPlaced, HoldRefused, HoldRefusedV1
from counterfoil.matching.amendments import amendment_refused
from counterfoil.matching.auction_orders import admitted
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    MatchContinued,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
)
from counterfoil.matching.passes import ending_of_bid, ending_of_offer, first_of_all, pass_at, trades_and_preventions
from counterfoil.matching.resting import bid_of, offer_of
from counterfoil.matching.state import MatchingState
from counterfoil.matching.times import ends_at, floor_hour, last_start

_FUNDING_ENDED: Final[Mapping[str, Literal["funding_revoked", "funding_suspended", "funding_expired"]]] = {
    "revoked": "funding_revoked",
    "suspended": "funding_suspended",
    "expired": "funding_expired",
}


def terms_are_known(state: MatchingState, event: HoldPlaced) -> bool:
    """Whether this log has the programme version that pays; the ledger may have had it, and its vouchers, earlier."""
    return state.has_version(event.programme_id, event.version)


def funds_held(state: MatchingState, event: HoldPlaced, at: At) -> Sequence[Event]:
    """A bid's funds are held: it enters the book, on the terms of the version that its vouchers were issued under."""
    received = state.bids.get(event.hold_id)
    if received is None or event.hold_id in state.admitted:
        return []  # it was closed while its funds were being held
    if event.hold_id in state.auctions.orders:
        return admitted(state, event.hold_id, event.version)
    if (closed := _barred(state, received, event.version, at)) is not None:
        return [closed]
    group_id = state.directory.group_now(received.beneficiary_id)
    performance, notice = state.performance.get(received.bid_id), state.notices.get(received.bid_id, 0)
    bid = bid_of(received, at.index, group_id, performance, notice)
    plan = state.rule.bid_arrives(state.book, bid, received.tif, pass_at(at.time, state.rules))
    if plan.refusal is not None:
        return [BidClosed(bid_id=received.bid_id, reason=plan.refusal)]
    return [
        BidAdmitted(bid_id=bid.bid_id, version=event.version),
        *trades_and_preventions(state, plan, bid, at, event.version),
        *ending_of_bid(plan, bid, received.tif),
        *([MatchContinued(order_id=bid.bid_id, more=True)] if plan.more else []),
    ]


def bond_held(state: MatchingState, event: BondHeld, at: At) -> Sequence[Event]:
    """An offer's bond is held: it enters the book. A sold-out offer stays until it ends."""
    received = state.offers.get(event.hold_id)
    if received is None or event.hold_id in state.admitted:
        return []  # it was closed while its bond was being held
    if event.hold_id in state.auctions.orders:
        return admitted(state, event.hold_id, None)
    if _offer_has_ended(state, received, at):
        return [OfferClosed(offer_id=received.offer_id, reason="expired")]
    group_id = state.directory.group_now(received.provider_id)
    classed, notice = state.classed.get(received.offer_id), state.notices.get(received.offer_id, 0)
    offer = offer_of(received, at.index, group_id, classed, notice)
    plan = state.rule.offer_arrives(state.book, offer, received.tif, pass_at(at.time, state.rules))
    return [
        OfferAdmitted(offer_id=offer.offer_id),
        *trades_and_preventions(state, plan, offer, at),
        *ending_of_offer(plan, offer.offer_id, received.tif),
        *([MatchContinued(order_id=offer.offer_id, more=True)] if plan.more else []),
        *first_of_all(plan),
    ]


def hold_refused(state: MatchingState, event: HoldRefused | HoldRefusedV1, _at: At) -> Sequence[Event]:
    """The funds or the bond cannot be held: the order is closed, unless it was before; an amendment fails."""
    if event.hold_id in state.amendments:
        return amendment_refused(state, event)
    if event.purpose == "bid":
        return [BidClosed(bid_id=event.hold_id, reason="hold_refused")] if event.hold_id in state.bids else []
    return [OfferClosed(offer_id=event.hold_id, reason="bond_refused")] if event.hold_id in state.offers else []


def funding_ended(state: MatchingState, event: FundingEnded, _at: At) -> Sequence[Event]:
    """A voucher that pays for a bid may pay for no more trades: the bid is closed, unless it was before."""
    if event.bid_id not in state.bids:
        return []
    return [BidClosed(bid_id=event.bid_id, reason=_FUNDING_ENDED[event.reason])]


def _barred(state: MatchingState, received: BidReceived, version: int, at: At) -> BidClosed | None:
    """Why a bid whose funds are held may not enter the book; None if it may."""
    terms = state.terms(received.programme_id, version)
    if received.good_until is not None and received.good_until <= at.time:
        return BidClosed(bid_id=received.bid_id, reason="expired")
    if received.latest < floor_hour(at.time, state.rules):
        return BidClosed(bid_id=received.bid_id, reason="gate_closed")
    rules = state.rules
    if rules.validity_of_each_version and not rules.spends_until_expiry and not terms.is_open(at.time):
        return BidClosed(bid_id=received.bid_id, reason="programme_not_open")
    if not terms.allows(received.classes, received.regions):
        return BidClosed(bid_id=received.bid_id, reason="not_in_programme")
    return None


def _offer_has_ended(state: MatchingState, received: OfferReceived, at: At) -> bool:
    return ends_at(last_start(received), received.good_until, state.rules) <= at.time
