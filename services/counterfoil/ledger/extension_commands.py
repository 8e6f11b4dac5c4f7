"""Commands that the ledger decides: a voucher that lasts longer."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Code, Count, Id, Reason


@command("extend_voucher", role="issuer")
class ExtendVoucher(Command):
    """Issuer: let a voucher under a document pay for so many days more, as often and as long as the document allows.

    `ground`: one of those that the document names; null where it names none.
    """

    voucher_id: Id
    days: Count
    ground: Code | None
    reason: Reason
