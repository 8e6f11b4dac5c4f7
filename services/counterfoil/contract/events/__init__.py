"""The events: what was decided. Frozen dataclasses, past tense; `EVENTS` gives each its explicit, versioned name.

Every balance-changing event carries its legs, and every leg the two positions after it (`Balance`), numbered without
gaps per position: one receipt states a balance, and a missing posting is evident.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.events.issuance import (
    BudgetAppropriated,
    BudgetRecycled,
    ClassRegistered,
    KeyAdded,
    KeyRevoked,
    PartyRegistered,
    ProgrammePublished,
    ProviderListed,
    VoucherIssued,
    VoucherReinstated,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.contract.events.ledger import (
    AppropriationPosted,
    Balance,
    BondHeld,
    BondReleased,
    BondSlashed,
    CashDeposited,
    CashWithdrawn,
    ClaimSettled,
    ContractFunded,
    Draw,
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldReleased,
    Leg,
    VoucherCancelled,
    VoucherCredited,
    VoucherExpired,
    VoucherFrozen,
    VoucherUnfrozen,
)
from counterfoil.contract.events.log import (
    LogOpened,
    StateRooted,
)
from counterfoil.contract.events.matching import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    BidReduced,
    MatchContinued,
    MatchPrevented,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.contract.events.redemption import (
    CaptureRecorded,
    ClaimApproved,
    ClaimLine,
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

Event = (
    LogOpened | StateRooted
    | PartyRegistered | KeyAdded | KeyRevoked | ClassRegistered | ProgrammePublished | ProviderListed
    | BudgetAppropriated | BudgetRecycled | VoucherIssued | VoucherSuspended | VoucherReinstated | VoucherRevoked
    | AppropriationPosted | VoucherCredited | VoucherFrozen | VoucherUnfrozen | VoucherExpired | VoucherCancelled
    | CashDeposited | CashWithdrawn
    | HoldPlaced | BondHeld | HoldRefused | HoldReduced | HoldReleased | ContractFunded | HoldCaptured
    | BondReleased | BondSlashed | ClaimSettled
    | OfferReceived | OfferAdmitted | OfferReduced | OfferClosed
    | BidReceived | BidAdmitted | BidReduced | BidClosed | TradeMatched | MatchPrevented | MatchContinued
    | ContractOpened | UsageReported | UsageAccepted | UsageDisputed | CaptureRecorded | ContractCompleted
    | ProviderDefaulted | ClaimSubmitted | ClaimApproved | ClaimRejected | SettlementClosed | PaymentConfirmed
)  # fmt: skip

EVENTS: Final[dict[str, type[Event]]] = {
    "log.opened.v1": LogOpened,
    "state.rooted.v1": StateRooted,
    "party.registered.v1": PartyRegistered,
    "key.added.v1": KeyAdded,
    "key.revoked.v1": KeyRevoked,
    "class.registered.v1": ClassRegistered,
    "programme.published.v1": ProgrammePublished,
    "provider.listed.v1": ProviderListed,
    "budget.appropriated.v1": BudgetAppropriated,
    "budget.recycled.v1": BudgetRecycled,
    "voucher.issued.v1": VoucherIssued,
    "voucher.suspended.v1": VoucherSuspended,
    "voucher.reinstated.v1": VoucherReinstated,
    "voucher.revoked.v1": VoucherRevoked,
    "appropriation.posted.v1": AppropriationPosted,
    "voucher.credited.v1": VoucherCredited,
    "voucher.frozen.v1": VoucherFrozen,
    "voucher.unfrozen.v1": VoucherUnfrozen,
    "voucher.expired.v1": VoucherExpired,
    "voucher.cancelled.v1": VoucherCancelled,
    "cash.deposited.v1": CashDeposited,
    "cash.withdrawn.v1": CashWithdrawn,
    "hold.placed.v1": HoldPlaced,
    "bond.held.v1": BondHeld,
    "hold.refused.v1": HoldRefused,
    "hold.reduced.v1": HoldReduced,
    "hold.released.v1": HoldReleased,
    "contract.funded.v1": ContractFunded,
    "hold.captured.v1": HoldCaptured,
    "bond.released.v1": BondReleased,
    "bond.slashed.v1": BondSlashed,
    "claim.settled.v1": ClaimSettled,
    "offer.received.v1": OfferReceived,
    "offer.admitted.v1": OfferAdmitted,
    "offer.reduced.v1": OfferReduced,
    "offer.closed.v1": OfferClosed,
    "bid.received.v1": BidReceived,
    "bid.admitted.v1": BidAdmitted,
    "bid.reduced.v1": BidReduced,
    "bid.closed.v1": BidClosed,
    "trade.matched.v1": TradeMatched,
    "match.prevented.v1": MatchPrevented,
    "match.continued.v1": MatchContinued,
    "contract.opened.v1": ContractOpened,
    "usage.reported.v1": UsageReported,
    "usage.accepted.v1": UsageAccepted,
    "usage.disputed.v1": UsageDisputed,
    "capture.recorded.v1": CaptureRecorded,
    "contract.completed.v1": ContractCompleted,
    "provider.defaulted.v1": ProviderDefaulted,
    "claim.submitted.v1": ClaimSubmitted,
    "claim.approved.v1": ClaimApproved,
    "claim.rejected.v1": ClaimRejected,
    "settlement.closed.v1": SettlementClosed,
    "payment.confirmed.v1": PaymentConfirmed,
}
NAME_OF: Final[dict[type[Event], str]] = {event: name for name, event in EVENTS.items()}

_DIRECTORY: Final = (PartyRegistered, KeyAdded, KeyRevoked)

SUBSCRIPTIONS: Final[dict[str, dict[str, tuple[type[Event], ...]]]] = {
    "issuance": {"ledger": (VoucherExpired, VoucherCancelled)},
    "ledger": {
        "issuance": (
            *_DIRECTORY, ProgrammePublished, BudgetAppropriated, VoucherIssued,
            VoucherSuspended, VoucherReinstated, VoucherRevoked,
        ),
        "matching": (OfferReceived, OfferReduced, OfferClosed, BidReceived, BidReduced, BidClosed, TradeMatched),
        "redemption": (UsageAccepted, ContractCompleted, ProviderDefaulted, PaymentConfirmed),
    },
    "matching": {
        "issuance": (*_DIRECTORY, ClassRegistered, ProgrammePublished, ProviderListed),
        "ledger": (HoldPlaced, BondHeld, HoldRefused),
    },
    "redemption": {
        "issuance": (*_DIRECTORY, ProgrammePublished),
        "matching": (TradeMatched,),
        "ledger": (HoldCaptured,),
    },
}  # fmt: skip
"""For each service and source service, the event types it consumes: each one, in order, exactly once."""

__all__ = [
    "EVENTS",
    "NAME_OF",
    "SUBSCRIPTIONS",
    "AppropriationPosted",
    "Balance",
    "BidAdmitted",
    "BidClosed",
    "BidReceived",
    "BidReduced",
    "BondHeld",
    "BondReleased",
    "BondSlashed",
    "BudgetAppropriated",
    "BudgetRecycled",
    "CaptureRecorded",
    "CashDeposited",
    "CashWithdrawn",
    "ClaimApproved",
    "ClaimLine",
    "ClaimRejected",
    "ClaimSettled",
    "ClaimSubmitted",
    "ClassRegistered",
    "ContractCompleted",
    "ContractFunded",
    "ContractOpened",
    "Draw",
    "Event",
    "HoldCaptured",
    "HoldPlaced",
    "HoldReduced",
    "HoldRefused",
    "HoldReleased",
    "KeyAdded",
    "KeyRevoked",
    "Leg",
    "LogOpened",
    "MatchContinued",
    "MatchPrevented",
    "OfferAdmitted",
    "OfferClosed",
    "OfferReceived",
    "OfferReduced",
    "PartyRegistered",
    "Payee",
    "PaymentConfirmed",
    "ProgrammePublished",
    "ProviderDefaulted",
    "ProviderListed",
    "SettlementClosed",
    "StateRooted",
    "TradeMatched",
    "UsageAccepted",
    "UsageDisputed",
    "UsageReported",
    "VoucherCancelled",
    "VoucherCredited",
    "VoucherExpired",
    "VoucherFrozen",
    "VoucherIssued",
    "VoucherReinstated",
    "VoucherRevoked",
    "VoucherSuspended",
    "VoucherUnfrozen",
]
