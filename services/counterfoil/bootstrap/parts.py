"""The views and the gateway of the distributed form: they decide nothing, and may run in any number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from typing import Final

from counterfoil.bootstrap.heads import check_head
from counterfoil.bootstrap.holding import Holding
from counterfoil.catalogue import CATALOGUE, VIEWS
from counterfoil.contract.services import SERVICES
from counterfoil.gateway.backend import Backend
from counterfoil.instance import SHARD, Instance
from counterfoil.log.keys import VerifyKey
from counterfoil.ops.telemetry import Instruments
from counterfoil.ports import LogStore, StoreConflict, Unavailable, ViewStore
from counterfoil.runtime.projector import Projector
from counterfoil.runtime.receipts import Deliver, Receipts, Source
from counterfoil.settings import GATEWAY, Settings
from counterfoil.settings import VIEWS as VIEWS_USER
from counterfoil.storage.log_directory import PublishedDirectory
from counterfoil.storage.log_store import read_log_store_on
from counterfoil.storage.view_store import open_view_store_on, read_view_store_on
from counterfoil.transport.gateway import KafkaGateway
from counterfoil.transport.kafka import KafkaTransport

_IDLE: Final = 0.2  # seconds that a step waits for work
_STAND_BY: Final = 0.5  # seconds that a step waits for the lease


def verify_keys(instance: Instance) -> Mapping[str, VerifyKey]:
    """The public key of every log, by origin."""
    return {instance.origin(name): instance.verify_key(name) for name in SERVICES}


class Views:
    """The projector, in the views' own schema; a second one stands by."""

    def __init__(self, instance: Instance, settings: Settings, instruments: Instruments) -> None:
        """Nothing is connected before the first step."""
        self.name = VIEWS_USER
        self._database = settings.database_access(VIEWS_USER)
        self._tables = {instance.origin(name): CATALOGUE[name].reducers for name in SERVICES}
        access, buried = settings.kafka_access(VIEWS_USER), partial(instruments.dead_letter, VIEWS_USER)
        self.transport = KafkaTransport(access, VIEWS_USER, SHARD, verify_keys(instance), buried)
        self._holding = Holding(self._database, VIEWS_USER)
        self._opened = ExitStack()
        self._store: ViewStore | None = None
        self._projector: Projector | None = None

    @property
    def active(self) -> bool:
        """Whether it projects."""
        return self._projector is not None

    def step(self) -> None:
        """A batch, if there is any. Raises what the stores and the transport raise."""
        if self._projector is None:
            if not self._holding.win(_STAND_BY):
                return
            self._store = self._opened.enter_context(closing(open_view_store_on(self._database, VIEWS)))
            self._projector = Projector(self.transport, self._store, self._tables)
        try:
            self._holding.check()
            self._projector.step(_IDLE)
        except StoreConflict as problem:
            raise Unavailable(f"views: another instance has gone on: {problem}") from problem

    def recover(self) -> None:
        """Begin again from what the views hold."""
        self._projector = self._store = None
        self.transport.close_inboxes()
        self._opened.close()
        self._holding.release()

    def ping(self) -> None:
        """Ask the database something, once it is in use. Raises storage errors."""
        store = self._store
        if store is not None:
            store.page(VIEWS[0].name, {}, None, 1)  # asking for its positions would claim them anew

    def wake(self) -> None:
        """The worker is to end: wait neither for entries nor for Kafka."""
        self.transport.give_up()
        if self._projector is not None:
            self._projector.inbox.wake()

    def close(self) -> None:
        """The worker has stopped: let go of everything."""
        self.recover()
        self._holding.close()
        self.transport.close()


class Gateway:
    """What a gateway stands on: it follows every log and the replies, and sends commands."""

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
        database, access = settings.database_access(GATEWAY), settings.kafka_access(GATEWAY)
        with ExitStack() as opened:
            self.stores: dict[str, LogStore] = {
                name: opened.enter_context(closing(read_log_store_on(database, name))) for name in SERVICES
            }
            self.views = opened.enter_context(closing(read_view_store_on(database, VIEWS)))
            buried = partial(instruments.dead_letter, GATEWAY)
            self.transport = KafkaTransport(access, GATEWAY, SHARD, verify_keys(instance), buried)
            opened.callback(self.transport.close)
            self.hub = opened.enter_context(closing(KafkaGateway(self.transport, access)))
            self.receipts = self._follow(deliver)
            self._opened = opened.pop_all()

    def _follow(self, deliver: Deliver) -> Receipts:
        sources = {}
        for name, store in self.stores.items():
            origin, key, head = self._instance.origin(name), self._instance.verify_key(name), store.head()
            check_head(head, key)
            self.hub.register_log(origin, store.entries, head.size if head is not None else 0)
            published = PublishedDirectory(self._instance.log_directory(name))
            sources[origin] = Source(store, published, key, head)
        self.hub.open()
        return Receipts(self.hub, sources, deliver)

    @property
    def active(self) -> bool:
        """It follows from the beginning."""
        return True

    def step(self) -> None:
        """Take in what came."""
        self.hub.step(_IDLE)

    def recover(self) -> None:
        """Go on from what was taken in."""
        self.hub.recover()

    def wake(self) -> None:
        """The worker is to end: wait neither for entries nor for Kafka."""
        self.transport.give_up()
        self.hub.inbox.wake()

    def ping(self) -> None:
        """Ask the database something. Raises storage errors."""
        self.views.positions()

    def answer(self) -> None:
        """Answer whoever waits; for a thread of its own."""
        self.receipts.step(_IDLE)

    def backend(self) -> Backend:
        """For the application."""
        return Backend(
            receipts=self.receipts,
            transport=self.hub,
            views=self.views,
            definitions=VIEWS,
            positions=self._positions,
            origins={name: self._instance.origin(name) for name in SERVICES},
            stores=self.stores,
            log_directories={name: self._instance.log_directory(name) for name in SERVICES},
            failure=self._failure,
            telemetry=self._instruments,
        )

    def _positions(self) -> Mapping[str, int]:
        known = self.views.positions()
        return {origin: known.get(origin, 0) for origin in map(self._instance.origin, SERVICES)}

    def close(self) -> None:
        """The workers have stopped: let go of everything."""
        self._opened.close()
