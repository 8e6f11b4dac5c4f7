"""What the shell tells those who watch. Nothing here may change what is decided, and nothing may fail or wait.

`NOTHING` is what the embedded form uses; `counterfoil.ops` has the one that counts and traces.
"""

from __future__ import annotations

from typing import Final, Protocol

from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId


class Telemetry(Protocol):
    """Hooks of a process, called from any of its threads.

    A *trace* is a W3C `traceparent`, empty where there is none.
    """

    def consumed(self, log: LogId, source: str, count: int) -> None:
        """`count` messages of `source` (an origin or ``commands``) were taken by `log`."""

    def committed(self, log: LogId, entries: int, seconds: float, size: int) -> None:
        """One transaction appended `entries` and took `seconds`; the log has `size` entries now."""

    def published(self, log: LogId, size: int, time: int) -> None:
        """A checkpoint over `size` entries was published at `time`, UTC microseconds."""

    def refused(self, log: LogId, code: str, stage: str) -> None:
        """A command was refused with `code`, at stage ``intake`` (no entry) or ``decided`` (recorded)."""

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """An entry was made because of a message that carried `trace`; returns what its own message carries on."""

    def recovering(self, worker: str) -> None:
        """A worker's step failed for want of infrastructure; it will recover and try again."""

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """A gateway took in a command of type `kind`; the request carried `trace`; returns what the command carries."""

    def answered(self, log: LogId, seconds: float, trace: str) -> None:
        """A gateway answered a command `seconds` after it came in, or gave up; `trace` is what `received` returned."""


class _Nothing:
    """Watches nothing."""

    def consumed(self, log: LogId, source: str, count: int) -> None:
        """Nothing."""

    def committed(self, log: LogId, entries: int, seconds: float, size: int) -> None:
        """Nothing."""

    def published(self, log: LogId, size: int, time: int) -> None:
        """Nothing."""

    def refused(self, log: LogId, code: str, stage: str) -> None:
        """Nothing."""

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """No trace goes on."""
        return ""

    def recovering(self, worker: str) -> None:
        """Nothing."""

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """No trace begins."""
        return ""

    def answered(self, log: LogId, seconds: float, trace: str) -> None:
        """Nothing."""


NOTHING: Final[Telemetry] = _Nothing()
