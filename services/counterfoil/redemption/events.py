"""Redemption: contracts, usage, claims and settlements."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event, record
from counterfoil.contract.scalars import (
    Amount,
    BidHours,
    Count,
    Currency,
    DerivedTime,
    GpusPerNode,
    Hour,
    Id,
    Nodes,
    PositiveAmount,
    Price,
    Reason,
    Reference,
    Seconds,
    Version,
)
from counterfoil.redemption.commands import Reading


@event("contract.opened.v1")
class ContractOpened(Event):
    """A trade became a delivery contract; usage must be reported by `report_by`."""

    contract_id: Id
    beneficiary_id: Id
    provider_id: Id
    programme_id: Id
    version: Version
    currency: Currency
    nodes: Nodes
    gpus_per_node: GpusPerNode
    first_hour: Hour
    hours: BidHours
    price: Price
    report_by: DerivedTime
    dispute_window_seconds: Seconds


@event("usage.reported.v1")
class UsageReported(Event):
    """`amount` = floor(price x gpu_minutes / 60); accepted at `dispute_until` unless disputed."""

    report_id: Id
    contract_id: Id
    readings: tuple[Reading, ...]
    gpu_minutes: Count
    amount: Amount
    dispute_until: DerivedTime


@event("usage.accepted.v1")
class UsageAccepted(Event):
    """The usage is final and will be captured: by the beneficiary, by the closed window, or by resolution."""

    report_id: Id
    contract_id: Id
    gpu_minutes: Count
    amount: Amount
    by: Literal["beneficiary", "window", "resolution", "lapse"]


@event("usage.disputed.v1")
class UsageDisputed(Event):
    """The beneficiary contests the report; it is open until resolved, and stands if not resolved by `resolve_by`."""

    report_id: Id
    contract_id: Id
    reason: Reason
    resolve_by: DerivedTime


@event("capture.recorded.v1")
class CaptureRecorded(Event):
    """What the ledger captured for a report; `subsidy` may now be claimed."""

    contract_id: Id
    report_id: Id
    subsidy: Amount
    co_payment: Amount


@event("contract.completed.v1")
class ContractCompleted(Event):
    """Every hour was reported and decided; what is left of the hold and the bond are released."""

    contract_id: Id


@event("provider.defaulted.v1")
class ProviderDefaulted(Event):
    """The provider failed: the rest of the hold is released and the bond goes to the beneficiary."""

    contract_id: Id
    provider_id: Id
    cause: Literal["usage_not_reported", "withdrawn", "not_delivered"]
    missing_hours: Count


@record
class ClaimLine:
    """The claimed subsidy of one contract."""

    contract_id: Id
    amount: PositiveAmount


@event("claim.submitted.v1")
class ClaimSubmitted(Event):
    """A provider's claim on a programme."""

    claim_id: Id
    programme_id: Id
    provider_id: Id
    invoice_number: Reference
    lines: tuple[ClaimLine, ...]
    amount: PositiveAmount


@event("claim.approved.v1")
class ClaimApproved(Event):
    """The claim may be paid."""

    claim_id: Id


@event("claim.rejected.v1")
class ClaimRejected(Event):
    """The claim will not be paid; its lines may be claimed again."""

    claim_id: Id
    reason: Reason


@record
class Payee:
    """What one provider gets from a settlement."""

    provider_id: Id
    amount: PositiveAmount


@event("settlement.closed.v1")
class SettlementClosed(Event):
    """Approved claims gathered for payment, netted per provider."""

    settlement_id: Id
    programme_id: Id
    currency: Currency
    claim_ids: tuple[Id, ...]
    payees: tuple[Payee, ...]
    amount: PositiveAmount


@event("payment.confirmed.v1")
class PaymentConfirmed(Event):
    """The settlement was paid outside."""

    settlement_id: Id
    programme_id: Id
    currency: Currency
    payment_reference: Reference
    claim_ids: tuple[Id, ...]
    payees: tuple[Payee, ...]
