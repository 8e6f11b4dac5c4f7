"""Matching's state: open orders, the book, and the facts of other services that decisions depend on."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.contract.refusals import Refusal
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.decider import ServiceState
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.form import COUNT, TIME, Form, event, row
from counterfoil.core.programmes import LISTING, versions
from counterfoil.core.table import Nested, Table
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.events import BidReceived, OfferReceived, Removal
from counterfoil.matching.orders import Bid, MatchingRule, Offer
from counterfoil.matching.resting import RestingBids, RestingOffers
from counterfoil.matching.times import ends_at, last_start


class AcceleratorClass(NamedTuple):
    """What matching needs of the current version of a class."""

    version: int
    gpus_per_node: int


CLASS: Final = Form(
    "class", ("class_id",), row(AcceleratorClass, version=COUNT, gpus_per_node=COUNT), "the last version of a class"
)
PROGRAMME: Final = versions(ProgrammePublished)
OFFER: Final = Form("offer", ("offer_id",), event(OfferReceived), "an open offer as it was received")
BID: Final = Form("bid", ("bid_id",), event(BidReceived), "an open bid as it was received")
CONTINUING: Final = Form("continuing", ("order_id",), TIME, "an order whose pass is not over, since when it goes on")


LEAVING: Final = "leaving_orders"
"""The timer that ends orders which must leave."""


class MatchingState(ServiceState):
    """Matching's whole state. `offers` and `bids` are the open orders as received, on the book once admitted.

    `rule` decides which orders match, and creates the book it works on. An audit may use its naive twin.
    """

    __slots__ = (
        "admitted", "bids", "book", "classes", "continuing", "expiry", "leaving", "listed", "offers", "open_orders",
        "programmes", "resting_bids", "resting_offers", "rule", "versions",
    )  # fmt: skip

    def __init__(self, rule: MatchingRule = PTW_1) -> None:
        super().__init__()
        self.classes: Table[str, AcceleratorClass] = self.keep(Table(CLASS))
        self.programmes: Nested[int, ProgrammePublished] = self.keep(Nested(PROGRAMME))  # every version, by number
        self.listed: Table[tuple[str, str], bool] = self.keep(Table(LISTING))  # (programme, provider)
        self.offers: Table[str, OfferReceived] = self.keep(Table(OFFER))
        self.bids: Table[str, BidReceived] = self.keep(Table(BID))
        self.continuing: Table[str, int] = self.keep(Table(CONTINUING))
        """Orders whose pass is not over -> ledger time at which it began."""
        self.open_orders: dict[str, dict[str, None]] = {}  # by party
        self.expiry = Deadlines(self.is_open)
        self.leaving = Deadlines(self.must_leave)
        """Orders that end before anything else is decided."""
        self.admitted: dict[str, int] = {}  # order -> priority
        self.versions: dict[str, int] = {}  # admitted bid -> programme version of the vouchers that pay for it
        self.rule = rule
        self.book = rule.new_book(self.eligible)
        self.resting_offers = self.keep(RestingOffers(self.book, self.offers, self.admitted))
        self.resting_bids = self.keep(RestingBids(self.book, self.bids, self.admitted, self.versions))

    def eligible(self, bid: Bid, offer: Offer, time: int) -> bool:
        """Whether a bid and an offer may trade at a ledger time (microseconds), their terms aside."""
        buyer, seller = self.bids[bid.bid_id], self.offers[offer.offer_id]
        return (
            buyer.gpus_per_node == offer.gpus_per_node  # a class may change between versions
            and self.accepts(bid.programme_id, offer.provider_id)
            and (buyer.good_until is None or buyer.good_until > time)  # swept or not
            and (seller.good_until is None or seller.good_until > time)
        )

    def accepts(self, programme_id: str, provider_id: str) -> bool:
        """Whether a programme pays a provider: it is listed, and has not become related to the issuer since."""
        if (programme_id, provider_id) not in self.listed:
            return False
        return not (self.rules.separates_duties and self.directory.related(self.issuer(programme_id), provider_id))

    def barred(self, programme_id: str, beneficiary_id: str) -> Refusal | None:
        """Why a party may not bid in a programme: what it, or a party related to it, is there beside beneficiary."""
        held = [Held(Duty.ISSUER, self.issuer(programme_id))]
        related = sorted(self.directory.related_to(beneficiary_id))
        held += [Held(Duty.PROVIDER, each) for each in related if (programme_id, each) in self.listed]
        return not_separate(self, *held, Held(Duty.BENEFICIARY, beneficiary_id))

    def issuer(self, programme_id: str) -> str:
        """Whose programme it is, in all of its versions."""
        return next(iter(self.programmes[programme_id].values())).issuer_id

    def is_open(self, order_id: str) -> bool:
        """Whether the order was received and not closed."""
        return order_id in self.offers or order_id in self.bids

    def must_leave(self, order_id: str) -> bool:
        """Whether the order is open and may not be."""
        return self.why_leave(order_id) is not None

    def why_leave(self, order_id: str) -> Removal | None:
        """Why an order may not be open; None if it may, or is not.

        A bid whose owner has become related to a provider of the programme may: it never meets an offer of that one.
        """
        order = self.offers.get(order_id) or self.bids.get(order_id)
        if order is None:
            return None
        if self.directory.parties[owner_of(order)].closed:
            return "party_closed"
        if isinstance(order, OfferReceived):
            return None
        issuer, beneficiary = self.issuer(order.programme_id), order.beneficiary_id
        together = not_separate(self, Held(Duty.ISSUER, issuer), Held(Duty.BENEFICIARY, beneficiary))
        return None if together is None else "duties_not_separate"

    def opened(self, order_id: str, order: OfferReceived | BidReceived) -> None:
        """Derive what follows from an open order."""
        self.open_orders.setdefault(owner_of(order), {})[order_id] = None
        self.end_later(order_id, order)

    def leave(self, party_id: str) -> None:
        """Let those of a party's open orders end at once that may not be open."""
        for order_id in self.open_orders.get(party_id, ()):
            if self.must_leave(order_id):
                self.leaving.add(0, 0, 0, order_id)

    def terms(self, programme_id: str, version: int) -> ProgrammeTerms:
        """The terms of a programme version."""
        return self.programmes[programme_id][version].terms

    def end_later(self, order_id: str, order: OfferReceived | BidReceived) -> None:
        """Let an open order end by itself; those that end at one time end in the order of their ids."""
        self.expiry.add(ends_at(last_start(order), order.good_until, self.rules), 0, 0, order_id)

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.resting_offers.rest(self.directory)
        self.resting_bids.rest(self.directory)
        self.open_orders, self.expiry = {}, Deadlines(self.is_open)
        self.leaving = Deadlines(self.must_leave)
        for offer_id, offer in self.offers.items():
            self.opened(offer_id, offer)
        for bid_id, bid in self.bids.items():
            self.opened(bid_id, bid)
        for party_id in self.open_orders:
            self.leave(party_id)


def owner_of(order: OfferReceived | BidReceived) -> str:
    """The party whose order it is."""
    return order.provider_id if isinstance(order, OfferReceived) else order.beneficiary_id
