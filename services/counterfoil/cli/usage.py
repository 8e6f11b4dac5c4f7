"""`counterfoil usage`: delivered usage of contracts, from the meter to its acceptance."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.listing import Listing, add_both, add_list
from counterfoil.cli.options import ContractId, Reason, ReportId, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_reading
from counterfoil.contract.record import Command as Body
from counterfoil.redemption.commands import (
    AcceptUsage,
    DisputeUsage,
    Reading,
    ReportUsage,
    ResolveDispute,
    WithdrawDelivery,
)

app = typer.Typer(
    name="usage", help="Delivery: report, accept, dispute, resolve, withdraw, show, list.", no_args_is_help=True
)


@signed(app, "report", "counterfoil usage report trd-15-0-0 --reading 20270105T08Z=480 --as norn")
def report(
    contract: ContractId,
    reading: Annotated[
        list[Reading],
        option("--reading", "GPU-minutes delivered in an hour. Repeat, hours rising.", parse_reading, "HOUR=MINUTES"),
    ],
) -> Body:
    """Provider: report what was delivered, each hour once."""
    return ReportUsage(contract_id=contract, readings=tuple(reading))


@signed(app, "accept", "counterfoil usage accept rep-3-0 --as acme")
def accept(report_: ReportId) -> Body:
    """Beneficiary: accept a report before its dispute window closes."""
    return AcceptUsage(report_id=report_)


@signed(app, "dispute", "counterfoil usage dispute rep-3-0 --reason 'Node was down' --as acme")
def dispute(report_: ReportId, reason: Reason) -> Body:
    """Beneficiary: contest a report within its window."""
    return DisputeUsage(report_id=report_, reason=reason)


@signed(app, "resolve", "counterfoil usage resolve rep-3-0 --gpu-minutes 240 --reason 'Meter log' --as operator")
def resolve(
    report_: ReportId,
    gpu_minutes: Annotated[int, option("--gpu-minutes", "What is accepted; at most what was reported.", metavar="N")],
    reason: Reason,
) -> Body:
    """Operator: decide a disputed report."""
    return ResolveDispute(report_id=report_, gpu_minutes=gpu_minutes, reason=reason)


@signed(app, "withdraw", "counterfoil usage withdraw trd-15-0-0 --reason 'Site closed' --as norn")
def withdraw(contract: ContractId, reason: Reason) -> Body:
    """Provider: give up the rest of a contract; its bond goes to the beneficiary."""
    return WithdrawDelivery(contract_id=contract, reason=reason)


_REPORT = "report_id contract_id gpu_minutes amount dispute_until status subsidy co_payment"
_CONTRACT = "contract_id beneficiary_id provider_id nodes first_hour hours status subsidy"
add_both(app, Listing("reports", "usage reports", _REPORT, "rep-3-0"))
add_list(app, Listing("contracts", "contracts", _CONTRACT), "contracts")
_WAITED = "Deadlines to report, dispute and resolve wait while the log that they are kept in decides nothing."
add_list(app, Listing("outages", "outages", "shard away_since resumed_at", help=_WAITED), "outages")
