"""Commands that redemption decides: what each of several payers pays."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Day, Id, PositiveAmount, Reason, Reference


@command("confirm_share", role="treasurer")
class ConfirmShare(Command):
    """Treasurer: one of several payers paid its part of what a settlement pays to a provider, on the bank's `paid_on`.

    A payer that refunds its share afterwards does so once the provider is paid.
    """

    settlement_id: Id
    provider_id: Id
    payer: Id
    amount: PositiveAmount
    payment_reference: Reference
    paid_on: Day


@command("return_share", role="treasurer")
class ReturnShare(Command):
    """Treasurer: what one of several payers paid came back; it is due again, of the same payer."""

    settlement_id: Id
    provider_id: Id
    payer: Id
    return_reference: Reference
    reason: Reason
