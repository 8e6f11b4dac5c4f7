"""What redemption decided to take back of what was paid, in the books. What was disbursed stays so: it is owed."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import (
    LAPSED,
    OBLIGATED,
    RECOVERABLE,
    WRITTEN_OFF,
    budget,
    claim,
    claims,
    clawed_back,
    receivables,
)
from counterfoil.ledger.receivable_events import ClawbackPosted, ClawbackUndone, ReceivableWrittenOff
from counterfoil.ledger.reversals import debt_ended
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.credit_events import CreditOwed
from counterfoil.redemption.events import AppealDecided, ClawbackInForce, DebtWrittenOff


def claw_back(state: LedgerState, event: ClawbackInForce, _at: At) -> Sequence[Event]:
    """Book what is owed from now on; nothing for a programme of another ledger."""
    return [_posted(state, event, event.clawback_id)] if event.programme_id in state.programmes else []


def owe_credit(state: LedgerState, event: CreditOwed, _at: At) -> Sequence[Event]:
    """Book what a credit note took of a claim that is being paid, or was: it is taken back by the claim's id."""
    return [_posted(state, event, event.claim_id)] if event.programme_id in state.programmes else []


def _posted(state: LedgerState, event: ClawbackInForce | CreditOwed, clawback_id: str) -> ClawbackPosted:
    posting, asset = Posting(state.accounts), claim(event.programme_id)
    posting.leg("post", asset, receivables(event.provider_id), clawed_back(event.programme_id), event.amount)
    posting.leg("post", budget(event.programme_id), RECOVERABLE, LAPSED, event.amount)
    return ClawbackPosted(
        clawback_id=clawback_id,
        programme_id=event.programme_id,
        provider_id=event.provider_id,
        amount=event.amount,
        legs=posting.take(),
    )


def undo(state: LedgerState, event: AppealDecided, _at: At) -> Sequence[Event]:
    """Book what an appeal ended of a debt that was in force."""
    if event.programme_id not in state.programmes or not event.forgiven + event.refunded:
        return []
    posting, asset = Posting(state.accounts), claim(event.programme_id)
    back, of_budget = clawed_back(event.programme_id), budget(event.programme_id)
    posting.leg("post", asset, back, receivables(event.provider_id), event.forgiven)
    posting.leg("post", of_budget, LAPSED, RECOVERABLE, event.forgiven)
    posting.leg("post", asset, back, claims(event.provider_id), event.refunded)
    posting.leg("post", of_budget, LAPSED, OBLIGATED, event.refunded)
    return [
        ClawbackUndone(
            clawback_id=event.clawback_id,
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            forgiven=event.forgiven,
            refunded=event.refunded,
            legs=posting.take(),
        )
    ]


def write_off(state: LedgerState, event: DebtWrittenOff, _at: At) -> Sequence[Event]:
    """Book what will not come."""
    if event.programme_id not in state.programmes:
        return []
    return [
        ReceivableWrittenOff(
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            amount=event.amount,
            legs=debt_ended(state, event, WRITTEN_OFF),
        )
    ]
