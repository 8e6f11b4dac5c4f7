"""Commands that redemption decides."""

from __future__ import annotations

from counterfoil.contract.record import Command, command, record
from counterfoil.contract.scalars import (
    Count,
    GpuMinutes,
    Hour,
    Id,
    Reason,
    Reference,
)


@record
class Reading:
    """GPU-minutes delivered in one delivery hour."""

    hour: Hour
    gpu_minutes: GpuMinutes


@command("report_usage", role="provider", exits=True)
class ReportUsage(Command):
    """Provider: signed hourly meter readings of a contract, each hour at most once, hours in rising order."""

    contract_id: Id
    readings: tuple[Reading, ...]


@command("accept_usage", role="beneficiary", exits=True)
class AcceptUsage(Command):
    """Beneficiary: accept a report before the dispute window closes by itself."""

    report_id: Id


@command("dispute_usage", role="beneficiary", exits=True)
class DisputeUsage(Command):
    """Beneficiary: contest a report within the dispute window."""

    report_id: Id
    reason: Reason


@command("resolve_dispute", role="operator")
class ResolveDispute(Command):
    """Operator: decide a disputed report; `gpu_minutes` (at most those reported) are accepted."""

    report_id: Id
    gpu_minutes: Count
    reason: Reason


@command("withdraw_delivery", role="provider", exits=True)
class WithdrawDelivery(Command):
    """Provider: give up the undelivered rest of a contract. This is a default: the bond goes to the beneficiary."""

    contract_id: Id
    reason: Reason


@command("submit_claim", role="provider", exits=True)
class SubmitClaim(Command):
    """Provider: claim from the programme all captured and unclaimed subsidy of the contracts named."""

    programme_id: Id
    invoice_number: Reference
    contract_ids: tuple[Id, ...]


@command("approve_claim", role="issuer", exits=True)
class ApproveClaim(Command):
    """Issuer: approve a claim for payment."""

    claim_id: Id


@command("reject_claim", role="issuer", exits=True)
class RejectClaim(Command):
    """Issuer: reject a claim; its amounts may be claimed again with another invoice."""

    claim_id: Id
    reason: Reason


@command("close_settlement", role="issuer", exits=True)
class CloseSettlement(Command):
    """Issuer: gather approved claims of a programme into one settlement."""

    programme_id: Id
    claim_ids: tuple[Id, ...]


@command("confirm_payment", role="treasurer")
class ConfirmPayment(Command):
    """Treasurer: the settlement was paid outside; claims become settled and budget disbursed."""

    settlement_id: Id
    payment_reference: Reference
