"""Files of commands: CSV with a header or JSON Lines, each line the options of one command by their names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from counterfoil.cli.command import Invalid
from counterfoil.cli.files import read_text

MAX_FILE_BYTES: Final = 64 << 20
MAX_LINES: Final = 100_000
MAX_LINE_CHARS: Final = 16_384
SEPARATOR: Final = ";"
"""Between the values of one cell of a CSV file."""


@dataclass(frozen=True, slots=True)
class Line:
    """The values of one line, by column; an empty value is none. `number`: of the line in the file, from 1."""

    number: int
    values: Mapping[str, Sequence[str]]


def read_lines(path: Path) -> list[Line]:
    """The lines of a file: JSON Lines if its name ends in .jsonl or .ndjson, else CSV. Raises `Invalid`."""
    text = read_text(path, MAX_FILE_BYTES)
    read = _json_lines if path.suffix in (".jsonl", ".ndjson") else _csv
    lines: list[Line] = []
    for line in read(path, text):
        if len(lines) == MAX_LINES:
            raise Invalid(f"{path} has more than {MAX_LINES} lines: divide it")
        lines.append(line)
    if not lines:
        raise Invalid(f"{path} has no lines")
    return lines


def _csv(path: Path, text: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    try:
        for row in reader:
            if not any(row):
                continue
            if sum(map(len, row)) > MAX_LINE_CHARS:
                raise Invalid(f"{path}, line {reader.line_num}: longer than {MAX_LINE_CHARS} characters")
            if not header:
                header = _header(path, row)
            elif len(row) != len(header):
                raise Invalid(f"{path}, line {reader.line_num}: {len(row)} values for {len(header)} columns")
            else:
                cells = zip(header, row, strict=True)
                yield Line(reader.line_num, {name: _split(cell) for name, cell in cells if cell.strip()})
    except csv.Error as problem:
        raise Invalid(f"{path}, line {reader.line_num}: not CSV: {problem}") from problem


def _header(path: Path, row: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in row]
    if len(set(names)) < len(names) or "" in names:
        raise Invalid(f"{path}: the first line names every column, each once")
    return names


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(SEPARATOR) if part.strip()]


def _json_lines(path: Path, text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_CHARS:
            raise Invalid(f"{path}, line {number}: longer than {MAX_LINE_CHARS} characters")
        try:
            value = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError) as problem:
            raise Invalid(f"{path}, line {number}: not JSON: {problem}") from problem
        if not isinstance(value, dict):
            raise Invalid(f"{path}, line {number}: an object with the columns as members is expected")
        yield Line(number, {name: _texts(path, number, name, each) for name, each in value.items() if each is not None})


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises ValueError if a member is there twice: one of them would not count."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is there twice")
    return found


def _texts(path: Path, number: int, name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | int) for each in values):
        raise Invalid(f"{path}, line {number}: {name} is a text, a whole number, true or false, or a list of those")
    return [str(each) for each in values]
