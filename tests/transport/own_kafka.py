"""A real Kafka of our own to stop, kill and refuse with, one for each process of a test run; no users, no rights."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from counterfoil.cluster.cluster import Cluster
from counterfoil.contract.topics import (
    CHECKPOINTS,
    REPLIES,
    commands_topic,
    dead_letters_topic,
    entries_topic,
)
from counterfoil.settings import KafkaAccess

WITHIN = 20.0
_numbers = count()

Headers = Sequence[tuple[str, bytes | None]]
Raw = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers."""


@dataclass(frozen=True)
class OwnKafka:
    """One broker. Every test has topics of its own: those of a service that nobody else has."""

    cluster: Cluster

    @property
    def access(self) -> KafkaAccess:
        """For any user."""
        return KafkaAccess(self.cluster.kafka, "counterfoil-tested")

    @cached_property
    def admin(self) -> AdminClient:
        """Without any rights to need."""
        return AdminClient({"bootstrap.servers": self.cluster.kafka, "topic.metadata.refresh.interval.ms": 500})

    def service(self) -> str:
        """A service that nobody else has, with its topics."""
        name = f"tested{next(_numbers)}"
        self.make(commands_topic(name), entries_topic(name), dead_letters_topic(name))
        return name

    def make(self, *names: str, **config: str) -> None:
        """Make topics; `config` with `_` for `.`."""
        settings = {name.replace("_", "."): value for name, value in config.items()}
        wanted, deadline = set(names), time.monotonic() + WITHIN
        while wanted:  # a topic that has just been deleted goes on to be there for a moment
            made = self.admin.create_topics([NewTopic(name, 1, 1, config=settings) for name in wanted])
            wanted -= {name for name, future in made.items() if future.exception(WITHIN) is None}
            assert time.monotonic() < deadline, f"cannot make {wanted}"

    def make_anew(self, *names: str) -> None:
        """Delete topics, and make them empty."""
        for future in self.admin.delete_topics(list(names)).values():
            future.result(WITHIN)
        self.make(*names)

    def write(self, topic: str, *records: Raw) -> None:
        """Put records on a topic."""
        problems: list[KafkaError | None] = []
        producer = Producer({"bootstrap.servers": self.cluster.kafka, "message.max.bytes": 2**21, "linger.ms": 0})
        for key, value, headers in records:
            given: Any = list(headers)
            producer.produce(topic, value, key, 0, lambda problem, _: problems.append(problem), headers=given)
        assert producer.flush(WITHIN) == 0
        assert problems == [None] * len(records)

    def read(self, topic: str) -> list[Raw]:
        """All records of a topic."""
        found: list[Raw] = []
        settings = {"bootstrap.servers": self.cluster.kafka, "group.id": "reader", "fetch.wait.max.ms": 10}
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

    def values(self, topic: str) -> list[bytes | None]:
        """The values of all records of a topic."""
        return [value for _, value, _ in self.read(topic)]


@cache
def own_kafka(directory: Path) -> OwnKafka:
    """It runs until the run is over, and goes with the directory."""
    cluster = Cluster(directory / secrets.token_hex(4))
    cluster.make(1)
    cluster.start_broker(1)
    made = OwnKafka(cluster)
    made.make(CHECKPOINTS, REPLIES)
    return made
