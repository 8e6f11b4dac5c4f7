"""The distributed form: any of the services, the views and the gateway in this process, on Kafka and PostgreSQL.

The parts are those of the embedded form behind other adapters. Each works on a thread of its own and recovers by
itself. They may be started in any order, on any machine that reaches Kafka, PostgreSQL and, for the published logs, the
instance's directory.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Final, cast

from counterfoil.bootstrap.embedded import resolve
from counterfoil.bootstrap.gateway import Gateway
from counterfoil.bootstrap.views import Views
from counterfoil.bootstrap.writer import Writer
from counterfoil.contract.ensure import ensure
from counterfoil.contract.log_id import parse_log
from counterfoil.instance import Instance
from counterfoil.ops.health import Background, Consumers, Health, Responsive
from counterfoil.ops.probes import Probes, pages
from counterfoil.ops.stuck import Sample
from counterfoil.ops.telemetry import Instruments
from counterfoil.ops.tracing import Tracing, to_collector
from counterfoil.ports import Clock, Unavailable
from counterfoil.runtime.backoff import Backoff
from counterfoil.runtime.os_errors import judged
from counterfoil.runtime.receipts import Deliver
from counterfoil.runtime.worker import Worker
from counterfoil.settings import GATEWAY, Settings, parse_listen
from counterfoil.settings import VIEWS as VIEWS_USER

_COLLECT: Final = (50_000, 50, 100)  # few cycles are made
_WATCH_EVERY: Final = 5.0  # seconds
_WELL_WITHIN: Final = 15.0
_ANSWERS_WITHIN: Final = 5.0
_PING_EVERY: Final = 2.0
_BACKOFF: Final = Backoff(0.2, 5.0)
_LOOK: Final = 0.1  # seconds between looks whether to go on

Part = Writer | Views | Gateway

log = logging.getLogger("counterfoil.distributed")


def parts_of(instance: Instance) -> tuple[str, ...]:
    """What can be served of an instance: the short names of its logs, then the views and the gateway."""
    return (*(log.name for log in instance.logs()), VIEWS_USER, GATEWAY)


class Distributed:
    """Parts of an instance in this process, with a watch on them."""

    def __init__(
        self, instance: Instance, clock: Clock, settings: Settings, names: Sequence[str], deliver: Deliver = resolve
    ) -> None:
        """`names` of `parts_of` the instance. Probes are answered from here on. Raises `BadSetting`."""
        self.instance, self.settings = instance, settings
        self._names, self._clock, self._deliver = names, clock, deliver
        self.failure = ""
        self.parts: dict[str, Part] = {}
        self._workers: list[Worker] = []
        self._well: dict[str, float] = {}
        self._started, self._stopped, self._closing = Event(), Event(), Event()
        self._cancelled, self._lacking = False, "not everything is connected yet"
        self.instruments = Instruments(Tracing(to_collector(settings.otlp)) if settings.otlp else None)
        self._pool = ThreadPoolExecutor(2, "counterfoil-verify")
        self._consumers = Consumers(self._samples)
        self.health = Health()
        self.health.ready("started", lambda: None if self._started.is_set() else self._lacking)
        self.probes = Probes(parse_listen(settings.probes), pages(self.health, self.instruments))
        self.probes.start()
        self._watcher = Thread(target=self._watch, name="counterfoil-watch", daemon=True)
        self._pings: list[Background] = []

    def start(self) -> bool:
        """Connect one part after the other, however long that takes; each works at once. False if cancelled meanwhile.

        The gateway comes last, because it needs tables that the views make. Raises `BadSetting`, `Unusable` and any
        other error that waiting does not mend.
        """
        gc.set_threshold(*_COLLECT)
        self.health.ready("consumers", self._consumers.check)  # not `live`: this process restarts stuck consumers
        self.instruments.show_consumers(self._consumers.look)
        self._watcher.start()
        for name in sorted(self._names, key=parts_of(self.instance).index):
            part = self._patiently(name)
            if part is None:
                return False
            self.parts = {**self.parts, name: part}
            self._watch_over(name, part)
            self._work(name, part.step, part.recover, part.wake)
            if isinstance(part, Gateway):
                self.instruments.show_waiting(part.receipts.waiting)
                self._work("receipts", part.answer, part.receipts.recover, part.hub.wake)
        self._started.set()
        return True

    def _patiently(self, name: str) -> Part | None:
        """The part, once it can be made; None if starting was cancelled. Raises what waiting does not mend."""
        for pause in _BACKOFF:
            if self._cancelled:
                break
            try:
                return self._part(name)
            except (Unavailable, OSError) as raised:
                problem = judged(raised)
                if not isinstance(problem, Unavailable):
                    raise problem from raised
                self._lacking = f"{name}: not connected yet: {problem}"
                log.warning(self._lacking)
                self._pause(pause)
        return None

    def _pause(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self._cancelled and time.monotonic() < ends:
            time.sleep(_LOOK)

    def _part(self, name: str) -> Part:
        if name == VIEWS_USER:
            return Views(self.instance, self.settings, self.instruments)
        if name == GATEWAY:
            return Gateway(self.instance, self.settings, self._deliver, self.instruments, lambda: self.failure)
        return Writer(parse_log(name), self.instance, self._clock, self.settings, self._pool, self.instruments)

    @property
    def gateway(self) -> Gateway:
        """The gateway, if it is one of the parts."""
        part = self.parts[GATEWAY]
        ensure(isinstance(part, Gateway), "the part called gateway is one")
        return cast("Gateway", part)

    def _work(self, name: str, step: Callable[[], None], recover: Callable[[], None], wake: Callable[[], None]) -> None:
        """Step a part on a thread of its own; it is ready while its steps succeed within `_WELL_WITHIN` seconds."""

        def well() -> None:
            part = self.parts.get(name)
            if part is not None and part.transport.failure is not None:
                raise part.transport.failure
            step()
            self._well[name] = time.monotonic()

        def check() -> str | None:
            if worker.trouble or name not in self._well:
                return worker.trouble or "its first step is under way"
            silent = time.monotonic() - self._well[name]
            return None if silent < _WELL_WITHIN else f"a step has taken {silent:.0f} s"

        worker = Worker(name, well, recover=recover, wake=wake, on_fatal=self._fail, telemetry=self.instruments)
        self.health.live(name, lambda: worker.failure or None)
        self.health.ready(f"{name}-steps", check)
        self._workers.append(worker)
        worker.start()

    def _fail(self, failure: str) -> None:
        self.failure = failure
        self._stopped.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a part has failed for good; True if one has."""
        return self._stopped.wait(timeout)

    # watching -------------------------------------------------------------------------------------------------------

    def _watch_over(self, name: str, part: Part) -> None:
        def kafka() -> str | None:
            if part.transport.trouble:
                return part.transport.trouble
            silent = max((each.silent for each in part.transport.progress()), default=0.0)
            return None if silent < _ANSWERS_WITHIN else f"Kafka has not answered for {silent:.0f} s"

        self.health.live(f"{name}-kafka-clients", Responsive(part.transport.soon))
        self.health.ready(f"{name}-kafka", kafka)
        self.health.fact(name, lambda: "active" if part.active else "standby")
        if not isinstance(part, Writer):  # a writer's lease asks its database every few seconds
            ping = Background(f"{name}-database", part.ping, every=_PING_EVERY)
            self.health.ready(f"{name}-database", ping)
            self._pings.append(ping)
            ping.start()

    def _samples(self) -> dict[tuple[str, str], Sample]:
        now = time.monotonic()
        return {
            (name, each.topic): Sample(now, each.position, each.end, now - each.silent, each.missing)
            for name, part in self.parts.items()
            if part.active
            for each in part.transport.progress()
        }

    def _watch(self) -> None:
        """Restart consumers that are stuck: some clients never reconnect to a restarted broker by themselves."""
        while not self._closing.wait(_WATCH_EVERY):
            try:
                for judged in self._consumers.look():
                    if judged.reason is not None:
                        log.error("%s from %s is stuck: %s", judged.consumer, judged.source, judged.reason)
                        self.parts[judged.consumer].transport.restart(judged.reason)
            except Exception as problem:  # noqa: BLE001 watching goes on after any error
                log.warning("the consumers cannot be checked: %r", problem)

    def cancel(self) -> None:
        """Give up starting; for signal handlers, which must not take a lock."""
        self._cancelled = True

    def close(self) -> None:
        """Stop the threads, publish what is committed and close everything. Idempotent."""
        self._closing.set()
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()
        for ping in self._pings:
            ping.close()
        parts, self.parts = self.parts, {}
        for part in parts.values():
            part.close()
        self.probes.close()
        self._pool.shutdown()
        self.instruments.close()
