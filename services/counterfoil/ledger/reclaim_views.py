"""The ledger's read model of what went back as providers reclaimed hours of contracts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.ledger.holds import total
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Copy, Readers

RECLAIMS: Final = View(
    name="reclaims",
    key=("contract_id",),
    columns={
        "contract_id": "text",
        "provider_id": "text",
        "beneficiary_id": "text",
        "programme_id": "text?",
        "hour": "hour",
        "hours": "int",
        "vouchers": "amount",
        "cash": "amount",
        "bond": "amount",
        "paid": "amount",
        "returned": "amount",
        "reclaimed_at": "time",
    },
    filters=("provider_id", "beneficiary_id", "programme_id"),
    readers=Readers(parties=("provider_id", "beneficiary_id"), programme="programme_id"),
    time="reclaimed_at",
)
"""The last `hours` of contracts, from `hour` on, that their provider reclaimed, in the contract's currency.

`vouchers` and `cash`, their price, went back to the beneficiary. Of their part of the bond, `bond`, `paid` went to the
beneficiary, too, and the rest was `returned`.
"""


def reclaimed(event: ContractReclaimed, at: At) -> Iterable[Change]:
    """The row, and the hold of the contract, which has less, or nothing, left."""
    key, vouchers = (event.contract_id,), total(event.vouchers)
    same = {name: getattr(event, name) for name in RECLAIMS.columns if hasattr(event, name)}
    yield Put(RECLAIMS.name, {**same, "vouchers": vouchers, "programme_id": None, "reclaimed_at": at.time})
    yield Copy(RECLAIMS.name, key, "holds", key, {"programme_id": "programme_id"})
    yield Add("holds", key, {"vouchers": -vouchers, "cash": -event.cash, "bond": -event.bond})
    if event.ends:
        yield Set("holds", key, {"status": "reclaimed", "status_since": at.time})
