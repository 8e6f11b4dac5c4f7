"""Work beside the caller's thread, one piece at a time: a disk that is slow, or hangs, keeps nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import Generic, TypeVar

from counterfoil.contract.ensure import ensure

T = TypeVar("T")


class Background(Generic[T]):
    """At most one piece of work, from `begin` until its outcome is taken. For one thread.

    A process can end while the work hangs, so the work must be harmless wherever it ends.
    """

    def __init__(self, name: str) -> None:
        """`name`: of its threads."""
        self._name = name
        self._outcome: Future[T] | None = None
        self._since = 0.0

    def begin(self, work: Callable[[], T], *, on_thread: bool) -> None:
        """Do the work; without `on_thread`, or if the machine has no thread left, before this returns.

        Ensures that the outcome of the last work was taken. What the work raises is raised by `take`.
        """
        ensure(self._outcome is None, f"{self._name}: one piece of work at a time")
        outcome = self._outcome = Future[T]()
        self._since = time.monotonic()
        if not (on_thread and self._start(work, outcome)):
            _do(work, outcome)

    def is_running(self) -> bool:
        """Whether work has begun and not ended."""
        return self._outcome is not None and not self._outcome.done()

    def seconds(self) -> float:
        """How long ago the last work began."""
        return time.monotonic() - self._since

    def wait(self, within: float) -> bool:
        """Wait for so many seconds; False if work still runs."""
        if self._outcome is not None:
            wait([self._outcome], within)
        return not self.is_running()

    def take(self) -> T | None:
        """The outcome of the work, once; None if there is none. Raises what it raised. Ensures that it has ended."""
        ensure(not self.is_running(), f"{self._name}: the work has not ended")
        outcome, self._outcome = self._outcome, None
        return None if outcome is None else outcome.result()

    def _start(self, work: Callable[[], T], outcome: Future[T]) -> bool:
        try:
            Thread(target=_do, args=(work, outcome), name=self._name, daemon=True).start()
        except RuntimeError:
            return False
        return True


def _do(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as problem:  # noqa: BLE001 it is raised where the outcome is taken
        outcome.set_exception(problem)
