"""Cash of the parties: what comes in from outside and what is paid out."""

from __future__ import annotations

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.paper import not_payable, reference_used, unknown_currency
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import BANK, cash
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.ledger.events import (
    CashDeposited,
    CashWithdrawn,
)
from counterfoil.ledger.state import LedgerState


def deposit(state: LedgerState, body: Deposit, actor: Party, _at: At) -> Decision:
    """Cash received from outside for a party, in whole minor units, by a reference of its own."""
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if (unknown := unknown_currency(state, body.currency)) is not None:
        return unknown
    room = MAX_AMOUNT + state.accounts.find(BANK, body.currency).posted  # of all cash of the currency together
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
    refused = (
        not_payable(state, body.currency, body.amount)
        or _own_cash(state, actor, body.party_id)
        or reference_used(state, actor.party_id, "deposit", body.payment_reference)
    )
    if refused is not None:
        return refused
    posting = Posting(state.accounts)
    posting.leg("post", body.currency, BANK, cash(body.party_id), body.amount)
    return [
        CashDeposited(
            party_id=body.party_id,
            currency=body.currency,
            amount=body.amount,
            payment_reference=body.payment_reference,
            treasurer_id=actor.party_id,
            legs=posting.take(),
        )
    ]


def withdraw(state: LedgerState, body: Withdraw, actor: Party, _at: At) -> Decision:
    """Cash paid out to a party, in whole minor units, by a reference of its own."""
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    refused = (
        unknown_currency(state, body.currency)
        or not_payable(state, body.currency, body.amount)
        or _own_cash(state, actor, body.party_id)
        or reference_used(state, actor.party_id, "withdrawal", body.payment_reference)
    )
    if refused is not None:
        return refused
    available = state.accounts.find(cash(body.party_id), body.currency).available
    if body.amount > available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=available)
    posting = Posting(state.accounts)
    posting.leg("post", body.currency, cash(body.party_id), BANK, body.amount)
    return [
        CashWithdrawn(
            party_id=body.party_id,
            currency=body.currency,
            amount=body.amount,
            payment_reference=body.payment_reference,
            treasurer_id=actor.party_id,
            legs=posting.take(),
        )
    ]


def _own_cash(state: LedgerState, treasurer: Party, party_id: str) -> Refusal | None:
    """Why the treasurer may not book cash of the party: it says what only a bank could prove."""
    return not_separate(state, Held(Duty.TREASURER, treasurer.party_id), Held(Duty.CASH_OWNER, party_id))


# evolve -------------------------------------------------------------------------------------------------------------


def cash_deposited(state: LedgerState, event: CashDeposited, at: At) -> None:
    """Apply a deposit."""
    state.book(event.legs)
    state.references.use(event.treasurer_id, "deposit", event.payment_reference, at.index)


def cash_withdrawn(state: LedgerState, event: CashWithdrawn, at: At) -> None:
    """Apply a withdrawal."""
    state.book(event.legs)
    state.references.use(event.treasurer_id, "withdrawal", event.payment_reference, at.index)
