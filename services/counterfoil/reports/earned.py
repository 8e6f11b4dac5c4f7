"""What payees earned of each programme, and what became of it, as redemption's events say it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from counterfoil.contract.record import Event
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.closing_events import RestGivenUp, UnclaimedLapsed
from counterfoil.redemption.credit_events import CreditOwed
from counterfoil.redemption.events import (
    AppealDecided,
    CaptureRecorded,
    ClaimApproved,
    ClaimDenied,
    ClaimOffset,
    ClaimRejected,
    ClaimReturned,
    ClaimSubmitted,
    ClawbackInForce,
    ContractOpened,
    DebtWrittenOff,
    RecoveryConfirmed,
    UsageReversed,
)

_OF_PROVIDER: Final[dict[type[Event], tuple[tuple[str, str, int], ...]]] = {
    ClaimReturned: (("returned", "amount", 1),),
    ClaimDenied: (("denied", "amount", 1),),
    ClaimOffset: (("set_off", "amount", 1),),
    UsageReversed: (("reversed", "unclaimed", 1), ("claimable", "unclaimed", -1), ("owed_by_reversals", "owed", 1)),
    AppealDecided: (("refunded", "refunded", 1), ("forgiven", "forgiven", 1)),
    ClawbackInForce: (("owed_by_clawbacks", "amount", 1),),
    CreditOwed: (("owed_by_credits", "amount", 1),),
    RecoveryConfirmed: (("recovered", "amount", 1),),
    DebtWrittenOff: (("written_off", "amount", 1),),
    PaymentAdjusted: (("captured", "amount", 1), ("adjusted", "amount", 1)),
    RestGivenUp: (("given_up", "amount", 1),),
    UnclaimedLapsed: (("given_up", "amount", 1),),
}
"""By event: (the sum, the member that is added to it, and how many times). These name programme and provider."""


class Earned:
    """Sums by programme and provider. `claimable`: captured, and in no claim."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[str, str, str]] = Counter()
        """(programme, provider, what) -> micro-units."""
        self._whose: dict[str, tuple[str, str]] = {}  # by contract and by claim: programme and provider

    def fold(self, event: Any) -> None:
        """Take in an event of redemption."""
        kind = type(event)
        if kind is ContractOpened:
            self._whose[event.contract_id] = event.programme_id, event.provider_id
        elif kind is CaptureRecorded:
            whose = self._whose[event.contract_id]
            self.sums[*whose, "captured"] += event.subsidy
            self.sums[*whose, "claimable"] += event.subsidy
        elif kind is ClaimSubmitted:
            whose = self._whose[event.claim_id] = event.programme_id, event.provider_id
            name = "captured" if is_on_invoice(event) else "claimable"
            self.sums[*whose, name] += event.amount if name == "captured" else -event.amount
        elif kind in (ClaimApproved, ClaimRejected):
            self.sums[*self._whose[event.claim_id], "claimable"] += sum(part.amount for part in event.claimable)
        elif kind in (ClaimOffset, UnclaimedLapsed):  # what is not of its lines is set off against what is payable
            self.sums[event.programme_id, event.provider_id, "claimable"] -= sum(part.amount for part in event.lines)
        for name, member, times in _OF_PROVIDER.get(kind, ()):
            self.sums[event.programme_id, event.provider_id, name] += times * getattr(event, member)

    def of(self, programme_id: str, provider_id: str, *names: str) -> int:
        """Some of the sums, added up."""
        return sum(self.sums[programme_id, provider_id, name] for name in names)


def is_on_invoice(event: ClaimSubmitted) -> bool:
    """Whether it claims an invoice for use, and not what was captured of contracts."""
    return event.lines[0].contract_id == event.claim_id
