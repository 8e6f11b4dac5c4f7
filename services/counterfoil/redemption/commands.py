"""Commands that redemption decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from counterfoil.contract.record import ANY, Command, command, record
from counterfoil.contract.scalars import (
    Amount,
    Code,
    Count,
    Day,
    Digest,
    GpuMinutes,
    Hour,
    Id,
    PositiveAmount,
    Reason,
    Reference,
    Role,
)

SIDES: Final[tuple[Role, ...]] = ("provider", "beneficiary")
"""Of a contract."""
Rest = Literal["ends", "claimable"]
"""What becomes of subsidy that is not approved: it ends, and its budget is released; or it may be claimed once more.

What was rejected before ends in any case.
"""


@record
class Reading:
    """GPU-minutes delivered in one delivery hour."""

    hour: Hour
    gpu_minutes: GpuMinutes


def minutes(readings: Iterable[Reading]) -> int:
    """The GPU-minutes of readings."""
    return sum(reading.gpu_minutes for reading in readings)


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
class DisputeUsageV1(Command):
    """Beneficiary: contest a report within the dispute window."""

    report_id: Id
    reason: Reason


@command("dispute_usage", role="beneficiary", version=2, exits=True)
class DisputeUsage(Command):
    """Beneficiary: contest hours of a report within the dispute window, all of them if none is named.

    `evidence`: the SHA-256 of each document that shows it; the documents stay with the parties.
    """

    report_id: Id
    hours: tuple[Hour, ...]
    evidence: tuple[Digest, ...]
    reason: Reason


@command("withdraw_dispute", role=SIDES, exits=True)
class WithdrawDispute(Command):
    """Who raised a dispute: withdraw it; the report stands."""

    report_id: Id


@command("resolve_dispute", role="operator")
class ResolveDispute(Command):
    """Operator: decide a disputed report; `gpu_minutes`, at most what its hours can hold, are accepted.

    By the rules before version 4 at most those reported.
    """

    report_id: Id
    gpu_minutes: Count
    reason: Reason


@command("propose_correction", role=SIDES, exits=True)
class ProposeCorrection(Command):
    """Provider or beneficiary: what an open report should have said of some of its hours, in rising order."""

    report_id: Id
    readings: tuple[Reading, ...]
    reason: Reason


@command("agree_correction", role=SIDES, exits=True)
class AgreeCorrection(Command):
    """The other side: accept the report as corrected."""

    report_id: Id
    correction_id: Id


@command("propose_cancellation", role=SIDES, exits=True)
class ProposeCancellation(Command):
    """Provider or beneficiary: cancel a contract whose delivery has not begun, without any default."""

    contract_id: Id
    reason: Reason


@command("agree_cancellation", role=SIDES, exits=True)
class AgreeCancellation(Command):
    """The other side: cancel the contract."""

    contract_id: Id


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
class ApproveClaimV1(Command):
    """Issuer: approve a claim for payment."""

    claim_id: Id


@record
class ApprovedLine:
    """How much of a claim's line is approved."""

    contract_id: Id
    amount: Amount


@command("approve_claim", role="issuer", version=2, exits=True)
class ApproveClaim(Command):
    """Issuer: approve a claim for payment; lines that are not named in full, the rest of those named as `rest` says."""

    claim_id: Id
    lines: tuple[ApprovedLine, ...]
    rest: Rest


@command("withdraw_approval", role="issuer", exits=True)
class WithdrawApproval(Command):
    """Issuer: the claim is not approved after all; it may be decided again. Not once it is in a settlement."""

    claim_id: Id
    reason: Reason


@command("reject_claim", role="issuer", exits=True)
class RejectClaimV1(Command):
    """Issuer: reject a claim; its amounts may be claimed again with another invoice."""

    claim_id: Id
    reason: Reason


@command("reject_claim", role="issuer", version=2, exits=True)
class RejectClaim(Command):
    """Issuer: reject a claim; `rest` says whether its amounts end or may be claimed once more with another invoice."""

    claim_id: Id
    reason: Reason
    rest: Rest


@command("close_settlement", role="issuer", exits=True)
class CloseSettlementV1(Command):
    """Issuer: gather approved claims of a programme into one settlement."""

    programme_id: Id
    claim_ids: tuple[Id, ...]


@command("close_settlement", role="issuer", version=2, exits=True)
class CloseSettlement(Command):
    """Issuer: gather approved claims of a programme, and what it still owes their providers and `payee_ids`.

    Each is paid whole minor units; the rest is carried to its next settlement.
    """

    programme_id: Id
    claim_ids: tuple[Id, ...]
    payee_ids: tuple[Id, ...]


@command("confirm_payment", role="treasurer")
class ConfirmPaymentV1(Command):
    """Treasurer: the settlement was paid outside; claims become settled and budget disbursed."""

    settlement_id: Id
    payment_reference: Reference


@command("propose_reversal", role=SIDES, exits=True)
class ProposeReversal(Command):
    """Provider or beneficiary: give back `amount` of what was captured for a report."""

    report_id: Id
    amount: PositiveAmount
    reason: Reason


@command("agree_reversal", role=SIDES, exits=True)
class AgreeReversal(Command):
    """The other side: reverse the capture as proposed."""

    report_id: Id
    reversal_id: Id


@command("reverse_capture", role="operator")
class ReverseCapture(Command):
    """Operator: reverse `amount` of what was captured for a report, whatever its sides say."""

    report_id: Id
    amount: PositiveAmount
    reason: Reason


@command("confirm_recovery", role="treasurer")
class ConfirmRecovery(Command):
    """Treasurer: a provider paid back, outside, part of what it owes a programme after reversals."""

    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    payment_reference: Reference


@command("confirm_payment", role="treasurer", version=2)
class ConfirmPayment(Command):
    """Treasurer: a provider was paid its part of a settlement by the bank, on `paid_on` at the bank's place."""

    settlement_id: Id
    provider_id: Id
    amount: PositiveAmount
    payment_reference: Reference
    paid_on: Day


@command("return_payment", role="treasurer")
class ReturnPayment(Command):
    """Treasurer: the payment to a provider failed or came back; the amount is payable again."""

    settlement_id: Id
    provider_id: Id
    return_reference: Reference
    reason: Reason


@command("order_clawback", role="issuer")
class OrderClawback(Command):
    """Issuer: take back `amount` of what a settlement paid to a provider, on a ground of the programme's document."""

    settlement_id: Id
    provider_id: Id
    ground: Code
    amount: PositiveAmount
    evidence: tuple[Digest, ...]
    reason: Reason


@command("file_appeal", role=ANY, exits=True)
class FileAppeal(Command):
    """Who is to give back: contest the order."""

    clawback_id: Id
    evidence: tuple[Digest, ...]
    reason: Reason


@command("decide_appeal", role="operator")
class DecideAppeal(Command):
    """Operator: uphold so much of what is contested: all of it, a part, or nothing."""

    clawback_id: Id
    amount: Amount
    reason: Reason


@command("write_off", role="issuer")
class WriteOff(Command):
    """Issuer: give up so much of what a provider owes a programme."""

    programme_id: Id
    provider_id: Id
    amount: PositiveAmount
    reason: Reason
