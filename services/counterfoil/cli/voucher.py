"""`counterfoil voucher`: vouchers and their balances."""

from __future__ import annotations

import typer

from counterfoil.cli.listing import Listing, add_both, add_list
from counterfoil.cli.options import Amount, Beneficiary, Programme, Reason, VoucherId
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.issuance.commands import IssueVoucher, ReinstateVoucher, ReturnVoucher, RevokeVoucher, SuspendVoucher

app = typer.Typer(
    name="voucher", help="Vouchers: issue, suspend, reinstate, revoke, return, show, list.", no_args_is_help=True
)


@signed(
    app,
    "issue",
    "counterfoil voucher issue --programme springfield-2026 --beneficiary acme --amount 1000 --as springfield",
)
def issue(programme: Programme, beneficiary: Beneficiary, amount: Amount) -> Body:
    """Issuer: give a beneficiary a voucher under the programme's current version."""
    return IssueVoucher(programme_id=programme, beneficiary_id=beneficiary, amount=amount)


@signed(app, "suspend", "counterfoil voucher suspend vch-12-0 --reason 'Under review' --as springfield")
def suspend(voucher: VoucherId, reason: Reason) -> Body:
    """Issuer: let no new hold draw on the voucher until it is reinstated."""
    return SuspendVoucher(voucher_id=voucher, reason=reason)


@signed(app, "reinstate", "counterfoil voucher reinstate vch-12-0 --as springfield")
def reinstate(voucher: VoucherId) -> Body:
    """Issuer: lift a suspension."""
    return ReinstateVoucher(voucher_id=voucher)


@signed(app, "revoke", "counterfoil voucher revoke vch-12-0 --reason 'Firm dissolved' --as springfield")
def revoke(voucher: VoucherId, reason: Reason) -> Body:
    """Issuer: cancel what is not held, and what is held as soon as it is released."""
    return RevokeVoucher(voucher_id=voucher, reason=reason)


@signed(app, "return", "counterfoil voucher return vch-12-0 --reason 'Issued twice' --as acme")
def give_back(voucher: VoucherId, reason: Reason) -> Body:
    """Beneficiary: give a voucher back. What no contract holds of it is free for the programme and the cap again."""
    return ReturnVoucher(voucher_id=voucher, reason=reason)


_TERMS = "voucher_id programme_id version beneficiary_id face expires_at status"
_LEFT = "voucher_id beneficiary_id face available held redeemed expired cancelled restored"
add_both(app, Listing("vouchers", "vouchers", _TERMS, "vch-12-0"))
add_list(app, Listing("vouchers_balance", "balances of vouchers", _LEFT), "balances")
