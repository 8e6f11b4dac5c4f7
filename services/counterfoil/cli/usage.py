"""`counterfoil usage` and `counterfoil claim`: from the meter to the money."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.listing import Listing, add_both, add_list
from counterfoil.cli.options import ClaimId, ContractId, PaymentReference, Programme, Reason, ReportId, argument, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_reading
from counterfoil.contract.commands import (
    AcceptUsage,
    ApproveClaim,
    Body,
    CloseSettlement,
    ConfirmPayment,
    DisputeUsage,
    Reading,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
    WithdrawDelivery,
)

usage = typer.Typer(
    name="usage", help="Delivery: report, accept, dispute, resolve, withdraw, show, list.", no_args_is_help=True
)
claims = typer.Typer(
    name="claim", help="Claims: submit, approve, reject, settle, pay, show, list.", no_args_is_help=True
)


@signed(usage, "report", "counterfoil usage report trd-15-0-0 --reading 20270105T08Z=480 --as norn")
def report(
    contract: ContractId,
    reading: Annotated[
        list[Reading],
        option("--reading", "GPU-minutes delivered in an hour. Repeat, hours rising.", parse_reading, "HOUR=MINUTES"),
    ],
) -> Body:
    """Provider: report what was delivered, each hour once."""
    return ReportUsage(contract_id=contract, readings=tuple(reading))


@signed(usage, "accept", "counterfoil usage accept rep-3-0 --as acme")
def accept(report_: ReportId) -> Body:
    """Beneficiary: accept a report before its window closes by itself."""
    return AcceptUsage(report_id=report_)


@signed(usage, "dispute", "counterfoil usage dispute rep-3-0 --reason 'Node was down' --as acme")
def dispute(report_: ReportId, reason: Reason) -> Body:
    """Beneficiary: contest a report within its window."""
    return DisputeUsage(report_id=report_, reason=reason)


@signed(usage, "resolve", "counterfoil usage resolve rep-3-0 --gpu-minutes 240 --reason 'Meter log' --as operator")
def resolve(
    report_: ReportId,
    gpu_minutes: Annotated[int, option("--gpu-minutes", "What is accepted; at most what was reported.", metavar="N")],
    reason: Reason,
) -> Body:
    """Operator: decide a disputed report."""
    return ResolveDispute(report_id=report_, gpu_minutes=gpu_minutes, reason=reason)


@signed(usage, "withdraw", "counterfoil usage withdraw trd-15-0-0 --reason 'Site closed' --as norn")
def withdraw(contract: ContractId, reason: Reason) -> Body:
    """Provider: give up the rest of a contract; its bond goes to the beneficiary."""
    return WithdrawDelivery(contract_id=contract, reason=reason)


@signed(
    claims,
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


@signed(claims, "approve", "counterfoil claim approve clm-21-0 --as springfield")
def approve(claim: ClaimId) -> Body:
    """Issuer: approve a claim for payment."""
    return ApproveClaim(claim_id=claim)


@signed(claims, "reject", "counterfoil claim reject clm-21-0 --reason 'Wrong period' --as springfield")
def reject(claim: ClaimId, reason: Reason) -> Body:
    """Issuer: reject a claim; its amounts may be claimed again."""
    return RejectClaim(claim_id=claim, reason=reason)


@signed(claims, "settle", "counterfoil claim settle --programme springfield-2026 --claim clm-21-0 --as springfield")
def settle(
    programme: Programme,
    claim: Annotated[list[str], option("--claim", "An approved claim. May be repeated.", metavar="CLAIM")],
) -> Body:
    """Issuer: gather approved claims into one settlement batch."""
    return CloseSettlement(programme_id=programme, claim_ids=tuple(claim))


@signed(claims, "pay", "counterfoil claim pay stl-25-0 --reference SEPA-4711 --as treasury")
def pay(
    settlement: Annotated[str, argument("SETTLEMENT", "The settlement's id.")], reference: PaymentReference
) -> Body:
    """Treasurer: confirm that a settlement was paid at the bank."""
    return ConfirmPayment(settlement_id=settlement, payment_reference=reference)


_REPORT = "report_id contract_id gpu_minutes amount dispute_until status subsidy co_payment"
_CONTRACT = "contract_id beneficiary_id provider_id nodes first_hour hours status subsidy"
_CLAIM = "claim_id programme_id provider_id invoice_number amount status settlement_id"
_SETTLEMENT = "settlement_id programme_id currency amount status payment_reference"
add_both(usage, Listing("reports", "usage reports", _REPORT, "rep-3-0"))
add_list(usage, Listing("contracts", "contracts", _CONTRACT), "contracts")
add_both(claims, Listing("claims", "claims", _CLAIM, "clm-21-0"))
add_list(claims, Listing("settlements", "settlement batches", _SETTLEMENT), "settlements")
