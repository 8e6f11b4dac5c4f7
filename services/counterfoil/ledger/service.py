"""The declaration of this service: what it decides, consumes and shows."""

from __future__ import annotations

from typing import Final

from counterfoil.core.decider import COMMON, MIRRORED, Decider
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetReduced,
    VoucherIssued,
    VoucherReinstated,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger import (
    bids,
    budgets,
    capture,
    cash,
    contracts,
    endings,
    funding,
    offers,
    refusals,
    releases,
    restoring,
    reversals,
    state,
    vouchers,
)
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.ledger.events import (
    AppropriationPosted,
    AppropriationReduced,
    BondHeld,
    BondReleased,
    BondSlashed,
    CaptureReversed,
    CashDeposited,
    CashWithdrawn,
    ClaimReleased,
    ClaimReopened,
    ClaimSettled,
    ContractFunded,
    FundingEnded,
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldRefusedV1,
    HoldReleased,
    ReceivableOffset,
    ReceivableRecovered,
    VoucherCancelled,
    VoucherClosed,
    VoucherCredited,
    VoucherExpired,
    VoucherFrozen,
    VoucherRestored,
    VoucherUnfrozen,
)
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.views import REDUCERS, VIEWS
from counterfoil.matching.events import (
    BidClosed,
    BidReceived,
    BidReduced,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.programme.documents import APPLIED, TAKEN_OVER
from counterfoil.redemption.events import (
    ClaimDenied,
    ClaimOffset,
    ContractCancelled,
    ContractCompleted,
    PaymentConfirmed,
    PaymentReturned,
    ProviderDefaulted,
    RecoveryConfirmed,
    UsageAccepted,
    UsageReversed,
)
from counterfoil.service import Service

DECIDER: Final = Decider(
    service="ledger",
    initial=LedgerState,
    commands={Deposit: cash.deposit, Withdraw: cash.withdraw},
    reactions={
        "issuance": {
            **MIRRORED,
            **TAKEN_OVER,
            BudgetAppropriated: budgets.post_appropriation,
            BudgetReduced: budgets.reduce_appropriation,
            VoucherIssued: vouchers.credit_voucher,
            VoucherSuspended: vouchers.freeze_voucher,
            VoucherReinstated: vouchers.unfreeze_voucher,
            VoucherRevoked: endings.revoke_voucher,
            VoucherReturned: endings.revoke_voucher,
        },
        "matching": {
            OfferReceived: offers.hold_offer,
            OfferReduced: offers.reduce_offer,
            OfferClosed: offers.release_offer,
            BidReceived: bids.hold_bid,
            BidReduced: bids.reduce_bid,
            BidClosed: bids.release_bid,
            TradeMatched: contracts.fund_contract,
        },
        "redemption": {
            UsageAccepted: capture.capture,
            ContractCompleted: contracts.complete,
            ContractCancelled: contracts.cancel,
            ProviderDefaulted: contracts.default,
            ClaimDenied: budgets.release_claim,
            PaymentConfirmed: budgets.settle_claims,
            UsageReversed: reversals.reverse,
            ClaimOffset: reversals.set_off,
            RecoveryConfirmed: reversals.recover,
            PaymentReturned: budgets.reopen_claims,
        },
    },
    ready={
        UsageAccepted: contracts.is_funded,
        ContractCompleted: contracts.is_funded,
        ContractCancelled: contracts.is_funded,
        ProviderDefaulted: contracts.is_funded,
    },
    timers={
        "voucher_expiry": endings.expire_vouchers,
        "voucher_cancellation": endings.cancel_vouchers,
        "funding_end": funding.end_funding,
    },
    due=LedgerState.next_due,
    evolve={
        **COMMON,
        **APPLIED,
        AppropriationPosted: state.posted,
        AppropriationReduced: state.posted,
        CashDeposited: cash.cash_deposited,
        CashWithdrawn: cash.cash_withdrawn,
        ClaimSettled: state.posted,
        ReceivableOffset: state.posted,
        ReceivableRecovered: state.posted,
        ClaimReopened: state.posted,
        ClaimReleased: state.posted,
        VoucherCredited: vouchers.voucher_credited,
        VoucherFrozen: vouchers.voucher_frozen,
        VoucherUnfrozen: vouchers.voucher_unfrozen,
        VoucherExpired: endings.voucher_ended,
        VoucherCancelled: endings.voucher_ended,
        VoucherClosed: endings.voucher_closed,
        VoucherRestored: restoring.voucher_restored,
        FundingEnded: funding.funding_ended,
        HoldPlaced: bids.hold_placed,
        BondHeld: offers.bond_held,
        HoldRefusedV1: refusals.hold_refused,
        HoldRefused: refusals.hold_refused,
        HoldReduced: releases.hold_reduced,
        HoldReleased: releases.hold_released,
        ContractFunded: contracts.contract_funded,
        HoldCaptured: capture.hold_captured,
        CaptureReversed: reversals.capture_reversed,
        BondReleased: contracts.bond_ended,
        BondSlashed: contracts.bond_ended,
    },
)

SERVICE: Final = Service(DECIDER, VIEWS, REDUCERS)
