"""Commands that issuance decides: the end of a programme."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Id, Reason


@command("begin_run_off", role="issuer", exits=True)
class BeginRunOff(Command):
    """Issuer: a programme grants nothing new, and what is open is finished; it cannot be taken back.

    It takes no new version, budget, window or application, and no voucher is issued but by a decision on an application
    that is there. Vouchers are spent and claimed until they end, and handed on no more. Less than a minor unit that a
    settlement leaves of a payee lapses, and so does what is neither claimed nor could be paid by its last day.
    """

    programme_id: Id
    reason: Reason
