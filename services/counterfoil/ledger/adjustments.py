"""What redemption decided to pay in addition for an earlier period, in the books of the present one."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import FUNDING, OBLIGATED, budget, claim, claims, claims_payable
from counterfoil.ledger.receivable_events import AdjustmentPosted
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.adjustment_events import PaymentAdjusted


def adjust(state: LedgerState, event: PaymentAdjusted, _at: At) -> Sequence[Event]:
    """Book it with its own budget; nothing for a programme of another ledger.

    What is not committed is issuance's to give out, so an adjustment brings what it costs by its own decision.
    """
    if event.programme_id not in state.programmes:
        return []
    posting = Posting(state.accounts)
    payable, payee = claims_payable(event.programme_id), claims(event.provider_id)
    posting.leg("post", budget(event.programme_id), FUNDING, OBLIGATED, event.amount)
    posting.leg("post", claim(event.programme_id), payable, payee, event.amount)
    return [
        AdjustmentPosted(
            adjustment_id=event.adjustment_id,
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            amount=event.amount,
            legs=posting.take(),
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def adjustment_posted(state: LedgerState, event: AdjustmentPosted, _at: At) -> None:
    """Apply it; so much of the claims on the programme is of no contract and no invoice."""
    state.book(event.legs)
    state.adjusted[event.programme_id] = state.adjusted.get(event.programme_id, 0) + event.amount
