"""The gateway of the distributed form: it decides nothing, and may run in any number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from typing import Final, cast

from counterfoil.bootstrap.ownership import check_ownership
from counterfoil.catalogue import VIEWS
from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.gateway.backend import Backend
from counterfoil.instance import Instance
from counterfoil.ops.telemetry import Instruments
from counterfoil.ports import LogStore, Presence
from counterfoil.runtime.catching_up import catching_up
from counterfoil.runtime.clock import FileClock, open_clock
from counterfoil.runtime.receipts import Deliver, Receipts, Source
from counterfoil.runtime.standstill import Code, Standstill
from counterfoil.settings import GATEWAY, Settings
from counterfoil.storage.log_directory import PublishedDirectory
from counterfoil.storage.log_store import read_log_store_on
from counterfoil.storage.session_store import open_session_store_on
from counterfoil.storage.snapshot_store import read_snapshot_store_on
from counterfoil.storage.view_store import read_view_store_on
from counterfoil.storage.webhook_store import open_webhook_store_on
from counterfoil.transport.gateway import KafkaGateway
from counterfoil.transport.kafka import KafkaTransport

_IDLE: Final = 0.2  # seconds that a step waits for work


class Gateway:
    """The gateway's connections: follows every log and the replies, and sends commands."""

    def __init__(
        self,
        instance: Instance,
        settings: Settings,
        deliver: Deliver,
        instruments: Instruments,
        failure: Callable[[], str],
    ) -> None:
        """Connect to everything. Raises `Unavailable`, storage errors."""
        self.name, self._failure, self._instruments = GATEWAY, failure, instruments
        self._instance = instance
        self._presences: Mapping[LogId, Presence | None] = {}
        self._catching_up = ""
        database, access = settings.database_access(GATEWAY), settings.kafka_access(GATEWAY)
        with ExitStack() as opened:
            self.stores: dict[LogId, LogStore] = {
                log: opened.enter_context(closing(read_log_store_on(database, log))) for log in instance.logs()
            }
            self.snapshots = {
                log: opened.enter_context(closing(read_snapshot_store_on(database, log))) for log in instance.logs()
            }
            self.views = opened.enter_context(closing(read_view_store_on(database, VIEWS)))
            self._clock = open_clock(settings.clock)
            if isinstance(self._clock, FileClock):
                opened.callback(self._clock.close)
            self.sessions = opened.enter_context(closing(open_session_store_on(database)))
            self.webhooks = opened.enter_context(closing(open_webhook_store_on(database)))
            dead_letter = partial(instruments.dead_letter, GATEWAY)
            self.transport = KafkaTransport(access, GATEWAY, MAIN, instance.verify_keys(), dead_letter, instance.logs())
            opened.callback(self.transport.close)
            self.hub = opened.enter_context(closing(KafkaGateway(self.transport, access)))
            self.receipts = self._follow(deliver)
            self._opened = opened.pop_all()

    def _follow(self, deliver: Deliver) -> Receipts:
        sources = {}
        for log, store in self.stores.items():
            origin, key, head = self._instance.origin(log), self._instance.verify_key(log), store.head()
            check_ownership(head, key)
            self.hub.register_log(origin, store.entries, head.size if head is not None else 0)
            published = PublishedDirectory(self._instance.log_directory(log))
            sources[origin] = Source(store, published, key, head)
        self.hub.open()
        return Receipts(self.hub, sources, deliver)

    @property
    def active(self) -> bool:
        """A gateway is always active: it needs no lease."""
        return True

    def step(self) -> None:
        """Take in new entries, checkpoints and replies, and answer the senders that wait for them."""
        self.hub.step(_IDLE)
        self.receipts.step()

    def recover(self) -> None:
        """Resume from what was taken in."""
        self.hub.recover()

    def wake(self) -> None:
        """The worker is stopping: end every wait for entries or Kafka."""
        self.transport.give_up()
        self.hub.inbox.wake()

    def ping(self) -> None:
        """Ask the database what the writers say of themselves, and how far the views are. Raises storage errors."""
        self._catching_up = catching_up(self.views.progress(), self._origins())
        self._presences = {log: store.presence() for log, store in self.stores.items()}

    def _standstill(self, log: LogId) -> Standstill | None:
        """As its writer said some two seconds ago."""
        presence = self._presences.get(log)
        return None if presence is None or not presence.code else Standstill(cast("Code", presence.code), presence.text)

    def _waiting(self) -> dict[str, Standstill]:
        return {log.name: reason for log in self.stores if (reason := self._standstill(log)) is not None}

    def backend(self) -> Backend:
        """The backend of the HTTP application."""
        return Backend(
            receipts=self.receipts,
            transport=self.hub,
            views=self.views,
            definitions=VIEWS,
            positions=self._positions,
            origins={log: self._instance.origin(log) for log in self._instance.logs()},
            stores=self.stores,
            snapshots=self.snapshots,
            sessions=self.sessions,
            webhooks=self.webhooks,
            log_directories={log: self._instance.log_directory(log) for log in self._instance.logs()},
            failure=self._failure,
            standstill=self._standstill,
            catching_up=lambda: self._catching_up,
            waiting=self._waiting,
            now=self._clock.now,
            telemetry=self._instruments,
        )

    def _positions(self) -> Mapping[str, int]:
        known = self.views.progress()
        return {origin: known[origin].position if origin in known else 0 for origin in self._origins()}

    def _origins(self) -> list[str]:
        return [self._instance.origin(log) for log in self._instance.logs()]

    def close(self) -> None:
        """Release everything. The workers have stopped."""
        self._opened.close()
