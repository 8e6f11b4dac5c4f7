"""Ledger: vouchers that last longer than they did when they were issued."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Code, Count, DerivedTime, Id, Reason


@event("voucher.extended.v1")
class VoucherExtended(Event):
    """The issuer let a voucher pay until `expires_at`; its notices, and what follows its end, move with it.

    `number`: the how manieth extension of the voucher it is. `holders`: who has a part of it.
    """

    voucher_id: Id
    programme_id: Id
    number: Count
    days: Count
    ground: Code | None
    reason: Reason
    extended_by: Id
    expired_at: DerivedTime
    expires_at: DerivedTime
    holders: tuple[Id, ...]
