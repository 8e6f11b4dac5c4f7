"""Output for programs: CSV (RFC 4180) and TSV, with a header; values as in JSON."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

from counterfoil.contract.text import printable

Format = Literal["table", "json", "csv", "tsv"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def parse_format(text: str) -> Format:
    """One of the formats. Raises ValueError."""
    found: dict[str, Format] = {each: each for each in get_args(Format)}
    if text not in found:
        raise ValueError(f"a format is one of {', '.join(FORMATS)}")
    return found[text]


def separated(value: object, form: Format, columns: Sequence[str] = ()) -> str:
    """A row, or a list of rows, as CSV or TSV.

    `columns`: in their order; by default those of the rows, as they first come. Amounts are whole micro-units, a null
    is empty, lists and nested values are JSON; in TSV a backslash, tab or end of a line is written ``\\\\``, ``\\t`` or
    ``\\n``.
    """
    rows: list[Mapping[str, Any]] = value if isinstance(value, list) else [value]  # type: ignore[list-item]
    names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    table = [names, *([_text(row.get(name)) for name in names] for row in rows)]
    if sys.stdout.isatty():  # nothing that a log holds may steer a terminal
        table = [[printable(cell) for cell in row] for row in table]
    if form == "tsv":
        return "".join("\t".join(cell.translate(_ESCAPES) for cell in row) + "\n" for row in table)
    made = io.StringIO(newline="")
    csv.writer(made).writerows(table)
    return made.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
