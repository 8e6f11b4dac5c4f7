"""On generated flows the matching decider breaks no term of any order, agrees with itself on the naive book, replays.

Two deciders get the same causes, one of them on `NaiveBook`, the executable statement of the rules: everything
received, admitted, traded, prevented, ended or refused must be the same in both, event by event. The `Market` counts
the nodes, checks each trade against the terms of both sides and that deciding writes nothing (see
`tests.matching.world`). Bounds are small, so that passes and sweeps are cut short often. As the runner does, a
pass that is not over is continued before anything else.

Under version 2 of the rules the same flow ends the same for any bound of one entry. From version 8 on no pair that fits
rests once all that is due is done, and every trade is with the best pair of its moment: the naive book says both of all
pairs that rest, and knows of no pass.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from counterfoil.audit.meetings import fitting
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.rule_fields import Rules
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderListed, ProviderReinstated, ProviderSuspended
from counterfoil.matching.amendment_events import BidAmendmentRequested, OfferAmendmentRequested
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer, PlaceBid, PostOffer
from counterfoil.matching.events import BidReceived, MatchPrevented, OfferReceived, TradeMatched
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.passes import pass_at
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.state import ANY, MatchingState
from tests.given import Scenario
from tests.matching.world import (
    BID,
    DECIDER,
    OFFER,
    PERFORMANCE_BID,
    REQUIRE,
    WORLD,
    YUAN,
    B,
    Market,
    T,
    accelerator,
    amendment_funded,
    bond_held,
    described,
    hold_placed,
    hold_refused,
    joins,
    party,
    programme,
)
from tests.state_root import state_root

STP = ("taker", "maker", "both")
DATES = (None, None, None, 1, 3, 6)  # hours from now, for GTD
OFFERS: dict[str, Sequence[Any]] = {
    "provider": ("gpu-1", "gpu-1", "gpu-2", "gpu-3", "gpu-x"),
    "class_id": ("a100", "a100", "h100"),
    "region": ("east", "east", "west"),
    "currency": ("CNY",) * 7 + ("EUR",),
    "nodes": (1, 2, 3, 5),
    "start": (0, 0, 2, 5, 9),
    "length": (1, 3, 6, 12),
    "price": (12, 13, 14, 15),
    "min_nodes": (1, 1, 2),
    "min_hours": (1, 1, 2),
    "tif": ("GTC", "GTC", "GTC", "IOC"),
    "date": DATES,
    "stp": STP,
}
BIDS: dict[str, Sequence[Any]] = {
    "beneficiary": ("lab-1", "lab-1", "lab-2", "lab-x"),
    "programme_id": ("p1",) * 7 + ("p2",),
    "classes": (("a100",), ("a100",), ("h100",), ("h100", "a100")),
    "regions": (("east",), ("east", "west")),
    "nodes": (1, 2, 4, 7),
    "hours": (1, 2, 3, 6),
    "start": (0, 0, 3, 8),
    "slack": (0, 4, 12),
    "limit_price": (12, 13, 14, 15),
    "partial": (True, True, False),
    "min_nodes": (1, 1, 2),
    "tif": ("GTC", "GTC", "GTC", "IOC", "FOK"),
    "date": DATES,
    "post_only": (False, False, False, True),
    "stp": STP,
}
CHANGES: dict[str, Sequence[Any]] = {
    "which": tuple(range(12)),
    "by": (None, None, 1, 2),
    "price": (None, None, 12, 13, 14, 15),
}


OPERATOR = party("op", "operator")
HALTS = ((None, None, None), ("a100", None, None), ("a100", "east", None), (None, None, "gpu-1"))
GROUPS = ("related", "related", "lab-x", "city")
"""Of a beneficiary: that of a provider, none, that of the issuer."""


FAST, SLOW = 300_000, 200_000  # milli-TFLOPS: at 50 per PFLOP-hour limits of 15 and 10, at 60 of 18 and 12
PERFORMANCE: dict[str, Sequence[Any]] = {
    **{name: values for name, values in BIDS.items() if name not in ("classes", "limit_price", "programme_id")},
    "programme_id": ("p1",),
    "limit_price": (45, 50, 60, 65, 70),
    "require": (REQUIRE, REQUIRE, replace(REQUIRE, min_mtflops=FAST), replace(REQUIRE, classes=("a100",))),
}


def drawn(choices: dict[str, Sequence[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """One of each."""
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


def offer_of(terms: dict[str, Any], now: int) -> tuple[PostOffer, str]:
    """The command and its actor, of terms as drawn."""
    own = dict(terms)
    provider, start, length, date = (own.pop(name) for name in ("provider", "start", "length", "date"))
    own |= {"price": own["price"] * YUAN, "window_start": B + start, "window_end": B + start + length}
    return replace(OFFER, **own | dated(own["tif"], date, now)), provider


def bid_of(terms: dict[str, Any], now: int) -> tuple[PlaceBid | PlacePerformanceBid, str]:
    """The command and its actor, likewise."""
    usual: Any = PERFORMANCE_BID if "require" in terms else BID
    own = dict(terms)
    beneficiary, start, slack, date = (own.pop(name) for name in ("beneficiary", "start", "slack", "date"))
    own |= {"limit_price": own["limit_price"] * YUAN, "earliest": B + start, "latest": B + start + slack}
    return replace(usual, **own | dated(own["tif"], date, now)), beneficiary


def dated(tif: str, hours: int | None, now: int) -> dict[str, Any]:
    """GTD instead of GTC if there is a date."""
    return {} if hours is None or tif != "GTC" else {"tif": "GTD", "good_until": now + hours * HOUR}


AMENDED = (BidAmendmentRequested, OfferAmendmentRequested)
ASKED = (OfferReceived, BidReceived, *AMENDED)
"""What the ledger answers."""


class Goal(Scenario):
    """The twin; where no pair that fits may rest, each trade is with the best of all that do at its moment."""

    def _apply(self, decision: Sequence[Event] | Refusal, here: At) -> Self:
        state = self.state
        if isinstance(decision, Refusal) or not state.rules.uncrosses:
            return super()._apply(decision, here)
        if any(isinstance(each, MatchPrevented) for each in decision):
            return super()._apply(decision, here)  # what is prevented comes behind the trades, whenever it happened
        now = pass_at(self.judged_at(here.time), state.rules)
        for event in decision:
            if isinstance(event, TradeMatched):
                bid, offer = next(state.book.fitting(now, anew=bool(state.uncrossing) and not state.continuing))
                assert (bid.bid_id, offer.offer_id) == (event.bid_id, event.offer_id)
            super()._apply([event], here)
        self.last = decision
        return self

    def judged_at(self, time: int) -> int:
        """When the pass began that is not over, or now."""
        begun = (each.began for each in self.state.uncrossing.values())
        return min([*self.state.continuing.values(), *begun], default=time)


class Twins:
    """The market, its twin on the naive book, and a ledger that answers when it is asked to."""

    def __init__(self, rules: Rules) -> None:
        self.market = Market(OPERATOR, rules=rules)
        self.twin = Goal(DECIDER, time=T - 1_000)
        self.twin.state = MatchingState(NAIVE_PTW_1)
        self.twin.state.rules = rules
        self.pause = self.steps = self.crossed = 0
        for event in (*WORLD, OPERATOR):
            self.twin.reacts_to(event)
        self.waiting: list[Any] = []
        self.now = T
        self.versions = self.programmes = self.classes = 1
        if not rules.separates_duties:
            self.regroup("related")

    def both(self, what: str, *arguments: Any) -> None:
        """A step, and the pass that it began to its end: nothing is decided before that, over however many entries."""
        self._step(what, *arguments)
        while (due := DECIDER.due(self.market.state)) is not None and due[0] == 0:
            self.now, self.pause = self.now + self.pause, 0
            self._step("fires", due[1])
        if self.market.state.rules.uncrosses:
            now = pass_at(self.market.time, self.market.state.rules)
            assert next(self.twin.state.book.fitting(now), None) is None
        elif self.steps % 8 == 0:  # pairs that fit may rest: an audit would find the same ones
            now = pass_at(self.market.time, self.market.state.rules)
            crossed = {(bid.bid_id, offer.offer_id) for bid, offer in self.twin.state.book.fitting(now)}
            assert set(fitting(self.market.state, self.market.time)) == crossed
            self.crossed += len(crossed)

    def _step(self, what: str, *arguments: Any) -> None:
        """The same step in both; they must decide the same and then be the same."""
        self.now = max(self.now, self.market.time + 1)
        for each in (self.market, self.twin):
            getattr(each, what)(*arguments, self.now)
        assert self.market.last == self.twin.last
        self.steps += 1
        if self.steps % 4 == 0:  # a digest costs as much as some steps
            assert self.market.state.book.digest() == self.twin.state.book.digest()
        assert DECIDER.due(self.market.state) == DECIDER.due(self.twin.state)
        if isinstance(self.market.last, Sequence):
            self.waiting += [each for each in self.market.last if isinstance(each, ASKED)]

    def post(self, terms: dict[str, Any]) -> None:
        """An offer."""
        self.both("when", *offer_of(terms, self.now))

    def place(self, terms: dict[str, Any]) -> None:
        """A bid."""
        self.both("when", *bid_of(terms, self.now))

    def answer(self, which: int, placed: bool, newest: bool = False) -> None:
        """The ledger answers one of the orders it was told of; its vouchers are of the first version or the last."""
        order = self.waiting.pop(which % len(self.waiting))
        if isinstance(order, AMENDED):
            purpose = "bid" if isinstance(order, BidAmendmentRequested) else "bond"
            self.both("reacts_to", amendment_funded(order) if placed else hold_refused(order.amendment_id, purpose))
        elif isinstance(order, OfferReceived):
            self.both("reacts_to", bond_held(order) if placed else hold_refused(order.offer_id, "bond"))
        else:
            version = self.programmes if newest and order.programme_id == "p1" else 1
            self.both("reacts_to", hold_placed(order, version) if placed else hold_refused(order.bid_id, "bid"))

    def change(self, change: dict[str, Any]) -> None:
        """Amend an open order, or cancel it if neither a quantity nor a price is drawn."""
        state, by = self.market.state, change["by"]
        price = None if change["price"] is None else change["price"] * YUAN
        ids = sorted([*state.offers, *state.bids], key=lambda each: each.rpartition("-")[0][::-1])  # both alike
        if not ids:
            return
        order_id = ids[change["which"] % len(ids)]
        cancels = by is None and price is None
        if order_id in state.bids:
            amendment = AmendBid(bid_id=order_id, reduce_nodes_by=by, limit_price=price)
            owner = state.bids[order_id].beneficiary_id
            self.both("when", CancelBid(bid_id=order_id) if cancels else amendment, owner)
        else:
            change_it = AmendOffer(offer_id=order_id, reduce_nodes_by=by, price=price)
            owner = state.offers[order_id].provider_id
            self.both("when", CancelOffer(offer_id=order_id) if cancels else change_it, owner)

    def wait(self, time: int) -> None:
        """Time advances; what has ended is not swept yet."""
        self.now += time

    def fire(self) -> None:
        """The timer that is due, if one is."""
        due = DECIDER.due(self.market.state)
        if due is not None and due[0] <= self.now:
            self.both("fires", due[1])
            assert self.market.last, "a timer that is due has something to do"

    def run_out(self) -> None:
        """So much time that every order has ended."""
        self.wait(36 * HOUR)
        while (due := DECIDER.due(self.market.state)) is not None:
            self.now = max(self.now, due[0])
            self.fire()
        assert not self.market.state.offers
        assert not self.market.state.bids

    def news(self, which: int) -> None:
        """From issuance: a listing, its suspension or the end of it, another class, or other terms."""
        listing = ProviderListed(programme_id=("p1", "p2")[which % 2], provider_id=("gpu-3", "gpu-1")[which % 2])
        event: Event = listing
        if which == 2:
            of = {"programme_id": "p1", "provider_id": "gpu-1", "reason": "why"}
            is_listed = self.market.state.listed["p1", "gpu-1"] == "listed"
            event = ProviderSuspended(**of) if is_listed else ProviderReinstated(**of)
        if which == 3:
            self.versions += 1
            event = accelerator("h100", 8 if self.versions % 2 else 4, self.versions)
        if which >= 6:
            self.classes += 1
            event = described(
                ("a100", "h100")[which - 6], self.classes, bf16_mtflops_attested=FAST if which == 7 else SLOW
            )
        if which == 5:
            self.programmes += 1
            event = programme("p1", version=self.programmes, valid_until=self.now + HOUR)
        if which == 4:
            self.programmes += 1
            less: dict[str, Any] = {} if self.programmes % 2 else {"classes": ("a100",), "regions": ("east",)}
            event = programme("p1", version=self.programmes, report_within_seconds=3_600 + self.programmes, **less)
        self.both("reacts_to", event)

    def halt(self, scope: tuple[str | None, str | None, str | None]) -> None:
        """That is halted, or is no longer."""
        halted = tuple(each or ANY for each in scope) in self.market.state.halts
        of = dict(zip(("class_id", "region", "provider_id"), scope, strict=True))
        body = (ResumeTrading if halted else HaltTrading)(**of, reason="why")
        self.both("when", body, OPERATOR.party_id)

    def regroup(self, group_id: str) -> None:
        """A beneficiary joins the group of a provider, or of the issuer, or leaves it."""
        self.both("reacts_to", joins("lab-x", group_id))

    def replay(self) -> None:
        """The events alone make the same state."""
        assert self.market.records() == self.twin.records()
        again = self.market.replayed()
        assert list(DECIDER.records(again)) == list(DECIDER.records(self.market.state))
        assert state_root(DECIDER.records(again)) == state_root(DECIDER.records(self.twin.state))
        assert DECIDER.due(again) == DECIDER.due(self.market.state)


DIFFERENT = (1, 2, LATEST)
"""The versions in which matching decides differently."""


def small_bounds(version: int) -> Rules:
    """Two matches or preventions to an entry, two endings to a sweep, three bids that meet the offers anew."""
    return replace(RULES[version], max_matches_per_entry=2, max_items_per_sweep=2, max_bids_tried_per_entry=3)


class Flow(RuleBasedStateMachine):
    """Any sequence of it, under a ledger that places every hold at once, or answers late and sometimes refuses."""

    @initialize(obliging=st.booleans(), version=st.sampled_from(DIFFERENT))
    def start(self, obliging: bool, version: int) -> None:
        self.twins, self.obliging = Twins(small_bounds(version)), obliging

    def _obliged(self) -> None:
        while self.obliging and self.twins.waiting:
            self.twins.answer(0, placed=True)

    @rule(terms=drawn(OFFERS))
    def post(self, terms: dict[str, Any]) -> None:
        self.twins.post(terms)
        self._obliged()

    @rule(terms=drawn(BIDS))
    def place(self, terms: dict[str, Any]) -> None:
        self.twins.place(terms)
        self._obliged()

    @precondition(lambda self: self.twins.waiting)
    @rule(which=st.integers(0, 5), placed=st.sampled_from((True, True, True, False)), newest=st.booleans())
    def answer(self, which: int, placed: bool, newest: bool) -> None:
        self.twins.answer(which, placed, newest)

    @rule(change=drawn(CHANGES))
    def change(self, change: dict[str, Any]) -> None:
        self.twins.change(change)
        self._obliged()

    @rule(time=st.sampled_from((1, HOUR // 2, HOUR, 3 * HOUR)))
    def wait(self, time: int) -> None:
        self.twins.wait(time)

    @rule(time=st.sampled_from((HOUR // 2, 3 * HOUR)))
    def be_interrupted(self, time: int) -> None:
        self.twins.pause = time

    @rule()
    def fire(self) -> None:
        self.twins.fire()

    @precondition(lambda self: self.twins.market.in_force.max_floor_prices)
    @rule(terms=drawn(PERFORMANCE), which=st.sampled_from((0, 0, 6, 7)))
    def place_by_performance(self, terms: dict[str, Any], which: int) -> None:
        if which:
            self.twins.news(which)
        self.twins.place(terms)
        self._obliged()

    @rule(which=st.integers(0, 5))
    def news(self, which: int) -> None:
        self.twins.news(which)

    @precondition(lambda self: self.twins.market.state.rules.amends_in_place)
    @rule(scope=st.sampled_from(HALTS))
    def halt(self, scope: tuple[str | None, str | None, str | None]) -> None:
        self.twins.halt(scope)

    @rule(group_id=st.sampled_from(GROUPS))
    def regroup(self, group_id: str) -> None:
        self.twins.regroup(group_id)

    def teardown(self) -> None:
        if hasattr(self, "twins"):
            self.twins.replay()


TestFlow = Flow.TestCase
TestFlow.settings = settings(stateful_step_count=50)  # as many examples as the profile says


def one_of(chance: random.Random, choices: dict[str, Sequence[Any]]) -> dict[str, Any]:
    """One of each."""
    return {name: chance.choice(values) for name, values in choices.items()}


def long_flow(seed: int, version: int) -> Twins:
    """Seeded, long enough for every kind of thing to happen."""
    chance = random.Random(seed)
    twins = Twins(small_bounds(version))
    for _ in range(500):
        match chance.randrange(36):
            case 0 | 1 | 2 | 3 | 4 | 5:
                twins.post(one_of(chance, OFFERS))
            case 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13:
                twins.place(one_of(chance, BIDS))
            case 14 if RULES[version].max_floor_prices:
                if chance.random() < 0.3:
                    twins.news(6 + chance.randrange(2))
                twins.place(one_of(chance, PERFORMANCE))
            case 14 | 15 | 16:
                twins.change(one_of(chance, CHANGES))
            case 17:
                twins.wait(chance.choice((1, HOUR // 2, HOUR)))
                twins.pause = chance.choice((0, HOUR))
            case 18 | 19 | 20:
                twins.fire()
            case 21:
                twins.news(chance.randrange(6))
            case 22 if RULES[version].separates_duties:
                twins.regroup(chance.choice(GROUPS))
            case _ if twins.waiting:
                twins.answer(chance.randrange(3), chance.random() < 0.9, chance.random() < 0.5)
            case _:
                pass
    return twins


@pytest.mark.parametrize("version", DIFFERENT)
def test_a_long_flow_meets_everything(version: int) -> None:
    """Every kind of event with every reason happens, under each version."""
    seen: dict[str, int] = {}
    crossed = 0
    for seed in range(8):
        twins = long_flow(seed, version)
        crossed += twins.crossed
        twins.replay()
        twins.run_out()  # seldom does the last gate of a bid close before that
        for event, _ in twins.market.history:
            name = type(event).__name__
            for kind in (name, f"{name}/{getattr(event, 'reason', None) or getattr(event, 'mode', None)}"):
                seen[kind] = seen.get(kind, 0) + 1
    assert seen["TradeMatched"] > 100
    assert seen["MatchContinued"] > 4
    assert (seen.get("PerformanceRequired", 0) > 20) is bool(RULES[version].max_floor_prices)
    reasons = {kind.partition("/")[2] for kind in seen if "Closed/" in kind}
    assert reasons == {
        "cancelled", "expired", "gate_closed", "hold_refused", "bond_refused", "immediate_or_cancel",
        "not_fillable", "would_match", "not_in_programme",
        *(["programme_not_open"] if version in range(2, 6) else []),
        *([] if RULES[version].amends_in_place else ["replaced"]),
        "duties_not_separate" if RULES[version].separates_duties else "self_trade",
    }  # fmt: skip
    modes = () if RULES[version].separates_duties else STP  # related parties seldom have orders in one programme there
    assert {kind for kind in seen if kind.startswith("MatchPrevented/")} == {f"MatchPrevented/{mode}" for mode in modes}
    assert seen["OfferReduced"] > 0 < seen["BidReduced"]
    amended = {kind for kind in seen if "Amend" in kind and "None" not in kind}
    failed = ("", "/hold_refused", "/bond_refused")
    made = {"BidAmended", "OfferAmended", "BidAmendmentRequested", "OfferAmendmentRequested"}
    assert amended >= made | {f"AmendmentFailed{each}" for each in failed} if version == LATEST else not amended
    assert (seen.get("UncrossingContinued", 0) > seen.get("UncrossingBegun", 0) > 4) is RULES[version].uncrosses
    assert (crossed > 0) is not RULES[version].uncrosses


# the bound of one entry -----------------------------------------------------------------------------------------------

STEP = 60_000_000  # microseconds; however many entries a step takes, the next step comes at its own time
LARGER: dict[str, dict[str, Sequence[Any]]] = {
    "offer": {**OFFERS, "class_id": ("a100",), "region": ("east",), "nodes": (1, 2, 3, 8), "length": (3, 6, 12, 24)},
    "bid": {**BIDS, "nodes": (1, 4, 9, 16), "hours": (1, 1, 2, 3), "partial": (True, True, True, False)},
}


class Bounded:
    """A seeded flow under version 2 with a bound, in which orders go by the number of their coming."""

    def __init__(self, seed: int, bound: int) -> None:
        self.chance = random.Random(seed)
        self.market = Market(rules=replace(RULES[2], max_matches_per_entry=bound))
        self.ids: list[str] = []
        self.entries = 0
        for step in range(60):
            self._step(T + (step + 1) * STEP)

    def _step(self, now: int) -> None:
        market, chance = self.market, self.chance
        while (due := DECIDER.due(market.state)) is not None and due[0] <= now:
            market.fires(due[1], now)
        which, kind = chance.randrange(60), chance.choice(("offer", "bid", "bid", "cancel"))
        if kind == "cancel":
            order_id = self.ids[which % len(self.ids)] if self.ids else ""
            if order_id in market.state.bids:
                market.when(CancelBid(bid_id=order_id), market.state.bids[order_id].beneficiary_id, now + 1)
            elif order_id in market.state.offers:
                market.when(CancelOffer(offer_id=order_id), market.state.offers[order_id].provider_id, now + 1)
            return
        terms = one_of(chance, LARGER[kind])
        body, actor = (offer_of if kind == "offer" else bid_of)(terms, now)
        market.when(body, actor, now + 1)
        if isinstance(market.last, Sequence):
            received: Any = market.last[0]
            self.ids.append(received.offer_id if isinstance(received, OfferReceived) else received.bid_id)
            market.hold(self.ids[-1], now + 2)
            self.entries += 1 + len(market.continues())

    def outcome(self) -> dict[str, object]:
        """Every trade and prevention in order, the end of every order, and what is left of those that are open."""
        number = {order_id: nth for nth, order_id in enumerate(self.ids)}
        tally, book = self.market.tally, self.market.state.book
        trades = [
            (number[t.bid_id], number[t.offer_id], t.taker, t.nodes, t.first_hour, t.price, t.bid_nodes_left)
            for t in tally.trades.values()
        ]
        prevented = [
            (number[event.bid_id], number[event.offer_id], event.mode)
            for event, _ in self.market.history
            if isinstance(event, MatchPrevented)
        ]
        resting = {number[record[1]]: record[-1] for record in book.records()}
        closed = {number[order_id]: reason for order_id, reason in tally.closed.items()}
        return {"trades": trades, "prevented": prevented, "closed": closed, "resting": resting}


def test_the_bound_of_one_entry_decides_no_outcome() -> None:
    """Under version 2 the same orders trade, rest and end the same for the bounds 1, 3 and more than there is."""
    cut = trades = 0
    for seed in range(12):
        flows = [Bounded(seed, bound) for bound in (1, 3, 1_000_000)]
        trades += len(flows[-1].market.tally.trades)
        for flow in flows[:-1]:
            assert flow.outcome() == flows[-1].outcome()
        cut += flows[0].entries - flows[-1].entries
    assert cut > 40
    assert trades > 120
