"""Clocks: the system's, and virtual ones for demos, drills and tests, in one process or shared in a file.

A clock file holds the time for every process of an instance: 16 bytes, two signed integers in the machine's byte order
(so the file does not leave its machine): microseconds since the epoch, and how many of them are the clock's being set
wrong, in a drill. It is mapped, not read: an aligned store of 8 bytes is atomic, so that a reader sees the time before
or after a move and nothing between.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

from counterfoil.contract.times import parse_time
from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    from counterfoil.ports import Clock

LAST: Final = parse_time("2199-12-31T23:59:59.999999Z")
"""Every clock stops here. Entries made after it follow each other by a microsecond."""
_CELLS: Final = struct.Struct("=qq")
_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_TICK: Final = 0.5  # seconds between two moves of a clock that goes on
_UNDISTURBED: Final = 1_000_000  # nanoseconds in which two clocks must be read to be compared


class BadClock(CounterfoilError):
    """A clock file is missing, malformed, or driven by another process; the message names it."""


class SystemClock:
    """UTC from the operating system."""

    def now(self) -> int:
        """Microseconds since the epoch, at most `LAST`."""
        return min(time.time_ns() // 1_000, LAST)

    def offset(self) -> int:
        """Ahead of the time since the start of the machine: slewing and sleep change both alike, a step does not."""
        while True:
            before = since_boot()
            now = time.time_ns()
            if since_boot() - before < _UNDISTURBED:
                return (now - before) // 1_000


def since_boot() -> int:
    """Nanoseconds since the machine was started, its sleep included where the system counts that (Linux)."""
    return time.clock_gettime_ns(_BOOT)


class VirtualClock:
    """Stands still until it is moved: the same moves give the same log."""

    def __init__(self, start: int) -> None:
        self._now, self._offset = start, 0

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._now

    def advance_to(self, time_us: int) -> None:
        """Move on to `time_us`; never back."""
        self._now = max(self._now, time_us)

    def offset(self) -> int:
        """What `set_to` has added."""
        return self._offset

    def set_to(self, time_us: int) -> None:
        """Set it, as a person or a time server does that is wrong, or mends what was: no time has passed."""
        self._offset += time_us - self._now
        self._now = time_us


class FileClock:
    """The time in a clock file, set by its `ClockDriver`. Thread-safe."""

    _access = mmap.ACCESS_READ

    def __init__(self, path: Path) -> None:
        """Raises `BadClock`."""
        with ExitStack() as opened:
            try:
                file = opened.enter_context(path.open("rb" if self._access == mmap.ACCESS_READ else "r+b"))
                if os.fstat(file.fileno()).st_size != _CELLS.size:
                    raise BadClock(f"{path} is not a clock: it must have {_CELLS.size} bytes")
                self._own(path, file.fileno())
                mapped = opened.enter_context(mmap.mmap(file.fileno(), _CELLS.size, access=self._access))
            except OSError as problem:
                raise BadClock(f"cannot use the clock {path}: {problem.strerror or problem}") from problem
            self._cell = opened.enter_context(memoryview(mapped).cast("q"))
            if not 0 < self._cell[0] <= LAST:
                raise BadClock(f"{path} is not a clock: {self._cell[0]} is not a time from 1970 to 2199")
            self._opened = opened.pop_all()

    def _own(self, path: Path, handle: int) -> None:
        """Lock the file; only a driver needs that, readers share it."""

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._cell[0]

    def offset(self) -> int:
        """What `ClockDriver.set_to` has added."""
        return self._cell[1]

    def close(self) -> None:
        """Unmap the file; the clock must not be read afterwards. Idempotent."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ClockDriver(FileClock):
    """Moves the time in a clock file. Only one process at a time may: with two the time could step back."""

    _access = mmap.ACCESS_WRITE

    @staticmethod
    def create(path: Path, start: int) -> None:
        """Create a clock file with the time `start`. Raises FileExistsError."""
        with path.open("xb") as file:
            file.write(_CELLS.pack(start, 0))

    def _own(self, path: Path, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadClock(f"another process moves the clock {path}") from None

    def advance_to(self, time_us: int) -> None:
        """Move on to `time_us`; never back, and at most to `LAST`."""
        self._cell[0] = min(max(self._cell[0], time_us), LAST)

    def set_to(self, time_us: int) -> None:
        """Set it to a time up to `LAST`, for a drill: no time has passed. The offset goes first, for the guards."""
        self._cell[1] += time_us - self._cell[0]
        self._cell[0] = time_us


@contextmanager
def going_on(path: Path) -> Iterator[None]:
    """While the block runs, the time in a clock file goes on as time does; others may still move it on."""
    stop = Event()

    def move() -> None:
        last = since_boot()
        while not stop.wait(_TICK):
            passed = (since_boot() - last) // 1_000
            with suppress(BadClock), ClockDriver(path) as driver:  # what another process moves now, the next tick adds
                driver.advance_to(driver.now() + passed)
                last += passed * 1_000

    thread = Thread(target=move, name="clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def open_clock(path: Path | None) -> Clock:
    """The clock of a service: that of the file `path` (setting `clock`), else the system's. Raises `BadClock`."""
    return SystemClock() if path is None else FileClock(path)


def time_by(path: Path | None) -> int:
    """What such a clock says now: microseconds since the epoch. Raises `BadClock`."""
    if path is None:
        return SystemClock().now()
    with FileClock(path) as clock:
        return clock.now()
