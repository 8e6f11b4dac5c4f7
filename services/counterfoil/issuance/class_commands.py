"""Commands that issuance decides: accelerator classes."""

from __future__ import annotations

from counterfoil.contract.accelerators import Collective, Confidence, FloorPrice
from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Figure, Flag, GpusPerNode, Id, Name, Version


@command("register_class", role="operator", version=2)
class RegisterClass(Command):
    """Operator: a new version of an accelerator class, with what is known of it; unknown is null.

    Throughput is dense BF16 in milli-TFLOPS, memory in MiB, bandwidth in megabytes per second. `figures_withheld`: a
    measurement was made, and its result is not published. `inventory_attested`: whether only nodes that are attested of
    a provider's sites can be offered. What was offered, bid for or sold under a version before
    stays what it was.
    """

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
