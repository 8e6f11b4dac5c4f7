"""The issuer's and the treasurer's usual commands on claims: all of it approved, all of it paid."""

from __future__ import annotations

from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, ConfirmPayment, RejectClaim, Rest
from counterfoil.redemption.events import SettlementClosed

PAID_ON = 11_000
"""A day long past."""


def approve(claim_id: str) -> ApproveClaim:
    """All of a claim."""
    return ApproveClaim(claim_id=claim_id, lines=(), rest="claimable")


def reject(claim_id: str, reason: str = "no invoice", rest: Rest = "claimable") -> RejectClaim:
    """A claim that may be submitted again, unless it was before."""
    return RejectClaim(claim_id=claim_id, reason=reason, rest=rest)


def settle(programme_id: str, *claim_ids: str, payees: tuple[str, ...] = ()) -> CloseSettlement:
    """A settlement of claims."""
    return CloseSettlement(programme_id=programme_id, claim_ids=claim_ids, payee_ids=payees)


def pay(closed: SettlementClosed, reference: str, nth: int = 0) -> ConfirmPayment:
    """The payment of a settlement's `nth` payee."""
    payee = closed.payees[nth]
    return ConfirmPayment(
        settlement_id=closed.settlement_id, provider_id=payee.provider_id, amount=payee.amount,
        payment_reference=reference, paid_on=PAID_ON,
    )  # fmt: skip
