"""Budgets: what issuance appropriates, and what paid claims disburse."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.issuance.events import BudgetAppropriated, BudgetReduced
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import APPROPRIATION, DISBURSED, FUNDING, OBLIGATED, SETTLED, budget, claim, claims
from counterfoil.ledger.events import AppropriationPosted, AppropriationReduced, ClaimSettled
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.events import PaymentConfirmed


def post_appropriation(state: LedgerState, event: BudgetAppropriated, _at: At) -> Sequence[Event]:
    """Post an appropriation."""
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), FUNDING, APPROPRIATION, event.amount)
    return [AppropriationPosted(programme_id=event.programme_id, amount=event.amount, legs=posting.take())]


def reduce_appropriation(state: LedgerState, event: BudgetReduced, _at: At) -> Sequence[Event]:
    """Take back what issuance has not committed: the ledger never has less of it."""
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), APPROPRIATION, FUNDING, event.amount)
    return [AppropriationReduced(programme_id=event.programme_id, amount=event.amount, legs=posting.take())]


def settle_claims(state: LedgerState, event: PaymentConfirmed, _at: At) -> Sequence[Event]:
    """Settle the claims of a paid settlement, one provider at a time; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    posting = Posting(state.accounts)
    settled: list[Event] = []
    for payee in event.payees:
        claim_legs(posting, event.programme_id, event.currency, payee.provider_id, SETTLED, payee.amount)
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


def claim_legs(posting: Posting, programme_id: str, currency: str, provider_id: str, to: str, amount: int) -> None:
    """The legs that take so much from a provider's claims on a programme.

    What is more than that was captured by rules 1 to 3, in the currency.
    """
    asset, account = claim(programme_id), claims(provider_id)
    on_programme = min(amount, posting.draft(account, asset).posted)
    posting.leg("post", asset, account, to, on_programme)
    posting.leg("post", currency, account, to, amount - on_programme)
