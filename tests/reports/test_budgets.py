"""R1, R2, R6, R7: the figures of a story are those that a person gets, and those of any log agree with each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.contract.references import same_as
from counterfoil.contract.times import DAY
from counterfoil.issuance.events import VoucherIssued
from counterfoil.ledger.events import Balance, VoucherCredited
from counterfoil.ledger.extension_events import VoucherExtended
from counterfoil.ledger.tranche_events import TrancheLapsed, TrancheReleased, TrancheWithheld
from counterfoil.redemption.credit_events import ClaimCut, CreditOwed
from counterfoil.redemption.events import (
    ApprovalWithdrawn,
    ClaimApproved,
    ClaimDenied,
    ClaimLine,
    ClaimSubmitted,
    ContractOpened,
    LinePart,
    Payee,
    PaymentConfirmed,
    PaymentReturned,
    SettlementClosed,
)
from counterfoil.redemption.payer_events import PayerPart, PaymentShared, ShareConfirmed, ShareReturned
from counterfoil.reports.folding import Folded, fold
from counterfoil.reports.given import Given
from tests.documents import document, published
from tests.market import USD
from tests.reports.planted import BEGIN, Planted, event, leg
from tests.reports.rows import rows

GOLDEN = [Path(__file__).parents[1] / "golden" / name for name in ("rules-1", "rules-3-to-4", "rules-7", "rules-8")]


def test_the_budget_of_a_story(story: Folded) -> None:
    """5,000 appropriated, 900 issued; of one order of 32, half for lack of delivery 24, the programme paid half."""
    (row,) = rows(story, "R1")
    paid = 12 * USD
    assert row == {
        "scope": "programme", "appropriated": 5_000 * USD, "adjusted": 0, "returned": 0,
        "uncommitted": 5_000 * USD - paid,
        "issued": 900 * USD, "available": 0, "held": 0, "withheld": 0, "captured": 0, "claimed": 0, "payable": 0,
        "paid": paid, "lapsed": 0, "expired": 900 * USD - paid, "revoked": 0, "recycled": 900 * USD - paid, "owed": 0,
        "recovered": 0, "written_off": 0, "difference": 0, "committed_bps": 24, "paid_bps": 24,
        "exhausted_on": row["exhausted_on"],
    }  # fmt: skip


def test_the_vouchers_of_a_story(story: Folded) -> None:
    """One voucher pays 12; of the other what a provider did not deliver for goes on as a third. All expire."""
    parts = [(row["beneficiary_id"], row["face"], row["redeemed"], row["restored"]) for row in rows(story, "R2")]
    assert parts == [
        ("lab-1", 500 * USD, 12 * USD, 0), ("lab-2", 400 * USD, 0, 8 * USD), ("lab-2", 8 * USD, 0, 0),
    ]  # fmt: skip
    assert [row["expired"] for row in rows(story, "R7")] == [488 * USD, 392 * USD, 8 * USD]


def test_a_bank_statement_that_says_less_is_a_difference(played: Path) -> None:
    paid = [
        row
        for row in rows(fold(played, given=Given(bank={same_as("PAY-1"): 11 * USD})), "R6")
        if row["check"] == "payments"
    ]
    assert [(row["left"], row["right"], row["difference"]) for row in paid] == [(12 * USD, 11 * USD, USD)]


def test_what_came_back_and_what_no_payment_has() -> None:
    """A payment came back, which the bank says under its own reference or another one; and a line of somebody else."""
    whose = {"settlement_id": "stl-1-0", "programme_id": "p1", "provider_id": "gpu", "amount": 5 * USD}
    for back in ("A", "R-1"):
        logs = Planted()
        logs.add("issuance", 0, *published(document()))
        payee = Payee(provider_id="gpu", claimed=5 * USD, brought=0, amount=5 * USD, carried=0)
        settled = {"settlement_id": "stl-1-0", "programme_id": "p1", "claim_ids": (), "payees": (payee,)}
        logs.add("redemption", 1, event(SettlementClosed, **settled))
        logs.add("redemption", 2, event(PaymentConfirmed, **whose, payment_reference="A", claim_ids=()))
        logs.add("redemption", 3, event(PaymentReturned, **whose, return_reference=back, claim_ids=(), was_paid=True))
        came_back = {"a": 0} if back == "A" else {"a": 5 * USD, "r1": -5 * USD}
        for bank, difference in ((came_back, 0), ({"a": 5 * USD}, -5 * USD)):
            logs.folded.given = Given(bank={**bank, "other": 9})
            paid, others = [row for row in rows(logs.folded, "R6") if row["check"] == "payments"]
            assert (paid["left"], paid["difference"]) == (0, difference)
            assert (others["left"], others["right"], others["difference"]) == (None, 9, None)


def test_a_part_that_was_paid_again_is_paid_once() -> None:
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    whose = {"settlement_id": "stl-1-0", "programme_id": "p1", "provider_id": "gpu"}
    parts = tuple(PayerPart(payer=name, bears=5 * USD, pays=5 * USD) for name in ("city", "state"))
    payee = Payee(provider_id="gpu", claimed=10 * USD, brought=0, amount=10 * USD, carried=0)
    settled = {"settlement_id": "stl-1-0", "programme_id": "p1", "claim_ids": (), "payees": (payee,)}
    shared = event(PaymentShared, **whose, parts=parts)
    logs.add("redemption", 1, shared, event(SettlementClosed, **settled))
    part = {**whose, "payer": "state", "amount": 5 * USD}
    logs.add("redemption", 2, event(ShareConfirmed, **part, refunds=None, payment_reference="B-1"))
    logs.add("redemption", 3, event(ShareReturned, **part, return_reference="B-2", claim_ids=(), reopened=False))
    logs.add("redemption", 4, event(ShareConfirmed, **part, refunds=None, payment_reference="B-3"))
    logs.folded.given = Given(bank={"b1": 5 * USD, "b2": -5 * USD, "b3": 5 * USD})
    city, state = [row for row in rows(logs.folded, "R6") if row["check"] == "payments"]
    assert [(row["left"], row["right"], row["difference"]) for row in (city, state)] == [
        (0, 0, 0),
        (5 * USD,) * 2 + (0,),
    ]


def test_credit_notes_are_known_to_every_report() -> None:
    """One takes 30 of a claim of 100 before it is decided, one 20 of another that is in a settlement."""
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    whose = {"programme_id": "p1", "provider_id": "gpu"}
    for name in ("inv-1-0", "inv-2-0"):
        lines = (ClaimLine(contract_id=name, amount=100 * USD, resubmitted=0),)
        logs.add("redemption", 1, event(ClaimSubmitted, **whose, claim_id=name, amount=100 * USD, lines=lines))
    cut = {**whose, "claim_id": "inv-1-0", "amount": 30 * USD}
    part = (LinePart(contract_id="inv-1-0", amount=30 * USD),)
    logs.add("redemption", 2, event(ClaimCut, **cut, approved=0, left=70 * USD), event(ClaimDenied, **cut, lines=part))
    payee = Payee(provider_id="gpu", claimed=100 * USD, brought=0, amount=100 * USD, carried=0)
    settled = {"settlement_id": "stl-1-0", "programme_id": "p1", "claim_ids": ("inv-2-0",), "payees": (payee,)}
    logs.add("redemption", 3, event(SettlementClosed, **settled))
    owed = {**whose, "claim_id": "inv-2-0", "currency": "USD", "amount": 20 * USD}
    logs.add("redemption", 4, event(CreditOwed, **owed, owed_after=20 * USD))
    assert rows(logs.folded, "R1")[0]["claimed"] == 70 * USD
    compared = [row for row in rows(logs.folded, "R6") if row["left_is"] == "captured"]
    assert [(row["left"], row["difference"]) for row in compared] == [(200 * USD, 0)]
    (debt,) = [row for row in rows(logs.folded, "R10") if row["kind"] == "debt"]
    assert (debt["amount"], debt["outstanding"], debt["difference"]) == (20 * USD, 20 * USD, 0)


def test_an_approval_that_was_taken_back_is_for_what_was_approved() -> None:
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    row = {"claim_id": "clm-1-0", "programme_id": "p1", "provider_id": "gpu"}
    lines = (ClaimLine(contract_id="trd-1-0-0", amount=100 * USD, resubmitted=0),)
    opened = {"contract_id": "trd-1-0-0", "programme_id": "p1", "provider_id": "gpu"}
    logs.add("redemption", 0, event(ContractOpened, **opened))
    logs.add("redemption", 1, event(ClaimSubmitted, **row, amount=100 * USD, lines=lines))
    again = (LinePart(contract_id="trd-1-0-0", amount=20 * USD),)
    logs.add("redemption", 2, event(ClaimApproved, claim_id="clm-1-0", lines=(), amount=80 * USD, claimable=again))
    logs.add("redemption", 3, event(ApprovalWithdrawn, claim_id="clm-1-0"))
    assert rows(logs.folded, "R1")[0]["claimed"] == 80 * USD


def test_what_waits_for_its_release_is_told_until_it_is_over() -> None:
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    whose = {"voucher_id": "vch-1", "programme_id": "p1", "legs": ()}
    logs.add("issuance", 0, event(VoucherIssued, voucher_id="vch-1", programme_id="p1", face=100 * USD))
    for number, over in enumerate((None, TrancheReleased, TrancheLapsed)):
        part = {**whose, "tranche_id": f"t-{number}", "number": number}
        logs.add("ledger", 1, event(TrancheWithheld, **part, amount=(number + 1) * USD))
        if over is not None:
            logs.add("ledger", 2, event(over, tranche_id=f"t-{number}", legs=()))
    (budget,), (voucher,) = rows(logs.folded, "R1"), rows(logs.folded, "R2")
    assert budget["withheld"] == USD
    assert [each["status"] for each in voucher["tranches"]] == ["withheld", "released", "lapsed"]


def test_a_voucher_that_lasts_longer_says_why_and_one_that_waits_lies_idle() -> None:
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    whose = {"voucher_id": "vch-1", "programme_id": "p1"}
    grown = {**whose, "number": 1, "days": 30, "holders": ("lab-1",), "expires_at": BEGIN + 60 * DAY}
    extended = event(VoucherExtended, **grown, ground="ILLNESS", reason="Ill", expired_at=BEGIN + 30 * DAY)
    logs.add("issuance", 0, event(VoucherIssued, **whose, face=100 * USD), extended)
    legs = (leg("vch-1", "circulation", "owner/lab-1", 100 * USD),)
    after = Balance(n=1, posted=100 * USD, held=0)
    credited = {**whose, "beneficiary_id": "lab-1", "face": 100 * USD}
    logs.add("ledger", 0, event(VoucherCredited, **credited, legs=(replace(legs[0], credit_after=after),)))
    waits = leg("vch-1", "owner/lab-1", "tranches", 40 * USD)
    held = replace(waits, effect="hold", debit_after=replace(after, n=2, held=40 * USD))
    logs.add("ledger", 0, event(TrancheWithheld, **whose, tranche_id="t-1", holder_id="lab-1", legs=(held,)))
    logs.add("ledger", 10, extended)
    logs.folded.tables.finish()
    (row,) = rows(logs.folded, "R7")
    assert (row["held"], row["dormant_days"], row["days_left"]) == (40 * USD, 10, 49)
    assert [(each["days"], each["ground"], each["entries"]) for each in row["extensions"]] == [
        (30, "ILLNESS", ["ledger:2"]),
    ]


@pytest.mark.parametrize("logs", GOLDEN, ids=lambda path: path.name)
def test_the_figures_of_every_log_agree(logs: Path) -> None:
    """Of all rules versions: nothing is missing of a budget, and each voucher's face is where it says."""
    folded = fold(logs)
    programmes = [row["programme_id"] for row in folded.tables.rows("programmes")]
    assert programmes
    for programme_id in programmes:
        totals = rows(folded, "R1", programme_id)[0]
        assert totals["difference"] == 0
        compared = rows(folded, "R6", programme_id)
        assert [row for row in compared if row["difference"]] == []
        places = ("available", "held", "redeemed", "expired", "cancelled", "restored")
        vouchers = rows(folded, "R2", programme_id)
        assert [row for row in vouchers if row["face"] != sum(row[name] for name in places)] == []
        assert sum(row["available"] for row in vouchers) == totals["available"]
        assert sum(row["held"] for row in vouchers) == totals["held"]


def test_what_is_missing_shows_where(played: Path) -> None:
    """One unit less than was captured, paid, or posted, and the comparison that must see it does."""
    folded = fold(played)
    folded.flows.payees["p1", "gpu-1", "settled"] -= 1
    folded.earned.sums["p1", "gpu-1", "captured"] += 1
    folded.tables.get("vouchers_balance", "vch-7-0")["available"] += 1  # type: ignore[index]
    found = {(row["check"], row["left_is"]) for row in rows(folded, "R6") if row["difference"]}
    assert found >= {("payees", "paid, ledger"), ("payees", "captured, ledger"), ("total", "obligated")}
    assert rows(folded, "R1")[0]["difference"] == -1
