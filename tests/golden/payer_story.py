"""The part of the golden story about settlements that several payers pay, from version 7 of the rules on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.invoices import Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.issuance.invoice_commands import ClaimInvoice
from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, ConfirmPayment
from counterfoil.redemption.payer_commands import ConfirmShare, ReturnShare
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

FUNDING = [{"payer": "region", "share": "1/2"}, {"payer": "town", "share": "1/4"}]
FUNDING.append({"payer": "district", "share": "1/4", "timing": "AFTERWARDS"})
REDEMPTION = {"model": "APPLY_THEN_CLAIM", "claimant": "BENEFICIARY"}


def tell(world: GoldenWorld) -> None:
    """Region and town pay, the district refunds the region; what the town paid comes back, and is paid again."""
    done(world, "city", *publishing(document(id="p31", redemption=REDEMPTION, budget__funding=FUNDING)))
    done(world, "city", AppropriateBudget(programme_id="p31", amount=900 * YUAN, document="p31"))
    done(world, "city", ListProvider(programme_id="p31", provider_id="gpu-1"))
    issue = IssueVoucher(programme_id="p31", beneficiary_id="lab-1", amount=500 * YUAN)
    today = world.clock // DAY
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=200 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id="gpu-1", starts=today - 20, ends=today - 10,
    )  # fmt: skip
    claim = ClaimInvoice(
        voucher_id=done(world, "city", issue).voucher_id, amount=None,
        invoice=Invoice(issuer_tax_id="91110108MA01", number="31-1", issued_on=today), lines=(line,),
        other_support=(), evidence=(),
    )  # fmt: skip
    claim_id = done(world, "lab-1", claim).claim_id
    done(world, "city", ApproveClaim(claim_id=claim_id, lines=(), rest="ends"))
    settlement = done(world, "city", CloseSettlement(programme_id="p31", claim_ids=(claim_id,), payee_ids=()))
    whole = ConfirmPayment(
        settlement_id=settlement.settlement_id, provider_id="lab-1", amount=100 * YUAN, payment_reference="p31",
        paid_on=today,
    )  # fmt: skip
    share = ConfirmShare(
        settlement_id=settlement.settlement_id, provider_id="lab-1", payer="town", amount=25 * YUAN,
        payment_reference="p31-town", paid_on=today,
    )  # fmt: skip
    refund = replace(share, payer="district", payment_reference="p31-district")
    refused(world, "bank", Code.PAID_BY_SHARES, whole)
    refused(world, "bank", Code.PAID_BY_SHARES, refund)
    done(world, "bank", share)
    done(world, "bank", replace(share, payer="region", amount=75 * YUAN, payment_reference="p31-region"))
    done(world, "bank", refund)
    back = ReturnShare(
        settlement_id=settlement.settlement_id, provider_id="lab-1", payer="town", return_reference="p31-back",
        reason="account closed",
    )  # fmt: skip
    done(world, "bank", back)
    done(world, "bank", replace(share, payment_reference="p31-again"))
