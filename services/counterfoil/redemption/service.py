"""The declaration of this service: what it decides, consumes and shows."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.events import WriterResumed
from counterfoil.core.decider import COMMON, MIRRORED, Decider, mirror
from counterfoil.issuance.events import ProgrammePublished, ProviderDelisted, ProviderReinstated, ProviderSuspended
from counterfoil.ledger.events import HoldCaptured
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption import acceptance, claims, contracts, disputes, settlements, usage
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    DisputeUsage,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
    WithdrawDelivery,
)
from counterfoil.redemption.events import (
    CaptureRecorded,
    ClaimApproved,
    ClaimRejected,
    ClaimSubmitted,
    ContractCompleted,
    ContractOpened,
    PaymentConfirmed,
    ProviderDefaulted,
    SettlementClosed,
    UsageAccepted,
    UsageDisputed,
    UsageReported,
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
        DisputeUsage: disputes.dispute_usage,
        ResolveDispute: disputes.resolve_dispute,
        WithdrawDelivery: contracts.withdraw_delivery,
        SubmitClaim: claims.submit_claim,
        ApproveClaim: claims.approve_claim,
        RejectClaim: claims.reject_claim,
        CloseSettlement: settlements.close_settlement,
        ConfirmPayment: settlements.confirm_payment,
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
        "dispute_window": usage.close_windows,
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
        UsageDisputed: disputes.usage_disputed,
        UsageAccepted: acceptance.usage_accepted,
        ContractCompleted: contracts.contract_ended,
        ProviderDefaulted: contracts.contract_ended,
        CaptureRecorded: contracts.capture_recorded,
        ClaimSubmitted: claims.claim_submitted,
        ClaimApproved: claims.claim_approved,
        ClaimRejected: claims.claim_rejected,
        SettlementClosed: settlements.settlement_closed,
        PaymentConfirmed: settlements.payment_confirmed,
    },
)

SERVICE: Final = Service(DECIDER, VIEWS, REDUCERS)
