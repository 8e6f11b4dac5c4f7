"""No bid and offer that fit one another rest: whatever lets them fit has them meet before anything else is decided.

By rules 7 they met as they arrived alone, so a bid at 15 waited while one at 12 took the offer.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.events import RulesAdopted
from counterfoil.core.at import At
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderListed, ProviderReinstated, ProviderSuspended
from counterfoil.matching.commands import AmendBid
from counterfoil.matching.events import BidReduced, MatchContinued, MatchPrevented, UncrossingBegun, UncrossingContinued
from tests.matching.world import DECIDER, YUAN, B, Market, joins

UNLISTED = "gpu-3"
Trade = tuple[str, str, int, int]


def goes_on(market: Market) -> list[Trade]:
    """What is due before anything else; the trades as (bid, offer, nodes, price in yuan)."""
    trades = list[Trade]()
    while (due := DECIDER.due(market.state)) is not None and due[0] == 0:
        market.fires(due[1], 0)
        trades += [(bid, offer, nodes, price) for bid, offer, nodes, _, price in market.trades()]
    return trades


def reduced(market: Market, *, first: str) -> list[Trade]:
    """A bid for more nodes than there are is reduced to as many as there are."""
    offer_id = market.post(nodes=2) if first == "offer" else ""
    bid_id = market.place(nodes=6)
    offer_id = offer_id or market.post(nodes=2)
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=4, limit_price=None), "lab-1")
    return [(bid_id, offer_id, 2, 15 if first == "bid" else 14)]


def less_than_minimum(market: Market) -> list[Trade]:
    """Of a bid in parts of two at least one node is left, and rests beside an offer of one, which is cheaper."""
    small = market.post("gpu-2", nodes=1, price=13 * YUAN)
    bid_id = market.place(nodes=3, partial=True, min_nodes=2)
    large = market.post(nodes=2, window_end=B + 6)
    assert market.trades() == [(bid_id, large, 2, 0, 15)]
    return [(bid_id, small, 1, 13)]


def listed(market: Market, *, suspended: bool) -> list[Trade]:
    """The programme accepts the provider whose offer rests beside its bid."""
    of = {"programme_id": "p1", "provider_id": UNLISTED}
    if suspended:
        market.reacts_to(ProviderListed(**of)).reacts_to(ProviderSuspended(**of, reason="why"))
    offer_id, bid_id = market.post(UNLISTED, nodes=2), market.place()
    market.reacts_to(ProviderReinstated(**of, reason="why") if suspended else ProviderListed(**of))
    return [(bid_id, offer_id, 2, 14)]


def parted(market: Market, *, who: str) -> list[Trade]:
    """A provider, or the issuer, leaves the group that both belong to."""
    market.reacts_to(joins("gpu-1", "city"))
    offer_id, bid_id = market.post(nodes=2), market.place()
    market.reacts_to(joins(who, "elsewhere"))
    return [(bid_id, offer_id, 2, 14)]


WHAT: list[tuple[Callable[..., list[Trade]], dict[str, Any]]] = [
    (reduced, {"first": "bid"}),
    (reduced, {"first": "offer"}),
    (less_than_minimum, {}),
    (listed, {"suspended": False}),
    (listed, {"suspended": True}),
    (parted, {"who": "gpu-1"}),
]


@pytest.mark.parametrize("version", [7, LATEST])
@pytest.mark.parametrize(("lets_fit", "how"), WHAT)
def test_whatever_lets_a_pair_fit_has_it_meet(
    lets_fit: Callable[..., list[Trade]], how: dict[str, Any], version: int
) -> None:
    market = Market(rules=version)
    expected = lets_fit(market, **how)
    if RULES[version].uncrosses:
        assert goes_on(market) == expected
        assert not market.state.uncrossing
    else:
        assert goes_on(market) == []
        later = market.place("lab-2", nodes=1, limit_price=14 * YUAN)  # and takes what the other bid waits for
        assert [trade[:2] for trade in market.trades()] == [(later, expected[0][1])]


def test_a_pair_that_rests_when_the_rules_come_into_force_meets_then() -> None:
    market = Market(rules=7)
    (expected,) = reduced(market, first="bid")
    adopted = RulesAdopted(rules=LATEST, replaces=7, release="0.8.0")
    react = DECIDER.reactions["issuance"][RulesAdopted]
    assert react(market.state, adopted, market._next(None)) == (adopted,)  # all that release 7 knows
    market.in_force = market.tally.in_force = RULES[LATEST]
    market.state.adopt(RULES[LATEST])
    assert market.state.uncrossing["*"].began == 0
    market.state.adopt(RULES[LATEST])  # and once is enough
    assert goes_on(market) == [expected]
    assert not market.state.uncrossing
    market.place()
    market.state.adopt(RULES[LATEST])
    assert not market.state.uncrossing


def test_bids_that_meet_as_the_rules_come_into_force_are_judged_by_the_time_of_the_first_entry() -> None:
    """All entries of a pass have one time, and the entry that names the rules cannot say it."""
    market = Market(rules=7)
    (expected,) = reduced(market, first="bid")
    market.place(nodes=9, limit_price=16 * YUAN)  # is tried first, and fits nothing
    rules = replace(RULES[LATEST], max_bids_tried_per_entry=1)
    market.in_force = market.tally.in_force = rules
    market.state.adopt(rules)
    market.state.rules = rules
    began = market.time + 7
    market.fires("continue_matching", began)
    assert market.state.uncrossing["*"].began == began
    assert goes_on(market) == [expected]


def test_what_fits_nothing_goes_on_with_nothing() -> None:
    market = Market()
    market.post(nodes=1)
    bid_id = market.place(nodes=6)
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    market.then(BidReduced(bid_id=bid_id, nodes_left=5))
    listing = ProviderListed(programme_id="p1", provider_id="gpu-1")
    market.reacts_to(listing).then(listing)  # it was
    other = ProviderListed(programme_id="p1", provider_id=UNLISTED)
    market.reacts_to(other).then(other)  # it has no offers
    assert goes_on(market) == []


def test_bids_meet_a_listed_provider_the_best_limit_first_over_as_many_entries_as_it_needs() -> None:
    """Bounds of an entry decide how many there are, and nothing else."""
    trades = list[list[Trade]]()
    for matches, bids in ((24, 256), (1, 2), (2, 1)):
        rules = replace(RULES[LATEST], max_matches_per_entry=matches, max_bids_tried_per_entry=bids)
        market = Market(rules=rules)
        offers = [market.post(UNLISTED, nodes=2, window_end=B + 6, price=price * YUAN) for price in (14, 13, 16)]
        limits = (14, 12, 17, 14, 13, 17)
        placed = [market.place("lab-1", nodes=1, partial=True, limit_price=limit * YUAN) for limit in limits]
        listing = ProviderListed(programme_id="p1", provider_id=UNLISTED)
        market.reacts_to(listing).then(listing, UncrossingBegun(programme_id="p1"))
        began = market.time
        assert DECIDER.due(market.state) == (0, "continue_matching")
        assert market.records()["uncrossing/p1"] == {"began": began, "limit_price": "1000000000000", "priority": 0}
        trades.append(goes_on(market))
        assert trades[-1] == [
            (placed[2], offers[1], 1, 13), (placed[5], offers[1], 1, 13),
            (placed[0], offers[0], 1, 14), (placed[3], offers[0], 1, 14),
        ]  # fmt: skip
        assert isinstance(market.last[0], UncrossingContinued)  # type: ignore[index]
        assert not market.state.uncrossing


def test_an_offer_goes_on_after_the_bid_of_which_it_left_less_than_its_minimum() -> None:
    """Of all pairs that fit, the best comes first: that of the bid with the highest limit."""
    market = Market()
    small = market.post("gpu-2", nodes=1, price=15 * YUAN, window_end=B + 6)
    best = market.place(nodes=3, partial=True, min_nodes=2, limit_price=17 * YUAN)
    other = market.place("lab-2", nodes=1, limit_price=16 * YUAN, partial=True, latest=B)
    assert [trade[:2] for trade in market.trades()] == [(other, small)]
    other = market.place("lab-2", nodes=1, limit_price=16 * YUAN, latest=B)
    small = market.post("gpu-2", nodes=1, price=17 * YUAN, window_end=B + 6)
    large = market.post(nodes=2, price=16 * YUAN, window_end=B + 12)
    assert [trade[:4] for trade in market.trades()] == [(best, large, 2, 0)]
    assert [each.order_id for each in market.last if isinstance(each, MatchContinued)] == [large, best]  # type: ignore[union-attr]
    assert goes_on(market) == [(best, large, 1, 17)]
    assert market.state.book.bid(other) is not None  # the first hours are sold
    assert market.state.book.offer(small) is not None


def test_bids_left_below_their_minimum_that_fit_nothing_more_cost_no_entries() -> None:
    """Each once ended the offer's entry, and every further one read the line from its beginning."""
    market, most = Market(), RULES[LATEST].max_matches_per_entry
    bids = [
        market.place(nodes=3, partial=True, min_nodes=2, hours=1, earliest=B + n, latest=B + n) for n in range(2 * most)
    ]
    market.post("gpu-2", nodes=1, price=20 * YUAN)
    market.post(nodes=2, window_end=B + 2 * most)
    entries = 1
    trades = market.trades()
    while DECIDER.due(market.state) == (0, "continue_matching"):
        market.fires("continue_matching", 0)
        trades += market.trades()
        entries += 1
    assert [trade[0] for trade in trades] == bids
    assert entries == 2


def test_each_entry_of_bids_that_meet_anew_costs_what_it_tries() -> None:
    """Not what waits behind it: the bids stand in line from the beginning."""
    few, many = (calls_of_an_entry(2 * most) for most in (MOST_TRIED, 4 * MOST_TRIED))
    assert many < 1.2 * few


MOST_TRIED = RULES[LATEST].max_bids_tried_per_entry


def calls_of_an_entry(bids: int) -> int:
    """How many calls the first entry of so many bids takes, none of which fit what came."""
    market, counted = Market(), Counter[str]()
    for _ in range(bids):
        market.place(nodes=3)
    market.post("gpu-3", nodes=2)
    market.reacts_to(ProviderListed(programme_id="p1", provider_id="gpu-3"))
    at = At(market.time + 1, market.index + 1, 0)
    sys.setprofile(lambda _frame, kind, _of: counted.update([kind]))
    try:
        events = DECIDER.timers["continue_matching"](market.state, at.time, at)
    finally:
        sys.setprofile(None)
    assert [type(each) for each in events] == [UncrossingContinued]
    return counted["call"]


@pytest.mark.parametrize(("mode", "ends"), [("taker", "bid"), ("maker", "offer"), ("both", "both")])
def test_related_orders_that_come_to_fit_are_prevented(mode: Any, ends: str) -> None:
    """Of the two the later one is the taker, whose mode decides."""
    market = Market()
    offer_id = market.post("gpu-x", nodes=2, stp="both")
    bid_id = market.place("lab-x", nodes=6, stp=mode)
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=4, limit_price=None), "lab-x")
    assert goes_on(market) == []
    assert MatchPrevented(bid_id=bid_id, offer_id=offer_id, mode=mode) in market.last  # type: ignore[operator]
    gone = {bid_id: "self_trade"} if ends == "bid" else {offer_id: "self_trade"}
    assert market.tally.closed == (gone if ends != "both" else {bid_id: "self_trade", offer_id: "self_trade"})
