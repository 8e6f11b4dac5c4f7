"""Matching's read model of what providers have at their sites, and where the nodes of an offer are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.matching.inventory_events import InventoryAttested, OfferSited
from counterfoil.ports import Change, Put, Set, View
from counterfoil.readership import Readers
from counterfoil.service import Reducers

INVENTORY: Final = View(
    name="inventory",
    key=("provider_id", "site_id", "class_id"),
    columns={
        "provider_id": "text",
        "site_id": "text",
        "class_id": "text",
        "nodes": "int",
        "committed": "int",
        "excess": "int",
        "attested_by": "text",
        "source": "text",
        "attested_at": "time",
    },
    filters=("provider_id", "class_id"),
    readers=Readers(parties=("provider_id",)),
    time="attested_at",
)
"""What a provider has at a site, as attested last; `committed`: the most that was on offer or sold in an hour then, and
`excess` what of it is more than it has."""

VIEWS: Final[tuple[View, ...]] = (INVENTORY,)


def _offer_sited(event: OfferSited, _at: At) -> Iterable[Change]:
    yield Set("offers", (event.offer_id,), {"site_id": event.site_id})


def _inventory_attested(event: InventoryAttested, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in INVENTORY.columns if name not in ("excess", "attested_at")}
    yield Put(INVENTORY.name, {**row, "excess": max(event.committed - event.nodes, 0), "attested_at": at.time})


REDUCERS: Final[Reducers] = {InventoryAttested: _inventory_attested, OfferSited: _offer_sited}
