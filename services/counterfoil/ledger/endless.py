"""How a voucher without an end gets one in the run-off of its programme, which could never be closed else.

A voucher is a right until its own expiry. One that has none lasts as long as the rules say from when the run-off begins
for it; its holders are told then, and by the notices of its document before it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from counterfoil.contract.record import Event
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.ledger.extension_events import VoucherEndSet
from counterfoil.ledger.state import LedgerState
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules

TIMER: Final = "voucher_end"


def set_ends(state: LedgerState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: when vouchers without an end will have ended, for so many vouchers and holders as an entry takes."""
    events, named = list[Event](), 0
    for voucher_id in state.endless.reached(cutoff, state.rules.max_items_per_sweep):
        voucher, holders = state.vouchers.open[voucher_id], state.owners(voucher_id)
        named += len(holders)
        if events and named > state.rules.max_holders_extended:
            break
        rules = cast("Rules", state.rules_of(voucher))
        days = rules.day(at.time) + (state.rules.endless_days or 0) + 1
        events.append(
            VoucherEndSet(
                voucher_id=voucher_id,
                programme_id=voucher.programme_id,
                expires_at=min(days * DAY - rules.offset, NEVER - 1),
                holders=tuple(holders[: state.rules.max_holders_extended]),
            )
        )
    return events


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_end_set(state: LedgerState, event: VoucherEndSet, at: At) -> None:
    """Apply an end."""
    state.give_end(state.vouchers.open[event.voucher_id], event.expires_at, at.time)
