"""Bids by performance: which classes they admit, what their limit is for each, and whom they meet first."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from counterfoil.accelerators import bundled_class
from counterfoil.contract.accelerators import Collective, FloorPrice, Requirement
from counterfoil.contract.limits import MAX_PRICE
from counterfoil.contract.refusals import Code
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.matching.commands import AmendBid, AmendOffer
from counterfoil.matching.events import BidReceived, OfferClosed, OfferReceived, OfferReduced
from counterfoil.matching.orders import Admitted
from counterfoil.matching.passes import pass_at
from counterfoil.matching.performance import limits_of, wanted
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired
from tests.matching.world import OFFER, PERFORMANCE_BID, REQUIRE, YUAN, B, Market, accelerator, described

CENT = YUAN // 100
GIB = 1_024


def known(*names: str) -> dict[str, ClassRegistered]:
    """Bundled classes, as registered under their own names."""
    bodies = {name: bundled_class(name, name) for name in names}
    return {
        name: ClassRegistered(**{each.name: getattr(body, each.name) for each in fields(body)})
        for name, body in bodies.items()
    }


BOARDS = known("a100-80-sxm", "ascend-910b", "h100-80-sxm", "h20-96-sxm", "cambricon-mlu590")
LARGE = replace(REQUIRE, min_mem_mb=60 * GIB)


def equivalents(require: Requirement, *, of: dict[str, ClassRegistered] = BOARDS) -> dict[str, tuple[str, int, int]]:
    """By class: the limit of 48.00 per PFLOP-hour per GPU-hour, and the GPUs and nodes that make 2 PFLOPS."""
    limits = limits_of(require, 48 * YUAN, CENT, of, of)
    return {
        each.limit.class_id: (f"{each.limit.limit_price / YUAN:.2f}", each.gpus, each.nodes)
        for each in wanted(2_000_000, limits, require.gpus_per_node)
    }


def test_what_two_petaflops_are_of_each_class() -> None:
    """The limit is rounded down to a tick; H20 counts with seven tenths of its nominal 148, L40S lacks memory."""
    found = {
        "a100-80-sxm": ("13.01", 8, 1),
        "ascend-910b": ("14.60", 7, 1),
        "h100-80-sxm": ("38.13", 3, 1),
        "h20-96-sxm": ("4.97", 20, 3),
    }
    assert equivalents(LARGE) == found
    assert equivalents(replace(LARGE, attested_only=True)) == {
        name: each for name, each in found.items() if name != "h20-96-sxm"
    }
    cards = known("l40s-48-pcie", "a100-80-pcie")
    assert equivalents(replace(LARGE, gpus_per_node=1), of=cards).keys() == {"a100-80-pcie"}
    assert -(-2_000_000 // 148_000) == 14  # of H20, were its nominal throughput real


@pytest.mark.parametrize(
    ("asked", "admitted"),
    [
        ({"min_allreduce": (Collective(cards=8, mbps=60_000),)}, {"ascend-910b"}),
        ({"min_allreduce": (Collective(cards=8, mbps=72_000),)}, {"ascend-910b"}),
        ({"min_allreduce": (Collective(cards=8, mbps=72_001),)}, set()),
        ({"min_allreduce": (Collective(cards=2, mbps=60_000),)}, set()),
        ({"origins": ("cn",)}, {"ascend-910b"}),
        ({"interconnects": ("hccs", "ub")}, {"ascend-910b"}),
        ({"min_mtflops": 304_277}, {"ascend-910b", "h100-80-sxm"}),
        ({"min_mtflops": 304_278}, {"h100-80-sxm"}),
        ({"classes": ("h20-96-sxm", "ascend-910b")}, {"h20-96-sxm", "ascend-910b"}),
        ({"gpus_per_node": 1}, set()),
    ],
)
def test_what_a_requirement_admits(asked: dict[str, Any], admitted: set[str]) -> None:
    """What is not known of a class meets nothing that is asked of it."""
    assert equivalents(replace(LARGE, **asked)).keys() == admitted


# on the book ----------------------------------------------------------------------------------------------------------

FAST = described("a100", 2, bf16_mtflops_attested=300_000)
SLOW = described("h100", 2, bf16_mtflops_attested=200_000)
FLOOR = FloorPrice(currency="CNY", price=10 * YUAN)


def market() -> Market:
    """Both classes are known: at 50 per PFLOP-hour, a bid pays 15.00 and 10.00 for an hour of them."""
    return Market(FAST, SLOW)


def bid(found: Market, **terms: Any) -> str:
    """A bid by performance at 50 per PFLOP-hour, funded; its id."""
    found.when(replace(PERFORMANCE_BID, **{"limit_price": 50 * YUAN, "latest": B, **terms}), "lab-1")
    found.then_types(BidReceived, PerformanceRequired)
    received: Any = next(iter(found.last))  # type: ignore[arg-type]
    found.hold(received.bid_id)
    return str(received.bid_id)


def post(found: Market, class_id: str, price: int, nodes: int = 1) -> str:
    """An offer of as many hours as such a bid asks for."""
    return found.post(class_id=class_id, price=price, nodes=nodes, window_end=B + PERFORMANCE_BID.hours)


def test_the_cheaper_throughput_comes_first_and_the_dearest_class_is_held() -> None:
    """12.00 for 300 TFLOPS is 40.00 per PFLOP-hour, 9.00 for 200 is 45.00; of equals the elder comes first."""
    found = market()
    dear = post(found, "h100", 9 * YUAN)
    cheap = post(found, "a100", 12 * YUAN)
    same = post(found, "h100", 8 * YUAN)
    bid_id = bid(found, nodes=3, partial=True)
    assert [(offer, price) for _, offer, _, _, price in found.trades()] == [(cheap, 12), (same, 8), (dear, 9)]
    received = next(each for each, _ in found.history if isinstance(each, BidReceived) and each.bid_id == bid_id)
    assert (received.limit_price, received.cost_per_node) == (15 * YUAN, 15 * YUAN * 8 * received.hours)
    assert received.classes == ("a100", "h100")


def test_a_limit_counts_as_what_it_is_in_the_class_of_the_offer() -> None:
    """For a slow class 10.00 stands behind a bid at 11.00, and is what is paid."""
    found = market()
    mine = bid(found, nodes=1)
    plain = found.place("lab-2", classes=("h100",), limit_price=11 * YUAN, nodes=1)
    post(found, "h100", 9 * YUAN)
    assert [(each[0], each[4]) for each in found.trades()] == [(plain, 11)]
    post(found, "h100", 9 * YUAN)
    assert [(each[0], each[4]) for each in found.trades()] == [(mine, 10)]
    bid(found, nodes=1)
    post(found, "h100", 10 * YUAN + CENT)
    assert found.trades() == []


def test_a_bid_meets_the_versions_that_it_was_received_by() -> None:
    """Neither a slower version, nor one of which nothing is said; what was offered before stays what it was."""
    found = market()
    old = post(found, "a100", 12 * YUAN, nodes=2)
    first = bid(found, nodes=1, require=replace(REQUIRE, min_mtflops=300_000))
    assert found.trades()[0][1] == old
    found.reacts_to(described("a100", 3, bf16_mtflops_attested=250_000))
    first = bid(found, nodes=3, partial=True)
    assert found.trades() == []  # the old offer is of version 2
    new = post(found, "a100", 12 * YUAN)
    assert [(each[0], each[1]) for each in found.trades()] == [(first, new)]
    found.reacts_to(accelerator("a100", 8, 4))
    post(found, "a100", 12 * YUAN)
    assert found.trades() == []
    found.when(replace(PERFORMANCE_BID, require=replace(REQUIRE, classes=("a100",))), "lab-1")
    found.refused(Code.PERFORMANCE_UNKNOWN)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"programme_id": "p9"}, Code.UNKNOWN_PROGRAMME),
        ({"require": replace(REQUIRE, classes=("x",))}, Code.UNKNOWN_CLASS),
        ({"require": replace(REQUIRE, classes=("l40s",))}, Code.PERFORMANCE_UNKNOWN),
        ({"require": replace(REQUIRE, classes=("a100", "a100"))}, Code.DUPLICATE_ITEM),
        ({"require": replace(REQUIRE, origins=tuple(f"o{n}" for n in range(17)))}, Code.OVER_LIMIT),
        ({"limit_price": 50 * YUAN + 1}, Code.PRICE_OFF_TICK),
        ({"require": replace(REQUIRE, min_mtflops=300_001)}, Code.NO_CLASS_ADMITTED),
        ({"limit_price": CENT}, Code.NO_CLASS_ADMITTED),
        ({"regions": tuple(f"r{n}" for n in range(33))}, Code.OVER_LIMIT),
        ({"regions": ()}, Code.EMPTY_LIST),
        ({"regions": ("north",)}, Code.REGION_NOT_IN_PROGRAMME),
    ],
)
def test_refusals(terms: dict[str, Any], code: Code) -> None:
    market().when(replace(PERFORMANCE_BID, **terms), "lab-1").refused(code)


def test_a_limit_is_a_price_whatever_the_class() -> None:
    """More than a PFLOPS: at the highest price a GPU-hour of it would cost more than any price."""
    of_two = Market(described("h100", 2, bf16_mtflops_attested=2_000_000))
    of_two.when(replace(PERFORMANCE_BID, limit_price=MAX_PRICE // 2), "lab-1")
    of_two.then_types(BidReceived, PerformanceRequired)
    of_two.when(replace(PERFORMANCE_BID, limit_price=MAX_PRICE // 2 + CENT), "lab-1").refused(Code.AMOUNT_TOO_LARGE)


def test_withheld_figures_are_no_figures() -> None:
    withheld = described("h100", 2, bf16_mtflops_attested=None, figures_withheld=True)
    found = Market(withheld).when(replace(PERFORMANCE_BID, require=replace(REQUIRE, classes=("h100",))), "lab-1")
    found.refused(Code.PERFORMANCE_UNKNOWN)


def test_its_limit_stays_and_its_nodes_are_reduced() -> None:
    found = market()
    bid_id = bid(found, nodes=2)
    found.when(AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=60 * YUAN), "lab-1")
    found.refused(Code.PRICED_BY_PERFORMANCE)
    found.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    assert isinstance(found.last, Sequence)


def calls_of_a_fill(offers: int) -> int:
    """How many calls it takes to plan a bid that needs all of so many offers of one node, of both classes, and more."""
    found, counted = market(), Counter[str]()
    for nth in range(offers):
        post(found, ("a100", "h100")[nth % 2], 8 * YUAN + nth * CENT)
    bid_id = bid(found, nodes=1, require=replace(REQUIRE, min_mtflops=300_000), limit_price=20 * YUAN)
    resting = found.state.book.bid(bid_id)
    admitted = tuple(Admitted(each, 2, mtflops, 15 * YUAN) for each, mtflops in (("a100", 300_000), ("h100", 200_000)))
    wanted = replace(
        resting, nodes=offers + 1, remaining=offers + 1, partial=True, limit_price=15 * YUAN,
        classes=("a100", "h100"), performance=admitted,
    )  # fmt: skip
    now = pass_at(found.time, found.in_force)
    sys.setprofile(lambda _frame, kind, _of: counted.update([kind]))
    try:
        plan = found.state.rule.bid_arrives(found.state.book, wanted, "FOK", now)
    finally:
        sys.setprofile(None)
    assert plan.refusal == "not_fillable"
    return counted["call"]


def test_a_fill_costs_what_it_takes_not_its_square() -> None:
    """Each search goes on behind the offers that the plan has emptied, in the ladder of every class."""
    few, many = calls_of_a_fill(16), calls_of_a_fill(64)
    assert many < 6 * few  # four times as many offers, not sixteen


# bonds ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "counts"), [(CENT, 10 * YUAN), (10 * YUAN, 10 * YUAN), (14 * YUAN, 14 * YUAN)])
def test_a_bond_is_measured_by_the_floor_price_of_the_class(price: int, counts: int) -> None:
    """Posted, reduced or replaced: an offer at 0.01 is bonded as one at the floor price."""
    found = Market(described("a100", 2, floor_prices=(FLOOR,)))
    offer_id = found.post(price=price)
    offered = found.state.offers[offer_id]
    node = counts * 8 * (OFFER.window_end - OFFER.window_start) * OFFER.bond_bps // 10_000
    assert offered.bond == node * OFFER.nodes
    assert found.state.classed[offer_id] == OfferClassed(
        offer_id=offer_id, class_id="a100", class_version=2, floor_price=10 * YUAN
    )
    found.reacts_to(described("a100", 3, floor_prices=()))  # stays as it was posted
    found.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=1, price=None), "gpu-1")
    found.then(OfferReduced(offer_id=offer_id, reduced_by=1, bond_released=node))


def test_no_floor_price_in_the_currency_leaves_the_offers_own() -> None:
    usd = FloorPrice(currency="USD", price=10 * YUAN)
    found = Market(described("a100", 2, floor_prices=(usd,)))
    assert found.state.offers[found.post(price=YUAN)].bond == YUAN * 8 * 24 * 4 * OFFER.bond_bps // 10_000


def test_the_worked_example_of_a_bond() -> None:
    """64 GPUs for a week at 15.00 are 161,280.00; a fifth of that is 32,256.00, whatever the offer asks."""
    found = Market(described("a100", 2, floor_prices=(FloorPrice(currency="CNY", price=15 * YUAN),)))
    for price in (CENT, 15 * YUAN):
        offer_id = found.post(nodes=8, window_end=B + 168, price=price)
        assert found.state.offers[offer_id].bond == 32_256 * YUAN
    assert not [each for each, _ in found.history if isinstance(each, OfferClosed)]
    assert len([each for each, _ in found.history if isinstance(each, OfferReceived)]) == 2
