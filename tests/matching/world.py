"""A small market: who takes part, orders to vary, and a scenario that counts every node of every order as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Self

from counterfoil.accelerators import bundled_class
from counterfoil.contract.accelerators import ClassLimit, Requirement
from counterfoil.contract.events import GroupAttested, PartyRegistered, ProgrammePublishedV1
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import FixedExpiry, Rate
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.at import At
from counterfoil.core.rule_fields import Rules
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.issuance.events import (
    ClassRegisteredV1,
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.ledger.amendment_events import AmendmentFunded
from counterfoil.ledger.events import BondHeld, HoldPlaced, HoldRefused
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)
from counterfoil.matching.auction_events import AuctionOrderEntered, TradeCleared
from counterfoil.matching.commands import PlaceBid, PostOffer
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
    UncrossingBegun,
    UncrossingContinued,
)
from counterfoil.matching.halt_events import TradingResumed
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired
from counterfoil.matching.service import SERVICE
from counterfoil.matching.state import ANY, MatchingState
from counterfoil.matching.times import floor_hour
from tests.documents import document
from tests.documents import published as as_document
from tests.given import Scenario
from tests.programmes import changed, published
from tests.snapshots import snapshot
from tests.state_data import unwatched

DECIDER = SERVICE.decider
CACHES = ("RestingOffer._starts", "Ladder._unions", "Ladder._origin", "Positions._rooms")
"""Searches write to these; they change no answer."""
IN_FORCE = LATEST  # version of the rules, unless a market says which
H = 277_778  # the hour at which `T` falls
T = H * HOUR
B = H + 10  # the first hour of the orders below
YUAN = 1_000_000
_SMALL = 4  # open orders up to which a state is compared before and after every step, larger ones less often


def party(party_id: str, role: Any, group: str | None = None) -> PartyRegistered:
    """A party, in a group of its own unless said otherwise."""
    return PartyRegistered(party_id=party_id, name=party_id, roles=(role,), group_id=group or party_id)


def joins(party_id: str, group_id: str, since: int = T) -> GroupAttested:
    """The party belongs to a group from now on."""
    return GroupAttested(
        party_id=party_id, group_id=group_id, since=since, source="register", attested_by="op", group_after=group_id
    )


def accelerator(class_id: str, gpus_per_node: int, version: int = 1) -> ClassRegisteredV1:
    """A class of which only the size of its nodes matters."""
    return ClassRegisteredV1(
        class_id=class_id, version=version, description=class_id, mem_mb=81_920, gpus_per_node=gpus_per_node,
        bf16_mtflops_nominal=None, bf16_mtflops_attested=None, interconnect=None, sources=(),
    )  # fmt: skip


def programme(programme_id: str, **changes: Any) -> ProgrammePublishedV1:
    """A programme in force from a day before `T` for 900 days, unless changed."""
    usual = published(
        programme_id,  title="Vouchers",
        legal_basis="Notice 1", currency="CNY", share=Rate(num=1, den=2), beneficiary_cap=10**15,
        classes=("a100", "h100", "l40s"), regions=("east", "west"), valid_from=T - DAY, valid_until=T + 900 * DAY,
        expiry=FixedExpiry(kind="fixed", at=T + 1_000 * DAY), recycle="appropriation", hold_tolls_expiry=True,
        report_within_seconds=3_600, dispute_window_seconds=7_200,
    )  # fmt: skip
    return changed(usual, **changes)


def described(class_id: str, version: int = 1, **changes: Any) -> ClassRegistered:
    """A class that bids by performance can admit, in nodes of 8, unless changed."""
    body = bundled_class("a100-80-sxm", class_id, version)
    known = ClassRegistered(**{each.name: getattr(body, each.name) for each in fields(body)})
    return replace(known, **changes)


WORLD: tuple[Event, ...] = (
    party("gpu-1", "provider"),
    party("gpu-2", "provider"),
    party("gpu-3", "provider"),  # not listed
    party("gpu-x", "provider", "related"),
    party("lab-1", "beneficiary"),
    party("lab-2", "beneficiary"),
    party("lab-x", "beneficiary"),  # becomes related to gpu-x once its bids are received
    accelerator("a100", 8),
    accelerator("h100", 8),
    accelerator("l40s", 1),
    accelerator("b200", 8),  # no programme pays for it
    programme("p1"),
    programme("p2"),
    *as_document(document(id="claimed", redemption={"model": "APPLY_THEN_CLAIM", "claimant": "BENEFICIARY"})),
    *(ProviderListed(programme_id="p1", provider_id=name) for name in ("gpu-1", "gpu-2", "gpu-x")),
)
OFFER = PostOffer(
    class_id="a100", region="east", currency="CNY", nodes=4, window_start=B, window_end=B + 24, price=14 * YUAN,
    min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
)  # fmt: skip
BID = PlaceBid(
    programme_id="p1", voucher_ids=(), classes=("a100",), regions=("east",), nodes=2, hours=6, earliest=B,
    latest=B + 18, limit_price=15 * YUAN, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False,
    stp="taker",
)  # fmt: skip

REQUIRE = Requirement(
    gpus_per_node=8, classes=(), min_mtflops=0, min_mem_mb=0, min_allreduce=(), interconnects=(), origins=(),
    attested_only=False,
)  # fmt: skip
PERFORMANCE_BID = PlacePerformanceBid(
    require=REQUIRE, **{each.name: getattr(BID, each.name) for each in fields(BID) if each.name != "classes"}
)


def bond_held(offer: OfferReceived) -> BondHeld:
    """The ledger's event that the offer may enter the book."""
    return BondHeld(
        hold_id=offer.offer_id, provider_id=offer.provider_id, currency=offer.currency, amount=offer.bond,
        price=offer.price, bps=offer.bond_bps, legs=(),
    )  # fmt: skip


def hold_placed(bid: BidReceived, version: int = 1) -> HoldPlaced:
    """The ledger's event that the bid may enter the book, paid for by vouchers of this version of its programme."""
    return HoldPlaced(
        hold_id=bid.bid_id, party_id=bid.beneficiary_id, programme_id=bid.programme_id, version=version,
        currency=bid.currency, nodes=bid.nodes, cost_per_node=bid.cost_per_node, partial=bid.partial, vouchers=(),
        cash=bid.cost_per_node * bid.nodes, legs=(),
    )  # fmt: skip


def amendment_funded(asked: BidAmendmentRequested | OfferAmendmentRequested) -> AmendmentFunded:
    """The ledger's event that the order may have the other price."""
    of_bid = isinstance(asked, BidAmendmentRequested)
    return AmendmentFunded(
        amendment_id=asked.amendment_id, purpose="bid" if of_bid else "offer",
        hold_id=asked.bid_id if isinstance(asked, BidAmendmentRequested) else asked.offer_id,
        cost=asked.cost_per_node if isinstance(asked, BidAmendmentRequested) else asked.price, needed_vouchers=0,
        needed_cash=0, vouchers=(), cash=0, legs=(),
    )  # fmt: skip


def hold_refused(order_id: str, purpose: Any) -> HoldRefused:
    """The ledger's event that there are no funds."""
    return HoldRefused(
        hold_id=order_id, purpose=purpose, party_id="lab-1", programme_id=None, currency="CNY",
        code=Code.EXCEEDS_AVAILABLE, lacking=(),
    )  # fmt: skip


class Tally:
    """Where the nodes of every order went, counted from the events alone, and whether each trade was allowed."""

    def __init__(self, rules: Rules) -> None:
        self.in_force = rules
        self.offers: dict[str, OfferReceived] = {}
        self.bids: dict[str, BidReceived] = {}
        self.executed: dict[str, int] = {}
        self.reduced: dict[str, int] = {}
        self.closed: dict[str, str] = {}
        self.priority: dict[str, int] = {}
        self.sold: dict[tuple[str, int], int] = {}
        self.listed: set[tuple[str, str]] = set()
        self.trades: dict[str, TradeMatched] = {}
        self.asked: set[str] = set()  # amendments that are not decided
        self.running: dict[str, int] = {}  # order whose pass is not over -> time at which it began
        self.uncrossing: int | None = None  # the same of bids that meet all offers anew
        self.met: dict[int, int] = {}  # entry in which they did -> that time
        self.continued: dict[str, int] = {}  # the same of all, the last of each
        self.rules: dict[tuple[str, int], ProgrammePublishedV1] = {}
        self.groups: dict[str, str] = {}
        self.paid_by: dict[str, int] = {}  # bid -> version of the vouchers
        self.limits: dict[tuple[str, str], ClassLimit] = {}  # of bids by performance: (bid, class)
        self.versions: dict[str, int] = {}  # offer -> version of its class
        self.auctioned: set[str] = set()  # orders of auctions, which are in no book

    def count(self, event: Event, at: At) -> None:  # noqa: C901
        """One more event."""
        self._names_versions(event)
        match event:
            case PartyRegistered() | GroupAttested():
                self.groups[event.party_id] = event.group_id
            case ProgrammePublishedV1():
                self.rules[event.programme_id, event.version] = event
            case ProviderListed() | ProviderReinstated():
                self.listed.add((event.programme_id, event.provider_id))
            case ProviderSuspended() | ProviderDelisted():
                self.listed.discard((event.programme_id, event.provider_id))
            case OfferReceived():
                assert event.offer_id not in self.offers
                self.offers[event.offer_id] = event
            case BidReceived():
                assert event.bid_id not in self.bids
                self.bids[event.bid_id] = event
            case OfferAdmitted():
                self.priority[event.offer_id] = at.index
            case BidAdmitted():
                self.priority[event.bid_id] = at.index
                self.paid_by[event.bid_id] = event.version
                bid, rules = self.bids[event.bid_id], self.rules_of(event.bid_id)
                assert rules.terms.allows(bid.classes, bid.regions)
            case OfferReduced():
                self.reduced[event.offer_id] = self.reduced.get(event.offer_id, 0) + event.reduced_by
            case BidReduced():
                gone = self.bids[event.bid_id].nodes - self.executed.get(event.bid_id, 0) - event.nodes_left
                self.reduced[event.bid_id] = gone
            case BidClosed() | OfferClosed():
                order_id = event.bid_id if isinstance(event, BidClosed) else event.offer_id
                assert order_id not in self.closed
                self.closed[order_id] = event.reason
                self.running.pop(order_id, None)
            case (
                BidAmended() | OfferAmended() | AmendmentFailed() | BidAmendmentRequested() | OfferAmendmentRequested()
            ):
                self._amendment(event, at)
            case MatchContinued() | UncrossingBegun() | UncrossingContinued() | TradingResumed():
                self._continued(event, at)
            case AuctionOrderEntered():
                self.auctioned.add(event.order_id)
            case TradeCleared():
                self._cleared(event)
            case TradeMatched():
                self._trade(event, at)
            case MatchPrevented():
                assert self._related(self.bids[event.bid_id], self.offers[event.offer_id])
            case _:  # has no nodes
                pass

    def _amendment(self, event: Any, at: At) -> None:
        """What rests alone is amended, once for each time that it was asked for, and has a place of its own in line."""
        if isinstance(event, BidAmendmentRequested | OfferAmendmentRequested):
            self.asked.add(event.amendment_id)
            return
        self.asked.remove(event.amendment_id)
        if isinstance(event, AmendmentFailed):
            return
        assert at.index not in self.priority.values()
        if isinstance(event, BidAmended):
            bid, per_node = self.bids[event.bid_id], event.cost_per_node
            self.bids[event.bid_id] = replace(bid, limit_price=event.limit_price, cost_per_node=per_node)
        else:
            self.offers[event.offer_id] = replace(self.offers[event.offer_id], price=event.price)
        order_id = event.bid_id if isinstance(event, BidAmended) else event.offer_id
        assert order_id not in self.closed
        if order_id not in self.auctioned:
            self.priority[order_id] = at.index

    def _cleared(self, trade: TradeCleared) -> None:
        """A block counts with the last of its hours."""
        bid, offer = self.bids[trade.bid_id], self.offers[trade.offer_id]
        assert {bid.bid_id, offer.offer_id} <= self.auctioned
        assert not {bid.bid_id, offer.offer_id} & self.closed.keys()
        assert bid.partial or trade.nodes == bid.nodes
        for hour in range(trade.first_hour, trade.first_hour + trade.hours):
            assert offer.window_start <= hour < offer.window_end
            self.sold[offer.offer_id, hour] = self.sold.get((offer.offer_id, hour), 0) + trade.nodes
            assert self.sold[offer.offer_id, hour] <= offer.nodes
        if not trade.bid_hours_left:
            self.executed[bid.bid_id] = self.executed.get(bid.bid_id, 0) + trade.nodes

    def _continued(self, event: Any, at: At) -> None:
        """A pass that comes before what is left of another one is judged by the time of that."""
        if isinstance(event, TradingResumed | UncrossingBegun):
            if isinstance(event, TradingResumed) and not self._has_both_sides():
                return
            self.uncrossing = at.time if self.uncrossing is None else self.uncrossing
        elif isinstance(event, UncrossingContinued):
            self.met[at.index] = self.uncrossing or at.time
            self.uncrossing = self.met[at.index] if event.more else None
        elif not event.more:
            self.running.pop(event.order_id, None)
        elif event.order_id not in self.running:
            began = min(self.running.values(), default=at.time)
            self.running[event.order_id] = self.continued[event.order_id] = began
        if isinstance(event, MatchContinued) and self.in_force.continues_every_order:  # whichever of a pair takes
            self.met[at.index] = self.continued.get(event.order_id, at.time)

    def _has_both_sides(self) -> bool:
        """Whether a bid and an offer are open, of an auction or not."""
        bids = (each for each in self.bids.values() if each.bid_id not in self.closed)
        filled = (self.executed.get(each.bid_id, 0) + self.reduced.get(each.bid_id, 0) == each.nodes for each in bids)
        return not all(filled) and not self.offers.keys() <= self.closed.keys()

    def _names_versions(self, event: Event) -> None:
        if isinstance(event, OfferClassed):
            self.versions[event.offer_id] = event.class_version
        elif isinstance(event, PerformanceRequired):
            self.limits |= {(event.bid_id, each.class_id): each for each in event.limits}
            assert self.bids[event.bid_id].limit_price == max(each.limit_price for each in event.limits)

    def _related(self, bid: BidReceived, offer: OfferReceived) -> bool:
        return self.groups[bid.beneficiary_id] == self.groups[offer.provider_id]

    def _trade(self, trade: TradeMatched, at: At) -> None:
        bid, offer = self.bids[trade.bid_id], self.offers[trade.offer_id]
        assert trade.trade_id not in self.trades
        assert trade.trade_id.startswith(f"trd-{at.index}-{at.item}-")
        self.trades[trade.trade_id] = trade
        assert not {bid.bid_id, offer.offer_id} & self.closed.keys()
        assert {bid.bid_id, offer.offer_id} <= self.priority.keys()
        # class, region, currency, eligibility, groups, time
        assert trade.class_id == offer.class_id in bid.classes
        assert trade.region == offer.region in bid.regions
        assert trade.currency == offer.currency == bid.currency
        assert (trade.beneficiary_id, trade.provider_id) == (bid.beneficiary_id, offer.provider_id)
        assert (bid.programme_id, offer.provider_id) in self.listed
        assert not self._related(bid, offer)
        time = self._judged_at(trade, at)
        assert all(end is None or end > time for end in (bid.good_until, offer.good_until))
        # window
        first = max(bid.earliest, offer.window_start, floor_hour(time, self.in_force))
        assert first <= trade.first_hour <= bid.latest
        assert trade.first_hour + trade.hours <= offer.window_end
        assert offer.min_hours <= trade.hours == bid.hours
        # price: that of the order which was there first, unless a pass that was cut short continues
        later = "bid" if self.priority[bid.bid_id] > self.priority[offer.offer_id] else "offer"
        assert trade.taker == later or (bid.bid_id if later == "offer" else offer.offer_id) in self.continued
        named = self.limits.get((bid.bid_id, offer.class_id))
        assert named is None or named.version == self.versions[offer.offer_id]
        limit = bid.limit_price if named is None else named.limit_price
        assert trade.price == (offer.price if trade.taker == "bid" else limit)
        assert offer.price <= trade.price <= limit
        assert trade.gpus_per_node == offer.gpus_per_node == bid.gpus_per_node
        assert trade.notional == trade.price * trade.gpus_per_node * trade.nodes * trade.hours
        # terms: those that the vouchers were issued under, not by versions published later
        assert trade.version == self.rules_of(bid.bid_id).version
        # quantity
        left = bid.nodes - self.executed.get(bid.bid_id, 0) - self.reduced.get(bid.bid_id, 0)
        assert min(bid.min_nodes, left) <= trade.nodes <= left
        assert bid.partial or trade.nodes == left
        assert trade.nodes >= offer.min_nodes
        assert trade.bid_nodes_left == left - trade.nodes
        self.executed[bid.bid_id] = self.executed.get(bid.bid_id, 0) + trade.nodes
        if not trade.bid_nodes_left:
            self.running.pop(bid.bid_id, None)
        for hour in range(trade.first_hour, trade.first_hour + trade.hours):
            sold = self.sold[offer.offer_id, hour] = self.sold.get((offer.offer_id, hour), 0) + trade.nodes
            assert sold <= offer.nodes - self.reduced.get(offer.offer_id, 0)

    def _judged_at(self, trade: TradeMatched, at: At) -> int:
        """From version 2 on, all of a pass is judged by the time at which it began."""
        taker = trade.bid_id if trade.taker == "bid" else trade.offer_id
        if at.index in self.met:
            return self.met[at.index]
        return self.continued.get(taker, at.time) if self.in_force.continues_every_order else at.time

    def rules_of(self, bid_id: str) -> ProgrammePublishedV1:
        """The version that pays for an admitted bid."""
        return self.rules[self.bids[bid_id].programme_id, self.paid_by[bid_id]]

    def check(self, state: MatchingState) -> None:
        """Per bid: executed + resting + cancelled + prevented = submitted; per offer the same in every hour."""
        for bid_id, bid in self.bids.items():
            executed, reduced = self.executed.get(bid_id, 0), self.reduced.get(bid_id, 0)
            resting = state.book.bid(bid_id)
            if bid_id in self.closed or executed + reduced == bid.nodes:  # what was left is cancelled or prevented
                assert resting is None
                assert bid_id not in state.bids
                assert executed + reduced < bid.nodes or bid_id not in self.closed
            elif bid_id in self.auctioned:
                assert resting is None
                assert bid_id in state.bids
                assert 0 <= executed < bid.nodes
            elif bid_id in self.priority:
                assert resting is not None
                assert executed + resting.remaining + reduced == bid.nodes
            else:
                assert resting is None
                assert bid_id in state.bids
                assert executed == reduced == 0
        for offer_id, offer in self.offers.items():
            if offer_id in self.closed or offer_id not in self.priority:
                assert state.book.offer(offer_id) is None
                assert (offer_id in self.closed) == (offer_id not in state.offers)
                continue
            for first, hours, nodes in state.book.residual(offer_id):
                for hour in range(first, first + hours):
                    sold = self.sold.get((offer_id, hour), 0)
                    assert sold + nodes + self.reduced.get(offer_id, 0) == offer.nodes
        of_parties = [each for (of, _), orders in state.open_orders.items() if of == ANY for each in orders]
        assert sorted(of_parties) == sorted([*state.offers, *state.bids])
        assert all(state.open_orders.values())
        assert state.leaving.keys() <= state.open_orders.keys()


class Market(Scenario):
    """A scenario in the world above that checks the tally after every step, and that a refusal changes nothing."""

    def __init__(self, *more: Event, rules: int | Rules | None = None) -> None:
        self.in_force = rules if isinstance(rules, Rules) else RULES[rules or IN_FORCE]
        self.tally = Tally(self.in_force)
        self.history: list[tuple[Event, At]] = []
        self._unwatched = 0 if more else len(WORLD)  # steps that are not compared with the state before them
        self._watches = True
        super().__init__(DECIDER, time=T - 1_000)
        self._mirror.leave_out(self._unwatched)
        self.state.rules = self.in_force
        for event in (*WORLD, *more):
            self.reacts_to(event)

    def post(self, provider: str = "gpu-1", *, held: bool = True, at: int | None = None, **terms: Any) -> str:
        """An offer, its bond held a microsecond later unless not `held`; its id."""
        self.when(replace(OFFER, **terms), provider, at)
        assert isinstance(self.last, Sequence), self.last
        received: Any = self.last[0]
        if held:
            self.hold(received.offer_id)
        return str(received.offer_id)

    def place(
        self, beneficiary: str = "lab-1", *, held: bool = True, at: int | None = None, version: int = 1, **terms: Any
    ) -> str:
        """A bid, its funds held a microsecond later, from vouchers of `version`, unless not `held`; its id."""
        if beneficiary == "lab-x":
            self.reacts_to(joins(beneficiary, beneficiary))
        self.when(replace(BID, **terms), beneficiary, at).then_types(BidReceived)
        assert isinstance(self.last, Sequence)
        received: Any = self.last[0]
        if beneficiary == "lab-x":
            self.reacts_to(joins(beneficiary, "related"))
        if held:
            self.hold(received.bid_id, version=version)
        return str(received.bid_id)

    def hold(self, order_id: str, at: int | None = None, version: int = 1) -> Scenario:
        """The ledger holds what the order needs: it enters the book."""
        if order_id in self.state.bids:
            return self.reacts_to(hold_placed(self.state.bids[order_id], version), at)
        return self.reacts_to(bond_held(self.state.offers[order_id]), at)

    def trades(self) -> list[tuple[str, str, int, int, int]]:
        """The trades of the last step as (bid, offer, nodes, first hour counted from `B`, price in yuan)."""
        assert isinstance(self.last, Sequence)
        return [
            (each.bid_id, each.offer_id, each.nodes, each.first_hour - B, each.price // YUAN)
            for each in self.last
            if isinstance(each, TradeMatched)
        ]

    def continues(self) -> list[TradeMatched]:
        """Fire continuations until the pass is over, as the runner does before anything else; its trades."""
        trades: list[TradeMatched] = []
        while DECIDER.due(self.state) == (0, "continue_matching"):
            self.fires("continue_matching", 0)
            assert isinstance(self.last, Sequence)
            trades += [event for event in self.last if isinstance(event, TradeMatched)]
        return trades

    def unwatch(self) -> None:
        """Nor before them, and after refusals; what the tally checks after every step, it checks."""
        super().unwatch()
        self._watches = False

    def replayed(self) -> MatchingState:
        """A state folded from nothing but the events so far."""
        state: MatchingState = DECIDER.initial()
        state.rules = self.in_force
        for event, at in self.history:
            DECIDER.evolve[type(event)](state, event, at)
        return state

    def _decide(self, decide: Callable[..., Any], *arguments: object) -> Any:
        """Deciding writes nothing to the state, down to its last private attribute; nor does reading what is due."""
        self._unwatched -= 1
        if self._unwatched >= 0 or not self._watches:
            return super()._decide(decide, *arguments)
        self._unwatched = unwatched((len(self.state.offers) + len(self.state.bids)) // _SMALL, self.state)
        before = snapshot(self.state, CACHES)
        decision = super()._decide(decide, *arguments)
        self.decider.due(self.state)
        assert snapshot(self.state, CACHES) == before
        return decision

    def _apply(self, decision: Sequence[Event] | Refusal, here: At) -> Self:
        refused = isinstance(decision, Refusal)
        before = self.records() if refused and self._watches else {}
        super()._apply(decision, here)
        if isinstance(decision, Refusal):
            if not self._watches:
                return self
            assert self.records() == before
            return self
        for event in decision:
            self.tally.count(event, here)
            self.history.append((event, here))
        if self.state.uncrossing and self.tally.uncrossing is None:  # since a halt, or a limit, is in the way no more
            self.tally.uncrossing = next(iter(self.state.uncrossing.values())).began or None
        self.tally.check(self.state)
        return self
