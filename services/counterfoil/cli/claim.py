"""`counterfoil claim`: claims of providers, and settlements."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.listing import Listing, add_both, add_list
from counterfoil.cli.options import ClaimId, PaymentReference, Programme, Reason, argument, option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, ConfirmPayment, RejectClaim, SubmitClaim

app = typer.Typer(name="claim", help="Claims: submit, approve, reject, settle, pay, show, list.", no_args_is_help=True)


@signed(
    app,
    "submit",
    "counterfoil claim submit --programme springfield-2026 --invoice 2027-001 --contract trd-15-0-0 --as norn",
)
def submit(
    programme: Programme,
    invoice: Annotated[str, option("--invoice", "The invoice's number, new for each claim.", metavar="TEXT")],
    contract: Annotated[list[str], option("--contract", "A contract's id. May be repeated.", metavar="CONTRACT")],
) -> Body:
    """Provider: claim the captured and unclaimed subsidy of contracts."""
    return SubmitClaim(programme_id=programme, invoice_number=invoice, contract_ids=tuple(contract))


@signed(app, "approve", "counterfoil claim approve clm-21-0 --as springfield")
def approve(claim: ClaimId) -> Body:
    """Issuer: approve a claim for payment."""
    return ApproveClaim(claim_id=claim)


@signed(app, "reject", "counterfoil claim reject clm-21-0 --reason 'Wrong period' --as springfield")
def reject(claim: ClaimId, reason: Reason) -> Body:
    """Issuer: reject a claim; its amounts may be claimed again."""
    return RejectClaim(claim_id=claim, reason=reason)


@signed(app, "settle", "counterfoil claim settle --programme springfield-2026 --claim clm-21-0 --as springfield")
def settle(
    programme: Programme,
    claim: Annotated[list[str], option("--claim", "An approved claim. May be repeated.", metavar="CLAIM")],
) -> Body:
    """Issuer: gather approved claims into one settlement."""
    return CloseSettlement(programme_id=programme, claim_ids=tuple(claim))


@signed(app, "pay", "counterfoil claim pay stl-25-0 --reference SEPA-4711 --as treasury")
def pay(
    settlement: Annotated[str, argument("SETTLEMENT", "The settlement's id.")], reference: PaymentReference
) -> Body:
    """Treasurer: confirm that a settlement was paid at the bank."""
    return ConfirmPayment(settlement_id=settlement, payment_reference=reference)


_CLAIM = "claim_id programme_id provider_id invoice_number amount status settlement_id"
_SETTLEMENT = "settlement_id programme_id currency amount status payment_reference"
add_both(app, Listing("claims", "claims", _CLAIM, "clm-21-0"))
add_list(app, Listing("settlements", "settlements", _SETTLEMENT), "settlements")
