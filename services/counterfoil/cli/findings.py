"""`counterfoil findings`: patterns of fraud in published logs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.command import FOUND, Invalid, pairs
from counterfoil.cli.evidence import EvidenceOption, keep
from counterfoil.cli.log_source import LogsArgument, LogSource, check_programme, reading_logs
from counterfoil.cli.options import option
from counterfoil.cli.render import Rows, plain
from counterfoil.cli.values import show_amount
from counterfoil.reports.alerts import PATTERNS, alert_row, found
from counterfoil.reports.given import Given

_COLUMNS = ("alert_id", "title", "programmes", "entities", "amount_at_risk", "says", "evidence", "acts")
SHOWN = 200
"""How many alerts are printed for people; JSON has all."""
_MOST = 2**53 - 1


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @reading_logs(app, "findings", "counterfoil findings var/market --pattern F6 --evidence evidence")
    def findings(
        source: LogSource,
        logs: LogsArgument,
        programme: Annotated[
            str | None, option("--programme", "Only what concerns this programme.", metavar="PROGRAMME")
        ] = None,
        pattern: Annotated[str | None, option("--pattern", "Only this pattern, such as F6.", metavar="F6")] = None,
        thresholds: Annotated[
            list[str] | None,
            typer.Option(
                "--threshold",
                metavar="PATTERN.NAME=N",
                help="Judge by another number, such as F8.of_median_bps=20000. May be repeated.",
            ),
        ] = None,
        evidence: EvidenceOption = None,
    ) -> None:
        """Look for patterns of fraud in published logs: who, how much, and the entries that show it.

        An alert is a question and no verdict, and moves no value. `counterfoil report list` says what each pattern
        shows and what it cannot show; `schemas/reports.md` has the thresholds.

        Amounts are in the unit of each alert, which are listed by it, the largest first.

        Exit code 0: nothing was found; 1: alerts, or files that are not what a log's checkpoint signs; 2: it could not
        run.
        """
        if pattern not in (None, *PATTERNS):
            raise Invalid(f"--pattern {pattern}: the patterns are {', '.join(PATTERNS)}")
        given = Given(thresholds=_thresholds(thresholds or ()))
        with source.read(logs, given) as folded:
            if programme is not None:
                check_programme(folded, programme)
            alerts = found(folded, programme, pattern)
            rows = [alert_row(folded, each) for each in alerts]
            if evidence is not None:
                keep(folded, {pattern_.alert_id(alert): alert.refs for pattern_, alert in alerts}, evidence)
        value = [{**row, "amount_at_risk": str(row["amount_at_risk"])} for row in rows]
        shown = [_for_people(row) for row in rows[:SHOWN]]
        last = plain(f"{len(rows)} alert{'' if len(rows) == 1 else 's'}", "bold red" if rows else "bold green")
        source.out.show(
            {"alerts": value}, *([Rows("alerts", shown, _COLUMNS, ("amount_at_risk",))] if rows else ()), last
        )
        if rows:
            raise typer.Exit(FOUND)


def _thresholds(texts: list[str] | tuple[()]) -> dict[str, int]:
    """Numbers by pattern and name. Raises `Invalid`."""
    known = [f"{each.id}.{threshold.name}" for each in PATTERNS.values() for threshold in each.thresholds]
    given: dict[str, int] = {}
    for name, text in pairs(texts, "--threshold").items():
        if name not in known:
            raise Invalid(f"--threshold {name}: there are {', '.join(known)}")
        if not (text.isascii() and text.isdecimal()) or int(text) > _MOST:
            raise Invalid(f"--threshold {name}={text}: a whole number is expected")
        given[name] = int(text)
    return given


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    places = [f"{each['log']}:{each['index']}" for each in row["evidence"]]
    return {**row, "amount_at_risk": show_amount(row["amount_at_risk"], row["unit"]), "evidence": places}
