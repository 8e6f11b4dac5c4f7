"""Redemption: what each of several payers pays of a settlement."""

from __future__ import annotations

from counterfoil.contract.record import Event, event, record
from counterfoil.contract.scalars import Amount, Currency, Day, Flag, Id, PositiveAmount, Reason, Reference, Version


@record
class PayerPart:
    """One payer's part of a payment, micro-units: what it `bears`, and what it `pays` to the payee.

    One that pays nothing refunds what it bears to the payer that pays more than it bears, afterwards.
    """

    payer: Id
    bears: Amount
    pays: Amount


@event("payment.shared.v1")
class PaymentShared(Event):
    """What a settlement pays to a provider, divided among the payers of the programme's version, in whole minor units.

    The first payer of the document bears what rounding down leaves. The settlement follows in the same entry.
    """

    settlement_id: Id
    programme_id: Id
    version: Version
    provider_id: Id
    currency: Currency
    parts: tuple[PayerPart, ...]


@event("share.confirmed.v1")
class ShareConfirmed(Event):
    """A payer paid its part to the payee, or refunded it to the payer `refunds`.

    With the last part that the payee waits for, the payment is confirmed in the same entry.
    """

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    payer: Id
    refunds: Id | None
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
    paid_on: Day
    treasurer_id: Id


@event("share.returned.v1")
class ShareReturned(Event):
    """A payer's part came back, and is due again, of the same payer; `reopened`: so is the whole `payment`."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    payer: Id
    currency: Currency
    amount: PositiveAmount
    payment: PositiveAmount
    claim_ids: tuple[Id, ...]
    reopened: Flag
    return_reference: Reference
    reason: Reason
    treasurer_id: Id
