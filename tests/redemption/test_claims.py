"""Claims and their payment: the right decision, the first refusal that applies, and limits kept exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderDelisted, ProviderReinstated, ProviderSuspended
from counterfoil.redemption import claims, payments, settlements
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    ApprovedLine,
    ConfirmPayment,
    Rest,
    ReturnPayment,
    WithdrawApproval,
)
from counterfoil.redemption.events import (
    ApprovalWithdrawn,
    ClaimApproved,
    ClaimDenied,
    ClaimLine,
    ClaimRejected,
    ClaimSubmitted,
    LinePart,
    Payee,
    PaymentConfirmed,
    PaymentReturned,
    SettlementClosed,
)
from tests.given import Scenario, codes_in
from tests.paper_work import PAID_ON, approve, reject
from tests.redemption.world import (
    CLM_1,
    CLM_2,
    CLM_3,
    END,
    REP,
    STL,
    T0,
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

APPROVE, REJECT, WITHDRAW = approve(CLM_1), reject(CLM_1), WithdrawApproval(claim_id=CLM_1, reason="too early")
SUSPENDED = ProviderSuspended(programme_id="p1", provider_id="gpu-1", reason="meters")
PAY = ConfirmPayment(
    settlement_id=STL, provider_id="gpu-1", amount=600, payment_reference="wire-9", paid_on=PAID_ON
)  # fmt: skip
RETURN = ReturnPayment(settlement_id=STL, provider_id="gpu-1", return_reference="back-1", reason="closed")
MANY = tuple(f"c{n}" for n in range(MAX_CONTRACTS_PER_CLAIM + 1))


def line(contract_id: str, amount: int) -> ApprovedLine:
    """So much of a contract is approved."""
    return ApprovedLine(contract_id=contract_id, amount=amount)


Row = tuple[Callable[[], Scenario], Body, str, Code]

# Each row: the story so far, a command, its actor, the refusal. Two faults in one command: the first code counts.
CLAIMING: list[Row] = [
    (earned, claim("A", "c2", programme_id="p9"), "gpu-1", Code.UNKNOWN_PROGRAMME),
    (earned, claim("A", "c1", "c2"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (opened, claim("A", "c2"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (earned, claim("A", "c2", "c2"), "gpu-1", Code.DUPLICATE_ITEM),
    (earned, claim("A", "c9", "c9"), "gpu-1", Code.DUPLICATE_ITEM),
    (claimed, claim("INV/1"), "gpu-1", Code.EMPTY_LIST),
    (people, claim("A", *MANY), "gpu-1", Code.OVER_LIMIT),
    (earned, claim("A", "c1", "c9"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (earned, claim("A", "c1", "c3"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (opened, claim("A", "c1"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (claimed, claim("INV/1", "c1"), "gpu-1", Code.NOTHING_TO_CLAIM),
    (earned, APPROVE, "city", Code.UNKNOWN_CLAIM),
    (lambda: claimed().when(REJECT, "city"), APPROVE, "city", Code.UNKNOWN_CLAIM),
    (claimed, APPROVE, "town", Code.UNKNOWN_CLAIM),
    (approved, REJECT, "town", Code.UNKNOWN_CLAIM),
    (approved, APPROVE, "city", Code.CLAIM_NOT_OPEN),
    (approved, REJECT, "city", Code.CLAIM_NOT_OPEN),
    (settled, REJECT, "city", Code.UNKNOWN_CLAIM),
    (approved, settle("clm-9-9", programme_id="p9"), "city", Code.UNKNOWN_PROGRAMME),
    (approved, settle(CLM_1, "clm-9-9"), "town", Code.UNKNOWN_CLAIM),
    (approved, settle(CLM_1, CLM_1), "town", Code.NOT_YOURS),
    (claimed, settle(CLM_1, CLM_1), "city", Code.DUPLICATE_ITEM),
    (approved, settle(), "city", Code.EMPTY_LIST),
    (claimed, settle(CLM_1), "city", Code.CLAIM_NOT_APPROVED),
    (approved, settle(CLM_1, CLM_3), "city", Code.CLAIM_NOT_APPROVED),
    (settled, settle(CLM_1), "city", Code.UNKNOWN_CLAIM),
    (claimed, replace(APPROVE, lines=(line("c1", 601),)), "city", Code.APPROVAL_NOT_VALID),
    (claimed, replace(APPROVE, lines=(line("c2", 1),)), "city", Code.APPROVAL_NOT_VALID),
    (claimed, replace(APPROVE, lines=(line("c1", 0),)), "city", Code.APPROVAL_NOT_VALID),
    (claimed, replace(APPROVE, lines=(line("c1", 1), line("c1", 2))), "city", Code.DUPLICATE_ITEM),
    (claimed, WITHDRAW, "city", Code.CLAIM_NOT_APPROVED),
    (approved, WITHDRAW, "town", Code.UNKNOWN_CLAIM),
    (settled, WITHDRAW, "city", Code.UNKNOWN_CLAIM),
    (approved, replace(settle(), payee_ids=("gpu-1",)), "city", Code.NOTHING_TO_PAY),
    (lambda: claimed().reacts_to(SUSPENDED), APPROVE, "city", Code.PROVIDER_SUSPENDED),
    (lambda: approved().reacts_to(SUSPENDED), settle(CLM_1, CLM_2), "city", Code.PROVIDER_SUSPENDED),
    (approved, PAY, "bank", Code.UNKNOWN_SETTLEMENT),
    (settled, replace(PAY, provider_id="gpu-9"), "bank", Code.UNKNOWN_SETTLEMENT),
    (settled, replace(PAY, amount=601), "bank", Code.AMOUNT_DIFFERS),
    (settled, replace(PAY, paid_on=T0 // DAY + 2), "bank", Code.DATE_IN_FUTURE),
    (lambda: settled().when(PAY, "bank"), PAY, "bank", Code.UNKNOWN_SETTLEMENT),
    (lambda: settled().when(PAY, "bank"), APPROVE, "city", Code.UNKNOWN_CLAIM),
    (approved, RETURN, "bank", Code.UNKNOWN_SETTLEMENT),
    (lambda: settled().when(RETURN, "bank"), RETURN, "bank", Code.UNKNOWN_SETTLEMENT),
    (lambda: settled().when(RETURN, "bank"), PAY, "bank", Code.UNKNOWN_SETTLEMENT),
]
ELSEWHERE = {Code.AMOUNT_TOO_LARGE, Code.PAID_BY_SHARES}  # in tests of their own, here and of several payers


@pytest.mark.parametrize(("story", "command", "actor", "code"), CLAIMING)
def test_refusals(story: Callable[[], Scenario], command: Body, actor: str, code: Code) -> None:
    scenario = story()
    assert not isinstance(scenario.last, Refusal), scenario.last
    before = scenario.records()
    scenario.when(command, actor).refused(code)
    assert scenario.records() == before


def test_every_refusal_is_in_the_table() -> None:
    assert codes_in(claims, settlements, payments) == {code for *_, code in CLAIMING} | ELSEWHERE


# claims ---------------------------------------------------------------------------------------------------------------


def test_a_claim_takes_all_that_is_claimable() -> None:
    scenario = earned()
    scenario.when(claim("INV/1", "c1"), "gpu-1").then(
        ClaimSubmitted(
            claim_id=CLM_1,
            programme_id="p1",
            provider_id="gpu-1",
            invoice_number="INV/1",
            lines=(ClaimLine(contract_id="c1", amount=600, resubmitted=0),),
            amount=600,
        )
    )
    assert "claimable/c1" not in scenario.records()


def test_an_invoice_serves_one_claim_of_its_provider_across_programmes_and_for_good() -> None:
    again = LinePart(contract_id="c1", amount=600)
    scenario = claimed().when(REJECT, "city")
    scenario.then(ClaimRejected(claim_id=CLM_1, reason="no invoice", claimable=(again,)))
    assert scenario.records()["claimable/c1"] == {
        "programme_id": "p1", "provider_id": "gpu-1", "amount": "600", "rejected": "600",
    }  # fmt: skip
    scenario.when(claim("INV/1", "c1"), "gpu-1").refused(Code.REFERENCE_ALREADY_USED)
    scenario.when(claim("inv 2", "c1"), "gpu-1").refused(Code.REFERENCE_ALREADY_USED)  # used for p2
    assert isinstance(scenario.last, Refusal)
    assert dict(scenario.last.detail) == {"kind": "invoice", "entry": "25"}
    scenario.when(claim("INV/3", "c1"), "gpu-1").then_types(ClaimSubmitted)


def test_a_rejected_claim_joins_what_was_captured_meanwhile_and_ends_if_it_is_rejected_again() -> None:
    scenario = reported().when(AcceptUsage(report_id=REP), "lab-1").reacts_to(captured("c1", REP, 5))
    scenario.when(claim("A", "c1"), "gpu-1")  # clm-17-0
    scenario.when(report("c1", (1, 9)), "gpu-1", END).when(AcceptUsage(report_id="rep-18-0"), "lab-1")
    scenario.reacts_to(captured("c1", "rep-18-0", 7))
    scenario.when(reject("clm-17-0"), "city").then_types(ClaimRejected)
    scenario.when(claim("B", "c1"), "gpu-1")
    assert only(scenario).lines == (ClaimLine(contract_id="c1", amount=12, resubmitted=5),)
    scenario.when(reject(f"clm-{scenario.index}-0"), "city").then_types(ClaimRejected, ClaimDenied)
    assert scenario.records()["claimable/c1"] == {
        "programme_id": "p1", "provider_id": "gpu-1", "amount": "7", "rejected": "7",
    }  # fmt: skip
    scenario.when(claim("C", "c1"), "gpu-1")
    scenario.when(reject(f"clm-{scenario.index}-0"), "city").then_types(ClaimRejected, ClaimDenied)
    scenario.when(claim("D", "c1"), "gpu-1").refused(Code.NOTHING_TO_CLAIM)


@pytest.mark.parametrize(("rest", "left"), [("claimable", 500), ("ends", None)])
def test_a_claim_is_approved_in_part_and_the_rest_ends_or_is_claimable(rest: Rest, left: int | None) -> None:
    scenario = claimed().when(ApproveClaim(claim_id=CLM_1, lines=(line("c1", 100),), rest=rest), "city")
    kept, part = ClaimLine(contract_id="c1", amount=100, resubmitted=0), LinePart(contract_id="c1", amount=500)
    claimable = () if left is None else (part,)
    approval = ClaimApproved(claim_id=CLM_1, lines=(kept,), amount=100, claimable=claimable)
    if left is None:
        denial = ClaimDenied(claim_id=CLM_1, programme_id="p1", provider_id="gpu-1", lines=(part,), amount=500)
        scenario.then(approval, denial)
        assert "claimable/c1" not in scenario.records()
    else:
        scenario.then(approval)
        assert scenario.state.claimable["c1"].rejected == scenario.state.claimable["c1"].amount == left
    scenario.when(settle(CLM_1), "city")
    assert only(scenario).amount == 100


def test_of_what_is_cut_off_that_which_was_rejected_before_goes_first() -> None:
    scenario = reported().when(AcceptUsage(report_id=REP), "lab-1").reacts_to(captured("c1", REP, 5))
    scenario.when(claim("A", "c1"), "gpu-1").when(reject("clm-17-0"), "city")
    scenario.when(report("c1", (1, 9)), "gpu-1", END)
    second = f"rep-{scenario.index}-0"
    scenario.when(AcceptUsage(report_id=second), "lab-1").reacts_to(captured("c1", second, 7))
    scenario.when(claim("B", "c1"), "gpu-1")
    body = ApproveClaim(claim_id=f"clm-{scenario.index}-0", lines=(line("c1", 6),), rest="claimable")
    scenario.when(body, "city").then_types(ClaimApproved, ClaimDenied)
    assert not isinstance(scenario.last, Refusal)
    approval, denial = scenario.last
    assert approval.lines == (ClaimLine(contract_id="c1", amount=6, resubmitted=0),)  # type: ignore[attr-defined]
    assert (approval.claimable[0].amount, denial.amount) == (1, 5)  # type: ignore[attr-defined]


def test_an_approval_is_withdrawn_and_given_again_before_a_settlement() -> None:
    scenario = approved().when(WITHDRAW, "city").then(ApprovalWithdrawn(claim_id=CLM_1, reason="too early"))
    scenario.when(settle(CLM_1), "city").refused(Code.CLAIM_NOT_APPROVED)
    scenario.when(APPROVE, "city").then_types(ClaimApproved)


# settlements and payments ---------------------------------------------------------------------------------------------


def payee(provider_id: str, amount: int, **other: int) -> Payee:
    """All that was claimed is paid."""
    amounts = {"claimed": amount, "brought": 0, "amount": amount, "carried": 0}
    return Payee(provider_id=provider_id, **(amounts | other))


def only(scenario: Scenario) -> Any:
    """The one event that followed."""
    assert not isinstance(scenario.last, Refusal), scenario.last
    (event,) = scenario.last
    return event


def test_a_settlement_is_netted_per_provider_and_over_once_each_is_paid() -> None:
    scenario = approved()
    approval = ClaimLine(contract_id="c3", amount=90, resubmitted=0)
    scenario.then(ClaimApproved(claim_id=CLM_3, lines=(approval,), amount=90, claimable=()))
    scenario.when(settle(CLM_2, CLM_1), "city").then(
        SettlementClosed(
            settlement_id=STL,
            programme_id="p1",
            currency="CNY",
            claim_ids=(CLM_2, CLM_1),
            payees=(payee("gpu-1", 600), payee("gpu-2", 300)),
            amount=900,
        )
    )
    first = PaymentConfirmed(
        settlement_id=STL,
        programme_id="p1",
        provider_id="gpu-1",
        currency="CNY",
        amount=600,
        payment_reference="wire-9",
        paid_on=PAID_ON,
        treasurer_id="bank",
        claim_ids=(CLM_1,),
        over=False,
    )
    scenario.when(PAY, "bank").then(first)
    assert scenario.state.settlements[STL].due == ("gpu-2",)
    second = replace(PAY, provider_id="gpu-2", amount=300, payment_reference="wire-10")
    scenario.when(second, "bank")
    assert only(scenario).over
    kinds = {key.partition("/")[0] for key in scenario.records()}
    # the claim on p2, and the memory of contracts, captures, payments and references
    assert kinds == {
        "rules",
        "party",
        "programme",
        "claim",
        "reference",
        "ended",
        "captured",
        "settled",
        "reversible",
        "payment",
    }


@pytest.mark.parametrize("was_paid", [False, True])
def test_a_payment_that_comes_back_is_payable_and_paid_by_another_settlement(was_paid: bool) -> None:
    scenario = settled()
    if was_paid:
        scenario.when(PAY, "bank").when(replace(PAY, provider_id="gpu-2", amount=300, payment_reference="b"), "bank")
        assert not scenario.state.settlements
    scenario.when(RETURN, "bank").then(
        PaymentReturned(
            settlement_id=STL, programme_id="p1", provider_id="gpu-1", currency="CNY", amount=600,
            return_reference="back-1", reason="closed", treasurer_id="bank", was_paid=was_paid, claim_ids=(CLM_1,),
            payable_after=600, over=was_paid,
        )
    )  # fmt: skip
    scenario.when(replace(settle(), payee_ids=("gpu-1",)), "city")
    assert only(scenario).payees == (payee("gpu-1", 600, claimed=0, brought=600),)
    again = replace(PAY, settlement_id=only(scenario).settlement_id, payment_reference="wire-11")
    scenario.when(again, "bank").then_types(PaymentConfirmed)
    assert not scenario.state.payable


@pytest.mark.parametrize("event", [ProviderReinstated, ProviderDelisted])
def test_claims_wait_while_their_provider_is_suspended(event: type[Any]) -> None:
    """They can be made and rejected; reinstated or delisted, the provider is owed what it delivered."""
    scenario = claimed().reacts_to(SUSPENDED)
    scenario.when(APPROVE, "city").refused(Code.PROVIDER_SUSPENDED)
    scenario.reacts_to(event(programme_id="p1", provider_id="gpu-1", reason="checked"))
    scenario.when(APPROVE, "city").then_types(ClaimApproved)
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
        scenario.when(approve(claim_id), "city")
    scenario.when(settle(first, second), "city").then_types(SettlementClosed)
    assert not isinstance(scenario.last, Refusal)
    (closed,) = scenario.last
    assert isinstance(closed, SettlementClosed)
    assert closed.payees == (payee("gpu-1", 12),)


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
        scenario.when(approve(claim_id), "city")
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
        scenario.when(approve(claim_ids[-1]), "city")
    scenario.when(settle(*claim_ids), "city").refused(Code.OVER_LIMIT)
    scenario.when(settle(*claim_ids[:-1]), "city").then_types(SettlementClosed)
