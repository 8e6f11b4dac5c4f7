"""How accepted usage is paid, by the redemption model of the programme's terms: a line of `CAPTURES` and a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.contract.terms import ProgrammeTerms, RedemptionModel
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CO_PAYMENTS, cash, claim, claims, claims_payable
from counterfoil.ledger.endings import closed, remove_if_ended
from counterfoil.ledger.events import HoldCaptured
from counterfoil.ledger.holds import Hold, split
from counterfoil.ledger.releases import voucher_legs
from counterfoil.ledger.state import Captured, Contract, LedgerState
from counterfoil.programme.terms import paid_at_market
from counterfoil.redemption.events import UsageAccepted

Capture = Callable[[LedgerState, UsageAccepted, Contract, ProgrammeTerms], Sequence[Event]]
"""(state, accepted usage, its contract, the contract's terms) -> the events that pay for it."""


def capture(state: LedgerState, event: UsageAccepted, _at: At) -> Sequence[Event]:
    """Pay accepted usage out of its contract's hold."""
    contract = state.contracts[event.contract_id]
    terms = paid_at_market(state.terms(contract.programme_id, contract.version))
    return CAPTURES[terms.redemption_model](state, event, contract, terms)


def deduct_at_provider(
    state: LedgerState, event: UsageAccepted, contract: Contract, terms: ProgrammeTerms
) -> Sequence[Event]:
    """Vouchers are redeemed; the provider gets a claim on the programme for them, and the co-payment at once.

    The subsidy of all invoices so far is floor(invoiced x share), so rounding never adds up.
    """
    hold: Hold[None] = state.holds.open["contract", event.contract_id]
    subsidy = terms.subsidy(contract.invoiced + event.amount) - contract.subsidised
    co_payment = event.amount - subsidy
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
    return [captured, *closed(state, posting, [draw.voucher_id for draw in vouchers])]


CAPTURES: Final[Mapping[RedemptionModel, Capture]] = {"deduct_at_provider": deduct_at_provider}


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
