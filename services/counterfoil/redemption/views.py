"""Redemption's read models: which rows each of its log's events makes or changes. `At` is the entry's own place.

The events name what they change, so no projection reads a row. What one cannot say from its event alone is found by
joining: a contract's claimable rest is its `subsidy` less the lines of the claims that were not rejected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast

from counterfoil.contract.events import WriterResumed
from counterfoil.contract.times import HOUR, format_hour
from counterfoil.core.decider import At
from counterfoil.ports import Add, Change, Put, Row, Set, View
from counterfoil.redemption.events import (
    CaptureRecorded,
    ClaimApproved,
    ClaimRejected,
    ClaimSubmitted,
    ContractCompleted,
    ContractOpened,
    Payee,
    PaymentConfirmed,
    ProviderDefaulted,
    SettlementClosed,
    UsageAccepted,
    UsageDisputed,
    UsageReported,
)
from counterfoil.service import Reducers

CONTRACTS: Final = View(
    name="contracts",
    key=("contract_id",),
    columns={
        "contract_id": "text",
        "beneficiary_id": "text",
        "provider_id": "text",
        "programme_id": "text",
        "version": "int",
        "currency": "text",
        "nodes": "int",
        "gpus_per_node": "int",
        "first_hour": "hour",
        "hours": "int",
        "price": "amount",
        "report_by": "time",
        "dispute_window_seconds": "int",
        "opened_at": "time",
        "status": "text",
        "ended_at": "time?",
        "default_cause": "text?",
        "reported_hours": "int",
        "reported_gpu_minutes": "int",
        "accepted_gpu_minutes": "int",
        "invoiced": "amount",
        "subsidy": "amount",
        "co_payment": "amount",
    },
    filters=("beneficiary_id", "provider_id", "programme_id", "status"),
)
"""`status`: open, completed or defaulted. `invoiced` is accepted; `subsidy` and `co_payment` are captured of it."""
REPORTS: Final = View(
    name="reports",
    key=("report_id",),
    columns={
        "report_id": "text",
        "contract_id": "text",
        "readings": "json",
        "gpu_minutes": "int",
        "amount": "amount",
        "reported_at": "time",
        "dispute_until": "time",
        "status": "text",
        "status_since": "time",
        "dispute_reason": "text?",
        "accepted_by": "text?",
        "accepted_gpu_minutes": "int?",
        "accepted_amount": "amount?",
        "subsidy": "amount?",
        "co_payment": "amount?",
    },
    filters=("contract_id", "status"),
)
"""`status`: open, disputed, accepted or captured; it may lag behind `dispute_until`, by which disputes are judged."""
CLAIMS: Final = View(
    name="claims",
    key=("claim_id",),
    columns={
        "claim_id": "text",
        "programme_id": "text",
        "provider_id": "text",
        "invoice_number": "text",
        "lines": "json",
        "amount": "amount",
        "submitted_at": "time",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
        "settlement_id": "text?",
    },
    filters=("programme_id", "provider_id", "status", "settlement_id"),
)
"""`status`: submitted, approved, rejected, batched (part of the settlement `settlement_id`) or paid."""
SETTLEMENTS: Final = View(
    name="settlements",
    key=("settlement_id",),
    columns={
        "settlement_id": "text",
        "programme_id": "text",
        "currency": "text",
        "claim_ids": "json",
        "payees": "json",
        "amount": "amount",
        "closed_at": "time",
        "status": "text",
        "paid_at": "time?",
        "payment_reference": "text?",
    },
    filters=("programme_id", "status"),
)
"""`status`: closed or paid."""

OUTAGES: Final = View(
    name="outages",
    key=("shard", "resumed_at"),
    columns={"shard": "text", "resumed_at": "time", "away_since": "time", "earliest": "time"},
)
"""When this log decided nothing. Other views keep deadlines as they were set: `window_of` says which they move."""

VIEWS: Final[tuple[View, ...]] = (CONTRACTS, REPORTS, CLAIMS, SETTLEMENTS, OUTAGES)


class Window(NamedTuple):
    """Until when something could be done, and from when on, as it was set: the column of the end, and microseconds."""

    column: str
    opened: int
    deadline: int


def window_of(view: str, row: Row) -> Window | None:
    """The window of a row of `contracts` or `reports`, which the outages of its log move; None for others."""
    if view == CONTRACTS.name:
        return Window("report_by", (_int(row, "first_hour") + _int(row, "hours")) * HOUR, _int(row, "report_by"))
    if view == REPORTS.name:
        return Window("dispute_until", _int(row, "reported_at"), _int(row, "dispute_until"))
    return None


def _int(row: Row, column: str) -> int:
    return cast("int", row[column])


# delivery -------------------------------------------------------------------------------------------------------------


def _contract_opened(event: ContractOpened, at: At) -> Iterable[Change]:
    row = {
        "contract_id": event.contract_id,
        "beneficiary_id": event.beneficiary_id,
        "provider_id": event.provider_id,
        "programme_id": event.programme_id,
        "version": event.version,
        "currency": event.currency,
        "nodes": event.nodes,
        "gpus_per_node": event.gpus_per_node,
        "first_hour": event.first_hour,
        "hours": event.hours,
        "price": event.price,
        "report_by": event.report_by,
        "dispute_window_seconds": event.dispute_window_seconds,
        "opened_at": at.time,
        "status": "open",
    }
    counts = ("reported_hours", "reported_gpu_minutes", "accepted_gpu_minutes", "invoiced", "subsidy", "co_payment")
    yield Put(CONTRACTS.name, {**row, "ended_at": None, "default_cause": None, **dict.fromkeys(counts, 0)})


def _writer_resumed(event: WriterResumed, at: At) -> Iterable[Change]:
    yield Put(
        OUTAGES.name,
        {"shard": at.shard, "resumed_at": at.time, "away_since": event.away_since, "earliest": event.earliest},
    )


def _usage_reported(event: UsageReported, at: At) -> Iterable[Change]:
    row = {
        "report_id": event.report_id,
        "contract_id": event.contract_id,
        "readings": [{"hour": format_hour(each.hour), "gpu_minutes": each.gpu_minutes} for each in event.readings],
        "gpu_minutes": event.gpu_minutes,
        "amount": event.amount,
        "reported_at": at.time,
        "dispute_until": event.dispute_until,
        "status": "open",
        "status_since": at.time,
    }
    later = ("dispute_reason", "accepted_by", "accepted_gpu_minutes", "accepted_amount", "subsidy", "co_payment")
    yield Put(REPORTS.name, {**row, **dict.fromkeys(later)})
    reported = {"reported_hours": len(event.readings), "reported_gpu_minutes": event.gpu_minutes}
    yield Add(CONTRACTS.name, (event.contract_id,), reported)


def _usage_disputed(event: UsageDisputed, at: At) -> Iterable[Change]:
    values = {"status": "disputed", "status_since": at.time, "dispute_reason": event.reason}
    yield Set(REPORTS.name, (event.report_id,), values)


def _usage_accepted(event: UsageAccepted, at: At) -> Iterable[Change]:
    values = {
        "status": "accepted",
        "status_since": at.time,
        "accepted_by": event.by,
        "accepted_gpu_minutes": event.gpu_minutes,
        "accepted_amount": event.amount,
    }
    yield Set(REPORTS.name, (event.report_id,), values)
    accepted = {"accepted_gpu_minutes": event.gpu_minutes, "invoiced": event.amount}
    yield Add(CONTRACTS.name, (event.contract_id,), accepted)


def _capture_recorded(event: CaptureRecorded, at: At) -> Iterable[Change]:
    captured = {"subsidy": event.subsidy, "co_payment": event.co_payment}
    yield Set(REPORTS.name, (event.report_id,), {"status": "captured", "status_since": at.time, **captured})
    yield Add(CONTRACTS.name, (event.contract_id,), captured)


def _contract_completed(event: ContractCompleted, at: At) -> Iterable[Change]:
    yield Set(CONTRACTS.name, (event.contract_id,), {"status": "completed", "ended_at": at.time})


def _provider_defaulted(event: ProviderDefaulted, at: At) -> Iterable[Change]:
    values = {"status": "defaulted", "ended_at": at.time, "default_cause": event.cause}
    yield Set(CONTRACTS.name, (event.contract_id,), values)


# payment --------------------------------------------------------------------------------------------------------------


def _claim_submitted(event: ClaimSubmitted, at: At) -> Iterable[Change]:
    row = {
        "claim_id": event.claim_id,
        "programme_id": event.programme_id,
        "provider_id": event.provider_id,
        "invoice_number": event.invoice_number,
        "lines": [{"contract_id": line.contract_id, "amount": str(line.amount)} for line in event.lines],
        "amount": event.amount,
        "submitted_at": at.time,
        "status": "submitted",
        "status_since": at.time,
        "status_reason": None,
        "settlement_id": None,
    }
    yield Put(CLAIMS.name, row)


def _claim_approved(event: ClaimApproved, at: At) -> Iterable[Change]:
    yield Set(CLAIMS.name, (event.claim_id,), {"status": "approved", "status_since": at.time})


def _claim_rejected(event: ClaimRejected, at: At) -> Iterable[Change]:
    values = {"status": "rejected", "status_since": at.time, "status_reason": event.reason}
    yield Set(CLAIMS.name, (event.claim_id,), values)


def _settlement_closed(event: SettlementClosed, at: At) -> Iterable[Change]:
    row = {
        "settlement_id": event.settlement_id,
        "programme_id": event.programme_id,
        "currency": event.currency,
        "claim_ids": list(event.claim_ids),
        "payees": _payees(event.payees),
        "amount": event.amount,
        "closed_at": at.time,
        "status": "closed",
        "paid_at": None,
        "payment_reference": None,
    }
    yield Put(SETTLEMENTS.name, row)
    batched = {"status": "batched", "status_since": at.time, "settlement_id": event.settlement_id}
    for claim_id in event.claim_ids:
        yield Set(CLAIMS.name, (claim_id,), batched)


def _payees(payees: tuple[Payee, ...]) -> list[dict[str, str]]:
    return [{"provider_id": payee.provider_id, "amount": str(payee.amount)} for payee in payees]


def _payment_confirmed(event: PaymentConfirmed, at: At) -> Iterable[Change]:
    for claim_id in event.claim_ids:
        yield Set(CLAIMS.name, (claim_id,), {"status": "paid", "status_since": at.time})
    values = {"status": "paid", "paid_at": at.time, "payment_reference": event.payment_reference}
    yield Set(SETTLEMENTS.name, (event.settlement_id,), values)


REDUCERS: Final[Reducers] = {
    WriterResumed: _writer_resumed,
    ContractOpened: _contract_opened,
    UsageReported: _usage_reported,
    UsageDisputed: _usage_disputed,
    UsageAccepted: _usage_accepted,
    CaptureRecorded: _capture_recorded,
    ContractCompleted: _contract_completed,
    ProviderDefaulted: _provider_defaulted,
    ClaimSubmitted: _claim_submitted,
    ClaimApproved: _claim_approved,
    ClaimRejected: _claim_rejected,
    SettlementClosed: _settlement_closed,
    PaymentConfirmed: _payment_confirmed,
}
"""Changes per event of redemption's log; what it mirrors from issuance is issuance's to show."""
