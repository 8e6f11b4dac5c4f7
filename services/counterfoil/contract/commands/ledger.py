"""Commands that the ledger decides."""

from __future__ import annotations

from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    Currency,
    Id,
    PositiveAmount,
    Reference,
)


@record
class Deposit:
    """Treasurer: currency received from outside for a party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference


@record
class Withdraw:
    """Treasurer: currency paid out to a party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
