"""Issuance: claims on invoices, of vouchers and after use.

A claim after use is an application that names an invoice until it is decided.
"""

from __future__ import annotations

from counterfoil.contract.applications import CounterMoved, EnvelopePart, Explained, PayerShare
from counterfoil.contract.invoices import ClaimBasis, Evidence, Invoice
from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, DerivedTime, Digest, Flag, Id, PositiveAmount, Reference, Version, Word


@event("claim.permitted.v1")
class ClaimPermitted(Event):
    """The holder of a voucher lets a provider claim so much of it; 0: nothing any more."""

    voucher_id: Id
    programme_id: Id
    holder_id: Id
    provider_id: Id
    amount: Amount


@event("invoice.claimed.v1")
class InvoiceClaimed(Event):
    """A claim on an invoice, and what the document with the hash `rules_hash` pays of it, judged by `basis` alone.

    `eligible` and `co_payment` are rounded down. `explanation` has the first 128 steps, or as many as fit.
    """

    claim_id: Id
    programme_id: Id
    version: Version
    voucher_id: Id
    holder_id: Id
    claimant_id: Id
    invoice: Invoice
    invoice_key: Digest
    evidence: tuple[Evidence, ...]
    rules_hash: Digest
    basis: ClaimBasis
    explanation: tuple[Explained, ...]
    eligible: Amount
    subsidy: PositiveAmount
    co_payment: Amount
    counters: tuple[CounterMoved, ...]
    payers: tuple[PayerShare, ...]


@event("invoice.due.v1")
class InvoiceDue(Event):
    """The ledger is to take `amount` of the voucher, as it was when that was claimed, and to owe it to the payee."""

    claim_id: Id
    programme_id: Id
    version: Version
    voucher_id: Id
    holder_id: Id
    payee_id: Id
    invoice_number: Reference
    amount: PositiveAmount
    claimed_at: DerivedTime


@event("claim.counted_back.v1")
class ClaimCountedBack(Event):
    """Of a claim, so much will not be paid, and counts no more; `over`: nothing came of it, its invoice is free."""

    claim_id: Id
    programme_id: Id
    amount: PositiveAmount
    over: Flag
    reason: Word


@event("use.claimed.v1")
class UseClaimed(Event):
    """What an application asks for was used and paid before: it is a claim on this invoice.

    The application is before it in the same entry.
    """

    application_id: Id
    programme_id: Id
    beneficiary_id: Id
    invoice: Invoice
    invoice_key: Digest
    evidence: tuple[Evidence, ...]


@event("use.granted.v1")
class UseGranted(Event):
    """A claim after use is granted, and its voucher is due at once; application and claim have the same id.

    The decision with its explanation and counters, and the voucher, are before it in the same entry. `basis`: all that
    the rules with the hash `rules_hash` judge it by, as what counts when it is applied for, granted and paid; with
    `left`, what each envelope had.
    """

    claim_id: Id
    programme_id: Id
    version: Version
    voucher_id: Id
    beneficiary_id: Id
    invoice: Invoice
    invoice_key: Digest
    evidence: tuple[Evidence, ...]
    rules_hash: Digest
    basis: ClaimBasis
    left: tuple[EnvelopePart, ...]
    eligible: Amount
    subsidy: PositiveAmount
    co_payment: Amount
    payers: tuple[PayerShare, ...]


@event("use.due.v1")
class UseDue(Event):
    """The ledger is to take all of the voucher of a claim after use, and to owe it to the beneficiary."""

    claim_id: Id
    programme_id: Id
    version: Version
    voucher_id: Id
    beneficiary_id: Id
    invoice_number: Reference
    amount: PositiveAmount
    granted_at: DerivedTime


@event("credit_note.recorded.v1")
class CreditNoteRecorded(Event):
    """A credit note of `amount` on the invoice of a claim, which was for `invoiced` before it."""

    claim_id: Id
    programme_id: Id
    holder_id: Id
    claimant_id: Id
    credit_note: Invoice
    note_key: Digest
    amount: PositiveAmount
    invoiced: PositiveAmount
    recorded_by: Id
