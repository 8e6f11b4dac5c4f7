"""Commands that redemption decides."""

from __future__ import annotations

from counterfoil.contract.record import record
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


@record
class ReportUsage:
    """Provider: signed hourly meter readings of a contract, each hour at most once, hours in rising order."""

    contract_id: Id
    readings: tuple[Reading, ...]


@record
class AcceptUsage:
    """Beneficiary: accept a report before the dispute window closes by itself."""

    report_id: Id


@record
class DisputeUsage:
    """Beneficiary: contest a report within the dispute window."""

    report_id: Id
    reason: Reason


@record
class ResolveDispute:
    """Operator: decide a disputed report; `gpu_minutes` (at most those reported) are accepted."""

    report_id: Id
    gpu_minutes: Count
    reason: Reason


@record
class WithdrawDelivery:
    """Provider: give up the undelivered rest of a contract. This is a default: the bond goes to the beneficiary."""

    contract_id: Id
    reason: Reason


@record
class SubmitClaim:
    """Provider: claim from the programme all captured and unclaimed subsidy of the contracts named."""

    programme_id: Id
    invoice_number: Reference
    contract_ids: tuple[Id, ...]


@record
class ApproveClaim:
    """Issuer: approve a claim for payment."""

    claim_id: Id


@record
class RejectClaim:
    """Issuer: reject a claim; its amounts may be claimed again with another invoice."""

    claim_id: Id
    reason: Reason


@record
class CloseSettlement:
    """Issuer: gather approved claims of a programme into one settlement batch."""

    programme_id: Id
    claim_ids: tuple[Id, ...]


@record
class ConfirmPayment:
    """Treasurer: the batch was paid outside; claims become settled and budget disbursed."""

    settlement_id: Id
    payment_reference: Reference
