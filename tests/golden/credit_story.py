"""The part of the golden story about credit notes on invoices that were claimed, from version 7 of the rules on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.invoices import Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.issuance.invoice_commands import ClaimInvoice, RecordCreditNote
from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, RejectClaim
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN


def tell(world: GoldenWorld) -> None:
    """A claim that is cut as it is submitted, as it is approved, and owed once it is in a settlement; one that ends."""
    redemption = {"model": "APPLY_THEN_CLAIM", "claimant": "BENEFICIARY"}
    done(world, "city", *publishing(document(id="p32", redemption=redemption)))
    done(world, "city", AppropriateBudget(programme_id="p32", amount=900 * YUAN, document="p32"))
    done(world, "city", ListProvider(programme_id="p32", provider_id="gpu-1"))
    issue = IssueVoucher(programme_id="p32", beneficiary_id="lab-1", amount=500 * YUAN)
    today = world.clock // DAY
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=200 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id="gpu-1", starts=today - 20, ends=today - 10,
    )  # fmt: skip
    paper = Invoice(issuer_tax_id="91110108MA01", number="32-1", issued_on=today)
    claim = ClaimInvoice(
        voucher_id=done(world, "city", issue).voucher_id, amount=None, invoice=paper, lines=(line,), other_support=(),
        evidence=(),
    )  # fmt: skip
    first = done(world, "lab-1", claim).claim_id
    second = done(world, "lab-1", replace(claim, invoice=replace(paper, number="32-2"))).claim_id
    note = RecordCreditNote(
        claim_id=first, invoice_number="32-1", credit_note=replace(paper, number="32-N1"), amount=50 * YUAN
    )
    done(world, "city", note)
    refused(world, "city", Code.CREDIT_NOTE_NOT_VALID, note)
    refused(world, "city", Code.EXCEEDS_INVOICE, numbered(note, "32-N2", 151 * YUAN))
    done(world, "city", ApproveClaim(claim_id=first, lines=(), rest="ends"))
    done(world, "city", numbered(note, "32-N2", 50 * YUAN))
    done(world, "city", CloseSettlement(programme_id="p32", claim_ids=(first,), payee_ids=()))
    done(world, "city", numbered(note, "32-N3", 50 * YUAN))
    over = replace(numbered(note, "32-N4", 200 * YUAN), claim_id=second, invoice_number="32-2")
    done(world, "city", over)
    if not world.state("redemption").rules.notes_owe:
        third = done(world, "lab-1", replace(claim, invoice=replace(paper, number="32-3"))).claim_id
        cut = replace(numbered(note, "32-N5", 50 * YUAN), claim_id=third, invoice_number="32-3")
        done(world, "city", cut)
        done(world, "city", RejectClaim(claim_id=third, reason="no proof", rest="claimable"))
        refused(world, "lab-1", Code.EXCEEDS_INVOICE, replace(claim, invoice=replace(paper, number="32-3")))


def numbered(note: RecordCreditNote, number: str, amount: int) -> RecordCreditNote:
    """Another note on the same invoice."""
    return replace(note, credit_note=replace(note.credit_note, number=number), amount=amount)
