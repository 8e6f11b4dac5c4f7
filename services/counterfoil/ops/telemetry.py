"""The telemetry of a process: metrics and, if there is a collector, traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.ops.metrics import Metrics

if TYPE_CHECKING:
    from counterfoil.ops.tracing import Tracing


class Instruments(Metrics):
    """The `Telemetry` of one process: counts everything, and traces if there is `tracing`."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        super().__init__()
        self._tracing = tracing

    def entry(self, log: LogId, entry: Entry, trace: str) -> str:
        """An entry was made; returns the `traceparent` for its own message."""
        return "" if self._tracing is None else self._tracing.entry(log, entry, trace)

    def received(self, log: LogId, trace: str, kind: str) -> str:
        """A gateway received a command; returns the `traceparent` for the command."""
        return "" if self._tracing is None else self._tracing.received(log, trace, kind)

    def answered(self, log: LogId, seconds: float, trace: str = "") -> None:
        """A gateway answered the command that carried `trace`, after `seconds`."""
        super().answered(log, seconds)
        if trace and self._tracing is not None:
            self._tracing.answered(trace)

    def close(self) -> None:
        """Send the traces that are queued, for a few seconds at most. Idempotent."""
        if self._tracing is not None:
            self._tracing.close()
