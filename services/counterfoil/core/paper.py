"""Checks of what stands on paper: currency, amount that a bank can pay, reference. Each gives the refusal or None.

Before version 4 of the rules all currencies and amounts pass, and all references but those of invoices.
"""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import ServiceState, refuse
from counterfoil.core.references import Kind


def unknown_currency(state: ServiceState, currency: str) -> Refusal | None:
    """The currency is one that can be paid in."""
    return refuse(Code.UNKNOWN_CURRENCY, currency=currency) if state.minor_unit(currency) is None else None


def not_payable(state: ServiceState, currency: str, amount: int) -> Refusal | None:
    """The amount (micro-units) is whole minor units of its currency, which is known."""
    unit = state.minor_unit(currency) or 1
    return refuse(Code.NOT_WHOLE_MINOR_UNITS, amount=amount, unit=unit) if amount % unit else None


def reference_used(state: ServiceState, party_id: str, kind: Kind, reference: str) -> Refusal | None:
    """The party never used the reference for this kind, in whatever spelling."""
    entry = state.references.used(party_id, kind, reference)
    if entry is None or not (state.rules.unique_references or kind == "invoice"):
        return None
    return refuse(Code.REFERENCE_ALREADY_USED, kind=kind, entry=entry)
