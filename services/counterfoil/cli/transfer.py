"""`counterfoil transfer`: vouchers handed on from one party to another."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Reason, VoucherId, argument, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_amount
from counterfoil.contract.record import Command as Body
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    ProposeTransfer,
    RejectTransfer,
    WithdrawTransfer,
)

app = group("transfer")
TransferId = Annotated[str, argument("TRANSFER", "The transfer's id.")]


To = Annotated[str, option("--to", "Who is to get it: a party's id.", metavar="PARTY")]
TransferPrice = Annotated[
    int, option("--price", "What it pays for all of it; 0 is a gift.", parse=parse_amount, metavar="450")
]


@remote(app, "check", "counterfoil transfer check vch-12-0 --holder acme --to globex --amount 500 --price 450")
def check_transfer(
    session: GatewaySession,
    voucher: VoucherId,
    holder: Annotated[str, option("--holder", "Whose part of the voucher it is: a party's id.", metavar="PARTY")],
    to: To,
    amount: Amount,
    price: TransferPrice = 0,
) -> None:
    """Show whether a transfer could be proposed now, and if not, which rule of the programme bars it.

    Nothing is sent: the ledger's own decision is made here, on what its views show to the reader.
    """
    from counterfoil.cli.transfer_check import check

    check(session, holder, ProposeTransfer(voucher_id=voucher, amount=amount, receiver_id=to, price=price))


@signed(app, "propose", "counterfoil transfer propose vch-12-0 --to globex --amount 500 --price 450 --as acme")
def propose(
    voucher: VoucherId,
    to: To,
    amount: Amount,
    price: TransferPrice = 0,
) -> Body:
    """Holder: offer so much of a voucher. It is pending until the other party accepts, or a week is over."""
    return ProposeTransfer(voucher_id=voucher, amount=amount, receiver_id=to, price=price)


@signed(app, "approve", "counterfoil transfer approve tfr-40-0 --as springfield")
def approve(transfer: TransferId) -> Body:
    """Issuer: approve a transfer, where the programme asks for it; the receiver may then accept."""
    return ApproveTransfer(transfer_id=transfer)


@signed(app, "accept", "counterfoil transfer accept tfr-40-0 --as globex")
def accept(transfer: TransferId) -> Body:
    """Receiver: take the value, and pay its price and the programme's fee in the same entry.

    Where the programme asks for facts about you, issuance is asked first; `transfer list` shows what came of it.
    """
    return AcceptTransfer(transfer_id=transfer)


@signed(app, "reject", "counterfoil transfer reject tfr-40-0 --reason 'Too dear' --as globex")
def reject(transfer: TransferId, reason: Reason) -> Body:
    """Receiver or issuer: refuse a transfer."""
    return RejectTransfer(transfer_id=transfer, reason=reason)


@signed(app, "withdraw", "counterfoil transfer withdraw tfr-40-0 --as acme")
def withdraw(transfer: TransferId) -> Body:
    """Holder: take a transfer back that was not accepted."""
    return WithdrawTransfer(transfer_id=transfer)
