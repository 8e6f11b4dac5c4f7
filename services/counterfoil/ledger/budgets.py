"""Budgets: what issuance appropriates, what paid claims disburse, and what denied ones release."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.events import BudgetAppropriated, BudgetReduced
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import (
    APPROPRIATION,
    DISBURSED,
    FUNDING,
    LAPSED,
    OBLIGATED,
    SETTLED,
    budget,
    claim,
    claims,
    denied,
)
from counterfoil.ledger.events import (
    AppropriationPosted,
    AppropriationReduced,
    ClaimReleased,
    ClaimReopened,
    ClaimSettled,
)
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.events import ClaimDenied, ClaimReturned, PaymentConfirmed, PaymentReturned
from counterfoil.redemption.payer_events import ShareReturned


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
    """Settle what a provider was paid; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    posting = Posting(state.accounts)
    claim_legs(posting, event.programme_id, event.currency, claims(event.provider_id), SETTLED, event.amount)
    posting.leg("post", budget(event.programme_id), OBLIGATED, DISBURSED, event.amount)
    return [
        ClaimSettled(
            settlement_id=event.settlement_id,
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            amount=event.amount,
            legs=posting.take(),
        )
    ]


def reopen_claims(state: LedgerState, event: PaymentReturned, _at: At) -> Sequence[Event]:
    """Undo the settlement of a payment that came back; nothing if it was not settled."""
    if event.programme_id not in state.programmes or not event.was_paid:
        return []
    return [_reopened(state, event, event.amount)]


def reopen_shared(state: LedgerState, event: ShareReturned, _at: At) -> Sequence[Event]:
    """Undo the settlement of a payment of which a payer's part came back; nothing if it was not settled."""
    if event.programme_id not in state.programmes or not event.reopened:
        return []
    return [_reopened(state, event, event.payment)]


def _reopened(state: LedgerState, event: PaymentReturned | ShareReturned, amount: int) -> ClaimReopened:
    posting = Posting(state.accounts)
    claim_legs(posting, event.programme_id, event.currency, SETTLED, claims(event.provider_id), amount)
    posting.leg("post", budget(event.programme_id), DISBURSED, OBLIGATED, amount)
    return ClaimReopened(
        settlement_id=event.settlement_id,
        programme_id=event.programme_id,
        provider_id=event.provider_id,
        amount=amount,
        legs=posting.take(),
    )


def release_claim(state: LedgerState, event: ClaimDenied, _at: At) -> Sequence[Event]:
    """Release the budget of what was denied, by the terms of each contract; nothing for another ledger's contracts."""
    recycled = lapsed = 0
    for line in event.lines:
        source = state.source_of(line.contract_id)
        if source is None:
            continue
        if state.terms(source.programme_id, source.version).recycles:
            recycled += line.amount
        else:
            lapsed += line.amount
    return [release(state, event, recycled, lapsed)] if recycled + lapsed else []


def release(state: LedgerState, event: ClaimDenied | ClaimReturned, recycled: int, lapsed: int) -> ClaimReleased:
    """Release the budget of so much of a claim: to be issued again, or lapsed."""
    posting, asset = Posting(state.accounts), budget(event.programme_id)
    currency, to = state.currency(event.programme_id), denied(event.programme_id)
    claim_legs(posting, event.programme_id, currency, claims(event.provider_id), to, recycled + lapsed)
    posting.leg("post", asset, OBLIGATED, APPROPRIATION, recycled)
    posting.leg("post", asset, OBLIGATED, LAPSED, lapsed)
    return ClaimReleased(
        claim_id=event.claim_id,
        programme_id=event.programme_id,
        provider_id=event.provider_id,
        amount=recycled + lapsed,
        recycled=recycled,
        legs=posting.take(),
    )


def claim_legs(posting: Posting, programme_id: str, currency: str, account: str, to: str, amount: int) -> None:
    """The legs that move so much of the claims on a programme.

    What is more than the account has of them was captured by rules 1 to 3, in the currency.
    """
    asset = claim(programme_id)
    on_programme = min(amount, posting.draft(account, asset).posted)
    posting.leg("post", asset, account, to, on_programme)
    posting.leg("post", currency, account, to, amount - on_programme)
