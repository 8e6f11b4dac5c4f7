"""Issuance's read model of accelerator classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from counterfoil.core.at import At
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.issuance.events import ClassRegisteredV1
from counterfoil.ports import Change, Put, View
from counterfoil.readership import ANYBODY
from counterfoil.service import Reducers

CLASSES: Final = View(
    name="classes",
    key=("class_id", "version"),
    columns={
        "class_id": "text",
        "version": "int",
        "description": "text",
        "mem_mb": "int?",
        "mem_mbps": "int?",
        "gpus_per_node": "int",
        "bf16_mtflops_nominal": "int?",
        "bf16_mtflops_attested": "int?",
        "figures_withheld": "bool",
        "allreduce": "json",
        "interconnect": "text?",
        "interconnect_mbps": "int?",
        "origin": "text?",
        "sources": "json",
        "confidence": "text",
        "floor_prices": "json",
        "inventory_attested": "bool",
        "registered_at": "time",
    },
    filters=("class_id",),
    readers=ANYBODY,
    time="registered_at",
)
"""Every version; null is unknown. The last one is what is offered and bid for from its registration on."""


def _class_registered_v1(event: ClassRegisteredV1, at: At) -> Iterable[Change]:
    unknown: dict[str, Any] = {
        "mem_mbps": None,
        "figures_withheld": False,
        "allreduce": [],
        "interconnect_mbps": None,
        "origin": None,
        "confidence": "unknown",
        "floor_prices": [],
        "inventory_attested": False,
    }
    yield _class_row(event, unknown, at)


def _class_registered(event: ClassRegistered, at: At) -> Iterable[Change]:
    said = {
        "mem_mbps": event.mem_mbps,
        "figures_withheld": event.figures_withheld,
        "allreduce": [{"cards": each.cards, "mbps": each.mbps} for each in event.allreduce],
        "interconnect_mbps": event.interconnect_mbps,
        "origin": event.origin,
        "confidence": event.confidence,
        "floor_prices": [{"currency": each.currency, "price": str(each.price)} for each in event.floor_prices],
        "inventory_attested": event.inventory_attested,
    }
    yield _class_row(event, said, at)


def _class_row(event: ClassRegistered | ClassRegisteredV1, more: Mapping[str, Any], at: At) -> Change:
    row = {
        "class_id": event.class_id,
        "version": event.version,
        "description": event.description,
        "mem_mb": event.mem_mb,
        "gpus_per_node": event.gpus_per_node,
        "bf16_mtflops_nominal": event.bf16_mtflops_nominal,
        "bf16_mtflops_attested": event.bf16_mtflops_attested,
        "interconnect": event.interconnect,
        "sources": list(event.sources),
        "registered_at": at.time,
        **more,
    }
    return Put(CLASSES.name, row)


CLASS_REDUCERS: Final[Reducers] = {ClassRegisteredV1: _class_registered_v1, ClassRegistered: _class_registered}
