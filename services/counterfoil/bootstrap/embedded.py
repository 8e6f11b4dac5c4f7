"""The one place where ports meet implementations: the embedded form, every service in one process on SQLite."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from threading import Event
from typing import Any, Final, cast

from counterfoil.catalogue import CATALOGUE, DECIDERS, SUBSCRIPTIONS, VIEWS
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.times import SECOND
from counterfoil.contract.topics import commands_topic, entries_topic
from counterfoil.errors import ServiceStopped
from counterfoil.gateway.backend import Backend
from counterfoil.instance import Instance
from counterfoil.log.signer import Signer
from counterfoil.ports import (
    COMMANDS_SOURCE,
    Clock,
    Inbox,
    LogStore,
    SnapshotStore,
    StoreConflict,
    Synchronous,
    Unavailable,
)
from counterfoil.runtime.clock_guard import LONGEST_OUTAGE, ClockGuard
from counterfoil.runtime.os_errors import classified
from counterfoil.runtime.projector import Projector
from counterfoil.runtime.receipts import Answer, Deliver, Receipts, Source
from counterfoil.runtime.runner import Log, Runner
from counterfoil.runtime.signatures import Signatures
from counterfoil.runtime.standstill import Standstill
from counterfoil.runtime.telemetry import NOTHING, Telemetry
from counterfoil.runtime.worker import Worker
from counterfoil.settings import GATEWAY
from counterfoil.settings import VIEWS as VIEWS_USER
from counterfoil.storage.log_directory import LogDirectory
from counterfoil.storage.log_store import open_log_store
from counterfoil.storage.session_store import open_session_store
from counterfoil.storage.snapshot_store import open_snapshot_store
from counterfoil.storage.view_store import open_view_store
from counterfoil.storage.webhook_store import open_webhook_store
from counterfoil.transport.buffers import BufferedInbox
from counterfoil.transport.embedded import EmbeddedTransport

log = logging.getLogger("counterfoil.embedded")

_COLLECT: Final = (50_000, 50, 100)  # few reference cycles; collecting less often saves a tenth of the time
_GATHER: Final = 0.01  # seconds between two transactions of the views, unless they are behind
_GATHERED: Final = 256  # entries in one transaction that show the views to be behind
_IDLE: Final = 0.2  # seconds a worker waits for work before it looks at the clock again


def resolve(answers: list[tuple[Any, Answer]]) -> None:
    """Deliver answers to waiters that are futures."""
    for waiter, answer in answers:
        if isinstance(waiter, Future) and waiter.set_running_or_notify_cancel():
            waiter.set_result(answer)


class Embedded:
    """All services of an instance in this process.

    Either call `start` and let one thread per log do the work, or call `step` again and again: the same work, in
    one thread, in a fixed order, so that the same inputs give the same logs.
    """

    def __init__(
        self,
        instance: Instance,
        clock: Clock,
        *,
        synchronous: Synchronous = "FULL",
        deliver: Deliver = resolve,
        longest_outage: int = LONGEST_OUTAGE,
        telemetry: Telemetry = NOTHING,
    ) -> None:
        """Open and recover everything; `longest_outage` is in microseconds.

        Raises what `Runner.recover` raises, and storage errors.
        """
        gc.set_threshold(*_COLLECT)
        self.instance, self.clock = instance, clock
        self.transport = EmbeddedTransport(clock=clock)
        self.workers: list[Worker] = []
        """From `start` on: one per log, named after it, and those of the gateway and the views."""
        self._telemetry = telemetry
        self._longest_outage = longest_outage
        self._stopped, self._unanswered = Event(), Event()
        self.failure = ""
        with ExitStack() as opened:
            self._signatures = opened.enter_context(closing(Signatures()))
            self.views = opened.enter_context(closing(open_view_store(instance.views_database, VIEWS)))
            self.sessions = opened.enter_context(closing(open_session_store(instance.sessions_database)))
            self.webhooks = opened.enter_context(closing(open_webhook_store(instance.sessions_database)))
            self.stores: dict[LogId, LogStore] = {}
            self._snapshots: dict[LogId, SnapshotStore] = {}
            for log in instance.logs():
                store = open_log_store(instance.database(log), synchronous)
                self.stores[log] = opened.enter_context(closing(store))
                snapshots = open_snapshot_store(instance.snapshot_database(log))
                self._snapshots[log] = opened.enter_context(closing(snapshots))
            self._recover(deliver)
            self._opened: ExitStack | None = opened.pop_all()

    def _recover(self, deliver: Deliver) -> None:
        logs, genesis = [self._open(log) for log in self.instance.logs()], self.instance.genesis()
        self.runners = {log.id: self._runner(log, genesis) for log in logs}
        for runner in self.runners.values():
            runner.load()  # each log alone first, so that a fault in one is not reported as a fault of its consumers
        for log, runner in self.runners.items():
            with _only_writer(log):
                runner.join()
        followed = {
            log.origin: Source(log.store, log.published, log.signer.verify_key, log.store.head()) for log in logs
        }
        self.receipts = Receipts(self.transport, followed, deliver)
        tables = {log.origin: CATALOGUE[log.id.service].reducers for log in logs}
        self.projector = Projector(self.transport, self.views, tables)

    def _runner(self, log: Log, genesis: GenesisCause) -> Runner:
        guard = ClockGuard(self.clock, self._longest_outage)
        return Runner(log, self.transport, self.clock, genesis, self._signatures, self._telemetry, guard)

    def _open(self, log: LogId) -> Log:
        instance, store, service = self.instance, self.stores[log], log.service
        key = instance.log_key(log)
        directory = LogDirectory(instance.log_directory(log), instance.signer_directory(log), key.verify_key.vkey())
        head = store.head()
        origin = instance.origin(log)
        self.transport.register_log(origin, store.entries, head.size if head is not None else 0)
        sources = {source: instance.origins_of(source) for source in SUBSCRIPTIONS[service]}
        signer = Signer(key, directory.signer_memory())
        return Log(DECIDERS[service], origin, sources, store, self._snapshots[log], directory, signer)

    def backend(self) -> Backend:
        """The backend of a gateway over these services."""
        return Backend(
            receipts=self.receipts,
            transport=self.transport,
            views=self.views,
            definitions=VIEWS,
            positions=lambda: self.projector.positions,
            origins={log: self.instance.origin(log) for log in self.instance.logs()},
            stores=self.stores,
            snapshots=self._snapshots,
            sessions=self.sessions,
            webhooks=self.webhooks,
            log_directories={log: self.instance.log_directory(log) for log in self.instance.logs()},
            failure=lambda: self.failure,
            catching_up=lambda: self.projector.catching_up,
            standstill=self.standstill,
            waiting=self.waiting,
            now=self.clock.now,
            telemetry=self._telemetry,
            alone=True,
        )

    def standstill(self, log: LogId) -> Standstill | None:
        """Why a log decides nothing at the moment; None if it decides."""
        return self.runners[log].timekeeper.standstill or self._standstills().get(log.name)

    def waiting(self) -> dict[str, Standstill]:
        """What the parts of this process wait for, by the names of logs, of other workers, and of publications."""
        found = self._standstills()
        for log, runner in self.runners.items():
            if runner.timekeeper.standstill is not None:
                found[log.name] = runner.timekeeper.standstill
            if runner.publication_trouble is not None:
                found[f"{log.name} publication"] = runner.publication_trouble
        return found

    def _standstills(self) -> dict[str, Standstill]:
        return {each.name: each.standstill for each in self.workers if each.standstill is not None}

    def progress(self) -> dict[str, dict[str, tuple[int, int]]]:
        """By consumer and source: the next message to consume, and the end; with the names of the distributed form."""
        inboxes: dict[str, tuple[Inbox, LogId | None]] = {
            GATEWAY: (self.receipts.inbox, None),
            VIEWS_USER: (self.projector.inbox, None),
            **{log.name: (runner.inbox, log) for log, runner in self.runners.items()},
        }
        return {
            consumer: {
                self._topic(source, log): found for source, found in cast("BufferedInbox", inbox).progress().items()
            }
            for consumer, (inbox, log) in inboxes.items()
        }

    def _topic(self, source: str, consumer: LogId | None) -> str:
        commands = consumer if source == COMMANDS_SOURCE else None
        log = log_of(source) if commands is None else commands
        topic = entries_topic(log.service) if commands is None else commands_topic(log.service)
        partition = self.instance.logs_of(log.service).index(log)
        return f"{topic}/{partition}" if partition else topic

    # stepping -------------------------------------------------------------------------------------------------------

    def step(self) -> int:
        """One round: a batch of every log in order, then receipts, and if that was nothing, views.

        Returns how much was done. Views wait because they change as many rows in one large batch as in a small one.
        """
        done = sum(runner.step() for runner in self.runners.values()) + self.receipts.step()
        return done or self.projector.step()

    def settle(self) -> None:
        """Step until nothing is left to do."""
        while self.step():
            pass

    def submit(self, envelope: bytes) -> Future[Answer]:
        """Send a command; the future is its receipt or refusal. Raises `Refused`, `Overloaded`."""
        waiter: Future[Answer] = Future()
        self.receipts.submit(envelope, waiter)
        return waiter

    def seal(self) -> None:
        """Finish what is under way, commit to every state and publish everything.

        In this order: a log must not be published ahead of the logs that it consumed.
        """
        self.settle()
        for runner in self.runners.values():
            runner.seal()
        while self.receipts.step() + self.projector.step():
            pass

    # running --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let threads do the stepping."""
        self._signatures.beside = True
        for log, runner in self.runners.items():
            runner.publish_in_background()
            recover = _only_writer(log)(runner.recover)
            self._work(log.name, _only_writer(log)(self._paced(runner)), recover, partial(_wake, runner))
        self._work(GATEWAY, self._answer_again, lambda: None, self._unanswered.set)
        self._work(VIEWS_USER, self._project, self.projector.recover, partial(_wake, self.projector))
        for worker in self.workers:
            worker.start()

    def _paced(self, runner: Runner) -> Callable[[], object]:
        def step() -> object:
            due = runner.next_due()
            wait = _IDLE if due is None else min(_IDLE, max(0.0, (due - self.clock.now()) / SECOND))
            try:
                return runner.step(wait)
            finally:
                self._answer()

        return step

    def _project(self) -> None:
        """Leave some entries to gather: a transaction for each alone would keep the interpreter from the writers."""
        if 0 < self.projector.step(_IDLE) < _GATHERED:
            self._stopped.wait(_GATHER)

    def _answer(self) -> None:
        """On the writers' threads: waking another would cost more than the answers do. It may fail without them."""
        try:
            self.receipts.step()
        except Exception:  # noqa: BLE001 it fails again on the worker's thread, which says so, or it has passed
            self._unanswered.set()

    def _answer_again(self) -> None:
        self._unanswered.wait(_IDLE)
        self._unanswered.clear()
        self.receipts.step()

    def _work(
        self, name: str, step: Callable[[], object], recover: Callable[[], None], wake: Callable[[], None]
    ) -> None:
        worker = Worker(name, step, recover=recover, wake=wake, on_fatal=self._fail, telemetry=self._telemetry)
        self.workers.append(worker)

    def _fail(self, failure: str) -> None:
        self.failure = failure
        self._stopped.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a service failed for good; True if one did."""
        return self._stopped.wait(timeout)

    def _abandon(self) -> None:
        for runner in self.runners.values():
            runner.abandon()

    def close(self, *, seal: bool = True) -> None:
        """Stop the threads, publish what is committed and close the databases. Idempotent.

        A disk that fails meanwhile is logged: what is committed is published by the next start.
        """
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.stop()
        opened, self._opened = self._opened, None
        if opened is None:
            return
        with opened:
            try:
                self._abandon()  # the workers have stopped, so a failure here goes unreported; sealing publishes again
                if seal and not self.failure:
                    self.seal()
            except (Unavailable, OSError) as raised:
                problem = classified(raised)
                if not isinstance(problem, Unavailable):
                    raise problem from raised
                log.warning("not everything is published: %s", problem)
            finally:
                self._abandon()


@contextmanager
def _only_writer(log: LogId) -> Iterator[None]:
    """Says what to do where another process has written the log: in the embedded form none stands by."""
    try:
        yield
    except StoreConflict as problem:
        raise ServiceStopped(
            f"another process writes the log {log.name}, as if its `up.lock` had been removed: end one of the two, "
            f"then start again; nothing that was answered is lost ({problem})"
        ) from problem


def _wake(consumer: Runner | Projector) -> None:
    consumer.inbox.wake()  # asked for when it is needed: recovery replaces the inbox
