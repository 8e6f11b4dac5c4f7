"""Counterfoil's topics on Kafka: creating and configuring them, and finding what differs from `topic_settings`.

Topics are never deleted, and neither partitions nor replicas are changed: those are findings for an administrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from counterfoil.access import KafkaAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.transport.admin.client import (
    REQUEST_SECONDS,
    KafkaFailed,
    answer,
    connect,
    failed_with,
    reason,
    settled,
    until_led,
)
from counterfoil.transport.partitions import Partitions
from counterfoil.transport.topic_settings import REPLICAS, TOPICS, partition_count


@dataclass(frozen=True, slots=True)
class _Seen:
    """A topic as Kafka shows it; `replicas` is the smallest number of any partition."""

    partitions: int
    replicas: int
    settings: Mapping[str, str | None]


def apply(access: KafkaAccess, brokers: int | None = None, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """Create missing topics and set differing settings; returns the changes once Kafka shows them.

    `brokers`: how many brokers the cluster has when complete (None: as many as answer), at least 1. `logs`: of the
    instance, each with a partition of its service's topics. Raises `KafkaFailed`; if fewer answer, before anything
    is changed.
    """
    client = connect(access)
    there, seen = _observe(client)
    if brokers is not None and brokers > there:
        raise KafkaFailed(f"{there} of {brokers} brokers answer: start the others first; nothing was changed")
    made = _create(client, TOPICS.keys() - seen.keys(), min(REPLICAS, brokers or there), Partitions(logs))
    set_ = _set(client, {name: found for name, topic in seen.items() if (found := _differing(name, topic))})
    if made or set_:
        settled(lambda: not _mendable(client), "the topics")
    return [*made, *set_]


def check(access: KafkaAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """Topics that are missing, and settings and partitions that differ. Raises `KafkaFailed`."""
    brokers, seen = _observe(connect(access))
    partitions = Partitions(logs)
    findings = []
    for name in TOPICS:
        if name not in seen:
            findings.append(f"{name}: missing")
            continue
        topic = seen[name]
        if topic.partitions != (count := partition_count(name, partitions)):
            findings.append(f"{name}: {topic.partitions} partitions, must be {count}: one for each shard")
        if topic.replicas < min(REPLICAS, brokers):
            findings.append(
                f"{name}: {topic.replicas} replicas, must be {min(REPLICAS, brokers)}: reassign its partition"
            )
        findings += [
            f"{name}: {setting} is {topic.settings.get(setting)}, must be {value}"
            for setting, value in _differing(name, topic).items()
        ]
    return findings


def written(access: KafkaAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """The topics that have ever been written to; all of them must exist. Raises `KafkaFailed`."""
    client = connect(access)  # must live until its futures are done
    offsets: Any = OffsetSpec  # has no types
    partitions = Partitions(logs)
    places = [TopicPartition(name, at) for name in TOPICS for at in range(partition_count(name, partitions))]
    ends = {where: offsets.latest() for where in places}

    def ask() -> list[str]:
        asked = client.list_offsets(ends, request_timeout=REQUEST_SECONDS)
        return list(dict.fromkeys(where.topic for where, future in asked.items() if answer(future).offset > 0))

    return until_led(ask)


def _wanted(name: str, replicas: int) -> dict[str, str]:
    """A topic's settings. With two replicas, `min.insync.replicas` of 2 would stop writes when one broker stops."""
    return {**TOPICS[name], "min.insync.replicas": "2" if replicas >= REPLICAS else "1"}


def _differing(name: str, topic: _Seen) -> dict[str, str]:
    return {
        setting: value
        for setting, value in _wanted(name, topic.replicas).items()
        if topic.settings.get(setting) != value
    }


def _observe(client: AdminClient) -> tuple[int, dict[str, _Seen]]:
    """How many brokers answer, and Counterfoil's topics as Kafka shows them."""
    try:
        cluster = client.list_topics(timeout=REQUEST_SECONDS)
    except KafkaException as problem:
        raise KafkaFailed(f"Kafka refused: {reason(problem)}") from problem
    there = {name: cluster.topics[name] for name in TOPICS if name in cluster.topics}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in there]
    asked = client.describe_configs(resources, request_timeout=REQUEST_SECONDS) if resources else {}
    seen = {}
    for resource, future in asked.items():
        if failed_with(future, KafkaError.UNKNOWN_TOPIC_OR_PART):
            continue  # just created or deleted: not every broker knows yet
        partitions = there[resource.name].partitions.values()
        seen[resource.name] = _Seen(
            len(partitions),
            min((len(partition.replicas) for partition in partitions), default=0),
            {entry.name: entry.value for entry in answer(future).values()},
        )
    return len(cluster.brokers), seen


def _mendable(client: AdminClient) -> bool:
    _, seen = _observe(client)
    return len(seen) < len(TOPICS) or any(_differing(name, topic) for name, topic in seen.items())


def _create(client: AdminClient, names: Iterable[str], replicas: int, partitions: Partitions) -> list[str]:
    new = [
        NewTopic(name, partition_count(name, partitions), replicas, config=_wanted(name, replicas))
        for name in sorted(names)
    ]
    asked = client.create_topics(new, request_timeout=REQUEST_SECONDS) if new else {}
    made = []
    for name, future in asked.items():
        if failed_with(future, KafkaError.TOPIC_ALREADY_EXISTS):
            continue  # another administrator creates it at the same time
        answer(future)
        made.append(f"{name}: created with {replicas} replica{'s' if replicas > 1 else ''}")
    return made


def _set(client: AdminClient, differing: Mapping[str, Mapping[str, str]]) -> list[str]:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
                for setting, value in settings.items()
            ],
        )
        for name, settings in differing.items()
    ]
    asked = client.incremental_alter_configs(resources, request_timeout=REQUEST_SECONDS) if resources else {}
    for future in asked.values():
        answer(future)
    return [
        f"{name}: {setting} set to {value}" for name, found in differing.items() for setting, value in found.items()
    ]
