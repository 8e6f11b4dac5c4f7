"""`counterfoil pledge`: vouchers as security."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Reason, VoucherId, argument, option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.ledger.commands import EnforcePledge, PledgeVoucher, ReleasePledge

app = group("pledge")
PledgeId = Annotated[str, argument("PLEDGE", "The pledge's id.")]


@signed(app, "make", "counterfoil pledge make vch-12-0 --to citybank --amount 500 --as acme")
def make(
    voucher: VoucherId,
    to: Annotated[str, option("--to", "Whose security it is: a party's id.", metavar="PARTY")],
    amount: Amount,
) -> Body:
    """Holder: give so much of a voucher as security. It cannot be spent until the pledgee releases it."""
    return PledgeVoucher(voucher_id=voucher, amount=amount, pledgee_id=to)


@signed(app, "release", "counterfoil pledge release plg-41-0 --as citybank")
def release(pledge: PledgeId) -> Body:
    """Pledgee: give the security up."""
    return ReleasePledge(pledge_id=pledge)


@signed(app, "enforce", "counterfoil pledge enforce plg-41-0 --reason 'Loan 7 is overdue' --as citybank")
def enforce(pledge: PledgeId, reason: Reason) -> Body:
    """Pledgee: take what was pledged, as its own."""
    return EnforcePledge(pledge_id=pledge, reason=reason)
