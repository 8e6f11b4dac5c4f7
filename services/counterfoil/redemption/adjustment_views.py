"""Redemption's read model of payments of earlier periods that were too small."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.ports import Change, Put, View
from counterfoil.readership import Readers
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.claim_views import payable
from counterfoil.service import Reducers

ADJUSTMENTS: Final = View(
    name="adjustments",
    key=("adjustment_id",),
    columns={
        "adjustment_id": "text",
        "settlement_id": "text",
        "programme_id": "text",
        "provider_id": "text",
        "currency": "text",
        "amount": "amount",
        "document": "text",
        "period_starts": "text",
        "period_ends": "text",
        "reason": "text",
        "adjusted_by": "text",
        "adjusted_at": "time",
    },
    filters=("settlement_id", "programme_id", "provider_id"),
    readers=Readers(parties=("provider_id",), programme="programme_id", roles={"treasurer": None}),
    time="adjusted_at",
)
"""That a payment of an earlier period was too small by `amount`, which is payable beside what is payable already.

`document`: the decision that gave the budget. `adjusted_by`: for whom two signed it; the first is in `endorsements`."""


def _adjusted(event: PaymentAdjusted, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in ADJUSTMENTS.columns if name != "adjusted_at"}
    days = {name: format_day(getattr(event, name)) for name in ("period_starts", "period_ends")}
    yield Put(ADJUSTMENTS.name, {**row, **days, "adjusted_at": at.time})
    yield payable(event.programme_id, event.provider_id, event.payable_after, at)


ADJUSTMENT_REDUCERS: Final[Reducers] = {PaymentAdjusted: _adjusted}
