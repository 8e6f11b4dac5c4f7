"""Commands that issuance decides: claims on invoices, of vouchers and after use."""

from __future__ import annotations

from counterfoil.contract.applications import ApplicationLine, ContractDays, OtherSupport
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Amount, Id, PositiveAmount, Reference


@command("permit_claim", role="beneficiary")
class PermitClaim(Command):
    """Beneficiary: let a provider claim, of a voucher, what its programme pays of its invoices: at most `amount` more.

    It takes the place of what was permitted before; 0 permits nothing any more.
    """

    voucher_id: Id
    provider_id: Id
    amount: Amount


@command("claim_invoice", role=("beneficiary", "provider"))
class ClaimInvoice(Command):
    """Beneficiary, or a provider that it permits: claim, of a voucher, what its programme pays of an invoice for use.

    `amount`: so much of it; null: all that the programme pays. `evidence`: each document that the programme asks for.
    """

    voucher_id: Id
    amount: PositiveAmount | None
    invoice: Invoice
    lines: tuple[ApplicationLine, ...]
    other_support: tuple[OtherSupport, ...]
    evidence: tuple[Evidence, ...]


@command("claim_after_use", role="beneficiary")
class ClaimAfterUse(Command):
    """Beneficiary: claim what a programme reimburses of an invoice for use that was had and paid, without a voucher.

    It is decided as an application is; its approval grants the voucher, and makes it due, in one act. `corrects`: the
    claim that was returned, which keeps its place. `evidence`: each document that the programme asks for. A line
    without days is of all of the contract.
    """

    programme_id: Id
    corrects: Id | None
    project_id: Id | None
    contract: ContractDays | None
    invoice: Invoice
    lines: tuple[ApplicationLine, ...]
    other_support: tuple[OtherSupport, ...]
    evidence: tuple[Evidence, ...]


@command("record_credit_note", role="issuer")
class RecordCreditNote(Command):
    """Issuer: who issued the invoice of a claim took `amount` of it back with a credit note, taxes included.

    The claim is for less in proportion; in a settlement it stays, and the note is evidence for `order_clawback`.
    `invoice_number`: of the invoice that was claimed; both papers have one issuer.
    """

    claim_id: Id
    invoice_number: Reference
    credit_note: Invoice
    amount: PositiveAmount
