"""Redemption's read models show what its log says, in the database that serves them, and agree with its state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.contract.times import HOUR, format_hour
from counterfoil.ledger.closing_events import ProgrammeClosed, ProgrammeStaysOpen
from counterfoil.redemption.closing_events import LastDaySet, ProgrammeSettled, ProgrammeUnsettled
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    ConfirmPayment,
    ProposeCancellation,
    ResolveDispute,
    ReturnPayment,
    ReverseCapture,
    WithdrawDelivery,
)
from counterfoil.redemption.events import ClaimOffset, ClaimReturned, ClaimSubmitted, UsageReversed
from counterfoil.redemption.service import DECIDER, SERVICE
from counterfoil.redemption.views import REDUCERS
from tests.given import Scenario
from tests.paper_work import PAID_ON, reject
from tests.redemption.world import (
    CLM_1,
    CLM_2,
    CLM_3,
    END,
    FIRST,
    FULL,
    PRICE,
    REP,
    REPORT_BY,
    STL,
    T0,
    WINDOW,
    approved,
    captured,
    claim,
    claimed,
    correction,
    dispute,
    disputed,
    earned,
    opened,
    report,
    reported,
    settled,
)
from tests.views import Viewed, viewed_in


@pytest.fixture
def viewed(tmp_path: Path) -> Iterator[Viewed]:
    with viewed_in(tmp_path, SERVICE) as opened:
        yield opened


def test_every_event_of_its_own_is_projected() -> None:
    # What goes back to a voucher, issuance shows with the claim on the invoice: `not_paid`.
    of_closings = {
        ProgrammeSettled,
        ProgrammeUnsettled,
        ProgrammeStaysOpen,
        ProgrammeClosed,
        LastDaySet,
    }  # the ledger shows them
    assert set(REDUCERS) == set(DECIDER.evolve) - set(DECIDER.reactions["issuance"]) - {ClaimReturned} - of_closings


def test_a_new_contract(viewed: Viewed) -> None:
    scenario = viewed.of(opened())
    row = viewed.row("contracts", "c1")
    at = row.pop("opened_at")
    assert at == scenario.time - 2  # c2 and c3 were opened after it, a microsecond apart
    assert row == {
        "contract_id": "c1", "beneficiary_id": "lab-1", "provider_id": "gpu-1", "programme_id": "p1", "version": 1,
        "currency": "CNY", "nodes": 2, "gpus_per_node": 4, "first_hour": FIRST, "hours": 3, "price": PRICE,
        "report_by": REPORT_BY, "dispute_window_seconds": WINDOW // 1_000_000, "status": "open", "ended_at": None,
        "default_cause": None, "cancellation_by": None, "cancellation_until": None,
        **dict.fromkeys(("reclaim_notice_hours", "reclaim_hour", "reclaim_reason", "reclaim_amount")),
        "reported_hours": 0, "reported_gpu_minutes": 0, "accepted_gpu_minutes": 0,
        "invoiced": 0, "subsidy": 0, "co_payment": 0, "unclaimed": 0,
    }  # fmt: skip


def test_a_report_from_reading_to_capture(viewed: Viewed) -> None:
    scenario = viewed.of(reported())
    row = viewed.row("reports", REP)
    assert row == {
        "report_id": REP, "contract_id": "c1", "beneficiary_id": "lab-1", "provider_id": "gpu-1", "programme_id": "p1",
        "readings": [{"hour": format_hour(FIRST), "gpu_minutes": FULL}],
        "gpu_minutes": FULL, "amount": PRICE * 8, "reported_at": T0 + HOUR, "dispute_until": T0 + HOUR + WINDOW,
        "status": "open", "status_since": T0 + HOUR, "dispute_reason": None, "accepted_by": None,
        "accepted_gpu_minutes": None, "accepted_amount": None, "subsidy": None, "co_payment": None,
        "split_from": None, "disputed_by": None, "evidence": None,
    }  # fmt: skip
    scenario.when(AcceptUsage(report_id=REP), "lab-1", T0 + HOUR + 5)
    names = ("status", "status_since", "accepted_by", "accepted_gpu_minutes", "accepted_amount", "subsidy")
    assert viewed.part("reports", REP, *names) == ("accepted", T0 + HOUR + 5, "beneficiary", FULL, PRICE * 8, None)
    scenario.reacts_to(captured("c1", REP, 600, 7))
    assert viewed.part("reports", REP, "status", "subsidy", "co_payment") == ("captured", 600, 7)
    names = ("status", "reported_hours", "reported_gpu_minutes", "accepted_gpu_minutes", "invoiced", "subsidy")
    assert viewed.part("contracts", "c1", *names) == ("open", 1, FULL, FULL, PRICE * 8, 600)
    assert viewed.part("contracts", "c1", "co_payment") == (7,)


def test_a_dispute_and_a_withdrawal(viewed: Viewed) -> None:
    scenario = viewed.of(disputed())
    assert viewed.part("reports", REP, "status", "dispute_reason") == ("disputed", "idle")
    scenario.when(ResolveDispute(report_id=REP, gpu_minutes=60, reason="meter"), "op")
    names = ("status", "dispute_reason", "accepted_by", "accepted_gpu_minutes", "accepted_amount", "gpu_minutes")
    assert viewed.part("reports", REP, *names) == ("accepted", "idle", "resolution", 60, PRICE, FULL)
    scenario.when(WithdrawDelivery(contract_id="c1", reason="fire"), "gpu-1", END)
    assert viewed.part("contracts", "c1", "status", "default_cause", "ended_at") == ("defaulted", "withdrawn", END)


def test_a_report_that_is_contested_in_part_and_corrected(viewed: Viewed) -> None:
    scenario = viewed.of(opened()).when(report("c1", (0, 1), (1, 2)), "gpu-1", END)
    scenario.when(correction(REP, (1, FULL)), "gpu-1").when(dispute(REP, 1, evidence=(bytes(32),)), "lab-1")
    said = {"hour": format_hour(FIRST + 1), "gpu_minutes": 2}
    names: tuple[str, ...] = (
        "split_from",
        "status",
        "disputed_by",
        "readings",
        "gpu_minutes",
        "reported_at",
        "dispute_until",
    )
    assert viewed.part("reports", "rep-16-0", *names) == (REP, "disputed", "lab-1", [said], 2, END, END + WINDOW)
    assert viewed.part("reports", "rep-16-0", "evidence", "amount") == (["A" * 43 + "="], PRICE * 2 // 60)
    assert viewed.part("reports", REP, "status", "gpu_minutes", "amount") == ("open", 1, PRICE // 60)
    names = ("report_id", "proposed_by", "gpu_minutes", "amount", "reason", "agreed_at")
    proposed = (REP, "gpu-1", FULL + 1, PRICE * (FULL + 1) // 60, "a digit short", None)
    assert viewed.part("corrections", "cor-15-0", *names) == proposed
    scenario.when(AgreeCorrection(report_id="rep-16-0", correction_id="cor-15-0"), "lab-1")
    assert viewed.part("corrections", "cor-15-0", "agreed_at") == (scenario.time,)
    names = ("status", "accepted_by", "gpu_minutes", "accepted_gpu_minutes")
    assert viewed.part("reports", "rep-16-0", *names) == ("accepted", "agreement", FULL, FULL)
    names = ("reported_hours", "reported_gpu_minutes", "accepted_gpu_minutes")
    assert viewed.part("contracts", "c1", *names) == (2, FULL + 1, FULL)


def test_a_cancelled_contract(viewed: Viewed) -> None:
    scenario = viewed.of(opened()).when(ProposeCancellation(contract_id="c1", reason="fire"), "lab-1")
    names = ("status", "cancellation_by", "cancellation_until", "ended_at")
    assert viewed.part("contracts", "c1", *names) == ("open", "lab-1", T0, None)
    scenario.when(AgreeCancellation(contract_id="c1"), "gpu-1")
    assert viewed.part("contracts", "c1", *names) == ("cancelled", "lab-1", T0, scenario.time)


def test_claims_and_their_payment(viewed: Viewed) -> None:
    viewed.of(claimed())
    submitted = viewed.row("claims", CLM_1)
    assert submitted.pop("submitted_at") == submitted.pop("status_since")
    assert submitted == {
        "claim_id": CLM_1, "programme_id": "p1", "provider_id": "gpu-1", "invoice_number": "INV/1",
        "lines": [{"contract_id": "c1", "amount": "600", "resubmitted": "0"}], "amount": 600,
        "approved": 0, "denied": 0, "credited": 0,
        "status": "submitted", "status_reason": None, "settlement_id": None,
    }  # fmt: skip
    delivered = ("status", "default_cause", "reported_hours", "subsidy")
    assert viewed.part("contracts", "c1", *delivered) == ("completed", None, 3, 600)
    scenario = viewed.of(settled())
    assert [viewed.part("claims", each, "status", "settlement_id") for each in (CLM_1, CLM_2, CLM_3)] == [
        ("batched", STL),
        ("batched", STL),
        ("approved", None),
    ]
    batch = viewed.row("settlements", STL)
    assert batch == {
        "settlement_id": STL, "programme_id": "p1", "currency": "CNY", "claim_ids": [CLM_2, CLM_1], "amount": 900,
        "paid": 0, "returned": 0, "closed_at": scenario.time, "status": "closed", "over_at": None,
    }  # fmt: skip
    amounts = ("claimed", "brought", "amount", "carried", "status")
    assert viewed.part("payments", (STL, "gpu-1"), *amounts) == (600, 0, 600, 0, "due")
    for provider_id, amount in (("gpu-1", 600), ("gpu-2", 300)):
        body = ConfirmPayment(
            settlement_id=STL, provider_id=provider_id, amount=amount, payment_reference=f"№ {provider_id}",
            paid_on=PAID_ON,
        )  # fmt: skip
        scenario.when(body, "bank")
    assert viewed.part("settlements", STL, "status", "paid", "over_at") == ("over", 900, scenario.time)
    names = ("status", "payment_reference", "paid_on", "treasurer_id")
    assert viewed.part("payments", (STL, "gpu-1"), *names) == ("paid", "№ gpu-1", "2000-02-13", "bank")
    back = ReturnPayment(settlement_id=STL, provider_id="gpu-1", return_reference="back", reason="closed")
    scenario.when(back, "bank")
    assert viewed.part("payments", (STL, "gpu-1"), "status", "return_reason") == ("returned", "closed")
    assert viewed.part("settlements", STL, "paid", "returned") == (300, 600)
    assert viewed.part("payable", ("p1", "gpu-1"), "amount") == (600,)
    assert viewed.part("claims", CLM_1, "status") == ("returned",)


def test_a_rejected_claim_says_why(viewed: Viewed) -> None:
    scenario = viewed.of(claimed()).when(reject(CLM_1), "city")
    names = ("status", "status_reason", "status_since")
    assert viewed.part("claims", CLM_1, *names) == ("rejected", "no invoice", scenario.time)


def test_the_views_agree_with_the_state(viewed: Viewed) -> None:
    scenario = viewed.of(approved())
    assert {row["status"] for row in viewed.rows("contracts")} == {"completed"}
    assert not scenario.state.contracts  # ended and captured
    claims = {row["claim_id"]: row["amount"] for row in viewed.rows("claims", status="approved")}
    assert claims == {claim_id: claim.terms.amount for claim_id, claim in scenario.state.claims.items()}
    mine = viewed.rows("contracts", provider_id="gpu-1")
    assert [row["contract_id"] for row in mine] == ["c1", "c3"]


def test_what_was_never_claimed_is_shown_by_contract(viewed: Viewed) -> None:
    def unclaimed(scenario: Scenario) -> dict[str, int]:
        viewed.of(scenario)
        found = {row["contract_id"]: row["unclaimed"] for row in viewed.rows("contracts")}
        known = scenario.state.claimable
        never = {name: known[name].amount - known[name].rejected if name in known else 0 for name in found}
        assert {name: max(amount, 0) for name, amount in found.items()} == never
        return found

    assert unclaimed(earned())["c1"] == 600
    assert unclaimed(claimed())["c1"] == 0
    assert unclaimed(claimed().when(reject(CLM_1), "city"))["c1"] == 0
    reverse = ReverseCapture(report_id=next(iter(earned().state.captures)), amount=100, reason="why")
    assert unclaimed(earned().when(reverse, "op").then_types(UsageReversed))["c1"] == 501
    owing = claimed().when(reverse, "op").when(reject(CLM_1), "city").when(claim("INV/9", "c1"), "gpu-1")
    assert unclaimed(owing.then_types(ClaimOffset, ClaimSubmitted))["c1"] <= 0
