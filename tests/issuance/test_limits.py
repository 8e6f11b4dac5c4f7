"""Issuance's bounds on windows, keys and the money of one programme hold at n and not at n + 1."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.events import KeyAdded, ProgrammePublishedV1
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code
from counterfoil.core import rules as every
from counterfoil.core.rules import LATEST
from counterfoil.issuance.commands import AddKey, AppropriateBudget, ReduceBudget, RevokeKey
from counterfoil.issuance.events import BudgetAppropriated, BudgetReduced, VoucherIssued
from tests.issuance.world import OPEN, PROGRAMME, issue, people
from tests.possession import proven
from tests.programmes import changed

pytestmark = pytest.mark.usefixtures("any_paper")


@pytest.mark.parametrize("field", ["report_within_seconds", "dispute_window_seconds"])
@pytest.mark.parametrize(("seconds", "fits"), [(3_600, True), (3_599, False), (0, False)])
def test_windows_leave_an_hour_to_act(field: str, seconds: int, fits: bool) -> None:
    """With none, usage would be final as it is reported, or late before it could be."""
    other: dict[str, Any] = {field: seconds}
    scenario = people().when(changed(PROGRAMME, **other), "city-1")
    if fits:
        scenario.then_types(ProgrammePublishedV1)
    else:
        scenario.refused(Code.PERIOD_NOT_VALID)


def test_a_party_adds_so_many_keys_in_a_period() -> None:
    """So a thief can neither use up the keys that a party may ever have, nor make its record grow without bound."""
    scenario, rules = people(), every.RULES[LATEST]
    most = rules.max_new_keys
    assert most is not None
    begun = scenario.time
    for n in range(100, 100 + most - 1):  # beside the one that the party was registered with
        added = AddKey(key=proven(n, "gpu-1"))
        scenario.when(added, "gpu-1").then_types(KeyAdded)
        scenario.when(RevokeKey(party_id="gpu-1", key_id=key_id_of(added.key.public_key), reason="lost"), "gpu-1")
    beyond = AddKey(key=proven(200, "gpu-1"))
    scenario.when(beyond, "gpu-1").refused(Code.OVER_LIMIT)
    scenario.when(AddKey(key=proven(201, "gpu-2")), "gpu-2").then_types(KeyAdded)
    scenario.when(beyond, "gpu-1", at=begun + rules.new_keys_period).then_types(KeyAdded)


@pytest.mark.parametrize("rules", [3, LATEST])
def test_the_room_of_a_programme_is_its_own(rules: int) -> None:
    """An issuer that appropriates everything bars nobody else; by rules 1 to 3 all programmes of a currency shared."""
    scenario = people()
    scenario.state.rules = every.RULES[rules]  # as the fixture has them
    for programme_id, issuer, currency in (("p1", "city-1", "CNY"), ("p2", "city-2", "CNY"), ("p3", "city-2", "EUR")):
        body = changed(PROGRAMME, programme_id=programme_id, currency=currency, beneficiary_cap=MAX_AMOUNT)
        scenario.when(body, issuer).then_types(ProgrammePublishedV1)

    def budget(programme_id: str, amount: int) -> AppropriateBudget:
        return AppropriateBudget(programme_id=programme_id, amount=amount, document="budget")

    scenario.time = OPEN
    scenario.when(budget("p1", MAX_AMOUNT), "city-1").then_types(BudgetAppropriated)
    scenario.when(budget("p1", 1), "city-1").refused(Code.AMOUNT_TOO_LARGE)
    scenario.when(budget("p3", MAX_AMOUNT), "city-2").then_types(BudgetAppropriated)
    if rules == LATEST:
        scenario.when(budget("p2", MAX_AMOUNT), "city-2").then_types(BudgetAppropriated)
        scenario.when(budget("p2", 1), "city-2").refused(Code.AMOUNT_TOO_LARGE)
        error = ReduceBudget(programme_id="p1", amount=MAX_AMOUNT - 100, document="budget-b", reason="typing error")
        scenario.when(error, "city-1").then_types(BudgetReduced)
        scenario.when(budget("p1", MAX_AMOUNT - 100), "city-1").then_types(BudgetAppropriated)
    else:
        scenario.when(budget("p2", 1), "city-2").refused(Code.AMOUNT_TOO_LARGE)
        scenario.when(issue("lab-3", 1), "city-1").refused(Code.AMOUNT_TOO_LARGE)


@pytest.mark.parametrize("rules", [3, LATEST])
def test_a_programme_says_how_small_a_voucher_may_be(rules: int) -> None:
    scenario = people()
    scenario.state.rules = every.RULES[rules]  # as the fixture has them
    scenario.when(changed(PROGRAMME, min_face=501), "city-1")
    if rules == LATEST:
        scenario.refused(Code.MINIMUM_EXCEEDS_QUANTITY)
        scenario.when(changed(PROGRAMME, min_face=500), "city-1").then_types(ProgrammePublishedV1)
    budget = AppropriateBudget(programme_id="p1", amount=1_000, document="budget")
    scenario.when(budget, "city-1").when(issue("lab-1", 499), "city-1", at=OPEN)
    if rules == LATEST:
        scenario.refused(Code.FACE_TOO_SMALL).when(issue("lab-1", 500), "city-1")
    scenario.then_types(VoucherIssued)
