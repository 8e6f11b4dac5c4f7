"""Draws what `counterfoil.cli.render` describes, with Rich."""

from __future__ import annotations

import sys
from typing import Any, Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text  # noqa: TID251 `Words` are printable

from counterfoil.cli.render import Record, Rows, Words, cell, plain

_WIDTH: Final = 240  # characters where the output is not a terminal, so that nothing is cut off
_BEYOND: Final = 10_000  # characters, wider than any table


def draw(*shown: RenderableType, stderr: bool = False) -> None:
    """Print it on standard output or error."""
    console(stderr=stderr).print(Group(*shown))


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or error."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH
    made = _Console(stderr=stderr, width=width)
    if made.no_color:  # NO_COLOR: not bold either
        return _Console(stderr=stderr, width=width, color_system=None)
    return made


class _Console(Console):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        """Leave it to the command, whose exit code says it."""
        raise BrokenPipeError


def text(words: Words) -> Text:
    """Text in its style."""
    return Text(words.text, style=words.style)


def rows(shown: Rows, console: Console, options: ConsoleOptions) -> RenderResult:
    """A table, or a record per row where the terminal is too narrow for it."""
    if not shown.rows:
        yield plain(f"{shown.title}: none", "italic")
        return
    whole = _table(shown)
    if Measurement.get(console, options.update_width(_BEYOND), whole).maximum <= options.max_width:
        yield whole
        return
    yield plain(shown.title, "italic")
    for row in shown.rows:
        yield Record({name: row.get(name) for name in shown.columns})
        yield plain("")


def _table(shown: Rows) -> Table:
    made = Table(title=text(plain(shown.title)), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in shown.columns:
        made.add_column(name.replace("_", " "), justify="right" if name in shown.right else "left")
    for row in shown.rows:
        made.add_row(*(cell(row.get(name)) for name in shown.columns))
    return made


def record(shown: Record) -> Table:
    """One thing, with a line for each of its members."""
    made = Table.grid("", Column(overflow="fold"), padding=(0, 2))  # what is too wide goes on in the next line
    for name, value in shown.values.items():
        made.add_row(plain(name.replace("_", " "), "bold"), cell(value))
    return made
