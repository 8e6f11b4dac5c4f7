"""What a report is: columns of a stated type and unit, a function that makes rows, and a header that all have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from counterfoil.contract.canonical import canonical
from counterfoil.contract.ensure import ensure
from counterfoil.contract.times import format_time
from counterfoil.reports.folding import Folded
from counterfoil.reports.tables import Ref, Row

Kind = Literal["text", "amount", "int", "bps", "time", "day", "json"]
KINDS: Final[Mapping[Kind, str]] = {
    "text": "text",
    "amount": "micro-units of the header's `unit`, a decimal string",
    "int": "a whole number",
    "bps": "hundredths of a per cent, rounded down",
    "time": "UTC, RFC 3339",
    "day": "YYYY-MM-DD",
    "json": "a JSON value; in CSV as text",
}
"""The types of columns, and how their values are written. Any value may be null, which in CSV is empty."""
BPS: Final = 10_000
FORMAT: Final = "counterfoil.report/1"
REPORT_TYPE: Final = "application/vnd.counterfoil.report.v1+json"
"""The payload type of a signed report's DSSE envelope."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, the type of its values, what it says, and the unit of a number that is no amount."""

    name: str
    kind: Kind
    says: str
    unit: str = ""


def columns(*given: str) -> tuple[Column, ...]:
    """Columns from texts ``name kind[/unit]: what it says``."""
    made = []
    for text in given:
        head, _, says = text.partition(": ")
        name, _, kind = head.partition(" ")
        kind, _, unit = kind.partition("/")
        ensure(kind in KINDS and bool(says), f"not a column: {text}")
        made.append(Column(name, kind, says, unit))  # type: ignore[arg-type]
    return tuple(made)


Rows = Callable[[Folded, str], Iterable[Row]]
"""(what was read, programme) -> its rows, each with exactly the report's columns."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report: for whom it is, what it shows, what it cannot show from logs, and the function that makes its rows."""

    id: str
    title: str
    readers: str
    says: str
    columns: tuple[Column, ...]
    rows: Rows
    lacks: str = ""


def header(folded: Folded, report: Report, programme_id: str, generator: str) -> dict[str, Any]:
    """What every report says of itself, as JSON values."""
    row = folded.programme(programme_id) or {}
    return {
        "format": FORMAT,
        "report": report.id,
        "title": report.title,
        "programme_id": programme_id,
        "programme_version": row.get("version"),
        "rules_hash": folded.rules_hash(programme_id),
        "unit": row.get("currency"),
        "as_of": format_time(folded.time),
        "logs": [
            {
                "origin": log.checkpoint.origin, "first": 0, "last": folded.sizes[id_] - 1,
                "root": folded.root(id_).hex(),
            }
            for id_, log in sorted(folded.logs.items())
        ],
        "keys": "pinned" if folded.pinned else "as published",
        "not_consumed": folded.backlog(),
        "given": folded.given.shown(),
        "generator": generator,
    }  # fmt: skip


def made(folded: Folded, report: Report, programme_id: str, generator: str) -> dict[str, Any]:
    """A report as JSON values: `header`, `columns` and `rows`."""
    head = header(folded, report, programme_id, generator)
    described = [
        {"name": each.name, "type": each.kind, "unit": each.unit, "says": each.says} for each in report.columns
    ]
    return {"header": head, "columns": described, "rows": written(report.columns, report.rows(folded, programme_id))}


def written(of: Sequence[Column], rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as JSON values. Ensures that each has these columns, and no other."""
    names = [each.name for each in of]
    found = []
    for row in rows:
        ensure(row.keys() == set(names), f"a row has other columns: {sorted(row.keys() ^ set(names))}")
        found.append({each.name: _value(each.kind, row[each.name]) for each in of})
    return found


def _value(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind == "amount":
        return str(value)
    return format_time(value) if kind == "time" else value


def share(part: int, whole: int) -> int | None:
    """A part of a whole in hundredths of a per cent, rounded down; None of nothing."""
    return part * BPS // whole if whole else None


def places(refs: Iterable[Ref]) -> list[str]:
    """Entries by name, such as ``ledger:17``."""
    return [f"{ref.log.name}:{ref.index}" for ref in refs]


def as_json(report: Mapping[str, Any]) -> bytes:
    """A report as RFC 8785 bytes."""
    return canonical(report)


def heading_lines(report: Mapping[str, Any]) -> str:
    """A report's header as lines that begin with ``#``, as CSV on the Web has comments: a name and its JSON value."""
    return "".join(f"# {name}: {canonical(value).decode()}\n" for name, value in report["header"].items())
