"""The transport over a real Apache Kafka keeps the port's promises."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from threading import Event, Thread

import pytest

from counterfoil.access import KafkaAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.ports import Delivery, Inbox, LogReader, Unavailable
from counterfoil.transport.gateway import KafkaGateway
from counterfoil.transport.kafka import KafkaTransport
from counterfoil.transport.subscription import KafkaInbox
from tests.conformance.kafka_topics import fresh_topics
from tests.conformance.transport import PATIENCE, SECOND, Both, Harness, TransportSuite
from tests.servers.fixture import NewCluster

LOGS = (*MAIN_LOGS, SECOND)


class Joined:
    """A service's transport and a gateway's, as the suite wants them: one. They are two users of Kafka."""

    def __init__(self, servers: str, logs: Mapping[str, tuple[LogReader, int]], harness: KafkaHarness) -> None:
        keys = {origin: log.key.verify_key for origin, log in harness.logs.items()}
        self.services = KafkaTransport(KafkaAccess(servers, "counterfoil-tested"), "matching", "main", keys, logs=LOGS)
        outside = KafkaAccess(servers, "counterfoil-gateway")
        self.outside = KafkaTransport(outside, "gateway", "main", keys, logs=LOGS)
        self.gateway = KafkaGateway(self.outside, outside, harness.inbox_capacity)
        for origin, (reader, size) in logs.items():
            self.gateway.register_log(origin, reader, size)
        self.gateway.open()
        self._stopping = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()
        self._stored, self._opened = harness.stored, 0
        self.open_inbox = self._open_inbox
        self.publish, self.announced = self.services.publish, self.services.announced
        self.silent = self.services.silent
        self.reply, self.set_aside = self.services.reply, self.services.set_aside
        self.send_command, self.checkpoints = self.gateway.send_command, self.gateway.checkpoints
        self.take_replies = self.gateway.take_replies

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self.gateway.step(0.05)
            except Unavailable:
                self.gateway.recover()

    def _open_inbox(
        self,
        consumer: str,
        commands: LogId | None,
        logs: Mapping[str, int],
        _resume: object = None,
        _wanted: object = None,
    ) -> Inbox:
        self._opened += 1
        name = f"{consumer}-{self._opened}" if commands is None else commands.name
        return Remembering(self.services.open_inbox(name, commands, logs, self._stored), self._stored)

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(PATIENCE)
        self.gateway.close()
        self.outside.close()
        self.services.close()


class Remembering:
    """An inbox whose consumer stores the offsets of the messages that it acknowledges."""

    def __init__(self, inbox: KafkaInbox, stored: dict[str, int]) -> None:
        self._inbox, self._stored = inbox, stored
        self._delivered: dict[tuple[str, int], Delivery] = {}
        self.rewind, self.wake = inbox.rewind, inbox.wake

    def buffered(self) -> int:
        """Messages that came and were not acknowledged."""
        return sum(len(feed.buffer.items) for feed in self._inbox._feeds)

    def poll(self, limit: int, timeout: float) -> list[Delivery]:
        got = self._inbox.poll(limit, timeout)
        self._delivered.update(((each.source, each.position), each) for each in got)
        return got

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        for source, position in positions.items():
            delivery = self._delivered.get((source, position - 1))
            if delivery is not None and delivery.resume:
                name, place = delivery.resume[0]
                if place >= self._stored.get(name, 0):
                    self._stored.update(delivery.resume)
        self._inbox.acknowledge(positions)


class KafkaHarness(Harness):
    """Fresh topics, and a process that is restarted by closing its clients."""

    inbox_capacity = 24
    window = 64
    quiet = 0.15

    def __init__(self, servers: str) -> None:
        self.servers, self.stored = servers, dict[str, int]()
        self.open: list[Joined] = []
        fresh_topics(servers)
        super().__init__()

    def start(self, logs: Mapping[str, tuple[LogReader, int]]) -> Both:
        while self.open:
            self.open.pop().close()
        self.open.append(Joined(self.servers, logs, self))
        return self.open[-1]

    def inform(self) -> None:
        """Wait until the gateway has looked again at how far the service is."""
        time.sleep(3 * 0.25)

    def arrived(self, inbox: Inbox, count: int) -> None:
        """Wait until so many messages are in the inbox's buffers."""
        assert isinstance(inbox, Remembering)
        deadline = time.monotonic() + PATIENCE
        while inbox.buffered() < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def close(self) -> None:
        while self.open:
            self.open.pop().close()


@pytest.fixture(scope="module")
def servers(new_cluster: NewCluster) -> Iterator[str]:
    """A Kafka for these tests alone: they recreate its topics for every test."""
    with new_cluster() as cluster:
        yield cluster.kafka


@pytest.fixture
def harness(servers: str) -> Iterator[Harness]:
    made = KafkaHarness(servers)
    yield made
    made.close()


@pytest.mark.xdist_group("servers")
class TestKafka(TransportSuite):
    """The suite, bound."""
