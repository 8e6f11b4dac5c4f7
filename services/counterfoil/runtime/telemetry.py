"""Telemetry hooks of the shell. They must not change what is decided, and must neither fail nor wait.

What plays alone uses `NOTHING`; `counterfoil.ops` has the implementation that counts and traces.
"""

from __future__ import annotations

from typing import Final, Protocol

from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId


class Telemetry(Protocol):
    """Hooks of a process, called from any of its threads.

    A *trace* is a W3C `traceparent`, or empty.
    """

    def consumed(self, log: LogId, source: str, count: int) -> None:
        """`log` consumed `count` messages of `source` (an origin or ``commands``)."""

    def committed(self, log: LogId, entries: int, seconds: float, size: int) -> None:
        """One transaction appended `entries` and took `seconds`; the log has `size` entries now."""

    def published(self, log: LogId, size: int, time: int) -> None:
        """A checkpoint over `size` entries was published at `time`, UTC microseconds."""

    def refused(self, log: LogId, code: str, stage: str) -> None:
        """A command was refused with `code`, at stage ``intake`` (no entry) or ``decided`` (recorded)."""

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """An entry was made because of a message that carried `trace`; returns the trace for its own message."""

    def recovering(self, worker: str) -> None:
        """A worker's step failed because of the infrastructure; it will recover and retry."""

    def cause_ahead(self, log: LogId, source: str, wait: int) -> None:
        """The next event of `source` waits `wait` microseconds for the clock of `log`; 0 once it is taken."""

    def standstill(self, log: LogId, code: str) -> None:
        """`log` decides nothing, for a reason with this code; empty once it decides again."""

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """A gateway received a command of type `kind`; the request carried `trace`; returns the command's trace."""

    def answered(self, log: LogId, seconds: float, trace: str) -> None:
        """A gateway answered a command after `seconds`, or timed out; `trace` is what `received` returned."""

    def webhook(self, *, delivered: bool, seconds: float) -> None:
        """A gateway tried for `seconds` to deliver an event to a webhook."""


class _Nothing:
    """Telemetry that does nothing."""

    def consumed(self, log: LogId, source: str, count: int) -> None:
        """Nothing."""

    def committed(self, log: LogId, entries: int, seconds: float, size: int) -> None:
        """Nothing."""

    def published(self, log: LogId, size: int, time: int) -> None:
        """Nothing."""

    def refused(self, log: LogId, code: str, stage: str) -> None:
        """Nothing."""

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """No trace."""
        return ""

    def recovering(self, worker: str) -> None:
        """Nothing."""

    def cause_ahead(self, log: LogId, source: str, wait: int) -> None:
        """Nothing."""

    def standstill(self, log: LogId, code: str) -> None:
        """Nothing."""

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """No trace."""
        return ""

    def answered(self, log: LogId, seconds: float, trace: str) -> None:
        """Nothing."""

    def webhook(self, *, delivered: bool, seconds: float) -> None:
        """Nothing."""


NOTHING: Final[Telemetry] = _Nothing()
