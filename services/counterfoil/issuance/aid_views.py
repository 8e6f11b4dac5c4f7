"""Issuance's read model of the subsidy ledger: what counts towards ceilings of law, grant by grant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.contract.scalars import CountingEvent, CountsFor
from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.issuance.aid_events import (
    AidAttested,
    AidCounted,
    AidCountedV1,
    AidCovered,
    AidFreed,
    AidWithdrawn,
    RegimeRegistered,
    counted_by,
)
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import ANYBODY, Readers
from counterfoil.service import Reducers

AID: Final = View(
    name="aid",
    key=("grant_id", "regime"),
    columns={
        "grant_id": "text",
        "regime": "text",
        "programme_id": "text?",
        "party_id": "text",
        "subject": "text",
        "currency": "text",
        "granted_on": "text",
        "counts_until": "text",
        "amount": "amount",
        "freed": "amount",
        "covered": "amount",
        "ceiling": "amount?",
        "counted_before": "amount?",
        "law": "int?",
        "grantor": "text?",
        "reference": "text?",
        "source": "text?",
        "attested_by": "text?",
        "recorded_at": "time",
        "withdrawn_at": "time?",
        "withdrawn_because": "text?",
    },
    filters=("regime", "subject", "party_id", "programme_id", "attested_by"),
    readers=Readers(parties=("party_id", "attested_by"), programme="programme_id"),
    time="recorded_at",
)
"""One row for a grant and each ceiling of law that it counts towards; of aid from elsewhere `programme_id` is null, and
`grantor`, `reference` and `source` are what was attested. `subject`: the group, or party, for which it counts.
`freed`: what of it was never used and counts no more. `covered`: what of it another attestation of the same grant
counts. `ceiling` and `counted_before` are those of the decision, `law` the
version of the registered ceiling that it was judged by. From
the day `counts_until` on the row counts no more; nor does it once it is withdrawn."""
REGIMES: Final = View(
    name="regimes",
    key=("regime", "version"),
    columns={
        "regime": "text",
        "version": "int",
        "currency": "text",
        "ceiling": "amount",
        "months": "int",
        "unit": "text",
        "counts_on": "text",
        "in_force_on": "text",
        "source": "text",
        "registered_at": "time",
    },
    filters=("regime",),
    readers=ANYBODY,
    time="registered_at",
    values={"unit": get_args(CountsFor), "counts_on": get_args(CountingEvent)},
)
"""Ceilings of law as operators registered them: each version is in force from its day until that of the next. One
that was not in force yet is not shown any more once another took its place."""
AID_VIEWS: Final[tuple[View, ...]] = (AID, REGIMES)
_OF_BOTH: Final = ("regime", "party_id", "subject", "currency", "amount")


def _registered(event: RegimeRegistered, at: At) -> Iterable[Change]:
    same = {name: getattr(event, name) for name in REGIMES.columns if name not in ("in_force_on", "registered_at")}
    yield Put(REGIMES.name, {**same, "in_force_on": format_day(event.in_force_on), "registered_at": at.time})


def _counted_v1(event: AidCountedV1, at: At) -> Iterable[Change]:
    yield from _counted(counted_by(event, None), at)


def _counted(event: AidCounted, at: At) -> Iterable[Change]:
    own = ("grant_id", "programme_id", "ceiling", "counted_before", "law")
    yield _row(event, at, {name: getattr(event, name) for name in own})


def _attested(event: AidAttested, at: At) -> Iterable[Change]:
    own = {name: getattr(event, name) for name in ("grantor", "reference", "source", "attested_by")}
    yield _row(event, at, {"grant_id": event.aid_id, **own})


def _row(event: AidCounted | AidAttested, at: At, own: dict[str, object]) -> Change:
    days = {name: format_day(getattr(event, name)) for name in ("granted_on", "counts_until")}
    same = {name: getattr(event, name) for name in _OF_BOTH}
    return Put(
        AID.name,
        {**dict.fromkeys(AID.columns), **same, **days, **own, "freed": 0, "covered": 0, "recorded_at": at.time},
    )


def _freed(event: AidFreed, _at: At) -> Iterable[Change]:
    yield Add(AID.name, (event.grant_id, event.regime), {"freed": event.amount})


def _covered(event: AidCovered, _at: At) -> Iterable[Change]:
    yield Set(AID.name, (event.aid_id, event.regime), {"covered": event.covered})


def _withdrawn(event: AidWithdrawn, at: At) -> Iterable[Change]:
    values = {"withdrawn_at": at.time, "withdrawn_because": event.reason}
    yield Set(AID.name, (event.aid_id, event.regime), values)


AID_REDUCERS: Final[Reducers] = {
    RegimeRegistered: _registered,
    AidCountedV1: _counted_v1,
    AidCounted: _counted,
    AidAttested: _attested,
    AidFreed: _freed,
    AidCovered: _covered,
    AidWithdrawn: _withdrawn,
}
