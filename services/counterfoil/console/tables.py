"""Tables as data: one form for a page and for CSV, beside each chart too."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final, Literal

from counterfoil.console.formats import MICRO
from counterfoil.contract.log_id import LogId
from counterfoil.contract.text import printable
from counterfoil.contract.times import format_hour, format_time

Kind = Literal[
    "text", "id", "code", "amount", "number", "share", "time", "hour", "word", "said", "quote", "list", "flag"
]
NUMERIC: Final = frozenset({"amount", "number", "share"})
_ID: Final = re.compile(r"([a-z]{2,5})-(?:([a-z].*)-)?([0-9]{1,15})-([0-9]{1,6})(?:-[0-9]{1,6})?", re.ASCII)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What formulas begin with in spreadsheets, in full width too, which those of East Asia read as the same."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the member of a row that it shows, its heading (a message), and how it is shown.

    A ``word`` is one of a few that are translated, and ``said`` is text that is translated where the language has it; a
    ``quote`` is English, as it was written; a ``code`` is the same in every language.

    `unit`: the member with an amount's currency. `link`: an address with members in braces. `service`: in whose log the
    entry is that made the object whose id stands here; the cell can then be proven. `said`: that entry says the same
    under this name, so that the id's proof is that of this cell, too. `posting`: the member with the place of the
    posting after which this is what is available of a balance. `balance`: the member of the same balance that this cell
    shows. `part`: the name of a total of which it is a part.
    """

    name: str
    label: str
    kind: Kind = "text"
    unit: str | None = None
    link: str | None = None
    service: str | None = None
    said: bool = False
    posting: str | None = None
    balance: str | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a caption (a message). `name` is what CSV is asked for by.

    `older`: the cursor of the page behind this one. `limited`: of how many rows these are made, the newest, if there
    are more; else 0. `actions`: what the reader may do about a row (`counterfoil.console.actions`).
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    older: str | None = None
    limited: int = 0
    empty: str = ""
    actions: tuple[Any, ...] = ()

    def csv(self) -> str:
        """The rows as RFC 4180, with the members' own names; no cell begins a formula.

        Amounts are decimal, in units of the currency that the last column names; shares are decimal, from 0 to 1.
        """
        out = StringIO()
        writer = csv.writer(out)
        names = [column.name for column in self.columns]
        unit = next((column.unit for column in self.columns if column.unit), None)
        writer.writerow(names if unit is None else [*names, "currency"])
        for row in self.rows:
            cells = [_cell(column, row.get(column.name)) for column in self.columns]
            writer.writerow(cells if unit is None else [*cells, row.get(unit) or ""])
        return out.getvalue()


def _cell(column: Column, value: object) -> str:
    if value is None:
        return ""
    if column.kind == "time" and isinstance(value, int):
        return format_time(value)
    if column.kind == "hour" and isinstance(value, int):
        return format_hour(value)
    if column.kind == "amount" and isinstance(value, int):
        return _decimal(value)
    if column.kind == "share" and isinstance(value, tuple):
        return f"{value[0] / value[1]:.6f}" if value[1] else ""
    if isinstance(value, list):
        return " ".join(map(str, value))
    text = printable(str(value))
    return f"'{text}" if column.kind not in NUMERIC and text.lstrip().startswith(_FORMULA) else text


def _decimal(micro: int) -> str:
    """An amount in units, with two to six decimals."""
    whole, part = divmod(abs(micro), MICRO)
    return f"{'-' if micro < 0 else ''}{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the entry is that made an object: its log, and its index."""

    log: LogId
    index: int


def place_of(service: str, object_id: object) -> Place | None:
    """The entry that an id of a service's log names (``trade-14-0``); None for ids that parties choose."""
    found = _ID.fullmatch(str(object_id))
    if found is None:
        return None
    log = LogId(service, found[2]) if found[2] else LogId(service)
    return Place(log, int(found[3]))
