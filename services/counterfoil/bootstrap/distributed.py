"""The distributed form: any of the services, the views and the gateway in this process, on Kafka and PostgreSQL.

The components are those of the embedded form behind other adapters. Each runs on its own thread and recovers without
help. They may be started in any order, on any machine that reaches Kafka, PostgreSQL and, for the published logs, the
instance's directory.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, cast

from counterfoil.bootstrap.embedded import resolve
from counterfoil.bootstrap.monitor import Monitor
from counterfoil.bootstrap.views import Views
from counterfoil.bootstrap.writer import Writer
from counterfoil.contract.log_id import parse_log
from counterfoil.instance import Instance
from counterfoil.ops.health import Background, Responsive
from counterfoil.ops.stuck import Sample
from counterfoil.ports import Clock, Unavailable
from counterfoil.runtime.backoff import Backoff
from counterfoil.runtime.os_errors import classified
from counterfoil.runtime.receipts import Deliver
from counterfoil.runtime.signatures import Signatures
from counterfoil.runtime.timekeeper import SILENCE
from counterfoil.runtime.worker import Worker
from counterfoil.settings import GATEWAY, Settings, parse_listen
from counterfoil.settings import VIEWS as VIEWS_USER

if TYPE_CHECKING:
    from counterfoil.bootstrap.gateway import Gateway

    Component = Writer | Views | Gateway

_COLLECT: Final = (50_000, 50, 100)  # the services create few reference cycles
_WATCH_EVERY: Final = 5.0  # seconds
_PING_EVERY: Final = 2.0
_BACKOFF: Final = Backoff(0.2, 5.0)
_CANCEL_CHECK: Final = 0.1  # seconds between checks for cancellation

log = logging.getLogger("counterfoil.distributed")


def component_names(instance: Instance) -> tuple[str, ...]:
    """The names of an instance's components: the short names of its logs, then ``views`` and ``gateway``."""
    return (*(log.name for log in instance.logs()), VIEWS_USER, GATEWAY)


class Distributed:
    """Runs components of an instance in this process and supervises them."""

    def __init__(
        self, instance: Instance, clock: Clock, settings: Settings, names: Sequence[str], deliver: Deliver = resolve
    ) -> None:
        """`names`: some of `component_names(instance)`. Answers probes from now on. Raises `BadSetting`."""
        self.instance, self.settings = instance, settings
        self._names, self._clock, self._deliver = names, clock, deliver
        self.failure = ""
        self.components: dict[str, Component] = {}
        self._workers: list[Worker] = []
        self._stopped, self._closing = Event(), Event()
        self._cancelled = False
        self._signatures = Signatures()
        self._signatures.beside = True
        self._monitor = Monitor(parse_listen(settings.probes), settings.otlp)
        self.instruments, self.health = self._monitor.instruments, self._monitor.health
        self.probes = self._monitor.probes
        self._watcher = Thread(target=self._watch, name="counterfoil-watch", daemon=True)
        self._pings: list[Background] = []

    def start(self) -> bool:
        """Connect and start one component after the other, however long that takes. False if cancelled meanwhile.

        The gateway comes last, because it needs tables that the views create. Raises `BadSetting`, `Unusable` and any
        other permanent error.
        """
        gc.set_threshold(*_COLLECT)
        self._consumers = self._monitor.consume(self._samples)  # not `live`: this process restarts stuck consumers
        self._watcher.start()
        for name in sorted(self._names, key=component_names(self.instance).index):
            component = self._connect_with_retry(name)
            if component is None:
                return False
            self.components = {**self.components, name: component}
            self._add_checks(name, component)
            self._run(name, component.step, component.recover, component.wake)
            if name == GATEWAY:
                self.instruments.show_waiting(self.gateway.receipts.waiting)
        self._monitor.started()
        return True

    def _connect_with_retry(self, name: str) -> Component | None:
        """Connect the component, with retries; None if starting was cancelled. Raises permanent errors."""
        for pause in _BACKOFF:
            if self._cancelled:
                break
            try:
                return self._make(name)
            except (Unavailable, OSError) as raised:
                problem = classified(raised)
                if not isinstance(problem, Unavailable):
                    raise problem from raised
                self._monitor.missing = f"{name}: not connected yet: {problem}"
                log.warning(self._monitor.missing)
                self._pause(pause)
        return None

    def _pause(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self._cancelled and time.monotonic() < ends:
            time.sleep(_CANCEL_CHECK)

    def _make(self, name: str) -> Component:
        if name == VIEWS_USER:
            return Views(self.instance, self.settings, self.instruments)
        if name == GATEWAY:
            from counterfoil.bootstrap.gateway import Gateway

            return Gateway(self.instance, self.settings, self._deliver, self.instruments, lambda: self.failure)
        return Writer(parse_log(name), self.instance, self._clock, self.settings, self._signatures, self.instruments)

    @property
    def gateway(self) -> Gateway:
        """The gateway; it must be one of the components."""
        return cast("Gateway", self.components[GATEWAY])

    def _run(self, name: str, step: Callable[[], None], recover: Callable[[], None], wake: Callable[[], None]) -> None:
        """Step a component on its own thread."""

        def checked_step() -> None:
            component = self.components.get(name)
            if component is not None and component.transport.failure is not None:
                raise component.transport.failure
            step()

        worker = Worker(name, checked_step, recover=recover, wake=wake, on_fatal=self._fail, telemetry=self.instruments)
        self._monitor.work(worker)
        self._workers.append(worker)
        worker.start()

    def _fail(self, failure: str) -> None:
        self.failure = failure
        self._stopped.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a component has failed for good; True if one has."""
        return self._stopped.wait(timeout)

    # watching -------------------------------------------------------------------------------------------------------

    def _add_checks(self, name: str, component: Component) -> None:
        def kafka() -> str | None:
            if component.transport.trouble:
                return component.transport.trouble
            silent = max((each.silent for each in component.transport.progress()), default=0.0)
            return None if silent <= SILENCE else f"Kafka has not answered for {silent:.0f} s"

        self.health.live(f"{name}-kafka-clients", Responsive(component.transport.soon))
        self.health.ready(f"{name}-kafka", kafka)
        self.health.fact(name, lambda: "active" if component.active else "standby")
        if isinstance(component, Views):
            self.health.ready(f"{name}-catching-up", component.catching_up)
        if isinstance(component, Writer):  # its lease asks its database every few seconds
            self.health.ready(f"{name}-publication", component.publication_trouble)
            self.health.ready(f"{name}-clock", component.waits)
        else:
            ping = Background(f"{name}-database", component.ping, every=_PING_EVERY)
            self.health.ready(f"{name}-database", ping)
            self._pings.append(ping)
            ping.start()

    def _samples(self) -> dict[tuple[str, str], Sample]:
        now = time.monotonic()
        return {
            (name, each.topic): Sample(now, each.position, each.end, now - each.silent, each.missing)
            for name, component in self.components.items()
            if component.active and not (isinstance(component, Writer) and component.standstill)
            for each in component.transport.progress()
        }

    def _watch(self) -> None:
        """Restart consumers that are stuck: some clients never reconnect to a restarted broker."""
        while not self._closing.wait(_WATCH_EVERY):
            try:
                for status in self._consumers.look():
                    if status.reason is not None:
                        log.error("%s from %s is stuck: %s", status.consumer, status.source, status.reason)
                        self.components[status.consumer].transport.restart(status.reason)
            except Exception as problem:  # noqa: BLE001 watching continues after any error
                log.warning("the consumers cannot be checked: %r", problem)

    def cancel(self) -> None:
        """Cancel the start; for signal handlers, which must not take a lock."""
        self._cancelled = True

    def close(self) -> None:
        """Stop the threads, publish what is committed and close everything. Idempotent."""
        self._closing.set()
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()
        for ping in self._pings:
            ping.close()
        components, self.components = self.components, {}
        for component in components.values():
            component.close()
        self._signatures.close()
        self._monitor.close()
