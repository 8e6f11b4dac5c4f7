"""Matching's state: open orders, the book, and the facts of other services that decisions depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from counterfoil.contract.codec import dump_event
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.decider import ServiceState
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.orders import Bid, MatchingRule, Offer


class AcceleratorClass(NamedTuple):
    """What matching needs of the current version of a class."""

    version: int
    gpus_per_node: int


class MatchingState(ServiceState):
    """Matching's whole state. `offers` and `bids` are the open orders as received, on the book once admitted.

    `rule` decides which orders match, and creates the book it works on. An audit may use its naive twin.
    """

    __slots__ = (
        "admitted", "bids", "book", "classes", "continuing", "expiry", "listed", "offers", "open_orders", "programmes",
        "rule", "versions",
    )  # fmt: skip

    def __init__(self, rule: MatchingRule = PTW_1) -> None:
        super().__init__()
        self.classes: dict[str, AcceleratorClass] = {}
        self.programmes: dict[str, list[ProgrammePublished]] = {}  # every version, in order
        self.listed: dict[tuple[str, str], bool] = {}  # (programme, provider)
        self.offers: dict[str, OfferReceived] = {}
        self.bids: dict[str, BidReceived] = {}
        self.open_orders: dict[str, int] = {}  # party -> number
        self.expiry = Deadlines(self.is_open)
        self.admitted: dict[str, int] = {}  # order -> priority
        self.versions: dict[str, int] = {}  # admitted bid -> programme version of the vouchers that pay for it
        self.continuing: dict[str, int] = {}  # order whose pass is not over -> ledger time at which it began
        self.rule = rule
        self.book = rule.new_book(self.eligible)

    def eligible(self, bid: Bid, offer: Offer, time: int) -> bool:
        """Whether a bid and an offer may trade at a ledger time (microseconds), their terms aside."""
        buyer, seller = self.bids[bid.bid_id], self.offers[offer.offer_id]
        return (
            buyer.gpus_per_node == offer.gpus_per_node  # a class may change between versions
            and (bid.programme_id, offer.provider_id) in self.listed
            and (buyer.good_until is None or buyer.good_until > time)  # swept or not
            and (seller.good_until is None or seller.good_until > time)
        )

    def is_open(self, order_id: str) -> bool:
        """Whether the order was received and not closed."""
        return order_id in self.offers or order_id in self.bids

    def terms(self, programme_id: str, version: int) -> ProgrammeTerms:
        """The terms of a programme version."""
        return self.programmes[programme_id][version - 1].terms

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records."""
        yield from self.common_records()
        yield from ((f"class/{class_id}", list(value)) for class_id, value in self.classes.items())
        for name, versions in self.programmes.items():
            yield from ((f"programme/{name}/{event.version}", dump_event(event)) for event in versions)
        yield from ((f"listed/{programme}/{provider}", True) for programme, provider in self.listed)
        received: dict[str, OfferReceived | BidReceived] = {**self.offers, **self.bids}
        for order_id, event in received.items():
            progress = [self.admitted.get(order_id), self.versions.get(order_id), self.continuing.get(order_id)]
            yield f"order/{order_id}", [dump_event(event), *progress]
        for record in self.book.records():
            yield f"book/{record[1]}", list(record)
