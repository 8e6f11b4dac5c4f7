"""Output for people: lines, tables and records, as values; `counterfoil.cli.drawing` draws them.

Values are never read as markup, and what in them is not printable is escaped: logs hold what anybody wrote. So `plain`
and `lines` are the one place where text is made. Rich is imported when something is drawn: programs ask for no drawing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from counterfoil.contract.text import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_LINE: Final = 100  # characters of a list in one line


class Words:
    """Text in one style, printable."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, style: str = "") -> None:
        self.text, self.style = text, style

    def __str__(self) -> str:
        return self.text

    def __rich__(self) -> RenderableType:
        from counterfoil.cli.drawing import text

        return text(self)


def plain(text: str, style: str = "") -> Words:
    """One line of text."""
    return Words(printable(text), style)


def lines(texts: Iterable[str]) -> Words:
    """Several lines of text."""
    return Words("\n".join(map(printable, texts)))


def cell(value: object) -> Words:
    """A value in one cell: `Words` as they are, a list with commas or, if long, one item per line; nested values as
    JSON, none as a dash.
    """
    if isinstance(value, Words):
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
        from counterfoil.cli.drawing import rows

        return rows(self, console, options)


class Record:
    """One thing, with a line for each of its members."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __rich__(self) -> RenderableType:
        from counterfoil.cli.drawing import record

        return record(self)
