"""Reversals of captures, as redemption decided them: credit notes. Nothing is edited.

The recorded draws are undone in reverse order, never computed anew. What a provider did not claim yet it loses; what it
claimed or got, it owes, until its next claims are set off against that or it pays it back. In kind nobody owes any:
what was drawn of the allocation comes back to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.budgets import claim_legs
from counterfoil.ledger.chart import (
    DISBURSED,
    LAPSED,
    OBLIGATED,
    RECOVERABLE,
    RECOVERED,
    REDEEMED,
    SETTLED,
    budget,
    cash,
    claim,
    claims,
    claims_payable,
    owner,
    receivables,
)
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import CaptureReversed, Leg, ReceivableOffset, ReceivableRecovered
from counterfoil.ledger.holds import split, total
from counterfoil.ledger.state import LedgerState
from counterfoil.programme.terms import in_kind
from counterfoil.redemption.events import ClaimOffset, DebtWrittenOff, RecoveryConfirmed, UsageReversed


def reverse(state: LedgerState, event: UsageReversed, at: At) -> Sequence[Event]:
    """Undo so much of a capture; nothing if another ledger captured it."""
    captured = state.captures.get(event.report_id)
    if captured is None:
        return []
    contract, currency = state.contract(captured.contract_id), event.currency
    subsidy = event.unclaimed + event.owed
    vouchers = split(captured.draws, total(captured.draws) - subsidy)[1][::-1]
    live = tuple(draw for draw in vouchers if draw.voucher_id in state.vouchers.open)
    lapsed = subsidy - total(live)
    payer, payee, programme_id = contract.provider_id, contract.beneficiary_id, contract.programme_id
    posting = Posting(state.accounts)
    for draw in live:
        posting.leg("post", draw.voucher_id, REDEEMED, owner(payee), draw.amount)
    if in_kind(state.terms(programme_id, contract.version)):
        posting.leg("post", claim(programme_id), SETTLED, claims_payable(programme_id), subsidy)
        posting.leg("post", budget(programme_id), DISBURSED, OBLIGATED, subsidy)
    else:
        claim_legs(posting, programme_id, currency, claims(payer), claims_payable(programme_id), event.unclaimed)
        posting.leg("post", claim(programme_id), receivables(payer), claims_payable(programme_id), event.owed)
        posting.leg("post", budget(programme_id), RECOVERABLE, OBLIGATED, event.owed)
    posting.leg("post", budget(programme_id), OBLIGATED, LAPSED, lapsed)
    paid = min(event.co_payment, state.accounts.find(cash(payer), currency).available)
    posting.leg("post", currency, cash(payer), cash(payee), paid)
    reversal = CaptureReversed(
        reversal_id=event.reversal_id,
        report_id=event.report_id,
        contract_id=event.contract_id,
        programme_id=programme_id,
        provider_id=payer,
        beneficiary_id=payee,
        currency=currency,
        vouchers=vouchers,
        lapsed=lapsed,
        unclaimed=event.unclaimed,
        owed=event.owed,
        co_payment=event.co_payment,
        unpaid=event.co_payment - paid,
        legs=posting.take(),
    )
    return [reversal, *bury(state, posting, payee, live, at)]


def set_off(state: LedgerState, event: ClaimOffset, _at: At) -> Sequence[Event]:
    """Book what a provider's claims were set off against; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    posting = Posting(state.accounts)
    account, to = claims(event.provider_id), receivables(event.provider_id)
    claim_legs(posting, event.programme_id, event.currency, account, to, event.amount)
    posting.leg("post", budget(event.programme_id), OBLIGATED, RECOVERABLE, event.amount)
    return [
        ReceivableOffset(
            programme_id=event.programme_id, provider_id=event.provider_id, amount=event.amount, legs=posting.take()
        )
    ]


def recover(state: LedgerState, event: RecoveryConfirmed, _at: At) -> Sequence[Event]:
    """Book what a provider paid back; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    return [
        ReceivableRecovered(
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            amount=event.amount,
            payment_reference=event.payment_reference,
            legs=debt_ended(state, event, RECOVERED),
        )
    ]


def debt_ended(state: LedgerState, event: RecoveryConfirmed | DebtWrittenOff, end: str) -> tuple[Leg, ...]:
    """The legs by which so much of what a provider owes ends in an account: of its claims, and of the budget."""
    posting = Posting(state.accounts)
    posting.leg("post", claim(event.programme_id), end, receivables(event.provider_id), event.amount)
    posting.leg("post", budget(event.programme_id), end, RECOVERABLE, event.amount)
    return posting.take()


# evolve -------------------------------------------------------------------------------------------------------------


def capture_reversed(state: LedgerState, event: CaptureReversed, _at: At) -> None:
    """Apply a reversal."""
    state.book(event.legs)
    captured, subsidy = state.captures[event.report_id], event.unclaimed + event.owed
    left = split(captured.draws, total(captured.draws) - subsidy)[0]
    state.captures[event.report_id] = captured._replace(draws=left, co_payment=captured.co_payment - event.co_payment)
    contract = state.contract(event.contract_id)
    changed = contract._replace(reversed=contract.reversed + subsidy)
    if event.contract_id in state.contracts:
        state.contracts[event.contract_id] = changed
    else:
        state.ended[event.contract_id] = state.ended[event.contract_id]._replace(contract=changed)
