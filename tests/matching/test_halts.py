"""Nothing trades that is halted; orders stay, and meet by price, then time, once it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.events import PartyRegistered
from counterfoil.contract.refusals import Code
from counterfoil.matching.commands import AmendBid, CancelBid
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from tests.matching.test_amendments import asks
from tests.matching.test_uncrossing import goes_on
from tests.matching.world import BID, OFFER, YUAN, Market, amendment_funded

OPERATOR = PartyRegistered(party_id="op", name="op", roles=("operator",), group_id="op")
ALL: dict[str, str | None] = {"class_id": None, "region": None, "provider_id": None}
SCOPES: dict[str, dict[str, str | None]] = {
    "all": ALL,
    "class": ALL | {"class_id": "a100"},
    "market": ALL | {"class_id": "a100", "region": "east"},
    "provider": ALL | {"provider_id": "gpu-1"},
}


def halted(scope: str) -> Market:
    """A market of which that is halted."""
    market = Market(OPERATOR)
    market.when(HaltTrading(**SCOPES[scope], reason="why"), "op").then_types(TradingHalted)
    return market


def resumes(market: Market, scope: str) -> list[Any]:
    """It goes on: the trades that follow before anything else is decided."""
    market.when(ResumeTrading(**SCOPES[scope], reason="why"), "op").then_types(TradingResumed)
    return goes_on(market)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_halted_rests_and_meets_once_it_goes_on(scope: str) -> None:
    """The best limit first, whatever came first; and its maker's price is that of who came first."""
    market = halted(scope)
    low, high = market.place(), market.place("lab-2", limit_price=16 * YUAN)
    offer = market.post("gpu-1", nodes=2, window_end=OFFER.window_start + 6)
    assert not market.tally.trades
    assert resumes(market, scope) == [(high, offer, 2, 16)]
    assert low in market.state.bids
    assert not market.state.line
    assert not market.state.uncrossing


@pytest.mark.parametrize(
    ("scope", "elsewhere"),
    [("class", {"class_id": "h100"}), ("market", {"region": "west"}), ("provider", {"provider": "gpu-2"})],
)
def test_what_is_not_halted_trades_on(scope: str, elsewhere: dict[str, Any]) -> None:
    market = halted(scope)
    offer = market.post(**({"provider": "gpu-1"} | elsewhere), nodes=2)
    bid = market.place(classes=("a100", "h100"), regions=("east", "west"))
    assert [each[:2] for each in market.trades()] == [(bid, offer)]


def test_one_halt_lasts_while_another_is_lifted() -> None:
    market = halted("all")
    market.when(HaltTrading(**SCOPES["class"], reason="why"), "op")
    bid, offer = market.place(), market.post()
    assert resumes(market, "all") == []
    assert [each[:2] for each in resumes(market, "class")] == [(bid, offer)]


def test_orders_are_cancelled_and_amended_in_a_halt_and_expire() -> None:
    market = halted("all")
    gone, bid = market.place(), market.place("lab-2", limit_price=12 * YUAN)
    offer = market.post()
    market.when(CancelBid(bid_id=gone), "lab-1")
    market.reacts_to(amendment_funded(asks(market, bid, 15)))
    assert goes_on(market) == []
    assert [each[:2] for each in resumes(market, "all")] == [(bid, offer)]
    assert gone in market.tally.closed


Faulty = tuple[Callable[[Market], Any], Code]
FAULTS: dict[str, Faulty] = {
    "a region alone": (lambda _: HaltTrading(**ALL | {"region": "east"}, reason="why"), Code.HALT_NOT_VALID),
    "a provider's class": (
        lambda _: ResumeTrading(**SCOPES["class"] | {"provider_id": "gpu-1"}, reason="why"),
        Code.HALT_NOT_VALID,
    ),
    "an unknown class": (lambda _: HaltTrading(**ALL | {"class_id": "none"}, reason="why"), Code.UNKNOWN_CLASS),
    "an unknown party": (lambda _: HaltTrading(**ALL | {"provider_id": "none"}, reason="why"), Code.UNKNOWN_PARTY),
    "twice": (lambda _: HaltTrading(**SCOPES["class"], reason="why"), Code.TRADING_HALTED),
    "another": (lambda _: ResumeTrading(**ALL, reason="why"), Code.TRADING_NOT_HALTED),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refused_halts(fault: str) -> None:
    market, (make, code) = halted("class"), FAULTS[fault]
    market.when(make(market), "op").refused(code)
    market.when(HaltTrading(**ALL, reason="why"), "gpu-1").refused(Code.ROLE_NOT_ALLOWED)


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_an_order_that_may_not_rest_is_refused_where_nothing_that_it_could_buy_trades(tif: Any) -> None:
    market = halted("market")
    market.when(replace(BID, tif=tif), "lab-1").refused(Code.TRADING_HALTED)
    assert market.place(tif=tif, regions=("east", "west"))
    if tif == "IOC":
        market.when(replace(OFFER, tif=tif), "gpu-1").refused(Code.TRADING_HALTED)
    amend = AmendBid(bid_id=market.place(), reduce_nodes_by=1, limit_price=None)
    market.when(amend, "lab-1")


@pytest.mark.parametrize("comes", ["new", "amended"])
def test_a_post_only_bid_that_comes_in_a_halt_never_takes_after_it(comes: str) -> None:
    """It is judged as if there were no halt: else it would take what rested before it."""
    market = halted("class")
    offer = market.post(price=14 * YUAN)
    bid = market.place(post_only=True, limit_price=15 * YUAN if comes == "new" else 10 * YUAN)
    if comes == "amended":
        market.reacts_to(amendment_funded(asks(market, bid, 16)))
        assert market.state.bids[bid].limit_price == 10 * YUAN
    else:
        assert market.tally.closed[bid] == "would_match"
    maker = market.place("lab-2", post_only=True, limit_price=13 * YUAN)
    later = market.post("gpu-2", price=12 * YUAN, nodes=2, window_end=OFFER.window_start + 6)
    assert [each[:2] for each in resumes(market, "class")] == [(maker, later)]
    assert offer in market.state.offers
