"""Commands that issuance decides: vouchers stopped for a time, or for good, on a ground that their document names."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Code, Count, Id, Reason


@command("suspend_voucher", role="issuer", version=2)
class SuspendVoucher(Command):
    """Issuer: no new hold may draw on a voucher under a document for so many days, on a ground that this names.

    It begins when the document's notice is over, and ends by itself. `days`: at most as many as the document allows.
    """

    voucher_id: Id
    ground: Code
    days: Count
    reason: Reason


@command("extend_suspension", role="operator")
class ExtendSuspension(Command):
    """Operator: decide that a voucher stays suspended for so many days more, at most as many as its document allows."""

    voucher_id: Id
    days: Count
    reason: Reason


@command("revoke_voucher", role="issuer", version=2)
class RevokeVoucher(Command):
    """Issuer: cancel a voucher under a document, on a ground that this names.

    What is not held ends now; what is held, when its hold is released.
    """

    voucher_id: Id
    ground: Code
    reason: Reason
