"""Ledger: vouchers that end at another time than they did when they were issued."""

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


@event("voucher.end_set.v1")
class VoucherEndSet(Event):
    """A voucher without an end pays until `expires_at`, since its programme is in run-off.

    `holders`: who has a part of it; of more than 256 the first, by their ids.
    """

    voucher_id: Id
    programme_id: Id
    expires_at: DerivedTime
    holders: tuple[Id, ...]
