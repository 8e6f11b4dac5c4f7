"""Issuance's read model of claims on invoices: what was claimed, what the document pays of it, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.contract.forms import dump
from counterfoil.core.at import At
from counterfoil.issuance.invoice_events import ClaimCountedBack, CreditNoteRecorded, InvoiceClaimed, UseGranted
from counterfoil.issuance.words import InvoiceStatus
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Readers
from counterfoil.service import Reducers

INVOICE_CLAIMS: Final = View(
    name="invoice_claims",
    key=("claim_id",),
    columns={
        "claim_id": "text",
        "programme_id": "text",
        "version": "int",
        "voucher_id": "text",
        "holder_id": "text",
        "claimant_id": "text",
        "invoice": "json",
        "invoice_key": "text",
        "evidence": "json",
        "rules_hash": "text",
        "basis": "json",
        "explanation": "json",
        "eligible": "amount",
        "subsidy": "amount",
        "co_payment": "amount",
        "not_paid": "amount",
        "counters": "json",
        "payers": "json",
        "claimed_at": "time",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
    },
    filters=("programme_id", "voucher_id", "holder_id", "claimant_id", "invoice_key", "status"),
    readers=Readers(parties=("holder_id", "claimant_id"), programme="programme_id"),
    time="claimed_at",
    values={"status": get_args(InvoiceStatus)},
)
"""`status`: claimed, or refused (nothing came of it, and its invoice may be claimed again). `not_paid`: what of the
subsidy was cut, denied or returned since. A claim after use is shown here once it is granted, by the id of its
application, which has its explanation and counters. What is decided on a claim and paid of it, `claims` shows."""
INVOICE_CREDITS: Final = View(
    name="invoice_credits",
    key=("note_key",),
    columns={
        "note_key": "text",
        "claim_id": "text",
        "programme_id": "text",
        "holder_id": "text",
        "claimant_id": "text",
        "credit_note": "json",
        "amount": "amount",
        "invoiced": "amount",
        "recorded_by": "text",
        "recorded_at": "time",
    },
    filters=("claim_id", "programme_id", "holder_id", "claimant_id"),
    readers=Readers(parties=("holder_id", "claimant_id"), programme="programme_id"),
    time="recorded_at",
)
"""Credit notes on invoices that were claimed; `invoiced`: what the invoice was for before. What a note took of a
claim that is in no settlement, `claims` shows as denied; of others as credited. By rules 7, that was owed at once."""
INVOICE_VIEWS: Final[tuple[View, ...]] = (INVOICE_CLAIMS, INVOICE_CREDITS)
_LISTED: Final = ("evidence", "explanation", "counters", "payers")
_PLAIN: Final = (
    "claim_id", "programme_id", "version", "voucher_id", "holder_id", "claimant_id", "eligible", "subsidy",
    "co_payment",
)  # fmt: skip


def _claimed(event: InvoiceClaimed, at: At) -> Iterable[Change]:
    row = {
        **{name: getattr(event, name) for name in _PLAIN},
        **{name: [dump(each) for each in getattr(event, name)] for name in _LISTED},
        "invoice": dump(event.invoice),
        "invoice_key": event.invoice_key.hex(),
        "rules_hash": event.rules_hash.hex(),
        "basis": dump(event.basis),
        "not_paid": 0,
        "claimed_at": at.time,
        "status": "claimed",
        "status_since": at.time,
        "status_reason": None,
    }
    yield Put(INVOICE_CLAIMS.name, row)


def _granted(event: UseGranted, at: At) -> Iterable[Change]:
    whose = {"holder_id": event.beneficiary_id, "claimant_id": event.beneficiary_id}
    row = {
        **{name: getattr(event, name) for name in _PLAIN if name not in whose},
        **{name: [dump(each) for each in getattr(event, name)] for name in ("evidence", "payers")},
        **whose,
        "invoice": dump(event.invoice),
        "invoice_key": event.invoice_key.hex(),
        "rules_hash": event.rules_hash.hex(),
        "basis": dump(event.basis),
        "explanation": [],
        "counters": [],
        "not_paid": 0,
        "claimed_at": at.time,
        "status": "claimed",
        "status_since": at.time,
        "status_reason": None,
    }
    yield Put(INVOICE_CLAIMS.name, row)


def _credited(event: CreditNoteRecorded, at: At) -> Iterable[Change]:
    names = ("claim_id", "programme_id", "holder_id", "claimant_id", "amount", "invoiced", "recorded_by")
    same = {name: getattr(event, name) for name in names}
    papers = {"note_key": event.note_key.hex(), "credit_note": dump(event.credit_note)}
    yield Put(INVOICE_CREDITS.name, {**papers, **same, "recorded_at": at.time})


def _counted_back(event: ClaimCountedBack, at: At) -> Iterable[Change]:
    yield Add(INVOICE_CLAIMS.name, (event.claim_id,), {"not_paid": event.amount})
    if event.over:
        values = {"status": "refused", "status_since": at.time, "status_reason": event.reason}
        yield Set(INVOICE_CLAIMS.name, (event.claim_id,), values)


INVOICE_REDUCERS: Final[Reducers] = {
    InvoiceClaimed: _claimed,
    UseGranted: _granted,
    CreditNoteRecorded: _credited,
    ClaimCountedBack: _counted_back,
}
