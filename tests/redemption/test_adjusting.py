"""A payment of an earlier period was too small: by two people, with its own budget, beside what stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.ledger.adjustments import adjust
from counterfoil.ledger.chart import APPROPRIATION, OBLIGATED, budget, claim, claims
from counterfoil.redemption.adjustment_commands import AdjustPayment
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.commands import CloseSettlement, ReturnPayment
from counterfoil.redemption.events import ActEndorsed, PaymentReturned, SettlementClosed
from tests.given import Scenario
from tests.ledger.story import appropriated, programme, story
from tests.redemption.test_clawbacks import owed, paid, pay
from tests.redemption.world import STL, party, settled


def adjusting(amount: int = 100, **changes: Any) -> AdjustPayment:
    made = AdjustPayment(
        settlement_id=STL, provider_id="gpu-1", amount=amount, document="B-9", period_starts=1, period_ends=31,
        evidence=(bytes(32),), reason="the hours of January were left out",
    )  # fmt: skip
    return replace(made, **changes)


def by_two(scenario: Scenario, body: AdjustPayment) -> Scenario:
    if "city-2" not in scenario.state.directory.parties:
        scenario.reacts_to(replace(party("city-2", "issuer"), group_id="city"))
    return scenario.when(body, "city").then_types(ActEndorsed).when(body, "city-2")


def test_what_was_paid_too_little_is_paid_with_the_next_settlement_and_the_first_one_stays() -> None:
    told = paid(None)
    before = told.state.payments[STL, "gpu-1"]
    by_two(told, adjusting(599)).then_types(PaymentAdjusted)
    assert owed(told) == (0, 599)
    told.state.rules = replace(told.state.rules, unique_references=True)
    told.when(adjusting(1), "city").refused(Code.REFERENCE_ALREADY_USED)
    told.when(adjusting(2, document="B-10"), "city").refused(Code.EXCEEDS_PAID)
    by_two(told, adjusting(1, document="B-10")).then_types(PaymentAdjusted)
    assert told.state.payments[STL, "gpu-1"] is before
    told.state.rules = replace(told.state.rules, unique_references=False)
    told.when(CloseSettlement(programme_id="p1", claim_ids=(), payee_ids=("gpu-1",)), "city")
    told.then_types(SettlementClosed)
    back = ReturnPayment(settlement_id=STL, provider_id="gpu-1", return_reference="R-1", reason="closed")
    told.when(back, "bank").then_types(PaymentReturned)
    assert not told.state.adjusted


def test_one_person_pays_nothing_in_addition() -> None:
    told = paid(None).when(adjusting(), "city").then_types(ActEndorsed)
    told.when(adjusting(), "city").refused(Code.SECOND_SIGNATORY_NEEDED)
    told.reacts_to(replace(party("city-2", "issuer"), group_id="city"))
    told.when(adjusting(99), "city-2").then_types(ActEndorsed)  # another amount is not what the first has signed
    assert owed(told) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "actor", "code"),
    [
        ({"period_starts": 32}, "city", Code.PERIOD_NOT_VALID),
        ({"period_ends": 10**6}, "city", Code.DATE_IN_FUTURE),
        ({"provider_id": "gpu-2"}, "city", Code.UNKNOWN_SETTLEMENT),  # it is due, and not paid
        ({"settlement_id": "stl-9-9"}, "city", Code.UNKNOWN_SETTLEMENT),
        ({}, "town", Code.UNKNOWN_SETTLEMENT),
        ({"evidence": (bytes(32), bytes(32))}, "city", Code.DUPLICATE_ITEM),
    ],
)
def test_only_what_was_paid_for_a_period_that_is_over_is_adjusted(
    changes: dict[str, Any], actor: str, code: Code
) -> None:
    paid(None).when(adjusting(**changes), actor).refused(code)


def test_the_last_day_on_which_a_period_is_over_is_known_everywhere() -> None:
    told = settled().when(pay("gpu-1", 600), "bank")
    today = told.time // DAY
    told.when(adjusting(period_ends=today - 1), "city").refused(Code.DATE_IN_FUTURE)
    told.when(adjusting(period_ends=today - 2), "city").then_types(ActEndorsed)


def test_the_books_of_the_present_bear_it_and_what_is_not_committed_stays() -> None:
    scene = story(programme(), appropriated(500))
    accounts = scene.state.accounts
    left = accounts.find(APPROPRIATION, budget("city")).posted
    event = PaymentAdjusted(
        adjustment_id="adj-1-0", settlement_id=STL, programme_id="city", provider_id="cloud", currency="CNY",
        amount=70, document="B-9", period_starts=1, period_ends=31, evidence=(), reason="x", adjusted_by="issuer",
        payable_after=70,
    )  # fmt: skip
    (posted,) = adjust(scene.state, event, At(scene.time + 1, 9, 0))
    scene.given(posted)
    assert accounts.find(APPROPRIATION, budget("city")).posted == left
    assert accounts.find(OBLIGATED, budget("city")).posted == 70
    assert accounts.find(claims("cloud"), claim("city")).posted == 70
    assert not adjust(scene.state, replace(event, programme_id="another"), At(scene.time + 2, 10, 0))
