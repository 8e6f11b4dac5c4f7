"""Currencies beside those of ISO 4217."""

from __future__ import annotations

from counterfoil.contract.events import CurrencyRegistered
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import RegisterCurrency
from counterfoil.issuance.state import IssuanceState


def register_currency(state: IssuanceState, body: RegisterCurrency, _actor: Party, _at: At) -> Decision:
    """A currency that is not known; its minor unit never changes, or what was payable would no longer be."""
    if state.minor_unit(body.currency) is not None:
        return refuse(Code.ALREADY_EXISTS, currency=body.currency)
    return [CurrencyRegistered(currency=body.currency, minor_units=body.minor_units)]
