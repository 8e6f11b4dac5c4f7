"""Redemption's read model of payments that are taken back: ordered, contested, decided, owed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.ports import Change, Put, Set, View
from counterfoil.readership import Readers
from counterfoil.redemption.claim_views import owed, payable
from counterfoil.redemption.events import (
    AppealDecided,
    AppealFiled,
    ClawbackInForce,
    ClawbackOrdered,
    DebtWrittenOff,
)
from counterfoil.service import Reducers

CLAWBACKS: Final = View(
    name="clawbacks",
    key=("clawback_id",),
    columns={
        "clawback_id": "text",
        "settlement_id": "text",
        "programme_id": "text",
        "provider_id": "text",
        "currency": "text",
        "ground": "text",
        "amount": "amount",
        "in_force": "amount",
        "forgiven": "amount",
        "refunded": "amount",
        "reason": "text",
        "ordered_by": "text",
        "ordered_at": "time",
        "appeal_until": "time?",
        "status": "text",
        "status_since": "time",
        "appeal_reason": "text?",
        "decide_by": "time?",
        "decided_by": "text?",
        "decision_reason": "text?",
    },
    filters=("settlement_id", "programme_id", "provider_id", "status"),
    readers=Readers(parties=("provider_id",), programme="programme_id", roles={"treasurer": None}),
    time="ordered_at",
    values={"status": ("ordered", "in_force", "appealed", "upheld", "modified", "reversed")},
)
"""`amount` of a payment is to be given back; `in_force` of it is owed, or was: `receivables` has what is still owed.

`status`: ordered (it waits for an appeal), in_force, appealed, or what an appeal made of it. `forgiven` and `refunded`
were in force before that: owed no more, and payable again."""


def _ordered(event: ClawbackOrdered, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in CLAWBACKS.columns if hasattr(event, name)}
    nothing = {"in_force": 0, "forgiven": 0, "refunded": 0}
    status = {"status": "ordered", "status_since": at.time, "ordered_at": at.time}
    yield Put(CLAWBACKS.name, {**dict.fromkeys(CLAWBACKS.columns), **row, **nothing, **status})


def _in_force(event: ClawbackInForce, at: At) -> Iterable[Change]:
    status = {} if event.appealed else {"status": "in_force", "status_since": at.time}
    yield Set(CLAWBACKS.name, (event.clawback_id,), {"in_force": event.amount, **status})
    yield from owed(event, at)


def _appealed(event: AppealFiled, at: At) -> Iterable[Change]:
    known = {"appeal_reason": event.reason, "decide_by": event.decide_by}
    yield Set(CLAWBACKS.name, (event.clawback_id,), {"status": "appealed", "status_since": at.time, **known})


def _decided(event: AppealDecided, at: At) -> Iterable[Change]:
    values = {
        "forgiven": event.forgiven,
        "refunded": event.refunded,
        "status": event.outcome,
        "status_since": at.time,
        "decided_by": event.decided_by,
        "decision_reason": event.reason,
    }
    yield Set(CLAWBACKS.name, (event.clawback_id,), values)
    yield from owed(event, at)
    if event.refunded:
        yield payable(event.programme_id, event.provider_id, event.payable_after, at)


CLAWBACK_REDUCERS: Final[Reducers] = {
    ClawbackOrdered: _ordered,
    ClawbackInForce: _in_force,
    AppealFiled: _appealed,
    AppealDecided: _decided,
    DebtWrittenOff: owed,
}
