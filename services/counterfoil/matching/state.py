"""Matching's state: open orders, the book, and the facts of other services that decisions depend on."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple, get_args

from counterfoil.contract.limits import MAX_PRICE
from counterfoil.contract.refusals import Refusal
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.form import AMOUNT, BITS, COUNT, COUNTS, TEXT, TIME, TRUE, Form, event, listed, one_of, row
from counterfoil.core.programmes import LISTING, Listing
from counterfoil.core.rule_fields import Rules
from counterfoil.core.table import Table
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.matching.auction_state import Auctions
from counterfoil.matching.collar_state import COLLAR, REFERENCE_PRICE, Collar, ReferencePrice
from counterfoil.matching.commitments import DAY_HOURS, Committed
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.events import BidReceived, OfferReceived, Removal
from counterfoil.matching.inventory_events import OfferSited
from counterfoil.matching.order_limit_state import OrderCounts
from counterfoil.matching.orders import Bid, MatchingRule, Offer
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired
from counterfoil.matching.position_state import Positions, Room, horizon_days
from counterfoil.matching.resting import RestingBids, RestingOffers
from counterfoil.matching.sold import SOLD, Sold, UnderContract
from counterfoil.matching.times import ends_at, last_start
from counterfoil.programme.documents import ProgrammesState


class AcceleratorClass(NamedTuple):
    """What matching needs of the current version of a class."""

    version: int
    gpus_per_node: int


class Amendment(NamedTuple):
    """An order, perhaps closed meanwhile, and the price that it is to have (micro-units per GPU-hour).

    `bonded_at`: of an offer, the price by which its bond is then measured.
    """

    order_id: str
    price: int
    bonded_at: int


class Stock(NamedTuple):
    """Nodes of a class at a provider's site: as attested, and how many of them are on offer or sold by hour."""

    nodes: int
    committed: Committed


class Uncrossing(NamedTuple):
    """Since when bids meet all offers anew (microseconds), and the last one in line that did.

    Where rules that come into force have them meet, `began` is 0 until the first entry that goes on: the entry that
    names the rules is decided by those before, which know nothing of it.
    """

    began: int
    limit_price: int
    priority: int


CLASS: Final = Form(
    "class", ("class_id",), row(AcceleratorClass, version=COUNT, gpus_per_node=COUNT), "the last version of a class"
)
DESCRIBED: Final = Form(
    "class_description",
    ("class_id",),
    event(ClassRegistered),
    "the last version of a class that says what is known of it",
)
OFFER: Final = Form("offer", ("offer_id",), event(OfferReceived), "an open offer as it was received")
BID: Final = Form("bid", ("bid_id",), event(BidReceived), "an open bid as it was received")
PERFORMANCE: Final = Form(
    "performance", ("bid_id",), event(PerformanceRequired), "of an open bid by performance, what it admits"
)
CLASSED: Final = Form(
    "classed_offer", ("offer_id",), event(OfferClassed), "of an open offer, the version of its class, if it has one"
)
NOTICE: Final = Form(
    "notice", ("order_id",), COUNT, "hours of notice of a reclaim that an open offer names, or an open bid asks for"
)
SITED: Final = Form("sited_offer", ("offer_id",), event(OfferSited), "of an open offer, where its nodes are")
STOCK: Final = Form(
    "stock",
    ("provider_id", "site_id", "class_id"),
    row(Stock, nodes=COUNT, committed=row(Committed, origin=COUNT, planes=listed(BITS))),
    "nodes as attested, and how many are on offer or sold: bit h of plane j is binary digit j of the count of the hour"
    " `origin` + h",
)
CONTINUING: Final = Form("continuing", ("order_id",), TIME, "an order whose pass is not over, since when it goes on")
UNCROSSING: Final = Form(
    "uncrossing",
    ("programme_id",),
    row(Uncrossing, began=TIME, limit_price=AMOUNT, priority=COUNT),
    "a programme, or `*` for all, whose bids meet all offers anew, or `CLASS:REGION:PROVIDER`, with `*` for any, that"
    " is halted no longer: since when (0: since rules came into force, and none has yet), and the last in line that"
    " did",
)
FLOOR: Final = Form(
    "amended_offer",
    ("offer_id",),
    AMOUNT,
    "the floor price by which the bond of an offer is measured since it has another price; 0: by that",
)
HALTED: Final = Form(
    "halted",
    ("class_id", "region", "provider_id"),
    TEXT,
    "what does not trade, by the halt: of a class, of one in a region, of a provider; `*` is any",
)
PAUSED: Final = Form("paused", ("programme_id",), TRUE, "a programme that is paused")
LEAVING: Final = Form(
    "leaving",
    ("programme_id", "party_id"),
    one_of(*get_args(Removal)),
    "why open orders must leave at once: all of a party, all bids of a programme, or a party's bids in a programme; `*`"
    " is any",
)
LEAVING_BEFORE: Final = Form(
    "leaving_before",
    ("programme_id", "party_id"),
    COUNTS,
    "of open orders that must leave, only those received before this command leave: its entry, and its place there",
)
AMENDMENT: Final = Form(
    "amendment",
    ("amendment_id",),
    row(Amendment, order_id=TEXT, price=AMOUNT, bonded_at=AMOUNT),
    "an order that is to have another price once the ledger holds what that needs",
)
LEAVING_TIMER: Final = "leaving_orders"
"""The timer that ends orders which must leave."""
AUCTION_TIMER: Final = "auction"
"""The timer that locks, clears and closes auctions."""
COUNT_TIMER: Final = "count_positions"
"""The timer that counts what shares of a market are of."""

ANY: Final = "*"
LAST: Final = "\U0010ffff"
"""Behind every id."""
Halt = tuple[str, str, str]
"""(class, region, provider) that does not trade; each may be `ANY`."""
Scope = tuple[str, str]
"""(programme, party), of which one may be `ANY`: all of a party, all bids of a programme, a party's bids in one."""


class MatchingState(ProgrammesState):
    """Matching's whole state. `offers` and `bids` are the open orders as received, on the book once admitted.

    `rule` decides which orders match, and creates the book it works on. An audit may use its naive twin.
    """

    __slots__ = (
        "admitted", "amending", "amendments", "auctions", "bids", "book", "classed", "classes", "collars", "continuing",
        "described", "expiry", "floors", "halts", "in_market", "leaving", "leaving_before", "line", "listed", "notices",
        "offers", "open_orders", "order_counts", "paused", "performance", "positions", "reference_prices",
        "resting_bids", "resting_offers", "rule", "sited", "sites_of", "sold", "sold_until", "stocks", "uncrossing",
        "under_contract", "versions",
    )  # fmt: skip

    def __init__(self, rule: MatchingRule = PTW_1) -> None:
        super().__init__()
        self.classes: Table[str, AcceleratorClass] = self.keep(Table(CLASS))
        self.described: Table[str, ClassRegistered] = self.keep(Table(DESCRIBED))
        self.listed: Table[tuple[str, str], Listing] = self.keep(Table(LISTING))  # (programme, provider)
        self.offers: Table[str, OfferReceived] = self.keep(Table(OFFER))
        self.bids: Table[str, BidReceived] = self.keep(Table(BID))
        self.performance: Table[str, PerformanceRequired] = self.keep(Table(PERFORMANCE))
        self.classed: Table[str, OfferClassed] = self.keep(Table(CLASSED))
        self.notices: Table[str, int] = self.keep(Table(NOTICE))  # by order
        self.sited: Table[str, OfferSited] = self.keep(Table(SITED))
        self.stocks: Table[tuple[str, str, str], Stock] = self.keep(Table(STOCK))  # (provider, site, class)
        self.sites_of: dict[str, int] = {}  # provider -> number of its stocks
        self.sold: Table[str, Sold] = self.keep(Table(SOLD))  # by contract
        self.sold_until = Deadlines(self.sold.__contains__)
        self.under_contract = UnderContract()
        self.continuing: Table[str, int] = self.keep(Table(CONTINUING))
        """Orders whose pass is not over -> ledger time at which it began."""
        self.uncrossing: Table[str, Uncrossing] = self.keep(Table(UNCROSSING))
        """Programme, or `ANY` -> how far its bids have met the offers that they may fit."""
        self.line: list[tuple[int, int, str]] = []
        """These bids by limit down, priority and id."""
        self.amendments: Table[str, Amendment] = self.keep(Table(AMENDMENT))
        self.amending: dict[str, str] = {}  # order -> its amendment that is being decided
        self.floors: Table[str, int] = self.keep(Table(FLOOR))
        """Offer that has another price -> the floor price by which its bond is measured since, 0 for none."""
        self.collars: Table[tuple[str, str, str], Collar] = self.keep(Table(COLLAR))  # (class, region, currency)
        self.reference_prices: Table[tuple[str, str, str], ReferencePrice] = self.keep(Table(REFERENCE_PRICE))
        self.positions = Positions()
        self.keep(self.positions.limits)
        self.keep(self.positions.holdings)
        self.order_counts = OrderCounts()
        self.keep(self.order_counts.limits)
        self.keep(self.order_counts.counts)
        self.halts: Table[Halt, str] = self.keep(Table(HALTED))
        self.paused: Table[str, bool] = self.keep(Table(PAUSED))
        self.leaving: Table[Scope, Removal] = self.keep(Table(LEAVING))
        """Orders that end before anything else is decided; none is left of a scope that is not here."""
        self.leaving_before: Table[Scope, tuple[int, int]] = self.keep(Table(LEAVING_BEFORE))
        """Place of a cancellation, of the scopes of which later orders stay."""
        self.auctions = Auctions()
        for table in (self.auctions.open, self.auctions.orders, self.auctions.last_price, self.auctions.solutions):
            self.keep(table)
        self.open_orders: dict[Scope, OrderedDict[str, None]] = {}
        """In order of their receipt. An ordered dictionary finds its first key at once, whatever was deleted before."""
        self.in_market: dict[tuple[str, str, str], int] = {}  # (party, class, region) -> number of open orders
        self.expiry = Deadlines(self.is_open)
        self.admitted: dict[str, int] = {}  # order -> priority
        self.versions: dict[str, int] = {}  # admitted bid -> programme version of the vouchers that pay for it
        self.rule = rule
        self.book = rule.new_book(self.eligible, self.accepts, self.room_of)
        self.resting_offers = self.keep(
            RestingOffers(self.book, self.offers, self.admitted, self.notices, self.classed)
        )
        self.resting_bids = self.keep(
            RestingBids(self.book, self.bids, self.admitted, self.notices, self.versions, self.performance)
        )

    def eligible(self, bid: Bid, offer: Offer, time: int) -> bool:
        """Whether a bid and an offer may trade at a ledger time (microseconds), their terms aside."""
        buyer, seller = self.bids[bid.bid_id], self.offers[offer.offer_id]
        return (
            buyer.gpus_per_node == offer.gpus_per_node  # a class may change between versions
            and not (self.halts and self._bars(bid, offer))
            and self.accepts(bid.programme_id, offer.provider_id)
            and (buyer.good_until is None or buyer.good_until > time)  # swept or not
            and (seller.good_until is None or seller.good_until > time)
        )

    def _bars(self, bid: Bid, offer: Offer) -> bool:
        """Whether a halt is in the way of a pair. Not of a post-only bid that comes anew: it would take afterwards."""
        judged_anew = bid.post_only and self.admitted.get(bid.bid_id) != bid.seq
        return not judged_anew and self.is_halted(offer.class_id, offer.region, offer.provider_id)

    def room_of(self, group_id: str, class_id: str, region: str, floor_hour: int) -> Room | None:
        """What a group may still get of a class in a region from an hour on; None if there is no bound."""
        if not self.positions.limits:
            return None
        days = horizon_days(self.rules)
        return self.positions.room(self.directory, group_id, (class_id, region), floor_hour // DAY_HOURS, days)

    def is_halted(self, class_id: str, region: str, provider_id: str) -> bool:
        """Whether nothing of a provider trades in a market; with `ANY`, of no provider."""
        halts = (ANY, ANY, ANY), (class_id, ANY, ANY), (class_id, region, ANY), (ANY, ANY, provider_id)
        return any(each in self.halts for each in halts)

    def accepts(self, programme_id: str, provider_id: str) -> bool:
        """Whether a programme pays a provider: it is listed, not suspended, and not related to the issuer since."""
        if self.listed.get((programme_id, provider_id)) != "listed":
            return False
        return not (self.rules.separates_duties and self.directory.related(self.issuer(programme_id), provider_id))

    def barred(self, programme_id: str, beneficiary_id: str) -> Refusal | None:
        """Why a party may not bid in a programme: what it, or a party related to it, is there beside beneficiary."""
        held = [Held(Duty.ISSUER, self.issuer(programme_id))]
        related = sorted(self.directory.related_to(beneficiary_id))
        held += [Held(Duty.PROVIDER, each) for each in related if (programme_id, each) in self.listed]
        return not_separate(self, *held, Held(Duty.BENEFICIARY, beneficiary_id))

    def is_open(self, order_id: str) -> bool:
        """Whether the order was received and not closed."""
        return order_id in self.offers or order_id in self.bids

    def issues_to_itself(self, programme_id: str, beneficiary_id: str) -> bool:
        """Whether a party is, or has become, related to the issuer: its bids in the programme may not be open.

        Who has become related to a provider of the programme keeps what rests: it never meets an offer of that one.
        """
        held = Held(Duty.ISSUER, self.issuer(programme_id)), Held(Duty.BENEFICIARY, beneficiary_id)
        return not_separate(self, *held) is not None

    def opened(self, order_id: str, order: OfferReceived | BidReceived) -> None:
        """Derive what follows from an open order."""
        for scope in scopes_of(order):
            self.open_orders.setdefault(scope, OrderedDict())[order_id] = None
        self.count_in_markets(order, 1)
        self.end_later(order_id, order)

    def closed(self, order_id: str, order: OfferReceived | BidReceived) -> None:
        """Remove what followed from an open order."""
        for scope in scopes_of(order):
            orders = self.open_orders[scope]
            del orders[order_id]
            if not orders:
                del self.open_orders[scope]
            if scope in self.leaving and next(self.must_leave(scope), None) is None:
                del self.leaving[scope]
                self._before(scope, None)
        self.expiry.ended()

    def sell(self, contract_id: str, sold: Sold) -> None:
        """Keep a trade until it is over."""
        self.sold[contract_id] = sold
        self._count_sold(contract_id, sold)

    def _count_sold(self, contract_id: str, sold: Sold) -> None:
        self.sold_until.add(sold.over_at, 0, 0, contract_id)
        self.under_contract.count(sold, 1)

    def forget(self, contract_id: str) -> Sold | None:
        """A trade is to be delivered no more; None if it is not kept."""
        sold = self.sold.take(contract_id)
        if sold is not None:
            self.sold_until.ended()
            self.under_contract.count(sold, -1)
        return sold

    def ask(self, amendment_id: str, amendment: Amendment) -> None:
        """Let an order wait for what another price needs."""
        self.amendments[amendment_id] = amendment
        self.amending[amendment.order_id] = amendment_id

    def answered(self, amendment_id: str) -> None:
        """An amendment is decided."""
        del self.amending[self.amendments.pop(amendment_id).order_id]

    def leave(self, scope: Scope, reason: Removal, before: tuple[int, int] | None = None) -> None:
        """Let the open orders of a scope end at once; `before`: only those received before this (entry, command)."""
        if scope in self.open_orders:
            self.leaving[scope] = reason
            self._before(scope, before)
            if next(self.must_leave(scope), None) is None:  # the owner may not cancel what is in an auction
                del self.leaving[scope]
                self._before(scope, None)

    def _before(self, scope: Scope, before: tuple[int, int] | None) -> None:
        if before is not None:
            self.leaving_before[scope] = before
        elif scope in self.leaving_before:
            del self.leaving_before[scope]

    def must_leave(self, scope: Scope) -> Iterator[str]:
        """The open orders of a scope that leaves, the first received first."""
        before = self.leaving_before.get(scope)
        for order_id in self.open_orders.get(scope, ()):
            if before is not None and _place_of(order_id) >= before:
                return
            if self.leaving.get(scope) != "cancelled" or not self.auctions.is_fixed(order_id):
                yield order_id

    def end_later(self, order_id: str, order: OfferReceived | BidReceived) -> None:
        """Let an open order end by itself; those that end at one time end in the order of their ids."""
        self.expiry.add(ends_at(last_start(order), order.good_until, self.rules), 0, 0, order_id)

    def count_in_markets(self, order: OfferReceived | BidReceived, more: int) -> None:
        """Count an order that is open (1), or is no longer (-1), in each of its markets."""
        if isinstance(order, OfferReceived):
            markets = product((order.class_id,), (order.region,))
        else:
            markets = product(order.classes, order.regions)
        for market in markets:
            key = (owner_of(order), *market)
            left = self.in_market.get(key, 0) + more
            if left:
                self.in_market[key] = left
            else:
                del self.in_market[key]

    def adopt(self, rules: Rules) -> None:
        """By the first rules that let no pair that fits rest, all bids are to meet the offers."""
        begins = rules.uncrosses and not self.rules.uncrosses and len(self.bids) > 0
        super().adopt(rules)
        if begins:
            self.uncrossing[ANY] = Uncrossing(0, MAX_PRICE, 0)
            self.line_up()

    def line_up(self) -> None:
        """Put the bids that are to meet all offers anew in line, once; nothing else is decided until they have.

        None joins them meanwhile; whoever leaves the book leaves the line.
        """
        ids: Iterable[str] = self.bids
        if ANY not in self.uncrossing:
            ids = dict.fromkeys(bid_id for scope in self.uncrossing for bid_id in self._bids_of(scope))
        resting = (bid for bid_id in ids if (bid := self.book.bid(bid_id)) is not None)
        self.line = sorted((-bid.limit_price, bid.seq, bid.bid_id) for bid in resting)

    def _bids_of(self, scope: str) -> Iterable[str]:
        """The open bids of a programme, or those that may buy what is no longer halted."""
        if ":" not in scope:
            return self.open_orders.get((scope, ANY), ())
        class_id, region, provider_id = scope.split(":")
        markets = {(class_id, region)}
        if provider_id != ANY:
            offers = (self.offers[each] for each in self.open_orders.get((ANY, provider_id), ()) if each in self.offers)
            markets = {(offer.class_id, offer.region) for offer in offers}
        classes, regions = {each for each, _ in markets}, {each for _, each in markets}
        return [
            bid_id
            for bid_id, bid in self.bids.items()
            if not classes.isdisjoint(bid.classes) and (ANY in regions or not regions.isdisjoint(bid.regions))
        ]

    def leave_line(self, bid: Bid) -> None:
        """A bid is about to leave the book."""
        place = (-bid.limit_price, bid.seq, bid.bid_id)
        nth = bisect_left(self.line, place)
        if self.line[nth : nth + 1] == [place]:
            del self.line[nth]

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.resting_offers.rest(self.directory)
        self.resting_bids.rest(self.directory)
        self.amending = {each.order_id: amendment_id for amendment_id, each in self.amendments.items()}
        self.auctions.rebuild()
        self.positions.rebuild()
        self.sites_of = Counter(provider_id for provider_id, _, _ in self.stocks)
        self.sold_until, self.under_contract = Deadlines(self.sold.__contains__), UnderContract()
        for contract_id, sold in self.sold.items():
            self._count_sold(contract_id, sold)
        self.open_orders, self.in_market, self.expiry = {}, {}, Deadlines(self.is_open)
        orders: dict[str, OfferReceived | BidReceived] = {**self.offers, **self.bids}
        for order_id in sorted(orders, key=_place_of):
            self.opened(order_id, orders[order_id])
        self.line_up()


def scopes_of(order: OfferReceived | BidReceived) -> tuple[Scope, ...]:
    """What an open order is found by."""
    if isinstance(order, OfferReceived):
        return ((ANY, order.provider_id),)
    return (ANY, order.beneficiary_id), (order.programme_id, ANY), (order.programme_id, order.beneficiary_id)


def _place_of(order_id: str) -> tuple[int, int]:
    """The entry that received an order, and the command in it."""
    _, index, item = order_id.rsplit("-", 2)
    return int(index), int(item)


def owner_of(order: OfferReceived | BidReceived) -> str:
    """The party whose order it is."""
    return order.provider_id if isinstance(order, OfferReceived) else order.beneficiary_id
