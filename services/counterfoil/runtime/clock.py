"""Clocks: the system's, and a virtual one for the demo and the simulator."""

from __future__ import annotations

import time


class SystemClock:
    """UTC from the operating system."""

    def now(self) -> int:
        """Microseconds since the epoch."""
        return time.time_ns() // 1_000


class VirtualClock:
    """Stands still until it is moved: the same moves give the same log."""

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._now

    def advance_to(self, time_us: int) -> None:
        """Move on to `time_us`; never back."""
        self._now = max(self._now, time_us)
