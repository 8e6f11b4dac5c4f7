"""`counterfoil report`: reports on a programme, made from published logs alone."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import RenderableType

from counterfoil import __version__
from counterfoil.cli.command import FOUND, Invalid, Out, local
from counterfoil.cli.files import read_text, replacing
from counterfoil.cli.late import group
from counterfoil.cli.log_source import LogsArgument, LogSource, reading_logs
from counterfoil.cli.options import Programme, option
from counterfoil.cli.output import separated
from counterfoil.cli.people import show_time
from counterfoil.cli.render import Rows, plain, record
from counterfoil.cli.values import parse_amount, show_amount
from counterfoil.contract.references import parse_reference, same_as
from counterfoil.reports.alerts import NOT_SHOWN, PATTERNS
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.given import Given
from counterfoil.reports.pattern import NotShown
from counterfoil.reports.report import Column, Report, as_json, heading_lines, made

Form = Literal["json", "csv"]
SHOWN: Final = 200
"""How many rows are printed for people; JSON and CSV have all."""
_MAX_STATEMENT: Final = 64 << 20  # bytes of a bank's statement
_HEADING: Final = ("programme_id", "programme_version", "rules_hash", "unit", "as_of", "not_consumed", "generator")
_LISTED: Final = ("id", "title", "for", "says")
_PATTERNS: Final = ("id", "title", "shows", "hides")

app = group("report")

FormOption = Annotated[
    Form | None, option("--format", "What to write. Default: by the name of the file.", metavar="json|csv")
]
FileOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there; takes the place of a file.")
]


@local(app, "list", "counterfoil report list", tabular=True)
def list_reports(out: Out) -> None:
    """The reports, and the patterns of fraud: for whom each is, what it shows, and what logs cannot show."""
    rows = [
        {"id": each.id, "title": each.title, "for": each.readers, "says": each.says, "lacks": each.lacks}
        for each in REPORTS.values()
    ]
    patterns = [
        {"id": each.id, "title": each.title, "shows": each.shows, "hides": each.hides} for each in PATTERNS.values()
    ]
    hidden = [each._asdict() for each in NOT_SHOWN]
    out.show(
        {"reports": rows, "patterns": patterns, "not_shown": hidden},
        Rows("reports", rows, _LISTED),
        Rows("patterns of fraud, for `counterfoil findings`", patterns, _PATTERNS),
        Rows("patterns that logs do not show", hidden, NotShown._fields),
        columns=(*_LISTED, "lacks"),
        rows=rows,
    )


def _bank_statement(path: Path) -> dict[str, int]:
    """What a bank paid, by reference. Raises `Invalid`."""
    found: dict[str, int] = {}
    for nth, row in enumerate(csv.DictReader(read_text(path, _MAX_STATEMENT).splitlines()), 2):
        try:
            reference = same_as(parse_reference(row["reference"]))
            found[reference] = found.get(reference, 0) + parse_amount(row["amount"])
        except (KeyError, TypeError, ValueError) as problem:
            text = f"line {nth} of {path}: {problem}; the columns are reference and amount, in units"
            raise Invalid(text) from problem
    return found


@reading_logs(app, "R6", "counterfoil report R6 var/market --programme springfield-2026 --bank statement.csv")
def reconciliation(
    source: LogSource,
    logs: LogsArgument,
    programme: Programme,
    form: FormOption = None,
    file: FileOption = None,
    bank: Annotated[
        Path | None,
        typer.Option("--bank", metavar="FILE", help="A bank's statement: CSV with the columns reference and amount."),
    ] = None,
) -> None:
    """Five-way reconciliation: approvals, accounts, payees, payments and totals. Exit code 1: figures differ."""
    given = Given(bank=None if bank is None else _bank_statement(bank))
    _run(source, REPORTS["R6"], logs, programme, given, form, file)


def _add(report: Report) -> None:
    """Add the command that makes a report which needs nothing but logs."""

    def command(
        source: LogSource, logs: LogsArgument, programme: Programme, form: FormOption = None, file: FileOption = None
    ) -> None:
        _run(source, report, logs, programme, Given(), form, file)

    command.__doc__ = f"{report.title}, for {report.readers}.\n\n{report.says}"
    reading_logs(app, report.id, f"counterfoil report {report.id} var/market --programme springfield-2026")(command)


for _report in REPORTS.values():
    if _report.id != "R6":
        _add(_report)


def _run(
    source: LogSource, report: Report, logs: str, programme: str, given: Given, form: Form | None, file: Path | None
) -> None:
    form = form or _by_name(file)
    with source.read(logs, given) as folded:
        known = sorted(row["programme_id"] for row in folded.tables.rows("programmes"))
        if programme not in known:
            raise Invalid(f"the logs have no programme {programme}; they have {', '.join(known) or 'none'}")
        found = made(folded, report, programme, f"counterfoil {__version__}")
    if file is not None:
        with replacing(file) as target:
            target.write(_text(report, found, form))
        done = {"file": str(file), "report": report.id, "rows": len(found["rows"])}
        source.out.show(done, record(done))
    elif form is not None and not source.out.json:
        print(_text(report, found, form), end="", flush=True)
    else:
        source.out.show(found, *_people(report, found))
    if any(row.get("difference") not in (None, "0") for row in found["rows"]):
        raise typer.Exit(FOUND)


def _by_name(file: Path | None) -> Form | None:
    if file is None:
        return None
    if file.suffix not in (".csv", ".json"):
        raise Invalid(f"{file}: the name ends in .csv or .json, or --format says which")
    return "csv" if file.suffix == ".csv" else "json"


def _text(report: Report, found: dict[str, Any], form: Form | None) -> str:
    """A report as canonical JSON, or as CSV after its header in lines that begin with ``#``."""
    if form != "csv":
        return as_json(found).decode()
    return heading_lines(found) + separated(found["rows"], "csv", [each.name for each in report.columns])


def _people(report: Report, found: dict[str, Any]) -> list[RenderableType]:
    head, rows = found["header"], found["rows"]
    shown = [{each.name: _cell(each, row[each.name]) for each in report.columns} for row in rows[:SHOWN]]
    right = [each.name for each in report.columns if each.kind in ("amount", "int", "bps")]
    made_from = ", ".join(f"{each['origin']} to entry {each['last']}" for each in head["logs"])
    notes = [f"not in it: {report.lacks}"] if report.lacks else []
    notes += [f"{len(rows) - SHOWN} more rows: --format or --json has all"] if len(rows) > SHOWN else []
    return [
        record({**{name: head[name] for name in _HEADING}, "as_of": show_time(head["as_of"]), "made_from": made_from}),
        Rows(f"{report.id} {report.title}", shown, [each.name for each in report.columns], right),
        *(plain(each) for each in notes),
    ]


def _cell(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.kind == "amount":
        return show_amount(int(value))
    if column.kind == "bps":
        return f"{value // 100}.{value % 100:02d} %"
    return show_time(value) if column.kind == "time" else value
