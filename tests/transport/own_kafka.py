"""A real Kafka of our own to stop, kill and refuse with, one for each process of a test run; no users, no rights."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
)

from counterfoil.access import KafkaAccess
from counterfoil.contract.topics import (
    CHECKPOINTS,
    REPLIES,
    commands_topic,
    dead_letters_topic,
    entries_topic,
)
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.transport.kafka import KafkaTransport
from tests.conformance.transport import Log

WITHIN = 20.0
_CHECKSUM = 17  # its place in a batch; it is of all that follows
_numbers = count()

Headers = Sequence[tuple[str, bytes | None]]
Raw = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers."""


@dataclass(frozen=True)
class OwnKafka:
    """One broker. Every test has topics of its own: those of a service that no other test uses."""

    cluster: Cluster

    @property
    def access(self) -> KafkaAccess:
        """For any user."""
        return KafkaAccess(self.cluster.kafka, "counterfoil-tested")

    @cached_property
    def admin(self) -> AdminClient:
        """Without any rights to need."""
        return AdminClient(
            {"bootstrap.servers": self.cluster.kafka, "topic.metadata.refresh.interval.ms": 500, "log_level": 0}
        )

    def service(self) -> str:
        """A service that no other test uses, with its topics."""
        name = f"tested{next(_numbers)}"
        self.make(commands_topic(name), entries_topic(name), dead_letters_topic(name))
        return name

    def make(self, *names: str, **config: str) -> None:
        """Make topics; `config` with `_` for `.`."""
        settings = {name.replace("_", "."): value for name, value in config.items()}
        wanted, deadline = set(names), time.monotonic() + WITHIN
        while wanted:  # a topic that was just deleted stays visible for a moment
            made = self.admin.create_topics([NewTopic(name, 1, 1, config=settings) for name in wanted])
            wanted -= {name for name, future in made.items() if future.exception(WITHIN) is None}
            assert time.monotonic() < deadline, f"cannot make {wanted}"

    def recreate(self, *names: str) -> None:
        """Delete topics, and make them empty."""
        for future in self.admin.delete_topics(list(names)).values():
            future.result(WITHIN)
        self.make(*names)

    def set(self, topic: str, **config: str | None) -> None:
        """Set a topic's settings, or with None back to what they are without; returns when Kafka shows it."""
        wanted = {name.replace("_", "."): value for name, value in config.items()}
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET if value else AlterConfigOpType.DELETE)
            for name, value in wanted.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(WITHIN)
        until(lambda: all(self._setting(topic, name) == wanted[name] for name in wanted), "the settings")
        time.sleep(0.2)  # what is shown is put into effect a moment later

    def _setting(self, topic: str, name: str) -> str | None:
        """What was set for a topic itself."""
        (future,) = self.admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
        entry = future.result(WITHIN)[name]
        own = ConfigSource(entry.source) == ConfigSource.DYNAMIC_TOPIC_CONFIG
        return str(entry.value) if own else None

    def drop(self, topic: str, before: int) -> None:
        """Delete a topic's records before an offset."""
        for future in self.admin.delete_records([TopicPartition(topic, 0, before)]).values():
            future.result(WITHIN)

    def committed(self, group: str, topic: str) -> int | None:
        """The offset that a group committed on a topic, None if it has not."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
        (future,) = self.admin.list_consumer_group_offsets([asked]).values()
        (found,) = future.result(WITHIN).topic_partitions
        return None if found.offset < 0 else int(found.offset)

    def write(self, topic: str, *records: Raw) -> None:
        """Put records on a topic."""
        problems: list[KafkaError | None] = []
        producer = Producer(
            {"bootstrap.servers": self.cluster.kafka, "message.max.bytes": 2**21, "linger.ms": 0, "log_level": 0}
        )
        for key, value, headers in records:
            given: Any = list(headers)
            producer.produce(topic, value, key, 0, lambda problem, _: problems.append(problem), headers=given)
        assert producer.flush(WITHIN) == 0
        assert problems == [None] * len(records)

    def write_unreadable(self, topic: str) -> None:
        """Put a record on a topic that has a header whose name is no UTF-8, as only a foreign client would."""

        async def write() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.cluster.kafka) as producer:
                batch = producer.create_batch()
                batch.append(timestamp=None, key=b"main", value=b"junk", headers=[("name", b"value")])
                built = batch._build()
                at = built.index(b"name")
                built[at : at + 4] = b"\xff\xfe\xfd\xfc"
                built[_CHECKSUM : _CHECKSUM + 4] = calc_crc32c(bytes(built[_CHECKSUM + 4 :])).to_bytes(4, "big")
                await (await producer.send_batch(batch, topic, partition=0))

        asyncio.run(write())

    def read(self, topic: str) -> list[Raw]:
        """All records of a topic."""
        found: list[Raw] = []
        settings = {
            "bootstrap.servers": self.cluster.kafka,
            "group.id": "reader",
            "fetch.wait.max.ms": 10,
            "log_level": 0,
        }
        with Consumer(settings) as consumer:
            where = TopicPartition(topic, 0, 0)
            begin, end = consumer.get_watermark_offsets(where, timeout=WITHIN)
            where.offset = begin
            consumer.assign([where])
            deadline = time.monotonic() + WITHIN
            while begin < end:
                assert time.monotonic() < deadline, f"{topic} does not go beyond {begin} of {end}"
                message = consumer.poll(0.5)
                if message is not None and message.error() is None:
                    headers: Any = message.headers() or []
                    found.append((message.key(), message.value(), headers))
                    begin = (message.offset() or 0) + 1
        return found

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The broker is suspended for the length of the block: its connections stay, and nothing answers."""
        self.cluster.kill_broker(1, signal.SIGSTOP)
        try:
            yield
        finally:
            self.cluster.kill_broker(1, signal.SIGCONT)

    @contextmanager
    def transport(self, name: str, *logs: Log) -> Iterator[KafkaTransport]:
        """A transport of the user `name`, who knows these logs."""
        keys = {log.origin: log.key.verify_key for log in logs}
        made = KafkaTransport(self.access, name, "main", keys)
        try:
            yield made
        finally:
            made.close()

    def values(self, topic: str) -> list[bytes | None]:
        """The values of all records of a topic."""
        return [value for _, value, _ in self.read(topic)]


def log_of(service: str) -> Log:
    """A log of a service that no other test uses."""
    return Log(f"example.test/{service}/main")


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.02)


@cache
def own_kafka(directory: Path) -> OwnKafka:
    """It runs until the run is over, and goes with the directory."""
    cluster = Cluster(directory / secrets.token_hex(4))
    cluster.make(1)
    cluster.start_broker(1)
    made = OwnKafka(cluster)
    made.make(CHECKPOINTS, REPLIES)
    return made
