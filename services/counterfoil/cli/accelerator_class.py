"""`counterfoil class`: accelerator classes."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import argument, count, option
from counterfoil.cli.signing import signed
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.issuance.commands import RegisterClass

app = group("class")


@signed(
    app,
    "register",
    "counterfoil class register a100-80gb --description 'A100 80 GB' --memory-mb 81920 --gpus-per-node 8 --as operator",
)
def register(
    class_: Annotated[str, argument("CLASS", "The class's id.")],
    description: Annotated[str, option("--description", "What it is.", metavar="TEXT")],
    memory_mb: Annotated[int, count("--memory-mb", "Memory of one GPU in MiB.", 1, limits.MAX_COUNT)],
    gpus_per_node: Annotated[
        int, count("--gpus-per-node", "GPUs that are sold together as a node.", 1, limits.MAX_GPUS_PER_NODE)
    ],
    version: Annotated[int, option("--version", "The version of the description, from 1 on.", metavar="N")] = 1,
    nominal: Annotated[
        int | None, option("--nominal", "Dense BF16 throughput by the maker, in milli-TFLOPS.", metavar="N")
    ] = None,
    attested: Annotated[int | None, option("--attested", "The same as measured, in milli-TFLOPS.", metavar="N")] = None,
    interconnect: Annotated[
        str | None, option("--interconnect", "What joins the GPUs of a node.", metavar="TEXT")
    ] = None,
    source: Annotated[
        list[str] | None, option("--source", "Where the figures are from. May be repeated.", metavar="TEXT")
    ] = None,
) -> Body:
    """Operator: describe an accelerator class, or a new version of one."""
    return RegisterClass(
        class_id=class_,
        version=version,
        description=description,
        mem_mb=memory_mb,
        gpus_per_node=gpus_per_node,
        bf16_mtflops_nominal=nominal,
        bf16_mtflops_attested=attested,
        interconnect=interconnect,
        sources=tuple(source or ()),
    )
