"""The market's state, and what an order does to the book when it enters: rule set PTW-1 as events.

The book plans; here the plan becomes events, and the events change the book. An order's priority is the index of the
entry that admits it, after its funds or bond were held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, Literal

from counterfoil.contract.codec import dump_event
from counterfoil.contract.limits import GATE_CLOSURE_HOURS, MAX_MATCHES_PER_ENTRY
from counterfoil.contract.record import Event
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import HOUR
from counterfoil.core.decider import At, ServiceState
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.matching.book import Book
from counterfoil.matching.commands import SelfTrade
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    MatchContinued,
    MatchPrevented,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    TradeMatched,
)
from counterfoil.matching.naive_book import NaiveBook
from counterfoil.matching.orders import Bid, Eligible, Match, Offer, Plan

_STALE_MAX: Final = 64  # closed orders that may linger in the expiry heap, besides as many as are open


class State(ServiceState):
    """Matching's whole state: `offers` and `bids` are the open orders as received, on the book once admitted.

    `make_book`: the book in use, or its naive twin for whoever wants every match found again the obvious way.
    """

    __slots__ = (
        "admitted", "bids", "book", "classes", "continuing", "expiry", "listed", "now", "offers",
        "open_orders", "programmes", "versions",
    )  # fmt: skip

    def __init__(self, make_book: Callable[[Eligible], Book | NaiveBook] = Book) -> None:
        super().__init__()
        self.classes: dict[str, tuple[int, int]] = {}  # class -> (version, GPUs per node)
        self.programmes: dict[str, list[ProgrammePublished]] = {}  # every version, in order
        self.versions: dict[str, int] = {}  # admitted bid -> version of the vouchers that pay for it
        self.listed: dict[tuple[str, str], bool] = {}
        self.offers: dict[str, OfferReceived] = {}
        self.bids: dict[str, BidReceived] = {}
        self.admitted: dict[str, int] = {}  # order -> priority
        self.open_orders: dict[str, int] = {}
        self.continuing: dict[str, None] = {}
        self.expiry: list[tuple[int, str]] = []
        self.now = 0  # the ledger time of the pass being planned, for `_eligible`; no part of the state
        self.book = make_book(self._eligible)

    def _eligible(self, bid: Bid, offer: Offer) -> bool:
        buyer, seller = self.bids[bid.bid_id], self.offers[offer.offer_id]
        return (
            buyer.gpus_per_node == offer.gpus_per_node  # a class may change between versions
            and (bid.programme_id, offer.provider_id) in self.listed
            and all(end is None or end > self.now for end in (buyer.good_until, seller.good_until))  # swept or not
        )

    # changes --------------------------------------------------------------------------------------------------------

    def opened(self, order_id: str, owner: str, ends_at: int) -> None:
        """Count an order to its owner and remember when it ends by itself."""
        self.open_orders[owner] = self.open_orders.get(owner, 0) + 1
        heappush(self.expiry, (ends_at, order_id))

    def closed(self, order_id: str) -> None:
        """Forget an order; one that still rests leaves the book."""
        offer, bid = self.offers.pop(order_id, None), self.bids.pop(order_id, None)
        owner = offer.provider_id if offer is not None else bid.beneficiary_id if bid is not None else ""
        self.open_orders[owner] -= 1
        if self.open_orders[owner] == 0:
            del self.open_orders[owner]
        self.continuing.pop(order_id, None)
        self.versions.pop(order_id, None)
        if len(self.expiry) > 2 * (len(self.offers) + len(self.bids)) + _STALE_MAX:
            self.expiry = [item for item in self.expiry if self.is_open(item[1])]
            heapify(self.expiry)
        if self.admitted.pop(order_id, None) is not None:
            if offer is not None:
                self.book.remove_offer(order_id)
            elif self.book.bid(order_id) is not None:
                self.book.remove_bid(order_id)

    def terms(self, programme_id: str, version: int) -> ProgrammeTerms:
        """The terms of a programme version."""
        return self.programmes[programme_id][version - 1].terms

    # time -----------------------------------------------------------------------------------------------------------

    def next_expiry(self) -> int | None:
        """When the next order ends by itself."""
        while self.expiry and not self.is_open(self.expiry[0][1]):
            heappop(self.expiry)
        return self.expiry[0][0] if self.expiry else None

    def ended_by(self, cutoff: int, most: int) -> list[str]:
        """Up to `most` open orders that end at or before `cutoff`, by (time, id)."""
        found: list[tuple[int, str]] = []
        while self.expiry and self.expiry[0][0] <= cutoff and len(found) < most:
            item = heappop(self.expiry)
            if self.is_open(item[1]):
                found.append(item)
        for item in found:  # only an event may take them out for good
            heappush(self.expiry, item)
        return [order_id for _, order_id in found]

    def is_open(self, order_id: str) -> bool:
        """Whether the order was received and not closed."""
        return order_id in self.offers or order_id in self.bids

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records."""
        yield from self.common_records()
        yield from ((f"class/{class_id}", list(value)) for class_id, value in self.classes.items())
        for name, rules in self.programmes.items():
            yield from ((f"programme/{name}/{event.version}", dump_event(event)) for event in rules)
        yield from ((f"listed/{programme}/{provider}", True) for programme, provider in self.listed)
        received: dict[str, OfferReceived | BidReceived] = {**self.offers, **self.bids}
        waits = {order_id: place for place, order_id in enumerate(self.continuing)}
        for order_id, event in received.items():
            progress = [self.admitted.get(order_id), self.versions.get(order_id), waits.get(order_id)]
            yield f"order/{order_id}", [dump_event(event), *progress]
        for record in self.book.records():
            yield f"book/{record[1]}", list(record)


def floor_hour(time: int) -> int:
    """The first delivery hour that can still be traded: it starts at least the gate closure after `time`."""
    return -(-(time + GATE_CLOSURE_HOURS * HOUR) // HOUR)


def ends_at(last_start: int, good_until: int | None) -> int:
    """When an order ends by itself: as its last possible start passes the gate, or at `good_until`."""
    gate = (last_start - GATE_CLOSURE_HOURS) * HOUR + 1
    return gate if good_until is None else min(gate, good_until)


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


# entering the book --------------------------------------------------------------------------------------------------


def admit_bid(state: State, received: BidReceived, version: int, at: At) -> list[Event]:
    """A bid whose funds are held enters the book as the taker, by the rules that its vouchers were issued under."""
    state.now, floor = at.time, floor_hour(at.time)
    if received.good_until is not None and received.good_until <= at.time:
        return [BidClosed(bid_id=received.bid_id, reason="expired")]
    if received.latest < floor:
        return [BidClosed(bid_id=received.bid_id, reason="gate_closed")]
    if not state.terms(received.programme_id, version).allows(received.classes, received.regions):
        return [BidClosed(bid_id=received.bid_id, reason="not_in_programme")]
    bid = bid_of(received, at.index)
    plan = state.book.plan_bid(bid, received.tif, floor, MAX_MATCHES_PER_ENTRY)
    if plan.refusal is not None:
        return [BidClosed(bid_id=received.bid_id, reason=plan.refusal)]
    admitted = BidAdmitted(bid_id=bid.bid_id, version=version)
    events = [admitted, *_carry_out(state, plan, "bid", at, bid.remaining, version)]
    if any(each.cancels_bid for each in plan.prevented):
        events.append(BidClosed(bid_id=bid.bid_id, reason="self_trade"))
    elif not plan.rests and sum(match.nodes for match in plan.matches) < bid.remaining:
        events.append(BidClosed(bid_id=bid.bid_id, reason="immediate_or_cancel"))
    elif plan.more:
        events.append(MatchContinued(order_id=bid.bid_id, more=True))
    return events


def admit_offer(state: State, received: OfferReceived, at: At) -> list[Event]:
    """An offer whose bond is held enters the book as the taker. Sold out, it stays until it ends."""
    if ends_at(received.window_end - received.min_hours, received.good_until) <= at.time:
        return [OfferClosed(offer_id=received.offer_id, reason="expired")]
    state.now, offer = at.time, offer_of(received, at.index)
    plan = state.book.plan_offer(offer, received.tif, floor_hour(at.time), MAX_MATCHES_PER_ENTRY)
    events = [OfferAdmitted(offer_id=offer.offer_id), *_carry_out(state, plan, "offer", at, 0)]
    if any(each.cancels_offer for each in plan.prevented):
        events.append(OfferClosed(offer_id=offer.offer_id, reason="self_trade"))
    elif received.tif == "IOC":
        events.append(OfferClosed(offer_id=offer.offer_id, reason="immediate_or_cancel"))
    elif plan.more:
        events.append(MatchContinued(order_id=offer.offer_id, more=True))
    return events


def go_on(state: State, order_id: str, at: At) -> list[Event]:
    """A further pass for an order whose last pass reached the bound of one entry."""
    state.now, floor = at.time, floor_hour(at.time)
    bid = state.book.bid(order_id)
    if bid is not None:
        plan = state.book.plan_bid(bid, "GTC", floor, MAX_MATCHES_PER_ENTRY)
    else:
        plan = state.book.continue_offer(order_id, floor, MAX_MATCHES_PER_ENTRY)
    events: list[Event] = [MatchContinued(order_id=order_id, more=plan.more)]
    if bid is not None:
        events += _carry_out(state, plan, "bid", at, bid.remaining)
        if any(each.cancels_bid for each in plan.prevented):
            events.append(BidClosed(bid_id=order_id, reason="self_trade"))
    else:
        events += _carry_out(state, plan, "offer", at, 0)
        if any(each.cancels_offer for each in plan.prevented):
            events.append(OfferClosed(offer_id=order_id, reason="self_trade"))
    return events


def _carry_out(
    state: State, plan: Plan, taker: Literal["bid", "offer"], at: At, remaining: int, version: int = 0
) -> list[Event]:
    """The plan's matches and preventions as events.

    `remaining` counts an incoming bid's nodes down; `version` is that of a bid that is only now admitted.
    """
    events: list[Event] = []
    for nth, match in enumerate(plan.matches):
        if taker == "offer":
            resting = state.book.bid(match.bid_id)
            remaining = resting.remaining if resting is not None else 0
        remaining -= match.nodes
        paid_by = version or state.versions[match.bid_id]
        events.append(_trade(state, paid_by, match, taker, at.new_id("trd", nth), remaining))
    for each in plan.prevented:
        mode: SelfTrade = "both" if each.cancels_bid and each.cancels_offer else "maker"
        if (taker == "bid" and not each.cancels_offer) or (taker == "offer" and not each.cancels_bid):
            mode = "taker"
        events.append(MatchPrevented(bid_id=each.bid_id, offer_id=each.offer_id, mode=mode))
        if taker == "bid" and each.cancels_offer:
            events.append(OfferClosed(offer_id=each.offer_id, reason="self_trade"))
        if taker == "offer" and each.cancels_bid:
            events.append(BidClosed(bid_id=each.bid_id, reason="self_trade"))
    return events


def _trade(
    state: State, version: int, match: Match, taker: Literal["bid", "offer"], trade_id: str, left: int
) -> TradeMatched:
    bid, offer = state.bids[match.bid_id], state.offers[match.offer_id]
    return TradeMatched(
        trade_id=trade_id,
        rule_set="PTW-1",
        taker=taker,
        bid_id=bid.bid_id,
        offer_id=offer.offer_id,
        beneficiary_id=bid.beneficiary_id,
        provider_id=offer.provider_id,
        programme_id=bid.programme_id,
        version=version,
        class_id=offer.class_id,
        region=offer.region,
        currency=offer.currency,
        nodes=match.nodes,
        gpus_per_node=offer.gpus_per_node,
        first_hour=match.first_hour,
        hours=bid.hours,
        price=match.price,
        notional=match.price * match.nodes * offer.gpus_per_node * bid.hours,
        bid_nodes_left=left,
    )
