"""The book that an auction is decided from, out of the state; and the orders that may not take part in the end."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Literal, NamedTuple

from counterfoil.contract.limits import MAX_COUNT
from counterfoil.matching.auction.book import Ask, AuctionBook, Block, Hourly, Parameters, Point
from counterfoil.matching.auction_events import AuctionScheduled
from counterfoil.matching.auction_state import AuctionOrder
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.state import MatchingState

Unfit = Literal["not_funded_in_time", "not_listed", "halted", "duties_not_separate"]


class Frozen(NamedTuple):
    """An auction as it is decided: all its orders, the book of those that take part, and why the others do not.

    `order_ids`: in the order of their priority. `versions`: of bids, the programme version of the vouchers.
    """

    order_ids: list[str]
    bids: dict[str, BidReceived]
    offers: dict[str, OfferReceived]
    versions: dict[str, int]
    book: AuctionBook
    unfit: dict[str, Unfit]


def frozen(state: MatchingState, auction_id: str) -> Frozen:
    """The auction as it is now. All of one auction is decided in one state, whatever the number of entries."""
    scheduled = state.auctions.open[auction_id].scheduled
    orders = {order_id: state.auctions.orders[order_id] for order_id in state.auctions.orders.owned(auction_id)}
    unfit = {order_id: why for order_id, order in sorted(orders.items()) if (why := _unfit(state, scheduled, order))}
    received_of = {order_id: order.received for order_id, order in orders.items()}
    asks, hourly, blocks = list[Ask](), list[Hourly](), list[Block]()
    for order_id, order in orders.items():
        if order_id in unfit or order.seq is None:
            continue
        received, seq, base = order.received, order.seq, scheduled.first_hour
        if not isinstance(received, BidReceived):
            group, span = state.directory.group_now(received.provider_id), (received.window_start, received.window_end)
            asks.append(Ask(order_id, seq, group, order.price, received.nodes, span[0] - base, span[1] - base))
            continue
        group, nodes, earliest = state.directory.group_now(received.beneficiary_id), received.nodes, received.earliest
        if received.partial:
            hourly.append(Hourly(order_id, seq, group, order.price, nodes, earliest - base))
        else:
            starts = (earliest - base, received.latest - base)
            blocks.append(Block(order_id, seq, group, order.price, nodes, received.hours, *starts))
    return Frozen(
        sorted(orders, key=lambda order_id: (orders[order_id].seq or MAX_COUNT, order_id)),
        {order_id: each for order_id, each in received_of.items() if isinstance(each, BidReceived)},
        {order_id: each for order_id, each in received_of.items() if isinstance(each, OfferReceived)},
        {order_id: order.version for order_id, order in orders.items() if order.version is not None},
        AuctionBook(
            scheduled.hours,
            tuple(sorted(asks, key=lambda each: each.seq)),
            tuple(sorted(hourly, key=lambda each: each.seq)),
            tuple(sorted(blocks, key=lambda each: each.seq)),
            parameters_of(scheduled),
        ),
        unfit,
    )


def digest(book: AuctionBook) -> bytes:
    """SHA-256 over the book as JSON."""
    return sha256(json.dumps(book, separators=(",", ":")).encode()).digest()


def parameters_of(scheduled: AuctionScheduled) -> Parameters:
    """The parameters of an auction as its arithmetic takes them."""
    points = tuple(Point(each.utilisation_bps, each.factor_bps) for each in scheduled.reserve_points)
    return Parameters(
        tick=scheduled.tick,
        reference=scheduled.reference_price,
        caps=scheduled.caps,
        cap_bps=scheduled.cap_bps,
        reserve=scheduled.reserve_price,
        points=points,
        rsi_bps=scheduled.rsi_bps,
        cover_bps=scheduled.cover_bps,
        pivotal_bps=scheduled.pivotal_bps,
    )


def _unfit(state: MatchingState, scheduled: AuctionScheduled, order: AuctionOrder) -> Unfit | None:
    """Why an order does not take part, as things are when it is decided.

    What providers have to do with programmes is asked of each order by itself, so that no pair is left to ask about: a
    provider was listed by all programmes as the auction locked, and is related to no issuer of them; a bidder is
    related to no provider or issuer of its programme.
    """
    received = order.received
    if order.seq is None:
        return "not_funded_in_time"
    if isinstance(received, BidReceived):
        barred = state.barred(received.programme_id, received.beneficiary_id)
        return None if barred is None else "duties_not_separate"
    if state.is_halted(received.class_id, received.region, received.provider_id):
        return "halted"
    unlisted = order.unlisted
    if unlisted is None:
        unlisted = not listed_by_all(state, scheduled, received.provider_id)
    related = any(
        state.directory.related(state.issuer(programme_id), received.provider_id)
        for programme_id in scheduled.programmes
    )
    if related and state.rules.separates_duties:
        return "duties_not_separate"
    return "not_listed" if unlisted else None


def listed_by_all(state: MatchingState, scheduled: AuctionScheduled, provider_id: str) -> bool:
    """Whether each programme of the auction lists a provider, and has not suspended it."""
    return all(state.listed.get((programme_id, provider_id)) == "listed" for programme_id in scheduled.programmes)
