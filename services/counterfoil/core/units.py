"""Units of compute that the market meters, in the place of a currency.

What is offered and bid for in one is paid by vouchers of an allocation alone. No account has any of it beside these
vouchers: no command can deposit it, since a currency has three letters, and nothing of it is claimed or settled.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import ServiceState, refuse
from counterfoil.core.paper import unknown_currency

METERED: Final = frozenset({"GPU_HOUR"})
"""By their codes. A contract meters GPU-minutes."""
PAR: Final = 10**6
"""The only price of a GPU-hour in kind, in millionths of the unit."""


def unknown_unit(state: ServiceState, unit: str) -> Refusal | None:
    """The unit is a currency that is paid in, or one of compute that is metered."""
    if unit in METERED and state.rules.meters_in_kind:
        return None
    return refuse(Code.UNKNOWN_CURRENCY, currency=unit) if len(unit) != 3 else unknown_currency(state, unit)
