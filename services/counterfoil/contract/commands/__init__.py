"""The commands: what a party may ask for. One frozen dataclass per command body, current version only.

`COMMANDS` names, for each command, the type and version on the wire and the service that decides it.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.commands.issuance import (
    AddKey,
    AppropriateBudget,
    IssueVoucher,
    ListProvider,
    PublishProgramme,
    RegisterClass,
    RegisterParty,
    ReinstateVoucher,
    RevokeKey,
    RevokeVoucher,
    SuspendVoucher,
)
from counterfoil.contract.commands.ledger import (
    Deposit,
    Withdraw,
)
from counterfoil.contract.commands.matching import (
    AmendBid,
    AmendOffer,
    CancelBid,
    CancelOffer,
    PlaceBid,
    PostOffer,
)
from counterfoil.contract.commands.redemption import (
    AcceptUsage,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    DisputeUsage,
    Reading,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
    WithdrawDelivery,
)
from counterfoil.contract.commands.shared import (
    Expiry,
    FixedExpiry,
    Rate,
    RelativeExpiry,
    Role,
    SelfTrade,
    TimeInForce,
)
from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    CommandId,
    Count,
    Digest,
    Id,
    KeyId,
    Origin,
    Time,
    Version,
)

BATCH: Final = "batch"

Body = (
    RegisterParty | AddKey | RevokeKey | RegisterClass | PublishProgramme | AppropriateBudget | ListProvider
    | IssueVoucher | SuspendVoucher | ReinstateVoucher | RevokeVoucher
    | Deposit | Withdraw
    | PostOffer | AmendOffer | CancelOffer | PlaceBid | AmendBid | CancelBid
    | ReportUsage | AcceptUsage | DisputeUsage | ResolveDispute | WithdrawDelivery
    | SubmitClaim | ApproveClaim | RejectClaim | CloseSettlement | ConfirmPayment
)  # fmt: skip


@record
class Seen:
    """The last checkpoint of the addressed log that the author saw: a fork would have to fork every author."""

    size: Count
    root: Digest


@record
class Header:
    """What every signed payload carries besides its body."""

    type: str
    v: Version
    aud: Origin
    actor: Id
    key_id: KeyId
    command_id: CommandId
    issued_at: Time
    expires_at: Time
    seen: Seen | None


@record
class Submission:
    """A signed payload as parsed: one command, or a batch of commands under one signature.

    Its identity is (actor, command_id) of the header with `content`, SHA-256 of the payload. `bodies` holds one body
    for a single command and, for a batch, one per command, decided in order, each with its own outcome.
    """

    header: Header
    payload: bytes
    signature: bytes
    content: bytes
    bodies: tuple[Body, ...]

    @property
    def batch(self) -> bool:
        """Whether the payload is of type ``batch``."""
        return self.header.type == BATCH


COMMANDS: Final[dict[tuple[str, int], tuple[type[Body], str]]] = {
    ("register_party", 1): (RegisterParty, "issuance"),
    ("add_key", 1): (AddKey, "issuance"),
    ("revoke_key", 1): (RevokeKey, "issuance"),
    ("register_class", 1): (RegisterClass, "issuance"),
    ("publish_programme", 1): (PublishProgramme, "issuance"),
    ("appropriate_budget", 1): (AppropriateBudget, "issuance"),
    ("list_provider", 1): (ListProvider, "issuance"),
    ("issue_voucher", 1): (IssueVoucher, "issuance"),
    ("suspend_voucher", 1): (SuspendVoucher, "issuance"),
    ("reinstate_voucher", 1): (ReinstateVoucher, "issuance"),
    ("revoke_voucher", 1): (RevokeVoucher, "issuance"),
    ("deposit", 1): (Deposit, "ledger"),
    ("withdraw", 1): (Withdraw, "ledger"),
    ("post_offer", 1): (PostOffer, "matching"),
    ("amend_offer", 1): (AmendOffer, "matching"),
    ("cancel_offer", 1): (CancelOffer, "matching"),
    ("place_bid", 1): (PlaceBid, "matching"),
    ("amend_bid", 1): (AmendBid, "matching"),
    ("cancel_bid", 1): (CancelBid, "matching"),
    ("report_usage", 1): (ReportUsage, "redemption"),
    ("accept_usage", 1): (AcceptUsage, "redemption"),
    ("dispute_usage", 1): (DisputeUsage, "redemption"),
    ("resolve_dispute", 1): (ResolveDispute, "redemption"),
    ("withdraw_delivery", 1): (WithdrawDelivery, "redemption"),
    ("submit_claim", 1): (SubmitClaim, "redemption"),
    ("approve_claim", 1): (ApproveClaim, "redemption"),
    ("reject_claim", 1): (RejectClaim, "redemption"),
    ("close_settlement", 1): (CloseSettlement, "redemption"),
    ("confirm_payment", 1): (ConfirmPayment, "redemption"),
}
TYPE_OF: Final[dict[type[Body], tuple[str, int]]] = {body: name for name, (body, _) in COMMANDS.items()}
REQUIRED_ROLE: Final[dict[type[Body], Role | None]] = {
    RegisterParty: "operator",
    AddKey: None,
    RevokeKey: None,
    RegisterClass: "operator",
    PublishProgramme: "issuer",
    AppropriateBudget: "issuer",
    ListProvider: "issuer",
    IssueVoucher: "issuer",
    SuspendVoucher: "issuer",
    ReinstateVoucher: "issuer",
    RevokeVoucher: "issuer",
    Deposit: "treasurer",
    Withdraw: "treasurer",
    PostOffer: "provider",
    AmendOffer: "provider",
    CancelOffer: "provider",
    PlaceBid: "beneficiary",
    AmendBid: "beneficiary",
    CancelBid: "beneficiary",
    ReportUsage: "provider",
    AcceptUsage: "beneficiary",
    DisputeUsage: "beneficiary",
    ResolveDispute: "operator",
    WithdrawDelivery: "provider",
    SubmitClaim: "provider",
    ApproveClaim: "issuer",
    RejectClaim: "issuer",
    CloseSettlement: "issuer",
    ConfirmPayment: "treasurer",
}
"""The role an actor needs for a command; None where the decider judges by the object itself."""

SERVICES: Final = ("issuance", "ledger", "matching", "redemption")

__all__ = [
    "BATCH",
    "COMMANDS",
    "REQUIRED_ROLE",
    "SERVICES",
    "TYPE_OF",
    "AcceptUsage",
    "AddKey",
    "AmendBid",
    "AmendOffer",
    "AppropriateBudget",
    "ApproveClaim",
    "Body",
    "CancelBid",
    "CancelOffer",
    "CloseSettlement",
    "ConfirmPayment",
    "Deposit",
    "DisputeUsage",
    "Expiry",
    "FixedExpiry",
    "Header",
    "IssueVoucher",
    "ListProvider",
    "PlaceBid",
    "PostOffer",
    "PublishProgramme",
    "Rate",
    "Reading",
    "RegisterClass",
    "RegisterParty",
    "ReinstateVoucher",
    "RejectClaim",
    "RelativeExpiry",
    "ReportUsage",
    "ResolveDispute",
    "RevokeKey",
    "RevokeVoucher",
    "Role",
    "Seen",
    "SelfTrade",
    "Submission",
    "SubmitClaim",
    "SuspendVoucher",
    "TimeInForce",
    "Withdraw",
    "WithdrawDelivery",
]
