"""Output for people: lines, tables and records.

Values are never read as markup, and what in them is not printable is escaped: logs hold what anybody wrote. So `plain`
is the one place where text becomes Rich's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text  # noqa: TID251 here it is escaped

from counterfoil.contract.text import printable

_WIDTH: Final = 240  # characters where the output is not a terminal, so that nothing is cut off
_BEYOND: Final = 10_000  # characters, wider than any table
_LINE: Final = 100  # characters of a list in one line


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or error."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH
    made = _Console(stderr=stderr, width=width, highlight=False)
    if made.no_color:  # NO_COLOR: not bold either
        return _Console(stderr=stderr, width=width, highlight=False, color_system=None)
    return made


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command, whose exit code says it."""
        raise BrokenPipeError


def plain(text: str, style: str = "") -> Text:
    """One line of text."""
    return Text(printable(text), style=style)


def lines(texts: Iterable[str]) -> Text:
    """Several lines of text."""
    return Text("\n".join(map(printable, texts)))


def cell(value: object) -> Text:
    """A value in one cell: `Text` as it is, a list with commas or, if long, one item per line; nested values as JSON,
    none as a dash.
    """
    if isinstance(value, Text):
        return value
    if value is None or value in ("", [], ()):
        return plain("-", "dim")
    if isinstance(value, bool):
        return plain("yes" if value else "no")
    if isinstance(value, list | tuple) and not any(isinstance(each, dict | list | tuple) for each in value):
        texts = [str(each) for each in value]
        return plain(", ".join(texts)) if sum(map(len, texts)) < _LINE else lines(texts)
    return plain(json.dumps(value) if isinstance(value, dict | list | tuple) else str(value))


class Rows:
    """A table; where the terminal is too narrow for it, a record per row; without rows one line.

    `columns`: the members to show; those in `right` are aligned to the right.
    """

    def __init__(
        self, title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], right: Sequence[str] = ()
    ) -> None:
        self.title, self.rows, self.columns, self.right = title, rows, columns, right

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.rows:
            yield plain(f"{self.title}: none", "italic")
            return
        whole = self._table()
        if Measurement.get(console, options.update_width(_BEYOND), whole).maximum <= options.max_width:
            yield whole
            return
        yield plain(self.title, "italic")
        for row in self.rows:
            yield record({name: row.get(name) for name in self.columns})
            yield plain("")

    def _table(self) -> Table:
        made = Table(title=plain(self.title), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in self.columns:
            made.add_column(name.replace("_", " "), justify="right" if name in self.right else "left")
        for row in self.rows:
            made.add_row(*(cell(row.get(name)) for name in self.columns))
        return made


def record(values: Mapping[str, Any]) -> Table:
    """One thing, with a line for each of its members."""
    made = Table.grid("", Column(overflow="fold"), padding=(0, 2))  # what is too wide goes on in the next line
    for name, value in values.items():
        made.add_row(plain(name.replace("_", " "), "bold"), cell(value))
    return made
