"""The part of the golden story about claims after use, from version 7 of the rules on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import AppropriateBudget, DecideApplication, IssueVoucher, ListProvider
from counterfoil.issuance.invoice_commands import ClaimAfterUse
from counterfoil.redemption.commands import CloseSettlement, ConfirmPayment, RejectClaim, WithdrawApproval
from tests.documents import document, publishing
from tests.golden.claim_story import CAP
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

REDEMPTION = {
    "model": "POST_USE_REIMBURSEMENT", "claimant": "BENEFICIARY", "claim_within_days": 30,
    "evidence": [{"type": "INVOICE"}],
}  # fmt: skip


def tell(world: GoldenWorld) -> None:
    """Claims for use that nothing was granted for before: corrected, rejected, approved and paid, approved wrongly."""
    done(world, "city", *publishing(document(id="p30", redemption=REDEMPTION, benefit__caps=[CAP])))
    done(world, "city", AppropriateBudget(programme_id="p30", amount=900 * YUAN, document="p30"))
    done(world, "city", ListProvider(programme_id="p30", provider_id="gpu-1"))
    issue = IssueVoucher(programme_id="p30", beneficiary_id="lab-1", amount=YUAN)
    refused(world, "city", Code.DECIDED_BY_APPLICATION, issue)
    today = world.clock // DAY
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=200 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id="gpu-1", starts=today - 20, ends=today - 10,
    )  # fmt: skip
    claim = ClaimAfterUse(
        programme_id="p30", corrects=None, project_id=None, contract=None,
        invoice=Invoice(issuer_tax_id="91110108MA01", number="30-1", issued_on=today), lines=(line,),
        other_support=(), evidence=(Evidence(type="INVOICE", sha256=bytes(32)),),
    )  # fmt: skip
    refused(world, "lab-1", Code.NOT_CLAIMED_BY_INVOICE, replace(claim, programme_id="p20"))
    refused(world, "lab-1", Code.EVIDENCE_MISSING, replace(claim, evidence=()))
    first = done(world, "lab-1", claim).application_id
    if world.state("issuance").rules.undecided_bars_all:
        refused(world, "lab-2", Code.INVOICE_ALREADY_CLAIMED, claim)
    else:
        refused(world, "lab-1", Code.INVOICE_ALREADY_CLAIMED, claim)
        other = done(world, "lab-2", claim).application_id
        done(world, "city", DecideApplication(application_id=other, decision="rejected", caps=(), reason="no proof"))
    decide = DecideApplication(application_id=first, decision="rejected", caps=(), reason="no proof")
    done(world, "city", decide)
    paid, wrong = (
        done(world, lab, replace(claim, invoice=replace(claim.invoice, number=number))).application_id
        for lab, number in (("lab-1", "30-1"), ("lab-2", "30-2"))
    )
    for each in (paid, wrong):
        done(world, "city", replace(decide, application_id=each, decision="approved"))
    settlement = done(world, "city", CloseSettlement(programme_id="p30", claim_ids=(paid,), payee_ids=()))
    payment = ConfirmPayment(
        settlement_id=settlement.settlement_id, provider_id="lab-1", amount=100 * YUAN, payment_reference="p30",
        paid_on=today,
    )  # fmt: skip
    done(world, "bank", payment)
    done(world, "city", WithdrawApproval(claim_id=wrong, reason="forged"))
    done(world, "city", RejectClaim(claim_id=wrong, reason="forged", rest="ends"))
