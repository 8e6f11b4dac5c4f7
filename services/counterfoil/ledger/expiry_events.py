"""Ledger: the steps to the end of a voucher, each told to each of its holders."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Count, DerivedTime, Id


@event("expiry.notified.v1")
class ExpiryNotified(Event):
    """A holder is told that a voucher ends in so many days: `amount` is what it has of it, held value included.

    From `expires_at` on, or from `offline_at` if that is sooner, it pays for no new orders; at `ends_at` what is left
    of it ends.
    """

    voucher_id: Id
    programme_id: Id
    holder_id: Id
    amount: Amount
    days: Count
    expires_at: DerivedTime
    offline_at: DerivedTime
    ends_at: DerivedTime


@event("voucher.taken_offline.v1")
class VoucherTakenOffline(Event):
    """What a holder has of a voucher pays for no new orders any more; what is held for orders is paid.

    Before `restorable_until` the holder may ask for what is not held (None: the programme brings nothing back); at
    `ends_at` it ends.
    """

    voucher_id: Id
    programme_id: Id
    holder_id: Id
    amount: Amount
    restorable_until: DerivedTime | None
    ends_at: DerivedTime
