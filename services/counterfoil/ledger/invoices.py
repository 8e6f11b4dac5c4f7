"""What is claimed of vouchers with invoices: taken of the voucher at once, and given back of it or of the budget.

The claimant gets a claim on the programme for it, as a provider does for what is captured on the market. What comes of
the claim, redemption says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.issuance.invoice_events import CreditNoteRecorded, InvoiceDue, UseDue
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.budgets import release
from counterfoil.ledger.chart import REDEEMED, claim, claims, claims_payable, owner
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import Draw
from counterfoil.ledger.invoice_events import (
    InvoiceCaptured,
    InvoiceCredited,
    InvoiceRefused,
    InvoiceReturned,
    UseCaptured,
)
from counterfoil.ledger.state import Claimed, LedgerState
from counterfoil.programme.claiming import after_use
from counterfoil.programme.rules import Rules
from counterfoil.redemption.closing_events import ClaimLapsed
from counterfoil.redemption.events import ClaimReturned


def capture_invoice(state: LedgerState, event: InvoiceDue, _at: At) -> Sequence[Event]:
    """Take what is due of the voucher, or say why not; nothing for a voucher of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    posting = _taken(state, event, event.holder_id, event.payee_id, event.claimed_at)
    if isinstance(posting, InvoiceRefused):
        return [posting]
    return [
        InvoiceCaptured(
            claim_id=event.claim_id,
            programme_id=event.programme_id,
            version=event.version,
            voucher_id=event.voucher_id,
            holder_id=event.holder_id,
            payee_id=event.payee_id,
            invoice_number=event.invoice_number,
            amount=event.amount,
            legs=posting.take(),
        )
    ]


def capture_use(state: LedgerState, event: UseDue, _at: At) -> Sequence[Event]:
    """Take all of the voucher that a claim after use was granted; nothing for a voucher of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    posting = _taken(state, event, event.beneficiary_id, event.beneficiary_id, event.granted_at)
    if isinstance(posting, InvoiceRefused):
        return [posting]
    return [
        UseCaptured(
            claim_id=event.claim_id,
            programme_id=event.programme_id,
            version=event.version,
            voucher_id=event.voucher_id,
            beneficiary_id=event.beneficiary_id,
            invoice_number=event.invoice_number,
            amount=event.amount,
            legs=posting.take(),
        )
    ]


def _taken(
    state: LedgerState, event: InvoiceDue | UseDue, holder_id: str, payee_id: str, time: int
) -> Posting | InvoiceRefused:
    """The legs from the voucher to the payee's claim, or why the voucher does not pay."""
    voucher = state.held_voucher(event.voucher_id, holder_id)
    available = state.accounts.find(owner(holder_id), event.voucher_id).available
    barred = Code.UNKNOWN_VOUCHER if voucher is None else voucher.bar(time)
    if barred is None and event.amount > available:
        barred = Code.EXCEEDS_AVAILABLE
    if barred is not None:
        return InvoiceRefused(
            claim_id=event.claim_id, programme_id=event.programme_id, voucher_id=event.voucher_id,
            reason=barred.value, available=available,
        )  # fmt: skip
    posting = Posting(state.accounts)
    posting.leg("post", event.voucher_id, owner(holder_id), REDEEMED, event.amount)
    asset, payable = claim(event.programme_id), claims_payable(event.programme_id)
    posting.leg("post", asset, payable, claims(payee_id), event.amount)
    return posting


def pass_credit(state: LedgerState, event: CreditNoteRecorded, _at: At) -> Sequence[Event]:
    """Pass on that an invoice is for less, behind its claim; nothing for one that no voucher was taken for."""
    if event.claim_id not in state.claimed:
        return []
    return [
        InvoiceCredited(
            claim_id=event.claim_id,
            programme_id=event.programme_id,
            payee_id=event.claimant_id,
            amount=event.amount,
            invoiced=event.invoiced,
        )
    ]


def return_to_voucher(state: LedgerState, event: ClaimReturned, at: At) -> Sequence[Event]:
    """Give back to its voucher what of a claim was not approved.

    Its budget is released instead if nothing is left of the voucher, if it was granted with the claim, or if the
    document revokes what claims are cut by.
    """
    claimed = state.claimed.get(event.claim_id)
    if claimed is None:
        return []
    terms = cast("Rules", state.terms(claimed.programme_id, claimed.version))
    with_claim = state.rules.claims_after_use and after_use(terms)
    ends = with_claim or terms.document.redemption.unspent_cut == "REVOKED"
    if ends or claimed.voucher_id not in state.vouchers.open:
        recycles = terms.recycles
        return [release(state, event, event.amount if recycles else 0, 0 if recycles else event.amount)]
    posting = Posting(state.accounts)
    posting.leg(
        "post", claim(event.programme_id), claims(event.provider_id), claims_payable(event.programme_id), event.amount
    )
    posting.leg("post", claimed.voucher_id, REDEEMED, owner(claimed.holder_id), event.amount)
    returned = InvoiceReturned(
        claim_id=event.claim_id, programme_id=event.programme_id, voucher_id=claimed.voucher_id,
        holder_id=claimed.holder_id, amount=event.amount, legs=posting.take(),
    )  # fmt: skip
    back = Draw(voucher_id=claimed.voucher_id, amount=event.amount)
    return [returned, *bury(state, posting, claimed.holder_id, [back], at)]


def show_lapsed(state: LedgerState, event: ClaimLapsed, _at: At) -> Sequence[Event]:
    """Mirror that a claim on an invoice lapsed, behind what its payee lost: issuance counts it back."""
    return [event] if event.claim_id in state.claimed else []


# evolve -------------------------------------------------------------------------------------------------------------


def invoice_captured(state: LedgerState, event: InvoiceCaptured, _at: At) -> None:
    """Apply that a voucher pays an invoice."""
    state.book(event.legs)
    state.claimed[event.claim_id] = Claimed(
        event.programme_id, event.version, event.voucher_id, event.holder_id, event.amount
    )


def use_captured(state: LedgerState, event: UseCaptured, _at: At) -> None:
    """Apply that a voucher pays the claim that it was granted with."""
    state.book(event.legs)
    state.claimed[event.claim_id] = Claimed(
        event.programme_id, event.version, event.voucher_id, event.beneficiary_id, event.amount
    )


def invoice_credited(_state: LedgerState, _event: InvoiceCredited, _at: At) -> None:
    """What follows from it is for redemption."""


def invoice_refused(_state: LedgerState, _event: InvoiceRefused, _at: At) -> None:
    """Nothing was taken."""


def invoice_returned(state: LedgerState, event: InvoiceReturned, _at: At) -> None:
    """Apply that value is back."""
    state.book(event.legs)
    claimed = state.claimed[event.claim_id]
    state.claimed[event.claim_id] = claimed._replace(amount=claimed.amount - event.amount)


def claim_lapsed(_state: LedgerState, _event: ClaimLapsed, _at: At) -> None:
    """It was booked with all that its payee lost."""
