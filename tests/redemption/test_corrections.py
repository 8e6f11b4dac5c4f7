"""Wrong reports put right before their capture, disputes about hours, and contracts that both sides cancel."""

from __future__ import annotations

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    ProposeCancellation,
    ResolveDispute,
    WithdrawDispute,
)
from counterfoil.redemption.events import (
    CancellationProposed,
    ContractCancelled,
    ContractCompleted,
    ContractOpened,
    DisputeRaised,
    ProviderDefaulted,
    UsageAccepted,
    UsageCorrected,
    UsageSplit,
)
from tests.given import Scenario
from tests.redemption.world import (
    END,
    FULL,
    PRICE,
    REP,
    T0,
    WINDOW,
    correction,
    dispute,
    opened,
    report,
    reported,
    short,
    trade,
)


def one_hour() -> Scenario:
    """A contract of one hour, of which 48 GPU-minutes are reported instead of 480."""
    scenario = opened()
    scenario.reacts_to(trade("c4", hours=1, notional=8 * PRICE)).then_types(ContractOpened)
    scenario.when(report("c4", (0, FULL // 10)), "gpu-1", T0 + HOUR)
    return scenario


def said(scenario: Scenario) -> list[tuple[str, int]]:
    """By what and with how many GPU-minutes reports were accepted last."""
    assert isinstance(scenario.last, list)
    return [(event.by, event.gpu_minutes) for event in scenario.last if isinstance(event, UsageAccepted)]


# corrections ----------------------------------------------------------------------------------------------------------


def test_forty_eight_minutes_instead_of_480_are_corrected_and_the_contract_is_delivered() -> None:
    scenario = one_hour()
    report_id = f"rep-{scenario.index}-0"
    scenario.when(correction(report_id, (0, FULL)), "gpu-1")
    agreed = AgreeCorrection(report_id=report_id, correction_id=f"cor-{scenario.index}-0")
    scenario.when(agreed, "lab-1").then_types(UsageCorrected, UsageAccepted, ContractCompleted)
    assert said(scenario) == [("agreement", FULL)]
    assert scenario.state.contracts["c4"].invoiced == 8 * PRICE


def test_either_side_proposes_and_the_last_of_each_side_counts() -> None:
    scenario = short().when(correction(REP, (0, 7)), "lab-1").when(correction(REP, (0, 9)), "lab-1")
    assert [(each.by, each.readings[0].gpu_minutes) for each in scenario.state.reports[REP].corrections] == [
        ("gpu-1", FULL),
        ("lab-1", 9),
    ]
    scenario.when(AgreeCorrection(report_id=REP, correction_id="cor-16-0"), "gpu-1").refused(Code.UNKNOWN_PROPOSAL)
    scenario.when(AgreeCorrection(report_id=REP, correction_id="cor-17-0"), "gpu-1")
    assert said(scenario) == [("agreement", 9)]


def test_hours_that_a_correction_does_not_name_stay_as_they_were_reported() -> None:
    scenario = opened().when(report("c1", (0, 1), (1, 2), (2, 3)), "gpu-1", END)
    scenario.when(correction(REP, (1, FULL)), "lab-1").when(
        AgreeCorrection(report_id=REP, correction_id="cor-15-0"), "gpu-1"
    )
    assert said(scenario) == [("agreement", FULL + 4)]


def test_a_correction_that_nobody_agrees_to_becomes_a_dispute_and_is_resolved_up_to_capacity() -> None:
    """The provider's mistake is not the beneficiary's gain: silence does not make it stand."""
    scenario = one_hour()
    report_id = f"rep-{scenario.index}-0"
    scenario.when(correction(report_id, (0, FULL)), "gpu-1")
    scenario.when(AcceptUsage(report_id=report_id), "lab-1").refused(Code.CORRECTION_OPEN)
    scenario.fires("dispute_window", T0 + HOUR + WINDOW).then_types(DisputeRaised)
    assert scenario.state.reports[report_id].disputed_by == "gpu-1"
    scenario.when(ResolveDispute(report_id=report_id, gpu_minutes=FULL + 1, reason="meter"), "op")
    scenario.refused(Code.EXCEEDS_CAPACITY)
    scenario.when(ResolveDispute(report_id=report_id, gpu_minutes=FULL, reason="meter"), "op")
    scenario.then_types(UsageAccepted, ContractCompleted)


def test_rules_before_version_4_resolve_at_most_what_was_reported() -> None:
    scenario = short().when(dispute(REP), "lab-1")
    scenario.state.rules = RULES[3]
    resolve = ResolveDispute(report_id=REP, gpu_minutes=FULL // 10 + 1, reason="meter")
    scenario.when(resolve, "op").refused(Code.EXCEEDS_CAPACITY)


def test_one_sweep_takes_reports_with_and_without_a_correction() -> None:
    scenario = opened().when(report("c1", (0, 1)), "gpu-1", END).when(report("c1", (1, 2), (2, 2)), "gpu-1")
    scenario.when(correction("rep-15-0", (1, FULL)), "gpu-1")
    scenario.fires("dispute_window", END + WINDOW + 9).then_types(DisputeRaised, UsageAccepted)
    assert set(scenario.state.reports) == {"rep-15-0"}


# disputes -------------------------------------------------------------------------------------------------------------


def contested() -> Scenario:
    """Entry 14 reports three hours, entry 15 contests the second."""
    return opened().when(report("c1", (0, 1), (1, 2), (2, 3)), "gpu-1", END).when(dispute(REP, 1), "lab-1")


def test_contested_hours_wait_and_the_others_go_their_way() -> None:
    scenario = contested().then_types(UsageSplit, DisputeRaised)
    assert {name: each.gpu_minutes for name, each in scenario.state.reports.items()} == {REP: 4, "rep-15-0": 2}
    scenario.fires("dispute_window", END + WINDOW)
    assert said(scenario) == [("window", 4)]
    scenario.when(ResolveDispute(report_id="rep-15-0", gpu_minutes=FULL, reason="meter"), "op")
    scenario.then_types(UsageAccepted, ProviderDefaulted)  # 484 of 1,440 GPU-minutes are no delivery
    assert said(scenario) == [("resolution", FULL)]


def test_a_dispute_about_every_hour_is_about_the_report_itself() -> None:
    whole = opened().when(report("c1", (0, 1), (1, 2)), "gpu-1", END).when(dispute(REP, 1, 0), "lab-1")
    whole.then_types(DisputeRaised)


def test_who_raised_a_dispute_withdraws_it_and_the_report_stands() -> None:
    scenario = contested().when(WithdrawDispute(report_id="rep-15-0"), "lab-1")
    assert said(scenario) == [("withdrawal", 2)]
    assert set(scenario.state.reports) == {REP}


def test_a_correction_outlives_a_dispute_about_some_of_its_hours() -> None:
    """Else the beneficiary could contest one hour to be rid of it, and accept the others as they were reported."""
    scenario = opened().when(report("c1", (0, 1), (1, 2), (2, 3)), "gpu-1", END)
    scenario.when(correction(REP, (0, FULL), (1, FULL)), "gpu-1").when(dispute(REP, 1), "lab-1")
    scenario.when(AcceptUsage(report_id=REP), "lab-1").refused(Code.CORRECTION_OPEN)
    agree = AgreeCorrection(report_id=REP, correction_id="cor-15-0")
    scenario.when(agree, "lab-1")
    assert said(scenario) == [("agreement", FULL + 3)]
    scenario.when(AgreeCorrection(report_id="rep-16-0", correction_id="cor-15-0"), "lab-1")
    assert said(scenario) == [("agreement", FULL)]


def test_evidence_is_bounded() -> None:
    most = RULES[LATEST].max_evidence
    digests = tuple(bytes([number]) * 32 for number in range(most + 1))
    reported().when(dispute(REP, evidence=digests), "lab-1").refused(Code.OVER_LIMIT)
    reported().when(dispute(REP, evidence=digests[:most]), "lab-1").then_types(DisputeRaised)


# cancellations --------------------------------------------------------------------------------------------------------

PROPOSE, TOO = ProposeCancellation(contract_id="c1", reason="fire"), AgreeCancellation(contract_id="c1")


@pytest.mark.parametrize(("by", "other"), [("gpu-1", "lab-1"), ("lab-1", "gpu-1")])
def test_both_sides_cancel_a_contract_before_its_delivery(by: str, other: str) -> None:
    scenario = opened().when(PROPOSE, by)
    scenario.then(CancellationProposed(contract_id="c1", by=by, reason="fire", until=T0))
    scenario.when(TOO, other, T0 - 1)
    scenario.then(ContractCancelled(contract_id="c1", beneficiary_id="lab-1", provider_id="gpu-1"))
    assert "c1" not in scenario.state.contracts
    scenario.when(report("c1", (0, FULL)), "gpu-1", T0 + HOUR).refused(Code.UNKNOWN_CONTRACT)


def test_a_proposed_cancellation_does_not_stand_for_ever() -> None:
    stands = RULES[LATEST].cancellation_stands
    scenario = opened(first_hour=T0 // HOUR + 1_000).when(PROPOSE, "gpu-1")
    until = scenario.time + stands
    scenario.when(TOO, "lab-1", until).refused(Code.UNKNOWN_PROPOSAL)
    scenario.when(PROPOSE, "lab-1").then_types(CancellationProposed)
    scenario.when(TOO, "gpu-1").then_types(ContractCancelled)
