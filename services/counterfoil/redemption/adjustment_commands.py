"""The command that puts right what was paid too little in an earlier period."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Day, Digest, Id, PositiveAmount, Reason, Reference


@command("adjust_payment", role="issuer")
class AdjustPayment(Command):
    """Issuer, by two parties: pay a payee `amount` more for an earlier period, of which a payment was too small.

    `document`: the decision that gives the budget for it, used once. The period, first and last day, is over.
    """

    settlement_id: Id
    provider_id: Id
    amount: PositiveAmount
    document: Reference
    period_starts: Day
    period_ends: Day
    evidence: tuple[Digest, ...]
    reason: Reason
