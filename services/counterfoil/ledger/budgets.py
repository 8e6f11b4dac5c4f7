"""Budgets: what issuance appropriates, and what paid claims disburse."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.issuance.events import (
    BudgetAppropriated,
)
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import APPROPRIATION, DISBURSED, FUNDING, OBLIGATED, SETTLED, budget, claims
from counterfoil.ledger.events import (
    AppropriationPosted,
    ClaimSettled,
)
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.events import PaymentConfirmed


def post_appropriation(state: LedgerState, event: BudgetAppropriated, _at: At) -> Sequence[Event]:
    """Post an appropriation."""
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), FUNDING, APPROPRIATION, event.amount)
    return [AppropriationPosted(programme_id=event.programme_id, amount=event.amount, legs=posting.take())]


def settle_claims(state: LedgerState, event: PaymentConfirmed, _at: At) -> Sequence[Event]:
    """Settle the claims of a paid settlement, one provider at a time; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    posting = Posting(state.accounts)
    settled: list[Event] = []
    for payee in event.payees:
        posting.leg("post", event.currency, claims(payee.provider_id), SETTLED, payee.amount)
        posting.leg("post", budget(event.programme_id), OBLIGATED, DISBURSED, payee.amount)
        settled.append(
            ClaimSettled(
                settlement_id=event.settlement_id,
                programme_id=event.programme_id,
                provider_id=payee.provider_id,
                amount=payee.amount,
                legs=posting.take(),
            )
        )
    return settled
