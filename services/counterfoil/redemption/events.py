"""Redemption: contracts, usage, claims and settlements."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event, record
from counterfoil.contract.scalars import (
    Amount,
    BidHours,
    Code,
    Count,
    Currency,
    Day,
    DerivedTime,
    Digest,
    Flag,
    GpusPerNode,
    Hour,
    Id,
    MarketUnit,
    Nodes,
    PositiveAmount,
    Price,
    Reason,
    Reference,
    Seconds,
    Version,
)
from counterfoil.contract.terms import SignedAct
from counterfoil.redemption.commands import Reading


@event("contract.opened.v1")
class ContractOpened(Event):
    """A trade became a delivery contract; usage must be reported by `report_by`."""

    contract_id: Id
    beneficiary_id: Id
    provider_id: Id
    programme_id: Id
    version: Version
    currency: MarketUnit
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
    """The usage is final and will be captured.

    By the beneficiary, the closed window, the agreement of both sides to a correction, or the end of a dispute: its
    resolution, withdrawal or lapse.
    """

    report_id: Id
    contract_id: Id
    gpu_minutes: Count
    amount: Amount
    by: Literal["beneficiary", "window", "agreement", "resolution", "withdrawal", "lapse"]


@event("correction.proposed.v1")
class CorrectionProposed(Event):
    """One side says what the report should have said: all its readings as corrected. It replaces that side's last."""

    correction_id: Id
    report_id: Id
    contract_id: Id
    by: Id
    readings: tuple[Reading, ...]
    gpu_minutes: Count
    amount: Amount
    reason: Reason


@event("usage.corrected.v1")
class UsageCorrected(Event):
    """Both sides agree to a correction: the report says this, instead of `gpu_minutes_before`, and is accepted."""

    correction_id: Id
    report_id: Id
    contract_id: Id
    readings: tuple[Reading, ...]
    gpu_minutes: Count
    gpu_minutes_before: Count
    amount: Amount


@event("usage.split.v1")
class UsageSplit(Event):
    """Some hours of a report are contested: they become a report of their own, `part`; the others stay `rest`."""

    report_id: Id
    contract_id: Id
    part_id: Id
    part: tuple[Reading, ...]
    part_amount: Amount
    rest: tuple[Reading, ...]
    rest_amount: Amount
    reported_at: DerivedTime
    dispute_until: DerivedTime


@event("dispute.raised.v1")
class DisputeRaised(Event):
    """The report is contested; it is open until resolved, and stands if not resolved by `resolve_by`."""

    report_id: Id
    contract_id: Id
    raised_by: Id
    evidence: tuple[Digest, ...]
    reason: Reason
    resolve_by: DerivedTime


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


@event("cancellation.proposed.v1")
class CancellationProposed(Event):
    """One side would cancel the contract; the other may agree before `until`."""

    contract_id: Id
    by: Id
    reason: Reason
    until: DerivedTime


@event("contract.cancelled.v1")
class ContractCancelled(Event):
    """Both sides cancelled the contract before its delivery: its hold and its bond are released.

    The nodes do not go back to the offer.
    """

    contract_id: Id
    beneficiary_id: Id
    provider_id: Id


@event("provider.defaulted.v1")
class ProviderDefaulted(Event):
    """The provider failed: the rest of the hold is released and the bond goes to the beneficiary."""

    contract_id: Id
    provider_id: Id
    cause: Literal["usage_not_reported", "withdrawn", "not_delivered"]
    missing_hours: Count


@record
class ClaimLine:
    """The claimed subsidy of one contract; `resubmitted` of it was rejected once."""

    contract_id: Id
    amount: PositiveAmount
    resubmitted: Amount


@record
class LinePart:
    """A part of the subsidy that was claimed of one contract."""

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


@event("act.endorsed.v1")
class ActEndorsed(Event):
    """The first of two parties signed an act on `object_id`, a claim or a settlement; it changes nothing yet.

    `provider_id`: who claims or is paid. `content`: SHA-256 of the canonical command; the second must sign the same.
    """

    programme_id: Id
    act: SignedAct
    object_id: Id
    provider_id: Id
    content: Digest
    endorsed_by: Id


@event("claim.approved.v1")
class ClaimApproved(Event):
    """What of the claim may be paid: `lines`, `amount` in all. What is `claimable` may be claimed once more."""

    claim_id: Id
    lines: tuple[ClaimLine, ...]
    amount: PositiveAmount
    claimable: tuple[LinePart, ...]


@event("approval.withdrawn.v1")
class ApprovalWithdrawn(Event):
    """What was approved of the claim is to be decided again."""

    claim_id: Id
    reason: Reason


@event("claim.rejected.v1")
class ClaimRejected(Event):
    """The claim will not be paid. What is `claimable` of it may be claimed once more."""

    claim_id: Id
    reason: Reason
    claimable: tuple[LinePart, ...]


@event("claim.returned.v1")
class ClaimReturned(Event):
    """What was not approved of a claim on an invoice: back to its voucher, or, as its document says, to the budget."""

    claim_id: Id
    programme_id: Id
    provider_id: Id
    amount: PositiveAmount


@event("claim.denied.v1")
class ClaimDenied(Event):
    """What was not approved for good: it is never paid, and its budget is released."""

    claim_id: Id
    programme_id: Id
    provider_id: Id
    lines: tuple[LinePart, ...]
    amount: PositiveAmount


@record
class Payee:
    """What one provider gets from a settlement: `amount` = `claimed` + `brought` - `carried`.

    `brought` was payable before: carried from earlier settlements, or returned by the bank, less what was set off with
    the settlement. `carried` stays payable.
    """

    provider_id: Id
    claimed: Amount
    brought: Amount
    amount: Amount
    carried: Amount


@event("settlement.closed.v1")
class SettlementClosed(Event):
    """Approved claims gathered for payment, netted per provider, in whole minor units."""

    settlement_id: Id
    programme_id: Id
    currency: Currency
    claim_ids: tuple[Id, ...]
    payees: tuple[Payee, ...]
    amount: PositiveAmount


@event("payment.confirmed.v1")
class PaymentConfirmed(Event):
    """A provider was paid its part of a settlement, which is `over` if every part was paid or returned."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
    paid_on: Day | None
    treasurer_id: Id
    claim_ids: tuple[Id, ...]
    over: Flag


@event("payment.returned.v1")
class PaymentReturned(Event):
    """A payment failed, or came back after it `was_paid`: `payable_after` is payable to the provider."""

    settlement_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    return_reference: Reference
    reason: Reason
    treasurer_id: Id
    was_paid: Flag
    claim_ids: tuple[Id, ...]
    payable_after: Amount
    over: Flag


@event("reversal.proposed.v1")
class ReversalProposed(Event):
    """One side of a contract would give back, or have back, part of a capture; it replaces what was proposed before."""

    reversal_id: Id
    report_id: Id
    contract_id: Id
    by: Id
    amount: PositiveAmount
    reason: Reason


@event("usage.reversed.v1")
class UsageReversed(Event):
    """Part of what was captured for a report is reversed: by both sides, or by the operator.

    Of the subsidy in it, `unclaimed` can no longer be claimed, and `owed` was claimed already: the provider owes it to
    the programme, `owed_after` in all.
    """

    reversal_id: Id
    report_id: Id
    contract_id: Id
    programme_id: Id
    provider_id: Id
    currency: MarketUnit
    by: Id
    amount: PositiveAmount
    unclaimed: Amount
    owed: Amount
    owed_after: Amount
    co_payment: Amount
    reason: Reason


@event("claim.offset.v1")
class ClaimOffset(Event):
    """What a provider would have claimed, by contract, or what was payable to it is set off against what it owes."""

    programme_id: Id
    provider_id: Id
    currency: Currency
    lines: tuple[LinePart, ...]
    amount: PositiveAmount
    owed_after: Amount


@event("recovery.confirmed.v1")
class RecoveryConfirmed(Event):
    """A provider paid back part of what it owes a programme."""

    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    payment_reference: Reference
    treasurer_id: Id
    owed_after: Amount


@event("clawback.ordered.v1")
class ClawbackOrdered(Event):
    """Who was paid by a settlement is to give back `amount` of it, on a ground of the document's.

    `version`: of the programme, as it was when it was paid. It may be contested before `appeal_until` (None: it may
    not); with `waits` nothing is owed before that is over.
    """

    clawback_id: Id
    settlement_id: Id
    programme_id: Id
    version: Version
    rules_hash: Digest
    provider_id: Id
    currency: Currency
    ground: Code
    amount: PositiveAmount
    evidence: tuple[Digest, ...]
    reason: Reason
    ordered_by: Id
    appeal_until: DerivedTime | None
    waits: Flag


@event("clawback.in_force.v1")
class ClawbackInForce(Event):
    """So much is owed from now on, `owed_after` in all: it is set off against the next claims, or paid back.

    `appealed`: the decision on an appeal put it in force.
    """

    clawback_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    owed_after: Amount
    appealed: Flag


@event("appeal.filed.v1")
class AppealFiled(Event):
    """Who is to give back contests the order. `decide_by`: when it is to be decided, if the document says so."""

    clawback_id: Id
    programme_id: Id
    provider_id: Id
    evidence: tuple[Digest, ...]
    reason: Reason
    decide_by: DerivedTime | None


@event("appeal.decided.v1")
class AppealDecided(Event):
    """So much of an order is upheld: `amount`; the rest of it ends. `outcome`: all, a part, or nothing of it stands.

    Of what was owed for it, `forgiven` is owed no more, and `refunded`, which was given back or set off, is payable.
    """

    clawback_id: Id
    programme_id: Id
    provider_id: Id
    currency: Currency
    outcome: Literal["upheld", "modified", "reversed"]
    amount: Amount
    forgiven: Amount
    refunded: Amount
    owed_after: Amount
    payable_after: Amount
    decided_by: Id
    reason: Reason


@event("debt.written_off.v1")
class DebtWrittenOff(Event):
    """What is owed to a programme will not come, or is less than a bank can pay: it is owed no more."""

    programme_id: Id
    provider_id: Id
    currency: Currency
    amount: PositiveAmount
    written_off_by: Id
    reason: Reason
    owed_after: Amount
