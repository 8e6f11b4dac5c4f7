"""`counterfoil bench`: figures of this machine, with their workload. Nothing is asserted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

import typer

from counterfoil.cli.command import Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.options import option
from counterfoil.cli.render import Rows, record

_COLUMNS: Final = ("name", "per_second", "count", "milliseconds", "workload", "note")
_SIZES: Final = (10_000, 50_000, 100_000, 200_000)

Part = Literal["all", "end-to-end", "market", "core", "memory", "distributed"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "bench", "counterfoil bench --part end-to-end --commands 20000")
    def bench(
        out: Out,
        part: Annotated[Part, option("--part", "What to measure.")] = "all",
        commands: Annotated[int, option("--commands", "Single commands to time.", metavar="N")] = 10_000,
        burst: Annotated[int, option("--burst", "Commands of the distributed part's burst.", metavar="N")] = 50_000,
    ) -> None:
        """Measure this machine: commands with receipts, the market's flow, deciders, replay, and memory as a log grows.

        Prints the workload, the machine and the figures. It takes some minutes and leaves nothing behind. The part
        `distributed`, which `all` leaves out, starts Kafka, PostgreSQL and every service as a process.
        """
        from counterfoil.bench import embedded as benchmarks

        figures: list[dict[str, Any]] = []
        growth: list[str] = []

        def report(figure: benchmarks.Figure) -> None:
            figures.append({**asdict(figure), "per_second": figure.per_second})
            out.note(f"{figure.name}: {figure.per_second:,}/s")

        def grown(text: str) -> None:
            growth.append(text)
            out.note(text)

        if part in ("all", "end-to-end"):
            benchmarks.end_to_end(commands, report)
        if part in ("all", "market"):
            benchmarks.market_flow(report)
        if part in ("all", "core"):
            benchmarks.core(commands, report)
        if part in ("all", "memory"):
            benchmarks.memory(_SIZES, grown)
        if part == "distributed":
            with extra("cluster,distributed"):
                from counterfoil.bench import distributed as bench_distributed
            bench_distributed.run(out.settings, commands, burst, report)
        machine = benchmarks.machine()
        shown = [Rows("benchmarks", figures, _COLUMNS, _COLUMNS[1:4])] if figures else []
        memory = {f"memory {number}": text for number, text in enumerate(growth, 1)}
        out.show(
            {"machine": machine, "figures": figures, "memory": growth}, *shown, record({"machine": machine, **memory})
        )
