"""Issuance's read model of who controls whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from counterfoil.contract.times import format_day
from counterfoil.core.at import At
from counterfoil.issuance.control_commands import ControlKind
from counterfoil.issuance.control_events import ControlAttested
from counterfoil.ports import Change, Put, View
from counterfoil.readership import Readers
from counterfoil.service import Reducers

CONTROLS: Final = View(
    name="controls",
    key=("owner_id", "party_id", "kind"),
    columns={
        "owner_id": "text",
        "party_id": "text",
        "kind": "text",
        "share_bps": "int",
        "since": "text",
        "source": "text",
        "attested_by": "text",
        "attested_at": "time",
    },
    filters=("owner_id", "party_id", "kind"),
    readers=Readers(parties=("owner_id", "party_id", "attested_by")),
    time="attested_at",
    values={"kind": get_args(ControlKind)},
)
"""What an undertaking has of another, as it was attested last: `share_bps` of the votes, or 10,000 if it controls it in
another way; 0: no more."""


def _attested(event: ControlAttested, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in CONTROLS.columns if hasattr(event, name)}
    yield Put(CONTROLS.name, {**row, "since": format_day(event.on), "attested_at": at.time})


CONTROL_REDUCERS: Final[Reducers] = {ControlAttested: _attested}
