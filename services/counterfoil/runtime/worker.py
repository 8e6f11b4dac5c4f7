"""Runs a `step` function on its own thread: one writer thread per log, one for receipts, one for views."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Final

from counterfoil.errors import CounterfoilError
from counterfoil.ports import Unavailable
from counterfoil.runtime.backoff import Backoff
from counterfoil.runtime.os_errors import classified
from counterfoil.runtime.standstill import Standstill, standstill_of
from counterfoil.runtime.telemetry import NOTHING, Telemetry

_BACKOFF: Final = Backoff(0.05, 5.0, growth=4.0)

log = logging.getLogger("counterfoil.worker")


class Worker:
    """Calls `step` until stopped. If the infrastructure fails it calls `recover` and retries, with back-off.

    Any other error (a missing file, a broken invariant, a proof that does not hold, a second writer, a bug) stops the
    worker: `failure` says why, and `on_fatal` is called with it.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        *,
        recover: Callable[[], None],
        wake: Callable[[], None],
        on_fatal: Callable[[str], None],
        telemetry: Telemetry = NOTHING,
    ) -> None:
        self.name, self.failure = name, ""
        self.standstill: Standstill | None = None
        """Why the last step failed, if because of the infrastructure; None once a step has succeeded."""
        self.succeeded: float | None = None
        """When the last step succeeded, by `time.monotonic`; None before the first."""
        self._step, self._recover, self._wake, self._on_fatal = step, recover, wake, on_fatal
        self._telemetry = telemetry
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"counterfoil-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step under way and end."""
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pauses: Iterator[float] | None = None  # pauses for failures in a row; None if the last step succeeded
        while not self._stopping.is_set():
            try:
                if pauses is not None:
                    self._recover()
                self._step()
                pauses, self.standstill, self.succeeded = None, None, time.monotonic()
            except Exception as raised:  # noqa: BLE001 any error but `Unavailable` is logged and stops the worker
                problem = classified(raised)
                if not isinstance(problem, Unavailable):
                    self._fail(problem)
                    return
                self.standstill = standstill_of(problem)
                log.warning("%s: step failed, recovering: %s", self.name, self.standstill.text)
                self._telemetry.recovering(self.name)
                pauses = iter(_BACKOFF) if pauses is None else pauses
                self._stopping.wait(next(pauses))

    def _fail(self, problem: Exception) -> None:
        known = isinstance(problem, CounterfoilError)  # its message is complete
        self.failure = f"{self.name} stopped: {problem if known else repr(problem)}"
        log.critical(self.failure, exc_info=None if known else problem)
        self._on_fatal(self.failure)
