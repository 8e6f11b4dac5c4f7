"""Reads the tables of the demo: its own, and those of a cluster trace."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from counterfoil.errors import CounterfoilError

MAX_ROWS: Final = 200_000


class BadTrace(CounterfoilError):
    """A trace file has a form that the demo cannot read; the message names the line."""


def rows(path: Path | None, bundled: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a CSV file, or of the bundled one, with their numbers from 2. Raises `BadTrace`."""
    source = path if path is not None else Path(str(resources.files("counterfoil.demo"))) / "data" / bundled
    try:
        with source.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise BadTrace(f"{source}: no column {missing[0]!r} in the first line")
            for line, row in enumerate(reader, 2):
                if line > MAX_ROWS:
                    raise BadTrace(f"{source}: more than {MAX_ROWS} lines")
                yield line, {name: value or "" for name, value in row.items()}
    except (OSError, UnicodeDecodeError) as problem:
        raise BadTrace(f"cannot read {source}: {problem}") from problem
