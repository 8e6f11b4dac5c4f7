"""Commands that the ledger decides."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import (
    Currency,
    Id,
    PositiveAmount,
    Reference,
)


@command("deposit", role="treasurer")
class Deposit(Command):
    """Treasurer: currency received from outside for a party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference


@command("withdraw", role="treasurer")
class Withdraw(Command):
    """Treasurer: currency paid out to a party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
