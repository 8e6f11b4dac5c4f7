"""`counterfoil clock`: what every log says of its clock, and a person's word that the time is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.cli.command import FOUND, Invalid, Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.late import group
from counterfoil.cli.options import Home
from counterfoil.cli.render import Rows, plain
from counterfoil.contract.times import format_time
from counterfoil.instance import Instance

if TYPE_CHECKING:
    from counterfoil.bootstrap.clocks import LogClock

_COLUMNS: Final = ("log", "last_entry", "last_sign_of_life", "waits_for")

app = group("clock")

Logs = Annotated[
    list[str] | None, typer.Argument(help="SERVICE or SERVICE/SHARD; all if none is named.", metavar="LOG...")
]


@local(app, "status", "counterfoil clock status --json", tabular=True)
def status(out: Out, logs: Logs = None, home: Home = None) -> None:
    """Show the time here, and per log its last entry, the writer's last sign of life, and what the writer waits for.

    A writer that decides gives a sign of life every few seconds. One whose clock was set, or does not fit the log,
    decides nothing: mend the clock of its machine, or see `counterfoil clock accept`. Run it where `up` runs; for the
    distributed form with COUNTERFOIL_DATABASE and COUNTERFOIL_SECRETS. Exit code 0: no log waits; 1: some do.
    """
    shown = _clocks(out, _instance(out, home), logs)
    _show(out, "logs", shown)
    if any(each.asked is not None for each in shown):
        raise typer.Exit(FOUND)


@local(app, "accept", "counterfoil clock accept ledger matching")
def accept(out: Out, logs: Logs = None, home: Home = None) -> None:
    """Say that the time is right for which a log's writer waits; it goes on within a second, and remembers the word.

    What is decided by a wrong clock stays for good: first compare the time that `counterfoil clock status` shows with
    another clock. Repeating it is harmless, and no time is accepted but the one that is shown. Exit code 0, also if
    nothing waits.
    """
    from counterfoil.bootstrap.clocks import accept as accept_shown

    instance = _instance(out, home)
    accepted = accept_shown(instance, out.settings, _clocks(out, instance, logs))
    if not accepted:
        out.note("no log waits")
    _show(out, "accepted", accepted)


def _instance(out: Out, home: Any) -> Instance:
    return Instance(home if home is not None else out.settings.home)


def _clocks(out: Out, instance: Instance, names: list[str] | None) -> list[LogClock]:
    """Those of the logs named. Raises `Invalid` for a name that is none here."""
    with extra("distributed"):
        from counterfoil.bootstrap.clocks import clocks

    known = {name: log for log in instance.logs() for name in (log.name, str(log))}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise Invalid(f"{unknown[0]!r} is no log here: choose from {', '.join(log.name for log in instance.logs())}")
    wanted = {known[name] for name in names or known}
    return [each for each in clocks(instance, out.settings) if each.log in wanted]


def _show(out: Out, title: str, clocks: list[LogClock]) -> None:
    from counterfoil.runtime.clock import time_by

    now = format_time(time_by(out.settings.clock))
    rows = [_row(each) for each in clocks]
    table = Rows(title, rows, _COLUMNS)
    out.show({"time_here": now, title: rows}, plain(f"It is {now} here."), table, rows=rows)


def _row(clock: LogClock) -> dict[str, Any]:
    presence = clock.presence
    asked, why = (None, None) if presence is None or clock.asked is None else (clock.asked, presence.text)
    return {
        "log": clock.log.name,
        "last_entry": None if clock.last_entry is None else format_time(clock.last_entry),
        "last_sign_of_life": None if presence is None else format_time(presence.alive),
        "asked": None if asked is None else format_time(asked),
        "waits_for": why,
    }
