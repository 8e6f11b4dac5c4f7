"""A clock file that runs: the machine's time, moved on or set wrong by a drill."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from counterfoil.contract.times import SECOND
from counterfoil.runtime.clock import ClockDriver, SystemClock

_TICK = 0.02  # seconds


class TickingClock:
    """Drives the clock file `path`, made with the machine's time and `ahead` seconds, for the length of a block."""

    def __init__(self, path: Path, ahead: int = 0) -> None:
        self.path, self._ahead = path, ahead * SECOND
        ClockDriver.create(path, SystemClock().now() + self._ahead)
        self._driver = ClockDriver(path)
        self._lock, self._closing = Lock(), Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._driver.close()

    def _run(self) -> None:
        while not self._closing.wait(_TICK):
            with self._lock:
                self._driver.advance_to(SystemClock().now() + self._ahead)

    def move_on(self, seconds: int) -> None:
        """Let so much time pass at once."""
        with self._lock:
            self._ahead += seconds * SECOND

    def set_by(self, seconds: int) -> None:
        """Set it forward or back by so much, as a wrong time server does: no time passes."""
        with self._lock:
            self._ahead += seconds * SECOND
            self._driver.set_to(SystemClock().now() + self._ahead)
