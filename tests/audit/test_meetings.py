"""A matching engine that lets a pair wait, passes over one, or leaves one on the book is found by a finding for it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.audit.meetings import fitting
from counterfoil.audit.report import Finding
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.decider import refuse
from counterfoil.issuance.commands import AttestGroup
from counterfoil.ledger.events import HoldRefused
from counterfoil.matching import admission, bids, checks, inventory, passes
from counterfoil.matching.amendment_events import BidAmended
from counterfoil.matching.book import Book
from counterfoil.matching.commands import AmendBid
from counterfoil.matching.continuous import PriceTime
from counterfoil.matching.events import BidClosed
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.order_limit_state import OrderCounts
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.position_state import Positions
from counterfoil.matching.state import MatchingState
from counterfoil.runtime.runner import Runner
from tests.market import BID, OFFER, USD, H, Market, found
from tests.matching.world import Market as Orders

Dishonest = Callable[[Market, pytest.MonkeyPatch], None]


def reduces(market: Market) -> None:
    """A bid comes to fit an offer that rests."""
    market.do("gpu-1", replace(OFFER, nodes=1))
    received: Any = market.do("lab-1", replace(BID, nodes=2))[0]
    market.do("lab-1", AmendBid(bid_id=received.bid_id, reduce_nodes_by=1, limit_price=None))


def is_blind(market: Market, patch: pytest.MonkeyPatch) -> None:
    """It does not look for what comes to fit."""
    patch.setattr(PriceTime, "fits", lambda *_: False)
    reduces(market)


def waits(market: Market, patch: pytest.MonkeyPatch) -> None:
    """What comes to fit waits while another order is received."""
    patch.setattr(Runner, "_fire", lambda *_args, **_more: False)
    reduces(market)
    market.do("gpu-2", OFFER)


def favours(market: Market, patch: pytest.MonkeyPatch) -> None:
    """The bid with the lowest limit comes first."""
    market.do("lab-1", replace(BID, limit_price=4 * USD))
    market.do("lab-2", BID)
    bids_for: Callable[..., Iterator[Any]] = Book.bids_for
    patch.setattr(Book, "bids_for", lambda *args: iter([*bids_for(*args)][::-1]))
    market.do("gpu-1", replace(OFFER, nodes=1, window_end=OFFER.window_start + 2))


def rests(market: Market) -> str:
    """A bid that waits."""
    received: Any = market.do("lab-1", BID)[0]
    return str(received.bid_id)


def drops(market: Market, patch: pytest.MonkeyPatch) -> None:
    """The order is closed before anything is held for what it is to be."""
    patch.setattr(bids, "reprice_bid", bids._replace)
    market.do("lab-1", AmendBid(bid_id=rests(market), reduce_nodes_by=None, limit_price=4 * USD))


def gives_up(market: Market, patch: pytest.MonkeyPatch) -> None:
    """The order is closed where its amendment fails."""

    def closes(state: MatchingState, event: HoldRefused) -> list[Event]:
        return [BidClosed(bid_id=state.amendments[event.hold_id].order_id, reason="hold_refused")]

    patch.setattr(admission, "amendment_refused", closes)
    market.do("lab-1", AmendBid(bid_id=rests(market), reduce_nodes_by=None, limit_price=999_999 * USD))


def believes(market: Market, patch: pytest.MonkeyPatch) -> None:
    """The order has the price that nothing is held for."""

    def amends(state: MatchingState, event: HoldRefused) -> list[Event]:
        bid_id, price, _ = state.amendments[event.hold_id]
        return [BidAmended(amendment_id=event.hold_id, bid_id=bid_id, limit_price=price, cost_per_node=price)]

    patch.setattr(admission, "amendment_refused", amends)
    market.do("lab-1", AmendBid(bid_id=rests(market), reduce_nodes_by=None, limit_price=999_999 * USD))


def overcharges(market: Market, patch: pytest.MonkeyPatch) -> None:
    """The bid pays its limit, although the offer came first."""
    trade: Any = passes._trade
    price = {"price": BID.limit_price}
    patch.setattr(passes, "_trade", lambda *args: trade(*args[:2], args[2]._replace(**price), *args[3:]))
    market.do("gpu-1", OFFER)
    market.do("lab-1", BID)


def obeys(market: Market, patch: pytest.MonkeyPatch) -> None:
    """A bid is taken after the gate has closed."""
    patch.setattr(checks, "past_gate", lambda *_: None)
    market.do("lab-1", replace(BID, earliest=H, latest=H))


def turns_away(market: Market, patch: pytest.MonkeyPatch) -> None:
    """A bid is refused for a reason that there is not."""
    patch.setattr(checks, "past_gate", lambda *_: refuse(Code.GATE_CLOSED))
    market.refused("lab-1", BID, Code.GATE_CLOSED)


def oversells(market: Market, patch: pytest.MonkeyPatch) -> None:
    """More nodes of a site are on offer than it has."""
    stock = AttestInventory(provider_id="gpu-1", site_id="hall-1", class_id="a100", nodes=2, source="visit")
    market.do("operator", stock)
    patch.setattr(inventory, "most", lambda *_: -2)
    terms = {each.name: getattr(OFFER, each.name) for each in fields(OFFER)}
    market.do("gpu-1", PostOfferAtSite(site_id="hall-1", **terms))


def crowds(market: Market, patch: pytest.MonkeyPatch) -> None:
    """A group gets more of a day than it may."""
    limit = SetPositionLimit(class_id="a100", region="east", share_bps=2_000, least=1, reason="few hold most of it")
    market.do("operator", limit)
    patch.setattr(Positions, "room", lambda *_: None)
    market.do("gpu-1", OFFER)
    market.do("lab-1", BID)


def floods(market: Market, patch: pytest.MonkeyPatch) -> None:
    """A group gives more orders than its trades allow."""
    market.do("operator", SetOrderLimit(orders_per_trade=1, free=0, reason="orders that never trade"))
    patch.setattr(OrderCounts, "of", lambda *_: (-1, 0))
    market.do("lab-1", BID)


@pytest.mark.parametrize(
    ("dishonest", "codes"),
    [
        (floods, {"orders_exceeded"}),
        (crowds, {"position_exceeded"}),
        (overcharges, {"price_wrong"}),
        (obeys, {"rejection_hidden"}),
        (turns_away, {"rejection_unfounded"}),
        (oversells, {"inventory_exceeded"}),
        (is_blind, {"match_skipped"}),
        (favours, {"match_skipped"}),
        (waits, {"match_delayed"}),
        (drops, {"order_dropped"}),
        (gives_up, {"order_dropped"}),
        (believes, {"amendment_unfunded"}),
    ],
)
def test_a_dishonest_engine_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dishonest: Dishonest, codes: set[str]
) -> None:
    with Market(tmp_path) as market:
        found(market)
        with monkeypatch.context() as patch:
            dishonest(market, patch)
        assert {each.code for each in market.sealed().findings} == codes


def test_where_two_states_part_is_found_by_bisection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A book that forgets a reduction makes the same entries, until a state root tells; the other book finds where."""
    with Market(tmp_path) as market:
        found(market)
        bids = [str(market.do("lab-1", replace(BID, nodes=3))[0].bid_id) for _ in range(2)]  # type: ignore[attr-defined]
        with monkeypatch.context() as patch:
            patch.setattr(Book, "reduce_bid", lambda *_: None)
            reductions = [AmendBid(bid_id=each, reduce_nodes_by=1, limit_price=None) for each in bids]
            first = market.ask("lab-1", reductions[0]).index
            market.do("lab-1", reductions[1])
            market.do("lab-2", BID)
            (finding,) = (each for each in twice(market) if each.log == "matching/main")
        assert finding.code == "state_root_differs"
        assert finding.text.endswith(f"the two order books part behind entry {first}")
        assert all(each.text.endswith("both order books have it") for each in twice(market))


def twice(market: Market) -> list[Finding]:
    """What an audit with both order books finds."""
    market.system.close()
    return audit(market.home / "logs", twin=True).findings


def test_bids_that_still_have_to_meet_when_the_log_ends_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where other orders must leave before that: their end is what is due."""
    with Market(tmp_path) as market:
        found(market)
        attest = AttestGroup(party_id="gpu-1", group_id="city", since=None, source="register")
        market.do("operator", attest)
        market.do("gpu-1", OFFER)
        market.do("lab-1", BID)
        market.do("lab-2", replace(BID, limit_price=USD))
        monkeypatch.setattr(Runner, "_fire", lambda *_args, **_more: False)
        market.do("operator", replace(attest, party_id="city", group_id="lab-2"))
        state = market.system.runners[LogId("matching")].engine.state
        assert state.leaving
        assert state.uncrossing
        assert list(fitting(state, market.clock.now()))
        assert market.sealed().clean


def test_whether_pairs_fit_is_asked_once_for_bids_alike() -> None:
    """Otherwise an audit costs as much as there are offers times bids, of which none fit."""
    few, many = (calls_without_a_fit(size) for size in (8, 32))
    assert many < 6 * few  # four times as many, not sixteen


def calls_without_a_fit(size: int) -> int:
    """How many calls it takes to find that as many offers and bids rest, none of which fit."""
    market, counted = Orders(), Counter[str]()
    for _ in range(size):
        market.post(nodes=2)
        market.place(nodes=3)
    sys.setprofile(lambda _frame, kind, _of: counted.update([kind]))
    try:
        assert not list(fitting(market.state, market.time))
    finally:
        sys.setprofile(None)
    return counted["call"]


def test_a_pair_that_rests_is_found_although_every_decision_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that the engine of the audit has as well: the book alone shows it."""
    with Market(tmp_path) as market:
        found(market)
        is_blind(market, monkeypatch)
        assert [(each.log, each.code) for each in market.sealed().findings] == [("matching/main", "book_crossed")]
