"""`counterfoil class`: accelerator classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.late import group
from counterfoil.cli.options import argument, count, option
from counterfoil.cli.render import Rows
from counterfoil.cli.signing import signed
from counterfoil.cli.values import collective, parse_amount
from counterfoil.contract import limits
from counterfoil.contract.accelerators import Collective, FloorPrice
from counterfoil.contract.record import Command as Body
from counterfoil.issuance.class_commands import RegisterClass

app = group("class")
_COLUMNS: Final = ("name", "description", "mem_mb", "nominal", "attested", "origin", "confidence")


def _floor(text: str) -> FloorPrice:
    currency, _, price = text.partition("=")
    if not price:
        raise ValueError("CODE=PRICE, such as CNY=4.00")
    return FloorPrice(currency=currency, price=parse_amount(price))


def _figure(flag: str, text: str) -> Any:
    return count(flag, text, 1, limits.MAX_COUNT)


@signed(
    app,
    "register",
    "counterfoil class register a100-80gb --description 'A100 80 GB' --memory-mb 81920 --gpus-per-node 8 --as operator",
)
def register(
    class_: Annotated[str, argument("CLASS", "The class's id.")],
    bundled: Annotated[
        str | None,
        option("--bundled", "Begin with what `counterfoil class bundled` says of this one.", metavar="NAME"),
    ] = None,
    description: Annotated[str | None, option("--description", "What it is.", metavar="TEXT")] = None,
    memory_mb: Annotated[int | None, _figure("--memory-mb", "Memory of one GPU in MiB.")] = None,
    memory_mbps: Annotated[int | None, _figure("--memory-mbps", "Its bandwidth in MB/s.")] = None,
    gpus_per_node: Annotated[
        int | None, count("--gpus-per-node", "GPUs that are sold together as a node.", 1, limits.MAX_GPUS_PER_NODE)
    ] = None,
    version: Annotated[int, option("--version", "The version of the description, from 1 on.", metavar="N")] = 1,
    nominal: Annotated[int | None, _figure("--nominal", "Dense BF16 throughput by the maker, in milli-TFLOPS.")] = None,
    attested: Annotated[int | None, _figure("--attested", "The same as measured, in milli-TFLOPS.")] = None,
    withheld: Annotated[
        bool, option("--withheld", "It was measured, and the result is not published: no bid by performance admits it.")
    ] = False,
    allreduce: Annotated[
        list[Collective] | None,
        option(
            "--allreduce", "All-reduce bandwidth over so many cards, in MB/s. May be repeated.", collective, "8=72000"
        ),
    ] = None,
    interconnect: Annotated[
        str | None, option("--interconnect", "What joins the GPUs of a node: an id such as nvlink.", metavar="ID")
    ] = None,
    interconnect_mbps: Annotated[int | None, _figure("--interconnect-mbps", "Its bandwidth in MB/s.")] = None,
    origin: Annotated[str | None, option("--origin", "Where it is made, such as cn.", metavar="ID")] = None,
    source: Annotated[
        list[str] | None, option("--source", "Where the figures are from. May be repeated.", metavar="TEXT")
    ] = None,
    confidence: Annotated[
        str | None, option("--confidence", "How sure they are: high, medium, low or unknown.", metavar="WORD")
    ] = None,
    floor: Annotated[
        list[FloorPrice] | None,
        option("--floor", "The least that a GPU-hour counts for in a currency. May be repeated.", _floor, "CNY=4.00"),
    ] = None,
    inventory_attested: Annotated[
        bool, option("--inventory-attested", "Only nodes attested of a provider's sites can be offered.")
    ] = False,
) -> Body:
    """Operator: describe an accelerator class, or a new version of one. What is not said is not known."""
    said: dict[str, Any] = {
        "description": description,
        "mem_mb": memory_mb,
        "mem_mbps": memory_mbps,
        "gpus_per_node": gpus_per_node,
        "bf16_mtflops_nominal": nominal,
        "bf16_mtflops_attested": attested,
        "figures_withheld": withheld or None,
        "allreduce": tuple(allreduce) if allreduce else None,
        "interconnect": interconnect,
        "interconnect_mbps": interconnect_mbps,
        "origin": origin,
        "sources": tuple(source) if source else None,
        "confidence": confidence,
        "floor_prices": tuple(floor or ()),
        "inventory_attested": inventory_attested,
    }
    return replace(
        _begun(bundled, class_, version, said), **{key: value for key, value in said.items() if value is not None}
    )


def _begun(name: str | None, class_id: str, version: int, said: dict[str, Any]) -> RegisterClass:
    """A bundled class, or one of which nothing is known."""
    if name is not None:
        from counterfoil.accelerators import bundled_class, bundled_classes

        if name not in bundled_classes():
            raise Invalid(f"no class {name} comes with this release; `counterfoil class bundled` lists them")
        return bundled_class(name, class_id, version)
    missing = [flag for flag in ("description", "gpus_per_node") if said[flag] is None]
    if missing:
        raise Invalid(f"Missing option '--{missing[0].replace('_', '-')}', or '--bundled'")
    return RegisterClass(
        class_id=class_id, version=version, description=said["description"], mem_mb=None, mem_mbps=None,
        gpus_per_node=said["gpus_per_node"], bf16_mtflops_nominal=None, bf16_mtflops_attested=None,
        figures_withheld=False, allreduce=(), interconnect=None, interconnect_mbps=None, origin=None, sources=(),
        confidence="unknown", floor_prices=(), inventory_attested=False,
    )  # fmt: skip


@local(app, "bundled", "counterfoil class bundled", tabular=True)
def bundled(out: Out) -> None:
    """The accelerator classes that come with this release, with what public sources say of them.

    `counterfoil class register ID --bundled NAME` signs the description of one.
    """
    from counterfoil.accelerators import bundled_class, bundled_classes

    rows = [
        {
            "name": name,
            "description": known.description,
            "mem_mb": known.mem_mb,
            "nominal": known.bf16_mtflops_nominal,
            "attested": known.bf16_mtflops_attested,
            "origin": known.origin,
            "confidence": known.confidence,
        }
        for name in bundled_classes()
        for known in (bundled_class(name, name),)
    ]
    out.show(rows, Rows("classes", rows, _COLUMNS), columns=_COLUMNS, rows=rows)
