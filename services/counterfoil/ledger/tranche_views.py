"""The ledger's read model of parts of vouchers that are released later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.ledger.tranche_events import (
    MilestoneAttested,
    ReleaseOn,
    TrancheLapsed,
    TrancheReleased,
    TrancheWithheld,
)
from counterfoil.ports import Change, Put, Set, View
from counterfoil.readership import Readers

TRANCHES: Final = View(
    name="tranches",
    key=("tranche_id",),
    columns={
        "tranche_id": "text",
        "voucher_id": "text",
        "programme_id": "text",
        "holder_id": "text",
        "number": "int",
        "amount": "amount",
        "release_on": "text",
        "due_on": "text?",
        "former": "amount?",
        "used": "amount?",
        "attester_id": "text?",
        "attested_at": "time?",
        "report": "text?",
        "status": "text",
        "reason": "text?",
        "withheld_at": "time",
        "status_since": "time",
    },
    filters=("voucher_id", "programme_id", "holder_id", "status"),
    readers=Readers(parties=("holder_id", "attester_id"), programme="programme_id"),
    time="withheld_at",
    values={"release_on": get_args(ReleaseOn), "status": ("withheld", "released", "lapsed")},
)
"""Parts of vouchers that the issuer releases, each the tranche `number` of its document, and what it waits for: the day
`due_on`, the word of `attester_id`, or that of the parts before (`former`) so much is used (`used`),
or all that is left of them. `report`: SHA-256 of what shows
it; `reason`: why it was attested, or released. What is not released lapses with its voucher."""
TRANCHE_VIEWS: Final[tuple[View, ...]] = (TRANCHES,)


def withheld(event: TrancheWithheld, at: At) -> Iterable[Change]:
    """A row for a new part."""
    row = {name: getattr(event, name) for name in TRANCHES.columns if hasattr(event, name)}
    due_on = None if event.due_on is None else format_day(event.due_on)
    none = dict.fromkeys(("attested_at", "report", "reason"))
    new = {"status": "withheld", "withheld_at": at.time, "status_since": at.time, "due_on": due_on}
    yield Put(TRANCHES.name, {**row, **none, **new})


def attested(event: MilestoneAttested, at: At) -> Iterable[Change]:
    """That its milestone is reached."""
    known = {"attested_at": at.time, "report": event.report.hex(), "reason": event.reason}
    yield Set(TRANCHES.name, (event.tranche_id,), known)


def released(event: TrancheReleased, at: At) -> Iterable[Change]:
    """Its release."""
    shown = {} if event.report is None else {"report": event.report.hex()}
    yield Set(
        TRANCHES.name,
        (event.tranche_id,),
        {**shown, "status": "released", "reason": event.reason, "status_since": at.time},
    )


def lapsed(event: TrancheLapsed, at: At) -> Iterable[Change]:
    """Its end."""
    yield Set(TRANCHES.name, (event.tranche_id,), {"status": "lapsed", "status_since": at.time})
