"""Health: named checks, and the answers to liveness and readiness probes made of them.

A check returns None if it passes, else the reason; it must not block. A check that has to wait (a database query)
belongs in `Background`, which runs it on its own thread, so that a hanging database never hangs a probe.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, Final

from counterfoil.ops.stuck import Sample, Watched, follow, stuck

Check = Callable[[], str | None]
"""None if it passes, else the reason."""

OK: Final = "ok"
_EVERY: Final = 5.0  # seconds between two runs of a background check
_OVERDUE: Final = 15.0  # seconds after which a missing result counts as a failure
_LOOP_WITHIN: Final = 5.0  # seconds in which an event loop must run a callback

log = logging.getLogger("counterfoil.health")


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """The answer to a probe: whether all checks pass, and a JSON object with those that fail."""

    well: bool
    body: dict[str, Any]


class Health:
    """The checks of one process; thread-safe: checks and probes may come at any time."""

    def __init__(self) -> None:
        self._start: dict[str, Check] = {}
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}
        self._facts: dict[str, Callable[[], object]] = {}

    def start(self, name: str, check: Check) -> None:
        """Add a check of the start; while it fails the process is live, if it is, and not ready."""
        self._start = {**self._start, name: check}

    def live(self, name: str, check: Check) -> None:
        """Add a liveness check; if it fails, restart the process: a worker failed for good, a consumer is stuck."""
        self._live = {**self._live, name: check}

    def ready(self, name: str, check: Check) -> None:
        """Add a readiness check; if it fails, the process cannot serve for now, and a restart does not help."""
        self._ready = {**self._ready, name: check}

    def fact(self, name: str, value: Callable[[], object]) -> None:
        """Show `value` (JSON) in both answers, for example the role ``active`` or ``standby``."""
        self._facts = {**self._facts, name: value}

    def startup(self) -> ProbeReport:
        """Whether everything has been started; once it has, the other two matter."""
        return self._report(self._start)

    def liveness(self) -> ProbeReport:
        """Whether the process should keep running."""
        return self._report(self._live)

    def readiness(self) -> ProbeReport:
        """Whether it can do its work now; a process that is not live is not ready."""
        return self._report({**self._start, **self._live, **self._ready})

    def _report(self, checks: Mapping[str, Check]) -> ProbeReport:
        found = {name: _ask(name, check) for name, check in checks.items()}
        well = all(reason is None for reason in found.values())
        facts = {name: value() for name, value in self._facts.items()}
        results = {name: OK if reason is None else reason for name, reason in found.items()}
        return ProbeReport(well, {"status": OK if well else "failing", **facts, "checks": results})


def _ask(name: str, check: Check) -> str | None:
    """A check that raises has failed. Probes are open to anyone, so the error itself goes to the log only."""
    try:
        return check()
    except Exception as problem:  # noqa: BLE001 any error fails the check
        log.warning("check %s failed: %r", name, problem)
        return f"the check failed with {type(problem).__name__}"


class Background:
    """Runs a check that may block again and again on its own thread; a call returns the last result at once.

    An overdue result is a failure, too. `every` and `overdue` are in seconds, by `clock`.
    """

    def __init__(
        self,
        name: str,
        check: Check,
        *,
        every: float = _EVERY,
        overdue: float = _OVERDUE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._check, self._every, self._overdue, self._clock = name, check, every, overdue, clock
        self._last: tuple[float, str | None] = (clock(), "not checked yet")
        self._closing = Event()
        self._thread = Thread(target=self._run, name=f"counterfoil-check-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def __call__(self) -> str | None:
        """The last result."""
        at, reason = self._last
        silent = self._clock() - at
        return reason if silent < self._overdue else f"no answer for {silent:.0f} s"

    def close(self) -> None:
        """Stop. A check that hangs is abandoned with its thread, which ends with the process."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(self._every)

    def _run(self) -> None:
        while not self._closing.is_set():
            reason = _ask(self._name, self._check)
            self._last = (self._clock(), reason)
            self._closing.wait(self._every)


class Responsive:
    """A check that an event loop responds: each call schedules a callback and looks whether the one before has run.

    `hand_over` is ``loop.call_soon_threadsafe`` or an equivalent: it returns at once, and raises RuntimeError once the
    loop is closed.
    """

    def __init__(
        self,
        hand_over: Callable[[Callable[[], None]], object],
        *,
        within: float = _LOOP_WITHIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hand_over, self._within, self._clock = hand_over, within, clock
        self._asked: float | None = None
        self._lock = Lock()

    def __call__(self) -> str | None:
        """None unless the loop has not run a callback for too long, or is closed."""
        with self._lock:
            now, asked = self._clock(), self._asked
            if asked is not None:
                silent = now - asked
                return None if silent < self._within else f"the event loop has not answered for {silent:.0f} s"
            self._asked = now
        try:
            self._hand_over(self._answer)
        except RuntimeError:
            self._asked = None
            return "the event loop is closed"
        return None

    def _answer(self) -> None:
        self._asked = None


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """One source of one consumer: its backlog in messages, and why it is stuck (None if it is not)."""

    consumer: str
    source: str
    lag: int
    reason: str | None


class Consumers:
    """Judges the progress of this process's consumers on every call of `look`.

    `read` gives a sample for each (consumer, source) that should make progress, and must not block. It leaves out
    sources that stand still for a known reason: those of a standby, or of a worker that is recovering. A source that
    reappears is watched from the start.
    """

    def __init__(self, read: Callable[[], Mapping[tuple[str, str], Sample]]) -> None:
        self._read = read
        self._watched: dict[tuple[str, str], Watched] = {}
        self._lock = Lock()

    def look(self) -> list[ConsumerStatus]:
        """Sample and judge all sources, in order of consumer and source."""
        with self._lock:
            samples = sorted(self._read().items())
            self._watched = {key: follow(self._watched.get(key), sample) for key, sample in samples}
            return [
                ConsumerStatus(*key, max(0, watched.sample.highwater - watched.sample.position), stuck(watched))
                for key, watched in self._watched.items()
            ]

    def check(self) -> str | None:
        """A check: None, or the sources that are stuck."""
        reasons = [f"{each.consumer} from {each.source}: {each.reason}" for each in self.look() if each.reason]
        return "; ".join(reasons) or None
