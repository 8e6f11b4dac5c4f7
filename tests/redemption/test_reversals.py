"""Reversals of captures: who decides them, how much, and what providers owe afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code
from counterfoil.redemption import reversals
from counterfoil.redemption.commands import (
    AgreeReversal,
    ApprovedLine,
    ConfirmPayment,
    ConfirmRecovery,
    ProposeReversal,
    ReverseCapture,
)
from counterfoil.redemption.events import ClaimOffset, ClaimSubmitted, RecoveryConfirmed, UsageReversed
from tests.given import Scenario, codes_in
from tests.paper_work import PAID_ON, approve, reject
from tests.redemption.world import CLM_1, STL, claim, claimed, earned, party, settled

C1 = "rep-14-0"
"""Of c1, with gpu-1 and lab-1: 600 of subsidy and 7 of co-payment are captured."""


def propose(amount: int, report_id: str = C1) -> ProposeReversal:
    return ProposeReversal(report_id=report_id, amount=amount, reason="counted twice")


def decide(amount: int, report_id: str = C1) -> ReverseCapture:
    return ReverseCapture(report_id=report_id, amount=amount, reason="meter audit")


def recover(amount: int, programme_id: str = "p1") -> ConfirmRecovery:
    return ConfirmRecovery(programme_id=programme_id, provider_id="gpu-1", amount=amount, payment_reference="back-1")


AGREE = AgreeReversal(report_id=C1, reversal_id="rev-23-0")


def proposed() -> Scenario:
    """Entry 23: the provider would give 100 back."""
    return earned().when(propose(100), "gpu-1")


def paid() -> Scenario:
    """Everything of p1 is claimed and paid."""
    first = ConfirmPayment(
        settlement_id=STL, provider_id="gpu-1", amount=600, payment_reference="wire", paid_on=PAID_ON
    )
    return settled().when(first, "bank").when(replace(first, provider_id="gpu-2", amount=300), "bank")


def denied() -> Scenario:
    """Of c1, 350 of the 600 is denied, and the rest claimable once more."""
    lines = (ApprovedLine(contract_id="c1", amount=250),)
    scenario = claimed().when(replace(approve(CLM_1), lines=lines, rest="ends"), "city")
    assert scenario.state.reversible["c1"] == 250
    return scenario


def owing() -> Scenario:
    """The operator reversed 100 of c1 after it was paid."""
    return paid().when(decide(100), "op")


def related(scenario: Scenario | None = None) -> Scenario:
    """An operator and a treasurer of the provider's group."""
    scenario = scenario or earned()
    scenario.reacts_to(replace(party("op-2", "operator"), group_id="gpu-1"))
    return scenario.reacts_to(replace(party("bank-2", "treasurer"), group_id="gpu-1"))


Row = tuple[Callable[[], Scenario], Body, str, Code]
REFUSALS: list[Row] = [
    (earned, propose(1, "rep-1-0"), "gpu-1", Code.UNKNOWN_CAPTURE),
    (earned, propose(1), "gpu-2", Code.UNKNOWN_CAPTURE),
    (earned, propose(608), "gpu-2", Code.UNKNOWN_CAPTURE),
    (earned, propose(608), "gpu-1", Code.EXCEEDS_CAPTURED),
    (claimed, propose(608), "gpu-1", Code.EXCEEDS_CAPTURED),
    (claimed, propose(2), "gpu-1", Code.EXCEEDS_UNCLAIMED),
    (proposed, AgreeReversal(report_id="rep-1-0", reversal_id="rev-23-0"), "lab-1", Code.UNKNOWN_CAPTURE),
    (proposed, AGREE, "lab-2", Code.UNKNOWN_CAPTURE),
    (proposed, AGREE, "gpu-1", Code.UNKNOWN_PROPOSAL),
    (earned, AGREE, "lab-1", Code.UNKNOWN_PROPOSAL),
    (lambda: proposed().when(propose(607), "gpu-1"), AGREE, "lab-1", Code.UNKNOWN_PROPOSAL),
    (lambda: proposed().when(AGREE, "lab-1"), AGREE, "lab-1", Code.UNKNOWN_PROPOSAL),
    (lambda: proposed().when(claim("I", "c1"), "gpu-1"), AGREE, "lab-1", Code.EXCEEDS_UNCLAIMED),
    (lambda: proposed().when(decide(508), "op"), AGREE, "lab-1", Code.UNKNOWN_PROPOSAL),
    (earned, decide(1, "rep-1-0"), "op", Code.UNKNOWN_CAPTURE),
    (earned, decide(608), "op", Code.EXCEEDS_CAPTURED),
    (related, decide(1), "op-2", Code.DUTIES_NOT_SEPARATE),
    (lambda: related(paid()), recover(1), "bank-2", Code.EXCEEDS_OWED),
    (owing, decide(508), "op", Code.EXCEEDS_CAPTURED),
    (denied, decide(300), "op", Code.EXCEEDS_CAPTURED),
    (owing, recover(1, "p9"), "bank", Code.UNKNOWN_PROGRAMME),
    (lambda: related(owing()), recover(1), "bank-2", Code.DUTIES_NOT_SEPARATE),
    (owing, recover(100), "bank", Code.EXCEEDS_OWED),  # 99 of the 100 is subsidy
    (earned, recover(1), "bank", Code.EXCEEDS_OWED),
]


@pytest.mark.parametrize(("story", "command", "actor", "code"), REFUSALS)
def test_refusals(story: Callable[[], Scenario], command: Body, actor: str, code: Code) -> None:
    scenario = story()
    before = scenario.records()
    scenario.when(command, actor).refused(code)
    assert scenario.records() == before


def test_every_refusal_is_in_the_table() -> None:
    assert codes_in(reversals) == {code for *_, code in REFUSALS} - {Code.DUTIES_NOT_SEPARATE}


def test_both_sides_reverse_what_is_not_claimed_and_less_is_claimable() -> None:
    scenario = proposed().when(AGREE, "lab-1").then_types(UsageReversed)
    assert reversed_by(scenario) == ("gpu-1", 99, 0, 1)
    assert scenario.state.claimable["c1"].amount == 501
    assert not scenario.state.owed


def test_all_of_a_capture_and_no_more_comes_back_whatever_the_parts() -> None:
    """The subsidy of each part is rounded up, so what stands is never more than the programme's share."""
    scenario, parts = earned(), []
    for amount in (1, 100, 505, 1):
        parts.append(reversed_by(scenario.when(decide(amount), "op")))
        captured = scenario.state.captures[C1]
        assert (600 - captured.reversed_subsidy) * 607 <= 600 * captured.left
    assert (sum(part[1] for part in parts), sum(part[3] for part in parts)) == (600, 7)
    scenario.when(decide(1), "op").refused(Code.EXCEEDS_CAPTURED)
    assert "c1" not in scenario.state.claimable


def test_what_was_claimed_is_owed_and_set_off_against_the_next_claims() -> None:
    scenario = owing()
    assert reversed_by(scenario) == ("op", 0, 99, 1)
    assert scenario.state.owed == {("p1", "gpu-1"): 99}
    scenario.state.earn("c8", "p1", "gpu-1", 60)
    scenario.state.earn("c9", "p1", "gpu-1", 60)
    scenario.when(claim("INV/8", "c8"), "gpu-1").then_types(ClaimOffset)
    assert scenario.state.owed == {("p1", "gpu-1"): 39}
    assert "c8" not in scenario.state.claimable
    assert scenario.state.references.used("gpu-1", "invoice", "INV/8") is None  # nothing was claimed with it
    scenario.when(claim("INV/8", "c9"), "gpu-1").then_types(ClaimOffset, ClaimSubmitted)
    assert isinstance(scenario.last, list)
    assert scenario.last[1].amount == 21
    assert not scenario.state.owed
    assert "c9" not in scenario.state.claimable


def test_a_claim_that_is_rejected_after_a_reversal_is_set_off_when_it_is_made_again() -> None:
    scenario = claimed().when(decide(607), "op").when(reject(CLM_1, "reversed"), "city")
    assert scenario.state.claimable["c1"].amount == 600
    scenario.when(claim("INV/9", "c1"), "gpu-1").then_types(ClaimOffset)
    assert not scenario.state.owed
    scenario.when(approve(CLM_1), "city").refused(Code.UNKNOWN_CLAIM)


def test_what_was_denied_cannot_be_given_back_as_well() -> None:
    scenario = denied().when(decide(250), "op").then_types(UsageReversed)
    assert reversed_by(scenario) == ("op", 0, 248, 2)
    assert scenario.state.reversible["c1"] == 2


def test_of_what_was_rejected_and_is_set_off_or_reversed_no_more_was_rejected_than_there_is() -> None:
    scenario = claimed().when(reject(CLM_1), "city")
    scenario.state.earn("c1", "p1", "gpu-1", 60)
    scenario.when(decide(101), "op")
    assert (scenario.state.claimable["c1"].amount, scenario.state.claimable["c1"].rejected) == (560, 560)
    scenario.state.owed["p1", "gpu-1"] = 60
    scenario.when(claim("INV/8", "c1"), "gpu-1").then_types(ClaimOffset, ClaimSubmitted)
    assert isinstance(scenario.last, list)
    (line,) = scenario.last[1].lines
    assert (line.amount, line.resubmitted) == (500, 500)


def test_a_provider_pays_back_part_by_part() -> None:
    scenario = owing().when(recover(60), "bank").then_types(RecoveryConfirmed)
    assert scenario.state.owed == {("p1", "gpu-1"): 39}
    scenario.when(recover(40), "bank").refused(Code.EXCEEDS_OWED)
    scenario.when(recover(39), "bank")
    assert not scenario.state.owed


def reversed_by(scenario: Scenario) -> tuple[str, int, int, int]:
    """(who, unclaimed, owed, co-payment) of the reversal decided last."""
    assert isinstance(scenario.last, list)
    (event,) = scenario.last
    return event.by, event.unclaimed, event.owed, event.co_payment
