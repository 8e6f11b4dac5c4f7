"""Redemption's read models: which rows each of its log's events makes or changes. `At` is the entry's own place.

Contracts and usage are here, claims and payments in `claim_views`. The events name what they change, so no projection
reads a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast, get_args

from counterfoil.contract.events import WriterResumed
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.times import HOUR, format_hour
from counterfoil.core.at import At
from counterfoil.ports import Add, Change, Put, Row, Set, View
from counterfoil.readership import ANYBODY, Readers
from counterfoil.redemption.adjustment_views import ADJUSTMENT_REDUCERS, ADJUSTMENTS
from counterfoil.redemption.claim_views import CLAIM_REDUCERS, CLAIM_VIEWS, OF_CONTRACT, SIDES, sides_of
from counterfoil.redemption.clawback_views import CLAWBACK_REDUCERS, CLAWBACKS
from counterfoil.redemption.commands import Reading, minutes
from counterfoil.redemption.events import (
    CancellationProposed,
    CaptureRecorded,
    ClaimOffset,
    ClaimSubmitted,
    ContractCancelled,
    ContractCompleted,
    ContractOpened,
    CorrectionProposed,
    DisputeRaised,
    ProviderDefaulted,
    UsageAccepted,
    UsageCorrected,
    UsageDisputed,
    UsageReported,
    UsageReversed,
    UsageSplit,
)
from counterfoil.redemption.notice_events import ContractWithdrawn
from counterfoil.redemption.payer_views import PAYER_REDUCERS, PAYER_VIEWS
from counterfoil.redemption.reclaim_commands import ReclaimReason
from counterfoil.redemption.reclaim_events import ContractReclaimable, DeliveryReclaimed, ReclaimBegun
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
        "cancellation_by": "text?",
        "cancellation_until": "time?",
        "reclaim_notice_hours": "int?",
        "reclaim_hour": "hour?",
        "reclaim_reason": "text?",
        "reclaim_amount": "amount?",
        "reported_hours": "int",
        "reported_gpu_minutes": "int",
        "accepted_gpu_minutes": "int",
        "invoiced": "amount",
        "subsidy": "amount",
        "co_payment": "amount",
        "unclaimed": "amount",
    },
    filters=("beneficiary_id", "provider_id", "programme_id", "status"),
    readers=OF_CONTRACT,
    time="opened_at",
    values={
        "status": ("open", "reclaim_pending", "reclaimed", "completed", "cancelled", "withdrawn", "defaulted"),
        "reclaim_reason": get_args(ReclaimReason),
    },
)
"""`status`: open, completed, cancelled by both sides, withdrawn from by the provider with notice, or defaulted.

`reclaim_notice_hours`: with which its provider may reclaim its hours. Once it gave notice, the contract is
`reclaim_pending` until `reclaim_hour`, and everything goes on; then `reclaim_amount`, the price of the hours from there
on, goes back, and it is `reclaimed`: `hours` are those before, by which it ends like any other. Where there are none,
`ended_at` says so, and `hours` stays.

`cancellation_by` would cancel it, until `cancellation_until`. `invoiced` is accepted; `subsidy` and `co_payment` are
captured of it. `unclaimed` of the subsidy was neither claimed, set off nor reversed; what a rejection lets its provider
claim once more is not in it, and where that is set off, it counts here.
"""
REPORTS: Final = View(
    name="reports",
    key=("report_id",),
    columns={
        "report_id": "text",
        "contract_id": "text",
        **SIDES,
        "readings": "json",
        "gpu_minutes": "int",
        "amount": "amount",
        "reported_at": "time",
        "dispute_until": "time",
        "status": "text",
        "status_since": "time",
        "split_from": "text?",
        "disputed_by": "text?",
        "dispute_reason": "text?",
        "evidence": "json?",
        "accepted_by": "text?",
        "accepted_gpu_minutes": "int?",
        "accepted_amount": "amount?",
        "subsidy": "amount?",
        "co_payment": "amount?",
    },
    filters=("contract_id", "status", *SIDES),
    readers=OF_CONTRACT,
    time="reported_at",
    values={"status": ("open", "disputed", "accepted", "captured")},
)
"""`status`: open, disputed, accepted or captured; it may lag behind `dispute_until`, by which disputes are judged.

`split_from`: the report that these hours were part of until they were contested. `evidence`: SHA-256 in base64.
"""
CORRECTIONS: Final = View(
    name="corrections",
    key=("correction_id",),
    columns={
        "correction_id": "text",
        "report_id": "text",
        "contract_id": "text",
        **SIDES,
        "proposed_by": "text",
        "readings": "json",
        "gpu_minutes": "int",
        "amount": "amount",
        "reason": "text",
        "proposed_at": "time",
        "agreed_at": "time?",
    },
    filters=("report_id", "contract_id", "proposed_by", *SIDES),
    readers=OF_CONTRACT,
    time="proposed_at",
)
"""What one side says that a report should have said. Of each side the last counts, while the report is open."""
COUNTERPARTIES: Final = View(
    name="counterparties",
    key=("party_id", "reader_id"),
    columns={"party_id": "text", "reader_id": "text"},
    filters=("party_id", "reader_id"),
    readers=Readers(parties=("reader_id",)),
)
"""`party_id` has, or had, a contract with `reader_id`, which may know its name."""
OUTAGES: Final = View(
    name="outages",
    key=("shard", "resumed_at"),
    columns={"shard": "text", "resumed_at": "time", "away_since": "time", "earliest": "time"},
    readers=ANYBODY,
    time="resumed_at",
)
"""When this log decided nothing. Other views keep deadlines as they were set: `window_of` says which they move."""

VIEWS: Final[tuple[View, ...]] = (
    CONTRACTS,
    COUNTERPARTIES,
    REPORTS,
    CORRECTIONS,
    *CLAIM_VIEWS,
    CLAWBACKS,
    ADJUSTMENTS,
    *PAYER_VIEWS,
    OUTAGES,
)


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


_RECLAIM: Final = ("reclaim_notice_hours", "reclaim_hour", "reclaim_reason", "reclaim_amount")


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
    counts = (
        "reported_hours",
        "reported_gpu_minutes",
        "accepted_gpu_minutes",
        "invoiced",
        "subsidy",
        "co_payment",
        "unclaimed",
    )
    later = ("ended_at", "default_cause", "cancellation_by", "cancellation_until", *_RECLAIM)
    yield Put(CONTRACTS.name, {**row, **dict.fromkeys(later), **dict.fromkeys(counts, 0)})
    sides = (event.beneficiary_id, event.provider_id)
    for party_id, reader_id in (sides, sides[::-1]):
        yield Put(COUNTERPARTIES.name, {"party_id": party_id, "reader_id": reader_id})


def _writer_resumed(event: WriterResumed, at: At) -> Iterable[Change]:
    yield Put(
        OUTAGES.name,
        {"shard": at.shard, "resumed_at": at.time, "away_since": event.away_since, "earliest": event.earliest},
    )


def _usage_reported(event: UsageReported, at: At) -> Iterable[Change]:
    row = {
        "report_id": event.report_id,
        "contract_id": event.contract_id,
        "readings": _readings(event.readings),
        "gpu_minutes": event.gpu_minutes,
        "amount": event.amount,
        "reported_at": at.time,
        "dispute_until": event.dispute_until,
        "status": "open",
        "status_since": at.time,
    }
    yield Put(REPORTS.name, {**dict.fromkeys(REPORTS.columns), **row})
    yield sides_of(REPORTS, event.report_id, event.contract_id)
    reported = {"reported_hours": len(event.readings), "reported_gpu_minutes": event.gpu_minutes}
    yield Add(CONTRACTS.name, (event.contract_id,), reported)


def _readings(readings: Iterable[Reading]) -> list[dict[str, object]]:
    return [{"hour": format_hour(each.hour), "gpu_minutes": each.gpu_minutes} for each in readings]


def _usage_disputed(event: UsageDisputed, at: At) -> Iterable[Change]:
    values = {"status": "disputed", "status_since": at.time, "dispute_reason": event.reason}
    yield Set(REPORTS.name, (event.report_id,), values)


def _dispute_raised(event: DisputeRaised, at: At) -> Iterable[Change]:
    values = {"status": "disputed", "status_since": at.time, "dispute_reason": event.reason}
    evidence = [encode_base64(each) for each in event.evidence]
    yield Set(REPORTS.name, (event.report_id,), {**values, "disputed_by": event.raised_by, "evidence": evidence})


def _usage_split(event: UsageSplit, at: At) -> Iterable[Change]:
    part = {
        "report_id": event.part_id,
        "contract_id": event.contract_id,
        "split_from": event.report_id,
        "readings": _readings(event.part),
        "gpu_minutes": minutes(event.part),
        "amount": event.part_amount,
        "reported_at": event.reported_at,
        "dispute_until": event.dispute_until,
        "status": "open",
        "status_since": at.time,
    }
    yield Put(REPORTS.name, {**dict.fromkeys(REPORTS.columns), **part})
    yield sides_of(REPORTS, event.part_id, event.contract_id)
    rest = {"readings": _readings(event.rest), "gpu_minutes": minutes(event.rest), "amount": event.rest_amount}
    yield Set(REPORTS.name, (event.report_id,), rest)


def _correction_proposed(event: CorrectionProposed, at: At) -> Iterable[Change]:
    row = {
        "correction_id": event.correction_id,
        "report_id": event.report_id,
        "contract_id": event.contract_id,
        **dict.fromkeys(SIDES),
        "proposed_by": event.by,
        "readings": _readings(event.readings),
        "gpu_minutes": event.gpu_minutes,
        "amount": event.amount,
        "reason": event.reason,
        "proposed_at": at.time,
        "agreed_at": None,
    }
    yield Put(CORRECTIONS.name, row)
    yield sides_of(CORRECTIONS, event.correction_id, event.contract_id)


def _usage_corrected(event: UsageCorrected, at: At) -> Iterable[Change]:
    yield Set(CORRECTIONS.name, (event.correction_id,), {"agreed_at": at.time})
    said = {"readings": _readings(event.readings), "gpu_minutes": event.gpu_minutes, "amount": event.amount}
    yield Set(REPORTS.name, (event.report_id,), said)
    more = event.gpu_minutes - event.gpu_minutes_before
    yield Add(CONTRACTS.name, (event.contract_id,), {"reported_gpu_minutes": more})


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
    yield Add(CONTRACTS.name, (event.contract_id,), {**captured, "unclaimed": event.subsidy})


def _claim_submitted(event: ClaimSubmitted, at: At) -> Iterable[Change]:
    yield from CLAIM_REDUCERS[ClaimSubmitted](event, at)
    for line in event.lines:
        yield Add(CONTRACTS.name, (line.contract_id,), {"unclaimed": line.resubmitted - line.amount})


def _claim_offset(event: ClaimOffset, at: At) -> Iterable[Change]:
    yield from CLAIM_REDUCERS[ClaimOffset](event, at)
    for line in event.lines:
        yield Add(CONTRACTS.name, (line.contract_id,), {"unclaimed": -line.amount})


def _usage_reversed(event: UsageReversed, at: At) -> Iterable[Change]:
    yield from CLAIM_REDUCERS[UsageReversed](event, at)
    yield Add(CONTRACTS.name, (event.contract_id,), {"unclaimed": -event.unclaimed})


def _contract_completed(event: ContractCompleted, at: At) -> Iterable[Change]:
    yield Set(CONTRACTS.name, (event.contract_id,), {"status": "completed", "ended_at": at.time})


def _cancellation_proposed(event: CancellationProposed, _at: At) -> Iterable[Change]:
    values = {"cancellation_by": event.by, "cancellation_until": event.until}
    yield Set(CONTRACTS.name, (event.contract_id,), values)


def _contract_cancelled(event: ContractCancelled, at: At) -> Iterable[Change]:
    yield Set(CONTRACTS.name, (event.contract_id,), {"status": "cancelled", "ended_at": at.time})


def _contract_withdrawn(event: ContractWithdrawn, at: At) -> Iterable[Change]:
    yield Set(CONTRACTS.name, (event.contract_id,), {"status": "withdrawn", "ended_at": at.time})


def _contract_reclaimable(event: ContractReclaimable, _at: At) -> Iterable[Change]:
    yield Set(CONTRACTS.name, (event.contract_id,), {"reclaim_notice_hours": event.reclaim_notice_hours})


def _reclaim_begun(event: ReclaimBegun, _at: At) -> Iterable[Change]:
    of_notice = {"reclaim_hour": event.hour, "reclaim_reason": event.reason, "reclaim_amount": event.amount}
    yield Set(CONTRACTS.name, (event.contract_id,), {"status": "reclaim_pending", **of_notice})


def _delivery_reclaimed(event: DeliveryReclaimed, at: At) -> Iterable[Change]:
    left = {"ended_at": at.time} if event.ends else {"report_by": event.report_by}
    yield Set(CONTRACTS.name, (event.contract_id,), {"status": "reclaimed", **left})
    if not event.ends:
        yield Add(CONTRACTS.name, (event.contract_id,), {"hours": -event.hours})


def _provider_defaulted(event: ProviderDefaulted, at: At) -> Iterable[Change]:
    values = {"status": "defaulted", "ended_at": at.time, "default_cause": event.cause}
    yield Set(CONTRACTS.name, (event.contract_id,), values)


REDUCERS: Final[Reducers] = {
    WriterResumed: _writer_resumed,
    ContractOpened: _contract_opened,
    UsageReported: _usage_reported,
    CorrectionProposed: _correction_proposed,
    UsageCorrected: _usage_corrected,
    UsageSplit: _usage_split,
    UsageDisputed: _usage_disputed,
    DisputeRaised: _dispute_raised,
    UsageAccepted: _usage_accepted,
    CaptureRecorded: _capture_recorded,
    ContractCompleted: _contract_completed,
    CancellationProposed: _cancellation_proposed,
    ContractCancelled: _contract_cancelled,
    ContractWithdrawn: _contract_withdrawn,
    ProviderDefaulted: _provider_defaulted,
    ContractReclaimable: _contract_reclaimable,
    ReclaimBegun: _reclaim_begun,
    DeliveryReclaimed: _delivery_reclaimed,
    **CLAIM_REDUCERS,
    **CLAWBACK_REDUCERS,
    **ADJUSTMENT_REDUCERS,
    **PAYER_REDUCERS,
    ClaimSubmitted: _claim_submitted,
    ClaimOffset: _claim_offset,
    UsageReversed: _usage_reversed,
}
"""Changes per event of redemption's log; what it mirrors from issuance is issuance's to show."""
