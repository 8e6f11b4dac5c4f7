"""Meter readings as lines of `usage report`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

from counterfoil.cli.bulk import SHOWN
from counterfoil.cli.command import Invalid
from counterfoil.cli.lines import Line, read_lines
from counterfoil.cli.values import parse_delivery_hour
from counterfoil.contract.times import format_hour
from counterfoil.redemption.commands import Reading

_COLUMNS: Final = ("contract", "hour", "gpu_minutes")


def read_readings(file: Path) -> list[Line]:
    """The readings of a file, by contract and hour, whatever their order there. Raises `Invalid` for all bad lines."""
    found: dict[tuple[str, int], Line] = {}
    bad: list[str] = []
    for line in read_lines(file):
        try:
            contract, hour, minutes = _values(line)
            key = contract, parse_delivery_hour(hour)
        except ValueError as problem:
            bad.append(f"line {line.number}: {problem}")
            continue
        before = found.setdefault(key, _line(line.number, contract, key[1], minutes))
        if before.number != line.number:
            bad.append(f"line {line.number}: line {before.number} has this hour of the contract, too")
    if bad:
        raise Invalid(f"{file}: {len(bad)} lines are wrong, and nothing was sent:", *bad[:SHOWN])
    return [line for _, line in sorted(found.items(), key=itemgetter(0))]


def lines_of(contract: str, readings: Sequence[Reading]) -> list[Line]:
    """The same for readings of one contract."""
    return [_line(nth, contract, each.hour, str(each.gpu_minutes)) for nth, each in enumerate(readings, 1)]


def _values(line: Line) -> tuple[str, str, str]:
    if line.values.keys() != set(_COLUMNS) or any(len(each) != 1 for each in line.values.values()):
        raise ValueError(f"one value is expected in each of the columns {', '.join(_COLUMNS)}, and no other column")
    contract, hour, minutes = (line.values[name][0] for name in _COLUMNS)
    return contract, hour, minutes


def _line(number: int, contract: str, hour: int, minutes: str) -> Line:
    return Line(number, {"contract": [contract], "reading": [f"{format_hour(hour)}={minutes}"]})
