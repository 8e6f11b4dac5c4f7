"""How accepted usage is paid, by the redemption model of the programme's terms: a line of `CAPTURES` and a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import (
    CO_PAYMENTS,
    DISBURSED,
    OBLIGATED,
    SETTLED,
    budget,
    cash,
    claim,
    claims,
    claims_payable,
)
from counterfoil.ledger.endings import closed, remove_if_ended
from counterfoil.ledger.events import CaptureJudged, HoldCaptured
from counterfoil.ledger.holds import Hold, split, total
from counterfoil.ledger.payment import Parts, divide, reasons
from counterfoil.ledger.releases import voucher_legs
from counterfoil.ledger.state import Captured, Contract, LedgerState
from counterfoil.programme.paying import Paid, pays
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms
from counterfoil.redemption.events import UsageAccepted

Capture = Callable[[LedgerState, UsageAccepted, Contract, Terms], Sequence[Event]]
"""(state, accepted usage, its contract, the contract's terms) -> the events that pay for it."""


def capture(state: LedgerState, event: UsageAccepted, _at: At) -> Sequence[Event]:
    """Pay accepted usage out of its contract's hold."""
    contract = state.contracts[event.contract_id]
    terms = state.terms(contract.programme_id, contract.version)
    return CAPTURES[terms.redemption_model](state, event, contract, terms)


def deduct_at_provider(state: LedgerState, event: UsageAccepted, contract: Contract, terms: Terms) -> Sequence[Event]:
    """Vouchers are redeemed; the provider gets a claim on the programme for them, and the co-payment at once.

    What is paid is judged of all invoices so far, so rounding never adds up.
    """
    hold: Hold[None] = state.holds.open["contract", event.contract_id]
    invoiced = contract.invoiced + event.amount
    paid = paid_by(state, event.contract_id, terms, invoiced)
    held = Parts(total(hold.draws), hold.cash)
    subsidy, co_payment = divide(event.amount, paid.subsidy - contract.subsidised, held)
    vouchers, _ = split(hold.draws, subsidy)
    ensure(co_payment <= hold.cash, "a contract's cash covers its co-payments")
    payer, payee = hold.owner_id, contract.provider_id
    posting = Posting(state.accounts)
    voucher_legs(posting, "capture", payer, vouchers)
    asset = claim(contract.programme_id) if state.rules.bounds_each_programme else hold.currency
    posting.leg("post", asset, claims_payable(contract.programme_id), claims(payee), subsidy)
    posting.leg("capture", hold.currency, cash(payer), CO_PAYMENTS, co_payment)
    posting.leg("post", hold.currency, CO_PAYMENTS, cash(payee), co_payment)
    captured = HoldCaptured(
        contract_id=event.contract_id,
        report_id=event.report_id,
        programme_id=contract.programme_id,
        provider_id=payee,
        currency=hold.currency,
        invoice=event.amount,
        vouchers=vouchers,
        subsidy=subsidy,
        co_payment=co_payment,
        legs=posting.take(),
    )
    judged = _judged(event, terms, invoiced, paid)
    return [*judged, captured, *closed(state, posting, [draw.voucher_id for draw in vouchers])]


def _judged(event: UsageAccepted, terms: Terms, invoiced: int, paid: Paid) -> Sequence[Event]:
    """What a document's rules said of all that was invoiced, for the record."""
    if not isinstance(terms, Rules):
        return []
    return [
        CaptureJudged(
            contract_id=event.contract_id, report_id=event.report_id, rules_hash=terms.digest, invoiced=invoiced,
            subsidy=paid.subsidy, explanation=reasons(paid),
        )
    ]  # fmt: skip


def paid_by(state: LedgerState, contract_id: str, terms: Terms, invoiced: int) -> Paid:
    """What vouchers pay of all that was invoiced of a contract."""
    if isinstance(terms, Rules):
        return pays(terms, state.purchases[contract_id].part(invoiced))
    return Paid(terms.subsidy(invoiced))


def draw_in_kind(state: LedgerState, event: UsageAccepted, contract: Contract, terms: Terms) -> Sequence[Event]:
    """Of an allocation as much is redeemed as was metered: nothing is owed to anybody, and its budget is disbursed."""
    hold: Hold[None] = state.holds.open["contract", event.contract_id]
    invoiced = contract.invoiced + event.amount
    vouchers, _ = split(hold.draws, event.amount)
    posting, programme_id = Posting(state.accounts), contract.programme_id
    voucher_legs(posting, "capture", hold.owner_id, vouchers)
    posting.leg("post", claim(programme_id), claims_payable(programme_id), SETTLED, event.amount)
    posting.leg("post", budget(programme_id), OBLIGATED, DISBURSED, event.amount)
    captured = HoldCaptured(
        contract_id=event.contract_id,
        report_id=event.report_id,
        programme_id=programme_id,
        provider_id=contract.provider_id,
        currency=hold.currency,
        invoice=event.amount,
        vouchers=vouchers,
        subsidy=event.amount,
        co_payment=0,
        legs=posting.take(),
    )
    judged = _judged(event, terms, invoiced, paid_by(state, event.contract_id, terms, invoiced))
    return [*judged, captured, *closed(state, posting, [draw.voucher_id for draw in vouchers])]


CAPTURES: Final[Mapping[str, Capture]] = {
    "deduct_at_provider": deduct_at_provider,
    "DEDUCT_AT_PROVIDER": deduct_at_provider,
    "APPLY_THEN_DEDUCT": deduct_at_provider,
    "DISCOUNT_AT_PROVIDER": deduct_at_provider,
    "IN_KIND": draw_in_kind,
}
"""By model: as thin terms have it, then as documents have them that are paid on the market."""


# evolve -------------------------------------------------------------------------------------------------------------


def hold_captured(state: LedgerState, event: HoldCaptured, _at: At) -> None:
    """Apply a capture."""
    state.book(event.legs)
    hold: Hold[None] = state.holds.open["contract", event.contract_id]
    state.holds.put(event.contract_id, hold.captured(event.subsidy, event.co_payment))
    contract = state.contracts[event.contract_id]
    state.contracts[event.contract_id] = contract._replace(
        invoiced=contract.invoiced + event.invoice, subsidised=contract.subsidised + event.subsidy
    )
    if event.invoice:
        state.captures[event.report_id] = Captured(event.contract_id, event.vouchers, event.co_payment)
    for draw in event.vouchers:
        remove_if_ended(state, draw.voucher_id)


def capture_judged(_state: LedgerState, _event: CaptureJudged, _at: At) -> None:
    """The reasons of a capture change nothing: the capture that follows does."""
