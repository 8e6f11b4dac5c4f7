"""The part of the golden story about claims on invoices."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider, ReturnVoucher
from counterfoil.issuance.invoice_commands import ClaimInvoice, PermitClaim
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.redemption.commands import (
    ApproveClaim,
    ApprovedLine,
    CloseSettlement,
    ConfirmPayment,
    RejectClaim,
    ReturnPayment,
)
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.paper_work import approve
from tests.properties.world import YUAN

CAP = {"id": "all", "scope": "BENEFICIARY", "period": {"kind": "CALENDAR_YEAR"}, "amount": "300", "counts": ["PAID"]}
REDEMPTION = {
    "model": "APPLY_THEN_CLAIM", "claimant": "EITHER", "claim_within_days": 30, "evidence": [{"type": "INVOICE"}],
}  # fmt: skip


def tell(world: GoldenWorld) -> None:
    """Claims that a voucher pays, or does not; approved, cut, returned to the voucher, denied, and paid."""
    value = document(id="p20", redemption=REDEMPTION, benefit__caps=[CAP], transfer={"mode": "OPEN"})
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id="p20", amount=900 * YUAN, document="p20"))
    done(world, "city", ListProvider(programme_id="p20", provider_id="gpu-1"))
    issue = IssueVoucher(programme_id="p20", beneficiary_id="lab-1", amount=500 * YUAN)
    voucher_id = done(world, "city", issue).voucher_id
    today = world.clock // DAY
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=200 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id="gpu-1", starts=today - 20, ends=today - 10,
    )  # fmt: skip
    invoice = Invoice(issuer_tax_id="91110108MA01", number="12-1", issued_on=today)
    papers = (Evidence(type="INVOICE", sha256=bytes(32)),)
    claim = ClaimInvoice(
        voucher_id=voucher_id, amount=None, invoice=invoice, lines=(line,), other_support=(), evidence=papers
    )
    other = done(world, "city", replace(issue, programme_id="p6", amount=YUAN)).voucher_id
    refused(world, "lab-1", Code.NOT_CLAIMED_BY_INVOICE, replace(claim, voucher_id=other))
    refused(world, "lab-1", Code.EVIDENCE_MISSING, replace(claim, evidence=()))
    old = replace(line, starts=today - 40, ends=today - 31)
    refused(world, "lab-1", Code.CLAIMS_CLOSED, replace(claim, lines=(old,)))
    done(world, "lab-2", claim)  # who has nothing of the voucher: the ledger refuses, and the invoice is free again
    paid = done(world, "lab-1", claim).claim_id
    refused(world, "lab-1", Code.INVOICE_ALREADY_CLAIMED, claim)
    done(world, "lab-1", PermitClaim(voucher_id=voucher_id, provider_id="gpu-1", amount=100 * YUAN))
    theirs = replace(claim, invoice=replace(invoice, number="12-3"))
    refused(world, "gpu-1", Code.USE_ALREADY_CLAIMED, theirs)
    part = ApprovedLine(contract_id=paid, amount=60 * YUAN)
    done(world, "city", ApproveClaim(claim_id=paid, lines=(part,), rest="ends"))
    settlement = done(world, "city", CloseSettlement(programme_id="p20", claim_ids=(paid,), payee_ids=()))
    payment = ConfirmPayment(
        settlement_id=settlement.settlement_id, provider_id="lab-1", amount=60 * YUAN, payment_reference="p20",
        paid_on=world.clock // DAY,
    )  # fmt: skip
    done(world, "bank", payment)
    back = done(world, "lab-1", replace(claim, invoice=replace(invoice, number="12-2"))).claim_id
    done(world, "city", RejectClaim(claim_id=back, reason="no proof", rest="claimable"))


def unpaid(world: GoldenWorld) -> None:
    """A claim of a programme in run-off that no bank pays, twice: on its last day it lapses, and counts no more."""
    value = document(id="p-unpaid", redemption=REDEMPTION, benefit__caps=[CAP])
    done(world, "city", *publishing(value))
    done(world, "city", AppropriateBudget(programme_id="p-unpaid", amount=900 * YUAN, document="p-unpaid"))
    done(world, "city", ListProvider(programme_id="p-unpaid", provider_id="gpu-1"))
    voucher = done(world, "city", IssueVoucher(programme_id="p-unpaid", beneficiary_id="lab-1", amount=50 * YUAN))
    today = world.clock // DAY
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=20 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id="gpu-1", starts=today - 20, ends=today - 10,
    )  # fmt: skip
    claim = ClaimInvoice(
        voucher_id=voucher.voucher_id, amount=None, lines=(line,), other_support=(),
        invoice=Invoice(issuer_tax_id="91110108MA01", number="23-1", issued_on=today),
        evidence=(Evidence(type="INVOICE", sha256=bytes(32)),),
    )  # fmt: skip
    claim_id = done(world, "lab-1", claim).claim_id
    done(world, "city", approve(claim_id))
    done(world, "lab-1", ReturnVoucher(voucher_id=voucher.voucher_id, reason="not needed"))
    done(world, "city", BeginRunOff(programme_id="p-unpaid", reason="the last year is over"))
    for number, (claims, payees) in enumerate((((claim_id,), ()), ((), ("lab-1",)))):
        settle = CloseSettlement(programme_id="p-unpaid", claim_ids=claims, payee_ids=payees)
        back = ReturnPayment(
            settlement_id=done(world, "city", settle).settlement_id, provider_id="lab-1",
            return_reference=f"p-unpaid-{number}", reason="account closed",
        )  # fmt: skip
        done(world, "bank", back)
