"""Payment of accepted usage."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CO_PAYMENTS, cash
from counterfoil.ledger.events import (
    HoldCaptured,
)
from counterfoil.ledger.holds import split
from counterfoil.ledger.orders import voucher_legs
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.vouchers import drop_if_over
from counterfoil.redemption.events import UsageAccepted


def capture(state: LedgerState, event: UsageAccepted, _at: At) -> Sequence[Event]:
    """Pay accepted usage: vouchers are redeemed, the provider gets a claim on the programme and the co-payment.

    The subsidy of all invoices so far is floor(invoiced x share), so rounding never adds up.
    """
    contract = state.holds.contracts[event.contract_id]
    terms = state.terms(contract.programme_id, contract.version)
    subsidy = terms.subsidy(contract.invoiced + event.amount) - contract.subsidised
    co_payment = event.amount - subsidy
    vouchers, _ = split(contract.draws, subsidy)
    ensure(co_payment <= contract.cash, "a contract's cash covers its co-payments")
    payer, payee = contract.beneficiary_id, contract.provider_id
    posting = Posting(state.accounts)
    voucher_legs(posting, "capture", payer, vouchers)
    posting.leg("post", terms.currency, f"claims_payable/{contract.programme_id}", f"claims/{payee}", subsidy)
    posting.leg("capture", terms.currency, cash(payer), CO_PAYMENTS, co_payment)
    posting.leg("post", terms.currency, CO_PAYMENTS, cash(payee), co_payment)
    return [
        HoldCaptured(
            contract_id=event.contract_id,
            report_id=event.report_id,
            programme_id=contract.programme_id,
            provider_id=payee,
            currency=terms.currency,
            invoice=event.amount,
            vouchers=vouchers,
            subsidy=subsidy,
            co_payment=co_payment,
            legs=posting.take(),
        )
    ]


def hold_captured(state: LedgerState, event: HoldCaptured, _at: At) -> None:
    """Apply a capture."""
    state.accounts.apply(event.legs)
    contract = state.holds.contracts[event.contract_id]
    _, contract.draws = split(contract.draws, event.subsidy)
    contract.cash -= event.co_payment
    contract.invoiced += event.invoice
    contract.subsidised += event.subsidy
    for draw in event.vouchers:
        drop_if_over(state, draw.voucher_id)
