"""Tables as data: one form for a page and for CSV, beside each chart too."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final, Literal

from counterfoil.contract.log_id import LogId
from counterfoil.contract.text import printable
from counterfoil.contract.times import format_hour, format_time

Kind = Literal["text", "id", "code", "amount", "number", "share", "time", "hour", "word", "list", "flag"]
NUMERIC: Final = frozenset({"amount", "number", "share"})
_ID: Final = re.compile(r"([a-z]{2,5})-(?:([a-z].*)-)?([0-9]{1,15})-([0-9]{1,6})(?:-[0-9]{1,6})?", re.ASCII)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the member of a row that it shows, its heading (a message), and how it is shown.

    A ``word`` is one of a few that are translated; a ``code`` is the same in every language.

    `unit`: the member with an amount's currency. `link`: an address with members in braces. `service`: in whose log the
    entry is that made the object whose id stands here; the cell can then be proven. `said`: that entry says the same
    under this name, so that the id's proof is that of this cell, too. `posting`: the member with the place of the
    posting after which this is what is available of a balance.
    """

    name: str
    label: str
    kind: Kind = "text"
    unit: str | None = None
    link: str | None = None
    service: str | None = None
    said: bool = False
    posting: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a caption (a message). `name` is what CSV is asked for by.

    `older`: the cursor of the page behind this one. `limited`: whether there are more rows than are shown.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    older: str | None = None
    limited: bool = False
    empty: str = ""

    def csv(self) -> str:
        """The rows as RFC 4180, with the members' own names; no cell begins a formula."""
        out = StringIO()
        writer = csv.writer(out)
        writer.writerow([column.name for column in self.columns])
        for row in self.rows:
            writer.writerow([_cell(column, row.get(column.name)) for column in self.columns])
        return out.getvalue()


def _cell(column: Column, value: object) -> str:
    if value is None:
        return ""
    if column.kind == "time" and isinstance(value, int):
        return format_time(value)
    if column.kind == "hour" and isinstance(value, int):
        return format_hour(value)
    if isinstance(value, list):
        return " ".join(map(str, value))
    text = printable(str(value))
    return f"'{text}" if column.kind not in NUMERIC and text.startswith(_FORMULA) else text


@dataclass(frozen=True, slots=True)
class Place:
    """Where the entry is that made an object: its log, its index, and which command of the batch."""

    log: LogId
    index: int
    item: int


def place_of(service: str, object_id: object) -> Place | None:
    """The entry that an id of a service's log names (``trade-14-0``); None for ids that parties choose."""
    found = _ID.fullmatch(str(object_id))
    if found is None:
        return None
    log = LogId(service, found[2]) if found[2] else LogId(service)
    return Place(log, int(found[3]), int(found[4]))
