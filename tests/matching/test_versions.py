"""A bid is judged by the programme version that its vouchers were issued under: no new one changes old vouchers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderListed
from counterfoil.matching.commands import AmendBid, CancelBid
from counterfoil.matching.events import BidAdmitted, BidClosed, BidReceived, TradeMatched
from counterfoil.matching.state import ANY
from tests.matching.world import BID, DECIDER, YUAN, B, Market, T, hold_placed, programme

BOUND = RULES[LATEST].max_matches_per_entry
NARROW = programme(
    "p1", version=2, classes=("h100",), regions=("west",), report_within_seconds=86_400, dispute_window_seconds=43_200
)
WIDE = programme("p1", version=2, classes=("a100", "b200"), regions=("east", "north"), report_within_seconds=86_400)


def versions(market: Market) -> list[int]:
    """The programme versions of the trades of the last step."""
    assert not isinstance(market.last, Refusal)
    trades = [each for each in market.last if isinstance(each, TradeMatched)]
    return [each.version for each in trades]


@pytest.mark.parametrize("taker", ["bid", "offer"])
@pytest.mark.parametrize("early", [True, False])
def test_new_rules_do_not_touch_vouchers_of_the_version_before(taker: str, early: bool) -> None:
    """Whether they come between the bid and its hold, or before the bid: classes, regions, windows are those of v1."""
    market = Market(*([NARROW] if early else []))
    if taker == "bid":
        market.post()
    bid_id = market.place(held=False)
    if not early:
        market.reacts_to(NARROW)
    market.hold(bid_id)
    if taker == "offer":
        market.then(BidAdmitted(bid_id=bid_id, version=1))
        market.post()
    assert versions(market) == [1]


def test_rules_published_while_a_bid_rests_do_not_touch_it() -> None:
    market = Market(rules=8)  # by which another price makes another bid; from 9 on it is the same one, in its version
    bid_id = market.place(nodes=3, partial=True, latest=B)
    market.post(nodes=1)
    assert versions(market) == [1]
    market.reacts_to(NARROW)
    resting = {"seq": market.tally.priority[bid_id], "version": 1, "remaining": 2}
    assert market.records()[f"resting_bid/{bid_id}"] == resting
    market.post(nodes=1)
    assert versions(market) == [1]
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=16 * YUAN), "lab-1")
    market.then_types(BidClosed, BidReceived)
    renewed: Any = market.last[1]  # type: ignore[index]
    market.post("gpu-2", nodes=1, window_start=B)
    market.hold(renewed.bid_id)
    assert versions(market) == [1]


def test_a_continuation_keeps_to_the_version_of_each_bid() -> None:
    rules = programme("p1", version=2, report_within_seconds=86_400)
    market = Market(rules)
    for nth in range(BOUND + 2):
        market.place(("lab-1", "lab-2")[nth % 2], version=1 + nth % 2, nodes=1, hours=1)
    market.post(nodes=60)
    both = [1, 2]
    assert versions(market) == both * (BOUND // 2)
    market.fires("continue_matching", 0)
    assert versions(market) == both
    for nth in range(BOUND + 1):
        market.post(("gpu-1", "gpu-2")[nth % 2], class_id="h100", nodes=1)
    market.place(classes=("h100",), nodes=BOUND + 1, partial=True, version=2)
    market.fires("continue_matching", 0)
    assert versions(market) == both[1:]


@pytest.mark.parametrize(
    ("rules", "terms", "version", "admitted"),
    [
        (NARROW, {}, 1, True),
        (NARROW, {}, 2, False),
        (NARROW, {"classes": ("a100", "h100"), "regions": ("west",)}, 1, True),
        (NARROW, {"classes": ("a100", "h100"), "regions": ("west",)}, 2, False),  # it does not pay for every class
        (NARROW, {"classes": ("h100",), "regions": ("east", "west")}, 2, False),  # nor for every region
        (NARROW, {"classes": ("h100",), "regions": ("west",)}, 2, True),
        (WIDE, {"classes": ("b200",)}, 2, True),
        (WIDE, {"classes": ("b200",)}, 1, False),
        (WIDE, {"regions": ("north",)}, 2, True),
        (WIDE, {"regions": ("north",)}, 1, False),
    ],
)
@pytest.mark.parametrize("tif", ["GTC", "FOK"])
def test_a_bid_enters_if_its_vouchers_pay_for_all_it_asks_for(
    rules: Any, terms: dict[str, Any], version: int, admitted: bool, tif: str
) -> None:
    market = Market(rules)
    class_id, region = terms.get("classes", BID.classes)[0], terms.get("regions", BID.regions)[0]
    market.post(class_id=class_id, region=region)
    bid_id = market.place(**terms, version=version, tif=tif)
    if admitted:
        market.then_types(BidAdmitted, TradeMatched)
        assert versions(market) == [version]
    else:
        market.then(BidClosed(bid_id=bid_id, reason="not_in_programme"))
        assert not market.state.open_orders.get((ANY, "lab-1"))
    assert not market.state.versions


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({}, None),
        ({"classes": ("h100",), "regions": ("west",)}, None),
        ({"classes": ("h100",), "regions": ("east",)}, None),  # of v1
        ({"classes": ("b200",)}, Code.CLASS_NOT_IN_PROGRAMME),
        ({"classes": ("h100",), "regions": ("west", "north")}, Code.REGION_NOT_IN_PROGRAMME),
        ({"classes": ("a100",), "regions": ("north",)}, Code.CLASS_NOT_IN_PROGRAMME),  # judged by the current version
    ],
)
def test_a_bid_is_received_if_any_version_allows_it(terms: dict[str, Any], code: Code | None) -> None:
    market = Market(NARROW)
    market.when(replace(BID, **terms), "lab-1")
    if code is None:
        market.then_types(BidReceived)
    else:
        market.refused(code)


def test_a_version_that_is_not_in_force_does_not_close_the_programme_to_vouchers_of_another() -> None:
    market = Market(programme("p1", version=2, valid_from=T + 30 * DAY))
    market.when(BID, "lab-1").then_types(BidReceived)
    market = Market(programme("p1", version=2, valid_from=T + 30 * DAY, classes=("b200",)), rules=5)
    market.when(replace(BID, classes=("b200",)), "lab-1").refused(Code.PROGRAMME_NOT_OPEN)


def test_a_hold_waits_for_the_rules_that_it_names() -> None:
    """The ledger may have had a version, and vouchers of it, from issuance before matching did."""
    market = Market(programme("late"), ProviderListed(programme_id="late", provider_id="gpu-1"))
    bid_id = market.place(programme_id="late", held=False)
    placed = hold_placed(market.state.bids[bid_id], version=2)
    ready = DECIDER.ready[type(placed)]
    assert ready(market.state, hold_placed(market.state.bids[bid_id]))
    assert not ready(market.state, placed)
    assert not ready(market.state, replace(placed, programme_id="nobodys"))
    market.reacts_to(programme("late", version=2, report_within_seconds=86_400))
    assert ready(market.state, placed)
    market.reacts_to(placed).then(BidAdmitted(bid_id=bid_id, version=2))
    market.post()
    assert versions(market) == [2]


def test_the_version_of_a_bid_is_forgotten_with_it() -> None:
    market = Market(NARROW)
    bid_id = market.place()
    assert market.state.versions == {bid_id: 1}
    market.when(CancelBid(bid_id=bid_id), "lab-1").then(BidClosed(bid_id=bid_id, reason="cancelled"))
    assert not market.state.versions
