"""Commands that the ledger decides."""

from __future__ import annotations

from counterfoil.contract.record import ANY, Command, command
from counterfoil.contract.scalars import (
    Amount,
    Currency,
    Id,
    PositiveAmount,
    Reason,
    Reference,
)


@command("deposit", role="treasurer")
class Deposit(Command):
    """Treasurer: currency received from outside for a party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference


@command("withdraw", role="treasurer")
class Withdraw(Command):
    """Treasurer: currency paid out to a party."""

    party_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference


@command("close_programme", role="issuer", exits=True)
class CloseProgramme(Command):
    """Issuer: end a programme in run-off of which nothing is open; what is not committed is returned."""

    programme_id: Id
    reason: Reason


@command("surrender_voucher", role=ANY, exits=True)
class SurrenderVoucher(Command):
    """Holder: give back so much of a voucher that is neither held nor encumbered."""

    voucher_id: Id
    amount: PositiveAmount
    reason: Reason


@command("restore_voucher", role=ANY)
class RestoreVoucher(Command):
    """Holder: ask for what it has of a voucher that is offline, where the programme brings value back."""

    voucher_id: Id


@command("propose_transfer", role=ANY)
class ProposeTransfer(Command):
    """Holder: offer so much of a voucher to another party, for a price in the programme's currency; 0 is a gift."""

    voucher_id: Id
    amount: PositiveAmount
    receiver_id: Id
    price: Amount


@command("approve_transfer", role="issuer")
class ApproveTransfer(Command):
    """Issuer: approve a transfer in a programme that asks for it."""

    transfer_id: Id


@command("accept_transfer", role="beneficiary")
class AcceptTransfer(Command):
    """Receiver: take the value, and pay the price and the programme's fee."""

    transfer_id: Id


@command("reject_transfer", role=ANY, exits=True)
class RejectTransfer(Command):
    """Receiver or issuer: refuse a transfer; its value is its holder's again."""

    transfer_id: Id
    reason: Reason


@command("withdraw_transfer", role=ANY, exits=True)
class WithdrawTransfer(Command):
    """Holder: take back a transfer that was not accepted."""

    transfer_id: Id


@command("pledge_voucher", role=ANY)
class PledgeVoucher(Command):
    """Holder: give so much of a voucher as security; it cannot be spent until the pledgee releases it."""

    voucher_id: Id
    amount: PositiveAmount
    pledgee_id: Id


@command("release_pledge", role=ANY, exits=True)
class ReleasePledge(Command):
    """Pledgee: give up the security."""

    pledge_id: Id


@command("enforce_pledge", role=ANY)
class EnforcePledge(Command):
    """Pledgee: take what was pledged."""

    pledge_id: Id
    reason: Reason
