"""On generated flows the matching decider breaks no term of any order, agrees with itself on the naive book, replays.

Two deciders get the same causes, one of them on `NaiveBook`, the executable statement of the rules: whatever is
received, admitted, traded, prevented, ended or refused must be the same in both, event by event. The `Market` counts
the nodes and checks each trade against the terms of both sides (see `tests.matching.world`). Bounds are small,
so that passes and sweeps are cut short often.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from counterfoil.contract.record import Event
from counterfoil.contract.times import HOUR
from counterfoil.core.digest import state_root
from counterfoil.issuance.events import ProviderListed
from counterfoil.matching import decider as matching_module
from counterfoil.matching import state as market_module
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from counterfoil.matching.decider import DECIDER
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.state import State
from counterfoil.matching.naive_book import NaiveBook
from tests.given import Scenario
from tests.matching.world import (
    BID,
    OFFER,
    WORLD,
    YUAN,
    B,
    Market,
    T,
    accelerator,
    bond_held,
    hold_placed,
    hold_refused,
    programme,
)

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
    "price": (None, None, None, 13, 14),
}


def drawn(choices: dict[str, Sequence[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """One of each."""
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


class Twins:
    """The market, its twin on the naive book, and a ledger that answers when it is asked to."""

    def __init__(self) -> None:
        self.market = Market()
        self.twin = Scenario(DECIDER, time=T - 1_000)
        self.twin.state = State(NaiveBook)
        for event in WORLD:
            self.twin.reacts_to(event)
        self.waiting: list[Any] = []
        self.now = T
        self.versions = self.rules = 1

    def both(self, what: str, *arguments: Any) -> None:
        """The same step in both; they must decide the same and then be the same."""
        self.now = max(self.now, self.market.time + 1)
        for each in (self.market, self.twin):
            getattr(each, what)(*arguments, self.now)
        assert self.market.last == self.twin.last
        assert self.market.state.book.digest() == self.twin.state.book.digest()
        assert DECIDER.due(self.market.state) == DECIDER.due(self.twin.state)
        if isinstance(self.market.last, Sequence):
            self.waiting += [each for each in self.market.last if hasattr(each, "bond") or hasattr(each, "post_only")]

    def post(self, terms: dict[str, Any]) -> None:
        """An offer."""
        own = dict(terms)
        provider, start, length, date = (own.pop(name) for name in ("provider", "start", "length", "date"))
        own |= {"price": own["price"] * YUAN, "window_start": B + start, "window_end": B + start + length}
        self.both("when", replace(OFFER, **own | self.dated(own["tif"], date)), provider)

    def place(self, terms: dict[str, Any]) -> None:
        """A bid."""
        own = dict(terms)
        beneficiary, start, slack, date = (own.pop(name) for name in ("beneficiary", "start", "slack", "date"))
        own |= {"limit_price": own["limit_price"] * YUAN, "earliest": B + start, "latest": B + start + slack}
        self.both("when", replace(BID, **own | self.dated(own["tif"], date)), beneficiary)

    def dated(self, tif: str, hours: int | None) -> dict[str, Any]:
        """GTD instead of GTC if there is a date."""
        return {} if hours is None or tif != "GTC" else {"tif": "GTD", "good_until": self.now + hours * HOUR}

    def answer(self, which: int, placed: bool, newest: bool = False) -> None:
        """The ledger answers one of the orders it was told of; its vouchers are of the first version or the last."""
        order = self.waiting.pop(which % len(self.waiting))
        if isinstance(order, OfferReceived):
            self.both("reacts_to", bond_held(order) if placed else hold_refused(order.offer_id, "bond"))
        else:
            version = self.rules if newest and order.programme_id == "p1" else 1
            self.both("reacts_to", hold_placed(order, version) if placed else hold_refused(order.bid_id, "bid"))

    def change(self, change: dict[str, Any]) -> None:
        """Amend an open order, or cancel it if neither a quantity nor a price is drawn."""
        state, by = self.market.state, change["by"]
        price = None if change["price"] is None else change["price"] * YUAN
        ids = [*state.offers, *state.bids]
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
        """Time goes on; what has ended is not swept yet."""
        self.now += time

    def fire(self) -> None:
        """The timer that is due, if one is."""
        due = DECIDER.due(self.market.state)
        if due is not None and due[0] <= self.now:
            self.both("fires", due[1])
            assert self.market.last, "a timer that is due has something to do"

    def news(self, which: int) -> None:
        """From issuance: another listing, a class of another size, or rules that pay for less, or for all again."""
        listing = ProviderListed(programme_id=("p1", "p2")[which % 2], provider_id=("gpu-3", "gpu-1")[which % 2])
        event: Event = listing
        if which == 3:
            self.versions += 1
            event = accelerator("h100", 8 if self.versions % 2 else 4, self.versions)
        if which == 4:
            self.rules += 1
            less: dict[str, Any] = {} if self.rules % 2 else {"classes": ("a100",), "regions": ("east",)}
            event = programme("p1", version=self.rules, report_within_seconds=3_600 + self.rules, **less)
        self.both("reacts_to", event)

    def replay(self) -> None:
        """The events alone make the same state."""
        assert self.market.records() == self.twin.records()
        again = self.market.replayed()
        assert list(DECIDER.records(again)) == list(DECIDER.records(self.market.state))
        assert state_root(DECIDER.records(again)) == state_root(DECIDER.records(self.twin.state))
        assert DECIDER.due(again) == DECIDER.due(self.market.state)


def small_bounds() -> ExitStack:
    """Two matches or preventions a pass, two endings a sweep."""
    stack = ExitStack()
    stack.enter_context(patch.object(market_module, "MAX_MATCHES_PER_ENTRY", 2))
    stack.enter_context(patch.object(matching_module, "MAX_ITEMS_PER_SWEEP", 2))
    return stack


class Flow(RuleBasedStateMachine):
    """Any sequence of it, under a ledger that places every hold at once, or answers late and sometimes refuses."""

    @initialize(obliging=st.booleans())
    def start(self, obliging: bool) -> None:
        self.bounds, self.twins, self.obliging = small_bounds(), Twins(), obliging

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

    @rule()
    def fire(self) -> None:
        self.twins.fire()

    @rule(which=st.integers(0, 4))
    def news(self, which: int) -> None:
        self.twins.news(which)

    def teardown(self) -> None:
        if hasattr(self, "bounds"):
            self.bounds.close()
            self.twins.replay()


TestFlow = Flow.TestCase
TestFlow.settings = settings(stateful_step_count=50)  # as many examples as the profile says


def test_a_long_flow_meets_everything() -> None:
    """The same on seeded flows, long enough for every kind of thing to have happened."""
    seen: dict[str, int] = {}
    for seed in range(12):
        chance = random.Random(seed)

        def one_of(choices: dict[str, Sequence[Any]], chance: random.Random = chance) -> dict[str, Any]:
            return {name: chance.choice(values) for name, values in choices.items()}

        with small_bounds():
            twins = Twins()
            for _ in range(500):
                match chance.randrange(36):
                    case 0 | 1 | 2 | 3 | 4 | 5:
                        twins.post(one_of(OFFERS))
                    case 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13:
                        twins.place(one_of(BIDS))
                    case 14 | 15 | 16:
                        twins.change(one_of(CHANGES))
                    case 17:
                        twins.wait(chance.choice((1, HOUR // 2, HOUR)))
                    case 18 | 19 | 20:
                        twins.fire()
                    case 21:
                        twins.news(chance.randrange(5))
                    case _ if twins.waiting:
                        twins.answer(chance.randrange(3), chance.random() < 0.9, chance.random() < 0.5)
                    case _:
                        pass
        twins.replay()
        for event, _ in twins.market.history:
            name = type(event).__name__
            for kind in (name, f"{name}/{getattr(event, 'reason', None) or getattr(event, 'mode', None)}"):
                seen[kind] = seen.get(kind, 0) + 1
    assert seen["TradeMatched"] > 100
    assert seen["MatchContinued"] > 4
    reasons = {kind.partition("/")[2] for kind in seen if "Closed/" in kind}
    assert reasons == {
        "cancelled", "replaced", "expired", "gate_closed", "hold_refused", "bond_refused", "immediate_or_cancel",
        "not_fillable", "would_match", "self_trade", "not_in_programme",
    }  # fmt: skip
    assert {kind for kind in seen if kind.startswith("MatchPrevented/")} == {f"MatchPrevented/{mode}" for mode in STP}
    assert seen["OfferReduced"] > 0 < seen["BidReduced"]
