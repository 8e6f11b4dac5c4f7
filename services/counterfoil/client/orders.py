"""What becomes of an order, as steps: it rests, is filled by these trades, or is closed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from counterfoil.client.delivery import Settled
from counterfoil.client.exchanges import Exchanges
from counterfoil.client.steps import Clock, Pause, Steps, collected
from counterfoil.contract.order_rows import (
    AMENDMENTS,
    BIDS,
    FOLLOWED,
    HOLDS,
    OFFERS,
    TRADES,
    failed_for,
    is_settled,
    is_unfunded,
    trades_of,
)
from counterfoil.matching.amendment_events import BidAmendmentRequested, OfferAmendmentRequested
from counterfoil.matching.events import BidReceived, OfferReceived

_PAUSE: Final = 0.05  # seconds
_VIEWS: Final[Mapping[type, str]] = {
    BidReceived: BIDS,
    OfferReceived: OFFERS,
    BidAmendmentRequested: AMENDMENTS,
    OfferAmendmentRequested: AMENDMENTS,
}


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """The order's `row`, its `trades`, and if funds were refused to it, the row of its hold as `refused`.

    That row has the code why as ``reason``, and what was missing as ``short_vouchers`` and ``short_cash``. Where an
    order was to have another price, `row` is that of its amendment, and `failed` says why that failed for another
    reason. A row with the status ``received`` or ``requested``: it is not known within the time.
    """

    row: Mapping[str, Any]
    trades: tuple[Mapping[str, Any], ...]
    refused: Mapping[str, Any] | None
    failed: str | None = None

    @property
    def cause(self) -> str | None:
        """The code why funds were refused, or why an amendment failed; None if nothing failed."""
        return self.failed if self.refused is None else str(self.refused["reason"])


def follow_order(exchanges: Exchanges, settled: Settled, seconds: float) -> Steps[OrderOutcome | None]:
    """What became within so many seconds of the order that a command made; None if it made none.

    Raises `RefusedByService`, `Unreachable`.
    """
    found = next((each for each in settled.proven.entry.events if type(each) in _VIEWS), None)
    if found is None:
        return None
    view = _VIEWS[type(found)]
    order_id = str(getattr(found, FOLLOWED[view]))
    ends = (yield Clock()) + seconds
    while True:
        row = yield from exchanges.row(view, [order_id], [settled.position])
        if is_settled(view, row) or (yield Clock()) > ends:
            break
        yield Pause(_PAUSE)
    refused = (yield from exchanges.row(HOLDS, [order_id], ())) if is_unfunded(view, row) else None
    column, of = trades_of(view, row)
    trades = yield from collected(exchanges.rows(TRADES, {column: of}, None, ()))
    return OrderOutcome(row, tuple(trades), refused, failed_for(view, row))
