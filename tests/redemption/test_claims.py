"""Claims and their payment: the right decision, the first refusal that applies, and limits kept exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderDelisted, ProviderReinstated, ProviderSuspended
from counterfoil.redemption import claims, settlements
from counterfoil.redemption.commands import AcceptUsage, ApproveClaim, ConfirmPayment, RejectClaim
from counterfoil.redemption.events import (
    ClaimApproved,
    ClaimLine,
    ClaimRejected,
    ClaimSubmitted,
    Payee,
    PaymentConfirmed,
    SettlementClosed,
)
from tests.given import Scenario, codes_in
from tests.redemption.world import (
    CLM_1,
    CLM_2,
    CLM_3,
    END,
    REP,
    STL,
    approved,
    captured,
    claim,
    claimed,
    earned,
    opened,
    people,
    report,
    reported,
    settle,
    settled,
    trade,
)

MAX_CONTRACTS_PER_CLAIM = RULES[LATEST].max_contracts_per_claim
MAX_CLAIMS_PER_SETTLEMENT = RULES[LATEST].max_claims_per_settlement

APPROVE, REJECT = ApproveClaim(claim_id=CLM_1), RejectClaim(claim_id=CLM_1, reason="no invoice")
SUSPENDED = ProviderSuspended(programme_id="p1", provider_id="gpu-1", reason="meters")
PAY = ConfirmPayment(settlement_id=STL, payment_reference="wire-9")
MANY = tuple(f"c{n}" for n in range(MAX_CONTRACTS_PER_CLAIM + 1))
Row = tuple[Callable[[], Scenario], Body, str, Code]

# Each row: the story so far, a command, its actor, the refusal. Two faults in one command: the first code counts.
CLAIMING: list[Row] = [
    (earned, claim("A", "c2", programme_id="p9"), "gpu-1", Code.UNKNOWN_PROGRAMME),
    (earned, claim("A", "c1", "c2"), "gpu-1", Code.NOT_YOURS),
    (opened, claim("A", "c2"), "gpu-1", Code.NOT_YOURS),
    (earned, claim("A", "c2", "c2"), "gpu-1", Code.NOT_YOURS),
    (earned, claim("A", "c9", "c9"), "gpu-1", Code.DUPLICATE_ITEM),
    (claimed, claim("INV/1"), "gpu-1", Code.EMPTY_LIST),
    (people, claim("A", *MANY), "gpu-1", Code.OVER_LIMIT),
    (earned, claim("A", "c1", "c9"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (earned, claim("A", "c1", "c3"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (opened, claim("A", "c1"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (claimed, claim("INV/1", "c1"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (earned, APPROVE, "city", Code.UNKNOWN_CLAIM),
    (lambda: claimed().when(REJECT, "city"), APPROVE, "city", Code.UNKNOWN_CLAIM),
    (claimed, APPROVE, "town", Code.NOT_YOURS),
    (approved, REJECT, "town", Code.NOT_YOURS),
    (approved, APPROVE, "city", Code.CLAIM_NOT_OPEN),
    (approved, REJECT, "city", Code.CLAIM_NOT_OPEN),
    (settled, REJECT, "city", Code.CLAIM_NOT_OPEN),
    (approved, settle("clm-9-9", programme_id="p9"), "city", Code.UNKNOWN_PROGRAMME),
    (approved, settle(CLM_1, "clm-9-9"), "town", Code.UNKNOWN_CLAIM),
    (approved, settle(CLM_1, CLM_1), "town", Code.NOT_YOURS),
    (claimed, settle(CLM_1, CLM_1), "city", Code.DUPLICATE_ITEM),
    (approved, settle(), "city", Code.EMPTY_LIST),
    (claimed, settle(CLM_1), "city", Code.CLAIM_NOT_APPROVED),
    (approved, settle(CLM_1, CLM_3), "city", Code.CLAIM_NOT_APPROVED),
    (settled, settle(CLM_1), "city", Code.CLAIM_NOT_APPROVED),
    (lambda: claimed().reacts_to(SUSPENDED), APPROVE, "city", Code.PROVIDER_SUSPENDED),
    (lambda: approved().reacts_to(SUSPENDED), settle(CLM_1, CLM_2), "city", Code.PROVIDER_SUSPENDED),
    (approved, PAY, "bank", Code.UNKNOWN_SETTLEMENT),
    (lambda: settled().when(PAY, "bank"), PAY, "bank", Code.UNKNOWN_SETTLEMENT),
    (lambda: settled().when(PAY, "bank"), APPROVE, "city", Code.UNKNOWN_CLAIM),
]
ELSEWHERE = {Code.INVOICE_ALREADY_USED, Code.AMOUNT_TOO_LARGE}  # in tests of their own below


@pytest.mark.parametrize(("story", "command", "actor", "code"), CLAIMING)
def test_refusals(story: Callable[[], Scenario], command: Body, actor: str, code: Code) -> None:
    scenario = story()
    assert not isinstance(scenario.last, Refusal), scenario.last
    before = scenario.records()
    scenario.when(command, actor).refused(code)
    assert scenario.records() == before


def test_every_refusal_is_in_the_table() -> None:
    assert codes_in(claims, settlements) == {code for *_, code in CLAIMING} | ELSEWHERE


# claims ---------------------------------------------------------------------------------------------------------------


def test_a_claim_takes_all_that_is_claimable() -> None:
    scenario = earned()
    scenario.when(claim("INV/1", "c1"), "gpu-1").then(
        ClaimSubmitted(
            claim_id=CLM_1,
            programme_id="p1",
            provider_id="gpu-1",
            invoice_number="INV/1",
            lines=(ClaimLine(contract_id="c1", amount=600),),
            amount=600,
        )
    )
    assert "claimable/c1" not in scenario.records()


def test_an_invoice_serves_one_claim_of_its_provider_across_programmes_and_for_good() -> None:
    scenario = claimed().when(REJECT, "city").then(ClaimRejected(claim_id=CLM_1, reason="no invoice"))
    assert scenario.records()["claimable/c1"] == {"programme_id": "p1", "provider_id": "gpu-1", "amount": "600"}
    scenario.when(claim("INV/1", "c1"), "gpu-1").refused(Code.INVOICE_ALREADY_USED)
    scenario.when(claim("INV/2", "c1"), "gpu-1").refused(Code.INVOICE_ALREADY_USED)  # used for p2
    scenario.when(claim("INV/3", "c1"), "gpu-1").then_types(ClaimSubmitted)


def test_a_rejected_claim_joins_what_was_captured_meanwhile() -> None:
    scenario = reported().when(AcceptUsage(report_id=REP), "lab-1").reacts_to(captured("c1", REP, 5))
    scenario.when(claim("A", "c1"), "gpu-1")  # clm-17-0
    scenario.when(report("c1", (1, 9)), "gpu-1", END).when(AcceptUsage(report_id="rep-18-0"), "lab-1")
    scenario.reacts_to(captured("c1", "rep-18-0", 7))
    scenario.when(RejectClaim(claim_id="clm-17-0", reason="x"), "city").then_types(ClaimRejected)
    assert scenario.records()["claimable/c1"] == {"programme_id": "p1", "provider_id": "gpu-1", "amount": "12"}


def test_a_batch_is_netted_per_provider_and_paid_once() -> None:
    scenario = approved()
    scenario.then(ClaimApproved(claim_id=CLM_3))
    payees = (Payee(provider_id="gpu-1", amount=600), Payee(provider_id="gpu-2", amount=300))
    scenario.when(settle(CLM_2, CLM_1), "city").then(
        SettlementClosed(
            settlement_id=STL,
            programme_id="p1",
            currency="CNY",
            claim_ids=(CLM_2, CLM_1),
            payees=payees,
            amount=900,
        )
    )
    scenario.when(PAY, "bank").then(
        PaymentConfirmed(
            settlement_id=STL,
            programme_id="p1",
            currency="CNY",
            payment_reference="wire-9",
            claim_ids=(CLM_2, CLM_1),
            payees=payees,
        )
    )
    kinds = {key.partition("/")[0] for key in scenario.records()}
    # the claim on p2, and the memory of contracts, captures and invoices
    assert kinds == {"rules", "party", "programme", "claim", "invoice", "ended", "captured"}


@pytest.mark.parametrize("event", [ProviderReinstated, ProviderDelisted])
def test_claims_wait_while_their_provider_is_suspended(event: type[Any]) -> None:
    """They can be made and rejected; reinstated or delisted, the provider is owed what it delivered."""
    scenario = claimed().reacts_to(SUSPENDED)
    scenario.when(APPROVE, "city").refused(Code.PROVIDER_SUSPENDED)
    scenario.reacts_to(event(programme_id="p1", provider_id="gpu-1", reason="checked"))
    scenario.when(APPROVE, "city").then(ClaimApproved(claim_id=CLM_1))
    claimed().reacts_to(SUSPENDED).when(REJECT, "city").then_types(ClaimRejected)
    earned().reacts_to(SUSPENDED).when(claim("INV/1", "c1"), "gpu-1").then_types(ClaimSubmitted)


def test_claims_of_one_provider_are_one_payment() -> None:
    scenario = (
        reported()
        .when(AcceptUsage(report_id=REP), "lab-1")
        .reacts_to(captured("c1", REP, 5))
        .when(claim("A", "c1"), "gpu-1")
    )
    first = f"clm-{scenario.index}-0"
    scenario.when(report("c1", (1, 9)), "gpu-1", END)
    second_report = f"rep-{scenario.index}-0"
    scenario.when(AcceptUsage(report_id=second_report), "lab-1").reacts_to(captured("c1", second_report, 7))
    scenario.when(claim("B", "c1"), "gpu-1")
    second = f"clm-{scenario.index}-0"
    for claim_id in (first, second):
        scenario.when(ApproveClaim(claim_id=claim_id), "city")
    scenario.when(settle(first, second), "city").then_types(SettlementClosed)
    assert not isinstance(scenario.last, Refusal)
    (closed,) = scenario.last
    assert isinstance(closed, SettlementClosed)
    assert closed.payees == (Payee(provider_id="gpu-1", amount=12),)


# amounts and list limits ----------------------------------------------------------------------------------------------


def rich(subsidy: int) -> Scenario:
    """c1 earned `subsidy` and c4, of the same provider and programme, MAX_AMOUNT less 10."""
    scenario = people()
    for contract_id, amount in (("c1", subsidy), ("c4", MAX_AMOUNT - 10)):
        scenario.reacts_to(trade(contract_id)).when(report(contract_id, (0, 1)), "gpu-1", END)
        report_id = f"rep-{scenario.index}-0"
        scenario.when(AcceptUsage(report_id=report_id), "lab-1").reacts_to(captured(contract_id, report_id, amount))
    return scenario


def test_a_claim_is_at_most_the_largest_amount() -> None:
    rich(10).when(claim("A", "c1", "c4"), "gpu-1").then_types(ClaimSubmitted)
    rich(11).when(claim("A", "c1", "c4"), "gpu-1").refused(Code.AMOUNT_TOO_LARGE)
    rich(11).when(claim("A", "c1", "c4", "c9"), "gpu-1").refused(Code.AMOUNT_TOO_LARGE)  # before nothing_to_claim


@pytest.mark.parametrize(("subsidy", "fits"), [(10, True), (11, False)])
def test_a_batch_is_at_most_the_largest_amount(subsidy: int, fits: bool) -> None:
    scenario, claim_ids = rich(subsidy), []
    for contract_id in ("c1", "c4"):
        scenario.when(claim(contract_id, contract_id), "gpu-1")
        claim_ids.append(f"clm-{scenario.index}-0")
    if not fits:  # before claim_not_approved
        scenario.when(settle(*claim_ids), "city").refused(Code.AMOUNT_TOO_LARGE)
    for claim_id in claim_ids:
        scenario.when(ApproveClaim(claim_id=claim_id), "city")
    scenario.when(settle(*claim_ids), "city")
    if fits:
        scenario.then_types(SettlementClosed)
    else:
        scenario.refused(Code.AMOUNT_TOO_LARGE)


def test_lists_are_taken_up_to_their_limits() -> None:
    most = MAX_CONTRACTS_PER_CLAIM
    assert most == MAX_CLAIMS_PER_SETTLEMENT  # so one set of contracts serves both
    scenario, claim_ids = people(), []
    contracts = [f"c{n}" for n in range(most + 1)]
    for contract_id in contracts:
        scenario.reacts_to(trade(contract_id))
    for hour in range(2):  # each earns twice: claimed all at once, then one by one
        for contract_id in contracts:
            scenario.when(report(contract_id, (hour, 1)), "gpu-1", END)
            report_id = f"rep-{scenario.index}-0"
            scenario.when(AcceptUsage(report_id=report_id), "lab-1").reacts_to(captured(contract_id, report_id, 1))
        if hour == 0:
            scenario.when(claim("ALL", *contracts), "gpu-1").refused(Code.OVER_LIMIT)
            scenario.when(claim("ALL", *contracts[:-1]), "gpu-1").then_types(ClaimSubmitted)
    for contract_id in contracts:
        scenario.when(claim(contract_id, contract_id), "gpu-1").then_types(ClaimSubmitted)
        claim_ids.append(f"clm-{scenario.index}-0")
        scenario.when(ApproveClaim(claim_id=claim_ids[-1]), "city")
    scenario.when(settle(*claim_ids), "city").refused(Code.OVER_LIMIT)
    scenario.when(settle(*claim_ids[:-1]), "city").then_types(SettlementClosed)
