"""Health as data: named checks, and what they say to those who ask whether the process lives and can serve.

A check returns None, or in words why not; it must not wait. What has to wait for an answer (a query of a database)
belongs into `Background`, which asks in a thread of its own, so that a database that hangs never hangs a probe.
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
"""None, or why not."""

OK: Final = "ok"
_EVERY: Final = 5.0  # seconds between two answers of a check in the background
_OVERDUE: Final = 15.0  # seconds after which an answer that does not come counts as none
_LOOP_WITHIN: Final = 5.0  # seconds in which an event loop has to run what it was given

log = logging.getLogger("counterfoil.health")


@dataclass(frozen=True, slots=True)
class Report:
    """An answer to a probe: whether all is well, and a JSON object that says what is not."""

    well: bool
    body: dict[str, Any]


class Health:
    """The checks of one process; they may be added, and reports asked for, at any time and from any thread."""

    def __init__(self) -> None:
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}
        self._facts: dict[str, Callable[[], object]] = {}

    def live(self, name: str, check: Check) -> None:
        """Without this the process had better be started again: a worker failed for good, a consumer is stuck."""
        self._live = {**self._live, name: check}

    def ready(self, name: str, check: Check) -> None:
        """Without this it cannot serve for now, and a new start would not help: the database, Kafka, a log to load."""
        self._ready = {**self._ready, name: check}

    def fact(self, name: str, value: Callable[[], object]) -> None:
        """Say `value` (something JSON has) in both reports, for example the role ``active`` or ``standby``."""
        self._facts = {**self._facts, name: value}

    def liveness(self) -> Report:
        """Whether the process is worth keeping."""
        return self._report(self._live)

    def readiness(self) -> Report:
        """Whether it can do its work now; whatever is not alive is not ready."""
        return self._report({**self._live, **self._ready})

    def _report(self, checks: Mapping[str, Check]) -> Report:
        found = {name: _ask(name, check) for name, check in checks.items()}
        well = all(reason is None for reason in found.values())
        facts = {name: value() for name, value in self._facts.items()}
        said = {name: OK if reason is None else reason for name, reason in found.items()}
        return Report(well, {"status": OK if well else "failing", **facts, "checks": said})


def _ask(name: str, check: Check) -> str | None:
    """A check that raises has failed. Probes answer anybody, so the error itself is told to the log alone."""
    try:
        return check()
    except Exception as problem:  # noqa: BLE001 whatever it is, it is not well
        log.warning("check %s failed: %r", name, problem)
        return f"the check failed with {type(problem).__name__}"


class Background:
    """A check that may wait, asked again and again in a thread of its own; called, it says the last answer at once.

    An answer that is overdue is a reason too. `every` and `overdue` are in seconds, by `clock`.
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
        self._said: tuple[float, str | None] = (clock(), "not asked yet")
        self._closing = Event()
        self._thread = Thread(target=self._run, name=f"counterfoil-check-{name}", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def __call__(self) -> str | None:
        """What was said last."""
        at, reason = self._said
        silent = self._clock() - at
        return reason if silent < self._overdue else f"no answer for {silent:.0f} s"

    def close(self) -> None:
        """Ask no more. A question that hangs is left behind with its thread, which ends with the process."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(self._every)

    def _run(self) -> None:
        while not self._closing.is_set():
            reason = _ask(self._name, self._check)
            self._said = (self._clock(), reason)
            self._closing.wait(self._every)


class Responsive:
    """A check that an event loop runs what it is given: a call hands it a note, the next looks for its answer.

    `hand_over` is ``loop.call_soon_threadsafe``, or the like of it: it returns at once, and raises RuntimeError once
    the loop is closed.
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
        """None unless the loop has left a note unanswered for too long, or is closed."""
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
class Judged:
    """One source of one consumer: how many messages it is behind, and why it is stuck, if it is."""

    consumer: str
    source: str
    lag: int
    reason: str | None


class Consumers:
    """Judges what the consumers of this process read, whenever somebody looks.

    `read` gives a sample for each (consumer, source) that ought to be moving, and must not wait. It leaves out what
    stands still for a reason that is known and shown elsewhere: the sources of a standby, or of a worker that is
    recovering. A source that comes back is watched afresh.
    """

    def __init__(self, read: Callable[[], Mapping[tuple[str, str], Sample]]) -> None:
        self._read = read
        self._watched: dict[tuple[str, str], Watched] = {}
        self._lock = Lock()

    def look(self) -> list[Judged]:
        """Take a sample of everything and judge it, in order of consumer and source."""
        with self._lock:
            samples = sorted(self._read().items())
            self._watched = {key: follow(self._watched.get(key), sample) for key, sample in samples}
            return [
                Judged(*key, max(0, watched.sample.highwater - watched.sample.position), stuck(watched))
                for key, watched in self._watched.items()
            ]

    def check(self) -> str | None:
        """A check: which sources are stuck."""
        reasons = [f"{each.consumer} from {each.source}: {each.reason}" for each in self.look() if each.reason]
        return "; ".join(reasons) or None
