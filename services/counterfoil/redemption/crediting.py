"""What a credit note takes of a claim on an invoice: it is cut before it is in a settlement.

From then on a note is evidence for who takes back what was paid (`clawbacks.py`): that is ordered once, with a ground,
by other parties, and can be contested. By rules 7 the note made a debt of its own, and the same was owed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.invoice_events import InvoiceCredited
from counterfoil.redemption.credit_events import ClaimCut, CreditKnown, CreditOwed
from counterfoil.redemption.events import ClaimDenied, LinePart
from counterfoil.redemption.state import RedemptionState, put


def credit(state: RedemptionState, event: InvoiceCredited, _at: At) -> Sequence[Event]:
    """What is left of the claim shrinks as its invoice did, rounded down. What was settled is told, whenever it is."""
    lost = state.rules.notes_owe and state.phases.shut(event.programme_id) is not None
    if event.programme_id not in state.programmes or lost:
        return []
    left = state.reversible.get(event.claim_id, 0)
    amount = left - left * (event.invoiced - event.amount) // event.invoiced
    if not amount:
        return []
    claim = state.claims.get(event.claim_id)
    if claim is None:
        return [_of_settled(state, event, amount)]
    after = claim.terms.amount - amount
    cut = ClaimCut(
        claim_id=event.claim_id,
        programme_id=event.programme_id,
        provider_id=event.payee_id,
        amount=amount,
        approved=after if claim.status == "approved" else 0,
        left=after,
    )
    part = LinePart(contract_id=event.claim_id, amount=amount)
    denied = ClaimDenied(
        claim_id=event.claim_id,
        programme_id=event.programme_id,
        provider_id=event.payee_id,
        lines=(part,),
        amount=amount,
    )
    return [cut, denied]


def _of_settled(state: RedemptionState, event: InvoiceCredited, amount: int) -> CreditKnown | CreditOwed:
    """What a note is to a claim that is paid, or about to be."""
    if not state.rules.notes_owe:
        return CreditKnown(
            claim_id=event.claim_id, programme_id=event.programme_id, provider_id=event.payee_id, amount=amount
        )
    return CreditOwed(
        claim_id=event.claim_id,
        programme_id=event.programme_id,
        provider_id=event.payee_id,
        currency=state.currency(event.programme_id),
        amount=amount,
        owed_after=state.owed.get((event.programme_id, event.payee_id), 0) + amount,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def claim_cut(state: RedemptionState, event: ClaimCut, _at: At) -> None:
    """Apply that a claim is for less, or for nothing: then it is over."""
    if not event.left:
        del state.claims[event.claim_id]
        return
    claim = state.claims.edit(event.claim_id)
    (line,) = claim.terms.lines
    claim.terms = replace(claim.terms, lines=(replace(line, amount=event.left),), amount=event.left)


def credit_known(state: RedemptionState, event: CreditKnown, _at: At) -> None:
    """Apply that so much of what was settled is credited: the next note takes of what is left."""
    state.keep_reversible(event.claim_id, -event.amount)


def credit_owed(state: RedemptionState, event: CreditOwed, _at: At) -> None:
    """Apply that what was credited is owed, and cannot be taken of the claim again."""
    state.keep_reversible(event.claim_id, -event.amount)
    put(state.owed, (event.programme_id, event.provider_id), event.owed_after)
