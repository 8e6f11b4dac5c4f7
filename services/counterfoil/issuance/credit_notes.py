"""Credit notes on invoices that were claimed: who issued an invoice takes part of it back, and the claim is for less.

A note counts once, as an invoice does, and all notes on an invoice are at most what it was for. What a claim loses is
in proportion to what the invoice was still for; redemption says whether it is cut, or is being paid already.
"""

from __future__ import annotations

from counterfoil.contract.invoices import Invoice, invoice_key
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.issuance.invoice_commands import RecordCreditNote
from counterfoil.issuance.invoice_events import CreditNoteRecorded
from counterfoil.issuance.state import IssuanceState


def record_credit_note(state: IssuanceState, body: RecordCreditNote, actor: Party, at: At) -> Decision:
    """Record a credit note on the invoice of a claim on one of the actor's programmes."""
    claimed, note = state.claims.claimed.get(body.claim_id), body.credit_note
    if claimed is None:
        return refuse(Code.UNKNOWN_CLAIM, claim_id=body.claim_id)
    if state.programmes[claimed.programme_id].current.issuer_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_CLAIM, claim_id=body.claim_id)
    if (shut := state.phases.shut(claimed.programme_id)) is not None:
        return shut
    credit = state.claims.credits.get(body.claim_id)
    if credit is None:
        return refuse(Code.CREDIT_NOTE_NOT_VALID, why="claimed_by_earlier_rules")
    of = Invoice(issuer_tax_id=note.issuer_tax_id, number=body.invoice_number, issued_on=note.issued_on)
    if invoice_key(of) != claimed.invoice:
        return refuse(Code.CREDIT_NOTE_NOT_VALID, why="another_invoice")
    key = invoice_key(note)
    known = state.claims.is_noted(key.hex()) if state.rules.keeps_notes else key.hex() in state.claims.invoices
    if known:
        return refuse(Code.CREDIT_NOTE_NOT_VALID, why="known_before")
    if note.issued_on > at.time // DAY + 1:  # tomorrow has begun somewhere
        return refuse(Code.DATE_IN_FUTURE, field="credit_note")
    if body.amount > credit.left:
        return refuse(Code.EXCEEDS_INVOICE, left=credit.left)
    return [
        CreditNoteRecorded(
            claim_id=body.claim_id,
            programme_id=claimed.programme_id,
            holder_id=claimed.holder_id,
            claimant_id=claimed.claimant_id,
            credit_note=note,
            note_key=key,
            amount=body.amount,
            invoiced=credit.left,
            recorded_by=actor.party_id,
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def credit_note_recorded(state: IssuanceState, event: CreditNoteRecorded, _at: At) -> None:
    """Apply a credit note: it is known, and the invoice is for less."""
    state.claims.credited(event, apart=state.rules.keeps_notes)
