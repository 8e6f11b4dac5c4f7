"""The supervised writer of one log: a standby until it holds the lease, then the only one that appends."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from itertools import chain
from typing import Final

from counterfoil.bootstrap.lease_keeper import LeaseKeeper
from counterfoil.bootstrap.ownership import check_ownership
from counterfoil.catalogue import DECIDERS, SUBSCRIPTIONS
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.instance import Instance
from counterfoil.log.keys import VerifyKey
from counterfoil.log.signer import Signer
from counterfoil.ops.telemetry import Instruments
from counterfoil.ports import Clock, LogStore, SnapshotStore, StoreConflict, Unavailable
from counterfoil.runtime.clock_guard import ClockGuard
from counterfoil.runtime.runner import Log, Runner
from counterfoil.runtime.signatures import Signatures
from counterfoil.runtime.standstill import Standstill
from counterfoil.settings import Settings
from counterfoil.storage.log_directory import LogDirectory
from counterfoil.storage.log_store import open_log_store_on
from counterfoil.storage.schemas import schema_of
from counterfoil.storage.snapshot_store import open_snapshot_store_on
from counterfoil.transport.kafka import KafkaTransport

_IDLE: Final = 0.2  # seconds that a step waits for work before it looks at the clock again
_STAND_BY: Final = 0.5  # seconds that a step waits for the lease

log = logging.getLogger("counterfoil.service")


class Writer:
    """A runner with its store, transport and publisher: created when the lease is won, dropped when another has it.

    After a failure it is a standby with its state still in memory: if no other process wins the lease meanwhile and the
    committed head is the one that the state belongs to, nothing is loaded again.

    Only the worker's thread may call `step` and `recover`; any thread may call the rest.
    """

    def __init__(
        self,
        id_: LogId,
        instance: Instance,
        clock: Clock,
        settings: Settings,
        signatures: Signatures,
        instruments: Instruments,
    ) -> None:
        """Connects to nothing before the first step, except Kafka's clients, which retry until they are connected."""
        self.id, self.name = id_, id_.name
        self._instance, self._clock, self._signatures = instance, clock, signatures
        self._instruments = instruments
        user = id_.service
        self._database = settings.database_access(user)
        self._key = instance.log_key(id_)
        self.sources = {source: instance.origins_of(source) for source in SUBSCRIPTIONS[user]}
        access, dead_letter = settings.kafka_access(user), partial(instruments.dead_letter, user)
        self.transport = KafkaTransport(access, user, id_.shard, self._keys(), dead_letter, instance.logs())
        self._lease = LeaseKeeper(self._database, schema_of(id_))
        self._store: LogStore | None = None
        self._snapshots: SnapshotStore | None = None
        self._runner: Runner | None = None
        self._active = False
        self._longest_outage = settings.longest_outage * HOUR
        instruments.active(id_, False)

    def _keys(self) -> Mapping[str, VerifyKey]:
        wanted = {self._instance.origin(self.id), *chain.from_iterable(self.sources.values())}
        return {origin: key for origin, key in self._instance.verify_keys().items() if origin in wanted}

    @property
    def active(self) -> bool:
        """Whether it holds the lease and writes."""
        return self._active

    def publication_trouble(self) -> str | None:
        """Why the log could not be published last; None if it could, or while this is a standby."""
        runner = self._runner if self._active else None
        return str(trouble) if runner is not None and (trouble := runner.publication_trouble) is not None else None

    @property
    def standstill(self) -> Standstill | None:
        """Why it decides nothing although it is active."""
        runner = self._runner
        return runner.timekeeper.standstill if runner is not None and self._active else None

    def waits(self) -> str | None:
        """What it waits for while it is active, as a check: see `Timekeeper.waits`."""
        runner = self._runner
        return runner.timekeeper.waits() if runner is not None and self._active else None

    def step(self) -> None:
        """Run one batch, or try to win the lease. Raises as a runner; `Unavailable` once another has taken over."""
        runner = self._runner
        if runner is None or not self._active:
            if self._lease.win(_STAND_BY):
                self._activate()
            else:
                self._drop()
            return
        try:
            self._lease.check()
            runner.step(self._wait(runner))
        except StoreConflict as problem:
            raise Unavailable(f"{self.name}: another process has taken over: {problem}") from problem

    def _wait(self, runner: Runner) -> float:
        due = runner.next_due()
        return _IDLE if due is None else min(_IDLE, max(0.0, (due - self._clock.now()) / SECOND))

    def _activate(self) -> None:
        """Load the log, if its state is not in memory, and start writing: the path that every start takes."""
        self.transport.reach()
        log.info("%s: lease won", self.name)
        runner = self._runner = self._runner or self._make()
        folded = runner.folded
        try:
            runner.recover()
        except StoreConflict as problem:
            raise Unavailable(f"{self.name}: another process has taken over: {problem}") from problem
        self._active = True
        self._instruments.loaded(self.id, runner.tree.size, runner.folded - folded)
        self._instruments.published(self.id, runner.published_size, self._clock.now())
        self._instruments.active(self.id, True)
        log.info("%s: active, %d entries, %d folded", self.name, runner.tree.size, runner.folded - folded)

    def _make(self) -> Runner:
        self._drop()
        instance, key = self._instance, self._key
        self._store = open_log_store_on(self._database, self.id)
        self._snapshots = open_snapshot_store_on(self._database, self.id)
        check_ownership(self._store.head(), key.verify_key)
        directory = LogDirectory(
            instance.log_directory(self.id), instance.signer_directory(self.id), key.verify_key.vkey()
        )
        signer = Signer(key, directory.signer_memory())
        decider, origin = DECIDERS[self.id.service], instance.origin(self.id)
        own = Log(decider, origin, self.sources, self._store, self._snapshots, directory, signer)
        guard = ClockGuard(self._clock, self._longest_outage)  # a step of the clock while standing by is no writer's
        runner = Runner(
            own, self.transport, self._clock, instance.genesis(), self._signatures, self._instruments, guard
        )
        runner.publish_in_background()
        return runner

    def recover(self) -> None:
        """Become a standby: the next holder of the lease goes on."""
        self._active = False
        self._instruments.active(self.id, False)
        self.transport.close_inboxes()
        self._lease.release()

    def _drop(self) -> None:
        """Forget the state: another process writes the log."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.abandon()
        for store in (self._store, self._snapshots):
            if store is not None:
                store.close()
        self._store = self._snapshots = None

    def wake(self) -> None:
        """The worker is stopping: end every wait for work or Kafka."""
        self.transport.give_up()
        runner = self._runner
        if runner is not None and self._active:  # one that could not be loaded has no inbox
            runner.inbox.wake()

    def close(self) -> None:
        """Publish what is committed, release the lease, and close. The worker has stopped."""
        try:
            if self._runner is not None and self._active:
                self._runner.publish()
        except Exception as problem:  # noqa: BLE001 the next writer publishes it
            log.warning("%s: not everything is published: %r", self.name, problem)
        self.recover()
        self._drop()
        self._lease.close()
        self.transport.close()
