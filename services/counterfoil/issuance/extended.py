"""That the ledger moved the end of a voucher, mirrored: issuance judges by the same end."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.state import IssuanceState
from counterfoil.ledger.extension_events import VoucherEndSet, VoucherExtended


def take_over_extended(state: IssuanceState, event: VoucherExtended | VoucherEndSet, _at: At) -> Sequence[Event]:
    """Repeat it; nothing of a voucher that is over, or is another shard's."""
    return [event] if event.voucher_id in state.vouchers else []


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_extended(state: IssuanceState, event: VoucherExtended | VoucherEndSet, _at: At) -> None:
    """Apply the end."""
    state.vouchers.edit(event.voucher_id).expires_at = event.expires_at
