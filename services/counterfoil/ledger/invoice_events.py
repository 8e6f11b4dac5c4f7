"""Ledger: what vouchers pay of invoices that are claimed."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Id, PositiveAmount, Reference, Version, Word
from counterfoil.ledger.events import Leg


@event("invoice.captured.v1")
class InvoiceCaptured(Event):
    """A voucher pays a claim on an invoice: voucher: owner -> redeemed; claims: claims_payable -> claims."""

    claim_id: Id
    programme_id: Id
    version: Version
    voucher_id: Id
    holder_id: Id
    payee_id: Id
    invoice_number: Reference
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("invoice.refused.v1")
class InvoiceRefused(Event):
    """The voucher does not pay the claim, for a reason by its code; `available` is what the holder has of it."""

    claim_id: Id
    programme_id: Id
    voucher_id: Id
    reason: Word
    available: Amount


@event("invoice.returned.v1")
class InvoiceReturned(Event):
    """What was not approved of a claim on an invoice is its voucher's again.

    Claims: claims -> claims_payable; voucher: redeemed -> owner.
    If the voucher has ended meanwhile, its end follows.
    """

    claim_id: Id
    programme_id: Id
    voucher_id: Id
    holder_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("use.captured.v1")
class UseCaptured(Event):
    """A voucher pays the claim that it was granted with: voucher: owner -> redeemed; claims: claims_payable -> claims.

    The claim was decided when the voucher was granted.
    """

    claim_id: Id
    programme_id: Id
    version: Version
    voucher_id: Id
    beneficiary_id: Id
    invoice_number: Reference
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("invoice.credited.v1")
class InvoiceCredited(Event):
    """A credit note of `amount` on an invoice, `invoiced` before, of which a voucher was taken for a claim.

    What it takes of the claim, redemption says.
    """

    claim_id: Id
    programme_id: Id
    payee_id: Id
    amount: PositiveAmount
    invoiced: PositiveAmount
