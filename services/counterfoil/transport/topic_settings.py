"""The topics on Kafka and the settings that each must have; a table that follows from the routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from counterfoil.contract.topics import MAX_MESSAGE_BYTES
from counterfoil.transport.dead_letter_headers import DEAD_HEADERS_BYTES
from counterfoil.transport.partitions import Partitions
from counterfoil.transport.routes import Kind, routes

REPLICAS: Final = 3
"""Of every topic; fewer if there are fewer brokers."""
MAX_DEAD_MESSAGE_BYTES: Final = MAX_MESSAGE_BYTES + DEAD_HEADERS_BYTES
"""`max.message.bytes` of the dead letters: any record of another topic fits, with its dead-letter headers."""

_MINUTE: Final = 60_000  # milliseconds
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MIB: Final = 2**20

_EVERY: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(MAX_MESSAGE_BYTES),
    # Kafka limits the size of a batch as it comes; decompressed, it could be larger than a dead letter may be.
    "compression.type": "uncompressed",
    "message.timestamp.type": "LogAppendTime",  # a writer's own time must not decide how long Kafka keeps its records
    "unclean.leader.election.enable": "false",
}
# Kafka deletes or compacts whole segments, never the one being written: so segments are short where that matters.
_OF: Final[Mapping[Kind, Mapping[str, str]]] = {
    "entries": {},
    "dead-letters": {"max.message.bytes": str(MAX_DEAD_MESSAGE_BYTES)},
    "commands": {"retention.ms": str(7 * _DAY), "segment.ms": str(_DAY)},
    "replies": {"retention.ms": str(_HOUR), "segment.ms": str(10 * _MINUTE), "segment.bytes": str(64 * _MIB)},
    "checkpoints": {"cleanup.policy": "compact", "segment.ms": str(_HOUR), "segment.bytes": str(16 * _MIB)},
}
TOPICS: Final[Mapping[str, Mapping[str, str]]] = {route.topic: {**_EVERY, **_OF[route.kind]} for route in routes()}
"""Every topic with its settings; `min.insync.replicas` is missing, as it follows from the number of replicas."""

_OWNER: Final = {route.topic: route.owner for route in routes() if route.kind in ("commands", "entries")}


def partition_count(topic: str, partitions: Partitions) -> int:
    """How many partitions a topic has: one for each shard, if it carries commands or entries; else one."""
    return partitions.count(_OWNER[topic]) if topic in _OWNER else 1
