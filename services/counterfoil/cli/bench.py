"""`counterfoil bench`: measures this machine and prints figures with their workload; nothing is asserted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.bench.parts import Part
from counterfoil.cli.command import Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.options import option
from counterfoil.cli.render import Record, Rows

if TYPE_CHECKING:
    from counterfoil.bench.figure import Reading, ReportFigure

_COLUMNS: Final = ("name", "per_second", "count", "milliseconds", "workload", "note")
_AUDITED: Final = 3  # entries of the audited ledger for each of `--commands`
_STARTED: Final = 20  # entries of the ledger that a start loads, likewise
_SIZES: Final = (10_000, 50_000, 100_000, 200_000)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "bench", "counterfoil bench --part end-to-end --commands 20000")
    def bench(
        out: Out,
        part: Annotated[Part, option("--part", "What to measure.")] = "all",
        commands: Annotated[int, option("--commands", "Single commands to time.", metavar="N")] = 10_000,
        burst: Annotated[int, option("--burst", "Commands of the distributed part's burst.", metavar="N")] = 50_000,
    ) -> None:
        """Measure this machine: receipts, market, books, replay, audit, state roots, starts, commands, memory.

        Prints the workload, the machine and the figures. It takes some minutes and leaves nothing behind. The part
        `distributed`, which `all` does not include, starts Kafka, PostgreSQL and every service as a process.
        """
        from counterfoil.bench import audits, embedded, figure, processes, programmes, starts, state_roots
        from counterfoil.demo.workload import BIDDING, prepare_bidding
        from counterfoil.demo.world import START

        market = embedded.MarketWorkload(BIDDING, START, prepare_bidding)
        figures: list[dict[str, Any]] = []
        readings: list[figure.Reading] = []

        def report(measured: figure.Figure) -> None:
            row = {name: getattr(measured, name) for name in ("name", "workload", "count", "milliseconds")}
            figures.append({**row, "per_second": measured.per_second, "note": measured.remark})
            readings.extend(measured.readings())
            out.note(f"{measured.name}: {measured.per_second:,}/s")

        def report_memory(reading: figure.Reading) -> None:
            readings.append(reading)
            out.note(f"{reading.name}: {reading.value:,.0f} {reading.unit}")

        if part in ("all", "end-to-end"):
            embedded.end_to_end(commands, report)
        if part in ("all", "market"):
            embedded.market_flow(market, report)
        if part in ("all", "core"):
            embedded.core(commands, report)
        _books(part, report, report_memory)
        if part in ("all", "programme"):
            programmes.evaluations(report)
        if part in ("all", "audit"):
            audits.audits(commands * _AUDITED, market, report)
        if part in ("all", "state-root"):
            state_roots.state_roots(report)
        if part in ("all", "start"):
            starts.start(commands * _STARTED, report)
        if part in ("all", "command"):
            processes.commands(report)
        if part in ("all", "memory"):
            embedded.memory(_SIZES, report_memory)
        if part == "distributed":
            with extra("cluster,distributed"):
                from counterfoil.bench import distributed
            distributed.run(out.settings, commands, burst, report)
        machine = figure.machine()
        shown = [Rows("benchmarks", figures, _COLUMNS, _COLUMNS[1:4])] if figures else []
        levels = {each.name: f"{each.value:,.0f} {each.unit}" for each in readings if each.unit in ("MiB", "B")}
        value = {"machine": machine, "figures": figures, "readings": [each._asdict() for each in readings]}
        out.show(value, *shown, Record({"machine": machine, **levels}))


def _books(part: Part, report: ReportFigure, report_memory: Callable[[Reading], None]) -> None:
    """The parts about order books and auctions. Imported late: an older revision to compare with has no such book."""
    if part in ("all", "credit"):
        from counterfoil.bench import credit, strips

        strips.books(report)
        credit.credit_market(report)
    if part in ("all", "blocks", "crowding"):
        from counterfoil.bench import blocks

        if part != "crowding":
            blocks.blocks(report)
            blocks.memory(report_memory)
        if part != "blocks":
            blocks.crowding(report)
    if part in ("all", "auction"):
        from counterfoil.bench import auctions

        auctions.auctions(report)
