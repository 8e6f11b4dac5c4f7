"""How much of a programme's budget may become vouchers.

Issuance counts budgets in order to refuse what they do not cover; the ledger posts them.
"""

from __future__ import annotations

from counterfoil.contract.ensure import ensure
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import (
    AppropriateBudget,
    ReduceBudget,
)
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    BudgetReduced,
)
from counterfoil.issuance.programmes import own_programme
from counterfoil.issuance.state import IssuanceState


def appropriate_budget(state: IssuanceState, body: AppropriateBudget, actor: Party, _at: At) -> Decision:
    """Appropriate more budget for one of the actor's programmes."""
    programme = own_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    room = state.room(programme, programme.appropriated)
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
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
    programme = own_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if body.amount > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    return [
        BudgetReduced(
            programme_id=body.programme_id,
            amount=body.amount,
            document=body.document,
            reason=body.reason,
            uncommitted_after=programme.uncommitted - body.amount,
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def budget_appropriated(state: IssuanceState, event: BudgetAppropriated, _at: At) -> None:
    """Apply an appropriation."""
    programme = state.programmes.edit(event.programme_id)
    programme.appropriated += event.amount
    state.commit(programme.terms.currency, event.amount)
    ensure(programme.uncommitted == event.uncommitted_after, f"budget of {event.programme_id} differs")


def budget_reduced(state: IssuanceState, event: BudgetReduced, _at: At) -> None:
    """Apply a reduction."""
    programme = state.programmes.edit(event.programme_id)
    programme.appropriated -= event.amount
    state.commit(programme.terms.currency, -event.amount)
    ensure(programme.uncommitted == event.uncommitted_after >= 0, f"budget of {event.programme_id} differs")


def budget_recycled(state: IssuanceState, event: BudgetRecycled, _at: At) -> None:
    """Apply value that may be issued again."""
    programme = state.programmes.edit(event.programme_id)
    programme.recycled += event.amount
    ensure(programme.uncommitted == event.uncommitted_after, f"budget of {event.programme_id} differs")
