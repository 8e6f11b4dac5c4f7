"""Whom each event concerns, as data: the parties and the programme that it names, or that the row of its object names.

An event concerns no party that could learn from it what it may not read otherwise: a bid's limit, another's balances,
or how much another owes in all. What it needs instead is in the event of another log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from counterfoil.contract import events as common
from counterfoil.contract.record import Event
from counterfoil.issuance import (
    aid_events,
    class_events,
    control_events,
    freeze_events,
    run_off_events,
    taking_events,
)
from counterfoil.issuance import events as issuance
from counterfoil.issuance import invoice_events as issuance_invoices
from counterfoil.ledger import (
    amendment_events,
    closing_events,
    expiry_events,
    extension_events,
    invoice_events,
    receivable_events,
    tranche_events,
    transfer_events,
)
from counterfoil.ledger import credit_events as credit_market
from counterfoil.ledger import events as ledger
from counterfoil.ledger import notice_events as notices
from counterfoil.ledger import reclaim_events as ledger_reclaims
from counterfoil.matching import amendment_events as amendments
from counterfoil.matching import (
    auction_events,
    collar_events,
    cover_events,
    halt_events,
    inventory_events,
    order_limit_events,
    performance_events,
    position_events,
    solution_events,
)
from counterfoil.matching import events as matching
from counterfoil.matching import reclaim_events as reclaims
from counterfoil.redemption import adjustment_events, credit_events, payer_events
from counterfoil.redemption import closing_events as redemption_closing
from counterfoil.redemption import events as redemption
from counterfoil.redemption import notice_events as redemption_notices
from counterfoil.redemption import reclaim_events as redemption_reclaims

PROGRAMME: Final = "programme_id"


class Via(NamedTuple):
    """Through the row of `view` whose key is the event's `member`: its columns `parties`, and of `programme` if that is
    so the programme. `purpose`: of the events that have one, those with this one alone."""

    member: str
    view: str
    parties: tuple[str, ...]
    programme: bool = True
    purpose: str | None = None


class Concerns(NamedTuple):
    """`subject`: the member with the object that the event is about. `parties`: its members that name parties.

    `programme`: it concerns the programme that it names, if it names one. `via`: each of these rows.
    """

    subject: str
    parties: tuple[str, ...] = ()
    programme: bool = False
    via: tuple[Via, ...] = ()


Table = Mapping[type[Event], Concerns]


def _all(concerns: Concerns, *kinds: type[Event]) -> dict[type[Event], Concerns]:
    return dict.fromkeys(kinds, concerns)


_BENEFICIARY, _PROVIDER = ("beneficiary_id",), ("provider_id",)
_SIDES: Final = ("beneficiary_id", "provider_id")
_BID: Final = Via("bid_id", "bids", _BENEFICIARY)
_OFFER: Final = Via("offer_id", "offers", _PROVIDER, programme=False)
_TRADE: Final = Via("trade_id", "trades", _SIDES)
_AMENDMENT: Final = Via("amendment_id", "amendments", ("party_id",))
_AUCTION_ORDER: Final = Via("order_id", "auction_orders", ("party_id",))
_SOLUTION: Final = Via("solution_id", "auction_solutions", ("proposed_by",), programme=False)
_CONTRACT: Final = Via("contract_id", "contracts", _SIDES)
_FUNDS: Final = Via("contract_id", "contracts", _BENEFICIARY)
_VOUCHER: Final = Via("voucher_id", "vouchers", _BENEFICIARY)
_TRANSFER: Final = Via("transfer_id", "transfers", ("holder_id", "receiver_id"))
_CREDIT_ORDERS: Final = tuple(Via(side, "credit_orders", ("party_id",)) for side in ("offer_id", "bid_id"))
_PLEDGE: Final = Via("pledge_id", "pledges", ("holder_id", "pledgee_id"))
_APPLICATION: Final = Via("application_id", "applications", _BENEFICIARY)
_CLAIM: Final = Via("claim_id", "claims", _PROVIDER)
_INVOICE: Final = Via("claim_id", "invoice_claims", ("holder_id", "claimant_id"))
_HOLD: Final = (
    Via("hold_id", "bids", _BENEFICIARY, purpose="bid"),
    Via("hold_id", "offers", _PROVIDER, programme=False, purpose="offer"),
    Via("hold_id", "contracts", _BENEFICIARY, purpose="contract"),
    Via("hold_id", "contracts", _PROVIDER, programme=False, purpose="bond"),
)
_OF_PROGRAMME: Final = Concerns(PROGRAMME, (), programme=True)
_OF_VOUCHER: Final = Concerns("voucher_id", _BENEFICIARY, programme=True)
_OF_PARTY: Final = Concerns("party_id", ("party_id",))

_ISSUANCE: Final[Table] = {
    **_all(
        _OF_PARTY,
        common.PartyRegistered,
        common.KeyAdded,
        common.RecoveryKeySet,
        common.PartyClosed,
        common.PartySuspended,
        common.PartyReinstated,
        common.KeyRevoked,
    ),
    common.GroupAttested: Concerns("party_id", ("party_id", "attested_by")),
    common.PartyRecovered: Concerns("party_id", ("party_id", "proposed_by")),
    issuance.RecoveryProposed: Concerns("recovery_id", ("party_id", "proposed_by")),
    issuance.RecoveryEnded: Concerns("recovery_id", ("party_id", "ended_by")),
    **_all(
        _OF_PROGRAMME,
        common.ProgrammePublishedV1,
        common.ProgrammePublished,
        issuance.ProgrammePaused,
        issuance.ProgrammeResumed,
        run_off_events.CreditPaused,
        run_off_events.CreditResumed,
        run_off_events.RunOffBegun,
        run_off_events.ProgrammeDecided,
        issuance.FourEyesDemanded,
        issuance.BudgetAppropriated,
        issuance.BudgetReduced,
        issuance.BudgetRecycled,
    ),
    **_all(
        Concerns("provider_id", _PROVIDER, programme=True),
        issuance.ProviderListed,
        issuance.ProviderDelisted,
        issuance.ProviderSuspended,
        issuance.ProviderReinstated,
    ),
    **_all(
        Concerns("auditor_id", ("auditor_id",), programme=True),
        issuance.AuditorAppointed,
        issuance.AuditorDismissed,
    ),
    **_all(Concerns("document_id", ("party_id",)), common.DocumentPiecePut, common.DocumentDropped),
    issuance.FactAttested: Concerns("party_id", ("party_id", "attested_by")),
    # facts of the receiver, which reads them in `facts`, and of the project of the grant, which is another's
    taking_events.FactsStated: Concerns("transfer_id", (), programme=True),
    issuance.ApplicationSubmitted: Concerns("application_id", _BENEFICIARY, programme=True),
    issuance.ApplicationDecided: Concerns("application_id", _BENEFICIARY, programme=True),
    **_all(
        Concerns("application_id", ("reviewer_id",), via=(_APPLICATION,)),
        issuance.ApplicationReviewed,
        issuance.ApplicationScored,
    ),
    **_all(
        Concerns("window_id", (), programme=True),
        issuance.WindowOpened,
        issuance.WindowClosed,
        issuance.WindowAssessed,
        issuance.WindowSettled,
    ),
    **_all(
        Concerns("application_id", via=(_APPLICATION,)),
        issuance.ApplicationAssessed,
        issuance.ApplicationCapped,
        issuance.ApplicationOverdue,
        issuance.ApplicationReturned,
        issuance.ApplicationStillWaits,
        issuance.ApplicationWithdrawn,
    ),
    issuance_invoices.ClaimPermitted: Concerns("voucher_id", ("holder_id", "provider_id"), programme=True),
    issuance_invoices.InvoiceClaimed: Concerns("claim_id", ("holder_id", "claimant_id"), programme=True),
    issuance_invoices.InvoiceDue: Concerns("claim_id", ("holder_id", "payee_id"), programme=True),
    issuance_invoices.UseClaimed: Concerns("application_id", _BENEFICIARY, programme=True),
    **_all(Concerns("claim_id", _BENEFICIARY, programme=True), issuance_invoices.UseGranted, issuance_invoices.UseDue),
    **_all(
        Concerns("grant_id", ("party_id",), programme=True),
        aid_events.AidCountedV1,
        aid_events.AidCounted,
        aid_events.AidFreed,
    ),
    control_events.ControlAttested: Concerns("party_id", ("owner_id", "party_id", "attested_by")),
    aid_events.AidAttested: Concerns("aid_id", ("party_id", "attested_by")),
    aid_events.AidCovered: Concerns("aid_id", ("party_id",)),
    aid_events.AidWithdrawn: Concerns("aid_id", ("party_id", "withdrawn_by")),
    issuance_invoices.CreditNoteRecorded: Concerns("claim_id", ("holder_id", "claimant_id"), programme=True),
    issuance_invoices.ClaimCountedBack: Concerns("claim_id", via=(_INVOICE,)),
    issuance.IssueReversed: Concerns("voucher_id", (), programme=True),
    **_all(_OF_VOUCHER, issuance.VoucherIssued, issuance.VoucherGranted),
    **_all(
        Concerns("voucher_id", via=(_VOUCHER,)),
        issuance.VoucherSuspended,
        issuance.VoucherReinstated,
        issuance.VoucherRevoked,
        issuance.VoucherReturned,
        freeze_events.SuspensionOrdered,
        freeze_events.SuspensionExtended,
        freeze_events.RevocationOrdered,
    ),
}

_LEDGER: Final[Table] = {
    **_all(
        _OF_PROGRAMME,
        ledger.AppropriationPosted,
        ledger.AppropriationReduced,
        closing_events.ProgrammeClosing,
        closing_events.ProgrammeStaysOpen,
        closing_events.ProgrammeClosed,
    ),
    **_all(_OF_VOUCHER, ledger.VoucherCredited, ledger.VoucherRestored),
    **_all(
        Concerns("voucher_id", via=(_VOUCHER,)),
        extension_events.VoucherExtended,
        extension_events.VoucherEndSet,
        ledger.VoucherFrozen,
        ledger.VoucherUnfrozen,
        ledger.VoucherExpired,
        ledger.VoucherCancelled,
        ledger.VoucherClosed,
    ),
    **_all(
        Concerns("voucher_id", ("holder_id",), programme=True),
        expiry_events.ExpiryNotified,
        expiry_events.VoucherTakenOffline,
        transfer_events.VoucherSurrendered,
    ),
    transfer_events.VoucherReissued: Concerns("voucher_id", ("holder_id", "beneficiary_id"), programme=True),
    **_all(
        Concerns("transfer_id", ("holder_id", "receiver_id"), programme=True),
        transfer_events.TransferProposed,
        transfer_events.TransferAccepted,
        transfer_events.TransferConsented,
    ),
    **_all(
        Concerns("transfer_id", via=(_TRANSFER,)),
        transfer_events.TransferApproved,
        transfer_events.TransferClosed,
        transfer_events.TransferJudged,
    ),
    **_all(
        Concerns("pledge_id", ("holder_id", "pledgee_id"), programme=True),
        transfer_events.PledgeMade,
        transfer_events.PledgeEnforced,
    ),
    **_all(
        Concerns("tranche_id", ("holder_id",), programme=True),
        tranche_events.MilestoneAttested,
        tranche_events.TrancheReleased,
        tranche_events.TrancheLapsed,
    ),
    tranche_events.TrancheWithheld: Concerns("tranche_id", ("holder_id", "attester_id"), programme=True),
    **_all(
        Concerns("pledge_id", via=(_PLEDGE,)),
        transfer_events.PledgeAsked,
        transfer_events.PledgeJudged,
        transfer_events.PledgeReleased,
    ),
    **_all(
        Concerns("order_id", ("party_id",), programme=True),
        credit_market.CreditOffered,
        credit_market.CreditBidPlaced,
        credit_market.CreditOrderClosed,
    ),
    **_all(
        Concerns("trade_id", via=_CREDIT_ORDERS),
        credit_market.CreditTraded,
        credit_market.CreditSettled,
        credit_market.CreditTradeFailed,
    ),
    ledger.FundingEnded: Concerns("bid_id", via=(_BID,)),
    **_all(Concerns("party_id", ("party_id", "treasurer_id")), ledger.CashDeposited, ledger.CashWithdrawn),
    ledger.HoldPlaced: Concerns("hold_id", ("party_id",), programme=True),
    ledger.BondHeld: Concerns("hold_id", _PROVIDER),
    ledger.HoldRefused: Concerns("hold_id", ("party_id",)),
    **_all(
        Concerns("hold_id", via=_HOLD),
        ledger.HoldRefusedV1,
        ledger.HoldReduced,
        ledger.HoldReleased,
        amendment_events.AmendmentFunded,
        amendment_events.AmendmentSettled,
    ),
    ledger.ContractFunded: Concerns("contract_id", via=(_BID,)),
    ledger.PurchaseJudged: Concerns("contract_id", _PROVIDER, programme=True, via=(_FUNDS,)),
    **_all(Concerns("contract_id", via=(_FUNDS,)), ledger.CaptureJudged, ledger.HoldCaptured),
    ledger.CaptureReversed: Concerns("reversal_id", _BENEFICIARY, programme=True),
    **_all(
        Concerns(PROGRAMME, _PROVIDER, programme=True),
        ledger.ReceivableOffset,
        ledger.ReceivableRecovered,
        receivable_events.ReceivableWrittenOff,
    ),
    **_all(
        Concerns("clawback_id", _PROVIDER, programme=True),
        receivable_events.ClawbackPosted,
        receivable_events.ClawbackUndone,
    ),
    receivable_events.AdjustmentPosted: Concerns("adjustment_id", _PROVIDER, programme=True),
    **_all(
        Concerns("contract_id", via=(_CONTRACT,)),
        ledger.BondReleased,
        ledger.BondSlashed,
        notices.BondDivided,
        notices.DeliveryEnded,
    ),
    ledger_reclaims.ContractReclaimed: Concerns("contract_id", via=(_CONTRACT,)),
    **_all(
        Concerns("settlement_id", _PROVIDER, programme=True),
        ledger.ClaimSettled,
        ledger.ClaimReopened,
        closing_events.RestLapsed,
    ),
    closing_events.UnclaimedReleased: Concerns(PROGRAMME, _PROVIDER, programme=True),
    ledger.ClaimReleased: Concerns("claim_id", _PROVIDER, programme=True),
    invoice_events.InvoiceCaptured: Concerns("claim_id", ("holder_id", "payee_id"), programme=True),
    invoice_events.UseCaptured: Concerns("claim_id", _BENEFICIARY, programme=True),
    invoice_events.InvoiceCredited: Concerns("claim_id", ("payee_id",), programme=True),
    invoice_events.InvoiceRefused: Concerns("claim_id", via=(_INVOICE,)),
    invoice_events.InvoiceReturned: Concerns("claim_id", ("holder_id",), programme=True),
}

_MATCHING: Final[Table] = {
    matching.OfferReceived: Concerns("offer_id", _PROVIDER),
    **_all(
        Concerns("offer_id", via=(_OFFER,)),
        matching.OfferAdmitted,
        matching.OfferReduced,
        matching.OfferClosed,
    ),
    matching.BidReceived: Concerns("bid_id", _BENEFICIARY, programme=True),
    inventory_events.InventoryAttested: Concerns("provider_id", ("provider_id",)),
    inventory_events.OfferSited: Concerns("offer_id", via=(_OFFER,)),
    reclaims.OfferReclaimable: Concerns("offer_id", via=(_OFFER,)),
    reclaims.BidReclaimable: Concerns("bid_id", via=(_BID,)),
    reclaims.TradeReclaimable: Concerns("trade_id", via=(_TRADE,)),
    performance_events.OfferClassed: Concerns("offer_id", via=(_OFFER,)),
    **_all(Concerns("bid_id", via=(_BID,)), matching.BidAdmitted, matching.BidReduced, matching.BidClosed),
    amendments.BidAmendmentRequested: Concerns("amendment_id", _BENEFICIARY, programme=True),
    amendments.OfferAmendmentRequested: Concerns("amendment_id", _PROVIDER),
    amendments.BidAmended: Concerns("amendment_id", via=(_BID,)),
    amendments.OfferAmended: Concerns("amendment_id", via=(_OFFER,)),
    amendments.AmendmentFailed: Concerns("amendment_id", via=(_AMENDMENT,)),
    performance_events.PerformanceRequired: Concerns("bid_id", via=(_BID,)),
    **_all(Concerns("halt_id", _PROVIDER), halt_events.TradingHalted, halt_events.TradingResumed),
    matching.TradeMatched: Concerns("trade_id", _SIDES, programme=True),
    auction_events.AuctionOrderEntered: Concerns("order_id", ("party_id",)),
    auction_events.AuctionOrderAdmitted: Concerns("order_id", via=(_AUCTION_ORDER,)),
    auction_events.AuctionOfferImproved: Concerns("offer_id", via=(_OFFER,)),
    auction_events.TradeCleared: Concerns("trade_id", _SIDES, programme=True),
    solution_events.SolutionReceived: Concerns("solution_id", ("proposed_by",)),
    solution_events.SolutionJudged: Concerns("solution_id", via=(_SOLUTION,)),
    cover_events.CoverQuoted: Concerns("contract_id", via=(_CONTRACT,)),
    matching.MatchPrevented: Concerns("bid_id", via=(_BID, _OFFER)),
    matching.OwnOrdersCancelled: Concerns("party_id", ("party_id",)),
    matching.CancellationForced: Concerns("cancellation_id", ("party_id", "cancelled_by"), programme=True),
}

_REDEMPTION: Final[Table] = {
    redemption.ContractOpened: Concerns("contract_id", _SIDES, programme=True),
    **_all(
        Concerns("report_id", via=(_CONTRACT,)),
        redemption.UsageReported,
        redemption.UsageAccepted,
        redemption.CorrectionProposed,
        redemption.UsageCorrected,
        redemption.UsageSplit,
        redemption.DisputeRaised,
        redemption.UsageDisputed,
        redemption.CaptureRecorded,
        redemption.ReversalProposed,
    ),
    **_all(
        Concerns("contract_id", via=(_CONTRACT,)),
        redemption.ContractCompleted,
        redemption.CancellationProposed,
        redemption.ContractCancelled,
        redemption_notices.ContractWithdrawn,
        redemption_reclaims.ContractReclaimable,
        redemption_reclaims.ReclaimBegun,
        redemption_reclaims.DeliveryReclaimed,
        redemption.ProviderDefaulted,
    ),
    redemption.ActEndorsed: Concerns("object_id", ("endorsed_by",), programme=True),
    **_all(
        Concerns("claim_id", _PROVIDER, programme=True),
        redemption.ClaimSubmitted,
        redemption.ClaimReturned,
        redemption.ClaimDenied,
        credit_events.ClaimCut,
        credit_events.CreditKnown,
        credit_events.CreditOwed,
    ),
    **_all(
        Concerns("claim_id", via=(_CLAIM,)),
        redemption.ClaimApproved,
        redemption.ApprovalWithdrawn,
        redemption.ClaimRejected,
    ),
    redemption.SettlementClosed: Concerns("settlement_id", (), programme=True),
    **_all(
        Concerns("settlement_id", ("provider_id", "treasurer_id"), programme=True),
        redemption.PaymentConfirmed,
        redemption.PaymentReturned,
    ),
    redemption_closing.RestGivenUp: Concerns("settlement_id", _PROVIDER, programme=True),
    redemption_closing.UnclaimedLapsed: Concerns(PROGRAMME, _PROVIDER, programme=True),
    redemption_closing.ClaimLapsed: Concerns("claim_id", _PROVIDER, programme=True),
    **_all(
        _OF_PROGRAMME,
        redemption_closing.ProgrammeSettled,
        redemption_closing.ProgrammeUnsettled,
        redemption_closing.LastDaySet,
    ),
    payer_events.PaymentShared: Concerns("settlement_id", _PROVIDER, programme=True),
    **_all(
        Concerns("settlement_id", ("provider_id", "treasurer_id"), programme=True),
        payer_events.ShareConfirmed,
        payer_events.ShareReturned,
    ),
    redemption.UsageReversed: Concerns("reversal_id", _PROVIDER, programme=True),
    redemption.ClaimOffset: Concerns(PROGRAMME, _PROVIDER, programme=True),
    **_all(
        Concerns("clawback_id", _PROVIDER, programme=True),
        redemption.ClawbackOrdered,
        redemption.ClawbackInForce,
        redemption.AppealFiled,
        redemption.AppealDecided,
    ),
    adjustment_events.PaymentAdjusted: Concerns("adjustment_id", _PROVIDER, programme=True),
    redemption.DebtWrittenOff: Concerns(PROGRAMME, _PROVIDER, programme=True),
    redemption.RecoveryConfirmed: Concerns(PROGRAMME, ("provider_id", "treasurer_id"), programme=True),
}

CONCERNS: Final[Mapping[str, Table]] = {
    "issuance": _ISSUANCE,
    "ledger": _LEDGER,
    "matching": _MATCHING,
    "redemption": _REDEMPTION,
}
"""By service, the events of its logs. What services copy from another's log concerns nobody a second time."""

NOBODY: Final[frozenset[type[Event]]] = frozenset(
    {
        collar_events.PriceCollarSet,
        collar_events.ReferencePriceSet,
        order_limit_events.OrderLimitSet,
        order_limit_events.OrdersCounted,
        position_events.PositionLimitSet,
        position_events.PositionsCounted,
        auction_events.AuctionScheduled,
        auction_events.AuctionCancelled,
        auction_events.AuctionLocked,
        auction_events.AuctionCleared,
        auction_events.AuctionClosed,
        common.LogOpened,
        common.StateRooted,
        common.WriterResumed,
        common.RulesAdopted,
        common.CurrencyRegistered,
        issuance.ClassRegisteredV1,
        class_events.ClassRegistered,
        aid_events.RegimeRegistered,
        matching.MatchContinued,
        matching.UncrossingBegun,
        matching.UncrossingContinued,
    }
)
"""Events of the log, or of the market as a whole."""

WITHHELD: Final = ("legs", "bid_nodes_left")
"""Members that are left out: legs have the balances of both their accounts, and what is left of a bid is its owner's to
know. Each finds its own in the views."""


def vias_of(event: Any, concerns: Concerns) -> Iterable[Via]:
    """The rows that name whom an event concerns."""
    return (via for via in concerns.via if via.purpose is None or via.purpose == event.purpose)
