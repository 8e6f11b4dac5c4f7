"""The views of the distributed form: one process at a time projects them, others are standbys."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial
from typing import Final

from counterfoil.bootstrap.lease_keeper import LeaseKeeper
from counterfoil.catalogue import CATALOGUE, VIEWS
from counterfoil.contract.log_id import MAIN
from counterfoil.instance import Instance
from counterfoil.ops.telemetry import Instruments
from counterfoil.ports import StoreConflict, Unavailable, ViewStore
from counterfoil.runtime.projector import Projector
from counterfoil.settings import VIEWS as VIEWS_USER
from counterfoil.settings import Settings
from counterfoil.storage.view_store import open_view_store_on
from counterfoil.transport.kafka import KafkaTransport

_IDLE: Final = 0.2  # seconds that a step waits for work
_STAND_BY: Final = 0.5  # seconds that a step waits for the lease


class Views:
    """The projector, in the views' own schema; a second one is a standby."""

    def __init__(self, instance: Instance, settings: Settings, instruments: Instruments) -> None:
        """Nothing is connected before the first step."""
        self.name = VIEWS_USER
        self._database = settings.database_access(VIEWS_USER)
        self._tables = {instance.origin(log): CATALOGUE[log.service].reducers for log in instance.logs()}
        access, dead_letter = settings.kafka_access(VIEWS_USER), partial(instruments.dead_letter, VIEWS_USER)
        self.transport = KafkaTransport(access, VIEWS_USER, MAIN, instance.verify_keys(), dead_letter, instance.logs())
        self._lease = LeaseKeeper(self._database, VIEWS_USER)
        self._opened = ExitStack()
        self._store: ViewStore | None = None
        self._projector: Projector | None = None

    @property
    def active(self) -> bool:
        """Whether it holds the lease and projects."""
        return self._projector is not None

    def step(self) -> None:
        """Project a batch, if there is one. Raises what the stores and the transport raise."""
        if self._projector is None and not self._lease.win(_STAND_BY):
            return
        try:
            self._lease.check()
            self._active().step(_IDLE)
        except StoreConflict as problem:
            raise Unavailable(f"views: another process has taken over: {problem}") from problem

    def _active(self) -> Projector:
        if self._projector is None:
            self._store = self._opened.enter_context(closing(open_view_store_on(self._database, VIEWS)))
            self._projector = Projector(self.transport, self._store, self._tables)
        return self._projector

    def catching_up(self) -> str | None:
        """How far the views are while they catch up, else None: a check of readiness."""
        projector = self._projector
        return projector.catching_up or None if projector is not None else None

    def recover(self) -> None:
        """Resume from the positions that the views hold."""
        self._projector = self._store = None
        self.transport.close_inboxes()
        self._opened.close()
        self._lease.release()

    def ping(self) -> None:
        """Send the database a query, once it is in use. Raises storage errors."""
        store = self._store
        if store is not None:
            store.progress()  # not `positions`: that changes what the next apply compares

    def wake(self) -> None:
        """The worker is stopping: end every wait for entries or Kafka."""
        self.transport.give_up()
        if self._projector is not None:
            self._projector.inbox.wake()

    def close(self) -> None:
        """Release everything. The worker has stopped."""
        self.recover()
        self._lease.close()
        self.transport.close()
