"""What is watched of one process, whichever form it serves: metrics, traces, checks, and the probes that show them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from counterfoil.ops.health import Consumers, Health
from counterfoil.ops.probes import Probes, pages
from counterfoil.ops.stuck import Sample
from counterfoil.ops.telemetry import Instruments
from counterfoil.runtime.runner import Runner
from counterfoil.runtime.worker import Worker
from counterfoil.settings import Listen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from counterfoil.bootstrap.embedded import Embedded
    from counterfoil.ops.tracing import Tracing

_STEP_WITHIN: Final = 15.0  # seconds


class Monitor:
    """The instruments, checks and probes of this process."""

    def __init__(self, probes: Listen, collector: str | None) -> None:
        """Answer probes from now on; `collector`: where traces go. Raises `BadSetting`, ModuleNotFoundError."""
        self.missing = "not everything is open yet"
        """What is not ready, until `started`."""
        self._started = False
        self.instruments = Instruments(_tracing(collector))
        self.health = Health()
        self.health.start("started", lambda: None if self._started else self.missing)
        self.probes = Probes(probes, pages(self.health, self.instruments))
        self.probes.start()

    def started(self) -> None:
        """Everything that this process serves has been started."""
        self._started = True

    def work(self, worker: Worker) -> None:
        """Check a worker: it lives unless it has failed for good, and is ready while its steps succeed in time."""

        def steps() -> str | None:
            if worker.standstill is not None:
                return str(worker.standstill)
            if worker.succeeded is None:
                return "its first step is under way"
            silent = time.monotonic() - worker.succeeded
            return None if silent < _STEP_WITHIN else f"a step has taken {silent:.0f} s"

        self.health.live(worker.name, lambda: worker.failure or None)
        self.health.ready(f"{worker.name}-steps", steps)

    def consume(self, read: Callable[[], Mapping[tuple[str, str], Sample]]) -> Consumers:
        """Show and check the consumers of which `read` gives samples. Once per process."""
        consumers = Consumers(read)
        self.health.ready("consumers", consumers.check)
        self.instruments.show_consumers(consumers.look)
        return consumers

    def close(self) -> None:
        """Release the probes' address, and send the traces that are queued. Idempotent."""
        self.probes.close()
        self.instruments.close()


def _tracing(collector: str | None) -> Tracing | None:
    if not collector:
        return None
    from counterfoil.ops.tracing import Tracing, to_collector

    return Tracing(to_collector(collector))


def watch_embedded(monitor: Monitor, system: Embedded) -> None:
    """Check and show the embedded form under the names of the distributed one; once, after `Embedded.start`."""
    health, instruments, now = monitor.health, monitor.instruments, system.clock.now()
    for log, runner in system.runners.items():
        instruments.loaded(log, runner.tree.size, runner.folded)
        instruments.published(log, runner.published_size, now)
        instruments.active(log, True)
        health.ready(f"{log.name}-publication", partial(_trouble, runner))
        health.ready(f"{log.name}-clock", runner.timekeeper.waits)
    for worker in system.workers:
        monitor.work(worker)
    health.ready("views-catching-up", lambda: system.projector.catching_up or None)
    instruments.show_waiting(system.receipts.waiting)
    monitor.consume(lambda: _samples(system))
    monitor.started()


def _trouble(runner: Runner) -> str | None:
    trouble = runner.publication_trouble
    return None if trouble is None else str(trouble)


def _samples(system: Embedded) -> dict[tuple[str, str], Sample]:
    """How far each consumer has read each source; those are left out that stand still for a known reason."""
    now, waiting = time.monotonic(), system.waiting()
    return {
        (consumer, source): Sample(now, position, end, now)
        for consumer, progress in system.progress().items()
        if consumer not in waiting
        for source, (position, end) in progress.items()
    }
