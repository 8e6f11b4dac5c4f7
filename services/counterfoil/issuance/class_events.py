"""Issuance: accelerator classes. Matching mirrors them word for word."""

from __future__ import annotations

from counterfoil.contract.accelerators import Collective, Confidence, FloorPrice
from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Figure, Flag, GpusPerNode, Id, Name, Version


@event("class.registered.v2")
class ClassRegistered(Event):
    """A version of an accelerator class; it takes the place of the one before for what is offered and bid for later."""

    class_id: Id
    version: Version
    description: Name
    mem_mb: Figure | None
    mem_mbps: Figure | None
    gpus_per_node: GpusPerNode
    bf16_mtflops_nominal: Figure | None
    bf16_mtflops_attested: Figure | None
    figures_withheld: Flag
    allreduce: tuple[Collective, ...]
    interconnect: Id | None
    interconnect_mbps: Figure | None
    origin: Id | None
    sources: tuple[Name, ...]
    confidence: Confidence
    floor_prices: tuple[FloorPrice, ...]
    inventory_attested: Flag
