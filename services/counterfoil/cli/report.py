"""`counterfoil report`: reports on a programme, made from published logs alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil import __version__
from counterfoil.cli.command import FOUND, Command, Invalid, Out, local, make
from counterfoil.cli.evidence import EvidenceOption, keep
from counterfoil.cli.files import read_text, replacing
from counterfoil.cli.late import group
from counterfoil.cli.log_source import LogsArgument, LogSource, check_programme, reading_logs
from counterfoil.cli.options import Programme, argument, count, option
from counterfoil.cli.people import show_time
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.cli.report_files import (
    MAKING,
    MAX_SAMPLE,
    ReportSource,
    differences,
    read_report,
    signature_of,
    text_of,
)
from counterfoil.cli.values import NESTED_AMOUNTS, parse_amount, show_amount
from counterfoil.contract.references import parse_reference, same_as
from counterfoil.reports.alerts import PATTERNS
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.given import Given
from counterfoil.reports.report import Column, Report, made
from counterfoil.reports.sample import chain

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN: Final = 200
"""How many rows are printed for people; JSON and CSV have all."""
_MAX_STATEMENT: Final = 64 << 20  # bytes of a bank's statement
_HEADING: Final = ("programme_id", "programme_version", "rules_hash", "unit", "as_of", "not_consumed", "generator")
_PLACE: Final = {"log", "index"}
"""The members of an entry's place; people see these alone."""
_AMOUNTS: Final = frozenset(
    (*NESTED_AMOUNTS, "held", "in_transfer", "pledged", "withheld", "used", "approved", "price", "points")
)
"""Members of JSON in columns that are amounts or points, where they are text."""
_LISTED: Final = ("id", "title", "for", "says")
_PATTERNS: Final = ("id", "title", "shows", "hides")

app = group("report")

BankOption = Annotated[
    Path | None,
    typer.Option(
        "--bank",
        metavar="FILE",
        help="A bank's statement: CSV with the columns reference and amount, -12.50 of what came back.",
    ),
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
    out.show(
        {"reports": rows, "patterns": patterns},
        Rows("reports", rows, _LISTED),
        Rows("patterns of fraud, for `counterfoil findings`", patterns, _PATTERNS),
        columns=(*_LISTED, "lacks"),
        rows=rows,
    )


def _bank_statement(path: Path) -> dict[str, int]:
    """What a bank paid, by reference, less what came back. Raises `Invalid`."""
    found: dict[str, int] = {}
    rows = csv.DictReader(read_text(path, _MAX_STATEMENT).splitlines())
    try:
        for row in rows:
            reference, amount = same_as(parse_reference(row["reference"])), row["amount"]
            paid = -parse_amount(amount[1:]) if amount.startswith("-") else parse_amount(amount)
            found[reference] = found.get(reference, 0) + paid
    except KeyError as problem:
        raise Invalid(f"{path} has no column {problem}; the columns are reference and amount, in units") from problem
    except (AttributeError, TypeError, ValueError, csv.Error) as problem:
        text = f"line {rows.reader.line_num} of {path}: {problem}; the columns are reference and amount, in units"
        raise Invalid(text) from problem
    return found


def reconciliation(source: ReportSource, logs: LogsArgument, programme: Programme, bank: BankOption = None) -> None:
    """Five-way reconciliation: approvals, accounts, payees, payments and totals.

    Exit code 1: figures differ, or files are not what a log's checkpoint signs.
    """
    given = Given(bank=None if bank is None else _bank_statement(bank))
    _run(source, REPORTS["R6"], logs, programme, given)


def sample_pack(
    source: ReportSource,
    logs: LogsArgument,
    programme: Programme,
    seed: Annotated[str, option("--seed", "Your secret; publish its SHA-256 beforehand.", metavar="TEXT")],
    size: Annotated[int, count("--size", "How many claims.", 1, MAX_SAMPLE)] = Given().size,
    evidence: EvidenceOption = None,
) -> None:
    """Audit sample pack: claims drawn by your seed, half by risk, each with all its entries and their proofs."""
    if not seed:
        raise Invalid("--seed: a sample needs one")
    _run(source, REPORTS["R15"], logs, programme, Given(seed=seed, size=size), evidence)


def integrity(
    source: ReportSource,
    logs: LogsArgument,
    programme: Programme,
    since: Annotated[
        Path | None, option("--since", "An earlier report in JSON: prove that the logs go on from it.", metavar="FILE")
    ] = None,
) -> None:
    """Integrity attestation: tree, key, clock, rules and outages of each log, and that it goes on from an earlier one.

    Exit code 1: a log does not, or files are not what a log's checkpoint signs.
    """
    given = Given(since=None if since is None else read_report(since).until)
    _run(source, REPORTS["R14"], logs, programme, given)


_EXIT_CODE: Final = "Exit code 1: a `difference` is not 0, or files are not what a log's checkpoint signs."


def _plain(report: Report) -> Command:
    """The command that makes a report which needs nothing but logs."""

    def command(source: ReportSource, logs: LogsArgument, programme: Programme) -> None:
        _run(source, report, logs, programme, Given())

    command.__doc__ = f"{report.title}, for {report.readers}.\n\n{report.says}\n\n{_EXIT_CODE}"
    return command


_WITH_OPTIONS: Final[Mapping[str, tuple[Command, str]]] = {
    "R6": (reconciliation, " --bank statement.csv"),
    "R14": (integrity, " --since R14-of-june.json"),
    "R15": (sample_pack, " --seed 7f3a --size 20"),
}
"""Reports with options of their own, and how their examples go on."""
for _report in REPORTS.values():
    _command, _more = _WITH_OPTIONS.get(_report.id) or (_plain(_report), "")
    _example = f"counterfoil report {_report.id} var/market --programme springfield-2026{_more}"
    make(app, _report.id, _example, MAKING, ReportSource)(_command)


def _run(
    source: ReportSource, report: Report, logs: str, programme: str, given: Given, evidence: Path | None = None
) -> None:
    form, author = source.wanted()
    with source.read(logs, given) as folded:
        check_programme(folded, programme)
        found = made(folded, report, programme, f"counterfoil {__version__}")
        if evidence is not None:
            keep(folded, {row["claim_id"]: chain(folded, row["claim_id"]) for row in found["rows"]}, evidence)
    if source.file is not None:
        with replacing(source.file) as target:
            target.write(text_of(report, found, form, author, source.language))
        done = {"file": str(source.file), "report": report.id, "rows": len(found["rows"])}
        source.out.show(done, Record(done))
    elif author is not None or (form is not None and not source.out.json):
        print(text_of(report, found, form, author, source.language), end="", flush=True)
    else:
        source.out.show(found, *for_people(report, found))
    if any(row.get("difference") not in (None, "0") for row in found["rows"]):
        raise typer.Exit(FOUND)


@reading_logs(app, "verify", "counterfoil report verify R1.json var/market")
def verify(
    source: LogSource,
    file: Annotated[Path, argument("FILE", "A report in JSON.")],
    logs: LogsArgument,
    bank: BankOption = None,
) -> None:
    """Make a report again from the entries that it names, and compare: all but who made it, by which keys.

    The logs may have grown since: they must still begin with the trees that the report names. Of a signed one, it says
    which party has the key by those entries.

    Exit code 1: it says something else, its signature or its key is not good, or files are not what a log's checkpoint
    signs.
    """
    said = read_report(file)
    if said.with_bank and bank is None:
        raise Invalid("the report was made with a bank's statement: name it with --bank")
    statement = None if bank is None else _bank_statement(bank)
    again = Given(bank=statement, seed=said.seed, size=said.size, since=said.since)
    with source.read(logs, again, said.until) as folded:
        check_programme(folded, said.programme_id)
        found = made(folded, said.report, said.programme_id, f"counterfoil {__version__}")
        signature, good = (None, True) if said.signer is None else signature_of(folded, said.signer)
    differ = [*([] if good else ["signature: its key was revoked"]), *differences(said.whole, found)]
    value = {"verified": not differ, "report": said.report.id, "rows": len(found["rows"]), "signature": signature}
    source.out.show({**value, "differ": differ}, Record({**value, **_signed(signature), "differ": differ[:SHOWN]}))
    if differ:
        raise typer.Exit(FOUND)


def _signed(signature: dict[str, Any] | None) -> dict[str, str]:
    """A signature as people read it."""
    if signature is None:
        return {"signature": "none"}
    whose = " and ".join(signature["parties"]) or "a key that no party has in force"
    return {"signature": f"by {whose}, {signature['key_id']}"}


def for_people(report: Report, found: dict[str, Any]) -> list[RenderableType]:
    """A report as it is printed: its header, the first rows, and what is not in it."""
    head, rows = found["header"], found["rows"]
    shown = [{each.name: _cell(each, row[each.name]) for each in report.columns} for row in rows[:SHOWN]]
    right = [each.name for each in report.columns if each.kind in ("amount", "int", "bps")]
    made_from = ", ".join(f"{each['origin']} to entry {each['last']}" for each in head["logs"])
    notes = [f"not in it: {report.lacks}"] if report.lacks else []
    notes += [f"{len(rows) - SHOWN} more rows: --format or --json has all"] if len(rows) > SHOWN else []
    return [
        Record({**{name: head[name] for name in _HEADING}, "as_of": show_time(head["as_of"]), "made_from": made_from}),
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
    if column.kind == "json":
        return _nested(value)
    return show_time(value) if column.kind == "time" else value


def _nested(value: Any) -> Any:
    """A JSON value with amounts in units, and entries by their places."""
    if isinstance(value, list):
        return [_nested(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() >= _PLACE:
        return f"{value['log']}:{value['index']}"
    return {
        name: show_amount(int(each)) if name in _AMOUNTS and isinstance(each, str) else _nested(each)
        for name, each in value.items()
    }
