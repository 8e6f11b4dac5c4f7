"""`counterfoil currency`: currencies beside those of ISO 4217."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import argument, count
from counterfoil.cli.signing import signed
from counterfoil.contract.limits import MICRO_DIGITS
from counterfoil.contract.record import Command as Body
from counterfoil.issuance.commands import RegisterCurrency

app = group("currency")


@signed(app, "register", "counterfoil currency register XSD --minor-units 2 --as operator")
def register(
    currency: Annotated[str, argument("CODE", "Three capital letters.")],
    minor_units: Annotated[int, count("--minor-units", "Decimals that can be paid, for ever.", 0, MICRO_DIGITS)],
) -> Body:
    """Operator: let a currency be used that is not in ISO 4217."""
    return RegisterCurrency(currency=currency, minor_units=minor_units)
