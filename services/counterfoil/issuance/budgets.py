"""How much of a programme's budget may become vouchers.

Issuance counts budgets in order to refuse what they do not cover; the ledger posts them.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.paper import not_payable, reference_used, unknown_currency
from counterfoil.issuance.commands import (
    AppropriateBudget,
    ReduceBudget,
)
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    BudgetReduced,
)
from counterfoil.issuance.invoices import count_back
from counterfoil.issuance.programmes import growing_programme
from counterfoil.issuance.state import IssuanceState
from counterfoil.ledger.events import ClaimReleased
from counterfoil.programme.form.identity import MoneyUnit
from counterfoil.programme.rules import Rules


def appropriate_budget(state: IssuanceState, body: AppropriateBudget, actor: Party, _at: At) -> Decision:
    """Appropriate more budget for one of the actor's programmes, by a document that it never used."""
    programme = growing_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    terms = state.terms(body.programme_id)
    currency = terms.currency
    money = not isinstance(terms, Rules) or isinstance(terms.document.unit, MoneyUnit)
    if money and (unknown := unknown_currency(state, currency)) is not None:
        return unknown
    room = state.room(programme, programme.appropriated)
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
    refused = not_payable(state, currency, body.amount) or reference_used(
        state, actor.party_id, "appropriation", body.document
    )
    if refused is not None:
        return refused
    return [
        BudgetAppropriated(
            programme_id=body.programme_id,
            amount=body.amount,
            document=body.document,
            uncommitted_after=programme.uncommitted + body.amount,
        )
    ]


def reduce_budget(state: IssuanceState, body: ReduceBudget, actor: Party, _at: At) -> Decision:
    """Take back what one of the actor's programmes has not committed."""
    programme = growing_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if body.amount > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    return reference_used(state, actor.party_id, "reduction", body.document) or [
        BudgetReduced(
            programme_id=body.programme_id,
            amount=body.amount,
            document=body.document,
            reason=body.reason,
            uncommitted_after=programme.uncommitted - body.amount,
        )
    ]


def recycle_claim(state: IssuanceState, event: ClaimReleased, at: At) -> Sequence[Event]:
    """Record what of a denied claim may be issued again, and counts no more; nothing for another shard's programme."""
    programme = state.programmes.get(event.programme_id)
    back = count_back(state, event, at)
    if programme is None or event.recycled == 0:
        return back
    return [
        *back,
        BudgetRecycled(
            programme_id=event.programme_id,
            source_id=event.claim_id,
            amount=event.recycled,
            uncommitted_after=programme.uncommitted + event.recycled,
        ),
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def budget_appropriated(state: IssuanceState, event: BudgetAppropriated, at: At) -> None:
    """Apply an appropriation."""
    programme = state.programmes.edit(event.programme_id)
    programme.appropriated += event.amount
    state.commit(state.terms(event.programme_id).currency, event.amount)
    state.references.use(programme.current.issuer_id, "appropriation", event.document, at.index)
    ensure(programme.uncommitted == event.uncommitted_after, f"budget of {event.programme_id} differs")
    state.budget_freed(event.programme_id, at)


def budget_reduced(state: IssuanceState, event: BudgetReduced, at: At) -> None:
    """Apply a reduction."""
    programme = state.programmes.edit(event.programme_id)
    state.references.use(programme.current.issuer_id, "reduction", event.document, at.index)
    programme.appropriated -= event.amount
    state.commit(state.terms(event.programme_id).currency, -event.amount)
    ensure(programme.uncommitted == event.uncommitted_after >= 0, f"budget of {event.programme_id} differs")


def budget_recycled(state: IssuanceState, event: BudgetRecycled, at: At) -> None:
    """Apply value that may be issued again."""
    programme = state.programmes.edit(event.programme_id)
    programme.recycled += event.amount
    ensure(programme.uncommitted == event.uncommitted_after, f"budget of {event.programme_id} differs")
    state.budget_freed(event.programme_id, at)
