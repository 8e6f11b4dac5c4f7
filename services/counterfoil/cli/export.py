"""`counterfoil export`: all rows of a view in a file, for spreadsheets and programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal, NamedTuple

import typer

from counterfoil.cli.command import Invalid, pairs
from counterfoil.cli.files import replacing
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late_views import VIEWS, View
from counterfoil.cli.listing import Where
from counterfoil.cli.options import Wait, argument, option
from counterfoil.cli.parquet import require_parquet, write_parquet
from counterfoil.cli.progress import Bars, bars
from counterfoil.cli.render import Record
from counterfoil.cli.values import in_units

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a cell that a spreadsheet reads as a formula; some read the wide forms so, too."""

Row = Mapping[str, Any]


class Format(NamedTuple):
    """How a table is written: `write(target, view, rows, position)`. `require` raises `Invalid` if that cannot be."""

    write: Callable[[IO[Any], View, Iterator[Row], Callable[[], str]], None]
    binary: bool = False
    require: Callable[[], None] = lambda: None


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "export", "counterfoil export vouchers vouchers.csv --where programme_id=springfield-2026")
    def export(
        session: GatewaySession,
        view: Annotated[str | None, argument("VIEW", f"One of {', '.join(sorted(VIEWS))}.")] = None,
        file: Annotated[Path | None, argument("FILE", f"What to write: {', '.join(FORMATS)}.")] = None,
        everything: Annotated[
            Path | None, typer.Option("--all", metavar="DIR", help="Write every view into this directory.")
        ] = None,
        format_: Annotated[
            Literal["csv", "jsonl", "parquet"],
            option("--format", "Of the files of --all.", metavar="csv|jsonl|parquet"),
        ] = "csv",
        where: Where = None,
        wait: Wait = None,
    ) -> None:
        """Write all rows of a view, or of every view, into a file, which replaces an older one when it is complete.

        In CSV amounts are in units of the currency, lists and nested values JSON, and a text that a spreadsheet would
        take for a formula has an apostrophe before it. JSON Lines are rows as the gateway answers them: amounts are
        whole micro-units. Parquet has decimals and timestamps.

        With --all, export.json beside the files says at which entries of the logs each of them was read, and whether
        that is the same for all.
        """
        if everything is not None:
            if view is not None or where:
                raise Invalid("--all writes every view whole: name no VIEW, FILE or --where")
            _export_all(session, everything, f".{format_}", wait or ())
            return
        if view is None or file is None:
            raise Invalid("name a view and a file, or a directory with --all")
        if view not in VIEWS:
            raise Invalid(f"there is no view {view}; these are: {', '.join(sorted(VIEWS))}")
        if file.suffix not in FORMATS:
            raise Invalid(f"{file}: the name ends in {' or '.join(FORMATS)}")
        FORMATS[file.suffix].require()
        with bars(session.out, "rows") as shown:
            table = _written(session, VIEWS[view], file, pairs(where or (), "--where"), wait or (), shown)
        done = {"view": view, "rows": table["rows"], "file": str(file)}
        session.out.show(done, Record(done))


def _export_all(session: GatewaySession, directory: Path, suffix: str, wait: Sequence[str]) -> None:
    FORMATS[suffix].require()
    directory.mkdir(parents=True, exist_ok=True)
    tables: dict[str, dict[str, Any]] = {}
    with bars(session.out, "rows") as shown:
        for nth, (name, view) in enumerate(VIEWS.items(), 1):
            tables[name] = _written(session, view, directory / f"{name}{suffix}", {}, wait, shown)
            shown.reach("tables", nth, len(VIEWS))
    positions = {position for table in tables.values() for position in (table["from"], table["until"])}
    found = {"consistent": len(positions) == 1, "tables": tables}
    with replacing(directory / "export.json") as target:
        target.write(json.dumps(found, indent=2) + "\n")
    rows = sum(table["rows"] for table in tables.values())
    summary = {"directory": str(directory), "tables": len(tables), "rows": rows, "consistent": found["consistent"]}
    session.out.show(summary, Record(summary))


def _written(
    session: GatewaySession, view: View, file: Path, where: Mapping[str, str], wait: Sequence[str], shown: Bars
) -> dict[str, Any]:
    """How many rows were written, and the first and the last position that they were read at.

    Raises `Invalid`; then there is no new file.
    """
    gateway, form, count, first = session.gateway, FORMATS[file.suffix], 0, ""

    def counted() -> Iterator[Row]:
        nonlocal count, first
        for row in gateway.rows(view.name, where, wait_for=wait):
            first = first or gateway.position
            count += 1
            shown.reach("rows", count, 0)
            yield row

    with replacing(file, binary=form.binary) as target:
        form.write(target, view, counted(), lambda: gateway.position)
    return {"rows": count, "from": first or gateway.position, "until": gateway.position}


def _csv(target: IO[str], view: View, rows: Iterator[Row], _position: object) -> None:
    columns = view.columns
    amounts = [name for name, kind in columns.items() if kind.startswith("amount")]
    writer = csv.writer(target)
    writer.writerow(columns)
    for row in rows:
        shown = in_units(row, amounts)
        writer.writerow([shown[name] if name in amounts else cell_of(shown.get(name)) for name in columns])


def cell_of(value: object) -> str:
    """A value that is no amount, as a cell that is no formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return json.dumps(value)


def _json_lines(target: IO[str], _view: View, rows: Iterator[Row], _position: object) -> None:
    for row in rows:
        target.write(json.dumps(row) + "\n")


FORMATS: Final[Mapping[str, Format]] = {
    ".csv": Format(_csv),
    ".jsonl": Format(_json_lines),
    ".parquet": Format(write_parquet, binary=True, require=require_parquet),
}
"""By the end of a file's name."""
