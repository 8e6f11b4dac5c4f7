"""Progress bars on standard error; none with ``--json``, nor where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from counterfoil.cli.command import Out
from counterfoil.cli.drawing import console
from counterfoil.cli.render import plain


class Bars:
    """A bar per stage; the stage is the first word of `what`."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._tasks: dict[str, TaskID] = {}

    def advance(self, what: str, more: int, total: int) -> None:
        """Add `more` to what is done, of `total` in all (0: unknown)."""
        self._shown.update(self._task(what, total), description=what, advance=more)

    def reach(self, what: str, done: int, total: int) -> None:
        """Set what is done by now, of `total` in all."""
        self._shown.update(self._task(what, total), description=what, completed=done)

    def _task(self, what: str, total: int) -> TaskID:
        stage = what.partition(" ")[0]
        if stage not in self._tasks:
            self._tasks[stage] = self._shown.add_task(what, total=total or None)
        return self._tasks[stage]


class RateColumn(ProgressColumn):
    """How many were done in a second, lately."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> RenderableType:
        """The rate, once there is one."""
        speed = task.finished_speed or task.speed
        return plain("" if speed is None else f"{speed:,.0f} {self._what}/s")


@contextmanager
def bars(out: Out, counted: str = "") -> Iterator[Bars]:
    """Show bars while the block runs. `counted`: what is done, if its rate and the time remaining are to be shown."""
    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()]
    columns += [RateColumn(counted), TimeRemainingColumn()] if counted else [TimeElapsedColumn()]
    with Progress(
        *columns, console=console(stderr=True), transient=True, disable=out.json or not sys.stderr.isatty()
    ) as shown:
        yield Bars(shown)
