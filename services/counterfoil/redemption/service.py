"""The declaration of this service: what it decides, consumes and shows."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.events import WriterResumed
from counterfoil.core.decider import COMMON, MIRRORED, Decider, mirror
from counterfoil.issuance.events import ProgrammePublished, ProviderDelisted, ProviderReinstated, ProviderSuspended
from counterfoil.ledger.events import HoldCaptured
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption import (
    acceptance,
    cancellations,
    claims,
    contracts,
    corrections,
    disputes,
    reversals,
    settlements,
    usage,
)
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    AgreeReversal,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    ConfirmRecovery,
    DisputeUsage,
    DisputeUsageV1,
    ProposeCancellation,
    ProposeCorrection,
    ProposeReversal,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    ReverseCapture,
    SubmitClaim,
    WithdrawDelivery,
    WithdrawDispute,
)
from counterfoil.redemption.events import (
    CancellationProposed,
    CaptureRecorded,
    ClaimApproved,
    ClaimOffset,
    ClaimRejected,
    ClaimSubmitted,
    ContractCancelled,
    ContractCompleted,
    ContractOpened,
    CorrectionProposed,
    DisputeRaised,
    PaymentConfirmed,
    ProviderDefaulted,
    RecoveryConfirmed,
    ReversalProposed,
    SettlementClosed,
    UsageAccepted,
    UsageCorrected,
    UsageDisputed,
    UsageReported,
    UsageReversed,
    UsageSplit,
)
from counterfoil.redemption.state import RedemptionState
from counterfoil.redemption.views import REDUCERS, VIEWS
from counterfoil.service import Service

DECIDER: Final = Decider(
    service="redemption",
    initial=RedemptionState,
    commands={
        ReportUsage: usage.report_usage,
        AcceptUsage: usage.accept_usage,
        ProposeCorrection: corrections.propose_correction,
        AgreeCorrection: corrections.agree_correction,
        DisputeUsageV1: disputes.dispute_usage_v1,
        DisputeUsage: disputes.dispute_usage,
        WithdrawDispute: disputes.withdraw_dispute,
        ResolveDispute: disputes.resolve_dispute,
        ProposeCancellation: cancellations.propose_cancellation,
        AgreeCancellation: cancellations.agree_cancellation,
        WithdrawDelivery: contracts.withdraw_delivery,
        SubmitClaim: claims.submit_claim,
        ApproveClaim: claims.approve_claim,
        RejectClaim: claims.reject_claim,
        CloseSettlement: settlements.close_settlement,
        ConfirmPayment: settlements.confirm_payment,
        ProposeReversal: reversals.propose_reversal,
        AgreeReversal: reversals.agree_reversal,
        ReverseCapture: reversals.reverse_capture,
        ConfirmRecovery: reversals.confirm_recovery,
    },
    reactions={
        "issuance": {
            **MIRRORED,
            ProgrammePublished: mirror,
            ProviderSuspended: mirror,
            ProviderReinstated: mirror,
            ProviderDelisted: mirror,
        },
        "matching": {
            TradeMatched: contracts.open_contract,
        },
        "ledger": {
            HoldCaptured: contracts.record_capture,
        },
    },
    ready={TradeMatched: contracts.terms_known},
    timers={
        "dispute_window": disputes.close_windows,
        "resolution_window": disputes.lapse_disputes,
        "reporting": contracts.close_reporting,
    },
    due=RedemptionState.next_due,
    evolve={
        **COMMON,
        WriterResumed: contracts.writer_resumed,
        ProgrammePublished: contracts.programme_published,
        ProviderSuspended: claims.provider_suspended,
        ProviderReinstated: claims.provider_no_longer_suspended,
        ProviderDelisted: claims.provider_no_longer_suspended,
        ContractOpened: contracts.contract_opened,
        UsageReported: usage.usage_reported,
        CorrectionProposed: corrections.correction_proposed,
        UsageCorrected: corrections.usage_corrected,
        UsageSplit: disputes.usage_split,
        UsageDisputed: disputes.usage_disputed,
        DisputeRaised: disputes.dispute_raised,
        UsageAccepted: acceptance.usage_accepted,
        ContractCompleted: contracts.contract_ended,
        CancellationProposed: cancellations.cancellation_proposed,
        ContractCancelled: contracts.contract_ended,
        ProviderDefaulted: contracts.contract_ended,
        CaptureRecorded: contracts.capture_recorded,
        ReversalProposed: reversals.reversal_proposed,
        UsageReversed: reversals.usage_reversed,
        ClaimOffset: reversals.claim_offset,
        RecoveryConfirmed: reversals.recovery_confirmed,
        ClaimSubmitted: claims.claim_submitted,
        ClaimApproved: claims.claim_approved,
        ClaimRejected: claims.claim_rejected,
        SettlementClosed: settlements.settlement_closed,
        PaymentConfirmed: settlements.payment_confirmed,
    },
)

SERVICE: Final = Service(DECIDER, VIEWS, REDUCERS)
