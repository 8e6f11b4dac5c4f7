"""Bids, trades and reports are paid by what a programme's document lays down, and never more than is held."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.ledger.events import (
    CaptureJudged,
    ContractFunded,
    HoldCaptured,
    HoldPlaced,
    HoldRefused,
    PurchaseJudged,
)
from counterfoil.ledger.holds import total
from counterfoil.matching.events import BidClosed, BidReduced
from tests.documents import document, published, rules_from
from tests.ledger.story import (
    COMPLETED,
    Story,
    accepted,
    appropriated,
    bid,
    deposit,
    issued,
    offer,
    party,
    programme,
    trade,
)

UNIT = 10**6
SCOPE = {"classes": ["h100"], "regions": ["east"]}
WHOLE_UNITS = {"mode": "TRUNCATE", "quantum": "1"}


def city(version: int = 1, **changes: Any) -> Any:
    return document(id="city", version=version, **({"scope": SCOPE} | changes))


def market(value: Any, face: int = 10_000 * UNIT) -> Story:
    """A programme by document with one voucher, a buyer and a provider with cash."""
    told = Story(party("bank", "treasurer"), party("acme", "beneficiary"), party("cloud", "provider"))
    told.hears(*published(value, "issuer"), appropriated(10 * face), issued("v1", face))
    for each in ("acme", "cloud"):
        told.when(deposit(each, 10_000 * UNIT), "bank")
    return told


def only(told: Story, kind: type) -> Any:
    (found,) = [each for each in told.said if isinstance(each, kind)]
    return found


def bought(told: Story, price: int, nodes: int = 1) -> ContractFunded:
    told.hears(bid("bid", price, nodes), offer("offer", 1_000 * UNIT), trade("trade", price * nodes, nodes=nodes))
    funded: ContractFunded = only(told, ContractFunded)
    return funded


@pytest.mark.parametrize(
    ("changes", "price", "subsidy"),
    [
        ({}, 100 * UNIT, 50 * UNIT),
        ({"benefit__tiers": [{"id": "all", "rate": "2/3"}]}, 100 * UNIT, 66_660_000),
        ({"benefit__tiers": [{"id": "all", "rate": "2/3"}], "benefit__rounding": WHOLE_UNITS}, 100 * UNIT, 66 * UNIT),
        (
            {
                "benefit__tiers": [
                    {"id": "first", "rate": "60%", "until": "50"}, {"id": "rest", "rate": "30%"},
                ],
                "benefit__tier_order": "FIRST",
            },
            100 * UNIT,
            45 * UNIT,
        ),
        ({"benefit__co_payment": {"min_share": "75%"}}, 100 * UNIT, 25 * UNIT),
        ({"redemption__reference_end": "2001-01-31"}, 100 * UNIT, 0),
    ],
)  # fmt: skip
def test_a_trade_is_paid_by_the_documents_rules(changes: dict[str, Any], price: int, subsidy: int) -> None:
    value = city(**changes)
    told = market(value)
    funded = bought(told, price)
    assert (total(funded.vouchers), funded.cash) == (subsidy, price - subsidy)
    judged = only(told, PurchaseJudged)
    assert (judged.subsidy, judged.rules_hash) == (subsidy, rules_from(value).digest)
    assert judged.explanation
    told.hears(accepted("trade", price))
    assert only(told, HoldCaptured).subsidy == subsidy
    told.hears(COMPLETED)
    assert not told.state.purchases


def test_what_is_reported_in_parts_is_paid_like_the_whole() -> None:
    """Each capture is judged with all before it; what is held decides where rounding would ask for more cash."""
    told = market(city(benefit__tiers=[{"id": "all", "rate": "2/3"}], benefit__rounding=WHOLE_UNITS))
    assert total(bought(told, 100 * UNIT).vouchers) == 66 * UNIT
    parts = [33_333_333, 33_333_333, 33_333_334]
    subsidies = []
    for amount in parts:
        told.hears(accepted("trade", amount))
        captured = only(told, HoldCaptured)
        assert captured.subsidy + captured.co_payment == amount
        subsidies.append(captured.subsidy)
    assert subsidies == [22 * UNIT, 22 * UNIT, 22 * UNIT]
    told.hears(COMPLETED)


def test_full_payment_with_rounding_never_lacks_cash() -> None:
    told = market(city(benefit__tiers=[{"id": "all", "rate": "100%"}], benefit__rounding=WHOLE_UNITS))
    assert bought(told, 3 * UNIT).cash == 0
    told.hears(accepted("trade", 1_500_000))
    assert only(told, HoldCaptured).subsidy == 1_500_000  # no cash is held for the half that was cut
    judged = only(told, CaptureJudged) if any(isinstance(each, CaptureJudged) for each in told.said) else None
    assert judged is not None
    assert judged.subsidy == UNIT
    told.hears(accepted("trade", 1_500_000), COMPLETED)


def test_a_bid_of_several_nodes_trades_in_parts_out_of_one_hold() -> None:
    told = market(city(benefit__tiers=[{"id": "first", "rate": "60%", "until": "50"}, {"id": "rest", "rate": "30%"}],
                       benefit__tier_order="FIRST"))  # fmt: skip
    told.hears(bid("bid", 40 * UNIT, 4), offer("offer", 1_000 * UNIT))
    held = told.state.holds.of_bid("bid")
    assert held is not None
    assert (total(held.draws), held.cash) == (63 * UNIT, 97 * UNIT)
    for nth, left in enumerate((3, 2)):
        told.hears(trade(f"t{nth}", 40 * UNIT, left))
    told.hears(BidReduced(bid_id="bid", nodes_left=1), trade("t3", 40 * UNIT, 0))
    told.hears(BidClosed(bid_id="bid", reason="cancelled"))
    contracts = told.state.holds.for_all("contract").values()
    assert all(total(each.draws) + each.cash == 40 * UNIT for each in contracts)


def test_vouchers_that_the_order_bars_pay_nothing_where_others_would() -> None:
    """The first to expire pays first, but only if it may pay for all that the order may buy."""
    told = Story(party("bank", "treasurer"), party("acme", "beneficiary"), programme("1/2"), appropriated(10**6))
    told.hears(
        programme("1/2", version=2, classes=("h100", "b200")), issued("v1", 1_000), issued("v2", 1_000, version=2)
    )
    told.when(deposit("acme", 10_000), "bank")
    told.hears(bid("bid", 100, classes=("h100", "b200")))
    placed = only(told, HoldPlaced)
    assert ([each.voucher_id for each in placed.vouchers], placed.version) == (["v2"], 2)
    told.hears(bid("named", 100, 1, "v1", classes=("b200",)))
    assert only(told, HoldRefused).code == Code.CLASS_NOT_IN_PROGRAMME


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"classes": ("b200",)}, Code.CLASS_NOT_IN_PROGRAMME),
        ({"regions": ("west",)}, Code.REGION_NOT_IN_PROGRAMME),
        ({"classes": ("h100", "b200")}, Code.CLASS_NOT_IN_PROGRAMME),
    ],
)
def test_a_class_or_region_of_a_later_version_is_named_to_whom_has_vouchers_of_an_earlier_one(
    wanted: dict[str, Any], code: Code
) -> None:
    told = market(city())
    told.hears(*published(city(2, scope={}), "issuer", "doc-2-0"))
    told.hears(bid("bid", 100 * UNIT, **wanted))
    assert only(told, HoldRefused).code == code


def test_any_class_and_any_region() -> None:
    told = market(city(scope={}))
    told.hears(bid("bid", 100 * UNIT, classes=("b200",), regions=("west",)))
    assert only(told, HoldPlaced).cash == 50 * UNIT


@pytest.mark.parametrize(
    "changes",
    [
        {"redemption": {"model": "APPLY_THEN_CLAIM", "claimant": "BENEFICIARY"}},
        {"benefit__floor": {"measure": "ELIGIBLE_AMOUNT", "amount": "1"}},
        {
            "benefit__caps": [
                {"id": "c", "scope": "BENEFICIARY", "period": {"kind": "LIFETIME"}, "amount": "1", "counts": ["PAID"]}
            ]
        },
    ],
)
def test_what_needs_a_claim_pays_no_bids(changes: dict[str, Any]) -> None:
    told = market(city(**changes))
    told.hears(bid("bid", 100 * UNIT))
    assert only(told, HoldRefused).code == Code.PROGRAMME_NOT_ON_MARKET
