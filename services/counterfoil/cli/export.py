"""`counterfoil export`: all rows of a view in a file, for spreadsheets and programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer

from counterfoil.cli.command import Invalid, Out, pairs
from counterfoil.cli.files import replacing
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.listing import VIEWS, Where
from counterfoil.cli.options import Wait, argument
from counterfoil.cli.progress import bars
from counterfoil.cli.render import record
from counterfoil.cli.values import in_units

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a cell that a spreadsheet reads as a formula; some read the wide forms so, too."""

Row = Mapping[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "export", "counterfoil export vouchers vouchers.csv --where programme_id=springfield-2026")
    def export(
        session: GatewaySession,
        view: Annotated[str, argument("VIEW", f"One of {', '.join(sorted(VIEWS))}.")],
        file: Annotated[Path, argument("FILE", "What to write: .csv or .jsonl.")],
        where: Where = None,
        wait: Wait = None,
    ) -> None:
        """Write all rows of a view into a file, which takes the place of an older one when it is complete.

        In CSV amounts are in units of the currency, lists and nested values JSON, and a text that a spreadsheet would
        take for a formula has an apostrophe before it. JSON Lines are rows as the gateway answers them: amounts are
        whole micro-units.
        """
        if view not in VIEWS:
            raise Invalid(f"there is no view {view}; these are: {', '.join(sorted(VIEWS))}")
        write = _FORMATS.get(file.suffix)
        if write is None:
            raise Invalid(f"{file}: the name ends in {' or '.join(_FORMATS)}")
        rows = session.gateway.rows(view, pairs(where or (), "--where"), wait_for=wait or ())
        done = {"view": view, "rows": _written(session.out, file, view, rows, write), "file": str(file)}
        session.out.show(done, record(done))


def _written(out: Out, file: Path, view: str, rows: Iterator[Row], write: Callable[..., None]) -> int:
    """How many rows were written. Raises `Invalid`; then there is no new file."""
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            shown.reach("rows", count, 0)
            yield row

    with replacing(file) as target, bars(out, "rows") as shown:
        write(target, view, counted())
    return count


def _csv(target: IO[str], view: str, rows: Iterator[Row]) -> None:
    columns = VIEWS[view].columns
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


def _json_lines(target: IO[str], _view: str, rows: Iterator[Row]) -> None:
    for row in rows:
        target.write(json.dumps(row) + "\n")


_FORMATS: Final[Mapping[str, Callable[..., None]]] = {".csv": _csv, ".jsonl": _json_lines}
