"""Redemption: what is paid in addition for an earlier period."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Currency, Day, Digest, Id, PositiveAmount, Reason, Reference


@event("payment.adjusted.v1")
class PaymentAdjusted(Event):
    """A payment of an earlier period was too small by `amount`, which is payable now, beside what is payable already.

    The settlement and its payment stay as they are. `adjusted_by`: the issuer, for whom two have signed it.
    """

    adjustment_id: Id
    settlement_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    document: Reference
    period_starts: Day
    period_ends: Day
    evidence: tuple[Digest, ...]
    reason: Reason
    adjusted_by: Id
    payable_after: Amount
