"""What there is to trade: the registry of accelerator classes, and the nodes attested at sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_

_CLASSES: Final = (
    Column("class_id", N_("Class")),
    Column("version", N_("Version"), "number"),
    Column("description", N_("Description")),
    Column("gpus_per_node", N_("GPUs per node"), "number"),
    Column("mem_mb", N_("Memory, MB"), "number"),
    Column("bf16_mtflops_nominal", N_("BF16, MTFLOPS"), "number"),
    Column("interconnect", N_("Interconnect")),
    Column("confidence", N_("Confidence in its figures"), "word"),
    Column("registered_at", N_("Registered"), "time"),
)
_INVENTORY: Final = (
    Column("provider_id", N_("Provider"), "id"),
    Column("site_id", N_("Site"), "id"),
    Column("class_id", N_("Class")),
    Column("nodes", N_("Nodes attested"), "number"),
    Column("committed", N_("Of them offered or sold"), "number"),
    Column("excess", N_("More than attested"), "number"),
    Column("source", N_("Source")),
    Column("attested_by", N_("Attested by"), "id"),
    Column("attested_at", N_("Attested"), "time"),
)


def inventory_of(look: Look, **where: Any) -> Table:
    """Nodes that were attested at sites, and what of them is offered or sold."""
    return look.table("inventory", "inventory", N_("Inventory by site"), _INVENTORY, **where)


def classes(look: Look) -> Mapping[str, Any]:
    """The registry of accelerator classes."""
    table = look.table("classes", "classes", N_("Accelerator classes"), _CLASSES)
    return {"tables": [table], "classes": table}
