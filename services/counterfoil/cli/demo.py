"""`counterfoil demo`: the whole market in one process, on real supply and demand, then its audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType
from rich.text import Text

from counterfoil.cli.audit import tables as audit_tables
from counterfoil.cli.command import FOUND, Invalid, Out, local
from counterfoil.cli.options import option
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Rows, record
from counterfoil.cli.values import format_amount, in_units

_MONEY: Final = ("appropriated", "issued", "recycled", "available", "held", "redeemed", "expired", "cancelled")
_CLASSES: Final = ("gpus_offered", "bids_accepting", "trades", "gpu_hours", "average_price")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "demo", "counterfoil demo --seed 7")
    def demo(
        out: Out,
        home: Annotated[
            Path, option("--home", "Where databases, keys, logs and the report are left.", metavar="DIR")
        ] = Path("var/demo"),
        seed: Annotated[int, option("--seed", "The same seed gives the same logs.", metavar="N")] = 1,
        nodes: Annotated[
            Path | None, option("--nodes", "The trace's nodes. Default: a sample.", metavar="FILE")
        ] = None,
        pods: Annotated[Path | None, option("--pods", "The trace's tasks. Default: a sample.", metavar="FILE")] = None,
        fresh: Annotated[
            bool, typer.Option("--fresh/--keep", "-f", help="Replace an earlier demo in --home, or refuse to.")
        ] = True,
    ) -> None:
        """Play a market of cities, providers and start-ups on a cluster trace, and audit its logs.

        Every command is signed, durable and receipted. Exit code 1: the audit found something.
        """
        from counterfoil.demo.run import run_demo

        if not fresh and home.is_dir() and any(home.iterdir()):
            raise Invalid(f"{home} is not empty: --fresh replaces an earlier demo")
        with bars(out) as shown:
            report = run_demo(home, seed, nodes, pods, shown.reach, shown.advance)
        out.show(report, *tables(report), Text(f"everything is in {home}", style="dim"))
        if not report["audit"]["clean"]:
            raise typer.Exit(FOUND)


def tables(report: dict[str, Any]) -> list[RenderableType]:
    """What happened, for people."""
    programmes = [{"programmes": name, **in_units(row, _MONEY)} for name, row in report["programmes"].items()]
    classes = [{"class": name, **in_units(row, ("average_price",))} for name, row in report["classes"].items()]
    refused = [{"code": code, "times": times} for code, times in report["commands"]["refused"].items()]
    bids, commands, speed = report["bids"], report["commands"], report["speed"]
    refusals = sum(commands["refused"].values())
    percent, hundredths = divmod(bids["fill_rate_bps"], 100)
    figures = {
        "supply": _counts(report["supply"]),
        "demand": _counts(report["demand"]),
        "bids": f"{bids['placed']} placed, {percent}.{hundredths:02d} % filled ({_counts(bids['ended'])})",
        "contracts": _counts(report["contracts"]),
        "bonds slashed": format_amount(int(report["bonds_slashed"])),
        "claims paid": format_amount(int(report["claims_paid"])),
        "commands": f"{commands['sent']} sent, {commands['receipts']} receipts, {refusals} refused",
        "speed": f"{speed['commands_per_second']} commands/s, {speed['entries_per_second']} entries/s",
    }
    return [
        Rows("vouchers, in USD", programmes, ("programmes", "vouchers", *_MONEY), ("vouchers", *_MONEY)),
        Rows("accelerators, prices in USD per GPU-hour", classes, ("class", *_CLASSES), _CLASSES),
        Rows("refusals", refused, ("code", "times"), ("times",)),
        record(figures),
        *audit_tables(report["audit"]),
    ]


def _counts(values: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in values.items())
